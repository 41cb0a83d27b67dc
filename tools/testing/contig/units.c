// SPDX-License-Identifier: GPL-2.0
/* Cases by hand: what is at the edge, and what random maps are too small for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/limits.h>

#include "map.h"
#include "units.h"

#define TOP	BIT(63)
#define ANYWHERE(pages, ...)	((struct contig_wish) { \
	.nr_pages = (pages), .align = 1, .end = ULONG_MAX, ##__VA_ARGS__ })

static struct contig_scan scan;

static bool check(bool good, int line)
{
	if (!good)
		printf("# units.c:%d\n", line);
	return good;
}

#define all_of(good)	check(good, __LINE__)

static bool possible(struct contig_wish wish)
{
	return contig_wish_possible(&wish);
}

static unsigned long first(struct contig_wish wish, unsigned long pfn)
{
	return contig_first_fit(&wish, pfn);
}

static unsigned long last(struct contig_wish wish, unsigned long pfn)
{
	return contig_last_fit(&wish, pfn);
}

static bool unit_possible(void)
{
	return all_of(!possible(ANYWHERE(0))) &&
	       all_of(possible(ANYWHERE(1))) &&
	       all_of(possible(ANYWHERE(ULONG_MAX))) &&
	       all_of(!possible(ANYWHERE(ULONG_MAX, .start = 1))) &&
	       all_of(!possible(ANYWHERE(1, .align = 0))) &&
	       all_of(!possible(ANYWHERE(1, .align = 3))) &&
	       all_of(!possible(ANYWHERE(1, .boundary = 3))) &&
	       all_of(!possible(ANYWHERE(5, .boundary = 4))) &&
	       all_of(possible(ANYWHERE(4, .boundary = 4))) &&
	       all_of(!possible(ANYWHERE(1, .start = 9, .end = 9))) &&
	       all_of(!possible(ANYWHERE(1, .start = 9, .end = 8))) &&
	       all_of(possible(ANYWHERE(1, .start = 8, .end = 9))) &&
	       all_of(!possible(ANYWHERE(1, .align = 8, .start = 9,
					 .end = 16))) &&
	       all_of(!possible(ANYWHERE(4, .boundary = 8, .start = 6,
					 .end = 11))) &&
	       all_of(possible(ANYWHERE(4, .boundary = 8, .start = 6,
					.end = 12)));
}

static bool unit_fit_at_the_top(void)
{
	return all_of(first(ANYWHERE(1), ULONG_MAX) == CONTIG_NO_PFN) &&
	       all_of(first(ANYWHERE(1), ULONG_MAX - 1) == ULONG_MAX - 1) &&
	       all_of(first(ANYWHERE(2), ULONG_MAX - 1) == CONTIG_NO_PFN) &&
	       all_of(last(ANYWHERE(2), ULONG_MAX) == ULONG_MAX - 2) &&
	       all_of(first(ANYWHERE(1, .align = TOP), 1) == TOP) &&
	       all_of(first(ANYWHERE(1, .align = TOP), TOP + 1) ==
		      CONTIG_NO_PFN) &&
	       all_of(last(ANYWHERE(1, .align = TOP), ULONG_MAX) == TOP) &&
	       all_of(first(ANYWHERE(TOP, .boundary = TOP), 1) ==
		      CONTIG_NO_PFN) &&
	       all_of(first(ANYWHERE(TOP, .boundary = TOP), 0) == 0) &&
	       all_of(last(ANYWHERE(TOP, .boundary = TOP), ULONG_MAX) == 0) &&
	       all_of(last(ANYWHERE(2, .boundary = TOP), TOP - 1) == TOP - 2) &&
	       all_of(last(ANYWHERE(4, .start = 5), 4) == CONTIG_NO_PFN) &&
	       all_of(last(ANYWHERE(4), 0) == 0);
}

static void begin(struct contig_wish wish)
{
	contig_scan_init(&scan, &wish, CONTIG_LEVEL_MOVABLE, 0, ULONG_MAX);
}

/* The end of a look: enough is said with the stretch that completes the window. */
static bool unit_free_ends_it(void)
{
	begin(ANYWHERE(8));
	return all_of(!contig_scan_feed(&scan, 0, 4, CONTIG_LEVEL_FREE, 0)) &&
	       all_of(!contig_scan_feed(&scan, 4, 6, CONTIG_LEVEL_MOVABLE, 1)) &&
	       all_of(!contig_scan_feed(&scan, 6, 10, CONTIG_LEVEL_FREE, 0)) &&
	       all_of(!contig_scan_feed(&scan, 10, 13, CONTIG_LEVEL_FREE, 0)) &&
	       all_of(contig_scan_feed(&scan, 13, 14, CONTIG_LEVEL_FREE, 0)) &&
	       all_of(scan.best == 6 && !scan.cost);
}

/* 1 of 4 pages in use, then 3 of 4: half a stretch of each costs 2. */
static bool unit_interpolates(void)
{
	begin(ANYWHERE(4, .align = 2, .start = 2));
	contig_scan_feed(&scan, 0, 4, CONTIG_LEVEL_MOVABLE, 1);
	contig_scan_feed(&scan, 4, 8, CONTIG_LEVEL_MOVABLE, 3);
	contig_scan_finish(&scan);
	return all_of(scan.best == 2 && scan.cost == 2 * CONTIG_COST_PAGE);
}

static bool unit_terabytes(void)
{
	unsigned long tb = 1UL << 28;

	begin(ANYWHERE(3 * tb, .align = 1UL << 18));
	contig_scan_feed(&scan, 1, 2 * tb, CONTIG_LEVEL_MOVABLE, tb);
	contig_scan_feed(&scan, 2 * tb, 6 * tb, CONTIG_LEVEL_MOVABLE, tb);
	contig_scan_feed(&scan, 6 * tb, 7 * tb, CONTIG_LEVEL_MOVABLE, tb);
	contig_scan_finish(&scan);
	return all_of(scan.best == 2 * tb) &&
	       all_of(contig_cost_pages(scan.cost) == 3 * tb / 4);
}

/* All that can be: one stretch from the first to the last PFN. */
static bool unit_everything(void)
{
	begin(ANYWHERE(ULONG_MAX));
	contig_scan_feed(&scan, 0, ULONG_MAX, CONTIG_LEVEL_MOVABLE, TOP);
	contig_scan_finish(&scan);
	return all_of(scan.best == 0);
}

static bool unit_longest(void)
{
	begin(ANYWHERE(8, .align = 2, .boundary = 8));
	contig_scan_feed(&scan, 1, 6, CONTIG_LEVEL_FREE, 0);
	contig_scan_feed(&scan, 7, 15, CONTIG_LEVEL_FREE, 0);
	contig_scan_feed(&scan, 15, 16, CONTIG_LEVEL_STUCK, 0);
	contig_scan_finish(&scan);
	return all_of(scan.best == CONTIG_NO_PFN) &&
	       all_of(scan.longest == 7 && scan.longest_start == 8) &&
	       all_of(scan.levels == (1 << CONTIG_LEVEL_FREE |
				      1 << CONTIG_LEVEL_STUCK));
}

/* Stretches that overlap or come late are cut, not believed twice. */
static bool unit_overlap(void)
{
	begin(ANYWHERE(8));
	contig_scan_feed(&scan, 0, 6, CONTIG_LEVEL_MOVABLE, 6);
	contig_scan_feed(&scan, 2, 5, CONTIG_LEVEL_STUCK, 0);
	contig_scan_feed(&scan, 4, 9, CONTIG_LEVEL_MOVABLE, 5);
	contig_scan_finish(&scan);
	return all_of(scan.best == 0 && scan.cost == 8 * CONTIG_COST_PAGE);
}

/* A window of 4096 pages in pieces of one: coarse, but not by more than a grain. */
static bool unit_many_pieces(void)
{
	begin(ANYWHERE(4096));
	for (unsigned long pfn = 0; pfn < 8192; pfn++)
		contig_scan_feed(&scan, pfn, pfn + 1, CONTIG_LEVEL_MOVABLE,
				 pfn % 2 || pfn < 4096);
	contig_scan_finish(&scan);
	return all_of(scan.grain && scan.grain < 100) &&
	       all_of(scan.best <= 4096 && scan.best + scan.grain >= 4096) &&
	       all_of(contig_cost_pages(scan.cost) < 2048 + scan.grain);
}

/* Runs in many pieces that are not a page longer than the window, one by one. */
static bool unit_tight_runs(void)
{
	bool good = true;

	for (unsigned long pages = 990; pages < 1010; pages++) {
		begin(ANYWHERE(1000));
		for (unsigned long pfn = 0; pfn < 2 * pages + 1; pfn++)
			contig_scan_feed(&scan, pfn, pfn + 1, pfn == pages ?
					 CONTIG_LEVEL_STUCK :
					 CONTIG_LEVEL_MOVABLE,
					 !(pfn % (pfn < pages ? 2 : 3)));
		contig_scan_finish(&scan);
		good &= all_of(scan.grain) &&
			all_of((scan.best == CONTIG_NO_PFN) == (pages < 1000)) &&
			all_of(pages < 1000 || scan.best > pages) &&
			all_of(pages >= 1000 || scan.longest == pages);
	}
	return good;
}

static int interrupted(struct contig_scan *unused, unsigned long start,
		       unsigned long end, void *data)
{
	int *left = data;

	contig_scan_feed(unused, start, end, CONTIG_LEVEL_MOVABLE, end - start);
	return (*left)-- ? 0 : -EINTR;
}

/* An error of the survey comes out, and the call can be repeated. */
static bool unit_interrupted(void)
{
	struct contig_wish wish = ANYWHERE(64);
	struct contig_plan *plan = malloc(contig_plan_size(&wish, 0, 8192, 8));
	int left = 3, err = -EINTR, tries = 0;
	bool good;

	contig_plan_init(plan, &wish, 0, 8192, 8, CONTIG_LEVEL_MOVABLE, 5000);
	plan->look_factor = ULONG_MAX;
	while (err == -EINTR && tries++ < 100) {
		err = contig_plan_next(plan, interrupted, &left);
		if (err == -EINTR)
			left = 3;
	}
	good = all_of(!err && tries > 2) && all_of(plan->start == 0) &&
	       all_of(plan->cost == 64) && all_of(plan->looked >= 8192);
	free(plan);
	return good;
}

static int feed_all_free(struct contig_scan *unused, unsigned long start,
			 unsigned long end, void *data)
{
	contig_scan_feed(unused, start, end, CONTIG_LEVEL_FREE, 0);
	return 0;
}

/* The cursor decides where a look begins, and one region is enough. */
static bool unit_cursor(void)
{
	struct contig_wish wish = ANYWHERE(64);
	struct contig_plan *plan = malloc(contig_plan_size(&wish, 0, 8192, 8));
	bool good;

	contig_plan_init(plan, &wish, 0, 8192, 8, CONTIG_LEVEL_MOVABLE, 5000);
	good = all_of(!contig_plan_next(plan, feed_all_free, NULL)) &&
	       all_of(plan->start <= 5000 && plan->start + 256 > 5000) &&
	       all_of(!plan->cost && plan->looked < 512);
	free(plan);
	return good;
}

/* 64 TB in 8192 regions; nothing where nothing can be. */
static bool unit_size(void)
{
	struct contig_wish wish = ANYWHERE(1), never = ANYWHERE(0);
	size_t region = sizeof(struct contig_region);

	return all_of(contig_plan_size(&wish, 0, 1UL << 34, 512) ==
		      sizeof(struct contig_plan) + 8192 * region) &&
	       all_of(contig_plan_size(&never, 0, 1UL << 34, 512) ==
		      sizeof(struct contig_plan)) &&
	       all_of(contig_plan_size(&wish, 0, ULONG_MAX, 512) <=
		      sizeof(struct contig_plan) + 65536 * region);
}

const struct unit units[] = {
	{ "wish_possible", unit_possible },
	{ "fit_at_the_top", unit_fit_at_the_top },
	{ "free_ends_it", unit_free_ends_it },
	{ "interpolates", unit_interpolates },
	{ "terabytes", unit_terabytes },
	{ "everything", unit_everything },
	{ "longest", unit_longest },
	{ "overlap", unit_overlap },
	{ "many_pieces", unit_many_pieces },
	{ "tight_runs", unit_tight_runs },
	{ "interrupted", unit_interrupted },
	{ "cursor", unit_cursor },
	{ "size", unit_size },
};

const unsigned int nr_units = ARRAY_SIZE(units);
