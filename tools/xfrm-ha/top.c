// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha top: which SAs carry how much, by the difference of two dumps. */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "xfrm-ha.h"

#define INTERVAL_MOST	3600	/* s */
#define BEFORE_TABLE	3	/* lines: groups are more of them */

/* What tells one SA from another, and what it has counted. */
struct flow {
	struct {
		uint8_t dst[16];
		uint32_t spi, proto, mark, mark_mask;
	} id;
	char dst[INET6_ADDRSTRLEN];
	char group[XFRM_HA_NAME_MAX + 1];
	uint32_t role;
	const char *way;
	uint64_t packets, bytes, behind;
	uint64_t pps, bps;	/* in the last interval */
};

struct dump {
	struct flow *flows;
	size_t n, room;
	uint64_t at;		/* ns */
};

struct view {
	const char *group;	/* NULL: all */
	uint32_t interval;	/* s */
	uint32_t count;		/* of times; 0: until it is ended */
	uint32_t rows;		/* of SAs; 0: all */
	bool screen;
	unsigned int groups;
	const struct dump *now;
};

static void *must(void *p)
{
	if (!p)
		exit(refuse("out of memory"));
	return p;
}

static void note(struct nlattr **a, void *data)
{
	struct dump *d = data;
	struct flow *f;

	if (d->n == d->room) {
		d->room = d->room ? 2 * d->room : 64;
		d->flows = must(reallocarray(d->flows, d->room, sizeof(*d->flows)));
	}
	f = &d->flows[d->n++];
	memset(f, 0, sizeof(*f));
	nla_memcpy(f->id.dst, a[XFRM_HA_A_SA_DST], sizeof(f->id.dst));
	f->id.spi = nla_get_u32(a[XFRM_HA_A_SA_SPI]);
	f->id.proto = nl_number(a[XFRM_HA_A_SA_PROTO]);
	f->id.mark = nl_number(a[XFRM_HA_A_SA_MARK]);
	f->id.mark_mask = nl_number(a[XFRM_HA_A_SA_MARK_MASK]);
	address(a[XFRM_HA_A_SA_DST], f->dst);
	snprintf(f->group, sizeof(f->group), "%s", nla_get_string(a[XFRM_HA_A_SA_GROUP]));
	f->role = nla_get_u32(a[XFRM_HA_A_SA_ROLE]);
	f->way = nla_get_u64(a[XFRM_HA_A_SA_OSEQ]) ? "out" :
		 nla_get_u64(a[XFRM_HA_A_SA_SEQ]) ? "in" : "-";
	f->packets = nla_get_u64(a[XFRM_HA_A_SA_PACKETS]);
	f->bytes = nla_get_u64(a[XFRM_HA_A_SA_BYTES]);
	f->behind = nla_get_u64(a[XFRM_HA_A_SA_BEHIND_OUT]) +
		    nla_get_u64(a[XFRM_HA_A_SA_BEHIND_IN]);
}

static int by_id(const void *x, const void *y)
{
	const struct flow *a = x, *b = y;

	return memcmp(&a->id, &b->id, sizeof(a->id));
}

/* The same order for those that are alike, each time */
static int by_rate(const void *x, const void *y)
{
	const struct flow *a = *(struct flow *const *)x, *b = *(struct flow *const *)y;

	return (a->bps < b->bps) - (a->bps > b->bps) ?:
	       (a->pps < b->pps) - (a->pps > b->pps) ?: by_id(a, b);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int read_sas(const struct view *v, struct dump *d)
{
	struct nl_msg *msg = nl_request(XFRM_HA_CMD_SA_GET, NLM_F_DUMP);
	int err;

	if (v->group)
		nla_put_string(msg, XFRM_HA_A_SA_GROUP, v->group);
	d->n = 0;
	err = nl_talk(msg, XFRM_HA_A_SA_MAX, note, d);
	d->at = now_ns();
	if (!err && d->n)
		qsort(d->flows, d->n, sizeof(*d->flows), by_id);
	return err;
}

static uint64_t per_second(uint64_t now, uint64_t before, uint64_t ns)
{
	/* It was replaced by another one meanwhile, or set back. */
	if (now < before || !ns)
		return 0;
	return (now - before) * 1e9 / ns + 0.5;
}

/* One that has come meanwhile may have been counted elsewhere: it has no rate yet. */
static void compare(struct dump *now, const struct dump *before)
{
	uint64_t ns = now->at - before->at;

	for (size_t i = 0; i < now->n; i++) {
		struct flow *f = &now->flows[i];
		const struct flow *b = before->n ? bsearch(f, before->flows, before->n,
							   sizeof(*f), by_id) : NULL;

		f->pps = b ? per_second(f->packets, b->packets, ns) : 0;
		f->bps = b ? per_second(8 * f->bytes, 8 * b->bytes, ns) : 0;
	}
}

static void show_group(struct nlattr **a, void *data)
{
	const char *name = nla_get_string(a[XFRM_HA_A_GROUP_NAME]);
	uint64_t pps = 0, bps = 0;
	struct view *v = data;

	if (v->group && strcmp(v->group, name))
		return;
	v->groups++;
	for (size_t i = 0; i < v->now->n; i++) {
		const struct flow *f = &v->now->flows[i];

		if (strcmp(f->group, name))
			continue;
		pps += f->pps;
		bps += f->bps;
	}
	printf("%s: %s, %u SAs, %llu packets/s, %.3f Mbit/s%s\n", name,
	       role_name(nla_get_u32(a[XFRM_HA_A_GROUP_ROLE])),
	       nla_get_u32(a[XFRM_HA_A_GROUP_SAS]), (unsigned long long)pps, bps / 1e6,
	       nla_get_u8(a[XFRM_HA_A_GROUP_PEER_SYNCED]) ? "" : ", no peer in sync");
}

static size_t rows(const struct view *v)
{
	struct winsize w = {};
	size_t n = v->rows ?: SIZE_MAX;

	if (v->screen && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row) {
		size_t fit = w.ws_row > v->groups + BEFORE_TABLE ?
			     w.ws_row - v->groups - BEFORE_TABLE : 1;

		n = n < fit ? n : fit;
	}
	return n;
}

static void show_flow(const struct flow *f)
{
	out_object();
	out_string("dst", "%s", f->dst);
	out_string("spi", "0x%08x", ntohl(f->id.spi));
	out_string("group", "%s", f->group);
	out_string("role", "%s", role_name(f->role));
	out_string("way", "%s", f->way);
	out_number("packets_s", f->pps);
	out_number("bits_s", f->bps);
	out_number("packets", f->packets);
	out_number("behind", f->behind);
}

static int show(struct view *v, const struct dump *now)
{
	struct flow **order = must(calloc(now->n + 1, sizeof(*order)));
	size_t n;
	int err = DONE;

	v->now = now;
	v->groups = 0;
	for (size_t i = 0; i < now->n; i++)
		order[i] = &now->flows[i];
	qsort(order, now->n, sizeof(*order), by_rate);
	if (v->screen)
		fputs("\033[H\033[J", stdout);
	if (!json) {
		err = nl_talk(nl_request(XFRM_HA_CMD_GROUP_GET, NLM_F_DUMP), XFRM_HA_A_GROUP_MAX,
			      show_group, v);
		putchar('\n');
	}
	n = rows(v);
	out_begin(true);
	for (size_t i = 0; i < now->n && i < n; i++)
		show_flow(order[i]);
	out_end();
	free(order);
	return err;
}

static int take_words(struct view *v, int argc, char **argv)
{
	for (; argc > 1; argc -= 2, argv += 2) {
		if (is(argv[0], "group"))
			v->group = argv[1];
		else if (is(argv[0], "interval") && number(argv[1], INTERVAL_MOST, &v->interval) &&
			 v->interval)
			continue;
		else if (is(argv[0], "count") && number(argv[1], UINT32_MAX, &v->count) &&
			 v->count)
			continue;
		else if (is(argv[0], "rows") && number(argv[1], UINT32_MAX, &v->rows) && v->rows)
			continue;
		else
			break;
	}
	if (!argc)
		return DONE;
	return usage("top takes \"group NAME\", \"interval SECONDS\" (1 to %u), \"count N\" and "
		     "\"rows N\"", INTERVAL_MOST);
}

int top(int argc, char **argv)
{
	struct view v = { .interval = 2 };
	struct dump dumps[2] = {};
	unsigned int last = 0;
	int err;

	err = take_words(&v, argc, argv);
	if (err)
		return err;
	v.screen = !json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	/* Who reads it later wants an end of it. */
	if (!v.count && !v.screen)
		v.count = 1;
	err = read_sas(&v, &dumps[last]);
	for (uint32_t i = 0; !err && (!v.count || i < v.count); i++) {
		sleep(v.interval);
		err = read_sas(&v, &dumps[!last]);
		if (err)
			break;
		compare(&dumps[!last], &dumps[last]);
		last = !last;
		err = show(&v, &dumps[last]);
	}
	free(dumps[0].flows);
	free(dumps[1].flows);
	return err;
}
