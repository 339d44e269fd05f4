// SPDX-License-Identifier: GPL-2.0
/* Stripes of sequence numbers. Pure. */

#include "pure/stripe.h"

static u32 rest_of(u64 stripe, u32 step)
{
	u32 rest;

	div_u64_rem(stripe, step, &rest);
	return rest;
}

static u64 last_of(u64 stripe, u8 bits)
{
	return stripe << bits | ((1ULL << bits) - 1);
}

/* Does the number belong to the share? Number 0 is never used, but does. */
bool xha_share_has(const struct xha_share *s, u8 bits, u64 n)
{
	if (s->step <= 1)
		return s->step;
	return rest_of(n >> bits, s->step) == s->first;
}

/**
 * xha_share_next() - the first number of a share above another
 * @s: share
 * @bits: of a stripe, log2 of its numbers
 * @n: number
 *
 * Return: number; U64_MAX: there is none.
 */
u64 xha_share_next(const struct xha_share *s, u8 bits, u64 n)
{
	u64 stripe;
	u32 rest;

	if (!s->step || n == U64_MAX)
		return U64_MAX;
	n++;
	if (xha_share_has(s, bits, n))
		return n;
	stripe = n >> bits;
	rest = rest_of(stripe, s->step);
	stripe += rest < s->first ? s->first - rest : s->step - rest + s->first;
	return stripe > U64_MAX >> bits ? U64_MAX : stripe << bits;
}

/**
 * xha_share_run() - how far a share goes without a gap
 * @s: share
 * @bits: of a stripe
 * @n: a number of the share
 *
 * Return: the last number of @n's stripe; U64_MAX where the share has all.
 */
u64 xha_share_run(const struct xha_share *s, u8 bits, u64 n)
{
	return s->step == 1 ? U64_MAX : last_of(n >> bits, bits);
}

/**
 * xha_share_ahead() - the number that is so many of a share's numbers away
 * @s: share
 * @bits: of a stripe
 * @n: number, of the share or not
 * @q: how many, at least 1
 *
 * Return: the @q-th number of the share above @n; U64_MAX: there are not as many.
 */
u64 xha_share_ahead(const struct xha_share *s, u8 bits, u64 n, u64 q)
{
	u64 from = xha_share_next(s, bits, n), stripe, left, more;

	if (from == U64_MAX)
		return from;
	if (s->step == 1)
		return U64_MAX - from < q - 1 ? U64_MAX : from + q - 1;
	stripe = from >> bits;
	left = last_of(stripe, bits) - from + 1;
	if (q <= left)
		return from + q - 1;
	q -= left + 1;
	more = (q >> bits) + 1;
	if (more > div_u64(U64_MAX >> bits, s->step))
		return U64_MAX;
	stripe += more * s->step;
	if (stripe > U64_MAX >> bits)
		return U64_MAX;
	return stripe << bits | (q & ((1ULL << bits) - 1));
}

/* How many of the first 2^32 numbers belong to the share. */
u64 xha_share_size(const struct xha_share *s, u8 bits)
{
	u32 stripes = 1U << (32 - bits);

	if (!s->step || s->first >= stripes)
		return 0;
	return (u64)((stripes - s->first - 1) / s->step + 1) << bits;
}

/**
 * xha_share_split() - give half of a share away
 * @own: share; what is left of it
 * @given: set to the other half
 * @bits: of a stripe
 *
 * From one stripe of a half to its next one is a jump, which a receiver that is told half of an
 * extended number must be able to follow (RFC 4303, appendix A2): it stays below 2^31.
 *
 * Return: false if it can't be split any more: @given is none then.
 */
bool xha_share_split(struct xha_share *own, struct xha_share *given, u8 bits)
{
	*given = (struct xha_share){};
	if (!own->step || (u64)own->step << (bits + 1) > 1ULL << 31)
		return false;
	given->first = own->first + own->step;
	given->step = 2 * own->step;
	own->step *= 2;
	return true;
}
