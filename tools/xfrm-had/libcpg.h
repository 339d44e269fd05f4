/* SPDX-License-Identifier: GPL-2.0 */
/* What is used of Corosync's libcpg, which is there or not. */
#ifndef XFRM_HAD_LIBCPG_H
#define XFRM_HAD_LIBCPG_H

#include <corosync/cpg.h>

/* cpg_model_initialize() is initialize, and so on: see the manual pages. */
struct libcpg {
	typeof(cpg_model_initialize) *initialize;
	typeof(cpg_finalize) *finalize;
	typeof(cpg_fd_get) *fd_get;
	typeof(cpg_context_get) *context_get;
	typeof(cpg_max_atomic_msgsize_get) *max_atomic_msgsize_get;
	typeof(cpg_local_get) *local_get;
	typeof(cpg_join) *join;
	typeof(cpg_dispatch) *dispatch;
	typeof(cpg_mcast_joined) *mcast_joined;
};

/* NULL: it is not installed, which *why says */
const struct libcpg *libcpg_load(const char **why);

#endif
