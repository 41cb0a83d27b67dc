// SPDX-License-Identifier: GPL-2.0
#include <kunit/test.h>
#include <linux/mm.h>
#include "../contig.h"

static void contig_smoke(struct kunit *test)
{
	struct contig_report report;
	struct page *page = contig_alloc_pages(16, GFP_KERNEL, NUMA_NO_NODE, NULL, &report);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, contig_free_range(page_to_pfn(page), 16, true), 0);
}

static struct kunit_case contig_cases[] = { KUNIT_CASE(contig_smoke), {} };
static struct kunit_suite contig_suite = { .name = "contig", .test_cases = contig_cases };
kunit_test_suite(contig_suite);
