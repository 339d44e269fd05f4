// SPDX-License-Identifier: GPL-2.0
/*
 * Who may be active for a group. Pure.
 *
 * own role    peer claims  peer's term      verdict
 * ----------  -----------  ---------------  -----------------------------------
 * active      active       higher           step down
 *             active       equal            the lower node id stays, the other steps down
 *             active       lower            tell
 *             handover     higher           step down (it went through another term)
 *             handover     else             tell
 *             standby      any              tell: it may be joining
 *             request      any              release
 * releasing   active       higher           step down
 *             active       else             tell
 *             others       any              keep
 * handed      active       higher or equal  step down: it has taken it
 *             active       lower            tell
 *             handover     any              both say "take it": the lower node id does
 *             others       any              tell: the word may have been lost
 * standby     active       any              keep
 *             handover     any              activate
 *             request      any              tell
 *             standby      any              keep
 * joining     active       any              step down: it carries the traffic
 *             handover     any              activate
 *             standby,     any              activate if own node id is the lower one,
 *             request                       else keep: the timer of the group decides
 *
 * The term that is kept is never lower than the highest heard, but for one
 * that stays active: it keeps its own, so that two that are active can tell.
 */

#include "pure/term.h"

static u32 above(u32 a, u32 b)
{
	u32 term = max_t(u32, a, b);

	return term == U32_MAX ? term : term + 1;
}

static enum xha_term_verdict when_active(u32 term, u32 node, enum xha_claim claim,
					 u32 peer_term, u32 peer_node)
{
	switch (claim) {
	case XHA_CLAIM_ACTIVE:
		if (peer_term > term || (peer_term == term && peer_node < node))
			return XHA_TERM_STEP_DOWN;
		return XHA_TERM_TELL;
	case XHA_CLAIM_HANDOVER:
		return peer_term > term ? XHA_TERM_STEP_DOWN : XHA_TERM_TELL;
	case XHA_CLAIM_REQUEST:
		return XHA_TERM_RELEASE;
	case XHA_CLAIM_STANDBY:
		break;
	}
	return XHA_TERM_TELL;
}

static enum xha_term_verdict when_releasing(u32 term, enum xha_claim claim, u32 peer_term)
{
	if (claim == XHA_CLAIM_ACTIVE)
		return peer_term > term ? XHA_TERM_STEP_DOWN : XHA_TERM_TELL;
	return XHA_TERM_KEEP;
}

static enum xha_term_verdict when_handed(u32 term, u32 node, enum xha_claim claim,
					 u32 peer_term, u32 peer_node)
{
	if (claim == XHA_CLAIM_ACTIVE)
		return peer_term >= term ? XHA_TERM_STEP_DOWN : XHA_TERM_TELL;
	if (claim == XHA_CLAIM_HANDOVER && node < peer_node)
		return XHA_TERM_ACTIVATE;
	return XHA_TERM_TELL;
}

static enum xha_term_verdict when_standby(enum xha_claim claim)
{
	if (claim == XHA_CLAIM_HANDOVER)
		return XHA_TERM_ACTIVATE;
	if (claim == XHA_CLAIM_REQUEST)
		return XHA_TERM_TELL;
	return XHA_TERM_KEEP;
}

static enum xha_term_verdict when_joining(u32 node, enum xha_claim claim, u32 peer_node)
{
	if (claim == XHA_CLAIM_ACTIVE)
		return XHA_TERM_STEP_DOWN;
	if (claim == XHA_CLAIM_HANDOVER || node < peer_node)
		return XHA_TERM_ACTIVATE;
	return XHA_TERM_KEEP;
}

enum xha_term_verdict xha_term_verdict(enum xha_role role, u32 *term, u32 node,
				       enum xha_claim claim, u32 peer_term, u32 peer_node)
{
	enum xha_term_verdict v = XHA_TERM_KEEP;

	switch (role) {
	case XHA_ROLE_ACTIVE:
		v = when_active(*term, node, claim, peer_term, peer_node);
		break;
	case XHA_ROLE_RELEASING:
		v = when_releasing(*term, claim, peer_term);
		break;
	case XHA_ROLE_HANDED:
		v = when_handed(*term, node, claim, peer_term, peer_node);
		break;
	case XHA_ROLE_STANDBY:
		v = when_standby(claim);
		break;
	case XHA_ROLE_JOINING:
		v = when_joining(node, claim, peer_node);
		break;
	}

	if (v == XHA_TERM_ACTIVATE)
		*term = above(*term, peer_term);
	else if (v == XHA_TERM_STEP_DOWN || role == XHA_ROLE_STANDBY || role == XHA_ROLE_JOINING)
		*term = max_t(u32, *term, peer_term);
	return v;
}
