// SPDX-License-Identifier: GPL-2.0
/*
 * Isolate blocks, move folios out, undo.
 *
 * Only blocks that are still not claimed are isolated and emptied. Isolation
 * puts their free pages, and those that become free meanwhile, on lists that
 * nobody allocates from; the claim that follows takes them from there.
 *
 * A folio that sticks out of the range moves as a whole. Other pages of the
 * block outside of the range stay where they are, movable or not.
 */
#include <kunit/static_stub.h>
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/compaction.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"

/* How often a batch is handed to migrate_pages() before its rest stays. */
#define CONTIG_MIGRATE_TRIES	5

/* The most that is off the LRU at a time: more would hold up reclaim. */
#define CONTIG_BATCH_PAGES	512

/* Targets for so many single pages are allocated together. */
#define CONTIG_STOCK_PAGES	32U

/* So many idle CPUs help at most. */
#define CONTIG_HELPERS		3U

static int contig_isolate_block(struct contig_take *take, unsigned long block)
{
	unsigned long start = contig_block_start(take, block);
	struct page *page = pfn_to_page(pageblock_start_pfn(start));
	int mt;

	scoped_guard(rcu)
		if (contig_is_there(take, start) && PageUnaccepted(page))
			accept_page(page);

	if (contig_fault(CONTIG_FAULT_ISOLATE))
		return contig_because(&take->report, -EBUSY, CONTIG_LOST_RACE,
				      start);
	if (contig_fault(CONTIG_FAULT_ISOLATE_ZONE))
		return contig_because(&take->report, -EBUSY,
				      CONTIG_ZONE_BOUNDARY, start);

	guard(spinlock_irqsave)(&take->zone->lock);

	if (!contig_is_there(take, start))
		return contig_because(&take->report, -EINVAL,
				      CONTIG_NOT_PRESENT, start);
	mt = get_pfnblock_migratetype(page, start);
	if (is_migrate_isolate(mt))
		return contig_because(&take->report, -EBUSY, CONTIG_LOST_RACE,
				      start);
	/* It may have been isolated when it was looked at. */
	if (is_migrate_cma(mt) != !!(take->flags & ACR_FLAGS_CMA))
		return contig_busy(take, start, CONTIG_KIND_OTHER_BLOCK);
	if (!pageblock_isolate_and_move_free_pages(take->zone, page))
		return contig_because(&take->report, -EBUSY,
				      CONTIG_ZONE_BOUNDARY, start);
	take->zone->nr_isolate_pageblock++;
	__set_bit(block, take->isolated);
	return 0;
}

/**
 * contig_isolate() - keep others from allocating in the blocks not yet claimed
 * @take: the request; holds the reservation for these blocks
 *
 * Context: Task context, may sleep.
 * Return: 0; -EBUSY if somebody else isolated one of them (LOST_RACE), one is not
 * wholly inside the zone (ZONE_BOUNDARY) or is CMA's and not asked for as such, or
 * the other way round (UNMOVABLE); -EINVAL if one has gone offline (NOT_PRESENT);
 * with the report filled in.
 * Blocks isolated so far stay so until contig_unisolate(), and are left out by
 * another call.
 */
int contig_isolate(struct contig_take *take)
{
	unsigned long block;

	for_each_clear_bit(block, take->claimed, take->nr_blocks) {
		int err;

		if (test_bit(block, take->isolated))
			continue;
		err = contig_isolate_block(take, block);
		if (err)
			return err;
		contig_count(CONTIG_ISOLATIONS, 1);
		cond_resched();
	}
	return 0;
}

/**
 * contig_unisolate() - undo contig_isolate()
 * @take: the request
 *
 * Free pages left in the blocks become available to everyone again; pages
 * that are claimed stay claimed.
 *
 * Context: Task context, may sleep.
 */
void contig_unisolate(struct contig_take *take)
{
	unsigned long block;

	for_each_set_bit(block, take->isolated, take->nr_blocks) {
		undo_isolate_page_range(contig_block_start(take, block),
					contig_block_end(take, block));
		__clear_bit(block, take->isolated);
		cond_resched();
	}
}

/* === Who moves === */

/**
 * struct contig_crew - all who empty the blocks of one request
 * @take: the request; nothing of it changes meanwhile
 * @next: number of the block that is looked at next
 * @stop: one of them had an error, or the caller a fatal signal, no time left or
 *	no wish
 * @lock: guards @report
 * @report: the first error, and all pages moved
 */
struct contig_crew {
	struct contig_take *take;
	atomic_long_t next;
	bool stop;
	spinlock_t lock;	/* see above; nothing is taken inside it */
	struct contig_report report;
};

/**
 * struct contig_mover - one of a crew
 * @work: runs it, unless it is the caller itself
 * @crew: whose
 * @take: the request
 * @report: how it went for this one
 */
struct contig_mover {
	struct work_struct work;
	struct contig_crew *crew;
	struct contig_take *take;
	struct contig_report report;
};

/* Only the caller gets signals; for the others there is the word of the crew. */
static bool contig_must_stop(struct contig_mover *mover)
{
	if (contig_is_called_off(mover->take->stop) ||
	    contig_is_late(mover->take))
		WRITE_ONCE(mover->crew->stop, true);
	return READ_ONCE(mover->crew->stop);
}

/* === One block === */

/* Why somebody stopped who had no error. */
static int contig_stopped(struct contig_take *take,
			  struct contig_report *report)
{
	if (contig_is_late(take))
		return contig_because(report, -ETIMEDOUT, CONTIG_TIMED_OUT,
				      CONTIG_NO_PFN);
	return contig_because(report, -EINTR, CONTIG_INTERRUPTED,
			      CONTIG_NO_PFN);
}

/* Some folios of a batch would not move: name one and put all back. */
static int contig_put_batch(struct contig_mover *mover,
			    struct compact_control *cc, int error)
{
	unsigned long pfn = folio_pfn(list_first_entry(&cc->migratepages,
						       struct folio, lru));

	putback_movable_pages(&cc->migratepages);
	if (contig_must_stop(mover))
		return contig_stopped(mover->take, &mover->report);
	if (error == -ENOMEM)
		return contig_because(&mover->report, error, CONTIG_NO_MEMORY,
				      pfn);
	return contig_because(&mover->report, -EBUSY, CONTIG_PINNED, pfn);
}

/**
 * struct contig_targets - where the folios of one batch move to
 * @mover: who moves them
 * @control: for alloc_migration_target()
 * @wanted: folios of the batch that have no target yet
 * @nr_pages: how many pages are in stock
 * @pages: single pages, allocated together
 */
struct contig_targets {
	struct contig_mover *mover;
	struct migration_target_control control;
	unsigned int wanted;
	unsigned int nr_pages;
	struct page *pages[CONTIG_STOCK_PAGES];
};

/* Single pages come many at a time, from where alloc_migration_target() would. */
static void contig_stock_up(struct contig_targets *targets, struct folio *src)
{
	gfp_t gfp = targets->control.gfp_mask;
	unsigned int nr = clamp(targets->wanted, 1, CONTIG_STOCK_PAGES);

	if (is_highmem_idx(folio_zonenum(src)) ||
	    folio_zonenum(src) == ZONE_MOVABLE)
		gfp |= __GFP_HIGHMEM;
	memset(targets->pages, 0, nr * sizeof(targets->pages[0]));
	if (contig_fault(CONTIG_FAULT_STOCK))
		return;
	targets->nr_pages = alloc_pages_bulk_node(gfp, targets->control.nid, nr,
						  targets->pages);
}

static void contig_return_stock(struct contig_targets *targets)
{
	while (targets->nr_pages)
		__free_page(targets->pages[--targets->nr_pages]);
}

/**
 * contig_target() - where a folio moves to
 * @src: the folio
 * @private: a struct contig_targets
 *
 * Where memory is scarce each may take its time, so the deadline is looked at here.
 *
 * Context: Task context, may sleep.
 * Return: a folio, or NULL if there is no memory or no time.
 */
struct folio *contig_target(struct folio *src, unsigned long private)
{
	struct contig_targets *targets = (struct contig_targets *)private;

	if (contig_must_stop(targets->mover))
		return NULL;
	KUNIT_STATIC_STUB_REDIRECT(contig_target, src, private);

	if (!folio_test_large(src) && !targets->nr_pages)
		contig_stock_up(targets, src);
	if (targets->wanted)
		targets->wanted--;
	if (contig_fault(CONTIG_FAULT_TARGET))
		return NULL;
	if (folio_test_large(src) || !targets->nr_pages)
		return alloc_migration_target(src,
					      (unsigned long)&targets->control);
	return page_folio(targets->pages[--targets->nr_pages]);
}

/* As migrate_pages(): 0, how many folios did not move, or an error. */
static int contig_migrate(struct contig_mover *mover,
			  struct compact_control *cc,
			  struct contig_targets *targets)
{
	unsigned int moved;
	int err;

	if (contig_fault(CONTIG_FAULT_MIGRATE))
		return -ENOMEM;
	if (contig_fault(CONTIG_FAULT_MIGRATE_AGAIN))
		return cc->nr_migratepages;
	err = migrate_pages(&cc->migratepages, contig_target, NULL,
			    (unsigned long)targets, cc->mode, MR_CONTIG_RANGE,
			    &moved);
	mover->report.pages_moved += moved;
	contig_count(CONTIG_PAGES_MOVED, moved);
	return err;
}

/* Drop what is clean and unmapped, move the rest. */
static int contig_move_batch(struct contig_mover *mover,
			     struct compact_control *cc)
{
	struct contig_targets targets = {
		.mover = mover,
		.control.nid = zone_to_nid(cc->zone),
		.control.gfp_mask = cc->gfp_mask,
		.control.reason = MR_CONTIG_RANGE,
		.wanted = cc->nr_migratepages,
	};
	unsigned int tries = 0;
	int err = 0;

	contig_count(CONTIG_PAGES_DROPPED,
		     reclaim_clean_pages_from_list(cc->zone,
						   &cc->migratepages));
	while (!list_empty(&cc->migratepages) && err != -ENOMEM &&
	       tries++ < CONTIG_MIGRATE_TRIES && !contig_must_stop(mover))
		err = contig_migrate(mover, cc, &targets);
	contig_return_stock(&targets);
	cc->nr_migratepages = 0;
	if (list_empty(&cc->migratepages))
		return 0;
	return contig_put_batch(mover, cc, err);
}

/* Where to begin so that a folio that starts below @pfn is moved too. */
static unsigned long contig_folio_start(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (!PageCompound(page) || PageHuge(page) || !PageLRU(page))
		return pfn;
	return page_to_pfn(compound_head(page));
}

static unsigned long contig_first_hugetlb(unsigned long start, unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		if (PageHuge(pfn_to_page(pfn)))
			return page_to_pfn(compound_head(pfn_to_page(pfn)));
	return CONTIG_NO_PFN;
}

/* Of hugetlb folios only their own code knows why, so name the first. */
static int contig_blame_hugetlb(struct contig_report *report,
				unsigned long start, unsigned long end,
				int error)
{
	unsigned long pfn = contig_first_hugetlb(start, end);

	if (pfn == CONTIG_NO_PFN && error == -ENOMEM)
		return contig_because(report, error, CONTIG_NO_MEMORY,
				      start);
	if (pfn == CONTIG_NO_PFN)
		return contig_because(report, error, CONTIG_NOT_PRESENT,
				      start);
	return contig_because(report, error, CONTIG_HUGETLB, pfn);
}

/* The scan of [start, end) stopped early. */
static int contig_scan_failed(struct contig_mover *mover,
			      struct compact_control *cc, unsigned long start,
			      unsigned long end, int error)
{
	putback_movable_pages(&cc->migratepages);
	if (error == -EINTR)
		return contig_stopped(mover->take, &mover->report);
	return contig_blame_hugetlb(&mover->report, start, end, error);
}

/* Take folios of [pfn, end) off the LRU, as many as make a batch. */
static int contig_scan_batch(struct compact_control *cc, unsigned long pfn,
			     unsigned long end)
{
	int err;

	if (contig_fault(CONTIG_FAULT_SCAN))
		return -ENOMEM;
	if (contig_fault(CONTIG_FAULT_SCAN_AGAIN))
		end = pfn + 1;
	cc->migrate_pfn = pfn;
	err = isolate_migratepages_range(cc, pfn, end);
	/* enough folios are off the LRU: move them, then go on */
	if (err == -EAGAIN)
		err = 0;
	if (!err && cc->migrate_pfn <= pfn)
		err = -EBUSY;
	return err;
}

/* Folios that the base could not take off the LRU are left for another round. */
static int contig_move_out(struct contig_mover *mover, unsigned long start,
			   unsigned long end)
{
	struct compact_control cc = {
		.migratepages = LIST_HEAD_INIT(cc.migratepages),
		.zone = mover->take->zone,
		.gfp_mask = mover->take->move_gfp,
		.mode = MIGRATE_SYNC,
		/* a batch is a pageblock, not a cluster of 32 */
		.finish_pageblock = pageblock_nr_pages <= CONTIG_BATCH_PAGES,
		.alloc_contig = true,
		/* compaction's hints are neither heeded nor changed */
		.no_set_skip_hint = true,
		.ignore_skip_hint = true,
		.order = -1,
	};
	unsigned long pfn = contig_folio_start(start);
	int err = 0;

	while (pfn < end && !err) {
		err = contig_scan_batch(&cc, pfn, end);
		if (err)
			return contig_scan_failed(mover, &cc, pfn, end, err);
		pfn = cc.migrate_pfn;
		err = contig_move_batch(mover, &cc);
	}
	return err;
}

/* === All blocks === */

/* The next block that is not claimed; each is given out once. */
static bool contig_next_block(struct contig_crew *crew, unsigned long *block)
{
	do {
		*block = atomic_long_fetch_inc(&crew->next);
		if (*block >= crew->take->nr_blocks)
			return false;
	} while (test_bit(*block, crew->take->claimed));
	return true;
}

static void contig_empty_blocks(struct contig_mover *mover)
{
	struct contig_crew *crew = mover->crew;
	struct contig_take *take = mover->take;
	unsigned long block;
	int err = 0;

	while (!err && !contig_must_stop(mover) &&
	       contig_next_block(crew, &block)) {
		err = contig_move_out(mover, contig_block_start(take, block),
				      contig_block_end(take, block));
		cond_resched();
	}

	guard(spinlock)(&crew->lock);

	crew->report.pages_moved += mover->report.pages_moved;
	if (!err || crew->report.error)
		return;
	contig_because(&crew->report, err, mover->report.reason,
		       mover->report.blocking_pfn);
	WRITE_ONCE(crew->stop, true);
}

static void contig_mover_run(struct work_struct *work)
{
	contig_empty_blocks(container_of(work, struct contig_mover, work));
}

/**
 * contig_crew_pages() - how much work pays for helpers
 *
 * Context: Any.
 * Return: the least number of pages.
 */
unsigned long contig_crew_pages(void)
{
	KUNIT_STATIC_STUB_REDIRECT(contig_crew_pages);
	return SZ_64M / PAGE_SIZE;
}

/* Helpers only pay for much work, and where a CPU has nothing else to do. */
static unsigned int contig_count_helpers(struct contig_take *take)
{
	unsigned long claimed = bitmap_weight(take->claimed, take->nr_blocks);
	unsigned int idle = 0, cpu;

	if ((take->nr_blocks - claimed) * pageblock_nr_pages <
	    contig_crew_pages())
		return 0;
	for_each_online_cpu(cpu)
		idle += idle_cpu(cpu);
	return min(idle, CONTIG_HELPERS);
}

static void contig_call_helpers(struct contig_mover *helpers, unsigned int nr,
				struct contig_crew *crew)
{
	for (unsigned int i = 0; i < nr; i++) {
		helpers[i].crew = crew;
		helpers[i].take = crew->take;
		INIT_WORK(&helpers[i].work, contig_mover_run);
		queue_work(system_dfl_wq, &helpers[i].work);
	}
	contig_count(CONTIG_HELPERS_CALLED, nr);
}

/* Nobody waits for a helper that has not begun: there is nothing left to do. */
static void contig_dismiss_helpers(struct contig_mover *helpers, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		cancel_work_sync(&helpers[i].work);
	kfree(helpers);
}

/* The caller and its helpers take the blocks from one heap. */
static int contig_move_all(struct contig_take *take)
{
	struct contig_crew crew = { .take = take };
	struct contig_mover caller = { .crew = &crew, .take = take };
	unsigned int nr_helpers = contig_count_helpers(take);
	struct contig_mover *helpers = NULL;

	spin_lock_init(&crew.lock);
	if (nr_helpers && !contig_fault(CONTIG_FAULT_HELPERS))
		helpers = kcalloc(nr_helpers, sizeof(*helpers),
				  take->gfp & (GFP_KERNEL | __GFP_NOWARN));
	if (helpers)
		contig_call_helpers(helpers, nr_helpers, &crew);
	contig_empty_blocks(&caller);
	if (helpers)
		contig_dismiss_helpers(helpers, nr_helpers);

	take->report.pages_moved += crew.report.pages_moved;
	if (crew.stop && !crew.report.error)
		contig_stopped(take, &crew.report);
	return contig_because(&take->report, crew.report.error,
			      crew.report.reason, crew.report.blocking_pfn);
}

/* Hugetlb folios that moved, or were free before, go from their pool to us. */
static int contig_dissolve(struct contig_take *take, unsigned long start,
			   unsigned long end)
{
	int err = -ENOMEM;

	if (!contig_fault(CONTIG_FAULT_DISSOLVE))
		err = replace_free_hugepage_folios(start, end);
	return err ? contig_blame_hugetlb(&take->report, start, end, err) : 0;
}

static int contig_dissolve_all(struct contig_take *take)
{
	unsigned long from, to;
	int err = 0;

	for_each_clear_bitrange(from, to, take->claimed, take->nr_blocks) {
		err = contig_dissolve(take, contig_block_start(take, from),
				      contig_block_end(take, to - 1));
		if (err)
			break;
	}
	return err;
}

/*
 * Where folios are larger than pageblocks, one may lie across the border of
 * what is isolated. Freed there, it would end up on two kinds of lists.
 */
static bool contig_folio_crosses(unsigned long pfn)
{
	struct page *page;

	guard(rcu)();
	page = contig_online_page(pfn);
	return page && PageCompound(page) && !PageHuge(page) &&
	       PageLRU(page) && compound_head(page) != page;
}

static int contig_check_borders(struct contig_take *take)
{
	unsigned long from, to;

	for_each_clear_bitrange(from, to, take->claimed, take->nr_blocks) {
		unsigned long start = contig_block_start(take, from);
		unsigned long end = contig_block_end(take, to - 1);

		if (contig_folio_crosses(pageblock_start_pfn(start)))
			return contig_busy(take, start, CONTIG_KIND_CROSSING);
		if (contig_folio_crosses(pageblock_align(end)))
			return contig_busy(take, end - 1, CONTIG_KIND_CROSSING);
	}
	return 0;
}

/**
 * contig_evacuate() - empty the blocks that are isolated and not yet claimed
 * @take: the request
 *
 * Context: Task context, sleeps.
 * Return: 0 if all that could be found was moved; -EBUSY if a folio did not
 * move; -ENOMEM if there is nowhere to move to, or for a gigantic page that
 * came after the survey; -EINTR on a fatal signal or if it was called off;
 * -ETIMEDOUT past the deadline. On an error the report is filled in.
 */
int contig_evacuate(struct contig_take *take)
{
	int err;

	err = contig_check_borders(take) ?: contig_move_all(take) ?: contig_dissolve_all(take);
	wait_for_freed_hugetlb_folios();
	return err;
}
