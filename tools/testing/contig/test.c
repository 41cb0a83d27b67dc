// SPDX-License-Identifier: GPL-2.0
/*
 * mm/contig/plan.c and scan.c against a search that tries every window.
 *
 * SEED=n repeats a run, CASE=n only one case of each test. The argument says how
 * many random cases there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/limits.h>

#include "map.h"
#include "units.h"

static u64 seed;
static struct map map;
static struct contig_wish wish;
static struct contig_plan *plan;

/* Say what is wrong, unless all is well. */
#define expect(good, ...)	expect_that(good, #good, __LINE__, __VA_ARGS__)

static bool expect_that(bool good, const char *what, int line,
			unsigned long one, unsigned long other)
{
	if (!good)
		printf("# line %d: not so: %s: %#lx, %#lx\n", line, what, one,
		       other);
	return good;
}

/* A PFN in or near the map, or an odd one. */
static unsigned long random_pfn(void)
{
	unsigned long pfn = map.base + random_below(map.size + 8) * map.scale;

	if (random_one_in(16))
		return random_one_in(2) ? random_below(3) :
					  ULONG_MAX - random_below(3);
	return pfn < map.base ? ULONG_MAX : pfn;
}

/* The first or last of the windows around the map, by trial. */
static unsigned long brute_fit(unsigned long pfn, bool first)
{
	unsigned long found = CONTIG_NO_PFN;

	for (unsigned int at = 0; at < map.size; at++) {
		unsigned long try = map.base + at;

		if (!wish_meets(&wish, try, wish.nr_pages))
			continue;
		if (first && try >= pfn)
			return try;
		if (!first && try <= pfn)
			found = try;
	}
	return found;
}

static bool case_fit(void)
{
	unsigned long pfn, fit, last;

	map_random(&map, 1 + random_below(128));
	map_wish(&map, &wish, 48);
	pfn = random_pfn();
	wish.start = max(wish.start, map.base);
	wish.end = min(wish.end, map.base + map.size);
	fit = contig_first_fit(&wish, pfn);
	last = contig_last_fit(&wish, pfn);
	return expect(fit == brute_fit(pfn, true), fit, brute_fit(pfn, true)) &
	       expect(last == brute_fit(pfn, false), last,
		      brute_fit(pfn, false)) &
	       expect(contig_wish_possible(&wish) ==
		      (brute_fit(0, true) != CONTIG_NO_PFN), pfn, fit);
}

/* One scan, over part of the map. */
static bool case_scan(void)
{
	struct answer answer;
	struct contig_scan scan;
	unsigned long from, to;

	map_random(&map, 1 + random_below(96));
	map_wish(&map, &wish, 1 + random_below(64));
	from = random_one_in(2) ? 0 : random_pfn() & ~(map.scale - 1);
	to = random_one_in(2) ? ULONG_MAX : random_pfn() & ~(map.scale - 1);
	contig_scan_init(&scan, &wish, map.highest, from, to);
	map_survey(&scan, scan.begin, scan.stop, &map);
	contig_scan_finish(&scan);
	brute_force(&map, &wish, from, to, &answer);
	if (!expect(scan.best == answer.start, scan.best, answer.start) ||
	    !expect(!scan.grain, scan.grain, 0))
		return false;
	if (scan.best != CONTIG_NO_PFN)
		return expect(scan.cost == answer.cost, scan.cost, answer.cost);
	return expect(scan.longest == answer.longest, scan.longest,
		      answer.longest) &&
	       expect(!scan.longest || wish_meets(&wish, scan.longest_start,
						  scan.longest),
		      scan.longest_start, scan.longest) &&
	       expect(!scan.longest || map_usable(&map, scan.longest_start,
						  scan.longest &
						  ~(map.scale - 1)),
		      scan.longest_start, scan.longest) &&
	       expect(scan.begin >= scan.stop || scan.levels ==
		      map_levels(&map, scan.begin, scan.stop), scan.levels,
		      map_levels(&map, scan.begin, scan.stop));
}

static void plan_new(unsigned long block, unsigned long look_factor)
{
	unsigned long start = map.base, end = map.base + map.size * map.scale;

	free(plan);
	block *= map.scale;
	plan = malloc(contig_plan_size(&wish, start, end, block));
	contig_plan_init(plan, &wish, start, end, block, map.highest,
			 random_pfn());
	plan->look_factor = look_factor;
}

/* Rule out a page of the candidate, some page, in plan and map. */
static bool plan_rule_out(void)
{
	unsigned long pfn = plan->start;
	unsigned int at;

	pfn += random_below(wish.nr_pages / map.scale) * map.scale;
	if (random_one_in(8))
		pfn = plan->start;
	at = (pfn - map.base) / map.scale;
	map.ruled_out[at] = true;
	contig_plan_rule_out(plan, random_one_in(64) && pfn == plan->start ?
			     random_below(2) - 1 : pfn);
	return true;
}

/* Of those that cost nothing the first one seen is as good as the lowest. */
static bool free_is_enough(void)
{
	return plan->nr_unseen && !plan->cost && plan->start != CONTIG_NO_PFN &&
	       map_usable(&map, plan->start, wish.nr_pages) &&
	       wish_meets(&wish, plan->start, wish.nr_pages);
}

/*
 * All candidates, each time the cheapest: what the plan says is what trial of all
 * windows says, whatever was ruled out before.
 */
static bool case_plan(void)
{
	int limit = random_one_in(2) ? 3 : CONTIG_RULED_OUT;
	struct answer answer;
	int err;

	map_random(&map, 1 + random_below(160));
	map_wish(&map, &wish, 1 + random_below(32));
	plan_new(1 << random_below(4), ULONG_MAX);
	for (int i = 0; i <= limit; i++) {
		err = contig_plan_next(plan, map_survey, &map);
		map_prepare(&map);
		brute_force(&map, &wish, 0, ULONG_MAX, &answer);
		if (!expect(err == (answer.start == CONTIG_NO_PFN ? -ENOENT : 0),
			    err, i) ||
		    !expect(plan->start == answer.start || free_is_enough(),
			    plan->start, answer.start))
			return false;
		if (err)
			return expect(plan->longest == answer.longest ||
				      (i && plan->longest > answer.longest),
				      plan->longest, answer.longest);
		if (!expect(plan->cost == contig_cost_pages(answer.cost),
			    plan->cost, answer.cost) || !plan_rule_out())
			return false;
		/* What the plan feeds is the map as it was. */
		map_prepare(&map);
	}
	return true;
}

/* Is the candidate one, and none that contains a page ruled out? */
static bool candidate_is_good(struct map *before, bool *seen)
{
	unsigned int at = (plan->start - map.base) / map.scale;

	if (!expect(wish_meets(&wish, plan->start, wish.nr_pages), plan->start,
		    wish.nr_pages) ||
	    !expect(map_usable(before, plan->start, wish.nr_pages),
		    plan->start, wish.nr_pages) ||
	    !expect(!seen[at], plan->start, at))
		return false;
	seen[at] = true;
	return plan->coarse || plan->nr_ruled_out == CONTIG_RULED_OUT ||
	       expect(plan->cost ==
		      contig_cost_pages(map_cost(before, plan->start,
						 wish.nr_pages)),
		      plan->start, plan->cost);
}

/* Go through all candidates; in the end no window may be left. */
static bool exhaust(void)
{
	bool seen[MAP_MAX] = {};
	static struct map before;
	struct answer answer;

	before = map;
	while (!contig_plan_next(plan, map_survey, &before)) {
		if (!candidate_is_good(&before, seen) || !plan_rule_out())
			return false;
	}
	map_prepare(&map);
	brute_force(&map, &wish, 0, ULONG_MAX, &answer);
	return expect(answer.start == CONTIG_NO_PFN, answer.start, 0);
}

/* The order is up to the stop rule, but nothing is missed and nothing comes twice. */
static bool case_look_factor(void)
{
	map_random(&map, 1 + random_below(200));
	map_wish(&map, &wish, 1 + random_below(32));
	plan_new(1 << random_below(3), random_below(5));
	return exhaust();
}

/* More pieces in a window than a scan tells apart. */
static bool case_coarse(void)
{
	struct answer answer;
	bool none;
	int err;

	map_random(&map, 512 + random_below(512));
	map_wish(&map, &wish, 400);
	plan_new(1 << random_below(6), ULONG_MAX);
	err = contig_plan_next(plan, map_survey, &map);
	brute_force(&map, &wish, 0, ULONG_MAX, &answer);
	none = answer.start == CONTIG_NO_PFN;
	if (!expect(err == (none ? -ENOENT : 0), plan->start, answer.start))
		return false;
	if (!err && (!expect(plan->cost >= contig_cost_pages(answer.cost),
			     plan->cost, answer.cost) ||
		     !expect(!plan->cost == !answer.cost, plan->cost,
			     answer.cost)))
		return false;
	return exhaust();
}

/* More pages in the way than a plan remembers. */
static bool case_many_ruled_out(void)
{
	map_random(&map, 600 + random_below(400));
	map_wish(&map, &wish, 1 + random_below(8));
	plan_new(1 << random_below(5), random_one_in(2) ? ULONG_MAX : 1);
	return exhaust();
}

/* Run the cases of a test until one fails, which is told. */
static bool run_cases(bool (*one)(void), unsigned long cases, u64 salt)
{
	const char *only = getenv("CASE");
	unsigned long at = only ? strtoul(only, NULL, 0) : 0;

	if (only)
		cases = at + 1;
	for (; at < cases; at++) {
		random_seed(seed * 1000003 + salt * 0x100000000ULL + at);
		if (one())
			continue;
		printf("# SEED=%llu CASE=%lu\n", (unsigned long long)seed,
		       at);
		map_print(&map, &wish);
		return false;
	}
	return true;
}

static const struct {
	const char *name;
	bool (*one)(void);
	unsigned int per_mille;
} tests[] = {
	{ "first_fit_last_fit", case_fit, 300 },
	{ "scan", case_scan, 520 },
	{ "plan", case_plan, 150 },
	{ "look_factor", case_look_factor, 14 },
	{ "coarse", case_coarse, 8 },
	{ "many_ruled_out", case_many_ruled_out, 8 },
};

static bool say(int number, bool good, const char *name, unsigned long cases)
{
	printf("%sok %d - %s # %lu cases\n", good ? "" : "not ", number, name,
	       cases);
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	unsigned long cases = 10000;
	const char *given = getenv("SEED");
	bool good = true;
	int number = 0;

	if (argc > 1)
		cases = strtoul(argv[1], NULL, 0);
	seed = given ? strtoull(given, NULL, 0) : 1;
	printf("KTAP version 1\n1..%zu\n", nr_units + ARRAY_SIZE(tests));
	printf("# SEED=%llu\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < nr_units; i++)
		good &= say(++number, units[i].run(), units[i].name, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++) {
		unsigned long share = cases / 1000 * tests[i].per_mille;

		good &= say(++number, run_cases(tests[i].one, share, i),
			    tests[i].name, share);
	}
	free(plan);
	return !good;
}
