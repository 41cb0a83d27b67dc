// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on purpose in searches, and in what stands on top of the engine.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/physreq.h>
#include <linux/sizes.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "scene.h"
#include "tests.h"

/* === Searches === */

static int contig_error_entered;

static void contig_enter_error(unsigned long start, unsigned long nr_pages,
			       const struct contig_terms *terms,
			       const struct contig_report *report)
{
	contig_error_entered = report->error;
}

/* Blocks in a window that is free, while some point of the search fails. */
static struct page *contig_search_with_fault(struct kunit *test,
					     unsigned long points,
					     struct contig_report *report)
{
	struct contig_window *window;
	struct contig_request req;
	struct page *page;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	req = contig_ask_in(window, 100);
	contig_fail(test, points, -1);
	kunit_activate_static_stub(test, contig_conclude, contig_enter_error);
	page = contig_alloc(&req, report);
	kunit_deactivate_static_stub(test, contig_conclude);
	contig_fail_no_more(test);
	KUNIT_EXPECT_EQ(test, contig_error_entered, report->error);
	contig_tell_fault(test, report->error, report->reason);
	KUNIT_EXPECT_GT(test, contig_told.failed, 0);
	if (page)
		contig_free(page, 100);
	contig_window_check(window, 0);
	return page;
}

void contig_test_fault_search(struct kunit *test)
{
	struct contig_report report;

	/* What the free lists do not show is found by the look at the zone. */
	KUNIT_EXPECT_NOT_NULL(test,
			      contig_search_with_fault(test, BIT(CONTIG_FAULT_FIND),
						       &report));
	KUNIT_EXPECT_EQ(test, report.error, 0);

	KUNIT_EXPECT_NULL(test,
			  contig_search_with_fault(test, BIT(CONTIG_FAULT_FIND) |
						   BIT(CONTIG_FAULT_PLAN),
						   &report));
	KUNIT_EXPECT_EQ(test, report.error, -ENOMEM);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "NO_MEMORY");

	KUNIT_EXPECT_NULL(test,
			  contig_search_with_fault(test, BIT(CONTIG_FAULT_BLOCK),
						   &report));
	KUNIT_EXPECT_EQ(test, report.error, -ENOMEM);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "NO_MEMORY");
	KUNIT_EXPECT_EQ(test, report.nr_pages, 0);
}

/* Where pages cannot be moved for want of memory, some places are tried, not all. */
void contig_test_fault_shortage(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	struct contig_request req;
	struct contig_cache *cache;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_every(window, 64);
	req = contig_ask_in(window, 100);
	contig_fail(test, BIT(CONTIG_FAULT_MIGRATE), -1);
	contig_expect_nothing(test, &req, -ENOMEM, CONTIG_NO_MEMORY);
	KUNIT_EXPECT_GT(test, contig_told.failed, 1);
	KUNIT_EXPECT_LT(test, contig_told.failed, 10);
	KUNIT_EXPECT_NULL(test, contig_alloc(&req, &report));
	contig_fail_no_more(test);
	KUNIT_EXPECT_LT(test, report.ranges_tried, 10);
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
	contig_cache_check(cache);
	contig_window_check(window, cache->nr_pages);
}

/* If nothing of the size that is wished for can be had, less and less is tried. */
void contig_test_fault_sizes(struct kunit *test)
{
	struct contig_window *window;
	struct contig_report report;
	struct contig_request req;
	struct contig_cache *cache;
	struct page *page;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_every(window, 32);
	req = contig_ask_in(window, 900);
	req.min_pages = 100;
	contig_fail(test, BIT(CONTIG_FAULT_SURVEY), -1);
	contig_expect_nothing(test, &req, -EBUSY, CONTIG_UNMOVABLE);
	contig_fail_no_more(test);
	KUNIT_EXPECT_GT(test, contig_told.failed, 3);
	contig_cache_check(cache);
	contig_window_check(window, cache->nr_pages);
	page = contig_alloc(&req, &report);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, report.nr_pages, 900);
	contig_free(page, report.nr_pages);
}

/* What the buddy allocator does not have, the engine finds. */
void contig_test_fault_buddy(struct kunit *test)
{
	struct contig_request req = {
		.nr_pages = 3, .nid = NUMA_NO_NODE, .gfp = GFP_KERNEL,
		.effort = CONTIG_NORMAL,
	};
	struct contig_report report;
	struct page *page;

	contig_fail(test, BIT(CONTIG_FAULT_BUDDY), -1);
	page = contig_alloc(&req, &report);
	contig_fail_no_more(test);
	contig_tell_fault(test, report.error, report.reason);
	KUNIT_EXPECT_EQ(test, contig_told.failed, 1);
	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_GE(test, report.ranges_tried, 1);
	contig_free(page, 3);
}

/* === Clients === */

/* Without memory for an order there is none; later there is. */
void contig_test_fault_order(struct kunit *test)
{
	struct contig_request req = {
		.nr_pages = 3, .nid = NUMA_NO_NODE, .gfp = GFP_KERNEL,
		.effort = CONTIG_NORMAL,
	};
	struct contig_order *order;

	contig_expect_balance(test);
	contig_fail(test, BIT(CONTIG_FAULT_ORDER), 1);
	KUNIT_EXPECT_NULL(test, contig_alloc_async(&req, NULL, NULL));
	order = contig_alloc_async(&req, NULL, NULL);
	contig_fail_no_more(test);
	contig_tell_fault(test, -ENOMEM, CONTIG_NO_MEMORY);
	KUNIT_EXPECT_NOT_NULL(test, order);
	contig_cancel(order);
}

#ifdef CONFIG_HAS_DMA
static bool contig_not_direct(struct device *dev)
{
	return false;
}

/* What cannot be entered is not asked for: the DMA API takes nothing back in IRQs. */
void contig_test_fault_dma(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "contig-fault");
	unsigned long flags;
	dma_addr_t dma;
	void *memory;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->coherent_dma_mask = DMA_BIT_MASK(32);
	kunit_activate_static_stub(test, contig_dma_is_direct,
				   contig_not_direct);
	contig_fail(test, BIT(CONTIG_FAULT_DMA), 2);
	local_irq_save(flags);
	memory = dma_alloc_contig(dev, SZ_8K, SZ_8K, &dma, GFP_ATOMIC,
				  DMA_ATTR_NO_WARN);
	local_irq_restore(flags);
	KUNIT_EXPECT_NULL(test, memory);
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, SZ_8K, SZ_8K, &dma,
						 GFP_KERNEL, DMA_ATTR_NO_WARN));
	KUNIT_EXPECT_EQ(test, contig_told.failed, 2);
	contig_tell_fault(test, -ENOMEM, CONTIG_NO_MEMORY);
	memory = dma_alloc_contig(dev, SZ_8K, SZ_8K, &dma, GFP_KERNEL, 0);
	contig_fail_no_more(test);
	KUNIT_EXPECT_NOT_NULL(test, memory);
	dma_free_contig(dev, SZ_8K, memory, dma, 0);
	kunit_deactivate_static_stub(test, contig_dma_is_direct);
}
#endif

#ifdef CONFIG_CONTIG_PHYSREQ
/* A driver gets nothing, or from the engine what the slab allocator did not have. */
void contig_test_fault_ddi(struct kunit *test)
{
	physreq_t limits = { .phys_align = 64, .phys_flags = PREQ_PHYSCONTIG };
	void *addr;

	contig_expect_balance(test);
	contig_fail(test, BIT(CONTIG_FAULT_DDI), 1);
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(512, &limits,
						      KM_SLEEP));
	KUNIT_EXPECT_EQ(test, contig_told.failed, 1);
	contig_tell_fault(test, -ENOMEM, CONTIG_NO_MEMORY);
	contig_fail_no_more(test);

	contig_fail(test, BIT(CONTIG_FAULT_DDI_OBJECT), -1);
	addr = kmem_alloc_physcontig(512, &limits, KM_SLEEP);
	contig_fail_no_more(test);
	KUNIT_EXPECT_EQ(test, contig_told.failed, 1);
	contig_tell_fault(test, 0, CONTIG_NONE);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(addr));
	kmem_free_physcontig(addr, 512);
}
#endif
