/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Physically contiguous memory at an address of the caller's liking: what can be
 * asked for, and what a request can learn about its own outcome. The calls that
 * take no constraints are declared in <linux/gfp.h>.
 */
#ifndef _LINUX_CONTIG_H
#define _LINUX_CONTIG_H

#include <linux/alloc_tag.h>
#include <linux/ktime.h>
#include <linux/nodemask_types.h>
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
 * struct contig_request - what is wanted, and where it may lie
 * @nr_pages: how many pages
 * @min_pages: accept the largest block of at least so many; 0 for all or nothing
 * @align: bytes that the address is a multiple of, a power of two; 0 for a page
 * @boundary: bytes, a power of two; no multiple of it lies inside. 0 for none
 * @min_addr: lowest physical address
 * @max_addr: the last address that may be part of it; 0 for any
 * @nid: where to look first, or %NUMA_NO_NODE for nearby; 0 is a node
 * @nodemask: where else to look, NULL for anywhere
 * @gfp: which zones, and what form the pages get: as for alloc_contig_pages()
 * @effort: how much the request may cost; @gfp may ask for less
 * @timeout: with %CONTIG_HARD, when it has to be over, from now on: %KTIME_MAX for
 *	never, 0 to bound the time that is spent waiting to a second instead
 */
struct contig_request {
	unsigned long nr_pages;
	unsigned long min_pages;
	phys_addr_t align;
	phys_addr_t boundary;
	phys_addr_t min_addr;
	phys_addr_t max_addr;
	int nid;
	nodemask_t *nodemask;
	gfp_t gfp;
	enum contig_effort effort;
	ktime_t timeout;
};

/**
 * struct contig_report - how a request went
 * @error: 0 or the negative errno that the call returned
 * @reason: why it failed, %CONTIG_NONE if it did not
 * @blocking_pfn: the page in the way, or %CONTIG_NO_PFN
 * @kind: what that page looked like
 * @nr_pages: how many pages were handed out
 * @ranges_tried: how many exact ranges were attempted
 * @pages_moved: pages migrated out of those ranges, also by failed attempts
 * @elapsed: nanoseconds from entry to return
 */
struct contig_report {
	int error;
	enum contig_reason reason;
	unsigned long blocking_pfn;
	enum contig_kind kind;
	unsigned long nr_pages;
	unsigned long ranges_tried;
	unsigned long pages_moved;
	u64 elapsed;
};

#ifdef CONFIG_CONTIG_ALLOC

/* mm/contig/request.c */
struct page *contig_alloc_noprof(const struct contig_request *req,
				 struct contig_report *report);
#define contig_alloc(...)	alloc_hooks(contig_alloc_noprof(__VA_ARGS__))
void contig_free(struct page *page, unsigned long nr_pages);
int contig_query(const struct contig_request *req,
		 struct contig_report *report);

/* mm/contig/order.c */
struct contig_order;

/**
 * typedef contig_ready_t - what is called when an order is done
 * @order: the order; contig_cancel() may be called for it
 * @page: the first page, the callee's from now on, or NULL
 * @report: how it went, valid until it returns; @nr_pages says how many came
 * @data: of the one who ordered
 */
typedef void (*contig_ready_t)(struct contig_order *order, struct page *page,
			       const struct contig_report *report, void *data);

struct contig_order *contig_alloc_async(const struct contig_request *req,
					contig_ready_t ready, void *data);
struct page *contig_order_page(struct contig_order *order,
			       struct contig_report *report);
bool contig_cancel(struct contig_order *order);

/* mm/contig/dma.c */
#ifdef CONFIG_HAS_DMA
struct device;
void *dma_alloc_contig(struct device *dev, size_t size, u64 boundary,
		       dma_addr_t *dma, gfp_t gfp, unsigned long attrs);
void dma_free_contig(struct device *dev, size_t size, void *cpu_addr,
		     dma_addr_t dma, unsigned long attrs);
#endif

#endif /* CONFIG_CONTIG_ALLOC */

#endif /* _LINUX_CONTIG_H */
