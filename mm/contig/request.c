// SPDX-License-Identifier: GPL-2.0
/*
 * Requests with constraints: translate, find and take, keep a record.
 *
 * The record, first PFN to number of pages, is what makes giving back exact: who
 * names another block, or a part of one, is told so and nothing happens.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "contig.h"
#include "fault.h"
#include "plan.h"

/*
 * Blocks that are out. Its lock is taken from any context, and held for nothing
 * but an entry.
 */
static DEFINE_XARRAY_FLAGS(contig_blocks, XA_FLAGS_LOCK_IRQ);

/* === Translating === */

static bool contig_is_power(phys_addr_t bytes)
{
	return !(bytes & (bytes - 1));
}

/* There has to be a list of zones to go through. */
static bool contig_is_node(int nid)
{
	return nid == NUMA_NO_NODE ||
	       (nid >= 0 && nid < MAX_NUMNODES && node_possible(nid));
}

/* An address may name a page that is beyond all PFNs: it counts as the last. */
static unsigned long contig_to_pfn(u64 pages)
{
	return min_t(u64, pages, ULONG_MAX);
}

/**
 * contig_end_of() - where a wish ends that has a highest address
 * @max_addr: the last address that may be part of it; 0 for any
 *
 * Context: Any.
 * Return: one past the last page that lies wholly below @max_addr or at it.
 */
unsigned long contig_end_of(phys_addr_t max_addr)
{
	phys_addr_t last = max_addr ?: PHYS_ADDR_MAX;
	u64 pages = last >> PAGE_SHIFT;

	return contig_to_pfn(pages + (offset_in_page(last) == PAGE_SIZE - 1));
}

/**
 * contig_align_of() - what a wish is aligned to
 * @align: bytes, a power of two; 0 for a page
 *
 * Context: Any.
 * Return: pages; of what cannot be counted in them, PFN 0 is the only multiple, and
 * so it is of the largest power of two but for one PFN that nothing has.
 */
unsigned long contig_align_of(phys_addr_t align)
{
	return clamp_t(u64, align >> PAGE_SHIFT, 1, 1UL << (BITS_PER_LONG - 1));
}

/*
 * Constraints in bytes become constraints in pages: whatever is smaller than a
 * page is met by each page, but for blocks that are larger than their boundary.
 * A boundary whose pages cannot be counted becomes none.
 */
static bool contig_translate(struct contig_wish *wish,
			     const struct contig_request *req)
{
	*wish = (struct contig_wish){
		.nr_pages = req->nr_pages,
		.align = contig_align_of(req->align),
		.boundary = PHYS_PFN(req->boundary),
		.start = contig_to_pfn((u64)(req->min_addr >> PAGE_SHIFT) +
				       !!offset_in_page(req->min_addr)),
		.end = contig_end_of(req->max_addr),
	};
	/* A compound page is aligned to its size. */
	if (req->gfp & __GFP_COMP)
		wish->align = max(wish->align, wish->nr_pages);
	return contig_is_power(req->align) && contig_is_power(req->boundary) &&
	       !(req->boundary && req->boundary < PAGE_SIZE) &&
	       contig_is_node(req->nid) && req->min_pages <= req->nr_pages &&
	       !(req->min_pages && (req->gfp & __GFP_COMP)) &&
	       req->timeout >= 0 &&
	       !(req->timeout && req->effort != CONTIG_HARD);
}

/* A wish that cannot be is given to the search as one that it will refuse. */
static void contig_state(const struct contig_request *req,
			 struct contig_wish *wish, struct contig_terms *terms,
			 unsigned long caller)
{
	if (!contig_translate(wish, req))
		wish->align = 0;
	contig_agree(terms, req->gfp, req->effort, req->timeout);
	terms->min_pages = req->min_pages;
	terms->caller = caller;
	terms->is_part = false;
}

/* === Keeping a record === */

/* No block has 0 pages: one that is on its way back. */
#define CONTIG_LEAVING	xa_mk_value(0)

/* @old is there, so that no memory is needed. Returns what was there instead. */
static void *contig_exchange(struct page *page, void *old, void *new)
{
	unsigned long flags;
	void *entry;

	xa_lock_irqsave(&contig_blocks, flags);
	entry = __xa_cmpxchg(&contig_blocks, page_to_pfn(page), old, new, 0);
	xa_unlock_irqrestore(&contig_blocks, flags);
	return entry;
}

/*
 * Without a record the block could not be given back. The first entry that a stretch
 * of PFNs gets needs memory.
 */
static bool contig_enter_block(struct page *page, unsigned long nr_pages,
			       gfp_t gfp)
{
	unsigned long flags, pfn = page_to_pfn(page);
	void *new = xa_mk_value(nr_pages), *old;

	if (contig_fault(CONTIG_FAULT_BLOCK))
		return false;
	if (gfpflags_allow_blocking(gfp))
		return !xa_is_err(xa_store_irq(&contig_blocks, pfn, new,
					       (gfp & GFP_KERNEL) | __GFP_NOWARN));
	xa_lock_irqsave(&contig_blocks, flags);
	old = __xa_store(&contig_blocks, pfn, new, GFP_NOWAIT);
	xa_unlock_irqrestore(&contig_blocks, flags);
	return !xa_is_err(old);
}

/* === Taking === */

/* Nobody but us has a reference; what was frozen is freed frozen. */
static int contig_free_block(struct page *page, unsigned long nr_pages)
{
	if (!PageCompound(page))
		return contig_free_range(page_to_pfn(page), nr_pages, false);
	if (!PageHead(page) || compound_nr(page) != nr_pages)
		return -EINVAL;
	if (put_page_testzero(page))
		return contig_free_compound(page, nr_pages);
	return 0;
}

static void contig_refcount(struct page *page, unsigned long nr_pages)
{
	set_pages_refcounted(page, PageCompound(page) ? 1 : nr_pages);
}

/* NULL, with the report put right, if what is out cannot be remembered. */
static struct page *contig_hand_out(struct page *page, gfp_t gfp,
				    struct contig_report *report)
{
	contig_refcount(page, report->nr_pages);
	if (contig_enter_block(page, report->nr_pages, gfp))
		return page;
	contig_free_block(page, report->nr_pages);
	report->nr_pages = 0;
	contig_because(report, -ENOMEM, CONTIG_NO_MEMORY, CONTIG_NO_PFN);
	return NULL;
}

/**
 * contig_alloc_for() - contig_alloc() on behalf of somebody else
 * @req: what is wanted
 * @stop: for contig_call_off(), or NULL
 * @caller: code address of the client
 * @is_part: he tries again if it fails, and will enter by himself how that went
 * @report: how it went
 *
 * Context: As contig_alloc().
 * Return: the first page, or NULL; -EINTR also if it was called off.
 */
struct page *contig_alloc_for_noprof(const struct contig_request *req,
				     const bool *stop, unsigned long caller,
				     bool is_part,
				     struct contig_report *report)
{
	struct contig_terms terms;
	struct contig_wish wish;
	struct page *page;

	contig_state(req, &wish, &terms, caller);
	terms.stop = stop;
	terms.is_part = true;
	page = contig_alloc_pages_on_noprof(&wish, &terms, req->nid,
					    req->nodemask, report);
	if (page)
		page = contig_hand_out(page, terms.gfp, report);
	if (!is_part)
		contig_conclude(page ? page_to_pfn(page) : CONTIG_NO_PFN,
				wish.nr_pages, &terms, report);
	return page;
}

/**
 * contig_alloc() - get physically contiguous memory under constraints
 * @req: what is wanted
 * @report: how it went, or NULL
 *
 * Each page has a reference of its own, or with __GFP_COMP all have one. With
 * @req->min_pages the report says in @nr_pages how many came. The block goes
 * back with contig_free().
 *
 * The errors that @report->error holds if there is no memory:
 * -EINVAL for constraints that can be met nowhere, flags or a node that are not
 * known, or a timeout without CONTIG_HARD;
 * -ENOMEM if nothing that fits is worth an attempt (NO_CANDIDATE), or there is
 * no memory to move pages to (NO_MEMORY);
 * -EBUSY if all that fits is in use by pages that cannot move now, with the page
 * that was in the way last;
 * -EINTR on a fatal signal; -ETIMEDOUT when the time was over.
 *
 * Context: Task context, may sleep; with CONTIG_NOWAIT or a gfp that does not
 * allow blocking any but NMI, also under spinlocks that are not raw.
 * Return: the first page, or NULL.
 */
struct page *contig_alloc_noprof(const struct contig_request *req,
				 struct contig_report *report)
{
	struct contig_report unwanted;

	return contig_alloc_for_noprof(req, NULL, _RET_IP_, false,
				       report ?: &unwanted);
}
EXPORT_SYMBOL_GPL(contig_alloc_noprof);

/**
 * contig_free_exactly() - give back what contig_alloc() handed out
 * @page: its first page
 * @nr_pages: how many there were
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 * Return: 0; -EINVAL with nothing changed if no such block is out.
 */
int contig_free_exactly(struct page *page, unsigned long nr_pages)
{
	void *entry;
	int err;

	/* A size that makes no value would get a warning of the xarray's, too. */
	entry = nr_pages <= LONG_MAX ? xa_mk_value(nr_pages) : NULL;
	if (!page || !nr_pages || !entry ||
	    contig_exchange(page, entry, CONTIG_LEAVING) != entry) {
		contig_count(CONTIG_BAD_FREES, 1);
		return -EINVAL;
	}
	err = contig_free_block(page, nr_pages);
	/* Another block may start there by now. */
	contig_exchange(page, CONTIG_LEAVING, err ? entry : NULL);
	return err;
}

/**
 * contig_free() - give back what contig_alloc() handed out
 * @page: its first page
 * @nr_pages: how many there were, all of them
 *
 * Whatever is not a block that is out, as a whole, is refused with one warning,
 * and nothing changes. Pages that somebody else still holds go when he lets go.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 */
void contig_free(struct page *page, unsigned long nr_pages)
{
	WARN_ON_ONCE(contig_free_exactly(page, nr_pages));
}
EXPORT_SYMBOL_GPL(contig_free);

/* === Asking === */

/**
 * contig_query() - could this request be met?
 * @req: what would be wanted; its effort is not looked at, its gfp is: who may not
 *	sleep is told of the first page that would have to move (WOULD_BLOCK)
 * @report: why not, or how many pages would move; or NULL
 *
 * Changes nothing, and promises nothing: what is free now may be gone.
 *
 * Context: Task context, may sleep.
 * Return: 0 if it would be met now, with the number of pages to move in
 * @report->pages_moved and of those that would come in @report->nr_pages;
 * -EBUSY if not, though this machine has memory that fits; -ENOMEM if it has none
 * (NO_CANDIDATE), or there is no memory to find out (NO_MEMORY); -EINVAL if no
 * machine has; -EINTR on a fatal signal.
 */
int contig_query(const struct contig_request *req, struct contig_report *report)
{
	struct contig_report unwanted;
	struct contig_terms terms;
	struct contig_wish wish;
	u64 began = ktime_get_ns();

	report = report ?: &unwanted;
	memset(report, 0, sizeof(*report));
	contig_state(req, &wish, &terms, _RET_IP_);
	terms.gfp = req->gfp;
	if (contig_wish_is_sane(&wish, req->gfp))
		contig_search_dry(&wish, &terms, req->nid, req->nodemask, report);
	else
		contig_because(report, -EINVAL, CONTIG_BAD_REQUEST, CONTIG_NO_PFN);
	report->elapsed = ktime_get_ns() - began;
	return report->error;
}
EXPORT_SYMBOL_GPL(contig_query);
