// SPDX-License-Identifier: GPL-2.0
/*
 * Give a range back, checked.
 *
 * A page that somebody else still holds is freed when the last reference goes.
 */
#include <linux/kmsan.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgalloc_tag.h>
#include <linux/unroll.h>
#include <trace/events/kmem.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"

/**
 * DOC: Giving back
 *
 * ``free_contig_range()`` takes any part of what was handed out. It looks at all
 * of the pages before it frees the first one: a range that is partly free, in use
 * by somebody else or part of a compound page is left alone, with one warning.
 * Pages go straight to the buddy lists in the largest aligned pieces. Those that
 * are as clean as when they were handed out, which one walk over all of them shows,
 * need no more than the hooks of a free page; any others are cleaned one by one.
 */

/* No page that was handed out, and not been given back, looks like this. */
static bool contig_page_is_foreign(struct page *page, bool frozen)
{
	return PageCompound(page) || PageBuddy(page) || page_has_type(page) ||
	       PageReserved(page) || PageLRU(page) || page->mapping ||
	       (!frozen && page_ref_count(page) <= 0);
}

/**
 * struct contig_traces - what the owner of pages left on them, summed up
 * @fields: flags and other words that are 0 in a page just handed out, or'ed
 * @types: page types, and'ed: all bits are set where there is none
 * @refs_or: reference counts, or'ed
 * @refs_and: reference counts, and'ed, unless the pages are frozen
 */
struct contig_traces {
	unsigned long fields;
	unsigned int types;
	int refs_or;
	int refs_and;
};

/* What must be 0 in the flags of a page that needs no cleaning. */
#define CONTIG_OWNER_FLAGS	(PAGE_FLAGS_CHECK_AT_PREP | __PG_HWPOISON)

/*
 * This is most of what giving back costs, so there is no branch for a page, and a
 * sum for each field: one instruction each.
 */
static __always_inline void contig_trace(struct contig_traces *traces,
					 unsigned long start, unsigned long end,
					 bool frozen)
{
	struct page *page = pfn_to_page(start), *last = page + (end - start) - 1;
	unsigned long flags = 0, mapping = 0, private = 0, memcg = 0;
	unsigned int types = ~0U;
	int refs_or = 0, refs_and = ~0;

	unrolled_count(4)
	for (; page <= last; page++) {
		/* page_ref_count() would be a load of its own. */
		int refs = data_race(page->_refcount.counter);

		flags |= page->flags.f;
		mapping |= (unsigned long)page->mapping;
		private |= page->private;
#ifdef CONFIG_MEMCG
		memcg |= page->memcg_data;
#endif
		types &= page->page_type;
		refs_or |= refs;
		if (!frozen)
			refs_and &= refs;
	}
	traces->fields |= mapping | private | memcg | (flags & CONTIG_OWNER_FLAGS);
	traces->types &= types;
	traces->refs_or |= refs_or;
	traces->refs_and &= refs_and;
}

/* There is nothing on any page that freeing would have to clear. */
static bool contig_traces_plain(const struct contig_traces *traces, bool frozen)
{
	return !traces->fields && traces->types == ~0U &&
	       !(frozen && traces->refs_or);
}

/* So plain that no page needs a look of its own. */
static bool contig_traces_ours(const struct contig_traces *traces, bool frozen)
{
	return contig_traces_plain(traces, frozen) &&
	       (frozen || (traces->refs_or == 1 && traces->refs_and == 1));
}

/* The same page by page; *any is set if one has no reference but the caller's. */
static bool contig_pages_ours(unsigned long start, unsigned long end,
			      bool frozen, bool *any)
{
	for (unsigned long pfn = start; pfn < end; pfn++) {
		struct page *page = pfn_to_page(pfn);

		if (contig_page_is_foreign(page, frozen))
			return false;
		*any |= !frozen || !page_ref_count(page);
	}
	return true;
}

/*
 * All of [start, end) may have been handed out by us. Of frozen pages some may
 * have a reference that their owner does not know of, but not all.
 */
static bool contig_range_is_freeable(unsigned long start, unsigned long end,
				     bool frozen, bool *plain)
{
	struct contig_traces traces = { .types = ~0U, .refs_and = ~0 };
	bool any = false;
	unsigned long stop;

	for (unsigned long pfn = start; pfn < end; pfn = stop) {
		stop = min(pageblock_end_pfn(pfn), end);
		/* Presence comes by section, and a pageblock lies in one. */
		if (!pfn_to_online_page(pfn))
			return false;
		if (frozen)
			contig_trace(&traces, pfn, stop, true);
		else
			contig_trace(&traces, pfn, stop, false);
		if (contig_traces_ours(&traces, frozen))
			any = true;
		else if (!contig_pages_ours(pfn, stop, frozen, &any))
			return false;
	}
	/* Whoever has a reference may still leave something on the page. */
	*plain = contig_traces_ours(&traces, frozen);
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

/* Does somebody keep a record of each page, which may differ from its neighbour's? */
static bool contig_pages_have_records(void)
{
	return contig_has_page_owner() || mem_alloc_profiling_enabled();
}

/* The hooks over the largest aligned pieces of pages that need nothing else. */
static void contig_unprepare(unsigned long start, unsigned long end)
{
	unsigned int max_order = contig_pages_have_records() ? 0 : MAX_PAGE_ORDER;

	while (start < end) {
		unsigned int order = contig_piece_order(start, end, max_order);
		struct page *page = pfn_to_page(start);

		trace_mm_page_free(page, order);
		kmsan_free_page(page, order);
		free_page_hooks(page, order, false);
		start += 1UL << order;
	}
}

static void contig_free_run(struct zone *zone, unsigned long start,
			    unsigned long end, bool plain)
{
	if (start >= end)
		return;
	if (plain)
		contig_unprepare(start, end);
	contig_give_back(zone, start, end);
}

/* Drop a reference of each page up to the first that somebody else holds. */
static unsigned long contig_put_plain(unsigned long start, unsigned long end)
{
	struct page *first = pfn_to_page(start), *page = first;
	struct page *last = first + (end - start) - 1;

	while (page <= last && put_page_testzero(page))
		page++;
	/* Behind the last page of a section need not be the next one's. */
	return start + (page - first);
}

/* The same for pages that need cleaning, or that nobody holds. */
static unsigned long contig_put_odd(unsigned long start, unsigned long end,
				    bool frozen)
{
	unsigned long pfn = start;

	while (pfn < end && contig_put(pfn_to_page(pfn), frozen))
		pfn++;
	return pfn;
}

/* Free [start, end), which lies in one pageblock. */
static void contig_free_block(unsigned long start, unsigned long end,
			      bool frozen, bool plain)
{
	struct zone *zone = page_zone(pfn_to_page(start));

	while (start < end) {
		unsigned long stop = end;

		if (!plain)
			stop = contig_put_odd(start, end, frozen);
		else if (!frozen)
			stop = contig_put_plain(start, end);
		contig_free_run(zone, start, stop, plain);
		/* the page there stays with somebody else */
		start = stop + 1;
	}
}

static void contig_free_blocks(unsigned long start, unsigned long end,
			       bool frozen, bool plain)
{
	while (start < end) {
		unsigned long stop = min(pageblock_end_pfn(start), end);

		contig_free_block(start, stop, frozen, plain);
		start = stop;
	}
}

/**
 * contig_free_unused() - free pages that were prepared and not handed out
 * @start: first PFN
 * @end: one past the last
 *
 * Bad ones are left out.
 *
 * Context: As contig_free_range().
 */
void contig_free_unused(unsigned long start, unsigned long end)
{
	contig_free_blocks(start, end, true, false);
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
	contig_tell_free(pfn);
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
	bool plain;

	if (pfn >= end || !contig_range_is_freeable(pfn, end, frozen, &plain)) {
		contig_count(CONTIG_BAD_FREES, 1);
		return -EINVAL;
	}

	contig_free_blocks(pfn, end, frozen, plain);
	contig_count(CONTIG_FREES, 1);
	contig_tell_free(pfn);
	return 0;
}
