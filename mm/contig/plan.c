// SPDX-License-Identifier: GPL-2.0
/*
 * The candidates of a map in order of cost.
 *
 * The map is cut into regions. Each has the best of the windows that start in it,
 * and a heap has them in order. When a page turns out to be in the way, only the
 * region whose window it spoils is looked at again, and that only when it is its
 * turn: its old cost can but rise.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "plan.h"

/* As many regions as keep both the heap and a second look at one cheap. */
#define CONTIG_REGIONS		256
#define CONTIG_MAX_REGIONS	65536
#define CONTIG_MIN_BLOCKS	8
#define CONTIG_MAX_BLOCKS	4096

static struct contig_wish contig_wish_within(const struct contig_wish *wish,
					     unsigned long start,
					     unsigned long end)
{
	struct contig_wish within = *wish;

	within.start = max(wish->start, start);
	within.end = min(wish->end, end);
	return within;
}

/* Pages of the map, counted from the start of the block that the wish begins in. */
static unsigned long contig_wish_span(const struct contig_wish *wish,
				      unsigned long block)
{
	return wish->end - ALIGN_DOWN(wish->start, block);
}

static unsigned long contig_region_pages(const struct contig_wish *wish,
					 unsigned long block)
{
	unsigned long span = contig_wish_span(wish, block);
	unsigned long least = wish->nr_pages > ULONG_MAX / 4 ?
			      ULONG_MAX : 4 * wish->nr_pages;
	unsigned long region = clamp(span / CONTIG_REGIONS,
				     CONTIG_MIN_BLOCKS * block,
				     CONTIG_MAX_BLOCKS * block);

	return max(max(region, least), span / CONTIG_MAX_REGIONS + 1);
}

static unsigned int contig_nr_regions(const struct contig_wish *wish,
				      unsigned long block)
{
	if (wish->start >= wish->end || !wish->nr_pages)
		return 0;
	return (contig_wish_span(wish, block) - 1) /
	       contig_region_pages(wish, block) + 1;
}

/**
 * contig_plan_size() - how much memory a plan needs
 * @wish: what is looked for; need not be possible, but its powers of two are some
 * @start: first PFN of the map
 * @end: one past the last
 * @block: pages that the map tells apart at most, a power of two
 *
 * Return: the size of the plan in bytes.
 */
size_t contig_plan_size(const struct contig_wish *wish, unsigned long start,
			unsigned long end, unsigned long block)
{
	struct contig_wish within = contig_wish_within(wish, start, end);
	struct contig_plan *plan = NULL;

	return struct_size(plan, regions, contig_nr_regions(&within, block));
}

/**
 * contig_plan_init() - begin to look for candidates
 * @plan: memory of contig_plan_size()
 * @wish: what a candidate has to be like
 * @start: first PFN of the map
 * @end: one past the last
 * @block: as for contig_plan_size()
 * @highest: no stretch above this level may be part of a candidate
 * @cursor: a PFN from which on to look first, a hint
 */
void contig_plan_init(struct contig_plan *plan, const struct contig_wish *wish,
		      unsigned long start, unsigned long end,
		      unsigned long block, enum contig_level highest,
		      unsigned long cursor)
{
	memset(plan, 0, offsetof(struct contig_plan, scan));
	plan->wish = contig_wish_within(wish, start, end);
	plan->highest = highest;
	plan->look_factor = CONTIG_LOOK_FACTOR;
	plan->start = CONTIG_NO_PFN;
	plan->longest_start = CONTIG_NO_PFN;
	plan->nr_regions = contig_nr_regions(&plan->wish, block);
	plan->nr_unseen = plan->nr_regions;
	if (!plan->nr_regions)
		return;
	plan->base = ALIGN_DOWN(plan->wish.start, block);
	plan->region_pages = contig_region_pages(&plan->wish, block);
	if (cursor >= plan->base && cursor < plan->wish.end)
		plan->next = (cursor - plan->base) / plan->region_pages;
	for (unsigned int i = 0; i < plan->nr_regions; i++)
		plan->regions[i] = (struct contig_region) {
			.start = CONTIG_NO_PFN,
			.ruled_out = CONTIG_NO_PFN,
		};
}

static struct contig_region *contig_plan_heap(struct contig_plan *plan,
					      unsigned int at)
{
	return plan->regions + plan->regions[at].heap;
}

/* Is the window of entry @a of the heap better than that of entry @b? */
static bool contig_plan_before(struct contig_plan *plan, unsigned int a,
			       unsigned int b)
{
	struct contig_region *one = contig_plan_heap(plan, a);
	struct contig_region *other = contig_plan_heap(plan, b);

	if (one->cost != other->cost)
		return one->cost < other->cost;
	return one->start < other->start;
}

static void contig_plan_swap(struct contig_plan *plan, unsigned int a,
			     unsigned int b)
{
	u32 region = plan->regions[a].heap;

	plan->regions[a].heap = plan->regions[b].heap;
	plan->regions[b].heap = region;
}

static void contig_plan_sink(struct contig_plan *plan)
{
	unsigned int at = 0, below;

	while ((below = 2 * at + 1) < plan->nr_heap) {
		if (below + 1 < plan->nr_heap &&
		    contig_plan_before(plan, below + 1, below))
			below++;
		if (!contig_plan_before(plan, below, at))
			break;
		contig_plan_swap(plan, below, at);
		at = below;
	}
}

static void contig_plan_rise(struct contig_plan *plan, unsigned int at)
{
	while (at && contig_plan_before(plan, at, (at - 1) / 2)) {
		contig_plan_swap(plan, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

/* What was found in a region that had no place in the heap so far. */
static void contig_plan_enter(struct contig_plan *plan, unsigned int region)
{
	plan->nr_unseen--;
	plan->next = region + 1 == plan->nr_regions ? 0 : region + 1;
	if (plan->regions[region].start == CONTIG_NO_PFN)
		return;
	plan->regions[plan->nr_heap].heap = region;
	contig_plan_rise(plan, plan->nr_heap++);
}

/* What was found in the region at the top of the heap. */
static void contig_plan_renew(struct contig_plan *plan)
{
	if (contig_plan_heap(plan, 0)->start == CONTIG_NO_PFN)
		plan->regions[0].heap = plan->regions[--plan->nr_heap].heap;
	contig_plan_sink(plan);
}

/* The place in the list of what is in the way where @pfn is or belongs. */
static unsigned int contig_plan_place(const struct contig_plan *plan,
				      unsigned long pfn)
{
	unsigned int at = plan->nr_ruled_out;

	while (at && plan->ruled_out[at - 1] >= pfn)
		at--;
	return at;
}

/* Returns whether it is new in the list, which has room. */
static bool contig_plan_remember(struct contig_plan *plan, unsigned long pfn)
{
	unsigned int at = contig_plan_place(plan, pfn);
	unsigned int behind = plan->nr_ruled_out - at;

	if (pfn == CONTIG_NO_PFN || (behind && plan->ruled_out[at] == pfn))
		return false;
	memmove(plan->ruled_out + at + 1, plan->ruled_out + at,
		behind * sizeof(*plan->ruled_out));
	plan->ruled_out[at] = pfn;
	plan->nr_ruled_out++;
	return true;
}

static void contig_plan_forget(struct contig_plan *plan, unsigned long pfn)
{
	unsigned int at = contig_plan_place(plan, pfn);

	plan->nr_ruled_out--;
	memmove(plan->ruled_out + at, plan->ruled_out + at + 1,
		(plan->nr_ruled_out - at) * sizeof(*plan->ruled_out));
}

/* Feed the region to the scan. */
static int contig_plan_scan(struct contig_plan *plan,
			    struct contig_region *region,
			    contig_survey_t survey, void *data)
{
	unsigned long from = plan->base +
			     (region - plan->regions) * plan->region_pages;
	unsigned long to = plan->wish.end - from > plan->region_pages ?
			   from + plan->region_pages : plan->wish.end;
	struct contig_scan *scan = &plan->scan;
	int err = 0;

	contig_scan_init(scan, &plan->wish, plan->highest,
			 max(from, region->floor), to);
	scan->in_order = region->in_order;
	contig_scan_rule_out(scan, plan->ruled_out, plan->nr_ruled_out);
	if (scan->begin < scan->stop)
		err = survey(scan, scan->begin, scan->stop, data);
	contig_scan_finish(scan);
	return err;
}

/* What the scan found in the region, and about the map. */
static void contig_plan_learn(struct contig_plan *plan,
			      struct contig_region *region)
{
	struct contig_scan *scan = &plan->scan;

	region->stale = false;
	region->start = scan->best;
	region->cost = scan->cost;
	plan->levels |= scan->levels;
	plan->coarse |= scan->grain > 0;
	plan->looked += scan->end - scan->begin - scan->holes;
	/* A region that has a window will have its say when it has none left. */
	if (scan->best == CONTIG_NO_PFN && scan->longest > plan->longest) {
		plan->longest = scan->longest;
		plan->longest_start = scan->longest_start;
	}
}

static int contig_plan_survey(struct contig_plan *plan,
			      struct contig_region *region,
			      contig_survey_t survey, void *data)
{
	bool extra = contig_plan_remember(plan, region->ruled_out);
	int err;

	err = contig_plan_scan(plan, region, survey, data);
	if (extra)
		contig_plan_forget(plan, region->ruled_out);
	if (err)
		return err;
	contig_plan_learn(plan, region);
	return 0;
}

/* Is what might be found worth the look? */
static bool contig_plan_looks_on(struct contig_plan *plan)
{
	u64 cost;

	if (!plan->nr_unseen || !plan->nr_heap)
		return plan->nr_unseen;
	cost = contig_cost_pages(contig_plan_heap(plan, 0)->cost);
	return plan->look_factor && plan->looked / plan->look_factor < cost;
}

/**
 * contig_plan_next() - the cheapest candidate that was not ruled out
 * @plan: of contig_plan_init(); @start and @cost of the candidate are set
 * @survey: feeds what lies in a part of the map to a scan
 * @data: for @survey
 *
 * The same as last time, if it was not ruled out with contig_plan_rule_out().
 *
 * Return: 0; -ENOENT if there is no candidate left, and @longest is set; or the
 * error of @survey, after which the call can be repeated.
 */
int contig_plan_next(struct contig_plan *plan, contig_survey_t survey,
		     void *data)
{
	struct contig_region *top;
	int err = 0;

	plan->start = CONTIG_NO_PFN;
	while (!err) {
		top = plan->nr_heap ? contig_plan_heap(plan, 0) : NULL;
		if (top && top->stale) {
			err = contig_plan_survey(plan, top, survey, data);
			if (!err)
				contig_plan_renew(plan);
		} else if (contig_plan_looks_on(plan)) {
			unsigned int next = plan->next;

			err = contig_plan_survey(plan, plan->regions + next,
						 survey, data);
			if (!err)
				contig_plan_enter(plan, next);
		} else {
			break;
		}
	}
	if (err || !top)
		return err ?: -ENOENT;
	plan->start = top->start;
	plan->cost = contig_cost_pages(top->cost);
	return 0;
}

/* One more page is in the way than there is room for in the plan. */
static void contig_region_rule_out(struct contig_region *region,
				   unsigned long pfn)
{
	if (region->in_order) {
		region->floor = pfn + 1;
	} else {
		region->in_order = true;
		region->ruled_out = pfn;
	}
}

/**
 * contig_plan_rule_out() - the candidate cannot be had
 * @plan: of contig_plan_next(), which found it
 * @pfn: the page in the way; any that is not in the candidate: only those windows
 *	are ruled out that contain its first page
 *
 * No candidate that contains the page will be found in the region again. When
 * there are too many such pages to remember, the region's windows are gone through
 * in order of address, and none is left out.
 */
void contig_plan_rule_out(struct contig_plan *plan, unsigned long pfn)
{
	unsigned long nr_pages = plan->wish.nr_pages;
	bool full = plan->nr_ruled_out == CONTIG_RULED_OUT;
	unsigned int first = 0, last;

	if (plan->start == CONTIG_NO_PFN)
		return;
	if (pfn < plan->start || pfn - plan->start >= nr_pages)
		pfn = plan->start;
	if (!full)
		contig_plan_remember(plan, pfn);
	if (pfn - plan->base >= nr_pages)
		first = (pfn - plan->base - nr_pages + 1) / plan->region_pages;
	last = (pfn - plan->base) / plan->region_pages;
	for (unsigned int i = first; i <= last; i++) {
		struct contig_region *region = plan->regions + i;

		/* One page is enough to spoil a window. */
		if (region->stale || region->start > pfn ||
		    pfn - region->start >= nr_pages)
			continue;
		region->stale = true;
		if (full)
			contig_region_rule_out(region, pfn);
	}
}
