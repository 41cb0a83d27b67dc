// SPDX-License-Identifier: GPL-2.0
/*
 * One exact range: state the terms, check the arguments, take it, report.
 *
 * Nothing here warns: a mistake of the caller's is an error with a reason.
 */
#include <kunit/static_stub.h>
#include <linux/instruction_pointer.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <trace/events/contig.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

/* === Terms === */

/* How long pages are waited for in all, by effort. */
#define CONTIG_SHORT_WAIT	(500 * NSEC_PER_USEC)
#define CONTIG_LONG_WAIT	(1 * NSEC_PER_SEC)

/* So many pages of a range may be seen while they are set up or torn down. */
#define CONTIG_MOMENTS		16

/**
 * contig_agree() - state the terms of a request
 * @terms: to be filled in; @caller and @is_part are left to the caller, and so is
 *	@stop if there is one
 * @gfp: what form the pages get, and from whom they may be taken
 * @effort: how much the request may cost; @gfp may ask for less
 * @timeout: with CONTIG_HARD, when it has to be over, from now on: %KTIME_MAX for
 *	never, 0 to bound the time that is spent waiting to a second instead
 *
 * Context: Any.
 */
void contig_agree(struct contig_terms *terms, gfp_t gfp,
		  enum contig_effort effort, ktime_t timeout)
{
	terms->gfp = gfp;
	terms->patience = 0;
	terms->deadline = CONTIG_NEVER;
	terms->min_pages = 0;
	terms->only_free = false;
	terms->drained = false;
	terms->keep_lru = false;
	terms->lru_disabled = false;
	terms->waited = 0;
	terms->stop = NULL;
	if (effort == CONTIG_NOWAIT)
		terms->gfp &= ~__GFP_DIRECT_RECLAIM;
	if (!gfpflags_allow_blocking(terms->gfp))
		return;
	if (effort == CONTIG_HARD)
		terms->patience = timeout ? CONTIG_NEVER : CONTIG_LONG_WAIT;
	else if (!(gfp & __GFP_NORETRY))
		terms->patience = CONTIG_SHORT_WAIT;
	if (effort == CONTIG_HARD && timeout && timeout != KTIME_MAX)
		terms->deadline = ktime_get_ns() + max(ktime_to_ns(timeout), 0);
}

/**
 * contig_effort_of() - the effort that allocation flags stand for
 * @gfp: the flags
 *
 * Context: Any.
 * Return: the effort; __GFP_NORETRY is NORMAL without its wait.
 */
enum contig_effort contig_effort_of(gfp_t gfp)
{
	if (!gfpflags_allow_blocking(gfp))
		return CONTIG_NOWAIT;
	return gfp & __GFP_RETRY_MAYFAIL ? CONTIG_HARD : CONTIG_NORMAL;
}

/**
 * contig_terms_of() - the terms that allocation flags stand for
 * @terms: to be filled in
 * @gfp: the flags
 * @caller: code address of the client
 *
 * Context: Any.
 */
void contig_terms_of(struct contig_terms *terms, gfp_t gfp,
		     unsigned long caller)
{
	contig_agree(terms, gfp, contig_effort_of(gfp), 0);
	terms->caller = caller;
	terms->is_part = false;
}

/* === Checking === */

/* Reclaim modifiers, and the actions that make sense for a range. */
#define CONTIG_RECLAIM_FLAGS	(__GFP_IO | __GFP_FS | __GFP_RECLAIM)
#define CONTIG_MOVE_FLAGS	(__GFP_RETRY_MAYFAIL | __GFP_NOWARN)
#define CONTIG_EFFORT_FLAGS	(__GFP_RETRY_MAYFAIL | __GFP_NORETRY)
#define CONTIG_PAGE_FLAGS	(__GFP_COMP | __GFP_ZERO | __GFP_ZEROTAGS | \
				 __GFP_SKIP_ZERO | __GFP_SKIP_KASAN)
/*
 * The range says where; hints about place and mobility are not looked at. Nor is
 * what GFP_ATOMIC adds to GFP_NOWAIT: reserves are of no use to an exact range.
 */
#define CONTIG_IGNORED_FLAGS	(GFP_ZONEMASK | __GFP_RECLAIMABLE | \
				 __GFP_WRITE | __GFP_HARDWALL | __GFP_HIGH | \
				 __GFP_THISNODE | __GFP_MOVABLE)

/**
 * contig_gfp_is_known() - do allocation flags make sense for a range?
 * @gfp: the flags
 *
 * Context: Any.
 * Return: false if there is one among them that could not be honoured.
 */
bool contig_gfp_is_known(gfp_t gfp)
{
	return (gfp & CONTIG_EFFORT_FLAGS) != CONTIG_EFFORT_FLAGS &&
	       !(gfp & ~(CONTIG_RECLAIM_FLAGS | CONTIG_MOVE_FLAGS |
			 CONTIG_EFFORT_FLAGS | CONTIG_PAGE_FLAGS |
			 CONTIG_IGNORED_FLAGS));
}

/* Whoever makes room always tries hard, as callers have come to expect. */
static gfp_t contig_move_gfp(gfp_t gfp)
{
	return (gfp & (CONTIG_RECLAIM_FLAGS | CONTIG_MOVE_FLAGS)) |
	       __GFP_MOVABLE | __GFP_RETRY_MAYFAIL;
}

/* The bitmaps are for contig_take() to clear, as far as it needs them. */
static void contig_ask(struct contig_take *take, unsigned long start,
		       unsigned long end, acr_flags_t flags,
		       const struct contig_terms *terms)
{
	memset(take, 0, offsetof(struct contig_take, inline_bits));
	take->start = start;
	take->end = end;
	take->flags = flags;
	take->gfp = current_gfp_context(terms->gfp);
	take->move_gfp = contig_move_gfp(take->gfp);
	take->patience = terms->patience;
	take->is_patient = terms->patience;
	take->deadline = terms->deadline;
	take->only_free = terms->only_free;
	take->drained = terms->drained;
	take->keep_lru = terms->keep_lru;
	take->lru_disabled = terms->lru_disabled;
	take->stop = terms->stop;
	take->moments = CONTIG_MOMENTS;
	take->nr_poisoned = contig_nr_poisoned();
	take->report.ranges_tried = 1;
}

/**
 * contig_size_is_sane() - could any machine hand out so many pages in this form?
 * @nr_pages: how many
 * @gfp: the flags that go with it
 *
 * Context: Any.
 * Return: whether to try at all.
 */
bool contig_size_is_sane(unsigned long nr_pages, gfp_t gfp)
{
	if (!nr_pages)
		return false;
	return !(gfp & __GFP_COMP) ||
	       (is_power_of_2(nr_pages) && ilog2(nr_pages) <= MAX_FOLIO_ORDER);
}

/**
 * contig_range_is_sane() - could any machine hand out this range in this form?
 * @start: first PFN
 * @end: one past the last
 * @gfp: the flags that go with it
 *
 * Context: Any.
 * Return: whether to try at all.
 */
bool contig_range_is_sane(unsigned long start, unsigned long end, gfp_t gfp)
{
	return start < end && contig_size_is_sane(end - start, gfp) &&
	       (!(gfp & __GFP_COMP) || IS_ALIGNED(start, end - start));
}

/*
 * What is in front of a zone, or behind it, up to the border of a section may have
 * struct pages that say they belong to it.
 */
static bool contig_is_present(struct zone *zone, struct page *page,
			      unsigned long pfn)
{
	return page && (page_zone(page) != zone || zone_spans_pfn(zone, pfn));
}

/**
 * contig_check_blocks() - is each block there, and in the zone of the first?
 * @take: the request, with its zone
 *
 * Memory that nothing of ours is in may go, or come back in another zone, while the
 * request sleeps.
 *
 * Context: Any but NMI.
 * Return: 0; -EINVAL with the report filled in.
 */
int contig_check_blocks(struct contig_take *take)
{
	unsigned long pfn = take->start;

	KUNIT_STATIC_STUB_REDIRECT(contig_check_blocks, take);
	guard(rcu)();

	take->departures = READ_ONCE(contig_departures);
	while (pfn < take->end) {
		struct page *page = contig_online_page(pfn);

		if (!contig_is_present(take->zone, page, pfn))
			return contig_because(&take->report, -EINVAL,
					      CONTIG_NOT_PRESENT, pfn);
		if (page_zone(page) != take->zone)
			return contig_because(&take->report, -EINVAL,
					      CONTIG_ZONE_BOUNDARY, pfn);
		/* Nodes may meet inside of a pageblock, holes between sections only. */
		pfn = min(pageblock_end_pfn(pfn), take->end);
		if (page_zone(pfn_to_page(pfn - 1)) != take->zone)
			return contig_because(&take->report, -EINVAL,
					      CONTIG_ZONE_BOUNDARY, pfn - 1);
	}
	return 0;
}

static int contig_check_place(struct contig_take *take)
{
	struct page *first;

	guard(rcu)();

	take->departures = READ_ONCE(contig_departures);
	first = contig_online_page(take->start);
	if (first)
		take->zone = page_zone(first);
	if (!contig_is_present(take->zone, first, take->start))
		return contig_because(&take->report, -EINVAL,
				      CONTIG_NOT_PRESENT, take->start);
	/* Memory that goes is marked before the zone hears of it. */
	if (!take->departures && take->end <= zone_end_pfn(take->zone) &&
	    take->zone->contiguous)
		return 0;
	return contig_check_blocks(take);
}

static int contig_check(struct contig_take *take)
{
	if (!contig_gfp_is_known(take->gfp) ||
	    !contig_range_is_sane(take->start, take->end, take->gfp))
		return contig_because(&take->report, -EINVAL,
				      CONTIG_BAD_REQUEST, CONTIG_NO_PFN);
	return contig_check_place(take);
}

/* === Handing out === */

static void contig_prepare_compound(struct contig_take *take)
{
	unsigned int order = ilog2(take->end - take->start);
	struct page *head = pfn_to_page(take->start);

	post_alloc_hook(head, order, take->gfp, ALLOC_DEFAULT);
	clear_page_pfmemalloc(head);
	if (order)
		prep_compound_page(head, order);
}

/* The hooks run over the largest aligned pieces, and over nothing else. */
static void contig_prepare_pages(struct contig_take *take)
{
	unsigned long pfn = take->start;

	while (pfn < take->end) {
		unsigned int order = contig_piece_order(pfn, take->end,
							MAX_PAGE_ORDER);
		struct page *page = pfn_to_page(pfn);

		post_alloc_hook(page, order, take->gfp, ALLOC_DEFAULT);
		if (order)
			__split_page(page, order);
		pfn += 1UL << order;
		if (contig_may_sleep(take))
			cond_resched();
	}
}

static void contig_hand_out(struct contig_take *take)
{
	if (take->gfp & __GFP_COMP)
		contig_prepare_compound(take);
	else
		contig_prepare_pages(take);
}

/* What another attempt has to know. */
static void contig_return_terms(const struct contig_take *take,
				struct contig_terms *terms)
{
	terms->patience = take->patience;
	terms->drained = take->drained;
	terms->lru_disabled = take->lru_disabled;
	terms->waited = take->waited;
}

static void contig_report_range(struct contig_take *take, int error)
{
	struct contig_report *report = &take->report;

	if (error) {
		trace_contig_fail(take->start, take->end, report);
		contig_count_reason(report->reason);
		return;
	}
	contig_because(report, 0, CONTIG_NONE, CONTIG_NO_PFN);
	report->nr_pages = take->end - take->start;
	trace_contig_finish(take->start, take->end, report);
	contig_count(CONTIG_SUCCESSES, 1);
}

/**
 * contig_alloc_range_on() - take an exact range of frozen pages, on given terms
 * @start: first PFN
 * @end: one past the last
 * @flags: ACR_FLAGS_CMA for the blocks of CMA areas, ACR_FLAGS_NONE for others
 * @terms: as from contig_agree(); for another attempt, returns what patience is left
 *	and what became of the LRU batches
 * @report: filled in, whatever happens
 *
 * Context: Task context if the gfp of @terms allows blocking, then it may sleep;
 * otherwise any but NMI, also under spinlocks that are not raw.
 * Return: 0; -EINVAL for arguments that cannot be met (BAD_REQUEST,
 * NOT_PRESENT, ZONE_BOUNDARY); otherwise as contig_take().
 */
int contig_alloc_range_on_noprof(unsigned long start, unsigned long end,
				 acr_flags_t flags, struct contig_terms *terms,
				 struct contig_report *report)
{
	struct contig_take take;
	u64 began = ktime_get_ns();
	int err;

	trace_contig_start(start, end, terms->gfp, flags & ACR_FLAGS_CMA);
	contig_count(CONTIG_REQUESTS, 1);
	contig_ask(&take, start, end, flags, terms);
	err = contig_check(&take) ?: contig_take(&take);
	if (!err)
		contig_hand_out(&take);
	take.report.elapsed = ktime_get_ns() - began;
	contig_report_range(&take, err);
	*report = take.report;
	contig_return_terms(&take, terms);
	if (!terms->is_part)
		contig_conclude(start, end - start, terms, report);
	return err;
}

/**
 * contig_alloc_range() - take an exact range of frozen pages, and say how
 * @start: first PFN
 * @end: one past the last
 * @flags: ACR_FLAGS_CMA for the blocks of CMA areas, ACR_FLAGS_NONE for others
 * @gfp: how hard to try, and what form the pages get
 * @report: filled in, whatever happens
 *
 * Context: As contig_alloc_range_on().
 * Return: As contig_alloc_range_on(), but never -ETIMEDOUT.
 */
int contig_alloc_range_noprof(unsigned long start, unsigned long end,
			      acr_flags_t flags, gfp_t gfp,
			      struct contig_report *report)
{
	struct contig_terms terms;

	contig_terms_of(&terms, gfp, _RET_IP_);
	return contig_alloc_range_on_noprof(start, end, flags, &terms, report);
}
