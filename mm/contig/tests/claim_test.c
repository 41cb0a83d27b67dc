// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges that are all free: every size, every way to lie across blocks and
 * buddies, and every form the pages can be asked for in.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/vmstat.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* An allocation of somebody else may fall between two looks at a counter. */
#define CONTIG_LOOKS	20

/* Offsets from the ends of a chunk at which anything could be off by one. */
static const unsigned long contig_offsets[] = {
	0, 1, 3, 256, 511, 512, 513, 1023,
};

/* === Sizes === */

static const unsigned long contig_sizes[] = {
	1, 2, 3, 15, 16, 17, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025,
	2048, 4095, 4096, 16384,
};

static void contig_size_desc(const unsigned long *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu pages", *size);
}

KUNIT_ARRAY_PARAM(contig_sizes, contig_sizes, contig_size_desc);

const void *contig_sizes_next(struct kunit *test, const void *prev, char *desc)
{
	return contig_sizes_gen_params(test, prev, desc);
}

static void contig_take_and_free(struct contig_window *window,
				 unsigned long start, unsigned long end)
{
	struct contig_events before;

	contig_read_events(&before);
	contig_expect_taken(window, start, end, ACR_FLAGS_NONE, GFP_KERNEL);
	contig_expect_no_effort(window->test, &before);
	contig_window_check(window, 0);
	contig_window_release(window, start, end);
	contig_window_expect_whole(window);
}

/* Each size, at the end of a block and askew. */
void contig_test_sizes(struct kunit *test)
{
	unsigned long size = *(unsigned long *)test->param_value;
	struct contig_window *window;

	window = contig_window_open(test, size + 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_take_and_free(window, window->end - size, window->end);
	contig_take_and_free(window, window->start + 1, window->start + 1 + size);
}

/* What is taken is what is missing, to the page. */
void contig_test_exact_counters(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	unsigned long start, before, taken, after;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start + 77;
	for (int look = 0; look < CONTIG_LOOKS; look++) {
		int err;

		before = zone_page_state_snapshot(window->zone, NR_FREE_PAGES);
		err = contig_alloc_range(start, start + 1234, ACR_FLAGS_NONE,
					 GFP_KERNEL, &report);
		taken = zone_page_state_snapshot(window->zone, NR_FREE_PAGES);
		KUNIT_ASSERT_EQ(test, err, 0);
		KUNIT_ASSERT_EQ(test, 0, contig_free_range(start, 1234, true));
		after = zone_page_state_snapshot(window->zone, NR_FREE_PAGES);
		if (before - taken == 1234 && after == before)
			return;
	}
	KUNIT_FAIL(test, "%lu free, %lu taken of 1234, %lu after", before,
		   before - taken, after);
}

/* === Effort === */

/* Of the window all is free, and some pages of it are on a per-CPU list. */
static void contig_free_to_pcp(struct contig_window *window)
{
	unsigned long pfn, next = window->start + 300;

	contig_window_release(window, window->start, next);
	contig_window_release(window, next + 40, window->end);
	for (pfn = next; pfn < next + 40; pfn++)
		__free_page(contig_window_hand_out(window, pfn));
}

static unsigned long contig_drains_for_pcp_pages(struct contig_window *window)
{
	struct contig_events before;

	contig_free_to_pcp(window);
	contig_read_events(&before);
	contig_expect_taken(window, window->start, window->end, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	KUNIT_EXPECT_EQ(window->test, 0,
			contig_events_since(&before, CONTIG_ISOLATIONS));
	KUNIT_EXPECT_EQ(window->test, 0,
			contig_events_since(&before, CONTIG_LRU_DRAINS));
	return contig_events_since(&before, CONTIG_PCP_DRAINS);
}

/* Pages on a per-CPU list: those are emptied once, and that is enough. */
void contig_test_pcp_pages(struct kunit *test)
{
	struct contig_window *window;
	unsigned long drains = 0;

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "with one CPU nothing stays on its list");
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	/* The list may be emptied by others just before. */
	for (int look = 0; look < CONTIG_LOOKS && !drains; look++)
		drains = contig_drains_for_pcp_pages(window);
	KUNIT_EXPECT_EQ(test, drains, 1);
}

/* For who cannot sleep: 1 if this CPU's list was emptied and that was enough. */
static unsigned long contig_drains_here(struct contig_window *window, bool bh_off)
{
	struct contig_report report;
	struct contig_events before;
	int err;

	migrate_disable();
	contig_free_to_pcp(window);
	contig_read_events(&before);
	if (bh_off)
		local_bh_disable();
	err = contig_alloc_range(window->start, window->end, ACR_FLAGS_NONE,
				 GFP_NOWAIT, &report);
	if (bh_off)
		local_bh_enable();
	migrate_enable();
	if (err)
		contig_expect_taken(window, window->start, window->end,
				    ACR_FLAGS_NONE, GFP_KERNEL);
	else
		contig_window_keep(window, window->start, window->end);
	KUNIT_EXPECT_TRUE(window->test, !err || err == -EBUSY);
	return err ? 0 : contig_events_since(&before, CONTIG_PCP_DRAINS);
}

/* Who may be in the way of a softirq does not wait for the lock of such a list. */
void contig_test_pcp_pages_here(struct kunit *test)
{
	struct contig_window *window;
	unsigned long drains = 0;

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "with one CPU nothing stays on its list");
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	for (int look = 0; look < CONTIG_LOOKS && !drains; look++)
		drains = contig_drains_here(window, false);
	KUNIT_EXPECT_EQ(test, drains, 1);
	for (int look = 0; look < CONTIG_LOOKS; look++)
		KUNIT_EXPECT_EQ(test, 0, contig_drains_here(window, true));
}

/* === Ends === */

static void contig_try_ends(struct contig_window *window, unsigned long start,
			    unsigned long end)
{
	struct kunit *test = window->test;

	contig_expect_taken(window, start, end, ACR_FLAGS_NONE, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, start == window->start ||
			  contig_in_free_block(start - 1));
	KUNIT_EXPECT_TRUE(test, end == window->end || contig_in_free_block(end));
	contig_window_release(window, start, end);
	contig_window_expect_whole(window);
}

/* Both ends anywhere, in two of the largest buddies. */
void contig_test_ends(struct kunit *test)
{
	int step = IS_ENABLED(CONFIG_KASAN) ? 3 : 1;	/* each costs ten times as much */
	struct contig_window *window;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	for (int i = 0; i < ARRAY_SIZE(contig_offsets); i++)
		for (int j = i % step; j < ARRAY_SIZE(contig_offsets); j += step)
			contig_try_ends(window,
					window->start + contig_offsets[i],
					window->end - contig_offsets[j]);
	contig_window_check(window, 0);
}

/* Both ends in one block, which is part of one large buddy. */
void contig_test_inside_buddy(struct kunit *test)
{
	struct contig_window *window;
	unsigned long middle;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	middle = window->start + MAX_ORDER_NR_PAGES / 2;
	for (unsigned long below = 0; below <= 33; below += 3)
		for (unsigned long above = 1; above <= 34; above += 3)
			contig_try_ends(window, middle - below, middle + above);

	contig_expect_taken(window, middle - 5, middle + 7, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, contig_all_free(window->start, middle - 5));
	KUNIT_EXPECT_TRUE(test, contig_all_free(middle + 7, window->end));
	contig_window_check(window, 0);
}

/* Free pages of every order side by side, none of them aligned to the range. */
void contig_test_free_fragments(struct kunit *test)
{
	struct contig_window *window;
	unsigned long from, to;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	from = window->start + 3;
	to = window->end - 5;
	contig_window_release(window, from, to);
	contig_expect_taken(window, from, to, ACR_FLAGS_NONE, GFP_KERNEL);
	contig_window_release(window, from, to);
	contig_expect_taken(window, from + 1, to - 1, ACR_FLAGS_NONE, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, contig_in_free_block(from));
	KUNIT_EXPECT_TRUE(test, contig_in_free_block(to - 1));
}

/* === Forms === */

static void contig_fill_bytes(unsigned long start, unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		memset_page(pfn_to_page(pfn), 0, 0xa5, PAGE_SIZE);
}

/* __GFP_ZERO clears the range and not a byte of its neighbours. */
void contig_test_zero(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, end;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	start = window->start + 13;
	end = window->start + 301;
	contig_fill_bytes(window->start, window->start + 320);
	contig_window_release(window, start, end);
	contig_expect_taken(window, start, end, ACR_FLAGS_NONE,
			    GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, contig_bytes_are(start, end, 0));
	KUNIT_EXPECT_TRUE(test, contig_bytes_are(window->start, start, 0xa5));
	KUNIT_EXPECT_TRUE(test, contig_bytes_are(end, window->start + 320, 0xa5));
}

static void contig_compound_of(struct contig_window *window, unsigned int order)
{
	unsigned long pfn = ALIGN(window->start, 1UL << order);
	unsigned long nr_pages = 1UL << order;
	struct kunit *test = window->test;
	struct contig_report report;

	KUNIT_ASSERT_EQ(test, 0,
			contig_alloc_range(pfn, pfn + nr_pages, ACR_FLAGS_NONE,
					   GFP_KERNEL | __GFP_COMP | __GFP_ZERO,
					   &report));
	contig_expect_compound(test, pfn, order);
	KUNIT_EXPECT_TRUE(test, contig_bytes_are(pfn, pfn + nr_pages, 0));
	if (order)
		KUNIT_EXPECT_EQ(test, 0,
				contig_free_compound(pfn_to_page(pfn), nr_pages));
	else
		KUNIT_EXPECT_EQ(test, 0, contig_free_range(pfn, 1, true));
	contig_window_expect_whole(window);
}

/* Compound pages up to 16 MB, where the machine allows folios of that size. */
void contig_test_compound(struct kunit *test)
{
	unsigned int largest = min_t(unsigned int, 12, MAX_FOLIO_ORDER);
	struct contig_window *window;

	window = contig_window_open(test, 2UL << largest);
	contig_window_release_all(window);
	for (unsigned int order = 0; order <= largest; order++)
		contig_compound_of(window, order);
	contig_window_check(window, 0);
}

/* === Flags and contexts === */

static const gfp_t contig_good_gfp[] = {
	GFP_KERNEL, GFP_NOIO, GFP_NOFS, GFP_USER, GFP_HIGHUSER_MOVABLE,
	GFP_NOWAIT, GFP_ATOMIC, GFP_KERNEL | __GFP_NOWARN,
	GFP_KERNEL | __GFP_RETRY_MAYFAIL, GFP_KERNEL | __GFP_NORETRY,
	GFP_KERNEL | __GFP_SKIP_ZERO,
	GFP_KERNEL | __GFP_SKIP_KASAN, GFP_KERNEL | __GFP_ZEROTAGS,
	GFP_KERNEL | __GFP_THISNODE, GFP_KERNEL | __GFP_WRITE,
	GFP_KERNEL | __GFP_RECLAIMABLE, GFP_DMA, GFP_DMA32 | __GFP_ZERO,
};

/* What callers may pass is accepted; hints about place mean nothing here. */
void contig_test_good_gfp(struct kunit *test)
{
	struct contig_window *window;
	unsigned int context;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	for (int i = 0; i < ARRAY_SIZE(contig_good_gfp); i++) {
		contig_window_release_all(window);
		contig_expect_taken(window, window->start, window->end,
				    ACR_FLAGS_NONE, contig_good_gfp[i]);
	}
	contig_window_release_all(window);
	context = memalloc_noio_save();
	contig_expect_taken(window, window->start, window->end, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	memalloc_noio_restore(context);
}

/* GFP_NOWAIT under a spinlock with interrupts off: taking and giving back. */
void contig_test_nowait_locked(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	int taken, freed = -EAGAIN;
	static DEFINE_SPINLOCK(lock);
	unsigned long flags, nr;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	nr = window->end - window->start - 2;
	spin_lock_irqsave(&lock, flags);
	taken = contig_alloc_range(window->start + 1, window->end - 1,
				   ACR_FLAGS_NONE, GFP_NOWAIT, &report);
	if (!taken)
		freed = contig_free_range(window->start + 1, nr, true);
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_EQ(test, taken, 0);
	KUNIT_EXPECT_EQ(test, freed, 0);
}

/* === CMA === */

/* Blocks of CMA give pages to requests for CMA, and keep their type. */
void contig_test_cma_blocks(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, end;

	contig_need_cma_blocks(test);
	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	start = window->start + 5;
	end = window->end - 6;
	contig_window_set_type(window, MIGRATE_CMA);
	contig_window_release_all(window);
	contig_expect_taken(window, start, end, ACR_FLAGS_CMA, GFP_KERNEL);
	contig_window_check(window, 0);
	contig_expect_taken(window, window->start, start, ACR_FLAGS_CMA,
			    GFP_KERNEL);
	contig_expect_taken(window, end, window->end, ACR_FLAGS_CMA, GFP_NOWAIT);
	contig_window_check(window, 0);
	contig_window_set_type(window, MIGRATE_MOVABLE);
}

/* === Memory that goes === */

static bool contig_is_offline(const struct zone *zone, unsigned long pfn)
{
	return false;
}

/* Memory went offline since this request was checked: that of the window, or other. */
static int contig_take_departed(struct contig_take *take,
				struct contig_window *window)
{
	*take = (struct contig_take){
		.start = window->start,
		.end = window->start + 256,
		.zone = page_zone(pfn_to_page(window->start)),
		.departures = contig_departures - 1,
		.flags = ACR_FLAGS_NONE,
		.gfp = GFP_KERNEL,
		.move_gfp = GFP_KERNEL | __GFP_MOVABLE,
		.deadline = CONTIG_NEVER,
	};
	return contig_take(take);
}

static int contig_none_is_there(struct contig_take *take)
{
	return contig_because(&take->report, -EINVAL, CONTIG_NOT_PRESENT,
			      take->end - 1);
}

/* The highest zone that has no hole, as far as it knows. */
static struct zone *contig_whole_zone(struct kunit *test)
{
	struct zone *zone, *whole = NULL;

	for_each_populated_zone(zone)
		if (zone->contiguous)
			whole = zone;
	if (!whole)
		kunit_skip(test, "each zone has a hole");
	return whole;
}

/* Once memory went, the zone may say that it has some that is going. */
void contig_test_departing(struct kunit *test)
{
	unsigned long departures = contig_departures;
	struct contig_window *window;

	window = contig_window_open_in(test, contig_whole_zone(test),
				       MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	kunit_activate_static_stub(test, contig_check_blocks, contig_none_is_there);
	WRITE_ONCE(contig_departures, departures + 1);
	contig_expect_refused(test, window->start, window->end, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_NOT_PRESENT, window->end - 1);
	WRITE_ONCE(contig_departures, departures);
	kunit_deactivate_static_stub(test, contig_check_blocks);
	contig_window_expect_whole(window);
}

/* What is not there any more is neither looked at nor taken. */
void contig_test_departed(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	struct contig_take *take = kunit_kzalloc(test, sizeof(*take), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, take);
	contig_window_release_all(window);
	kunit_activate_static_stub(test, contig_is_online_in, contig_is_offline);
	KUNIT_EXPECT_EQ(test, -EINVAL, contig_take_departed(take, window));
	kunit_deactivate_static_stub(test, contig_is_online_in);
	KUNIT_EXPECT_EQ(test, take->report.reason, CONTIG_NOT_PRESENT);
	KUNIT_EXPECT_EQ(test, take->report.blocking_pfn, window->start);
	contig_window_expect_whole(window);

	KUNIT_EXPECT_EQ(test, 0, contig_take_departed(take, window));
	contig_unclaim(take);
	contig_window_expect_whole(window);
}

/* === Memory that goes bad === */

#ifdef CONFIG_MEMORY_FAILURE
static unsigned long contig_bad_pfn;
static long contig_times_asked, contig_times_good;

/* It is known for what it is, and nothing is isolated for its sake. */
static void contig_expect_bad(struct kunit *test, unsigned long start,
			      unsigned long end)
{
	struct contig_events before;
	struct contig_report report;

	contig_read_events(&before);
	KUNIT_EXPECT_EQ(test, contig_alloc_range(start, end, ACR_FLAGS_NONE,
						 GFP_KERNEL, &report), -EBUSY);
	KUNIT_EXPECT_STREQ(test, contig_kind_name(report.kind), "hwpoison");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, contig_bad_pfn);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_ISOLATIONS), 0);
}

/* As unpoison_memory() frees it, which needs its reference. */
static void contig_make_good(struct kunit *test, struct contig_window *window)
{
	struct page *page = pfn_to_page(contig_bad_pfn);

	contig_expect_bad(test, window->start, contig_bad_pfn + 1);
	KUNIT_EXPECT_TRUE(test, put_page_testzero(page));
	contig_expect_bad(test, window->start, contig_bad_pfn + 1);
	ClearPageHWPoison(page);
	contig_give_back(window->zone, contig_bad_pfn, contig_bad_pfn + 1);
}

/* A page goes bad between the beginning of a request and its end. */
static long contig_go_bad(void)
{
	if (contig_times_asked++ < contig_times_good)
		return 0;
	SetPageHWPoison(pfn_to_page(contig_bad_pfn));
	return contig_times_asked;
}

/* It is not handed out, and nobody else gets it either. */
void contig_test_goes_bad(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	const gfp_t gfps[] = { GFP_KERNEL | __GFP_ZERO, GFP_KERNEL | __GFP_COMP };
	struct page *page;

	contig_bad_pfn = window->start + 100;
	page = pfn_to_page(contig_bad_pfn);
	contig_window_release_all(window);
	for (int i = 0; i < ARRAY_SIZE(gfps); i++) {
		struct contig_report report;
		int err;

		contig_times_asked = 0;
		contig_times_good = 1;
		kunit_activate_static_stub(test, contig_nr_poisoned, contig_go_bad);
		err = contig_alloc_range(window->start, window->start + 256,
					 ACR_FLAGS_NONE, gfps[i], &report);
		kunit_deactivate_static_stub(test, contig_nr_poisoned);
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
		KUNIT_EXPECT_STREQ(test, contig_kind_name(report.kind), "hwpoison");
		KUNIT_EXPECT_EQ(test, report.blocking_pfn, contig_bad_pfn);
		KUNIT_EXPECT_TRUE(test, contig_all_free(window->start, contig_bad_pfn));
		KUNIT_EXPECT_FALSE(test, is_free_buddy_page(page));
		KUNIT_EXPECT_TRUE(test, contig_all_free(contig_bad_pfn + 1,
							window->start + 256));
		KUNIT_EXPECT_FALSE(test, PageCompound(page));
		contig_make_good(test, window);
		contig_window_check(window, 0);
	}
}

/* The request is refused for another page's sake, and gives all back. */
static void contig_expect_left_out(struct kunit *test, unsigned long offset, long good)
{
	struct contig_window *window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	struct contig_report report;
	int err;

	contig_bad_pfn = window->start + offset;
	contig_window_wall(window, window->end - 1);
	contig_window_release_rest(window);
	contig_times_asked = 0;
	contig_times_good = good;
	kunit_activate_static_stub(test, contig_nr_poisoned, contig_go_bad);
	err = contig_alloc_range(window->start, window->end, ACR_FLAGS_NONE,
				 GFP_KERNEL, &report);
	kunit_deactivate_static_stub(test, contig_nr_poisoned);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, window->end - 1);
	KUNIT_EXPECT_FALSE(test, contig_in_free_block(contig_bad_pfn));
	KUNIT_EXPECT_TRUE(test, contig_all_free(window->start, contig_bad_pfn));
	KUNIT_EXPECT_TRUE(test, contig_all_free(contig_bad_pfn + 1,
						window->end - 1));
	contig_make_good(test, window);
	contig_window_check(window, 1);
}

/* Before the first block is given back, and between the first and the second. */
void contig_test_goes_bad_in_vain(struct kunit *test)
{
	contig_expect_left_out(test, 100, 1);
	if (pageblock_nr_pages < MAX_ORDER_NR_PAGES)
		contig_expect_left_out(test, pageblock_nr_pages + 100, 2);
}
#endif
