// SPDX-License-Identifier: GPL-2.0
/*
 * Where contig_alloc() looks: every constraint on the address that comes out,
 * and of several places the one with the least to move.
 *
 * Lowest and highest address confine a search to the window of the test, so that
 * what it must find there is known beforehand.
 */
#include <kunit/test.h>
#include <linux/mm.h>

#include "../../internal.h"
#include "../plan.h"
#include "fixtures.h"
#include "tests.h"

#define CONTIG_CHUNK	MAX_ORDER_NR_PAGES

/* === Wishes that cannot be met === */

/* There is no such block, for this reason. */
void contig_expect_nothing(struct kunit *test, const struct contig_request *req,
			   int error, enum contig_reason reason)
{
	struct contig_report report;
	struct page *page;

	memset(&report, 0xff, sizeof(report));
	page = contig_alloc(req, &report);
	KUNIT_EXPECT_NULL(test, page);
	if (page)
		contig_free(page, report.nr_pages);
	KUNIT_EXPECT_EQ(test, report.error, error);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
			   contig_reason_name(reason));
	KUNIT_EXPECT_EQ(test, report.nr_pages, 0);
}

/* It is met nowhere, and contig_query() knows. */
void contig_expect_nowhere(struct kunit *test,
			   const struct contig_request *req)
{
	struct contig_report report;

	contig_expect_nothing(test, req, -ENOMEM, CONTIG_NO_CANDIDATE);
	KUNIT_EXPECT_EQ(test, -ENOMEM, contig_query(req, &report));
}

static void contig_expect_no_pages(struct kunit *test, unsigned long nr_pages,
				   gfp_t gfp, int error,
				   enum contig_reason reason)
{
	struct contig_report report;

	memset(&report, 0xff, sizeof(report));
	KUNIT_EXPECT_NULL(test, contig_alloc_pages(nr_pages, gfp, NUMA_NO_NODE,
						   NULL, &report));
	KUNIT_EXPECT_EQ(test, report.error, error);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
			   contig_reason_name(reason));
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_EQ(test, report.ranges_tried, 0);
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
}

/* Searches that cannot be, and sizes that no zone has. */
void contig_test_bad_search(struct kunit *test)
{
	contig_expect_no_pages(test, 0, GFP_KERNEL, -EINVAL, CONTIG_BAD_REQUEST);
	contig_expect_no_pages(test, 16, GFP_KERNEL_ACCOUNT, -EINVAL,
			       CONTIG_BAD_REQUEST);
	contig_expect_no_pages(test, 24, GFP_KERNEL | __GFP_COMP, -EINVAL,
			       CONTIG_BAD_REQUEST);
	contig_expect_no_pages(test, 2UL << MAX_FOLIO_ORDER,
			       GFP_KERNEL | __GFP_COMP, -EINVAL,
			       CONTIG_BAD_REQUEST);
	contig_expect_no_pages(test, ULONG_MAX, GFP_KERNEL, -ENOMEM,
			       CONTIG_NO_CANDIDATE);
	contig_expect_no_pages(test, 1UL << (BITS_PER_LONG - 1), GFP_KERNEL,
			       -ENOMEM, CONTIG_NO_CANDIDATE);
	contig_expect_no_pages(test, totalram_pages() + 1, GFP_KERNEL, -ENOMEM,
			       CONTIG_NO_CANDIDATE);
}

/* === Constraints === */

static const unsigned long contig_amounts[] = {
	1, 3, 16, 100, 512, 1000, 1024, 4096, 5000,
};

static const phys_addr_t contig_aligns[] = {
	0, 512, PAGE_SIZE, SZ_64K, SZ_2M, SZ_4M,
};

static const phys_addr_t contig_boundaries[] = {
	0, SZ_64K, SZ_1M, SZ_4M, SZ_16M,
};

static void contig_amount_desc(const unsigned long *amount, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu pages", *amount);
}

KUNIT_ARRAY_PARAM(contig_amounts, contig_amounts, contig_amount_desc);

const void *contig_amounts_next(struct kunit *test, const void *prev, char *desc)
{
	return contig_amounts_gen_params(test, prev, desc);
}

/* Is each constraint met by the bytes that came out? */
static void contig_expect_place(struct kunit *test, struct page *page,
				const struct contig_request *req)
{
	phys_addr_t first = page_to_phys(page);
	phys_addr_t last = first + PFN_PHYS(req->nr_pages) - 1;

	KUNIT_EXPECT_EQ(test, first & (max_t(phys_addr_t, req->align, 1) - 1), 0);
	if (req->boundary)
		KUNIT_EXPECT_EQ(test, 0, (first ^ last) & ~(req->boundary - 1));
	KUNIT_EXPECT_GE(test, first, req->min_addr);
	if (req->max_addr)
		KUNIT_EXPECT_LE(test, last, req->max_addr);
}

static void contig_expect_met(struct kunit *test,
			      const struct contig_request *req)
{
	struct contig_report report;
	struct page *page;

	memset(&report, 0xff, sizeof(report));
	page = contig_alloc(req, &report);
	KUNIT_ASSERT_NOT_NULL_MSG(test, page,
				  "align %pap boundary %pap [%pap, %pap] effort %d: %d %s",
				  &req->align, &req->boundary, &req->min_addr,
				  &req->max_addr, req->effort, report.error,
				  contig_reason_name(report.reason));
	contig_expect_place(test, page, req);
	KUNIT_EXPECT_EQ(test, report.error, 0);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_NONE);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_EQ(test, report.nr_pages, req->nr_pages);
	KUNIT_EXPECT_EQ(test, contig_pages_in_use(page_to_pfn(page),
						  page_to_pfn(page) +
						  req->nr_pages),
			req->nr_pages);
	contig_free(page, req->nr_pages);
}

/* The whole window, or less of it, or anywhere. */
static void contig_place_request(const struct contig_window *window, int place,
				 struct contig_request *req)
{
	phys_addr_t start = PFN_PHYS(window->start), end = PFN_PHYS(window->end);

	req->min_addr = 0;
	req->max_addr = 0;
	if (place == 1) {
		req->min_addr = start;
		req->max_addr = end - 1;
	} else if (place == 2) {
		req->min_addr = start + SZ_64K - 1;
		req->max_addr = end - SZ_64K - 1;
	}
}

/* What fits in no boundary fits nowhere; everything else does, by any effort. */
static void contig_check_constraints(struct contig_window *window,
				     struct contig_request *req)
{
	for (int place = 0; place < 3; place++) {
		contig_place_request(window, place, req);
		for (int i = 0; i < 2; i++) {
			req->effort = i ? CONTIG_NORMAL : CONTIG_NOWAIT;
			if (req->boundary &&
			    PFN_PHYS(req->nr_pages) > req->boundary)
				contig_expect_nothing(window->test, req, -EINVAL,
						      CONTIG_BAD_REQUEST);
			else
				contig_expect_met(window->test, req);
		}
	}
}

/*
 * What the kernel needs meanwhile it would take from the free blocks of the window,
 * and change their type, if it had no free block of its own.
 */
static void contig_stock_up(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, page);
	__free_pages(page, MAX_PAGE_ORDER);
}

/*
 * Every alignment with every boundary in every place; of large blocks a third, and
 * with the checkers, which make each ten times as dear, a seventh.
 */
void contig_test_constraints(struct kunit *test)
{
	struct contig_request req = {
		.nr_pages = *(unsigned long *)test->param_value,
		.nid = NUMA_NO_NODE,
		.gfp = GFP_KERNEL | __GFP_NOWARN,
	};
	bool large = req.nr_pages > CONTIG_CHUNK / 2;
	int step = IS_ENABLED(CONFIG_KASAN) ? 7 : large ? 3 : 1;
	struct contig_window *window;

	contig_stock_up(test);
	/* A block, aligned to its size, lies well inside of it. */
	window = contig_window_open(test, req.nr_pages <= CONTIG_CHUNK ?
				    4 * CONTIG_CHUNK : 10 * CONTIG_CHUNK);
	contig_window_release_all(window);
	for (int i = 0; i < ARRAY_SIZE(contig_aligns); i++) {
		for (int k = 0; k < ARRAY_SIZE(contig_boundaries); k++) {
			if ((i + k) % step)
				continue;
			req.align = contig_aligns[i];
			req.boundary = contig_boundaries[k];
			contig_check_constraints(window, &req);
		}
	}
	contig_window_check(window, 0);
}

/* === Requests that no machine can meet === */

static const struct contig_bad_wish {
	const char *what;
	struct contig_request req;
} contig_bad_wishes[] = {
	{ "no pages", { .nr_pages = 0 } },
	{ "more than below the limit", { .nr_pages = ULONG_MAX, .max_addr = SZ_1G - 1 } },
#if BITS_PER_LONG == 64 || !defined(CONFIG_PHYS_ADDR_T_64BIT)
	{ "all pages", { .nr_pages = ULONG_MAX } },
	{ "more bytes than addresses", { .nr_pages = 2 + (PHYS_ADDR_MAX >> PAGE_SHIFT) } },
#endif
	{ "align 3", { .nr_pages = 1, .align = 3 } },
	{ "align 96 KB", { .nr_pages = 1, .align = 3 * SZ_32K } },
	{ "align 1 MB + 1", { .nr_pages = 1, .align = SZ_1M + 1 } },
	{ "boundary 96 KB", { .nr_pages = 1, .boundary = 3 * SZ_32K } },
	{ "boundary 1 MB + 1", { .nr_pages = 1, .boundary = SZ_1M + 1 } },
	{ "boundary below a page", { .nr_pages = 1, .boundary = 512 } },
	{ "boundary below the block", { .nr_pages = 17, .boundary = SZ_64K } },
	{ "inverted", { .nr_pages = 1, .min_addr = SZ_32M, .max_addr = SZ_16M } },
	{ "no whole page", { .nr_pages = 1, .min_addr = SZ_16M + 1,
			     .max_addr = SZ_16M + 2 * PAGE_SIZE - 2 } },
	{ "a page short", { .nr_pages = 17, .min_addr = SZ_16M,
			    .max_addr = SZ_16M + SZ_64K - 1 } },
	{ "no room aligned", { .nr_pages = 8, .align = SZ_64K,
			       .min_addr = SZ_16M + 1,
			       .max_addr = SZ_16M + SZ_64K + SZ_32K - 2 } },
	{ "no room within the boundary", { .nr_pages = 16, .boundary = SZ_1M,
			       .min_addr = SZ_16M - SZ_32K,
			       .max_addr = SZ_16M + SZ_32K } },
	{ "content with more", { .nr_pages = 16, .min_pages = 17 } },
	{ "compound, content with less", { .nr_pages = 16, .min_pages = 8,
					   .gfp = __GFP_COMP } },
	{ "compound of 24", { .nr_pages = 24, .gfp = __GFP_COMP } },
	{ "timeout of NORMAL", { .nr_pages = 1, .timeout = NSEC_PER_SEC,
				 .effort = CONTIG_NORMAL } },
	{ "timeout of NOWAIT", { .nr_pages = 1, .timeout = KTIME_MAX,
				 .effort = CONTIG_NOWAIT } },
	{ "timeout before now", { .nr_pages = 1, .timeout = -1,
				  .effort = CONTIG_HARD } },
	{ "node below all", { .nr_pages = 1, .nid = NUMA_NO_NODE - 1 } },
	{ "node above all", { .nr_pages = 1, .nid = MAX_NUMNODES } },
	{ "ACCOUNT", { .nr_pages = 1, .gfp = __GFP_ACCOUNT } },
	{ "NOFAIL", { .nr_pages = 1, .gfp = __GFP_NOFAIL } },
	{ "NORETRY and RETRY_MAYFAIL", { .nr_pages = 1, .gfp = __GFP_NORETRY |
					 __GFP_RETRY_MAYFAIL } },
};

KUNIT_ARRAY_PARAM_DESC(contig_bad_wishes, contig_bad_wishes, what);

const void *contig_bad_wishes_next(struct kunit *test, const void *prev,
				   char *desc)
{
	return contig_bad_wishes_gen_params(test, prev, desc);
}

/* Refused by both calls, before anything is looked at. */
static void contig_expect_bad_wish(struct kunit *test, struct contig_request req)
{
	struct contig_window *window;
	struct contig_report report;
	struct contig_events before;

	req.gfp |= GFP_KERNEL;
	window = contig_window_open(test, CONTIG_CHUNK);
	contig_read_events(&before);
	contig_expect_nothing(test, &req, -EINVAL, CONTIG_BAD_REQUEST);
	memset(&report, 0xff, sizeof(report));
	KUNIT_EXPECT_EQ(test, contig_query(&req, &report), -EINVAL);
	KUNIT_EXPECT_EQ(test, report.error, -EINVAL);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_BAD_REQUEST);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_REQUESTS), 0);
	contig_window_check(window, 0);
}

void contig_test_bad_wish(struct kunit *test)
{
	const struct contig_bad_wish *bad = test->param_value;

	contig_expect_bad_wish(test, bad->req);
}

/* No constant to clang: see contig_test_comp_too_large(). */
void contig_test_bad_wish_compound(struct kunit *test)
{
	contig_expect_bad_wish(test, (struct contig_request) {
		.nr_pages = 2UL << MAX_FOLIO_ORDER, .gfp = __GFP_COMP,
	});
}

/* === Windows that are made for it === */

/* @nr cache pages in a chunk, evenly spread. */
static void contig_strew(struct contig_cache *cache, unsigned int chunk,
			 unsigned int nr)
{
	unsigned long start = cache->window->start + chunk * CONTIG_CHUNK;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned long pfn = start + 5 + i * (CONTIG_CHUNK / nr);

		contig_cache_fill(cache, pfn, pfn + 1);
	}
}

/* It comes at this place, at this price, and at the first attempt. */
static void contig_expect_at(struct contig_window *window,
			     const struct contig_request *req,
			     unsigned long start, unsigned long nr_pages,
			     unsigned long moved)
{
	struct kunit *test = window->test;
	struct contig_report report;
	struct page *page = contig_alloc(req, &report);

	KUNIT_ASSERT_NOT_NULL_MSG(test, page, "%d %s at %lx", report.error,
				  contig_reason_name(report.reason),
				  report.blocking_pfn);
	KUNIT_EXPECT_EQ(test, page_to_pfn(page), start);
	KUNIT_EXPECT_EQ(test, report.nr_pages, nr_pages);
	KUNIT_EXPECT_EQ(test, report.pages_moved, moved);
	KUNIT_EXPECT_EQ(test, report.ranges_tried, 1);
	contig_free(page, report.nr_pages);
}

/* The only run that is long enough ends and begins anywhere. */
void contig_test_only_run(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 8192);
	struct contig_request req = contig_ask_in(window, 5000);
	unsigned long start = window->start + 1237;

	contig_window_wall(window, start - 1);
	contig_window_wall(window, start + 5000);
	contig_window_release_rest(window);
	contig_expect_at(window, &req, start, 5000, 0);
	req.effort = CONTIG_NOWAIT;
	contig_expect_at(window, &req, start, 5000, 0);
	req.nr_pages = 5001;
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	req.effort = CONTIG_NORMAL;
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	contig_window_check(window, 2);
}

/* The same, in use by somebody whose pages move. */
void contig_test_only_movable_run(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 3072);
	struct contig_request req = contig_ask_in(window, 1500);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long start = window->start + 777;

	contig_cache_fill(cache, start + 100, start + 140);
	contig_cache_fill(cache, start + 1499, start + 1500);
	contig_window_wall(window, start - 1);
	contig_window_wall(window, start + 1500);
	contig_window_release_rest(window);
	req.effort = CONTIG_NOWAIT;
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	req.effort = CONTIG_NORMAL;
	contig_expect_at(window, &req, start, 1500, 41);
	contig_cache_check(cache);
}

/* Of four chunks that can be emptied it is the one with the fewest pages. */
void contig_test_cheapest(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 4 * CONTIG_CHUNK);
	struct contig_request req = contig_ask_in(window, CONTIG_CHUNK);
	struct contig_cache *cache = contig_cache_open(window, true);

	req.align = PFN_PHYS(CONTIG_CHUNK);
	contig_strew(cache, 0, 40);
	contig_strew(cache, 1, 11);
	contig_strew(cache, 2, 7);
	contig_strew(cache, 3, 9);
	contig_window_release_rest(window);
	contig_expect_at(window, &req, window->start + 2 * CONTIG_CHUNK,
			 CONTIG_CHUNK, 7);
	contig_cache_check(cache);
}

/* A page of the kernel in each place but one, where most pages are in use. */
void contig_test_only_place(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 4 * CONTIG_CHUNK);
	struct contig_request req = contig_ask_in(window, CONTIG_CHUNK);
	struct contig_cache *cache = contig_cache_open(window, true);

	req.align = PFN_PHYS(CONTIG_CHUNK);
	contig_strew(cache, 0, 1);
	contig_strew(cache, 1, 64);
	contig_strew(cache, 3, 2);
	for (int i = 0; i < 4; i++)
		if (i != 1)
			contig_window_wall(window, window->start +
					   i * CONTIG_CHUNK + 700);
	contig_window_release_rest(window);
	contig_expect_at(window, &req, window->start + CONTIG_CHUNK,
			 CONTIG_CHUNK, 64);
	contig_cache_check(cache);
}

/* === Pages that are held === */

/*
 * Wherever it tries, one of two held pages is in the way: what failed once is
 * not tried again with the same page in it.
 */
void contig_test_skips_held(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	struct contig_request req = contig_ask_in(window, 1000);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long low = window->start + 600, high = window->start + 1400;
	struct contig_report report;

	contig_cache_fill(cache, low, low + 1);
	contig_cache_fill(cache, high, high + 1);
	contig_window_release_rest(window);
	contig_dma_pin(low);
	contig_dma_pin(high);
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	req.gfp &= ~__GFP_NORETRY;
	KUNIT_EXPECT_NULL(test, contig_alloc(&req, &report));
	KUNIT_EXPECT_EQ(test, report.error, -EBUSY);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "PINNED");
	KUNIT_EXPECT_EQ(test, report.ranges_tried, 2);
	KUNIT_EXPECT_TRUE(test, report.blocking_pfn == low ||
			  report.blocking_pfn == high);
	contig_dma_unpin(low);
	contig_dma_unpin(high);
	contig_window_check(window, 2);
	contig_cache_check(cache);
}

/* === Less than all === */

/* Runs of 300, 700 and 450 pages from @start on, the rest of the window not free. */
static void contig_open_runs(struct contig_window *window, unsigned long start)
{
	static const unsigned long walls[] = { 0, 301, 1002, 1453 };

	for (int i = 0; i < ARRAY_SIZE(walls); i++)
		contig_window_wall(window, start + walls[i]);
	contig_window_release(window, start + 1, start + 301);
	contig_window_release(window, start + 302, start + 1002);
	contig_window_release(window, start + 1003, start + 1453);
}

static void contig_check_most(struct contig_window *window,
			      struct contig_request *req, unsigned long run)
{
	req->min_pages = 10;
	req->align = 0;
	contig_expect_at(window, req, run, 700, 0);
	/* What is lost at the start for alignment comes off. */
	req->align = 16 * PAGE_SIZE;
	contig_expect_at(window, req, ALIGN(run, 16), run + 700 - ALIGN(run, 16),
			 0);
	req->align = 0;
	req->min_pages = 701;
	contig_expect_nothing(window->test, req, -ENOMEM, CONTIG_NO_CANDIDATE);
}

/* The largest of three runs comes, all of it, and nothing below the least. */
void contig_test_most(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2048);
	unsigned long start = window->start + 17;
	struct contig_request req;

	contig_open_runs(window, start);
	req = contig_ask_in(window, 1000);
	req.min_addr = PFN_PHYS(start);
	req.max_addr = PFN_PHYS(start + 1454) - 1;
	contig_check_most(window, &req, start + 302);
	req.effort = CONTIG_NOWAIT;
	contig_check_most(window, &req, start + 302);
	contig_window_check(window, 4);
}

/* A run that would be the largest if its pages were moved: only for who may. */
void contig_test_most_movable(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 3072);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long start = window->start + 17, last = start + 1454;
	struct contig_request req;

	contig_open_runs(window, start);
	contig_cache_fill(cache, last + 250, last + 255);
	contig_window_wall(window, last + 901);
	contig_window_release(window, last, last + 250);
	contig_window_release(window, last + 255, last + 901);
	req = contig_ask_in(window, 2000);
	req.min_addr = PFN_PHYS(start);
	req.max_addr = PFN_PHYS(last + 902) - 1;
	req.min_pages = 500;
	req.effort = CONTIG_NOWAIT;
	contig_expect_at(window, &req, start + 302, 700, 0);
	req.effort = CONTIG_NORMAL;
	contig_expect_at(window, &req, last, 901, 5);
	contig_cache_check(cache);
}
