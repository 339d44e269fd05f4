// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha cache: the SAs of engine devices, where they are, and why. */

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm-ha.h"

/* Where an SA is that no NIC has. */
#define SOFTWARE	"software"

struct sa {
	char engine[IFNAMSIZ];
	char where[IFNAMSIZ];
	char pin[IFNAMSIZ];
	char dst[INET6_ADDRSTRLEN];
	uint32_t spi;
	uint32_t reason;
	uint32_t err;
	bool inbound;
	bool adopted;
	uint64_t heat, rate, packets, moves, gain, margin, since;
	size_t number;		/* as they came */
};

struct sas {
	struct sa *sa;
	size_t n, room;
};

static const char *nic(const struct nlattr *a)
{
	return nl_has(a) ? nla_get_string(a) : SOFTWARE;
}

static void keep(struct nlattr **a, void *data)
{
	struct nlattr *dst = a[XFRM_HA_A_CACHE_ADDRESS] ?: a[XFRM_HA_A_CACHE_ADDRESS6];
	char buf[INET6_ADDRSTRLEN];
	struct sas *sas = data;
	struct sa *sa;

	if (sas->n == sas->room) {
		sas->room = sas->room ? 2 * sas->room : 64;
		sas->sa = reallocarray(sas->sa, sas->room, sizeof(*sas->sa));
		if (!sas->sa)
			exit(refuse("out of memory"));
	}
	sa = &sas->sa[sas->n];
	*sa = (struct sa){
		.spi = ntohl(nl_number(a[XFRM_HA_A_CACHE_SPI])),
		.reason = nl_number(a[XFRM_HA_A_CACHE_REASON]),
		.err = nl_number(a[XFRM_HA_A_CACHE_ERRNO]),
		.inbound = nl_number(a[XFRM_HA_A_CACHE_INBOUND]),
		.adopted = nl_number(a[XFRM_HA_A_CACHE_ADOPTED]),
		.heat = nl_number(a[XFRM_HA_A_CACHE_HEAT]),
		.rate = nl_number(a[XFRM_HA_A_CACHE_RATE]),
		.packets = nl_number(a[XFRM_HA_A_CACHE_PACKETS]),
		.moves = nl_number(a[XFRM_HA_A_CACHE_MOVES]),
		.gain = nl_number(a[XFRM_HA_A_CACHE_GAIN]),
		.margin = nl_number(a[XFRM_HA_A_CACHE_MARGIN]),
		.since = nl_number(a[XFRM_HA_A_CACHE_SINCE]),
		.number = sas->n++,
	};
	snprintf(sa->engine, sizeof(sa->engine), "%s", nla_get_string(a[XFRM_HA_A_CACHE_ENGINE]));
	snprintf(sa->where, sizeof(sa->where), "%s", nic(a[XFRM_HA_A_CACHE_NIC]));
	snprintf(sa->pin, sizeof(sa->pin), "%s", nl_number(a[XFRM_HA_A_CACHE_PIN]) ?
		 nic(a[XFRM_HA_A_CACHE_PIN_NIC]) : "-");
	snprintf(sa->dst, sizeof(sa->dst), "%s", nl_has(dst) ? address(dst, buf) : "?");
}

/* The hottest ones first; as they came where that is the same */
static int compare(const void *a, const void *b)
{
	const struct sa *x = a, *y = b;

	if (x->heat != y->heat)
		return x->heat < y->heat ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

/* With what was held against what, where it was */
static void show_why(const struct sa *sa)
{
	const char *name = nl_name(&spec_cache_reason, sa->reason);

	if (!json && (sa->reason == XFRM_HA_CACHE_REASON_SWAP ||
		      sa->reason == XFRM_HA_CACHE_REASON_COLDER ||
		      sa->reason == XFRM_HA_CACHE_REASON_BELOW ||
		      sa->reason == XFRM_HA_CACHE_REASON_NOISE))
		out_string("why", "%s:%llu/%llu", name, (unsigned long long)sa->gain,
			   (unsigned long long)sa->margin);
	else
		out_string("why", "%s", name);
}

static void show(const struct sa *sa)
{
	out_object();
	if (json)
		out_string("engine", "%s", sa->engine);
	out_string("dir", "%s", sa->inbound ? "in" : "out");
	out_string("dst", "%s", sa->dst);
	out_string("spi", "0x%08x", sa->spi);
	out_string("where", "%s", sa->where);
	out_number("heat", sa->heat);
	out_number("rate", sa->rate);
	out_number("packets", sa->packets);
	out_number("moves", sa->moves);
	show_why(sa);
	if (json) {
		out_number("gain", sa->gain);
		out_number("margin", sa->margin);
		out_number("errno", sa->err);
		out_seconds("since", sa->since);
		out_bool("adopted", sa->adopted);
	}
	out_string("pin", "%s", sa->pin);
}

int cache_show(int argc, char **argv)
{
	struct sas sas = { };
	struct nl_msg *msg;
	int err;

	if (argc > 1)
		return usage("cache show takes one engine device at most");
	if (argc && !device_name(argv[0]))
		return USAGE;
	msg = nl_request(XFRM_HA_CMD_CACHE_GET, NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_CACHE_ENGINE, argv[0]);
	err = nl_talk(msg, XFRM_HA_A_CACHE_MAX, keep, &sas);
	if (!err) {
		if (sas.n)
			qsort(sas.sa, sas.n, sizeof(*sas.sa), compare);
		out_begin(true);
		for (size_t i = 0; i < sas.n; i++)
			show(&sas.sa[i]);
		out_end();
	}
	free(sas.sa);
	return err;
}

static int request(int argc, char **argv, bool pin)
{
	const char *where = NULL;
	struct nl_msg *msg;
	uint8_t dst[16];
	int len = 0;
	uint32_t spi;

	if (argc < 2)
		return usage("%s needs an engine device and an SPI", doing);
	if (!device_name(argv[0]))
		return USAGE;
	if (!parse_spi(argv[1], &spi))
		return usage("an SPI is a number from 1 to 0xffffffff, not \"%s\"", argv[1]);
	for (int i = 2; i < argc; i++) {
		bool more = i + 1 < argc;

		if (more && !len && is(argv[i], "address")) {
			len = parse_address(argv[++i], dst);
			if (!len)
				return usage("\"%s\" is not an address", argv[i]);
		} else if (more && pin && !where && is(argv[i], "nic")) {
			where = argv[++i];
			if (!device_name(where))
				return USAGE;
		} else if (pin && !where && is(argv[i], SOFTWARE)) {
			where = SOFTWARE;
		} else {
			return usage("%s: \"%s\" is not known, or needs a value", doing, argv[i]);
		}
	}
	if (pin && !where)
		return usage("%s needs nic NIC, or software", doing);
	msg = nl_request(XFRM_HA_CMD_CACHE_PIN, 0);
	nla_put_string(msg, XFRM_HA_A_CACHE_ENGINE, argv[0]);
	nla_put_u32(msg, XFRM_HA_A_CACHE_SPI, spi);
	if (len)
		nla_put(msg, len == 4 ? XFRM_HA_A_CACHE_ADDRESS : XFRM_HA_A_CACHE_ADDRESS6, len,
			dst);
	nla_put_u8(msg, XFRM_HA_A_CACHE_PIN, pin);
	/* What is shown of a pin may be said as well: "nic software" is software. */
	if (where && strcmp(where, SOFTWARE))
		nla_put_string(msg, XFRM_HA_A_CACHE_NIC, where);
	return nl_talk(msg, XFRM_HA_A_CACHE_MAX, NULL, NULL);
}

int cache_pin(int argc, char **argv)
{
	return request(argc, argv, true);
}

int cache_unpin(int argc, char **argv)
{
	return request(argc, argv, false);
}
