// SPDX-License-Identifier: GPL-2.0
/*
 * bench: the scenarios of `make bench`, each with both engines in turn.
 *
 *   bench SET PAIRS [X]
 *
 * SET names a list of scenarios below. Prints KTAP, and in it for each measurement
 *   sample SCENARIO X ENGINE VALUE
 * where X is '-' or the place on a curve, and VALUE nanoseconds of the guest (under
 * -icount shift=0: instructions), pages or events per second. Engines take turns,
 * intree first. Timing is the kernel's, around the call alone: mm/contig/bench.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static const char * const engines[] = { "intree", "contig" };

static int pairs;

/* === Sets === */

struct scenario {
	const char *name;
	const char *sets;	/* in which it runs */
	bool (*run)(void);
	bool cma;		/* wants an area */
};

static const struct scenario scenarios[] = {
	{ "cma-1", "main wall quick", run_cma_1, true },
	{ "cma-16", "main wall quick", run_cma_16, true },
	{ "cma-256", "main wall quick", run_cma_256, true },
	{ "cma-16384", "main wall quick", run_cma_16384, true },
	{ "range-16384", "main wall quick", run_range },
	{ "frozen-16384", "main wall quick", run_frozen },
	{ "threads-4x16", "main wall quick", run_threads_4, true },
	{ "threads", "main wall", run_threads, true },
	{ "full-anon", "main wall quick", run_full_anon },
	{ "half-anon", "main wall quick", run_half_anon },
	{ "full-cache", "main wall", run_full_cache },
	{ "pinned", "main wall quick", run_pinned },
	{ "fill", "main wall", run_fill },
	{ "faults", "wall", run_faults },
	{ "short-pin", "main wall", run_short_pin },
	{ "never", "main wall", run_never },
	{ "attempts", "main", run_attempts, true },
	{ "pinners", "hard", run_pinners },
	{ "churn", "hard", run_churn, true },
	{ "sigkill", "kill", run_sigkill },
	{ "search-90", "search", run_search },
	{ "gigantic", "big", run_gigantic },
	{ "size", "big", run_size },
	{ "windows", "place", run_windows },
	{ "odd", "search", run_odd },
	{ "nosleep", "nosleep", run_nosleep },
	{ "dozen", "dozen", run_dozen },
	{ "memory", "memory", run_memory },
	{ "vcpus", "vcpus", run_vcpus },
	{ "irqs-off", "irqs", run_irqs, true },
};

/* Is @word one of the words of @list? */
static bool among(const char *word, const char *list)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') &&
		    (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* What the last one left to do for other CPUs is not to be paid by the next. */
static bool settle(void)
{
	return !usleep(20000);
}

static bool measure(const struct scenario *scenario)
{
	for (int pair = 0; pair < pairs; pair++)
		for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
			if (!use(engines[i]) || !settle() || !scenario->run())
				return false;
	return true;
}

/* Names may stand in place of a set's, to run these scenarios alone. */
static bool chosen(const struct scenario *scenario, const char *set)
{
	return among(set, scenario->sets) || !strcmp(set, scenario->name);
}

static bool skip_for_cma(const struct scenario *scenario)
{
	return scenario->cma && number_in("/proc/meminfo", "CmaTotal:") <= 0;
}

int main(int argc, char **argv)
{
	const char *set = argc > 1 ? argv[1] : "quick";
	int number = 0, failed = 0, count = 0;

	pairs = argc > 2 ? atoi(argv[2]) : 1;
	place = argc > 3 ? argv[3] : "-";
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
		count += chosen(&scenarios[i], set);
	printf("KTAP version 1\n1..%d\n", count);
	if (!count || !find_window(among(set, "big kill") ? 262144 : RANGE)) {
		complain("nothing to measure, or nowhere");
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		const struct scenario *scenario = &scenarios[i];
		bool good;

		if (!chosen(scenario, set))
			continue;
		if (skip_for_cma(scenario)) {
			printf("ok %d - %s # SKIP there is no CMA area\n", ++number,
			       scenario->name);
			continue;
		}
		good = measure(scenario);
		failed += !good;
		printf("%sok %d - %s\n", good ? "" : "not ", ++number, scenario->name);
	}
	return failed != 0;
}
