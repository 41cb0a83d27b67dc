// SPDX-License-Identifier: GPL-2.0
/*
 * What a zone looks like, for plan.c to plan on.
 *
 * Goes through the struct pages, in steps of whole folios and free pages, without a
 * lock and without changing anything. The level of a page is the first pass of a
 * search in which a range may contain it.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/swap.h>

#include "../internal.h"
#include "contig.h"
#include "fault.h"
#include "plan.h"

/* A hugetlb page may have to make room for something larger than itself. */
static bool contig_hugetlb_may_go(struct contig_mapper *mapper, struct page *page)
{
	unsigned int order = compound_order(compound_head(page));

	return order <= MAX_FOLIO_ORDER && mapper->nr_pages > 1UL << order;
}

/*
 * Is a page that seems to be in the way worth an attempt? One that seems held
 * may be in an LRU batch: those are drained once, and the look after that counts. In
 * ZONE_MOVABLE, where the kernel keeps none, a page of nobody is in a hurry.
 */
static enum contig_level contig_obstacle_level(struct contig_mapper *mapper,
					       struct page *page,
					       struct contig_obstacle *obstacle)
{
	enum contig_stay stay = contig_kind_stays(obstacle->kind);

	if (obstacle->kind == CONTIG_KIND_RESERVED)
		return CONTIG_LEVEL_NEVER;
	if (stay == CONTIG_FOR_GOOD)
		return CONTIG_LEVEL_STUCK;
	if (stay == CONTIG_A_MOMENT)
		return is_zone_movable_page(page) ? CONTIG_LEVEL_MOVABLE :
						    CONTIG_LEVEL_STUCK;
	mapper->must_drain = !mapper->drained;
	mapper->saw_held |= mapper->drained;
	return CONTIG_LEVEL_HELD;
}

static enum contig_level contig_page_level(struct contig_mapper *mapper,
					   struct page *page,
					   unsigned long *step)
{
	struct contig_obstacle obstacle;
	enum contig_level level = CONTIG_LEVEL_MOVABLE;

	if (contig_page_obstructs(page, step, &obstacle))
		level = contig_obstacle_level(mapper, page, &obstacle);
	if (!PageHuge(page) || level >= CONTIG_LEVEL_STUCK)
		return level;
	if (!contig_hugetlb_may_go(mapper, page))
		return CONTIG_LEVEL_STUCK;
	mapper->saw_hugetlb = true;
	return max(level, CONTIG_LEVEL_HUGETLB);
}

/* Present, in this zone, and neither kept for CMA nor in somebody's hands? */
static enum contig_level contig_block_level(struct zone *zone, unsigned long pfn)
{
	int mt;

	if (!contig_is_online_in(zone, pfn))
		return CONTIG_LEVEL_NEVER;
	mt = get_pfnblock_migratetype(pfn_to_page(pfn), pfn);
	if (is_migrate_cma(mt))
		return CONTIG_LEVEL_NEVER;
	return is_migrate_isolate(mt) ? CONTIG_LEVEL_STUCK : CONTIG_LEVEL_MOVABLE;
}

/*
 * How far the zone goes in this block. The last one may be cut short, and the page
 * structs of a hole that follows may name another zone.
 */
static unsigned long contig_zone_ends(struct zone *zone, unsigned long pfn)
{
	unsigned long end = min(pageblock_end_pfn(pfn), zone_end_pfn(zone));

	while (end > pfn && page_zone(pfn_to_page(end - 1)) != zone)
		end--;
	return end;
}

/* How finely costs are told apart: an eighth of the request, a block at most. */
static unsigned long contig_grain(struct contig_mapper *mapper)
{
	unsigned long grain = rounddown_pow_of_two(mapper->nr_pages) / 8;

	return clamp(grain, 1UL, pageblock_nr_pages);
}

/*
 * Pages from @start on that are alike, up to @end or a bit further; none if the first
 * is to be looked at again.
 */
static unsigned long contig_measure(struct contig_mapper *mapper,
				    unsigned long start, unsigned long end,
				    enum contig_level *level,
				    unsigned long *in_use)
{
	unsigned long pfn = contig_skip_plain(start, end), step;

	*level = CONTIG_LEVEL_MOVABLE;
	*in_use = pfn - start;
	for (; pfn < end; pfn += step) {
		struct page *page = pfn_to_page(pfn);
		enum contig_level found = contig_page_level(mapper, page, &step);

		if (mapper->must_drain || (pfn > start && found != *level))
			break;
		*level = found;
		if (!PageBuddy(page))
			*in_use += step;
	}
	*in_use = min(*in_use, pfn - start);
	return pfn;
}

/*
 * Feed one block, or as far as a page goes that sticks out of it. It ends early where
 * a look has to wait for the LRU batches.
 */
static unsigned long contig_map_block(struct contig_mapper *mapper,
				      struct contig_scan *scan,
				      unsigned long pfn, bool *enough)
{
	unsigned long end = pageblock_end_pfn(pfn), grain = contig_grain(mapper);
	enum contig_level level = contig_block_level(mapper->zone, pfn);
	unsigned long zone_ends, stop, in_use;

	if (level > CONTIG_LEVEL_MOVABLE) {
		*enough = contig_scan_feed(scan, pfn, end, level, 0);
		return end;
	}
	zone_ends = contig_zone_ends(mapper->zone, pfn);
	while (pfn < zone_ends && !*enough && !mapper->must_drain) {
		stop = contig_measure(mapper, pfn,
				      min(ALIGN(pfn + 1, grain), zone_ends),
				      &level, &in_use);
		if (stop > pfn)
			*enough = contig_scan_feed(scan, pfn, stop, level, in_use);
		pfn = stop;
	}
	return pfn >= zone_ends && zone_ends < end ? end : pfn;
}

/* The blocks that somebody may have taken offline meanwhile are looked at anew. */
static void contig_map_drain(struct contig_mapper *mapper)
{
	lru_add_drain_all();
	mapper->drained = true;
	mapper->must_drain = false;
}

/**
 * contig_map() - tell a scan what a part of a zone looks like
 * @scan: what wants to know
 * @start: first PFN
 * @end: one past the last
 * @data: the struct contig_mapper
 *
 * Context: Task context, may sleep.
 * Return: 0; -EINTR on a fatal signal or if it was called off; -ETIMEDOUT if there is
 * a deadline and it passed.
 */
int contig_map(struct contig_scan *scan, unsigned long start,
	       unsigned long end, void *data)
{
	struct contig_mapper *mapper = data;
	bool enough = false;

	while (start < end && !enough) {
		cond_resched();
		contig_step(CONTIG_STEP_MAP);
		if (contig_is_called_off(mapper->stop))
			return -EINTR;
		if (contig_is_past(mapper->deadline))
			return -ETIMEDOUT;
		scoped_guard(rcu)
			start = contig_map_block(mapper, scan, start, &enough);
		if (mapper->must_drain)
			contig_map_drain(mapper);
	}
	return 0;
}
