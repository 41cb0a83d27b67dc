/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges of several kinds, for tests in which something goes wrong on purpose.
 */
#ifndef _MM_CONTIG_TESTS_SCENE_H
#define _MM_CONTIG_TESTS_SCENE_H

#include "fixtures.h"
#include "../fault.h"

/**
 * enum contig_scene_kind - what lies in the range that is asked for
 * @CONTIG_SCENE_FREE: nothing
 * @CONTIG_SCENE_LOOSE: nothing, but a page of it is on a per-CPU list
 * @CONTIG_SCENE_HALF: pages that can move, one of them in an LRU batch
 * @CONTIG_SCENE_LARGE: the same, and a large folio over the border
 * @CONTIG_SCENE_CMA: the first in blocks of CMA
 * @CONTIG_NR_SCENES: how many there are
 */
enum contig_scene_kind {
	CONTIG_SCENE_FREE,
	CONTIG_SCENE_LOOSE,
	CONTIG_SCENE_HALF,
	CONTIG_SCENE_LARGE,
	CONTIG_SCENE_CMA,
	CONTIG_NR_SCENES
};

/**
 * struct contig_scene - a range and who is in it
 * @kind: of which kind
 * @window: where
 * @cache: the pages in use, if there are any
 * @start: first PFN of the range
 * @end: one past the last
 * @flags: whose blocks they are
 * @used_pfn: the first page in use, if there are any
 * @free_pfn: a free page of the range, in a block with pages in use if there are any
 * @met: the range was taken, the window has it
 */
struct contig_scene {
	enum contig_scene_kind kind;
	struct contig_window *window;
	struct contig_cache *cache;
	unsigned long start;
	unsigned long end;
	acr_flags_t flags;
	unsigned long used_pfn;
	unsigned long free_pfn;
	bool met;
};

/**
 * struct contig_told - what the stand-in for chance was told
 * @points: bit per point that fails
 * @times: how often, or -1 for always
 * @with: bit per point that fails as well, each time
 * @failed: how often it was so far
 */
struct contig_told {
	unsigned long points;
	unsigned long with;
	int times;
	int failed;
};

extern struct contig_told contig_told;

void contig_fail(struct kunit *test, unsigned long points, int times);
void contig_fail_no_more(struct kunit *test);
void contig_tell_fault(struct kunit *test, int err, enum contig_reason reason);

extern unsigned int contig_stride;

const char *contig_scene_name(enum contig_scene_kind kind);
bool contig_scene_is_here(enum contig_scene_kind kind);
void contig_scene_open(struct kunit *test, struct contig_scene *scene,
		       enum contig_scene_kind kind);
void contig_scene_stir(struct contig_scene *scene);
int contig_scene_ask(struct contig_scene *scene, gfp_t gfp, const bool *stop,
		     struct contig_report *report);
void contig_scene_check(struct contig_scene *scene);
void contig_scene_close(struct contig_scene *scene);
unsigned long contig_any_pages(void);

#endif /* _MM_CONTIG_TESTS_SCENE_H */
