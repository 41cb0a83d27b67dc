// SPDX-License-Identifier: GPL-2.0
/*
 * What has to hold while everybody stands still and nobody has anything: no block is
 * isolated or of another type than before, every page of the places belongs to
 * somebody or is free, the memory adds up, and the engine's counters do.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

#define SLACK_KB	6144	/* of what nobody accounts for */
#define LOOKS		8
#define TRIES		40
#define TRY_US		100000

static struct contig_blocks blocks;
static unsigned long bad_frees, successes;
static long unaccounted_kb;

/* What is neither free nor known to be in use. */
static long unaccounted(void)
{
	static const char * const known[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:", "Slab:",
		"KernelStack:", "PageTables:", "SecPageTables:", "Percpu:", "VmallocUsed:",
		"Hugetlb:",
	};
	long kb = contig_number("/proc/meminfo", "MemTotal:");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		kb -= contig_number("/proc/meminfo", known[i]);
	return kb - 4 * contig_pcp_pages();
}

void remember_machine(void)
{
	contig_quiet(true);
	blocks = contig_blocks();
	bad_frees = contig_stat("bad_frees");
	successes = contig_stat("success");
	unaccounted_kb = unaccounted();
	contig_quiet(false);
}

static void check_blocks(void)
{
	struct contig_blocks now = contig_blocks();

	if (!contig_same_blocks(&blocks))
		it_is_wrong(MACHINE, "blocks: %lu movable, %lu CMA, %lu isolated; there were %lu, %lu, %lu",
			    now.movable, now.cma, now.isolated, blocks.movable, blocks.cma,
			    blocks.isolated);
}

/* Each look at a place takes its time, and so it settles meanwhile. */
static long lost_pages(struct contig_span place)
{
	long lost = 1;

	for (int i = 0; i < LOOKS && lost > 0; i++)
		lost = contig_nobodys_pages(place);
	return lost;
}

static void check_places(void)
{
	for (int i = MOVABLE_PLACE; i <= CMA_PLACE; i++) {
		long lost = places[i].start ? lost_pages(places[i]) : 0;

		if (lost > 0)
			it_is_wrong(MACHINE, "%ld pages of 0x%lx to 0x%lx belong to nobody", lost,
				    places[i].start, places[i].end);
	}
}

static void check_ledger(void)
{
	unsigned long owned = ledger_owned(1, MAX_PFN - 1);

	if (owned)
		it_is_wrong(OWNER, "PFN 0x%lx still belongs to %u", owned,
			    shared->ledger[owned] - 1);
}

/* Others may be giving back just now. */
static void check_memory(void)
{
	long more = 0;

	for (int i = 0; i < TRIES; i++) {
		more = unaccounted() - unaccounted_kb;
		if (more < SLACK_KB)
			return;
		usleep(TRY_US);
	}
	it_is_wrong(MEMORY, "%ld kB more than before are neither free nor in use", more);
}

/* How many calls were given a range; the kernel asks on its own account as well. */
static unsigned long ranges_given(void)
{
	static const enum verb giving[] = { RANGE, PAGES, ALLOC, CMA, CALL_RANGE, CALL_PAGES };
	unsigned long sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(giving); i++)
		sum += shared->tally[giving[i]].met;
	return sum;
}

static void check_counters(void)
{
	unsigned long now = contig_stat("bad_frees"), given = ranges_given();

	if (now != bad_frees)
		it_is_wrong(MEMORY, "the engine counts %lu bad frees, there were %lu", now,
			    bad_frees);
	now = contig_stat("success") - successes;
	if (!opt.base && now < given)
		it_is_wrong(MEMORY, "the engine counts %lu successes, %lu calls were met", now,
			    given);
}

void check_machine(void)
{
	contig_quiet(true);
	check_ledger();
	check_blocks();
	check_places();
	check_memory();
	check_counters();
	contig_quiet(false);
}

/* What was lost in it would be missing. Others may still hold a page for a moment. */
void check_whole_area(void)
{
	unsigned long nr = places[CMA_PLACE].end - places[CMA_PLACE].start;
	struct contig_answer answer;
	char command[32];
	int fd;

	if (!nr)
		return;
	fd = contig_open();
	contig_quiet(true);
	snprintf(command, sizeof(command), "cma %lu", nr);
	if (contig_ask_again(fd, &answer, command))
		it_is_wrong(MACHINE, "the CMA area cannot be had as a whole: %s, PFN 0x%lx is %s",
			    answer.reason, answer.pfn, answer.kind);
	contig_quiet(false);
	close(fd);
}
