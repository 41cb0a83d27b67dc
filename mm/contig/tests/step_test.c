// SPDX-License-Identifier: GPL-2.0
/*
 * What can happen between any two steps of a request: its caller is killed, somebody
 * allocates a page of the range or gives one back.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "scene.h"
#include "tests.h"

/* === At a step === */

/**
 * struct contig_event_at - what happens when a step is reached for the first time
 * @step: which
 * @happen: what
 * @scene: where
 * @happened: so it did
 * @stop: the request is called off by this
 * @page: what @happen took, or shall give back
 */
struct contig_event_at {
	enum contig_fault step;
	void (*happen)(struct contig_event_at *event);
	struct contig_scene *scene;
	bool happened;
	bool stop;
	struct page *page;
};

static struct contig_event_at contig_event_at;

/* Nothing fails, but something happens. What happens is a request itself, maybe. */
static bool contig_let_happen(enum contig_fault at)
{
	struct contig_event_at *event = &contig_event_at;

	if (at == event->step && !event->happened) {
		event->happened = true;
		event->happen(event);
	}
	/* without this nobody ever waits for a turn */
	return event->step == CONTIG_FAULT_TURN_WAIT && at == CONTIG_FAULT_TURN;
}

static int contig_ask_while(struct contig_scene *scene, struct contig_event_at event,
			    gfp_t gfp, struct contig_report *report)
{
	struct kunit *test = scene->window->test;
	int err;

	contig_event_at = event;
	contig_event_at.scene = scene;
	contig_scene_stir(scene);
	kunit_activate_static_stub(test, contig_fault_wanted, contig_let_happen);
	err = contig_scene_ask(scene, gfp, &contig_event_at.stop, report);
	kunit_deactivate_static_stub(test, contig_fault_wanted);
	kunit_info(test, "step %s in %s: %s, got %d %s\n",
		   contig_fault_name(contig_event_at.step),
		   contig_scene_name(scene->kind),
		   contig_event_at.happened ? "reached" : "not reached", err,
		   contig_reason_name(report->reason));
	return err;
}

/* One entry for each step and kind of range; only their number counts. */
static const char contig_steps[CONTIG_NR_STEPS * CONTIG_NR_SCENES];

static enum contig_fault contig_step_of(const char *it)
{
	return (it - contig_steps) / CONTIG_NR_SCENES;
}

static enum contig_scene_kind contig_scene_of(const char *it)
{
	return (it - contig_steps) % CONTIG_NR_SCENES;
}

/* An exact range is taken in so many steps; the others are those of searches. */
static bool contig_step_is_here(enum contig_fault step)
{
	return step <= CONTIG_FAULT_DISSOLVE || step > CONTIG_STEP_MAP;
}

const void *contig_steps_next(struct kunit *test, const void *prev, char *desc)
{
	const char *next = prev ? (const char *)prev + contig_stride : contig_steps;
	const char *end = contig_steps + ARRAY_SIZE(contig_steps);

	while (next < end && !(contig_step_is_here(contig_step_of(next)) &&
			       contig_scene_is_here(contig_scene_of(next))))
		next++;
	if (next >= end)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s",
		 contig_fault_name(contig_step_of(next)),
		 contig_scene_name(contig_scene_of(next)));
	return next;
}

/* === Its caller is killed === */

static void contig_be_killed(struct contig_event_at *event)
{
	send_sig(SIGKILL, current, 1);
}

static void contig_be_called_off(struct contig_event_at *event)
{
	contig_call_off(&event->stop);
}

static int contig_ask_and_stop(struct contig_scene *scene, struct contig_event_at event,
			       struct contig_report *report)
{
	int err;

	allow_signal(SIGKILL);
	err = contig_ask_while(scene, event, GFP_KERNEL, report);
	flush_signals(current);
	disallow_signal(SIGKILL);
	return err;
}

/*
 * Whoever has all he wants in that moment may have it; everybody else hears that he
 * was interrupted, and nothing else.
 */
static void contig_stop_at(struct kunit *test, const char *it,
			   void (*how)(struct contig_event_at *event))
{
	struct contig_event_at event = {};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, contig_scene_of(it));
	event.step = contig_step_of(it);
	event.happen = how;
	err = contig_ask_and_stop(&scene, event, &report);
	KUNIT_EXPECT_TRUE(test, !err || contig_event_at.happened);
	KUNIT_EXPECT_TRUE(test, !err || err == -EINTR);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
			   contig_reason_name(err ? CONTIG_INTERRUPTED : CONTIG_NONE));
	/* Where pages have to move, no rung before that is too late. */
	if (scene.kind >= CONTIG_SCENE_HALF && contig_event_at.happened &&
	    contig_event_at.step <= CONTIG_FAULT_SCAN)
		KUNIT_EXPECT_EQ(test, err, -EINTR);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

void contig_test_step_signal(struct kunit *test)
{
	contig_stop_at(test, test->param_value, contig_be_killed);
	contig_stop_at(test, test->param_value, contig_be_called_off);
}

/* A page of the range has a reference too many. */
static struct folio *contig_scene_open_held(struct kunit *test,
					    struct contig_scene *scene)
{
	struct folio *folio;

	contig_scene_open(test, scene, CONTIG_SCENE_HALF);
	folio = contig_cache_put(scene->cache, scene->free_pfn, 0);
	lru_add_drain_all();
	folio_get(folio);
	return folio;
}

/* While it waits for a page that is pinned. */
static void contig_stop_in_nap(struct kunit *test,
			       void (*how)(struct contig_event_at *event))
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_NAP, .happen = how,
	};
	struct contig_report report;
	struct contig_scene scene;
	struct folio *folio;
	int err;

	folio = contig_scene_open_held(test, &scene);
	err = contig_ask_and_stop(&scene, event, &report);
	folio_put(folio);
	KUNIT_EXPECT_TRUE(test, contig_event_at.happened);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_INTERRUPTED);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

void contig_test_step_nap(struct kunit *test)
{
	contig_stop_in_nap(test, contig_be_killed);
	contig_stop_in_nap(test, contig_be_called_off);
}

/* Other CPUs are about to help: they do not go on when their caller is gone. */
void contig_test_step_helpers(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_HELPERS, .happen = contig_be_killed,
	};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	if (num_online_cpus() == 1)
		kunit_skip(test, "nobody is there to help");
	kunit_activate_static_stub(test, contig_crew_pages, contig_any_pages);
	/* All CPUs may be busy once. */
	for (int i = 0; i < 20; i++) {
		contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
		err = contig_ask_and_stop(&scene, event, &report);
		contig_scene_check(&scene);
		contig_scene_close(&scene);
		if (contig_event_at.happened)
			break;
	}
	kunit_deactivate_static_stub(test, contig_crew_pages);
	KUNIT_EXPECT_TRUE(test, contig_event_at.happened);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_EQ(test, report.reason, CONTIG_INTERRUPTED);
}

/* The steps of a search, and what becomes of it if its caller dies there. */
static const struct {
	enum contig_fault step;
	int error;
} contig_search_steps[] = {
	{ CONTIG_FAULT_FIND, -EINTR },
	{ CONTIG_FAULT_PLAN, -EINTR },
	{ CONTIG_STEP_MAP, -EINTR },
	/* it has its block already */
	{ CONTIG_FAULT_BLOCK, 0 },
};

static void contig_search_and_die(struct kunit *test,
				  const struct contig_request *req,
				  enum contig_fault step, int error)
{
	struct contig_report report;
	struct page *page;

	contig_event_at = (struct contig_event_at){
		.step = step, .happen = contig_be_killed,
	};
	allow_signal(SIGKILL);
	kunit_activate_static_stub(test, contig_fault_wanted, contig_let_happen);
	page = contig_alloc(req, &report);
	kunit_deactivate_static_stub(test, contig_fault_wanted);
	flush_signals(current);
	disallow_signal(SIGKILL);
	kunit_info(test, "step %s in search: %s, got %d %s\n",
		   contig_fault_name(step),
		   contig_event_at.happened ? "reached" : "not reached",
		   report.error, contig_reason_name(report.reason));
	KUNIT_EXPECT_TRUE(test, contig_event_at.happened);
	KUNIT_EXPECT_EQ(test, report.error, error);
	KUNIT_EXPECT_EQ(test, report.reason,
			error ? CONTIG_INTERRUPTED : CONTIG_NONE);
	if (page)
		contig_free(page, req->nr_pages);
}

/* Nothing that is free is long enough: some pages have to move. */
void contig_test_step_search(struct kunit *test)
{
	struct contig_window *window;
	struct contig_request req;
	struct contig_cache *cache;

	window = contig_window_open(test, MAX_ORDER_NR_PAGES);
	cache = contig_cache_every(window, 64);
	req = contig_ask_in(window, 100);
	for (int i = 0; i < ARRAY_SIZE(contig_search_steps); i++) {
		contig_search_and_die(test, &req, contig_search_steps[i].step,
				      contig_search_steps[i].error);
		contig_cache_check(cache);
		contig_window_check(window,
				    contig_cache_pages_in(cache, window->start,
							  window->end));
	}
}

/* === Somebody allocates === */

/* By way of the engine, as that is how one gets a certain page. */
static void contig_take_one(struct contig_event_at *event)
{
	unsigned long pfn = event->scene->free_pfn;
	struct contig_report report;

	if (contig_alloc_range(pfn, pfn + 1, event->scene->flags,
			       GFP_NOWAIT | __GFP_NOWARN, &report))
		return;
	event->page = pfn_to_page(pfn);
	set_page_refcounted(event->page);
}

/* One page has one owner: whoever came first. */
void contig_test_step_taken(struct kunit *test)
{
	const char *it = test->param_value;
	struct contig_event_at event = {
		.step = contig_step_of(it), .happen = contig_take_one,
	};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, contig_scene_of(it));
	err = contig_ask_while(&scene, event, GFP_KERNEL, &report);
	KUNIT_EXPECT_EQ(test, !!err, !!contig_event_at.page);
	if (contig_event_at.page) {
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
		KUNIT_EXPECT_EQ(test, report.blocking_pfn, scene.free_pfn);
		KUNIT_EXPECT_EQ(test, 1, page_ref_count(contig_event_at.page));
		__free_page(contig_event_at.page);
	}
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* The same while who may not sleep empties the lists of his CPU. */
void contig_test_step_taken_nowait(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_DRAIN_HERE, .happen = contig_take_one,
	};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, CONTIG_SCENE_LOOSE);
	/* in the block that has the loose page, so that it is not claimed yet */
	scene.free_pfn = scene.end - 1;
	err = contig_ask_while(&scene, event, GFP_NOWAIT, &report);
	KUNIT_EXPECT_TRUE(test, contig_event_at.happened);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_ASSERT_NOT_NULL(test, contig_event_at.page);
	KUNIT_EXPECT_EQ(test, 1, page_ref_count(contig_event_at.page));
	__free_page(contig_event_at.page);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* === Somebody gives back === */

static void contig_give_one(struct contig_event_at *event)
{
	__free_page(event->page);
	event->page = NULL;
}

/*
 * A page of the kernel's is in the way until then. Up to the look that counts it is
 * not too late; afterwards the request fails, and the page is free all the same.
 */
void contig_test_step_freed(struct kunit *test)
{
	const char *it = test->param_value;
	struct contig_event_at event = {
		.step = contig_step_of(it), .happen = contig_give_one,
	};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, contig_scene_of(it));
	event.page = contig_window_hand_out(scene.window, scene.free_pfn);
	err = contig_ask_while(&scene, event, GFP_KERNEL, &report);
	if (contig_event_at.page) {
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
		KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason),
				   "UNMOVABLE");
		KUNIT_EXPECT_EQ(test, report.blocking_pfn, scene.free_pfn);
		__free_page(contig_event_at.page);
	} else if (contig_event_at.step < CONTIG_FAULT_ISOLATE) {
		KUNIT_EXPECT_EQ(test, err, 0);
	} else {
		KUNIT_EXPECT_TRUE(test, !err || err == -EBUSY);
	}
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* === Somebody changes something else === */

static void contig_pin_one(struct contig_event_at *event)
{
	contig_dma_pin(event->scene->free_pfn);
}

/* A page that is waited for gets another owner: the last one seen is named. */
void contig_test_step_pinned(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_NAP, .happen = contig_pin_one,
	};
	struct contig_report report;
	struct contig_scene scene;
	struct folio *folio;
	int err;

	folio = contig_scene_open_held(test, &scene);
	err = contig_ask_while(&scene, event, GFP_KERNEL, &report);
	KUNIT_EXPECT_TRUE(test, contig_event_at.happened);
	if (contig_event_at.happened)
		contig_dma_unpin(scene.free_pfn);
	folio_put(folio);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, scene.free_pfn);
	KUNIT_EXPECT_STREQ(test, contig_kind_name(report.kind), "dma-pinned");
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

static struct contig_pin *contig_owner;

static void contig_get_owner(struct contig_event_at *event)
{
	folio_ref_unfreeze(page_folio(event->page), 1);
	contig_pin_for(contig_owner, event->page, 20 * NSEC_PER_MSEC);
}

/* A page that is given a moment gets an owner, who is given longer. */
void contig_test_step_owned(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_NAP, .happen = contig_get_owner,
	};
	struct contig_report report;
	struct contig_scene scene;
	struct contig_pin owner;
	struct folio *folio;

	contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
	folio = contig_cache_put(scene.cache, scene.free_pfn, 0);
	lru_add_drain_all();
	contig_owner = &owner;
	event.page = &folio->page;
	KUNIT_ASSERT_TRUE(test, folio_ref_freeze(folio, 1));
	KUNIT_EXPECT_EQ(test, 0, contig_ask_while(&scene, event, GFP_KERNEL |
						  __GFP_RETRY_MAYFAIL, &report));
	KUNIT_ASSERT_TRUE(test, contig_event_at.happened);
	contig_pin_end(&owner);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* As somebody who wants to take the memory offline. */
static void contig_isolate_one(struct contig_event_at *event)
{
	unsigned long block = pageblock_start_pfn(event->scene->used_pfn);

	event->happened = !start_isolate_page_range(block, block + pageblock_nr_pages,
						    PB_ISOLATE_MODE_OTHER);
}

/* In the last moment somebody else isolates a block: it stays his. */
void contig_test_step_isolated(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_ISOLATE_ZONE, .happen = contig_isolate_one,
	};
	struct contig_report report;
	struct contig_scene scene;
	unsigned long block;
	int err;

	contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
	err = contig_ask_while(&scene, event, GFP_KERNEL, &report);
	KUNIT_ASSERT_TRUE(test, contig_event_at.happened);
	block = pageblock_start_pfn(scene.used_pfn);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "LOST_RACE");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, max(block, scene.start));
	KUNIT_EXPECT_TRUE(test, is_migrate_isolate_page(pfn_to_page(block)));
	undo_isolate_page_range(block, block + pageblock_nr_pages);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* Its owner gives the block back, and somebody settles in it before it is looked at. */
static void contig_move_in(struct contig_event_at *event)
{
	unsigned long block = pageblock_start_pfn(event->scene->used_pfn);

	undo_isolate_page_range(block, block + pageblock_nr_pages);
	contig_take_one(event);
}

static void contig_isolate_for_a_while(struct contig_event_at *event)
{
	contig_isolate_one(event);
	if (!event->happened)
		return;
	event->step = CONTIG_FAULT_NAP;
	event->happen = contig_move_in;
	event->happened = false;
}

/* What was seen before the wait no longer counts: it fails before it moves anything. */
void contig_test_step_settled(struct kunit *test)
{
	struct contig_event_at event = {
		.step = CONTIG_FAULT_ISOLATE_ZONE, .happen = contig_isolate_for_a_while,
	};
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
	err = contig_ask_while(&scene, event, GFP_KERNEL, &report);
	KUNIT_ASSERT_EQ(test, contig_event_at.step, CONTIG_FAULT_NAP);
	KUNIT_ASSERT_TRUE(test, contig_event_at.happened);
	KUNIT_ASSERT_NOT_NULL(test, contig_event_at.page);
	KUNIT_EXPECT_EQ(test, err, -EBUSY);
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, scene.free_pfn);
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
	__free_page(contig_event_at.page);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}
