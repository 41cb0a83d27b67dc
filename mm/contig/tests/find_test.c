// SPDX-License-Identifier: GPL-2.0
/*
 * Free runs are found: by walks over the free lists, some at a time, and at the few
 * places where a run with a large alignment can begin.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mm.h>

#include "../../internal.h"
#include "../plan.h"
#include "fixtures.h"
#include "tests.h"

/* More than a walk picks at a time. */
#define CONTIG_ISLANDS	(4 * CONTIG_PICKED + 8)
#define CONTIG_WALKERS	4

/* Go on to the next island that this walk has not met; false at its end. */
static bool contig_meet(struct contig_finder *finder, unsigned long start,
			unsigned long *met)
{
	unsigned long pfn;

	do {
		pfn = contig_find_next(finder);
		if (pfn == CONTIG_NO_PFN)
			return false;
	} while (__test_and_set_bit((pfn - start) / 16, met));
	return true;
}

/* What other walks over the free lists look at in between is met all the same. */
void contig_test_many_walks(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	const struct contig_wish wish = {
		.nr_pages = 8,
		.align = 8,
		.start = window->start,
		.end = window->end,
	};
	DECLARE_BITMAP(met[CONTIG_WALKERS], CONTIG_ISLANDS) = {};
	struct contig_finder *finders;

	finders = kunit_kcalloc(test, CONTIG_WALKERS, sizeof(*finders), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, finders);
	for (unsigned long i = 0; i < CONTIG_ISLANDS; i++)
		contig_window_release(window, window->start + 16 * i,
				      window->start + 16 * i + 8);
	for (int i = 0; i < CONTIG_WALKERS; i++)
		contig_find_begin(&finders[i], window->zone, &wish);
	for (bool more = true; more; ) {
		more = false;
		for (int i = 0; i < CONTIG_WALKERS; i++)
			more |= contig_meet(&finders[i], window->start, met[i]);
	}
	for (int i = 0; i < CONTIG_WALKERS; i++)
		KUNIT_EXPECT_EQ_MSG(test, bitmap_weight(met[i], CONTIG_ISLANDS),
				    CONTIG_ISLANDS, "walker %d", i);
}

/* Runs can begin at few places only; in all but the last one page is in use. */
void contig_test_few_places(struct kunit *test)
{
	const unsigned long size = 2 * MAX_ORDER_NR_PAGES;
	struct contig_window *window = contig_window_open(test, 4 * size);
	unsigned long last = ALIGN_DOWN(window->end, size) - size;
	const struct contig_wish wish = {
		.nr_pages = size,
		.align = size,
		.start = window->start,
		.end = window->end,
	};
	struct contig_finder finder;
	unsigned long nr_walls = 0;

	for (unsigned long pfn = ALIGN(window->start, size); pfn < last;
	     pfn += size, nr_walls++)
		contig_window_wall(window, pfn + size - 1);
	contig_window_release_rest(window);
	contig_find_begin(&finder, window->zone, &wish);
	KUNIT_ASSERT_EQ(test, finder.place, window->start);
	KUNIT_EXPECT_EQ(test, contig_find_next(&finder), last);
	KUNIT_EXPECT_EQ(test, contig_find_next(&finder), CONTIG_NO_PFN);
	contig_window_check(window, nr_walls);
}
