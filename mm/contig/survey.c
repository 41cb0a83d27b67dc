// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in the way of a range, found out without moving anything.
 *
 * All reads here are racy: no lock, and no reference except on the few folios
 * that look over-referenced. A page may change its state right after the
 * look. So the answer decides whether work is worth starting, never whether a
 * page is ours; that is for claim.c and the migration code to say.
 *
 * A look may meet a page in a moment that passes: in an LRU batch of some CPU,
 * with an extra reference, or allocated and not mapped yet. Obstacles of which
 * that cannot be told are marked transient, and the caller looks again when it
 * has drained the batches.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

static bool contig_obstacle(struct contig_obstacle *obstacle,
			    enum contig_reason reason, bool transient)
{
	obstacle->reason = reason;
	obstacle->transient = transient;
	return true;
}

/*
 * Does somebody hold a folio that the migration code would have to wait for in
 * vain? Of page cache only pins for DMA count: its short references come and
 * go, and migration retries them.
 */
static bool contig_folio_is_held(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool held = false;

	if (!folio_try_get(folio))
		return false;

	if (page_folio(page) == folio && folio_test_lru(folio)) {
		int spare = folio_ref_count(folio) - 1 -
			    folio_expected_ref_count(folio);

		held = folio_maybe_dma_pinned(folio) ||
		       (folio_test_anon(folio) && spare > 0);
	}
	folio_put(folio);
	return held;
}

/* Of these flags a small page on the LRU has just one. */
#define CONTIG_PLAIN_FLAGS	(BIT(PG_lru) | BIT(PG_head) | \
				 BIT(PG_reserved) | __PG_HWPOISON)

/*
 * The usual page, recognized with little effort: small, on the LRU, and with not
 * more references than mappings, the cache and its private data explain.
 */
static bool contig_page_is_plain(struct page *page)
{
	bool anon = (unsigned long)READ_ONCE(page->mapping) & FOLIO_MAPPING_ANON;
	int spare = page_ref_count(page) - (atomic_read(&page->_mapcount) + 1);

	return (READ_ONCE(page->flags.f) & CONTIG_PLAIN_FLAGS) == BIT(PG_lru) &&
	       spare <= (anon ? 0 : 2);
}

static bool contig_lru_obstructs(struct page *page,
				 struct contig_obstacle *obstacle)
{
	if (!contig_folio_is_held(page))
		return false;
	return contig_obstacle(obstacle, CONTIG_PINNED, true);
}

/*
 * Pages with a type (slab, page table, ...) stay; many are frozen, so that the
 * reference count says nothing. Guard pages and memory that is not accepted yet
 * are types of free memory.
 */
static bool contig_type_obstructs(struct page *page,
				  struct contig_obstacle *obstacle)
{
	if (!page_has_type(page) || PageBuddy(page) || page_is_guard(page) ||
	    PageUnaccepted(page))
		return false;
	return contig_obstacle(obstacle, CONTIG_UNMOVABLE, false);
}

/*
 * Referenced, and neither on the LRU nor of any type. With a mapping it is
 * memory of a process or a file that is off the LRU just now, and migration will
 * find it there again. Without, it is the kernel's, or a page being set up.
 */
static bool contig_stray_obstructs(struct page *page,
				   struct contig_obstacle *obstacle)
{
	return !READ_ONCE(page->mapping) &&
	       contig_obstacle(obstacle, CONTIG_UNMOVABLE, true);
}

/* Those that nobody uses are replaced, the others move, unless too large. */
static bool contig_hugetlb_obstructs(struct page *head, unsigned int order,
				     struct contig_obstacle *obstacle)
{
	struct hstate *h = size_to_hstate(PAGE_SIZE << order);

	if (h && !hstate_is_gigantic(h) &&
	    (!page_ref_count(head) || hugepage_migration_supported(h)))
		return false;
	/* Without a state its size was read while it changed. */
	return contig_obstacle(obstacle, CONTIG_HUGETLB, !h);
}

static bool contig_compound_obstructs(struct page *page, unsigned long *step,
				      struct contig_obstacle *obstacle)
{
	struct page *head = compound_head(page);
	unsigned int order = compound_order(head);
	unsigned long skip;

	/* The compound page may be going away under us: trust no odd value. */
	if (order > MAX_FOLIO_ORDER)
		return contig_obstacle(obstacle, CONTIG_LOST_RACE, true);
	skip = page_to_pfn(head) + (1UL << order) - page_to_pfn(page);
	if (skip && skip <= 1UL << order)
		*step = skip;

	if (PageHuge(head))
		return contig_hugetlb_obstructs(head, order, obstacle);
	if (contig_type_obstructs(head, obstacle))
		return true;
	if (!page_ref_count(head))
		return false;
	if (PageLRU(page))
		return contig_lru_obstructs(page, obstacle);
	return contig_stray_obstructs(head, obstacle);
}

/**
 * contig_page_obstructs() - would this page stay where it is?
 * @page: any online page
 * @step: set to the distance in PFNs to the next page worth a look
 * @obstacle: if it would, why; its @pfn is left to the caller
 *
 * Context: Task context; may drop the last reference of a page.
 * Return: true if the page cannot be moved or freed as it looks now.
 */
bool contig_page_obstructs(struct page *page, unsigned long *step,
			   struct contig_obstacle *obstacle)
{
	*step = 1;

	if (contig_page_is_plain(page))
		return false;
	if (PageReserved(page))
		return contig_obstacle(obstacle, CONTIG_UNMOVABLE, false);
	if (PageBuddy(page)) {
		unsigned int order = buddy_order_unsafe(page);

		if (order <= MAX_PAGE_ORDER)
			*step = 1UL << order;
		return false;
	}
	if (PageCompound(page))
		return contig_compound_obstructs(page, step, obstacle);
	if (page_has_movable_ops(page))
		return false;
	if (contig_type_obstructs(page, obstacle))
		return true;
	if (!page_ref_count(page))
		return false;
	if (PageHWPoison(page))
		return contig_obstacle(obstacle, CONTIG_UNMOVABLE, false);
	if (PageLRU(page))
		return contig_lru_obstructs(page, obstacle);
	return contig_stray_obstructs(page, obstacle);
}

/*
 * CMA blocks are for CMA, and CMA takes no others. What lies under a block that
 * is isolated shows when its owner is done.
 */
static bool contig_block_obstructs(unsigned long pfn, acr_flags_t flags,
				   struct contig_obstacle *obstacle)
{
	int mt = get_pfnblock_migratetype(pfn_to_page(pfn), pfn);

	if (is_migrate_isolate(mt) ||
	    is_migrate_cma(mt) == !!(flags & ACR_FLAGS_CMA))
		return false;
	return contig_obstacle(obstacle, CONTIG_UNMOVABLE, false);
}

static unsigned long contig_skip_plain(unsigned long pfn, unsigned long end)
{
	struct page *page = pfn_to_page(pfn), *last = page + (end - pfn) - 1;

	while (page <= last && contig_page_is_plain(page))
		page++;
	return page_to_pfn(page);
}

/**
 * contig_survey() - look for the first thing in the way of a range
 * @start: first PFN
 * @end: one past the last
 * @flags: whose blocks may be used
 * @obstacle: filled in if there is one
 *
 * Moves nothing and takes no lock, so pages may come and go meanwhile.
 *
 * Context: Task context, may sleep.
 * Return: true if nothing seems to be in the way.
 */
bool contig_survey(unsigned long start, unsigned long end, acr_flags_t flags,
		   struct contig_obstacle *obstacle)
{
	unsigned long pfn = start, stop, step;

	while (pfn < end) {
		stop = min(pageblock_end_pfn(pfn), end);
		cond_resched();
		obstacle->pfn = pfn;
		if (contig_block_obstructs(pfn, flags, obstacle))
			return false;
		while (pfn < stop) {
			pfn = contig_skip_plain(pfn, stop);
			if (pfn == stop)
				break;
			obstacle->pfn = pfn;
			if (contig_page_obstructs(pfn_to_page(pfn), &step, obstacle))
				return false;
			pfn += step;
		}
	}
	return true;
}
