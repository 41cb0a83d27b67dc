// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting, and not waiting: what each effort does about a page that is held, and
 * requests from contexts that cannot sleep at all.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* === Terms === */

/* What effort and flags promise, in patience and in time. */
void contig_test_terms(struct kunit *test)
{
	struct contig_terms terms;
	u64 now = ktime_get_ns();

	contig_agree(&terms, GFP_KERNEL, CONTIG_NOWAIT, 0);
	KUNIT_EXPECT_FALSE(test, gfpflags_allow_blocking(terms.gfp));
	KUNIT_EXPECT_EQ(test, terms.patience, 0);
	contig_agree(&terms, GFP_ATOMIC, CONTIG_NORMAL, 0);
	KUNIT_EXPECT_EQ(test, terms.patience, 0);
	contig_agree(&terms, GFP_NOWAIT, CONTIG_HARD, KTIME_MAX);
	KUNIT_EXPECT_EQ(test, terms.patience, 0);
	contig_agree(&terms, GFP_KERNEL, CONTIG_NORMAL, 0);
	KUNIT_EXPECT_EQ(test, terms.patience, 500 * NSEC_PER_USEC);
	KUNIT_EXPECT_EQ(test, terms.deadline, CONTIG_NEVER);
	contig_agree(&terms, GFP_KERNEL | __GFP_NORETRY, CONTIG_NORMAL, 0);
	KUNIT_EXPECT_EQ(test, terms.patience, 0);
	contig_agree(&terms, GFP_KERNEL, CONTIG_HARD, 0);
	KUNIT_EXPECT_EQ(test, terms.patience, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, terms.deadline, CONTIG_NEVER);
	contig_agree(&terms, GFP_KERNEL, CONTIG_HARD, KTIME_MAX);
	KUNIT_EXPECT_EQ(test, terms.patience, CONTIG_NEVER);
	KUNIT_EXPECT_EQ(test, terms.deadline, CONTIG_NEVER);
	contig_agree(&terms, GFP_KERNEL, CONTIG_HARD, ms_to_ktime(3000));
	KUNIT_EXPECT_GE(test, terms.deadline, now + 3ULL * NSEC_PER_SEC);
	KUNIT_EXPECT_LE(test, terms.deadline,
			ktime_get_ns() + 3ULL * NSEC_PER_SEC);
	/* Before the clock began, even */
	contig_agree(&terms, GFP_KERNEL, CONTIG_HARD, KTIME_MIN);
	KUNIT_EXPECT_LE(test, terms.deadline, ktime_get_ns());

	KUNIT_EXPECT_EQ(test, contig_effort_of(GFP_ATOMIC), CONTIG_NOWAIT);
	KUNIT_EXPECT_EQ(test, contig_effort_of(GFP_KERNEL), CONTIG_NORMAL);
	KUNIT_EXPECT_EQ(test, contig_effort_of(GFP_KERNEL | __GFP_NORETRY),
			CONTIG_NORMAL);
	KUNIT_EXPECT_EQ(test, contig_effort_of(GFP_NOIO | __GFP_RETRY_MAYFAIL),
			CONTIG_HARD);
}

/* === No sleep === */

/* A range that is all free, a search for it, and one with a page in use. */
struct contig_errand {
	struct irq_work irq_work;
	struct tasklet_struct tasklet;
	unsigned long start;
	unsigned long end;
	unsigned long used;
	int taken;
	int freed;
	int refused;
	struct contig_request req;
	struct page *block;
	int returned;
	bool as_meant;
	struct contig_report report;
	struct completion done;
};

static void contig_run_errand(struct contig_errand *errand)
{
	struct contig_report report;

	errand->freed = -EAGAIN;
	errand->taken = contig_alloc_range(errand->start, errand->end,
					   ACR_FLAGS_NONE, GFP_ATOMIC, &report);
	if (!errand->taken)
		errand->freed = contig_free_range(errand->start,
						  errand->end - errand->start,
						  true);
	errand->refused = contig_alloc_range(errand->used, errand->used + 1,
					     ACR_FLAGS_NONE, GFP_NOWAIT,
					     &errand->report);
	errand->block = contig_alloc(&errand->req, NULL);
	errand->returned = contig_free_exactly(errand->block,
					       errand->req.nr_pages);
	complete(&errand->done);
}

static void contig_errand_in_hardirq(struct irq_work *work)
{
	struct contig_errand *errand;

	errand = container_of(work, struct contig_errand, irq_work);
	errand->as_meant = in_hardirq();
	contig_run_errand(errand);
}

static void contig_errand_in_softirq(struct tasklet_struct *tasklet)
{
	struct contig_errand *errand;

	errand = container_of(tasklet, struct contig_errand, tasklet);
	errand->as_meant = in_serving_softirq();
	contig_run_errand(errand);
}

static struct contig_errand *contig_errand_open(struct kunit *test,
						struct contig_cache **cache)
{
	struct contig_window *window;
	struct contig_errand *errand;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	errand = kunit_kzalloc(test, sizeof(*errand), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, errand);
	init_completion(&errand->done);
	*cache = contig_cache_open(window, true);
	contig_cache_fill(*cache, window->end - 1, window->end);
	contig_window_release_rest(window);
	errand->start = window->start + 1;
	errand->end = window->end - 2;
	errand->used = window->end - 1;
	errand->req = contig_ask_in(window, errand->used - window->start);
	errand->req.effort = CONTIG_NOWAIT;
	return errand;
}

static void contig_errand_check(struct kunit *test, struct contig_errand *errand,
				struct contig_cache *cache)
{
	wait_for_completion(&errand->done);
	KUNIT_EXPECT_TRUE(test, errand->as_meant);
	KUNIT_EXPECT_EQ(test, errand->taken, 0);
	KUNIT_EXPECT_EQ(test, errand->freed, 0);
	KUNIT_EXPECT_EQ(test, errand->refused, -EBUSY);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(errand->report.reason),
			   "WOULD_BLOCK");
	KUNIT_EXPECT_EQ(test, errand->report.blocking_pfn, errand->used);
	KUNIT_EXPECT_STREQ(test, contig_kind_name(errand->report.kind), "file");
	KUNIT_EXPECT_PTR_EQ(test, errand->block,
			    pfn_to_page(cache->window->start));
	KUNIT_EXPECT_EQ(test, errand->returned, 0);
	contig_cache_check(cache);
	contig_window_check(cache->window, 1);
}

void contig_test_in_hardirq(struct kunit *test)
{
	struct contig_cache *cache;
	struct contig_errand *errand = contig_errand_open(test, &cache);

	/* Not _HARD: zone->lock is not for what stays an interrupt on RT. */
	errand->irq_work = IRQ_WORK_INIT(contig_errand_in_hardirq);
	irq_work_queue(&errand->irq_work);
	irq_work_sync(&errand->irq_work);
	contig_errand_check(test, errand, cache);
}

void contig_test_in_softirq(struct kunit *test)
{
	struct contig_cache *cache;
	struct contig_errand *errand = contig_errand_open(test, &cache);

	tasklet_setup(&errand->tasklet, contig_errand_in_softirq);
	tasklet_schedule(&errand->tasklet);
	wait_for_completion(&errand->done);
	tasklet_kill(&errand->tasklet);
	complete(&errand->done);
	contig_errand_check(test, errand, cache);
}

/* A task may empty its own CPU's lists even under a lock. */
void contig_test_nowait_drains(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct contig_report report;
	struct contig_window *window;
	struct contig_events before;
	int err;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release(window, window->start + 1, window->end);
	contig_read_events(&before);
	scoped_guard(spinlock, &lock) {
		__free_page(contig_window_hand_out(window, window->start));
		err = contig_alloc_range(window->start, window->start + 16,
					 ACR_FLAGS_NONE, GFP_NOWAIT, &report);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_LE(test, contig_events_since(&before, CONTIG_PCP_DRAINS), 1);
	if (!err)
		contig_window_keep(window, window->start, window->start + 16);
}

/* === Held pages === */

/* Forty pages of a process, the last of them held; the rest is free. */
struct contig_held {
	struct contig_window *window;
	unsigned long addr;
	unsigned long from;
	struct page *page;
};

static void contig_held_open(struct kunit *test, struct contig_held *held)
{
	kunit_activate_static_stub(test, contig_crew_pages, contig_no_crew);
	held->window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	held->from = held->window->start + 500;
	held->addr = contig_anon_map(held->window, held->from, 40);
	held->page = pfn_to_page(held->from + 39);
	contig_window_release_rest(held->window);
}

/* The request is over; its pages, if it got them, are the window's. */
static void contig_held_close(struct kunit *test, struct contig_held *held,
			      int err)
{
	if (!err)
		contig_window_keep(held->window, held->window->start,
				   held->window->end);
	KUNIT_EXPECT_EQ(test, 0, contig_anon_bad_pages(test, held->addr, 40));
	if (err)
		contig_window_check(held->window, 40);
	contig_anon_unmap(test, held->addr, 40);
}

static int contig_ask_for(struct contig_held *held, gfp_t gfp,
			  enum contig_effort effort, ktime_t timeout,
			  struct contig_report *report)
{
	struct contig_terms terms = { .caller = _THIS_IP_ };

	contig_agree(&terms, gfp | __GFP_NOWARN, effort, timeout);
	memset(report, 0xff, sizeof(*report));
	return contig_alloc_range_on(held->window->start, held->window->end,
				     ACR_FLAGS_NONE, &terms, report);
}

/* All that was waited is told, however little patience there was. */
void contig_test_waited(struct kunit *test)
{
	struct contig_terms terms = { .caller = _THIS_IP_ };
	struct contig_report report;
	struct contig_held held;
	int err;

	contig_held_open(test, &held);
	get_page(held.page);
	contig_agree(&terms, GFP_KERNEL | __GFP_NOWARN, CONTIG_NORMAL, 0);
	terms.patience = 1;
	terms.drained = true;
	err = contig_alloc_range_on(held.window->start, held.window->end,
				    ACR_FLAGS_NONE, &terms, &report);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_EQ(test, terms.patience, 0);
	KUNIT_EXPECT_GT(test, terms.waited, 1);
	KUNIT_EXPECT_LE(test, terms.waited, report.elapsed);
	put_page(held.page);
	contig_held_close(test, &held, err);
}

/* It ends by itself: whoever has time gets the range. */
void contig_test_short_pin(struct kunit *test)
{
	struct contig_report report;
	struct contig_held held;
	struct contig_pin pin;
	int err;

	contig_held_open(test, &held);
	contig_pin_for(&pin, held.page, 5 * NSEC_PER_MSEC);
	err = contig_ask_for(&held, GFP_KERNEL, CONTIG_HARD, 0, &report);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(pin.dropped));
	contig_pin_end(&pin);
	KUNIT_EXPECT_EQ_MSG(test, err, 0, "%s",
			    contig_kind_name(report.kind));
	KUNIT_EXPECT_EQ(test, report.pages_moved, 40);
	contig_held_close(test, &held, err);
}

/* It does not: the deadline ends the wait, with nothing moved. */
void contig_test_long_pin(struct kunit *test)
{
	struct contig_report report;
	struct contig_held held;
	int err;

	contig_held_open(test, &held);
	get_page(held.page);
	err = contig_ask_for(&held, GFP_KERNEL, CONTIG_HARD, ms_to_ktime(20),
			     &report);
	put_page(held.page);
	KUNIT_EXPECT_EQ(test, err, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, report.error, -ETIMEDOUT);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "TIMED_OUT");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, page_to_pfn(held.page));
	KUNIT_EXPECT_STREQ(test, contig_kind_name(report.kind), "referenced");
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
	KUNIT_EXPECT_GE(test, report.elapsed, 20 * NSEC_PER_MSEC);
	contig_held_close(test, &held, err);
}

/* Without a deadline patience is what ends it, and the page is to blame. */
void contig_test_impatient(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL };
	struct contig_report report;
	struct contig_held held;
	int err;

	contig_held_open(test, &held);
	get_page(held.page);
	for (int i = 0; i < ARRAY_SIZE(gfps); i++) {
		err = contig_ask_for(&held, gfps[i], CONTIG_NORMAL, 0, &report);
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
		KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
				   "PINNED");
		KUNIT_EXPECT_EQ(test, report.blocking_pfn,
				page_to_pfn(held.page));
		KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
		if (i)
			KUNIT_EXPECT_GE(test, report.elapsed, 500 * NSEC_PER_USEC);
	}
	put_page(held.page);
	contig_held_close(test, &held, err);
}

static struct contig_pin contig_late_pin;
static bool contig_late_pin_set;

static struct folio *contig_target_nearby(struct folio *src)
{
	struct migration_target_control control = {
		.nid = folio_nid(src),
		.gfp_mask = GFP_HIGHUSER_MOVABLE,
	};

	return alloc_migration_target(src, (unsigned long)&control);
}

/* While other pages move, somebody takes a reference to the last one. */
static struct folio *contig_target_and_pin(struct folio *src,
					   unsigned long private)
{
	if (!contig_late_pin_set)
		contig_pin_for(&contig_late_pin, contig_late_pin.page,
			       3 * NSEC_PER_MSEC);
	contig_late_pin_set = true;
	return contig_target_nearby(src);
}

/* A pin that comes too late for the look is waited for as well. */
void contig_test_late_pin(struct kunit *test)
{
	struct contig_report report;
	struct contig_held held;
	int err;

	contig_held_open(test, &held);
	contig_late_pin_set = false;
	contig_late_pin.page = held.page;
	kunit_activate_static_stub(test, contig_target, contig_target_and_pin);
	err = contig_ask_for(&held, GFP_KERNEL, CONTIG_HARD, 0, &report);
	kunit_deactivate_static_stub(test, contig_target);
	KUNIT_EXPECT_EQ_MSG(test, err, 0, "%s: %s",
			    contig_reason_name(report.reason),
			    contig_kind_name(report.kind));
	KUNIT_EXPECT_EQ(test, report.pages_moved, 40);
	KUNIT_EXPECT_TRUE(test, contig_late_pin_set);
	if (contig_late_pin_set) {
		KUNIT_EXPECT_TRUE(test, READ_ONCE(contig_late_pin.dropped));
		contig_pin_end(&contig_late_pin);
	}
	contig_held_close(test, &held, err);
}

/* One for each folio, and each takes its time. */
static struct folio *contig_target_late(struct folio *src,
					unsigned long private)
{
	fsleep(10 * USEC_PER_MSEC);
	return contig_target_nearby(src);
}

/* Time runs out in the middle of a batch: the rest of it stays where it is. */
void contig_test_late_batch(struct kunit *test)
{
	struct contig_report report;
	struct contig_held held;
	int err;

	contig_held_open(test, &held);
	kunit_activate_static_stub(test, contig_target, contig_target_late);
	err = contig_ask_for(&held, GFP_KERNEL, CONTIG_HARD, ms_to_ktime(40),
			     &report);
	kunit_deactivate_static_stub(test, contig_target);
	KUNIT_EXPECT_EQ(test, err, -ETIMEDOUT);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "TIMED_OUT");
	KUNIT_EXPECT_LE(test, report.pages_moved, 5);
	KUNIT_EXPECT_GE(test, report.elapsed, 40 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, contig_anon_bad_pages(test, held.addr, 40));
	contig_window_check(held.window, 40 - report.pages_moved);
	contig_anon_unmap(test, held.addr, 40);
}

/* A page that nobody has put anywhere and nobody frees: some rounds, not one a moment. */
void contig_test_frozen_page(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	unsigned long pfn = window->start + 77;
	struct contig_events before;
	struct page *page;

	page = contig_window_hand_out(window, pfn);
	contig_window_release_rest(window);
	set_page_count(page, 0);
	contig_read_events(&before);
	contig_expect_refused(test, pfn - 1, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL,
			      CONTIG_LOST_RACE, pfn);
	KUNIT_EXPECT_LE(test, contig_events_since(&before, CONTIG_LRU_DRAINS), 2);
	KUNIT_EXPECT_LE(test, contig_events_since(&before, CONTIG_PCP_DRAINS), 8);
	set_page_count(page, 1);
	__free_page(page);
	contig_window_check(window, 0);
}

/* === While it waits === */

struct contig_waiter {
	struct contig_held *held;
	struct contig_report report;
	int err;
	struct completion done;
};

static int contig_wait_for_ever(void *data)
{
	struct contig_waiter *waiter = data;

	allow_signal(SIGKILL);
	waiter->err = contig_ask_for(waiter->held, GFP_KERNEL, CONTIG_HARD,
				     KTIME_MAX, &waiter->report);
	complete(&waiter->done);
	return 0;
}

/*
 * What is claimed stays claimed, but everybody else has their LRU batches; and a
 * fatal signal ends it.
 */
void contig_test_killed_while_waiting(struct kunit *test)
{
	struct contig_waiter waiter = {};
	struct task_struct *task;
	struct contig_held held;

	contig_held_open(test, &held);
	get_page(held.page);
	waiter.held = &held;
	init_completion(&waiter.done);
	task = kthread_create(contig_wait_for_ever, &waiter, "contig_waiter");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wake_up_process(task);
	KUNIT_EXPECT_EQ(test, 0, wait_for_completion_timeout(&waiter.done,
							     HZ / 20));
	/* between two slices they are emptied once more */
	for (int i = 0; i < 100 && lru_cache_disabled(); i++)
		fsleep(USEC_PER_MSEC);
	KUNIT_EXPECT_FALSE(test, lru_cache_disabled());
	KUNIT_EXPECT_FALSE(test, contig_in_free_block(held.window->end - 1));
	send_sig(SIGKILL, task, 1);
	wait_for_completion(&waiter.done);
	put_task_struct(task);
	put_page(held.page);
	KUNIT_EXPECT_EQ(test, waiter.err, -EINTR);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(waiter.report.reason),
			   "INTERRUPTED");
	KUNIT_EXPECT_EQ(test, waiter.report.pages_moved, 0);
	contig_held_close(test, &held, waiter.err);
}

/* === Kinds === */

static void contig_expect_kind(struct kunit *test, struct page *page,
			       const char *kind)
{
	KUNIT_EXPECT_STREQ(test, contig_kind_name(contig_page_kind(page)), kind);
}

/* What makes a page of the kernel look like one that cannot move. */
static const struct {
	const char *kind;
	void (*mark)(struct page *page);
	void (*unmark)(struct page *page);
} contig_marks[] = {
	{ "reserved", SetPageReserved, ClearPageReserved },
	{ "slab", __SetPageSlab, __ClearPageSlab },
	{ "page-table", __SetPageTable, __ClearPageTable },
	{ "offline", __SetPageOffline, __ClearPageOffline },
	{ "typed", __SetPageZsmalloc, __ClearPageZsmalloc },
#ifdef CONFIG_MEMORY_FAILURE
	{ "hwpoison", SetPageHWPoison, ClearPageHWPoison },
#endif
};

/* Pages that cannot move. */
void contig_test_kinds_that_stay(struct kunit *test)
{
	struct contig_window *window;
	struct page *page;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release(window, window->start + 1, window->end);
	contig_expect_kind(test, pfn_to_page(window->start + 64), "none");
	page = contig_window_hand_out(window, window->start);
	contig_expect_kind(test, page, "kernel");
	for (int i = 0; i < ARRAY_SIZE(contig_marks); i++) {
		contig_marks[i].mark(page);
		contig_expect_kind(test, page, contig_marks[i].kind);
		contig_marks[i].unmark(page);
	}
	__free_page(page);
}

/* It obstructs as what it is, whether it is on the LRU or not. */
static void contig_expect_pinned(struct kunit *test, struct folio *folio)
{
	struct contig_obstacle obstacle = {};
	unsigned long step;

	contig_dma_pin(folio_pfn(folio));
	KUNIT_EXPECT_TRUE(test, contig_page_obstructs(&folio->page, &step,
						      &obstacle));
	KUNIT_EXPECT_STREQ(test, contig_kind_name(obstacle.kind), "dma-pinned");
	KUNIT_EXPECT_STREQ(test, contig_reason_name(obstacle.reason), "PINNED");
	contig_dma_unpin(folio_pfn(folio));
}

/* What can hold a page that moves otherwise. */
void contig_test_kinds_that_pass(struct kunit *test)
{
	struct contig_window *window;
	struct contig_cache *cache;
	struct folio *folio;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	folio = contig_cache_put(cache, window->start, 0);
	contig_expect_kind(test, &folio->page, "off-lru");
	folio_set_mlocked(folio);
	contig_expect_kind(test, &folio->page, "mlocked");
	folio_clear_mlocked(folio);
	contig_expect_pinned(test, folio);
	lru_add_drain_all();
	contig_expect_kind(test, &folio->page, "file");
	folio_get(folio);
	contig_expect_kind(test, &folio->page, "referenced");
	folio_lock(folio);
	contig_expect_kind(test, &folio->page, "locked");
	folio_start_writeback(folio);
	contig_expect_kind(test, &folio->page, "writeback");
	folio_end_writeback(folio);
	folio_unlock(folio);
	contig_dma_pin(folio_pfn(folio));
	contig_expect_kind(test, &folio->page, "dma-pinned");
	contig_dma_unpin(folio_pfn(folio));
	folio_put(folio);
	contig_expect_kind(test, &folio->page, "file");
}
