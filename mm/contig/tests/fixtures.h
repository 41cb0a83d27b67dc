/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the contiguous range engine share.
 *
 * A window is a stretch of whole free blocks that the tests own: every page of
 * it starts out held (claimed and prepared, refcount 0). A case lets go of the
 * parts that shall be free, puts bystanders of each kind at exact PFNs, and
 * asks the engine. When the window closes, each of its pages must be free
 * again, and whatever the engine has to keep in order must be in order.
 */
#ifndef _MM_CONTIG_TESTS_FIXTURES_H
#define _MM_CONTIG_TESTS_FIXTURES_H

#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/processor.h>
#include <linux/timekeeping.h>

#include "../contig.h"

/**
 * struct contig_window - a stretch of memory that a test owns
 * @test: whose
 * @zone: where
 * @start: first PFN, aligned to the largest buddy
 * @end: one past the last, as well
 * @asked: one past the last page that the test asked for, at most @end
 * @type: migratetype of all its blocks
 * @held: bit per page: claimed, in our hands
 * @isolated: the zone's count of isolated blocks when it was opened
 * @free: the zone's free pages before it was opened
 * @free_cma: the zone's free CMA pages before it was opened
 */
struct contig_window {
	struct kunit *test;
	struct zone *zone;
	unsigned long start;
	unsigned long end;
	unsigned long asked;
	int type;
	unsigned long *held;
	unsigned long isolated;
	unsigned long free;
	unsigned long free_cma;
};

/**
 * struct contig_cache - page cache in the window, the bystanders that can move
 * @window: where
 * @file: whose cache
 * @dirty: its pages cannot be dropped, only moved
 * @next: next unused index
 * @nr_pages: pages put in
 */
struct contig_cache {
	struct contig_window *window;
	struct file *file;
	bool dirty;
	pgoff_t next;
	unsigned long nr_pages;
};

/* A page with a reference too many, that a timer drops. */
struct contig_pin {
	struct hrtimer timer;
	struct page *page;
	bool dropped;
};

/* A snapshot of the engine's counters. */
struct contig_events {
	unsigned long nr[CONTIG_NR_EVENTS];
};

/* By the clock that counts: how long mdelay() takes is a guess on some machines. */
static inline void contig_take_ms(unsigned int ms)
{
	u64 end = ktime_get_ns() + ms * NSEC_PER_MSEC;

	while (ktime_get_ns() < end)
		cpu_relax();
}

/* Does this kernel let a test change the type of a block? */
static inline bool contig_can_make_cma_blocks(void)
{
	return IS_ENABLED(CONFIG_CMA) && IS_ENABLED(CONFIG_MEMORY_HOTPLUG);
}

/* fixtures.c: the window */
struct contig_window *contig_window_open(struct kunit *test,
					 unsigned long nr_pages);
struct contig_window *contig_window_open_in(struct kunit *test,
					    struct zone *zone,
					    unsigned long nr_pages);
void contig_need_cma_blocks(struct kunit *test);
void contig_window_set_type(struct contig_window *window, int type);
void contig_window_release(struct contig_window *window, unsigned long start,
			   unsigned long end);
void contig_window_release_all(struct contig_window *window);
void contig_window_release_rest(struct contig_window *window);
void contig_window_keep(struct contig_window *window, unsigned long start,
			unsigned long end);
void contig_window_wall(struct contig_window *window, unsigned long pfn);
struct page *contig_window_hand_out(struct contig_window *window,
				    unsigned long pfn);

/* fixtures.c: requests */
struct contig_request contig_ask_in(const struct contig_window *window,
				    unsigned long nr_pages);
int contig_errno_of(enum contig_reason reason);
void contig_expect_taken(struct contig_window *window, unsigned long start,
			 unsigned long end, acr_flags_t flags, gfp_t gfp);
unsigned long contig_expect_refused(struct kunit *test, unsigned long start,
				    unsigned long end, acr_flags_t flags,
				    gfp_t gfp, enum contig_reason reason,
				    unsigned long blocking_pfn);
void contig_expect_blamed(struct kunit *test, unsigned long start,
			  unsigned long end, enum contig_reason reason,
			  unsigned long blocking_pfn, const char *kind);
void contig_expect_no_effort(struct kunit *test,
			     const struct contig_events *before);
void contig_expect_compound(struct kunit *test, unsigned long pfn,
			    unsigned int order);
void contig_expect_warnings(struct kunit *test, int seen, int due);
void contig_read_events(struct contig_events *events);
unsigned long contig_events_since(const struct contig_events *before,
				  enum contig_event event);
void contig_expect_balance(struct kunit *test);
unsigned long contig_no_crew(void);

/* bystanders.c */
struct contig_cache *contig_cache_open(struct contig_window *window, bool dirty);
struct folio *contig_cache_put(struct contig_cache *cache, unsigned long pfn,
			       unsigned int order);
void contig_cache_fill(struct contig_cache *cache, unsigned long start,
		       unsigned long end);
struct contig_cache *contig_cache_every(struct contig_window *window, unsigned int step);
void contig_cache_close(struct contig_cache *cache);
void contig_cache_check(struct contig_cache *cache);
unsigned long contig_cache_pages_in(struct contig_cache *cache,
				    unsigned long start, unsigned long end);
void contig_dma_pin(unsigned long pfn);
void contig_dma_unpin(unsigned long pfn);
unsigned long contig_anon_map(struct contig_window *window, unsigned long pfn,
			      unsigned long nr_pages);
void contig_anon_unmap(struct kunit *test, unsigned long addr,
		       unsigned long nr_pages);
unsigned long contig_anon_bad_pages(struct kunit *test, unsigned long addr,
				    unsigned long nr_pages);
void contig_pin_for(struct contig_pin *pin, struct page *page, u64 nsecs);
void contig_pin_end(struct contig_pin *pin);
struct folio *contig_hugetlb_get(struct kunit *test);
acr_flags_t contig_hugetlb_flags(struct folio *folio);
void contig_hugetlb_pool(struct folio *folio);
unsigned long contig_hugetlb_unpool(struct kunit *test);

/* invariants.c */
void contig_settle(struct zone *zone);
void contig_window_check(struct contig_window *window, unsigned long in_use);
void contig_window_expect_whole(struct contig_window *window);
void contig_expect_totals(struct contig_window *window);
unsigned long contig_pages_in_use(unsigned long start, unsigned long end);
bool contig_all_free(unsigned long start, unsigned long end);
bool contig_bytes_are(unsigned long start, unsigned long end, int byte);

/* search_test.c */
void contig_expect_nothing(struct kunit *test, const struct contig_request *req,
			   int error, enum contig_reason reason);
void contig_expect_nowhere(struct kunit *test,
			   const struct contig_request *req);

#endif /* _MM_CONTIG_TESTS_FIXTURES_H */
