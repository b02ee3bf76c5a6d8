# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# streams.sh - something done to lab $LAB under a stream of numbered datagrams, beside an equal stream in lab
# $CONTROL that is left alone. Source it after moves.sh; beside_control first, or PPS and CONTROL set by hand.

# So many datagrams a second (STREAM_PPS=n: others), or what an emulated CPU carries without loss: of 500 a ring takes half a second.
beside_control() { # PPS [PPS-EMULATED]
	PPS=$1
	emulated && PPS=${2:-500}
	PPS=${STREAM_PPS:-$PPS}
	CONTROL=${LAB}c
	at_exit "remove_lab $CONTROL"
}

# Both labs are up, of files lab.yaml and control.yaml.
two_labs() { # HOST-KEYS
	write_move_lab lab.yaml "$LAB" "$1"
	write_move_lab control.yaml "$CONTROL" "$1"
	run "$DPULAB" up lab.yaml
	run "$DPULAB" up control.yaml
}

word() { sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1"; } # FILE WORD: the number after it
has() { grep -q "$2" "$1"; }

# Frames web1's own device refused: they never came as far as the datapath.
refused() { # LAB
	in_lab "$1" web1 awk '$1 == "eth0:" {print $13}' /proc/net/dev
}

# Datagrams that came as far as web3's socket and found it full: the sink was not run in time.
unread() { # LAB
	in_lab "$1" web3 awk '$1 == "Udp:" && $6 ~ /^[0-9]+$/ {print $6}' /proc/net/snmp
}

start_stream() { # LAB PORT
	in_lab "$1" web3 "$STREAM" sink "$2" >"sink.$1" &
	wait_for 10 has "sink.$1" ready
	in_lab "$1" web1 "$STREAM" send 10.1.0.13 "$2" "$PPS" stop >"send.$1" &
}

# Runs the command while both streams flow; sets lost and lost_control.
under_stream() { # PORT CMD...
	local before before_control unread unread_control
	rm -f sink.* send.* stop
	before=$(refused "$LAB")
	before_control=$(refused "$CONTROL")
	unread=$(unread "$LAB")
	unread_control=$(unread "$CONTROL")
	drops_of "$LAB" >drops.before
	start_stream "$CONTROL" "$1"
	start_stream "$LAB" "$1"
	wait_for 10 has "send.$LAB" "under way"
	"${@:2}" || fail "${*:2}: exit status $?"
	touch stop
	wait_for 60 has "sink.$LAB" received
	wait_for 60 has "sink.$CONTROL" received
	wait_for 10 has "send.$LAB" "^sent" # its last datagrams count, too
	wait_for 10 has "send.$CONTROL" "^sent"
	lost=$(($(word "sink.$LAB" lost) - $(refused "$LAB") + before - $(unread "$LAB") + unread))
	lost_control=$(($(word "sink.$CONTROL" lost) - $(refused "$CONTROL") + before_control -
		$(unread "$CONTROL") + unread_control))
	[ "$lost" = 0 ] || { drops_of "$LAB" | diff drops.before - | grep '^>'; }
}

apply() { "$DPULAB" apply "$1" >applied; }

# A command that costs the stream nothing. A round in which the machine lost frames of the control as well says nothing, and
# is repeated once lab file $again is in force.
port=5000
loses_nothing() { # WHAT CMD...
	local void=0 what=$1
	shift
	while :; do
		port=$((port + 1))
		under_stream $port "$@"
		echo "$what: lost $lost (control $lost_control), $(tail -n 1 "sink.$LAB")"
		[ "$lost" != 0 ] || return 0
		[ "$lost_control" != 0 ] || fail "$what lost $lost frames, its control none"
		void=$((void + 1))
		[ "$void" -le 10 ] || fail "$what: $void rounds say nothing: machine too busy"
		run "$DPULAB" apply "$again"
	done
}
