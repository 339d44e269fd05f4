// SPDX-License-Identifier: GPL-2.0
/*
 * Neighbours are told where an address is: by gratuitous ARP (a request, which all update their
 * entries from, RFC 5227), or an unsolicited neighbour advertisement (RFC 4861, 7.2.6). Frames are
 * made here: nobody is waited for, and nothing is started.
 */

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "announce.h"
#include "had.h"

#define PROBED	64	/* addresses that are asked for at a time */

struct device {
	int index;
	uint8_t mac[ETH_ALEN];
};

static struct probed {
	uint8_t a[4];
	int index;
	uint8_t mac[ETH_ALEN];
} probed[PROBED];

static unsigned int next_probe;
static int out = -1, in = -1;
static struct event *heard;

/* False: nobody can be told on it. */
static bool find_device(const char *name, struct device *d)
{
	struct ifreq ifr = { };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(out, SIOCGIFFLAGS, &ifr) || ifr.ifr_flags & (IFF_NOARP | IFF_LOOPBACK) ||
	    !(ifr.ifr_flags & IFF_UP) || ioctl(out, SIOCGIFINDEX, &ifr))
		return false;
	d->index = ifr.ifr_ifindex;
	if (ioctl(out, SIOCGIFHWADDR, &ifr) || ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return false;
	memcpy(d->mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	return true;
}

static void put_frame(const struct device *d, const void *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = d->index };

	if (sendto(out, frame, len, MSG_DONTWAIT, (void *)&to, sizeof(to)) < 0)
		had_log(LOG_WARNING, "an announcement could not be sent: %s", strerror(errno));
}

/* @sender: 0.0.0.0 in a probe, else the address itself */
static void put_arp(const struct device *d, const uint8_t *sender, const uint8_t *target)
{
	struct {
		struct ether_header eth;
		struct ether_arp arp;
	} __attribute__((packed)) f = {
		.eth = { .ether_type = htons(ETHERTYPE_ARP) },
		.arp.ea_hdr = {
			.ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETHERTYPE_IP),
			.ar_hln = ETH_ALEN, .ar_pln = 4, .ar_op = htons(ARPOP_REQUEST),
		},
	};

	memset(f.eth.ether_dhost, 0xff, ETH_ALEN);
	memcpy(f.eth.ether_shost, d->mac, ETH_ALEN);
	memcpy(f.arp.arp_sha, d->mac, ETH_ALEN);
	memcpy(f.arp.arp_spa, sender, 4);
	memcpy(f.arp.arp_tpa, target, 4);
	put_frame(d, &f, sizeof(f));
}

static uint16_t checksum(const struct ip6_hdr *ip, const void *data, size_t len)
{
	struct {
		struct in6_addr src, dst;
		uint32_t len, next;
	} pseudo = { ip->ip6_src, ip->ip6_dst, htonl(len), htonl(IPPROTO_ICMPV6) };
	const uint8_t *p = (const void *)&pseudo;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(pseudo); i += 2)
		sum += p[i] << 8 | p[i + 1];
	p = data;
	for (size_t i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* A neighbour that hears that a router is none forgets the routes by it. */
static bool is_router(const char *device)
{
	char path[128], c = '0';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", device);
	f = fopen(path, "re");
	if (f) {
		c = fgetc(f);
		fclose(f);
	}
	return c == '1' || c == '2';
}

static void put_na(const struct device *d, const char *device, const uint8_t *address)
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	struct {
		struct ether_header eth;
		struct ip6_hdr ip;
		struct nd_neighbor_advert na;
		struct nd_opt_hdr opt;
		uint8_t mac[ETH_ALEN];
	} __attribute__((packed)) f = {
		.eth = {
			.ether_dhost = { 0x33, 0x33, 0, 0, 0, 1 },
			.ether_type = htons(ETHERTYPE_IPV6)
		},
		.ip = { .ip6_flow = htonl(6u << 28), .ip6_nxt = IPPROTO_ICMPV6, .ip6_hlim = 255 },
		.na.nd_na_type = ND_NEIGHBOR_ADVERT,
		.opt = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
	};
	size_t len = sizeof(f.na) + sizeof(f.opt) + sizeof(f.mac);
	struct ip6_hdr ip;

	memcpy(f.eth.ether_shost, d->mac, ETH_ALEN);
	f.ip.ip6_plen = htons(len);
	memcpy(&f.ip.ip6_src, address, 16);
	memcpy(&f.ip.ip6_dst, all_nodes, 16);
	f.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE |
				    (is_router(device) ? ND_NA_FLAG_ROUTER : 0);
	memcpy(&f.na.nd_na_target, address, 16);
	memcpy(f.mac, d->mac, ETH_ALEN);
	ip = f.ip;
	f.na.nd_na_cksum = checksum(&ip, (const uint8_t *)&f + sizeof(f.eth) + sizeof(f.ip), len);
	put_frame(d, &f, sizeof(f));
}

static void note_probe(const struct device *d, const uint8_t *a)
{
	struct probed *p = probed;

	while (p < probed + PROBED && (p->index != d->index || memcmp(p->a, a, 4)))
		p++;
	if (p == probed + PROBED)
		p = &probed[next_probe++ % PROBED];
	memcpy(p->a, a, 4);
	memcpy(p->mac, d->mac, ETH_ALEN);
	p->index = d->index;
}

void announce(const struct conf_ip *ip, const char *device, bool probe)
{
	static const uint8_t nobody[4];
	struct device d;

	if (!find_device(device, &d))
		return;
	if (ip->family == AF_INET6) {
		put_na(&d, device, ip->a);
		return;
	}
	if (probe) {
		note_probe(&d, ip->a);
		put_arp(&d, nobody, ip->a);
	}
	put_arp(&d, ip->a, ip->a);
}

void announce_end(const struct conf_ip *ip, const char *device)
{
	for (struct probed *p = probed; p < probed + PROBED; p++)
		if (ip->family == AF_INET && p->index && !memcmp(p->a, ip->a, 4) &&
		    p->index == (int)if_nametoindex(device))
			p->index = 0;
}

/* Who answers for an address that is here, and is not this node, has it as well. */
static void on_arp(evutil_socket_t fd, short what, void *data)
{
	struct ether_arp arp;
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t n;

	(void)what;
	(void)data;
	while ((n = recvfrom(fd, &arp, sizeof(arp), 0, (void *)&from, &len)) >= 0) {
		const uint8_t *m = arp.arp_sha;

		for (struct probed *p = probed; n == sizeof(arp) && p < probed + PROBED; p++) {
			if (from.sll_pkttype == PACKET_OUTGOING || p->index != from.sll_ifindex ||
			    memcmp(p->a, arp.arp_spa, 4) || !memcmp(p->mac, m, ETH_ALEN))
				continue;
			had_log(LOG_WARNING,
				"%u.%u.%u.%u is at %02x:%02x:%02x:%02x:%02x:%02x as well",
				p->a[0], p->a[1], p->a[2], p->a[3], m[0], m[1], m[2], m[3], m[4],
				m[5]);
			p->index = 0;	/* said once for each probe */
		}
		len = sizeof(from);
	}
}

int announce_open(struct event_base *base)
{
	out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	in = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	heard = in < 0 ? NULL : event_new(base, in, EV_READ | EV_PERSIST, on_arp, NULL);
	if (out < 0 || !heard || event_add(heard, NULL)) {
		had_log(LOG_ERR, "no packet socket: %s", strerror(errno));
		return -1;
	}
	return 0;
}

void announce_close(void)
{
	if (heard)
		event_free(heard);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}
