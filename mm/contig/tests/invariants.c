// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold after every request, whatever became of it.
 *
 * The pages of the window are accounted for one by one, and the zone's counters
 * are compared with its free lists under zone->lock: both are exact on a busy
 * machine too. Only the zone's totals from before and after a case can differ,
 * by what the rest of the kernel, KUnit's own log included, took or gave back
 * meanwhile.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "../../internal.h"
#include "../../page_alloc.h"
#include "fixtures.h"

/* Pages that the rest of the kernel may take or give back during one case. */
#define CONTIG_NOISE	1024

/* The counters of another CPU may be on their way from it to the zone. */
#define CONTIG_LOOKS	5

/* === The free lists === */

struct contig_tally {
	unsigned long free;
	unsigned long cma;
	unsigned long highatomic;
	unsigned long misplaced;
};

static void contig_tally_list(struct contig_tally *tally, struct zone *zone,
			      unsigned int order, int type)
{
	unsigned long nr = 1UL << order;
	struct page *page;

	list_for_each_entry(page, &zone->free_area[order].free_list[type],
			    buddy_list) {
		if (!PageBuddy(page) || buddy_order(page) != order ||
		    get_pfnblock_migratetype(page, page_to_pfn(page)) != type)
			tally->misplaced++;
		if (is_migrate_isolate(type))
			continue;
		tally->free += nr;
		tally->cma += is_migrate_cma(type) ? nr : 0;
		tally->highatomic += type == MIGRATE_HIGHATOMIC ? nr : 0;
	}
}

/* Sum up the lists and subtract what the counters say. */
static void contig_tally(struct contig_tally *tally, struct zone *zone)
{
	memset(tally, 0, sizeof(*tally));
	guard(spinlock_irqsave)(&zone->lock);
	for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
		for (int type = 0; type < MIGRATE_TYPES; type++)
			contig_tally_list(tally, zone, order, type);
	tally->free -= zone_page_state_snapshot(zone, NR_FREE_PAGES);
	tally->cma -= zone_page_state_snapshot(zone, NR_FREE_CMA_PAGES);
	tally->highatomic -= zone->nr_free_highatomic;
}

static void contig_expect_lists(struct kunit *test, struct zone *zone)
{
	struct contig_tally tally;

	for (int look = 0; look < CONTIG_LOOKS; look++) {
		contig_tally(&tally, zone);
		if (!tally.free && !tally.cma)
			break;
	}
	KUNIT_EXPECT_EQ_MSG(test, (long)tally.free, 0L, "NR_FREE_PAGES");
	KUNIT_EXPECT_EQ_MSG(test, (long)tally.cma, 0L, "NR_FREE_CMA_PAGES");
	KUNIT_EXPECT_EQ_MSG(test, (long)tally.highatomic, 0L, "highatomic");
	KUNIT_EXPECT_EQ_MSG(test, tally.misplaced, 0UL, "on a wrong free list");
}

/* === Contents === */

bool contig_bytes_are(unsigned long start, unsigned long end, int byte)
{
	bool same = true;

	for (unsigned long pfn = start; pfn < end && same; pfn++) {
		void *at = kmap_local_page(pfn_to_page(pfn));

		same = !memchr_inv(at, byte, PAGE_SIZE);
		kunmap_local(at);
	}
	return same;
}

/* === The window === */

/* Bring home the pages that wait in per-CPU lists and LRU batches. */
void contig_settle(struct zone *zone)
{
	lru_add_drain_all();
	drain_all_pages(zone);
}

/*
 * Where part of a window of movable blocks was free for long, the buddy allocator may
 * have made a block the kernel's: that one change is nobody's fault.
 */
static bool contig_type_is_wrong(struct contig_window *window, unsigned long pfn)
{
	int mt = get_pfnblock_migratetype(pfn_to_page(pfn), pfn);

	if (window->type == MIGRATE_MOVABLE &&
	    (mt == MIGRATE_UNMOVABLE || mt == MIGRATE_RECLAIMABLE))
		return false;
	return mt != window->type;
}

static void contig_expect_types(struct contig_window *window)
{
	unsigned long wrong = 0;

	for (unsigned long pfn = window->start; pfn < window->end;
	     pfn += pageblock_nr_pages)
		wrong += contig_type_is_wrong(window, pfn);
	KUNIT_EXPECT_EQ_MSG(window->test, wrong, 0UL, "block types changed");
	KUNIT_EXPECT_EQ(window->test, window->isolated,
			window->zone->nr_isolate_pageblock);
}

/* In nobody's hands, and yet on no list: the page will never be used again. */
static bool contig_page_is_lost(struct page *page)
{
	return !page_ref_count(page) && !page_has_type(page) &&
	       !PageCompound(page);
}

struct contig_census {
	unsigned long in_use;
	unsigned long lost;
	unsigned long odd;
	unsigned long first;
};

/* Each page is exactly one of: free, in use, held by us. */
static void contig_count_pages(struct contig_window *window,
			       struct contig_census *census)
{
	unsigned long pfn = window->start;

	memset(census, 0, sizeof(*census));
	while (pfn < window->end) {
		struct page *page = pfn_to_page(pfn);

		if (test_bit(pfn - window->start, window->held)) {
			census->odd += PageBuddy(page) || page_ref_count(page);
		} else if (PageBuddy(page)) {
			pfn += 1UL << buddy_order_unsafe(page);
			continue;
		} else {
			census->first = census->first ?: pfn;
			census->in_use++;
			census->lost += contig_page_is_lost(page);
		}
		pfn++;
	}
}

/*
 * All invariants: @in_use pages of the window are in use, the others held or
 * free. The pages of others that were just freed may come by way of a batch.
 */
void contig_window_check(struct contig_window *window, unsigned long in_use)
{
	struct kunit *test = window->test;
	struct contig_census census;

	contig_settle(window->zone);
	contig_count_pages(window, &census);
	KUNIT_EXPECT_EQ_MSG(test, census.in_use, in_use, "in use, from %lx on",
			    census.first);
	KUNIT_EXPECT_EQ_MSG(test, census.lost, 0UL, "lost, from %lx on",
			    census.first);
	KUNIT_EXPECT_EQ_MSG(test, census.odd, 0UL, "held, but not by us alone");
	contig_expect_types(window);
	contig_expect_lists(test, window->zone);
}

/* All of the window has merged into the largest buddies again. */
void contig_window_expect_whole(struct contig_window *window)
{
	unsigned long broken = 0;

	for (unsigned long pfn = window->start; pfn < window->end;
	     pfn += MAX_ORDER_NR_PAGES) {
		struct page *page = pfn_to_page(pfn);

		broken += !PageBuddy(page) ||
			  buddy_order_unsafe(page) != MAX_PAGE_ORDER;
	}
	KUNIT_EXPECT_EQ_MSG(window->test, broken, 0UL, "buddies did not merge");
}

/* So often the zone is looked at, a few milliseconds apart, until others settle. */
#define CONTIG_SETTLES	20

/* The zone has as much free memory as before the window was opened. */
void contig_expect_totals(struct contig_window *window)
{
	long cma = zone_page_state_snapshot(window->zone, NR_FREE_CMA_PAGES);
	long missing = 0;

	for (int look = 0; look < CONTIG_SETTLES; look++) {
		if (look)
			fsleep(5000);
		missing = (long)window->free -
			  (long)zone_page_state_snapshot(window->zone, NR_FREE_PAGES);
		if (abs(missing) <= CONTIG_NOISE)
			break;
	}
	KUNIT_EXPECT_LE(window->test, missing, (long)CONTIG_NOISE);
	KUNIT_EXPECT_GE(window->test, missing, -(long)CONTIG_NOISE);
	KUNIT_EXPECT_EQ(window->test, cma, (long)window->free_cma);
}

/* How many pages in [start, end) somebody holds a reference to. */
unsigned long contig_pages_in_use(unsigned long start, unsigned long end)
{
	unsigned long nr = 0;

	for (unsigned long pfn = start; pfn < end; pfn++)
		nr += page_ref_count(compound_head(pfn_to_page(pfn))) > 0;
	return nr;
}

/* Is every page in [start, end) on a free list? */
bool contig_all_free(unsigned long start, unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		if (!contig_in_free_block(pfn))
			return false;
	return true;
}
