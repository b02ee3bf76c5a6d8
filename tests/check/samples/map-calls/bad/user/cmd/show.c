/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
bpf_map_lookup_elem(fd, &key, &value);
