/* SPDX-License-Identifier: GPL-2.0 */
/* What may not leave in clear. */
#ifndef XFRM_HAD_FENCE_H
#define XFRM_HAD_FENCE_H

#include <stdio.h>

#include "translate.h"

void fence_policy(const struct had_policy *p);
void fence_policy_gone(const struct had_policy_id *id);
void fence_listed(void);
void fence_status(FILE *to);

#endif
