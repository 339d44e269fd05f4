// SPDX-License-Identifier: GPL-2.0
/*
 * A session of two nodes: X25519 and the key of all nodes make an AES-256-GCM key for each
 * direction. Its nonces are the numbers of the messages, which the caller never says twice for
 * different ones.
 */

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "seal.h"
#include "transport.h"

#define PURPOSE		"xfrm-ha relay, Corosync CPG, a session"
#define NONCE_LEN	12

/* A new key pair, for this session */
bool seal_own(struct seal *s)
{
	size_t len = SEAL_PUBLIC;

	EVP_PKEY_free(s->pair);
	s->pair = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	return s->pair && EVP_PKEY_get_raw_public_key(s->pair, s->own, &len) &&
	       len == SEAL_PUBLIC;
}

/* By who has the key of all nodes */
bool seal_mac(const uint8_t *key, const void *said, size_t len, uint8_t *mac)
{
	size_t n;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, HAD_KEY_LEN, said, len, mac,
			 SEAL_MAC, &n) && n == SEAL_MAC;
}

static EVP_CIPHER_CTX *direction(const uint8_t *secret, size_t len, struct who from,
				 const uint8_t *from_public, struct who to,
				 const uint8_t *to_public, int seal)
{
	struct {
		char purpose[sizeof(PURPOSE)];
		uint8_t from_public[SEAL_PUBLIC], to_public[SEAL_PUBLIC];
		uint32_t ids[4];
	} __attribute__((packed)) info = {
		.purpose = PURPOSE,
		.ids = { htonl(from.node), htonl(from.pid), htonl(to.node), htonl(to.pid) },
	};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[32];
	bool ok;

	memcpy(info.from_public, from_public, SEAL_PUBLIC);
	memcpy(info.to_public, to_public, SEAL_PUBLIC);
	ok = ctx && !had_hkdf(secret, len, &info, sizeof(info), key, sizeof(key)) &&
	     EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL, seal);
	explicit_bzero(key, sizeof(key));
	if (ok)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* Out of @key, which all nodes have, and both ends' of this session. */
bool seal_keys(struct seal *s, const uint8_t *key, struct who self, struct who peer)
{
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, s->theirs,
						       SEAL_PUBLIC);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->pair, NULL);
	uint8_t secret[HAD_KEY_LEN + 32];
	size_t len = 32;

	memcpy(secret, key, HAD_KEY_LEN);
	if (theirs && ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	    EVP_PKEY_derive_set_peer(ctx, theirs) > 0 &&
	    EVP_PKEY_derive(ctx, secret + HAD_KEY_LEN, &len) > 0 && len == 32) {
		s->out = direction(secret, sizeof(secret), self, s->own, peer, s->theirs, 1);
		s->in = direction(secret, sizeof(secret), peer, s->theirs, self, s->own, 0);
	}
	explicit_bzero(secret, sizeof(secret));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	if (s->out && s->in)
		return true;
	seal_forget_keys(s);
	return false;
}

void seal_forget_keys(struct seal *s)
{
	EVP_CIPHER_CTX_free(s->out);
	EVP_CIPHER_CTX_free(s->in);
	s->out = NULL;
	s->in = NULL;
}

/* All of it, but what the other end has said */
void seal_forget(struct seal *s)
{
	seal_forget_keys(s);
	EVP_PKEY_free(s->pair);
	s->pair = NULL;
}

static void nonce(uint8_t *to, uint64_t number)
{
	number = htobe64(number);
	memset(to, 0, NONCE_LEN - sizeof(number));
	memcpy(to + NONCE_LEN - sizeof(number), &number, sizeof(number));
}

/* @to has room for SEAL_TAG octets more than @data has. */
bool seal_put(struct seal *s, uint64_t number, const void *head, size_t head_len,
	      const uint8_t *data, size_t len, uint8_t *to)
{
	uint8_t iv[NONCE_LEN];
	int got;

	nonce(iv, number);
	return EVP_CipherInit_ex(s->out, NULL, NULL, NULL, iv, -1) &&
	       EVP_CipherUpdate(s->out, NULL, &got, head, head_len) &&
	       (!len || EVP_CipherUpdate(s->out, to, &got, data, len)) &&
	       EVP_CipherFinal_ex(s->out, to + len, &got) &&
	       EVP_CIPHER_CTX_ctrl(s->out, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, to + len);
}

/* @len: with SEAL_TAG. Return: octets in @to; -1: it was not sealed with this key */
long seal_take(struct seal *s, uint64_t number, const void *head, size_t head_len,
	       const uint8_t *data, size_t len, uint8_t *to)
{
	uint8_t iv[NONCE_LEN], tag[SEAL_TAG];
	int got = 0, end = 0;

	len -= SEAL_TAG;
	memcpy(tag, data + len, SEAL_TAG);
	nonce(iv, number);
	if (EVP_CipherInit_ex(s->in, NULL, NULL, NULL, iv, -1) &&
	    EVP_CipherUpdate(s->in, NULL, &end, head, head_len) &&
	    (!len || EVP_CipherUpdate(s->in, to, &got, data, len)) &&
	    EVP_CIPHER_CTX_ctrl(s->in, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, tag) &&
	    EVP_CipherFinal_ex(s->in, to + got, &end) > 0)
		return got;
	explicit_bzero(to, len);
	return -1;
}
