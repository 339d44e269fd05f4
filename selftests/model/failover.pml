/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two nodes, one SA, outbound: roles, terms, leases, stripes, switchover, takeover.
 *
 * Checked: invariants I1 (no number twice, by whom ever), I3 (never backwards but by FINAL)
 * and I4 (of two that are active and have heard each other one steps down).
 * Names are those of the code; at each transition stands what it models.
 * selftests/model/run checks all scenarios (bounds, below) and all mutants.
 *
 * A stripe is one number. Who has lost its peer goes on alone (solo), in its own share.
 * What is meant to be (role, under the group's lock) and what is done with the SA (place, under
 * x->lock) are steps apart: between them anything may happen. Leases are granted, and numbers
 * told, by place.
 *
 * The link loses, repeats and reorders. A frame is either heard at once, or
 * kept on the way (of kinds in LATE), and then heard any number of times, at any time, or never.
 * A cut link is one on which nothing is heard for a while: it needs no state of
 * its own, nor does a peer that is noticed late. Frames of another session are
 * ignored by their receiver (link.c, frames.c): what is on the way to a node goes
 * when its session ends, so session numbers need not be stored.
 *
 * Assumption: knowledge is not lost on both sides. A node crashes only if the other
 * one has been in sync since its own start; alone or not. No protocol can cure the rest.
 *
 * A rule that is broken on purpose, so that the check must fail:
 * MUT_SAME_STRIPE: both have the same share. MUT_WRONG_OWNER: a node that has forgotten takes its
 * default share, not the one it is given. MUT_EARLY: who has split its share leaves it as far as
 * its lease goes. MUT_UNSURE: so does one that does not know what the peer has used. MUT_NO_SPLIT:
 * a new incarnation gets what the old one had, MUT_GIVE_TWICE: two get the same half.
 * MUT_NOBODY: who goes on in its default share without having heard of the peer takes the next
 * peer for the first. MUT_GUESS: a node that has forgotten begins before it is told.
 * MUT_UNDONE: acknowledged without effect. MUT_BY_ROLE: a lease is granted because of the role,
 * and written later. MUT_FLOOR_STAYS: what is free of stripes stays so after an exact number was
 * told. MUT_TELL_PREPARED: an exact number is told as soon as it is to be prepared. MUT_FINAL_BEGIN: an
 * exact number is a handover. MUT_ANY_TENURE: it counts for a HANDOVER of another tenure.
 * MUT_OWE_UNTOLD: a release makes an SA without a share run.
 * OLD_ACK: a node where the SA runs grants leases. OLD_EXACT: a deposed node grants leases
 * before it has told what it used. Others: MUT_NO_ACK, _NO_TERM, _NO_BIRTH, _NO_GEN, _GRANT_LATE.
 *
 * With stripes, these were not shown to be needed within the bounds any more, and are kept: that
 * SYNCED is not said by a node above its lease (OLD_SOLO), that only a standby in sync takes over
 * by itself (OLD_SYNCED), never one that has handed over (OLD_HANDED), or before the peer has said
 * what it is (OLD_KNOWN); OLD_FINAL, OLD_TOLD; mine; that a HANDOVER of an older term is ignored.
 * (Without stripes each but the last two was needed.)
 *
 * Left out: more than one message a direction that is late at a time; several SAs; inbound
 * numbers (I2); relaxed sync; on-peer-loss hold, which sends less than solo; stripes that
 * are longer than a number, and their ends; an SA that is deleted and comes again;
 * progress, but for the COVER_... states.
 */

#ifndef NUMBERS
#define NUMBERS		6	/* a node that has used the last one stops */
#endif
#ifndef QUANTITY
#define QUANTITY	2	/* xha_quantity() */
#endif
#ifndef GRANT
#define GRANT		2	/* XHA_LEASE_GRANT */
#endif
#ifndef BIRTH
#define BIRTH		1	/* XHA_LEASE_BIRTH */
#endif
#ifndef CRASHES
#define CRASHES		0	/* how often a node may crash */
#endif
#ifndef LOSSES
#define LOSSES		0	/* how often a node may give up a session that its peer still has */
#endif
#ifndef SPLITS
#define SPLITS		3	/* a share is split no further */
#endif
#ifndef LATE
#define LATE		0	/* bit k: messages of kind k may be late */
#endif
#ifndef FIRST
#define FIRST		0	/* the node that is active at first */
#endif
#ifndef SWITCHES
#define SWITCHES	0	/* how often release, request or takeover --force may be called */
#endif

/* enum xha_role */
#define STANDBY		0
#define JOINING		1
#define ACTIVE		2
#define RELEASING	3
#define HANDED		4

/* enum xha_claim */
#define CLAIM_STANDBY	0
#define CLAIM_ACTIVE	1
#define CLAIM_HANDOVER	2
#define CLAIM_REQUEST	3

/* enum xha_term_verdict */
#define KEEP		0	/* and TELL: a node may tell at any time here */
#define STEP_DOWN	1
#define ACTIVATE	2
#define RELEASE		3

/* Messages. 0: none. Fields: kind, then claim and term, or number, gen and flags. */
#define GROUP		1
#define RECORD		2	/* XHA_MSG_OUT or XHA_MSG_ANNOUNCE */
#define ACK		3	/* of a record; it names what the record said */
#define SYNCED		4
#define SYNCED_ACK	5
#define KIND(m)		((m) & 7)
#define MAY_BE_LATE(m)	(LATE >> KIND(m) & 1)
#define GROUP_MSG(c, t)	(GROUP | (c) << 3 | (t) << 5)
#define CLAIM_OF(m)	((m) >> 3 & 3)
#define TERM_OF(m)	((m) >> 5)
#define RECORD_MSG(v, g) (RECORD | (v) << 3 | (g) << 7)
#define VALUE_OF(m)	((m) >> 3 & 15)
#define GEN_OF(m)	((m) >> 7 & 3)
#define FINAL		512	/* XHA_REC_F_FINAL; bits 11 to 14: the term it was said in */
#define OVERTAKEN	1024	/* a record of a newer frame was heard: number < newest */
#define HELD		1024	/* of an ACK: the receiver holds this number, and no more */
#define TENURE_OF(m)	((m) >> 11 & 15)
#define FULL		(1 << 15) /* the sender accounts for the receiver, or has no memory */
#define MEMORY		(1 << 16) /* the sender has a share: SPLIT_OF, REST_OF */
#define ASKS		(1 << 17) /* for a lease: does not say what was used */
#define INC_OF(m)	((m) >> 18 & 7)
#define SPLIT_OF(m)	((m) >> 21 & 3)
#define REST_OF(m)	((m) >> 23 & 7)

/* What an SA is on a node, under x->lock, as against role[], what it is meant to be */
#define HOLDING		0
#define RUNS		1
#define OWES		2	/* held, and its exact number is being told */

#define SOMEBODY	7	/* an incarnation of the peer of which nothing is known */

#define MAX(a, b)	((a) > (b) -> (a) : (b))

#ifdef OLD_EXACT
#define SAID(n)		true
#else
#define SAID(n)		(!exact[n])
#endif
#ifdef OLD_KNOWN
#define KNOWN(n)	true
#else
#define KNOWN(n)	(peer_known[n])
#endif
#ifdef OLD_FINAL
#define SAME_TENURE(n, m) true
#else
#define SAME_TENURE(n, m) (TENURE_OF(m) && TENURE_OF(m) >= term[n])
#endif
#ifdef OLD_TOLD
#define HOLDS(n)	(oseq[n])
#else
#define HOLDS(n)	(told[n] -> oseq[n] : MAX(oseq[n], BIRTH))
#endif
#ifdef MUT_NO_GEN
#define COUNTS(n, m)	true
#else
#define COUNTS(n, m)	(GEN_OF(m) == gen[n])
#endif
#ifdef OLD_SOLO
#define MAY_SYNC(n)	true
#else
#define MAY_SYNC(n)	(!solo[n])
#endif
#ifdef MUT_UNSURE
#define SURE(n)		true
#else
#define SURE(n)		(sure[n])
#endif
#ifdef MUT_EARLY
#define WHOLE(n)	(split[n] != 0)
#else
#define WHOLE(n)	(split[n] == 1)
#endif
#ifdef MUT_GUESS
#define TOLD(n)		true
#else
#define TOLD(n)		(split[n] || !fresh[n])
#endif
#ifdef MUT_OWE_UNTOLD
#define RELEASABLE(n)	(told[n])
#else
#define RELEASABLE(n)	(told[n] && split[n])
#endif
#ifdef MUT_FINAL_BEGIN
#define HANDED_ON(n)	(final[n])
#elif defined(MUT_ANY_TENURE)
#define HANDED_ON(n)	(handed[n] && final[n])
#else
#define HANDED_ON(n)	(handed[n] && final[n] == handed[n])
#endif
#ifdef MUT_SAME_STRIPE
#define DEFAULT(n)	0
#else
#define DEFAULT(n)	(n)
#endif

/*
 * give() in role.c: the user has to prepare it first, where a group says so. The term stays what
 * it is: xha_term_verdict() raises none of who is active.
 */
#ifdef PREPARE
#define GIVE(n)		preparing[n] = true
#else
#define GIVE(n)		role[n] = RELEASING
#endif

#define END(v, q)	((v) + (q) > NUMBERS -> NUMBERS : (v) + (q))	/* xha_ask() in lease.c */
#define SENDS(n)	(role[n] == ACTIVE || role[n] == RELEASING)	/* xha_group_sends() */
#define CLAIM(n)	(SENDS(n) -> CLAIM_ACTIVE : \
			 (role[n] == HANDED -> CLAIM_HANDOVER : CLAIM_STANDBY))

#define OWN(n, v)	(split[n] && ((v) & ((1 << split[n]) - 1)) == rest[n])
#define MAY(n, v)	((v) <= floor[n] || OWN(n, v))
#define SHARES(n, p)	((inc_of[n] == inc[p] || !inc_of[n] -> FULL : 0) | \
			 (split[n] -> MEMORY : 0) | inc[n] << 18 | split[n] << 21 | rest[n] << 23)

byte role[2], term[2];		/* struct xha_group: intent */
byte handed[2];			/* role became ACTIVE by a HANDOVER said in this term; 0: not */
bool preparing[2];		/* to be handed over, as soon as all is prepared for that */
bool peer_known[2];		/* the peer has said in this session what it is */
bool carried[2];		/* peer_role is ACTIVE or HANDOVER */
bool synced[2];			/* in sync with the peer in this session: XHA_LINK_UP */
bool knows[2];			/* ghost: was so at any time since it started */

byte place[2];			/* struct xha_sa, struct xfrm_state */
bool solo[2];			/* runs, and no lease binds it */
byte oseq[2], lease[2], floor[2], gen[2];
bool written[2];		/* oseq is what was written last: x->replay.oseq == sa->written */
bool told[2];
byte final[2];			/* oseq is exact, said in this term; 0: it is not */
bool exact[2];			/* XHA_PLACE_OWING: deposed, must tell what it has used */
byte mine[2];			/* held: highest number that it has used itself */
byte out[2];			/* struct xha_twin: highest told while it runs */

byte inc[2];			/* incarnation of the node's memory of the SA */
byte inc_of[2];			/* of the peer that is accounted for; 0: none */
byte split[2], rest[2];		/* own share: v mod 2^split == rest; split 0: none */
bool sure[2];			/* in this session the peer has told what it used */
bool fresh[2];			/* the node has started anew and was told nothing since */

bool session[2];		/* this node has one */
bool same;			/* both have the same one */
bool known[2];			/* an announcement was acknowledged in it */
bool synced_rx[2];		/* SYNCED was heard in it */
bool synced_tx[2];		/* that this node said so was acknowledged in it */

int way[2];			/* on the way to node n, late: one at a time */
int used;			/* ghost: bit n, number n was on the wire */
byte crashes, losses, switches;
#ifdef MUT_BY_ROLE
int pending[2];			/* a record that is not refused, and not written yet */
#endif

/* xha_apply_oseq() in apply.c. I3: only FINAL brings a number back. */
inline write_oseq(n, v, back)
{
	assert(back || v >= oseq[n]);
	oseq[n] = v
}

/* A record of the peer into a held SA: write_out() in place.c */
inline apply_out(n, v, exactly)
{
	told[n] = true;
	final[n] = 0;
	if
	:: exactly && (v >= oseq[n] || (written[n] && v >= mine[n])) ->
		write_oseq(n, v, true);
		written[n] = true;
		final[n] = exactly
	:: else ->
		if
		:: v > oseq[n] ->
			write_oseq(n, v, false);
			written[n] = true
		:: else
		fi
	fi
}

inline apply_told(n)
{
	if
	:: out[n] > oseq[n] -> apply_out(n, out[n], 0)
	:: else
	fi;
	out[n] = 0
}

/* Without any agreement, from now on somebody may be in the other share. */
inline own_default(n)
{
	if
	:: !split[n] -> split[n] = 1; rest[n] = DEFAULT(n)
	:: else
	fi;
#ifndef MUT_NOBODY
	if
	:: !inc_of[n] -> inc_of[n] = SOMEBODY
	:: else
	fi
#endif
}

/* What the peer gives: the other half of what was its own. */
inline take(n, m)
{
#ifdef MUT_WRONG_OWNER
	split[n] = 1;
	rest[n] = DEFAULT(n);
#else
	split[n] = SPLIT_OF(m);
#ifdef MUT_SAME_STRIPE
	rest[n] = REST_OF(m);
#else
	rest[n] = REST_OF(m) ^ (1 << (SPLIT_OF(m) - 1));
#endif
#endif
	inc_of[n] = INC_OF(m);
	fresh[n] = false
}

/* The incarnation of peer p, and whether it has a share and gives one */
inline learn(n, m)
{
	if
	:: inc_of[n] == INC_OF(m)
	:: !inc_of[n] && !(m & MEMORY) ->
		split[n] = 1;
		rest[n] = DEFAULT(n);
		inc_of[n] = INC_OF(m);
		fresh[n] = false
	:: !inc_of[n] && m & MEMORY && m & FULL -> take(n, m)
	:: !inc_of[n] && m & MEMORY && !(m & FULL)
	:: inc_of[n] && inc_of[n] != INC_OF(m) && m & MEMORY ->
#ifndef MUT_GUESS
		/* It has got it from here, or it is its default. */
		assert(inc_of[n] == SOMEBODY);
#endif
		inc_of[n] = INC_OF(m)
	:: inc_of[n] && inc_of[n] != INC_OF(m) && !(m & MEMORY) ->
#ifdef MUT_NO_SPLIT
		inc_of[n] = INC_OF(m)
#else
		if
#ifdef MUT_GIVE_TWICE
		:: split[n] > 1 -> inc_of[n] = INC_OF(m)
		:: split[n] == 1 ->
#else
		:: split[n] < SPLITS ->
#endif
			split[n]++;
			inc_of[n] = INC_OF(m)
		:: else
		fi;
		sure[n] = false
#endif
	fi
}

/* begin() in place.c */
inline begin(n)
{
	place[n] = RUNS;
	own_default(n);
#ifndef MUT_NO_BIRTH
	if
	:: !told[n] && oseq[n] < BIRTH -> write_oseq(n, BIRTH, false)
	:: else
	fi;
#endif
	/* R4: it must ask, unless it was handed an exact number with a grant. */
	lease[n] = (HANDED_ON(n) -> END(oseq[n], GRANT) : oseq[n]);
	floor[n] = (HANDED_ON(n) && SURE(n) && WHOLE(n) -> lease[n] : 0);
	handed[n] = 0;
	solo[n] = !synced[n];
	written[n] = false;
	final[n] = 0;
	exact[n] = false;
	out[n] = 0;
	mine[n] = 0
}

/* sweep() and xha_mirror_catch_up(): the SA of a node that was deposed */
inline hold(n)
{
	if
	:: place[n] == RUNS -> mine[n] = oseq[n]; written[n] = false
	:: else
	fi;
	place[n] = HOLDING;
	exact[n] = true;
	apply_told(n);
	solo[n] = false;
	lease[n] = 0;
	floor[n] = 0
}

/* sample() in mirror.c: held, from now on its number is exact */
inline owe(n)
{
	place[n] = OWES;
	/* It matters to late acknowledgments only. */
	gen[n] = gen[n] + (LATE >> ACK & 1);
	solo[n] = false;
	lease[n] = oseq[n];
#ifndef MUT_FLOOR_STAYS
	floor[n] = 0;
#endif
	mine[n] = oseq[n];
	written[n] = false
}

/* no acknowledgment came, it goes on */
inline resume(n)
{
	place[n] = RUNS;
	if
	:: out[n] > oseq[n] -> write_oseq(n, out[n], false)
	:: else
	fi;
	out[n] = 0;
	lease[n] = oseq[n];
	solo[n] = !synced[n];
	mine[n] = 0;
	final[n] = 0;
	written[n] = false
}

/* xha_place_grant() in place.c */
inline grant(n)
{
	write_oseq(n, END(oseq[n], GRANT), false);
	written[n] = true;
	told[n] = true;
	final[n] = 0
}

/* look_at_finals() and hand_over() in role.c: all SAs are granted, then the role changes */
inline hand_over(n)
{
#ifndef MUT_GRANT_LATE
	grant(n);
#endif
	place[n] = HOLDING;
	role[n] = HANDED;
	lease[n] = 0;
	floor[n] = 0;
	apply_told(n)
}

/* activate() in role.c */
inline activate(n)
{
	role[n] = ACTIVE;
	term[n]++;
	handed[n] = 0
}

/* xha_group_input(): peer p says c with term t. xha_term_verdict() in term.c, judge() in role.c */
inline heard(n, p, c, t)
{
	peer_known[n] = true;
	carried[n] = (c == CLAIM_ACTIVE || c == CLAIM_HANDOVER);
	verdict = KEEP;
	if
	:: role[n] == ACTIVE ->
		if
#ifndef MUT_NO_TERM
		:: c == CLAIM_ACTIVE && (t > term[n] || (t == term[n] && p < n)) ->
			verdict = STEP_DOWN
#endif
		:: c == CLAIM_HANDOVER && t > term[n] -> verdict = STEP_DOWN
		:: c == CLAIM_REQUEST -> verdict = RELEASE
		:: else
		fi
	:: role[n] == RELEASING ->
		if
		:: c == CLAIM_ACTIVE && t > term[n] -> verdict = STEP_DOWN
		:: else
		fi
	:: role[n] == HANDED ->
		if
		:: c == CLAIM_ACTIVE && t >= term[n] -> verdict = STEP_DOWN
		:: c == CLAIM_HANDOVER && n < p -> verdict = ACTIVATE
		:: else
		fi
	:: role[n] == STANDBY ->
		if
		:: c == CLAIM_HANDOVER && t >= term[n] -> verdict = ACTIVATE
		:: else
		fi
	:: role[n] == JOINING ->
		if
		:: c == CLAIM_ACTIVE -> verdict = STEP_DOWN
		:: c == CLAIM_HANDOVER && t >= term[n] -> verdict = ACTIVATE
		:: (c == CLAIM_STANDBY || c == CLAIM_REQUEST) && n < p -> verdict = ACTIVATE
		:: else
		fi
	fi;
	if
	:: verdict == STEP_DOWN ->
#ifdef COVER_STEP_DOWN
		assert(false);
#endif
		role[n] = STANDBY;
		preparing[n] = false;
		handed[n] = 0;
		term[n] = MAX(term[n], t)
	:: verdict == RELEASE -> GIVE(n)
	:: verdict == ACTIVATE ->
		/* next_term(): above what was heard before, even if it was too_early() */
		term[n] = MAX(term[n], t);
		if
		:: synced[n] ->
			activate(n);
			handed[n] = (c == CLAIM_HANDOVER -> t : 0)
		:: else
		fi
	:: verdict == KEEP && (role[n] == STANDBY || role[n] == JOINING) ->
		term[n] = MAX(term[n], t)
	:: else
	fi
}

/* input_record(), input_announce(), apply() in replica.c; sets ack */
inline input_record(n, m)
{
	learn(n, m);
	if
	:: inc_of[n] == INC_OF(m) && WHOLE(n) && !(m & ASKS) -> sure[n] = true
	:: else
	fi;
	if
	:: place[n] == RUNS && m & FINAL && VALUE_OF(m) > oseq[n] ->
		/* meet(): the peer was active as well, and is not any more */
		write_oseq(n, VALUE_OF(m), false);
		lease[n] = MAX(lease[n], oseq[n])
	:: place[n] != HOLDING && !(place[n] == RUNS && m & FINAL && VALUE_OF(m) > oseq[n]) ->
		out[n] = (VALUE_OF(m) > MAX(out[n], oseq[n]) -> VALUE_OF(m) : out[n])
	:: place[n] == HOLDING ->
		isfinal = (m & FINAL && !(m & OVERTAKEN) && SAME_TENURE(n, m) ->
			   MAX(TENURE_OF(m), 1) : 0);
		apply_out(n, VALUE_OF(m), isfinal);
		term[n] = (isfinal -> MAX(term[n], TENURE_OF(m)) : term[n]);
		isfinal = 0
	fi;
	ack = ACK | m & (15 << 3 | 3 << 7 | FINAL | FULL);
#ifndef OLD_ACK
	if
	:: place[n] == HOLDING && oseq[n] == VALUE_OF(m) && SAID(n) -> ack = ack | HELD
	:: else
	fi
#else
	ack = ack | HELD
#endif
}

/* lease_acked() in mirror.c: up to v may be used */
inline lease_acked(n, v)
{
	lease[n] = MAX(lease[n], v);
	if
	:: SURE(n) && WHOLE(n) -> floor[n] = MAX(floor[n], lease[n])
	:: else
	fi;
	if
	:: lease[n] >= oseq[n] -> solo[n] = false
	:: else
	fi
}

/* xha_link_synced() in link.c */
inline look_synced(n)
{
	if
	:: synced_tx[n] && synced_rx[n] && MAY_SYNC(n) ->
		synced[n] = true;
		knows[n] = true
	:: else
	fi
}

/* xha_mirror_acked(), sa_acked() in mirror.c, xha_group_final_done() in role.c */
inline acked(n, m)
{
	if
	:: KIND(m) == SYNCED_ACK -> synced_tx[n] = true
	:: KIND(m) == ACK && m & FULL -> known[n] = true
	:: else
	fi;
	if
	:: KIND(m) == ACK && place[n] == HOLDING && m & FINAL && VALUE_OF(m) >= mine[n] ->
		exact[n] = false
	:: else
	fi;
	if
	:: KIND(m) == ACK && m & HELD && COUNTS(n, m) ->
		if
		:: role[n] == ACTIVE && place[n] == RUNS -> lease_acked(n, VALUE_OF(m))
		:: role[n] == RELEASING && place[n] == OWES && m & FINAL -> hand_over(n)
		:: else
		fi
	:: else
	fi;
	look_synced(n)
}

/* Nothing of a session counts in another one: xha_replica_session(), xha_groups_link() */
inline leave(n)
{
	way[n] = 0;
	session[n] = false;
	same = false;
	known[n] = false;
	synced_rx[n] = false;
	synced_tx[n] = false;
	peer_known[n] = false;
	/* set_alone() in role.c */
	preparing[n] = false;
	carried[n] = false;
	sure[n] = false;
#ifdef MUT_BY_ROLE
	pending[n] = 0;
#endif
#ifndef OLD_SYNCED
	synced[n] = false;
#endif
	if
	:: !fresh[n] -> own_default(n)
	:: else
	fi
}

/* peer_lost() in role.c, of a node that is without a session from now on */
inline peer_lost(n)
{
	if
	:: role[n] == STANDBY && carried[n] && synced[n] ->
#ifdef COVER_TAKEOVER
		assert(false);
#endif
		activate(n)
#ifdef OLD_HANDED
	:: role[n] == HANDED && synced[n] -> activate(n)
#endif
	/* HANDOVER was not said: the peer can't have taken it. */
	:: role[n] == RELEASING -> role[n] = ACTIVE
	/* HANDED: the peer may have gone on. Whether it has is not for this node to say. */
	:: else
	fi;
	solo[n] = place[n] == RUNS
}

/* What binds or frees no number any more is forgotten: fewer states. */
inline idle(n)
{
	floor[n] = (floor[n] > oseq[n] -> floor[n] : 0);
	lease[n] = (lease[n] >= oseq[n] -> lease[n] : 0);
	out[n] = (out[n] > oseq[n] -> out[n] : 0)
}

/* v: the next number that node n may use */
inline next(n)
{
	v = oseq[n] + 1;
	do
	:: v <= NUMBERS && !MAY(n, v) -> v++
	:: else -> break
	od
}

/* v: what node n asks a lease for. It lies where it may go. */
inline ask(n)
{
	v = oseq[n];
	k = 0;
	do
	:: v < NUMBERS && k < QUANTITY ->
		v++;
		k = k + ((split[n] <= 1 && (sure[n] || !split[n])) || MAY(n, v))
	:: else -> break
	od;
	k = 0;
	v = MAX(v, MAX(lease[n], floor[n]))
}

proctype node(byte n; byte p)
{
	int m, ack;
	byte verdict, v, k;
	bool late;
	byte isfinal;

end:	do
	/* A packet takes a number: xha_sa_advance_out() in sa.c, xha_limit() in lease.c */
	:: d_step {
		place[n] == RUNS && oseq[n] < NUMBERS ->
		next(n);
		if
		:: v <= NUMBERS && (solo[n] || v <= lease[n]) ->
			oseq[n] = v;
			told[n] = true;
			/* I1 */
			assert(!(used >> v & 1));
			used = used | 1 << v;
			idle(n);
#ifdef COVER_SWITCH
			assert(!(n == 1 - FIRST && switches && used == (2 << v) - 2))
#endif
#ifdef COVER_APART
			assert(!(solo[n] && solo[p]))
#endif
#ifdef COVER_SPLIT
			assert(split[n] < SPLITS)
#endif
		:: else
		fi;
		v = 0
	}

	/* role_work() in role.c: what is meant to be is done with the SA. */
	:: d_step { role[n] == ACTIVE && place[n] == HOLDING && TOLD(n) -> begin(n) }
	:: d_step { role[n] == ACTIVE && place[n] == OWES -> resume(n) }
	:: d_step { role[n] == STANDBY && place[n] != HOLDING -> hold(n) }
	:: d_step {
		role[n] == RELEASING &&
		(place[n] == RUNS || (place[n] == HOLDING && RELEASABLE(n))) ->
		owe(n)
	}

	/* Node n hears of p what p says now, or what is on the way. */
	:: atomic {
		if
		/* fill_groups() in mirror.c, xha_group_fill_msg() in role.c */
		:: same -> m = GROUP_MSG(CLAIM(p), term[p])
		/* fill_sa() in mirror.c: what it may use, is about to; asks for more */
		:: same && role[p] == ACTIVE && place[p] == RUNS && oseq[p] < NUMBERS ->
			d_step {
				ask(p);
				m = RECORD_MSG(v, gen[p]) | ASKS | SHARES(p, n);
#ifdef MUT_NO_ACK
				lease_acked(p, v);
#endif
				v = 0
			}
		/* XHA_SA_FINAL; XHA_PLACE_OWING is one that names no term */
		:: same && role[p] == RELEASING && place[p] == OWES ->
			m = RECORD_MSG(oseq[p], gen[p]) | FINAL | term[p] << 11 | SHARES(p, n)
#ifdef MUT_TELL_PREPARED
		:: same && preparing[p] && place[p] == RUNS ->
			m = RECORD_MSG(oseq[p], gen[p]) | FINAL | term[p] << 11 | SHARES(p, n)
#endif
		:: same && place[p] == HOLDING && exact[p] ->
			m = RECORD_MSG(oseq[p], gen[p]) | FINAL | SHARES(p, n)
		/* sync_work(): a held SA is announced until the peer knows what it must */
		:: same && place[p] == HOLDING && !known[p] && !exact[p] ->
			m = RECORD_MSG(HOLDS(p), gen[p]) | SHARES(p, n)
		/* sync_done(): its announcement was acknowledged */
		:: same && known[p] && !synced_tx[p] && MAY_SYNC(p) -> m = SYNCED
		:: way[n] != 0 -> m = way[n]; late = true
		fi;
		if
		:: !late && MAY_BE_LATE(m) && way[n] != m -> way[n] = m
#ifdef MUT_UNDONE
		:: KIND(m) == RECORD && place[n] == HOLDING ->
			ack = (same -> ACK | m & (15 << 3 | 3 << 7 | FINAL | FULL) | HELD : 0);
			if
			:: ack == 0
			:: ack != 0 -> acked(p, ack)
			fi
#endif
#ifdef MUT_BY_ROLE
		:: KIND(m) == RECORD && !SENDS(n) && SAID(n) && same && !pending[n] ->
			pending[n] = m
#endif
		:: true ->
			d_step {
				if
				:: KIND(m) == GROUP ->
					heard(n, p, CLAIM_OF(m), TERM_OF(m));
					/* I4 */
					assert(late || role[n] != ACTIVE || role[p] != ACTIVE ||
					       term[p] < term[n] || (term[p] == term[n] && n < p))
				:: KIND(m) == RECORD ->
					input_record(n, m);
					/* learn_out(): what is late now is older */
					if
					:: !late && KIND(way[n]) == RECORD ->
						way[n] = way[n] | OVERTAKEN
					:: else
					fi;
					ack = (same -> ack : 0)
				:: KIND(m) == ACK || KIND(m) == SYNCED_ACK -> acked(n, m)
				:: KIND(m) == SYNCED ->
					synced_rx[n] = true;
					ack = (same -> SYNCED_ACK : 0);
					look_synced(n)
				fi
			};
			if
			:: ack == 0
			:: ack != 0 -> acked(p, ack)
			:: ack != 0 && MAY_BE_LATE(ack) && way[p] != ack -> way[p] = ack
			:: ack != 0
			fi
		fi;
		m = 0; ack = 0; late = false; verdict = 0
	}

#ifdef MUT_BY_ROLE
	/* It was not refused, because of the role. Written only if it is still so. */
	:: d_step {
		pending[n] != 0 && same ->
		m = pending[n];
		pending[n] = 0;
		if
		:: !SENDS(n) -> input_record(n, m)
		:: else
		fi;
		ack = ACK | m & (15 << 3 | 3 << 7 | FINAL | FULL) | HELD;
		acked(p, ack);
		m = 0;
		ack = 0
	}
#endif

	/* release at the active, or REQUEST of the standby: xha_group_release(), judge() */
	:: d_step {
		switches < SWITCHES && same && role[n] == ACTIVE && MAY_SYNC(n) ->
		switches++;
		heard(n, p, CLAIM_REQUEST, term[p]);
		verdict = 0
	}

	/* give_work(), or release now in xha_group_release() */
#ifdef PREPARE
	:: d_step {
		preparing[n] ->
		assert(role[n] == ACTIVE);
		role[n] = RELEASING;
		preparing[n] = false
	}
#endif

	/* xha_group_takeover() with force, or while the peer is not active */
	:: d_step {
		switches < SWITCHES && !SENDS(n) && ((synced[n] && session[n] && KNOWN(n))
#ifdef FORCE
			|| !session[n]
#endif
			) ->
		switches++;
		activate(n)
	}

	/* timer_work() in role.c */
	:: d_step {
		role[n] == JOINING && (!session[n] || (synced[n] && KNOWN(n))) ->
		activate(n)
	}
	:: d_step { role[n] == RELEASING -> role[n] = ACTIVE }

#ifdef MUT_GRANT_LATE
	:: d_step { role[n] == HANDED && !final[n] && !written[n] -> grant(n) }
#endif

	/* stop(link, true) in link.c: the peer is dead, or seems to be */
	:: d_step {
		session[n] && (!same || losses < LOSSES) ->
		losses = losses + same;
		peer_lost(n);
		leave(n)
	}

	/*
	 * start() in handshake.c, xha_link_session() in link.c. The peer may have
	 * one still, of which this node knows nothing: it is replaced, no loss.
	 */
	:: d_step {
		!session[n] ->
		leave(p);
		leave(n);
		session[n] = true;
		session[p] = true;
		same = true
	}

	/* A crash, and the start after it: xha_group_add(), create() in sa.c */
	:: atomic {
		crashes < CRASHES && knows[p] ->
		if
		:: role[n] = STANDBY
		:: role[n] = JOINING
		fi;
		d_step {
			crashes++;
			fresh[n] = true;
			preparing[n] = false;
			leave(n);
			inc[n]++;
			inc_of[n] = 0;
			split[n] = 0;
			rest[n] = 0;
			handed[n] = 0;
			place[n] = HOLDING;
			solo[n] = false;
			synced[n] = false;
			knows[n] = false;
			term[n] = 0;
			oseq[n] = 0;
			lease[n] = 0;
			floor[n] = 0;
			gen[n] = 0;
			written[n] = false;
			told[n] = false;
			final[n] = 0;
			exact[n] = false;
			out[n] = 0;
			mine[n] = 0
		}
	}
	od
}

init {
	atomic {
		role[FIRST] = ACTIVE;
		place[FIRST] = RUNS;
		term[FIRST] = 1;
		term[1 - FIRST] = 1;
		lease[FIRST] = BIRTH;
		floor[FIRST] = BIRTH;
		inc[0] = 1;
		inc[1] = 1;
		carried[1 - FIRST] = true;
		peer_known[0] = true;
		peer_known[1] = true;
		session[0] = true;
		session[1] = true;
		same = true;
		synced_rx[0] = true;
		synced_rx[1] = true;
		synced_tx[0] = true;
		synced_tx[1] = true;
		synced[0] = true;
		synced[1] = true;
		knows[0] = true;
		knows[1] = true;
		run node(0, 1);
		run node(1, 0)
	}
}
