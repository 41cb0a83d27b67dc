// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked for next, and whether the answer meets it: by the calls' own rules,
 * not by what the engine says of itself.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stress.h"

#define HOT_BLOCKS	4	/* where neighbours meet */
#define LAST_OF_32	((1UL << 20) - 1)

struct contig_span places[3];

#define CHUNK	512UL		/* pages looked at at once */

/* What is not there looks like a page of no kind. */
static bool is_online(unsigned long pfn)
{
	static unsigned long last = ~0UL;
	static bool online;
	char path[64];

	if (pfn / block_pages() == last)
		return online;
	last = pfn / block_pages();
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu", last);
	online = reads_as(path, "state", "online");
	return online;
}

/* The kernel keeps some from boot on: none of these can be had. */
static bool is_clean(unsigned long pfn, unsigned long end)
{
	uint64_t bad = CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE | CONTIG_PG_SLAB | CONTIG_PG_TABLE;
	uint64_t flags[CHUNK];

	if (end - pfn < CHUNK || !is_online(pfn) || !contig_flags(pfn, CHUNK, flags))
		return false;
	for (size_t i = 0; i < CHUNK; i++)
		if (flags[i] & bad)
			return false;
	return true;
}

/* The longest clean stretch of the zone, in one walk: each look costs its time. */
static struct contig_span find_movable(void)
{
	struct contig_span longest = {}, span;
	struct contig_zone zone;

	if (!contig_zone("Movable", &zone))
		return longest;
	span.start = (zone.start + CHUNK - 1) / CHUNK * CHUNK;
	for (span.end = span.start; span.end < zone.end; span.end += CHUNK) {
		if (!is_clean(span.end, zone.end))
			span.start = span.end + CHUNK;
		else if (span.end + CHUNK - span.start > longest.end - longest.start)
			longest = (struct contig_span){ span.start, span.end + CHUNK };
	}
	return longest;
}

/* Where the kernel's own pages are, too; in the other zone hugetlb has a CMA area. */
static struct contig_span find_other(void)
{
	struct contig_span span = {};
	struct contig_zone zone;

	if (!contig_zone("DMA32", &zone) && !contig_zone("Normal", &zone))
		return span;
	span = (struct contig_span){ zone.start, zone.end };
	/* The base's engine looks at what is not there, and that is its end. */
	if (opt.base)
		for (span.end = span.start; span.end < zone.end && is_online(span.end); )
			span.end += CHUNK;
	return span;
}

void find_places(void)
{
	places[MOVABLE_PLACE] = find_movable();
	places[CMA_PLACE] = contig_cma_area();
	places[OTHER_PLACE] = find_other();
	for (int i = 0; i <= OTHER_PLACE; i++)
		ksft_print_msg("place %d: 0x%lx to 0x%lx\n", i, places[i].start, places[i].end);
}

/* === Making a wish === */

static void __printf(2, 3) add_words(struct wish *wish, const char *format, ...)
{
	size_t len = strlen(wish->words);
	va_list args;

	va_start(args, format);
	vsnprintf(wish->words + len, sizeof(wish->words) - len, format, args);
	va_end(args);
}

static bool one_of(uint64_t *random, unsigned long n)
{
	return contig_random(random) % n == 0;
}

/* As many of each order of magnitude. */
static unsigned long random_size(uint64_t *random, unsigned long most)
{
	unsigned long bits = 0, size;

	while (2UL << bits <= most)
		bits++;
	size = 1UL << contig_random(random) % (bits + 1);
	return one_of(random, 3) ? size : 1 + contig_random(random) % size;
}

static unsigned long round_up_2(unsigned long nr)
{
	unsigned long size = 1;

	while (size < nr)
		size *= 2;
	return size;
}

/* Now and then in one of a few blocks, so that several ask for parts of the same. */
static void random_place(struct wish *wish, uint64_t *random)
{
	unsigned long block = contig_block_pages(), kind = contig_random(random) % 16;
	unsigned int which = kind < 9 ? MOVABLE_PLACE : kind < 15 ? CMA_PLACE : OTHER_PLACE;
	struct contig_span span = places[which];
	unsigned long room = span.end - span.start;

	if (!span.start)
		span = places[OTHER_PLACE], room = span.end - span.start;
	if (wish->nr > room / 3)
		wish->nr = room / 3;
	if (which != OTHER_PLACE && wish->nr < block && one_of(random, 2))
		room = HOT_BLOCKS * block;
	wish->start = span.start + contig_random(random) % (room - wish->nr + 1);
	if (one_of(random, 4))
		wish->start = span.start + (wish->start - span.start) / block * block;
	/* the wrong word for the place is an answer, too */
	wish->cma = (which == CMA_PLACE) != one_of(random, 20);
}

static void random_effort(struct wish *wish, uint64_t *random, bool patient)
{
	unsigned long kind = contig_random(random) % 8;
	bool calls = wish->verb == CALL_RANGE || wish->verb == CALL_PAGES;

	if (wish->verb == DDI && wish->zero && !patient)
		kind = 0;	/* there is no such call with a deadline */
	if (patient && wish->verb != DDI) {
		add_words(wish, " hard timeout=0");
	} else if (kind < 2) {
		add_words(wish, " nowait");
	} else if (kind < 3 && wish->verb != DDI) {
		add_words(wish, " noretry");
	} else if (calls && kind < 4) {
		add_words(wish, " hard");
	} else if (!calls && (kind < 6 || (wish->verb == DDI && !patient))) {
		wish->timeout = 1 + contig_random(random) % (1UL << contig_random(random) % 11);
		add_words(wish, " hard timeout=%u", wish->timeout);
	}
}

static void random_form(struct wish *wish, uint64_t *random)
{
	unsigned long kind = contig_random(random) % 8;

	if (kind < 2) {
		add_words(wish, " frozen");
	} else if (kind < 3 && !opt.base) {	/* which warns if more is free there */
		wish->nr = round_up_2(wish->nr / 2 + 1);
		wish->start = wish->start / wish->nr * wish->nr;
		wish->align = wish->nr;
		wish->whole = true;
		add_words(wish, " comp");
	} else if (kind < 5) {
		wish->zero = true;
		add_words(wish, " zero");
	}
	if (!one_of(random, 4))
		add_words(wish, " nowarn");
}

/* In bytes for the kernel, in pages for ourselves. */
static void random_limits(struct wish *wish, uint64_t *random)
{
	unsigned long size = round_up_2(wish->nr);

	if (one_of(random, 3)) {
		wish->align = 1UL << contig_random(random) % 12;
		add_words(wish, " align=%lu", wish->align * 4096);
	}
	if (one_of(random, 3)) {
		wish->boundary = size << contig_random(random) % 4;
		add_words(wish, " boundary=%lu", wish->boundary * 4096);
	}
	if (one_of(random, 4)) {
		wish->high = (1UL << (18 + contig_random(random) % 4)) - 1;
		add_words(wish, " high=%lu", wish->high * 4096 + 4095);
	}
	if (wish->verb == DDI)
		return;
	if (one_of(random, 4)) {
		wish->low = contig_random(random) % (wish->high / 2 + (1UL << 17));
		add_words(wish, " low=%lu", wish->low * 4096);
	}
	if (one_of(random, 4)) {
		wish->least = 1 + contig_random(random) % wish->nr;
		add_words(wish, " min=%lu", wish->least);
	}
}

static void random_zone(struct wish *wish, uint64_t *random)
{
	if (wish->verb == DDI)
		return;
	if (one_of(random, 8)) {
		wish->high = wish->high && wish->high < LAST_OF_32 ? wish->high : LAST_OF_32;
		add_words(wish, " dma32");
	} else if (one_of(random, 2)) {
		wish->movable = true;
		add_words(wish, " movable");
	}
}

static void make_range(struct wish *wish, uint64_t *random, bool patient)
{
	random_place(wish, random);
	random_form(wish, random);
	if (wish->cma)
		add_words(wish, " cma");
	random_effort(wish, random, patient);
}

static void make_search(struct wish *wish, uint64_t *random, bool patient)
{
	bool calls = wish->verb == PAGES || wish->verb == CALL_PAGES;

	if (calls) {
		random_form(wish, random);
	} else {
		random_limits(wish, random);
		wish->whole = true;
		wish->zero = one_of(random, 4);
		add_words(wish, "%s", wish->zero ? " zero" : "");
	}
	random_zone(wish, random);
	random_effort(wish, random, patient);
}

/* A request of at most @most pages; one of a @patient process may wait for ever. */
bool make_wish(enum verb verb, uint64_t *random, unsigned long most, bool patient,
	       struct wish *wish)
{
	char words[sizeof(wish->words)];

	*wish = (struct wish){ .verb = verb, .align = 1 };
	if (most > LARGEST)
		most = LARGEST;
	if (!most || (verb == CMA && !places[CMA_PLACE].start))
		return false;
	wish->nr = random_size(random, most);
	if (verb == RANGE || verb == CALL_RANGE)
		make_range(wish, random, patient);
	else if (verb == CMA)
		wish->cma = wish->whole = true;
	else
		make_search(wish, random, patient);

	memcpy(words, wish->words, sizeof(words));
	if (verb == RANGE || verb == CALL_RANGE)
		snprintf(wish->words, sizeof(wish->words), "%s 0x%lx %lu%.150s", verb_names[verb],
			 wish->start, wish->nr, words);
	else
		snprintf(wish->words, sizeof(wish->words), "%s %lu%.150s", verb_names[verb],
			 wish->nr, words);
	return true;
}

/* === Judging the answer === */

/* Which error goes with a reason, and whether it is about a page. */
static const struct {
	const char *reason;
	int errors[3];
	bool page;
} refusals[] = {
	{ "BAD_REQUEST", { -EINVAL } },
	{ "NOT_PRESENT", { -EINVAL, -EBUSY } },
	{ "ZONE_BOUNDARY", { -EINVAL, -EBUSY } },
	{ "UNMOVABLE", { -EBUSY }, true },
	{ "PINNED", { -EBUSY, -ETIMEDOUT }, true },
	{ "HUGETLB", { -EBUSY, -ETIMEDOUT, -ENOMEM }, true },
	{ "LOST_RACE", { -EBUSY, -ETIMEDOUT } },
	{ "NO_MEMORY", { -ENOMEM } },
	{ "NO_CANDIDATE", { -ENOMEM } },
	{ "WOULD_BLOCK", { -EBUSY } },
	{ "TIMED_OUT", { -ETIMEDOUT } },
};

/* Nobody but the killed may hear of a signal; the plain calls give no reason. */
static const char *wrong_refusal(const struct wish *wish, const struct contig_answer *answer)
{
	bool plain = wish->verb == CALL_RANGE || wish->verb == CALL_PAGES || wish->verb == DDI;

	if (plain && (answer->error == -EBUSY || answer->error == -ENOMEM ||
		      answer->error == -EINVAL))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (strcmp(answer->reason, refusals[i].reason))
			continue;
		if (answer->error != refusals[i].errors[0] &&
		    answer->error != refusals[i].errors[1] &&
		    answer->error != refusals[i].errors[2])
			return "an error that does not go with the reason";
		if (refusals[i].page && answer->pfn == CONTIG_NO_PFN)
			return "no page is named";
		return NULL;
	}
	return "a refusal without cause";
}

static bool overlap(struct contig_span span, unsigned long start, unsigned long end)
{
	return start < span.end && span.start < end;
}

static const char *wrong_block(const struct wish *wish, unsigned long start, unsigned long nr)
{
	unsigned long end = start + nr;

	if (wish->start && (start != wish->start || nr != wish->nr))
		return "another range";
	if (nr > wish->nr || nr < (wish->least ? wish->least : wish->nr))
		return "another size";
	if (start % wish->align)
		return "not aligned";
	if (wish->boundary && start / wish->boundary != (end - 1) / wish->boundary)
		return "across a boundary";
	if (start < wish->low || (wish->high && end - 1 > wish->high))
		return "at a wrong address";
	if (!wish->cma && overlap(places[CMA_PLACE], start, end))
		return "from the CMA area";
	/* the base's engine takes any block then */
	if (wish->cma && !opt.base &&
	    (start < places[CMA_PLACE].start || end > places[CMA_PLACE].end))
		return "from outside of the CMA area";
	if (!wish->cma && !wish->movable && !wish->start &&
	    overlap(places[MOVABLE_PLACE], start, end))
		return "from ZONE_MOVABLE";
	return NULL;
}

/* NULL if nothing is. */
const char *what_is_wrong(const struct wish *wish, const struct contig_answer *answer)
{
	if (answer->error)
		return wrong_refusal(wish, answer);
	return wrong_block(wish, answer->start, answer->nr);
}
