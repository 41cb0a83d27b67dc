/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arithmetic of search: which windows of a map of memory meet a wish, and
 * which of them is the cheapest. Knows no page, takes no lock, allocates nothing;
 * tools/testing/contig/ builds it in user space.
 */
#ifndef _MM_CONTIG_PLAN_H
#define _MM_CONTIG_PLAN_H

#include <linux/bits.h>
#include <linux/contig.h>
#include <linux/minmax.h>
#include <linux/types.h>

/**
 * enum contig_level - how hard it is to get hold of a stretch of memory
 * @CONTIG_LEVEL_FREE: nothing is in use
 * @CONTIG_LEVEL_MOVABLE: free and movable pages
 * @CONTIG_LEVEL_HUGETLB: with hugetlb pages, for a second pass
 * @CONTIG_LEVEL_HELD: with pages that somebody holds just now, for a third pass
 * @CONTIG_LEVEL_STUCK: with pages that cannot move, but may go away some day
 * @CONTIG_LEVEL_NEVER: a hole, or reserved
 */
enum contig_level {
	CONTIG_LEVEL_FREE,
	CONTIG_LEVEL_MOVABLE,
	CONTIG_LEVEL_HUGETLB,
	CONTIG_LEVEL_HELD,
	CONTIG_LEVEL_STUCK,
	CONTIG_LEVEL_NEVER
};

/**
 * struct contig_wish - what a window has to be like
 * @nr_pages: its size
 * @align: its start is a multiple of this, a power of two
 * @boundary: it crosses no multiple of this, a power of two; 0: none
 * @start: it does not start before this PFN
 * @end: it ends at this PFN or before
 */
struct contig_wish {
	unsigned long nr_pages;
	unsigned long align;
	unsigned long boundary;
	unsigned long start;
	unsigned long end;
};

bool contig_wish_possible(const struct contig_wish *wish);
unsigned long contig_first_fit(const struct contig_wish *wish,
			       unsigned long pfn);
unsigned long contig_last_fit(const struct contig_wish *wish,
			      unsigned long pfn);

/* Costs are pages to move, in fixed point, so that sums of parts are exact. */
#define CONTIG_COST_SHIFT	16
#define CONTIG_COST_PAGE	BIT(CONTIG_COST_SHIFT)
#define CONTIG_COST_NONE	(~0ULL)

static inline u64 contig_cost_pages(u64 cost)
{
	return (cost + CONTIG_COST_PAGE - 1) >> CONTIG_COST_SHIFT;
}

/* Pieces that a scan remembers of the window; more are told apart less well. */
#define CONTIG_SCAN_PIECES	128

/**
 * struct contig_piece - a part of the window, equally dense
 * @start: first PFN
 * @rate: cost of a page of it
 * @sum: cost of all of the run before it
 */
struct contig_piece {
	unsigned long start;
	u32 rate;
	u64 sum;
};

/* Stretches that wait until it is clear whether they matter. */
#define CONTIG_SCAN_QUEUE	64

/**
 * struct contig_queued - a stretch that begins where the one before ends
 * @end: one past the last PFN
 * @in_use: pages that would have to move, not 0
 */
struct contig_queued {
	unsigned long end;
	unsigned long in_use;
};

/**
 * struct contig_scan - the cheapest window in stretches fed one after the other
 * @wish: what is looked for
 * @highest: no stretch above this level may be part of a window
 * @from: a window starts here or behind
 * @to: it starts before this
 * @begin: what lies below cannot be part of a window
 * @stop: nor can what lies from here on
 * @plain: no page below is in the way and not @stop
 * @in_order: the first window will do
 * @end: where the last stretch ended
 * @holes: pages of the level NEVER so far
 * @run: since here all is usable; %CONTIG_NO_PFN: just now nothing is
 * @free: since here all is free
 * @edge: where the last piece of the run ends
 * @sum: cost of the run up to there
 * @grain: pieces of fewer pages are put together; 0: none are
 * @pending: pages behind @edge that are not in a piece yet
 * @pending_cost: what they cost
 * @first: place of the first piece in @pieces
 * @nr_pieces: how many there are
 * @nr_queued: stretches behind that, which are not looked at yet
 * @ruled_out: PFNs in the way from @plain on, rising
 * @nr_ruled_out: how many are left
 * @best: start of the cheapest window, or %CONTIG_NO_PFN
 * @cost: its cost, or %CONTIG_COST_NONE
 * @longest: size of the largest window smaller than the wish
 * @longest_start: where that is
 * @levels: bit per level that was seen
 * @queue: the stretches
 * @pieces: ring
 */
struct contig_scan {
	struct contig_wish wish;
	enum contig_level highest;
	unsigned long from;
	unsigned long to;
	unsigned long begin;
	unsigned long stop;
	unsigned long plain;
	bool in_order;

	unsigned long end;
	unsigned long holes;
	unsigned long run;
	unsigned long free;
	unsigned long edge;
	u64 sum;
	unsigned long grain;
	unsigned long pending;
	u64 pending_cost;
	unsigned int first;
	unsigned int nr_pieces;
	unsigned int nr_queued;
	const unsigned long *ruled_out;
	unsigned int nr_ruled_out;

	unsigned long best;
	u64 cost;
	unsigned long longest;
	unsigned long longest_start;
	unsigned int levels;
	struct contig_queued queue[CONTIG_SCAN_QUEUE];
	struct contig_piece pieces[CONTIG_SCAN_PIECES];
};

void contig_scan_init(struct contig_scan *scan, const struct contig_wish *wish,
		      enum contig_level highest, unsigned long from,
		      unsigned long to);
void contig_scan_rule_out(struct contig_scan *scan, const unsigned long *pfns,
			  unsigned int nr);
bool contig_scan_feed_any(struct contig_scan *scan, unsigned long start,
			  unsigned long end, enum contig_level level,
			  unsigned long in_use);
void contig_scan_finish(struct contig_scan *scan);

/* Can that wait? It follows what was fed before, and there is more to come. */
static inline bool contig_scan_queue(struct contig_scan *scan,
				     unsigned long pages,
				     enum contig_level level,
				     unsigned long in_use)
{
	if (level > scan->highest)
		return scan->run == CONTIG_NO_PFN &&
		       level != CONTIG_LEVEL_NEVER;
	if (!in_use || scan->run == CONTIG_NO_PFN)
		return false;
	if (scan->grain) {
		if (pages >= scan->grain - scan->pending)
			return false;
		scan->pending += pages;
		scan->pending_cost += (u64)min(in_use, pages) <<
				      CONTIG_COST_SHIFT;
		scan->free = scan->end + pages;
		return true;
	}
	if (scan->nr_queued == CONTIG_SCAN_QUEUE)
		return false;
	scan->queue[scan->nr_queued].end = scan->end + pages;
	scan->queue[scan->nr_queued++].in_use = in_use;
	return true;
}

/**
 * contig_scan_feed() - the next stretch of memory
 * @scan: of contig_scan_init()
 * @start: first PFN; what was left out since the last stretch is a hole
 * @end: one past the last
 * @level: how hard it is to get hold of
 * @in_use: pages of it that would have to move, anywhere in it
 *
 * Return: true if nothing that comes behind can make a difference.
 */
static inline bool contig_scan_feed(struct contig_scan *scan,
				    unsigned long start, unsigned long end,
				    enum contig_level level,
				    unsigned long in_use)
{
	/* Where a map is large, most stretches are like the one before. */
	if (start != scan->end || start >= end || end >= scan->plain ||
	    !contig_scan_queue(scan, end - start, level, in_use))
		return contig_scan_feed_any(scan, start, end, level, in_use);
	scan->levels |= BIT(level);
	scan->end = end;
	return false;
}

/**
 * typedef contig_survey_t - feed what lies in [start, end) to a scan
 * @scan: for contig_scan_feed(); when that says enough, the rest may be left out
 * @start: first PFN
 * @end: one past the last
 * @data: as given to contig_plan_next()
 *
 * Return: 0, or a negative errno that ends contig_plan_next().
 */
typedef int (*contig_survey_t)(struct contig_scan *scan, unsigned long start,
			       unsigned long end, void *data);

/* So many PFNs are remembered as being in the way. */
#define CONTIG_RULED_OUT	64

/* Looking at so many pages costs as much as moving one, and is some more. */
#define CONTIG_LOOK_FACTOR	256

/**
 * struct contig_region - part of the map, with the best of the windows that start
 *	in it
 * @cost: of that window; a lower bound if @stale
 * @start: where it is
 * @floor: windows that start below are not looked at any more
 * @ruled_out: one more PFN that is in the way, or %CONTIG_NO_PFN
 * @stale: what is known does not hold any more
 * @in_order: goes through its windows by address
 * @heap: of the heap's entry here: number of the region
 */
struct contig_region {
	u64 cost;
	unsigned long start;
	unsigned long floor;
	unsigned long ruled_out;
	bool stale;
	bool in_order;
	u32 heap;
};

/**
 * struct contig_plan - the candidates of a map in order of cost
 * @wish: what is looked for
 * @highest: no stretch above this level may be part of a candidate
 * @look_factor: more pages are looked at as long as they are fewer than this many
 *	for each page to move; %ULONG_MAX: all are. May be changed at any time.
 * @base: the first region starts here
 * @region_pages: size of a region
 * @nr_regions: how many
 * @next: the region to be looked at next
 * @nr_unseen: regions not looked at yet
 * @nr_heap: regions that have a window
 * @looked: pages looked at so far, holes not counted
 * @levels: bit per level that was seen
 * @coarse: costs became inexact, there are very many pieces in a window
 * @start: the candidate, or %CONTIG_NO_PFN
 * @cost: pages it would move, rounded up
 * @longest: once there is no candidate left: the largest window smaller than the
 *	wish. A hint, if attempts failed before.
 * @longest_start: where that is
 * @ruled_out: PFNs in the way, rising
 * @nr_ruled_out: how many
 * @scan: of the region being looked at
 * @regions: all regions, and the heap, cheapest first
 */
struct contig_plan {
	struct contig_wish wish;
	enum contig_level highest;
	unsigned long look_factor;

	unsigned long base;
	unsigned long region_pages;
	unsigned int nr_regions;
	unsigned int next;
	unsigned int nr_unseen;
	unsigned int nr_heap;

	unsigned long looked;
	unsigned int levels;
	bool coarse;
	unsigned long start;
	u64 cost;
	unsigned long longest;
	unsigned long longest_start;

	unsigned long ruled_out[CONTIG_RULED_OUT + 1];
	unsigned int nr_ruled_out;
	struct contig_scan scan;
	struct contig_region regions[];
};

size_t contig_plan_size(const struct contig_wish *wish, unsigned long start,
			unsigned long end, unsigned long block);
void contig_plan_init(struct contig_plan *plan, const struct contig_wish *wish,
		      unsigned long start, unsigned long end,
		      unsigned long block, enum contig_level highest,
		      unsigned long cursor);
int contig_plan_next(struct contig_plan *plan, contig_survey_t survey,
		     void *data);
void contig_plan_rule_out(struct contig_plan *plan, unsigned long pfn);

#endif /* _MM_CONTIG_PLAN_H */
