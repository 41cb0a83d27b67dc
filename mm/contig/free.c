// SPDX-License-Identifier: GPL-2.0
/*
 * Give a range back, checked.
 *
 * All of the range is looked at before any of it is freed: a caller who passes
 * pages that are free already, belong to somebody else or are part of a
 * compound page gets an error, and nothing changes. Then each block goes back
 * to the free lists in the largest aligned pieces.
 *
 * A page that somebody else still holds is freed when the last reference goes.
 */
#include <linux/mm.h>
#include <linux/page-flags.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

/* No page that was handed out, and not been given back, looks like this. */
static bool contig_page_is_foreign(struct page *page, bool frozen)
{
	return PageCompound(page) || PageBuddy(page) || page_has_type(page) ||
	       PageReserved(page) || PageLRU(page) || page->mapping ||
	       (!frozen && page_ref_count(page) <= 0);
}

/*
 * All of [start, end) may have been handed out by us. Of frozen pages some may
 * have a reference that their owner does not know of, but not all.
 */
static bool contig_range_is_freeable(unsigned long start, unsigned long end,
				     bool frozen)
{
	bool any = false;

	for (unsigned long pfn = start; pfn < end; pfn++) {
		struct page *page;

		/* Presence comes by section, and a pageblock lies in one. */
		if ((pfn == start || pageblock_aligned(pfn)) &&
		    !pfn_to_online_page(pfn))
			return false;
		page = pfn_to_page(pfn);
		if (contig_page_is_foreign(page, frozen))
			return false;
		any |= !frozen || !page_ref_count(page);
	}
	/* A free page that begins inside the range was seen as such above. */
	return any && (!frozen || !contig_in_free_block(start));
}

/*
 * Drop the caller's claim on one page; true if it is to be freed now. Whoever
 * else holds it frees it later.
 */
static bool contig_put(struct page *page, bool frozen)
{
	bool last = frozen ? !page_ref_count(page) : put_page_testzero(page);

	return last && free_pages_prepare(page, 0);
}

/* Free [start, end), which lies in one pageblock. */
static void contig_free_block(unsigned long start, unsigned long end,
			      bool frozen)
{
	struct zone *zone = page_zone(pfn_to_page(start));
	unsigned long run = start;

	for (unsigned long pfn = start; pfn < end; pfn++) {
		if (contig_put(pfn_to_page(pfn), frozen))
			continue;
		if (run < pfn)
			contig_give_back(zone, run, pfn);
		run = pfn + 1;
	}
	if (run < end)
		contig_give_back(zone, run, end);
}

static void contig_give_back_all(unsigned long start, unsigned long end)
{
	while (start < end) {
		unsigned long stop = min(pageblock_end_pfn(start), end);

		contig_give_back(page_zone(pfn_to_page(start)), start, stop);
		start = stop;
	}
}

/**
 * contig_free_compound() - give a compound page back
 * @head: its head page, frozen
 * @nr_pages: how many pages the caller thinks it has
 *
 * Context: Any but NMI, also under spinlocks that are not raw. Takes
 * zone->lock for one block at a time.
 * Return: 0; -EINVAL with nothing changed if @head is a tail, the size is
 * another one, or somebody holds a reference.
 */
int contig_free_compound(struct page *head, unsigned long nr_pages)
{
	unsigned long pfn = page_to_pfn(head);

	if (!PageHead(head) || page_ref_count(head) ||
	    compound_nr(head) != nr_pages) {
		contig_count(CONTIG_BAD_FREES, 1);
		return -EINVAL;
	}

	if (free_pages_prepare(head, ilog2(nr_pages)))
		contig_give_back_all(pfn, pfn + nr_pages);
	contig_count(CONTIG_FREES, 1);
	return 0;
}

/**
 * contig_free_range() - give pages of order 0 back
 * @pfn: first PFN
 * @nr_pages: how many pages, any part of what was handed out
 * @frozen: they have no reference; otherwise one of each is dropped
 *
 * A frozen page that somebody freed singly, so that it is on a per-CPU list,
 * cannot be told from one that is still out.
 *
 * Context: Any but NMI, also under spinlocks that are not raw. Takes
 * zone->lock for one block at a time.
 * Return: 0; -EINVAL with nothing changed if the range is empty or a page of
 * it is not there, free already, part of a compound page, or in use in a way
 * that pages handed out by us are not.
 */
int contig_free_range(unsigned long pfn, unsigned long nr_pages, bool frozen)
{
	unsigned long end = pfn + nr_pages;

	if (!contig_range_is_freeable(pfn, end, frozen)) {
		contig_count(CONTIG_BAD_FREES, 1);
		return -EINVAL;
	}

	while (pfn < end) {
		unsigned long stop = min(pageblock_end_pfn(pfn), end);

		contig_free_block(pfn, stop, frozen);
		pfn = stop;
	}
	contig_count(CONTIG_FREES, 1);
	return 0;
}
