/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_CONTIG_PLAN_H
#define _MM_CONTIG_PLAN_H

/**
 * struct contig_wish - what a range has to fit
 * @nr_pages: how many pages
 * @align: its first PFN is a multiple of this, a power of two
 * @boundary: it crosses no multiple of this, a power of two; 0 for none
 * @start: lowest PFN
 * @end: one past the highest
 */
struct contig_wish {
	unsigned long nr_pages;
	unsigned long align;
	unsigned long boundary;
	unsigned long start;
	unsigned long end;
};

static inline unsigned long contig_first_fit(const struct contig_wish *wish, unsigned long pfn)
{
	unsigned long start = ALIGN(max(pfn, wish->start), wish->align);

	if (start < pfn)
		return CONTIG_NO_PFN;
	if (wish->boundary && wish->nr_pages > wish->boundary - (start & (wish->boundary - 1)))
		start = ALIGN(start, wish->boundary);
	if (start < pfn || start > wish->end || wish->nr_pages > wish->end - start)
		return CONTIG_NO_PFN;
	return start;
}

static inline bool contig_wish_possible(const struct contig_wish *wish)
{
	return wish->nr_pages && (!wish->boundary || wish->nr_pages <= wish->boundary) &&
	       contig_first_fit(wish, wish->start) != CONTIG_NO_PFN;
}
#endif
