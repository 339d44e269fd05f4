/* SPDX-License-Identifier: GPL-2.0 */
/* How what is said to another node of a cluster is sealed: the keys of a session of two. */
#ifndef XFRM_HAD_SEAL_H
#define XFRM_HAD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define SEAL_PUBLIC	32	/* octets of a public key */
#define SEAL_MAC	32
#define SEAL_TAG	16	/* octets that a sealed message is longer */

/* Node and process id of an end */
struct who {
	uint32_t node, pid;
};

/**
 * struct seal - of one session, at one end
 * @pair: of this end
 * @own: its public key
 * @theirs: that of the other end
 * @out: seals; NULL, as @in, until there are keys
 * @in: opens
 */
struct seal {
	EVP_PKEY *pair;
	uint8_t own[SEAL_PUBLIC], theirs[SEAL_PUBLIC];
	EVP_CIPHER_CTX *out, *in;
};

bool seal_own(struct seal *s);
bool seal_keys(struct seal *s, const uint8_t *key, struct who self, struct who peer);
void seal_forget_keys(struct seal *s);
void seal_forget(struct seal *s);
bool seal_mac(const uint8_t *key, const void *said, size_t len, uint8_t *mac);
bool seal_put(struct seal *s, uint64_t number, const void *head, size_t head_len,
	      const uint8_t *data, size_t len, uint8_t *to);
long seal_take(struct seal *s, uint64_t number, const void *head, size_t head_len,
	       const uint8_t *data, size_t len, uint8_t *to);

#endif
