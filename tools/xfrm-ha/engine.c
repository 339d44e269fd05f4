// SPDX-License-Identifier: GPL-2.0
/* xfrm-ha engine: engine devices, and the NICs below them. */

#include <stdio.h>
#include <string.h>

#include "xfrm-ha.h"

/* No number: auto, any, or not known yet */
#define NONE	UINT32_MAX

struct setting {
	const char *word;
	int attr;
	uint32_t min, max;
	const char *none;		/* the word for NONE */
	const char *zero, *one;		/* of a choice, an octet */
	int group;			/* of a choice: one, for a group of that name */
};

static const struct setting engine_settings[] = {
	{ "period", XFRM_HA_A_ENGINE_PERIOD, .min = 10, .max = 10000 },
	{ "initial", XFRM_HA_A_ENGINE_INITIAL, .max = UINT32_MAX },
	{ "rise", XFRM_HA_A_ENGINE_RISE, .min = 1, .max = 4096 },
	{ "decay", XFRM_HA_A_ENGINE_DECAY, .min = 1, .max = 100 },
	{ "bonus", XFRM_HA_A_ENGINE_BONUS, .max = NONE - 1, .none = "auto" },
	{ "threshold", XFRM_HA_A_ENGINE_THRESHOLD, .max = NONE - 1, .none = "auto" },
	{ "swaps", XFRM_HA_A_ENGINE_SWAPS, .min = 1, .max = 4096 },
	{ "horizon", XFRM_HA_A_ENGINE_HORIZON, .min = 1, .max = 3600000 },
	{ "noise", XFRM_HA_A_ENGINE_NOISE, .max = 16 },
	{ "saved", XFRM_HA_A_ENGINE_SAVED, .max = 1000000000 },
	{ "adopt", XFRM_HA_A_ENGINE_ADOPT, .zero = "off", .one = "all",
	  .group = XFRM_HA_A_ENGINE_ADOPT_GROUP },
	{ }
};

static const struct setting nic_settings[] = {
	{ "slots-in", XFRM_HA_A_NIC_SLOTS_IN, .max = NONE - 1, .none = "any" },
	{ "slots-out", XFRM_HA_A_NIC_SLOTS_OUT, .max = NONE - 1, .none = "any" },
	{ "weight", XFRM_HA_A_NIC_WEIGHT, .min = 1, .max = 1000 },
	{ }
};

/* A word may be cut short as long as it can't be another one. NULL: wrong, and said */
static const struct setting *find(const struct setting *s, const char *word)
{
	const struct setting *found = NULL;

	for (; s->word; s++) {
		if (!is(word, s->word))
			continue;
		if (found) {
			usage("\"%s\" could be %s or %s", word, found->word, s->word);
			return NULL;
		}
		found = s;
	}
	if (!found)
		usage("engine: what is \"%s\"?", word);
	return found;
}

/* Exit status */
static int parse(const struct setting *s, const char *value, uint32_t *n)
{
	if (s->one) {
		*n = is(value, s->one);
		if (*n || is(value, s->zero))
			return DONE;
		return usage("%s is %s, %s or group NAME, not \"%s\"", s->word, s->one, s->zero,
			     value);
	}
	if (s->none && is(value, s->none)) {
		*n = NONE;
		return DONE;
	}
	if (number(value, s->max, n) && *n >= s->min)
		return DONE;
	return usage("%s is a number from %u to %u%s%s, not \"%s\"", s->word, s->min, s->max,
		     s->none ? ", or " : "", s->none ?: "", value);
}

/* Exit status */
static int put(struct nl_msg *msg, const struct setting *settings, int argc, char **argv)
{
	const struct setting *s;
	uint32_t n;
	int err;

	for (int i = 0; i < argc; i += 2) {
		s = find(settings, argv[i]);
		if (!s)
			return USAGE;
		if (i + 1 == argc)
			return usage("\"%s\" needs a value", s->word);
		if (s->group && is(argv[i + 1], "group")) {
			if (++i + 1 == argc || !*argv[i + 1] ||
			    strlen(argv[i + 1]) > XFRM_HA_NAME_MAX)
				return usage("\"%s group\" needs a name of 1 to %d characters",
					     s->word, XFRM_HA_NAME_MAX);
			nla_put_u8(msg, s->attr, 1);
			nla_put_string(msg, s->group, argv[i + 1]);
			continue;
		}
		err = parse(s, argv[i + 1], &n);
		if (err)
			return err;
		if (s->one)
			nla_put_u8(msg, s->attr, n);
		else
			nla_put_u32(msg, s->attr, n);
	}
	return DONE;
}

static int set(int argc, char **argv, const struct setting *settings, uint8_t cmd, int dev)
{
	struct nl_msg *msg;
	int err;

	if (!device_name(argv[0]))
		return USAGE;
	msg = nl_request(cmd, 0);
	nla_put_string(msg, dev, argv[0]);
	err = put(msg, settings, argc - 1, argv + 1);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return nl_talk(msg, 0, NULL, NULL);
}

int engine_set(int argc, char **argv)
{
	if (argc < 2)
		return usage("engine set needs an engine device, and a setting");
	return set(argc, argv, engine_settings, XFRM_HA_CMD_ENGINE_SET, XFRM_HA_A_ENGINE_DEV);
}

int engine_nic(int argc, char **argv)
{
	if (argc < 2)
		return usage("engine nic needs a NIC, and a setting");
	return set(argc, argv, nic_settings, XFRM_HA_CMD_NIC_SET, XFRM_HA_A_NIC_DEV);
}

static int drain(int argc, char **argv, const char *name, bool on)
{
	struct nl_msg *msg;

	if (argc != 1)
		return usage("engine %s needs a NIC", name);
	if (!device_name(argv[0]))
		return USAGE;
	msg = nl_request(XFRM_HA_CMD_NIC_SET, 0);
	nla_put_string(msg, XFRM_HA_A_NIC_DEV, argv[0]);
	nla_put_u8(msg, XFRM_HA_A_NIC_DRAIN, on);
	return nl_talk(msg, XFRM_HA_A_NIC_MAX, NULL, NULL);
}

int engine_drain(int argc, char **argv)
{
	return drain(argc, argv, "drain", true);
}

int engine_undrain(int argc, char **argv)
{
	return drain(argc, argv, "undrain", false);
}

/* Of all packets, percent */
static void show_share(uint64_t hard, uint64_t soft)
{
	char share[16];

	if (!hard && !soft) {
		out_word("share", "-");
		return;
	}
	snprintf(share, sizeof(share), "%.1f", 100.0 * hard / ((double)hard + soft));
	out_decimal("share", share);
}

static void show_auto(const char *key, const struct nlattr *a)
{
	if (nl_number(a) == NONE)
		out_word(key, "auto");
	else
		out_number(key, nl_number(a));
}

static void show_adopt(const struct nlattr *group, bool adopts)
{
	const char *name = nl_has(group) ? nla_get_string(group) : "";

	if (!nl_has(group))
		out_string("adopt", "%s", adopts ? "all" : "off");
	else if (json)
		out_string("adopt", "group");
	else
		out_string("adopt", "group %s", name);
	if (nl_has(group) && json)
		out_string("adopt_group", "%s", name);
}

struct wanted {
	const char *dev;	/* NULL: all */
	bool found;
};

static void show(struct nlattr **a, void *data)
{
	const char *dev = nla_get_string(a[XFRM_HA_A_ENGINE_DEV]);
	struct wanted *wanted = data;

	if (wanted->dev && strcmp(dev, wanted->dev))
		return;
	wanted->found = true;
	out_object();
	out_string("dev", "%s", dev);
	out_number("sas", nl_number(a[XFRM_HA_A_ENGINE_SAS]));
	out_number("hard", nl_number(a[XFRM_HA_A_ENGINE_HARD]));
	show_share(nl_number(a[XFRM_HA_A_ENGINE_PACKETS_HARD]),
		   nl_number(a[XFRM_HA_A_ENGINE_PACKETS_SOFT]));
	out_number("entered", nl_number(a[XFRM_HA_A_ENGINE_ENTERED]));
	out_number("left", nl_number(a[XFRM_HA_A_ENGINE_LEFT]));
	out_number("refused", nl_number(a[XFRM_HA_A_ENGINE_REFUSED]));
	out_number("late", nl_number(a[XFRM_HA_A_ENGINE_LATE]));
	out_number("period", nl_number(a[XFRM_HA_A_ENGINE_PERIOD]));
	show_auto("threshold", a[XFRM_HA_A_ENGINE_THRESHOLD]);
	show_adopt(a[XFRM_HA_A_ENGINE_ADOPT_GROUP], nl_number(a[XFRM_HA_A_ENGINE_ADOPT]));
	if (!json)
		return;
	out_number("margin", nl_number(a[XFRM_HA_A_ENGINE_MARGIN]));
	show_auto("bonus", a[XFRM_HA_A_ENGINE_BONUS]);
	out_number("initial", nl_number(a[XFRM_HA_A_ENGINE_INITIAL]));
	out_number("rise", nl_number(a[XFRM_HA_A_ENGINE_RISE]));
	out_number("decay", nl_number(a[XFRM_HA_A_ENGINE_DECAY]));
	out_number("swaps", nl_number(a[XFRM_HA_A_ENGINE_SWAPS]));
	out_number("horizon", nl_number(a[XFRM_HA_A_ENGINE_HORIZON]));
	out_number("noise", nl_number(a[XFRM_HA_A_ENGINE_NOISE]));
	out_number("saved", nl_number(a[XFRM_HA_A_ENGINE_SAVED]));
	out_number("swap_cost", nl_number(a[XFRM_HA_A_ENGINE_SWAP_COST]));
	out_number("ticks", nl_number(a[XFRM_HA_A_ENGINE_TICKS]));
	out_number("tick_time", nl_number(a[XFRM_HA_A_ENGINE_TICK_TIME]));
	out_number("packets_hard", nl_number(a[XFRM_HA_A_ENGINE_PACKETS_HARD]));
	out_number("packets_soft", nl_number(a[XFRM_HA_A_ENGINE_PACKETS_SOFT]));
}

int engine_show(int argc, char **argv)
{
	struct wanted wanted = { .dev = argc ? argv[0] : NULL };
	int err;

	if (argc > 1)
		return usage("engine show takes one engine device at most");
	if (argc && !device_name(argv[0]))
		return USAGE;
	out_begin(true);
	err = nl_talk(nl_request(XFRM_HA_CMD_ENGINE_GET, NLM_F_DUMP), XFRM_HA_A_ENGINE_MAX, show,
		      &wanted);
	if (!err && wanted.dev && !wanted.found)
		err = refuse("there is no engine device %s", wanted.dev);
	if (!err)
		out_end();
	return err;
}

/* There may be none. */
static void show_limit(const char *key, const struct nlattr *a)
{
	if (nl_number(a) != NONE)
		out_number(key, nl_number(a));
	else
		out_word(key, "-");
}

static void show_nic(struct nlattr **a, void *data)
{
	(void)data;
	out_object();
	out_string("engine", "%s", nla_get_string(a[XFRM_HA_A_NIC_ENGINE]));
	out_string("dev", "%s", nla_get_string(a[XFRM_HA_A_NIC_DEV]));
	out_string("state", "%s", nl_name(&spec_nic_state, nl_number(a[XFRM_HA_A_NIC_STATE])));
	out_number("used_in", nl_number(a[XFRM_HA_A_NIC_USED_IN]));
	show_limit("slots_in", a[XFRM_HA_A_NIC_SLOTS_IN]);
	out_number("used_out", nl_number(a[XFRM_HA_A_NIC_USED_OUT]));
	show_limit("slots_out", a[XFRM_HA_A_NIC_SLOTS_OUT]);
	if (json) {
		show_limit("room_in", a[XFRM_HA_A_NIC_ROOM_IN]);
		show_limit("room_out", a[XFRM_HA_A_NIC_ROOM_OUT]);
		out_bool("drain", nl_number(a[XFRM_HA_A_NIC_DRAIN]));
	}
	out_number("weight", nl_number(a[XFRM_HA_A_NIC_WEIGHT]));
	out_number("entered", nl_number(a[XFRM_HA_A_NIC_ENTERED]));
	out_number("refused", nl_number(a[XFRM_HA_A_NIC_REFUSED]));
	out_number("renewed", nl_number(a[XFRM_HA_A_NIC_RENEWED]));
}

int engine_nics(int argc, char **argv)
{
	struct nl_msg *msg;

	if (argc > 1)
		return usage("engine nics takes one engine device at most");
	if (argc && !device_name(argv[0]))
		return USAGE;
	msg = nl_request(XFRM_HA_CMD_NIC_GET, NLM_F_DUMP);
	if (argc)
		nla_put_string(msg, XFRM_HA_A_NIC_ENGINE, argv[0]);
	return nl_show(msg, XFRM_HA_A_NIC_MAX, true, show_nic, NULL);
}
