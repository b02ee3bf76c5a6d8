# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion for dpulab. It asks the binary for verbs, labs, nodes and options,
# so that no list is kept here.

_dpulab()
{
	local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words
	local ask="${COMP_WORDS[0]} complete"

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$($ask verbs 2>/dev/null)
	elif [[ $cur == -* ]]; then
		words=$($ask options "$verb" 2>/dev/null)
	else
		case $verb:$COMP_CWORD in
		fw:2) words=$($ask subs fw 2>/dev/null) ;;
		profile:2) words=$($ask subs profile 2>/dev/null) ;;
		profile:3)
			words=$($ask profiles 2>/dev/null)
			mapfile -t COMPREPLY < <(compgen -f -X '!*.yaml' -- "$cur"; compgen -W "$words" -- "$cur")
			return
			;;
		fw:*)
			if [ "${COMP_WORDS[2]}" = import ]; then
				[ "$COMP_CWORD" -eq 3 ] && words="classbench iptables kubernetes" || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				[ -n "$words" ] || return
			else
				mapfile -t COMPREPLY < <(compgen -f -X '!*.yaml' -- "$cur"; compgen -d -- "$cur")
				return
			fi
			;;
		up:2 | apply:2 | check:2)
			mapfile -t COMPREPLY < <(compgen -f -X '!*.yaml' -- "$cur"; compgen -d -- "$cur")
			return
			;;
		exec:3) words=$($ask nodes "${COMP_WORDS[2]}" 2>/dev/null) ;;
		exec:*)
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
			;;
		place:3) words=$($ask paths 2>/dev/null) ;;
		move:3 | move:4) words=$($ask nodes "${COMP_WORDS[2]}" 2>/dev/null) ;;
		drill:3) words="dpu-crash dpu-hang dpu-reboot pcie-freeze table-full slow-path-overload uplink-down agent-kill" ;;
		show:3) words="ports fdb bindings vteps flows rules connections placement pmd qos nioc intercept offload stats drops" ;;
		load:2 | unload:2) words=$(ls /sys/class/net 2>/dev/null) ;;
		*:2) words=$($ask labs 2>/dev/null) ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _dpulab dpulab
