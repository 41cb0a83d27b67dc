// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: memory that is free or in use, and those who live beside it.
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

static long worst;		/* longest stretch without interrupts, ns */

/* === Scenarios: all free === */

/* Once to have the other engine's pages off the per-CPU lists, once to measure. */
static bool pair_of(const char *name, unsigned long nr_pages)
{
	struct answer answer = ask("pair %lu 1", nr_pages);

	if (answer.good)
		answer = ask("pair %lu 1", nr_pages);

	if (answer.good)
		sample(name, answer.nsec);
	return answer.good;
}

bool run_cma_1(void)
{
	return pair_of("cma-1", 1);
}

bool run_cma_16(void)
{
	return pair_of("cma-16", 16);
}

bool run_cma_256(void)
{
	return pair_of("cma-256", 256);
}

/* @command takes, `free` gives back: a sample of each. */
static bool take_and_free(const char *taken, const char *freed, const char *command)
{
	struct answer answer = ask("%s", command);

	if (!answer.good)
		return false;
	sample(taken, answer.nsec);
	answer = ask("free");
	if (answer.good)
		sample(freed, answer.nsec);
	return answer.good;
}

bool run_cma_16384(void)
{
	return take_and_free("cma-alloc-16384", "cma-release-16384", "cma 16384");
}

bool run_range(void)
{
	char command[64];

	snprintf(command, sizeof(command), "range %lu %lu", window, RANGE);
	return take_and_free("range-16384", "free-16384", command);
}

bool run_frozen(void)
{
	char command[64];

	snprintf(command, sizeof(command), "frozen %lu %lu", window, RANGE);
	return take_and_free("frozen-16384", "frozen-free-16384", command);
}

bool run_gigantic(void)
{
	return take_and_free("gigantic", "gigantic-free", "comp 262144");
}

static const unsigned long sizes[] = { 1, 4, 16, 64, 256, 512, 1024, 4096, 16384,
				       65536, 262144 };

bool run_size(void)
{
	struct answer answer;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long times = sizes[i] > 4096 ? 1 : 5;

		answer = ask("span %lu %lu %lu", window, sizes[i], times);
		if (!answer.good)
			return false;
		sample_n("size", sizes[i], answer.nsec / times);
	}
	return true;
}

static bool threads_of(unsigned long nr, struct answer *answer)
{
	*answer = ask("threads %lu 16 %lu", nr, 800 / nr);
	return answer->good;
}

bool run_threads_4(void)
{
	struct answer answer;

	if (!threads_of(4, &answer))
		return false;
	sample("threads-4x16", answer.nsec);
	return true;
}

bool run_threads(void)
{
	struct answer answer;

	for (unsigned long nr = 1; nr <= 8; nr *= 2) {
		if (!threads_of(nr, &answer))
			return false;
		sample_n("threads", nr, answer.nsec);
	}
	return true;
}

static bool run_scale(const char *name)
{
	struct answer answer = ask("span %lu 256 20", window);

	if (answer.good)
		sample_at(name, place, answer.nsec / 20);
	return answer.good;
}

bool run_memory(void)
{
	return run_scale("memory");
}

bool run_vcpus(void)
{
	return run_scale("vcpus");
}

/* === Scenarios: in use === */

/* The window is full of what it should be: take it, and give it back. */
static bool take_window(const char *name, const char *x)
{
	struct answer answer = ask("range %lu %lu", window, RANGE);

	if (answer.good)
		sample_at(name, x, answer.nsec);
	return answer.good && ask("free").good;
}

bool run_full_anon(void)
{
	return prepare_memory() && fill(window, RANGE, memory) &&
	       take_window("full-anon", "-");
}

bool run_half_anon(void)
{
	if (!prepare_memory())
		return false;
	for (unsigned long page = 0; page < RANGE; page += 2 * BLOCK)
		if (!fill(window + page, BLOCK, memory + page * PAGE))
			return false;
	return take_window("half-anon", "-");
}

/* Pages that are no longer there leave holes of one page, at random. */
static bool run_fill_percent(unsigned int percent)
{
	char x[8];

	if (!prepare_memory() || !fill(window, RANGE, memory))
		return false;
	srandom(percent);
	for (unsigned long page = 0; page < RANGE; page++)
		if (random() % 100 >= percent)
			madvise(memory + page * PAGE, PAGE, MADV_DONTNEED);
	snprintf(x, sizeof(x), "%u", percent);
	return take_window("fill", x);
}

bool run_fill(void)
{
	static const unsigned int percents[] = { 0, 1, 10, 25, 50, 75, 90, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
		if (!run_fill_percent(percents[i]))
			return false;
	return true;
}

/* The window full of clean pages of a file that nobody has mapped any more. */
static bool fill_with_cache(void)
{
	int fd = open(CACHE_FILE, O_RDONLY);
	bool good = false;
	char *file;

	if (fd < 0)
		return false;
	file = mmap(NULL, RANGE * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (file != MAP_FAILED) {
		madvise(file, RANGE * PAGE, MADV_RANDOM);
		for (unsigned long page = 0; page < RANGE; page++)
			(void)((volatile char *)file)[page * PAGE];
		good = fill(window, RANGE, file);
		munmap(file, RANGE * PAGE);
	}
	close(fd);
	return good;
}

bool run_full_cache(void)
{
	return (window || find_window(RANGE)) && use(engine) && fill_with_cache() &&
	       take_window("full-cache", "-");
}

bool run_pinned(void)
{
	struct iovec page = { .iov_len = PAGE };
	struct answer answer;
	int pipe_fd[2];
	long moved;

	if (!prepare_memory() || !fill(window, RANGE, memory) || pipe(pipe_fd))
		return false;
	page.iov_base = memory + (RANGE - 100) * PAGE;
	if (vmsplice(pipe_fd[1], &page, 1, 0) != (ssize_t)PAGE)
		return false;

	moved = pages_migrated();
	answer = ask("range %lu %lu", window, RANGE);
	moved = pages_migrated() - moved;
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	if (answer.good)
		return false;
	sample("pinned", answer.nsec);
	sample("pinned-moved", moved);
	return true;
}

/* Nine tenths of the machine are in use; where 64 MB are found is for the engine. */
bool run_search(void)
{
	unsigned long nr_pages = (number_in("/proc/meminfo", "MemFree:") -
				  number_in("/proc/meminfo", "MemTotal:") / 10) / 4;
	char *most = map_pages(nr_pages);
	struct answer answer = { .good = false };

	if (most) {
		touch(most, nr_pages);
		answer = ask("pages %lu", RANGE);
		munmap(most, nr_pages * PAGE);
	}
	if (!answer.good)
		return false;
	sample("search-90", answer.nsec);
	return ask("free").good;
}

/* === Scenarios: bystanders === */

void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Map, touch and unmap 4 MB again and again, counting pages. */
static void fault_for_ever(volatile unsigned long *faults)
{
	on_cpu(1);
	for (;;) {
		char *some = map_pages(1024);

		touch(some, 1024);
		*faults += 1024;
		munmap(some, 1024 * PAGE);
	}
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Whoever faults may have a page of the window at the moment: then try again. */
static bool take_for(double duration)
{
	double end = seconds() + duration;
	char command[64];
	int taken = 0;

	snprintf(command, sizeof(command), "range %lu %lu", window, RANGE);
	while (seconds() < end)
		if (put(DEBUGFS "contig/bench", command) &&
		    put(DEBUGFS "contig/bench", "free"))
			taken++;
	printf("# %s: %d ranges taken meanwhile\n", engine, taken);
	return taken > 0;
}

bool run_faults(void)
{
	volatile unsigned long *faults = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double began;
	bool good;
	pid_t child;

	child = fork();
	if (!child)
		fault_for_ever(faults);
	on_cpu(0);
	while (*faults < 4096)
		usleep(1000);
	*faults = 0;
	began = seconds();
	good = take_for(1);
	if (good)
		sample("faults", *faults / (seconds() - began));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return good;
}

/* The functions that the tracer's longest stretch began and ended in. */
static void show_stretch(void)
{
	FILE *trace = fopen(TRACING "trace", "re");
	char line[256];

	while (trace && fgets(line, sizeof(line), trace)) {
		const char *place = strstr(line, "=> ");

		if (place && strstr(line, "ed at:"))
			printf("#   %s", place + 3);
	}
	if (trace)
		fclose(trace);
}

/* Run @scenario with the tracer on, and note the longest stretch it shows. */
static bool watch(const char *name, bool (*scenario)(void))
{
	bool good;
	long us;

	put(TRACING "tracing_max_latency", "0");
	good = scenario();
	us = number_in(TRACING "tracing_max_latency", "");
	printf("# irqs-off %s %s: %ld us\n", engine, name, us);
	show_stretch();
	if (us * 1000 > worst)
		worst = us * 1000;
	return good && us >= 0;
}

bool run_irqs(void)
{
	bool good;

	worst = 0;
	if (!put(TRACING "current_tracer", "irqsoff"))
		return false;
	good = watch("range", run_range) && watch("frozen", run_frozen) &&
	       watch("cma", run_cma_16384) && watch("full-anon", run_full_anon) &&
	       watch("half-anon", run_half_anon) && watch("pinned", run_pinned) &&
	       watch("gigantic", run_gigantic) && watch("size", run_size);
	if (good)
		sample("irqs-off", worst);
	worst = 0;
	good = good && watch("search", run_in_vain);
	if (good)
		sample("irqs-off-search", worst);
	put(TRACING "current_tracer", "nop");
	return good;
}
