// SPDX-License-Identifier: GPL-2.0
/*
 * cma_alloc_timeout(), in the default area of the machine: a deadline that is kept,
 * and requests from contexts that cannot sleep.
 *
 * Most cases take all of the area first, then let go of what shall be free: so it
 * is known which candidates there are.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/swap.h>

#include "../../cma.h"
#include "../../internal.h"
#include "fixtures.h"

#define CONTIG_QUIET	(GFP_KERNEL | __GFP_NOWARN)

/* More than an area has pieces after a boot. */
#define CONTIG_PIECES	512

/**
 * struct contig_area - the area, and what the test has of it
 * @test: whose
 * @cma: the area
 * @nr: how many pieces
 * @pieces: first pages of what was taken; NULL where it was given back
 * @sizes: of the pieces, in pages
 */
struct contig_area {
	struct kunit *test;
	struct cma *cma;
	unsigned int nr;
	struct page *pieces[CONTIG_PIECES];
	unsigned long sizes[CONTIG_PIECES];
};

static void contig_area_give_back(struct contig_area *area, unsigned int i)
{
	KUNIT_EXPECT_TRUE(area->test, cma_release(area->cma, area->pieces[i],
						  area->sizes[i]));
	area->pieces[i] = NULL;
}

static void contig_area_close(void *data)
{
	struct contig_area *area = data;

	for (unsigned int i = 0; i < area->nr; i++)
		if (area->pieces[i])
			contig_area_give_back(area, i);
}

static struct contig_area *contig_area_open(struct kunit *test)
{
	struct contig_area *area;

	if (!dev_get_cma_area(NULL))
		kunit_skip(test, "no default CMA area (cma= on the command line)");
	area = kunit_kzalloc(test, sizeof(*area), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area);
	area->test = test;
	area->cma = dev_get_cma_area(NULL);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, contig_area_close,
							   area));
	return area;
}

/* All of it, in ever smaller pieces; the last one is a single page. */
static void contig_area_fill(struct contig_area *area)
{
	unsigned long size = rounddown_pow_of_two(area->cma->count);
	struct page *page;

	for (; size; size >>= 1) {
		while (area->nr < CONTIG_PIECES - 1 &&
		       (page = cma_alloc(area->cma, size, 0, true))) {
			area->pieces[area->nr] = page;
			area->sizes[area->nr++] = size;
		}
	}
	KUNIT_ASSERT_LT(area->test, area->nr, CONTIG_PIECES - 1);
	KUNIT_ASSERT_EQ(area->test, area->cma->available_count, 0);
}

/* Of a full area, give some pages back that lie together; returns the first PFN. */
static unsigned long contig_area_free(struct contig_area *area, unsigned long nr)
{
	unsigned int i = area->nr - 1;
	struct page *page;

	KUNIT_ASSERT_GT(area->test, area->nr, 0);
	while (i && area->sizes[i] < nr)
		i--;
	area->sizes[i] -= nr;
	page = area->pieces[i] + area->sizes[i];
	KUNIT_EXPECT_TRUE(area->test, cma_release(area->cma, page, nr));
	if (!area->sizes[i])
		area->pieces[i] = NULL;
	return page_to_pfn(page);
}

/* Pages that count as free in the area, and are a test's to do with as it likes. */
static struct contig_window *contig_area_window(struct contig_area *area,
						unsigned long start,
						unsigned long nr)
{
	struct contig_window *window;
	struct contig_report report;
	struct kunit *test = area->test;

	window = kunit_kzalloc(test, sizeof(*window), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, window);
	window->held = kunit_kcalloc(test, BITS_TO_LONGS(nr), sizeof(long),
				     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, window->held);
	window->test = test;
	window->zone = page_zone(pfn_to_page(start));
	window->start = start;
	window->end = start + nr;
	window->type = MIGRATE_CMA;
	KUNIT_ASSERT_EQ(test, 0, contig_alloc_range(start, start + nr,
						    ACR_FLAGS_CMA, CONTIG_QUIET,
						    &report));
	contig_window_keep(window, start, start + nr);
	return window;
}

/* A page that the area has lent to page cache. */
static struct page *contig_area_lend(struct contig_area *area, unsigned long pfn)
{
	struct contig_window *window = contig_area_window(area, pfn, 1);

	contig_cache_fill(contig_cache_open(window, true), pfn, pfn + 1);
	return pfn_to_page(pfn);
}

/* How many requests to the area failed for this reason; 0 where nobody counts. */
static unsigned long contig_area_failures(struct contig_area *area,
					  enum contig_reason reason)
{
#ifdef CONFIG_CMA_SYSFS
	return atomic64_read(&area->cma->nr_fail_reasons[reason]);
#else
	return 0;
#endif
}

static void contig_area_expect_failed(struct contig_area *area,
				      enum contig_reason reason,
				      unsigned long before)
{
	KUNIT_EXPECT_EQ(area->test, contig_area_failures(area, reason),
			before + IS_ENABLED(CONFIG_CMA_SYSFS));
}

/* It got the pages, referenced, aligned and of the area; give them back. */
static void contig_area_expect_pages(struct contig_area *area, struct page *page,
				     unsigned long nr, unsigned int align)
{
	struct kunit *test = area->test;
	unsigned long bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(page_to_pfn(page), 1UL << align));
	for (unsigned long i = 0; i < nr; i++)
		bad += page_ref_count(page + i) != 1 ||
		       !is_migrate_cma_page(page + i);
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_TRUE(test, cma_release(area->cma, page, nr));
}

/* === In task context === */

/* On any terms, free memory is there. */
static void contig_test_cma_free_memory(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 3, 16, 1000, 1024 };
	static const unsigned int aligns[] = { 0, 1, 4, 0, 8 };
	struct contig_area *area = contig_area_open(test);
	struct cma *cma = area->cma;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		contig_area_expect_pages(area, cma_alloc_timeout(cma, sizes[i],
								 aligns[i], GFP_KERNEL,
								 ms_to_ktime(1000)),
					 sizes[i], aligns[i]);
		contig_area_expect_pages(area, cma_alloc_timeout(cma, sizes[i],
								 aligns[i], GFP_KERNEL,
								 0),
					 sizes[i], aligns[i]);
	}
	contig_area_expect_pages(area, cma_alloc_timeout(cma, 5, 0, GFP_KERNEL,
							 KTIME_MAX), 5, 0);
}

/* The only candidate is held for longer than there is time. */
static void contig_test_cma_times_out(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	unsigned long timed_out, moved;
	struct page *held, *page;
	u64 began, elapsed;

	contig_area_fill(area);
	held = contig_area_lend(area, contig_area_free(area, 1));
	get_page(held);
	timed_out = contig_area_failures(area, CONTIG_TIMED_OUT);
	moved = contig_read_event(CONTIG_PAGES_MOVED);
	began = ktime_get_ns();
	page = cma_alloc_timeout(area->cma, 1, 0, CONTIG_QUIET, ms_to_ktime(30));
	elapsed = ktime_get_ns() - began;
	put_page(held);
	KUNIT_EXPECT_NULL(test, page);
	KUNIT_EXPECT_GE(test, elapsed, 30 * NSEC_PER_MSEC);
	KUNIT_EXPECT_LT(test, elapsed, 1030 * NSEC_PER_MSEC);
	contig_area_expect_failed(area, CONTIG_TIMED_OUT, timed_out);
	KUNIT_EXPECT_EQ(test, contig_read_event(CONTIG_PAGES_MOVED), moved);
	/* It was held, and nothing else: now it moves at once. */
	page = cma_alloc_timeout(area->cma, 1, 0, CONTIG_QUIET, ms_to_ktime(1000));
	KUNIT_EXPECT_PTR_EQ(test, page, held);
	KUNIT_EXPECT_EQ(test, contig_read_event(CONTIG_PAGES_MOVED), moved + 1);
	contig_area_expect_pages(area, page, 1, 0);
}

/* The only candidate is held, but not for so long. */
static void contig_test_cma_waits(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	struct page *held, *page;
	struct contig_pin pin;

	contig_area_fill(area);
	held = contig_area_lend(area, contig_area_free(area, 1));
	contig_pin_for(&pin, held, 5 * NSEC_PER_MSEC);
	page = cma_alloc_timeout(area->cma, 1, 0, CONTIG_QUIET, ms_to_ktime(10000));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(pin.dropped));
	contig_pin_end(&pin);
	KUNIT_EXPECT_PTR_EQ(test, page, held);
	contig_area_expect_pages(area, page, 1, 0);
}

/* Nothing is left of the area but 32 pages of a process, and every fourth is held. */
static unsigned long contig_area_hold(struct contig_area *area,
				      unsigned long *addr)
{
	unsigned long start;

	contig_area_fill(area);
	start = contig_area_free(area, 32);
	*addr = contig_anon_map(contig_area_window(area, start, 32), start, 32);
	for (unsigned long i = 3; i < 32; i += 4)
		get_page(pfn_to_page(start + i));
	return start;
}

/* Then all of them can be had. */
static void contig_area_let_go(struct contig_area *area, unsigned long start,
			       unsigned long addr)
{
	for (unsigned long i = 3; i < 32; i += 4)
		put_page(pfn_to_page(start + i));
	contig_area_expect_pages(area, cma_alloc(area->cma, 32, 0, true), 32, 0);
	contig_anon_unmap(area->test, addr, 32);
}

/*
 * A page of each candidate is held: the second one is reached without asking all CPUs
 * for their LRU batches once more, and so are all others.
 */
static void contig_test_cma_many_held(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	struct contig_events before;
	unsigned long start, addr;

	start = contig_area_hold(area, &addr);
	contig_read_events(&before);
	KUNIT_EXPECT_NULL(test, cma_alloc_timeout(area->cma, 4, 0,
						  CONTIG_QUIET | __GFP_NORETRY, 0));
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_REQUESTS), 8);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_LRU_DRAINS), 1);
	contig_area_let_go(area, start, addr);
}

static long contig_ask_slowly(void)
{
	contig_take_ms(50);
	return 0;
}

/* Each attempt takes its time: those that wait end with the patience all the same. */
static void contig_test_cma_slow(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	struct contig_events before;
	unsigned long start, addr;

	start = contig_area_hold(area, &addr);
	contig_read_events(&before);
	kunit_activate_static_stub(test, contig_nr_poisoned, contig_ask_slowly);
	KUNIT_EXPECT_NULL(test, cma_alloc_timeout(area->cma, 4, 0, CONTIG_QUIET |
						  __GFP_RETRY_MAYFAIL, 0));
	kunit_deactivate_static_stub(test, contig_nr_poisoned);
	KUNIT_EXPECT_GT(test, contig_events_since(&before, CONTIG_REQUESTS), 8);
	KUNIT_EXPECT_LE(test, contig_events_since(&before, CONTIG_REQUESTS), 30);
	contig_area_let_go(area, start, addr);
}

/* The same with pages that show only when they do not move. */
static void contig_test_cma_many_left(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	struct contig_events before;
	struct contig_cache *cache;
	unsigned long start;

	contig_area_fill(area);
	start = contig_area_free(area, 32);
	cache = contig_cache_open(contig_area_window(area, start, 32), true);
	contig_cache_fill(cache, start, start + 32);
	for (unsigned long i = 3; i < 32; i += 4)
		get_page(pfn_to_page(start + i));
	contig_read_events(&before);
	KUNIT_EXPECT_NULL(test, cma_alloc_timeout(area->cma, 4, 0,
						  CONTIG_QUIET | __GFP_NORETRY, 0));
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_REQUESTS), 8);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_LRU_DRAINS), 1);
	for (unsigned long i = 3; i < 32; i += 4)
		put_page(pfn_to_page(start + i));
	contig_area_expect_pages(area, cma_alloc(area->cma, 32, 0, true), 32, 0);
	contig_cache_check(cache);
	contig_cache_close(cache);
}

static void contig_test_cma_no_compound(struct kunit *test)
{
	struct contig_area *area = contig_area_open(test);
	struct page *page;

	kunit_warning_suppress(test) {
		page = cma_alloc_timeout(area->cma, 4, 2, GFP_KERNEL | __GFP_COMP, 0);
		KUNIT_EXPECT_NULL(test, page);
		contig_expect_warnings(test, KUNIT_SUPPRESSED_WARNING_COUNT(), 1);
	}
}

/* === No sleep === */

/* One request without sleep, from some context. */
struct contig_cma_errand {
	struct irq_work irq_work;
	struct cma *cma;
	unsigned long nr;
	ktime_t timeout;
	struct page *page;
	bool as_meant;
};

static void contig_run_cma_errand(struct contig_cma_errand *errand)
{
	errand->page = cma_alloc_timeout(errand->cma, errand->nr, 0,
					 GFP_NOWAIT | __GFP_NOWARN,
					 errand->timeout);
}

static void contig_cma_errand_in_hardirq(struct irq_work *work)
{
	struct contig_cma_errand *errand;

	errand = container_of(work, struct contig_cma_errand, irq_work);
	errand->as_meant = in_hardirq();
	contig_run_cma_errand(errand);
}

static void contig_send_to_hardirq(struct contig_cma_errand *errand)
{
	errand->irq_work = IRQ_WORK_INIT(contig_cma_errand_in_hardirq);
	irq_work_queue(&errand->irq_work);
	irq_work_sync(&errand->irq_work);
}

static void contig_send_under_lock(struct contig_cma_errand *errand)
{
	static DEFINE_SPINLOCK(lock);

	scoped_guard(spinlock_irqsave, &lock) {
		errand->as_meant = irqs_disabled();
		contig_run_cma_errand(errand);
	}
}

static void contig_expect_none(struct contig_area *area,
			       struct contig_cma_errand *errand,
			       void (*send)(struct contig_cma_errand *errand),
			       enum contig_reason reason)
{
	unsigned long before = contig_area_failures(area, reason);

	send(errand);
	KUNIT_EXPECT_TRUE(area->test, errand->as_meant);
	KUNIT_EXPECT_NULL(area->test, errand->page);
	contig_area_expect_failed(area, reason, before);
}

/*
 * What is free can be had. If nothing is, or what there is would have to move, the
 * request ends at once and changes nothing; time does not help who cannot wait.
 */
static void contig_test_nowait(struct kunit *test,
			       void (*send)(struct contig_cma_errand *errand))
{
	struct contig_area *area = contig_area_open(test);
	struct contig_cma_errand errand = { .cma = area->cma, .nr = 33 };
	unsigned long pfn;

	send(&errand);
	KUNIT_EXPECT_TRUE(test, errand.as_meant);
	contig_area_expect_pages(area, errand.page, errand.nr, 0);

	contig_area_fill(area);
	errand.nr = 1;
	contig_expect_none(area, &errand, send, CONTIG_NO_CANDIDATE);
	pfn = contig_area_free(area, 1);
	send(&errand);
	KUNIT_EXPECT_PTR_EQ(test, errand.page, pfn_to_page(pfn));
	contig_area_expect_pages(area, errand.page, 1, 0);
	contig_area_lend(area, pfn);
	contig_expect_none(area, &errand, send, CONTIG_WOULD_BLOCK);
	errand.timeout = ms_to_ktime(1000);
	contig_expect_none(area, &errand, send, CONTIG_WOULD_BLOCK);
	KUNIT_EXPECT_EQ(test, area->cma->available_count, 1);
}

static void contig_test_cma_nowait_locked(struct kunit *test)
{
	contig_test_nowait(test, contig_send_under_lock);
}

static void contig_test_cma_nowait_in_hardirq(struct kunit *test)
{
	contig_test_nowait(test, contig_send_to_hardirq);
}

static struct kunit_case contig_cma_cases[] = {
	KUNIT_CASE(contig_test_cma_free_memory),
	KUNIT_CASE(contig_test_cma_times_out),
	KUNIT_CASE(contig_test_cma_waits),
	KUNIT_CASE(contig_test_cma_many_held),
	KUNIT_CASE(contig_test_cma_many_left),
	KUNIT_CASE(contig_test_cma_slow),
	KUNIT_CASE(contig_test_cma_no_compound),
	KUNIT_CASE(contig_test_cma_nowait_locked),
	KUNIT_CASE(contig_test_cma_nowait_in_hardirq),
	{}
};

static struct kunit_suite contig_cma_suite = {
	.name = "contig_cma",
	.test_cases = contig_cma_cases,
};

kunit_test_suite(contig_cma_suite);
