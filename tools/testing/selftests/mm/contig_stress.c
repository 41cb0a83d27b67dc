// SPDX-License-Identifier: GPL-2.0
/*
 * Random rounds of taking and giving back 1 to 4096 pages, by several
 * processes at once, in two places: a full ZONE_MOVABLE, by exact range, and
 * the CMA area, three times out of four by size. A process of ours fills the
 * place and uses it meanwhile (contig_filler.h).
 *
 *   -n ROUNDS	in each place (200)
 *   -t SECONDS	in each place, if the rounds take longer. Who is still waiting for
 *		an answer soon after is killed: that, too, has to leave no trace
 *   -s SEED	same seed, same requests (1)
 *   -j WORKERS	processes that ask (3)
 *   -p PLACE	only one of them: movable, cma
 *   -b		busy: others may hold on to pages for as long as they like, so that
 *		nobody can take the whole place in the end
 *
 * At each of some checkpoints, and at the end: every pattern is intact, no
 * block is isolated or of another type than before, no page is lost. At last
 * the whole place is taken once more: what somebody lost would be missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contig_filler.h"

#define CHECKPOINTS	4	/* of a run; half of that if it is short */
#define MAX_WORKERS	16
#define MAX_HELD	6
#define MAX_PAGES	4096
#define LAST_EVENTS	12
#define LATE		2	/* seconds that a last request may take */
#define CHUNK		16384UL	/* of the last round, which takes everything */

struct event {
	char what[8];
	struct contig_answer answer;
};

/* Shared with the process, so that a failure can tell what happened before. */
struct worker {
	pid_t pid;
	unsigned long rounds, good, busy, moved;
	unsigned long nr_events;
	struct event events[LAST_EVENTS];
	char failure[160];
};

struct place {
	const char *name;
	bool (*find)(struct place *place);
	bool (*is_full)(void);
	struct contig_span span;	/* where the requests are made */
	struct contig_span all;		/* what has to be taken in the end */
	bool is_cma;
};

static unsigned long rounds = 200, seconds, seed = 1, nr_workers = 3;
static const char *only_place;
static int tests_per_place = 4;
static bool busy;
static struct worker *workers;

/* === The two places === */

/* The longest stretch of the zone that the kernel did not keep at boot. */
static bool find_movable(struct place *place)
{
	struct contig_zone zone;
	unsigned long nr;

	if (!contig_zone("Movable", &zone))
		return false;
	for (nr = zone.end - zone.start; nr >= CHUNK; nr -= CHUNK / 16) {
		place->span = contig_movable_span(&zone, nr, contig_block_pages());
		if (place->span.start)
			break;
	}
	place->all = place->span;
	return place->span.start;
}

/* It looks at each page of a zone many times over. */
static bool find_in_peace(struct place *place)
{
	bool found;

	contig_quiet(true);
	found = place->find(place);
	contig_quiet(false);
	return found;
}

static bool movable_is_full(void)
{
	struct contig_zone zone;

	return !contig_zone("Movable", &zone) || zone.free < zone.managed / 40;
}

/* Pages that somebody has of the CMA area: some machines' own, for DMA without sleep. */
static unsigned long cma_kept(void)
{
	FILE *file = fopen("/sys/kernel/debug/cma/reserved/used", "r");
	unsigned long nr;

	if (!file || fscanf(file, "%lu", &nr) != 1)
		ksft_exit_fail_msg("nothing says what is in use of the CMA area\n");
	fclose(file);
	return nr;
}

static bool find_cma(struct place *place)
{
	place->span = contig_cma_area();
	place->all = place->span;
	place->is_cma = true;
	if (place->span.start)
		place->all.start += cma_kept();
	return place->span.start;
}

/* A zone keeps some of its memory back from those who could use another one. */
static bool cma_is_full(void)
{
	return contig_number("/proc/meminfo", "CmaFree:") <
	       contig_number("/proc/meminfo", "CmaTotal:") / 5;
}

/* === A worker === */

struct held {
	unsigned long start;
	unsigned long nr;
	bool whole;	/* cannot be given back in parts */
};

static void note(struct worker *w, const char *what,
		 const struct contig_answer *answer)
{
	struct event *event = &w->events[w->nr_events++ % LAST_EVENTS];

	snprintf(event->what, sizeof(event->what), "%s", what);
	event->answer = *answer;
}

static void fail(struct worker *w, const char *what,
		 const struct contig_answer *answer)
{
	snprintf(w->failure, sizeof(w->failure),
		 "%s: error=%d reason=%s pfn=0x%lx start=0x%lx nr=%lu", what,
		 answer->error, answer->reason, answer->pfn, answer->start,
		 answer->nr);
}

/*
 * A refusal has a reason; one that is about a page names a page of the range, or of
 * the area if that was to choose.
 */
static bool refusal_is_sound(const struct contig_answer *answer,
			     const struct contig_span *area)
{
	unsigned long start = area ? area->start : answer->start;
	unsigned long end = area ? area->end : answer->start + answer->nr;

	if (area && !strcmp(answer->reason, "NO_CANDIDATE"))
		return answer->error == -ENOMEM;
	if (answer->error == -ENOMEM)
		return !strcmp(answer->reason, "NO_MEMORY");
	if (answer->error != -EBUSY)
		return false;
	if (!strcmp(answer->reason, "LOST_RACE") && answer->pfn == CONTIG_NO_PFN)
		return true;
	return strcmp(answer->reason, "NONE") && answer->pfn != CONTIG_NO_PFN &&
	       answer->pfn + MAX_PAGES > start && answer->pfn < end;
}

/* As many small requests as large ones. */
static unsigned long random_size(uint64_t *random)
{
	unsigned long bits = contig_random(random) % 13;
	unsigned long size = 1 + contig_random(random) % (1UL << bits);

	return contig_random(random) % 8 ? size : 1UL << bits;
}

static int ask(const struct place *place, int fd, uint64_t *random, bool by_size,
	       struct contig_answer *answer)
{
	static const char * const forms[] = { "", " frozen", " zero", "" };
	unsigned long nr = random_size(random);
	unsigned long room = place->span.end - place->span.start - nr;
	unsigned long start = place->span.start + contig_random(random) % room;
	const char *form = forms[contig_random(random) % 4];

	if (by_size)
		return contig_ask(fd, answer, "cma %lu", nr);
	return contig_ask(fd, answer, "range 0x%lx %lu%s%s", start, nr, form,
			  place->is_cma ? " cma" : "");
}

static void take_some(const struct place *place, struct worker *w, int fd,
		      uint64_t *random, struct held *held, unsigned int *nr_held)
{
	bool by_size = place->is_cma && contig_random(random) % 4;
	struct contig_answer answer;
	int err = ask(place, fd, random, by_size, &answer);

	note(w, "take", &answer);
	w->moved += answer.moved;
	if (!err) {
		held[(*nr_held)++] = (struct held){ answer.start, answer.nr, by_size };
		w->good++;
	} else if (refusal_is_sound(&answer, by_size ? &place->span : NULL)) {
		w->busy++;
	} else {
		fail(w, "a refusal without cause", &answer);
	}
}

static void give_piece(struct worker *w, int fd, unsigned long start,
		       unsigned long nr)
{
	struct contig_answer answer;

	if (!nr)
		return;
	if (contig_ask(fd, &answer, "free 0x%lx %lu", start, nr))
		fail(w, "free", &answer);
	note(w, "give", &answer);
}

/* In three pieces, the middle one first; what cma_alloc() gave goes back whole. */
static void give_some(struct worker *w, int fd, uint64_t *random,
		      struct held *held, unsigned int *nr_held)
{
	unsigned int pick = contig_random(random) % *nr_held;
	struct held range = held[pick];
	unsigned long from = contig_random(random) % range.nr;
	unsigned long to = from + contig_random(random) % (range.nr - from + 1);

	held[pick] = held[--*nr_held];
	if (range.whole) {
		from = 0;
		to = range.nr;
	}
	give_piece(w, fd, range.start + from, to - from);
	give_piece(w, fd, range.start, from);
	give_piece(w, fd, range.start + to, range.nr - to);
}

static unsigned int checkpoints(void)
{
	return rounds < 100 ? CHECKPOINTS / 2 : CHECKPOINTS;
}

/* When a part that begins now has to be over, in seconds. */
static double end_of_part(void)
{
	return seconds ? contig_now() + (double)seconds / checkpoints() : HUGE_VAL;
}

static void work(const struct place *place, struct worker *w, uint64_t random,
		 unsigned long nr_rounds, double end)
{
	struct held held[MAX_HELD];
	unsigned int nr_held = 0;
	int fd = contig_open();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	contig_random(&random);
	for (; nr_rounds && !w->failure[0] && contig_now() < end; nr_rounds--, w->rounds++) {
		while (nr_held == MAX_HELD ||
		       (nr_held && contig_random(&random) % 3 == 0))
			give_some(w, fd, &random, held, &nr_held);
		take_some(place, w, fd, &random, held, &nr_held);
	}
	while (nr_held && !w->failure[0])
		give_some(w, fd, &random, held, &nr_held);
	_exit(w->failure[0] != '\0');
}

/* === The workers together === */

static struct worker sum_of_workers(void)
{
	struct worker sum = {};

	for (unsigned int i = 0; i < nr_workers; i++) {
		sum.rounds += workers[i].rounds;
		sum.good += workers[i].good;
		sum.busy += workers[i].busy;
		sum.moved += workers[i].moved;
	}
	return sum;
}

static void show_progress(const struct place *place)
{
	struct worker sum = sum_of_workers();

	ksft_print_msg("%s: %lu of %lu rounds, %lu taken, %lu refused, %lu pages moved\n",
		       place->name, sum.rounds, rounds, sum.good, sum.busy, sum.moved);
	fflush(stdout);
}

static void show_failure(const struct worker *w, unsigned int number, int status)
{
	unsigned long first = w->nr_events > LAST_EVENTS ? w->nr_events - LAST_EVENTS : 0;

	ksft_print_msg("seed %lu, worker %u, round %lu, exit status 0x%x: %s\n",
		       seed, number, w->rounds, status, w->failure);
	for (unsigned long i = first; i < w->nr_events; i++) {
		const struct event *event = &w->events[i % LAST_EVENTS];
		const struct contig_answer *a = &event->answer;

		ksft_print_msg("  %s start=0x%lx nr=%lu error=%d reason=%s pfn=0x%lx moved=%lu\n",
			       event->what, a->start, a->nr, a->error,
			       a->reason, a->pfn, a->moved);
	}
}

static bool wait_for_worker(const struct place *place, unsigned int number, double end)
{
	struct worker *w = &workers[number];
	time_t said = time(NULL);
	bool late = false;
	int status;

	while (!waitpid(w->pid, &status, WNOHANG)) {
		if (!late && contig_now() >= end + LATE) {
			late = true;
			ksft_print_msg("%s: worker %u is late\n", place->name, number);
			kill(w->pid, SIGKILL);
		}
		if (time(NULL) - said >= 5) {
			show_progress(place);
			said = time(NULL);
		}
		usleep(20000);
	}
	if (late && status == SIGKILL)
		status = 0;
	if (status)
		show_failure(w, number, status);
	return !status;
}

/* A part of the rounds. */
static bool run_workers(const struct place *place, unsigned int part)
{
	unsigned long each = (rounds + checkpoints() * nr_workers - 1) /
			     (checkpoints() * nr_workers);
	double end = end_of_part();
	bool good = true;

	fflush(stdout);
	for (unsigned int i = 0; i < nr_workers; i++) {
		pid_t pid = fork();

		if (!pid)
			work(place, &workers[i],
			     seed * 1000003 + part * 101 + i, each, end);
		if (pid < 0)
			ksft_exit_fail_msg("no process for worker %u\n", i);
		/* Only here: the child's copy of this is the same memory. */
		workers[i].pid = pid;
	}
	for (unsigned int i = 0; i < nr_workers; i++)
		good = wait_for_worker(place, i, end) && good;
	show_progress(place);
	return good;
}

/* === What has to hold === */

static bool nothing_lost(const struct place *place)
{
	long lost = contig_lost_pages(place->all);

	if (lost > 0)
		ksft_print_msg("%s: seed %lu: %ld pages belong to nobody\n",
			       place->name, seed, lost);
	return lost <= 0;
}

/* Everybody stands still: exact figures can be had. */
static bool checkpoint(const struct place *place, const struct contig_filler *filler,
		       const struct contig_blocks *before)
{
	bool good;

	kill(filler->pid, SIGSTOP);
	contig_quiet(true);
	good = contig_same_blocks(before) && nothing_lost(place);
	kill(filler->pid, SIGCONT);
	contig_quiet(false);
	return good;
}

static bool take_chunk(const struct place *place, int fd, unsigned long start,
		       unsigned long nr)
{
	struct contig_answer answer;
	char command[64];

	snprintf(command, sizeof(command), "range 0x%lx %lu%s", start, nr,
		 place->is_cma ? " cma" : "");
	return !contig_ask_again(fd, &answer, command) &&
	       !contig_ask(fd, &answer, "free 0x%lx %lu", start, nr);
}

/* Every page of the place can be had again. */
static bool take_everything(const struct place *place)
{
	unsigned long step = CHUNK, start = place->all.start;
	int fd = contig_open();
	bool good = true;

	for (; start < place->all.end && good; start += step) {
		if (step > place->all.end - start)
			step = place->all.end - start;
		good = take_chunk(place, fd, start, step);
	}
	close(fd);
	return good;
}

/* The CMA area in one piece; then all of it is free, to the last page. */
static bool cma_is_whole(const struct place *place)
{
	unsigned long nr = place->all.end - place->all.start;
	unsigned long total = nr * psize() / 1024;
	unsigned long free = 0;
	struct contig_answer answer;
	char command[32];
	int fd = contig_open();

	snprintf(command, sizeof(command), "cma %lu", nr);
	for (int i = 0; i < 20 && free != total; i++) {
		if (contig_ask(fd, &answer, "%s", command) ||
		    contig_ask(fd, &answer, "free 0x%lx %lu", answer.start, nr))
			continue;
		contig_write_file("/proc/sys/vm/stat_refresh", "1");
		free = contig_number("/proc/meminfo", "CmaFree:");
	}
	close(fd);
	if (free != total)
		ksft_print_msg("cma: seed %lu: %lu kB free of %lu; error=%d\n",
			       seed, free, total, answer.error);
	return free == total;
}

static bool everything_is_back(const struct place *place,
			       const struct contig_blocks *before)
{
	bool good;

	contig_quiet(true);
	contig_write_file("/proc/sys/vm/drop_caches", "3");
	good = place->is_cma ? cma_is_whole(place) : take_everything(place);
	good = contig_same_blocks(before) && nothing_lost(place) && good;
	contig_quiet(false);
	return good;
}

/* === One place === */

static void stress(struct place *place)
{
	struct contig_blocks before = contig_blocks();
	unsigned long requests = contig_stat("requests");
	bool worked = true, intact = true, steady = true;
	struct contig_filler filler = {
		.name = place->name,
		.is_full = place->is_full,
		.seed = seed,
	};
	struct worker sum;

	memset(workers, 0, MAX_WORKERS * sizeof(*workers));
	if (!contig_filler_start(&filler))
		ksft_exit_fail_msg("%s cannot be filled\n", place->name);
	for (unsigned int part = 0; part < checkpoints() && worked && intact; part++) {
		worked = run_workers(place, part);
		steady = checkpoint(place, &filler, &before) && steady;
		intact = contig_filler_is_intact(&filler);
	}
	intact = contig_filler_stop(&filler) && intact;

	sum = sum_of_workers();
	worked = worked && sum.good > sum.busy && sum.moved &&
		 contig_stat("requests") >= requests + sum.good;
	ksft_test_result(worked, "%s: %lu rounds of 1 to %d pages\n", place->name,
			 sum.rounds, MAX_PAGES);
	ksft_test_result(intact, "%s: patterns intact\n", place->name);
	ksft_test_result(steady, "%s: block types and page states\n", place->name);
	if (!busy)
		ksft_test_result(everything_is_back(place, &before),
				 "%s: every page can be had again\n", place->name);
}

static void skip(const struct place *place, const char *why)
{
	for (int i = 0; i < tests_per_place; i++)
		ksft_test_result_skip("%s: %s\n", place->name, why);
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:s:j:p:b")) != -1) {
		if (option == 'n')
			rounds = strtoul(optarg, NULL, 0);
		else if (option == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (option == 's')
			seed = strtoul(optarg, NULL, 0);
		else if (option == 'j')
			nr_workers = strtoul(optarg, NULL, 0);
		else if (option == 'p')
			only_place = optarg;
		else if (option == 'b')
			busy = true;
		else
			exit(KSFT_FAIL);
	}
	if (busy)
		tests_per_place--;
	if (!rounds || !nr_workers || nr_workers > MAX_WORKERS)
		exit(KSFT_FAIL);
}

int main(int argc, char **argv)
{
	struct place places[] = {
		{ .name = "movable", .find = find_movable, .is_full = movable_is_full },
		{ .name = "cma", .find = find_cma, .is_full = cma_is_full },
	};

	parse(argc, argv);
	ksft_print_header();
	ksft_set_plan(only_place ? tests_per_place : 2 * tests_per_place);
	ksft_print_msg("seed %lu, %lu rounds in each place, %lu workers\n", seed,
		       rounds, nr_workers);
	workers = mmap(NULL, MAX_WORKERS * sizeof(*workers),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (only_place && strcmp(only_place, places[i].name))
			continue;
		if (find_in_peace(&places[i]))
			stress(&places[i]);
		else
			skip(&places[i], "boot with movablecore= and cma=");
	}
	ksft_finished();
}
