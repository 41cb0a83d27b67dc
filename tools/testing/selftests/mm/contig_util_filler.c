// SPDX-License-Identifier: GPL-2.0
/* A process that fills memory and goes on reading and writing it, see contig_filler.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contig_filler.h"

#define FILL_LEAST	8192UL	/* pages, where it is full already */

/* What page @i holds follows from how often it was written. */
static struct contig_memory as_written(const struct contig_memory *mem,
				       const unsigned char *times, size_t i)
{
	return (struct contig_memory){ mem->map, mem->nr, mem->seed + times[i] };
}

static void fill_up(const struct contig_filler *filler, struct contig_memory *mem)
{
	unsigned long leave = contig_number("/proc/meminfo", "MemTotal:") / 8;
	size_t max = mem->nr;

	for (mem->nr = 0; mem->nr + 512 < max; mem->nr += 512) {
		if (mem->nr >= FILL_LEAST &&
		    (filler->is_full() ||
		     contig_number("/proc/meminfo", "MemFree:") < leave))
			break;
		/* far cheaper than a fault for each */
		madvise(mem->map + mem->nr * psize(), 512 * psize(),
			MADV_POPULATE_WRITE);
		for (size_t i = mem->nr; i < mem->nr + 512; i++)
			contig_fill_page(mem, i);
	}
	ksft_print_msg("%s: filled with %zu pages, %lu kB free in all, %lu in CMA\n",
		       filler->name, mem->nr,
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
static void fill_and_touch(const struct contig_filler *filler, int pipe)
{
	struct contig_memory mem = { NULL, sysconf(_SC_PHYS_PAGES), filler->seed * 1000 };
	unsigned char *times = calloc(mem.nr, 1);
	uint64_t random = filler->seed;
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
	fill_up(filler, &mem);
	while (write(pipe, &answer, 1) == 1 && told && told != SIGTERM) {
		told = touch_until_told(&mem, times, &random, &signals);
		answer = told ? check_all(&mem, times) : 'b';
	}
	_exit(answer == 'b');
}

/* The others stand still meanwhile: they would only make it take longer. */
static bool ask(const struct contig_filler *filler, int signal, char expected)
{
	char answer = 0;
	bool good;

	contig_quiet(true);
	kill(filler->pid, signal);
	good = read(filler->answers, &answer, 1) == 1 && answer == expected;
	contig_quiet(false);
	return good;
}

/* Returns when the place is full. */
bool contig_filler_start(struct contig_filler *filler)
{
	int fds[2];

	if (pipe(fds))
		return false;
	fflush(stdout);
	filler->pid = fork();
	if (!filler->pid)
		fill_and_touch(filler, fds[1]);
	close(fds[1]);
	filler->answers = fds[0];
	return filler->pid > 0 && ask(filler, 0, 'f');
}

/* Is every byte what was written last? */
bool contig_filler_is_intact(const struct contig_filler *filler)
{
	return ask(filler, SIGUSR1, 'g');
}

/* The same for the last time. */
bool contig_filler_stop(const struct contig_filler *filler)
{
	bool intact = ask(filler, SIGTERM, 'g');

	waitpid(filler->pid, NULL, 0);
	close(filler->answers);
	return intact;
}
