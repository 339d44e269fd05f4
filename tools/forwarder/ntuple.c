// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to the queues of a NIC, by filters of its own for the SPI (ethtool's ntuple). The
 * workers are queues, and CPUs as their interrupts are set. The NIC counts nothing.
 *
 * A NIC's rules are everybody's. We put ours where none is, and before one is replaced or removed
 * it is read: who has put another one there keeps it. Reading and writing are two steps, so a
 * rule that someone adds between them, within microseconds, is not seen. A journal (journal.c)
 * knows which are ours: those that a dead forwarder has left go to the SAs that have them, and
 * the others are removed.
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
#include "journal.h"
#include "tool.h"

#define ETH_NTUPLE	(1 << 27)	/* of ETHTOOL_GFLAGS */
#define MAX_TABLE	(1 << 20)	/* locations beyond are not used */
#define READ_TRIES	5		/* the rules may change meanwhile */
#define REMOVALS	10		/* tries, one a period */
#define AT_ONCE		64		/* rules that a period tries again, or reads */
#define NAME_TRIES	3		/* it may be renamed meanwhile */
#define JOURNAL_LINES	4096		/* and four for each rule: then it is written anew */
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

static int ifindex;
static char dev[IFNAMSIZ];	/* as it was called when last asked */
static bool any;		/* the driver chooses where a rule goes */
static uint32_t n_rules;
static struct rule *rules;	/* by slot */
static struct rule *leaving;	/* of no SA any more, but still in the NIC */
static uint32_t n_leaving;
static struct rule *inherited;	/* of a dead one, sorted by their key */
static uint32_t n_inherited;
static uint32_t next_inherited;	/* those before it were seen to belong to an SA, or are leaving */
static bool full;		/* none was free, and none has been given back since */
static bool unsettled;		/* some rules are not as they shall be */
static uint32_t highest;	/* all locations from this one on are taken */
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

/*
 * By its number: it may have another name by now, and its name another device. -ENXIO: it is gone.
 * A device that is there and not present, as drivers have it while they reset it, is busy.
 */
static int nic(void *command)
{
	int err = -ENODEV;

	for (int i = 0; i < NAME_TRIES && err == -ENODEV; i++) {
		if (!if_indextoname(ifindex, dev))
			return -ENXIO;
		err = ethtool(dev, command);
	}
	return err == -ENODEV ? -EBUSY : err;
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

/*
 * @location: RX_CLS_LOC_ANY, or a free one, or that of the rule to be replaced, which leads to
 * @was. Nothing is written to the NIC of which the journal does not know.
 */
static int insert(const struct fwd_key *key, uint32_t queue, uint32_t was, uint32_t *location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLINS, .fs.location = *location };
	int err = journal_put(key, any ? ANYWHERE : *location, queue, was);

	if (err)
		return err;
	describe(&c.fs, key, queue);
	err = nic(&c);
	if (err)
		return err;
	*location = c.fs.location;
	/* If that can't be written, the one above says it as long as it is the last. */
	if (any)
		journal_put(key, *location, queue, queue);
	return 0;
}

static int drop(uint32_t location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLDEL, .fs.location = location };

	return nic(&c);
}

/* -ENOENT: no rule is there, as drivers say it, or the device has none any more */
static int get(uint32_t location, struct ethtool_rxnfc *c)
{
	int err;

	*c = (struct ethtool_rxnfc){ .cmd = ETHTOOL_GRXCLSRULE, .fs.location = location };
	err = nic(c);
	return err == -EINVAL || err == -ENXIO || err == -EOPNOTSUPP ? -ENOENT : err;
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
	full = false;
	if (location >= table)
		return;
	taken[location] = false;
	if (highest <= location)
		highest = location + 1;
}

/* All locations with a rule, whosever it is, to be freed. NULL: @err */
static struct ethtool_rxnfc *list_rules(int *err)
{
	struct ethtool_rxnfc c, *all = NULL;
	int tries = READ_TRIES;

	do {
		c = (struct ethtool_rxnfc){ .cmd = ETHTOOL_GRXCLSRLCNT };
		*err = nic(&c);
		if (*err)
			break;
		free(all);
		all = calloc(1, sizeof(*all) + c.rule_cnt * sizeof(*all->rule_locs));
		if (!all) {
			*err = -ENOMEM;
			break;
		}
		/* Some drivers want to be asked for as many as there are. */
		all->cmd = ETHTOOL_GRXCLSRLALL;
		all->rule_cnt = c.rule_cnt;
		*err = nic(all);
	} while (*err && --tries);
	if (!*err)
		return all;
	free(all);
	return NULL;
}

/* Which locations there are, and which of them have a rule. */
static int read_table(void)
{
	struct ethtool_rxnfc *all;
	int err;

	all = list_rules(&err);
	if (!all)
		return err;
	if (!taken) {
		table = all->data < MAX_TABLE ? all->data : MAX_TABLE;
		taken = calloc(table + 1, sizeof(*taken));
	}
	if (!taken) {
		err = -ENOMEM;
		goto out;
	}
	memset(taken, 0, table * sizeof(*taken));
	highest = table;
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

	if (full)
		return false;
	for (int fresh = 0; fresh < 2; fresh++) {
		while (highest) {
			uint32_t i = --highest;

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
	full = true;
	return false;
}

/* A new one, where none is. */
static int install(struct rule *r)
{
	uint32_t location = RX_CLS_LOC_ANY;
	int err;

	if (!any && !choose(&location))
		return -ENOSPC;
	err = insert(&r->key, r->wanted, r->wanted, &location);
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
	journal_gone(r->location);
	give(r->location);
	r->used = false;
}

/* 0: it is gone, or it has been replaced and is no longer ours. */
static int take_out(struct rule *r)
{
	int err = look(r);

	if (!err)
		err = drop(r->location);
	if (err && err != -ENOENT && err != -ENXIO)
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
	if (!err && !insert(&r->key, r->wanted, r->queue, &location)) {
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

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct rule *)a)->key, &((const struct rule *)b)->key,
		      sizeof(struct fwd_key));
}

/* The rule that a dead one has left for this SA */
static struct rule *inherit(const struct fwd_key *key)
{
	struct rule search = { .key = *key }, *r;

	r = n_inherited ? bsearch(&search, inherited, n_inherited, sizeof(*r), by_key) : NULL;
	return r && r->used ? r : NULL;
}

static void inherit_if_ours(const struct record *record, uint32_t location)
{
	struct rule r = { .key = record->key, .location = location, .queue = record->queue,
			  .used = true };

	if (look(&r)) {
		r.queue = record->was;
		if (look(&r))
			return;
	}
	inherited[n_inherited++] = r;
}

/* Where the driver chooses, a dead one may not have been told where its last one went. */
static void inherit_anywhere(const struct record *record)
{
	struct ethtool_rxnfc *all;
	uint32_t before = n_inherited;
	int err;

	all = list_rules(&err);
	for (uint32_t i = 0; all && i < all->rule_cnt && n_inherited == before; i++) {
		for (uint32_t n = 0; n < before; n++) {
			if (inherited[n].location == all->rule_locs[i])
				goto known;
		}
		inherit_if_ours(record, all->rule_locs[i]);
known:
		continue;
	}
	free(all);
}

static int write_journal(void)
{
	int err = journal_begin();

	for (uint32_t i = 0; !err && i < n_rules; i++) {
		if (rules[i].used)
			err = journal_put(&rules[i].key, rules[i].location, rules[i].queue,
					  rules[i].queue);
	}
	for (uint32_t i = 0; !err && i < n_leaving; i++)
		err = journal_put(&leaving[i].key, leaving[i].location, leaving[i].queue,
				  leaving[i].queue);
	for (uint32_t i = 0; !err && i < n_inherited; i++) {
		if (inherited[i].used)
			err = journal_put(&inherited[i].key, inherited[i].location,
					  inherited[i].queue, inherited[i].queue);
	}
	return err ? err : journal_commit();
}

/* Which of the rules in the NIC a dead one has left. */
static int read_journal(void)
{
	struct record *records;
	int n;

	journal_name(ifindex);
	n = journal_read(&records);
	if (n < 0)
		return -errno;
	inherited = calloc(n + 1, sizeof(*inherited));
	if (!inherited) {
		free(records);
		return -ENOMEM;
	}
	for (int i = 0; i < n; i++) {
		if (records[i].location != ANYWHERE)
			inherit_if_ours(&records[i], records[i].location);
		else
			inherit_anywhere(&records[i]);
	}
	free(records);
	qsort(inherited, n_inherited, sizeof(*inherited), by_key);
	return write_journal();
}

/* Who has SAs has taken the rules of theirs. */
static void disinherit(void)
{
	uint32_t done = 0;

	for (; next_inherited < n_inherited && done < AT_ONCE; next_inherited++) {
		struct rule *r = &inherited[next_inherited];

		if (!r->used)
			continue;
		leave(r);
		done++;
	}
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
	disinherit();
	look_again();
	full = false;
	if (journal_lines() > JOURNAL_LINES + 4 * n_rules && write_journal())
		refuse("%s: the journal of its filters can't be written anew", dev);
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

	return nic(&rings) ? 0 : rings.data;
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

	ifindex = s->ifindex;
	snprintf(dev, sizeof(dev), "%s", s->dev);
	queues = n_queues();
	off = !nic(&flags) && !(flags.data & ETH_NTUPLE);
	err = nic(&c);
	if (!queues || (err && !off))
		return refuse("%s has no filters for flows", dev);
	if (off)
		return refuse("the filters of %s are off: \"ethtool -K %s ntuple on\"", dev, dev);
	for (int i = 0; i < s->n_workers; i++) {
		if (s->workers[i] >= queues)
			return refuse("%s has no queue %u", dev, s->workers[i]);
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
	err = read_journal();
	if (err)
		return refuse("%s: the journal of its filters: %s", dev, strerror(-err));
	/* If some are there, and could be read, it takes them. */
	err = n_inherited ? DONE : probe(s->workers[0]);
	if (err) {
		journal_remove();
		return err;
	}
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
		for (uint32_t n = 0; n < n_inherited; n++)
			left += inherited[n].used && take_out(&inherited[n]);
		if (!left) {
			journal_remove();
			return;
		}
		usleep(LAST_PAUSE_US);
	}
	refuse("%s: filters that can't be removed: %u", dev, left);
}

static int ntuple_add_worker(uint32_t id)
{
	return id < n_queues() ? 0 : -ENODEV;
}

static int ntuple_add(struct sa *sa)
{
	struct rule *r = &rules[sa->slot], *old;
	int err;

	*r = (struct rule){ .key = sa->key, .wanted = sa->worker->id };
	old = inherit(&sa->key);
	if (old) {
		r->location = old->location;
		r->queue = old->queue;
		r->used = true;
		r->open = true;
		old->used = false;
		if (!settled(r))
			settle(r);
		return 0;
	}
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
	r->wanted = sa->worker->id;
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

static void ntuple_measure_worker(uint32_t id, uint64_t *packets, uint64_t *dropped)
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
	.add_worker = ntuple_add_worker,
	.add = ntuple_add,
	.move = ntuple_move,
	.del = ntuple_del,
	.pending = ntuple_pending,
	.period = ntuple_period,
	.measure = ntuple_measure,
	.measure_worker = ntuple_measure_worker,
	.count = ntuple_count,
};
