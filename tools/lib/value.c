// SPDX-License-Identifier: GPL-2.0
/* Values, as they are written, to what is kept of them. Each is bounded. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "value.h"

static bool no(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool no(struct why *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return false;
}

static bool parse_number(const struct key *k, const char *s, uint32_t *to, struct why *why)
{
	unsigned long long n;
	char *end;

	if (k->words[0] && !strcmp(s, k->words[0])) {
		*to = k->word;
		return true;
	}
	errno = 0;
	n = strtoull(s, &end, 0);
	if (errno || end == s || *end || !isdigit((unsigned char)*s) || n < k->min || n > k->max)
		return no(why, "%s is a number from %u to %u%s%s, not \"%.40s\"", k->name, k->min,
			  k->max, k->words[0] ? ", or " : "", k->words[0] ?: "", s);
	*to = n;
	return true;
}

static bool parse_choice(const struct key *k, const char *s, uint32_t *to, struct why *why)
{
	for (uint32_t i = 0; i < 4 && k->words[i]; i++) {
		if (!strcmp(s, k->words[i])) {
			*to = i;
			return true;
		}
	}
	return no(why, "%s is %s%s%s or %s, not \"%.40s\"", k->name, k->words[0],
		  k->words[2] ? ", " : "", k->words[2] ? k->words[1] : "",
		  k->words[2] ?: k->words[1], s);
}

static bool parse_flag(const struct key *k, const char *s, bool *to, struct why *why)
{
	if (strcmp(s, "yes") && strcmp(s, "no"))
		return no(why, "%s is yes or no, not \"%.40s\"", k->name, s);
	*to = *s == 'y';
	return true;
}

/* @most: characters, without blanks and slashes */
static bool parse_name(const struct key *k, const char *s, size_t most, char *to, struct why *why)
{
	size_t n = strlen(s);

	if (!n || n > most)
		return no(why, "%s is a name of 1 to %zu characters, not of %zu", k->name, most, n);
	for (const char *c = s; *c; c++)
		if (!isgraph((unsigned char)*c) || strchr("/\"\\", *c))
			return no(why, "%s is a name without blanks, slashes and quotes", k->name);
	memcpy(to, s, n + 1);
	return true;
}

static bool parse_device(const struct key *k, const char *s, char *to, struct why *why)
{
	size_t n = strlen(s);

	if (!n || n >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, "..") || strpbrk(s, "/: \"\\"))
		return no(why, "%s: \"%.40s\" can't be the name of a device", k->name, s);
	memcpy(to, s, n + 1);
	return true;
}

static bool parse_text(const struct key *k, const char *s, char *to, struct why *why)
{
	size_t n = strlen(s);

	if (!n || n > CONF_TEXT)
		return no(why, "%s has 1 to %u characters, not %zu", k->name, CONF_TEXT, n);
	memcpy(to, s, n + 1);
	return true;
}

static bool parse_mac(const struct key *k, const char *s, uint8_t *m, struct why *why)
{
	int n = 0;

	if (strlen(s) != 17 ||
	    sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", m, m + 1, m + 2, m + 3, m + 4,
		   m + 5, &n) != 6 || n != 17)
		return no(why, "%s is an Ethernet address, not \"%.40s\"", k->name, s);
	if (m[0] & 1)
		return no(why, "%s is the address of one node, %s is not", k->name, s);
	return true;
}

bool value_ip(const struct key *k, const char *s, struct conf_ip *to, struct why *why)
{
	*to = (struct conf_ip){ };
	if (inet_pton(AF_INET, s, to->a) == 1) {
		to->family = AF_INET;
		to->len = 32;
	} else if (inet_pton(AF_INET6, s, to->a) == 1) {
		to->family = AF_INET6;
		to->len = 128;
	} else {
		return no(why, "%s: \"%.60s\" is not an address", k->name, s);
	}
	return true;
}

static bool parse_prefix(const struct key *k, const char *s, struct conf_ip *to, struct why *why)
{
	const char *slash = strchr(s, '/');
	char address[INET6_ADDRSTRLEN] = "", *end;
	unsigned long len;

	if (slash && slash - s < (long)sizeof(address))
		memcpy(address, s, slash - s);
	if (!slash || !isdigit((unsigned char)slash[1]))
		return no(why, "%s: \"%.60s\" is not ADDRESS/LENGTH", k->name, s);
	if (!value_ip(k, address, to, why))
		return no(why, "%s: \"%.60s\" is not ADDRESS/LENGTH", k->name, s);
	len = strtoul(slash + 1, &end, 10);
	if (*end || len > to->len)
		return no(why, "%s: a prefix has 0 to %u bits, not \"%.40s\"", k->name, to->len,
			  slash + 1);
	to->len = len;
	return true;
}

static bool parse_mark(const struct key *k, const char *s, struct conf_mark *to, struct why *why)
{
	char *end = NULL;

	to->mask = UINT32_MAX;
	errno = 0;
	if (isdigit((unsigned char)*s)) {
		unsigned long long v = strtoull(s, &end, 0), m = UINT32_MAX;

		if (*end == '/' && isdigit((unsigned char)end[1]))
			m = strtoull(end + 1, &end, 0);
		if (!errno && !*end && v <= UINT32_MAX && m <= UINT32_MAX) {
			to->value = v;
			to->mask = m;
			return true;
		}
	}
	return no(why, "%s is VALUE/MASK, not \"%.40s\"", k->name, s);
}

/**
 * value_socket() - what is listened on: a path from / on, ADDRESS:PORT, or [ADDRESS]:PORT of IPv6
 * @s: that
 * @to: the address
 * @len: its octets
 *
 * Return: whether it is one.
 */
bool value_socket(const char *s, struct sockaddr_storage *to, socklen_t *len)
{
	struct sockaddr_in6 *in6 = (void *)to;
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_un *un = (void *)to;
	const char *colon = strrchr(s, ':');
	char a[INET6_ADDRSTRLEN + 2] = "";
	unsigned long port;
	size_t n;
	char *end;

	memset(to, 0, sizeof(*to));
	if (*s == '/') {
		*len = sizeof(*un);
		un->sun_family = AF_UNIX;
		n = strlen(s);
		if (n >= sizeof(un->sun_path))
			return false;
		memcpy(un->sun_path, s, n);
		return true;
	}
	n = colon ? colon - s : 0;
	if (!n || n >= sizeof(a) || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end || !port || port > 65535)
		return false;
	memcpy(a, s, n);
	if (*a == '[' && a[n - 1] == ']') {
		a[n - 1] = '\0';
		*len = sizeof(*in6);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		return inet_pton(AF_INET6, a + 1, &in6->sin6_addr) == 1;
	}
	*len = sizeof(*in);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	return inet_pton(AF_INET, a, &in->sin_addr) == 1;
}

static bool parse_listen(const struct key *k, const char *s, char *to, struct why *why)
{
	struct sockaddr_storage address;
	socklen_t len;

	if (!value_socket(s, &address, &len))
		return no(why, "%s is a path from / on, ADDRESS:PORT or [ADDRESS]:PORT, not "
			  "\"%.80s\"", k->name, s);
	return parse_text(k, s, to, why);
}

bool value_parse(const struct key *k, const char *s, void *to, struct why *why)
{
	struct conf_ips *ips = to;
	struct conf_devices *devices = to;

	switch (k->kind) {
	case FLAG:
		return parse_flag(k, s, to, why);
	case NUMBER:
		return parse_number(k, s, to, why);
	case CHOICE:
		return parse_choice(k, s, to, why);
	case GROUP_NAME:
		return parse_name(k, s, XFRM_HA_NAME_MAX, to, why);
	case NODE_NAME:
		return parse_name(k, s, CONF_NODE, to, why);
	case TEXT:
		return parse_text(k, s, to, why);
	case DEVICE:
		return parse_device(k, s, to, why);
	case LISTEN:
		return parse_listen(k, s, to, why);
	case MAC:
		return parse_mac(k, s, to, why);
	case ADDRESS:
		return value_ip(k, s, to, why);
	case PREFIX:
		return parse_prefix(k, s, to, why);
	case MARK:
		return parse_mark(k, s, to, why);
	case ADDRESSES:
		if (ips->n == CONF_ADDRS)
			return no(why, "%s: there can be no more than %u", k->name, CONF_ADDRS);
		return value_ip(k, s, &ips->ip[ips->n], why) && ++ips->n;
	case PREFIXES:
		if (ips->n == CONF_ADDRS)
			return no(why, "%s: there can be no more than %u", k->name, CONF_ADDRS);
		return parse_prefix(k, s, &ips->ip[ips->n], why) && ++ips->n;
	case DEVICES:
		if (devices->n == CONF_DEVICES)
			return no(why, "%s: there can be no more than %u", k->name, CONF_DEVICES);
		return parse_device(k, s, devices->name[devices->n], why) && ++devices->n;
	}
	return false;
}
