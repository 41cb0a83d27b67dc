/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the programs that live beside the engine start and end: options, a line on stdout
 * for each thing worth saying, signals. Each defines BYSTANDER, its name, and usage().
 */
#ifndef CONTIG_GUEST_BYSTANDER_H
#define CONTIG_GUEST_BYSTANDER_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pattern.h"

#define MB		1048576UL
#define PAGES_PER_MB	((size_t)(MB / PATTERN_PAGE))
#define REPORT_SEC	4	/* between two lines about the progress */
#define UNABLE		2	/* exit status of who was used wrongly or could not go on */
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

/* === Small helpers ======================================================= */

static inline void die(const char *what)
{
	printf(BYSTANDER ": cannot %s: %s\n", what, strerror(errno));
	exit(UNABLE);
}

static inline uint64_t random_after(uint64_t *state)
{
	*state += PATTERN_STEP;
	return pattern_mix(*state);
}

/* In whole seconds. */
static inline time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* True once every few seconds: long work then says where it is. */
static inline bool time_to_report(void)
{
	static time_t last;
	time_t t = now();

	if (!last)
		last = t;
	if (t - last < REPORT_SEC)
		return false;
	last = t;
	return true;
}

static inline void *map_memory(size_t size, int prot, int flags, int fd)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("map memory");
	return p;
}

/* === Options ============================================================= */

static void usage(void);

/* Each option has a value, a number or a text. */
struct option {
	const char *name;
	unsigned long *number;
	const char **text;
};

static inline bool take_option(const struct option *option, const char *value)
{
	char *end;

	if (option->text) {
		*option->text = value;
		return true;
	}
	*option->number = strtoul(value, &end, 10);
	return end != value && !*end;
}

static inline void take_options(int argc, char **argv, const struct option *options,
				size_t nr)
{
	for (int i = 1; i < argc; i += 2) {
		size_t k = 0;

		while (k < nr && strcmp(argv[i], options[k].name))
			k++;
		if (k == nr || i + 1 == argc || !take_option(&options[k], argv[i + 1]))
			usage();
	}
}

/* === From the first signal to the last =================================== */

/* They wait until serve() asks for them. */
static inline void hold_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGUSR1);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

/* What to do on SIGUSR1, and after it or each tick. */
struct service {
	unsigned int tick_ms;
	void (*asked)(void);
	void (*tick)(void);
};

#define UNTIL_TOLD	(~0UL)

/* For so many seconds, or until another signal comes. */
static inline void serve(const sigset_t *signals, unsigned long seconds,
			 const struct service *service)
{
	const struct timespec tick = {
		.tv_sec = service->tick_ms / 1000,
		.tv_nsec = service->tick_ms % 1000 * 1000000L,
	};
	time_t start = now();

	while (seconds == UNTIL_TOLD || now() - start < (time_t)seconds) {
		int sig = sigtimedwait(signals, NULL, &tick);

		if (sig == SIGUSR1)
			service->asked();
		else if (sig > 0)
			break;
		service->tick();
	}
}

#endif /* CONTIG_GUEST_BYSTANDER_H */
