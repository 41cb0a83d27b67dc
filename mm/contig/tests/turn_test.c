// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that meet: two that evacuate the same block take turns, and a fatal
 * signal ends a request wherever it stands.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/instruction_pointer.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>

#include "../../internal.h"
#include "fixtures.h"
#include "tests.h"

/* How long a worker may take to come to where it waits. */
#define CONTIG_PATIENCE_MS	5000

/* === Workers === */

/* A request made by a task of its own; for any place if it has no start. */
struct contig_worker {
	struct task_struct *task;
	unsigned long start;
	unsigned long end;
	struct contig_terms terms;
	int err;
	struct contig_report report;
	struct completion ready;
	struct completion go;
	struct completion done;
};

static void contig_search_any(struct contig_worker *worker)
{
	struct page *page;

	page = contig_alloc_pages(worker->end, GFP_KERNEL, NUMA_NO_NODE, NULL,
				  &worker->report);
	worker->err = worker->report.error;
	if (page)
		worker->start = page_to_pfn(page);
	worker->end += worker->start;
}

static int contig_work(void *data)
{
	struct contig_worker *worker = data;

	allow_signal(SIGKILL);
	complete(&worker->ready);
	wait_for_completion(&worker->go);
	if (worker->start)
		worker->err = contig_alloc_range_on(worker->start, worker->end,
						    ACR_FLAGS_NONE, &worker->terms,
						    &worker->report);
	else
		contig_search_any(worker);
	complete(&worker->done);
	return 0;
}

static struct contig_worker *contig_hire(struct kunit *test,
					 unsigned long start, unsigned long end)
{
	struct contig_worker *worker;

	worker = kunit_kzalloc(test, sizeof(*worker), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, worker);
	worker->start = start;
	worker->end = end;
	contig_terms_of(&worker->terms, GFP_KERNEL, _THIS_IP_);
	init_completion(&worker->ready);
	init_completion(&worker->go);
	init_completion(&worker->done);
	worker->task = kthread_create(contig_work, worker, "contig_worker");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, worker->task);
	get_task_struct(worker->task);
	wake_up_process(worker->task);
	wait_for_completion(&worker->ready);
	return worker;
}

static void contig_dismiss(struct contig_worker *worker)
{
	wait_for_completion(&worker->done);
	put_task_struct(worker->task);
}

/* Does the worker wait for its turn? It sleeps killably nowhere else. */
static bool contig_worker_waits(struct contig_worker *worker)
{
	for (int ms = 0; ms < CONTIG_PATIENCE_MS; ms += 2) {
		if (READ_ONCE(worker->task->__state) == TASK_KILLABLE)
			return true;
		usleep_range(1000, 2000);
	}
	return false;
}

static void contig_expect_success(struct contig_window *window,
				  struct contig_worker *worker)
{
	KUNIT_EXPECT_EQ_MSG(window->test, 0, worker->err, "%s at %lx",
			    contig_reason_name(worker->report.reason),
			    worker->report.blocking_pfn);
	if (!worker->err)
		contig_window_keep(window, worker->start, worker->end);
}

static void contig_expect_interrupted(struct kunit *test,
				      struct contig_worker *worker)
{
	KUNIT_EXPECT_EQ(test, -EINTR, worker->err);
	KUNIT_EXPECT_EQ(test, -EINTR, worker->report.error);
	KUNIT_EXPECT_STREQ(test, "INTERRUPTED",
			   contig_reason_name(worker->report.reason));
	KUNIT_EXPECT_EQ(test, CONTIG_NO_PFN, worker->report.blocking_pfn);
	if (!worker->err)
		contig_free_range(worker->start, worker->end - worker->start,
				  true);
}

/* === Turns === */

/*
 * Both wait for an older evacuation of their block and then both get their
 * part of it, though each has to isolate all of it.
 */
void contig_test_same_block(struct kunit *test)
{
	struct contig_reservation older = {};
	struct contig_worker *low, *high;
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long start, middle, end;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	start = window->start;
	end = start + pageblock_nr_pages;
	middle = start + pageblock_nr_pages / 2;
	contig_cache_fill(cache, start, end);
	low = contig_hire(test, start + 1, middle);
	high = contig_hire(test, middle, end - 1);

	KUNIT_EXPECT_TRUE(test, contig_reserve(&older, start, start + 1));
	complete(&low->go);
	complete(&high->go);
	KUNIT_EXPECT_TRUE(test, contig_worker_waits(low));
	KUNIT_EXPECT_TRUE(test, contig_worker_waits(high));
	contig_unreserve(&older);
	contig_dismiss(low);
	contig_dismiss(high);

	contig_expect_success(window, low);
	contig_expect_success(window, high);
	contig_cache_check(cache);
	contig_window_check(window, 2);
}

/* Who came with little patience, and has none left, has his turn all the same. */
void contig_test_turn_of_impatient(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	unsigned long start = window->start;
	unsigned long addr = contig_anon_map(window, start + 1, 1);
	struct contig_reservation older = {};
	struct contig_worker *worker;

	worker = contig_hire(test, start, start + 2);
	worker->terms.patience = 1;
	worker->terms.drained = true;
	KUNIT_EXPECT_TRUE(test, contig_reserve(&older, start, start + 1));
	contig_window_release_rest(window);
	/* To get it out of this batch costs all patience. */
	deactivate_file_folio(page_folio(pfn_to_page(start + 1)));
	complete(&worker->go);
	msleep(200);
	KUNIT_EXPECT_FALSE(test, completion_done(&worker->done));
	contig_unreserve(&older);
	contig_dismiss(worker);
	contig_expect_success(window, worker);
	contig_anon_unmap(test, addr, 1);
}

/* Whoever takes memory away waits for what is claimed, and is waited for. */
void contig_test_claim_is_let_go(struct kunit *test)
{
	struct contig_window *window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	unsigned long block = window->end - pageblock_nr_pages;
	struct contig_worker *worker;
	bool let_go = false;

	contig_window_release_all(window);
	KUNIT_ASSERT_EQ(test, 0, start_isolate_page_range(block, window->end,
							  PB_ISOLATE_MODE_OTHER));
	worker = contig_hire(test, window->start, window->end);
	contig_terms_of(&worker->terms, GFP_KERNEL | __GFP_RETRY_MAYFAIL, _THIS_IP_);
	complete(&worker->go);
	KUNIT_EXPECT_TRUE(test, contig_worker_waits(worker));
	for (int i = 0; i < 100 && !let_go; i++) {
		usleep_range(1000, 2000);
		let_go = contig_all_free(window->start, block);
	}
	KUNIT_EXPECT_TRUE(test, let_go);
	undo_isolate_page_range(block, window->end);
	contig_dismiss(worker);
	contig_expect_success(window, worker);
}

/* Evacuations of different blocks do not wait for each other. */
void contig_test_other_block(struct kunit *test)
{
	struct contig_reservation older = {};
	struct contig_worker *worker;
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long start;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	start = window->start + pageblock_nr_pages;
	contig_cache_fill(cache, start, start + 32);
	worker = contig_hire(test, start, start + 32);
	KUNIT_EXPECT_TRUE(test, contig_reserve(&older, window->start, start));
	complete(&worker->go);
	contig_dismiss(worker);
	contig_unreserve(&older);
	contig_expect_success(window, worker);
	contig_cache_check(cache);
}

/* Eight requests in one block, all at once, round after round. */
void contig_test_crowd(struct kunit *test)
{
	struct contig_worker *workers[8];
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long share;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	share = pageblock_nr_pages / ARRAY_SIZE(workers);
	for (int round = 0; round < 4; round++) {
		cache = contig_cache_open(window, true);
		contig_cache_fill(cache, window->start,
				  window->start + pageblock_nr_pages);
		for (int i = 0; i < ARRAY_SIZE(workers); i++)
			workers[i] = contig_hire(test,
						 window->start + i * share,
						 window->start + (i + 1) * share);
		for (int i = 0; i < ARRAY_SIZE(workers); i++)
			complete(&workers[i]->go);
		for (int i = 0; i < ARRAY_SIZE(workers); i++)
			contig_dismiss(workers[i]);
		for (int i = 0; i < ARRAY_SIZE(workers); i++)
			contig_expect_success(window, workers[i]);
		contig_cache_check(cache);
		contig_cache_close(cache);
	}
	contig_window_check(window, 0);
}

/* === Fatal signals === */

/* It was there before the first page was moved. */
void contig_test_interrupted(struct kunit *test)
{
	struct contig_worker *worker;
	struct contig_window *window;
	struct contig_cache *cache;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start + 600, window->end);
	contig_window_release(window, window->start, window->start + 600);
	worker = contig_hire(test, window->start, window->end);
	send_sig(SIGKILL, worker->task, 1);
	complete(&worker->go);
	contig_dismiss(worker);
	contig_expect_interrupted(test, worker);
	contig_cache_check(cache);
	contig_window_check(window, contig_cache_pages_in(cache, window->start,
							  window->end));
}

/* A search ends as well, and does not go on to the next candidate. */
void contig_test_interrupted_search(struct kunit *test)
{
	struct contig_worker *worker = contig_hire(test, 0, 16);

	send_sig(SIGKILL, worker->task, 1);
	complete(&worker->go);
	contig_dismiss(worker);
	contig_expect_interrupted(test, worker);
}

/* It comes while the request waits for its turn. */
void contig_test_killed_waiter(struct kunit *test)
{
	struct contig_reservation older = {};
	struct contig_worker *worker;
	struct contig_window *window;
	struct contig_events before;
	struct contig_cache *cache;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_open(window, true);
	contig_cache_fill(cache, window->start, window->start + 16);
	worker = contig_hire(test, window->start, window->start + 16);
	contig_read_events(&before);
	KUNIT_EXPECT_TRUE(test, contig_reserve(&older, window->start,
					       window->end));
	complete(&worker->go);
	KUNIT_EXPECT_TRUE(test, contig_worker_waits(worker));
	send_sig(SIGKILL, worker->task, 1);
	contig_dismiss(worker);
	contig_unreserve(&older);

	contig_expect_interrupted(test, worker);
	KUNIT_EXPECT_EQ(test, contig_events_since(&before, CONTIG_ISOLATIONS), 0);
	KUNIT_EXPECT_EQ(test, worker->report.pages_moved, 0);
	contig_window_check(window, 16);
	/* It left no reservation behind. */
	contig_expect_taken(window, window->start, window->start + 16,
			    ACR_FLAGS_NONE, GFP_KERNEL);
}
