// SPDX-License-Identifier: GPL-2.0
/*
 * Take one exact range.
 *
 * The ladder: a request climbs only when the rung below was not enough, and
 * from then on works only on the blocks that are still not claimed. A range
 * that is all free is done after the first rung and has touched no other CPU.
 * A failure undoes the rungs in reverse, block by block.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

/*
 * How often the blocks are emptied and claimed again before a page that keeps
 * coming back ends the request.
 */
#define CONTIG_ROUNDS	3

/*
 * How many different pages may seem to be in the way one after the other, and
 * the time that each gets to be set up, torn down or put back by its owner.
 */
#define CONTIG_LOOKS		16
#define CONTIG_LOOK_USECS	100

/* Both bitmaps lie side by side, inside the request if they fit. */
static int contig_begin(struct contig_take *take)
{
	unsigned long first = pageblock_start_pfn(take->start);
	unsigned long longs;

	take->nr_blocks = (pageblock_align(take->end) - first) >> pageblock_order;
	longs = BITS_TO_LONGS(take->nr_blocks);
	take->claimed = take->inline_bits[0];
	if (take->nr_blocks > CONTIG_INLINE_BLOCKS)
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
	if (!take->pcp_suspected)
		return false;
	drain_all_pages(take->zone);
	contig_count(CONTIG_PCP_DRAINS, 1);
	return contig_claim(take);
}

/* Folios in an LRU batch cannot be moved; none enters one from here on. */
static void contig_disable_lru(struct contig_take *take)
{
	if (take->lru_disabled)
		return;
	lru_cache_disable();
	take->lru_disabled = true;
	contig_count(CONTIG_LRU_DRAINS, 1);
}

static void contig_enable_lru(struct contig_take *take)
{
	if (!take->lru_disabled)
		return;
	lru_cache_enable();
	take->lru_disabled = false;
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

/*
 * What is left can move, or the request ends here with nothing moved. Of pages
 * that may be in the way for a moment only, each gets a second look.
 *
 * A page that nobody has put anywhere yet may be another one each time that it
 * is seen, as long as others allocate from its block: then the look that counts
 * is the one after isolation.
 */
static int contig_look_before_moving(struct contig_take *take, bool isolated)
{
	struct contig_obstacle obstacle;
	unsigned long seen = CONTIG_NO_PFN;

	for (int looks = 0; looks < CONTIG_LOOKS; looks++) {
		if (contig_look(take, looks ? seen : take->start, &obstacle))
			return 0;
		if (!obstacle.transient || obstacle.pfn == seen)
			return contig_because(&take->report, -EBUSY,
					      obstacle.reason, obstacle.pfn);
		if (!isolated && obstacle.reason == CONTIG_UNMOVABLE)
			break;
		seen = obstacle.pfn;
		contig_disable_lru(take);
		contig_drain(take);
		fsleep(CONTIG_LOOK_USECS);
	}
	take->in_doubt = true;
	return isolated ? contig_because(&take->report, -EBUSY, obstacle.reason,
					 obstacle.pfn) : 0;
}

/*
 * Older requests for the same blocks go first. They may need what is claimed
 * here, and everybody the LRU batches: a wait keeps neither.
 */
static int contig_take_turn(struct contig_take *take)
{
	if (contig_reserve(&take->reservation, take->start, take->end))
		return 0;

	contig_unclaim(take);
	contig_enable_lru(take);
	if (contig_wait_for_turn(&take->reservation))
		return contig_because(&take->report, -EINTR,
				      CONTIG_INTERRUPTED, CONTIG_NO_PFN);
	return contig_claim(take) ? 0 : contig_look_before_moving(take, false);
}

/* A page that should have moved and did not; frozen ones are in other hands. */
static enum contig_reason contig_why_left(unsigned long pfn)
{
	struct page *page;

	if (pfn == CONTIG_NO_PFN)
		return CONTIG_LOST_RACE;
	page = pfn_to_page(pfn);
	if (PageHuge(page))
		return CONTIG_HUGETLB;
	return page_ref_count(compound_head(page)) ? CONTIG_PINNED :
						     CONTIG_LOST_RACE;
}

/* All rounds are over and somebody's page is still there. Whose, and why? */
static int contig_blame(struct contig_take *take)
{
	struct contig_obstacle obstacle;

	if (!contig_look(take, take->start, &obstacle))
		return contig_because(&take->report, -EBUSY, obstacle.reason,
				      obstacle.pfn);
	if (take->report.error == -EBUSY)
		return -EBUSY;
	return contig_because(&take->report, -EBUSY,
			      contig_why_left(take->suspect_pfn),
			      take->suspect_pfn);
}

/* What the first round leaves behind may be in the LRU batches of some CPU. */
static int contig_empty_and_claim(struct contig_take *take)
{
	int err;

	for (int round = 0; round < CONTIG_ROUNDS; round++) {
		if (round)
			contig_disable_lru(take);
		contig_because(&take->report, 0, CONTIG_NONE, CONTIG_NO_PFN);
		err = contig_evacuate(take);
		if (err && err != -EBUSY)
			return err;
		if (contig_claim(take) || contig_drain(take))
			return 0;
	}
	return contig_blame(take);
}

/* Rungs 3 to 5. The blocks come back from isolation whatever happens. */
static int contig_make_room(struct contig_take *take)
{
	int err;

	lru_add_drain();
	err = contig_isolate(take);
	if (!err && take->in_doubt)
		err = contig_look_before_moving(take, true);
	if (!err && !bitmap_full(take->claimed, take->nr_blocks))
		err = contig_empty_and_claim(take);
	contig_unisolate(take);
	return err;
}

static int contig_climb(struct contig_take *take)
{
	int err;

	if (contig_claim(take))
		return 0;
	if (!contig_may_sleep(take))
		return contig_because(&take->report, -EBUSY, CONTIG_WOULD_BLOCK,
				      take->suspect_pfn);
	if (contig_drain(take))
		return 0;
	err = contig_look_before_moving(take, false);
	if (err || bitmap_full(take->claimed, take->nr_blocks))
		return err;
	err = contig_take_turn(take);
	if (err || bitmap_full(take->claimed, take->nr_blocks))
		return err;
	/*
	 * Rung 6, waiting for references that go away by themselves, will have
	 * its place around this call: look at the blocking page again until the
	 * deadline, and make room once more, with what is claimed so far kept.
	 */
	return contig_make_room(take);
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
 * if there is nowhere to move pages to; -EINTR on a fatal signal.
 * @take->report says why and names the page.
 */
int contig_take(struct contig_take *take)
{
	int err;

	err = contig_begin(take);
	if (err)
		return err;

	err = contig_climb(take);
	if (err)
		contig_unclaim(take);
	contig_enable_lru(take);
	contig_unreserve(&take->reservation);
	contig_end(take);
	return err;
}
