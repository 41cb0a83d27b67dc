// SPDX-License-Identifier: GPL-2.0
/*
 * Whose the content of a page is: nothing of a previous owner's reaches who asked for
 * zeroed memory, or anybody on a kernel that clears all of it; and nobody touches a
 * page that is not his unseen.
 */
#include <kunit/test.h>
#include <linux/highmem.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

#define CONTIG_SECRET	0x5e

static void contig_write_secret(struct page *page)
{
	memset_page(page, 0, CONTIG_SECRET, PAGE_SIZE);
}

/* === Content === */

/* Who held the pages before, and how he let go of them. */
static void contig_leave_range(struct contig_window *window, unsigned long start,
			       unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++)
		contig_write_secret(pfn_to_page(pfn));
	contig_window_release(window, start, end);
}

static void contig_leave_singly(struct contig_window *window,
				unsigned long start, unsigned long end)
{
	for (unsigned long pfn = start; pfn < end; pfn++) {
		contig_write_secret(pfn_to_page(pfn));
		__free_page(contig_window_hand_out(window, pfn));
	}
}

/* He still has them: they are moved away under his feet. */
static void contig_leave_moving(struct contig_window *window,
				unsigned long start, unsigned long end)
{
	contig_cache_fill(contig_cache_open(window, true), start, end);
}

static void (* const contig_leave[])(struct contig_window *window,
				     unsigned long start, unsigned long end) = {
	contig_leave_range, contig_leave_singly, contig_leave_moving,
};

static void contig_expect_clean(struct kunit *test, gfp_t gfp, bool clean)
{
	struct contig_window *window;
	struct contig_report report;
	unsigned long start, end;

	for (int how = 0; how < ARRAY_SIZE(contig_leave); how++) {
		window = contig_window_open(test, MAX_ORDER_NR_PAGES);
		start = window->start + 64;	/* aligned for a compound page */
		end = start + 64;
		contig_leave[how](window, start, end);
		KUNIT_ASSERT_EQ(test, 0,
				contig_alloc_range(start, end, ACR_FLAGS_NONE,
						   gfp, &report));
		if (clean)
			KUNIT_EXPECT_TRUE_MSG(test,
					      contig_bytes_are(start, end, 0),
					      "%d", how);
		free_contig_frozen_range(start, end - start);
	}
}

void contig_test_secrets(struct kunit *test)
{
	bool always = want_init_on_alloc(GFP_KERNEL) || want_init_on_free();

	contig_expect_clean(test, GFP_KERNEL | __GFP_ZERO, true);
	contig_expect_clean(test, GFP_KERNEL | __GFP_ZERO | __GFP_COMP, true);
	contig_expect_clean(test, GFP_KERNEL, always);
	kunit_info(test, "memory is cleared %s\n",
		   always ? "for everybody" : "on demand");
}

/* The search hands out what it did not have to clear itself: the buddy's pages. */
void contig_test_secrets_found(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 3, 16, 1500 };
	struct contig_request req = {
		.nid = NUMA_NO_NODE, .gfp = GFP_KERNEL | __GFP_ZERO,
		.effort = CONTIG_NORMAL,
	};

	for (int i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned long nr = sizes[i % ARRAY_SIZE(sizes)];
		struct page *page;

		req.nr_pages = nr;
		page = contig_alloc(&req, NULL);
		KUNIT_ASSERT_NOT_NULL(test, page);
		KUNIT_EXPECT_TRUE(test, contig_bytes_are(page_to_pfn(page),
							 page_to_pfn(page) + nr,
							 0));
		for (unsigned long k = 0; k < nr; k++)
			contig_write_secret(page + k);
		contig_free(page, nr);
	}
}

/* === Poison === */

#ifdef CONFIG_KASAN_GENERIC
/* Would KASAN report who touches this byte? Its reports would end the guest. */
static bool contig_is_poisoned(unsigned long pfn, unsigned int byte)
{
	char *at = (char *)page_address(pfn_to_page(pfn)) + byte;

	return *(s8 *)kasan_mem_to_shadow(at);
}

static unsigned long contig_poisoned(unsigned long start, unsigned long end)
{
	unsigned long nr = 0;

	for (unsigned long pfn = start; pfn < end; pfn++)
		nr += contig_is_poisoned(pfn, 0) &&
		      contig_is_poisoned(pfn, PAGE_SIZE - 1);
	return nr;
}

/* All but what is handed out is poisoned, from the byte before it to the one behind. */
void contig_test_poison(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, end;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	start = window->start + 37;
	end = window->end - 41;
	KUNIT_EXPECT_EQ(test, 0, contig_poisoned(window->start, window->end));
	contig_window_release_all(window);
	KUNIT_EXPECT_EQ(test, window->end - window->start,
			contig_poisoned(window->start, window->end));
	contig_expect_taken(window, start, end, ACR_FLAGS_NONE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, 0, contig_poisoned(start, end));
	KUNIT_EXPECT_TRUE(test, contig_is_poisoned(start - 1, PAGE_SIZE - 1));
	KUNIT_EXPECT_TRUE(test, contig_is_poisoned(end, 0));
	/* Parts of it go back, and their neighbours stay in use. */
	contig_window_release(window, start + 100, start + 137);
	KUNIT_EXPECT_EQ(test, 37, contig_poisoned(start + 100, start + 137));
	KUNIT_EXPECT_EQ(test, 37, contig_poisoned(start, end));
	KUNIT_EXPECT_FALSE(test, contig_is_poisoned(start + 99, PAGE_SIZE - 1));
	KUNIT_EXPECT_FALSE(test, contig_is_poisoned(start + 137, 0));
}

/* A request that fails leaves what was free as free as before. */
void contig_test_poison_after_failure(struct kunit *test)
{
	struct contig_window *window;
	struct page *page;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	page = contig_window_hand_out(window, window->end - 3);
	contig_window_release_rest(window);
	contig_expect_refused(test, window->start, window->end, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_UNMOVABLE, window->end - 3);
	KUNIT_EXPECT_EQ(test, window->end - window->start - 1,
			contig_poisoned(window->start, window->end));
	__free_page(page);
}
#endif /* CONFIG_KASAN_GENERIC */
