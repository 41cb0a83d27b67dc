// SPDX-License-Identifier: GPL-2.0
/*
 * Giving back: in any parts and any order what was handed out, and nothing
 * else. A call that is refused changes nothing.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* === Parts === */

/* Sub-ranges of a frozen range, the last first, across blocks. */
void contig_test_free_parts(struct kunit *test)
{
	static const unsigned long cuts[] = {
		0, 1, 2, 5, 64, 511, 513, 1024, 1025, 1500, 2047, 2048,
	};
	struct contig_window *window;

	window = contig_window_open(test, 2048);
	for (int i = ARRAY_SIZE(cuts) - 1; i > 0; i -= 2)
		contig_window_release(window, window->start + cuts[i - 1],
				      window->start + cuts[i]);
	contig_window_check(window, 0);
	for (int i = 1; i < ARRAY_SIZE(cuts) - 1; i += 2)
		contig_window_release(window, window->start + cuts[i],
				      window->start + cuts[i + 1]);
	if (window->start + 2048 < window->end)
		contig_window_release(window, window->start + 2048, window->end);
	contig_window_check(window, 0);
	contig_window_expect_whole(window);
}

/* Refcounted pages one by one, by way of everybody's __free_page(). */
void contig_test_free_single_pages(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, end;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start + 11;
	end = window->end - 13;
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(start, end, ACR_FLAGS_NONE,
						    GFP_KERNEL));
	for (unsigned long pfn = start; pfn < end; pfn += 2)
		__free_page(pfn_to_page(pfn));
	for (unsigned long pfn = start + 1; pfn < end; pfn += 2)
		free_contig_range(pfn, 1);
	contig_window_check(window, 0);
}

/* A page that somebody else still holds is freed when they let go. */
void contig_test_free_held_page(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, held;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start + 200;
	held = start + 77;
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(start, start + 100,
						    ACR_FLAGS_NONE, GFP_KERNEL));
	get_page(pfn_to_page(held));
	KUNIT_EXPECT_EQ(test, 0, contig_free_range(start, 100, false));
	KUNIT_EXPECT_EQ(test, 1, page_ref_count(pfn_to_page(held)));
	KUNIT_EXPECT_TRUE(test, contig_all_free(window->start, held));
	KUNIT_EXPECT_TRUE(test, contig_all_free(held + 1, window->end));
	contig_window_check(window, 1);
	put_page(pfn_to_page(held));
	contig_window_check(window, 0);
}

/* What owners leave on their pages is gone when these are free. */
void contig_test_free_clears(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	unsigned long start, odd;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start + 10;
	odd = start + 500;
	for (int frozen = 0; frozen < 2; frozen++) {
		KUNIT_ASSERT_EQ(test, 0, contig_alloc_range(start, start + 600,
							    ACR_FLAGS_NONE,
							    GFP_KERNEL, &report));
		if (!frozen)
			set_pages_refcounted(pfn_to_page(start), 600);
		set_page_private(pfn_to_page(odd), 77);
		folio_set_referenced(pfn_folio(odd + 1));
		folio_set_dirty(pfn_folio(odd + 2));
		KUNIT_EXPECT_EQ(test, 0, contig_free_range(start, 600, frozen));
		contig_window_expect_whole(window);
		KUNIT_EXPECT_EQ(test, 0, page_private(pfn_to_page(odd)));
		KUNIT_EXPECT_FALSE(test, folio_test_referenced(pfn_folio(odd + 1)));
		KUNIT_EXPECT_FALSE(test, folio_test_dirty(pfn_folio(odd + 2)));
	}
}

/* === What is not the caller's to give back === */

/* Refused, with one count, and by the exported call with one warning. */
static void contig_expect_kept(struct kunit *test, unsigned long pfn,
			       unsigned long nr_pages, bool frozen)
{
	struct contig_events before;

	contig_read_events(&before);
	KUNIT_EXPECT_EQ(test, -EINVAL, contig_free_range(pfn, nr_pages, frozen));
	kunit_warning_suppress(test) {
		if (frozen)
			free_contig_frozen_range(pfn, nr_pages);
		else
			free_contig_range(pfn, nr_pages);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_BAD_FREES), 2);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_FREES), 0);
}

static void contig_expect_kept_both(struct kunit *test, unsigned long pfn,
				    unsigned long nr_pages)
{
	contig_expect_kept(test, pfn, nr_pages, true);
	contig_expect_kept(test, pfn, nr_pages, false);
}

void contig_test_free_empty(struct kunit *test)
{
	struct contig_window *window;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_expect_kept_both(test, window->start, 0);
	contig_expect_kept_both(test, window->start, ULONG_MAX);
	contig_expect_kept_both(test, window->start, -window->start);
	contig_window_check(window, 0);
}

/* Free pages, alone and in front of, behind and between pages of ours. */
void contig_test_double_free(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	start = window->start + 100;
	contig_window_release(window, start + 10, start + 20);
	contig_expect_kept_both(test, start + 10, 10);
	contig_expect_kept_both(test, start + 12, 1);
	contig_expect_kept_both(test, start + 13, 2);
	contig_expect_kept(test, start, 11, true);
	contig_expect_kept(test, start + 19, 5, true);
	contig_expect_kept(test, start, 40, true);
	contig_window_check(window, 0);

	contig_window_release(window, start, start + 10);
	contig_window_release(window, start + 20, window->end);
	contig_window_release(window, window->start, start);
	contig_expect_kept_both(test, window->start, 1);
	contig_expect_kept_both(test, start, MAX_ORDER_NR_PAGES / 2);
	contig_expect_kept_both(test, window->end - 1, 1);
}

/* The same, of pages with references. */
void contig_test_double_free_refcounted(struct kunit *test)
{
	struct contig_window *window;
	unsigned long pfn;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	pfn = window->start + 3;
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(pfn, pfn + 64,
						    ACR_FLAGS_NONE, GFP_KERNEL));
	contig_expect_kept(test, pfn, 64, true);
	contig_expect_kept(test, pfn, 65, false);
	contig_expect_kept(test, pfn - 1, 2, false);
	free_contig_range(pfn + 32, 8);
	contig_expect_kept(test, pfn, 64, false);
	contig_expect_kept(test, pfn + 39, 2, false);
	contig_window_check(window, 56);
	free_contig_range(pfn, 32);
	free_contig_range(pfn + 40, 24);
}

/* Pages that others use: cached, mapped, the slab allocator's, reserved. */
void contig_test_foreign_free(struct kunit *test)
{
	void *object = kunit_kzalloc(test, 128, GFP_KERNEL);
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long pfn, addr, absent;

	KUNIT_ASSERT_NOT_NULL(test, object);
	contig_expect_kept_both(test, page_to_pfn(virt_to_page(object)), 1);
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	pfn = window->start + 64;
	/* In an LRU batch, then on the list. */
	contig_cache_put(cache, pfn, 0);
	contig_expect_kept_both(test, pfn, 1);
	contig_cache_fill(cache, pfn + 1, pfn + 4);
	contig_expect_kept_both(test, pfn, 4);
	contig_expect_kept(test, pfn - 8, 9, true);
	contig_expect_kept(test, pfn + 3, 9, true);
	addr = contig_anon_map(window, pfn + 16, 2);
	contig_expect_kept_both(test, pfn + 16, 2);
	contig_window_check(window, 6);
	contig_cache_check(cache);
	contig_anon_unmap(test, addr, 2);

	absent = zone_end_pfn(window->zone);
	while (pfn_to_online_page(absent))
		absent++;
	KUNIT_EXPECT_EQ(test, -EINVAL, contig_free_range(absent, 1, true));
	KUNIT_EXPECT_EQ(test, -EINVAL, contig_free_range(absent, 1, false));
}

/* === Compound pages === */

static void contig_expect_kept_compound(struct kunit *test, unsigned long pfn,
					unsigned long nr_pages)
{
	KUNIT_EXPECT_EQ(test, -EINVAL,
			contig_free_compound(pfn_to_page(pfn), nr_pages));
	contig_expect_kept_both(test, pfn, nr_pages);
}

/* Only the whole of it, by its head, with nobody holding a reference. */
void contig_test_free_compound(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	unsigned long pfn;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	pfn = window->start + 64;
	KUNIT_ASSERT_EQ(test, 0, contig_alloc_range(pfn, pfn + 64,
						    ACR_FLAGS_NONE,
						    GFP_KERNEL | __GFP_COMP,
						    &report));
	contig_expect_kept_compound(test, pfn, 0);
	contig_expect_kept_compound(test, pfn, 1);
	contig_expect_kept_compound(test, pfn, 32);
	contig_expect_kept_compound(test, pfn, 63);
	contig_expect_kept_compound(test, pfn, 65);
	contig_expect_kept_compound(test, pfn, 128);
	contig_expect_kept_compound(test, pfn + 1, 1);
	contig_expect_kept_compound(test, pfn + 32, 32);
	contig_expect_kept_both(test, pfn - 1, 2);
	set_page_refcounted(pfn_to_page(pfn));
	contig_expect_kept_compound(test, pfn, 64);
	set_page_count(pfn_to_page(pfn), 0);
	KUNIT_EXPECT_EQ(test, 64, compound_nr(pfn_to_page(pfn)));
	free_contig_frozen_range(pfn, 64);
	contig_expect_kept_compound(test, pfn, 64);
	contig_window_check(window, 0);
}

/* Not compound: there is no such thing as a compound page of it. */
void contig_test_free_no_compound(struct kunit *test)
{
	struct contig_window *window;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			contig_free_compound(pfn_to_page(window->start), 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			contig_free_compound(pfn_to_page(window->start), 64));
	contig_window_check(window, 0);
}
