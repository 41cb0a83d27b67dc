// SPDX-License-Identifier: GPL-2.0
/*
 * Random rounds of taking and giving back 1 to 4096 pages, by several
 * processes at once, in two places: a full ZONE_MOVABLE, by exact range, and
 * the CMA area, three times out of four by size. A process of ours fills the
 * place with pages under a pattern and goes on reading and writing them.
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

#include "contig_util.h"

#define CHECKPOINTS	4	/* of a run; half of that if it is short */
#define MAX_WORKERS	16
#define MAX_HELD	6
#define MAX_PAGES	4096
#define LAST_EVENTS	12
#define LATE		2	/* seconds that a last request may take */
#define FILL_LEAST	8192UL	/* pages, in a place that is full already */
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
	bool (*is_full)(const struct place *place);
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

static bool movable_is_full(const struct place *place)
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
static bool cma_is_full(const struct place *place)
{
	return contig_number("/proc/meminfo", "CmaFree:") <
	       contig_number("/proc/meminfo", "CmaTotal:") / 5;
}

/* === The process that fills a place === */

/* What page @i holds follows from how often it was written. */
static struct contig_memory as_written(const struct contig_memory *mem,
				       const unsigned char *times, size_t i)
{
	return (struct contig_memory){ mem->map, mem->nr, mem->seed + times[i] };
}

static void fill_place(const struct place *place, struct contig_memory *mem)
{
	unsigned long leave = contig_number("/proc/meminfo", "MemTotal:") / 8;
	size_t max = mem->nr;

	for (mem->nr = 0; mem->nr + 512 < max; mem->nr += 512) {
		if (mem->nr >= FILL_LEAST &&
		    (place->is_full(place) ||
		     contig_number("/proc/meminfo", "MemFree:") < leave))
			break;
		/* far cheaper than a fault for each */
		madvise(mem->map + mem->nr * psize(), 512 * psize(),
			MADV_POPULATE_WRITE);
		for (size_t i = mem->nr; i < mem->nr + 512; i++)
			contig_fill_page(mem, i);
	}
	ksft_print_msg("%s: filled with %zu pages, %lu kB free in all, %lu in CMA\n",
		       place->name, mem->nr,
		       contig_number("/proc/meminfo", "MemFree:"),
		       contig_number("/proc/meminfo", "CmaFree:"));
	fflush(stdout);
}

static char check_all(const struct contig_memory *mem, const unsigned char *times)
{
	for (size_t i = 0; i < mem->nr; i++) {
		struct contig_memory now = as_written(mem, times, i);

		if (contig_page_is_intact(&now, i))
			continue;
		ksft_print_msg("DAMAGE: page %zu of %zu, at PFN 0x%lx\n", i,
			       mem->nr, contig_pfn(mem, i));
		fflush(stdout);
		return 'b';
	}
	return 'g';
}

/* Read some pages, write them anew: a move that loses a write is found. */
static bool touch(const struct contig_memory *mem, unsigned char *times,
		  size_t i, size_t nr, bool drop)
{
	struct contig_memory now;
	bool intact = true;

	if (nr > mem->nr - i)
		nr = mem->nr - i;
	for (size_t k = i; k < i + nr; k++) {
		now = as_written(mem, times, k);
		intact = intact && contig_page_is_intact(&now, k);
	}
	if (drop)
		madvise(mem->map + i * psize(), nr * psize(), MADV_DONTNEED);
	for (size_t k = i; k < i + nr; k++) {
		times[k]++;
		now = as_written(mem, times, k);
		contig_fill_page(&now, k);
	}
	return intact;
}

/* What others gave back has to be filled again: now and then drop some memory. */
static bool touch_some(const struct contig_memory *mem, unsigned char *times,
		       uint64_t *random)
{
	size_t i = contig_random(random) % mem->nr;
	bool drop = contig_random(random) % 16 == 0;

	return touch(mem, times, i, drop ? 64 : 1, drop);
}

/* Until a signal comes, which is returned; 0 if damage shows before that. */
static int touch_until_told(const struct contig_memory *mem, unsigned char *times,
			    uint64_t *random, const sigset_t *signals)
{
	const struct timespec tick = { .tv_nsec = 500000 };
	int told;

	do {
		if (!touch_some(mem, times, random))
			return 0;
		told = sigtimedwait(signals, NULL, &tick);
	} while (told < 0);
	return told;
}

static void *map_for_filling(size_t nr)
{
	return mmap(NULL, nr * psize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * One byte each to @pipe: 'f' when the place is full, 'g' or 'b' after a check.
 * The check that SIGTERM asks for is the last.
 */
static void filler(const struct place *place, int pipe)
{
	struct contig_memory mem = { NULL, sysconf(_SC_PHYS_PAGES), seed * 1000 };
	unsigned char *times = calloc(mem.nr, 1);
	uint64_t random = seed;
	sigset_t signals;
	char answer = 'f';
	int told = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	mem.map = map_for_filling(mem.nr);
	if (!times || mem.map == MAP_FAILED)
		_exit(2);
	fill_place(place, &mem);
	while (write(pipe, &answer, 1) == 1 && told && told != SIGTERM) {
		told = touch_until_told(&mem, times, &random, &signals);
		answer = told ? check_all(&mem, times) : 'b';
	}
	_exit(answer == 'b');
}

static pid_t start_filler(const struct place *place, int *answers)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		filler(place, fds[1]);
	close(fds[1]);
	*answers = fds[0];
	return pid;
}

static bool filler_says(int answers, char expected)
{
	char answer = 0;

	return read(answers, &answer, 1) == 1 && answer == expected;
}

/* The others stand still meanwhile: they would only make it take longer. */
static bool ask_filler(pid_t filler, int answers, int signal, char expected)
{
	bool good;

	contig_quiet(true);
	kill(filler, signal);
	good = filler_says(answers, expected);
	contig_quiet(false);
	return good;
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

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned int checkpoints(void)
{
	return rounds < 100 ? CHECKPOINTS / 2 : CHECKPOINTS;
}

/* When a part that begins now has to be over, in seconds. */
static double end_of_part(void)
{
	return seconds ? now() + (double)seconds / checkpoints() : HUGE_VAL;
}

static void work(const struct place *place, struct worker *w, uint64_t random,
		 unsigned long nr_rounds, double end)
{
	struct held held[MAX_HELD];
	unsigned int nr_held = 0;
	int fd = contig_open();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	contig_random(&random);
	for (; nr_rounds && !w->failure[0] && now() < end; nr_rounds--, w->rounds++) {
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
		if (!late && now() >= end + LATE) {
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
static bool checkpoint(const struct place *place, pid_t filler,
		       const struct contig_blocks *before)
{
	bool good;

	kill(filler, SIGSTOP);
	contig_quiet(true);
	good = contig_same_blocks(before) && nothing_lost(place);
	kill(filler, SIGCONT);
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
	struct worker sum;
	pid_t filler;
	int answers;

	memset(workers, 0, MAX_WORKERS * sizeof(*workers));
	filler = start_filler(place, &answers);
	if (filler < 0 || !ask_filler(filler, answers, 0, 'f'))
		ksft_exit_fail_msg("%s cannot be filled\n", place->name);
	for (unsigned int part = 0; part < checkpoints() && worked && intact; part++) {
		worked = run_workers(place, part);
		steady = checkpoint(place, filler, &before) && steady;
		intact = ask_filler(filler, answers, SIGUSR1, 'g');
	}
	intact = ask_filler(filler, answers, SIGTERM, 'g') && intact;
	waitpid(filler, NULL, 0);
	close(answers);

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
