// SPDX-License-Identifier: GPL-2.0
/*
 * Free runs that fit, found on the free lists.
 *
 * Any run of free pages that is long enough for a wish holds a free page of an
 * order not far below it. So walking the lists from that order up meets each run
 * that can do, without a look at memory that is in use, and cheaply enough for a
 * caller who may not sleep. Of each run the leftmost page of such an order is
 * where the run is measured.
 *
 * Pages are picked from a list a few at a time and go to its end, so that the walk
 * can let go of zone->lock and find its place again. The runs around them are measured
 * without the lock. The answer is only where to try: the run may be gone when it is
 * claimed.
 *
 * A wish with a large alignment has few places where it can begin: if they are
 * fewer than the largest free pages, these places are looked at instead.
 */
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"
#include "plan.h"

/* So often a walk begins a list anew because somebody else walked in between. */
#define CONTIG_WALKS_AGAIN	4

/* How often the lists of each zone were moved on, under its lock. */
static unsigned long contig_walks[MAX_NUMNODES][MAX_NR_ZONES];

/* Lists that a walk goes through, at each order. */
static const int contig_lists[] = {
	MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
};

/* Where to begin to look at places, or CONTIG_NO_PFN to walk the lists. */
static unsigned long contig_first_place(struct zone *zone,
					const struct contig_wish *wish)
{
	unsigned long end = min(zone_end_pfn(zone), wish->end);
	unsigned long start = max(zone->zone_start_pfn, wish->start);
	unsigned long nr_free;

	/* What is aligned to less may begin inside of a free page, or at most of them. */
	if (wish->align <= MAX_ORDER_NR_PAGES || start >= end)
		return CONTIG_NO_PFN;
	/* Either way finds the same, so an old number does no harm. */
	nr_free = data_race(zone->free_area[MAX_PAGE_ORDER].nr_free);
	return (end - start) / wish->align < nr_free ? start : CONTIG_NO_PFN;
}

/**
 * contig_find_begin() - start to look for free runs
 * @finder: to be filled in
 * @zone: where
 * @wish: what they have to fit; stays in use
 *
 * Context: Any.
 */
void contig_find_begin(struct contig_finder *finder, struct zone *zone,
		       const struct contig_wish *wish)
{
	unsigned long size = rounddown_pow_of_two(wish->nr_pages);
	unsigned long inside = wish->nr_pages / 2 + (wish->nr_pages & 1);
	int order;

	/* Of a range of twice this size, less one, it is in it at any place. */
	inside = rounddown_pow_of_two(inside);
	order = ilog2(max(min(wish->align, size), inside));

	finder->zone = zone;
	finder->wish = wish;
	finder->lowest = min(order, MAX_PAGE_ORDER);
	finder->natural = min(order_base_2(wish->nr_pages), MAX_PAGE_ORDER);
	finder->order = finder->natural;
	finder->list = 0;
	finder->left = CONTIG_NOT_COUNTED;
	finder->first = NULL;
	finder->nr_picked = 0;
	finder->again = CONTIG_WALKS_AGAIN;
	finder->walked_before = false;
	finder->place = contig_first_place(zone, wish);
}

/* Memory that this wish may have, as far as the block says; in the finder's zone. */
static bool contig_block_is_ours(struct contig_finder *finder, unsigned long pfn)
{
	struct page *page = contig_online_page(pfn);
	int mt;

	/* The page struct of a hole may name a zone that lies elsewhere. */
	if (!page || page_zone(page) != finder->zone ||
	    !zone_spans_pfn(finder->zone, pfn))
		return false;
	mt = get_pfnblock_migratetype(page, pfn);
	return !is_migrate_isolate(mt) && !is_migrate_cma(mt);
}

/* A neighbour of the free page at @from: its order if it is free, or -1. */
static int contig_order_at(struct contig_finder *finder, unsigned long from,
			   unsigned long pfn)
{
	struct page *page;
	unsigned long order;

	if (pageblock_start_pfn(pfn) != pageblock_start_pfn(from) &&
	    !contig_block_is_ours(finder, pfn))
		return -1;
	page = pfn_to_page(pfn);
	if (page_zone(page) != finder->zone || !PageBuddy(page))
		return -1;
	/* A run ends where the struct pages do. */
	if (pfn != from && contig_rows_part(max(pfn, from)))
		return -1;
	order = buddy_order_unsafe(page);
	return order <= MAX_PAGE_ORDER ? order : -1;
}

/* The order of the free page that ends where the one at @pfn begins, or -1. */
static int contig_order_before(struct contig_finder *finder, unsigned long pfn)
{
	int highest = min(__ffs(pfn | 1UL << MAX_PAGE_ORDER), MAX_PAGE_ORDER);

	if (!pfn || (!IS_ALIGNED(pfn, pageblock_nr_pages) &&
		     page_ref_count(pfn_to_page(pfn - 1))))
		return -1;
	/* In the midst of much free memory it is a large one. */
	for (int order = highest; order >= 0; order--)
		if (contig_order_at(finder, pfn, pfn - (1UL << order)) == order)
			return order;
	return -1;
}

/* Where the run begins, or CONTIG_NO_PFN if it is measured further down. */
static unsigned long contig_run_start(struct contig_finder *finder,
				      unsigned long pfn)
{
	int order;

	while ((order = contig_order_before(finder, pfn)) >= 0) {
		if (order >= finder->lowest)
			return CONTIG_NO_PFN;
		pfn -= 1UL << order;
	}
	return pfn;
}

/* Is the free page at @pfn alone large enough? */
static unsigned long contig_fit_in_page(struct contig_finder *finder,
					unsigned long pfn, int order)
{
	unsigned long nr_pages = finder->wish->nr_pages;
	unsigned long end = pfn + (1UL << order), fit;

	if (nr_pages > end - pfn)
		return CONTIG_NO_PFN;
	fit = contig_first_fit(finder->wish, pfn);
	return fit < end && nr_pages <= end - fit ? fit : CONTIG_NO_PFN;
}

/* Do free pages follow each other from the one at @pfn on? The first fit, as above. */
static unsigned long contig_fit_from(struct contig_finder *finder,
				     unsigned long pfn, int order,
				     unsigned long fit)
{
	while (order >= 0 && fit != CONTIG_NO_PFN) {
		unsigned long end = pfn + (1UL << order);

		if (end > fit && end - fit >= finder->wish->nr_pages)
			return fit;
		order = end < zone_end_pfn(finder->zone) ?
			contig_order_at(finder, pfn, end) : -1;
		pfn = end;
	}
	return CONTIG_NO_PFN;
}

/* Measure the run around a page: the first fit in it, or CONTIG_NO_PFN. */
static unsigned long contig_fit_in_run(struct contig_finder *finder,
				       unsigned long pfn)
{
	unsigned long fit, start;
	int order;

	guard(rcu)();

	/* It was taken since it was picked, or has gone offline. */
	if (!contig_block_is_ours(finder, pfn))
		return CONTIG_NO_PFN;
	order = contig_order_at(finder, pfn, pfn);
	if (order < 0)
		return CONTIG_NO_PFN;
	fit = contig_fit_in_page(finder, pfn, order);
	if (fit != CONTIG_NO_PFN)
		return fit;
	start = contig_run_start(finder, pfn);
	if (start == CONTIG_NO_PFN)
		return start;
	return contig_fit_from(finder, pfn, order,
			       contig_first_fit(finder->wish, start));
}

/* A free page that begins at a place, and enough behind it. */
static bool contig_fits_at(struct contig_finder *finder, unsigned long pfn)
{
	guard(rcu)();

	return contig_block_is_ours(finder, pfn) &&
	       contig_fit_from(finder, pfn, contig_order_at(finder, pfn, pfn),
			       pfn) == pfn;
}

static unsigned long contig_walk_places(struct contig_finder *finder)
{
	unsigned long fit;

	do {
		fit = contig_first_fit(finder->wish, finder->place);
		if (fit == CONTIG_NO_PFN || fit >= zone_end_pfn(finder->zone))
			return CONTIG_NO_PFN;
		finder->place = fit + 1;
	} while (!contig_fits_at(finder, fit));
	return fit;
}

/*
 * The next list; false after the last. Pages as large as the wish come first, then
 * larger ones, which are better left whole, and those that need neighbours last.
 */
static bool contig_next_list(struct contig_finder *finder)
{
	finder->left = CONTIG_NOT_COUNTED;
	finder->first = NULL;
	if (++finder->list < ARRAY_SIZE(contig_lists))
		return true;
	finder->list = 0;
	if (finder->order < finder->natural)
		finder->order--;
	else if (finder->order++ == MAX_PAGE_ORDER)
		finder->order = finder->natural - 1;
	return finder->order >= finder->lowest;
}

/* The page whose turn it is, unless all had theirs. */
static struct page *contig_next_free(struct contig_finder *finder,
				     struct free_area *area,
				     struct list_head *list)
{
	struct page *page = list_first_entry_or_null(list, struct page, buddy_list);

	if (finder->left == CONTIG_NOT_COUNTED)
		finder->left = area->nr_free;
	if (!page || !finder->left || page == finder->first)
		finder->left = 0;
	if (!finder->left)
		return NULL;
	finder->left--;
	if (!finder->first)
		finder->first = page;
	return page;
}

/*
 * What another walk looked at meanwhile is at the end of the list, where this one
 * would take it for its own work.
 */
static void contig_find_place(struct contig_finder *finder)
{
	struct zone *zone = finder->zone;
	unsigned long *walks = &contig_walks[zone_to_nid(zone)][zone_idx(zone)];

	if (finder->first && finder->walks != *walks && finder->again) {
		finder->again--;
		finder->left = CONTIG_NOT_COUNTED;
		finder->first = NULL;
	}
	finder->walks = ++*walks;
}

/*
 * The next few pages of the list. Each becomes the last one. If the first of all is
 * taken meanwhile, the count ends the walk.
 */
static void contig_pick(struct contig_finder *finder)
{
	struct free_area *area = &finder->zone->free_area[finder->order];
	struct list_head *list = &area->free_list[contig_lists[finder->list]];
	struct page *page;

	guard(spinlock_irqsave)(&finder->zone->lock);

	contig_find_place(finder);
	while (finder->nr_picked < CONTIG_PICKED) {
		page = contig_next_free(finder, area, list);
		if (!page)
			break;
		list_move_tail(&page->buddy_list, list);
		finder->picked[finder->nr_picked++] = page_to_pfn(page);
	}
}

static unsigned long contig_fit_in_picked(struct contig_finder *finder)
{
	unsigned long fit = CONTIG_NO_PFN;

	while (finder->nr_picked && fit == CONTIG_NO_PFN)
		fit = contig_fit_in_run(finder,
					finder->picked[--finder->nr_picked]);
	return fit;
}

static unsigned long contig_walk_lists(struct contig_finder *finder)
{
	unsigned long fit;

	for (;;) {
		fit = contig_fit_in_picked(finder);
		if (fit != CONTIG_NO_PFN)
			return fit;
		if (finder->order < finder->lowest ||
		    (!finder->left && !contig_next_list(finder)))
			return CONTIG_NO_PFN;
		contig_pick(finder);
	}
}

/**
 * contig_find_next() - the next free run that fits
 * @finder: as from contig_find_begin()
 *
 * Free pages that merged meanwhile may have gone to a list that was behind us: only
 * what a second walk does not find is not there.
 *
 * Context: Any but NMI. Takes zone->lock for a few pages at a time.
 * Return: where it fits, or %CONTIG_NO_PFN when all lists were walked twice, or all
 * places once.
 */
unsigned long contig_find_next(struct contig_finder *finder)
{
	unsigned long fit;

	if (contig_fault(CONTIG_FAULT_FIND))
		return CONTIG_NO_PFN;
	if (finder->place != CONTIG_NO_PFN)
		return contig_walk_places(finder);
	fit = contig_walk_lists(finder);
	if (fit != CONTIG_NO_PFN || finder->walked_before)
		return fit;
	finder->walked_before = true;
	finder->order = finder->natural;
	return contig_walk_lists(finder);
}
