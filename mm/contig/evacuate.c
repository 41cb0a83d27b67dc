// SPDX-License-Identifier: GPL-2.0
/*
 * Isolate blocks, move folios out, undo.
 *
 * Only blocks that are still not claimed are isolated and emptied. Isolation
 * puts their free pages, and those that become free meanwhile, on lists that
 * nobody allocates from; the claim that follows takes them from there.
 *
 * A folio that sticks out of the range moves as a whole. Pages of the block
 * outside the range that are in no such folio stay where they are, movable or
 * not.
 */
#include <kunit/static_stub.h>
#include <linux/bitmap.h>
#include <linux/compaction.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

/* How often a batch is handed to migrate_pages() before its rest stays. */
#define CONTIG_MIGRATE_TRIES	5

/* The most that is off the LRU at a time: more would hold up reclaim. */
#define CONTIG_BATCH_PAGES	512

/* Targets for so many single pages are allocated together. */
#define CONTIG_STOCK_PAGES	32U

static int contig_isolate_block(struct contig_take *take, unsigned long block)
{
	unsigned long start = contig_block_start(take, block);
	struct page *page = pfn_to_page(pageblock_start_pfn(start));

	if (PageUnaccepted(page))
		accept_page(page);

	guard(spinlock_irqsave)(&take->zone->lock);

	if (is_migrate_isolate_page(page))
		return contig_because(&take->report, -EBUSY, CONTIG_LOST_RACE,
				      start);
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
 * Return: 0; -EBUSY if somebody else isolated one of them (LOST_RACE) or one
 * is not wholly inside the zone (ZONE_BOUNDARY), with the report filled in.
 * Blocks isolated so far stay so until contig_unisolate().
 */
int contig_isolate(struct contig_take *take)
{
	unsigned long block;

	for_each_clear_bit(block, take->claimed, take->nr_blocks) {
		int err = contig_isolate_block(take, block);

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

static int contig_interrupted(struct contig_take *take)
{
	return contig_because(&take->report, -EINTR, CONTIG_INTERRUPTED,
			      CONTIG_NO_PFN);
}

/* Some folios of a batch would not move: name one and put all back. */
static int contig_put_batch(struct contig_take *take,
			    struct compact_control *cc, int error)
{
	unsigned long pfn = folio_pfn(list_first_entry(&cc->migratepages,
						       struct folio, lru));

	putback_movable_pages(&cc->migratepages);
	if (fatal_signal_pending(current))
		return contig_interrupted(take);
	if (error == -ENOMEM)
		return contig_because(&take->report, error, CONTIG_NO_MEMORY,
				      pfn);
	return contig_because(&take->report, -EBUSY, CONTIG_PINNED, pfn);
}

/**
 * struct contig_targets - where the folios of one batch move to
 * @control: for alloc_migration_target()
 * @wanted: folios of the batch that have no target yet
 * @nr_pages: how many pages are in stock
 * @pages: single pages, allocated together
 */
struct contig_targets {
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
 * Context: Task context, may sleep.
 * Return: a folio, or NULL if there is no memory.
 */
struct folio *contig_target(struct folio *src, unsigned long private)
{
	struct contig_targets *targets = (struct contig_targets *)private;

	KUNIT_STATIC_STUB_REDIRECT(contig_target, src, private);

	if (!folio_test_large(src) && !targets->nr_pages)
		contig_stock_up(targets, src);
	if (targets->wanted)
		targets->wanted--;
	if (folio_test_large(src) || !targets->nr_pages)
		return alloc_migration_target(src,
					      (unsigned long)&targets->control);
	return page_folio(targets->pages[--targets->nr_pages]);
}

/* Drop what is clean and unmapped, move the rest. */
static int contig_move_batch(struct contig_take *take,
			     struct compact_control *cc)
{
	struct contig_targets targets = {
		.control.nid = zone_to_nid(take->zone),
		.control.gfp_mask = take->move_gfp,
		.control.reason = MR_CONTIG_RANGE,
		.wanted = cc->nr_migratepages,
	};
	unsigned int moved, tries = 0;
	int err = 0;

	contig_count(CONTIG_PAGES_DROPPED,
		     reclaim_clean_pages_from_list(take->zone,
						   &cc->migratepages));
	while (!list_empty(&cc->migratepages) && err != -ENOMEM &&
	       tries++ < CONTIG_MIGRATE_TRIES && !fatal_signal_pending(current)) {
		err = migrate_pages(&cc->migratepages, contig_target, NULL,
				    (unsigned long)&targets, cc->mode,
				    MR_CONTIG_RANGE, &moved);
		take->report.pages_moved += moved;
		contig_count(CONTIG_PAGES_MOVED, moved);
	}
	contig_return_stock(&targets);
	cc->nr_migratepages = 0;
	if (list_empty(&cc->migratepages))
		return 0;
	return contig_put_batch(take, cc, err);
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
static int contig_blame_hugetlb(struct contig_take *take, unsigned long start,
				unsigned long end, int error)
{
	unsigned long pfn = contig_first_hugetlb(start, end);

	if (pfn == CONTIG_NO_PFN && error == -ENOMEM)
		return contig_because(&take->report, error, CONTIG_NO_MEMORY,
				      start);
	if (pfn == CONTIG_NO_PFN)
		return contig_because(&take->report, error, CONTIG_NOT_PRESENT,
				      start);
	return contig_because(&take->report, error, CONTIG_HUGETLB, pfn);
}

/* The scan of [start, end) stopped early. */
static int contig_scan_failed(struct contig_take *take,
			      struct compact_control *cc, unsigned long start,
			      unsigned long end, int error)
{
	putback_movable_pages(&cc->migratepages);
	if (error == -EINTR)
		return contig_interrupted(take);
	return contig_blame_hugetlb(take, start, end, error);
}

/*
 * Where folios are larger than pageblocks, one may lie across the border of
 * what is isolated. Freed there, it would end up on two kinds of lists.
 */
static bool contig_folio_crosses(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && PageCompound(page) && !PageHuge(page) &&
	       PageLRU(page) && compound_head(page) != page;
}

/* Folios that the base could not take off the LRU are left for another round. */
static int contig_move_out(struct contig_take *take, unsigned long start,
			   unsigned long end)
{
	struct compact_control cc = {
		.migratepages = LIST_HEAD_INIT(cc.migratepages),
		.zone = take->zone,
		.gfp_mask = take->move_gfp,
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
		cc.migrate_pfn = pfn;
		err = isolate_migratepages_range(&cc, pfn, end);
		/* enough folios are off the LRU: move them, then go on */
		if (err == -EAGAIN)
			err = 0;
		if (!err && cc.migrate_pfn <= pfn)
			err = -EBUSY;
		if (err)
			return contig_scan_failed(take, &cc, pfn, end, err);
		pfn = cc.migrate_pfn;
		err = contig_move_batch(take, &cc);
	}
	return err;
}

/* Hugetlb folios that moved, or were free before, go from their pool to us. */
static int contig_dissolve(struct contig_take *take, unsigned long start,
			   unsigned long end)
{
	int err = replace_free_hugepage_folios(start, end);

	return err ? contig_blame_hugetlb(take, start, end, err) : 0;
}

static int contig_empty(struct contig_take *take, unsigned long start,
			unsigned long end)
{
	unsigned long first = pageblock_start_pfn(start);
	unsigned long after = pageblock_align(end);

	if (contig_folio_crosses(first) || contig_folio_crosses(after))
		return contig_because(&take->report, -EBUSY, CONTIG_UNMOVABLE,
				      contig_folio_crosses(first) ? start :
								    end - 1);
	return contig_move_out(take, start, end) ?:
	       contig_dissolve(take, start, end);
}

/**
 * contig_evacuate() - empty the blocks that are isolated and not yet claimed
 * @take: the request
 *
 * Context: Task context, sleeps. The LRU batches are off.
 * Return: 0 if all that could be found was moved; -EBUSY if a folio did not
 * move; -ENOMEM if there is nowhere to move to, or for a gigantic page that
 * came after the survey; -EINTR on a fatal signal. On an error the report is
 * filled in.
 */
int contig_evacuate(struct contig_take *take)
{
	unsigned long from, to;
	int err = 0;

	for_each_clear_bitrange(from, to, take->claimed, take->nr_blocks) {
		err = contig_empty(take, contig_block_start(take, from),
				   contig_block_end(take, to - 1));
		if (err)
			break;
	}
	wait_for_freed_hugetlb_folios();
	return err;
}
