// SPDX-License-Identifier: GPL-2.0
/* What is installed here of the peers', or stored, and removed again. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "relay.h"

/*
 * The kernel is asked for many things in one go: SAs that are new, and then those that have gone.
 * So nothing is changed that may be in the kernel under the same key meanwhile; what is said of
 * that, of policies, or of the whole comes after sink_push(). So does a word that it was dealt
 * with.
 */
static struct waiting {
	struct relay *group;
	struct item *item;
} coming[XFRM_QUEUE], going[XFRM_QUEUE / 2];	/* whose answers have room at a time */
static unsigned int n_coming, n_going;

#define MISSING		3	/* s that something may be missing before all is asked for */

/* While the module holds what is installed. */
bool sink_is(const struct relay *g)
{
	return g->on && g->group->running && !had_active(g->group);
}

static void sink_forget(struct relay *g, struct item *i)
{
	/* The list that is read now may still have it. */
	if (xfrm_listing())
		i->removed = true;
	else
		table_del(&g->mine, i);
}

static bool is_ours(const struct had_sa_id *id)
{
	struct had_sa sa;

	return !xfrm_sa_get(id, &sa) && sa.info.seq == had_sa_tag(id);
}

/* @err: what the kernel has said, of ours */
static void removed(struct relay *g, struct item *i, int err)
{
	if (err)
		had_log(LOG_ERR, "relay: group %s: can't be removed: %s", g->group->name,
			xfrm_said());
	else if (!i->foreign)
		relays.counts.removed++;
	sink_forget(g, i);
}

/* What is in the kernel under its name, if it is ours. */
void sink_remove(struct relay *g, struct item *i)
{
	struct had_policy_id policy;
	struct had_sa_id sa;
	int err = 0;

	if (i->sealed) {
		store_gone(g, i);
		store_drop(g, i);
		relays.counts.removed++;
		table_del(&g->mine, i);
		return;
	}
	if (!i->foreign && !i->removed && i->key_len == sizeof(sa)) {
		memcpy(&sa, i->key, sizeof(sa));
		err = is_ours(&sa) ? xfrm_sa_del(&sa) : 0;
	} else if (!i->foreign && !i->removed) {
		memcpy(&policy, i->key, sizeof(policy));
		err = xfrm_policy_del(&policy, had_policy_tag(&policy));
		if (err == -ENOENT)
			err = 0;
	}
	removed(g, i, err);
}

static void not_installed(struct relay *g, const char *what, int err)
{
	static time_t said;

	relays.counts.refused++;
	relay_say(&said, LOG_ERR, "relay: group %s: %s of the peer can't be installed: %s",
		  g->group->name, what, err == -EMSGSIZE ? "it is too long" : xfrm_said());
}

/* Something was here under its key, ours or another's. */
static bool was_known(const struct item *i)
{
	return i->digest || i->here || i->foreign;
}

/* Return: whether @i is, as the peer says it is now. @loose: without lifetimes */
static bool up_to_date(struct item *i, uint64_t now, uint64_t loose)
{
	bool same = !i->missing && !i->removed &&
		    (i->digest ? i->digest == now : i->here == loose);

	if (same)
		i->digest = now;
	return same;
}

/*
 * What the peer says of this key is to be installed; @i: what is known of it, or NULL; @now,
 * @loose: its digests, with and without lifetimes. NULL: there is nothing to do
 */
static struct item *to_install(struct relay *g, struct item *i, const void *key, size_t len,
			       uint64_t now, uint64_t loose)
{
	if (!i)
		i = table_add(&g->mine, key, len);
	if (!i) {
		had_drop(g->teller->peer, "out of memory");
		return NULL;
	}
	i->named = g->naming;
	/* Who has stored it knows nothing newer. */
	if (g->adding && (i->digest || i->foreign) && !i->missing && !i->removed)
		return NULL;
	return was_known(i) && up_to_date(i, now, loose) ? NULL : i;
}

/* What is not in the kernel does not come there before the group is active here. */
static bool is_stored(const struct relay *g, const struct item *i)
{
	return i->sealed || (g->store && !i->foreign && (!was_known(i) || i->removed));
}

static void keep(struct relay *g, struct item *i, const void *body, size_t len, uint64_t now)
{
	i->round = relays.round;
	i->missing = 0;
	i->removed = false;
	i->digest = now;
	if (store_put(g, i, body, len))
		return;
	if (i->sealed)
		store_drop(g, i);
	table_del(&g->mine, i);
}

/* @err: what the kernel has said; @others: what it has under this key is not ours */
static void installed(struct relay *g, struct item *i, const char *what, uint64_t now, int err,
		      bool others)
{
	i->round = relays.round;
	i->missing = 0;
	i->removed = false;
	i->digest = now;
	i->here = 0;
	/* The standby may be first; or it is from before, and was not known. */
	i->foreign = others;
	if (err == -EEXIST) {
		relays.counts.foreign += others;
	} else if (err) {
		not_installed(g, what, err);
		table_del(&g->mine, i);
	} else {
		relays.counts.installed++;
	}
}

static struct had_landing landing_of(struct relay *g)
{
	static uint32_t cpus;

	/* It reads files. */
	if (!cpus)
		cpus = sysconf(_SC_NPROCESSORS_CONF);
	return (struct had_landing){ .cpus = cpus, .device_index = offload_index, .data = g };
}

static int land_sa(const void *body, size_t len, const struct had_landing *to)
{
	size_t n = had_sa_land(body, len, to, relays.body, sizeof(relays.body));
	int err = n ? xfrm_put(XFRM_MSG_NEWSA, relays.body, n) : -EMSGSIZE;

	explicit_bzero(relays.body, n);
	return err;
}

static void put_sa(struct relay *g, struct item *i, const struct had_sa *sa, const void *body,
		   size_t len)
{
	struct had_landing to = landing_of(g);
	uint64_t now = relay_sa_digest(body, len, true);
	int err;

	/* A held SA takes no UPDSA. The next one is held from its first moment. */
	if (was_known(i) && !i->foreign && is_ours(&sa->id))
		xfrm_sa_del(&sa->id);
	err = land_sa(body, len, &to);
	/* The device may not be able to, or have no room left: then without it. */
	if (err && err != -EEXIST && g->group->conf && g->group->conf->offloads) {
		to.device_index = NULL;
		err = land_sa(body, len, &to);
	}
	installed(g, i, "an SA", now, err, err == -EEXIST && !is_ours(&sa->id));
}

static void on_come(void *of, int err, bool ours)
{
	const struct waiting *w = of;
	struct item *i = w->item;
	struct had_sa_id id;

	(void)ours;
	memcpy(&id, i->key, sizeof(id));
	i->waits = false;
	installed(w->group, i, "an SA", i->digest, err, err == -EEXIST && !is_ours(&id));
}

/* Somebody else may have put his own in its place. */
static void on_looked(void *of, int err, bool ours)
{
	struct waiting *w = of;

	(void)err;
	if (ours)
		return;
	w->item->waits = false;
	removed(w->group, w->item, 0);
	w->item = NULL;
}

static void on_go(void *of, int err, bool ours)
{
	const struct waiting *w = of;

	(void)ours;
	w->item->waits = false;
	removed(w->group, w->item, err);
}

/* What waits for the kernel does not wait any more. */
void sink_push(void)
{
	struct had_sa_id id;

	xfrm_push(on_come);
	n_coming = 0;
	for (unsigned int n = 0; n < n_going; n++) {
		memcpy(&id, going[n].item->key, sizeof(id));
		xfrm_queue_get(&id, &going[n]);
	}
	xfrm_push(on_looked);
	for (unsigned int n = 0; n < n_going; n++) {
		if (!going[n].item)
			continue;
		memcpy(&id, going[n].item->key, sizeof(id));
		xfrm_queue_del(&id, &going[n]);
	}
	xfrm_push(on_go);
	n_going = 0;
}

/* Of this key nothing waits any more. NULL: there is none */
static struct item *settled(struct relay *g, const void *key, size_t len)
{
	struct item *i = table_find(&g->mine, key, len);

	if (!i || !i->waits)
		return i;
	sink_push();
	return table_find(&g->mine, key, len);
}

/* It is new. Return: whether it waits; then it counts as installed. */
static bool put_later(struct relay *g, struct item *i, const void *body, size_t len, uint64_t now)
{
	struct had_landing to = landing_of(g);
	struct waiting *w;
	bool waits;
	size_t n;

	/* The kernel may be asked once more, then. */
	if (g->group->conf && g->group->conf->offloads)
		return false;
	if (n_coming == XFRM_QUEUE)
		sink_push();
	w = &coming[n_coming];
	*w = (struct waiting){ g, i };
	n = had_sa_land(body, len, &to, relays.body, sizeof(relays.body));
	waits = n && xfrm_queue_put(relays.body, n, w);
	if (n && !waits && n_coming) {
		sink_push();
		w = coming;
		*w = (struct waiting){ g, i };
		waits = xfrm_queue_put(relays.body, n, w);
	}
	explicit_bzero(relays.body, n);
	if (!waits)
		return false;
	n_coming++;
	i->waits = true;
	i->digest = now;
	return true;
}

static void install_sa(struct relay *g, const struct had_sa *sa, const void *body, size_t len)
{
	uint64_t now = relay_sa_digest(body, len, true), loose = relay_sa_digest(body, len, false);
	struct item *i = settled(g, &sa->id, sizeof(sa->id));

	i = to_install(g, i, &sa->id, sizeof(sa->id), now, loose);
	if (i && is_stored(g, i))
		keep(g, i, body, len, now);
	else if (i && (was_known(i) || !put_later(g, i, body, len, now)))
		put_sa(g, i, sa, body, len);
}

static void put_policy(struct relay *g, struct item *i, const struct had_policy *p,
		       const void *body, size_t len)
{
	uint64_t now = relay_policy_digest(body, len, true);
	uint32_t tag = had_policy_tag(&p->id);
	uint16_t type = XFRM_MSG_NEWPOLICY;
	struct had_landing to = { .device_index = offload_index, .data = g };
	size_t n;
	int err;

	if (was_known(i) && !i->foreign && !i->missing && !i->removed &&
	    !xfrm_policy_get(&p->id, tag))
		type = XFRM_MSG_UPDPOLICY;
	n = had_policy_land(body, len, &to, relays.body, sizeof(relays.body));
	err = n ? xfrm_put(type, relays.body, n) : -EMSGSIZE;
	installed(g, i, "a policy", now, err, err == -EEXIST && xfrm_policy_get(&p->id, tag));
}

static void install_policy(struct relay *g, const struct had_policy *p, const void *body,
			   size_t len)
{
	uint64_t now = relay_policy_digest(body, len, true);
	uint64_t loose = relay_policy_digest(body, len, false);
	struct item *i = table_find(&g->mine, &p->id, sizeof(p->id));

	i = to_install(g, i, &p->id, sizeof(p->id), now, loose);

	if (i && is_stored(g, i))
		keep(g, i, body, len, now);
	else if (i)
		put_policy(g, i, p, body, len);
}

/**
 * sink_install() - what is stored comes into the kernel
 * @g: group
 * @i: of it, sealed; it may be freed
 *
 * Return: whether it could be opened.
 */
bool sink_install(struct relay *g, struct item *i)
{
	static uint8_t body[HAD_WIRE_BODY_MAX];
	size_t n = store_get(g, i, body, sizeof(body));
	struct had_policy p;
	struct had_sa sa;
	bool read = false;

	store_drop(g, i);
	i->digest = 0;
	if (n && i->key_len == sizeof(sa.id)) {
		read = !had_sa_read(body, n, &sa);
		if (read)
			put_sa(g, i, &sa, body, n);
	} else if (n) {
		read = !had_policy_read(body, n, &p);
		if (read)
			put_policy(g, i, &p, body, n);
	}
	explicit_bzero(body, n);
	if (!read)
		table_del(&g->mine, i);
	return read;
}

/**
 * sink_seen() - the kernel has an SA or a policy of a group
 * @g: group
 * @key: what tells it from others
 * @len: octets of that
 * @listing: it is in the list, not somebody else's event
 * @tagged: a daemon of ours has installed it
 * @here: digest of what the kernel says of it, without lifetimes
 */
void sink_seen(struct relay *g, const void *key, size_t len, bool listing, bool tagged,
	       uint64_t here)
{
	struct item *i = table_find(&g->mine, key, len);

	/* From before this daemon started */
	if (!i && listing && tagged)
		i = table_add(&g->mine, key, len);
	if (!i || i->removed)
		return;
	/* It is in the kernel by other means. */
	if (i->sealed)
		store_drop(g, i);
	i->round = relays.round;
	i->missing = 0;
	i->foreign = !tagged;
	/* Somebody has changed it. */
	if (i->here && i->here != here)
		i->digest = 0;
	i->here = here;
}

/* Whether what an event says has gone is back, or was another's. */
static bool is_here(const struct item *i)
{
	struct had_policy_id policy;
	struct had_sa_id sa;
	struct had_sa read;

	if (i->key_len == sizeof(sa)) {
		memcpy(&sa, i->key, sizeof(sa));
		return !xfrm_sa_get(&sa, &read);
	}
	memcpy(&policy, i->key, sizeof(policy));
	return !i->foreign && !xfrm_policy_get(&policy, had_policy_tag(&policy));
}

/* Somebody else has removed it; the peer's word that it has gone there, too, may be on its way. */
void sink_gone(struct relay *g, const void *key, size_t len)
{
	struct item *i = table_find(&g->mine, key, len);

	if (!i || i->removed || i->sealed || is_here(i))
		return;
	if (sink_is(g))
		i->missing = 1;
	else
		sink_forget(g, i);
}

/* All that there is was listed. */
void sink_listed(struct relay *g)
{
	struct item *i, *next;

	table_for_each(i, next, &g->mine) {
		if (i->sealed)
			continue;
		if (i->removed)
			table_del(&g->mine, i);
		else if (relay_not_listed(i) && sink_is(g) && g->teller && i->digest)
			i->missing = i->missing ? i->missing : g->flushed ? MISSING : 1;
		else if (relay_not_listed(i))
			table_del(&g->mine, i);
	}
	g->flushed = false;
}

/*
 * Who is active for a group is believed, and of two that say so the one with the higher term; who
 * has stored it is, as long as nobody else tells.
 */
static bool is_believed(const struct relay *g, const struct session *s,
			const struct had_wire_msg *m)
{
	bool stored = m->flags & HAD_WIRE_F_STORED;

	if (!g->teller || g->teller == s)
		return true;
	if (m->type != HAD_WIRE_BEGIN || stored)
		return false;
	return g->teller_stored || m->term > g->teller_term;
}

/* The group that the peer means, if it may say so */
struct relay *sink_of(const struct session *s, const struct had_wire_msg *m)
{
	struct relay *g;

	if (m->group > s->hello.n_groups)
		return NULL;
	g = relay_by_name(s->hello.groups[m->group - 1].name);
	return g && sink_is(g) && is_believed(g, s, m) ? g : NULL;
}

/* Nobody tells any more; who else can is asked. */
void sink_unheard(struct relay *g)
{
	g->teller = NULL;
	g->snapshot_open = false;
	if (sink_is(g))
		sink_ask_again(g);
}

static void begun(struct relay *g, struct session *s, const struct had_wire_msg *m)
{
	bool stored = m->flags & HAD_WIRE_F_STORED;

	g->teller = s;
	g->teller_stored = stored;
	g->teller_term = m->term;
	/* Of the same time as what is here, or older, it may lack something. */
	g->adding = stored && g->mine.n && m->term <= g->term;
	if (!g->adding)
		g->term = m->term;
	g->snapshot_open = true;
	g->snapshot_seen = m->number;
	g->naming = ++relays.naming;
	g->got_sas = 0;
	g->got_policies = 0;
}

static bool not_named(const struct item *i)
{
	return i->named != relays.ending;
}

static void ended(struct relay *g, struct session *s, const struct had_wire_msg *m)
{
	if (!g->snapshot_open || m->number != g->snapshot_seen) {
		session_refuse(s, "an END without its BEGIN");
		return;
	}
	g->snapshot_open = false;
	if (m->sas != g->got_sas || m->policies != g->got_policies) {
		session_refuse(s, "%u SAs, %u policies came of %u, %u", g->got_sas,
			       g->got_policies, m->sas, m->policies);
		return;
	}
	relays.ending = g->naming;
	if (!g->adding)
		relay_each_gone(g, &g->mine, not_named, sink_remove);
	g->adding = false;
	had_log(LOG_INFO, "relay: group %s: has %u SAs, %u policies of node %s%s", g->group->name,
		m->sas, m->policies, s->hello.node,
		g->teller_stored ? ", which has stored them" : "");
}

static void on_peer_sa(struct relay *g, struct session *s, const struct had_wire_msg *m)
{
	struct had_sa sa;
	static time_t said;

	g->got_sas++;
	if (had_sa_read(m->body, m->body_len, &sa)) {
		session_refuse(s, "an SA that can't be understood");
	} else if (relay_of_sa(&sa) != g || sa.redacted || sa.no_key) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: an SA of the peer's is not of group %s here",
			  g->group->name);
	} else {
		install_sa(g, &sa, m->body, m->body_len);
	}
}

static void on_peer_policy(struct relay *g, struct session *s, const struct had_wire_msg *m)
{
	struct had_policy p;
	static time_t said;

	g->got_policies++;
	if (had_policy_read(m->body, m->body_len, &p)) {
		session_refuse(s, "a policy that can't be understood");
	} else if (relay_of_policy(&p) != g) {
		relays.counts.refused++;
		relay_say(&said, LOG_ERR, "relay: a policy of the peer's is not of group %s here",
			  g->group->name);
	} else {
		install_policy(g, &p, m->body, m->body_len);
	}
}

static void peer_gone(struct relay *g, const void *key, size_t len)
{
	struct item *i = settled(g, key, len);

	if (!i || i->removed)
		return;
	if (len != sizeof(struct had_sa_id) || i->foreign || i->sealed) {
		sink_remove(g, i);
		return;
	}
	if (n_going == XFRM_QUEUE / 2)
		sink_push();
	going[n_going++] = (struct waiting){ g, i };
	i->waits = true;
}

void sink_message(struct relay *g, struct session *s, const struct had_wire_msg *m)
{
	if (m->type != HAD_WIRE_SA && m->type != HAD_WIRE_SA_GONE)
		sink_push();
	switch (m->type) {
	case HAD_WIRE_BEGIN:
		begun(g, s, m);
		break;
	case HAD_WIRE_DONE:
		if (g->teller == s)
			sink_unheard(g);
		break;
	case HAD_WIRE_SA:
		on_peer_sa(g, s, m);
		break;
	case HAD_WIRE_POLICY:
		on_peer_policy(g, s, m);
		break;
	case HAD_WIRE_SA_GONE:
		peer_gone(g, &m->sa, sizeof(m->sa));
		break;
	case HAD_WIRE_POLICY_GONE:
		peer_gone(g, &m->policy, sizeof(m->policy));
		break;
	case HAD_WIRE_END:
		ended(g, s, m);
		break;
	}
}

/* The one that is believed, or all */
void sink_ask_again(const struct relay *g)
{
	struct had_wire_msg m = { .type = HAD_WIRE_AGAIN, .group = session_number(g) };

	if (!m.group)
		return;
	for (struct session *s = relays.sessions; s; s = s->next) {
		if (!s->met || !session_knows(s, g) || (g->teller && g->teller != s))
			continue;
		relays.counts.again++;
		session_send(s, &m);
	}
}

void sink_missing(struct relay *g)
{
	struct item *i, *next;
	bool ask = false;

	table_for_each(i, next, &g->mine)
		if (i->missing && ++i->missing > MISSING)
			ask = true;
	if (!ask || !relays.sessions || !sink_is(g) || g->snapshot_open)
		return;
	table_for_each(i, next, &g->mine)
		if (i->missing)
			i->missing = 1;
	had_log(LOG_NOTICE, "relay: group %s: %s", g->group->name,
		"something is missing here; the peers are asked for all");
	sink_ask_again(g);
}
