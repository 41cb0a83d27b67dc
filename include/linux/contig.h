/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a request for physically contiguous memory can learn about its own
 * outcome. The calls themselves are declared in <linux/gfp.h>.
 */
#ifndef _LINUX_CONTIG_H
#define _LINUX_CONTIG_H

#include <linux/types.h>

/**
 * enum contig_reason - why a request for contiguous memory was not met
 * @CONTIG_NONE: it was met
 * @CONTIG_BAD_REQUEST: the arguments can never be met on any machine
 * @CONTIG_NOT_PRESENT: a hole or offline memory lies inside the range
 * @CONTIG_ZONE_BOUNDARY: the range is not inside one zone
 * @CONTIG_UNMOVABLE: a page of the kernel, reserved memory or a block kept
 *	for another kind of request
 * @CONTIG_PINNED: a movable page that somebody holds a reference to
 * @CONTIG_HUGETLB: a hugetlb page that can neither move nor be dissolved
 * @CONTIG_LOST_RACE: somebody else isolated the block or took the page first
 * @CONTIG_NO_MEMORY: no memory to move pages to, or for the bookkeeping
 * @CONTIG_NO_CANDIDATE: a search found no range worth trying
 * @CONTIG_WOULD_BLOCK: the rest of the work sleeps and the caller may not
 * @CONTIG_INTERRUPTED: a fatal signal arrived
 * @CONTIG_TIMED_OUT: the caller's deadline passed
 * @CONTIG_NR_REASONS: how many there are, no reason itself
 */
enum contig_reason {
	CONTIG_NONE,
	CONTIG_BAD_REQUEST,
	CONTIG_NOT_PRESENT,
	CONTIG_ZONE_BOUNDARY,
	CONTIG_UNMOVABLE,
	CONTIG_PINNED,
	CONTIG_HUGETLB,
	CONTIG_LOST_RACE,
	CONTIG_NO_MEMORY,
	CONTIG_NO_CANDIDATE,
	CONTIG_WOULD_BLOCK,
	CONTIG_INTERRUPTED,
	CONTIG_TIMED_OUT,
	CONTIG_NR_REASONS
};

/* In &contig_report.blocking_pfn: no single page is to blame. */
#define CONTIG_NO_PFN	(~0UL)

/**
 * struct contig_report - how a request went
 * @error: 0 or the negative errno that the call returned
 * @reason: why it failed, %CONTIG_NONE if it did not
 * @blocking_pfn: the page in the way, or %CONTIG_NO_PFN
 * @ranges_tried: how many exact ranges were attempted
 * @pages_moved: pages migrated out of those ranges, also by failed attempts
 * @elapsed: nanoseconds from entry to return
 */
struct contig_report {
	int error;
	enum contig_reason reason;
	unsigned long blocking_pfn;
	unsigned long ranges_tried;
	unsigned long pages_moved;
	u64 elapsed;
};

#endif /* _LINUX_CONTIG_H */
