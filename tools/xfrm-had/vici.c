// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol of charon's vici plugin, as far as it takes to count IKE_SAs. A packet is a length
 * of 32 bits, a type, and of a named one its name; then a message: sections in each other, of keys
 * with values, and lists.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vici.h"

#define PACKET_MAX	(512 * 1024)	/* octets; that is charon's own limit */
#define HA_TUNNEL	"ha"		/* what the plugin calls its own connection to the peer */

enum {
	CMD_REQUEST, CMD_RESPONSE, CMD_UNKNOWN,
	EVENT_REGISTER, EVENT_UNREGISTER, EVENT_CONFIRM, EVENT_UNKNOWN, EVENT
};

enum { SECTION_START = 1, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END };

struct vici {
	struct bufferevent *b;
	struct vici_sas sas;
	const struct vici_told *told;
	void *data;
};

/* A part of a message */
struct span {
	const uint8_t *at;
	size_t len;
};

static bool is(struct span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.at, word, s.len);
}

/* A word begins with its length, of @size octets. */
static bool word(struct span *from, size_t size, struct span *to)
{
	size_t len = 0;

	if (from->len < size)
		return false;
	for (size_t i = 0; i < size; i++)
		len = len << 8 | from->at[i];
	if (from->len - size < len)
		return false;
	*to = (struct span){ from->at + size, len };
	from->at += size + len;
	from->len -= size + len;
	return true;
}

/**
 * vici_count() - count an IKE_SA and its CHILD_SAs
 * @message: of an event list-sa
 * @len: its octets
 * @to: is added to
 *
 * Return: false: that is no message.
 */
bool vici_count(const uint8_t *message, size_t len, struct vici_sas *to)
{
	struct span rest = { message, len }, name, value;
	bool children = false, tunnel = false;
	unsigned int depth = 0;

	while (rest.len) {
		uint8_t type = *rest.at;

		rest.at++;
		rest.len--;
		switch (type) {
		case SECTION_START:
			if (!word(&rest, 1, &name))
				return false;
			if (!depth)
				tunnel = is(name, HA_TUNNEL);
			else if (depth == 1)
				children = is(name, "child-sas");
			depth++;
			break;
		case SECTION_END:
			if (!depth)
				return false;
			depth--;
			break;
		case KEY_VALUE:
			if (!word(&rest, 1, &name) || !word(&rest, 2, &value))
				return false;
			if (tunnel || !is(name, "state"))
				break;
			if (depth == 1) {
				to->active += is(value, "ESTABLISHED") || is(value, "REKEYING");
				to->passive += is(value, "PASSIVE");
			} else if (depth == 3 && children) {
				to->children += is(value, "INSTALLED") || is(value, "REKEYING");
			}
			break;
		case LIST_START:
			if (!word(&rest, 1, &name))
				return false;
			break;
		case LIST_ITEM:
			if (!word(&rest, 2, &value))
				return false;
			break;
		case LIST_END:
			break;
		default:
			return false;
		}
	}
	return !depth;
}

static bool on_packet(struct vici *v, struct span packet)
{
	uint8_t type = *packet.at;
	struct span name;

	packet.at++;
	packet.len--;
	switch (type) {
	case CMD_RESPONSE:
		v->told->sas(&v->sas, v->data);
		memset(&v->sas, 0, sizeof(v->sas));
		return true;
	case EVENT_CONFIRM:
		return true;
	case EVENT:
		return word(&packet, 1, &name) && vici_count(packet.at, packet.len, &v->sas);
	default:
		return false;
	}
}

static void on_read(struct bufferevent *b, void *data)
{
	struct evbuffer *in = bufferevent_get_input(b);
	struct vici *v = data;
	uint32_t n;

	while (evbuffer_copyout(in, &n, sizeof(n)) == sizeof(n)) {
		n = ntohl(n);
		if (n && n <= PACKET_MAX && evbuffer_get_length(in) < sizeof(n) + n)
			return;
		if (!n || n > PACKET_MAX || evbuffer_drain(in, sizeof(n)) ||
		    !on_packet(v, (struct span){ evbuffer_pullup(in, n), n })) {
			v->told->down(v->data);
			return;
		}
		evbuffer_drain(in, n);
	}
}

static void on_event(struct bufferevent *b, short what, void *data)
{
	struct vici *v = data;

	(void)b;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		v->told->down(v->data);
}

static bool send_named(struct vici *v, uint8_t type, const char *name, const void *message,
		       size_t len)
{
	uint32_t n = htonl(2 + strlen(name) + len);
	uint8_t head[] = { type, strlen(name) };

	return !bufferevent_write(v->b, &n, sizeof(n)) &&
	       !bufferevent_write(v->b, head, sizeof(head)) &&
	       !bufferevent_write(v->b, name, strlen(name)) &&
	       (!len || !bufferevent_write(v->b, message, len));
}

/**
 * vici_ask() - how many IKE_SAs there are
 *
 * charon waits for each one that it is busy with: of one that it never lets go of there is no
 * answer. Return: false: it can't be asked.
 */
bool vici_ask(struct vici *v)
{
	return send_named(v, CMD_REQUEST, "list-sas", NULL, 0);
}

/* vici_open() - NULL: charon is not there */
struct vici *vici_open(struct event_base *base, const char *path, const struct vici_told *told,
		       void *data)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct vici *v;
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		return NULL;
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	v = connect(fd, (void *)&to, sizeof(to)) ? NULL : calloc(1, sizeof(*v));
	if (v)
		v->b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!v || !v->b) {
		free(v);
		close(fd);
		return NULL;
	}
	v->told = told;
	v->data = data;
	bufferevent_setcb(v->b, on_read, NULL, on_event, v);
	bufferevent_enable(v->b, EV_READ | EV_WRITE);
	if (!send_named(v, EVENT_REGISTER, "list-sa", NULL, 0)) {
		vici_free(v);
		return NULL;
	}
	return v;
}

void vici_free(struct vici *v)
{
	if (!v)
		return;
	bufferevent_free(v->b);
	free(v);
}
