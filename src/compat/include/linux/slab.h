/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/slab.h>

#ifndef kmalloc_obj
#define kmalloc_obj(p, gfp)	kmalloc(sizeof(p), gfp)
#define kzalloc_obj(p, gfp)	kzalloc(sizeof(p), gfp)
#define kvzalloc_obj(p, gfp)	kvzalloc(sizeof(p), gfp)
#endif
