// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges with pages of others in them: who moves, who is dropped, who stays,
 * and that nothing moves when one cannot.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/page-flags.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* === What moves === */

/* Take a range whose in-use pages are all of one cache, and check both. */
static void contig_take_from(struct contig_cache *cache, unsigned long start,
			     unsigned long end, acr_flags_t flags)
{
	contig_expect_taken(cache->window, start, end, flags, GFP_KERNEL);
	KUNIT_EXPECT_EQ(cache->window->test, 0,
			contig_cache_pages_in(cache, start, end));
	contig_cache_check(cache);
}

/* Full of pages in use, both ends inside a block: what is outside stays. */
void contig_test_moves_content(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;
	unsigned long start, end;

	window = contig_window_open(test, 3 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start, window->end);
	start = window->start + 37;
	end = window->end - 41;
	contig_read_events(&before);
	contig_take_from(cache, start, end, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, end - start,
			contig_events_since(&before, CONTIG_PAGES_MOVED));
	/* All were on the LRU lists: nobody had to empty any batch or list. */
	KUNIT_EXPECT_EQ(test, 0, contig_events_since(&before, CONTIG_LRU_DRAINS));
	KUNIT_EXPECT_EQ(test, 0, contig_events_since(&before, CONTIG_PCP_DRAINS));
	KUNIT_EXPECT_EQ(test, 37 + 41,
			contig_cache_pages_in(cache, window->start,
					      window->end));
	contig_window_check(window, 37 + 41);
}

/* Take the middle of a block; how many pages moved for it. */
static unsigned long contig_take_middle(struct contig_window *window,
					unsigned long nr_pages,
					unsigned long *isolations)
{
	unsigned long start = window->start + pageblock_nr_pages / 2;
	struct contig_events before;

	contig_read_events(&before);
	contig_expect_taken(window, start, start + nr_pages, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	*isolations = contig_events_since(&before, CONTIG_ISOLATIONS);
	contig_window_release(window, start, start + nr_pages);
	return contig_events_since(&before, CONTIG_PAGES_MOVED);
}

/* A small part of a block, however large blocks are: nothing else is touched. */
void contig_test_part_of_block(struct kunit *test)
{
	unsigned long nr_pages = min(SZ_1M / PAGE_SIZE, pageblock_nr_pages / 4);
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long isolations;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	KUNIT_EXPECT_EQ(test, 0, contig_take_middle(window, nr_pages, &isolations));
	KUNIT_EXPECT_EQ(test, isolations, 0);

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start, window->end);
	KUNIT_EXPECT_EQ(test, nr_pages,
			contig_take_middle(window, nr_pages, &isolations));
	KUNIT_EXPECT_EQ(test, isolations, 1);
	KUNIT_EXPECT_EQ(test, window->end - window->start - nr_pages,
			contig_cache_pages_in(cache, window->start, window->end));
	contig_cache_check(cache);
}

/* What the test lets count as much. */
static unsigned long contig_few_pages(void)
{
	return 4 * MAX_ORDER_NR_PAGES;
}

/* How many helpers were called to move nr_pages. */
static unsigned long contig_helpers_for(struct kunit *test,
					unsigned long nr_pages)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;

	window = contig_window_open(test, nr_pages);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start, window->end);
	contig_read_events(&before);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, nr_pages,
			contig_events_since(&before, CONTIG_PAGES_MOVED));
	contig_window_check(window, 0);
	return contig_events_since(&before, CONTIG_HELPERS_CALLED);
}

/* From a certain size on, a CPU with nothing to do takes its share. */
void contig_test_helpers(struct kunit *test)
{
	unsigned long much = contig_few_pages(), helpers = 0;

	kunit_activate_static_stub(test, contig_crew_pages, contig_few_pages);
	KUNIT_EXPECT_EQ(test, 0, contig_helpers_for(test, much / 2));
	/* All CPUs may be busy once. */
	for (int i = 0; i < 5 && !helpers; i++)
		helpers = contig_helpers_for(test, much);
	kunit_deactivate_static_stub(test, contig_crew_pages);
	if (num_online_cpus() == 1)
		KUNIT_EXPECT_EQ(test, helpers, 0);
	else
		KUNIT_EXPECT_GT(test, helpers, 0);
}

/* Every seventh page in use, the rest free or ours. */
void contig_test_moves_scattered(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long pfn;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	for (pfn = window->start; pfn + 7 <= window->end; pfn += 7) {
		contig_cache_put(cache, pfn, 0);
		contig_window_release(window, pfn + 1, pfn + 7);
	}
	if (pfn < window->end)
		contig_window_release(window, pfn, window->end);
	/* Not on the LRU lists yet: the engine has to see to that itself. */
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
	contig_window_check(window, 0);
}

/* Only the blocks in use are isolated; the free ones are claimed before. */
void contig_test_isolates_little(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;
	unsigned long pfn;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->start + 2 * MAX_ORDER_NR_PAGES + 3;
	contig_cache_fill(cache, pfn, pfn + 1);
	contig_window_release_rest(window);
	contig_read_events(&before);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_ISOLATIONS), 1);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PAGES_MOVED),
			1);
}

/* The same in blocks of CMA. */
void contig_test_moves_in_cma(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;

	contig_need_cma_blocks(test);
	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_set_type(window, MIGRATE_CMA);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start + 100, window->end - 100);
	contig_window_release(window, window->start, window->start + 100);
	contig_take_from(cache, window->start + 50, window->end - 100,
			 ACR_FLAGS_CMA);
	contig_window_check(window, 0);
	contig_expect_taken(window, window->start, window->start + 50,
			    ACR_FLAGS_CMA, GFP_KERNEL);
	contig_window_set_type(window, MIGRATE_MOVABLE);
}

/* Clean page cache is not worth a copy. */
void contig_test_drops_clean_cache(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, false);
	contig_cache_fill(cache, window->start + 10, window->start + 210);
	contig_read_events(&before);
	contig_expect_taken(window, window->start + 10, window->start + 200,
			    ACR_FLAGS_NONE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PAGES_DROPPED),
			190);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PAGES_MOVED),
			0);
	cache->nr_pages -= 190;
	contig_cache_check(cache);
	contig_window_check(window, 10);
}

/* === Folios that stick out === */

static void contig_move_large(struct kunit *test, unsigned int order,
			      long before, long after)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long first, last, nr = 1UL << order;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	first = window->start + MAX_ORDER_NR_PAGES;
	last = window->end - 2 * MAX_ORDER_NR_PAGES;
	contig_cache_put(cache, first, order);
	contig_cache_fill(cache, first + nr, last);
	contig_cache_put(cache, last, order);
	lru_add_drain_all();
	contig_take_from(cache, first + before, last + after, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, 0, contig_cache_pages_in(cache, first, last + nr));
	KUNIT_EXPECT_TRUE(test, contig_all_free(first, first + before));
	KUNIT_EXPECT_TRUE(test, contig_all_free(last + after, last + nr));
	contig_window_check(window, 0);
}

/* A folio of which the range holds only a part moves as a whole. */
void contig_test_large_folios(struct kunit *test)
{
	unsigned long nr = pageblock_nr_pages;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no large folios in the page cache");

	contig_move_large(test, 4, 5, 3);
	contig_move_large(test, 4, 0, 16);
	contig_move_large(test, 2, 3, 1);
	contig_move_large(test, pageblock_order, nr - 1, 1);
	contig_move_large(test, pageblock_order, nr / 2, nr / 2);
}

/* The range is inside one folio. */
void contig_test_inside_folio(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long pfn;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		kunit_skip(test, "no large folios in the page cache");

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->start + 64;
	contig_cache_put(cache, pfn, 5);
	lru_add_drain_all();
	contig_take_from(cache, pfn + 7, pfn + 9, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, 0, contig_cache_pages_in(cache, pfn, pfn + 32));
	contig_window_check(window, 0);
}

/* One larger than a block moves only if both its ends are in blocks of the range. */
void contig_test_crossing_folio(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long pfn, middle;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ||
	    pageblock_order >= MAX_PAGE_ORDER)
		kunit_skip(test, "no folio is larger than a block");

	window = contig_window_open(test, 3 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->start + MAX_ORDER_NR_PAGES;
	middle = pfn + pageblock_nr_pages;
	contig_cache_put(cache, pfn, MAX_PAGE_ORDER);
	lru_add_drain_all();
	contig_expect_blamed(test, pfn + 5, middle - 1, CONTIG_UNMOVABLE,
			     middle - 2, "crossing");
	contig_expect_blamed(test, middle + 3, middle + 4, CONTIG_UNMOVABLE,
			     middle + 3, "crossing");
	contig_cache_check(cache);
	contig_take_from(cache, pfn + 1, middle + 1, ACR_FLAGS_NONE);
	KUNIT_EXPECT_EQ(test, 0, contig_cache_pages_in(cache, window->start,
						       window->end));
	contig_window_check(window, 0);
}

/* === What does not move === */

/* A window full of pages that can move; one near its end is left out, *@odd. */
static struct contig_cache *contig_fill_but_one(struct kunit *test,
						unsigned long *odd)
{
	struct contig_window *window;
	struct contig_cache *cache;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	*odd = window->end - 3;
	contig_cache_fill(cache, window->start, *odd);
	contig_cache_fill(cache, *odd + 1, window->end);
	return cache;
}

/* Refused, nothing moved, nothing changed. */
static void contig_expect_stuck(struct contig_cache *cache,
				enum contig_reason reason, unsigned long pfn)
{
	struct contig_window *window = cache->window;
	struct kunit *test = window->test;
	struct contig_events before;
	unsigned long moved, in_use;

	in_use = contig_cache_pages_in(cache, window->start, window->end);
	contig_read_events(&before);
	moved = contig_expect_refused(test, window->start, window->end,
				      ACR_FLAGS_NONE, GFP_KERNEL, reason, pfn);
	KUNIT_EXPECT_EQ(test, moved, 0);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PAGES_MOVED),
			0);
	KUNIT_EXPECT_EQ(test, in_use,
			contig_cache_pages_in(cache, window->start,
					      window->end));
	contig_cache_check(cache);
}

/* Gives the page back as soon as its block is isolated. */
static int contig_let_go(void *data)
{
	struct page *page = data;

	while (!is_migrate_isolate_page(page) && !kthread_should_stop())
		usleep_range(10, 20);
	__free_page(page);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/*
 * A page of nobody in particular, each time it is looked at: so it looks where
 * others allocate and free all the time, until they cannot any more.
 */
void contig_test_page_in_transit(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	struct task_struct *owner;
	int err = -EBUSY, tries;
	unsigned long odd;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	odd = window->start + 700;
	owner = kthread_create(contig_let_go, contig_window_hand_out(window, odd),
			       "contig_let_go");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	/* Not before: its stack might lie here. */
	contig_window_release_rest(window);
	wake_up_process(owner);
	/* On a busy machine the owner may be too late for the moment it is given. */
	for (tries = 0; err == -EBUSY && tries < 50; tries++)
		err = contig_alloc_range(window->start, window->end,
					 ACR_FLAGS_NONE, GFP_KERNEL, &report);
	KUNIT_EXPECT_EQ(test, err, 0);
	if (!err)
		contig_window_keep(window, window->start, window->end);
	kthread_stop(owner);
}

/* One page of the kernel near the end: not a single page moves for it. */
void contig_test_survey_kernel_page(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;
	struct page *page;
	unsigned long odd;

	cache = contig_fill_but_one(test, &odd);
	window = cache->window;
	page = contig_window_hand_out(window, odd);
	contig_read_events(&before);
	contig_expect_stuck(cache, CONTIG_UNMOVABLE, odd);
	/* Nor is there a free page that could be on a per-CPU list. */
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_PCP_DRAINS), 0);
	contig_window_check(window, window->end - window->start);
	__free_page(page);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
}

/* The same with one that consists of several: no part of it moves. */
void contig_test_survey_compound(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	unsigned long pfn;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	pfn = window->start + 64;
	contig_window_release(window, pfn, pfn + 8);
	KUNIT_ASSERT_EQ(test, 0,
			contig_alloc_range(pfn, pfn + 8, ACR_FLAGS_NONE,
					   GFP_KERNEL | __GFP_COMP, &report));
	set_page_refcounted(pfn_to_page(pfn));
	contig_window_release_rest(window);
	contig_expect_blamed(test, window->start, window->end,
			     CONTIG_UNMOVABLE, pfn, "kernel");
	contig_expect_blamed(test, pfn + 3, pfn + 5, CONTIG_UNMOVABLE, pfn + 3,
			     "kernel");
	contig_window_check(window, 8);
	__free_pages(pfn_to_page(pfn), 3);
}

/* The same with a page that looks as the slab allocator's do: frozen, typed. */
void contig_test_survey_slab_page(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	struct page *page;
	unsigned long odd;

	cache = contig_fill_but_one(test, &odd);
	window = cache->window;
	page = pfn_to_page(odd);
	__folio_set_slab(page_folio(page));
	contig_expect_stuck(cache, CONTIG_UNMOVABLE, odd);
	__folio_clear_slab(page_folio(page));
	contig_window_check(window, window->end - window->start - 1);
}

/* Page cache pinned for DMA. */
void contig_test_survey_dma_pin(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long odd;

	cache = contig_fill_but_one(test, &odd);
	window = cache->window;
	contig_cache_fill(cache, odd, odd + 1);
	contig_dma_pin(odd);
	contig_expect_stuck(cache, CONTIG_PINNED, odd);
	contig_dma_unpin(odd);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
}

/*
 * A short reference to page cache may go any moment, so the engine tries; it
 * did not go, and the page is named. All the others keep their content, the
 * blocks their type.
 */
void contig_test_held_cache(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	struct folio *folio;
	unsigned long odd;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	odd = window->start + 300;
	cache = contig_cache_open(window, true);
	folio = contig_cache_put(cache, odd, 0);
	contig_cache_fill(cache, window->end - 50, window->end);
	contig_window_release_rest(window);
	folio_get(folio);
	contig_expect_refused(test, window->start, window->end, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_PINNED, odd);
	contig_cache_check(cache);
	contig_window_check(window, contig_cache_pages_in(cache, window->start,
							  window->end));
	folio_put(folio);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
	contig_window_check(window, 0);
}

static struct folio *contig_no_target(struct folio *src, unsigned long private)
{
	return NULL;
}

/* There is nowhere to move to: an error of its own, and all stays in place. */
void contig_test_no_memory(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long pfn, moved;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->end - 20;
	contig_cache_fill(cache, pfn, pfn + 1);
	contig_window_release_rest(window);
	kunit_activate_static_stub(test, contig_crew_pages, contig_no_crew);
	kunit_activate_static_stub(test, contig_target, contig_no_target);
	moved = contig_expect_refused(test, window->start, window->end,
				      ACR_FLAGS_NONE, GFP_KERNEL,
				      CONTIG_NO_MEMORY, pfn);
	kunit_deactivate_static_stub(test, contig_target);
	kunit_deactivate_static_stub(test, contig_crew_pages);
	KUNIT_EXPECT_EQ(test, moved, 0);
	contig_cache_check(cache);
	contig_window_check(window, 1);
	contig_take_from(cache, window->start, window->end, ACR_FLAGS_NONE);
}

/* === Anonymous memory === */

/* It keeps its content, and a pin from user space holds it in place. */
void contig_test_anon(struct kunit *test)
{
	struct contig_window *window;
	unsigned long addr, from, moved;
	struct page *page;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	from = window->start + 500;
	addr = contig_anon_map(window, from, 40);
	contig_window_release_rest(window);

	KUNIT_ASSERT_EQ(test, 1, pin_user_pages_fast(addr + 30 * PAGE_SIZE, 1,
						     FOLL_WRITE, &page));
	moved = contig_expect_refused(test, window->start, window->end,
				      ACR_FLAGS_NONE, GFP_KERNEL, CONTIG_PINNED,
				      page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, moved, 0);
	contig_window_check(window, 40);
	unpin_user_page(page);

	contig_expect_taken(window, window->start, window->end, ACR_FLAGS_NONE,
			    GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, 0, contig_anon_bad_pages(test, addr, 40));
	contig_anon_unmap(test, addr, 40);
}

/* An ordinary extra reference to anonymous memory holds it as well. */
void contig_test_held_anon(struct kunit *test)
{
	struct contig_window *window;
	unsigned long addr, moved, from;
	struct page *page;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	from = window->start + 3;
	addr = contig_anon_map(window, from, 8);
	page = pfn_to_page(from + 5);
	get_page(page);
	moved = contig_expect_refused(test, from, from + 8, ACR_FLAGS_NONE,
				      GFP_KERNEL, CONTIG_PINNED, from + 5);
	KUNIT_EXPECT_EQ(test, moved, 0);
	put_page(page);
	contig_window_check(window, 8);
	contig_anon_unmap(test, addr, 8);
}

/* Page cache that this caller may not move: he tries now and then, not all the time. */
void contig_test_nofs(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	struct contig_cache *cache = contig_cache_open(window, true);
	unsigned long start = window->start;
	struct contig_events before;
	unsigned int context;

	contig_cache_fill(cache, start + 1, start + 2);
	contig_window_release_rest(window);
	contig_read_events(&before);
	context = memalloc_nofs_save();
	contig_expect_refused(test, start, start + 2, ACR_FLAGS_NONE,
			      GFP_KERNEL | __GFP_RETRY_MAYFAIL, CONTIG_PINNED, start + 1);
	memalloc_nofs_restore(context);
	KUNIT_EXPECT_LE(test, contig_events_since(&before, CONTIG_LRU_DRAINS), 300);
	contig_cache_check(cache);
}
