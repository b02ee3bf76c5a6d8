/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "core/pkt.h"
#include "hook/env.h"
#include "maps.h"
#include <dpulab/fdb.h>
