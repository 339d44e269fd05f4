// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the SAs whose packets are heard: pages of slots, of which each SA knows the index of
 * its own. Pages stay, so who looks into one has nothing to wait for, and who is in it is there
 * under RCU.
 */

#include <linux/idr.h>
#include <linux/slab.h>

#include "xfrm/tap.h"

struct xha_tapped __rcu **xha_tapped_pages[XHA_TAPPED_PAGES];
static DEFINE_IDA(indexes);

static struct xha_tapped __rcu **page_of(u32 index)
{
	struct xha_tapped __rcu ***at = &xha_tapped_pages[index / XHA_TAPPED_SLOTS], **page, **old;

	page = READ_ONCE(*at);
	if (page)
		return page;
	page = kcalloc(XHA_TAPPED_SLOTS, sizeof(*page), GFP_ATOMIC | __GFP_NOWARN);
	if (!page)
		return NULL;
	/* Its zeros are seen before it is: pairs with xha_tapped_at(). */
	old = cmpxchg(at, NULL, page);
	if (!old)
		return page;
	kfree(page);
	return old;
}

/* Has the SA one that hears it already? x->lock */
static int take_slot(struct xha_tapped __rcu **slot, struct xha_tapped *t, u32 index)
{
	struct xfrm_state *x = t->x;

	lockdep_assert_held(&x->lock);

	if (xha_tapped(x))
		return -EEXIST;
	t->index = index;
	rcu_assign_pointer(*slot, t);
	/* Who reads the new index without the lock finds @t there: pairs with xha_tapped(). */
	smp_store_release(&x->xflags, (x->xflags & ~XHA_XFLAGS_INDEX) | index << XHA_XFLAGS_SHIFT);
	return 0;
}

/**
 * xha_tapped_insert() - have an SA's packets heard
 * @t: its; any context, x->lock is not held
 *
 * Return: 0, -EEXIST if another one has it, -ENOMEM, -ENOSPC if XHA_TAPPED_MAX are there.
 */
int xha_tapped_insert(struct xha_tapped *t)
{
	int index = ida_alloc_range(&indexes, 1, XHA_TAPPED_MAX, GFP_ATOMIC), err = -ENOMEM;
	struct xha_tapped __rcu **page;

	if (index < 0)
		return index;
	page = page_of(index);
	if (page) {
		spin_lock_bh(&t->x->lock);
		err = take_slot(&page[index % XHA_TAPPED_SLOTS], t, index);
		spin_unlock_bh(&t->x->lock);
	}
	if (err)
		ida_free(&indexes, index);
	return err;
}

/**
 * xha_tapped_remove() - nobody finds it any more
 * @t: that was inserted, if it was; once; any context, x->lock may be held
 */
void xha_tapped_remove(struct xha_tapped *t)
{
	if (!t->index)
		return;
	RCU_INIT_POINTER(xha_tapped_pages[t->index / XHA_TAPPED_SLOTS][t->index % XHA_TAPPED_SLOTS],
			 NULL);
	ida_free(&indexes, t->index);
}

void xha_tapped_exit(void)
{
	int i;

	for (i = 0; i < XHA_TAPPED_PAGES; i++) {
		kfree(xha_tapped_pages[i]);
		xha_tapped_pages[i] = NULL;
	}
	ida_destroy(&indexes);
}
