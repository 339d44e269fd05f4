// SPDX-License-Identifier: GPL-2.0
/*
 * What a sink keeps without installing it: until the group is active here, and to tell others.
 *
 * Each SA and policy is sealed, AES-256-GCM, with a key that is drawn when the daemon starts and
 * lies in a page of its own that is locked and not dumped (secret.c). It never leaves that page, so
 * what is stored ends with the daemon, and wherever the heap gets to (swap, an image of the machine
 * that sleeps, a core), there is nothing to be read in it. The nonce is a counter of 96 bits that
 * starts with the key: none comes twice with it. What tells the SA from others is authenticated
 * with it: nothing is opened as something else.
 *
 * There is room for so many (store-limit), in all groups. What there is none for is said and
 * counted; when there is room again the peer is asked for all.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan.h"
#include "relay.h"
#include "tool.h"

#define KEY_LEN		32
#define NONCE_LEN	12
#define TAG_LEN		16
#define TURN		1024		/* that are installed until the watchdog is told */
#define ROOM_AGAIN	16		/* one of so many is free: then it is tried again */

struct sealed {
	uint8_t nonce[NONCE_LEN];
	uint32_t len;
	uint64_t since;			/* s, CLOCK_BOOTTIME */
	uint8_t data[];			/* and the tag */
};

static uint8_t *key;
static EVP_CIPHER *cipher;
static EVP_CIPHER_CTX *ctx;
static uint64_t nonces, serials;
static uint32_t n_stored;
static struct event *soon;

static uint64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

static bool seal(struct sealed *s, const struct item *i, const void *body)
{
	int n;

	return EVP_EncryptInit_ex2(ctx, cipher, key, s->nonce, NULL) &&
	       EVP_EncryptUpdate(ctx, NULL, &n, i->key, i->key_len) &&
	       EVP_EncryptUpdate(ctx, s->data, &n, body, s->len) &&
	       EVP_EncryptFinal_ex(ctx, s->data + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, s->data + s->len);
}

static void left_out(struct relay *g, const char *why)
{
	static time_t said;

	g->lacks = true;
	g->left_out++;
	relay_say(&said, LOG_ERR, "relay: group %s: something of the peer's is not stored: %s",
		  g->group->name, why);
}

/**
 * store_put() - keep an SA or a policy
 * @g: group
 * @i: its item; what it had stored before is replaced
 * @body: as the peer has sent it
 * @len: octets
 *
 * Return: false: there is no room, which was said.
 */
bool store_put(struct relay *g, struct item *i, const void *body, size_t len)
{
	struct sealed *s;

	if (!i->sealed && n_stored >= relays.had->conf->store_limit) {
		left_out(g, "the store is full, see store-limit");
		return false;
	}
	s = malloc(sizeof(*s) + len + TAG_LEN);
	if (!s) {
		left_out(g, "out of memory");
		return false;
	}
	memset(s->nonce, 0, sizeof(s->nonce));
	nonces++;
	memcpy(s->nonce, &nonces, sizeof(nonces));
	s->len = len;
	s->since = seconds();
	if (!seal(s, i, body)) {
		free(s);
		left_out(g, "it can't be sealed");
		return false;
	}
	if (!i->sealed) {
		n_stored++;
		g->stored++;
	}
	free(i->sealed);
	i->sealed = s;
	i->serial = ++serials;
	TAILQ_REMOVE(&g->mine.list, i, node);
	TAILQ_INSERT_TAIL(&g->mine.list, i, node);
	store_tell(g);
	return true;
}

/**
 * store_get() - open it
 * @g: group
 * @i: its item
 * @to: where to
 * @room: octets there
 *
 * Return: octets, or 0: it is not as it was sealed, which is said.
 */
size_t store_get(const struct relay *g, const struct item *i, void *to, size_t room)
{
	const struct sealed *s = i->sealed;
	int n, end;

	if (s->len <= room && EVP_DecryptInit_ex2(ctx, cipher, key, s->nonce, NULL) &&
	    EVP_DecryptUpdate(ctx, NULL, &n, i->key, i->key_len) &&
	    EVP_DecryptUpdate(ctx, to, &n, s->data, s->len) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
				(void *)(s->data + s->len)) &&
	    EVP_DecryptFinal_ex(ctx, (uint8_t *)to + n, &end) > 0) {
		had_age(to, s->len, i->key_len == sizeof(struct had_policy_id),
			seconds() - s->since);
		return s->len;
	}
	explicit_bzero(to, s->len < room ? s->len : room);
	had_log(LOG_CRIT, "relay: group %s: what was stored is not what it was", g->group->name);
	return 0;
}

/**
 * store_drop() - keep it no longer
 * @g: group
 * @i: its item, which stays
 *
 * Peers that were told of it are not told: see store_gone().
 */
void store_drop(struct relay *g, struct item *i)
{
	free(i->sealed);
	i->sealed = NULL;
	n_stored--;
	g->stored--;
}

static bool tells_stored(const struct relay *g, const struct tell *t)
{
	return g->store && !g->source && g->teller != t->to && !t->to->dropped;
}

/* What is stored, and came after what the peer was told last */
static struct item *first_untold(const struct relay *g, const struct tell *t)
{
	struct item *i, *found = NULL;

	TAILQ_FOREACH_REVERSE(i, &g->mine.list, items, node) {
		if (i->sealed && i->serial <= t->serial)
			break;
		if (i->sealed)
			found = i;
	}
	return found;
}

static void tell(struct relay *g, struct tell *t)
{
	struct had_wire_msg m = { .group = session_number(g) };
	struct item *i;

	if (!m.group || !tells_stored(g, t) || (!g->stored && !t->begun))
		return;
	if (t->fresh && session_may_send(t->to)) {
		t->begun = source_begin(g, t, HAD_WIRE_F_STORED, g->term);
		t->open = t->begun;
		t->serial = 0;
	}
	/* Who can't take more now is not looked for in vain. */
	if (t->fresh || !t->begun || !session_may_send(t->to))
		return;
	for (i = first_untold(g, t); i && session_may_send(t->to); i = TAILQ_NEXT(i, node)) {
		if (!i->sealed)
			continue;
		t->serial = i->serial;
		m.type = i->key_len == sizeof(m.sa) ? HAD_WIRE_SA : HAD_WIRE_POLICY;
		m.body_len = store_get(g, i, relays.body, sizeof(relays.body));
		m.body = relays.body;
		if (!m.body_len)
			continue;
		if (session_send(t->to, &m)) {
			relays.counts.sent++;
			t->n_sas += m.type == HAD_WIRE_SA;
			t->n_policies += m.type == HAD_WIRE_POLICY;
		}
		explicit_bzero(relays.body, m.body_len);
	}
	if (!i && t->open) {
		t->open = false;
		source_end(g, t);
	}
}

/* Who was told of it, or may have been, is told that it has gone. */
void store_gone(const struct relay *g, const struct item *i)
{
	for (struct tell *t = g->tells; t; t = t->next)
		if (tells_stored(g, t) && t->begun && !t->fresh)
			source_gone(g, t, i);
}

/* Peers are told of what is stored, as far as they take it. */
void store_tell(struct relay *g)
{
	if (!g->store || g->source)
		return;
	for (struct tell *t = g->tells; t; t = t->next)
		tell(g, t);
}

/**
 * store_install() - all that is stored of a group comes into the kernel
 * @g: group
 *
 * SAs before the policies that ask for them.
 */
void store_install(struct relay *g)
{
	static const size_t order[] = { sizeof(struct had_sa_id), sizeof(struct had_policy_id) };
	unsigned int n = 0, failed = 0;
	struct item *i, *next;

	if (!g->stored)
		return;
	for (unsigned int o = 0; o < 2; o++)
		table_for_each(i, next, &g->mine) {
			if (!i->sealed || i->key_len != order[o])
				continue;
			failed += !sink_install(g, i);
			if (!(++n % TURN))
				notify("WATCHDOG=1");
		}
	had_log(LOG_NOTICE, "relay: group %s: %u SAs and policies that were stored are installed",
		g->group->name, n - failed);
}

/* There was no room for all. */
void store_tick(struct relay *g)
{
	uint32_t limit = relays.had->conf->store_limit;

	if (!g->store)
		return;
	store_tell(g);
	if (!g->lacks || g->snapshot_open || n_stored > limit - limit / ROOM_AGAIN - 1)
		return;
	g->lacks = false;
	if (sink_is(g))
		sink_ask_again(g);
}

/*
 * The peer that was active is lost, and nothing of its SAs is in the kernel here: the module leaves
 * it to who has them. Installed first they are held, so that nobody sends before the numbers are
 * known, and the addresses follow the role.
 */
static void take(struct had_group *group)
{
	struct relay *g = group->relay;

	g->take = false;
	if (!g->store || !sink_is(g) || group->role != XFRM_HA_ROLE_STANDBY || !g->stored)
		return;
	store_install(g);
	if (module_take_stored(group, "the peer is lost, its SAs were stored"))
		had_log(LOG_ERR, "group %s: it can't be taken over", group->name);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct had *had = arg;

	(void)fd;
	(void)what;
	for (struct had_group *group = had->groups; group; group = group->next)
		if (group->relay && group->relay->take)
			take(group);
}

/* Before the addresses: where the role has changed without us, the SAs are there first, too. */
static void store_role(struct had *had, struct had_group *group)
{
	struct relay *g = group->relay;

	(void)had;
	if (!g || !g->store)
		return;
	if (had_active(group)) {
		store_install(g);
		g->carried = false;
	} else if (!strcmp(group->peer_role, "active")) {
		g->carried = group->peer_synced;
	} else if (group->peer_role[0]) {
		g->carried = false;
	} else if (g->carried && group->running && group->conf &&
		   group->conf->on_peer_loss == CONF_LOSS_TAKEOVER) {
		g->carried = false;
		g->take = true;
		/* This may be called while the module is read. */
		event_active(soon, EV_TIMEOUT, 0);
	}
}

/* A line of the status, see control.c */
void store_status(const struct had_group *group, FILE *to)
{
	const struct relay *g = group->relay;

	if (g && (g->store || g->left_out))
		fprintf(to, "store\t%s\t%u\t%llu\n", group->name, g->stored,
			(unsigned long long)g->left_out);
}

bool store_open(struct had *had)
{
	key = had_secret_alloc(KEY_LEN);
	cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	ctx = EVP_CIPHER_CTX_new();
	soon = evtimer_new(had->base, on_soon, had);
	if (!key || !cipher || !ctx || !soon || getentropy(key, KEY_LEN)) {
		had_log(LOG_ERR, "relay: OpenSSL has no AES-GCM");
		return false;
	}
	event_priority_set(soon, 0);
	return true;
}

void store_close(void)
{
	if (soon)
		event_free(soon);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	had_secret_free(key, KEY_LEN);
}

const struct had_part store_part = { .name = "store", .role = store_role };
