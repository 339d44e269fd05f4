// SPDX-License-Identifier: GPL-2.0
/* The words of a command line, and what is said about them. */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

/* The tool's sentences go to standard error; the daemon's to its log. */
static void say(const char *sentence)
{
	fprintf(stderr, "xfrm-ha: %s\n", sentence);
}

void (*speak)(const char *sentence) = say;
bool hushed;		/* refusals are not said */

/* What has help of its own, and what is done: "group", "group add"; or nothing */
const char *topic = "", *doing = "";

int refuse(const char *format, ...)
{
	char sentence[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	if (!hushed)
		speak(sentence);
	return REFUSED;
}

int usage(const char *format, ...)
{
	va_list ap;

	fputs("xfrm-ha: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "; see xfrm-ha %s%shelp\n", topic, *topic ? " " : "");
	return USAGE;
}

/* Keywords may be cut short. */
bool is(const char *word, const char *keyword)
{
	return *word && !strncmp(word, keyword, strlen(word));
}

bool number(const char *word, uint64_t max, uint32_t *value)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(word, &end, 0);
	if (errno || *end || end == word || *word == '-' || v > max)
		return false;
	*value = v;
	return true;
}

/* Could there be a device of this name? If not, it is said. */
bool device_name(const char *word)
{
	if (*word && strlen(word) < IFNAMSIZ)
		return true;
	usage("\"%s\" is not the name of a device", word);
	return false;
}

/* @a: 16 octets. How many of them the address has; 0: it is none */
int parse_address(const char *word, void *a)
{
	if (inet_pton(AF_INET, word, a) == 1)
		return 4;
	return inet_pton(AF_INET6, word, a) == 1 ? 16 : 0;
}

/* @spi: in network order, as packets and attributes have it */
bool parse_spi(const char *word, uint32_t *spi)
{
	uint32_t n;

	if (!number(word, UINT32_MAX, &n) || !n)
		return false;
	*spi = htonl(n);
	return true;
}

/* @buf: INET6_ADDRSTRLEN */
const char *address(const struct nlattr *a, char *buf)
{
	return inet_ntop(nla_len(a) == 4 ? AF_INET : AF_INET6, nla_data(a), buf,
			 INET6_ADDRSTRLEN) ?: "?";
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}
