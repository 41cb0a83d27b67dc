// SPDX-License-Identifier: GPL-2.0
/*
 * Where to try.
 *
 * Zone by zone, in the order of the zonelist, any range that looks feasible is
 * tried: first those that are all free, then the few with the least to move, then
 * any. If no zone has one, those with hugetlb pages smaller than the request, and
 * last those with pages that somebody holds, which may be worth waiting for. A
 * page that rules a candidate out also rules out all others that contain it, so
 * the next one starts behind it.
 *
 * Reads struct pages racily and holds no lock; taking the range is what
 * decides.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "plan.h"

enum contig_pass {
	CONTIG_PASS_FREE,
	CONTIG_PASS_CHEAPEST,
	CONTIG_PASS_MOVABLE,
	CONTIG_PASS_HUGETLB,
	CONTIG_PASS_PATIENT
};

/* So many attempts may fail for want of memory before the search ends. */
#define CONTIG_SHORTAGES	3

/* Candidates that are remembered while the rest of the zone is looked at */
#define CONTIG_BEST		8

struct contig_candidate {
	unsigned long start;
	unsigned long in_use;
};

/**
 * struct contig_hunt - one search while it runs
 * @nr_pages: what is looked for
 * @wish: what it has to fit
 * @terms: of the caller; attempts wait for nothing before the last pass
 * @gfp: of the caller
 * @pass: what a candidate may contain
 * @in_use: pages seen in the candidate that would have to move
 * @best: the candidates with the fewest of those, cheapest first
 * @nr_best: how many
 * @saw_hugetlb: the pass for those may find more than the ones before
 * @saw_held: a page was in the way that may be let go of
 * @drained: the LRU batches were drained once for this search
 * @shortages: attempts that failed for want of memory to move pages to
 * @report: sums over all attempts, and the outcome of the last
 * @only_look: nothing is taken; the outcome is what an attempt would have moved
 * @page: what was found
 */
struct contig_hunt {
	unsigned long nr_pages;
	const struct contig_wish *wish;
	struct contig_terms *terms;
	gfp_t gfp;
	enum contig_pass pass;
	unsigned long in_use;
	struct contig_candidate best[CONTIG_BEST];
	unsigned int nr_best;
	bool saw_hugetlb;
	bool saw_held;
	bool drained;
	unsigned int shortages;
	struct contig_report *report;
	bool only_look;
	struct page *page;
};

/*
 * End of the free page that starts at @pfn, or @pfn if there is none. Heads are
 * all that matters: a free page that covers @pfn from further down would have
 * covered the page that ruled out the candidate before.
 */
static unsigned long contig_free_end(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	unsigned int order;

	if (!PageBuddy(page))
		return pfn;
	order = buddy_order_unsafe(page);
	return order <= MAX_PAGE_ORDER ? pfn + (1UL << order) : pfn;
}

/* A hugetlb page may have to make room for something larger than itself. */
static bool contig_hugetlb_stays(struct contig_hunt *hunt, struct page *page)
{
	unsigned int order = compound_order(compound_head(page));

	if (hunt->pass >= CONTIG_PASS_HUGETLB)
		return order > MAX_FOLIO_ORDER || hunt->nr_pages <= 1UL << order;
	hunt->saw_hugetlb = true;
	return true;
}

/*
 * Is a page that seems to be in the way worth an attempt? One that seems held
 * may be in an LRU batch: drain those once, then the look counts. In
 * ZONE_MOVABLE, where the kernel keeps none, a page of nobody is in a hurry.
 */
static bool contig_worth_trying(struct contig_hunt *hunt, struct page *page,
				struct contig_obstacle *obstacle)
{
	enum contig_stay stay = contig_kind_stays(obstacle->kind);
	unsigned long step;

	if (stay == CONTIG_FOR_GOOD)
		return false;
	if (stay == CONTIG_A_MOMENT)
		return is_zone_movable_page(page);
	if (!hunt->drained)
		lru_add_drain_all();
	hunt->drained = true;
	if (!contig_page_obstructs(page, &step, obstacle))
		return true;
	hunt->saw_held = true;
	return hunt->pass == CONTIG_PASS_PATIENT;
}

/* The next PFN worth a look, or @pfn itself if the page there is in the way. */
static unsigned long contig_step(struct contig_hunt *hunt, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct contig_obstacle obstacle;
	unsigned long step;

	if (hunt->pass == CONTIG_PASS_FREE)
		return contig_free_end(pfn);
	if (PageHuge(page) && contig_hugetlb_stays(hunt, page))
		return pfn;
	if (contig_page_obstructs(page, &step, &obstacle) &&
	    !contig_worth_trying(hunt, page, &obstacle))
		return pfn;
	if (!PageBuddy(page))
		hunt->in_use += step;
	return pfn + step;
}

/* Present, in this zone, and neither kept for CMA nor in somebody's hands? */
static bool contig_block_is_open(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	unsigned long last = pageblock_end_pfn(pfn) - 1;
	int mt;

	if (!page || page_zone(page) != zone ||
	    page_zone(pfn_to_page(last)) != zone)
		return false;
	mt = get_pfnblock_migratetype(page, pfn);
	return !is_migrate_isolate(mt) && !is_migrate_cma(mt);
}

/* The last PFN found that rules out [start, end), or CONTIG_NO_PFN. */
static unsigned long contig_rules_out(struct contig_hunt *hunt,
				      struct zone *zone, unsigned long start,
				      unsigned long end)
{
	unsigned long pfn = start, next_block = start, next;

	hunt->in_use = 0;
	for (; pfn < end; pfn = next) {
		if (pfn >= next_block) {
			next_block = pageblock_end_pfn(pfn);
			if (gfpflags_allow_blocking(hunt->gfp))
				cond_resched();
			if (!contig_block_is_open(zone, pfn))
				return next_block - 1;
		}
		next = contig_step(hunt, pfn);
		if (next == pfn)
			return pfn;
	}
	return CONTIG_NO_PFN;
}

/* What an attempt would do, if nothing changes. */
static int contig_pretend(struct contig_hunt *hunt, unsigned long start)
{
	contig_because(hunt->report, 0, CONTIG_NONE, CONTIG_NO_PFN);
	hunt->report->pages_moved = hunt->in_use;
	hunt->page = pfn_to_page(start);
	return 0;
}

/* 0 with the page, or the error; -EBUSY names the last PFN ruled out. */
static int contig_attempt(struct contig_hunt *hunt, unsigned long start,
			  unsigned long *ruled_out)
{
	unsigned long end = start + hunt->nr_pages;
	struct contig_report *sum = hunt->report;
	struct contig_terms terms = *hunt->terms;
	struct contig_report one;
	int err;

	if (hunt->only_look)
		return contig_pretend(hunt, start);
	terms.is_part = true;
	if (hunt->pass != CONTIG_PASS_PATIENT)
		terms.patience = 0;
	err = contig_alloc_range_on_noprof(start, end, ACR_FLAGS_NONE, &terms,
					   &one);
	if (hunt->pass == CONTIG_PASS_PATIENT)
		hunt->terms->patience = terms.patience;
	one.ranges_tried += sum->ranges_tried;
	one.pages_moved += sum->pages_moved;
	*sum = one;
	if (!err)
		hunt->page = pfn_to_page(start);
	if (one.reason == CONTIG_PINNED || one.reason == CONTIG_LOST_RACE)
		hunt->saw_held = true;
	*ruled_out = end - 1;
	if (one.blocking_pfn >= start && one.blocking_pfn < end)
		*ruled_out = one.blocking_pfn;
	/*
	 * Memory that went offline meanwhile is no fault of the caller's. And
	 * what is full here may be nearly empty elsewhere, but each attempt
	 * that ends so has moved many pages.
	 */
	if (err == -EINVAL ||
	    (err == -ENOMEM && hunt->shortages++ < CONTIG_SHORTAGES))
		return -EBUSY;
	return err;
}

/* Keep the candidate among the best, which are sorted, if it is one of them. */
static void contig_remember(struct contig_hunt *hunt, unsigned long start)
{
	unsigned int at = hunt->nr_best;

	while (at && hunt->best[at - 1].in_use > hunt->in_use) {
		if (at < CONTIG_BEST)
			hunt->best[at] = hunt->best[at - 1];
		at--;
	}
	if (at == CONTIG_BEST)
		return;
	hunt->best[at].start = start;
	hunt->best[at].in_use = hunt->in_use;
	if (hunt->nr_best < CONTIG_BEST)
		hunt->nr_best++;
}

/* A candidate that looks feasible is taken, or remembered for later. */
static int contig_consider(struct contig_hunt *hunt, unsigned long start,
			   unsigned long *ruled_out)
{
	if (hunt->pass != CONTIG_PASS_CHEAPEST)
		return contig_attempt(hunt, start, ruled_out);
	contig_remember(hunt, start);
	*ruled_out = start + hunt->nr_pages - 1;
	return -EBUSY;
}

static int contig_search_zone(struct contig_hunt *hunt, struct zone *zone)
{
	unsigned long pfn = contig_first_fit(hunt->wish, zone->zone_start_pfn);
	unsigned long zone_end = zone_end_pfn(zone);
	int err = -EBUSY;

	while (err == -EBUSY && pfn < zone_end &&
	       hunt->nr_pages <= zone_end - pfn) {
		unsigned long ruled_out;

		if (gfpflags_allow_blocking(hunt->gfp) &&
		    fatal_signal_pending(current))
			return contig_because(hunt->report, -EINTR,
					      CONTIG_INTERRUPTED, CONTIG_NO_PFN);
		ruled_out = contig_rules_out(hunt, zone, pfn,
					     pfn + hunt->nr_pages);
		if (ruled_out == CONTIG_NO_PFN)
			err = contig_consider(hunt, pfn, &ruled_out);
		/* Who cannot sleep looks at the start of each block only. */
		if (!gfpflags_allow_blocking(hunt->gfp))
			ruled_out = pageblock_end_pfn(ruled_out) - 1;
		pfn = contig_first_fit(hunt->wish, ruled_out + 1);
	}
	return err;
}

/* Looking at the whole zone first only pays if there may be much to move. */
static int contig_search_cheapest(struct contig_hunt *hunt, struct zone *zone)
{
	unsigned long ruled_out;
	int err;

	if (hunt->nr_pages < pageblock_nr_pages)
		return -EBUSY;
	hunt->nr_best = 0;
	err = contig_search_zone(hunt, zone);
	for (int i = 0; err == -EBUSY && i < hunt->nr_best; i++)
		err = contig_attempt(hunt, hunt->best[i].start, &ruled_out);
	return err;
}

/* A near zone is searched to the end before one further away. */
static int contig_search_zones(struct contig_hunt *hunt, int nid,
			       nodemask_t *nodemask, enum contig_pass first,
			       enum contig_pass last)
{
	struct zonelist *zonelist = node_zonelist(nid, hunt->gfp);
	struct zoneref *z;
	struct zone *zone;
	int err = -EBUSY;

	for_each_zone_zonelist_nodemask(zone, z, zonelist, gfp_zone(hunt->gfp),
					nodemask) {
		for (hunt->pass = first; hunt->pass <= last; hunt->pass++) {
			err = hunt->pass == CONTIG_PASS_CHEAPEST ?
			      contig_search_cheapest(hunt, zone) :
			      contig_search_zone(hunt, zone);
			if (err != -EBUSY)
				return err;
		}
	}
	return err;
}

/**
 * contig_search() - find and take a range
 * @wish: what it has to fit, not impossible
 * @terms: as for contig_alloc_range_on(), and in its gfp which zones to look in
 * @nid: where to look first, NUMA_NO_NODE for nearby
 * @nodemask: where else to look, NULL for anywhere
 * @only_look: take nothing; say in @report what would have been moved
 * @report: all zero; gets the outcome of the last attempt and sums over all
 * @page: set to the first page on success
 *
 * Context: As contig_alloc_range().
 * Return: 0; -ENOMEM with the reason NO_CANDIDATE if there was nothing to try;
 * otherwise the error of the last attempt: -EBUSY if each failed, -ENOMEM,
 * -EINTR or -ETIMEDOUT where going on would have been in vain.
 */
int contig_search(const struct contig_wish *wish, struct contig_terms *terms,
		  int nid, nodemask_t *nodemask, bool only_look,
		  struct contig_report *report, struct page **page)
{
	struct contig_hunt hunt = {
		.nr_pages = wish->nr_pages,
		.wish = wish,
		.terms = terms,
		.gfp = terms->gfp,
		.only_look = only_look,
		.report = report,
	};
	enum contig_pass last = gfpflags_allow_blocking(terms->gfp) ?
				CONTIG_PASS_MOVABLE : CONTIG_PASS_FREE;
	int err;

	if (nid == NUMA_NO_NODE)
		nid = numa_mem_id();
	err = contig_search_zones(&hunt, nid, nodemask, CONTIG_PASS_FREE, last);
	if (err == -EBUSY && hunt.saw_hugetlb)
		err = contig_search_zones(&hunt, nid, nodemask,
					  CONTIG_PASS_HUGETLB,
					  CONTIG_PASS_HUGETLB);
	if (err == -EBUSY && hunt.saw_held && terms->patience)
		err = contig_search_zones(&hunt, nid, nodemask,
					  CONTIG_PASS_PATIENT,
					  CONTIG_PASS_PATIENT);
	if (err == -EBUSY && !report->ranges_tried)
		return contig_because(report, -ENOMEM, CONTIG_NO_CANDIDATE,
				      CONTIG_NO_PFN);
	*page = hunt.page;
	return err;
}
