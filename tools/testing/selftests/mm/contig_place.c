// SPDX-License-Identifier: GPL-2.0
/*
 * Random requests for blocks under constraints, contig_alloc() and contig_query()
 * by way of the trigger, several blocks held at a time. Half of them are made
 * while the machine is busy, and half while those who keep it busy stand still.
 *
 *   -n REQUESTS	how many (2000)
 *   -t SECONDS	end there, if they take longer
 *   -s SEED	same seed, same requests (1)
 *
 * Every answer is checked against every constraint. When the machine stands still,
 * a refusal is checked as well: no free run that would have done may be found in
 * /proc/kpageflags. What was refused on the busy machine is asked again for that.
 *
 * A run that is found may have become free after the request, so it is a miss only
 * if the request goes on being refused. A zone that would be left with less than its
 * min watermark, and what it keeps for atomic requests, may refuse: such refusals
 * are counted, and are no misses.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contig_util.h"

#define MAX_ZONES	8
#define MAX_HELD	12
#define MAX_HELD_PAGES	12288UL
#define MAX_ORDER	10
#define IS_32_BIT	(sizeof(long) == 4)
#define HALF_ROUND	200	/* requests between two changes of the load */
#define MAX_ASKED_AGAIN	48	/* of what the busy machine refused */
#define TRIES		5
#define LITTLE_ROOM	(16UL << 20)
#define SPREAD_BITS	24	/* alignments and boundaries up to 8 MB */

/* What is asked for; all places are in bytes. */
struct wish {
	unsigned long nr, min;
	uint64_t align, boundary, low, high;
	bool query, nowait, dma32, comp;
	const char *effort;
	char command[200];
};

struct tally {
	unsigned long met, refused, impossible, queries, less;
	unsigned long looked, short_of_memory, moved;
	unsigned long misplaced, missed;
};

static unsigned long requests = 2000, seconds, seed = 1;
static struct contig_zone zones[MAX_ZONES];
static int nr_zones;
static struct contig_span cma;
static struct contig_span held[MAX_HELD];
static unsigned int nr_held;
static struct tally tally;

/* === What fits === */

static bool crosses(const struct wish *w, uint64_t addr, uint64_t size)
{
	return w->boundary && addr / w->boundary != (addr + size - 1) / w->boundary;
}

/* The first place for @nr pages in a span, by trying one after the other. */
static unsigned long fit_in(const struct wish *w, unsigned long nr,
			    struct contig_span span)
{
	uint64_t size = nr * psize(), end = span.end * psize();
	uint64_t addr = span.start * psize(), step = psize();

	if (w->align > step)
		step = w->align;
	if (w->comp && size > step)
		step = size;
	if (w->boundary && size > w->boundary)
		return CONTIG_NO_PFN;
	if (w->low > addr)
		addr = w->low;
	if (w->high && w->high < end)
		end = w->high + 1;
	for (addr = (addr + step - 1) / step * step; addr + size <= end; addr += step)
		if (!crosses(w, addr, size))
			return addr / psize();
	return CONTIG_NO_PFN;
}

static bool is_possible(const struct wish *w)
{
	const struct contig_span everywhere = { 0, ~0UL / psize() };

	/* A compound page beyond that is one of hugetlb, which 32 bits do not have. */
	if (w->comp && IS_32_BIT && w->nr > 1UL << MAX_ORDER)
		return false;
	return w->nr && w->min <= w->nr &&
	       fit_in(w, w->nr, everywhere) != CONTIG_NO_PFN;
}

static bool overlap(struct contig_span a, struct contig_span b)
{
	return a.start < b.end && b.start < a.end;
}

/* Of the zones that the kernel itself allocates from; 32 bits have no zone DMA32. */
static bool zone_serves(const struct contig_zone *zone, const struct wish *w)
{
	if (!strcmp(zone->name, "Movable") || !strcmp(zone->name, "Device") ||
	    !strcmp(zone->name, "HighMem"))
		return false;
	return !w->dma32 || IS_32_BIT || strcmp(zone->name, "Normal");
}

/* === What came === */

static bool in_a_zone(const struct wish *w, struct contig_span block)
{
	for (int i = 0; i < nr_zones; i++)
		if (zone_serves(&zones[i], w) && block.start >= zones[i].start &&
		    block.end <= zones[i].end)
			return true;
	return false;
}

/* Is one of its ends free, or somebody's? */
static bool in_use_by_others(struct contig_span block)
{
	uint64_t flags = contig_flags_of(block.start) |
			 contig_flags_of(block.end - 1);

	return flags & (CONTIG_PG_BUDDY | CONTIG_PG_LRU | CONTIG_PG_SLAB |
			CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE);
}

/* What is wrong with the block, or NULL. */
static const char *fault_of_place(const struct wish *w, struct contig_span block)
{
	uint64_t addr = block.start * psize(), size = block.end * psize() - addr;

	if (w->align && addr % w->align)
		return "not aligned";
	if (crosses(w, addr, size))
		return "across a boundary";
	if (addr < w->low)
		return "too low";
	if (w->high && addr + size - 1 > w->high)
		return "too high";
	if (overlap(block, cma))
		return "in the CMA area";
	if (!in_a_zone(w, block))
		return "in the wrong zone";
	if (in_use_by_others(block))
		return "not ours";
	for (unsigned int i = 0; i < nr_held; i++)
		if (overlap(block, held[i]))
			return "handed out twice";
	return NULL;
}

static const char *fault_of(const struct wish *w,
			    const struct contig_answer *answer)
{
	struct contig_span block = { answer->start, answer->start + answer->nr };

	if (!is_possible(w))
		return "impossible, and met";
	if (answer->nr > w->nr || answer->nr < (w->min ? w->min : w->nr))
		return "of the wrong size";
	if (answer->moved && w->nowait && !w->query)
		return "moved pages without a wait";
	return w->query ? NULL : fault_of_place(w, block);
}

static bool refusal_is_sound(const struct wish *w,
			     const struct contig_answer *answer)
{
	if (!is_possible(w) || answer->error == -EINVAL)
		return !is_possible(w) && answer->error == -EINVAL &&
		       !strcmp(answer->reason, "BAD_REQUEST");
	if (answer->error == -ETIMEDOUT)
		return strstr(w->effort, "timeout=");
	if (!strcmp(answer->reason, "NO_CANDIDATE"))
		return answer->error == -ENOMEM;
	return (answer->error == -EBUSY || answer->error == -ENOMEM) &&
	       strcmp(answer->reason, "NONE");
}

static void misplaced(const struct wish *w, const char *why,
		      const struct contig_answer *answer)
{
	ksft_print_msg("seed %lu: '%s': %s: error=%d reason=%s start=0x%lx nr=%lu moved=%lu\n",
		       seed, w->command, why, answer->error, answer->reason,
		       answer->start, answer->nr, answer->moved);
	tally.misplaced++;
}

/* === What else there was === */

/* Any run of so many pages has a free page of this order in it. */
static int order_within(unsigned long nr)
{
	int order = 0;

	while (order < MAX_ORDER && nr >= (4UL << order) - 1)
		order++;
	return order;
}

/* Look at each page of the zone where the wish may be met. */
static unsigned long free_fit_in(const struct contig_zone *zone,
				 const struct wish *w, unsigned long nr)
{
	unsigned long from = zone->start, to = zone->end, fit = CONTIG_NO_PFN;
	struct contig_span run = {};
	static uint64_t flags[4096];

	if (w->low / psize() > from)
		from = w->low / psize();
	if (w->high && w->high / psize() + 1 < to)
		to = w->high / psize() + 1;
	for (unsigned long pfn = from; pfn < to && fit == CONTIG_NO_PFN; pfn++) {
		unsigned long i = (pfn - from) % 4096;

		if (!i && !contig_flags(pfn, to - pfn < 4096 ? to - pfn : 4096, flags))
			break;
		if (run.end != pfn)
			run.start = pfn;
		if ((flags[i] & CONTIG_PG_BUDDY) &&
		    (pfn < cma.start || pfn >= cma.end))
			run.end = pfn + 1;
		/* at the end of each run */
		if (run.end - run.start >= nr && (run.end == pfn || run.end == to))
			fit = fit_in(w, nr, run);
	}
	return fit;
}

/* What the zone has to keep, whoever asks. */
static bool is_short(const struct contig_zone *zone, unsigned long nr)
{
	unsigned long kept = zone->min + zone->managed / 100 + (1UL << MAX_ORDER);

	contig_write_file("/proc/sys/vm/stat_refresh", "1");
	nr_zones = contig_zones(zones, MAX_ZONES);
	return zone->free < zone->pcp + zone->free_cma + nr + kept;
}

/* A free run that would do, in a zone that can spare it. */
static unsigned long free_fit(const struct wish *w, unsigned long nr)
{
	unsigned long fit;

	for (int i = 0; i < nr_zones; i++) {
		const struct contig_span all = { zones[i].start, zones[i].end };

		if (!zone_serves(&zones[i], w) ||
		    fit_in(w, nr, all) == CONTIG_NO_PFN)
			continue;
		/* with little room to look at, looking is cheaper */
		if (w->high - w->low > LITTLE_ROOM &&
		    !contig_has_order(&zones[i], order_within(nr)))
			continue;
		fit = free_fit_in(&zones[i], w, nr);
		if (fit == CONTIG_NO_PFN)
			continue;
		if (!is_short(&zones[i], nr))
			return fit;
		tally.short_of_memory++;
	}
	return CONTIG_NO_PFN;
}

static void keep(const struct contig_answer *answer)
{
	held[nr_held++] = (struct contig_span){ answer->start,
						answer->start + answer->nr };
}

/* The machine stands still: is there something, and is it refused again? */
static void look_for_miss(int fd, const struct wish *w)
{
	unsigned long nr = w->min ? w->min : w->nr, fit = CONTIG_NO_PFN;
	struct contig_answer answer;

	if (!is_possible(w))
		return;
	tally.looked++;
	for (int i = 0; i < TRIES; i++) {
		fit = free_fit(w, nr);
		if (fit == CONTIG_NO_PFN)
			return;
		if (!contig_ask(fd, &answer, "%s", w->command)) {
			if (!w->query)
				keep(&answer);
			return;
		}
		/* it had no time to look */
		if (answer.error == -ETIMEDOUT)
			return;
		usleep(20000);
	}
	ksft_print_msg("seed %lu: '%s': error=%d reason=%s pfn=0x%lx, but 0x%lx is free\n",
		       seed, w->command, answer.error, answer.reason, answer.pfn,
		       fit);
	tally.missed++;
}

/* === Asking === */

static unsigned long held_pages(void)
{
	unsigned long sum = 0;

	for (unsigned int i = 0; i < nr_held; i++)
		sum += held[i].end - held[i].start;
	return sum;
}

static void give_back(int fd, unsigned int i)
{
	struct contig_answer answer;

	if (contig_ask(fd, &answer, "free 0x%lx %lu", held[i].start,
		       held[i].end - held[i].start))
		ksft_exit_fail_msg("seed %lu: free 0x%lx: %d\n", seed,
				   held[i].start, answer.error);
	held[i] = held[--nr_held];
}

static uint64_t bits(uint64_t *random, unsigned int max)
{
	return 1ULL << contig_random(random) % (max + 1);
}

/* Anywhere in memory or a bit above, with little room or with much. */
static void choose_window(struct wish *w, uint64_t *random)
{
	uint64_t top = zones[nr_zones - 1].end * psize();

	w->low = contig_random(random) % (top + top / 16);
	if (contig_random(random) % 4 == 0)
		w->low = 0;
	if (contig_random(random) % 4)
		w->high = w->low + w->nr * psize() * (1 + contig_random(random) % 8) +
			  contig_random(random) % bits(random, 28);
}

static void choose_place(struct wish *w, uint64_t *random)
{
	if (contig_random(random) % 2)
		w->align = bits(random, SPREAD_BITS - 1);
	if (contig_random(random) % 2) {
		w->boundary = psize() * bits(random, SPREAD_BITS - 12);
		/* what is smaller than the block is soon refused */
		while (w->boundary < w->nr * psize() && contig_random(random) % 16)
			w->boundary *= 2;
	}
	if (contig_random(random) % 2)
		choose_window(w, random);
	if (contig_random(random) % 4 == 0)
		w->min = contig_random(random) % (w->nr + 1 + w->nr / 16);
}

static void choose(struct wish *w, uint64_t *random)
{
	static const char * const efforts[] = {
		"", " noretry", " hard timeout=50", " nid=0",
		" nowait", " nowait zero", " nowait nid=0", " nowait", " nowait",
	};
	unsigned int effort = contig_random(random) % ARRAY_SIZE(efforts);

	memset(w, 0, sizeof(*w));
	w->nr = 1 + contig_random(random) % bits(random, 12);
	w->effort = efforts[effort];
	w->nowait = effort >= 4;
	w->query = contig_random(random) % 5 == 0;
	w->dma32 = contig_random(random) % 8 == 0;
	choose_place(w, random);
	if (contig_random(random) % 8 == 0) {
		w->comp = true;
		w->min = 0;
		w->nr = bits(random, 11);
	}
	snprintf(w->command, sizeof(w->command),
		 "%s %lu align=%llu boundary=%llu low=0x%llx high=0x%llx min=%lu nowarn%s%s%s",
		 w->query ? "query" : "alloc", w->nr, (unsigned long long)w->align,
		 (unsigned long long)w->boundary, (unsigned long long)w->low,
		 (unsigned long long)w->high, w->min, w->effort,
		 w->dma32 ? " dma32" : "", w->comp ? " comp" : "");
}

/* Returns false for a refusal of what is possible. */
static bool ask(int fd, const struct wish *w)
{
	struct contig_answer answer;
	const char *fault;
	int err = contig_ask(fd, &answer, "%s", w->command);

	tally.queries += w->query;
	tally.moved += w->query ? 0 : answer.moved;
	tally.impossible += err == -EINVAL;
	if (err) {
		tally.refused += err != -EINVAL;
		if (!refusal_is_sound(w, &answer))
			misplaced(w, "a refusal without cause", &answer);
		return err == -EINVAL;
	}
	tally.met++;
	tally.less += answer.nr < w->nr;
	fault = fault_of(w, &answer);
	if (fault)
		misplaced(w, fault, &answer);
	if (!w->query)
		keep(&answer);
	return true;
}

static void make_room(int fd, uint64_t *random)
{
	while (nr_held >= MAX_HELD - 1 || held_pages() > MAX_HELD_PAGES ||
	       (nr_held && contig_random(random) % 4 == 0))
		give_back(fd, contig_random(random) % nr_held);
}

/* === Rounds === */

/* Refusals are put aside, as nobody can tell what is free just now. */
static unsigned int ask_busy(int fd, uint64_t *random, struct wish *again,
			     unsigned long nr)
{
	unsigned int nr_again = 0;
	struct wish w;

	while (nr--) {
		make_room(fd, random);
		choose(&w, random);
		if (!ask(fd, &w) && nr_again < MAX_ASKED_AGAIN)
			again[nr_again++] = w;
	}
	return nr_again;
}

static void ask_quiet(int fd, uint64_t *random, const struct wish *again,
		      unsigned int nr_again, unsigned long nr)
{
	struct wish w;

	for (unsigned int i = 0; i < nr_again; i++) {
		make_room(fd, random);
		if (!ask(fd, &again[i]))
			look_for_miss(fd, &again[i]);
	}
	while (nr--) {
		make_room(fd, random);
		choose(&w, random);
		if (!ask(fd, &w))
			look_for_miss(fd, &w);
	}
}

static void show(unsigned long done, double start)
{
	ksft_print_msg("%lu of %lu (%lu queries), %.0f s: %lu met, %lu with less, %lu moved\n",
		       done, requests, tally.queries, contig_now() - start, tally.met,
		       tally.less, tally.moved);
	ksft_print_msg("%lu refused, %lu impossible; looked after %lu, %lu zones were short\n",
		       tally.refused, tally.impossible, tally.looked,
		       tally.short_of_memory);
	fflush(stdout);
}

static void make_requests(int fd)
{
	static struct wish again[MAX_ASKED_AGAIN];
	double start = contig_now(), said = start;
	uint64_t random = seed;
	unsigned long done = 0;

	contig_random(&random);
	while (done < requests && (!seconds || contig_now() - start < seconds)) {
		unsigned int nr_again;

		unsigned long half = (requests - done + 1) / 2;

		if (half > HALF_ROUND)
			half = HALF_ROUND;
		nr_again = ask_busy(fd, &random, again, half);
		contig_quiet(true);
		ask_quiet(fd, &random, again, nr_again, half);
		contig_quiet(false);
		done += 2 * half;
		if (contig_now() - said >= 20) {
			said = contig_now();
			show(done, start);
		}
	}
	while (nr_held)
		give_back(fd, 0);
	show(done, start);
}

/* A free run, whether its zone can spare it or not. */
static unsigned long fit_anywhere(const struct wish *w, unsigned long nr)
{
	unsigned long fit = CONTIG_NO_PFN;

	for (int i = 0; i < nr_zones && fit == CONTIG_NO_PFN; i++)
		fit = free_fit_in(&zones[i], w, nr);
	return fit;
}

/* What was just given back is seen as a run that fits: a miss would show. */
static bool sees_a_free_run(int fd)
{
	struct wish w = { .nr = 600, .effort = "" };
	struct contig_answer answer;
	bool seen = false;

	contig_quiet(true);
	for (int i = 0; i < TRIES && !seen; i++) {
		if (contig_ask_again(fd, &answer, "alloc 600 hard"))
			break;
		w.low = answer.start * psize();
		w.high = w.low + 600 * psize() - 1;
		seen = fit_anywhere(&w, 600) == CONTIG_NO_PFN &&
		       !contig_ask(fd, &answer, "free 0x%lx 600", answer.start) &&
		       fit_anywhere(&w, 600) == w.low / psize();
	}
	contig_quiet(false);
	return seen;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:s:")) != -1) {
		if (option == 'n')
			requests = strtoul(optarg, NULL, 0);
		else if (option == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoul(optarg, NULL, 0);
		else
			exit(KSFT_FAIL);
	}
	if (!requests)
		exit(KSFT_FAIL);
}

int main(int argc, char **argv)
{
	struct contig_blocks before;
	int fd;

	parse(argc, argv);
	ksft_print_header();
	ksft_set_plan(4);
	before = contig_blocks();
	nr_zones = contig_zones(zones, MAX_ZONES);
	cma = contig_cma_area();
	fd = contig_open();
	ksft_test_result(sees_a_free_run(fd), "a free run is seen\n");
	ksft_print_msg("seed %lu\n", seed);
	make_requests(fd);
	ksft_test_result(tally.met && !tally.misplaced,
			 "every answer meets its request\n");
	ksft_test_result(tally.looked > tally.short_of_memory && !tally.missed,
			 "nothing that fits is missed\n");
	close(fd);
	contig_quiet(true);
	ksft_test_result(contig_same_blocks(&before), "blocks are what they were\n");
	contig_quiet(false);
	ksft_finished();
}
