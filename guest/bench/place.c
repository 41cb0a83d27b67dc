// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: where there is little room, or little that fits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define GIGANTIC_POOL	"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#define NEVER		(~0UL)

/* In the way of this scenario's pages, but for those in [from, to). */
static bool spoil(unsigned long step, unsigned long offset, unsigned long from,
		  unsigned long to)
{
	const char *measured = engine;
	bool good = use("contig") && ask("spoil %lu %lu %lu %lu", step, offset,
					 from, to).good;

	return use(measured) && good;
}

static bool unspoil(void)
{
	const char *measured = engine;
	bool good = use("contig") && ask("unspoil").good;

	return use(measured) && good;
}

/* So large a step that there is one such page. */
static bool spoil_one(unsigned long pfn)
{
	return spoil(1UL << 30, pfn, 0, 0);
}

/* Most of the machine: @percent of what is free. */
static char *map_most(unsigned long percent, unsigned long *nr_pages)
{
	*nr_pages = number_in("/proc/meminfo", "MemFree:") / 4 * percent / 100;
	return map_pages(*nr_pages);
}

/* === The window with the least to move === */

/* Of each stretch of 64 MB another share, from two to eight eighths, stays. */
static void thin_out(char *base, unsigned long nr_pages)
{
	for (unsigned long i = 0; i + RANGE <= nr_pages; i += RANGE)
		for (unsigned long block = i; block < i + RANGE; block += BLOCK)
			madvise(base + block * PAGE,
				(i / RANGE * 5 % 7) * (BLOCK / 8) * PAGE,
				MADV_DONTNEED);
}

#define IN_USE		((1ULL << 5) | (1ULL << 12))	/* LRU, ANON */
#define FREE		(1ULL << 10)

/* Pages in use in the 64 MB from @pfn on; NEVER if one of them is the kernel's. */
static unsigned long count_in_use(int fd, unsigned long pfn)
{
	static uint64_t flags[RANGE];
	unsigned long in_use = 0;

	if (pread(fd, flags, sizeof(flags), pfn * sizeof(*flags)) != sizeof(flags))
		return NEVER;
	for (unsigned long i = 0; i < RANGE; i++) {
		in_use += !!(flags[i] & IN_USE);
		if (!(flags[i] & (IN_USE | FREE)))
			return NEVER;
	}
	return in_use;
}

/* The zone above 4 GB, which is searched to the end before the one below. */
#define FIRST_PAGE	(4UL << 18)
#define ALL_PAGES	(13UL << 18)	/* of 12 GB, with the hole */
#define LEAST		(RANGE / 16)

/*
 * The fewest that any window of 64 MB would have to give up; with @close_gaps those
 * that give up hardly any are spoilt.
 */
static unsigned long fewest_in_use(bool close_gaps)
{
	int fd = open("/proc/kpageflags", O_RDONLY);
	unsigned long fewest = NEVER;

	for (unsigned long pfn = FIRST_PAGE; fd >= 0 && pfn < ALL_PAGES;
	     pfn += RANGE) {
		unsigned long in_use = count_in_use(fd, pfn);

		if (close_gaps && in_use < LEAST && spoil_one(pfn + RANGE / 2))
			continue;
		if (in_use < fewest)
			fewest = in_use;
	}
	if (fd >= 0)
		close(fd);
	return fewest;
}

static char *crowd(void)
{
	static char *most;
	unsigned long nr_pages;

	if (most)
		return most;
	if (!spoil(2 * RANGE, RANGE / 2 + 100, 0, 0))
		return NULL;
	most = map_most(95, &nr_pages);
	if (!most)
		return NULL;
	touch(most, nr_pages);
	thin_out(most, nr_pages);
	return fewest_in_use(true) == NEVER ? NULL : most;
}

/* Every second window has a page of the kernel in the middle. */
bool run_windows(void)
{
	unsigned long fewest;
	struct answer answer;
	long moved;

	if (!crowd())
		return false;
	fewest = fewest_in_use(false);
	moved = pages_migrated();
	answer = ask("pages %lu", RANGE);
	moved = pages_migrated() - moved;
	printf("# windows: %s moved %ld pages, the fewest possible were %lu\n",
	       engine, moved, fewest);
	sample("windows-met", answer.good ? 100 : 0);
	sample("windows-moved", moved);
	sample("windows-beyond", answer.good && (unsigned long)moved > fewest ?
				 moved - fewest : 0);
	sample("windows", answer.nsec);
	/* What was emptied now shall not be a present to the next one. */
	return !answer.good ||
	       (ask("free").good && spoil_one(answer.start + RANGE / 2));
}

/* === One window, at an odd place === */

#define ODD_PAGES	5000UL

/* A page of the kernel each 16 MB, but for 5,000 pages and a few. */
bool run_odd(void)
{
	unsigned long from = window + 1234, to = from + ODD_PAGES + 8;
	struct answer answer;

	if (!spoil(4096, 0, from, to) || !spoil_one(from - 1) || !spoil_one(to))
		return false;
	answer = ask("pages %lu", ODD_PAGES);
	sample("odd", answer.good ? 100 : 0);
	return (!answer.good || ask("free").good) && unspoil();
}

/* Every window has a page of the kernel in the middle: look everywhere, find none. */
bool run_in_vain(void)
{
	struct answer answer;

	if (!spoil(RANGE, RANGE / 2, 0, 0))
		return false;
	answer = ask("pages %lu", RANGE);
	return !answer.good && unspoil();
}

/* === From a timer interrupt, on a machine that is 90 % full === */

/* Free pieces of up to 4 MB, until a tenth of the machine is free. */
static bool leave_pieces(void)
{
	static char *most;
	unsigned long nr_pages;
	unsigned int seed = 1;

	if (most)
		return true;
	most = map_most(95, &nr_pages);
	if (!most)
		return false;
	touch(most, nr_pages);
	while (number_in("/proc/meminfo", "MemFree:") <
	       number_in("/proc/meminfo", "MemTotal:") / 10) {
		unsigned long piece = 1 + rand_r(&seed) % 1024;

		madvise(most + rand_r(&seed) % (nr_pages - piece) * PAGE,
			piece * PAGE, MADV_DONTNEED);
	}
	return true;
}

bool run_nosleep(void)
{
	struct answer answer;

	if (!leave_pieces())
		return false;
	answer = ask("nosleep 256 65536 4194304");
	printf("# nosleep: %s got %lu blocks, %lu more would have fitted\n", engine,
	       answer.nr_pages, answer.result);
	if (!answer.good || answer.nr_pages + answer.result == 0)
		return false;
	sample("nosleep-met", 100 * answer.nr_pages /
			      (answer.nr_pages + answer.result));
	sample("nosleep", answer.nsec);
	return true;
}

/* === Twelve gigantic pages === */

static char *scatter(void)
{
	static char *most;
	unsigned long nr_pages;

	if (most)
		return most;
	most = map_most(95, &nr_pages);
	if (!most)
		return NULL;
	touch(most, nr_pages);
	/* Seven pages of eight, in pieces of seven: what stays is everywhere. */
	for (unsigned long page = 0; page + 8 <= nr_pages; page += 8)
		madvise(most + page * PAGE, 7 * PAGE, MADV_DONTNEED);
	return most;
}

bool run_dozen(void)
{
	double began;
	long got;

	if (!scatter())
		return false;
	began = seconds();
	if (!put(GIGANTIC_POOL, "12"))
		return false;
	began = seconds() - began;
	got = number_in(GIGANTIC_POOL, "");
	sample("dozen-got", got);
	if (got > 0)
		sample("dozen", (long)(began * 1e9) / got);
	return put(GIGANTIC_POOL, "0") && got > 0;
}
