// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the kernel has no address for: it comes to those who ask for it, with
 * the right content, and to nobody who would take its address.
 */
#include <kunit/test.h>
#include <linux/mm.h>

#include "../../internal.h"
#include "fixtures.h"

static struct contig_window *contig_high_window(struct kunit *test)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		if (zone_idx(zone) == ZONE_HIGHMEM)
			return contig_window_open_in(test, zone,
						     2 * MAX_ORDER_NR_PAGES);
	kunit_skip(test, "no zone of such memory");
}

/* Exact ranges: moved, cleared and given back like any other. */
static void contig_test_high_range(struct kunit *test)
{
	struct contig_window *window = contig_high_window(test);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long start = window->start + 5, end = window->end - 7;

	contig_cache_fill(cache, start, start + 100);
	contig_window_release_rest(window);
	contig_expect_taken(window, start, end, ACR_FLAGS_NONE,
			    GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, contig_bytes_are(start, end, 0));
	KUNIT_EXPECT_EQ(test, 0, contig_cache_pages_in(cache, start, end));
	contig_cache_check(cache);
}

/* A search goes there only for those who can do with such memory. */
static void contig_test_high_search(struct kunit *test)
{
	struct contig_window *window = contig_high_window(test);
	struct contig_request req = contig_ask_in(window, 100);
	struct contig_report report;
	struct page *page;

	contig_window_release_all(window);
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_CANDIDATE);
	KUNIT_EXPECT_EQ(test, -ENOMEM, contig_query(&req, &report));
	req.gfp |= __GFP_HIGHMEM | __GFP_ZERO;
	KUNIT_EXPECT_EQ(test, 0, contig_query(&req, &report));
	for (req.effort = CONTIG_NOWAIT; req.effort <= CONTIG_HARD; req.effort++) {
		page = contig_alloc(&req, &report);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_TRUE(test, PageHighMem(page));
		KUNIT_EXPECT_TRUE(test, contig_bytes_are(page_to_pfn(page),
							 page_to_pfn(page) + 100, 0));
		contig_free(page, 100);
	}
	contig_window_check(window, 0);
}

static struct kunit_case contig_highmem_cases[] = {
	KUNIT_CASE(contig_test_high_range),
	KUNIT_CASE(contig_test_high_search),
	{}
};

static struct kunit_suite contig_highmem_suite = {
	.name = "contig_highmem",
	.test_cases = contig_highmem_cases,
};

kunit_test_suite(contig_highmem_suite);
