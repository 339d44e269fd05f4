// SPDX-License-Identifier: GPL-2.0
/*
 * Which filters are in the NIC: a file below /run/xfrm-ha, which outlives the forwarder as they do,
 * and a reboot as little. A record is appended before a filter is written, and when it was removed.
 * Of those for the same location the last one counts, and even that only says which filter would be
 * ours: what is in the NIC is read before it is believed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forwarder.h"
#include "journal.h"
#include "tool.h"

static char path[64], fresh[sizeof(path) + sizeof(".new")];
static int fd = -1;
static uint32_t lines;

void journal_name(int ifindex)
{
	run_path(path, sizeof(path), ifindex, ".filters");
	snprintf(fresh, sizeof(fresh), "%s.new", path);
}

static int by_location(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->location != y->location)
		return x->location < y->location ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* What counts of what a dead one has written. -1: it can't be read; errno */
int journal_read(struct record **records)
{
	uint32_t n, kept = 0;
	struct record *all;
	struct stat st;
	int old;

	*records = NULL;
	old = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (old < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(old, &st))
		goto fail;
	n = st.st_size / sizeof(*all);
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		goto fail;
	if (read(old, all, n * sizeof(*all)) != (ssize_t)(n * sizeof(*all))) {
		free(all);
		goto fail;
	}
	close(old);
	for (uint32_t i = 0; i < n; i++)
		all[i].line = i;
	/* Without a location: if nothing came after it. Else it was given one, or refused. */
	for (uint32_t i = 0; i < n; i++)
		all[i].used &= all[i].location != ANYWHERE || i == n - 1;
	qsort(all, n, sizeof(*all), by_location);
	for (uint32_t i = 0; i < n; i++) {
		if (all[i].used && (i + 1 == n || all[i + 1].location != all[i].location))
			all[kept++] = all[i];
	}
	*records = all;
	return kept;
fail:
	close(old);
	return -1;
}

/* A new file, which takes the place of the old one when it is complete. */
int journal_begin(void)
{
	if (fd >= 0)
		close(fd);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	lines = 0;
	return fd < 0 ? -errno : 0;
}

int journal_commit(void)
{
	return rename(fresh, path) ? -errno : 0;
}

static int append(const struct record *r)
{
	lines++;
	if (write(fd, r, sizeof(*r)) == sizeof(*r))
		return 0;
	return errno ? -errno : -EIO;
}

/* @was: to which queue the one leads that it replaces, or @queue */
int journal_put(const struct fwd_key *key, uint32_t location, uint32_t queue, uint32_t was)
{
	struct record r = { .location = location, .queue = queue, .was = was, .used = true,
			    .key = *key };

	return append(&r);
}

void journal_gone(uint32_t location)
{
	struct record r = { .location = location };

	/* If that can't be written it will be found to be gone. */
	append(&r);
}

uint32_t journal_lines(void)
{
	return lines;
}

/* None is left. */
void journal_remove(void)
{
	unlink(path);
}
