// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of <linux/gfp.h>, with the signatures and results that their users
 * know. Each is a thin cover over what range.c, pages.c and free.c do, and adds
 * the warning that a caller's mistake deserves.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>

#include "../internal.h"
#include "contig.h"
#include "plan.h"

static int contig_alloc_range_for(unsigned long caller, unsigned long start,
				  unsigned long end, acr_flags_t flags,
				  gfp_t gfp)
{
	struct contig_report report;
	struct contig_terms terms;

	WARN_ON_ONCE(!contig_range_is_sane(start, end, gfp));
	contig_terms_of(&terms, gfp, caller);
	return contig_alloc_range_on_noprof(start, end, flags, &terms, &report);
}

static struct page *contig_alloc_pages_for(unsigned long caller,
					   unsigned long nr_pages, gfp_t gfp,
					   int nid, nodemask_t *nodemask)
{
	struct contig_report report;
	struct contig_terms terms;
	struct contig_wish wish;

	WARN_ON_ONCE(!contig_size_is_sane(nr_pages, gfp));
	contig_wish_for(&wish, nr_pages);
	contig_terms_of(&terms, gfp, caller);
	return contig_alloc_pages_on_noprof(&wish, &terms, nid, nodemask,
					    &report);
}

/**
 * alloc_contig_frozen_range() - take an exact range of frozen pages
 * @start: first PFN
 * @end: one past the last; need not be aligned to anything
 * @alloc_flags: ACR_FLAGS_CMA for the blocks of CMA areas
 * @gfp_mask: reclaim modifiers, and of the action modifiers COMP, ZERO,
 *	ZEROTAGS, SKIP_ZERO, SKIP_KASAN and NOWARN; NORETRY to wait for no page,
 *	RETRY_MAYFAIL to wait for a second in all; hints about place are ignored
 *
 * With __GFP_COMP the range becomes one compound page: its size is a power of
 * two of up to MAX_FOLIO_ORDER and it is aligned to its size.
 *
 * Context: Task context if @gfp_mask allows blocking, then it may sleep;
 * otherwise any but NMI, also under spinlocks that are not raw, and only free
 * pages are taken.
 * Return: 0; -EBUSY if a page is in the way; -ENOMEM if there is nowhere to
 * move pages to; -EINTR on a fatal signal;
 * -EINVAL for other flags, a range that is empty, inverted, not all present
 * or not all in one zone, and a compound page that cannot be.
 */
int alloc_contig_frozen_range_noprof(unsigned long start, unsigned long end,
				     acr_flags_t alloc_flags, gfp_t gfp_mask)
{
	return contig_alloc_range_for(_RET_IP_, start, end, alloc_flags,
				      gfp_mask);
}
EXPORT_SYMBOL(alloc_contig_frozen_range_noprof);

/**
 * alloc_contig_range() - take an exact range of pages
 * @start: first PFN
 * @end: one past the last; need not be aligned to anything
 * @alloc_flags: ACR_FLAGS_CMA for the blocks of CMA areas
 * @gfp_mask: as for alloc_contig_frozen_range(), but not __GFP_COMP
 *
 * Each page gets a reference of its own and may be freed alone, or with any
 * others of the range by free_contig_range().
 *
 * Context: As alloc_contig_frozen_range().
 * Return: As alloc_contig_frozen_range().
 */
int alloc_contig_range_noprof(unsigned long start, unsigned long end,
			      acr_flags_t alloc_flags, gfp_t gfp_mask)
{
	int err;

	if (WARN_ON_ONCE(gfp_mask & __GFP_COMP))
		return -EINVAL;

	err = contig_alloc_range_for(_RET_IP_, start, end, alloc_flags,
				     gfp_mask);
	if (!err)
		set_pages_refcounted(pfn_to_page(start), end - start);
	return err;
}
EXPORT_SYMBOL(alloc_contig_range_noprof);

/**
 * alloc_contig_frozen_pages() - find and take a range of frozen pages
 * @nr_pages: how many; a power of two comes aligned to itself
 * @gfp_mask: where to look, and as for alloc_contig_frozen_range()
 * @nid: where to look first
 * @nodemask: where else to look, NULL for anywhere
 *
 * Ranges that hold hugetlb pages are tried last, and only if those pages are
 * smaller than the request.
 *
 * Context: As alloc_contig_frozen_range().
 * Return: the first page, or NULL if there is no such range or the arguments
 * make no sense.
 */
struct page *alloc_contig_frozen_pages_noprof(unsigned long nr_pages,
					      gfp_t gfp_mask, int nid,
					      nodemask_t *nodemask)
{
	return contig_alloc_pages_for(_RET_IP_, nr_pages, gfp_mask, nid,
				      nodemask);
}
EXPORT_SYMBOL(alloc_contig_frozen_pages_noprof);

/**
 * alloc_contig_pages() - find and take a range of pages
 * @nr_pages: how many; a power of two comes aligned to itself
 * @gfp_mask: as for alloc_contig_frozen_pages(), but not __GFP_COMP
 * @nid: where to look first
 * @nodemask: where else to look, NULL for anywhere
 *
 * Each page gets a reference of its own, as from alloc_contig_range().
 *
 * Context: As alloc_contig_frozen_range().
 * Return: As alloc_contig_frozen_pages().
 */
struct page *alloc_contig_pages_noprof(unsigned long nr_pages, gfp_t gfp_mask,
				       int nid, nodemask_t *nodemask)
{
	struct page *first = NULL;

	if (!WARN_ON_ONCE(gfp_mask & __GFP_COMP))
		first = contig_alloc_pages_for(_RET_IP_, nr_pages, gfp_mask,
					       nid, nodemask);
	if (first)
		set_pages_refcounted(first, nr_pages);
	return first;
}
EXPORT_SYMBOL(alloc_contig_pages_noprof);

/**
 * free_contig_frozen_range() - give frozen pages back
 * @pfn: first PFN
 * @nr_pages: how many: a whole compound page, or any part of other pages
 *
 * Pages that are not the caller's to give back stay as they are, all of them,
 * with one warning.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 */
void free_contig_frozen_range(unsigned long pfn, unsigned long nr_pages)
{
	struct page *page = pfn_to_page(pfn);

	if (PageCompound(page))
		WARN_ON_ONCE(contig_free_compound(page, nr_pages));
	else
		WARN_ON_ONCE(contig_free_range(pfn, nr_pages, true));
}
EXPORT_SYMBOL(free_contig_frozen_range);

/**
 * free_contig_range() - drop one reference of each page of a range
 * @pfn: first PFN
 * @nr_pages: how many, any part of what was handed out
 *
 * Pages that are not the caller's to give back stay as they are, all of them,
 * with one warning.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 */
void free_contig_range(unsigned long pfn, unsigned long nr_pages)
{
	WARN_ON_ONCE(contig_free_range(pfn, nr_pages, false));
}
EXPORT_SYMBOL(free_contig_range);
