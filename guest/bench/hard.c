// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: pages that are held for a while, for good, or by many.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define RETRIES		TRACING "events/cma/cma_alloc_busy_retry/enable"
#define PINNERS		3
#define LEFT_KB		90112
#define GIGANTIC	262144UL	/* pages of 1 GiB */

/* === One page that is held === */

/* Only this page is in use, so that the move takes no longer than the pin. */
static bool fill_one(unsigned long page)
{
	return prepare_memory() && fill(window + page, 1, memory + page * PAGE);
}

/* None, if a busy machine made the one without the pin the slower one. */
static long time_beyond(const struct answer *pinned, const struct answer *plain)
{
	return pinned->nsec > plain->nsec ? pinned->nsec - plain->nsec : 0;
}

/* Time beyond what the same takes without a pin; of a failure, all of it. */
bool run_short_pin(void)
{
	const unsigned long page = RANGE - 100;
	struct answer plain, pinned;

	if (!fill_one(page))
		return false;
	plain = ask("hard %lu %lu", window, RANGE);
	if (!plain.good || !ask("free").good || !fill_one(page))
		return false;
	pinned = ask("pinned %lu %lu %lu 5000", window, RANGE, page);
	sample("short-pin-met", pinned.good ? 100 : 0);
	sample("short-pin", pinned.good ? time_beyond(&pinned, &plain) : pinned.nsec);
	return !pinned.good || ask("free").good;
}

/* Another page each time, and then the same again: a client that does not give up. */
bool run_never(void)
{
	static unsigned long offset = RANGE / 2;
	struct answer first, again;
	long moved;

	if (!prepare_memory() || !fill(window, RANGE, memory))
		return false;
	offset++;
	moved = pages_migrated();
	first = ask("reserved %lu %lu %lu", window, RANGE, offset);
	again = ask("reserved %lu %lu %lu", window, RANGE, offset);
	moved = pages_migrated() - moved;
	if (first.good || again.good)
		return false;
	sample("never-first", first.nsec);
	sample("never", again.nsec);
	sample("never-moved", moved);
	return true;
}

/* Opening it so is what clears the trace. */
static bool empty(const char *path)
{
	FILE *file = fopen(path, "w");

	return file && !fclose(file);
}

static int count_lines(const char *path, const char *word)
{
	FILE *file = fopen(path, "r");
	char line[512];
	int lines = 0;

	while (file && fgets(line, sizeof(line), file))
		lines += !!strstr(line, word);
	if (file)
		fclose(file);
	return lines;
}

/* Attempts are the times that the area was tried again, and the last one. */
static bool attempts_at(const char *name, int order)
{
	struct answer answer;
	int retries;

	if (!empty(TRACING "trace") || !put(RETRIES, "1"))
		return false;
	answer = ask("cmaat %lu %d", RANGE, order);
	put(RETRIES, "0");
	retries = count_lines(TRACING "trace", "cma_alloc_busy_retry: ");
	if (!answer.good)
		return false;
	sample(name, retries + 1);
	return ask("free").good;
}

/* Page 2048 of the area stays where it is. */
bool run_attempts(void)
{
	struct iovec page = { .iov_len = PAGE };
	struct answer first = ask("cma 1");
	int pipe_fd[2];
	bool good;

	if (!first.good || !ask("free").good || !prepare_memory() ||
	    !fill(first.start + 2048, 1, memory) || pipe(pipe_fd))
		return false;
	page.iov_base = memory;
	good = vmsplice(pipe_fd[1], &page, 1, 0) == (ssize_t)PAGE &&
	       attempts_at("attempts-0", 0) && attempts_at("attempts-8", 8);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	return good;
}

/* === Pins all the time === */

static volatile bool pause_pins, end_pins;
static volatile int pins_paused;

static long random_usecs(unsigned int *seed)
{
	/* as many short ones as long ones: three powers of ten from 10 us on */
	static const long scale[] = { 10, 100, 1000 };

	return scale[rand_r(seed) % 3] * (1 + rand_r(seed) % 10);
}

static void pin_once(int *pipe_fd, unsigned int *seed)
{
	struct iovec page = {
		.iov_base = memory + rand_r(seed) % RANGE * PAGE,
		.iov_len = PAGE,
	};
	char content[PAGE];

	if (vmsplice(pipe_fd[1], &page, 1, 0) != (ssize_t)PAGE)
		return;
	usleep(random_usecs(seed));
	if (read(pipe_fd[0], content, PAGE) != (ssize_t)PAGE)
		complain("a pipe lost a page");
}

static void *pinner(void *data)
{
	unsigned int seed = (unsigned long)data;
	int pipe_fd[2];

	if (pipe(pipe_fd))
		return NULL;
	while (!end_pins) {
		if (pause_pins) {
			__sync_fetch_and_add(&pins_paused, 1);
			while (pause_pins && !end_pins)
				usleep(500);
			__sync_fetch_and_sub(&pins_paused, 1);
		}
		pin_once(pipe_fd, &seed);
	}
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	return NULL;
}

/* Nobody pins while the pages are put back into the window. */
static bool refill_in_peace(void)
{
	bool good;

	pause_pins = true;
	while (pins_paused < PINNERS)
		usleep(500);
	good = fill(window, RANGE, memory);
	pause_pins = false;
	while (pins_paused)
		usleep(500);
	return good;
}

bool run_pinners(void)
{
	const int requests = 200;
	pthread_t threads[PINNERS];
	bool good = prepare_memory();
	int met = 0;

	end_pins = false;
	for (unsigned long i = 0; i < PINNERS; i++)
		if (pthread_create(&threads[i], NULL, pinner, (void *)(i + 1)))
			return false;
	for (int request = 0; request < requests && good; request++) {
		good = refill_in_peace();
		if (good && ask("hard %lu %lu", window, RANGE).good) {
			met++;
			good = ask("free").good;
		}
	}
	end_pins = true;
	for (int i = 0; i < PINNERS; i++)
		pthread_join(threads[i], NULL);
	if (good)
		sample("pinners", met * 1000L / requests);
	return good;
}

/* === CMA beside apps that come and go === */

static pid_t start(const char *command)
{
	pid_t child = fork();

	if (child)
		return child;
	setpgid(0, 0);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* False if it had come to an end by itself, and so was no load. */
static bool stop(pid_t child)
{
	bool lived = !waitpid(child, NULL, WNOHANG);

	kill(-child, SIGKILL);
	if (lived)
		waitpid(child, NULL, 0);
	return lived;
}

static int by_value(const void *a, const void *b)
{
	long left = *(const long *)a, right = *(const long *)b;

	return (left > right) - (left < right);
}

static bool ask_for_frames(int requests)
{
	static long nsec[1000];
	int failed = 0;

	srandom(1);
	for (int request = 0; request < requests; request++) {
		struct answer answer = ask("cma %ld", 256 + random() % (4096 - 256 + 1));

		nsec[request] = answer.nsec;
		failed += !answer.good;
		if (answer.good && !ask("free").good)
			return false;
		usleep(20000);
	}
	qsort(nsec, requests, sizeof(nsec[0]), by_value);
	sample("churn-failed", failed);
	sample("churn-median", nsec[requests / 2]);
	sample("churn-p99", nsec[requests * 99 / 100]);
	return true;
}

/* All but the area and a little is in use, so that the apps need the area, too. */
bool run_churn(void)
{
	long left = number_in("/proc/meminfo", "CmaFree:") + LEFT_KB;
	unsigned long nr_pages = (number_in("/proc/meminfo", "MemFree:") - left) / 4;
	char *most = map_pages(nr_pages);
	pid_t apps, pins;
	bool good;

	if (!most)
		return false;
	touch(most, nr_pages);
	apps = start("exec churn --parallel 3 --anon 8 --file /mnt/apps --file-mb 16 >/dev/null");
	pins = start("while pins --threads 4 --anon 24 --min-us 10 --max-us 10000"
		     " --seconds 1 >/dev/null; do :; done");
	sleep(3);
	printf("# %ld kB of the area are free\n", number_in("/proc/meminfo", "CmaFree:"));
	good = ask_for_frames(500);
	good &= stop(apps);
	good &= stop(pins);
	munmap(most, nr_pages * PAGE);
	return good;
}

/* === A signal === */

static void take_gigantic_range(void)
{
	char command[64];

	snprintf(command, sizeof(command), "range %lu %lu", window, GIGANTIC);
	_exit(put(DEBUGFS "contig/bench", command));
}

/* From the signal to the end of the process, which has next to no memory. */
static bool kill_after(useconds_t usecs)
{
	pid_t child = fork();
	double killed;
	int status;

	if (!child)
		take_gigantic_range();
	usleep(usecs);
	killed = seconds();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	killed = seconds() - killed;
	if (WIFSIGNALED(status))
		sample("sigkill", killed * 1e9);
	return WIFSIGNALED(status);
}

bool run_sigkill(void)
{
	char *much = map_pages(GIGANTIC);
	bool good = false;

	if (!much)
		return false;
	madvise(much, GIGANTIC * PAGE, MADV_DONTFORK);
	touch(much, GIGANTIC);
	/* A page that is busy just then may end the call before the signal. */
	for (int tries = 0; tries < 3 && !good; tries++)
		good = fill(window, GIGANTIC, much) && kill_after(100000);
	munmap(much, GIGANTIC * PAGE);
	return good;
}
