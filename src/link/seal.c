// SPDX-License-Identifier: GPL-2.0
/*
 * Keys and encryption of the link: AES-256-GCM (RFC 5116), HMAC-SHA-256, HKDF
 * (RFC 5869). Keys are wiped on every path.
 */

#include <crypto/sha2.h>
#include <linux/scatterlist.h>

#include "link/seal.h"

/* Process context. It may be used by several at a time, and is freed by crypto_free_shash(). */
struct crypto_shash *xha_hmac_alloc(const u8 *key, size_t len)
{
	struct crypto_shash *tfm = crypto_alloc_shash("hmac(sha256)", 0, 0);
	int err;

	if (IS_ERR(tfm))
		return tfm;
	err = crypto_shash_setkey(tfm, key, len);
	if (err) {
		crypto_free_shash(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

int xha_hmac(struct crypto_shash *tfm, const u8 *data, size_t len, u8 *mac)
{
	return crypto_shash_tfm_digest(tfm, data, len, mac);
}

/* @out may be one of the inputs. Process context. */
static int hmac3(const u8 *key, size_t key_len, const u8 *a, size_t a_len, const u8 *b,
		 size_t b_len, u8 last, u8 *out)
{
	struct crypto_shash *tfm = xha_hmac_alloc(key, key_len);
	SHASH_DESC_ON_STACK(desc, tfm);
	int err;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	desc->tfm = tfm;
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, a, a_len);
	if (!err && b_len)
		err = crypto_shash_update(desc, b, b_len);
	if (!err && last)
		err = crypto_shash_update(desc, &last, 1);
	if (!err)
		err = crypto_shash_final(desc, out);
	shash_desc_zero(desc);
	crypto_free_shash(tfm);
	return err;
}

/**
 * xha_hkdf() - derive a key
 * @psk: pre-shared key, 32 octets
 * @salt: salt of the extraction
 * @salt_len: its octets, at least 1
 * @label: what the key is for
 * @context: bound to the key as well
 * @context_len: its octets, at most 64
 * @out: the key
 * @len: its octets, at most 64
 *
 * Return: 0 or a negative errno. Process context.
 */
int xha_hkdf(const u8 *psk, const u8 *salt, size_t salt_len, const char *label,
	     const u8 *context, size_t context_len, u8 *out, size_t len)
{
	u8 prk[SHA256_DIGEST_SIZE], t[SHA256_DIGEST_SIZE];
	u8 info[SHA256_DIGEST_SIZE + 32 + 64];
	size_t n = 0, label_len = strlen(label), at = 0;
	u8 i = 1;
	int err;

	if (label_len > 32 || context_len > 64 || len > 64)
		return -EINVAL;
	err = hmac3(salt, salt_len, psk, XHA_KEY_LEN, NULL, 0, 0, prk);
	while (!err && at < len) {
		/* T(i) = HMAC(PRK, T(i - 1) | label | context | i) */
		memcpy(info, t, n);
		memcpy(info + n, label, label_len);
		memcpy(info + n + label_len, context, context_len);
		err = hmac3(prk, sizeof(prk), info, n + label_len + context_len, NULL, 0, i++, t);
		n = sizeof(t);
		if (!err)
			memcpy(out + at, t, min(len - at, n));
		at += n;
	}
	memzero_explicit(prk, sizeof(prk));
	memzero_explicit(t, sizeof(t));
	memzero_explicit(info, sizeof(info));
	return err;
}

/* @key NULL: an insecure link. */
int xha_seal_init(struct xha_seal *s, const u8 *key, const u8 *salt)
{
	struct crypto_aead *tfm;
	int err;

	s->tfm = NULL;
	s->spare = NULL;
	if (!key)
		return 0;
	memcpy(s->salt, salt, XHA_SALT_LEN);
	tfm = crypto_alloc_aead("gcm(aes)", 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = crypto_aead_setkey(tfm, key, XHA_KEY_LEN);
	if (!err)
		err = crypto_aead_setauthsize(tfm, XHA_TAG_LEN);
	if (err) {
		crypto_free_aead(tfm);
		return err;
	}
	s->tfm = tfm;
	return 0;
}

void xha_seal_fini(struct xha_seal *s)
{
	if (s->tfm)
		crypto_free_aead(s->tfm);
	s->tfm = NULL;
	kfree(s->spare);
	s->spare = NULL;
	memzero_explicit(s->salt, sizeof(s->salt));
}

static void crypt_done(void *data, int err);

/* Any context; NULL: out of memory. */
struct xha_seal_op *xha_seal_op(struct xha_seal *s, struct sk_buff *skb, const struct xha_hdr *h)
{
	struct xha_seal_op *op = READ_ONCE(s->spare) ? xchg(&s->spare, NULL) : NULL;

	if (!op) {
		op = kmalloc(sizeof(*op) + (s->tfm ? crypto_aead_reqsize(s->tfm) : 0), GFP_ATOMIC);
		if (!op)
			return NULL;
		op->seal = s;
		if (s->tfm) {
			aead_request_set_tfm(&op->req, s->tfm);
			aead_request_set_callback(&op->req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypt_done,
						  op);
			aead_request_set_ad(&op->req, XHA_HDR_LEN);
		}
	}
	op->skb = skb;
	op->hdr = *h;
	return op;
}

/*
 * Before the reference on its session is given up, or under the RCU it was found in. Fully ordered,
 * as the xchg() of @spare in xha_seal_op(): who gets it from there is alone with it.
 */
void xha_seal_free(struct xha_seal_op *op)
{
	if (cmpxchg(&op->seal->spare, NULL, op))
		kfree(op);
}

static void crypt_done(void *data, int err)
{
	struct xha_seal_op *op = data;

	/* Taken from the backlog: the end will be told again. */
	if (err == -EINPROGRESS)
		return;
	local_bh_disable();
	op->done(op, err);
	local_bh_enable();
}

/**
 * xha_seal_frame() - encrypt or decrypt a frame in place
 * @s: direction of a session
 * @op: from xha_seal_op(); @op->done is called, at once or later, with BH off
 * @data: header, payload, tag
 * @len: octets of the payload, without the tag
 * @open: decrypt
 */
void xha_seal_frame(const struct xha_seal *s, struct xha_seal_op *op, u8 *data, unsigned int len,
		    bool open)
{
	int err;

	if (!s->tfm) {
		op->done(op, 0);
		return;
	}
	memcpy(op->iv, s->salt, XHA_SALT_LEN);
	put_unaligned_be64(op->hdr.number, op->iv + XHA_SALT_LEN);
	sg_init_one(&op->sg, data, XHA_HDR_LEN + len + XHA_TAG_LEN);
	aead_request_set_crypt(&op->req, &op->sg, &op->sg, open ? len + XHA_TAG_LEN : len, op->iv);
	err = open ? crypto_aead_decrypt(&op->req) : crypto_aead_encrypt(&op->req);
	if (err != -EINPROGRESS && err != -EBUSY)
		op->done(op, err);
}
