// SPDX-License-Identifier: GPL-2.0
/*
 * The window of memory that a test owns, and the requests made in it.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sizes.h>
#include <linux/vmstat.h>

#include "../../internal.h"
#include "../../page_alloc.h"
#include "fixtures.h"

/* === The window === */

/* The zone with the most memory that needs no special request. */
static struct zone *contig_largest_zone(void)
{
	struct zone *zone, *best = NULL;

	for_each_populated_zone(zone)
		if (zone_idx(zone) <= gfp_zone(GFP_KERNEL) &&
		    (!best || zone_managed_pages(zone) > zone_managed_pages(best)))
			best = zone;
	return best;
}

/* Is there one free page of the largest order at @pfn, all of it movable? */
static bool contig_chunk_is_free(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || page_zone(page) != zone || !PageBuddy(page) ||
	    buddy_order_unsafe(page) != MAX_PAGE_ORDER)
		return false;

	for (unsigned long at = pfn; at < pfn + MAX_ORDER_NR_PAGES;
	     at += pageblock_nr_pages)
		if (get_pfnblock_migratetype(pfn_to_page(at), at) !=
		    MIGRATE_MOVABLE)
			return false;
	return true;
}

/* The highest free stretch of this size; others allocate elsewhere first. */
static unsigned long contig_find_free(struct zone *zone, unsigned long nr_pages)
{
	unsigned long pfn = ALIGN_DOWN(zone_end_pfn(zone), MAX_ORDER_NR_PAGES);
	unsigned long run = 0;

	while (pfn > zone->zone_start_pfn + MAX_ORDER_NR_PAGES) {
		pfn -= MAX_ORDER_NR_PAGES;
		run += MAX_ORDER_NR_PAGES;
		if (!contig_chunk_is_free(zone, pfn))
			run = 0;
		if (run >= nr_pages)
			return pfn;
	}
	return CONTIG_NO_PFN;
}

static unsigned long contig_bit(const struct contig_window *window,
				unsigned long pfn)
{
	return pfn - window->start;
}

static void contig_window_close(void *data)
{
	struct contig_window *window = data;
	unsigned long from, to;

	for_each_set_bitrange(from, to, window->held,
			      window->end - window->start)
		KUNIT_EXPECT_EQ(window->test, 0,
				contig_free_range(window->start + from, to - from,
						  true));
	bitmap_zero(window->held, window->end - window->start);
	contig_window_check(window, 0);
	contig_window_expect_whole(window);
	contig_expect_totals(window);
}

/* Of each three chunks KMSAN has two for itself; or a chunk is half a gigabyte. */
static bool contig_has_few_chunks(void)
{
	return IS_ENABLED(CONFIG_KMSAN) ||
	       MAX_PAGE_ORDER + PAGE_SHIFT >= ilog2(SZ_512M);
}

static void contig_window_claim(struct contig_window *window,
				unsigned long nr_pages)
{
	struct contig_report report;
	struct kunit *test = window->test;

	window->start = contig_find_free(window->zone, nr_pages);
	if (contig_has_few_chunks() && window->start == CONTIG_NO_PFN)
		kunit_skip(test, "no free stretch of %lu pages", nr_pages);
	KUNIT_ASSERT_NE_MSG(test, window->start, CONTIG_NO_PFN,
			    "no free stretch of %lu pages", nr_pages);
	window->end = window->start + nr_pages;
	KUNIT_ASSERT_EQ(test, 0,
			contig_alloc_range(window->start, window->end,
					   ACR_FLAGS_NONE, GFP_KERNEL, &report));
	bitmap_fill(window->held, nr_pages);
}

/* A window of at least @nr_pages pages of a zone, all held; closes with the test. */
struct contig_window *contig_window_open_in(struct kunit *test,
					    struct zone *zone,
					    unsigned long nr_pages)
{
	unsigned long nr_held = ALIGN(nr_pages, MAX_ORDER_NR_PAGES);
	struct contig_window *window;

	window = kunit_kzalloc(test, sizeof(*window), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, window);
	window->held = kunit_kcalloc(test, BITS_TO_LONGS(nr_held),
				     sizeof(long), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, window->held);
	window->test = test;
	window->type = MIGRATE_MOVABLE;
	window->zone = zone;
	contig_settle(window->zone);
	window->isolated = window->zone->nr_isolate_pageblock;
	window->free = zone_page_state_snapshot(window->zone, NR_FREE_PAGES);
	window->free_cma = zone_page_state_snapshot(window->zone,
						    NR_FREE_CMA_PAGES);
	contig_window_claim(window, nr_held);
	window->asked = window->start + nr_pages;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, contig_window_close,
						  window));
	return window;
}

struct contig_window *contig_window_open(struct kunit *test,
					 unsigned long nr_pages)
{
	return contig_window_open_in(test, contig_largest_zone(), nr_pages);
}

/* Whoever wants a window of CMA blocks has to be able to make them. */
void contig_need_cma_blocks(struct kunit *test)
{
	if (!contig_can_make_cma_blocks())
		kunit_skip(test, "block types cannot be set after boot");
}

/* All pages are held, so no free list knows what type the blocks had. */
void contig_window_set_type(struct contig_window *window, int type)
{
	KUNIT_ASSERT_TRUE(window->test,
			  bitmap_full(window->held, window->end - window->start));
	for (unsigned long pfn = window->start; pfn < window->end;
	     pfn += pageblock_nr_pages)
		if (IS_ENABLED(CONFIG_MEMORY_HOTPLUG))
			init_pageblock_migratetype(pfn_to_page(pfn), type, false);
	window->type = type;
}

/* Make held pages free. */
void contig_window_release(struct contig_window *window, unsigned long start,
			   unsigned long end)
{
	unsigned long first = contig_bit(window, start);
	unsigned long last = contig_bit(window, end);

	KUNIT_ASSERT_GE(window->test,
			find_next_zero_bit(window->held, last, first), last);
	KUNIT_ASSERT_EQ(window->test, 0,
			contig_free_range(start, end - start, true));
	bitmap_clear(window->held, first, last - first);
}

void contig_window_release_all(struct contig_window *window)
{
	contig_window_release(window, window->start, window->end);
}

/* Whatever was not put to another use is free from now on. */
void contig_window_release_rest(struct contig_window *window)
{
	unsigned long from, to;

	for_each_set_bitrange(from, to, window->held,
			      window->end - window->start)
		contig_window_release(window, window->start + from,
				      window->start + to);
}

/* Frozen pages that a test was handed out belong to the window again. */
void contig_window_keep(struct contig_window *window, unsigned long start,
			unsigned long end)
{
	bitmap_set(window->held, contig_bit(window, start), end - start);
}

/* One held page becomes an ordinary page with a reference, like any other. */
struct page *contig_window_hand_out(struct contig_window *window,
				    unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	KUNIT_ASSERT_TRUE(window->test,
			  test_bit(contig_bit(window, pfn), window->held));
	__clear_bit(contig_bit(window, pfn), window->held);
	set_page_refcounted(page);
	return page;
}

static void contig_free_wall(void *page)
{
	__free_page(page);
}

/* A held page becomes one of the kernel's, which stays until the test is over. */
void contig_window_wall(struct contig_window *window, unsigned long pfn)
{
	struct page *page = contig_window_hand_out(window, pfn);

	KUNIT_ASSERT_EQ(window->test, 0,
			kunit_add_action_or_reset(window->test,
						  contig_free_wall, page));
}

/* === Requests === */

/* Anywhere in the window, by whoever moves pages but waits for none. */
struct contig_request contig_ask_in(const struct contig_window *window,
				    unsigned long nr_pages)
{
	return (struct contig_request){
		.nr_pages = nr_pages,
		.min_addr = PFN_PHYS(window->start),
		.max_addr = PFN_PHYS(window->asked) - 1,
		.nid = NUMA_NO_NODE,
		.gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
		.effort = CONTIG_NORMAL,
	};
}

static bool contig_all_frozen(unsigned long start, unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		if (page_ref_count(pfn_to_page(pfn)) ||
		    PageBuddy(pfn_to_page(pfn)))
			return false;
	return !contig_in_free_block(start);
}

/* The request is met; the pages go into the keeping of the window. */
void contig_expect_taken(struct contig_window *window, unsigned long start,
			 unsigned long end, acr_flags_t flags, gfp_t gfp)
{
	struct kunit *test = window->test;
	struct contig_report report;
	int err;

	memset(&report, 0xff, sizeof(report));
	err = contig_alloc_range(start, end, flags, gfp, &report);
	KUNIT_ASSERT_EQ_MSG(test, err, 0, "[%lx, %lx): %s at %lx", start, end,
			    contig_reason_name(report.reason),
			    report.blocking_pfn);
	contig_window_keep(window, start, end);
	KUNIT_EXPECT_EQ(test, report.error, 0);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_NONE);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_EQ(test, report.ranges_tried, 1);
	KUNIT_EXPECT_TRUE(test, contig_all_frozen(start, end));
}

/* What a request that fails for this reason returns. */
int contig_errno_of(enum contig_reason reason)
{
	switch (reason) {
	case CONTIG_BAD_REQUEST:
	case CONTIG_NOT_PRESENT:
	case CONTIG_ZONE_BOUNDARY:
		return -EINVAL;
	case CONTIG_NO_MEMORY:
		return -ENOMEM;
	case CONTIG_INTERRUPTED:
		return -EINTR;
	default:
		return -EBUSY;
	}
}

static void contig_ask_in_vain(struct kunit *test, unsigned long start,
			       unsigned long end, acr_flags_t flags, gfp_t gfp,
			       enum contig_reason reason,
			       struct contig_report *report)
{
	int err;

	memset(report, 0xff, sizeof(*report));
	err = contig_alloc_range(start, end, flags, gfp, report);
	KUNIT_EXPECT_EQ(test, err, contig_errno_of(reason));
	KUNIT_EXPECT_EQ(test, report->error, err);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report->reason),
			   contig_reason_name(reason));
	if (!err)
		contig_free_range(start, end - start, true);
}

/* The request is refused, for this reason; returns how many pages it moved. */
unsigned long contig_expect_refused(struct kunit *test, unsigned long start,
				    unsigned long end, acr_flags_t flags,
				    gfp_t gfp, enum contig_reason reason,
				    unsigned long blocking_pfn)
{
	struct contig_report report;

	contig_ask_in_vain(test, start, end, flags, gfp, reason, &report);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, blocking_pfn);
	return report.pages_moved;
}

/* The same, with nothing moved and a page of this kind to blame. */
void contig_expect_blamed(struct kunit *test, unsigned long start,
			  unsigned long end, enum contig_reason reason,
			  unsigned long blocking_pfn, const char *kind)
{
	struct contig_report report;

	contig_ask_in_vain(test, start, end, ACR_FLAGS_NONE, GFP_KERNEL, reason,
			   &report);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, blocking_pfn);
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
	KUNIT_EXPECT_STREQ(test, contig_kind_name(report.kind), kind);
}

/* A free range is claimed, and that is all that happens. */
void contig_expect_no_effort(struct kunit *test,
			     const struct contig_events *before)
{
	KUNIT_EXPECT_EQ(test, contig_events_since(before, CONTIG_ISOLATIONS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(before, CONTIG_LRU_DRAINS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(before, CONTIG_PCP_DRAINS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(before, CONTIG_PAGES_MOVED), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(before, CONTIG_PAGES_DROPPED),
			0);
}

/* One frozen compound page. */
void contig_expect_compound(struct kunit *test, unsigned long pfn,
			    unsigned int order)
{
	struct page *head = pfn_to_page(pfn);
	unsigned long strangers = 0;

	for (unsigned long i = 0; i < 1UL << order; i++)
		strangers += compound_head(head + i) != head ||
			     page_ref_count(head + i);
	KUNIT_EXPECT_EQ(test, strangers, 0UL);
	KUNIT_EXPECT_EQ(test, !!PageHead(head), order > 0);
	KUNIT_EXPECT_EQ(test, compound_order(head), order);
	KUNIT_EXPECT_FALSE(test, page_is_pfmemalloc(head));
}

/*
 * Where a WARN_ON_ONCE() is no entry in the table of bugs, one that KUnit
 * suppressed is spent all the same, and the next time there is nothing to see.
 */
void contig_expect_warnings(struct kunit *test, int seen, int due)
{
	if (IS_ENABLED(CONFIG_GENERIC_BUG))
		KUNIT_EXPECT_EQ(test, seen, due);
	else
		KUNIT_EXPECT_LE(test, seen, due);
}

void contig_read_events(struct contig_events *events)
{
	for (int event = 0; event < CONTIG_NR_EVENTS; event++)
		events->nr[event] = contig_read_event(event);
}

unsigned long contig_events_since(const struct contig_events *before,
				  enum contig_event event)
{
	return contig_read_event(event) - before->nr[event];
}

struct contig_balance {
	struct kunit *test;
	struct contig_events before;
};

static void contig_check_balance(void *data)
{
	struct contig_balance *balance = data;

	KUNIT_EXPECT_EQ(balance->test,
			contig_events_since(&balance->before, CONTIG_SUCCESSES),
			contig_events_since(&balance->before, CONTIG_FREES));
}

/* Each range handed out from here on comes back whole before the test ends. */
void contig_expect_balance(struct kunit *test)
{
	struct contig_balance *balance;

	balance = kunit_kzalloc(test, sizeof(*balance), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, balance);
	balance->test = test;
	contig_read_events(&balance->before);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, contig_check_balance,
						  balance));
}

/*
 * In the place of contig_crew_pages(): other stubs are for this task, so no helper
 * may move pages, be the blocks as large as they may.
 */
unsigned long contig_no_crew(void)
{
	return ULONG_MAX;
}
