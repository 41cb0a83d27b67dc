// SPDX-License-Identifier: GPL-2.0
/* What the contig_* tests share: commands to the engine, see contig_util.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "contig_util.h"

#define MAX_FAILURES	128	/* more than there should be */

/* Seconds of a clock that never goes back */
double contig_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* === The engine === */

/* A session of its own: closing it gives back what it holds. */
int contig_open(void)
{
	int fd = open(CONTIG_DIR "trigger", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_fail_msg("%strigger: %s\n", CONTIG_DIR, strerror(errno));
	return fd;
}

/* 0 or a negative errno. */
int contig_write(int fd, const void *command, size_t len)
{
	ssize_t done = write(fd, command, len);

	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -EIO;
}

static unsigned long contig_parse_pfn(const char *word)
{
	return strcmp(word, "none") ? strtoul(word, NULL, 16) : CONTIG_NO_PFN;
}

/* Of the last command, whoever gave it. */
void contig_read_answer(int fd, struct contig_answer *answer)
{
	char line[256], pfn[32];
	ssize_t len = pread(fd, line, sizeof(line) - 1, 0);

	if (len <= 0)
		ksft_exit_fail_msg("the trigger does not answer\n");
	line[len] = '\0';
	if (sscanf(line, "error=%d reason=%23s pfn=%31s start=0x%lx nr=%lu moved=%lu nsec=%llu",
		   &answer->error, answer->reason, pfn, &answer->start,
		   &answer->nr, &answer->moved, &answer->nsec) != 7 ||
	    sscanf(strstr(line, " kind=") ?: "", " kind=%23s", answer->kind) != 1)
		ksft_exit_fail_msg("the trigger's answer is '%s'\n", line);
	answer->pfn = contig_parse_pfn(pfn);
}

/* Run one command; the errno of write() and that of the answer must agree. */
int contig_ask(int fd, struct contig_answer *answer, const char *format, ...)
{
	char command[256];
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	err = contig_write(fd, command, strlen(command));
	contig_read_answer(fd, answer);
	if (answer->error != err)
		ksft_exit_fail_msg("'%s': write gave %d, the answer says %d\n",
				   command, err, answer->error);
	return err;
}

/* The same, for as long as somebody else's short work is in the way. */
int contig_ask_again(int fd, struct contig_answer *answer, const char *command)
{
	int err = -EBUSY;

	for (int i = 0; i < CONTIG_TRIES && err == -EBUSY; i++) {
		if (i)
			usleep(CONTIG_TRY_USEC);
		err = contig_ask(fd, answer, "%s", command);
	}
	if (err)
		ksft_print_msg("'%s': error=%d reason=%s pfn=0x%lx moved=%lu\n",
			       command, err, answer->reason, answer->pfn,
			       answer->moved);
	return err;
}

/* Take an exact range, with patience. */
int contig_take(int fd, struct contig_answer *answer, unsigned long start,
		unsigned long nr, const char *options)
{
	char command[128];

	snprintf(command, sizeof(command), "range 0x%lx %lu%s%s", start, nr,
		 *options ? " " : "", options);
	return contig_ask_again(fd, answer, command);
}

unsigned long contig_stat(const char *name)
{
	return contig_number(CONTIG_DIR "stats", name);
}

/* The caller may be in a module, whose name comes after a blank. */
static bool contig_parse_failure(const char *line, struct contig_failure *f)
{
	const char *caller = strstr(line, " caller="), *rest = strstr(line, " start=");
	const char *cost = strstr(line, " tried=");
	unsigned long long seconds;
	char start[32], pfn[32];
	unsigned int fraction;

	if (!caller || !rest || rest <= caller || !cost ||
	    sscanf(line, "time=%llu.%6u ", &seconds, &fraction) != 2 ||
	    sscanf(rest, " start=%31s nr=%lu error=%d reason=%23s pfn=%31s kind=%23s",
		   start, &f->nr, &f->error, f->reason, pfn, f->kind) != 6 ||
	    sscanf(cost, " tried=%lu moved=%lu usecs=%llu", &f->tried,
		   &f->moved, &f->usecs) != 3)
		return false;
	caller += strlen(" caller=");
	snprintf(f->caller, sizeof(f->caller), "%.*s", (int)(rest - caller), caller);
	f->time = seconds * 1000000 + fraction;
	f->start = contig_parse_pfn(start);
	f->pfn = contig_parse_pfn(pfn);
	return true;
}

/* All that the engine remembers, the oldest first; returns how many. */
size_t contig_failures(struct contig_failure *failures, size_t max)
{
	FILE *file = contig_fopen(CONTIG_DIR "failures");
	char line[512];
	size_t nr = 0;

	while (nr < max && fgets(line, sizeof(line), file))
		if (!contig_parse_failure(line, &failures[nr++]))
			ksft_exit_fail_msg("a line of failures is '%s'\n", line);
	fclose(file);
	return nr;
}

bool contig_last_failure(struct contig_failure *failure)
{
	static struct contig_failure all[MAX_FAILURES];
	size_t nr = contig_failures(all, MAX_FAILURES);

	if (nr)
		*failure = all[nr - 1];
	return nr;
}

/* === No memory === */

#define INJECT	"/sys/kernel/debug/fail_page_alloc/"

/*
 * Get ready to have all allocations of this process fail that are as large as
 * this. Returns what contig_inject() needs, or -1 if the kernel cannot do it.
 */
int contig_inject_start(unsigned int min_order)
{
	char order[16];

	snprintf(order, sizeof(order), "%u", min_order);
	if (!contig_write_file(INJECT "task-filter", "Y") ||
	    !contig_write_file(INJECT "ignore-gfp-wait", "N") ||
	    !contig_write_file(INJECT "ignore-gfp-highmem", "N") ||
	    !contig_write_file(INJECT "min-order", order) ||
	    !contig_write_file(INJECT "verbose", "0") ||
	    !contig_write_file(INJECT "times", "-1") ||
	    !contig_write_file(INJECT "probability", "100"))
		return -1;
	return open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
}

void contig_inject(int injection, bool fail)
{
	if (write(injection, fail ? "1" : "0", 1) != 1)
		ksft_exit_fail_msg("/proc/self/make-it-fail: %s\n", strerror(errno));
}

/* Only the kernel's work for the request goes without memory. */
void contig_ask_without_memory(int fd, struct contig_answer *answer, unsigned long pfn,
			       const char *options, int injection)
{
	char command[64];
	int len;

	len = snprintf(command, sizeof(command), "range 0x%lx 1 nowarn%s%s", pfn,
		       *options ? " " : "", options);
	contig_inject(injection, true);
	contig_write(fd, command, len);
	contig_inject(injection, false);
	contig_read_answer(fd, answer);
}

void contig_inject_stop(int injection)
{
	contig_write_file(INJECT "probability", "0");
	close(injection);
}

/* === Its events === */

#define INSTANCES	"/sys/kernel/tracing/instances/"

static bool contig_trace_write(const char *instance, const char *file,
			       const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s/%s", instance, file);
	return contig_write_file(path, text);
}

/* To open it anew is what empties it, whatever is written then. */
static bool contig_trace_empty(const char *instance)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), INSTANCES "%s/trace", instance);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* An instance that is there already is emptied. */
bool contig_trace_start(const char *instance)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s", instance);
	return (!mkdir(path, 0700) || errno == EEXIST) && contig_trace_empty(instance) &&
	       contig_trace_write(instance, "events/contig/enable", "1");
}

bool contig_trace_stop(const char *instance)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s", instance);
	return contig_trace_write(instance, "events/contig/enable", "0") &&
	       !rmdir(path);
}

/* How many lines have both in them. */
int contig_trace_count(const char *instance, const char *event,
		       const char *words)
{
	char path[256], line[512];
	int lines = 0;
	FILE *file;

	snprintf(path, sizeof(path), INSTANCES "%s/trace", instance);
	file = contig_fopen(path);
	while (fgets(line, sizeof(line), file))
		lines += strstr(line, event) && strstr(line, words);
	fclose(file);
	return lines;
}

/* What the request of this process got that was met after @before others. */
bool contig_trace_range(const char *instance, int before,
			struct contig_span *range)
{
	char path[256], line[512], task[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), INSTANCES "%s/trace", instance);
	snprintf(task, sizeof(task), "-%d ", getpid());
	file = contig_fopen(path);
	while (!found && fgets(line, sizeof(line), file)) {
		const char *event = strstr(line, "contig_finish: ");

		found = event && strstr(line, task) && !before-- &&
			sscanf(event, "contig_finish: start=0x%lx end=0x%lx",
			       &range->start, &range->end) == 2;
	}
	fclose(file);
	return found;
}
