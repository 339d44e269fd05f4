// SPDX-License-Identifier: GPL-2.0
/*
 * Corosync's library is loaded when the file asks for it, so that who has no cluster needs neither
 * it nor what it brings along.
 */

#include <dlfcn.h>
#include <stddef.h>

#include "libcpg.h"

#define SONAME	"libcpg.so.4"

const struct libcpg *libcpg_load(const char **why)
{
	static struct libcpg lib;
	static void *dl;
	const struct {
		const char *name;
		void *to;
	} calls[] = {
		{ "cpg_model_initialize", &lib.initialize },
		{ "cpg_finalize", &lib.finalize },
		{ "cpg_fd_get", &lib.fd_get },
		{ "cpg_context_get", &lib.context_get },
		{ "cpg_max_atomic_msgsize_get", &lib.max_atomic_msgsize_get },
		{ "cpg_local_get", &lib.local_get },
		{ "cpg_join", &lib.join },
		{ "cpg_dispatch", &lib.dispatch },
		{ "cpg_mcast_joined", &lib.mcast_joined },
	};

	if (dl)
		return &lib;
	dl = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; dl && i < sizeof(calls) / sizeof(*calls); i++) {
		void *call = dlsym(dl, calls[i].name);

		if (!call) {
			*why = dlerror();
			dlclose(dl);
			dl = NULL;
			return NULL;
		}
		*(void **)calls[i].to = call;
	}
	if (dl)
		return &lib;
	*why = dlerror();
	return NULL;
}
