// SPDX-License-Identifier: GPL-2.0
/*
 * Which windows of a map meet a wish, and which of them is the cheapest.
 *
 * A scan is fed the map as stretches in order of PFN. The cost of a window is
 * piecewise linear in its start, so of all windows that begin in one piece and end
 * in another only the first and the last that meet the wish can be the cheapest:
 * each pair of pieces is looked at once, and a stretch costs O(1) amortized.
 */
#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "plan.h"

/* What is put together, when it has to be, is this small a part of the window. */
#define CONTIG_GRAINS		48

static bool contig_wish_is_void(const struct contig_wish *wish)
{
	return !wish->nr_pages ||
	       (wish->boundary && wish->nr_pages > wish->boundary);
}

/* The first multiple of @align from @pfn on, or CONTIG_NO_PFN. */
static unsigned long contig_align_up(unsigned long pfn, unsigned long align)
{
	unsigned long mask = align - 1;

	return pfn > ~mask ? CONTIG_NO_PFN : (pfn + mask) & ~mask;
}

/* Does a window at @pfn, which does not overflow, lie across a boundary? */
static bool contig_crosses(const struct contig_wish *wish, unsigned long pfn)
{
	unsigned long last = pfn + wish->nr_pages - 1;

	return wish->boundary && (pfn ^ last) & ~(wish->boundary - 1);
}

/**
 * contig_first_fit() - the lowest window from some PFN on
 * @wish: what it has to be like
 * @pfn: it starts here or above
 *
 * Return: where it starts, or %CONTIG_NO_PFN if there is none.
 */
unsigned long contig_first_fit(const struct contig_wish *wish,
			       unsigned long pfn)
{
	unsigned long last;

	if (contig_wish_is_void(wish) || wish->end < wish->nr_pages)
		return CONTIG_NO_PFN;
	last = wish->end - wish->nr_pages;
	pfn = contig_align_up(max(pfn, wish->start), wish->align);
	if (pfn > last)
		return CONTIG_NO_PFN;
	/* A wish that can cross is aligned to less than the boundary. */
	if (contig_crosses(wish, pfn))
		pfn = (pfn | (wish->boundary - 1)) + 1;
	return pfn > last ? CONTIG_NO_PFN : pfn;
}

/**
 * contig_last_fit() - the highest window up to some PFN
 * @wish: what it has to be like
 * @pfn: it starts here or below
 *
 * Return: where it starts, or %CONTIG_NO_PFN if there is none.
 */
unsigned long contig_last_fit(const struct contig_wish *wish,
			      unsigned long pfn)
{
	if (contig_wish_is_void(wish) || wish->end < wish->nr_pages)
		return CONTIG_NO_PFN;
	pfn = min(pfn, wish->end - wish->nr_pages) & ~(wish->align - 1);
	if (contig_crosses(wish, pfn)) {
		pfn = (pfn + wish->nr_pages - 1) & ~(wish->boundary - 1);
		pfn = (pfn - wish->nr_pages) & ~(wish->align - 1);
	}
	return pfn < wish->start ? CONTIG_NO_PFN : pfn;
}

/**
 * contig_wish_possible() - could a window like that exist at all?
 * @wish: what it has to be like; need not make sense
 *
 * Return: whether memory in the right place would be enough to meet it.
 */
bool contig_wish_possible(const struct contig_wish *wish)
{
	if (!is_power_of_2(wish->align) ||
	    (wish->boundary && !is_power_of_2(wish->boundary)))
		return false;
	return contig_first_fit(wish, 0) != CONTIG_NO_PFN;
}

/* Not 0 if anything is in use, and exact if @pages is a small power of two. */
static u32 contig_rate(unsigned long in_use, unsigned long pages)
{
	unsigned int shift = 0;

	if (!in_use)
		return 0;
	if (in_use >= pages)
		return CONTIG_COST_PAGE;
	if (is_power_of_2(pages) && pages <= CONTIG_COST_PAGE)
		return in_use << (CONTIG_COST_SHIFT - ilog2(pages));
	if (pages > U64_MAX >> (CONTIG_COST_SHIFT + 1))
		shift = CONTIG_COST_SHIFT + 1;
	return div64_ul(((u64)(in_use >> shift) << CONTIG_COST_SHIFT) +
			(pages >> shift) - 1, pages >> shift);
}

static struct contig_piece *contig_scan_piece(struct contig_scan *scan,
					      unsigned int nr)
{
	return scan->pieces + (scan->first + nr) % CONTIG_SCAN_PIECES;
}

static void contig_scan_found(struct contig_scan *scan, unsigned long pfn,
			      u64 cost)
{
	scan->best = pfn;
	scan->cost = cost;
}

/*
 * Of the windows that start in @lo to @hi, which lie in the piece @left, and that
 * end in the piece @right: is one the cheapest so far?
 */
static void contig_scan_consider(struct contig_scan *scan, unsigned long lo,
				 unsigned long hi,
				 const struct contig_piece *left,
				 const struct contig_piece *right)
{
	bool falls = right->rate < left->rate && !scan->in_order;
	unsigned long pfn = falls ? hi : lo, fit;
	u64 cost;

	cost = right->sum - left->sum +
	       (u64)right->rate * (pfn + scan->wish.nr_pages - right->start) -
	       (u64)left->rate * (pfn - left->start);
	/* Those that meet the wish are no cheaper than the best that need not. */
	if (scan->in_order ? scan->best != CONTIG_NO_PFN : cost >= scan->cost)
		return;
	fit = falls ? contig_last_fit(&scan->wish, pfn) :
		      contig_first_fit(&scan->wish, pfn);
	if (fit < lo || fit > hi)
		return;
	cost += ((u64)right->rate - left->rate) * (fit - pfn);
	if (cost < scan->cost)
		contig_scan_found(scan, fit, cost);
}

/* All windows that end in the piece @right, which ends at @end and is the last. */
static void contig_scan_slide(struct contig_scan *scan, unsigned long end,
			      const struct contig_piece *right)
{
	unsigned long nr_pages = scan->wish.nr_pages, lo = scan->run, hi, next;

	if (end - scan->run < nr_pages)
		return;
	hi = end - nr_pages;
	if (scan->edge - scan->run >= nr_pages)
		lo = scan->edge - nr_pages + 1;
	while (lo <= hi) {
		const struct contig_piece *left = contig_scan_piece(scan, 0);

		next = left == right ? end : contig_scan_piece(scan, 1)->start;
		if (lo < next)
			contig_scan_consider(scan, lo, min(hi, next - 1), left,
					     right);
		if (hi < next)
			break;
		lo = max(lo, next);
		scan->first++;
		scan->nr_pieces--;
	}
}

/* There is no room for one more piece: make one of two, and have fewer now on. */
static void contig_scan_coarsen(struct contig_scan *scan)
{
	unsigned int nr = scan->nr_pieces / 2;

	scan->grain = max(scan->wish.nr_pages / CONTIG_GRAINS, 2UL);
	for (unsigned int i = 0; i < nr; i++) {
		struct contig_piece piece = *contig_scan_piece(scan, 2 * i);
		unsigned long end = scan->edge;
		u64 sum = scan->sum;

		if (i + 1 < nr) {
			end = contig_scan_piece(scan, 2 * i + 2)->start;
			sum = contig_scan_piece(scan, 2 * i + 2)->sum;
		}
		/* Rounded down: no window looks cheaper than it is. */
		piece.rate = div64_ul(sum - piece.sum, end - piece.start);
		*contig_scan_piece(scan, i) = piece;
	}
	scan->nr_pieces = nr;
}

/* The run goes on up to @end, at @rate. */
static void contig_scan_extend(struct contig_scan *scan, unsigned long end,
			       u32 rate)
{
	struct contig_piece *tail;

	tail = contig_scan_piece(scan, scan->nr_pieces - 1);
	if (scan->grain || !scan->nr_pieces || tail->rate != rate) {
		if (scan->nr_pieces == CONTIG_SCAN_PIECES)
			contig_scan_coarsen(scan);
		tail = contig_scan_piece(scan, scan->nr_pieces++);
		tail->start = scan->edge;
		tail->rate = rate;
		tail->sum = scan->sum;
	}
	contig_scan_slide(scan, end, tail);
	scan->sum += (u64)rate * (end - scan->edge);
	scan->edge = end;
}

static void contig_scan_flush(struct contig_scan *scan)
{
	unsigned long pages = scan->pending;

	if (!pages)
		return;
	scan->pending = 0;
	contig_scan_extend(scan, scan->edge + pages,
			   div64_ul(scan->pending_cost + pages - 1, pages));
	scan->pending_cost = 0;
}

/* What is free is never put together with what is not, if it is large enough. */
static bool contig_scan_all_free(struct contig_scan *scan, unsigned long end)
{
	unsigned long pfn;

	if (end - scan->free < scan->wish.nr_pages || scan->in_order)
		return false;
	pfn = contig_first_fit(&scan->wish, scan->free);
	if (pfn >= scan->to || pfn >= end || end - pfn < scan->wish.nr_pages)
		return false;
	contig_scan_found(scan, pfn, 0);
	return true;
}

/* [start, end) may be used, at @rate. */
static void contig_scan_add(struct contig_scan *scan, unsigned long start,
			    unsigned long end, u32 rate)
{
	unsigned long pages = end - start;

	if (scan->run == CONTIG_NO_PFN) {
		scan->run = start;
		scan->free = start;
		scan->edge = start;
	}
	if (rate)
		scan->free = end;
	else if (contig_scan_all_free(scan, end))
		return;
	if (!scan->grain) {
		contig_scan_extend(scan, end, rate);
		return;
	}
	if (pages >= scan->grain)
		contig_scan_flush(scan);
	scan->pending += pages;
	scan->pending_cost += (u64)rate * pages;
	if (scan->pending >= scan->grain)
		contig_scan_flush(scan);
}

/* How much room is there at @pfn? Returns the boundary that ends it. */
static unsigned long contig_scan_room(struct contig_scan *scan,
				      unsigned long pfn, unsigned long end)
{
	unsigned long boundary = scan->wish.boundary;
	unsigned long last = end - 1, room;

	pfn = contig_align_up(pfn, scan->wish.align);
	if (pfn > last || pfn >= scan->to)
		return CONTIG_NO_PFN;
	if (boundary)
		last = min(last, pfn | (boundary - 1));
	room = min(last - pfn, scan->wish.nr_pages - 2) + 1;
	if (scan->wish.nr_pages > 1 && room > scan->longest) {
		scan->longest = room;
		scan->longest_start = pfn;
	}
	return last + 1;
}

/* Now it matters what was queued. */
static void contig_scan_drain(struct contig_scan *scan)
{
	unsigned long start = scan->edge + scan->pending;

	for (unsigned int i = 0; i < scan->nr_queued; i++) {
		const struct contig_queued *queued = scan->queue + i;

		contig_scan_add(scan, start, queued->end,
				contig_rate(queued->in_use,
					    queued->end - start));
		start = queued->end;
	}
	scan->nr_queued = 0;
}

/* What comes next may not be used. */
static void contig_scan_close(struct contig_scan *scan)
{
	unsigned long end = scan->edge + scan->pending, next;

	if (scan->run == CONTIG_NO_PFN)
		return;
	if (scan->nr_queued)
		end = scan->queue[scan->nr_queued - 1].end;
	if (end - scan->run >= scan->wish.nr_pages) {
		contig_scan_drain(scan);
		contig_scan_flush(scan);
	}
	/* No room is larger than from one boundary to the next. */
	if (end - scan->run > scan->longest) {
		next = contig_scan_room(scan, scan->run, end);
		if (next < end)
			contig_scan_room(scan, next, end);
	}
	scan->run = CONTIG_NO_PFN;
	scan->nr_pieces = 0;
	scan->nr_queued = 0;
	scan->pending = 0;
	scan->pending_cost = 0;
	scan->sum = 0;
}

static void contig_scan_next_ruled_out(struct contig_scan *scan)
{
	scan->plain = scan->stop;
	if (scan->nr_ruled_out && *scan->ruled_out < scan->stop) {
		scan->plain = *scan->ruled_out++;
		scan->nr_ruled_out--;
	}
}

/* The same as contig_scan_add(), but PFNs in between are in the way. */
static void contig_scan_split(struct contig_scan *scan, unsigned long start,
			      unsigned long end, u32 rate)
{
	while (scan->plain < end) {
		unsigned long pfn = scan->plain;

		contig_scan_next_ruled_out(scan);
		if (pfn < start)
			continue;
		if (start < pfn)
			contig_scan_add(scan, start, pfn, rate);
		contig_scan_close(scan);
		start = pfn + 1;
	}
	if (start < end)
		contig_scan_add(scan, start, end, rate);
}

static bool contig_scan_enough(const struct contig_scan *scan)
{
	return scan->end >= scan->stop || !scan->cost ||
	       (scan->in_order && scan->best != CONTIG_NO_PFN);
}

/**
 * contig_scan_rule_out() - some pages are in the way
 * @scan: fresh from contig_scan_init()
 * @pfns: where, rising; to stay there while the scan is fed
 * @nr: how many
 */
void contig_scan_rule_out(struct contig_scan *scan, const unsigned long *pfns,
			  unsigned int nr)
{
	scan->ruled_out = pfns;
	scan->nr_ruled_out = nr;
	contig_scan_next_ruled_out(scan);
}

/**
 * contig_scan_init() - begin to look for the cheapest window
 * @scan: to be set up; @in_order may be set afterwards
 * @wish: what the window has to be like
 * @highest: no stretch above this level may be part of it
 * @from: it starts here or behind
 * @to: it starts before this
 */
void contig_scan_init(struct contig_scan *scan, const struct contig_wish *wish,
		      enum contig_level highest, unsigned long from,
		      unsigned long to)
{
	memset(scan, 0, offsetof(struct contig_scan, queue));
	scan->wish = *wish;
	scan->highest = highest;
	scan->from = from;
	scan->to = to;
	scan->begin = max(from, wish->start);
	scan->stop = wish->end;
	if (from >= to || !wish->nr_pages)
		scan->stop = 0;
	else if (wish->nr_pages < scan->stop && to <= scan->stop - wish->nr_pages)
		scan->stop = to - 1 + wish->nr_pages;
	scan->plain = scan->stop;
	scan->end = scan->begin;
	scan->run = CONTIG_NO_PFN;
	scan->best = CONTIG_NO_PFN;
	scan->cost = CONTIG_COST_NONE;
	scan->longest_start = CONTIG_NO_PFN;
}

/* The hole before @pfn. */
static void contig_scan_skip(struct contig_scan *scan, unsigned long pfn)
{
	contig_scan_close(scan);
	scan->holes += pfn - scan->end;
	scan->end = pfn;
}

/**
 * contig_scan_feed_any() - contig_scan_feed() where there is something to do
 * @scan: as there
 * @start: as there
 * @end: as there
 * @level: as there
 * @in_use: as there
 *
 * Return: as there.
 */
bool contig_scan_feed_any(struct contig_scan *scan, unsigned long start,
			  unsigned long end, enum contig_level level,
			  unsigned long in_use)
{
	unsigned long lo = max(start, scan->end), hi = min(end, scan->stop);

	if (lo >= hi)
		return contig_scan_enough(scan);
	if (lo > scan->end)
		contig_scan_skip(scan, lo);
	scan->end = hi;
	scan->levels |= BIT(level);
	if (level == CONTIG_LEVEL_NEVER)
		scan->holes += hi - lo;
	if (level > scan->highest) {
		contig_scan_close(scan);
	} else {
		contig_scan_drain(scan);
		contig_scan_split(scan, lo, hi, contig_rate(in_use, end - start));
	}
	return contig_scan_enough(scan);
}

/**
 * contig_scan_finish() - there is no more to be fed
 * @scan: @best, @cost, @longest and @levels hold now
 */
void contig_scan_finish(struct contig_scan *scan)
{
	contig_scan_close(scan);
}
