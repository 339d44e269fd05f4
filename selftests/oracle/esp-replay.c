// SPDX-License-Identifier: GPL-2.0
/*
 * esp-replay: sends the ESP packets of a capture once more.
 *
 *	esp-replay -r CAPTURE -i DEV -d MAC [-S SPI] [-n COUNT]
 *
 * Ethernet and IPv4 or IPv6 without extensions; the destination becomes MAC. With
 * -n only the last COUNT packets of the capture. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKETS	200000

static struct {
	uint8_t *data;
	unsigned int len;
} *packets;

static bool wanted(const uint8_t *p, unsigned int n, uint32_t spi)
{
	unsigned int at;

	if (n >= 42 && p[12] == 0x08 && p[13] == 0x00 && p[23] == 50)
		at = 14 + (p[14] & 15) * 4;
	else if (n >= 62 && p[12] == 0x86 && p[13] == 0xdd && p[20] == 50)
		at = 54;
	else
		return false;
	if (n < at + 8)
		return false;
	p += at;
	return !spi || spi == ((uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]);
}

static int usage(void)
{
	fputs("usage: esp-replay -r CAPTURE -i DEV -d MAC [-S SPI] [-n COUNT]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *dev = NULL;
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	unsigned long n = 0, last = PACKETS, sent = 0;
	char err[PCAP_ERRBUF_SIZE] = "";
	struct pcap_pkthdr *h;
	const u_char *data;
	uint8_t mac[6];
	uint32_t spi = 0;
	bool has_mac = false;
	pcap_t *pcap;
	int opt, fd;

	while ((opt = getopt(argc, argv, "r:i:d:S:n:")) != -1) {
		if (opt == 'r')
			file = optarg;
		else if (opt == 'i')
			dev = optarg;
		else if (opt == 'd')
			has_mac = sscanf(optarg, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", mac,
					 mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6;
		else if (opt == 'S')
			spi = strtoul(optarg, NULL, 0);
		else if (opt == 'n')
			last = strtoul(optarg, NULL, 0);
		else
			return usage();
	}
	if (!file || !dev || !has_mac || optind != argc)
		return usage();
	pcap = pcap_open_offline(file, err);
	to.sll_ifindex = if_nametoindex(dev);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	packets = calloc(PACKETS, sizeof(*packets));
	if (!pcap || !to.sll_ifindex || fd < 0 || !packets) {
		fprintf(stderr, "esp-replay: %s\n", pcap ? "no such device, or no socket" : err);
		return 2;
	}
	while (n < PACKETS && pcap_next_ex(pcap, &h, &data) == 1) {
		if (h->caplen != h->len || !wanted(data, h->caplen, spi))
			continue;
		packets[n].data = malloc(h->caplen);
		if (!packets[n].data)
			break;
		memcpy(packets[n].data, data, h->caplen);
		packets[n++].len = h->caplen;
	}
	for (unsigned long i = n > last ? n - last : 0; i < n; i++) {
		memcpy(packets[i].data, mac, 6);
		if (sendto(fd, packets[i].data, packets[i].len, 0, (void *)&to, sizeof(to)) > 0)
			sent++;
		/* Bounded: no more than a burst of 32 in a millisecond. */
		if (i % 32 == 31)
			usleep(1000);
	}
	printf("%lu\n", sent);
	return 0;
}
