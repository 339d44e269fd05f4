/* SPDX-License-Identifier: GPL-2.0 */
/* A file that is locked by who is alone. */
#ifndef XFRM_HA_LOCK_H
#define XFRM_HA_LOCK_H

int lock_file(const char *path);

#endif
