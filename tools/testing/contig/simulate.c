// SPDX-License-Identifier: GPL-2.0
/*
 * What a plan costs in time and memory, against the size of the map and of the
 * request. Prints JSON. The map has one cell per block of 2 MB and is fed block by
 * block, so nothing is gained from blocks that are alike. No block is free, so
 * nothing ends a look early; no window has to be aligned, so none is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <linux/kernel.h>
#include <linux/limits.h>

#include "map.h"

#define BLOCK		512UL
#define STUCK		0xffff
#define FURTHER		256

/**
 * struct cells - a map of blocks
 * @nr: how many
 * @in_use: pages in use in each, or STUCK
 */
struct cells {
	unsigned long nr;
	u16 *in_use;
};

/* Time of the CPU, for others may work beside. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int survey(struct contig_scan *scan, unsigned long start,
		  unsigned long end, void *data)
{
	const struct cells *cells = data;

	for (unsigned long at = start / BLOCK; at * BLOCK < end; at++) {
		u16 in_use = cells->in_use[at];
		enum contig_level level = CONTIG_LEVEL_MOVABLE;

		if (in_use == STUCK)
			level = CONTIG_LEVEL_STUCK;
		if (contig_scan_feed(scan, at * BLOCK, (at + 1) * BLOCK, level,
				     in_use))
			break;
	}
	return 0;
}

/* A stuck block now and then, so that no run has @pages; 0: none. */
static void fill(struct cells *cells, unsigned long pages)
{
	unsigned long step = pages / BLOCK ?: 1;

	for (unsigned long at = 0; at < cells->nr; at++) {
		cells->in_use[at] = 1 + random_below(BLOCK);
		if (pages && at % step == step - 1)
			cells->in_use[at] = STUCK;
	}
}

static struct contig_plan *plan_new(const struct cells *cells,
				    unsigned long pages,
				    unsigned long look_factor, size_t *size)
{
	struct contig_wish wish = {
		.nr_pages = pages,
		.align = 1,
		.end = ULONG_MAX,
	};
	unsigned long end = cells->nr * BLOCK;
	struct contig_plan *plan;

	*size = contig_plan_size(&wish, 0, end, BLOCK);
	plan = malloc(*size);
	contig_plan_init(plan, &wish, 0, end, BLOCK, CONTIG_LEVEL_MOVABLE, 0);
	plan->look_factor = look_factor;
	return plan;
}

/* Seconds for the first candidate, or to find that there is none. */
static double time_first(struct contig_plan *plan, struct cells *cells)
{
	double start = now();

	contig_plan_next(plan, survey, cells);
	return now() - start;
}

/* Seconds for a further candidate, the one before being ruled out; the worst too. */
static double time_further(struct contig_plan *plan, struct cells *cells,
			   double *worst)
{
	double sum = 0;
	int i;

	*worst = 0;
	for (i = 0; i < FURTHER && plan->start != CONTIG_NO_PFN; i++) {
		double start = now();

		contig_plan_rule_out(plan, plan->start +
				     random_below(plan->wish.nr_pages));
		contig_plan_next(plan, survey, cells);
		*worst = max(*worst, now() - start);
		sum += now() - start;
	}
	return i ? sum / i : 0;
}

static void measure(struct cells *cells, unsigned long pages)
{
	struct contig_plan *plan;
	double none, all, some, further, worst;
	unsigned long looked;
	size_t size;

	fill(cells, 0);
	plan = plan_new(cells, pages, CONTIG_LOOK_FACTOR, &size);
	some = time_first(plan, cells);
	looked = plan->looked;
	free(plan);
	plan = plan_new(cells, pages, ULONG_MAX, &size);
	all = time_first(plan, cells);
	further = time_further(plan, cells, &worst);
	free(plan);
	fill(cells, pages);
	plan = plan_new(cells, pages, CONTIG_LOOK_FACTOR, &size);
	none = time_first(plan, cells);
	free(plan);
	printf("{\"memory\": %lu, \"pages\": %lu, \"plan_bytes\": %zu, ",
	       cells->nr * BLOCK * 4096, pages, size);
	printf("\"none_ms\": %.4f, \"all_ms\": %.4f, \"first_ms\": %.4f, ",
	       none * 1e3, all * 1e3, some * 1e3);
	printf("\"looked\": %lu, \"further_us\": %.3f, \"worst_us\": %.3f}",
	       looked, further * 1e6, worst * 1e6);
}

int main(int argc, char **argv)
{
	static const unsigned long sizes[] = {
		1, 16, 512, 16384, 1UL << 18, 1UL << 22
	};
	bool more = false;

	printf("[\n");
	for (unsigned int gb = argc > 1 ? atoi(argv[1]) : 1; gb <= 65536; gb *= 4) {
		struct cells cells = { .nr = gb * 512UL };

		cells.in_use = malloc(cells.nr * sizeof(*cells.in_use));
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			if (sizes[i] > cells.nr * BLOCK / 2)
				continue;
			printf("%s", more ? ",\n" : "");
			measure(&cells, sizes[i]);
			fflush(stdout);
			more = true;
		}
		free(cells.in_use);
	}
	printf("\n]\n");
	return 0;
}
