// SPDX-License-Identifier: GPL-2.0
/*
 * wire-oracle: watches ESP on the wire, rebuilds the 64-bit sequence numbers of
 * every SPI, and fails on a number that is seen twice with different content or
 * from two senders (invariant I1).
 *
 *	wire-oracle [-s SERIES] [-w CAPTURE] [-m OCTETS] -i DEV | -r CAPTURE
 *
 * Live (-i) it says "ready" when it has begun, and judges on SIGINT or SIGTERM.
 * -m is the longest packet: of short ones more are kept until they are judged. -w keeps the
 * packets, -s writes "time spi number sender" for each.
 *
 * Exit status: 0 no number was reused, 1 one was, 2 usage, 3 can't judge: packets
 * were lost by the capture, or a table was full.
 */
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBERS	65536	/* of each run that are remembered, the last ones */
#define RUNS	32	/* of an SPI: numbers that follow each other with gaps less than that */
#define SPIS	1024
#define BLOCK	20	/* ms until the kernel hands over what it has captured */

struct seen {
	uint64_t number;	/* 0: free */
	uint64_t digest;
	uint64_t sender;
};

struct run {
	uint64_t lowest, highest;
	struct seen *seen;
};

struct sa {
	uint8_t dst[16];
	uint32_t spi;
	uint64_t first, highest, packets, copies, gap, gap_at, late;
	double last, silence;
	struct run runs[RUNS];
	int n_runs;
};

static struct sa sas[SPIS];
static int n_sas;
static unsigned long reused, unjudged, truncated;
static int longest = 16384;
static FILE *series;
static pcap_t *pcap;
static pcap_dumper_t *dump;

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* FNV-1a: two contents that differ are told apart but for one in 2^64. */
static uint64_t digest(const uint8_t *p, size_t n)
{
	uint64_t h = 14695981039346656037ull;

	while (n--)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}

static struct sa *find(const uint8_t *dst, uint32_t spi)
{
	struct sa *sa;

	for (sa = sas; sa < sas + n_sas; sa++)
		if (sa->spi == spi && !memcmp(sa->dst, dst, 16))
			return sa;
	if (n_sas == SPIS)
		return NULL;
	n_sas++;
	sa->spi = spi;
	memcpy(sa->dst, dst, 16);
	return sa;
}

/* The number nearest to the highest one that has these low bits, as an ESN receiver infers it. */
static uint64_t rebuild(const struct sa *sa, uint32_t low)
{
	uint64_t n = (sa->highest & ~0xffffffffull) | low;

	if (n + 0x80000000ull < sa->highest)
		n += 0x100000000ull;
	else if (n > sa->highest + 0x80000000ull && n >= 0x100000000ull)
		n -= 0x100000000ull;
	return n;
}

static struct seen *seen_in(const struct run *r, uint64_t number)
{
	return &r->seen[number % NUMBERS];
}

/* Who has sent the number before; NULL: nobody, as far as is remembered. */
static struct seen *before(const struct sa *sa, uint64_t number)
{
	for (int i = 0; i < sa->n_runs; i++) {
		struct seen *s = seen_in(&sa->runs[i], number);

		if (s->number == number && s->digest)
			return s;
	}
	return NULL;
}

/* Where to remember it. NULL: it may have been forgotten, or there are too many runs. */
static struct seen *place(struct sa *sa, uint64_t number)
{
	struct run *r;

	for (r = sa->runs; r < sa->runs + sa->n_runs; r++)
		if (number >= r->lowest && number + NUMBERS <= r->highest)
			return NULL;
	for (r = sa->runs; r < sa->runs + sa->n_runs; r++)
		if (number + NUMBERS > r->highest && number < r->highest + NUMBERS)
			break;
	if (r == sa->runs + sa->n_runs) {
		if (sa->n_runs == RUNS)
			return NULL;
		r->seen = calloc(NUMBERS, sizeof(*r->seen));
		if (!r->seen)
			return NULL;
		r->lowest = number;
		r->highest = number;
		sa->n_runs++;
	}
	if (number > r->highest)
		r->highest = number;
	if (number < r->lowest)
		r->lowest = number;
	return seen_in(r, number);
}

static void esp(const uint8_t *dst, const uint8_t *p, size_t n, uint64_t sender, double t)
{
	struct sa *sa = find(dst, be32(p));
	struct seen *s;
	uint64_t number, d;

	if (!sa) {
		unjudged++;
		return;
	}
	number = rebuild(sa, be32(p + 4));
	d = digest(p, n) | 1;	/* 0: there is none */
	s = before(sa, number);
	if (series)
		fprintf(series, "%.6f %08x %llu %012llx\n", t, sa->spi,
			(unsigned long long)number, (unsigned long long)sender);
	if (sa->packets && t - sa->last > sa->silence)
		sa->silence = t - sa->last;
	sa->last = t;
	if (s && s->digest == d && s->sender == sender) {
		sa->copies++;
		return;
	}
	sa->packets++;
	if (s) {
		printf("REUSED spi %08x number %llu: %s\n", sa->spi, (unsigned long long)number,
		       s->sender == sender ? "other content" : "another sender");
		reused++;
		return;
	}
	s = place(sa, number);
	if (!s) {
		unjudged++;
		return;
	}
	*s = (struct seen){ number, d, sender };
	if (!sa->first)
		sa->first = number;
	if (number > sa->highest) {
		if (sa->highest && number - sa->highest - 1 > sa->gap) {
			sa->gap = number - sa->highest - 1;
			sa->gap_at = sa->highest;
		}
		sa->highest = number;
	} else {
		sa->late++;
	}
}

/* What an IPv6 header or extension leads to; false: cut short. */
static bool skip_extensions(const uint8_t **p, size_t *n, uint8_t *next)
{
	while (*next == 0 || *next == 43 || *next == 60 || *next == 44) {
		size_t len = *n < 8 ? SIZE_MAX : *next == 44 ? 8 : (size_t)((*p)[1] + 1) * 8;

		if (len > *n)
			return false;
		*next = **p;
		*p += len;
		*n -= len;
	}
	return true;
}

static void ip(const uint8_t *p, size_t n, uint64_t sender, double t)
{
	uint8_t dst[16] = { 0 }, next;
	size_t len;

	if (n >= 20 && p[0] >> 4 == 4) {
		len = (p[0] & 15) * 4;
		if (be16(p + 2) < n)
			n = be16(p + 2);
		if (len < 20 || len > n)
			return;
		next = p[9];
		memcpy(dst, p + 16, 4);
		p += len;
		n -= len;
	} else if (n >= 40 && p[0] >> 4 == 6) {
		next = p[6];
		memcpy(dst, p + 24, 16);
		if ((size_t)be16(p + 4) + 40 < n)
			n = be16(p + 4) + 40;
		p += 40;
		n -= 40;
		if (!skip_extensions(&p, &n, &next))
			return;
	} else {
		return;
	}
	/* UDP encapsulation (RFC 3948): four octets of 0 are IKE, one octet is a keepalive. */
	if (next == 17 && n >= 16 && (be16(p) == 4500 || be16(p + 2) == 4500) && be32(p + 8)) {
		p += 8;
		n -= 8;
		next = 50;
	}
	if (next == 50 && n >= 8)
		esp(dst, p, n, sender, t);
}

static void packet(u_char *user, const struct pcap_pkthdr *h, const u_char *p)
{
	double t = h->ts.tv_sec + h->ts.tv_usec / 1e6;
	uint64_t sender = 0;
	size_t n = h->caplen;

	(void)user;
	if (dump)
		pcap_dump((u_char *)dump, h, p);
	if (h->caplen < h->len)
		truncated++;
	if (pcap_datalink(pcap) == DLT_EN10MB) {
		size_t at = 12;

		if (n < 14)
			return;
		for (int i = 6; i < 12; i++)
			sender = sender << 8 | p[i];
		while (n >= at + 6 && (be16(p + at) == 0x8100 || be16(p + at) == 0x88a8))
			at += 4;
		p += at + 2;
		n -= at + 2;
	}
	ip(p, n, sender, t);
}

static void stop(int sig)
{
	(void)sig;
	pcap_breakloop(pcap);
}

/* What was captured when the signal came */
static void finish(void)
{
	/* Another one would end the first look at once. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	poll(NULL, 0, 2 * BLOCK);
	if (pcap_setnonblock(pcap, 1, NULL))
		unjudged++;
	while (pcap_dispatch(pcap, -1, packet, NULL) > 0)
		;
}

static pcap_t *live(const char *dev, char *err)
{
	pcap_t *p = pcap_create(dev, err);

	if (!p)
		return NULL;
	pcap_set_snaplen(p, longest);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, BLOCK);
	pcap_set_buffer_size(p, 64 << 20);
	if (pcap_activate(p) < 0) {
		snprintf(err, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(p));
		return NULL;
	}
	return p;
}

static int usage(void)
{
	fputs("usage: wire-oracle [-s SERIES] [-w CAPTURE] [-m OCTETS] -i DEV | -r CAPTURE\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *dev = NULL, *file = NULL, *keep = NULL;
	struct sigaction sa = { .sa_handler = stop };
	char err[PCAP_ERRBUF_SIZE] = "";
	struct pcap_stat st = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "i:m:r:s:w:")) != -1) {
		if (opt == 'i')
			dev = optarg;
		else if (opt == 'r')
			file = optarg;
		else if (opt == 'w')
			keep = optarg;
		else if (opt == 'm')
			longest = atoi(optarg);
		else if (opt == 's')
			series = fopen(optarg, "w");
		else
			return usage();
	}
	if (!dev == !file || optind != argc || longest < 64 || longest > 65536)
		return usage();
	pcap = dev ? live(dev, err) : pcap_open_offline(file, err);
	if (pcap && keep)
		dump = pcap_dump_open(pcap, keep);
	if (!pcap || (keep && !dump)) {
		fprintf(stderr, "wire-oracle: %s\n", pcap ? pcap_geterr(pcap) : err);
		return 2;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (dev) {
		puts("ready");
		fflush(stdout);
	}
	if (pcap_loop(pcap, -1, packet, NULL) == PCAP_ERROR) {
		fprintf(stderr, "wire-oracle: %s\n", pcap_geterr(pcap));
		unjudged++;
	}
	if (dev)
		finish();
	if (dev && !pcap_stats(pcap, &st))
		unjudged += st.ps_drop;
	for (struct sa *s = sas; s < sas + n_sas; s++)
		printf("spi %08x packets %llu first %llu last %llu largest-gap %llu after %llu "
		       "copies %llu reordered %llu silence %.3f\n",
		       s->spi, (unsigned long long)s->packets, (unsigned long long)s->first,
		       (unsigned long long)s->highest, (unsigned long long)s->gap,
		       (unsigned long long)s->gap_at, (unsigned long long)s->copies,
		       (unsigned long long)s->late, s->silence);
	printf("reused %lu unjudged %lu\n", reused, unjudged + truncated);
	if (series)
		fclose(series);
	if (dump)
		pcap_dump_close(dump);
	return reused ? 1 : unjudged + truncated ? 3 : 0;
}
