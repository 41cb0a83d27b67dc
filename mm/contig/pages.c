// SPDX-License-Identifier: GPL-2.0
/*
 * So many pages, anywhere that will do: check the wish, search, report.
 */
#include <linux/instruction_pointer.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <trace/events/contig.h>

#include "../internal.h"
#include "contig.h"
#include "plan.h"

/**
 * contig_wish_for() - wish for pages anywhere
 * @wish: to be filled in
 * @nr_pages: how many; a power of two comes aligned to itself
 *
 * Context: Any.
 */
void contig_wish_for(struct contig_wish *wish, unsigned long nr_pages)
{
	*wish = (struct contig_wish){
		.nr_pages = nr_pages,
		.align = is_power_of_2(nr_pages) ? nr_pages : 1,
		.end = ULONG_MAX,
	};
}

/**
 * contig_wish_is_sane() - could any machine meet a wish, in this form?
 * @wish: what is wished for; need not make sense
 * @gfp: the flags that go with it
 *
 * Context: Any.
 * Return: whether to search for it at all.
 */
bool contig_wish_is_sane(const struct contig_wish *wish, gfp_t gfp)
{
	/* Some zones exclude each other. */
	if (GFP_ZONE_BAD >> (__force int)(gfp & GFP_ZONEMASK) & 1)
		return false;
	return contig_gfp_is_known(current_gfp_context(gfp)) &&
	       contig_size_is_sane(wish->nr_pages, gfp) &&
	       contig_wish_possible(wish);
}

/**
 * contig_alloc_pages_on() - find and take frozen pages, on given terms
 * @wish: how many, and where they may lie
 * @terms: as from contig_agree(); its gfp also says where to look
 * @nid: where to look first, NUMA_NO_NODE for nearby
 * @nodemask: where else to look, NULL for anywhere
 * @report: filled in, whatever happens
 *
 * Context: As contig_alloc_range_on().
 * Return: the first page, or NULL.
 */
struct page *contig_alloc_pages_on_noprof(const struct contig_wish *wish,
					  struct contig_terms *terms, int nid,
					  nodemask_t *nodemask,
					  struct contig_report *report)
{
	u64 began = ktime_get_ns();
	struct page *page = NULL;
	int err;

	memset(report, 0, sizeof(*report));
	if (!contig_wish_is_sane(wish, terms->gfp))
		err = contig_because(report, -EINVAL, CONTIG_BAD_REQUEST,
				     CONTIG_NO_PFN);
	else
		err = contig_search(wish, terms, nid, nodemask, report, &page);
	report->elapsed = ktime_get_ns() - began;
	if (!terms->is_part)
		contig_conclude(page ? page_to_pfn(page) : CONTIG_NO_PFN,
				wish->nr_pages, terms, report);
	if (!err)
		return page;

	trace_contig_search_fail(wish->nr_pages, report);
	if (!report->ranges_tried)
		contig_count_reason(report->reason);
	return NULL;
}

/**
 * contig_alloc_pages() - find and take a range of frozen pages, and say how
 * @nr_pages: how many; a power of two comes aligned to itself
 * @gfp: how hard to try, where, and what form the pages get
 * @nid: where to look first, NUMA_NO_NODE for nearby
 * @nodemask: where else to look, NULL for anywhere
 * @report: filled in, whatever happens
 *
 * Context: As contig_alloc_range().
 * Return: the first page, or NULL.
 */
struct page *contig_alloc_pages_noprof(unsigned long nr_pages, gfp_t gfp,
				       int nid, nodemask_t *nodemask,
				       struct contig_report *report)
{
	struct contig_terms terms;
	struct contig_wish wish;

	contig_wish_for(&wish, nr_pages);
	contig_terms_of(&terms, gfp, _RET_IP_);
	return contig_alloc_pages_on_noprof(&wish, &terms, nid, nodemask,
					    report);
}
