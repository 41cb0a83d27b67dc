// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks through the trigger: takes, enters in the ledger, marks, holds for a while,
 * verifies and gives back, in pieces where that is allowed. Alarms go off at random
 * moments, and now and then a child asks and is killed in the middle of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define LARGEST_EVERY	32	/* calls */
#define MAX_HELD	8
#define ALARM_US	4000
#define KILL_US		30000
#define POLL_US		5000
#define LATE_NS		60000000000ULL	/* no load makes the engine that late */

struct held {
	unsigned long start, nr, mark;
	bool whole;
};

struct asker {
	unsigned int slot;
	uint64_t random;
	int fd;
	bool patient, ordered;
	struct wish order;
	unsigned long long told;	/* nanoseconds that the engine says it took */
	unsigned long pages;		/* held */
	unsigned int nr_held;
	struct held held[MAX_HELD];
};

/* Shares of 100; those of the base's calls come last. */
static const struct {
	enum verb verb;
	unsigned int share;
	bool base;
} verbs[] = {
	{ RANGE, 24 }, { PAGES, 8 }, { ALLOC, 14 }, { QUERY, 3 }, { ORDER, 6 }, { AWAIT, 4 },
	{ DDI, 8 }, { KILLED, 3 },
	{ CMA, 12, true }, { CALL_RANGE, 12, true }, { CALL_PAGES, 6, true },
};

static uint64_t chance(struct asker *a, uint64_t n)
{
	return contig_random(&a->random) % n;
}

static enum verb random_verb(struct asker *a)
{
	for (;;) {
		unsigned int n = chance(a, 100);

		for (size_t i = 0; i < ARRAY_SIZE(verbs); n -= verbs[i++].share) {
			if (n >= verbs[i].share)
				continue;
			if (opt.base && !verbs[i].base)
				break;
			return verbs[i].verb;
		}
	}
}

/* No signal that does not kill may show in an answer. */
static void ring_at_random(struct asker *a)
{
	struct itimerval alarm = { .it_value.tv_usec = 1 + chance(a, ALARM_US) };

	if (chance(a, 4) == 0)
		setitimer(ITIMER_REAL, &alarm, NULL);
}

/* === One command === */

static int ask(struct asker *a, enum verb verb, struct contig_answer *answer, const char *words)
{
	double began = now();
	int err;

	call_begins(a->slot, verb);
	err = contig_ask(a->fd, answer, "%s", words);
	a->told = answer->nsec;
	answer->nsec = (now() - began) * 1e9;
	return err;
}

static bool has_mark(struct asker *a, const struct held *held, unsigned long mark)
{
	struct contig_answer answer;

	if (!contig_ask(a->fd, &answer, "verify 0x%lx %lu %lu", held->start, held->nr, mark))
		return true;
	it_is_wrong(CONTENT, "PFN 0x%lx in 0x%lx, %lu pages of %u: %s", answer.pfn, held->start,
		    held->nr, a->slot, mark ? "the mark is gone" : "not zeroed");
	return false;
}

static void adopt(struct asker *a, const struct wish *wish, const struct contig_answer *answer)
{
	struct held held = {
		answer->start, answer->nr,
		__atomic_add_fetch(&shared->serial, 1, __ATOMIC_RELAXED), wish->whole,
	};
	struct contig_answer marked;

	if (!ledger_enter(a->slot, held.start, held.nr) ||
	    (wish->zero && !has_mark(a, &held, 0)))
		return;
	if (contig_ask(a->fd, &marked, "mark 0x%lx %lu %lu", held.start, held.nr, held.mark))
		it_is_wrong(ANSWER, "mark: error=%d", marked.error);
	a->held[a->nr_held++] = held;
	a->pages += held.nr;
}

/*
 * Who asks may have to wait for memory of his own, which others move: the engine cannot
 * help that, so that it is late by its own clock only.
 */
static void note_delay(const struct asker *a, const struct wish *wish,
		       const struct contig_answer *answer)
{
	unsigned long long allowed = shared->late + wish->timeout * 1000000ULL;

	if (!wish->timeout)
		return;
	if (a->told > wish->timeout * 1000000ULL + LATE_NS)
		it_is_wrong(STUCK, "%llu us in the engine: '%s'", a->told / 1000, wish->words);
	if (answer->nsec <= allowed)
		return;
	shared->late += answer->nsec - allowed;
	snprintf(shared->latest, sizeof(shared->latest),
		 "%s: error=%d reason=%s, %llu us in the engine", wish->words,
		 answer->error, answer->reason, a->told / 1000);
}

static void judge(struct asker *a, const struct wish *wish, const struct contig_answer *answer)
{
	const char *wrong = what_is_wrong(wish, answer);

	note_delay(a, wish, answer);
	if (wrong)
		it_is_wrong(answer->error ? ANSWER : OWNER,
			    "%s: '%s' gave start=0x%lx nr=%lu error=%d reason=%s pfn=0x%lx",
			    wrong, wish->words, answer->start, answer->nr, answer->error,
			    answer->reason, answer->pfn);
	else if (!answer->error && wish->verb != QUERY)
		adopt(a, wish, answer);
}

static void take(struct asker *a, enum verb verb, unsigned long most)
{
	struct contig_answer answer;
	struct wish wish;

	if (!make_wish(verb, &a->random, most, a->patient, &wish))
		return;
	ring_at_random(a);
	ask(a, verb, &answer, wish.words);
	call_ends(a->slot, &answer, !answer.error);
	if (verb == QUERY && !answer.error)
		return;
	judge(a, &wish, &answer);
}

/* === Orders === */

static void place_order(struct asker *a, unsigned long most)
{
	struct contig_answer answer;

	if (a->ordered || !make_wish(ORDER, &a->random, most, a->patient, &a->order))
		return;
	a->order.timeout = 0;		/* who waits is not us */
	a->ordered = !ask(a, ORDER, &answer, a->order.words);
	call_ends(a->slot, &answer, a->ordered);
	if (!a->ordered && answer.error != -ENOMEM)
		it_is_wrong(ANSWER, "'%s': error=%d", a->order.words, answer.error);
}

static void look_for_order(struct asker *a)
{
	struct contig_answer answer;

	if (chance(a, 8) == 0) {
		a->ordered = false;
		if (ask(a, CANCEL, &answer, "cancel"))
			it_is_wrong(ANSWER, "cancel: error=%d", answer.error);
		call_ends(a->slot, &answer, true);
		return;
	}
	if (ask(a, COLLECT, &answer, "collect") == -EINPROGRESS)
		return;
	a->ordered = false;
	call_ends(a->slot, &answer, !answer.error);
	judge(a, &a->order, &answer);
}

static void end_order(struct asker *a)
{
	struct contig_answer answer;

	if (a->ordered && ask(a, CANCEL, &answer, "cancel"))
		it_is_wrong(ANSWER, "cancel: error=%d", answer.error);
	a->ordered = false;
}

/* === Giving back === */

static void give_piece(struct asker *a, unsigned long start, unsigned long nr)
{
	struct contig_answer answer;
	char words[64];

	if (!nr || !ledger_leave(a->slot, start, nr))
		return;
	snprintf(words, sizeof(words), "free 0x%lx %lu", start, nr);
	if (ask(a, FREE, &answer, words))
		it_is_wrong(ANSWER, "'%s': error=%d", words, answer.error);
	call_ends(a->slot, &answer, true);
	a->pages -= nr;
}

/* In three pieces, the middle one first. */
static void give_some(struct asker *a)
{
	unsigned int pick = chance(a, a->nr_held);
	struct held held = a->held[pick];
	unsigned long from = 0, to = held.nr;

	a->held[pick] = a->held[--a->nr_held];
	if (!has_mark(a, &held, held.mark))
		return;
	if (!held.whole && chance(a, 2)) {
		from = chance(a, held.nr);
		to = from + chance(a, held.nr - from + 1);
	}
	give_piece(a, held.start + from, to - from);
	give_piece(a, held.start, from);
	give_piece(a, held.start + to, held.nr - to);
}

static void give_all(struct asker *a)
{
	end_order(a);
	while (a->nr_held && !is_over())
		give_some(a);
	if (a->pages && !is_over())
		it_is_wrong(STUCK, "%u has lost count of %lu pages", a->slot, a->pages);
}

/* === A child that is killed === */

static unsigned long most_pages(const struct asker *a)
{
	unsigned long share = sysconf(_SC_PHYS_PAGES) / (2 * opt.askers);

	/* Some requests are as large as any, of those who have next to nothing. */
	if (shared->slots[a->slot].calls % LARGEST_EVERY == 0 && !a->patient &&
	    a->pages < share / 8)
		return LARGEST;
	return share > a->pages ? share - a->pages : 0;
}

static enum verb verb_of_child(struct asker *a)
{
	static const enum verb those[] = { RANGE, ALLOC, AWAIT, DDI, CMA, PAGES };

	return those[chance(a, ARRAY_SIZE(those))];
}

static void ask_until_killed(const struct asker *parent)
{
	struct asker a = {
		.slot = parent->slot + MAX_SLOTS / 2,
		.random = parent->random,
		.patient = true,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a.fd = contig_open();
	while (!is_over()) {
		take(&a, verb_of_child(&a), most_pages(&a) / 2);
		if (a.nr_held == MAX_HELD)
			give_some(&a);
	}
	_exit(0);
}

static void kill_a_child(struct asker *a)
{
	struct contig_answer answer = { .reason = "NONE", .pfn = CONTIG_NO_PFN };
	double began;
	pid_t pid;

	call_begins(a->slot, KILLED);
	fflush(stdout);
	pid = fork();
	if (!pid)
		ask_until_killed(a);
	chance(a, 2);			/* it had the same ones */
	usleep(chance(a, KILL_US));
	began = now();
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	answer.nsec = (now() - began) * 1e9;
	call_ends(a->slot, &answer, pid > 0);
}

/* === Day in, day out === */

static void take_some(struct asker *a)
{
	enum verb verb = random_verb(a);

	if (verb == KILLED)
		kill_a_child(a);
	else if (verb == ORDER)
		place_order(a, most_pages(a));
	else
		take(a, verb, most_pages(a));
}

static void ignore(int signal)
{
}

uint64_t first_random(unsigned int slot)
{
	uint64_t random = opt.seed * 1000003 + slot * 7919;

	contig_random(&random);
	return random;
}

/* Everybody has given back all before. */
void stand_still_if_told(unsigned int slot)
{
	struct slot *s = &shared->slots[slot];

	while (__atomic_load_n(&shared->pause, __ATOMIC_ACQUIRE) && !is_over()) {
		__atomic_store_n(&s->paused, shared->phase, __ATOMIC_RELEASE);
		usleep(POLL_US);
	}
}

void ask_until_told(unsigned int slot)
{
	struct asker a = { .slot = slot, .random = first_random(slot), .fd = contig_open() };
	struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGALRM, &action, NULL);
	while (!is_over()) {
		while (a.nr_held >= MAX_HELD - 1 || (a.nr_held && chance(&a, 3) == 0))
			give_some(&a);
		/* each may bring one more */
		if (a.ordered)
			look_for_order(&a);
		take_some(&a);
		if (__atomic_load_n(&shared->pause, __ATOMIC_ACQUIRE)) {
			give_all(&a);
			stand_still_if_told(slot);
		}
	}
}
