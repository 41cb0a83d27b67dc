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
#define _GNU_SOURCE
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

#define DEBUGFS		"/sys/kernel/debug/"
#define TRACING		"/sys/kernel/tracing/"
#define PAGE		4096UL
#define BLOCK		512UL			/* pages of a pageblock */
#define RANGE		16384UL			/* 64 MB, the usual range */
#define CACHE_FILE	"/mnt/cache"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const char * const engines[] = { "intree", "contig" };

static const char *engine;	/* who is measured now */
static const char *place;	/* X of the command line */
static int pairs;
static unsigned long window;	/* first PFN of 64 MB that were free */
static char *memory;		/* what fills the window: our pages */
static long worst;		/* longest stretch without interrupts, ns */

/* === Talking to the kernel === */

/* What stops a scenario; the run goes on with the next. */
static void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return good;
}

static bool get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return got > 0;
}

static long number_in(const char *path, const char *key)
{
	static char text[65536];
	const char *at;

	if (!get(path, text, sizeof(text)))
		return -1;
	at = *key ? strstr(text, key) : text;
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

struct answer {
	bool good;
	long nsec;
	unsigned long start;
	unsigned long nr_pages;
	unsigned long result;
};

/* One command of mm/contig/bench.c. The clock was read even if the call failed. */
static struct answer ask(const char *format, ...)
{
	struct answer answer = { .good = false };
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer.good = put(DEBUGFS "contig/bench", text);
	if (!answer.good)
		complain("%s: %s: %s", engine, text, strerror(errno));
	if (!get(DEBUGFS "contig/bench", text, sizeof(text)) ||
	    sscanf(text, "%ld %lx %lu %lu", &answer.nsec, &answer.start,
		   &answer.nr_pages, &answer.result) != 4)
		answer.good = false;
	return answer;
}

static bool use(const char *name)
{
	engine = name;
	return put(DEBUGFS "contig/engine", name);
}

static void sample_at(const char *scenario, const char *x, long value)
{
	printf("sample %s %s %s %ld\n", scenario, x, engine, value);
	fflush(stdout);
}

static void sample(const char *scenario, long value)
{
	sample_at(scenario, "-", value);
}

static void sample_n(const char *scenario, unsigned long x, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", x);
	sample_at(scenario, text, value);
}

static long pages_migrated(void)
{
	return number_in("/proc/vmstat", "pgmigrate_success ");
}

/* === Memory === */

static char *map_pages(unsigned long nr_pages)
{
	char *base = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	madvise(base, nr_pages * PAGE, MADV_NOHUGEPAGE);
	return base;
}

static void touch(char *base, unsigned long nr_pages)
{
	for (unsigned long page = 0; page < nr_pages; page++)
		((volatile char *)base)[page * PAGE] = page;
}

/* Move the pages at @from to @pfn; what does not come at once comes next time. */
static bool fill(unsigned long pfn, unsigned long nr_pages, char *from)
{
	const char *measured = engine;
	bool good = false;

	use("contig");
	for (int tries = 0; tries < 50 && !good; tries++) {
		struct answer answer;

		if (tries)
			usleep(20000);
		answer = ask("fill %lu %lu %lu", pfn, nr_pages,
			     (unsigned long)from);
		good = answer.good && answer.result == nr_pages;
	}
	use(measured);
	if (good)
		return true;
	complain("cannot fill the range");
	return false;
}

/* A window of @nr_pages that is free and stays where it is for the whole run. */
static bool find_window(unsigned long nr_pages)
{
	struct answer answer = { .good = false };

	if (use("contig"))
		answer = ask("pages %lu", nr_pages);
	window = answer.start;
	return answer.good && ask("free").good;
}

static bool prepare_memory(void)
{
	if (!window && !find_window(RANGE))
		return false;
	if (!memory)
		memory = map_pages(RANGE);
	if (!memory)
		return false;
	touch(memory, RANGE);
	return true;
}

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

static bool run_cma_1(void)
{
	return pair_of("cma-1", 1);
}

static bool run_cma_16(void)
{
	return pair_of("cma-16", 16);
}

static bool run_cma_256(void)
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

static bool run_cma_16384(void)
{
	return take_and_free("cma-alloc-16384", "cma-release-16384", "cma 16384");
}

static bool run_range(void)
{
	char command[64];

	snprintf(command, sizeof(command), "range %lu %lu", window, RANGE);
	return take_and_free("range-16384", "free-16384", command);
}

static bool run_frozen(void)
{
	char command[64];

	snprintf(command, sizeof(command), "frozen %lu %lu", window, RANGE);
	return take_and_free("frozen-16384", "frozen-free-16384", command);
}

static bool run_gigantic(void)
{
	return take_and_free("gigantic", "gigantic-free", "comp 262144");
}

static const unsigned long sizes[] = { 1, 4, 16, 64, 256, 512, 1024, 4096, 16384,
				       65536, 262144 };

static bool run_size(void)
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

static bool run_threads_4(void)
{
	struct answer answer;

	if (!threads_of(4, &answer))
		return false;
	sample("threads-4x16", answer.nsec);
	return true;
}

static bool run_threads(void)
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

static bool run_memory(void)
{
	return run_scale("memory");
}

static bool run_vcpus(void)
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

static bool run_full_anon(void)
{
	return prepare_memory() && fill(window, RANGE, memory) &&
	       take_window("full-anon", "-");
}

static bool run_half_anon(void)
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

static bool run_fill(void)
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

static bool run_full_cache(void)
{
	return (window || find_window(RANGE)) && use(engine) && fill_with_cache() &&
	       take_window("full-cache", "-");
}

static bool run_pinned(void)
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
static bool run_search(void)
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

static void on_cpu(int cpu)
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

static double seconds(void)
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

static bool run_faults(void)
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

/* Run @scenario with the tracer on, and note the longest stretch it shows. */
static bool watch(const char *name, bool (*scenario)(void))
{
	bool good;
	long us;

	put(TRACING "tracing_max_latency", "0");
	good = scenario();
	us = number_in(TRACING "tracing_max_latency", "");
	printf("# irqs-off %s %s: %ld us\n", engine, name, us);
	if (us * 1000 > worst)
		worst = us * 1000;
	return good && us >= 0;
}

static bool run_irqs(void)
{
	bool good;

	worst = 0;
	if (!put(TRACING "current_tracer", "irqsoff"))
		return false;
	good = watch("range", run_range) && watch("frozen", run_frozen) &&
	       watch("cma", run_cma_16384) && watch("full-anon", run_full_anon) &&
	       watch("half-anon", run_half_anon) && watch("pinned", run_pinned) &&
	       watch("gigantic", run_gigantic) && watch("size", run_size);
	put(TRACING "current_tracer", "nop");
	if (good)
		sample("irqs-off", worst);
	return good;
}

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
	{ "search-90", "search", run_search },
	{ "gigantic", "big", run_gigantic },
	{ "size", "big", run_size },
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
	if (!count || !find_window(strcmp(set, "big") ? RANGE : 262144)) {
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
