// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of <linux/gfp.h>: what they hand out, what they cost on free memory,
 * and what a caller's mistake gets.
 */
#include <kunit/test.h>
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/mm.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

static void contig_expect_refcounts(struct kunit *test, unsigned long pfn,
				    unsigned long nr_pages, int count)
{
	unsigned long wrong = 0;

	for (unsigned long i = 0; i < nr_pages; i++)
		wrong += page_ref_count(pfn_to_page(pfn + i)) != count ||
			 PageCompound(pfn_to_page(pfn + i));
	KUNIT_EXPECT_EQ(test, wrong, 0UL);
}

void contig_test_range_calls(struct kunit *test)
{
	struct contig_window *window;
	unsigned long start, end;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start + 9;
	end = window->end - 99;
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(start, end, ACR_FLAGS_NONE,
						    GFP_KERNEL));
	contig_expect_refcounts(test, start, end - start, 1);
	free_contig_range(start, end - start);
	contig_window_expect_whole(window);

	KUNIT_ASSERT_EQ(test, 0, alloc_contig_frozen_range(start, end,
							   ACR_FLAGS_NONE,
							   GFP_KERNEL));
	contig_expect_refcounts(test, start, end - start, 0);
	free_contig_frozen_range(start, end - start);
}

static const unsigned long contig_search_sizes[] = {
	1, 2, 3, 8, 100, 512, 1000, 1024, 2048,
};

static void contig_expect_aligned(struct kunit *test, unsigned long pfn,
				  unsigned long nr_pages)
{
	if (is_power_of_2(nr_pages))
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pfn, nr_pages));
}

static void contig_search_for(struct kunit *test, unsigned long nr_pages)
{
	struct page *page;

	page = alloc_contig_pages(nr_pages, GFP_KERNEL, NUMA_NO_NODE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	contig_expect_aligned(test, page_to_pfn(page), nr_pages);
	contig_expect_refcounts(test, page_to_pfn(page), nr_pages, 1);
	free_contig_range(page_to_pfn(page), nr_pages);

	page = alloc_contig_frozen_pages(nr_pages, GFP_KERNEL, numa_mem_id(),
					 &node_states[N_MEMORY]);
	KUNIT_ASSERT_NOT_NULL(test, page);
	contig_expect_aligned(test, page_to_pfn(page), nr_pages);
	contig_expect_refcounts(test, page_to_pfn(page), nr_pages, 0);
	free_contig_frozen_range(page_to_pfn(page), nr_pages);
}

/* The calls that search; a power of two comes aligned to itself. */
void contig_test_pages_calls(struct kunit *test)
{
	struct contig_window *window;
	struct page *page;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	for (int i = 0; i < ARRAY_SIZE(contig_search_sizes); i++)
		contig_search_for(test, contig_search_sizes[i]);

	page = alloc_contig_frozen_pages(MAX_ORDER_NR_PAGES,
					 GFP_KERNEL | __GFP_COMP, NUMA_NO_NODE,
					 NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	contig_expect_compound(test, page_to_pfn(page), MAX_PAGE_ORDER);
	free_contig_frozen_range(page_to_pfn(page), MAX_ORDER_NR_PAGES);

	page = alloc_contig_pages(3, GFP_NOWAIT, NUMA_NO_NODE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	free_contig_range(page_to_pfn(page), 3);
}

/* Every call and form, on free memory: nobody else notices. */
void contig_test_calls_quietly(struct kunit *test)
{
	struct contig_window *window;
	struct contig_events before;
	unsigned long start;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	start = window->start;
	contig_read_events(&before);
	KUNIT_EXPECT_EQ(test, 0, alloc_contig_range(start, start + 700,
						    ACR_FLAGS_NONE, GFP_KERNEL));
	free_contig_range(start, 700);
	KUNIT_EXPECT_EQ(test, 0, alloc_contig_frozen_range(start, start + 1,
							   ACR_FLAGS_NONE,
							   GFP_NOWAIT));
	free_contig_frozen_range(start, 1);
	KUNIT_EXPECT_EQ(test, 0, alloc_contig_frozen_range(start, start + 1024,
							   ACR_FLAGS_NONE,
							   GFP_KERNEL |
							   __GFP_COMP));
	free_contig_frozen_range(start, 1024);
	contig_expect_no_effort(test, &before);
	contig_window_expect_whole(window);
}

/* What was handed out with references looks like any page of the kernel. */
void contig_test_taken_refcounted(struct kunit *test)
{
	struct contig_window *window;
	unsigned long pfn;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	pfn = window->start + 100;
	contig_window_release_all(window);
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(pfn, pfn + 50,
						    ACR_FLAGS_NONE, GFP_KERNEL));
	contig_expect_refused(test, pfn - 50, pfn + 20, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_UNMOVABLE, pfn);
	contig_expect_refused(test, pfn + 30, pfn + 90, ACR_FLAGS_NONE,
			      GFP_KERNEL, CONTIG_UNMOVABLE, pfn + 30);
	contig_window_check(window, 50);
	free_contig_range(pfn, 50);
}

/* A mistake of the caller's is worth one warning, and changes nothing. */
void contig_test_misuse_warns(struct kunit *test)
{
	const gfp_t comp = GFP_KERNEL | __GFP_COMP;
	struct page *page;
	int err;

	kunit_warning_suppress(test) {
		err = alloc_contig_range(4096, 4112, ACR_FLAGS_NONE, comp);
		KUNIT_EXPECT_EQ(test, err, -EINVAL);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
		page = alloc_contig_pages(16, comp, NUMA_NO_NODE, NULL);
		KUNIT_EXPECT_NULL(test, page);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 2);
		err = alloc_contig_frozen_range(4096, 4120, ACR_FLAGS_NONE, comp);
		KUNIT_EXPECT_EQ(test, err, -EINVAL);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 3);
		page = alloc_contig_frozen_pages(24, comp, NUMA_NO_NODE, NULL);
		KUNIT_EXPECT_NULL(test, page);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 4);
		err = alloc_contig_range(4096, 4096, ACR_FLAGS_NONE, GFP_KERNEL);
		KUNIT_EXPECT_EQ(test, err, -EINVAL);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 5);
	}
}

/* The same through a real CMA area, where the machine has one. */
void contig_test_cma_area(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 3, 16, 256, 1000, 1024 };
	struct cma *cma = dev_get_cma_area(NULL);

	if (!cma)
		kunit_skip(test, "no default CMA area (cma= on the command line)");
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct page *page = cma_alloc(cma, sizes[i], 0, false);

		KUNIT_ASSERT_NOT_NULL(test, page);
		contig_expect_refcounts(test, page_to_pfn(page), sizes[i], 1);
		KUNIT_EXPECT_TRUE(test, is_migrate_cma_page(page));
		KUNIT_EXPECT_TRUE(test, cma_release(cma, page, sizes[i]));
	}
}

/* Whoever has no symbol is told by a hash, and not by where it lies. */
void contig_test_caller_name(struct kunit *test)
{
	char name[CONTIG_CALLER_MAX], address[24];
	unsigned long nobody = (unsigned long)test;

	contig_caller_name(name, (unsigned long)contig_test_caller_name);
	KUNIT_EXPECT_TRUE_MSG(test, strstarts(name, __func__), "%s", name);

	snprintf(address, sizeof(address), "%lx", nobody);
	contig_caller_name(name, nobody);
	KUNIT_EXPECT_GT(test, strlen(name), 0);
	KUNIT_EXPECT_NULL_MSG(test, strstr(name, address), "%s", name);
}
