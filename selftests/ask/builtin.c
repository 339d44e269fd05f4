// SPDX-License-Identifier: GPL-2.0
/*
 * A command of bash, for what tests ask the tool most often:
 *
 *	enable -f .../ask.so ask
 *	ask NETNS sa show	# sets REPLY to what "xfrm-ha -N NETNS -j sa show" prints
 *
 * The tool's own code answers, in the shell itself: to start a process takes far longer than what
 * it would do. For tests only: what bash's licence says of it as a whole is another matter.
 */

#include <loadables.h>

#include "ask.h"

#define WORDS 16

static int run(WORD_LIST *list)
{
	char *argv[WORDS], *text = NULL;
	int argc = 0, status;

	for (; list && argc < WORDS; list = list->next)
		argv[argc++] = list->word->word;
	status = ask(argc, argv, &text);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	bind_variable("REPLY", text ? text : "", 0);
	free(text);
	return status;
}

static char *help[] = { "What xfrm-ha shows, as JSON, in REPLY.", NULL };

__attribute__((visibility("default"))) struct builtin ask_struct = {
	.name = "ask", .function = run, .flags = BUILTIN_ENABLED,
	.long_doc = help, .short_doc = "ask NETNS OBJECT COMMAND [ARG...]",
};
