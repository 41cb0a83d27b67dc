// SPDX-License-Identifier: GPL-2.0
/*
 * Where to try.
 *
 * Small blocks that may lie anywhere come from the buddy allocator. Then, zone by
 * zone in the order of the zonelist, free runs that fit (find.c) are taken; if
 * there is none, the zone is looked at and what plan.c makes of it is tried, the
 * ranges with the least to move first. If no zone has one, those with hugetlb
 * pages smaller than the request follow, and last those with pages that somebody
 * holds, which may be worth waiting for.
 *
 * Reads struct pages racily and holds no lock; taking the range is what
 * decides.
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <trace/events/contig.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"
#include "plan.h"

/* So many attempts may fail for want of memory before the search ends. */
#define CONTIG_SHORTAGES	3

/*
 * For a block or more it is worth looking at so many pages to spare others the move
 * of one, though the look costs more: it stops nobody.
 */
#define CONTIG_LARGE_LOOK	2048

/* So many free runs of a zone may be lost to others before it is looked at. */
#define CONTIG_LOST_RUNS	16

/**
 * struct contig_hunt - one search while it runs
 * @wish: what is looked for now
 * @terms: of the caller; attempts wait for nothing before the last pass
 * @min_pages: what to be content with, or 0
 * @gfp: of the caller
 * @level: what a candidate may contain
 * @mapper: the zone to search in, and what was seen so far
 * @longest: what the zones have instead, if it is less than what is looked for
 * @tried: how many ranges were attempted of larger sizes
 * @only_look: nothing is taken; the outcome is what an attempt would have moved
 * @shortages: attempts that failed for want of memory to move pages to
 * @report: sums over all attempts, and the outcome of the last
 * @page: what was found
 */
struct contig_hunt {
	struct contig_wish wish;
	struct contig_terms *terms;
	unsigned long min_pages;
	gfp_t gfp;
	enum contig_level level;
	struct contig_mapper mapper;
	unsigned long longest;
	unsigned long tried;
	bool only_look;
	unsigned int shortages;
	struct contig_report *report;
	struct page *page;
};

/* Where the last search of each zone ended: a hint where to look first. */
static unsigned long contig_cursors[MAX_NUMNODES][MAX_NR_ZONES];

static unsigned long *contig_cursor(struct zone *zone)
{
	return &contig_cursors[zone_to_nid(zone)][zone_idx(zone)];
}

/* === The buddy allocator === */

/* Its blocks lie at multiples of their size, anywhere in the zones of the gfp. */
static bool contig_buddy_will_do(const struct contig_wish *wish,
				 unsigned int order)
{
	unsigned long size;

	if (order >= pageblock_order)
		return false;
	size = 1UL << order;
	return wish->align <= size &&
	       (!wish->boundary || size <= wish->boundary) &&
	       !wish->start && wish->end >= max_pfn;
}

/*
 * Free memory only: making room is done better here. Without any reclaim the
 * allocator takes no lock that it could wait for, and page_owner loses the caller.
 */
static gfp_t contig_buddy_gfp(gfp_t gfp)
{
	gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_RETRY_MAYFAIL);
	if (!contig_has_page_owner())
		gfp &= ~__GFP_KSWAPD_RECLAIM;
	return gfp | __GFP_NORETRY | __GFP_NOWARN;
}

static int contig_ask_buddy(struct contig_hunt *hunt, int nid,
			    nodemask_t *nodemask)
{
	unsigned long nr_pages = hunt->wish.nr_pages, pfn;
	unsigned int order = order_base_2(nr_pages);
	struct page *page;

	/* What may move might come from a CMA area. */
	if (hunt->only_look || (hunt->gfp & __GFP_MOVABLE) ||
	    !contig_buddy_will_do(&hunt->wish, order) ||
	    contig_fault(CONTIG_FAULT_BUDDY))
		return -EBUSY;
	page = __alloc_frozen_pages_noprof(contig_buddy_gfp(hunt->gfp), order,
					   nid, nodemask, ALLOC_DEFAULT);
	if (!page)
		return -EBUSY;

	pfn = page_to_pfn(page);
	if (order && !(hunt->gfp & __GFP_COMP))
		__split_page(page, order);
	contig_free_unused(pfn + nr_pages, pfn + (1UL << order));
	contig_because(hunt->report, 0, CONTIG_NONE, CONTIG_NO_PFN);
	hunt->report->nr_pages = nr_pages;
	hunt->page = page;
	contig_count(CONTIG_SUCCESSES, 1);
	trace_contig_finish(pfn, pfn + nr_pages, hunt->report);
	return 0;
}

/* === Attempts === */

static bool contig_in_use(unsigned long pfn)
{
	struct page *page;

	guard(rcu)();

	page = contig_online_page(pfn);
	return page && page_count(page);
}

/* The first page that is not free, or CONTIG_NO_PFN. */
static unsigned long contig_first_in_use(unsigned long start, unsigned long end)
{
	while (start < end && !contig_in_use(start))
		start++;
	return start < end ? start : CONTIG_NO_PFN;
}

/* What an attempt would meet, if nothing changes. */
static int contig_pretend(struct contig_hunt *hunt, unsigned long start,
			  unsigned long in_use)
{
	unsigned long end = start + hunt->wish.nr_pages;
	unsigned long to_move = CONTIG_NO_PFN;
	struct contig_report *report = hunt->report;
	struct contig_obstacle obstacle;

	hunt->page = pfn_to_page(start);
	report->pages_moved = in_use;
	report->nr_pages = hunt->wish.nr_pages;
	if (!gfpflags_allow_blocking(hunt->gfp))
		to_move = contig_first_in_use(start, end);
	if (to_move != CONTIG_NO_PFN)
		return contig_because(report, -EAGAIN, CONTIG_WOULD_BLOCK, to_move);
	if (hunt->level < CONTIG_LEVEL_HELD ||
	    contig_survey(start, end, ACR_FLAGS_NONE, &obstacle))
		return contig_because(report, 0, CONTIG_NONE, CONTIG_NO_PFN);
	return contig_because_of(report, -EAGAIN, &obstacle);
}

/* 0 with the page, or the error; -EBUSY names the last PFN ruled out. */
static int contig_attempt(struct contig_hunt *hunt, unsigned long start,
			  unsigned long *ruled_out)
{
	unsigned long end = start + hunt->wish.nr_pages;
	struct contig_report *sum = hunt->report;
	struct contig_terms terms = *hunt->terms;
	struct contig_report one;
	int err;

	terms.is_part = true;
	terms.only_free = hunt->level == CONTIG_LEVEL_FREE;
	if (hunt->level != CONTIG_LEVEL_HELD)
		terms.patience = 0;
	err = contig_alloc_range_on_noprof(start, end, ACR_FLAGS_NONE, &terms,
					   &one);
	if (hunt->level == CONTIG_LEVEL_HELD)
		hunt->terms->patience = terms.patience;
	hunt->terms->drained = terms.drained;
	hunt->terms->lru_disabled = terms.lru_disabled;
	one.ranges_tried += sum->ranges_tried;
	one.pages_moved += sum->pages_moved;
	*sum = one;
	if (!err)
		hunt->page = pfn_to_page(start);
	if (!terms.only_free &&
	    (one.reason == CONTIG_PINNED || one.reason == CONTIG_LOST_RACE))
		hunt->mapper.saw_held = true;
	*ruled_out = end - 1;
	if (one.blocking_pfn >= start && one.blocking_pfn < end)
		*ruled_out = one.blocking_pfn;
	/*
	 * Memory that went offline meanwhile is no fault of the caller's. And
	 * what is full here may be nearly empty elsewhere, but each attempt
	 * that ends so has moved many pages.
	 */
	if (err == -EINVAL)
		sum->error = -EBUSY;
	if (err == -EINVAL ||
	    (err == -ENOMEM && hunt->shortages++ < CONTIG_SHORTAGES))
		err = -EBUSY;
	return err == -EBUSY && contig_is_past(terms.deadline) ?
	       contig_too_late(sum) : err;
}

/*
 * The last page before a gap in the struct pages of a range, or CONTIG_NO_PFN. Ruled
 * out, it takes one range with it that ends there and would have done: the only
 * one, where what lies between two gaps is no longer than the wish.
 */
static unsigned long contig_last_in_row(unsigned long start, unsigned long end)
{
	for (unsigned long pfn = pageblock_align(start + 1); pfn < end;
	     pfn += pageblock_nr_pages)
		if (contig_rows_part(pfn))
			return pfn - 1;
	return CONTIG_NO_PFN;
}

/* === Passes === */

/* Free runs; one that is refused for the watermark's sake stands for all. */
static int contig_search_free(struct contig_hunt *hunt)
{
	struct contig_finder finder;
	unsigned long start, ruled_out;
	int err = -EBUSY;

	contig_find_begin(&finder, hunt->mapper.zone, &hunt->wish);
	for (int i = 0; err == -EBUSY && i < CONTIG_LOST_RUNS; i++) {
		start = contig_find_next(&finder);
		if (start == CONTIG_NO_PFN)
			break;
		if (hunt->only_look)
			return contig_pretend(hunt, start, 0);
		err = contig_attempt(hunt, start, &ruled_out);
		if (hunt->report->blocking_pfn == CONTIG_NO_PFN)
			break;
	}
	return err;
}

/* What of the zone the wish may have; empty if that is too little. */
static void contig_clip(struct contig_hunt *hunt, unsigned long *start,
			unsigned long *end)
{
	struct zone *zone = hunt->mapper.zone;
	struct contig_wish page = hunt->wish;

	/* Nothing of any size begins below. */
	page.nr_pages = 1;
	page.end = min(zone_end_pfn(zone), page.end);
	*start = contig_first_fit(&page, zone->zone_start_pfn);
	*end = max(*start, page.end);
	if (*end - *start >= hunt->wish.nr_pages)
		return;
	hunt->longest = max(hunt->longest, *end - *start);
	*end = *start;
}

static struct contig_plan *contig_new_plan(struct contig_hunt *hunt,
					   unsigned long start,
					   unsigned long end)
{
	unsigned long cursor = READ_ONCE(*contig_cursor(hunt->mapper.zone));
	struct contig_plan *plan;

	hunt->mapper.nr_pages = hunt->wish.nr_pages;
	if (contig_fault(CONTIG_FAULT_PLAN))
		return NULL;
	plan = kvmalloc(contig_plan_size(&hunt->wish, start, end,
					 pageblock_nr_pages),
			(hunt->gfp & GFP_KERNEL) | __GFP_NOWARN);
	if (!plan)
		return NULL;
	contig_plan_init(plan, &hunt->wish, start, end, pageblock_nr_pages,
			 hunt->level, cursor);
	if (hunt->wish.nr_pages >= pageblock_nr_pages)
		plan->look_factor = CONTIG_LARGE_LOOK;
	return plan;
}

/* The cheapest candidate first. */
static int contig_follow(struct contig_hunt *hunt, struct contig_plan *plan)
{
	unsigned long ruled_out;
	int err;

	for (;;) {
		err = contig_plan_next(plan, contig_map, &hunt->mapper);
		if (err == -ENOENT)
			return -EBUSY;
		if (err == -ETIMEDOUT)
			return contig_too_late(hunt->report);
		if (err)
			return contig_because(hunt->report, err,
					      CONTIG_INTERRUPTED, CONTIG_NO_PFN);
		ruled_out = contig_last_in_row(plan->start, plan->start +
					       hunt->wish.nr_pages);
		if (ruled_out == CONTIG_NO_PFN) {
			if (hunt->only_look)
				return contig_pretend(hunt, plan->start, plan->cost);
			err = contig_attempt(hunt, plan->start, &ruled_out);
			if (err != -EBUSY)
				return err;
		}
		contig_plan_rule_out(plan, ruled_out);
	}
}

static int contig_search_planned(struct contig_hunt *hunt)
{
	struct contig_plan *plan;
	unsigned long start, end;
	int err;

	contig_clip(hunt, &start, &end);
	if (start == end)
		return -EBUSY;
	plan = contig_new_plan(hunt, start, end);
	if (!plan)
		return contig_because(hunt->report, -ENOMEM, CONTIG_NO_MEMORY,
				      CONTIG_NO_PFN);
	err = contig_follow(hunt, plan);
	if (!err && !hunt->only_look)
		WRITE_ONCE(*contig_cursor(hunt->mapper.zone), plan->start);
	if (hunt->level == CONTIG_LEVEL_MOVABLE)
		hunt->longest = max(hunt->longest, plan->longest);
	kvfree(plan);
	return err;
}

/* A near zone is searched to the end before one further away. */
static int contig_search_zones(struct contig_hunt *hunt, int nid,
			       nodemask_t *nodemask, enum contig_level first,
			       enum contig_level last)
{
	struct zonelist *zonelist = node_zonelist(nid, hunt->gfp);
	struct zoneref *z;
	int err = -EBUSY;

	for_each_zone_zonelist_nodemask(hunt->mapper.zone, z, zonelist,
					gfp_zone(hunt->gfp), nodemask) {
		for (hunt->level = first; hunt->level <= last; hunt->level++) {
			err = hunt->level == CONTIG_LEVEL_FREE ?
			      contig_search_free(hunt) :
			      contig_search_planned(hunt);
			if (err != -EBUSY)
				return err;
		}
	}
	return err;
}

/* For one size: whatever can be had without a wait. */
static int contig_search_size(struct contig_hunt *hunt, int nid,
			      nodemask_t *nodemask)
{
	enum contig_level last = gfpflags_allow_blocking(hunt->gfp) ?
				 CONTIG_LEVEL_MOVABLE : CONTIG_LEVEL_FREE;
	int err;

	if (gfpflags_allow_blocking(hunt->gfp) &&
	    contig_is_called_off(hunt->mapper.stop))
		return contig_because(hunt->report, -EINTR, CONTIG_INTERRUPTED,
				      CONTIG_NO_PFN);
	err = contig_ask_buddy(hunt, nid, nodemask);
	if (err == -EBUSY)
		err = contig_search_zones(hunt, nid, nodemask,
					  CONTIG_LEVEL_FREE, last);
	if (err == -EBUSY && hunt->mapper.saw_hugetlb)
		err = contig_search_zones(hunt, nid, nodemask,
					  CONTIG_LEVEL_HUGETLB,
					  CONTIG_LEVEL_HUGETLB);
	return err;
}

/* === Less than all === */

static bool contig_is_free_in(struct contig_hunt *hunt, struct zone *zone,
			      unsigned long nr_pages)
{
	struct contig_wish wish = hunt->wish;
	struct contig_finder finder;

	wish.nr_pages = nr_pages;
	if (!zone_watermark_ok(zone, 0, min_wmark_pages(zone) + nr_pages, 0, 0))
		return false;
	contig_find_begin(&finder, zone, &wish);
	return contig_find_next(&finder) != CONTIG_NO_PFN;
}

static bool contig_is_free_somewhere(struct contig_hunt *hunt, int nid,
				     nodemask_t *nodemask,
				     unsigned long nr_pages)
{
	struct zonelist *zonelist = node_zonelist(nid, hunt->gfp);
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist_nodemask(zone, z, zonelist, gfp_zone(hunt->gfp),
					nodemask)
		if (contig_is_free_in(hunt, zone, nr_pages))
			return true;
	return false;
}

/* The longest free run, of @from pages at least: halve the sizes in between. */
static unsigned long contig_longest_free(struct contig_hunt *hunt, int nid,
					 nodemask_t *nodemask,
					 unsigned long from, unsigned long below)
{
	unsigned long longest = 0;

	while (from < below) {
		unsigned long nr_pages = from + (below - from) / 2;

		if (contig_is_free_somewhere(hunt, nid, nodemask, nr_pages)) {
			longest = nr_pages;
			from = nr_pages + 1;
		} else {
			below = nr_pages;
		}
	}
	return longest;
}

/*
 * What to try next, or 0. If there were candidates and none could be had, the
 * longest range is likely to be the same again: then it has to be clearly less.
 */
static unsigned long contig_next_size(struct contig_hunt *hunt, int nid,
				      nodemask_t *nodemask)
{
	unsigned long least = hunt->min_pages;
	unsigned long below = hunt->wish.nr_pages;
	unsigned long longest = hunt->longest;

	hunt->longest = 0;
	if (!least)
		return 0;
	if (hunt->report->ranges_tried != hunt->tried)
		below -= below / 8;
	hunt->tried = hunt->report->ranges_tried;
	if (!gfpflags_allow_blocking(hunt->gfp))
		return contig_longest_free(hunt, nid, nodemask, least, below);
	longest = min(longest, below - 1);
	return longest >= least ? longest : 0;
}

/* The most that can be had without a wait. If that is nothing, the wish stays. */
static int contig_search_sizes(struct contig_hunt *hunt, int nid,
			       nodemask_t *nodemask)
{
	unsigned long wanted = hunt->wish.nr_pages, nr_pages = wanted;
	int err;

	do {
		hunt->wish.nr_pages = nr_pages;
		err = contig_search_size(hunt, nid, nodemask);
		if (err == -EBUSY)
			nr_pages = contig_next_size(hunt, nid, nodemask);
	} while (err == -EBUSY && nr_pages);
	if (err)
		hunt->wish.nr_pages = wanted;
	return err;
}

/**
 * contig_search() - find and take a range
 * @wish: what it has to fit, not impossible
 * @terms: as for contig_alloc_range_on(), and in its gfp which zones to look in
 * @nid: where to look first, NUMA_NO_NODE for nearby
 * @nodemask: where else to look, NULL for anywhere
 * @report: all zero; gets the outcome of the last attempt and sums over all
 * @page: set to the first page on success
 *
 * Context: As contig_alloc_range().
 * Return: 0; -ENOMEM with the reason NO_CANDIDATE if there was nothing to try;
 * otherwise the error of the last attempt: -EBUSY if each failed, -ENOMEM,
 * -EINTR or -ETIMEDOUT where going on would have been in vain.
 */
int contig_search(const struct contig_wish *wish, struct contig_terms *terms,
		  int nid, nodemask_t *nodemask, struct contig_report *report,
		  struct page **page)
{
	struct contig_hunt hunt = {
		.wish = *wish,
		.terms = terms,
		.min_pages = terms->min_pages,
		.gfp = terms->gfp,
		.mapper.stop = terms->stop,
		.mapper.deadline = terms->deadline,
		.report = report,
	};
	int err;

	if (nid == NUMA_NO_NODE)
		nid = numa_mem_id();
	terms->keep_lru = true;
	err = contig_search_sizes(&hunt, nid, nodemask);
	/* What is held may be let go of: of the size that was wanted most. */
	if (err == -EBUSY && hunt.mapper.saw_held && terms->patience)
		err = contig_search_zones(&hunt, nid, nodemask,
					  CONTIG_LEVEL_HELD, CONTIG_LEVEL_HELD);
	contig_return_lru(terms);
	if (err == -EBUSY && !report->ranges_tried)
		return contig_because(report, -ENOMEM, CONTIG_NO_CANDIDATE,
				      CONTIG_NO_PFN);
	*page = hunt.page;
	return err;
}

/**
 * contig_search_dry() - find a range that could be taken
 * @wish: what it has to fit, not impossible
 * @terms: what to be content with, and in its gfp which zones to look in
 * @nid: where to look first, NUMA_NO_NODE for nearby
 * @nodemask: where else to look, NULL for anywhere
 * @report: all zero; gets the number of pages that would move, or why there is none
 *
 * Context: Task context, may sleep.
 * Return: 0; -EBUSY if what fits is in use for now, with a page that is in the way;
 * -ENOMEM if nothing fits, or there is no memory for the plan; -EINTR on a fatal
 * signal.
 */
int contig_search_dry(const struct contig_wish *wish,
		      const struct contig_terms *terms, int nid,
		      nodemask_t *nodemask, struct contig_report *report)
{
	struct contig_hunt hunt = {
		.wish = *wish,
		.min_pages = terms->min_pages,
		.gfp = terms->gfp,
		.mapper.stop = terms->stop,
		.mapper.deadline = CONTIG_NEVER,
		.report = report,
		.only_look = true,
	};
	int err;

	might_sleep();
	if (nid == NUMA_NO_NODE)
		nid = numa_mem_id();
	err = contig_search_sizes(&hunt, nid, nodemask);
	/* Who may not sleep was told so far of what is free. */
	if (err == -EBUSY)
		err = contig_search_zones(&hunt, nid, nodemask,
					  gfpflags_allow_blocking(hunt.gfp) ?
					  CONTIG_LEVEL_HELD : CONTIG_LEVEL_MOVABLE,
					  CONTIG_LEVEL_STUCK);
	if (err == -EBUSY)
		return contig_because(report, -ENOMEM, CONTIG_NO_CANDIDATE,
				      CONTIG_NO_PFN);
	if (err == -EAGAIN)
		report->error = -EBUSY;
	return report->error;
}
