// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon says: on standard error, with the priority in front where journald reads it, or
 * to syslog. No key is ever said.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "had.h"

static bool syslogs, marks;
static int lowest = LOG_INFO;

/* @least: LOG_*; what is less urgent is not said */
void log_open(bool to_syslog, int least)
{
	lowest = least;
	syslogs = to_syslog;
	marks = getenv("JOURNAL_STREAM");
	if (syslogs)
		openlog("xfrm-had", LOG_PID, LOG_DAEMON);
	setvbuf(stderr, NULL, _IOLBF, 0);
}

void had_log(int priority, const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (priority > lowest)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (syslogs)
		syslog(priority, "%s", text);
	else if (marks)
		fprintf(stderr, "<%d>%s\n", priority, text);
	else
		fprintf(stderr, "xfrm-had: %s\n", text);
}
