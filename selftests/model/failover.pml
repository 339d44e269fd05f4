/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two nodes, one SA, outbound: roles, terms, leases, switchover, takeover.
 *
 * Checked: invariants I1 (no number twice), I3 (never backwards but by FINAL)
 * and I4 (of two that are active and have heard each other one steps down).
 * Names are those of the code; at each transition stands what it models.
 * selftests/model/run checks all scenarios (bounds, below) and all mutants.
 *
 * The link loses, repeats and reorders. A frame is either heard at once, or
 * kept on the way, and then heard any number of times, at any time, or never.
 * A cut link is one on which nothing is heard for a while: it needs no state of
 * its own, nor does a peer that is noticed late. Frames of another session are
 * ignored by their receiver (link.c, frames.c): what is on the way to a node goes
 * when its session ends, so session numbers need not be stored.
 *
 * Assumption: knowledge is not lost on both sides. A node crashes only if the other
 * one has been in sync since its own start, and not while it alone knows what it has
 * used (solo). No protocol can cure the rest.
 *
 * A rule that was found too weak stays here under OLD_...: with it the check must fail:
 * OLD_ACK: a node that is active grants leases. OLD_SYNCED: in sync once since its start is
 * enough for a takeover. OLD_SOLO: SYNCED is said by a node that is above its lease.
 * OLD_REJOINED: a session that was not in sync for this node was not for its peer either.
 * OLD_TOLD: who was never told announces 0. OLD_HANDED: solo without the peer's word.
 * OLD_FINAL: an exact number counts in any term. OLD_EXACT: a deposed node grants leases
 * before it has told what it used. OLD_KNOWN: active before the peer has said what it is.
 * Two more are kept, but were not shown to be needed within the bounds: floor, and that a
 * HANDOVER of an older term is ignored.
 *
 * Left out: more than one message a direction that is late at a time; several SAs; inbound
 * numbers (I2); relaxed sync, slices, an active node that goes on alone; a takeover forced
 * where no session stands (fencing); progress, but for the COVER_... states.
 * A change of role and what role_work does with the SA are one step.
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
#define GROUP_MSG(c, t)	(GROUP | (c) << 3 | (t) << 5)
#define CLAIM_OF(m)	((m) >> 3 & 3)
#define TERM_OF(m)	((m) >> 5)
#define RECORD_MSG(v, g) (RECORD | (v) << 3 | (g) << 7)
#define VALUE_OF(m)	((m) >> 3 & 15)
#define GEN_OF(m)	((m) >> 7 & 3)
#define FINAL		512	/* XHA_REC_F_FINAL; bits 11 to 14: the term it was said in */
#define OVERTAKEN	1024	/* a record of a newer frame was heard: number < newest */
#define HELD		1024	/* of an ACK: the receiver holds this number, and no more */

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
#define SAME_TENURE(n, m) ((m >> 11) && (m >> 11) >= term[n])
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

#ifdef OLD_REJOINED
#define MET(n)		false
#else
#define MET(n)		(said[n] && synced_rx[n])
#endif

#define END(v, q)	((v) + (q) > NUMBERS -> NUMBERS : (v) + (q))	/* xha_lease_end() */
#define SENDS(n)	(role[n] == ACTIVE || role[n] == RELEASING)	/* xha_group_sends() */
#define CLAIM(n)	(SENDS(n) -> CLAIM_ACTIVE : \
			 (role[n] == HANDED -> CLAIM_HANDOVER : CLAIM_STANDBY))

byte role[2], term[2];		/* struct xha_group */
bool solo[2];
bool peer_known[2];		/* the peer has said in this session what it is */
bool carried[2];		/* peer_role is ACTIVE or HANDOVER */
bool synced[2];			/* in sync with the peer in this session: XHA_LINK_UP */
bool knows[2];			/* ghost: was so at any time since it started */

byte oseq[2], lease[2], gen[2];	/* struct xha_sa, struct xfrm_state */
bool written[2];		/* oseq is what was written last: x->replay.oseq == sa->written */
bool told[2], final[2];
bool exact[2];			/* XHA_SA_EXACT: deposed, must tell what it has used */
byte floor[2];			/* held: highest number that it has used itself */
byte out[2];			/* struct xha_peer_sa: highest told while it was active */

bool session[2];		/* this node has one */
bool same;			/* both have the same one */
bool known[2];			/* an announcement was acknowledged in it */
bool synced_rx[2];		/* SYNCED was heard in it */
bool synced_tx[2];		/* that this node said so was acknowledged in it */
bool said[2];			/* SYNCED was told in it, while rejoined: synced_said */
bool rejoined[2];		/* solo before it, and now bound by a lease */

short way[2];			/* on the way to node n, late: one at a time */
short used;			/* ghost: bit n, number n was on the wire */
byte crashes, losses, switches;

/* write_oseq() in apply.c. I3: only FINAL brings a number back. */
inline write_oseq(n, v, back)
{
	assert(back || v >= oseq[n]);
	oseq[n] = v
}

/* A record of the peer into a held SA: apply_out() in apply.c */
inline apply_out(n, v, exactly)
{
	told[n] = true;
	final[n] = false;
	if
	:: exactly && (v >= oseq[n] || (written[n] && v >= floor[n])) ->
		write_oseq(n, v, true);
		written[n] = true;
		final[n] = true
	:: else ->
		if
		:: v > oseq[n] ->
			write_oseq(n, v, false);
			written[n] = true
		:: else
		fi
	fi
}

/* activate() in group.c, begin() in apply.c */
inline activate(n, handover)
{
	role[n] = ACTIVE;
	term[n]++;
#ifndef MUT_NO_BIRTH
	if
	:: !handover && !told[n] && oseq[n] < BIRTH -> write_oseq(n, BIRTH, false)
	:: else
	fi;
#endif
	/* R4: it must ask, unless it was handed an exact number with a grant. */
	lease[n] = (handover && final[n] -> END(oseq[n], GRANT) : oseq[n]);
	written[n] = false;
	final[n] = false;
	exact[n] = false;
	out[n] = 0;
	floor[n] = 0
}

/* judge() in group.c: XHA_TERM_STEP_DOWN; sweep() and xha_mirror_catch_up() */
inline step_down(n)
{
	if
	:: SENDS(n) ->
		if
		:: role[n] == ACTIVE -> floor[n] = oseq[n]; written[n] = false
		:: else
		fi;
		exact[n] = true;
		if
		:: out[n] > oseq[n] -> apply_out(n, out[n], false)
		:: else
		fi
	:: else
	fi;
	role[n] = STANDBY;
	solo[n] = false;
	rejoined[n] = false;
	lease[n] = 0;
	out[n] = 0
}

/* judge() in group.c: XHA_TERM_RELEASE; xha_group_release(); sample() in mirror.c */
inline release(n)
{
	role[n] = RELEASING;
	gen[n]++;
	lease[n] = oseq[n];
	solo[n] = false;
	rejoined[n] = false;
	floor[n] = oseq[n];
	written[n] = false
}

/* timer_work() and peer_lost() in group.c: no acknowledgment came, it goes on */
inline resume(n)
{
	role[n] = ACTIVE;
	if
	:: out[n] > oseq[n] -> write_oseq(n, out[n], false)
	:: else
	fi;
	out[n] = 0;
	lease[n] = oseq[n];
	floor[n] = 0;
	final[n] = false;
	written[n] = false
}

/* xha_apply_grant() in apply.c */
inline grant(n)
{
	write_oseq(n, END(oseq[n], GRANT), false);
	written[n] = true;
	told[n] = true;
	final[n] = false
}

/* look_at_finals() and hand_over() in group.c */
inline hand_over(n)
{
#ifndef MUT_GRANT_LATE
	grant(n);
#endif
	role[n] = HANDED;
	lease[n] = 0;
	if
	:: out[n] > oseq[n] -> apply_out(n, out[n], false)
	:: else
	fi;
	out[n] = 0
}

/* xha_group_heard(): peer p says c with term t. xha_term_verdict() in term.c, judge() */
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
		step_down(n);
		term[n] = MAX(term[n], t)
	:: verdict == RELEASE -> release(n)
	:: verdict == ACTIVATE ->
		/* next_term(): above what was heard before, even if it was too_early() */
		term[n] = MAX(term[n], t);
		if
		:: synced[n] ->
			handed = c == CLAIM_HANDOVER;
			activate(n, handed);
			handed = false
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
	if
	:: role[n] == ACTIVE && m & FINAL && VALUE_OF(m) > oseq[n] ->
		/* meet(): the peer was active as well, and is not any more */
		write_oseq(n, VALUE_OF(m), false);
		lease[n] = MAX(lease[n], oseq[n])
	:: SENDS(n) && !(role[n] == ACTIVE && m & FINAL && VALUE_OF(m) > oseq[n]) ->
		out[n] = (VALUE_OF(m) > MAX(out[n], oseq[n]) -> VALUE_OF(m) : out[n])
	:: else ->
		isfinal = m & FINAL && !(m & OVERTAKEN) && SAME_TENURE(n, m);
		apply_out(n, VALUE_OF(m), isfinal);
		term[n] = (isfinal -> MAX(term[n], m >> 11) : term[n]);
		isfinal = false
	fi;
	ack = ACK | m & (15 << 3 | 3 << 7 | FINAL);
#ifndef OLD_ACK
	if
	:: !SENDS(n) && oseq[n] == VALUE_OF(m) && SAID(n) -> ack = ack | HELD
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
#ifndef OLD_SOLO
	if
	:: solo[n] && lease[n] >= oseq[n] -> solo[n] = false; rejoined[n] = true
	:: else
	fi
#endif
}

/* xha_link_synced() in link.c */
inline look_synced(n)
{
	if
#ifdef OLD_SOLO
	:: synced_tx[n] && synced_rx[n] -> solo[n] = false;
#else
	:: synced_tx[n] && synced_rx[n] && !solo[n] ->
#endif
		synced[n] = true;
		rejoined[n] = false;
		knows[n] = true
	:: else
	fi
}

/* xha_mirror_acked(), sa_acked() in mirror.c, xha_group_final_done() in group.c */
inline acked(n, m)
{
	if
	:: KIND(m) == SYNCED_ACK -> synced_tx[n] = true
	:: else -> known[n] = true
	fi;
	if
	:: KIND(m) == ACK && !SENDS(n) && m & FINAL && VALUE_OF(m) >= floor[n] ->
		exact[n] = false
	:: else
	fi;
	if
	:: KIND(m) == ACK && m & HELD && COUNTS(n, m) ->
		if
		:: role[n] == ACTIVE -> lease_acked(n, VALUE_OF(m))
		:: role[n] == RELEASING && m & FINAL -> hand_over(n)
		:: else
		fi
	:: else
	fi;
	look_synced(n)
}

/*
 * Nothing of a session counts in another one: xha_mirror_session(), xha_groups_link(). Alone as
 * before it, unless the peer may have been in sync: xha_groups_met()
 */
inline leave(n)
{
	if
	:: rejoined[n] && !MET(n) -> solo[n] = true
	:: else
	fi;
	rejoined[n] = false;
	said[n] = false;
	way[n] = 0;
	session[n] = false;
	same = false;
	known[n] = false;
	synced_rx[n] = false;
	synced_tx[n] = false;
	peer_known[n] = false;
	carried[n] = false;
#ifndef OLD_SYNCED
	synced[n] = false;
#endif
}

/* peer_lost() in group.c, of a node that is without a session from now on */
inline peer_lost(n)
{
	if
	:: role[n] == STANDBY && carried[n] && synced[n] ->
#ifdef COVER_TAKEOVER
		assert(false);
#endif
		activate(n, false);
		solo[n] = true
#ifdef OLD_HANDED
	:: role[n] == HANDED && synced[n] ->
		activate(n, false);
		solo[n] = true
#endif
	/* HANDOVER was not said: the peer can't have taken it. */
	:: role[n] == RELEASING -> resume(n)
	/* HANDED: the peer may have gone on. Whether it has is not for this node to say. */
	:: else
	fi
}

proctype node(byte n; byte p)
{
	short m, ack;
	byte verdict;
	bool handed, late, isfinal;

end:	do
	/* A packet takes a number: xha_sa_moved_out_slow() in sa.c, xha_limit() in lease.c */
	:: d_step {
		role[n] == ACTIVE && oseq[n] < NUMBERS && (solo[n] || oseq[n] < lease[n]) ->
		oseq[n]++;
		told[n] = true;
		/* I1 */
		assert(!(used >> oseq[n] & 1));
		used = used | 1 << oseq[n];
#ifdef COVER_SWITCH
		assert(!(n == 1 - FIRST && switches && used == (2 << oseq[n]) - 2));
#endif
	}

	/* Node n hears of p what p says now, or what is on the way. */
	:: atomic {
		if
		/* fill_groups() in mirror.c, xha_group_fill_msg() in group.c */
		:: same -> m = GROUP_MSG(CLAIM(p), term[p])
		/* fill_sa() in mirror.c: what it may use, is about to; asks for more */
		:: same && role[p] == ACTIVE && oseq[p] < NUMBERS ->
			m = RECORD_MSG(END(oseq[p], QUANTITY), gen[p]);
#ifdef MUT_NO_ACK
			lease_acked(p, END(oseq[p], QUANTITY))
#endif
		/* XHA_SA_FINAL; XHA_SA_EXACT is one that names no term */
		:: same && role[p] == RELEASING ->
			m = RECORD_MSG(oseq[p], gen[p]) | FINAL | term[p] << 11
		:: same && exact[p] -> m = RECORD_MSG(oseq[p], gen[p]) | FINAL
		/* sync_work(): a held SA is announced once in a session */
		:: same && !SENDS(p) && !known[p] && !exact[p] ->
			m = RECORD_MSG(HOLDS(p), gen[p])
		/* sync_done(): its announcement was acknowledged */
		:: same && known[p] && !synced_tx[p] && MAY_SYNC(p) -> m = SYNCED; said[p] = rejoined[p]
		:: way[n] != 0 -> m = way[n]; late = true
		fi;
		if
		:: !late && way[n] != m -> way[n] = m
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
			:: ack != 0 && way[p] != ack -> way[p] = ack
			:: ack != 0
			fi
		fi;
		m = 0; ack = 0; late = false; verdict = 0
	}

	/* release at the active, or REQUEST of the standby: xha_group_release(), heard() */
	:: d_step {
		switches < SWITCHES && same && role[n] == ACTIVE && MAY_SYNC(n) ->
		switches++;
		heard(n, p, CLAIM_REQUEST, term[p]);
		verdict = 0
	}

	/* xha_group_takeover() with force, or while the peer is not active */
	:: d_step {
		switches < SWITCHES && synced[n] && session[n] && !SENDS(n) && KNOWN(n) ->
		switches++;
		activate(n, false)
	}

	/* timer_work() in group.c */
	:: d_step {
		role[n] == JOINING && synced[n] && session[n] && KNOWN(n) ->
		activate(n, false)
	}
	:: d_step { role[n] == RELEASING -> resume(n) }

#ifdef MUT_GRANT_LATE
	:: d_step { role[n] == HANDED && !final[n] && !written[n] -> grant(n) }
#endif

	/* stop(link, true) in link.c: the peer is dead, or seems to be */
	:: d_step {
		session[n] && (!same || losses < LOSSES) ->
		losses = losses + same;
		peer_lost(n);
		leave(n);
#ifdef COVER_HOLD
		assert(!(role[n] == ACTIVE && !solo[n] && oseq[n] == lease[n]))
#endif
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
		crashes < CRASHES && knows[p] && !solo[n] ->
		if
		:: role[n] = STANDBY
		:: role[n] = JOINING
		fi;
		d_step {
			crashes++;
			leave(n);
			solo[n] = false;
			synced[n] = false;
			knows[n] = false;
			term[n] = 0;
			oseq[n] = 0;
			lease[n] = 0;
			gen[n] = 0;
			written[n] = false;
			told[n] = false;
			final[n] = false;
			exact[n] = false;
			out[n] = 0;
			floor[n] = 0
		}
	}
	od
}

init {
	atomic {
		role[FIRST] = ACTIVE;
		term[FIRST] = 1;
		term[1 - FIRST] = 1;
		lease[FIRST] = BIRTH;
		carried[1 - FIRST] = true;
		peer_known[0] = true;
		peer_known[1] = true;
		session[0] = true;
		session[1] = true;
		same = true;
		known[0] = true;
		known[1] = true;
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
