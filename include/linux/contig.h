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

/**
 * enum contig_effort - how much a request may cost before it fails
 * @CONTIG_NOWAIT: take what is free, never sleep; for any context but NMI
 * @CONTIG_NORMAL: move pages, wait half a millisecond for those that are held
 * @CONTIG_HARD: wait for those that are held until the deadline
 */
enum contig_effort {
	CONTIG_NOWAIT,
	CONTIG_NORMAL,
	CONTIG_HARD
};

/**
 * enum contig_kind - what the page in the way looked like
 * @CONTIG_KIND_NONE: there was no page, or nothing wrong with it any more
 * @CONTIG_KIND_RESERVED: never given to the allocator, or taken from it for good
 * @CONTIG_KIND_SLAB: memory of kmalloc() or of a kmem_cache
 * @CONTIG_KIND_PAGE_TABLE: page table of a process
 * @CONTIG_KIND_KFENCE: pool of KFENCE
 * @CONTIG_KIND_OFFLINE: given back to a hypervisor
 * @CONTIG_KIND_HWPOISON: broken
 * @CONTIG_KIND_TYPED: of another type that cannot move
 * @CONTIG_KIND_KERNEL: referenced and nobody's that moves: a driver's, a pipe's
 * @CONTIG_KIND_OTHER_BLOCK: in a block kept for CMA, or not for CMA
 * @CONTIG_KIND_ISOLATED: in a block that somebody else isolated
 * @CONTIG_KIND_CROSSING: folio larger than a block, across the end of the range
 * @CONTIG_KIND_HUGETLB: hugetlb page that cannot move, or in use for I/O
 * @CONTIG_KIND_MOVABLE_OPS: of a balloon or another driver that moves its pages
 * @CONTIG_KIND_DMA_PINNED: pinned by pin_user_pages()
 * @CONTIG_KIND_WRITEBACK: being written to disk
 * @CONTIG_KIND_LOCKED: locked
 * @CONTIG_KIND_MLOCKED: off the LRU lists, for mlock()
 * @CONTIG_KIND_OFF_LRU: in an LRU batch of some CPU, or taken for reclaim
 * @CONTIG_KIND_REFERENCED: more references than its users explain
 * @CONTIG_KIND_IN_TRANSIT: being freed, split or set up
 * @CONTIG_KIND_ANON: of a process, and nothing seems to hold it
 * @CONTIG_KIND_FILE: page cache, and nothing seems to hold it
 * @CONTIG_NR_KINDS: how many there are, no kind itself
 */
enum contig_kind {
	CONTIG_KIND_NONE,
	CONTIG_KIND_RESERVED,
	CONTIG_KIND_SLAB,
	CONTIG_KIND_PAGE_TABLE,
	CONTIG_KIND_KFENCE,
	CONTIG_KIND_OFFLINE,
	CONTIG_KIND_HWPOISON,
	CONTIG_KIND_TYPED,
	CONTIG_KIND_KERNEL,
	CONTIG_KIND_OTHER_BLOCK,
	CONTIG_KIND_ISOLATED,
	CONTIG_KIND_CROSSING,
	CONTIG_KIND_HUGETLB,
	CONTIG_KIND_MOVABLE_OPS,
	CONTIG_KIND_DMA_PINNED,
	CONTIG_KIND_WRITEBACK,
	CONTIG_KIND_LOCKED,
	CONTIG_KIND_MLOCKED,
	CONTIG_KIND_OFF_LRU,
	CONTIG_KIND_REFERENCED,
	CONTIG_KIND_IN_TRANSIT,
	CONTIG_KIND_ANON,
	CONTIG_KIND_FILE,
	CONTIG_NR_KINDS
};

/* In &contig_report.blocking_pfn: no single page is to blame. */
#define CONTIG_NO_PFN	(~0UL)

/**
 * struct contig_report - how a request went
 * @error: 0 or the negative errno that the call returned
 * @reason: why it failed, %CONTIG_NONE if it did not
 * @blocking_pfn: the page in the way, or %CONTIG_NO_PFN
 * @kind: what that page looked like
 * @ranges_tried: how many exact ranges were attempted
 * @pages_moved: pages migrated out of those ranges, also by failed attempts
 * @elapsed: nanoseconds from entry to return
 */
struct contig_report {
	int error;
	enum contig_reason reason;
	unsigned long blocking_pfn;
	enum contig_kind kind;
	unsigned long ranges_tried;
	unsigned long pages_moved;
	u64 elapsed;
};

#endif /* _LINUX_CONTIG_H */
