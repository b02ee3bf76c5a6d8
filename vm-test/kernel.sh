# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# kernel.sh - sourced by run.sh: gets a kernel of kernels.list through apt and
# unpacks it below $OUT. Nothing is installed on the machine.

# Prints the meta package of a kernel by its name in kernels.list.
kernel_meta() { # NAME
	awk -v name="$1" '$1 == name { print $2 }' "$HERE/kernels.list"
}

kernel_names() {
	grep -v '^#' "$HERE/kernels.list" | cut -f 1
}

# Prints the package that a meta package stands for today, e.g. linux-image-6.1.0-44-cloud-amd64.
kernel_package() { # META
	apt-cache depends --important "$1" 2>/dev/null |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

kernel_refresh_lists() {
	[ "$(id -u)" = 0 ] && apt-get update -qq >/dev/null 2>&1
}

# apt-get download refuses lists that are older than the archive: refresh once.
kernel_download() { # PACKAGE
	local attempt
	for attempt in 1 2; do
		(cd "$OUT/deb" && apt-get download -qq -o APT::Sandbox::User=root "$1") >"$OUT/apt.log" 2>&1 && return
		[ "$attempt" = 2 ] || kernel_refresh_lists || return
	done
	return 1
}

# Makes $OUT/kernel/PACKAGE/{boot,lib}; sets KERNEL to that folder.
# Returns 77 and sets REASON when the kernel cannot be had.
kernel_get() { # NAME
	local meta package unpacked
	meta=$(kernel_meta "$1")
	package=$(kernel_package "$meta")
	[ -n "$package" ] || { kernel_refresh_lists && package=$(kernel_package "$meta"); }
	[ -n "$package" ] || { REASON="apt knows no package $meta"; return 77; }
	KERNEL=$OUT/kernel/$package
	[ -d "$KERNEL" ] && return 0

	mkdir -p "$OUT/deb" "$OUT/kernel"
	kernel_download "$package" || { REASON="$package cannot be downloaded: $(tail -n 1 "$OUT/apt.log")"; return 77; }
	unpacked=$OUT/kernel/.unpacking
	rm -rf "$unpacked"
	dpkg-deb -x "$OUT/deb/${package}"_*.deb "$unpacked" &&
		depmod -b "$unpacked" "$(kernel_release "$unpacked")" &&
		mv "$unpacked" "$KERNEL" && rm -f "$OUT/deb/${package}"_*.deb
}

kernel_release() { # FOLDER
	basename "$1"/lib/modules/*
}
