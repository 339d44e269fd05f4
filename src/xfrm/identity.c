// SPDX-License-Identifier: GPL-2.0
/* What both nodes know an SA by. */

#include <crypto/sha2.h>

#include "xfrm/xfrm.h"

#define CHUNK	128	/* octets of a key */

/* One after the other: each digest is made of the one before it. */
struct digest {
	u8 sum[SHA256_DIGEST_SIZE];
	u8 text[CHUNK];
} __packed;

static void add(struct digest *d, const void *data, size_t len)
{
	size_t n;

	do {
		n = min_t(size_t, len, CHUNK);
		memcpy(d->text, data, n);
		memset(d->text + n, 0, CHUNK - n);
		sha256((u8 *)d, sizeof(*d), d->sum);
		data += n;
		len -= n;
	} while (len);
}

static void add_key(struct digest *d, const char *name, const char *key, unsigned int bits)
{
	add(d, name, strnlen(name, sizeof_field(struct xfrm_algo, alg_name)));
	add(d, &bits, sizeof(bits));
	add(d, key, DIV_ROUND_UP(bits, 8));
}

/**
 * key_id() - tell SAs of the same SPI and another key apart
 * @x: SA
 * @id: its identity but for the key
 *
 * No key crosses the link (I9), but 64 bits of a digest of it do, sealed. Of a random key,
 * which has more, they tell nothing but that another is the same. The identity is part of it:
 * that two SAs have one key can't be seen.
 */
static u64 key_id(const struct xfrm_state *x, const struct xha_id *id)
{
	struct digest d = {};
	u64 key;

	add(&d, id, sizeof(*id));
	if (x->aead)
		add_key(&d, x->aead->alg_name, x->aead->alg_key, x->aead->alg_key_len);
	if (x->ealg)
		add_key(&d, x->ealg->alg_name, x->ealg->alg_key, x->ealg->alg_key_len);
	if (x->aalg)
		add_key(&d, x->aalg->alg_name, x->aalg->alg_key, x->aalg->alg_key_len);
	key = get_unaligned_be64(d.sum);
	memzero_explicit(&d, sizeof(d));
	return key;
}

/**
 * xha_identity_of() - the identity of an SA of which this much is remembered
 * @id: filled
 * @x: SA; what is taken from it never changes
 * @key: &xha_id.key
 * @if_id: &xha_id.if_id; that of @x may be another one by now (xfrm_state_update())
 */
void xha_identity_of(struct xha_id *id, const struct xfrm_state *x, u64 key, u32 if_id)
{
	*id = (struct xha_id){
		.key = key,
		.spi = x->id.spi,
		.mark_v = x->mark.v,
		.mark_m = x->mark.m,
		.if_id = if_id,
		.family = x->props.family,
		.proto = x->id.proto,
	};
	if (x->props.family == AF_INET)
		id->daddr[0] = x->id.daddr.a4;
	else
		memcpy(id->daddr, x->id.daddr.a6, sizeof(id->daddr));
}

/**
 * xha_identity() - what both nodes know the SA by
 * @id: filled
 * @x: SA, whose keys never change
 */
void xha_identity(struct xha_id *id, const struct xfrm_state *x)
{
	xha_identity_of(id, x, 0, x->if_id);
	id->key = key_id(x, id);
}
