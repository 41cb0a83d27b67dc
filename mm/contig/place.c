// SPDX-License-Identifier: GPL-2.0
/*
 * Is there a place for a wish at all?
 *
 * One whose every page is there, in one zone, and the allocator's to hand out,
 * whoever has it now. contig_query() can tell more, but has to sleep for it;
 * physreq_prep() may be called where nobody can.
 */
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "contig.h"
#include "plan.h"

/* In one block: the first page that is never ours, CONTIG_NO_PFN if all may be. */
static unsigned long contig_first_foreign(struct zone *zone, unsigned long start,
					  unsigned long end)
{
	struct page *page;

	guard(rcu)();

	page = contig_online_page(start);
	if (!page || is_migrate_cma(get_pfnblock_migratetype(page, start)))
		return pageblock_end_pfn(start) - 1;
	for (; start < end; start++) {
		page = pfn_to_page(start);
		if (PageReserved(page) || page_zone(page) != zone)
			return start;
	}
	return CONTIG_NO_PFN;
}

/* No page is looked at twice: behind one that is foreign all begins anew. */
static unsigned long contig_place_in(struct zone *zone,
				     const struct contig_wish *wish,
				     bool may_sleep)
{
	unsigned long zone_end = zone_end_pfn(zone), pfn, stop, foreign;
	unsigned long start = contig_first_fit(wish, zone->zone_start_pfn);

	for (pfn = start; start != CONTIG_NO_PFN && start < zone_end &&
	     wish->nr_pages <= zone_end - start; pfn = stop) {
		if (pfn >= start + wish->nr_pages)
			return start;
		stop = min(pageblock_end_pfn(pfn), start + wish->nr_pages);
		foreign = contig_first_foreign(zone, pfn, stop);
		if (foreign != CONTIG_NO_PFN) {
			start = contig_first_fit(wish, foreign + 1);
			stop = start;
		}
		if (may_sleep)
			cond_resched();
	}
	return CONTIG_NO_PFN;
}

/**
 * contig_place() - where could a wish be met if nobody used memory?
 * @wish: what it has to fit
 * @gfp: which zones
 * @may_sleep: the caller may be preempted meanwhile
 *
 * Looks at each page of the machine if there is no such place.
 *
 * Context: Any; with @may_sleep task context.
 * Return: the first PFN of the lowest such place, or %CONTIG_NO_PFN.
 */
unsigned long contig_place(const struct contig_wish *wish, gfp_t gfp,
			   bool may_sleep)
{
	struct zone *zone;

	for_each_populated_zone(zone) {
		unsigned long start = CONTIG_NO_PFN;

		if (zone_idx(zone) <= gfp_zone(gfp))
			start = contig_place_in(zone, wish, may_sleep);
		if (start != CONTIG_NO_PFN)
			return start;
	}
	return CONTIG_NO_PFN;
}
