# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What tests ask most often of the tool's JSON, an array of flat objects, without jq: that takes
# longer to start than most of what is tested takes, in an emulator ten times as long.

json_value() { # OBJECT KEY: sets REPLY, as "jq -r .KEY" would print it; fails where it can't tell
	local pattern="\"$2\":(\"[^\"]*\"|[^],}[]*)[],}]"

	REPLY=null
	if [[ $1 =~ $pattern ]]; then
		REPLY=${BASH_REMATCH[1]}
		[[ $REPLY != *\\* ]] || return
		REPLY=${REPLY#\"}
		REPLY=${REPLY%\"}
	else
		[[ $1 != *"\"$2\":"* ]]
	fi
}

json_get() { # OBJECT EXPRESSION: sets REPLY as "jq -r EXPRESSION"; in bash: .a, .a + .b, "\(.a) \(.b)"
	local rest=$2 out='' sum=0

	if [[ $rest =~ ^\.[a-z_0-9]+$ ]]; then
		json_value "$1" "${rest#.}" && return
	elif [[ $rest =~ ^\.[a-z_0-9]+(\ \+\ \.[a-z_0-9]+)+$ ]]; then
		for rest in ${rest//+/ }; do
			json_value "$1" "${rest#.}"
			[[ $REPLY =~ ^[0-9]+$ ]] || break
			sum=$((sum + REPLY))
		done
		[[ $REPLY =~ ^[0-9]+$ ]] && REPLY=$sum && return
	elif [[ $rest =~ ^\"([^\"\\]|\\\(\.[a-z_0-9]+\))*\"$ ]]; then
		rest=${rest#\"}
		rest=${rest%\"}
		while [[ $rest == *\\\(* ]]; do
			out+=${rest%%\\\(*}
			rest=${rest#*\\\(.}
			json_value "$1" "${rest%%)*}" || break
			out+=$REPLY
			rest=${rest#*)}
		done
		[[ $rest == *\\\(* ]] || { REPLY=$out$rest && return; }
	fi
	REPLY=$(jq -r "$2" <<<"$1")
}

json_first() { # JSON EXPRESSION: sets REPLY, of the first object; null if there is none
	local object=${1%%\}*}

	case $1 in
	"[{"*) json_get "${object#[}}" "$2" ;;
	"[]") REPLY=null ;;
	*) REPLY=; return 1 ;;
	esac
}

json_where() { # JSON KEY STRING EXPRESSION: sets REPLY, a line for each object that has this
	local rest=$1 mark="\"$2\":\"$3\"" object all=

	while [[ $rest == *"$mark"* ]]; do
		object=${rest%%"$mark"*}
		rest=${rest#*"$mark"}
		json_get "{${object##*\{}$mark${rest%%\}*}}" "$4"
		all+=${all:+$'\n'}$REPLY
		rest=${rest#*\}}
	done
	REPLY=$all
	[ -n "$all" ]
}

# What the tool shows, in REPLY. A command of bash does that (selftests/ask), where it was built.
enable -f "$XFRM_HA_DIR/selftests/ask/ask.so" ask 2>/dev/null ||
	ask() { # NAMESPACE OBJECT COMMAND...
		REPLY=$("$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha" -N "$1" -j "${@:2}")
	}

ask_first() { # EXPRESSION NAMESPACE OBJECT COMMAND...: sets REPLY
	ask "${@:2}"
	json_first "$REPLY" "$1"
}

ask_where() { # KEY STRING EXPRESSION NAMESPACE OBJECT COMMAND...: sets REPLY
	ask "${@:4}"
	json_where "$REPLY" "${@:1:3}"
}
