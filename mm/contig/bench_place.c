// SPDX-License-Identifier: GPL-2.0
/*
 * Where contiguous memory is hard to find, and who may not sleep while he looks; for
 * measuring only.
 */
#include <linux/completion.h>
#include <linux/contig.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "baseline.h"
#include "bench.h"

/* === Pages of the kernel all over the place === */

#define CONTIG_SPOILT	4096

static unsigned long contig_spoilt[CONTIG_SPOILT];
static unsigned long contig_nr_spoilt;

static void contig_bench_spoil_zone(struct contig_bench *bench,
				    struct zone *zone)
{
	unsigned long step = bench->arg[0];
	unsigned long pfn = ALIGN_DOWN(zone->zone_start_pfn, step) + bench->arg[1];

	for (; pfn < zone_end_pfn(zone); pfn += step) {
		if (pfn >= bench->arg[2] && pfn < bench->arg[3])
			continue;
		if (contig_nr_spoilt == CONTIG_SPOILT)
			return;
		if (!alloc_contig_range(pfn, pfn + 1, ACR_FLAGS_NONE, GFP_KERNEL))
			contig_spoilt[contig_nr_spoilt++] = pfn;
	}
}

int contig_bench_spoil(struct contig_bench *bench)
{
	struct zone *zone;

	if (!is_power_of_2(bench->arg[0]))
		return -EINVAL;
	for_each_populated_zone(zone)
		contig_bench_spoil_zone(bench, zone);
	bench->result = contig_nr_spoilt;
	return 0;
}

int contig_bench_unspoil(struct contig_bench *bench)
{
	bench->result = contig_nr_spoilt;
	while (contig_nr_spoilt)
		free_contig_range(contig_spoilt[--contig_nr_spoilt], 1);
	return 0;
}

/* === From a timer interrupt === */

#define CONTIG_BENCH_BLOCKS	4096

/**
 * struct contig_bench_shot - one request from a timer
 * @timer: what makes it
 * @done: it was made
 * @bench: how many pages, and where they may lie
 * @page: what came
 * @nsec: how long it took
 */
struct contig_bench_shot {
	struct hrtimer timer;
	struct completion done;
	struct contig_bench *bench;
	struct page *page;
	u64 nsec;
};

static struct page *contig_bench_ask(struct contig_bench *bench)
{
	const struct contig_request req = {
		.nr_pages = bench->arg[0],
		.align = bench->arg[1],
		.boundary = bench->arg[2],
		.max_addr = SZ_4G - 1,
		.nid = NUMA_NO_NODE,
		.gfp = GFP_NOWAIT | __GFP_NOWARN,
		.effort = CONTIG_NOWAIT,
	};

	/* What a driver can do without: naturally aligned, a power of two. */
	if (contig_baseline_is_intree())
		return alloc_pages(GFP_NOWAIT | __GFP_NOWARN,
				   order_base_2(bench->arg[0]));
	return contig_alloc(&req, NULL);
}

static void contig_bench_put(struct contig_bench *bench, struct page *page)
{
	if (contig_baseline_is_intree())
		__free_pages(page, order_base_2(bench->arg[0]));
	else
		contig_free(page, bench->arg[0]);
}

static enum hrtimer_restart contig_bench_fire(struct hrtimer *timer)
{
	struct contig_bench_shot *shot = container_of(timer, struct contig_bench_shot,
						      timer);
	u64 began = ktime_get_ns();

	shot->page = contig_bench_ask(shot->bench);
	shot->nsec = ktime_get_ns() - began;
	complete(&shot->done);
	return HRTIMER_NORESTART;
}

static struct page *contig_bench_shoot(struct contig_bench *bench, u64 *nsec)
{
	struct contig_bench_shot shot = { .bench = bench };

	init_completion(&shot.done);
	hrtimer_setup_on_stack(&shot.timer, contig_bench_fire, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL);
	hrtimer_start(&shot.timer, 50 * NSEC_PER_USEC, HRTIMER_MODE_REL);
	wait_for_completion(&shot.done);
	hrtimer_cancel(&shot.timer);
	destroy_hrtimer_on_stack(&shot.timer);
	*nsec = shot.nsec;
	return shot.page;
}

/* Is the page on the free lists, and of a block that anybody may have? */
static bool contig_bench_is_free(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	int mt;

	if (!page || !is_free_buddy_page(page))
		return false;
	mt = get_pfnblock_migratetype(page, pfn);
	return !is_migrate_isolate(mt) && !is_migrate_cma(mt);
}

static bool contig_bench_fits(struct contig_bench *bench, unsigned long start)
{
	u64 first = PFN_PHYS(start), last = PFN_PHYS(start + bench->arg[0]) - 1;

	return !(first & (bench->arg[1] - 1)) &&
	       !((first ^ last) & ~((u64)bench->arg[2] - 1));
}

/* What lies below the watermark is not there for callers like this one. */
static bool contig_bench_is_spare(struct zone *zone, unsigned long nr_pages)
{
	return zone_watermark_ok(zone, 0, min_wmark_pages(zone) + nr_pages, 0, 0);
}

/* Blocks that would still fit below 4 GB, one beside the other, page by page. */
static unsigned long contig_bench_count_fits(struct contig_bench *bench)
{
	unsigned long run = 0, fits = 0, nr_pages = bench->arg[0];
	struct zone *zone = NULL;

	for (unsigned long pfn = 1; pfn < min(max_pfn, PHYS_PFN(SZ_4G)); pfn++) {
		cond_resched();
		run = contig_bench_is_free(pfn) ? run + 1 : 0;
		if (run && zone != page_zone(pfn_to_page(pfn)))
			run = 1;
		if (run)
			zone = page_zone(pfn_to_page(pfn));
		if (run < nr_pages || !contig_bench_is_spare(zone, nr_pages) ||
		    !contig_bench_fits(bench, pfn + 1 - nr_pages))
			continue;
		fits++;
		run = 0;
	}
	return fits;
}

/* Until there is nothing left; what others free meanwhile is asked for again. */
static void contig_bench_take_all(struct contig_bench *bench, struct page **pages)
{
	int tries = 3;
	u64 nsec;

	bench->nsec = 0;
	bench->nr_pages = 0;
	do {
		struct page *page = contig_bench_shoot(bench, &nsec);

		bench->nsec = max(bench->nsec, nsec);
		bench->result = page ? 1 : contig_bench_count_fits(bench);
		if (page)
			pages[bench->nr_pages++] = page;
		else
			tries--;
	} while (bench->result && tries && bench->nr_pages < CONTIG_BENCH_BLOCKS);
}

/* The slowest of all, blocks got, and blocks that were there and not found. */
int contig_bench_nosleep(struct contig_bench *bench)
{
	struct page **pages;

	if (!bench->arg[0] || !is_power_of_2(bench->arg[1]) ||
	    !is_power_of_2(bench->arg[2]))
		return -EINVAL;
	pages = kvmalloc_array(CONTIG_BENCH_BLOCKS, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	contig_bench_take_all(bench, pages);
	for (unsigned long i = 0; i < bench->nr_pages; i++)
		contig_bench_put(bench, pages[i]);
	kvfree(pages);
	return 0;
}
