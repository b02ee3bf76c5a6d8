/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* never TC_ACT_OK */
verdict_drop(p, DPU_REASON_DROP_VLAN);
