/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of stress share. One file per job:
 *
 *   main.c      start, pause, check, verdict; reads as the list of its steps
 *   events.c    what happened: a ring, tallies, and the first thing that is wrong
 *   ledger.c    who owns which page
 *   wish.c      what is asked for next, and whether the answer meets it
 *   asker.c     who asks through the trigger, holds, marks and gives back
 *   clients.c   hugetlb, the dma-buf heap, CMA's own debugfs
 *   upset.c     CPUs and memory that come and go, no memory left, virtio-mem
 *   rest.c      what has to hold while everybody stands still
 */
#ifndef CONTIG_GUEST_STRESS_H
#define CONTIG_GUEST_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "contig_util.h"

#define MAX_SLOTS	32		/* processes that ask */
#define MAX_PFN		(1UL << 22)	/* pages that the ledger has room for: 16 GB */
#define LAST_EVENTS	1000
#define TICK_MS		100
#define HANG_TICKS	1800		/* without a finished call */
#define ENOUGH_S	1800		/* for everything to have worked once */
#define PAGES_PER_MB	256UL
#define LARGEST		(512 * PAGES_PER_MB)

/* What a process is doing; names are in events.c. */
enum verb {
	RANGE, PAGES, ALLOC, QUERY, ORDER, COLLECT, CANCEL, AWAIT, DDI, CMA, CALL_RANGE,
	CALL_PAGES, KILLED, FREE, HUGE, GIGANTIC, HEAP, CMA_FILE, CPU, BLOCK, PLUG, OOM,
	COMPACT, COLLAPSE, POISON, NR_VERBS
};

/* Of what kind the first thing is that went wrong; one test for each. */
enum wrong { OWNER, CONTENT, ANSWER, STUCK, MACHINE, MEMORY, NR_WRONGS };

struct event {
	double time;
	int slot, verb, error;
	char reason[24];
	unsigned long start, nr, pfn;
	unsigned long long nsec;
};

struct tally {
	unsigned long calls, met;
	unsigned long long nsec, longest;
};

/* One process that asks. @doomed: a child that will be killed in the middle of it. */
struct slot {
	pid_t pid;
	const char *name;
	void (*run)(unsigned int number);
	bool asks, doomed, is_at_work;
	unsigned long calls, seen, at_checkpoint, work;
	unsigned int ticks, paused;
	int verb;
};

/* Memory that all of the processes see. */
struct shared {
	bool stop, pause;
	unsigned int phase;
	unsigned long serial, nr_events, no_page;
	unsigned long long late;	/* longest, nanoseconds */
	char latest[320];		/* whose that was */
	struct event events[LAST_EVENTS];
	struct tally tally[NR_VERBS];
	struct slot slots[MAX_SLOTS];
	char wrong[NR_WRONGS][200];
	unsigned int ledger[MAX_PFN];
};

struct options {
	unsigned long seed, seconds, askers;
	bool base;		/* the engine is the base's: its calls only */
};

extern struct shared *shared;
extern struct options opt;

static inline bool is_over(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

/* events.c */
extern const char * const verb_names[NR_VERBS];
double now(void);
void call_begins(unsigned int slot, enum verb verb);
void call_ends(unsigned int slot, const struct contig_answer *answer, bool met);
void __printf(2, 3) it_is_wrong(enum wrong kind, const char *format, ...);
void show_events(void);
void show_tallies(void);

/* ledger.c */
bool ledger_enter(unsigned int slot, unsigned long start, unsigned long nr);
bool ledger_leave(unsigned int slot, unsigned long start, unsigned long nr);
unsigned long ledger_owned(unsigned long start, unsigned long nr);

/* wish.c */
struct wish {
	enum verb verb;
	char words[200];
	unsigned long start;		/* of an exact range, or 0 */
	unsigned long nr, least;	/* pages */
	unsigned long align, boundary, low, high;	/* PFNs; high is the last, or 0 */
	unsigned int timeout;		/* milliseconds */
	bool cma, zero, whole, movable;
};

void find_places(void);
extern struct contig_span places[3];
enum { MOVABLE_PLACE, CMA_PLACE, OTHER_PLACE };
bool make_wish(enum verb verb, uint64_t *random, unsigned long most, bool patient,
	       struct wish *wish);
const char *what_is_wrong(const struct wish *wish, const struct contig_answer *answer);

/* asker.c, clients.c, upset.c */
void ask_until_told(unsigned int slot);
void huge_until_told(unsigned int slot);
void heap_until_told(unsigned int slot);
void upset_until_told(unsigned int slot);
bool reads_as(const char *dir, const char *file, const char *text);
unsigned long block_pages(void);
void stand_still_if_told(unsigned int slot);
uint64_t first_random(unsigned int slot);

/* rest.c */
void remember_machine(void);
void check_machine(void);
void check_whole_area(void);

#endif
