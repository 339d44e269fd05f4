/* SPDX-License-Identifier: GPL-2.0 */
/* The file that describes a gateway, see xfrm-ha.conf(5). */
#ifndef XFRM_HA_CONF_H
#define XFRM_HA_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/xfrm_ha.h>

#define CONF_FILE	"/etc/xfrm-ha/xfrm-ha.conf"

#define CONF_NODE	64	/* characters of the name of a node */
#define CONF_TEXT	255	/* of a path or a command */
#define CONF_ADDRS	16	/* that a group can match, and of others in a list */
#define CONF_DEVICES	8	/* that a group can track */
#define CONF_AUTO	UINT32_MAX
#define CONF_NO_LINK	"none"	/* in the place of a link's name */
#define CONF_SIZE_MAX	(1 << 20)	/* octets of a file */

struct conf_pos {
	int line, column;	/* from 1; 0: it was not read from a file */
};

struct conf_ip {
	uint8_t family;		/* AF_INET, AF_INET6; 0: none */
	uint8_t len;		/* of the prefix, in bits */
	uint8_t a[16];
};

struct conf_link {
	struct conf_link *next;
	struct conf_pos at;
	char name[CONF_NODE + 1];
	char device[IFNAMSIZ];
	uint8_t peer[6];
	bool has_peer, insecure;
	char key_file[CONF_TEXT + 1];	/* "-": the running link's key is kept */
	uint32_t heartbeat, dead, batch, ethertype, carrier_loss;
};

struct conf_address {
	struct conf_address *next;
	struct conf_pos at;
	struct conf_ip ip;
	char device[IFNAMSIZ];
};

struct conf_route {
	struct conf_route *next;
	struct conf_pos at;
	struct conf_ip to, via, source;
	char device[IFNAMSIZ];
	uint32_t metric, table;
};

struct conf_neighbour {
	struct conf_neighbour *next;
	struct conf_pos at;
	struct conf_ip ip;
	char device[IFNAMSIZ];
	uint8_t mac[6];
	bool has_mac, proxy;
};

/* A device with an Ethernet address that is where the group is active. */
struct conf_virtual {
	struct conf_virtual *next;
	struct conf_pos at;
	char name[IFNAMSIZ], device[IFNAMSIZ];	/* its own name, and what it is on */
	uint8_t mac[6];
	bool has_mac;
};

struct conf_ips {
	unsigned int n;
	struct conf_ip ip[CONF_ADDRS];
};

/* What is from @from and for @to does not leave in clear, whatever policies there are. */
struct conf_protect {
	struct conf_protect *next;
	struct conf_pos at;
	struct conf_ip from;
	struct conf_ips to;
};

/* What the peer's kernel has in @peer this one has in @device. */
struct conf_offload {
	struct conf_offload *next;
	struct conf_pos at;
	char peer[IFNAMSIZ], device[IFNAMSIZ];
};

struct conf_script {
	struct conf_script *next;
	struct conf_pos at;
	char name[CONF_NODE + 1];
	char command[CONF_TEXT + 1];
	uint32_t interval, timeout;	/* s */
	uint32_t rise, fall;		/* in a row */
};

struct conf_devices {
	unsigned int n;
	char name[CONF_DEVICES][IFNAMSIZ];
};

struct conf_mark {
	uint32_t value, mask;
};

struct conf_match {
	struct conf_ips address;
	uint32_t reqid, if_id;
	struct conf_mark mark;
	bool has_reqid, has_if_id, has_mark;
};

/* Where what comes to a gateway that is not active is passed on to. */
struct conf_detour {
	struct conf_pos at;
	char device[IFNAMSIZ];
	uint8_t peer[6];
	bool has_peer;		/* else that of the link, which is on this device */
	bool trusted;		/* what it carries in clear nobody reads */
	uint32_t keep;		/* octets of what the peer passes on too early */
};

/* charon with its ha plugin: where it is asked and told, see xfrm-ha.conf(5) */
struct conf_charon {
	struct conf_pos at;
	char vici[CONF_TEXT + 1], fifo[CONF_TEXT + 1];	/* "": CONF_VICI, CONF_FIFO */
	char restart[CONF_TEXT + 1];	/* command */
	uint32_t timeout;		/* s */
};

#define CONF_VICI	"/run/charon.vici"
#define CONF_FIFO	"/run/charon.ha"

#define CONF_PREPARE	1000	/* ms: of a group with a detour, if nothing else is said */

struct conf_group {
	struct conf_group *next;
	struct conf_pos at;
	char name[XFRM_HA_NAME_MAX + 1];

	/* What the module is told. */
	char link[CONF_NODE + 1];	/* "": the first one, if there is one */
	struct conf_pos link_at;
	struct conf_match match;
	uint32_t role;			/* that it begins with; CONF_ROLE_* */
	uint32_t interval, quantity, max_age, join, stripe, index, nodes, soft, prepare;
	uint32_t on_peer_loss, alone, sync, replay;
	bool bitmap;

	/* What the daemon does. */
	bool prefer, replicate, store, has_detour, has_charon;
	struct conf_detour detour;
	struct conf_charon charon;
	uint32_t prefer_delay;		/* s */
	uint32_t policies, fail_closed;	/* CONF_POLICIES_*, CONF_CLOSED_* */
	uint32_t on_flush;		/* CONF_FLUSH_* */
	struct conf_devices track;
	char on_active[CONF_TEXT + 1], on_standby[CONF_TEXT + 1];
	uint32_t hook_timeout;		/* s */
	struct conf_virtual *virtuals;
	struct conf_address *addresses;
	struct conf_route *routes;
	struct conf_neighbour *neighbours;
	struct conf_protect *protects;
	struct conf_offload *offloads;
	struct conf_script *scripts;
};

enum { CONF_ROLE_ACTIVE, CONF_ROLE_STANDBY };
enum { CONF_POLICIES_MATCHING, CONF_POLICIES_ALL };
enum { CONF_CLOSED_AUTO, CONF_CLOSED_YES, CONF_CLOSED_NO };
enum { CONF_FLUSH_FOLLOW, CONF_FLUSH_RELEASE };
enum { CONF_LOSS_NOTIFY, CONF_LOSS_TAKEOVER };

enum { CONF_TRANSPORT_TLS, CONF_TRANSPORT_CPG };

/* How SAs come from one gateway to the other. */
struct conf_transport {
	struct conf_pos at;
	uint32_t kind;			/* CONF_TRANSPORT_* */
	char cpg_group[CONF_NODE + 1];	/* "": HAD_CPG_NAME */
	struct conf_ip local, peer;	/* none: link-local, over the first link's device */
	char device[IFNAMSIZ];
	uint32_t port;
	char key_file[CONF_TEXT + 1];	/* "": that of the first link */
};

/* A node of the relay that no link leads to. */
struct conf_peer {
	struct conf_peer *next;
	struct conf_pos at;
	char name[CONF_NODE + 1];
	struct conf_transport to;
};

/* Where figures can be had. */
struct conf_metrics {
	char listen[CONF_TEXT + 1];	/* "": nowhere; else see value_socket() */
};

struct conf {
	char file[CONF_TEXT + 1];
	char node[CONF_NODE + 1];
	uint32_t node_id;		/* CONF_AUTO: by the first link's device */
	uint32_t sa_limit, orphan_limit;	/* CONF_AUTO: by the memory that there is */
	uint32_t orphan_age;
	uint32_t store_limit;		/* SAs and policies */
	bool has_transport;
	struct conf_transport transport;
	struct conf_peer *peers;
	struct conf_metrics metrics;
	struct conf_link *links;
	struct conf_group *groups;
};

/* Is told of each error: "FILE:LINE:COLUMN: sentence" */
typedef void (*conf_say)(const char *sentence, void *data);

struct conf *conf_new(void);
struct conf *conf_load(const char *file, const char *node, conf_say say, void *data);
struct conf *conf_text(const char *text, const char *name, const char *node, conf_say say,
		       void *data);
void conf_free(struct conf *c);
void conf_write(const struct conf *c, FILE *to);
void conf_name_node(struct conf *c, const char *node);

struct conf_link *conf_link(const struct conf *c, const char *name);
struct conf_link *conf_link_on(const struct conf *c, const char *device);
const uint8_t *conf_detour_peer(const struct conf *c, const struct conf_group *g);
struct conf_link *conf_link_of(const struct conf *c, const struct conf_group *g);
struct conf_link *conf_add_link(struct conf *c, const char *name);
struct conf_group *conf_group(const struct conf *c, const char *name);
struct conf_group *conf_add_group(struct conf *c, const char *name);

void conf_move_daemon(struct conf_group *to, struct conf_group *from);
bool conf_same_ip(const struct conf_ip *a, const struct conf_ip *b);
const char *conf_ip_text(const struct conf_ip *ip, char *buf);	/* INET6_ADDRSTRLEN */

#endif
