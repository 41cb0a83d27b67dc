// SPDX-License-Identifier: GPL-2.0
/* What happened: a ring of events, tallies, and the first thing that is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stress.h"

const char * const verb_names[NR_VERBS] = {
	[RANGE] = "range", [PAGES] = "pages", [ALLOC] = "alloc", [QUERY] = "query",
	[ORDER] = "order", [COLLECT] = "collect", [CANCEL] = "cancel", [AWAIT] = "await",
	[DDI] = "ddi", [CMA] = "cma", [CALL_RANGE] = "call-range", [CALL_PAGES] = "call-pages",
	[KILLED] = "killed", [FREE] = "free", [HUGE] = "hugetlb", [GIGANTIC] = "gigantic",
	[HEAP] = "heap", [CMA_FILE] = "cma-file", [CPU] = "cpu", [BLOCK] = "block",
	[PLUG] = "plug", [OOM] = "oom", [COMPACT] = "compact", [COLLAPSE] = "collapse",
	[POISON] = "poison",
};

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void note_event(unsigned int slot, const struct contig_answer *answer)
{
	unsigned long n = __atomic_fetch_add(&shared->nr_events, 1, __ATOMIC_RELAXED);
	struct event *event = &shared->events[n % LAST_EVENTS];

	event->time = now();
	event->slot = slot;
	event->verb = shared->slots[slot].verb;
	event->error = answer->error;
	event->start = answer->start;
	event->nr = answer->nr;
	event->pfn = answer->pfn;
	event->nsec = answer->nsec;
	memcpy(event->reason, answer->reason, sizeof(event->reason));
}

void call_begins(unsigned int slot, enum verb verb)
{
	__atomic_store_n(&shared->slots[slot].verb, verb, __ATOMIC_RELAXED);
}

static void keep_longest(unsigned long long *longest, unsigned long long nsec)
{
	unsigned long long known = __atomic_load_n(longest, __ATOMIC_RELAXED);

	while (nsec > known &&
	       !__atomic_compare_exchange_n(longest, &known, nsec, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void call_ends(unsigned int slot, const struct contig_answer *answer, bool met)
{
	struct tally *tally = &shared->tally[shared->slots[slot].verb];

	note_event(slot, answer);
	__atomic_fetch_add(&tally->calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&tally->met, met, __ATOMIC_RELAXED);
	__atomic_fetch_add(&tally->nsec, answer->nsec, __ATOMIC_RELAXED);
	keep_longest(&tally->longest, answer->nsec);
	__atomic_fetch_add(&shared->slots[slot].calls, 1, __ATOMIC_RELEASE);
}

/* The first of each kind counts; nobody goes on after it. */
void it_is_wrong(enum wrong kind, const char *format, ...)
{
	static char text[sizeof(shared->wrong[0])];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!shared->wrong[kind][0])
		memcpy(shared->wrong[kind], text, sizeof(text));
	ksft_print_msg("WRONG: %s\n", text);
	fflush(stdout);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
}

void show_events(void)
{
	unsigned long end = shared->nr_events;
	unsigned long n = end > LAST_EVENTS ? end - LAST_EVENTS : 0;

	ksft_print_msg("seed %lu, the last %lu of %lu events:\n", opt.seed, end - n, end);
	for (; n < end; n++) {
		const struct event *e = &shared->events[n % LAST_EVENTS];

		ksft_print_msg("%.6f %2d %-10s start=0x%lx nr=%lu error=%d reason=%s pfn=0x%lx us=%llu\n",
			       e->time, e->slot, verb_names[e->verb], e->start, e->nr, e->error,
			       e->reason, e->pfn, e->nsec / 1000);
	}
}

void show_tallies(void)
{
	for (int verb = 0; verb < NR_VERBS; verb++) {
		const struct tally *t = &shared->tally[verb];

		if (t->calls)
			ksft_print_msg("%-10s %7lu calls, %7lu met, mean %llu us, longest %llu us\n",
				       verb_names[verb], t->calls, t->met,
				       t->nsec / t->calls / 1000, t->longest / 1000);
	}
}
