/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon of this network namespace is asked on a socket. */
#ifndef XFRM_HA_ASK_H
#define XFRM_HA_ASK_H

#include <stdbool.h>
#include <sys/un.h>

#define ASK_FOLDER	"/run/xfrm-ha"

/*
 * A word and a newline are sent; what comes until the end is the answer.
 *
 *	conf	the configuration, as a file
 *	keep GROUP
 *		is to be taken by this node, and not to be given away for what is wrong here now:
 *		"kept", and a newline
 *	status	lines of fields with tabs between:
 *		daemon	NODE	FILE	1 if all of it was applied, else 0
 *		group	NAME	why its role is what it is	what is wrong, or nothing
 *		fence	GROUP	flows that are kept from leaving in clear	packets that were
 *
 *		relay	NODE of the peer, or nothing: there is none
 *		count	NAME	since the daemon started; of the relay, see docs/relay.rst
 *
 * Who reads ignores lines and fields that he does not know.
 */
bool ask_address(struct sockaddr_un *a);
char *ask(const char *word);	/* NULL: nobody answers */
char *ask_soon(const char *word);	/* likewise, after a second */

#endif
