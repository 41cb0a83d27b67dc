// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit suite of the DDI calls: each sentence of their manual, and what the
 * manual leaves open. Those who wait are in physreq_wait_test.c.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/physreq.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "fixtures.h"

static void physreq_close(void *data)
{
	physreq_free(data);
}

static physreq_t *physreq_open(struct kunit *test)
{
	physreq_t *preqp = physreq_alloc(KM_SLEEP);

	KUNIT_ASSERT_NOT_NULL(test, preqp);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, physreq_close, preqp));
	return preqp;
}

/* Memory that says whose it is, from the first byte to the last. */
static void physreq_stamp(void *addr, size_t size)
{
	size_t part = min(size, SZ_8K);

	memset(addr, 0xd1, part);
	memset(addr + size - part, 0xd1, part);
}

static bool physreq_stamp_is(void *addr, size_t size)
{
	size_t part = min(size, SZ_8K);

	return !memchr_inv(addr, 0xd1, part) &&
	       !memchr_inv(addr + size - part, 0xd1, part);
}

/* === Constraints === */

/* A new one constrains nothing. */
static void physreq_test_fresh(struct kunit *test)
{
	physreq_t *preqp = physreq_open(test);
	physreq_t *other = physreq_alloc(KM_NOSLEEP);

	KUNIT_EXPECT_EQ(test, preqp->phys_align, 1);
	KUNIT_EXPECT_EQ(test, preqp->phys_boundary, 0);
	KUNIT_EXPECT_EQ(test, preqp->phys_dmasize, 0);
	KUNIT_EXPECT_EQ(test, preqp->phys_max_scgth, 0);
	KUNIT_EXPECT_EQ(test, preqp->phys_flags, 0);
	KUNIT_EXPECT_TRUE(test, physreq_prep(preqp, KM_SLEEP));
	KUNIT_EXPECT_TRUE(test, physreq_prep(preqp, KM_NOSLEEP));
	KUNIT_EXPECT_FALSE(test, physreq_prep(preqp, 2));
	KUNIT_EXPECT_FALSE(test, physreq_prep(NULL, KM_SLEEP));
	KUNIT_EXPECT_NOT_NULL(test, other);
	physreq_free(other);
	physreq_free(NULL);
}

static const struct physreq_answer {
	const char *what;
	physreq_t limits;
	bool sane;
	bool possible;
} physreq_answers[] = {
	{ "none", { .phys_align = 1 }, true, true },
	{ "align 0", {}, false, false },
	{ "align 3", { .phys_align = 3 }, false, false },
	{ "align 16 MB", { .phys_align = SZ_16M }, true, true },
	{ "align beyond memory", { .phys_align = (PHYS_ADDR_MAX >> 1) + 1 },
	  true, false },
	{ "boundary 1", { .phys_align = 1, .phys_boundary = 1 }, true, true },
	{ "boundary 48 KB", { .phys_align = 1, .phys_boundary = SZ_32K + SZ_16K },
	  false, false },
	{ "boundary 64 KB", { .phys_align = 1, .phys_boundary = SZ_64K }, true, true },
	{ "below 32", { .phys_align = 1, .phys_dmasize = 5 }, true, false },
	{ "63 bits", { .phys_align = 1, .phys_dmasize = 63 }, true, true },
	{ "64 bits", { .phys_align = 1, .phys_dmasize = 64 }, true, true },
	{ "more bits than there are", { .phys_align = 1, .phys_dmasize = 255 },
	  true, true },
	{ "segments", { .phys_align = 1, .phys_max_scgth = 255 }, true, true },
	{ "one piece", { .phys_align = 1, .phys_flags = PREQ_PHYSCONTIG }, true, true },
	{ "unknown flag", { .phys_align = 1, .phys_flags = PREQ_PHYSCONTIG | 2 },
	  false, false },
};

KUNIT_ARRAY_PARAM_DESC(physreq_answers, physreq_answers, what);

/* What cannot be is told beforehand, and then NULL comes at once. */
static void physreq_test_prep(struct kunit *test)
{
	const struct physreq_answer *answer = test->param_value;
	physreq_t *preqp = physreq_open(test);
	void *addr;

	*preqp = answer->limits;
	KUNIT_EXPECT_EQ(test, physreq_prep(preqp, KM_SLEEP), answer->possible);
	KUNIT_EXPECT_EQ(test, physreq_prep(preqp, KM_NOSLEEP), answer->possible);
	for (int flag = KM_SLEEP; flag <= KM_NOSLEEP; flag++) {
		kunit_warning_suppress(test) {
			addr = kmem_alloc_physcontig(1, preqp, flag);
			contig_expect_warnings(test,
					       KUNIT_SUPPRESSED_WARNING_COUNT(),
					       !answer->sane);
		}
		KUNIT_EXPECT_EQ(test, !!addr, answer->possible);
		kmem_free_physcontig(addr, 1);
	}
}

static const unsigned long physreq_aligns[] = {
	1, 16, 256, SZ_2K, SZ_4K, SZ_64K, SZ_1M, SZ_4M,
};

static void physreq_describe(const unsigned long *align, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "align %lu", *align);
}

KUNIT_ARRAY_PARAM(physreq_aligns, physreq_aligns, physreq_describe);

/* What came is where it has to be, and all there. */
static bool physreq_check(struct kunit *test, const physreq_t *limits,
			  void *addr, size_t size)
{
	phys_addr_t first = virt_to_phys(addr), last = first + size - 1;
	bool fine;

	fine = !is_vmalloc_addr(addr) && IS_ALIGNED(first, limits->phys_align);
	if (limits->phys_boundary)
		fine &= !((first ^ last) & ~(limits->phys_boundary - 1));
	if (limits->phys_dmasize && limits->phys_dmasize < BITS_PER_TYPE(last))
		fine &= !(last >> limits->phys_dmasize);
	KUNIT_EXPECT_TRUE_MSG(test, fine, "%zu bytes at %pa: align %pa, boundary %pa, %u bits",
			      size, &first, &limits->phys_align,
			      &limits->phys_boundary, limits->phys_dmasize);
	physreq_stamp(addr, size);
	return fine;
}

/* With sleep and without. Memory with 24 bits may not be there, or be in use. */
static void physreq_try_size(struct kunit *test, physreq_t *preqp, size_t size)
{
	bool due = !preqp->phys_boundary || size <= preqp->phys_boundary;
	bool scarce = preqp->phys_dmasize == 24;
	void *addr;

	for (int flag = KM_SLEEP; flag <= KM_NOSLEEP; flag++) {
		preqp->phys_flags = flag ^ (size & 1);
		if (flag == KM_NOSLEEP || !scarce)
			addr = kmem_alloc_physcontig(size, preqp, flag);
		else
			addr = kmem_alloc_physcontig_timeout(size, preqp, 0);
		if (addr)
			physreq_check(test, preqp, addr, size);
		if (!due || !scarce)
			KUNIT_EXPECT_EQ_MSG(test, !!addr, due,
					    "%zu bytes, align %pa, boundary %pa, %u bits, flag %d",
					    size, &preqp->phys_align,
					    &preqp->phys_boundary,
					    preqp->phys_dmasize, flag);
		kmem_free_physcontig(addr, size);
	}
}

/* Each combination of constraints and sizes; what was got came back. */
static void physreq_test_constraints(struct kunit *test)
{
	static const unsigned long boundaries[] = {
		0, 64, SZ_4K, SZ_64K, SZ_1M, SZ_16M,
	};
	static const size_t sizes[] = {
		1, 48, 100, 3000, SZ_4K, 5000, 3 * SZ_16K, SZ_1M, 5 * SZ_1M + 1,
	};
	static const unsigned int bits[] = { 0, 24, 32 };
	int step = IS_ENABLED(CONFIG_KASAN) ? 2 : 1;	/* each costs ten times as much */
	physreq_t *preqp = physreq_open(test);

	contig_expect_balance(test);
	preqp->phys_align = *(const unsigned long *)test->param_value;
	for (int b = 0; b < ARRAY_SIZE(boundaries); b++)
		for (int d = 0; d < ARRAY_SIZE(bits); d++)
			for (int s = 0; s < ARRAY_SIZE(sizes); s += step) {
				preqp->phys_boundary = boundaries[b];
				preqp->phys_dmasize = bits[d];
				physreq_try_size(test, preqp, sizes[s]);
			}
}

/* 0 bytes are no memory, and no mistake either. */
static void physreq_test_size_zero(struct kunit *test)
{
	physreq_t *preqp = physreq_open(test);

	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(0, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(0, preqp, KM_NOSLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig_timeout(0, preqp, KTIME_MAX));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physreq(0, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_zalloc_physreq(0, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc(0, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_zalloc(0, KM_NOSLEEP));
	kmem_free(NULL, 0);
	kmem_free_physcontig(NULL, 0);
}

/* What is no flag, and constraints that are not there. */
static void physreq_test_bad_arguments(struct kunit *test)
{
	physreq_t *preqp = physreq_open(test);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(16, preqp, 2));
		KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(16, NULL, KM_SLEEP));
		KUNIT_EXPECT_NULL(test, kmem_alloc_physreq(16, NULL, KM_NOSLEEP));
		KUNIT_EXPECT_NULL(test, kmem_alloc(16, -1));
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 4);
	}
}

/* A field that changed counts, prepared anew or not. */
static void physreq_test_changed_field(struct kunit *test)
{
	physreq_t *preqp = physreq_open(test);
	void *addr;

	KUNIT_EXPECT_TRUE(test, physreq_prep(preqp, KM_SLEEP));
	preqp->phys_align = SZ_1M;
	addr = kmem_alloc_physreq(100, preqp, KM_SLEEP);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	physreq_check(test, preqp, addr, 100);
	/* and memory outlives what it was allocated under */
	preqp->phys_align = 3;
	kmem_free(addr, 100);
}

/* No machine has so much, or so far apart: no wait, and no warning. */
static void physreq_test_never(struct kunit *test)
{
	size_t whole = totalram_pages() << PAGE_SHIFT;
	physreq_t *preqp = physreq_open(test);
	ktime_t began = ktime_get();

	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(2 * whole, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(SIZE_MAX, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(SIZE_MAX, preqp, KM_NOSLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc(2 * whole, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc(SIZE_MAX, KM_SLEEP));
	preqp->phys_dmasize = 24;
	KUNIT_EXPECT_NULL(test, kmem_alloc_physreq(SZ_16M, preqp, KM_SLEEP));
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig_timeout(SZ_16M, preqp,
							      KTIME_MAX));
	preqp->phys_dmasize = 0;
	preqp->phys_boundary = SZ_4K;
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(SZ_4K + 1, preqp, KM_SLEEP));
	KUNIT_EXPECT_LE(test, ktime_ms_delta(ktime_get(), began), 2000);
}

/* === Contents === */

/* What was dirty comes back zeroed from the calls that say so. */
static void physreq_test_zeroed(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, 2048, 5000, SZ_64K, SZ_1M + 3 };
	physreq_t *preqp = physreq_open(test);

	for (int i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i / 2];
		void *addr;

		for (int round = 0; round < 4; round++) {
			addr = round & 1 ? kmem_zalloc(size, i & 1) :
			       kmem_zalloc_physreq(size, preqp, i & 1);
			KUNIT_ASSERT_NOT_NULL(test, addr);
			KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, size));
			memset(addr, 0xd1, size);
			kmem_free(addr, size);
		}
	}
}

/* Memory without constraints, given back under a lock wherever it is from. */
static void physreq_test_plain(struct kunit *test)
{
	static const size_t sizes[] = {
		1, 100, SZ_4K, 8193, SZ_64K + 1, SZ_1M, 5 * SZ_1M,
	};
	static DEFINE_SPINLOCK(lock);

	for (int i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i / 2];
		void *addr = kmem_alloc(size, i & 1);

		KUNIT_EXPECT_NOT_NULL_MSG(test, addr, "%zu bytes", size);
		if (!addr)
			continue;
		physreq_stamp(addr, size);
		scoped_guard(spinlock_irqsave, &lock)
			kmem_free(addr, size);
	}
}

/* === Contexts === */

/* All calls that may be made where nobody can sleep. */
struct physreq_errand {
	struct irq_work irq_work;
	struct tasklet_struct tasklet;
	struct completion done;
	physreq_t *preqp;
	void *held;
	bool as_meant;
	unsigned int missing;
};

#define PHYSREQ_HELD	(SZ_64K + 1)

static void physreq_run_errand(struct physreq_errand *errand)
{
	static const size_t sizes[] = { 40, 5000, SZ_64K, SZ_1M };
	physreq_t *preqp = errand->preqp;
	physreq_t *other = physreq_alloc(KM_NOSLEEP);

	errand->missing += !physreq_prep(preqp, KM_NOSLEEP) + !other;
	physreq_free(other);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *contig = kmem_alloc_physcontig(sizes[i], preqp, KM_NOSLEEP);
		void *zeroed = kmem_zalloc_physreq(sizes[i], preqp, KM_NOSLEEP);
		void *plain = kmem_alloc(sizes[i], KM_NOSLEEP);

		errand->missing += !contig + !zeroed + !plain;
		kmem_free_physcontig(contig, sizes[i]);
		kmem_free(zeroed, sizes[i]);
		kmem_free(plain, sizes[i]);
	}
	kmem_free(errand->held, PHYSREQ_HELD);
	complete(&errand->done);
}

static void physreq_errand_in_hardirq(struct irq_work *work)
{
	struct physreq_errand *errand;

	errand = container_of(work, struct physreq_errand, irq_work);
	errand->as_meant = in_hardirq();
	physreq_run_errand(errand);
}

static void physreq_errand_in_softirq(struct tasklet_struct *tasklet)
{
	struct physreq_errand *errand;

	errand = container_of(tasklet, struct physreq_errand, tasklet);
	errand->as_meant = in_serving_softirq();
	physreq_run_errand(errand);
}

/* With constraints that make sense, and memory that was got with a sleep. */
static struct physreq_errand *physreq_errand_open(struct kunit *test)
{
	struct physreq_errand *errand;

	contig_expect_balance(test);
	errand = kunit_kzalloc(test, sizeof(*errand), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, errand);
	init_completion(&errand->done);
	errand->preqp = physreq_open(test);
	errand->preqp->phys_align = SZ_4K;
	errand->preqp->phys_boundary = SZ_4M;
	errand->preqp->phys_dmasize = 32;
	errand->held = kmem_alloc(PHYSREQ_HELD, KM_SLEEP);
	KUNIT_ASSERT_NOT_NULL(test, errand->held);
	return errand;
}

static void physreq_errand_check(struct kunit *test,
				 struct physreq_errand *errand)
{
	KUNIT_EXPECT_TRUE(test, errand->as_meant);
	KUNIT_EXPECT_EQ(test, errand->missing, 0);
}

static void physreq_test_in_hardirq(struct kunit *test)
{
	struct physreq_errand *errand = physreq_errand_open(test);

	errand->irq_work = IRQ_WORK_INIT(physreq_errand_in_hardirq);
	irq_work_queue(&errand->irq_work);
	irq_work_sync(&errand->irq_work);
	wait_for_completion(&errand->done);
	physreq_errand_check(test, errand);
}

static void physreq_test_in_softirq(struct kunit *test)
{
	struct physreq_errand *errand = physreq_errand_open(test);

	tasklet_setup(&errand->tasklet, physreq_errand_in_softirq);
	tasklet_schedule(&errand->tasklet);
	wait_for_completion(&errand->done);
	tasklet_kill(&errand->tasklet);
	physreq_errand_check(test, errand);
}

/* Basic locks may be held without sleep, sleep locks at any time. */
static void physreq_test_under_locks(struct kunit *test)
{
	struct physreq_errand *errand = physreq_errand_open(test);
	static DEFINE_SPINLOCK(lock);
	static DEFINE_RWLOCK(rwlock);
	static DEFINE_MUTEX(mutex);
	void *addr;

	errand->as_meant = true;
	scoped_guard(spinlock_irqsave, &lock)
		physreq_run_errand(errand);
	errand->held = NULL;
	scoped_guard(read_lock, &rwlock)
		physreq_run_errand(errand);
	scoped_guard(mutex, &mutex) {
		addr = kmem_alloc_physcontig(SZ_64K, errand->preqp, KM_SLEEP);
		kmem_free_physcontig(addr, SZ_64K);
	}
	KUNIT_EXPECT_NOT_NULL(test, addr);
	physreq_errand_check(test, errand);
}

/* === Giving back === */

/* Refused, with one warning, whichever call it is. */
static void physreq_expect_kept(struct kunit *test, void *addr, size_t size)
{
	kunit_warning_suppress(test) {
		kmem_free(addr, size);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
		kmem_free_physcontig(addr, size);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 2);
	}
}

/* Not one byte off, not a part, not twice. */
static void physreq_test_wrong_free(struct kunit *test)
{
	static const size_t sizes[] = { 48, 2048, 5000, SZ_64K, SZ_1M };
	physreq_t *preqp = physreq_open(test);

	contig_expect_balance(test);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		void *addr = kmem_alloc_physcontig(size, preqp, KM_SLEEP);

		KUNIT_ASSERT_NOT_NULL(test, addr);
		physreq_stamp(addr, size);
		physreq_expect_kept(test, addr, size + 1);
		physreq_expect_kept(test, addr, size - 1);
		physreq_expect_kept(test, addr, 0);
		physreq_expect_kept(test, addr, size / 2);
		physreq_expect_kept(test, addr + size / 2, size / 2);
		physreq_expect_kept(test, addr + 1, size);
		physreq_expect_kept(test, addr - 1, size);
		KUNIT_EXPECT_TRUE(test, physreq_stamp_is(addr, size));
		if (i & 1)
			kmem_free(addr, size);
		else
			kmem_free_physcontig(addr, size);
		physreq_expect_kept(test, addr, size);
	}
}

/* Memory of others, and of the calls that have kmem_free() alone. */
static void physreq_test_foreign_free(struct kunit *test)
{
	struct contig_request req = { .nr_pages = 2, .nid = NUMA_NO_NODE,
				      .gfp = GFP_KERNEL };
	physreq_t *preqp = physreq_open(test);
	struct page *page = contig_alloc(&req, NULL);
	void *addr = kmem_alloc_physreq(5000, preqp, KM_SLEEP);
	void *plain = kmem_alloc(5000, KM_SLEEP);

	KUNIT_ASSERT_NOT_NULL(test, page);
	physreq_expect_kept(test, page_address(page), 2 * PAGE_SIZE);
	contig_free(page, 2);
	physreq_expect_kept(test, preqp, sizeof(*preqp));
	physreq_expect_kept(test, &req, sizeof(req));
	physreq_expect_kept(test, (void *)1, 1);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_NOT_NULL(test, plain);
	kunit_warning_suppress(test) {
		kmem_free_physcontig(addr, 5000);
		kmem_free_physcontig(plain, 5000);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 2);
	}
	physreq_stamp(addr, 5000);
	physreq_stamp(plain, 5000);
	kmem_free(addr, 5000);
	kmem_free(plain, 5000);
}

/* What somebody made of a page keeps the engine from taking it back: it stays out. */
static void physreq_test_spoilt_free(struct kunit *test)
{
	physreq_t *preqp = physreq_open(test);
	void *addr = kmem_alloc_physcontig(3 * PAGE_SIZE, preqp, KM_SLEEP);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	SetPageReserved(virt_to_page(addr + PAGE_SIZE));
	kunit_warning_suppress(test) {
		kmem_free_physcontig(addr, 3 * PAGE_SIZE);
		kmem_free(addr, 3 * PAGE_SIZE);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 2);
	}
	ClearPageReserved(virt_to_page(addr + PAGE_SIZE));
	physreq_stamp(addr, 3 * PAGE_SIZE);
	kmem_free_physcontig(addr, 3 * PAGE_SIZE);
}

static struct kunit_case physreq_cases[] = {
	KUNIT_CASE(physreq_test_fresh),
	KUNIT_CASE_PARAM(physreq_test_prep, physreq_answers_gen_params),
	KUNIT_CASE_PARAM(physreq_test_constraints, physreq_aligns_gen_params),
	KUNIT_CASE(physreq_test_size_zero),
	KUNIT_CASE(physreq_test_bad_arguments),
	KUNIT_CASE(physreq_test_changed_field),
	KUNIT_CASE(physreq_test_never),
	KUNIT_CASE(physreq_test_zeroed),
	KUNIT_CASE(physreq_test_plain),
	KUNIT_CASE(physreq_test_in_hardirq),
	KUNIT_CASE(physreq_test_in_softirq),
	KUNIT_CASE(physreq_test_under_locks),
	KUNIT_CASE(physreq_test_wrong_free),
	KUNIT_CASE(physreq_test_foreign_free),
	KUNIT_CASE(physreq_test_spoilt_free),
	{}
};

static struct kunit_suite physreq_suite = {
	.name = "contig_physreq",
	.test_cases = physreq_cases,
};

kunit_test_suite(physreq_suite);
