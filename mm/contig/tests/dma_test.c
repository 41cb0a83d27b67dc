// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for devices: whatever comes lies below the mask and across no boundary,
 * in addresses of the bus, and goes back only as it came.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "fixtures.h"

/* Where memory begins. Not everywhere is any of it in reach of 24 bits. */
static u64 contig_memory_start(void)
{
	struct zone *zone;

	for_each_populated_zone(zone)
		return PFN_PHYS(zone->zone_start_pfn);
	return 0;
}

static struct device *contig_device(struct kunit *test, unsigned int bits)
{
	struct device *dev = kunit_device_register(test, "contig-dma");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->coherent_dma_mask = DMA_BIT_MASK(bits);
	dev_set_dma_coherent(dev);
	return dev;
}

static bool contig_is_zero(const void *memory, size_t size)
{
	return !memchr_inv(memory, 0, size);
}

/* On the bus, as the device would see it. */
static void contig_expect_fits(struct kunit *test, struct device *dev,
			       dma_addr_t dma, size_t size, u64 boundary)
{
	u64 last = dma + size - 1;

	KUNIT_EXPECT_LE(test, last, dev->coherent_dma_mask);
	if (boundary)
		KUNIT_EXPECT_EQ(test, div64_u64(dma, boundary),
				div64_u64(last, boundary));
}

/* Give it back after use: it is zeroed anew each time. */
static bool contig_dma_round(struct kunit *test, struct device *dev,
			     size_t size, u64 boundary, gfp_t gfp)
{
	dma_addr_t dma;
	void *memory = dma_alloc_contig(dev, size, boundary, &dma, gfp,
					DMA_ATTR_NO_WARN);

	if (!memory)
		return false;
	contig_expect_fits(test, dev, dma, size, boundary);
	KUNIT_EXPECT_TRUE(test, contig_is_zero(memory, size));
	memset(memory, 0x5a, size);
	dma_free_contig(dev, size, memory, dma, DMA_ATTR_NO_WARN);
	return true;
}

/* === All constraints === */

static const size_t contig_dma_sizes[] = {
	1, SZ_4K - 1, SZ_4K, SZ_4K + 1, 3 * SZ_4K, 48 * SZ_1K, SZ_64K - 1,
	SZ_64K, SZ_64K + 1, SZ_1M, SZ_1M + SZ_4K, 3 * SZ_1M, SZ_4M, SZ_4M + 1,
};

static const u64 contig_dma_boundaries[] = {
	0, 2, SZ_4K, SZ_64K, SZ_1M, SZ_4M, SZ_16M, SZ_4G, 1ULL << 63,
};

static void contig_dma_grid(struct kunit *test, struct device *dev, bool met)
{
	for (int i = 0; i < ARRAY_SIZE(contig_dma_sizes); i++) {
		size_t size = contig_dma_sizes[i];
		/* KMSAN has two of each three of the largest blocks. */
		bool scarce = IS_ENABLED(CONFIG_KMSAN) &&
			      size > PAGE_SIZE << MAX_PAGE_ORDER;

		for (int k = 0; k < ARRAY_SIZE(contig_dma_boundaries); k++) {
			u64 boundary = contig_dma_boundaries[k];
			bool can = !boundary || size <= boundary;
			bool got = contig_dma_round(test, dev, size, boundary,
						    GFP_KERNEL);

			if ((met && !scarce) || !can)
				KUNIT_EXPECT_EQ_MSG(test, got, can,
						    "%zu bytes, boundary %llx",
						    size, boundary);
		}
	}
}

static const unsigned int contig_dma_masks[] = { 24, 28, 32, 36, 64 };

/* There may be no room at the start, but nothing else may come in its place. */
static void contig_test_dma_grid(struct kunit *test)
{
	int step = IS_ENABLED(CONFIG_KASAN) ? 2 : 1;	/* each costs ten times as much */
	struct device *dev = contig_device(test, 32);

	for (int i = 0; i < ARRAY_SIZE(contig_dma_masks); i += step) {
		dev->coherent_dma_mask = DMA_BIT_MASK(contig_dma_masks[i]);
		contig_dma_grid(test, dev, dev->coherent_dma_mask >
				contig_memory_start() + SZ_128M);
	}
}

/* What the bus reaches is less than what the device does. */
static void contig_test_dma_bus_limit(struct kunit *test)
{
	struct device *dev = contig_device(test, 64);
	u64 limit = contig_memory_start() + SZ_256M - 1;
	dma_addr_t dma;
	void *memory;

	dev->bus_dma_limit = limit;
	memory = dma_alloc_contig(dev, SZ_1M, SZ_1M, &dma, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_EXPECT_LE(test, dma + SZ_1M - 1, limit);
	dma_free_contig(dev, SZ_1M, memory, dma, 0);
}

static const struct contig_dma_offset {
	const char *what;
	u64 apart;
} contig_dma_offsets[] = {
	{ "a multiple of all boundaries", SZ_2G },
	{ "a multiple of some", SZ_2G + SZ_1M },
	{ "a multiple of a page", SZ_2G + PAGE_SIZE },
};

KUNIT_ARRAY_PARAM_DESC(contig_dma_offsets, contig_dma_offsets, what);

/* Memory from 32 MB to 512 MB behind its start appears elsewhere on the bus. */
static void contig_test_dma_offset(struct kunit *test)
{
	const struct contig_dma_offset *offset = test->param_value;
	struct device *dev = contig_device(test, 32);
	u64 start = ALIGN_DOWN(contig_memory_start(), SZ_32M) + SZ_32M;
	dma_addr_t dma;
	void *memory;

	KUNIT_ASSERT_EQ(test, 0,
			dma_direct_set_offset(dev, start, start + offset->apart,
					      SZ_512M));
	memory = dma_alloc_contig(dev, SZ_64K, 0, &dma, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_EXPECT_EQ(test, dma, virt_to_phys(memory) + offset->apart);
	dma_free_contig(dev, SZ_64K, memory, dma, 0);
	contig_dma_grid(test, dev, !(offset->apart & (SZ_16M - 1)));
	dev->coherent_dma_mask = DMA_BIT_MASK(31);
	KUNIT_EXPECT_FALSE(test, contig_dma_round(test, dev, SZ_4K, 0,
						  GFP_KERNEL));
}

static void contig_test_dma_impossible(struct kunit *test)
{
	struct device *dev = contig_device(test, 32);
	dma_addr_t dma;

	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, 0, 0, &dma, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, SZ_4K, 3 * SZ_4K, &dma,
						 GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, SIZE_MAX, 0, &dma,
						 GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, SZ_8K, SZ_4K, &dma,
						 GFP_KERNEL, 0));
	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, LONG_MAX, 0, &dma,
						 GFP_KERNEL, 0));
	dev->coherent_dma_mask = SZ_4K - 1;
	KUNIT_EXPECT_NULL(test, dma_alloc_contig(dev, SZ_8K, 0, &dma,
						 GFP_KERNEL, 0));
}

/* === Contexts === */

static void contig_test_dma_atomic(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct device *dev = contig_device(test, 32);

	scoped_guard(spinlock_irqsave, &lock) {
		KUNIT_EXPECT_TRUE(test, contig_dma_round(test, dev, 48 * SZ_1K,
							 SZ_64K, GFP_ATOMIC));
		KUNIT_EXPECT_TRUE(test, contig_dma_round(test, dev, SZ_1M,
							 SZ_1M, GFP_NOWAIT));
	}
}

/* === Giving back === */

/* Wrong in one way after the other; then right. */
static void contig_expect_exact_free(struct kunit *test, struct device *dev,
				     size_t size)
{
	dma_addr_t dma;
	void *memory;

	memory = dma_alloc_contig(dev, size, 16 * PAGE_SIZE, &dma, GFP_KERNEL, 0);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	memset(memory, 0x5a, size);
	kunit_warning_suppress(test) {
		dma_free_contig(dev, size + PAGE_SIZE, memory, dma, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
		dma_free_contig(dev, PAGE_SIZE, memory, dma, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 2);
		dma_free_contig(dev, size, memory + PAGE_SIZE, dma + PAGE_SIZE, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 3);
		dma_free_contig(dev, size, memory, dma + PAGE_SIZE, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 4);
		dma_free_contig(dev, size, test, dma, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 5);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(memory, 0x5a, size));
	dma_free_contig(dev, size, memory, dma, 0);
	dma_free_contig(dev, size, NULL, 0, 0);
	kunit_warning_suppress(test) {
		dma_free_contig(dev, size, memory, dma, 0);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
}

static void contig_test_dma_free(struct kunit *test)
{
	contig_expect_exact_free(test, contig_device(test, 32), 12 * PAGE_SIZE);
}

/* === Devices that do not see memory as it is === */

static bool contig_never_direct(struct device *dev)
{
	return false;
}

static void contig_test_dma_indirect(struct kunit *test)
{
	struct device *dev = contig_device(test, 32);

	kunit_activate_static_stub(test, contig_dma_is_direct,
				   contig_never_direct);
	contig_expect_exact_free(test, dev, 12 * PAGE_SIZE);
	for (int i = 0; i < ARRAY_SIZE(contig_dma_boundaries); i++)
		if (contig_dma_boundaries[i] >= SZ_64K)
			KUNIT_EXPECT_TRUE(test,
					  contig_dma_round(test, dev, 40000,
							   contig_dma_boundaries[i],
							   GFP_KERNEL));
	dev->coherent_dma_mask = DMA_BIT_MASK(28);
	contig_dma_grid(test, dev, false);
}

static struct kunit_case contig_dma_cases[] = {
	KUNIT_CASE(contig_test_dma_grid),
	KUNIT_CASE(contig_test_dma_bus_limit),
	KUNIT_CASE_PARAM(contig_test_dma_offset, contig_dma_offsets_gen_params),
	KUNIT_CASE(contig_test_dma_impossible),
	KUNIT_CASE(contig_test_dma_atomic),
	KUNIT_CASE(contig_test_dma_free),
	KUNIT_CASE(contig_test_dma_indirect),
	{}
};

static struct kunit_suite contig_dma_suite = {
	.name = "contig_dma",
	.test_cases = contig_dma_cases,
};

kunit_test_suite(contig_dma_suite);
