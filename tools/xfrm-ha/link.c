// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha link ..., and the key files that links need. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan.h"
#include "xfrm-ha.h"

const char *link_loss_name(uint32_t loss)
{
	return nl_name(&spec_link_loss, loss);
}

const char *link_state_name(uint32_t state)
{
	return nl_name(&spec_link_state, state);
}

static bool mac(const char *s, uint8_t *m)
{
	int n = 0;

	return sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", m, m + 1, m + 2, m + 3, m + 4,
		      m + 5, &n) == 6 && !s[n];
}

int keygen(int argc, char **argv)
{
	uint8_t key[XFRM_HA_KEY_LEN];
	FILE *f = NULL;
	int fd;

	if (argc != 1)
		return usage("keygen needs a file name");
	fd = open(argv[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (!f)
		return refuse("%s: %s", argv[0], strerror(errno));
	if (getrandom(key, sizeof(key), 0) != sizeof(key)) {
		fclose(f);
		return refuse("no random numbers: %s", strerror(errno));
	}
	for (unsigned int i = 0; i < sizeof(key); i++)
		fprintf(f, "%02x", key[i]);
	fputc('\n', f);
	explicit_bzero(key, sizeof(key));
	if (fclose(f))
		return refuse("%s: %s", argv[0], strerror(errno));
	return DONE;
}

static const struct number_word numbers[] = {
	{ "heartbeat", XFRM_HA_A_LINK_HEARTBEAT },
	{ "dead", XFRM_HA_A_LINK_DEAD },
	{ "batch", XFRM_HA_A_LINK_BATCH },
	{ "ethertype", XFRM_HA_A_LINK_ETHERTYPE },
	{ }
};

static int carrier_loss(struct nl_msg *msg, const char *value)
{
	int n = nl_value(&spec_carrier_loss, value);

	if (n < 0)
		return usage("carrier-loss is dead or at-once, not \"%s\"", value);
	nla_put_u32(msg, XFRM_HA_A_LINK_CARRIER_LOSS, n);
	return -1;
}

/* One word, and its value if it has one; -1: done with it, else exit status. */
static int option(struct nl_msg *msg, const char *word, const char *value)
{
	uint8_t key[XFRM_HA_KEY_LEN], m[6];
	int err;

	if (!value)
		return usage("\"%s\" needs a value", word);
	if (!strcmp(word, "peer")) {
		if (!mac(value, m))
			return usage("\"%s\" is not an Ethernet address", value);
		nla_put(msg, XFRM_HA_A_LINK_PEER, sizeof(m), m);
		return -1;
	}
	if (!strcmp(word, "key")) {
		err = key_read(value, key);
		if (err)
			return err;
		nla_put(msg, XFRM_HA_A_LINK_KEY, sizeof(key), key);
		explicit_bzero(key, sizeof(key));
		return -1;
	}
	if (!strcmp(word, "carrier-loss"))
		return carrier_loss(msg, value);
	return nl_put_number(msg, numbers, word, value);
}

static int request(uint8_t cmd, int argc, char **argv)
{
	bool set = cmd == XFRM_HA_CMD_LINK_SET;
	struct nl_msg *msg;
	int err;

	if (!argc)
		return usage("a link needs a device");
	if (set && argc == 1)
		return usage("link set needs a setting");
	msg = nl_request(cmd, 0);
	nla_put_string(msg, XFRM_HA_A_LINK_DEV, argv[0]);
	for (int i = 1; i < argc; i++) {
		if (set && (!strcmp(argv[i], "insecure") || !strcmp(argv[i], "ethertype"))) {
			nlmsg_free(msg);
			return usage("%s is a link's for good: delete the link, and add it anew",
				     argv[i]);
		}
		if (!strcmp(argv[i], "insecure")) {
			nla_put_flag(msg, XFRM_HA_A_LINK_INSECURE);
			continue;
		}
		err = option(msg, argv[i], argv[i + 1]);
		if (err >= 0) {
			nlmsg_free(msg);
			return err;
		}
		i++;
	}
	return nl_talk(msg, XFRM_HA_A_LINK_MAX, NULL, NULL);
}

int link_add(int argc, char **argv)
{
	return request(XFRM_HA_CMD_LINK_NEW, argc, argv);
}

int link_set(int argc, char **argv)
{
	return request(XFRM_HA_CMD_LINK_SET, argc, argv);
}

int link_del(int argc, char **argv)
{
	if (argc != 1)
		return usage("link del needs a device");
	return request(XFRM_HA_CMD_LINK_DEL, argc, argv);
}

static void show(struct nlattr **a, void *data)
{
	const uint8_t *m = nla_data(a[XFRM_HA_A_LINK_PEER]);

	(void)data;
	out_object();
	out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_LINK_DEV]));
	out_string("state", "%s", link_state_name(nla_get_u32(a[XFRM_HA_A_LINK_STATE])));
	out_string("peer", "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	out_number("peer_node", nla_get_u32(a[XFRM_HA_A_LINK_PEER_NODE]));
	out_bool("sealed", !nl_has(a[XFRM_HA_A_LINK_INSECURE]));
	out_number("heartbeat", nla_get_u32(a[XFRM_HA_A_LINK_HEARTBEAT]));
	out_number("dead", nla_get_u32(a[XFRM_HA_A_LINK_DEAD]));
	out_string("carrier_loss", "%s",
		   nl_name(&spec_carrier_loss, nla_get_u32(a[XFRM_HA_A_LINK_CARRIER_LOSS])));
	out_string("last_loss", "%s", link_loss_name(nla_get_u32(a[XFRM_HA_A_LINK_LOSS])));
	out_number("batch", nla_get_u32(a[XFRM_HA_A_LINK_BATCH]));
	out_string("ethertype", "0x%04x", nla_get_u32(a[XFRM_HA_A_LINK_ETHERTYPE]));
	out_number("rtt_us", nla_get_u64(a[XFRM_HA_A_LINK_SRTT]) / 1000);
	out_number("in_flight", nla_get_u32(a[XFRM_HA_A_LINK_IN_FLIGHT]));
	out_number("tx_frames", nla_get_u64(a[XFRM_HA_A_LINK_TX_FRAMES]));
	out_number("rx_frames", nla_get_u64(a[XFRM_HA_A_LINK_RX_FRAMES]));
	out_number("tx_bytes", nla_get_u64(a[XFRM_HA_A_LINK_TX_BYTES]));
	out_number("rx_bytes", nla_get_u64(a[XFRM_HA_A_LINK_RX_BYTES]));
	out_number("orphans", nla_get_u32(a[XFRM_HA_A_LINK_ORPHANS]));
}

int link_show(int argc, char **argv)
{
	struct nl_msg *msg;

	if (argc > 1)
		return usage("link show takes one device at most");
	msg = nl_request(XFRM_HA_CMD_LINK_GET, argc ? 0 : NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_LINK_DEV, argv[0]);
	return nl_show(msg, XFRM_HA_A_LINK_MAX, false, show, NULL);
}
