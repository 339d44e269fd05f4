// SPDX-License-Identifier: GPL-2.0
/*
 * Packets to the queues of a NIC, by filters of its own for the SPI (ethtool's ntuple). The
 * engines are queues, and CPUs as their interrupts are set. The NIC counts nothing.
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
#include "xfrm-ha.h"

#define ETH_NTUPLE	(1 << 27)	/* of ETHTOOL_GFLAGS */

struct rule {
	uint32_t location;
	uint32_t moves;
	bool used;
};

static char dev[IFNAMSIZ];
static uint32_t n_queues, n_rules, table;
static bool any;		/* the driver chooses where a rule goes */
static struct rule *rules;

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

/* @location: RX_CLS_LOC_ANY, or that of the rule to be replaced */
static int insert(const struct fwd_key *key, uint32_t queue, uint32_t *location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLINS };
	struct ethtool_rx_flow_spec *f = &c.fs;
	int err;

	f->ring_cookie = queue;
	f->location = *location;
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
	err = ethtool(dev, &c);
	*location = f->location;
	return err;
}

static int drop(uint32_t location)
{
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_SRXCLSRLDEL, .fs.location = location };

	return ethtool(dev, &c);
}

/* The NIC must take a filter for ESP: one that no packet will ever match tells. */
static int ntuple_open(const struct settings *s)
{
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };
	struct ethtool_rxnfc c = { .cmd = ETHTOOL_GRXCLSRLCNT };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct fwd_key key = { .daddr = { 0, 0, htonl(0xffff), htonl(0x7f000001) }, .spi = ~0 };
	uint32_t location;
	int err;

	snprintf(dev, sizeof(dev), "%s", s->dev);
	rules = calloc(s->limit, sizeof(*rules));
	if (!rules)
		return refuse("%s: %s", dev, strerror(errno));
	n_rules = s->limit;
	if (ethtool(dev, &rings) || ethtool(dev, &c))
		return refuse("%s has no filters for flows", dev);
	n_queues = rings.data;
	any = c.data & RX_CLS_LOC_SPECIAL;
	table = c.data & ~RX_CLS_LOC_SPECIAL;
	if (!ethtool(dev, &flags) && !(flags.data & ETH_NTUPLE))
		return refuse("the filters of %s are off: \"ethtool -K %s ntuple on\"", dev, dev);
	location = any ? RX_CLS_LOC_ANY : 0;
	err = insert(&key, s->engines[0], &location);
	if (err == -EPERM)
		return refuse("CAP_NET_ADMIN is needed");
	if (err)
		return refuse("%s has no filters for ESP: %s", dev, strerror(-err));
	drop(location);
	printf("%s: ntuple\n", dev);
	fflush(stdout);
	return DONE;
}

static void ntuple_close(void)
{
	for (uint32_t i = 0; i < n_rules; i++) {
		if (rules[i].used)
			drop(rules[i].location);
	}
}

static int ntuple_add_engine(uint32_t id)
{
	return id < n_queues ? 0 : -ENODEV;
}

static int ntuple_add(struct sa *sa)
{
	struct rule *r = &rules[sa->slot];
	int err;

	if (!any && sa->slot >= table)
		return -ENOSPC;
	*r = (struct rule){ .location = any ? RX_CLS_LOC_ANY : sa->slot };
	err = insert(&sa->key, sa->engine, &r->location);
	r->used = !err;
	return err;
}

static void ntuple_del(struct sa *sa)
{
	drop(rules[sa->slot].location);
	rules[sa->slot].used = false;
}

/* In place where the driver can do that; meanwhile packets go where the NIC's hash says. */
static void ntuple_move(struct sa *sa, bool force)
{
	struct rule *r = &rules[sa->slot];

	(void)force;
	if (insert(&sa->key, sa->engine, &r->location)) {
		drop(r->location);
		r->location = any ? RX_CLS_LOC_ANY : sa->slot;
		r->used = !insert(&sa->key, sa->engine, &r->location);
	}
	r->moves++;
}

static bool ntuple_pending(const struct sa *sa, uint32_t *at, uint32_t *moves)
{
	*at = sa->engine;
	*moves = rules[sa->slot].moves;
	return false;
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
	.measure = ntuple_measure,
	.measure_engine = ntuple_measure_engine,
	.count = ntuple_count,
};
