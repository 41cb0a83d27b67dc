/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that fills a part of memory with pages under a pattern, and goes on
 * reading and writing them until it is stopped.
 */
#ifndef _CONTIG_FILLER_H
#define _CONTIG_FILLER_H

#include <stdbool.h>
#include <sys/types.h>

#include "contig_util.h"

/* The first three are the caller's. */
struct contig_filler {
	const char *name;
	bool (*is_full)(void);
	unsigned long seed;
	pid_t pid;
	int answers;
};

bool contig_filler_start(struct contig_filler *filler);
bool contig_filler_is_intact(const struct contig_filler *filler);
bool contig_filler_stop(const struct contig_filler *filler);

#endif
