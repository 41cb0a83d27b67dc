// SPDX-License-Identifier: GPL-2.0
/*
 * What contig_alloc() hands out: in what form it comes, from which context it can
 * be had, that contig_free() takes nothing else; limits that are beyond all memory;
 * and contig_query(), which only says what would come.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* === Forms === */

/* A page that was handed out alone, or as part of one compound page. */
static bool contig_has_form(struct page *page, unsigned long nr_pages, gfp_t gfp)
{
	if (gfp & __GFP_COMP && nr_pages > 1)
		return PageHead(page) && page_count(page) == 1 &&
		       compound_nr(page) == nr_pages;
	for (unsigned long i = 0; i < nr_pages; i++)
		if (PageCompound(page + i) || page_ref_count(page + i) != 1)
			return false;
	return true;
}

static void contig_expect_form(struct kunit *test, struct contig_request *req,
			       gfp_t form)
{
	gfp_t gfp = req->gfp;
	struct page *page;
	unsigned long pfn;

	req->gfp |= form;
	page = contig_alloc(req, NULL);
	req->gfp = gfp;
	KUNIT_ASSERT_NOT_NULL(test, page);
	pfn = page_to_pfn(page);
	KUNIT_EXPECT_TRUE(test, contig_has_form(page, req->nr_pages, form));
	if (form & __GFP_ZERO)
		KUNIT_EXPECT_TRUE(test, contig_bytes_are(pfn, pfn + req->nr_pages,
							 0));
	/* Whoever gets them next does not find zeroes by chance. */
	for (unsigned long i = 0; i < req->nr_pages; i++)
		memset_page(page + i, 0, 0xa5, PAGE_SIZE);
	contig_free(page, req->nr_pages);
}

static void contig_expect_all_forms(struct kunit *test,
				    struct contig_request *req)
{
	contig_expect_form(test, req, 0);
	contig_expect_form(test, req, __GFP_ZERO);
	contig_expect_form(test, req, 0);
	if (!is_power_of_2(req->nr_pages))
		return;
	contig_expect_form(test, req, __GFP_COMP | __GFP_ZERO);
	contig_expect_form(test, req, __GFP_COMP);
	contig_expect_form(test, req, __GFP_ZERO);
}

/* From the buddy allocator, which knows powers of two only. */
void contig_test_forms_of_buddy(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 2, 3, 4, 5, 7, 16, 31, 100, 128 };
	struct contig_request req = { .nid = NUMA_NO_NODE, .gfp = GFP_KERNEL };
	struct contig_window *window = contig_window_open(test, 1);
	struct contig_events before;

	contig_read_events(&before);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		req.nr_pages = sizes[i];
		for (int k = 0; k < 2; k++) {
			req.effort = k ? CONTIG_NORMAL : CONTIG_NOWAIT;
			contig_expect_all_forms(test, &req);
		}
	}
	/* No exact range was asked for. */
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_REQUESTS), 0);
	contig_window_check(window, 0);
}

/* What is more than was wanted goes back: the zone's totals would show a loss. */
void contig_test_buddy_rest(struct kunit *test)
{
	struct contig_request req = { .nid = NUMA_NO_NODE, .gfp = GFP_KERNEL };
	struct contig_window *window = contig_window_open(test, 1);
	struct page *page;

	for (int i = 0; i < 100; i++) {
		req.nr_pages = i % 2 ? 65 : 129;
		page = contig_alloc(&req, NULL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		contig_free(page, req.nr_pages);
	}
	contig_window_check(window, 0);
}

/* From the free lists: without the buddy allocator, and without a plan. */
void contig_test_forms_of_runs(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 1024);

	contig_window_release_all(window);
	req.effort = CONTIG_NOWAIT;
	contig_expect_all_forms(test, &req);
	req.nr_pages = 1000;
	contig_expect_all_forms(test, &req);
	contig_window_check(window, 0);
}

static void contig_check_planned(struct kunit *test, unsigned long nr_pages,
				 gfp_t form)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, nr_pages);
	struct contig_cache *cache = contig_cache_open(window, true);

	for (unsigned long pfn = window->start + 99; pfn < window->end; pfn += 100)
		contig_cache_fill(cache, pfn, pfn + 1);
	contig_window_release_rest(window);
	req.effort = CONTIG_NOWAIT;
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	req.effort = CONTIG_NORMAL;
	contig_expect_form(test, &req, form);
	contig_cache_check(cache);
}

/* By plan: of every size some pages have to move. */
void contig_test_forms_planned(struct kunit *test)
{
	contig_check_planned(test, 1500, 0);
	contig_check_planned(test, 1500, __GFP_ZERO);
	contig_check_planned(test, 1024, __GFP_COMP);
	contig_check_planned(test, 1024, __GFP_COMP | __GFP_ZERO);
}

/* === No sleep === */

/* Under a lock, with interrupts off: what is free, and back again. */
void contig_test_alloc_locked(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 1500);
	static DEFINE_SPINLOCK(lock);
	struct page *page, *small;
	unsigned long pfn;

	contig_window_release_all(window);
	req.effort = CONTIG_NOWAIT;
	scoped_guard(spinlock_irqsave, &lock) {
		page = contig_alloc(&req, NULL);
		req = (struct contig_request){
			.nr_pages = 3,
			.nid = NUMA_NO_NODE,
			.gfp = GFP_ATOMIC,
		};
		small = contig_alloc(&req, NULL);
		pfn = page ? page_to_pfn(page) : 0;
		contig_free(page, 1500);
		contig_free(small, 3);
	}
	KUNIT_EXPECT_NOT_NULL(test, page);
	KUNIT_EXPECT_NOT_NULL(test, small);
	KUNIT_EXPECT_TRUE(test, contig_all_free(pfn, pfn + 1500));
	contig_window_check(window, 0);
}

/* === What is no block === */

static void contig_expect_no_block(struct kunit *test, struct page *page,
				   unsigned long nr_pages)
{
	static DEFINE_SPINLOCK(lock);
	struct contig_events before;

	contig_read_events(&before);
	kunit_warning_suppress(test) {
		contig_free(page, nr_pages);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_BAD_FREES), 1);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_FREES), 0);
	/* The same from where nothing may sleep. */
	scoped_guard(spinlock_irqsave, &lock)
		KUNIT_EXPECT_EQ(test, contig_free_exactly(page, nr_pages),
				-EINVAL);
}

/* Other sizes and other pages than those of the block. */
static void contig_expect_exact(struct kunit *test, struct page *page,
				unsigned long nr_pages)
{
	contig_expect_no_block(test, page, 0);
	contig_expect_no_block(test, page, nr_pages - 1);
	contig_expect_no_block(test, page, nr_pages + 1);
	contig_expect_no_block(test, page, LONG_MAX);
	contig_expect_no_block(test, page, ULONG_MAX);
	contig_expect_no_block(test, page + 1, nr_pages - 1);
	contig_expect_no_block(test, page + 1, nr_pages);
	contig_expect_no_block(test, page + nr_pages - 1, 1);
	contig_expect_no_block(test, page - 1, nr_pages + 1);
}

/* Refused with one warning, and the block is what it was; twice is once too often. */
void contig_test_free_exactly(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 256);
	struct page *page;

	contig_window_release_all(window);
	for (int i = 0; i < 2; i++) {
		req.gfp |= i ? __GFP_COMP : 0;
		page = contig_alloc(&req, NULL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		contig_expect_exact(test, page, 256);
		KUNIT_EXPECT_TRUE(test, contig_has_form(page, 256, req.gfp));
		contig_window_check(window, 256);
		contig_free(page, 256);
		contig_expect_no_block(test, page, 256);
		contig_window_check(window, 0);
	}
}

/* Pages that others handed out, or nobody. */
void contig_test_free_elsewhere(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct page *single = alloc_page(GFP_KERNEL);
	unsigned long start = window->start + 10;

	KUNIT_ASSERT_NOT_NULL(test, single);
	contig_expect_no_block(test, NULL, 1);
	contig_expect_no_block(test, single, 1);
	KUNIT_EXPECT_EQ(test, page_count(single), 1);
	__free_page(single);
	contig_expect_no_block(test, pfn_to_page(start), 16);
	contig_window_release_all(window);
	contig_expect_no_block(test, pfn_to_page(start), 16);
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(start, start + 16,
						    ACR_FLAGS_NONE, GFP_KERNEL));
	contig_expect_no_block(test, pfn_to_page(start), 16);
	contig_window_check(window, 16);
	free_contig_range(start, 16);
}

/* A page that somebody else holds on to goes when he lets go, the rest at once. */
void contig_test_free_block_held(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 300);
	struct page *page;

	contig_window_release_all(window);
	page = contig_alloc(&req, NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	get_page(page + 123);
	contig_free(page, 300);
	contig_window_check(window, 1);
	contig_expect_no_block(test, page, 300);
	KUNIT_EXPECT_EQ(test, page_count(page + 123), 1);
	put_page(page + 123);
	contig_window_check(window, 0);
}

/* A compound block is on the free lists at once, not on those of a CPU. */
void contig_test_free_block_compound(struct kunit *test)
{
	const unsigned long sizes[] = { 2, 8, pageblock_nr_pages };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
		struct contig_request req = contig_ask_in(window, sizes[i]);
		struct page *page;
		unsigned long pfn;

		contig_window_release_all(window);
		req.gfp |= __GFP_COMP;
		page = contig_alloc(&req, NULL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		pfn = page_to_pfn(page);
		contig_free(page, sizes[i]);
		KUNIT_EXPECT_TRUE_MSG(test, contig_in_free_block(pfn),
				      "%lu pages", sizes[i]);
		contig_expect_taken(window, pfn, pfn + sizes[i], ACR_FLAGS_NONE,
				    GFP_NOWAIT);
		contig_window_release_rest(window);
		contig_window_check(window, 0);
	}
}

/* === Limits === */

/* Limits of up to as many bits as an address has, and PFNs for each that has one. */
void contig_test_limits(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, contig_align_of(0), 1);
	KUNIT_EXPECT_EQ(test, contig_align_of(1), 1);
	KUNIT_EXPECT_EQ(test, contig_end_of(0), contig_end_of(PHYS_ADDR_MAX));
	for (int bits = PAGE_SHIFT; bits < BITS_PER_TYPE(phys_addr_t); bits++) {
		phys_addr_t addr = (phys_addr_t)1 << bits;
		u64 nr_pages = addr >> PAGE_SHIFT;

		KUNIT_EXPECT_LT(test, contig_end_of(addr - 2), nr_pages);
		KUNIT_EXPECT_EQ(test, contig_end_of(addr - 1),
				min_t(u64, nr_pages, ULONG_MAX));
		KUNIT_EXPECT_GE(test, contig_end_of(0), contig_end_of(addr));
		KUNIT_EXPECT_EQ(test, contig_align_of(addr),
				min_t(u64, nr_pages, 1UL << (BITS_PER_LONG - 1)));
	}
	/* There is a last page, and it may be asked for. */
	KUNIT_EXPECT_GT(test, contig_end_of(0),
			min_t(u64, PHYS_ADDR_MAX >> PAGE_SHIFT, ULONG_MAX - 1));
}

static void contig_expect_none(struct kunit *test,
			       const struct contig_request *req)
{
	struct contig_report report;

	KUNIT_EXPECT_NE(test, 0, contig_query(req, &report));
	KUNIT_EXPECT_NULL(test, contig_alloc(req, &report));
}

/* A limit above all memory is none, a lowest address there leaves nothing. */
void contig_test_limits_far(struct kunit *test)
{
	struct contig_request req = {
		.nr_pages = 1,
		.nid = NUMA_NO_NODE,
		.gfp = GFP_KERNEL | __GFP_NOWARN,
	};
	struct page *page;

	for (int bits = fls64(PFN_PHYS(max_pfn)); bits < BITS_PER_TYPE(phys_addr_t);
	     bits += 5) {
		phys_addr_t limit = (phys_addr_t)1 << bits;

		req.min_addr = 0;
		req.max_addr = limit - 1;
		req.boundary = limit;
		page = contig_alloc(&req, NULL);
		KUNIT_ASSERT_NOT_NULL_MSG(test, page, "%d bits", bits);
		contig_free(page, 1);
		req.boundary = 0;
		req.max_addr = 0;
		req.min_addr = limit;
		contig_expect_none(test, &req);
		req.min_addr = limit - 1;
		contig_expect_none(test, &req);
		req.min_addr = PAGE_SIZE;
		req.align = limit;
		contig_expect_none(test, &req);
		req.align = 0;
	}
}

/* === Queries === */

/* The answer to a query; whatever it is, nothing has changed. */
static void contig_expect_answer(struct contig_window *window,
				 const struct contig_request *req, int error,
				 struct contig_report *report)
{
	struct contig_events before;
	struct kunit *test = window->test;
	int err;

	memset(report, 0xff, sizeof(*report));
	contig_read_events(&before);
	err = contig_query(req, report);
	KUNIT_EXPECT_EQ(test, err, error);
	KUNIT_EXPECT_EQ(test, report->error, error);
	KUNIT_EXPECT_EQ(test, report->ranges_tried, 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_REQUESTS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_ISOLATIONS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PAGES_MOVED), 0);
}

/* As many pages as the query said are moved, and not by the query. */
void contig_test_query_moves(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 2048);
	struct contig_cache *cache = contig_cache_open(window, true);
	struct contig_report told, report;
	struct page *page;

	contig_cache_fill(cache, window->start + 100, window->start + 137);
	contig_window_release_rest(window);
	contig_expect_answer(window, &req, 0, &told);
	KUNIT_EXPECT_EQ(test, told.pages_moved, 37);
	KUNIT_EXPECT_EQ(test, told.nr_pages, 2048);
	KUNIT_EXPECT_EQ(test, told.reason, CONTIG_NONE);
	KUNIT_EXPECT_EQ(test, 37, contig_cache_pages_in(cache, window->start + 100,
							window->start + 137));
	contig_window_check(window, 37);
	page = contig_alloc(&req, &report);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, report.pages_moved, told.pages_moved);
	contig_free(page, 2048);
	contig_expect_answer(window, &req, 0, &told);
	KUNIT_EXPECT_EQ(test, told.pages_moved, 0);
	contig_cache_check(cache);
}

/* In every place is a page that does not go: one of them is named. */
void contig_test_query_busy(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 1100);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long pfn = window->start + 1024;
	struct contig_report told;

	contig_cache_fill(cache, pfn, pfn + 1);
	contig_window_release_rest(window);
	contig_dma_pin(pfn);
	contig_expect_answer(window, &req, -EBUSY, &told);
	contig_dma_unpin(pfn);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(told.reason), "PINNED");
	KUNIT_EXPECT_STREQ(test, contig_kind_name(told.kind), "dma-pinned");
	KUNIT_EXPECT_EQ(test, told.blocking_pfn, pfn);
	contig_expect_answer(window, &req, 0, &told);
	contig_window_check(window, 1);
	contig_cache_close(cache);
	contig_expect_taken(window, window->start, window->end, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	contig_window_wall(window, pfn);
	contig_window_release_rest(window);
	contig_expect_answer(window, &req, -EBUSY, &told);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(told.reason), "UNMOVABLE");
	KUNIT_EXPECT_STREQ(test, contig_kind_name(told.kind), "kernel");
	KUNIT_EXPECT_EQ(test, told.blocking_pfn, pfn);
	contig_window_check(window, 1);
}

/* Who may not sleep could have what is free, and nothing that has to move. */
void contig_test_query_atomic(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 2048);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long pfn = window->start + 1000;
	struct contig_report told;

	contig_cache_fill(cache, pfn, pfn + 2);
	contig_window_release_rest(window);
	req.gfp = GFP_ATOMIC;
	contig_expect_answer(window, &req, -EBUSY, &told);
	KUNIT_EXPECT_EQ(test, told.reason, CONTIG_WOULD_BLOCK);
	KUNIT_EXPECT_EQ(test, told.blocking_pfn, pfn);
	req.nr_pages = 1000;
	contig_expect_answer(window, &req, 0, &told);
	KUNIT_EXPECT_EQ(test, told.pages_moved, 0);
	contig_window_check(window, 2);
	contig_cache_check(cache);
}

/* Where there is no memory; and with less than all it depends on how much less. */
void contig_test_query_size(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 1024);
	struct contig_request req = contig_ask_in(window, 1000);
	struct contig_report told;
	struct zone *zone;

	contig_window_wall(window, window->start + 2);
	contig_window_wall(window, window->start + 700);
	contig_window_release_rest(window);
	req.min_pages = 698;
	contig_expect_answer(window, &req, -EBUSY, &told);
	req.min_pages = 697;
	contig_expect_answer(window, &req, 0, &told);
	KUNIT_EXPECT_EQ(test, told.nr_pages, 697);
	req.max_addr = 0;
	for_each_populated_zone(zone)
		req.min_addr = max(req.min_addr, PFN_PHYS(zone_end_pfn(zone)));
	contig_expect_answer(window, &req, -ENOMEM, &told);
	KUNIT_EXPECT_EQ(test, told.reason, CONTIG_NO_CANDIDATE);
	KUNIT_EXPECT_EQ(test, told.blocking_pfn, CONTIG_NO_PFN);
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	contig_window_check(window, 2);
}

/* When the memory goes: not before the request sleeps. */
static u64 contig_gone_at;

static int contig_be_gone(struct contig_take *take)
{
	if (ktime_get_ns() < contig_gone_at)
		return 0;
	return contig_because(&take->report, -EINVAL, CONTIG_NOT_PRESENT,
			      take->start);
}

/* One page is held; whoever waits for it finds that all of the memory has gone. */
void contig_test_gone(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 2048);
	struct contig_terms terms = { .caller = _THIS_IP_ };
	unsigned long pfn = window->start + 500;
	unsigned long addr = contig_anon_map(window, pfn, 1);
	struct page *page = pfn_to_page(pfn);
	struct contig_report report;

	contig_window_release_rest(window);
	get_page(page);
	kunit_activate_static_stub(test, contig_check_blocks, contig_be_gone);
	contig_gone_at = ktime_get_ns() + 20 * NSEC_PER_MSEC;
	contig_agree(&terms, GFP_KERNEL | __GFP_NOWARN, CONTIG_HARD,
		     ms_to_ktime(5000));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			contig_alloc_range_on(window->start, window->end,
					      ACR_FLAGS_NONE, &terms, &report));
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_NOT_PRESENT);

	/* To a search it is one candidate less. */
	contig_gone_at = ktime_get_ns() + 20 * NSEC_PER_MSEC;
	req.effort = CONTIG_HARD;
	req.timeout = ms_to_ktime(5000);
	KUNIT_EXPECT_NULL(test, contig_alloc(&req, &report));
	KUNIT_EXPECT_EQ(test, report.error, -EBUSY);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_NOT_PRESENT);
	kunit_deactivate_static_stub(test, contig_check_blocks);
	put_page(page);
	contig_window_check(window, 1);
	contig_anon_unmap(test, addr, 1);
}
