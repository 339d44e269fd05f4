#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tree is clean by the kernel's measures: checkpatch --strict, sparse and
# W=1 for C, shellcheck for scripts, SPDX lines, files of a readable size.

. "$(dirname "$0")/lib/ktap.sh"
cd "$XFRM_HA_DIR" || exit

build=$(selftests/vm/kernel.sh uml) || bail "no kernel to build against"
source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$build/Makefile")

# Also what is not committed yet, but not what was deleted.
files() {
	git ls-files -co --exclude-standard "$@" | sort -u | while read -r f; do
		[ ! -f "$f" ] || echo "$f"
	done
}

# Out of tree there is a floor to check; X-macros leave arguments unused.
ignore=FILE_PATH_CHANGES,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_UNUSED
# What only the kernel has, or what a usage text can't heed.
user=$ignore,EMBEDDED_FUNCTION_NAME,SPLIT_STRING,STRCPY,PREFER_DEFINED_ATTRIBUTE_MACRO
user=$user,PREFER_FALLTHROUGH,ARRAY_SIZE,MACRO_ARG_REUSE,PREFER_KERNEL_TYPES,BIT_MACRO,VOLATILE
# The macros of a trace header follow a layout of their own.
traces=$ignore,PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE
# Macros that stand for definitions, in headers in front of others of the same name.
compat=$ignore,COMPLEX_MACRO,MACRO_WITH_FLOW_CONTROL,MACRO_ARG_PRECEDENCE,MACRO_ARG_REUSE,INCLUDE_LINUX
generated='-gen\.[ch]$|^include/uapi/'

# Prints what its input says, and fails if that is anything.
silent() {
	! sed 's/^/# /' | grep .
}

spdx() {
	files | grep -vE '^LICENSE$|\.(md|svg|png|pcap|json|gz|msg|patch)$' |
		xargs grep -L SPDX-License-Identifier | silent
}

shell() {
	files | while read -r f; do
		case $f in
		*.patch | *.c | *.h | *.py) continue ;;
		*.sh) echo "$f" ;;
		*) head -c 64 "$f" | head -n 1 | grep -qaE '^#!.*\b(ba|da)?sh$' && echo "$f" ;;
		esac
	done | xargs -r shellcheck -x -f gcc | silent
}

# What a library calls must be what it has there: a script takes over no name of what it reads in,
# unless it says whose it is.
names() {
	local f lib

	files '*.sh' | while read -r f; do
		grep -o '^\. .*/lib/[a-z]*\.sh"$' "$f" | grep -o '[a-z]*\.sh' | while read -r lib; do
			comm -12 <(functions "selftests/lib/$lib") <(functions "$f") |
				sed "s|.*|$f: & is a function of $lib|"
		done
	done | silent
}

functions() { # FILE
	grep -vF "ktap.sh's" "$1" | grep -oE '^[a-z_]+\(\)' | sort
}

# A function of the module that a text names is there, and in the file that the text says.
told() {
	local file line name where

	{
		files 'src/*' 'docs/*.rst' 'selftests/*' | xargs grep -ohE '\bxha_[a-z0-9_]+\(\)' | sort -u |
			comm -23 - <(files 'src/*.[ch]' | xargs sed -E 's,/\*.*\*/,,; \,^[[:space:]]*(/\*|\*),d' |
				grep -oE '\bxha_[a-z0-9_]+\(' | sed 's/$/)/' | sort -u)
		files 'src/*' 'selftests/*.pml' |
			xargs grep -noHE '\b[a-z0-9_]+\(\) in ([a-z]+/)?[a-z_]+\.[ch]\b' |
			while IFS=: read -r file line name; do
				where=${name##* in }
				files "src/$where" "src/*/$where" | xargs -r grep -qE "\b${name%%()*}\(" ||
					echo "$file:$line: $name"
			done
	} | silent
}

size() {
	files '*.c' '*.h' '*.sh' '*.py' | grep -vE -e "$generated" | xargs -r wc -l |
		awk '$1 > 1100 && $2 != "total" { print $2 ": " $1 " lines" }' | silent
}

checkpatch_ignoring() { # TYPES < FILES
	grep -vE -e "$generated" |
		xargs -r perl "$source/scripts/checkpatch.pl" --no-tree --strict \
			--terse --no-summary --show-types --quiet --ignore "$1" -f 2>&1
}

checkpatch() {
	{
		files 'src/*.[ch]' 'include/*.h' 'selftests/modules/*.[ch]' |
			grep -vE '^src/(control/trace.h$|compat/)' | checkpatch_ignoring "$ignore"
		files 'src/compat/*.h' | checkpatch_ignoring "$compat"
		echo src/control/trace.h | checkpatch_ignoring "$traces"
		files 'selftests/*.[ch]' 'tools/*.[ch]' | grep -v '^selftests/modules/' |
			checkpatch_ignoring "$user"
	} | silent
}

compile() {
	rm -rf build/style
	mkdir -p build/style
	# UML's sparse run lacks what its compiler predefines; only src/ counts.
	MODULE_OUT=$XFRM_HA_DIR/build/style selftests/vm/module.sh uml W=1 C=2 \
		CF=-D__CHECK_ENDIAN__ 2>&1 | sed "s|$XFRM_HA_DIR/build/style/||" | silent
}

# What each wing may know of the others: their one header, of those before it in the order pure, xfrm
# and link, ha, engine, control. Counters, trace points, dumps and the generated netlink header are
# leaves that anybody may include.
doors() {
	{
		door pure 'pure/[a-z]+'
		door xfrm 'pure/[a-z]+|xfrm/[a-z]+'
		door link 'pure/[a-z]+|link/[a-z]+'
		door ha 'pure/[a-z]+|xfrm/(xfrm|tap)|link/link|ha/[a-z]+'
		door engine 'pure/[a-z]+|xfrm/xfrm|ha/ha|engine/[a-z]+'
		door control 'pure/[a-z]+|xfrm/xfrm|link/link|ha/ha|engine/engine|control/[a-z-]+'
		files 'src/link/*.[ch]' | xargs grep -nHwE 'xha_(net|sa|group|mirror|event|item)[a-z_]*'
	} | silent
}

# What differs between kernels stands in src/compat: the rest reads as for the newest one.
versions() {
	local asks='\<(LINUX_VERSION_[A-Z]+|KERNEL_VERSION|RHEL_[A-Z_]+)\>|<linux/version\.h>'

	files 'src/*.[ch]' 'include/*.h' | grep -v '^src/compat/' | xargs grep -nHE "$asks" | silent
}

door() { # WING HEADERS: an expression for those that it may include
	files "src/$1/*.[ch]" | grep -v -- '-gen\.c$' | xargs grep -nHE '^#include "' |
		grep -vE "\"($2|control/(stats|stats_list|trace|dump|netlink-gen))\.h\""
}

python() {
	files '*.py' selftests/vm/run | while read -r f; do
		python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$f" 2>&1
	done | silent
}

places() { # texts stay free of the places where they were written
	files | xargs grep -nE '(^|[^[:alnum:]_.$}])/(work|root/|home/)' |
		grep -v '^selftests/style.sh:' | silent
}

check "SPDX in every file" spdx
check "shellcheck" shell
check "functions keep their meaning" names
check "functions that texts name are there" told
check "python parses" python
check "doors between wings are one-way" doors
check "no kernel's version outside compat" versions
check "no file beyond 1100 lines" size
check "no absolute paths of somebody's machine" places
check "checkpatch --strict" checkpatch
check "sparse and W=1" compile
ktap_finished
