// SPDX-License-Identifier: GPL-2.0
/*
 * Some allocation fails, or anything by chance: a request is met or refused with the
 * error that belongs to the reason.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "scene.h"
#include "tests.h"

/* === Some allocation fails === */

static const enum contig_scene_kind contig_scenes[] = {
	CONTIG_SCENE_FREE, CONTIG_SCENE_LOOSE, CONTIG_SCENE_HALF,
	CONTIG_SCENE_LARGE, CONTIG_SCENE_CMA,
};

const void *contig_scenes_next(struct kunit *test, const void *prev, char *desc)
{
	const enum contig_scene_kind *next = contig_scenes;

	if (prev)
		next = (const enum contig_scene_kind *)prev + 1;
	if (next == contig_scenes + ARRAY_SIZE(contig_scenes) ||
	    !contig_scene_is_here(*next))
		return NULL;
	strscpy(desc, contig_scene_name(*next), KUNIT_PARAM_DESC_SIZE);
	return next;
}

/* Met, or refused with the error that belongs to the reason, and all in order. */
static void contig_expect_order(struct contig_scene *scene, int err,
				const struct contig_report *report)
{
	struct kunit *test = scene->window->test;

	KUNIT_EXPECT_EQ(test, report->error, err);
	KUNIT_EXPECT_EQ(test, !err, report->reason == CONTIG_NONE);
	if (report->reason == CONTIG_ZONE_BOUNDARY)
		KUNIT_EXPECT_EQ(test, err, -EBUSY);
	else if (err)
		KUNIT_EXPECT_EQ(test, err, contig_errno_of(report->reason));
	contig_scene_check(scene);
	contig_scene_close(scene);
}

/* Of all that can fail in this request number @nth does; false if there are less. */
static bool contig_fail_nth(struct kunit *test, enum contig_scene_kind kind,
			    unsigned int nth)
{
	struct contig_report report;
	struct contig_scene scene;
	unsigned int left;
	int err;

	contig_scene_open(test, &scene, kind);
	contig_scene_stir(&scene);
	current->fail_nth = nth;
	err = contig_scene_ask(&scene, GFP_KERNEL, NULL, &report);
	left = current->fail_nth;
	current->fail_nth = 0;
	if (left)
		KUNIT_EXPECT_EQ(test, err, 0);
	contig_expect_order(&scene, err, &report);
	return !left;
}

/*
 * Fault injection of the base counts along: its points for pages and objects, if
 * they are set to fail all allocations, and ours are one sequence. Later on, where
 * it is page after page that moves, some are left out.
 */
void contig_test_nth(struct kunit *test)
{
	enum contig_scene_kind kind = *(enum contig_scene_kind *)test->param_value;
	unsigned int nth = 1, runs = 0;

	while (contig_fail_nth(test, kind, nth)) {
		nth += 1 + nth * contig_stride / 8;
		runs++;
	}
	kunit_info(test, "nth in %s: %u runs, the last with number %u\n",
		   contig_scene_name(kind), runs, nth);
	KUNIT_EXPECT_GT(test, runs, 1);
}

/* === Anything may fail === */

static struct rnd_state contig_rnd;

static bool contig_fail_by_chance(enum contig_fault at)
{
	return at < CONTIG_NR_FAULTS && !(prandom_u32_state(&contig_rnd) % 16);
}

#define CONTIG_CHANCES	12

void contig_test_chance(struct kunit *test)
{
	enum contig_scene_kind kind = *(enum contig_scene_kind *)test->param_value;
	struct contig_report report;
	struct contig_scene scene;
	int err;

	prandom_seed_state(&contig_rnd, 20 + kind);
	for (unsigned int i = 0; i < CONTIG_CHANCES; i += contig_stride) {
		contig_scene_open(test, &scene, kind);
		contig_scene_stir(&scene);
		kunit_activate_static_stub(test, contig_fault_wanted,
					   contig_fail_by_chance);
		err = contig_scene_ask(&scene, GFP_KERNEL, NULL, &report);
		kunit_deactivate_static_stub(test, contig_fault_wanted);
		contig_expect_order(&scene, err, &report);
	}
}
