# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# image.sh - sourced by run.sh: builds the guest's initramfs. It is four cpio
# archives one after the other, which the kernel unpacks in order: the packages
# (made once), the kernel's modules (once for each kernel), the project as built,
# and the job.

# cpio archive of everything below a folder, owned by root.
image_pack() { # FOLDER ARCHIVE
	(cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$2.new" && mv "$2.new" "$2"
}

# An empty folder to copy into, laid out as the machine's root is (merged /usr).
image_stage() { # FOLDER
	local dir
	rm -rf "$1"
	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
}

# Copies files (absolute paths on stdin) below a folder; links become what they
# point to, so that a library is there under the name its users ask for.
image_copy() { # FOLDER
	sed 's,^/,,' | tar -C / -chf - --no-recursion -T - | tar -C "$1" -xf - --keep-directory-symlink
}

# Shared libraries of the programs and libraries listed on stdin.
image_libraries() {
	LC_ALL=C xargs -r grep -laP '\A\x7fELF' | xargs -r ldd 2>/dev/null | grep -o '[[:space:]]/[^ ]*' |
		tr -d '[:blank:]' | sort -u
}

image_package_files() {
	local file
	grep -v '^#' "$HERE/guest/packages.list" | xargs dpkg-query -L |
		grep -Ev '^/usr/share/(doc|man|info|locale|bash-completion|lintian|zsh)/' | sort -u |
		while read -r file; do
			[ -f "$file" ] && echo "$file"
		done
	echo /usr/bin/awk # an alternative, in no package
}

# The guest's programs. Made again when a list or a package of the machine changes.
image_base() { # ARCHIVE
	local stage=$OUT/stage.base
	[ -e "$1" ] && [ "$1" -nt /var/lib/dpkg/status ] && [ "$1" -nt "$HERE/guest/packages.list" ] &&
		[ "$1" -nt "$HERE/guest/init" ] && [ "$1" -nt "$HERE/image.sh" ] && return
	image_stage "$stage"
	mkdir -p "$stage"/{proc,sys,dev,run,tmp,root,etc,mnt,var/tmp}
	image_package_files >"$OUT/files"
	image_libraries <"$OUT/files" >"$OUT/libraries"
	sort -u "$OUT/files" "$OUT/libraries" | image_copy "$stage"
	install -m 755 "$HERE/guest/init" "$stage/init"
	echo "root:x:0:0:root:/root:/bin/bash" >"$stage/etc/passwd"
	echo "nobody:x:65534:65534:nobody:/:/bin/false" >>"$stage/etc/passwd"
	echo "tcpdump:x:102:102::/:/bin/false" >>"$stage/etc/passwd" # it becomes that user, or ends
	printf '%s\n' root:x:0: tcpdump:x:102: >"$stage/etc/group"
	cp /etc/protocols /etc/services "$stage/etc/" 2>/dev/null
	image_pack "$stage" "$1" && rm -rf "$stage"
}

# Modules of guest/modules.list and what they need, unpacked.
image_modules() { # KERNEL-FOLDER ARCHIVE
	local stage=$OUT/stage.modules release tree
	[ -e "$2" ] && [ "$2" -nt "$HERE/guest/modules.list" ] && return
	release=$(kernel_release "$1")
	tree=$1/lib/modules/$release
	image_stage "$stage"
	mkdir -p "$stage/usr/lib/modules/$release"
	image_module_files "$tree" | tar -C "$tree" -cf - -T - | tar -C "$stage/usr/lib/modules/$release" -xf -
	cp "$tree"/modules.{builtin,builtin.modinfo,order} "$stage/usr/lib/modules/$release/"
	find "$stage" -name '*.ko.xz' -exec xz -d {} +
	depmod -b "$stage" "$release" && image_pack "$stage" "$2" && rm -rf "$stage"
}

# Prints the files of the modules wanted and of all they depend on, below the tree.
image_module_files() { # TREE
	grep -v '^#' "$HERE/guest/modules.list" | awk '
		NR == FNR { want[++n] = "kernel/" $1; next }
		{
			file = $1
			sub(/:$/, "", file)
			for (i = 1; i <= n; i++)
				if (index(file, want[i]) == 1) {
					print file
					for (f = 2; f <= NF; f++)
						print $f
					break
				}
		}' - "$1/modules.dep" | sort -u
}

# The project as built, at /dpulab: what the tests need, without sources of the datapath.
image_project() { # ARCHIVE
	local stage=$OUT/stage.project
	image_stage "$stage"
	mkdir -p "$stage/dpulab"
	(
		cd "$HERE/.." || exit
		find build -path "$OUT_REL" -prune -o -type f \
			\( -name '*.bpf.o' -o -perm -u+x ! -name '*.so*' \) -print
		find tests vm-test user/share user/completion docs Makefile -type f 2>/dev/null
	) | tar -C "$HERE/.." -cf - -T - | tar -C "$stage/dpulab" -xf -
	find "$stage/dpulab/build" -type f -perm -u+x 2>/dev/null | image_libraries |
		grep -vxFf "$OUT/libraries" | image_copy "$stage"
	image_pack "$stage" "$1" && rm -rf "$stage"
}

# What init runs.
image_job() { # ARCHIVE COMMAND...
	local stage=$OUT/stage.job archive=$1
	shift
	rm -rf "$stage"
	mkdir -p "$stage"
	printf '%q ' "$@" >"$stage/job"
	image_pack "$stage" "$archive" && rm -rf "$stage"
}
