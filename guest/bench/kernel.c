// SPDX-License-Identifier: GPL-2.0
/*
 * The talk with the kernel, and the memory that is measured.
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

const char *engine;
const char *place;
unsigned long window;
char *memory;

/* === Talking to the kernel === */

/* What stops a scenario; the run goes on with the next. */
void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return good;
}

bool get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return got > 0;
}

long number_in(const char *path, const char *key)
{
	static char text[65536];
	const char *at;

	if (!get(path, text, sizeof(text)))
		return -1;
	at = *key ? strstr(text, key) : text;
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* One command of mm/contig/bench.c. The clock was read even if the call failed. */
struct answer ask(const char *format, ...)
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

bool use(const char *name)
{
	engine = name;
	return put(DEBUGFS "contig/engine", name);
}

void sample_at(const char *scenario, const char *x, long value)
{
	printf("sample %s %s %s %ld\n", scenario, x, engine, value);
	fflush(stdout);
}

void sample(const char *scenario, long value)
{
	sample_at(scenario, "-", value);
}

void sample_n(const char *scenario, unsigned long x, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", x);
	sample_at(scenario, text, value);
}

long pages_migrated(void)
{
	return number_in("/proc/vmstat", "pgmigrate_success ");
}

/* === Memory === */

char *map_pages(unsigned long nr_pages)
{
	char *base = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	madvise(base, nr_pages * PAGE, MADV_NOHUGEPAGE);
	return base;
}

void touch(char *base, unsigned long nr_pages)
{
	for (unsigned long page = 0; page < nr_pages; page++)
		((volatile char *)base)[page * PAGE] = page;
}

/* Move the pages at @from to @pfn; what does not come at once comes next time. */
bool fill(unsigned long pfn, unsigned long nr_pages, char *from)
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
bool find_window(unsigned long nr_pages)
{
	struct answer answer = { .good = false };

	if (use("contig"))
		answer = ask("pages %lu", nr_pages);
	window = answer.start;
	return answer.good && ask("free").good;
}

bool prepare_memory(void)
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
