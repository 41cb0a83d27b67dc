// SPDX-License-Identifier: GPL-2.0
/*
 * Orders: each is answered once or not at all, ends when it is told to, and what
 * nobody was given is free again.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "fixtures.h"

/* How long an order may take to be answered or to end, on a slow machine. */
#define CONTIG_ANSWER_MS	10000
#define CONTIG_END_MS		50

#define CONTIG_PAIRS		100

/* === Those who order === */

/* What a callback was told; it keeps the memory, ends the order, or neither. */
struct contig_customer {
	struct completion told;
	atomic_t calls;
	bool ends_it;
	bool ended;
	bool takes_it_back;
	struct page *page;
	struct contig_report report;
};

static void contig_customer_init(struct contig_customer *customer)
{
	memset(customer, 0, sizeof(*customer));
	init_completion(&customer->told);
}

static void contig_customer_told(struct contig_order *order, struct page *page,
				 const struct contig_report *report, void *data)
{
	struct contig_customer *customer = data;

	might_sleep();
	atomic_inc(&customer->calls);
	customer->page = page;
	customer->report = *report;
	if (customer->takes_it_back && page)
		contig_free(page, report->nr_pages);
	if (customer->ends_it)
		customer->ended = !contig_cancel(order);
	complete(&customer->told);
}

static bool contig_wait_until_told(struct contig_customer *customer)
{
	return wait_for_completion_timeout(&customer->told,
					   msecs_to_jiffies(CONTIG_ANSWER_MS));
}

/* All of the window, or as much as is asked for, and nowhere else. */
static void contig_order_in(struct contig_request *req,
			    const struct contig_window *window,
			    unsigned long nr_pages)
{
	*req = contig_ask_in(window, nr_pages);
	req->gfp = GFP_HIGHUSER_MOVABLE;
}

static void contig_expect_in(struct contig_window *window, struct page *page,
			     const struct contig_report *report)
{
	KUNIT_ASSERT_NOT_NULL_MSG(window->test, page, "error %d, %s",
				  report->error,
				  contig_reason_name(report->reason));
	KUNIT_EXPECT_EQ(window->test, report->error, 0);
	KUNIT_EXPECT_GE(window->test, page_to_pfn(page), window->start);
	KUNIT_EXPECT_LE(window->test, page_to_pfn(page) + report->nr_pages,
			window->end);
}

/* === Answered === */

/* The request and its nodemask may be gone as soon as it is ordered. */
static void contig_test_order_is_met(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_window *window;
	struct contig_request req;
	struct contig_order *order;
	nodemask_t nodes = NODE_MASK_ALL;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_customer_init(&customer);
	contig_order_in(&req, window, 37);
	req.nodemask = &nodes;
	req.boundary = 64 * PAGE_SIZE;
	order = contig_alloc_async(&req, contig_customer_told, &customer);
	memset(&req, 0xff, sizeof(req));
	nodes_clear(nodes);
	KUNIT_ASSERT_NOT_NULL(test, order);
	KUNIT_EXPECT_TRUE(test, contig_wait_until_told(&customer));
	KUNIT_EXPECT_FALSE(test, contig_cancel(order));
	KUNIT_EXPECT_EQ(test, atomic_read(&customer.calls), 1);
	contig_expect_in(window, customer.page, &customer.report);
	KUNIT_EXPECT_EQ(test, customer.report.nr_pages, 37);
	KUNIT_EXPECT_EQ(test, page_to_pfn(customer.page) / 64,
			(page_to_pfn(customer.page) + 36) / 64);
	contig_free(customer.page, 37);
}

/* Whoever gets no memory is told why. */
static void contig_test_order_is_refused(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_request req = { .nr_pages = 3, .align = 3 * PAGE_SIZE };
	struct contig_order *order;

	contig_customer_init(&customer);
	customer.page = ZERO_PAGE(0);
	order = contig_alloc_async(&req, contig_customer_told, &customer);
	KUNIT_ASSERT_NOT_NULL(test, order);
	KUNIT_EXPECT_TRUE(test, contig_wait_until_told(&customer));
	KUNIT_EXPECT_FALSE(test, contig_cancel(order));
	KUNIT_EXPECT_NULL(test, customer.page);
	KUNIT_EXPECT_EQ(test, customer.report.error, -EINVAL);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(customer.report.reason),
			   "BAD_REQUEST");
}

/* Without a callback: from atomic context, ordered and looked for. */
static void contig_test_order_is_looked_for(struct kunit *test)
{
	static DEFINE_RAW_SPINLOCK(raw);
	static DEFINE_SPINLOCK(lock);
	struct contig_window *window;
	struct contig_report report;
	struct contig_request req;
	struct contig_order *order;
	struct page *page = NULL;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_order_in(&req, window, 100);
	scoped_guard(spinlock_irqsave, &lock)
		order = contig_alloc_async(&req, NULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, order);
	for (int ms = 0; !page && ms < CONTIG_ANSWER_MS; ms++) {
		scoped_guard(raw_spinlock_irqsave, &raw)
			page = contig_order_page(order, &report);
		if (!page && report.error != -EINPROGRESS)
			break;
		usleep_range(1000, 2000);
	}
	KUNIT_EXPECT_NULL(test, contig_order_page(order, NULL));
	KUNIT_EXPECT_EQ(test, contig_cancel(order), !page);
	contig_expect_in(window, page, &report);
	contig_free(page, 100);
}

/* Nobody looked: the memory goes with the order. */
static void contig_test_order_is_left(struct kunit *test)
{
	struct contig_window *window;
	struct contig_request req;
	struct contig_order *order;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_order_in(&req, window, 100);
	order = contig_alloc_async(&req, NULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, order);
	msleep(20);
	KUNIT_EXPECT_TRUE(test, contig_cancel(order));
	contig_window_check(window, 0);
	KUNIT_EXPECT_TRUE(test, contig_cancel(NULL));
}

/* A callback may end its own order. */
static void contig_test_order_ends_itself(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_window *window;
	struct contig_request req;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_customer_init(&customer);
	customer.ends_it = true;
	customer.takes_it_back = true;
	contig_order_in(&req, window, 100);
	KUNIT_ASSERT_NOT_NULL(test, contig_alloc_async(&req,
						       contig_customer_told,
						       &customer));
	KUNIT_EXPECT_TRUE(test, contig_wait_until_told(&customer));
	KUNIT_EXPECT_TRUE(test, customer.ended);
	KUNIT_EXPECT_NOT_NULL(test, customer.page);
	contig_window_check(window, 0);
}

/* === Ended === */

/* A window of which one page is somebody's who does not let go. */
struct contig_stuck {
	struct contig_window *window;
	unsigned long addr;
	struct page *page;
	struct contig_request req;
};

static void contig_stuck_open(struct kunit *test, struct contig_stuck *stuck)
{
	struct contig_window *window;
	unsigned long pfn;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	pfn = window->start + 500;
	stuck->window = window;
	stuck->addr = contig_anon_map(window, pfn, 40);
	stuck->page = pfn_to_page(pfn + 39);
	get_page(stuck->page);
	contig_window_release_rest(window);
	contig_order_in(&stuck->req, window, window->end - window->start);
	stuck->req.effort = CONTIG_HARD;
	stuck->req.timeout = KTIME_MAX;
}

static void contig_stuck_close(struct kunit *test, struct contig_stuck *stuck)
{
	KUNIT_EXPECT_EQ(test, 0, contig_anon_bad_pages(test, stuck->addr, 40));
	contig_window_check(stuck->window, 40);
	contig_anon_unmap(test, stuck->addr, 40);
}

/* An attempt that would wait for ever is over soon, and all is as it was. */
static void contig_test_order_stops_waiting(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_stuck stuck;
	struct contig_order *order;
	ktime_t began;

	contig_stuck_open(test, &stuck);
	contig_customer_init(&customer);
	order = contig_alloc_async(&stuck.req, contig_customer_told, &customer);
	KUNIT_ASSERT_NOT_NULL(test, order);
	msleep(300);
	/* It waits: what is free is claimed. */
	KUNIT_EXPECT_FALSE(test, contig_in_free_block(stuck.window->end - 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&customer.calls), 0);
	began = ktime_get();
	KUNIT_EXPECT_TRUE(test, contig_cancel(order));
	KUNIT_EXPECT_LT(test, ktime_ms_delta(ktime_get(), began), CONTIG_END_MS);
	KUNIT_EXPECT_EQ(test, atomic_read(&customer.calls), 0);
	put_page(stuck.page);
	contig_stuck_close(test, &stuck);
}

/* Nor does it wait for its turn any longer. */
static void contig_test_order_leaves_line(struct kunit *test)
{
	struct contig_reservation older = {};
	struct contig_customer customer;
	struct contig_stuck stuck;
	struct contig_order *order;
	ktime_t began;

	contig_stuck_open(test, &stuck);
	put_page(stuck.page);
	contig_customer_init(&customer);
	KUNIT_EXPECT_TRUE(test, contig_reserve(&older, stuck.window->start,
					       stuck.window->end));
	order = contig_alloc_async(&stuck.req, contig_customer_told, &customer);
	msleep(100);
	KUNIT_EXPECT_EQ(test, atomic_read(&customer.calls), 0);
	began = ktime_get();
	KUNIT_EXPECT_TRUE(test, contig_cancel(order));
	KUNIT_EXPECT_LT(test, ktime_ms_delta(ktime_get(), began), CONTIG_END_MS);
	contig_unreserve(&older);
	contig_stuck_close(test, &stuck);
}

/* An order is as old as it is, whenever its turn comes. */
static void contig_test_order_times_out(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_stuck stuck;
	struct contig_order *order;

	contig_stuck_open(test, &stuck);
	contig_customer_init(&customer);
	stuck.req.timeout = ms_to_ktime(20);
	order = contig_alloc_async(&stuck.req, contig_customer_told, &customer);
	KUNIT_ASSERT_NOT_NULL(test, order);
	KUNIT_EXPECT_TRUE(test, contig_wait_until_told(&customer));
	KUNIT_EXPECT_FALSE(test, contig_cancel(order));
	KUNIT_EXPECT_NULL(test, customer.page);
	KUNIT_EXPECT_EQ(test, customer.report.error, -ETIMEDOUT);
	put_page(stuck.page);
	contig_stuck_close(test, &stuck);
}

/*
 * Ended at any moment, from before it begins until after it is answered: what
 * comes too late is free again, and the answer of contig_cancel() is true.
 */
static void contig_test_order_comes_late(struct kunit *test)
{
	struct contig_customer customer;
	struct contig_window *window;
	struct contig_request req;
	struct contig_order *order;
	bool cancelled;

	window = contig_window_open(test, 4 * MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	contig_order_in(&req, window, window->end - window->start);
	req.gfp |= __GFP_ZERO;
	for (int round = 0; round < 60; round += IS_ENABLED(CONFIG_KASAN) ? 5 : 1) {
		contig_customer_init(&customer);
		customer.takes_it_back = true;
		order = contig_alloc_async(&req, contig_customer_told,
					   &customer);
		KUNIT_ASSERT_NOT_NULL(test, order);
		if (round)
			fsleep(round * round * 8);
		cancelled = contig_cancel(order);
		KUNIT_EXPECT_EQ(test, atomic_read(&customer.calls), !cancelled);
		KUNIT_EXPECT_TRUE(test, cancelled || customer.page);
	}
	contig_window_check(window, 0);
	contig_window_expect_whole(window);
}

/* === Many === */

struct contig_crowd {
	struct kunit *test;
	struct contig_request req;
	struct completion done;
	atomic_t calls;
	unsigned int cancelled;
	unsigned int failed;
};

static void contig_crowd_told(struct contig_order *order, struct page *page,
			      const struct contig_report *report, void *data)
{
	struct contig_crowd *crowd = data;

	atomic_inc(&crowd->calls);
	if (page)
		contig_free(page, report->nr_pages);
}

static int contig_crowd_run(void *data)
{
	struct contig_crowd *crowd = data;

	for (int i = 0; i < CONTIG_PAIRS; i++) {
		struct contig_order *order;

		order = contig_alloc_async(&crowd->req, contig_crowd_told,
					   crowd);
		crowd->failed += !order;
		if (i % 4)
			udelay(i);
		if (order)
			crowd->cancelled += contig_cancel(order);
	}
	complete(&crowd->done);
	return 0;
}

/* Each order is answered once or ended before, never both. */
static void contig_test_order_crowd(struct kunit *test)
{
	struct contig_crowd *crowds = kunit_kcalloc(test, 2, sizeof(*crowds),
						    GFP_KERNEL);
	struct contig_window *window;

	KUNIT_ASSERT_NOT_NULL(test, crowds);
	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	contig_window_release_all(window);
	for (int i = 0; i < 2; i++) {
		contig_order_in(&crowds[i].req, window, 16);
		init_completion(&crowds[i].done);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test,
					     kthread_run(contig_crowd_run,
							 &crowds[i],
							 "contig_crowd"));
	}
	for (int i = 0; i < 2; i++) {
		wait_for_completion(&crowds[i].done);
		KUNIT_EXPECT_EQ(test, crowds[i].failed, 0);
		KUNIT_EXPECT_EQ(test, crowds[i].cancelled +
				atomic_read(&crowds[i].calls), CONTIG_PAIRS);
	}
	contig_window_check(window, 0);
}

static struct kunit_case contig_order_cases[] = {
	KUNIT_CASE(contig_test_order_is_met),
	KUNIT_CASE(contig_test_order_is_refused),
	KUNIT_CASE(contig_test_order_is_looked_for),
	KUNIT_CASE(contig_test_order_is_left),
	KUNIT_CASE(contig_test_order_ends_itself),
	KUNIT_CASE(contig_test_order_stops_waiting),
	KUNIT_CASE(contig_test_order_leaves_line),
	KUNIT_CASE(contig_test_order_times_out),
	KUNIT_CASE(contig_test_order_comes_late),
	KUNIT_CASE(contig_test_order_crowd),
	{}
};

static struct kunit_suite contig_order_suite = {
	.name = "contig_order",
	.test_cases = contig_order_cases,
};

kunit_test_suite(contig_order_suite);
