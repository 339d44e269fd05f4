// SPDX-License-Identifier: GPL-2.0
/* IKE_SAs as charon's vici plugin tells them: counted; cut off anywhere, damaged, read safely. */

#include "had_test.h"
#include "vici.h"

static uint8_t message[1024];
static size_t len;

static void byte(uint8_t b)
{
	message[len++] = b;
}

static void word(size_t size, const char *s)
{
	if (size == 2)
		byte(strlen(s) >> 8);
	byte(strlen(s));
	memcpy(message + len, s, strlen(s));
	len += strlen(s);
}

static void begin(const char *name)
{
	byte(1);
	word(1, name);
}

static void end(void)
{
	byte(2);
}

static void value(const char *key, const char *s)
{
	byte(3);
	word(1, key);
	word(2, s);
}

static void child(const char *name, const char *state)
{
	begin(name);
	value("state", state);
	byte(4);
	word(1, "local-ts");
	byte(5);
	word(2, "10.1.0.0/24");
	byte(6);
	end();
}

static void ike(const char *name, const char *state)
{
	len = 0;
	begin(name);
	value("version", "2");
	value("state", state);
	begin("tasks-active");
	value("state", "ESTABLISHED");
	end();
	begin("child-sas");
	child("net-1", "INSTALLED");
	child("net-2", "DELETED");
	child("state", "REKEYING");
	end();
	end();
}

static void counts(unsigned int active, unsigned int passive, unsigned int children)
{
	struct vici_sas sas = { };

	expect(vici_count(message, len, &sas), "is a message");
	expect(sas.active == active && sas.passive == passive && sas.children == children,
	       "%u active, %u passive, %u children", sas.active, sas.passive, sas.children);
}

/* The first @n octets of it */
static bool read_copy(size_t n)
{
	struct vici_sas sas = { };
	uint8_t *p = copy(message, n);
	bool fine = vici_count(p, n, &sas);

	free(p);
	return fine;
}

int main(int argc, char **argv)
{
	uint64_t cases = 20000;

	if (argc > 2)
		cases = strtoull(argv[2], NULL, 0);
	rnd_state = argc > 1 ? strtoull(argv[1], NULL, 0) * 2 + 1 : 1;
	ike("site", "ESTABLISHED");
	counts(1, 0, 2);
	ike("site", "PASSIVE");
	counts(0, 1, 2);
	ike("site", "CONNECTING");
	counts(0, 0, 2);
	ike("ha", "ESTABLISHED");
	counts(0, 0, 0);
	for (size_t n = 1; n < len; n++)
		expect(!read_copy(n), "cut off at %zu", n);
	for (rnd_case = 0; rnd_case < cases; rnd_case++) {
		ike("site", "PASSIVE");
		for (uint64_t n = below(4) + 1; n; n--)
			message[below(len)] = below(2) ? below(8) : rnd() >> 56;
		read_copy(below(len + 1));
	}
	return 0;
}
