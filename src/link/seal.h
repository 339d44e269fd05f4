/* SPDX-License-Identifier: GPL-2.0 */
/* Keys and encryption of the link. */
#ifndef _XFRM_HA_SEAL_H
#define _XFRM_HA_SEAL_H

#include <crypto/aead.h>
#include <crypto/hash.h>
#include <linux/skbuff.h>

#include "pure/frame.h"

#define XHA_KEY_LEN	32
#define XHA_SALT_LEN	4
#define XHA_IV_LEN	12	/* salt, frame number */

/* One direction of one session. @tfm is NULL on an insecure link. */
struct xha_seal {
	struct crypto_aead *tfm;
	struct xha_seal_op *spare;	/* the last one freed, or NULL; taken and put by xchg() */
	u8 salt[XHA_SALT_LEN];
};

typedef void (*xha_seal_done)(struct xha_seal_op *op, int err);

/* One frame being sealed or opened; freed by xha_seal_free() */
struct xha_seal_op {
	xha_seal_done done;
	struct xha_seal *seal;
	void *session;
	struct sk_buff *skb;
	struct xha_hdr hdr;
	struct scatterlist sg;
	u8 iv[XHA_IV_LEN];
	struct aead_request req;	/* last: its context follows */
};

int xha_seal_init(struct xha_seal *s, const u8 *key, const u8 *salt);
void xha_seal_fini(struct xha_seal *s);
struct xha_seal_op *xha_seal_op(struct xha_seal *s, struct sk_buff *skb,
				const struct xha_hdr *h);
void xha_seal_free(struct xha_seal_op *op);
void xha_seal_frame(const struct xha_seal *s, struct xha_seal_op *op, u8 *data, unsigned int len,
		    bool open);

int xha_hkdf(const u8 *psk, const u8 *salt, size_t salt_len, const char *label,
	     const u8 *context, size_t context_len, u8 *out, size_t len);
struct crypto_shash *xha_hmac_alloc(const u8 *key, size_t len);	/* or an error */
int xha_hmac(struct crypto_shash *tfm, const u8 *data, size_t len, u8 *mac);

#endif
