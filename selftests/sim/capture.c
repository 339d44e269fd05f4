// SPDX-License-Identifier: GPL-2.0
/*
 * A capture as a trace: each ESP packet in it, over IPv4 or IPv6, also in UDP on port 4500, is
 * one of the SA with its destination and SPI. SAs are numbered by their first packets. There
 * are as many slots for them as 1024 for 100,000.
 *
 * The generator writes such a file: 120 s of 2,000 SAs, Ethernet, IPv4, the first 8 octets of
 * ESP. The SAs send and pause in turn; how long they send is distributed as Pareto's (shape 1.5,
 * from 5 s), and so is the rate at which they do (shape 1.2, from 3 packets/s, at most 3000);
 * they pause for 30 s on average. The gaps between an SA's packets are exponential.
 */

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include "sim.h"

#define NAT_T	4500	/* UDP port: RFC 3948 */
#define SAS	2000	/* of the generator */
#define SECONDS	120

struct record {
	double time;
	u32 sa;
};

struct key {
	u8 dst[16];
	u32 spi;
	u32 sa;
	bool used;
};

struct capture {
	struct record *record;
	u64 records, room;
	struct key *key;
	u32 keys, mask;
};

static void keep(struct capture *c, double time, u32 sa)
{
	if (c->records == c->room) {
		c->room = c->room ? 2 * c->room : 4096;
		c->record = reallocarray(c->record, c->room, sizeof(*c->record));
		if (!c->record) {
			perror("sim");
			exit(2);
		}
	}
	c->record[c->records++] = (struct record){ time, sa };
}

/* Where the key is, from now on at least: c->key may be another then. */
static u32 place(struct capture *c, const u8 *dst, unsigned int len, const u8 *spi)
{
	u32 hash = 2166136261u, i, at, n = c->mask + 1;
	struct key k = { .used = true }, *old = c->key;

	if (2 * c->keys >= n) {
		c->mask = 2 * n - 1;
		c->key = array(2 * n, sizeof(k));
		for (i = 0, c->keys = 0; i < n; i++) {
			if (!old[i].used)
				continue;
			at = place(c, old[i].dst, 16, (u8 *)&old[i].spi);
			c->key[at].sa = old[i].sa;
		}
		free(old);
		return place(c, dst, len, spi);
	}
	memcpy(k.dst, dst, len);
	memcpy(&k.spi, spi, 4);
	for (i = 0; i < 20; i++)
		hash = (hash ^ (i < 16 ? k.dst[i] : ((u8 *)&k.spi)[i - 16])) * 16777619u;
	for (i = hash & c->mask; c->key[i].used; i = (i + 1) & c->mask)
		if (!memcmp(c->key[i].dst, k.dst, 16) && c->key[i].spi == k.spi)
			return i;
	k.sa = c->keys++;
	c->key[i] = k;
	return i;
}

/* At the SPI, or NULL: not ESP. */
static const u8 *esp(const u8 *p, const u8 *end, const u8 **dst, unsigned int *len)
{
	u8 proto;

	if (end - p >= 20 && p[0] >> 4 == 4) {
		*dst = p + 16;
		*len = 4;
		proto = p[9];
		if (((p[6] & 0x1f) << 8 | p[7]))
			return NULL;
		p += (p[0] & 15) * 4;
	} else if (end - p >= 40 && p[0] >> 4 == 6) {
		*dst = p + 24;
		*len = 16;
		proto = p[6];
		p += 40;
	} else {
		return NULL;
	}
	if (proto == IPPROTO_UDP && end - p >= 16 &&
	    ((p[0] << 8 | p[1]) == NAT_T || (p[2] << 8 | p[3]) == NAT_T)) {
		p += 8;
		/* Without an SPI it is IKE (RFC 3948, 2.2). */
		return p[0] | p[1] | p[2] | p[3] ? p : NULL;
	}
	return proto == IPPROTO_ESP && end - p >= 8 ? p : NULL;
}

static const u8 *network(const u8 *p, const u8 *end, int link)
{
	unsigned int at = link == DLT_EN10MB ? 12 : 14, type;

	if (link == DLT_RAW)
		return p;
	for (; end - p >= at + 2; at += 4) {
		type = p[at] << 8 | p[at + 1];
		if (type == 0x0800 || type == 0x86dd)
			return p + at + 2;
		if (type != 0x8100 && type != 0x88a8)
			break;
	}
	return end;
}

static void next(struct trace *t, u32 tick)
{
	const struct capture *c = t->own;
	double start = c->record[0].time;
	u64 i, from;

	for (from = t->scanned; t->scanned < c->records; t->scanned++)
		if (c->record[t->scanned].time - start >= (tick + 1) * t->period)
			break;
	trace_room(t, t->scanned - from);
	memset(t->count, 0, t->sas * sizeof(*t->count));
	for (i = 0; i < t->packets; i++) {
		t->packet[i] = c->record[from + i].sa;
		t->count[t->packet[i]]++;
	}
}

struct trace *capture_read(const char *file, double period)
{
	char err[PCAP_ERRBUF_SIZE];
	struct capture *c = array(1, sizeof(*c));
	struct trace *t = array(1, sizeof(*t));
	pcap_t *pcap = pcap_open_offline(file, err);
	const u8 *p, *end, *spi, *dst;
	struct pcap_pkthdr *h;
	unsigned int len;
	double time = 0;
	u32 at;
	int link;

	if (!pcap) {
		fprintf(stderr, "sim: %s\n", err);
		exit(2);
	}
	link = pcap_datalink(pcap);
	if (link != DLT_EN10MB && link != DLT_RAW && link != DLT_LINUX_SLL) {
		fprintf(stderr, "sim: %s: neither Ethernet nor IP\n", file);
		exit(2);
	}
	c->mask = 1023;
	c->key = array(1024, sizeof(*c->key));
	while (pcap_next_ex(pcap, &h, &p) == 1) {
		end = p + h->caplen;
		spi = esp(network(p, end, link), end, &dst, &len);
		if (!spi)
			continue;
		/* Time does not go back, not even in a capture of several queues. */
		time = fmax(time, h->ts.tv_sec + h->ts.tv_usec / 1e6);
		at = place(c, dst, len, spi);
		keep(c, time, c->key[at].sa);
	}
	pcap_close(pcap);
	if (!c->records) {
		fprintf(stderr, "sim: %s: no ESP\n", file);
		exit(2);
	}
	free(c->key);
	t->name = "capture";
	t->sas = c->keys;
	t->slots = max_t(u32, (u64)t->sas * 1024 / 100000, 1);
	t->period = period;
	t->bar = BAR;
	t->ticks = (time - c->record[0].time) / period + 1;
	t->count = array(t->sas, sizeof(*t->count));
	t->next = next;
	t->own = c;
	return t;
}

static int by_time(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static double pareto(struct random *r, double shape, double least)
{
	return least / pow(uniform(r), 1 / shape);
}

void capture_make(const char *file, u64 seed)
{
	u8 packet[42] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 120, 0, 0, 0x40, 0, 64, IPPROTO_ESP, 0, 0,
		192, 0, 2, 1, 192, 0, 2, 2,
	};
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, sizeof(packet));
	pcap_dumper_t *dump = pcap_dump_open(dead, file);
	struct pcap_pkthdr h = { .caplen = sizeof(packet), .len = 134 };
	struct random r = { seed };
	double now, end, rate;
	struct capture c = { };
	u32 sa, seq;
	u64 i;

	if (!dump) {
		fprintf(stderr, "sim: %s\n", pcap_geterr(dead));
		exit(2);
	}
	for (sa = 0; sa < SAS; sa++) {
		/* Two minutes in, they no longer have begun together. */
		for (now = -120; now < SECONDS; ) {
			now -= 30 * log(uniform(&r));
			end = now + pareto(&r, 1.5, 5);
			rate = fmin(pareto(&r, 1.2, 3), 3000);
			for (; now < end && now < SECONDS; now -= log(uniform(&r)) / rate)
				if (now >= 0)
					keep(&c, now, sa);
		}
	}
	qsort(c.record, c.records, sizeof(*c.record), by_time);
	for (i = 0; i < c.records; i++) {
		sa = htonl(0x1000 + c.record[i].sa);
		seq = htonl(i + 1);
		memcpy(packet + 34, &sa, 4);
		memcpy(packet + 38, &seq, 4);
		h.ts.tv_sec = c.record[i].time;
		h.ts.tv_usec = (c.record[i].time - h.ts.tv_sec) * 1e6;
		pcap_dump((u_char *)dump, &h, packet);
	}
	free(c.record);
	pcap_dump_close(dump);
	pcap_close(dead);
}
