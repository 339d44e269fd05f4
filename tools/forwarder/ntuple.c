// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to the queues of a NIC, by filters of its own for the SPI (ethtool's ntuple). The
 * engines are queues, and CPUs as their interrupts are set. The NIC counts nothing.
 *
 * A NIC's rules are everybody's. We put ours where none is, and before one is replaced or removed
 * it is read: who has put another one there keeps it. Reading and writing are two steps, so a
 * rule that someone adds between them, within microseconds, is not seen.
 */

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "forwarder.h"
#include "tool.h"

#define ETH_NTUPLE	(1 << 27)	/* of ETHTOOL_GFLAGS */
#define MAX_TABLE	(1 << 20)	/* locations beyond are not used */
#define READ_TRIES	5		/* the rules may change meanwhile */
#define REMOVALS	10		/* tries, one a period */
#define AT_ONCE		64		/* rules that a period tries again, or reads */
#define LAST_TRIES	30		/* removals at the end */
#define LAST_PAUSE_US	100000

struct rule {
	struct fwd_key key;
	uint32_t location;
	uint32_t queue;		/* to which it leads */
	uint32_t wanted;	/* to which it shall lead */
	uint32_t moves;
	uint32_t tries;		/* to remove it */
	bool open;		/* of an SA */
	bool used;		/* in the NIC */
	bool moving;
};

static char dev[IFNAMSIZ];
static bool any;		/* the driver chooses where a rule goes */
static uint32_t n_rules;
static struct rule *rules;	/* by slot */
static struct rule *leaving;	/* of no SA any more, but still in the NIC */
static uint32_t n_leaving;
static bool unsettled;		/* some rules are not as they shall be */
static uint32_t table;		/* locations that there are; 0: that is the driver's business */
static bool *taken;		/* by location: by us, or as far as is known by others */

int ethtool(const char *name, void *command)
{
	struct ifreq r = { .ifr_data = command };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &r))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static void describe(struct ethtool_rx_flow_spec *f, const struct fwd_key *key, uint32_t queue)
{
	f->ring_cookie = queue;
	if (key_is_v4(key)) {
		f->flow_type = ESP_V4_FLOW;
		f->h_u.esp_ip4_spec.ip4dst = key->daddr[3];
		f->h_u.esp_ip4_spec.spi = key->spi;
		f->m_u.esp_ip4_spec.ip4dst = ~0;
		f->m_u.esp_ip4_spec.spi = ~0;
	} else {
		f->flow_type = ESP_V6_FLOW;
		memcpy(f->h_u.esp_ip6_spec.ip6dst, key->daddr, 16);
		f->h_u.esp_ip6_spec.spi = key->spi;
		memset(f->m_u.esp_ip6_spec.ip6dst, 0xff, 16);
		f->m_u.esp_ip6_spec.spi = ~0;
	}
}

/* @location: RX_CLS_LOC_ANY, or a free one, or that of the rule to be replaced */
static int insert(const struct fwd_key *key, uint32_t queue, uint32_t *location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLINS, .fs.location = *location };
	int err;

	describe(&c.fs, key, queue);
	err = ethtool(dev, &c);
	if (!err)
		*location = c.fs.location;
	return err;
}

static int drop(uint32_t location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLDEL, .fs.location = location };

	return ethtool(dev, &c);
}

/* -ENOENT: no rule is there, as drivers say it, or the device has none any more */
static int get(uint32_t location, struct ethtool_rxnfc *c)
{
	int err;

	*c = (struct ethtool_rxnfc){ .cmd = ETHTOOL_GRXCLSRULE, .fs.location = location };
	err = ethtool(dev, c);
	return err == -EINVAL || err == -ENODEV || err == -EOPNOTSUPP ? -ENOENT : err;
}

/* Is the rule in the NIC, and ours? Someone may have put another one there: -ENOENT. */
static int look(const struct rule *r)
{
	struct ethtool_rx_flow_spec own = { };
	struct ethtool_rxnfc c;
	int err = get(r->location, &c);

	if (err)
		return err;
	describe(&own, &r->key, r->queue);
	if (c.fs.flow_type != own.flow_type || c.fs.ring_cookie != own.ring_cookie)
		return -ENOENT;
	if (key_is_v4(&r->key))
		return c.fs.h_u.esp_ip4_spec.spi == own.h_u.esp_ip4_spec.spi &&
		       c.fs.h_u.esp_ip4_spec.ip4dst == own.h_u.esp_ip4_spec.ip4dst ? 0 : -ENOENT;
	return c.fs.h_u.esp_ip6_spec.spi == own.h_u.esp_ip6_spec.spi &&
	       !memcmp(c.fs.h_u.esp_ip6_spec.ip6dst, own.h_u.esp_ip6_spec.ip6dst, 16) ? 0 : -ENOENT;
}

static void take(uint32_t location)
{
	if (location < table)
		taken[location] = true;
}

static void give(uint32_t location)
{
	if (location < table)
		taken[location] = false;
}

/* Which locations there are, and which of them have a rule, whosever it is. */
static int read_table(void)
{
	struct ethtool_rxnfc c, *all = NULL;
	int err, tries = READ_TRIES;

	do {
		c = (struct ethtool_rxnfc){ .cmd = ETHTOOL_GRXCLSRLCNT };
		err = ethtool(dev, &c);
		if (err)
			break;
		free(all);
		all = calloc(1, sizeof(*all) + c.rule_cnt * sizeof(*all->rule_locs));
		if (!all)
			return -ENOMEM;
		/* Some drivers want to be asked for as many as there are. */
		all->cmd = ETHTOOL_GRXCLSRLALL;
		all->rule_cnt = c.rule_cnt;
		err = ethtool(dev, all);
	} while (err && --tries);
	if (err)
		goto out;
	if (!taken) {
		table = all->data < MAX_TABLE ? all->data : MAX_TABLE;
		taken = calloc(table + 1, sizeof(*taken));
	}
	if (!taken) {
		err = -ENOMEM;
		goto out;
	}
	memset(taken, 0, table * sizeof(*taken));
	for (uint32_t i = 0; i < all->rule_cnt; i++)
		take(all->rule_locs[i]);
	for (uint32_t i = 0; i < n_rules; i++) {
		if (rules[i].used)
			take(rules[i].location);
	}
	for (uint32_t i = 0; i < n_leaving; i++)
		take(leaving[i].location);
out:
	free(all);
	return err;
}

/* From the end: the rules of others, at lower locations, go before ours. */
static bool choose(uint32_t *location)
{
	struct ethtool_rxnfc c;

	for (int fresh = 0; fresh < 2; fresh++) {
		for (uint32_t i = table; i-- > 0;) {
			if (taken[i])
				continue;
			taken[i] = true;
			if (get(i, &c) != -ENOENT)
				continue;
			*location = i;
			return true;
		}
		if (!fresh && read_table())
			break;
	}
	return false;
}

/* A new one, where none is. */
static int install(struct rule *r)
{
	uint32_t location = RX_CLS_LOC_ANY;
	int err;

	if (!any && !choose(&location))
		return -ENOSPC;
	err = insert(&r->key, r->wanted, &location);
	if (err) {
		give(location);
		return err;
	}
	r->location = location;
	r->queue = r->wanted;
	r->used = true;
	return 0;
}

/* It is not in the NIC any more, or is somebody else's. */
static void gone(struct rule *r)
{
	give(r->location);
	r->used = false;
}

/* 0: it is gone, or it has been replaced and is no longer ours. */
static int take_out(struct rule *r)
{
	int err = look(r);

	if (!err)
		err = drop(r->location);
	if (err && err != -ENOENT && err != -ENODEV)
		return err;
	gone(r);
	return 0;
}

/* Drivers that add and remove later, by themselves, refuse for so long (EBUSY). */
static void leave(struct rule *r)
{
	struct rule *more;

	if (!take_out(r))
		return;
	tally.refused++;
	more = realloc(leaving, (n_leaving + 1) * sizeof(*leaving));
	if (!more)
		exit(refuse("out of memory"));
	leaving = more;
	leaving[n_leaving++] = (struct rule){ .key = r->key, .location = r->location,
					      .queue = r->queue, .used = true };
	r->used = false;
}

/*
 * In place where the driver can do that; else the old one goes first, and until the new one is
 * there packets go where the NIC's hash says.
 */
static int replace(struct rule *r)
{
	uint32_t location = any ? RX_CLS_LOC_ANY : r->location;
	struct rule old = *r;
	int err;

	err = look(r);
	if (!err && !insert(&r->key, r->wanted, &location)) {
		r->location = location;
		r->queue = r->wanted;
		if (location != old.location)
			leave(&old);
		return 0;
	}
	err = take_out(r);
	return err ? err : install(r);
}

static void settle(struct rule *r)
{
	if (r->used ? replace(r) : install(r)) {
		tally.refused++;
		unsettled = true;
		return;
	}
	r->moves += r->moving;
	r->moving = false;
}

static bool settled(const struct rule *r)
{
	return !r->open || (r->used && r->queue == r->wanted);
}

/* Someone may have removed it, or the driver has forgotten all when it was down. */
static void look_again(void)
{
	static uint32_t next;
	uint32_t done = 0;

	for (uint32_t i = 0; i < n_rules && done < AT_ONCE; i++) {
		struct rule *r = &rules[next++ % n_rules];

		if (!r->used)
			continue;
		done++;
		if (look(r) != -ENOENT)
			continue;
		gone(r);
		unsettled = true;
	}
	next %= n_rules;
}

/* What the NIC did not do is tried again. */
static void ntuple_period(void)
{
	static uint32_t next;
	uint32_t done = 0;
	struct rule *r;
	int err;

	for (uint32_t i = n_leaving; i-- > 0 && done < AT_ONCE;) {
		r = &leaving[i];
		if (r->tries == REMOVALS)
			continue;
		done++;
		err = take_out(r);
		if (!err) {
			*r = leaving[--n_leaving];
			continue;
		}
		tally.refused++;
		if (++r->tries == REMOVALS)
			refuse("%s: the filter at %u can't be removed: %s", dev, r->location,
			       strerror(-err));
	}
	look_again();
	if (!unsettled)
		return;
	unsettled = false;
	done = 0;
	for (uint32_t i = 0; i < n_rules; i++) {
		r = &rules[next++ % n_rules];
		if (settled(r))
			continue;
		if (done++ == AT_ONCE) {
			unsettled = true;
			next--;
			break;
		}
		settle(r);
	}
	next %= n_rules;
}

static uint32_t n_queues(void)
{
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };

	return ethtool(dev, &rings) ? 0 : rings.data;
}

/* The NIC must take a filter for ESP: one that no packet will ever match tells. */
static int probe(uint32_t queue)
{
	struct rule r = {
		.key = { .daddr = { 0, 0, htonl(0xffff), htonl(0x7f000001) }, .spi = ~0 },
		.wanted = queue,
	};
	int err = install(&r);

	if (err == -EPERM)
		return refuse("CAP_NET_ADMIN is needed");
	if (err == -ENOSPC)
		return refuse("%s has no room for a filter", dev);
	if (err)
		return refuse("%s has no filters for ESP: %s", dev, strerror(-err));
	if (look(&r)) {
		drop(r.location);
		return refuse("%s does not tell what its filters are", dev);
	}
	leave(&r);
	return DONE;
}

static int ntuple_open(const struct settings *s)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_GRXCLSRLCNT };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	uint32_t queues;
	bool off;
	int err;

	snprintf(dev, sizeof(dev), "%s", s->dev);
	queues = n_queues();
	off = !ethtool(dev, &flags) && !(flags.data & ETH_NTUPLE);
	err = ethtool(dev, &c);
	if (!queues || (err && !off))
		return refuse("%s has no filters for flows", dev);
	if (off)
		return refuse("the filters of %s are off: \"ethtool -K %s ntuple on\"", dev, dev);
	for (int i = 0; i < s->n_engines; i++) {
		if (s->engines[i] >= queues)
			return refuse("%s has no queue %u", dev, s->engines[i]);
	}
	any = c.data & RX_CLS_LOC_SPECIAL;
	err = any ? 0 : read_table();
	if (err)
		return refuse("%s does not tell where it has filters: %s", dev, strerror(-err));
	if (!any && !table)
		return refuse("%s does not tell how many filters it has", dev);
	rules = calloc(s->limit, sizeof(*rules));
	if (!rules)
		return refuse("%s: %s", dev, strerror(errno));
	n_rules = s->limit;
	err = probe(s->engines[0]);
	if (err)
		return err;
	started(s->dev, "queues", "ntuple");
	return DONE;
}

static void ntuple_close(void)
{
	uint32_t left = 0;

	for (int i = 0; i < LAST_TRIES; i++) {
		left = 0;
		for (uint32_t n = 0; n < n_rules; n++)
			left += rules[n].used && take_out(&rules[n]);
		for (uint32_t n = 0; n < n_leaving; n++)
			left += leaving[n].used && take_out(&leaving[n]);
		if (!left)
			return;
		usleep(LAST_PAUSE_US);
	}
	refuse("%s: filters that can't be removed: %u", dev, left);
}

static int ntuple_add_engine(uint32_t id)
{
	return id < n_queues() ? 0 : -ENODEV;
}

static int ntuple_add(struct sa *sa)
{
	struct rule *r = &rules[sa->slot];
	int err;

	*r = (struct rule){ .key = sa->key, .wanted = sa->engine->id };
	err = install(r);
	r->open = !err;
	return err;
}

static void ntuple_del(struct sa *sa)
{
	struct rule *r = &rules[sa->slot];

	r->open = false;
	if (r->used)
		leave(r);
}

static void ntuple_move(struct sa *sa, bool force)
{
	struct rule *r = &rules[sa->slot];

	(void)force;
	r->wanted = sa->engine->id;
	r->moving = true;
	if (!settled(r))
		settle(r);
}

static bool ntuple_pending(const struct sa *sa, uint32_t *at, uint32_t *moves)
{
	const struct rule *r = &rules[sa->slot];

	*at = r->queue;
	*moves = r->moves;
	return !settled(r);
}

static void ntuple_measure(struct sa *sa, uint64_t *packets, uint64_t *bytes)
{
	(void)sa;
	*packets = 0;
	*bytes = 0;
}

static void ntuple_measure_engine(uint32_t id, uint64_t *packets, uint64_t *dropped)
{
	(void)id;
	*packets = 0;
	*dropped = 0;
}

static uint64_t ntuple_count(int which)
{
	(void)which;
	return 0;
}

const struct forwarder ntuple_forwarder = {
	.open = ntuple_open,
	.close = ntuple_close,
	.add_engine = ntuple_add_engine,
	.add = ntuple_add,
	.move = ntuple_move,
	.del = ntuple_del,
	.pending = ntuple_pending,
	.period = ntuple_period,
	.measure = ntuple_measure,
	.measure_engine = ntuple_measure_engine,
	.count = ntuple_count,
};
