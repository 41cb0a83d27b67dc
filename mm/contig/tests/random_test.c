// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of requests at random places of one window, some of it in use by
 * others. What must become of each is known beforehand.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "fixtures.h"
#include "tests.h"

#define CONTIG_SEED		20240229
/* The checkers make each round ten times as dear. */
#define CONTIG_RANDOM_ROUNDS	(IS_ENABLED(CONFIG_KASAN) ? 500 : 2000)
#define CONTIG_SLOTS		12
#define CONTIG_LARGEST		1024
#define CONTIG_BYSTANDERS	64

struct contig_slot {
	unsigned long start;
	unsigned long end;
};

struct contig_game {
	struct contig_window *window;
	struct contig_cache *cache;
	struct contig_slot slots[CONTIG_SLOTS];
	struct rnd_state rnd;
};

/* The first and the last page say whose they are. */
static void contig_stamp(struct contig_slot *slot, unsigned long stamp)
{
	memcpy_to_page(pfn_to_page(slot->start), 0, (char *)&stamp,
		       sizeof(stamp));
	memcpy_to_page(pfn_to_page(slot->end - 1), PAGE_SIZE - sizeof(stamp),
		       (char *)&stamp, sizeof(stamp));
}

static bool contig_stamp_is(struct contig_slot *slot, unsigned long stamp)
{
	unsigned long first, last;

	memcpy_from_page((char *)&first, pfn_to_page(slot->start), 0,
			 sizeof(first));
	memcpy_from_page((char *)&last, pfn_to_page(slot->end - 1),
			 PAGE_SIZE - sizeof(last), sizeof(last));
	return first == stamp && last == stamp;
}

static void contig_random_free(struct contig_game *game,
			       struct contig_slot *slot)
{
	KUNIT_EXPECT_TRUE(game->window->test,
			  contig_stamp_is(slot, slot->start));
	contig_window_release(game->window, slot->start, slot->end);
	slot->end = 0;
}

/* Is any page of the range one that we hold? */
static bool contig_overlaps(struct contig_window *window, unsigned long start,
			    unsigned long end)
{
	return find_next_bit(window->held, end - window->start,
			     start - window->start) < end - window->start;
}

static void contig_random_take(struct contig_game *game,
			       struct contig_slot *slot)
{
	struct contig_window *window = game->window;
	unsigned long room = window->end - window->start;
	unsigned long nr = 1 + prandom_u32_state(&game->rnd) % CONTIG_LARGEST;
	unsigned long start, end;
	gfp_t gfp = GFP_KERNEL;
	struct contig_report report;
	bool fits;
	int err;

	start = window->start + prandom_u32_state(&game->rnd) % (room - nr + 1);
	end = start + nr;
	fits = !contig_overlaps(window, start, end);
	/* Climbing for what cannot be met takes time: try that now and then. */
	if (!fits && prandom_u32_state(&game->rnd) % 32)
		gfp = GFP_NOWAIT;
	err = contig_alloc_range(start, end, ACR_FLAGS_NONE, gfp, &report);
	KUNIT_EXPECT_EQ_MSG(window->test, err, fits ? 0 : -EBUSY,
			    "[%lx, %lx): %s at %lx", start, end,
			    contig_reason_name(report.reason),
			    report.blocking_pfn);
	if (err)
		return;
	slot->start = start;
	slot->end = end;
	contig_stamp(slot, start);
	contig_window_keep(window, start, end);
}

/* Every so often the bystanders are somewhere else. */
static void contig_scatter(struct contig_game *game)
{
	struct contig_window *window = game->window;
	unsigned long room = window->end - window->start;

	if (game->cache)
		contig_cache_close(game->cache);
	game->cache = contig_cache_open(window, true);
	for (int i = 0; i < CONTIG_BYSTANDERS; i++) {
		unsigned long pfn;

		pfn = window->start + prandom_u32_state(&game->rnd) % room;
		if (contig_overlaps(window, pfn, pfn + 1))
			continue;
		contig_expect_taken(window, pfn, pfn + 1, ACR_FLAGS_NONE,
				    GFP_KERNEL);
		contig_cache_put(game->cache, pfn, 0);
	}
}

void contig_test_random(struct kunit *test)
{
	struct contig_game *game = kunit_kzalloc(test, sizeof(*game), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, game);
	prandom_seed_state(&game->rnd, CONTIG_SEED);
	game->window = contig_window_open(test, 4 * CONTIG_LARGEST);
	contig_window_release_all(game->window);
	for (int round = 0; round < CONTIG_RANDOM_ROUNDS; round++) {
		struct contig_slot *slot;

		if (round % 200 == 0)
			contig_scatter(game);
		slot = &game->slots[prandom_u32_state(&game->rnd) % CONTIG_SLOTS];
		if (slot->end)
			contig_random_free(game, slot);
		else
			contig_random_take(game, slot);
	}
	contig_cache_check(game->cache);
	contig_window_check(game->window,
			    contig_cache_pages_in(game->cache,
						  game->window->start,
						  game->window->end));
}
