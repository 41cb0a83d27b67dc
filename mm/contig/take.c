// SPDX-License-Identifier: GPL-2.0
/*
 * Take one exact range. A range that is all free is done after the first rung of the
 * ladder and has touched no other CPU.
 */
#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"

/**
 * DOC: The ladder
 *
 * A request climbs only when the step before was not enough, and from then on
 * cares only for the blocks it is still missing.
 *
 * 1. *Claim*: under ``zone->lock``, one block at a time, take the free pages that
 *    cover it. What sticks out of the range goes back at once.
 * 2. *Drain* the per-CPU page lists, if a page that stopped the claim looks as if
 *    it were on one, and claim again.
 * 3. *Look* at what is left. A page that cannot move ends the request here, with
 *    nothing moved. One that something holds is waited for, with all that is claimed
 *    kept; before that the LRU batches are emptied, as they may be what holds it. One
 *    that is about to be set up or torn down gets a second look after step 5.
 * 4. *Wait* for older requests that evacuate the same pageblocks.
 * 5. *Isolate* the blocks that are still missing, and only those. One that somebody
 *    else isolated is waited for, with nothing claimed.
 * 6. *Evacuate* them: drop clean unmapped page cache, migrate the rest in batches
 *    of a pageblock, dissolve free hugetlb pages. Claim again. After three rounds
 *    the page that keeps coming back is waited for, then comes another round. If
 *    there is much to move, workers on idle CPUs take their share of the blocks.
 *
 * On failure all steps are undone in reverse. Folios that moved stay moved, and cache
 * that was dropped is gone. When a request is complete its pages go through
 * ``post_alloc_hook()``, the range and nothing but the range.
 */

/*
 * How often the blocks are emptied and claimed again before a page that keeps
 * coming back is waited for.
 */
#define CONTIG_ROUNDS		3

/*
 * Naps begin short, so that a short pin costs little more than itself, and grow
 * with the wait: the end of a pin is seen an eighth too late at the most. Between
 * two slices of a long wait the LRU batches are emptied, as they may be what holds
 * the page.
 */
#define CONTIG_FIRST_NAP	(20 * NSEC_PER_USEC)
#define CONTIG_LONGEST_NAP	(10 * NSEC_PER_MSEC)
#define CONTIG_SLICE		(100 * NSEC_PER_MSEC)

/*
 * So long a page gets to be set up or torn down, before it counts as in use. Who
 * comes back for one after a round has spent as much on it as on several.
 */
#define CONTIG_MOMENT		(100 * NSEC_PER_USEC)
#define CONTIG_ROUND_MOMENTS	4

/* No evacuation takes this long, so whoever has the blocks is stuck. */
#define CONTIG_LONGEST_TURN	(60ULL * NSEC_PER_SEC)

/* Both bitmaps lie side by side, inside the request if they fit. */
static int contig_begin(struct contig_take *take)
{
	unsigned long first = pageblock_start_pfn(take->start);
	unsigned long longs;

	take->nr_blocks = (pageblock_align(take->end) - first) >> pageblock_order;
	longs = BITS_TO_LONGS(take->nr_blocks);
	take->claimed = take->inline_bits[0];
	if (contig_fault(CONTIG_FAULT_RECORD))
		take->claimed = NULL;
	else if (take->nr_blocks > CONTIG_INLINE_BLOCKS)
		take->claimed = kcalloc(2 * longs, sizeof(long),
					take->gfp & (GFP_KERNEL | __GFP_NOWARN));
	if (!take->claimed)
		return contig_because(&take->report, -ENOMEM, CONTIG_NO_MEMORY,
				      CONTIG_NO_PFN);
	take->isolated = take->claimed + longs;
	if (take->claimed == take->inline_bits[0])
		memset(take->claimed, 0, 2 * longs * sizeof(long));
	return 0;
}

static void contig_end(struct contig_take *take)
{
	if (take->claimed != take->inline_bits[0])
		kfree(take->claimed);
}

/* Only a free page on a per-CPU list makes emptying those lists worth while. */
static bool contig_drain(struct contig_take *take)
{
	if (!take->pcp_suspected || contig_fault(CONTIG_FAULT_DRAIN))
		return false;
	drain_all_pages(take->zone);
	contig_count(CONTIG_PCP_DRAINS, 1);
	return contig_claim(take);
}

/*
 * The lists of this CPU can be emptied without sleep, but not by who has interrupts
 * or softirqs off: others hold the lists' lock with both on.
 */
static bool contig_drain_here(struct contig_take *take)
{
	if (!take->pcp_suspected || !in_task() || in_softirq() ||
	    irqs_disabled() || contig_fault(CONTIG_FAULT_DRAIN_HERE))
		return false;
	migrate_disable();
	drain_local_pages(take->zone);
	migrate_enable();
	contig_count(CONTIG_PCP_DRAINS, 1);
	return contig_claim(take);
}

static void contig_spend(struct contig_take *take, u64 nsecs)
{
	take->waited += nsecs;
	if (take->patience != CONTIG_NEVER)
		take->patience -= min(take->patience, nsecs);
}

/*
 * Folios in an LRU batch cannot be moved; none enters one from here on. All CPUs
 * are asked for it, which may take longer than many a pin: whoever wants it again
 * and again waits.
 */
static void contig_disable_lru(struct contig_take *take)
{
	u64 began = ktime_get_ns();

	if (take->lru_disabled || contig_fault(CONTIG_FAULT_LRU))
		return;
	lru_cache_disable();
	take->lru_disabled = true;
	contig_count(CONTIG_LRU_DRAINS, 1);
	if (take->drained)
		contig_spend(take, ktime_get_ns() - began);
	take->drained = true;
}

static void contig_enable_lru(struct contig_take *take)
{
	if (!take->lru_disabled)
		return;
	lru_cache_enable();
	take->lru_disabled = false;
}

/* Others have them while a page is waited for, unless it is for a moment only. */
static void contig_lend_lru(struct contig_take *take, enum contig_kind kind)
{
	if (contig_kind_stays(kind) != CONTIG_A_MOMENT)
		contig_enable_lru(take);
}

/* Look at what is not claimed, from @pfn on. */
static bool contig_look(struct contig_take *take, unsigned long pfn,
			struct contig_obstacle *obstacle)
{
	unsigned long from, to;

	for_each_clear_bitrange(from, to, take->claimed, take->nr_blocks) {
		unsigned long end = contig_block_end(take, to - 1);

		pfn = max(pfn, contig_block_start(take, from));
		if (pfn < end && !contig_survey(pfn, end, take->flags, obstacle))
			return false;
	}
	return true;
}

/* === Waiting === */

/* What the next attempt can claim or move, as far as can be told. */
static bool contig_kind_is_worth_it(enum contig_kind kind)
{
	return kind == CONTIG_KIND_NONE || kind == CONTIG_KIND_IN_TRANSIT ||
	       kind == CONTIG_KIND_ANON || kind == CONTIG_KIND_FILE ||
	       kind == CONTIG_KIND_MOVABLE_OPS;
}

static bool contig_still_there(struct contig_obstacle *obstacle)
{
	enum contig_kind kind;
	struct page *page;

	if (obstacle->pfn == CONTIG_NO_PFN)
		return false;
	guard(rcu)();

	page = contig_online_page(obstacle->pfn);
	if (!page)
		return false;
	if (obstacle->kind == CONTIG_KIND_ISOLATED)
		return is_migrate_isolate_page(page);
	kind = contig_page_kind(page);
	if (contig_kind_is_worth_it(kind))
		return false;
	if (kind != obstacle->kind)
		obstacle->reason = contig_kind_reason(kind);
	obstacle->kind = kind;
	return true;
}

static u64 contig_wait_limit(struct contig_take *take, enum contig_kind kind)
{
	u64 now = ktime_get_ns(), left = 0;

	if (take->deadline > now)
		left = take->deadline - now;
	switch (contig_kind_stays(kind)) {
	case CONTIG_A_WHILE:
		return min3(take->patience, left, CONTIG_SLICE);
	case CONTIG_A_MOMENT:
		return take->moments ? min(left, CONTIG_MOMENT) : 0;
	default:
		return 0;
	}
}

static void contig_nap(u64 nsecs)
{
	ktime_t expires = ns_to_ktime(nsecs);

	if (contig_fault(CONTIG_FAULT_NAP))
		return;
	__set_current_state(TASK_KILLABLE);
	schedule_hrtimeout_range(&expires, nsecs / 8, HRTIMER_MODE_REL);
}

/* Nothing is left to wait for, or nobody to wait for it. */
static int contig_give_up(struct contig_take *take,
			  struct contig_obstacle *obstacle)
{
	if (contig_is_called_off(take->stop))
		return contig_because(&take->report, -EINTR,
				      CONTIG_INTERRUPTED, CONTIG_NO_PFN);
	if (!contig_is_late(take) ||
	    contig_kind_stays(obstacle->kind) == CONTIG_FOR_GOOD)
		return contig_because_of(&take->report, -EBUSY, obstacle);
	obstacle->reason = CONTIG_TIMED_OUT;
	return contig_because_of(&take->report, -ETIMEDOUT, obstacle);
}

/*
 * Wait until the page does not look held any more, for a slice at the most. Only
 * this page is looked at, what is claimed stays claimed, and others have their
 * LRU batches meanwhile.
 *
 * Returns 0 if it is worth a new attempt, 1 after a slice or if it is another kind
 * of page since, or the error.
 */
static int contig_wait_for_page(struct contig_take *take,
				struct contig_obstacle *obstacle)
{
	u64 limit = contig_wait_limit(take, obstacle->kind);
	enum contig_kind kind = obstacle->kind;
	u64 began = ktime_get_ns(), waited = 0;

	if (contig_kind_stays(kind) == CONTIG_FOR_GOOD)
		return contig_give_up(take, obstacle);
	while (contig_still_there(obstacle) && waited < limit &&
	       !contig_is_called_off(take->stop)) {
		contig_lend_lru(take, obstacle->kind);
		contig_nap(min3(max(waited / 8, CONTIG_FIRST_NAP),
				CONTIG_LONGEST_NAP, limit - waited));
		waited = ktime_get_ns() - began;
	}
	if (contig_kind_stays(kind) == CONTIG_A_MOMENT)
		take->moments -= !!take->moments;
	else
		contig_spend(take, waited);
	if (waited && contig_check_blocks(take))
		return take->report.error;
	if (!contig_still_there(obstacle))
		return 0;
	if (waited < CONTIG_SLICE && (!waited || obstacle->kind == kind))
		return contig_give_up(take, obstacle);
	return 1;
}

/* After a round: each one costs patience, so that they come to an end. */
static int contig_wait_for_rest(struct contig_take *take,
				struct contig_obstacle *obstacle)
{
	u64 limit = contig_wait_limit(take, obstacle->kind);
	u64 nap = clamp(take->waited / 8, CONTIG_FIRST_NAP, CONTIG_LONGEST_NAP);
	int err;

	if (!limit || contig_is_called_off(take->stop))
		return contig_give_up(take, obstacle);
	contig_lend_lru(take, obstacle->kind);
	contig_nap(min(limit, nap));
	if (contig_kind_stays(obstacle->kind) == CONTIG_A_MOMENT)
		take->moments /= CONTIG_ROUND_MOMENTS;
	contig_spend(take, min(limit, nap));
	if (contig_check_blocks(take))
		return take->report.error;
	err = contig_wait_for_page(take, obstacle);
	return min(err, 0);
}

/* === Looking === */

/*
 * Only folios that an LRU batch may hold are worth emptying them for. Who goes on to
 * another range rather than wait, does it once.
 */
static void contig_empty_batches(struct contig_take *take,
				 enum contig_kind kind)
{
	if ((take->drained && !take->patience) ||
	    kind == CONTIG_KIND_DMA_PINNED || kind == CONTIG_KIND_ISOLATED ||
	    contig_kind_stays(kind) == CONTIG_FOR_GOOD)
		return;
	contig_disable_lru(take);
	contig_drain(take);
}

/*
 * What is left can move, or will soon, or the request ends here with nothing
 * moved. The look goes on behind each page that was waited for.
 *
 * A page that nobody has put anywhere yet may be another one each time that it
 * is seen, as long as others allocate from its block: then the look that counts
 * is the one after isolation.
 */
static int contig_look_before_moving(struct contig_take *take, bool isolated)
{
	struct contig_obstacle obstacle;
	unsigned long pfn = take->start;
	int err;

	while (!contig_look(take, pfn, &obstacle)) {
		if (!isolated && obstacle.kind == CONTIG_KIND_KERNEL) {
			take->in_doubt = true;
			break;
		}
		contig_empty_batches(take, obstacle.kind);
		err = contig_wait_for_page(take, &obstacle);
		if (err < 0)
			return err;
		pfn = obstacle.pfn + !err;
	}
	return 0;
}

static int contig_lost_turn(struct contig_take *take, int err)
{
	if (err == -EINTR)
		return contig_because(&take->report, err, CONTIG_INTERRUPTED,
				      CONTIG_NO_PFN);
	if (contig_is_late(take))
		return contig_because(&take->report, err, CONTIG_TIMED_OUT,
				      CONTIG_NO_PFN);
	/* All of the range is contested; whoever tries another starts behind it. */
	return contig_because(&take->report, -EBUSY, CONTIG_LOST_RACE,
			      take->end - 1);
}

/* Who has no patience at all does not stand in line either. */
static u64 contig_turn_limit(struct contig_take *take)
{
	u64 now = ktime_get_ns();

	if (!take->is_patient)
		return 0;
	if (take->deadline == CONTIG_NEVER)
		return CONTIG_LONGEST_TURN;
	return take->deadline > now ? take->deadline - now : 0;
}

/*
 * Older requests for the same blocks go first. They may need what is claimed
 * here, and everybody the LRU batches: a wait keeps neither.
 */
static int contig_take_turn(struct contig_take *take)
{
	int err;

	if (contig_reserve(&take->reservation, take->start, take->end) &&
	    !contig_fault(CONTIG_FAULT_TURN))
		return 0;

	contig_unclaim(take);
	contig_enable_lru(take);
	err = contig_wait_for_turn(&take->reservation, take->stop,
				   contig_turn_limit(take));
	if (err)
		return contig_lost_turn(take, err);
	if (contig_check_blocks(take))
		return take->report.error;
	return contig_claim(take) ? 0 : contig_look_before_moving(take, false);
}

/* Of a page that should have moved and did not, why, as far as can be told. */
static void contig_blame_left(struct contig_take *take,
			      struct contig_obstacle *obstacle)
{
	struct contig_report *report = &take->report;

	obstacle->pfn = report->error ? report->blocking_pfn : take->suspect_pfn;
	obstacle->kind = report->error ? report->kind : CONTIG_KIND_NONE;
	if (obstacle->pfn == CONTIG_NO_PFN)
		obstacle->kind = CONTIG_KIND_IN_TRANSIT;
	if (obstacle->kind == CONTIG_KIND_NONE)
		obstacle->kind = contig_page_kind(pfn_to_page(obstacle->pfn));
	obstacle->reason = contig_kind_reason(obstacle->kind);
	if (report->error)
		obstacle->reason = report->reason;
	else if (obstacle->pfn != CONTIG_NO_PFN &&
		 PageHuge(pfn_to_page(obstacle->pfn)))
		obstacle->reason = CONTIG_HUGETLB;
}

/* All rounds are over and somebody's page is still there. Whose, and why? */
static void contig_blame(struct contig_take *take,
			 struct contig_obstacle *obstacle)
{
	if (contig_look(take, take->start, obstacle))
		contig_blame_left(take, obstacle);
}

/*
 * What the first round leaves behind may be in the LRU batches of some CPU. Rung
 * 6 is reached when even then something is left.
 */
static int contig_empty_and_claim(struct contig_take *take)
{
	struct contig_obstacle obstacle;
	int err;

	for (int round = 1; ; round++) {
		contig_because(&take->report, 0, CONTIG_NONE, CONTIG_NO_PFN);
		err = contig_evacuate(take);
		if (err && err != -EBUSY)
			return err;
		if (contig_claim(take) || contig_drain(take))
			return 0;
		if (round >= CONTIG_ROUNDS) {
			contig_blame(take, &obstacle);
			err = contig_wait_for_rest(take, &obstacle);
			if (err)
				return err;
		}
		contig_disable_lru(take);
	}
}

/*
 * Blocks that somebody else isolated may come back. Whoever takes memory away waits
 * for what is claimed.
 */
static int contig_isolate_all(struct contig_take *take)
{
	struct contig_obstacle obstacle = { .kind = CONTIG_KIND_ISOLATED };
	int err;

	for (;;) {
		err = contig_isolate(take);
		if (!err || take->report.reason != CONTIG_LOST_RACE)
			return err;
		obstacle.pfn = take->report.blocking_pfn;
		obstacle.reason = CONTIG_LOST_RACE;
		contig_unclaim(take);
		err = contig_wait_for_rest(take, &obstacle);
		if (err)
			return err;
		take->in_doubt = !contig_claim(take);
	}
}

/* Rungs 3 to 6. The blocks come back from isolation whatever happens. */
static int contig_make_room(struct contig_take *take)
{
	int err;

	lru_add_drain();
	err = contig_isolate_all(take);
	if (!err && take->in_doubt)
		err = contig_look_before_moving(take, true);
	if (!err && !bitmap_full(take->claimed, take->nr_blocks))
		err = contig_empty_and_claim(take);
	contig_step(CONTIG_STEP_UNISOLATE);
	contig_unisolate(take);
	return err;
}

/* To claim a single block costs no more than to ask this. */
static bool contig_is_hopeless(struct contig_take *take,
			       struct contig_obstacle *obstacle)
{
	return contig_may_sleep(take) && take->nr_blocks > 1 &&
	       contig_known_obstructs(take->start, take->end, obstacle);
}

static int contig_climb(struct contig_take *take)
{
	struct contig_obstacle obstacle;
	int err;

	if (contig_is_hopeless(take, &obstacle))
		return contig_because_of(&take->report, -EBUSY, &obstacle);
	if (contig_claim(take))
		return 0;
	if (!contig_may_sleep(take) && contig_drain_here(take))
		return 0;
	if (!contig_may_sleep(take))
		return contig_because(&take->report, -EBUSY, CONTIG_WOULD_BLOCK,
				      take->suspect_pfn);
	if (take->only_free)
		return contig_because(&take->report, -EBUSY, CONTIG_LOST_RACE,
				      take->suspect_pfn);
	if (contig_drain(take))
		return 0;
	err = contig_look_before_moving(take, false);
	if (err || bitmap_full(take->claimed, take->nr_blocks))
		return err;
	err = contig_take_turn(take);
	if (err || bitmap_full(take->claimed, take->nr_blocks))
		return err;
	return contig_make_room(take);
}

/* Where a page is named that nobody looked at closely yet, look at it now. */
static void contig_name_kind(struct contig_report *report)
{
	struct page *page;

	if (report->kind != CONTIG_KIND_NONE ||
	    report->blocking_pfn == CONTIG_NO_PFN)
		return;
	guard(rcu)();

	page = contig_online_page(report->blocking_pfn);
	if (page)
		report->kind = contig_page_kind(page);
}

/**
 * contig_take() - take one exact range out of everybody else's hands
 * @take: the request, with its input fields set and all others but the bitmaps zero
 *
 * On success the pages are claimed: frozen, on no list, and in the state of
 * free pages; the caller prepares them for use. On failure the machine is as
 * it was before, but for folios that moved, clean cache that was dropped, free
 * hugetlb pages that were replaced and per-CPU lists that were emptied.
 *
 * Context: Task context if @take->gfp allows blocking, then it may sleep;
 * otherwise any but NMI, also under spinlocks that are not raw.
 * Return: 0; -EBUSY if a page is in the way or the work would sleep; -ENOMEM
 * if there is nowhere to move pages to; -EINTR on a fatal signal or if it was
 * called off; -ETIMEDOUT if there is a deadline and it passed.
 * @take->report says why and names the page.
 */
int contig_take(struct contig_take *take)
{
	int err;

	err = contig_begin(take);
	if (err)
		return err;

	err = contig_climb(take) ?: contig_check_sound(take);
	if (err) {
		contig_name_kind(&take->report);
		contig_step(CONTIG_STEP_UNDO);
		contig_unclaim(take);
	}
	if (!take->keep_lru)
		contig_enable_lru(take);
	contig_unreserve(&take->reservation);
	contig_end(take);
	return err;
}

/**
 * contig_return_lru() - the last attempt of a request is over
 * @terms: of the request; its @keep_lru was set before the first
 *
 * Context: Any, if no attempt was allowed to sleep; otherwise task context.
 */
void contig_return_lru(struct contig_terms *terms)
{
	if (terms->lru_disabled)
		lru_cache_enable();
	terms->lru_disabled = false;
}
