// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on purpose: each point of the engine fails, once and each time, on ranges
 * of every kind. Errors and reasons are those that are documented, and after each
 * failure all is as it was.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/hugetlb.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "scene.h"
#include "tests.h"

/* === Exact ranges === */

/**
 * struct contig_outcome - what becomes of a request in which a point fails
 * @at: the point
 * @with: others that fail with it, as it is not reached otherwise
 * @gfp: of the request; 0 for GFP_KERNEL
 * @once: the reason if it fails once
 * @always: the reason if it fails each time
 * @may_pass: somebody else may do meanwhile what was not done
 */
struct contig_outcome {
	enum contig_fault at;
	unsigned long with;
	gfp_t gfp;
	enum contig_reason once;
	enum contig_reason always;
	bool may_pass;
};

static const struct contig_outcome contig_outcomes[] = {
	{ CONTIG_FAULT_RECORD,
	  .once = CONTIG_NO_MEMORY, .always = CONTIG_NO_MEMORY },
	{ CONTIG_FAULT_CLAIM,
	  .once = CONTIG_NONE, .always = CONTIG_LOST_RACE },
	{ CONTIG_FAULT_DRAIN,
	  .once = CONTIG_NONE, .always = CONTIG_LOST_RACE, .may_pass = true },
	{ CONTIG_FAULT_DRAIN_HERE, .gfp = GFP_NOWAIT,
	  .once = CONTIG_WOULD_BLOCK, .always = CONTIG_WOULD_BLOCK },
	{ CONTIG_FAULT_SURVEY,
	  .once = CONTIG_UNMOVABLE, .always = CONTIG_UNMOVABLE },
	{ CONTIG_FAULT_TURN,
	  .once = CONTIG_NONE, .always = CONTIG_NONE },
	{ CONTIG_FAULT_TURN_WAIT, .with = BIT(CONTIG_FAULT_TURN),
	  .once = CONTIG_LOST_RACE, .always = CONTIG_LOST_RACE },
	{ CONTIG_FAULT_ISOLATE,
	  .once = CONTIG_NONE, .always = CONTIG_LOST_RACE },
	{ CONTIG_FAULT_ISOLATE_ZONE,
	  .once = CONTIG_ZONE_BOUNDARY, .always = CONTIG_ZONE_BOUNDARY },
	{ CONTIG_FAULT_SCAN,
	  .once = CONTIG_NO_MEMORY, .always = CONTIG_NO_MEMORY },
	{ CONTIG_FAULT_SCAN_AGAIN,
	  .once = CONTIG_NONE, .always = CONTIG_NONE },
	{ CONTIG_FAULT_MIGRATE,
	  .once = CONTIG_NO_MEMORY, .always = CONTIG_NO_MEMORY },
	{ CONTIG_FAULT_MIGRATE_AGAIN,
	  .once = CONTIG_NONE, .always = CONTIG_PINNED },
	{ CONTIG_FAULT_STOCK,
	  .once = CONTIG_NONE, .always = CONTIG_NONE },
	/* a large folio is split then, and its parts may have a target */
	{ CONTIG_FAULT_TARGET,
	  .once = CONTIG_NO_MEMORY, .always = CONTIG_NO_MEMORY, .may_pass = true },
	{ CONTIG_FAULT_DISSOLVE,
	  .once = CONTIG_NO_MEMORY, .always = CONTIG_NO_MEMORY },
};

/* One entry for each point and kind of range; only their number counts. */
static const char
contig_fault_cases[ARRAY_SIZE(contig_outcomes) * CONTIG_NR_SCENES];

static const struct contig_outcome *contig_outcome_of(const char *it)
{
	return &contig_outcomes[(it - contig_fault_cases) / CONTIG_NR_SCENES];
}

static enum contig_scene_kind contig_scene_of(const char *it)
{
	return (it - contig_fault_cases) % CONTIG_NR_SCENES;
}

static const void *contig_faults_next(struct kunit *test, const void *prev,
				      char *desc)
{
	const char *next = prev ? (const char *)prev + contig_stride : contig_fault_cases;
	const char *end = contig_fault_cases + ARRAY_SIZE(contig_fault_cases);

	while (next < end && !contig_scene_is_here(contig_scene_of(next)))
		next++;
	if (next >= end)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s",
		 contig_fault_name(contig_outcome_of(next)->at),
		 contig_scene_name(contig_scene_of(next)));
	return next;
}

/* A block in two zones is found before by who asks; here somebody changed it. */
static int contig_fault_errno(enum contig_reason reason)
{
	if (reason == CONTIG_NONE)
		return 0;
	if (reason == CONTIG_ZONE_BOUNDARY)
		return -EBUSY;
	return contig_errno_of(reason);
}

static void contig_expect_outcome(struct kunit *test,
				  const struct contig_outcome *outcome,
				  const struct contig_report *report,
				  enum contig_reason reason)
{
	if (!contig_told.failed || (outcome->may_pass && !report->error))
		reason = CONTIG_NONE;
	KUNIT_EXPECT_EQ(test, report->error, contig_fault_errno(reason));
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report->reason),
			   contig_reason_name(reason));
}

/* Nothing but this point decides what becomes of it. */
static void contig_ask_with_fault(struct kunit *test, const char *it, int times)
{
	const struct contig_outcome *outcome = contig_outcome_of(it);
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, contig_scene_of(it));
	contig_scene_stir(&scene);
	contig_fail(test, BIT(outcome->at), times);
	contig_told.with = outcome->with;
	err = contig_scene_ask(&scene, outcome->gfp ?: GFP_KERNEL, NULL,
			       &report);
	contig_fail_no_more(test);
	KUNIT_EXPECT_EQ(test, err, report.error);
	kunit_info(test, "fault %s in %s %s: failed %d, got %d %s\n",
		   contig_fault_name(outcome->at), contig_scene_name(scene.kind),
		   times < 0 ? "always" : "once", contig_told.failed, err,
		   contig_reason_name(report.reason));
	if (outcome->gfp && !contig_told.failed)
		goto out;	/* whether it is met without a sleep is not up to us */
	contig_expect_outcome(test, outcome, &report,
			      times < 0 ? outcome->always : outcome->once);
out:
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

static void contig_test_fault_once(struct kunit *test)
{
	contig_ask_with_fault(test, test->param_value, 1);
}

static void contig_test_fault_always(struct kunit *test)
{
	contig_ask_with_fault(test, test->param_value, -1);
}

/* === Where waiting fails === */

/*
 * A nap that ends at once costs no patience, so that a held page gets its time all the
 * same; and nobody has to leave the LRU batches on who never switched them off.
 */
static void contig_test_fault_wait(struct kunit *test)
{
	struct contig_report report;
	struct contig_scene scene;
	struct folio *folio;

	contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
	folio = contig_cache_put(scene.cache, scene.free_pfn, 0);
	lru_add_drain_all();
	folio_get(folio);
	contig_scene_stir(&scene);
	contig_fail(test, BIT(CONTIG_FAULT_NAP), -1);
	contig_told.with = BIT(CONTIG_FAULT_LRU);
	contig_scene_ask(&scene, GFP_KERNEL, NULL, &report);
	contig_fail_no_more(test);
	folio_put(folio);
	contig_tell_fault(test, report.error, report.reason);
	KUNIT_EXPECT_GT(test, contig_told.failed, 1);
	KUNIT_EXPECT_EQ(test, report.error, -EBUSY);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "PINNED");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, scene.free_pfn);
	KUNIT_EXPECT_GE(test, report.elapsed, 500 * NSEC_PER_USEC);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

static bool contig_be_late(enum contig_fault at)
{
	if (at == CONTIG_FAULT_TURN_WAIT)
		fsleep(15 * USEC_PER_MSEC);
	return at == CONTIG_FAULT_TURN || at == CONTIG_FAULT_TURN_WAIT;
}

/* Somebody else has the blocks until there is no time left. */
static void contig_test_fault_late(struct kunit *test)
{
	struct contig_terms terms = { .caller = _THIS_IP_ };
	struct contig_report report;
	struct contig_scene scene;
	int err;

	contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
	contig_scene_stir(&scene);
	contig_agree(&terms, GFP_KERNEL | __GFP_NOWARN, CONTIG_HARD,
		     ms_to_ktime(10));
	kunit_activate_static_stub(test, contig_fault_wanted, contig_be_late);
	err = contig_alloc_range_on(scene.start, scene.end, scene.flags, &terms,
				    &report);
	contig_fail_no_more(test);
	KUNIT_EXPECT_EQ(test, err, -ETIMEDOUT);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "TIMED_OUT");
	KUNIT_EXPECT_EQ(test, report.pages_moved, 0);
	contig_scene_check(&scene);
	contig_scene_close(&scene);
}

/* A free page of a pool stays in it if there is no memory for another. */
static void contig_test_fault_hugetlb(struct kunit *test)
{
	struct folio *folio = contig_hugetlb_get(test);
	unsigned long pfn = folio_pfn(folio);
	acr_flags_t flags = contig_hugetlb_flags(folio);
	struct contig_report report;

	contig_hugetlb_pool(folio);
	contig_fail(test, BIT(CONTIG_FAULT_SCAN), -1);
	contig_alloc_range(pfn, pfn + 1, flags, GFP_KERNEL | __GFP_NOWARN,
			   &report);
	contig_fail_no_more(test);
	contig_tell_fault(test, report.error, report.reason);
	KUNIT_EXPECT_EQ(test, report.error, -ENOMEM);
	KUNIT_EXPECT_STREQ(test, contig_reason_name(report.reason), "HUGETLB");
	KUNIT_EXPECT_EQ(test, report.blocking_pfn, pfn);
	KUNIT_EXPECT_EQ(test, contig_hugetlb_unpool(test), pfn);
}

/* Who gets no helpers works alone. */
static void contig_test_fault_helpers(struct kunit *test)
{
	struct contig_report report;
	struct contig_scene scene;

	kunit_activate_static_stub(test, contig_crew_pages, contig_any_pages);
	for (int i = 0; i < 20; i++) {
		contig_scene_open(test, &scene, CONTIG_SCENE_HALF);
		contig_scene_stir(&scene);
		contig_fail(test, BIT(CONTIG_FAULT_HELPERS), -1);
		KUNIT_EXPECT_EQ(test, 0, contig_scene_ask(&scene, GFP_KERNEL,
							  NULL, &report));
		contig_fail_no_more(test);
		contig_scene_check(&scene);
		contig_scene_close(&scene);
		/* with one CPU, or a busy other one, nobody asks for helpers */
		if (contig_told.failed || num_online_cpus() == 1)
			break;
	}
	kunit_deactivate_static_stub(test, contig_crew_pages);
	contig_tell_fault(test, report.error, report.reason);
}

/* === All of them === */

/* A point that never failed was not tested, a step never reached does not exist. */
static void contig_test_fault_all(struct kunit *test)
{
	if (contig_stride > 1)
		kunit_skip(test, "not all was tried");
	for (int at = 0; at < CONTIG_NR_STEPS; at++) {
		KUNIT_EXPECT_GT_MSG(test, contig_fault_reached(at), 0, "%s",
				    contig_fault_name(at));
		if (at < CONTIG_NR_FAULTS)
			KUNIT_EXPECT_GT_MSG(test, contig_fault_failed(at), 0,
					    "%s", contig_fault_name(at));
	}
}

static struct kunit_case contig_fault_suite_cases[] = {
	KUNIT_CASE_PARAM(contig_test_fault_once, contig_faults_next),
	KUNIT_CASE_PARAM(contig_test_fault_always, contig_faults_next),
	KUNIT_CASE(contig_test_fault_wait),
	KUNIT_CASE(contig_test_fault_late),
	KUNIT_CASE(contig_test_fault_helpers),
	KUNIT_CASE(contig_test_fault_hugetlb),
	KUNIT_CASE(contig_test_fault_search),
	KUNIT_CASE(contig_test_fault_shortage),
	KUNIT_CASE(contig_test_fault_sizes),
	KUNIT_CASE(contig_test_fault_buddy),
	KUNIT_CASE(contig_test_fault_order),
#ifdef CONFIG_HAS_DMA
	KUNIT_CASE(contig_test_fault_dma),
#endif
#ifdef CONFIG_CONTIG_PHYSREQ
	KUNIT_CASE(contig_test_fault_ddi),
#endif
	/* step_test.c */
	KUNIT_CASE_PARAM(contig_test_step_signal, contig_steps_next),
	KUNIT_CASE(contig_test_step_search),
	KUNIT_CASE_PARAM(contig_test_step_taken, contig_steps_next),
	KUNIT_CASE_PARAM(contig_test_step_freed, contig_steps_next),
	KUNIT_CASE(contig_test_step_nap),
	KUNIT_CASE(contig_test_step_helpers),
	KUNIT_CASE(contig_test_step_taken_nowait),
	KUNIT_CASE(contig_test_step_pinned),
	KUNIT_CASE(contig_test_step_owned),
	KUNIT_CASE(contig_test_step_isolated),
	KUNIT_CASE(contig_test_step_settled),

	/* chance_test.c */
	KUNIT_CASE_PARAM(contig_test_nth, contig_scenes_next),
	KUNIT_CASE_PARAM(contig_test_chance, contig_scenes_next),
	KUNIT_CASE(contig_test_fault_all),
	{}
};

static struct kunit_suite contig_fault_suite = {
	.name = "contig_fault",
	.test_cases = contig_fault_suite_cases,
};

kunit_test_suite(contig_fault_suite);
