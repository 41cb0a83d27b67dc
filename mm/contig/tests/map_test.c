// SPDX-License-Identifier: GPL-2.0
/*
 * What a zone looks like where its memory ends, where there is none, and where it goes.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mm.h>

#include "../../internal.h"
#include "../plan.h"
#include "fixtures.h"
#include "tests.h"

/* Does the zone end in this block, or a hole begin? */
static bool contig_is_cut_short(struct zone *zone, unsigned long start)
{
	unsigned long last = pageblock_end_pfn(start) - 1;
	struct page *page = pfn_to_online_page(start);

	return page && page_zone(page) == zone &&
	       (last >= zone_end_pfn(zone) ||
		page_zone(pfn_to_page(last)) != zone);
}

static bool contig_all_reserved(struct zone *zone, unsigned long start,
				unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		if (page_zone(pfn_to_page(pfn)) == zone &&
		    !PageReserved(pfn_to_page(pfn)))
			return false;
	return true;
}

/* Is a page of the block found if there is one? */
static void contig_expect_mapped(struct kunit *test, struct contig_scan *scan,
				 struct zone *zone, unsigned long start)
{
	struct contig_mapper mapper = {
		.zone = zone,
		.nr_pages = 1,
		.deadline = CONTIG_NEVER,
	};
	struct contig_wish wish = {
		.nr_pages = 1,
		.align = 1,
		.start = start,
		.end = min(pageblock_end_pfn(start), zone_end_pfn(zone)),
	};

	contig_scan_init(scan, &wish, CONTIG_LEVEL_STUCK, wish.start, wish.end);
	KUNIT_EXPECT_EQ(test, 0,
			contig_map(scan, wish.start, wish.end, &mapper));
	contig_scan_finish(scan);
	/* What the kernel took before there were zones is never to be had. */
	KUNIT_EXPECT_EQ_MSG(test, scan->best == CONTIG_NO_PFN,
			    contig_all_reserved(zone, wish.start, wish.end),
			    "block %lx", start);
}

/* Memory does not always end where a block does, and not always with its zone. */
void contig_test_last_block(struct kunit *test)
{
	struct contig_scan *scan = kunit_kzalloc(test, sizeof(*scan), GFP_KERNEL);
	unsigned long start, blocks = 0;
	struct zone *zone;

	KUNIT_ASSERT_NOT_NULL(test, scan);
	for_each_populated_zone(zone) {
		start = pageblock_align(zone->zone_start_pfn);
		for (; start < zone_end_pfn(zone); start += pageblock_nr_pages) {
			if (!contig_is_cut_short(zone, start))
				continue;
			contig_expect_mapped(test, scan, zone, start);
			blocks++;
		}
	}
	if (!blocks)
		kunit_skip(test, "all memory ends where a block does");
}

/* The first PFN from @pfn on that has memory, or has none; or the end of the zone. */
static unsigned long contig_end_of_stretch(const struct zone *zone,
					   unsigned long pfn, bool memory)
{
	while (pfn < zone_end_pfn(zone) && !!pfn_to_online_page(pfn) == memory)
		pfn += pageblock_nr_pages;
	return min(pfn, zone_end_pfn(zone));
}

/* Up to the border of its section a hole has page structs, of whatever zone. */
static unsigned long contig_first_absent(struct zone *zone, unsigned long pfn,
					 unsigned long end)
{
	while (pfn < end && page_zone(pfn_to_page(pfn)) == zone)
		pfn++;
	return pfn;
}

static void contig_check_hole(struct kunit *test, struct zone *zone,
			      unsigned long start, unsigned long end)
{
	unsigned long absent = contig_first_absent(zone, start - 8, start);
	unsigned long nr_pages = pageblock_nr_pages;
	struct contig_request req = {
		.nr_pages = nr_pages + 1,
		.min_addr = PFN_PHYS(start - nr_pages),
		.max_addr = PFN_PHYS(end + nr_pages) - 1,
		.nid = NUMA_NO_NODE,
		.gfp = GFP_KERNEL,
	};

	contig_expect_refused(test, start - 8, start + 8, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_NOT_PRESENT, absent);
	contig_expect_refused(test, start - 8, end + 8, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_NOT_PRESENT, absent);
	contig_expect_refused(test, end - 8, end + 8, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_NOT_PRESENT, end - 8);
	for (req.effort = CONTIG_NOWAIT; req.effort <= CONTIG_HARD; req.effort++)
		contig_expect_nowhere(test, &req);
}

/* What lies on both sides of a hole makes no block, and no range. */
void contig_test_holes(struct kunit *test)
{
	unsigned long start, end;
	struct zone *zone;
	int holes = 0;

	for_each_populated_zone(zone) {
		start = pageblock_align(zone->zone_start_pfn);
		start = contig_end_of_stretch(zone, start, true);
		while (start < zone_end_pfn(zone)) {
			end = contig_end_of_stretch(zone, start, false);
			contig_check_hole(test, zone, start, end);
			start = contig_end_of_stretch(zone, end, true);
			holes++;
		}
	}
	if (!holes)
		kunit_skip(test, "no zone has a hole");
}

/* === Memory that goes === */

static int contig_looks;

static bool contig_goes_after_first_look(const struct zone *zone,
					 unsigned long pfn)
{
	return !contig_looks++;
}

/* Map one block, for a request as large as it is. */
static void contig_map_one(struct kunit *test, struct contig_scan *scan,
			   struct contig_mapper *mapper, unsigned long start)
{
	struct contig_wish wish = {
		.nr_pages = pageblock_nr_pages,
		.align = pageblock_nr_pages,
		.start = start,
		.end = start + pageblock_nr_pages,
	};

	*mapper = (struct contig_mapper){
		.zone = page_zone(pfn_to_page(start)),
		.nr_pages = wish.nr_pages,
		.deadline = CONTIG_NEVER,
	};
	contig_scan_init(scan, &wish, CONTIG_LEVEL_HELD, wish.start, wish.end);
	KUNIT_EXPECT_EQ(test, 0, contig_map(scan, wish.start, wish.end, mapper));
	contig_scan_finish(scan);
}

/* A held page is looked at twice, and the memory may go before the second time. */
void contig_test_map_departed(struct kunit *test)
{
	struct contig_scan *scan = kunit_kzalloc(test, sizeof(*scan), GFP_KERNEL);
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	unsigned long pfn = window->start + 100;
	unsigned long addr = contig_anon_map(window, pfn, 1);
	struct page *page = pfn_to_page(pfn);
	struct contig_mapper mapper;

	KUNIT_ASSERT_NOT_NULL(test, scan);
	contig_window_release_rest(window);
	get_page(page);

	contig_looks = 0;
	kunit_activate_static_stub(test, contig_is_online_in,
				   contig_goes_after_first_look);
	contig_map_one(test, scan, &mapper, window->start);
	kunit_deactivate_static_stub(test, contig_is_online_in);
	KUNIT_EXPECT_EQ(test, contig_looks, 2);
	KUNIT_EXPECT_FALSE(test, mapper.saw_held);
	KUNIT_EXPECT_EQ(test, scan->best, CONTIG_NO_PFN);

	contig_map_one(test, scan, &mapper, window->start);
	KUNIT_EXPECT_TRUE(test, mapper.saw_held);
	KUNIT_EXPECT_EQ(test, scan->best, window->start);

	put_page(page);
	contig_window_check(window, 1);
	contig_anon_unmap(test, addr, 1);
}

/* === No time === */

static bool contig_takes_long(const struct zone *zone, unsigned long pfn)
{
	contig_looks++;
	contig_take_ms(10);
	return true;
}

/* Where there is much to look at a search ends in the midst of it. */
void contig_test_map_late(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 32 * pageblock_nr_pages);
	struct contig_request req = contig_ask_in(window, pageblock_nr_pages);
	struct contig_report report;

	req.align = PFN_PHYS(pageblock_nr_pages);
	req.effort = CONTIG_HARD;
	req.timeout = ms_to_ktime(35);
	contig_looks = 0;
	kunit_activate_static_stub(test, contig_is_online_in, contig_takes_long);
	KUNIT_EXPECT_NULL(test, contig_alloc(&req, &report));
	kunit_deactivate_static_stub(test, contig_is_online_in);
	KUNIT_EXPECT_EQ(test, report.error, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_TIMED_OUT);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_GT(test, contig_looks, 0);
	KUNIT_EXPECT_LE(test, contig_looks, 4);
	contig_window_check(window, 0);
}
