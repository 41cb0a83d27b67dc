// SPDX-License-Identifier: GPL-2.0
/*
 * Free lists <-> the request.
 *
 * A claim looks at the free pages that cover one block of the range. If they
 * cover all of it they are taken off the free lists, and what sticks out of
 * the range goes back at once; otherwise nothing is touched. A free page that
 * spans several blocks is claimed for all of them in one step.
 *
 * Claimed pages keep the state of free pages (refcount 0, poisoned, unmapped
 * under debug_pagealloc) until the request is complete, so that giving them
 * back is nothing but the way into the free lists.
 *
 * This is the only file that takes zone->lock to claim or to give back, and it
 * holds it for the work on one block.
 */
#include <kunit/static_stub.h>
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/vmstat.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "../page_reporting.h"
#include "contig.h"
#include "fault.h"

/*
 * The head of the free page that covers @pfn, or CONTIG_NO_PFN. Free pages do
 * not overlap: one that starts below @pfn and ends before it rules out any
 * larger one around it. A head in another zone, whose lock is not held, may say
 * anything.
 */
static unsigned long contig_free_head(unsigned long pfn)
{
	if (PageBuddy(pfn_to_page(pfn)))
		return pfn;
	for (unsigned int order = 1; order < NR_PAGE_ORDERS; order++) {
		unsigned long head = ALIGN_DOWN(pfn, 1UL << order);
		struct page *page = pfn_to_page(head);

		if (!PageBuddy(page))
			continue;
		if (buddy_order(page) < order ||
		    page_zone_id(page) != page_zone_id(pfn_to_page(pfn)))
			break;
		return head;
	}
	return CONTIG_NO_PFN;
}

/* How far free pages follow each other from @head on; stops at @end or later. */
static unsigned long contig_free_until(unsigned long head, unsigned long end)
{
	unsigned long pfn = head;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);

		if (!PageBuddy(page))
			break;
		pfn += 1UL << buddy_order(page);
	}
	return pfn;
}

/* Put the free pages [start, end) on the lists, each piece under its own type. */
static void contig_put_free(struct zone *zone, unsigned long start,
			    unsigned long end)
{
	lockdep_assert_held(&zone->lock);

	while (start < end) {
		struct page *page = pfn_to_page(start);
		unsigned int order = contig_piece_order(start, end,
							pageblock_order);

		__putback_isolated_page(page, order,
					get_pfnblock_migratetype(page, start));
		start += 1UL << order;
	}
}

/* May this request take from a block of this type at all? */
static bool contig_type_is_ours(struct contig_take *take, unsigned long block,
				int mt)
{
	if (is_migrate_isolate(mt))
		return test_bit(block, take->isolated);
	return is_migrate_cma(mt) == !!(take->flags & ACR_FLAGS_CMA);
}

/* Does the zone have @nr_pages to spare, by what every allocation obeys? */
static bool contig_zone_can_spare(struct zone *zone, unsigned long nr_pages)
{
	return zone_watermark_ok(zone, 0, min_wmark_pages(zone) + nr_pages, 0,
				 ALLOC_CMA);
}

/*
 * Isolated pages are not counted as free, so taking them changes nothing that
 * a watermark guards.
 */
static bool contig_may_take(struct contig_take *take, int mt,
			    unsigned long nr_pages)
{
	return take->zone_is_ample || is_migrate_isolate(mt) ||
	       contig_zone_can_spare(take->zone, nr_pages);
}

/*
 * Put [start, end), the rest of a free page that was taken off, back in pieces.
 * None of them can have a free neighbour to merge with.
 */
static void contig_put_rest(struct zone *zone, unsigned long start,
			    unsigned long end, int mt)
{
	do {
		struct page *page = pfn_to_page(start);
		unsigned int order = contig_piece_order(start, end,
							MAX_PAGE_ORDER);

		set_page_private(page, order);
		__SetPageBuddy(page);
		__add_to_free_list(page, zone, order, mt, true);
		start += 1UL << order;
	} while (start < end);
}

/* Take the free page at @pfn, keep what lies in the range, return its end. */
static unsigned long contig_take_page(struct contig_take *take,
				      unsigned long pfn, int mt)
{
	struct page *page = pfn_to_page(pfn);
	unsigned int order = buddy_order(page);
	unsigned long end = pfn + (1UL << order);
	unsigned long first = max(pfn, take->start);
	unsigned long last = min(end, take->end);

	__del_page_from_free_list(page, take->zone, order, mt);
	if (pfn < first)
		contig_put_rest(take->zone, pfn, first, mt);
	if (last < end)
		contig_put_rest(take->zone, last, end, mt);
	account_freepages(take->zone, -(int)(last - first), mt);
	return end;
}

/* Take the free pages [head, end); they are all of one type. */
static void contig_take_free(struct contig_take *take, unsigned long head,
			     unsigned long end, int mt)
{
	unsigned long block = contig_block_of(take, max(head, take->start));
	unsigned long last = contig_block_of(take, min(end, take->end) - 1);

	lockdep_assert_held(&take->zone->lock);

	while (head < end)
		head = contig_take_page(take, head, mt);
	while (block <= last)
		__set_bit(block++, take->claimed);
}

/* Remember what stopped a claim; refcount 0 may mean a per-CPU list. */
static void contig_suspect(struct contig_take *take, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	take->suspect_pfn = pfn;
	if (!page_ref_count(page) && !PageCompound(page))
		take->pcp_suspected = true;
}

static void contig_claim_block(struct contig_take *take, unsigned long block)
{
	unsigned long start = contig_block_start(take, block);
	unsigned long end = contig_block_end(take, block);
	unsigned long head, stop;
	int mt;

	if (contig_fault(CONTIG_FAULT_CLAIM)) {
		take->suspect_pfn = CONTIG_NO_PFN;
		return;
	}

	guard(spinlock_irqsave)(&take->zone->lock);

	if (!contig_is_there(take, start)) {
		take->suspect_pfn = CONTIG_NO_PFN;
		return;
	}
	head = contig_free_head(start);
	mt = get_pfnblock_migratetype(pfn_to_page(start), start);
	if (head == CONTIG_NO_PFN || !contig_type_is_ours(take, block, mt)) {
		contig_suspect(take, start);
		return;
	}
	stop = contig_free_until(head, end);
	if (stop < end)
		contig_suspect(take, stop);
	else if (contig_may_take(take, mt, min(stop, take->end) - start))
		contig_take_free(take, head, stop, mt);
	else
		take->suspect_pfn = CONTIG_NO_PFN;
}

/**
 * contig_claim() - take every block of the range that is all free
 * @take: the request
 *
 * Blocks that hold any other page stay as they are, with the first such page
 * of the last of them in @take->suspect_pfn (CONTIG_NO_PFN if it was only the
 * watermark that refused).
 *
 * Context: Any but NMI. Takes zone->lock for one block at a time.
 * Return: true if the whole range is claimed now.
 */
bool contig_claim(struct contig_take *take)
{
	unsigned long block;

	take->pcp_suspected = false;
	take->zone_is_ample = contig_zone_can_spare(take->zone,
						    take->end - take->start);
	for_each_clear_bit(block, take->claimed, take->nr_blocks) {
		contig_claim_block(take, block);
		if (contig_may_sleep(take))
			cond_resched();
	}
	return bitmap_full(take->claimed, take->nr_blocks);
}

/**
 * contig_nr_poisoned() - how many pages are known to be bad
 *
 * Context: Any.
 * Return: the number for all of the machine.
 */
long contig_nr_poisoned(void)
{
	KUNIT_STATIC_STUB_REDIRECT(contig_nr_poisoned);
	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return 0;
	return atomic_long_read(&num_poisoned_pages);
}

/**
 * contig_first_bad() - the first page of a range that is known to be bad
 * @start: first PFN
 * @end: one past the last
 *
 * Context: Any.
 * Return: its PFN, or @end if there is none.
 */
unsigned long contig_first_bad(unsigned long start, unsigned long end)
{
	while (start < end && !PageHWPoison(pfn_to_page(start)))
		start++;
	return start;
}

/* Asked of each block: its caller may sleep between two. */
static void contig_unclaim_block(struct contig_take *take, unsigned long block)
{
	unsigned long start = contig_block_start(take, block);
	unsigned long end = contig_block_end(take, block);
	bool all_good;

	guard(spinlock_irqsave)(&take->zone->lock);

	all_good = take->nr_poisoned == contig_nr_poisoned();
	while (start < end) {
		unsigned long stop = all_good ? end : contig_first_bad(start, end);

		contig_put_free(take->zone, start, stop);
		if (stop < end)
			set_page_refcounted(pfn_to_page(stop));
		start = stop + 1;
	}
}

/**
 * contig_unclaim() - undo contig_claim()
 * @take: the request; none of its pages was prepared for use yet
 *
 * What went bad while it was claimed, when nobody could take it away, is left out, and
 * has the reference of whoever declares it good again.
 *
 * Context: Any but NMI. Takes zone->lock for one block at a time.
 */
void contig_unclaim(struct contig_take *take)
{
	unsigned long block;

	for_each_set_bit(block, take->claimed, take->nr_blocks) {
		contig_unclaim_block(take, block);
		if (contig_may_sleep(take))
			cond_resched();
	}
	bitmap_zero(take->claimed, take->nr_blocks);
}

/**
 * contig_give_back() - free pages straight to the free lists
 * @zone: their zone
 * @start: first PFN
 * @end: one past the last; within the pageblock of @start
 *
 * The per-CPU lists are passed by: there the next claim could not see them.
 * The pages went through free_pages_prepare() before.
 *
 * Context: Any but NMI. Takes zone->lock.
 */
void contig_give_back(struct zone *zone, unsigned long start, unsigned long end)
{
	scoped_guard(spinlock_irqsave, &zone->lock)
		contig_put_free(zone, start, end);
	count_vm_events(PGFREE, end - start);
	/* What became of it after merging is not known here. */
	page_reporting_notify_free(MAX_PAGE_ORDER);
}

/**
 * contig_in_free_block() - is a page part of a free page of any order?
 * @pfn: the page
 *
 * Whoever owns the page gets the right answer without a lock. For others a
 * second look, under the lock, makes sure that it was no mixture of two states.
 *
 * Context: Any but NMI. May take zone->lock.
 * Return: true if the page is on the free lists, be it as head or as tail.
 */
bool contig_in_free_block(unsigned long pfn)
{
	if (contig_free_head(pfn) == CONTIG_NO_PFN)
		return false;

	guard(spinlock_irqsave)(&page_zone(pfn_to_page(pfn))->lock);

	return contig_free_head(pfn) != CONTIG_NO_PFN;
}
