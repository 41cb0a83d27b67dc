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
 * pinned for I/O, or allocated and not mapped yet. What kind of page it is says
 * why it stays and for how long; the caller decides whether to wait.
 */
#include <kunit/static_stub.h>
#include <linux/hugetlb.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"

/* === Kinds === */

static const struct {
	enum contig_reason reason;
	enum contig_stay stay;
} contig_kinds[] = {
	[CONTIG_KIND_NONE]	  = { CONTIG_LOST_RACE, CONTIG_A_WHILE },
	[CONTIG_KIND_RESERVED]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_SLAB]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_PAGE_TABLE]  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_KFENCE]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_OFFLINE]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_HWPOISON]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_TYPED]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_KERNEL]	  = { CONTIG_UNMOVABLE, CONTIG_A_MOMENT },
	[CONTIG_KIND_OTHER_BLOCK] = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_ISOLATED]	  = { CONTIG_LOST_RACE, CONTIG_A_WHILE },
	[CONTIG_KIND_CROSSING]	  = { CONTIG_UNMOVABLE, CONTIG_FOR_GOOD },
	[CONTIG_KIND_HUGETLB]	  = { CONTIG_HUGETLB,	CONTIG_FOR_GOOD },
	[CONTIG_KIND_MOVABLE_OPS] = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_DMA_PINNED]  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_WRITEBACK]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_LOCKED]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_MLOCKED]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_OFF_LRU]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_REFERENCED]  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_IN_TRANSIT]  = { CONTIG_LOST_RACE, CONTIG_A_MOMENT },
	[CONTIG_KIND_ANON]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
	[CONTIG_KIND_FILE]	  = { CONTIG_PINNED,	CONTIG_A_WHILE },
};

static_assert(ARRAY_SIZE(contig_kinds) == CONTIG_NR_KINDS);

/**
 * contig_kind_reason() - why a page of some kind ends a request
 * @kind: what it looks like
 *
 * Context: Any.
 * Return: the reason.
 */
enum contig_reason contig_kind_reason(enum contig_kind kind)
{
	return contig_kinds[kind].reason;
}

/**
 * contig_kind_stays() - how long a page of some kind stays in the way
 * @kind: what it looks like
 *
 * Context: Any.
 * Return: whether to wait for it.
 */
enum contig_stay contig_kind_stays(enum contig_kind kind)
{
	return contig_kinds[kind].stay;
}

static bool contig_obstacle(struct contig_obstacle *obstacle,
			    enum contig_kind kind)
{
	obstacle->kind = kind;
	obstacle->reason = contig_kind_reason(kind);
	return true;
}

/* === Folios that can move === */

/* What holds a folio that would move otherwise, seen with a reference to it. */
static enum contig_kind contig_held_kind(struct folio *folio)
{
	bool extra = folio_ref_count(folio) - 1 > folio_expected_ref_count(folio);

	if (folio_maybe_dma_pinned(folio))
		return CONTIG_KIND_DMA_PINNED;
	if (folio_test_writeback(folio))
		return CONTIG_KIND_WRITEBACK;
	if (folio_test_locked(folio))
		return CONTIG_KIND_LOCKED;
	if (!folio_test_lru(folio) && !folio_test_hugetlb(folio))
		return folio_test_mlocked(folio) ? CONTIG_KIND_MLOCKED :
						   CONTIG_KIND_OFF_LRU;
	if (extra)
		return CONTIG_KIND_REFERENCED;
	return folio_test_anon(folio) ? CONTIG_KIND_ANON : CONTIG_KIND_FILE;
}

/* A folio still: what was freed before we had it may be a page table soon. */
static bool contig_is_folio(struct folio *folio, struct page *page)
{
	return page_folio(page) == folio &&
	       (READ_ONCE(folio->mapping) || folio_test_lru(folio) ||
		folio_test_hugetlb(folio));
}

static enum contig_kind contig_folio_kind(struct page *page)
{
	enum contig_kind kind = CONTIG_KIND_IN_TRANSIT;
	struct folio *folio = page_folio(page);

	if (!folio_try_get(folio))
		return kind;
	if (contig_is_folio(folio, page))
		kind = contig_held_kind(folio);
	folio_put(folio);
	return kind;
}

/* === Pages === */

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

/*
 * Would the migration code wait for this folio in vain? Of page cache only pins
 * for DMA count: its short references come and go, and migration retries them,
 * as it waits for locks and for writeback.
 */
static bool contig_lru_obstructs(struct page *page,
				 struct contig_obstacle *obstacle)
{
	enum contig_kind kind = contig_folio_kind(page);

	if (kind != CONTIG_KIND_DMA_PINNED &&
	    (kind != CONTIG_KIND_REFERENCED || !PageAnon(page)))
		return false;
	return contig_obstacle(obstacle, kind);
}

static enum contig_kind contig_type_kind(struct page *page)
{
	if (is_kfence_address(page_address(page)))
		return CONTIG_KIND_KFENCE;
	if (PageSlab(page) || PageLargeKmalloc(page))
		return CONTIG_KIND_SLAB;
	if (PageTable(page))
		return CONTIG_KIND_PAGE_TABLE;
	return PageOffline(page) ? CONTIG_KIND_OFFLINE : CONTIG_KIND_TYPED;
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
	return contig_obstacle(obstacle, contig_type_kind(page));
}

/* What holds a folio off the LRU, or NONE; seen with a reference to it. */
static enum contig_kind contig_stray_held_kind(struct folio *folio)
{
	/* one more is of a batch or of who isolated it */
	int spare = folio_ref_count(folio) - 2 - folio_expected_ref_count(folio);

	if (folio_maybe_dma_pinned(folio))
		return CONTIG_KIND_DMA_PINNED;
	if (folio_test_anon(folio) && spare > 0)
		return CONTIG_KIND_REFERENCED;
	return CONTIG_KIND_NONE;
}

static bool contig_stray_is_held(struct page *page,
				 struct contig_obstacle *obstacle)
{
	enum contig_kind kind = CONTIG_KIND_NONE;
	struct folio *folio = page_folio(page);

	if (!folio_try_get(folio))
		return false;
	if (contig_is_folio(folio, page))
		kind = contig_stray_held_kind(folio);
	folio_put(folio);
	return kind != CONTIG_KIND_NONE && contig_obstacle(obstacle, kind);
}

/*
 * Referenced, and neither on the LRU nor of any type. With a mapping it is
 * memory of a process or a file that is off the LRU just now, and migration will
 * find it there again, unless somebody holds it. Without, it is the kernel's, or a
 * page being set up. Every other page of KFENCE's pool is a guard and has no type.
 */
static bool contig_stray_obstructs(struct page *page,
				   struct contig_obstacle *obstacle)
{
	if (READ_ONCE(page->mapping))
		return contig_stray_is_held(page, obstacle);
	if (is_kfence_address(page_address(page)))
		return contig_obstacle(obstacle, CONTIG_KIND_KFENCE);
	return contig_obstacle(obstacle, CONTIG_KIND_KERNEL);
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
	return contig_obstacle(obstacle, h ? CONTIG_KIND_HUGETLB :
					     CONTIG_KIND_IN_TRANSIT);
}

static bool contig_compound_obstructs(struct page *page, unsigned long *step,
				      struct contig_obstacle *obstacle)
{
	struct page *head = compound_head(page);
	unsigned int order = compound_order(head);
	unsigned long skip;

	/* The compound page may be going away under us: trust no odd value. */
	if (order > MAX_FOLIO_ORDER)
		return contig_obstacle(obstacle, CONTIG_KIND_IN_TRANSIT);
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
 * @obstacle: if it would, why and as what; its @pfn is left to the caller
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
		return contig_obstacle(obstacle, CONTIG_KIND_RESERVED);
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
	/* It is nobody's, and does not become free either. */
	if (PageHWPoison(page))
		return contig_obstacle(obstacle, CONTIG_KIND_HWPOISON);
	if (!page_ref_count(page))
		return false;
	if (PageLRU(page))
		return contig_lru_obstructs(page, obstacle);
	return contig_stray_obstructs(page, obstacle);
}

/**
 * contig_page_kind() - what does this page look like, and what holds it
 * @page: any online page
 *
 * Closer than contig_page_obstructs(), which lets pass what the migration code
 * can wait for itself.
 *
 * Context: Task context; may drop the last reference of a page.
 * Return: the kind; NONE for a free page, ANON or FILE for one that could move.
 */
enum contig_kind contig_page_kind(struct page *page)
{
	struct contig_obstacle obstacle;
	unsigned long step;

	if (contig_page_obstructs(page, &step, &obstacle))
		return obstacle.kind;
	if (PageBuddy(page) || page_is_guard(page) || PageUnaccepted(page))
		return CONTIG_KIND_NONE;
	if (page_has_movable_ops(page))
		return CONTIG_KIND_MOVABLE_OPS;
	return contig_folio_kind(page);
}

/* === Blocks === */

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
	return contig_obstacle(obstacle, CONTIG_KIND_OTHER_BLOCK);
}

/**
 * contig_skip_plain() - pass by pages that are plainly movable
 * @pfn: first PFN
 * @end: one past the last
 *
 * Context: Any.
 * Return: the first page that is worth a look, or @end.
 */
unsigned long contig_skip_plain(unsigned long pfn, unsigned long end)
{
	struct page *first = pfn_to_page(pfn), *page = first;
	struct page *last = first + (end - pfn) - 1;

	while (page <= last && contig_page_is_plain(page))
		page++;
	/* Behind the last page of a section need not be the next one's. */
	return pfn + (page - first);
}

/* The first page in the way, or @end or a bit further. */
static unsigned long contig_survey_pages(unsigned long pfn, unsigned long end,
					 struct contig_obstacle *obstacle)
{
	unsigned long step;

	while (pfn < end) {
		pfn = contig_skip_plain(pfn, end);
		if (pfn == end)
			break;
		obstacle->pfn = pfn;
		if (contig_page_obstructs(pfn_to_page(pfn), &step, obstacle))
			break;
		pfn += step;
	}
	return pfn;
}

/* === Pages that are known to stay === */

/*
 * The last pages that ended a look and do not go away. Who asks for the same memory
 * again, as clients do that search by themselves, is refused after a look at these.
 * Each is looked at before it counts, so that it does not matter who writes when.
 */
#define CONTIG_KNOWN	16

static unsigned long contig_known[CONTIG_KNOWN];
static atomic_t contig_next_known;

static void contig_note(const struct contig_obstacle *obstacle)
{
	unsigned int at;

	if (contig_kind_stays(obstacle->kind) != CONTIG_FOR_GOOD)
		return;
	for (int i = 0; i < CONTIG_KNOWN; i++)
		if (READ_ONCE(contig_known[i]) == obstacle->pfn)
			return;
	at = atomic_inc_return(&contig_next_known);
	WRITE_ONCE(contig_known[at % CONTIG_KNOWN], obstacle->pfn);
}

/**
 * contig_known_obstructs() - is a page in the range that was seen not to move?
 * @start: first PFN
 * @end: one past the last
 * @obstacle: filled in if there is one
 *
 * Context: Task context; may drop the last reference of a page.
 * Return: true if it still looks as if it would never move.
 */
bool contig_known_obstructs(unsigned long start, unsigned long end,
			    struct contig_obstacle *obstacle)
{
	unsigned long step;

	guard(rcu)();

	for (int i = 0; i < CONTIG_KNOWN; i++) {
		obstacle->pfn = READ_ONCE(contig_known[i]);
		if (obstacle->pfn - start < end - start &&
		    contig_online_page(obstacle->pfn) &&
		    contig_page_obstructs(pfn_to_page(obstacle->pfn), &step,
					  obstacle) &&
		    contig_kind_stays(obstacle->kind) == CONTIG_FOR_GOOD)
			return true;
	}
	return false;
}

/* As contig_survey_pages(). In what has gone offline nothing is, and isolation will say so. */
static unsigned long contig_survey_block(unsigned long pfn, unsigned long end,
					 acr_flags_t flags,
					 struct contig_obstacle *obstacle)
{
	guard(rcu)();

	obstacle->pfn = pfn;
	if (!contig_online_page(pfn))
		return end;
	if (contig_block_obstructs(pfn, flags, obstacle))
		return pfn;
	pfn = contig_survey_pages(pfn, end, obstacle);
	if (pfn < end)
		contig_note(obstacle);
	return pfn;
}

/* As if the first page would stay for good. */
static bool contig_survey_refuses(unsigned long pfn,
				  struct contig_obstacle *obstacle)
{
	*obstacle = (struct contig_obstacle){
		.pfn = pfn,
		.kind = CONTIG_KIND_RESERVED,
		.reason = contig_kind_reason(CONTIG_KIND_RESERVED),
	};
	return false;
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
	unsigned long pfn = start, stop;

	if (contig_fault(CONTIG_FAULT_SURVEY))
		return contig_survey_refuses(start, obstacle);

	while (pfn < end) {
		stop = min(pageblock_end_pfn(pfn), end);
		cond_resched();
		pfn = contig_survey_block(pfn, stop, flags, obstacle);
		if (pfn < stop)
			return false;
	}
	return true;
}

/**
 * contig_busy() - refuse a request because of one page
 * @take: the request
 * @pfn: the page
 * @kind: what is wrong with it
 *
 * Context: Any.
 * Return: -EBUSY, with the report filled in.
 */
int contig_busy(struct contig_take *take, unsigned long pfn,
		enum contig_kind kind)
{
	const struct contig_obstacle obstacle = {
		.pfn = pfn,
		.kind = kind,
		.reason = contig_kind_reason(kind),
	};

	return contig_because_of(&take->report, -EBUSY, &obstacle);
}

/**
 * contig_check_sound() - did no page go bad while it was claimed?
 * @take: the request; all of its range is claimed
 *
 * Nobody could take such a page away meanwhile. The kernel marks a page before it
 * counts it: one that it has not counted yet is handed out.
 *
 * Context: Any.
 * Return: 0; -EBUSY with the report filled in.
 */
int contig_check_sound(struct contig_take *take)
{
	unsigned long pfn;

	if (take->nr_poisoned == contig_nr_poisoned())
		return 0;
	pfn = contig_first_bad(take->start, take->end);
	if (pfn == take->end)
		return 0;
	return contig_busy(take, pfn, CONTIG_KIND_HWPOISON);
}
