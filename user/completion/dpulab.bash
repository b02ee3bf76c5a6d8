# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Completion for dpulab. It asks the binary for verbs, options, and what may stand
# next, so that no list is kept here.

_dpulab()
{
	local cur=${COMP_WORDS[COMP_CWORD]} word words=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t words < <("${COMP_WORDS[0]}" complete verbs 2>/dev/null; echo help)
	elif [ "${COMP_WORDS[1]}" = help ]; then
		mapfile -t words < <("${COMP_WORDS[0]}" complete verbs 2>/dev/null)
	elif [[ $cur == -* ]]; then
		mapfile -t words < <("${COMP_WORDS[0]}" complete options "${COMP_WORDS[1]}" 2>/dev/null)
	else
		mapfile -t words < <("${COMP_WORDS[0]}" complete -- next "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
	fi
	mapfile -t COMPREPLY < <(for word in "${words[@]}"; do
		case $word in
		@yaml) compgen -f -X '!*.yaml' -- "$cur"; compgen -d -- "$cur" ;;
		@file) compgen -f -- "$cur" ;;
		@command) compgen -c -- "$cur" ;;
		*) compgen -W "$word" -- "$cur" ;;
		esac
	done)
}
complete -o filenames -F _dpulab dpulab
