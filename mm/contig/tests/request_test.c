// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that cannot be met: each gets its errno, its reason and the page in
 * the way, and nothing has changed afterwards.
 *
 * CONTIG_TIMED_OUT is in wait_test.c, CONTIG_INTERRUPTED in turn_test.c.
 */
#include <kunit/test.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* === Bad requests === */

static const struct contig_bad_request {
	const char *what;
	unsigned long start;
	unsigned long end;
	gfp_t gfp;
} contig_bad_requests[] = {
	{ "empty", 4096, 4096, GFP_KERNEL },
	{ "empty at 0", 0, 0, GFP_KERNEL },
	{ "inverted", 4097, 4096, GFP_KERNEL },
	{ "end wrapped around", -16UL, 16, GFP_KERNEL },
	{ "ACCOUNT", 4096, 4112, GFP_KERNEL_ACCOUNT },
	{ "NOFAIL", 4096, 4112, GFP_KERNEL | __GFP_NOFAIL },
	{ "NORETRY and RETRY_MAYFAIL", 4096, 4112,
	  GFP_KERNEL | __GFP_NORETRY | __GFP_RETRY_MAYFAIL },
	{ "MEMALLOC", 4096, 4112, GFP_KERNEL | __GFP_MEMALLOC },
	{ "NOMEMALLOC", 4096, 4112, GFP_KERNEL | __GFP_NOMEMALLOC },
	{ "COMP of 24 pages", 4096, 4120, GFP_KERNEL | __GFP_COMP },
	{ "COMP misaligned", 4104, 4120, GFP_KERNEL | __GFP_COMP },
};

KUNIT_ARRAY_PARAM_DESC(contig_bad_requests, contig_bad_requests, what);

const void *contig_bad_requests_next(struct kunit *test, const void *prev,
				     char *desc)
{
	return contig_bad_requests_gen_params(test, prev, desc);
}

static void contig_expect_bad_request(struct kunit *test,
				      const struct contig_bad_request *bad)
{
	contig_expect_refused(test, bad->start, bad->end, ACR_FLAGS_NONE,
			      bad->gfp, CONTIG_BAD_REQUEST, CONTIG_NO_PFN);
	contig_expect_refused(test, bad->start, bad->end, ACR_FLAGS_CMA,
			      bad->gfp, CONTIG_BAD_REQUEST, CONTIG_NO_PFN);
}

void contig_test_bad_request(struct kunit *test)
{
	contig_expect_bad_request(test, test->param_value);
}

/* No constant to clang where the limit is a logarithm: in no table. */
void contig_test_comp_too_large(struct kunit *test)
{
	const struct contig_bad_request bad = {
		.end = 2UL << MAX_FOLIO_ORDER, .gfp = GFP_KERNEL | __GFP_COMP,
	};

	contig_expect_bad_request(test, &bad);
}

/* === Place === */

/* The first PFN of the first block that is not there, from zone end on. */
static unsigned long contig_find_absent(void)
{
	unsigned long pfn = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		pfn = max(pfn, zone_end_pfn(zone));
	while (pfn_to_online_page(pfn))
		pfn++;
	return pfn;
}

/* Behind the end of memory, across it, and where no memory can ever be. */
void contig_test_not_present(struct kunit *test)
{
	unsigned long absent = contig_find_absent();

	contig_expect_refused(test, absent, absent + 16, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_NOT_PRESENT, absent);
	contig_expect_refused(test, absent, absent + 1, ACR_FLAGS_CMA,
			      GFP_NOWAIT, CONTIG_NOT_PRESENT, absent);
	contig_expect_refused(test, -17UL, -1UL, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_NOT_PRESENT, -17UL);
	contig_expect_refused(test, absent, -1UL, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_NOT_PRESENT, absent);
}

/* The range begins in memory and runs out of it. */
void contig_test_runs_out(struct kunit *test)
{
	unsigned long absent = contig_find_absent();
	struct page *first = pfn_to_page(absent - 8);
	struct contig_report report;
	int err;

	err = contig_alloc_range(absent - 8, absent + 8, ACR_FLAGS_NONE,
				 GFP_KERNEL, &report);
	/* the end of the last zone may be there already */
	if (!zone_spans_pfn(page_zone(first), absent - 8))
		absent -= 8;
	KUNIT_EXPECT_EQ(test, err, -EINVAL);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
			   "NOT_PRESENT");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, absent);
}

/* The first PFN of a zone that follows another without a gap. */
static unsigned long contig_find_boundary(void)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		unsigned long pfn = zone->zone_start_pfn;
		struct page *below = pfn ? pfn_to_online_page(pfn - 1) : NULL;

		if (below && pfn_to_online_page(pfn) && page_zone(below) != zone)
			return pfn;
	}
	return CONTIG_NO_PFN;
}

void contig_test_zone_boundary(struct kunit *test)
{
	unsigned long pfn = contig_find_boundary();

	if (pfn == CONTIG_NO_PFN)
		kunit_skip(test, "no two zones side by side");
	contig_expect_refused(test, pfn - 1, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_ZONE_BOUNDARY, pfn);
	contig_expect_refused(test, pfn - 16, pfn + pageblock_nr_pages,
			      ACR_FLAGS_NONE, GFP_NOWAIT, CONTIG_ZONE_BOUNDARY,
			      pfn);
}

/* === Pages that never move === */

static unsigned long contig_find_reserved(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		for (unsigned long pfn = zone->zone_start_pfn;
		     pfn < zone_end_pfn(zone); pfn++) {
			struct page *page = pfn_to_online_page(pfn);

			if (page && PageReserved(page))
				return pfn;
		}
	return CONTIG_NO_PFN;
}

void contig_test_reserved(struct kunit *test)
{
	unsigned long pfn = contig_find_reserved();

	KUNIT_ASSERT_NE(test, pfn, CONTIG_NO_PFN);
	contig_expect_refused(test, pfn, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_UNMOVABLE, pfn);
}

/* Slab pages are frozen, like ours; their type tells them apart. */
void contig_test_slab(struct kunit *test)
{
	void *object = kunit_kzalloc(test, 64, GFP_KERNEL);
	void *large = kunit_kzalloc(test, 4 * PAGE_SIZE, GFP_KERNEL);
	unsigned long pfn;

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_ASSERT_NOT_NULL(test, large);
	pfn = page_to_pfn(virt_to_page(object));
	contig_expect_refused(test, pfn, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_UNMOVABLE, pfn);
	pfn = page_to_pfn(virt_to_page(large));
	contig_expect_refused(test, pfn, pfn + 2, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_UNMOVABLE, pfn);
	contig_expect_refused(test, pfn + 1, pfn + 2, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_UNMOVABLE, pfn + 1);
}

void contig_test_page_table(struct kunit *test)
{
	struct ptdesc *ptdesc = pagetable_alloc(GFP_KERNEL, 0);
	unsigned long pfn;

	KUNIT_ASSERT_NOT_NULL(test, ptdesc);
	pagetable_pte_ctor(&init_mm, ptdesc);
	pfn = page_to_pfn(ptdesc_page(ptdesc));
	contig_expect_refused(test, pfn, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_UNMOVABLE, pfn);
	pagetable_dtor_free(ptdesc);
}

/* What was handed out frozen is nobody's to move, and nothing says whose. */
void contig_test_taken_frozen(struct kunit *test)
{
	struct contig_window *window;
	unsigned long pfn;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	pfn = window->start + 100;
	contig_window_release(window, window->start, pfn);
	contig_expect_refused(test, window->start, pfn + 20, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_LOST_RACE, pfn);
	contig_expect_refused(test, pfn, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_LOST_RACE, pfn);
	contig_window_check(window, 0);
}

/* Blocks of CMA areas are for requests for CMA, which take no others. */
void contig_test_cma_mismatch(struct kunit *test)
{
	struct contig_window *window;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_expect_refused(test, window->start + 3, window->end,
			      ACR_FLAGS_CMA, GFP_KERNEL, CONTIG_UNMOVABLE,
			      window->start + 3);
	contig_window_check(window, 0);
	contig_window_expect_whole(window);
}

/* However many ask for blocks of another type, a page that stays is not forgotten. */
void contig_test_known_stays(struct kunit *test)
{
	struct ptdesc *ptdesc = pagetable_alloc(GFP_KERNEL, 0);
	struct contig_obstacle obstacle;
	struct contig_window *window;
	unsigned long stays;

	KUNIT_ASSERT_NOT_NULL(test, ptdesc);
	pagetable_pte_ctor(&init_mm, ptdesc);
	stays = page_to_pfn(ptdesc_page(ptdesc));
	contig_expect_refused(test, stays, stays + 1, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_UNMOVABLE, stays);
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	for (unsigned long pfn = window->start; pfn < window->start + 64; pfn++)
		contig_expect_refused(test, pfn, pfn + 1, ACR_FLAGS_CMA,
				      GFP_KERNEL, CONTIG_UNMOVABLE, pfn);
	KUNIT_EXPECT_TRUE(test, contig_known_obstructs(stays, stays + 1,
						       &obstacle));
	KUNIT_EXPECT_EQ(test, obstacle.pfn, stays);
	pagetable_dtor_free(ptdesc);
}

void contig_test_cma_block_is_kept(struct kunit *test)
{
	struct contig_window *window;

	contig_need_cma_blocks(test);
	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_set_type(window, MIGRATE_CMA);
	contig_window_release_all(window);
	contig_expect_refused(test, window->start + 3, window->end,
			      ACR_FLAGS_NONE, GFP_KERNEL, CONTIG_UNMOVABLE,
			      window->start + 3);
	contig_window_check(window, 0);
	contig_expect_taken(window, window->start, window->end, ACR_FLAGS_CMA,
			    GFP_KERNEL);
	contig_window_set_type(window, MIGRATE_MOVABLE);
}

static int contig_isolate_first(struct contig_take *take,
				const struct contig_window *window,
				acr_flags_t flags)
{
	int err;

	*take = (struct contig_take){
		.start = window->start,
		.end = window->start + 1,
		.zone = window->zone,
		.departures = contig_departures,
		.flags = flags,
		.gfp = GFP_KERNEL,
		.nr_blocks = 1,
	};
	take->claimed = take->inline_bits[0];
	take->isolated = take->inline_bits[1];
	contig_reserve(&take->reservation, take->start, take->end);
	err = contig_isolate(take);
	if (!err)
		contig_unisolate(take);
	contig_unreserve(&take->reservation);
	return err;
}

/* As when somebody gave it back from isolation since this request looked at it. */
void contig_test_cma_block_comes_back(struct kunit *test)
{
	struct contig_take *take = kunit_kzalloc(test, sizeof(*take), GFP_KERNEL);
	struct contig_window *window;

	KUNIT_ASSERT_NOT_NULL(test, take);
	contig_need_cma_blocks(test);
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_set_type(window, MIGRATE_CMA);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			contig_isolate_first(take, window, ACR_FLAGS_NONE));
	KUNIT_EXPECT_STREQ(test, contig_reason_name(take->report.reason), "UNMOVABLE");
	KUNIT_EXPECT_STREQ(test, contig_kind_name(take->report.kind), "other-block");
	KUNIT_EXPECT_EQ(test, take->report.blocking_pfn, window->start);
	KUNIT_EXPECT_EQ(test, 0, contig_isolate_first(take, window, ACR_FLAGS_CMA));
	contig_window_set_type(window, MIGRATE_MOVABLE);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			contig_isolate_first(take, window, ACR_FLAGS_CMA));
	KUNIT_EXPECT_EQ(test, window->isolated, window->zone->nr_isolate_pageblock);
}

/* === In somebody's hands === */

/* A block that somebody else isolated, memory offlining for one. */
void contig_test_isolated_by_others(struct kunit *test)
{
	struct contig_window *window;
	unsigned long block, end;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	block = window->start + 2 * MAX_ORDER_NR_PAGES;
	end = block + pageblock_nr_pages;
	KUNIT_ASSERT_EQ(test, 0, start_isolate_page_range(block, end,
							  PB_ISOLATE_MODE_OTHER));
	contig_expect_blamed(test, window->start + 1, window->end,
			     CONTIG_LOST_RACE, block, "isolated");
	contig_expect_blamed(test, block + 7, block + 8, CONTIG_LOST_RACE,
			     block + 7, "isolated");
	KUNIT_EXPECT_TRUE(test, is_migrate_isolate_page(pfn_to_page(block)));
	KUNIT_EXPECT_EQ(test, window->isolated + 1,
			window->zone->nr_isolate_pageblock);
	undo_isolate_page_range(block, end);
	contig_window_check(window, 0);
	contig_expect_taken(window, window->start + 1, window->end,
			    ACR_FLAGS_NONE, GFP_KERNEL);
}

/* A page in use, and the caller may not sleep: no isolation, no move. */
void contig_test_would_block(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;
	unsigned long moved, pfn;
	static DEFINE_SPINLOCK(lock);

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->end - 70;
	contig_cache_fill(cache, pfn, pfn + 1);
	contig_window_release_rest(window);
	contig_read_events(&before);
	scoped_guard(spinlock_irqsave, &lock)
		moved = contig_expect_refused(test, window->start, window->end,
					      ACR_FLAGS_NONE, GFP_NOWAIT,
					      CONTIG_WOULD_BLOCK, pfn);
	KUNIT_EXPECT_EQ(test, moved, 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_ISOLATIONS), 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_LRU_DRAINS), 0);
	contig_window_check(window, 1);
	contig_cache_check(cache);
}

/* A hugetlb page that is neither free nor known to any file cannot move. */
void contig_test_hugetlb(struct kunit *test)
{
	struct folio *folio = contig_hugetlb_get(test);
	unsigned long pfn = folio_pfn(folio), moved;

	moved = contig_expect_refused(test, pfn, pfn + folio_nr_pages(folio),
				      contig_hugetlb_flags(folio), GFP_KERNEL,
				      CONTIG_HUGETLB, pfn);
	KUNIT_EXPECT_EQ(test, moved, 0);
	folio_put(folio);
}

/* A free one makes room: its pool gets another in its place. */
void contig_test_free_hugetlb(struct kunit *test)
{
	struct folio *folio = contig_hugetlb_get(test);
	unsigned long pfn = folio_pfn(folio);
	struct contig_report report;

	contig_hugetlb_pool(folio);
	KUNIT_EXPECT_TRUE(test, PageHuge(pfn_to_page(pfn)));
	KUNIT_ASSERT_EQ(test, 0,
			contig_alloc_range(pfn + 3, pfn + 500,
					   contig_hugetlb_flags(folio),
					   GFP_KERNEL, &report));
	KUNIT_EXPECT_FALSE(test, PageHuge(pfn_to_page(pfn)));
	KUNIT_EXPECT_EQ(test, 0, contig_free_range(pfn + 3, 497, true));
	contig_hugetlb_unpool(test);
}

/* === Beside a zone === */

/* It has a struct page that names the zone, and yet it is not in it. */
static bool contig_is_stray(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && page_zone(page) == zone && !zone_spans_pfn(zone, pfn);
}

static void contig_expect_stray(struct kunit *test, unsigned long start,
				unsigned long end, unsigned long stray)
{
	contig_expect_refused(test, start, end, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_NOT_PRESENT, stray);
	contig_expect_refused(test, start, end, ACR_FLAGS_NONE, GFP_NOWAIT,
			      CONTIG_NOT_PRESENT, stray);
}

/* The first page of all may be such a one; what is behind the last is as well. */
void contig_test_beside_zone(struct kunit *test)
{
	unsigned int nr = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		unsigned long before = zone->zone_start_pfn - 1;
		unsigned long block = pageblock_align(zone_end_pfn(zone));

		if (zone->zone_start_pfn && contig_is_stray(zone, before)) {
			contig_expect_stray(test, before, before + 1, before);
			contig_expect_stray(test, before, before + 100, before);
			nr++;
		}
		if (contig_is_stray(zone, block)) {
			contig_expect_stray(test, block, block + 1, block);
			contig_expect_stray(test, block - pageblock_nr_pages,
					    block + 1, block);
			nr++;
		}
	}
	kunit_info(test, "%u zones have such pages\n", nr);
}
