# SPDX-License-Identifier: GPL-2.0
#
# The kernel's log without KCSAN's reports of races in which none of our modules has a part: the
# kernel has some of its own. A report stands between two lines of "=".

/========================================$/ && report == "" {
	report = $0
	next
}

/========================================$/ {
	if (report !~ /BUG: KCSAN/ || report ~ /BUG: KCSAN: [^\n]*\[(xfrm_ha|espnic)/)
		print report "\n" $0
	report = ""
	next
}

report == "" {
	print
	next
}

{
	report = report "\n" $0
}

END {
	if (report != "")
		print report
}
