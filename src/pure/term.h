/* SPDX-License-Identifier: GPL-2.0 */
/* Who may be active for a group: terms (invariant I4). Pure. */
#ifndef _XFRM_HA_TERM_H
#define _XFRM_HA_TERM_H

#include "pure/role.h"

enum xha_claim {		/* what the peer says of itself: enum xha_role_wire */
	XHA_CLAIM_STANDBY,
	XHA_CLAIM_ACTIVE,
	XHA_CLAIM_HANDOVER,
	XHA_CLAIM_REQUEST,
};

enum xha_term_verdict {
	XHA_TERM_KEEP,		/* nothing changes (the term may have to be adopted: *term) */
	XHA_TERM_TELL,		/* nothing changes, tell the peer how things are */
	XHA_TERM_STEP_DOWN,	/* hold and become standby */
	XHA_TERM_ACTIVATE,	/* become active with *term */
	XHA_TERM_RELEASE,	/* start to hand over */
};

/**
 * xha_term_verdict() - judge a peer's claim on a group
 * @role: own role
 * @term: own term; set to the one to keep from now on, never lowered
 * @node: own node id
 * @claim: what the peer claims
 * @peer_term: its term
 * @peer_node: its node id, not equal to @node
 */
enum xha_term_verdict xha_term_verdict(enum xha_role role, u32 *term, u32 node,
				       enum xha_claim claim, u32 peer_term, u32 peer_node);

#endif
