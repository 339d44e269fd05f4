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

json_print() { # OBJECT EXPRESSION: as "jq -r EXPRESSION" does; in bash: .a, .a + .b, "\(.a) \(.b)"
	local rest=$2 out='' sum=0

	if [[ $rest =~ ^\.[a-z_0-9]+$ ]]; then
		json_value "$1" "${rest#.}" && echo "$REPLY" && return
	elif [[ $rest =~ ^\.[a-z_0-9]+(\ \+\ \.[a-z_0-9]+)+$ ]]; then
		for rest in ${rest//+/ }; do
			json_value "$1" "${rest#.}"
			[[ $REPLY =~ ^[0-9]+$ ]] || break
			sum=$((sum + REPLY))
		done
		[[ $REPLY =~ ^[0-9]+$ ]] && echo "$sum" && return
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
		[[ $rest == *\\\(* ]] || { echo "$out$rest" && return; }
	fi
	jq -r "$2" <<<"$1"
}

json_first() { # JSON EXPRESSION: of the first object; null if there is none
	local object=${1%%\}*}

	case $1 in
	"[{"*) json_print "${object#[}}" "$2" ;;
	"[]") echo null ;;
	esac
}

json_where() { # JSON KEY STRING EXPRESSION: of each object that has this
	local rest=$1 mark="\"$2\":\"$3\"" object

	while [[ $rest == *"$mark"* ]]; do
		object=${rest%%"$mark"*}
		rest=${rest#*"$mark"}
		json_print "{${object##*\{}$mark${rest%%\}*}}" "$4"
		rest=${rest#*\}}
	done
}
