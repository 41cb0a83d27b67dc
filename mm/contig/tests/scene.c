// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of several kinds, for tests in which something goes wrong on purpose, and
 * what makes it go wrong.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/instruction_pointer.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/swap.h>

#include "../../internal.h"
#include "scene.h"

/* Every so many pages of the upper half one is in use. */
#define CONTIG_SCENE_STEP	16

/*
 * Of all pairs of a step and a kind of range one in so many, and of all runs with
 * other failures about as few: the checkers are slow.
 */
unsigned int contig_stride = 1;

static int contig_set_stride(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 1, UINT_MAX);
}

static const struct kernel_param_ops contig_stride_ops = {
	.set = contig_set_stride,
	.get = param_get_uint,
};

module_param_cb(stride, &contig_stride_ops, &contig_stride, 0444);

static const char * const contig_scene_names[] = {
	[CONTIG_SCENE_FREE]	= "free",
	[CONTIG_SCENE_LOOSE]	= "loose",
	[CONTIG_SCENE_HALF]	= "half",
	[CONTIG_SCENE_LARGE]	= "large",
	[CONTIG_SCENE_CMA]	= "cma",
};

static_assert(ARRAY_SIZE(contig_scene_names) == CONTIG_NR_SCENES);

const char *contig_scene_name(enum contig_scene_kind kind)
{
	return contig_scene_names[kind];
}

/* Does this kernel have ranges of that kind? */
bool contig_scene_is_here(enum contig_scene_kind kind)
{
	switch (kind) {
	case CONTIG_SCENE_LARGE:
		return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE);
	case CONTIG_SCENE_CMA:
		return contig_can_make_cma_blocks();
	default:
		return true;
	}
}

static bool contig_scene_is_used(const struct contig_scene *scene)
{
	return scene->kind >= CONTIG_SCENE_HALF;
}

static void contig_scene_fill(struct contig_scene *scene)
{
	struct contig_window *window = scene->window;
	unsigned long pfn = scene->used_pfn;

	scene->cache = contig_cache_open(window, true);
	if (scene->kind == CONTIG_SCENE_LARGE)
		contig_cache_put(scene->cache, window->start, 4);
	for (; pfn < scene->end; pfn += CONTIG_SCENE_STEP)
		contig_cache_put(scene->cache, pfn, 0);
	lru_add_drain_all();
}

/* The range begins and ends in the middle of a block. */
void contig_scene_open(struct kunit *test, struct contig_scene *scene,
		       enum contig_scene_kind kind)
{
	struct contig_window *window;

	window = contig_window_open(test, 2 * MAX_ORDER_NR_PAGES);
	*scene = (struct contig_scene){
		.kind = kind,
		.window = window,
		.start = window->start + 5,
		.end = window->end - 7,
		.flags = ACR_FLAGS_NONE,
	};
	scene->used_pfn = scene->start + (scene->end - scene->start) / 2;
	scene->free_pfn = scene->used_pfn + CONTIG_SCENE_STEP / 2;
	if (kind == CONTIG_SCENE_CMA) {
		contig_window_set_type(window, MIGRATE_CMA);
		scene->flags = ACR_FLAGS_CMA;
	}
	if (contig_scene_is_used(scene))
		contig_scene_fill(scene);
}

/* The last moment before the request: what does not stay as it is for long. */
void contig_scene_stir(struct contig_scene *scene)
{
	struct contig_window *window = scene->window;
	unsigned long pfn = scene->end - 3;
	struct page *page = NULL;

	if (contig_scene_is_used(scene))
		contig_cache_put(scene->cache, pfn, 0);
	else if (scene->kind == CONTIG_SCENE_LOOSE)
		page = contig_window_hand_out(window, pfn);
	contig_window_release_rest(window);
	if (page)
		__free_page(page);
}

/* Ask for the range; the window gets it. */
int contig_scene_ask(struct contig_scene *scene, gfp_t gfp, const bool *stop,
		     struct contig_report *report)
{
	struct contig_terms terms = { .caller = _THIS_IP_ };
	int err;

	contig_agree(&terms, gfp | __GFP_NOWARN, contig_effort_of(gfp), 0);
	terms.stop = stop;
	memset(report, 0xff, sizeof(*report));
	err = contig_alloc_range_on(scene->start, scene->end, scene->flags,
				    &terms, report);
	scene->met = !err;
	if (!err)
		contig_window_keep(scene->window, scene->start, scene->end);
	return err;
}

/* Whatever became of it, nothing is lost and nothing stays switched off. */
void contig_scene_check(struct contig_scene *scene)
{
	struct contig_window *window = scene->window;
	unsigned long in_use = 0;

	KUNIT_EXPECT_FALSE(window->test, lru_cache_disabled());
	if (scene->cache) {
		contig_cache_check(scene->cache);
		in_use = contig_cache_pages_in(scene->cache, window->start,
					       window->end);
	}
	contig_window_check(window, in_use);
}

/* With nothing in the way, the same request is met. */
void contig_scene_close(struct contig_scene *scene)
{
	struct contig_window *window = scene->window;
	struct contig_report report;

	if (!scene->met)
		KUNIT_EXPECT_EQ_MSG(window->test, 0,
				    contig_scene_ask(scene, GFP_KERNEL, NULL,
						     &report),
				    "once more: %s at %lx",
				    contig_reason_name(report.reason),
				    report.blocking_pfn);
	contig_scene_check(scene);
	if (scene->cache)
		contig_cache_close(scene->cache);
	if (scene->kind != CONTIG_SCENE_CMA)
		return;
	contig_settle(window->zone);
	contig_expect_taken(window, window->start, scene->start, scene->flags,
			    GFP_KERNEL);
	contig_expect_taken(window, scene->end, window->end, scene->flags,
			    GFP_KERNEL);
	contig_window_set_type(window, MIGRATE_MOVABLE);
}

/* In the place of contig_crew_pages(): no range is too small for helpers. */
unsigned long contig_any_pages(void)
{
	return 1;
}

/* === What fails === */

struct contig_told contig_told;

static bool contig_fail_as_told(enum contig_fault at)
{
	if (contig_told.with & BIT(at))
		return true;
	if (!(contig_told.points & BIT(at)) || !contig_told.times)
		return false;
	contig_told.times -= contig_told.times > 0;
	contig_told.failed++;
	return true;
}

void contig_fail(struct kunit *test, unsigned long points, int times)
{
	contig_told = (struct contig_told){ .points = points, .times = times };
	kunit_activate_static_stub(test, contig_fault_wanted,
				   contig_fail_as_told);
}

void contig_fail_no_more(struct kunit *test)
{
	kunit_deactivate_static_stub(test, contig_fault_wanted);
}

/* For the table of checks/faults.py: each point that failed, and what came of it. */
void contig_tell_fault(struct kunit *test, int err,
		       enum contig_reason reason)
{
	unsigned long points = contig_told.points | contig_told.with;
	unsigned int at;

	for_each_set_bit(at, &points, CONTIG_NR_FAULTS)
		kunit_info(test, "fault %s: failed %d, got %d %s\n",
			   contig_fault_name(at), contig_told.failed, err,
			   contig_reason_name(reason));
}
