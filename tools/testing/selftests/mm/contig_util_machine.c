// SPDX-License-Identifier: GPL-2.0
/* What the contig_* tests share: a view of physical memory, see contig_util.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contig_util.h"

#define MAX_ZONES	16

/* A file that has to be there. */
FILE *contig_fopen(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	return file;
}

/* The number behind the word @key in a file of such lines. */
unsigned long contig_number(const char *path, const char *key)
{
	FILE *file = contig_fopen(path);
	unsigned long value = 0;
	char word[64], line[256];

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %lu", word, &value) == 2 &&
		    !strcmp(word, key))
			break;
		value = 0;
	}
	fclose(file);
	return value;
}

bool contig_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, len) == len;
	close(fd);
	return ok;
}

static void zone_line(const char *line, struct contig_zone *zone)
{
	unsigned long value;

	if (sscanf(line, " pages free %lu", &value) == 1)
		zone->free += value;
	else if (sscanf(line, " min %lu", &value) == 1 ||
		 sscanf(line, " boost %lu", &value) == 1)
		zone->min += value;
	else if (sscanf(line, " spanned %lu", &value) == 1)
		zone->end = value;
	else if (sscanf(line, " present %lu", &value) == 1)
		zone->present = value;
	else if (sscanf(line, " managed %lu", &value) == 1)
		zone->managed = value;
	else if (sscanf(line, " nr_free_cma %lu", &value) == 1)
		zone->free_cma = value;
	else if (sscanf(line, " count: %lu", &value) == 1)
		zone->pcp += value;
	else if (sscanf(line, " start_pfn: %lu", &value) == 1)
		zone->start = value;
}

/* All zones that have pages; returns how many. */
int contig_zones(struct contig_zone *zones, int max)
{
	FILE *file = contig_fopen("/proc/zoneinfo");
	struct contig_zone *zone = NULL;
	char line[256], name[16];
	int nr = 0;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %*d, zone %15s", name) == 1) {
			if (nr && !zones[nr - 1].present)
				nr--;
			if (nr == max)
				break;
			zone = &zones[nr++];
			memset(zone, 0, sizeof(*zone));
			memcpy(zone->name, name, sizeof(zone->name));
		} else if (zone) {
			zone_line(line, zone);
		}
	}
	fclose(file);
	if (nr && !zones[nr - 1].present)
		nr--;
	for (int i = 0; i < nr; i++) {
		zones[i].end += zones[i].start;
		zones[i].free += zones[i].pcp;
	}
	return nr;
}

bool contig_zone(const char *name, struct contig_zone *zone)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);

	for (int i = 0; i < nr; i++) {
		if (!strcmp(zones[i].name, name)) {
			*zone = zones[i];
			return true;
		}
	}
	return false;
}

/*
 * Types of pageblocks. Isolated and CMA blocks are counted over all zones. The
 * kernel itself turns other blocks around as it needs them, but not those of
 * ZONE_MOVABLE.
 */
struct contig_blocks contig_blocks(void)
{
	FILE *file = contig_fopen("/proc/pagetypeinfo");
	struct contig_blocks blocks = {};
	unsigned long type[6];
	char line[512], name[16];
	bool table = false;

	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "Number of blocks")) {
			table = true;
			if (!strstr(line, "CMA") || !strstr(line, "Isolate"))
				ksft_exit_fail_msg("no block types CMA and Isolate\n");
		}
		if (!table || sscanf(line, "Node %*d, zone %15s %lu %lu %lu %lu %lu %lu",
				     name, &type[0], &type[1], &type[2],
				     &type[3], &type[4], &type[5]) != 7)
			continue;
		blocks.cma += type[4];
		blocks.isolated += type[5];
		if (!strcmp(name, "Movable"))
			blocks.movable += type[1];
	}
	fclose(file);
	return blocks;
}

/* Are there free pages of this order or above, other than in CMA blocks? */
bool contig_has_order(const struct contig_zone *zone, int order)
{
	FILE *file = fopen("/proc/pagetypeinfo", "r");
	char line[512], name[16], type[16];
	bool found = false;
	int at, step;

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %*d, zone %15[^,], type %15s%n", name, type,
			   &at) != 2 || strcmp(name, zone->name) ||
		    !strcmp(type, "CMA") || !strcmp(type, "Isolate"))
			continue;
		for (int i = 0; sscanf(line + at, "%15s%n", name, &step) == 1; i++) {
			found |= i >= order && strcmp(name, "0");
			at += step;
		}
	}
	if (file)
		fclose(file);
	return !file || found;
}

/* Somebody else may be at work just now, so have some patience. */
bool contig_same_blocks(const struct contig_blocks *before)
{
	struct contig_blocks now;

	for (int i = 0; i < CONTIG_TRIES; i++) {
		now = contig_blocks();
		if (!memcmp(&now, before, sizeof(now)))
			return true;
		usleep(CONTIG_TRY_USEC);
	}
	ksft_print_msg("isolated blocks %lu, were %lu; CMA %lu, %lu; movable %lu, %lu\n",
		       now.isolated, before->isolated, now.cma, before->cma,
		       now.movable, before->movable);
	return false;
}

/* Of all zones, with what is on the lists of each CPU. */
unsigned long contig_free_pages(void)
{
	struct contig_zone zones[MAX_ZONES];
	unsigned long sum = 0;
	int nr;

	/* folds the counters of each CPU */
	contig_write_file("/proc/sys/vm/stat_refresh", "1");
	nr = contig_zones(zones, MAX_ZONES);
	for (int i = 0; i < nr; i++)
		sum += zones[i].free;
	return sum;
}

/* Of all zones, on the lists of each CPU. They leave them at any time. */
unsigned long contig_pcp_pages(void)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	unsigned long sum = 0;

	for (int i = 0; i < nr; i++)
		sum += zones[i].pcp;
	return sum;
}

/* A signal takes its time, and what a process was in the middle of, too. */
static void settle(void)
{
	unsigned long before = contig_free_pages();

	for (int tries = 0, same = 0; tries < CONTIG_TRIES / 2 && same < 3; tries++) {
		unsigned long now;

		usleep(2 * CONTIG_TRY_USEC);
		now = contig_free_pages();
		same = now - before + 4 <= 8 ? same + 1 : 0;
		before = now;
	}
}

/* Stop those who keep the machine busy, or let them go on. */
void contig_quiet(bool quiet)
{
	const char *group = getenv("CONTIG_LOAD");

	if (group && atoi(group) > 1)
		kill(-atoi(group), quiet ? SIGSTOP : SIGCONT);
	if (quiet)
		settle();
}

static bool contig_read_words(const char *path, unsigned long pfn, size_t nr,
			      uint64_t *words)
{
	size_t size = nr * sizeof(*words), done = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && done < size) {
		ssize_t len = pread(fd, (char *)words + done, size - done,
				    pfn * sizeof(*words) + done);
		if (len <= 0)
			break;
		done += len;
	}
	if (fd >= 0)
		close(fd);
	return done == size;
}

/* /proc/kpageflags of @nr pages */
bool contig_flags(unsigned long pfn, size_t nr, uint64_t *flags)
{
	return contig_read_words("/proc/kpageflags", pfn, nr, flags);
}

uint64_t contig_flags_of(unsigned long pfn)
{
	uint64_t flags;

	if (!contig_flags(pfn, 1, &flags))
		ksft_exit_fail_msg("no page flags of PFN 0x%lx\n", pfn);
	return flags;
}

/* How often a page is mapped. */
unsigned long contig_count_of(unsigned long pfn)
{
	uint64_t count;

	if (!contig_read_words("/proc/kpagecount", pfn, 1, &count))
		ksft_exit_fail_msg("no count of PFN 0x%lx\n", pfn);
	return count;
}

/* The area that the command "cma" allocates from; empty if there is none. */
struct contig_span contig_cma_area(void)
{
	struct contig_span span = {};
	FILE *file = fopen("/sys/kernel/debug/cma/reserved/base_pfn", "r");
	unsigned long start = 0, count = 0;

	if (!file)
		return span;
	if (fscanf(file, "%lu", &start) != 1)
		start = 0;
	fclose(file);
	file = contig_fopen("/sys/kernel/debug/cma/reserved/count");
	if (fscanf(file, "%lu", &count) != 1)
		count = 0;
	fclose(file);
	span.start = start;
	span.end = start + count;
	return span;
}

/* What a request for a page has to say besides, as it may be one of CMA's. */
const char *contig_cma_option(unsigned long pfn)
{
	struct contig_span cma = contig_cma_area();

	return pfn >= cma.start && pfn < cma.end ? "cma" : "";
}

/* The first @nr pages of a zone, @align-ed, that the kernel did not keep at boot. */
struct contig_span contig_movable_span(const struct contig_zone *zone,
				       unsigned long nr, unsigned long align)
{
	uint64_t bad = CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE | CONTIG_PG_SLAB |
		       CONTIG_PG_TABLE;
	unsigned long start = (zone->start + align - 1) / align * align;
	unsigned long pfn = start;
	uint64_t flags[512];

	while (pfn < zone->end && pfn - start < nr) {
		size_t step = zone->end - pfn < 512 ? zone->end - pfn : 512;

		if (!contig_flags(pfn, step, flags))
			break;
		for (size_t i = 0; i < step; i++)
			if (flags[i] & bad)
				start = (pfn + i + align) / align * align;
		pfn += step;
		if (start > pfn)
			pfn = start;
	}
	if (pfn - start < nr)
		start = 0;
	return (struct contig_span){ start, start ? start + nr : 0 };
}

/*
 * Pages of a span that hold user memory only which belong to nobody: neither
 * free nor mapped nor cached. Those on per-CPU lists look like that, too, so
 * their number is taken off.
 */
long contig_nobodys_pages(struct contig_span span)
{
	uint64_t known = CONTIG_PG_BUDDY | CONTIG_PG_LRU | CONTIG_PG_ANON |
			 CONTIG_PG_MAPPED | CONTIG_PG_HUGETLB |
			 CONTIG_PG_NOPAGE | CONTIG_PG_HEAD | CONTIG_PG_TAIL |
			 CONTIG_PG_RESERVED | CONTIG_PG_SWAPBACKED |
			 CONTIG_PG_OFFLINE | CONTIG_PG_UPTODATE;
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	uint64_t flags[512];
	long lost = 0;

	for (unsigned long pfn = span.start; pfn < span.end; pfn += 512) {
		size_t step = span.end - pfn < 512 ? span.end - pfn : 512;

		if (!contig_flags(pfn, step, flags))
			ksft_exit_fail_msg("no page flags of PFN 0x%lx\n", pfn);
		for (size_t i = 0; i < step; i++)
			lost += !(flags[i] & known);
	}
	for (int i = 0; i < nr; i++)
		if (zones[i].start < span.end && span.start < zones[i].end)
			lost -= zones[i].pcp;
	return lost;
}

/*
 * Above 0: the number of pages that nobody has any more. Compaction has some that it is
 * going to move others to, and where pages are large has them for long, but not the
 * same number all the time.
 */
long contig_lost_pages(struct contig_span span)
{
	long lost = 0, before = 0;

	for (int i = 0, same = 0; i < 10 * CONTIG_TRIES && same < CONTIG_TRIES; i++) {
		lost = contig_nobodys_pages(span);
		if (lost <= 0)
			break;
		same = lost == before ? same + 1 : 0;
		before = lost;
		usleep(CONTIG_TRY_USEC);
	}
	return lost;
}

/* Pages in a pageblock. */
unsigned long contig_block_pages(void)
{
	FILE *file = contig_fopen("/proc/pagetypeinfo");
	unsigned long nr = 0;
	char line[256];

	while (!nr && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pages per block: %lu", &nr) != 1)
			nr = 0;
	fclose(file);
	if (!nr)
		ksft_exit_fail_msg("no size of a pageblock\n");
	return nr;
}

/* The next page from @pfn on with all of @flags, or 0; of each @step 256 pages count. */
static unsigned long find_page_by(unsigned long pfn, uint64_t flags,
				  unsigned long step)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	uint64_t words[256];

	for (int z = 0; z < nr; z++) {
		if (pfn < zones[z].start)
			pfn = zones[z].start;
		for (; pfn < zones[z].end; pfn += step) {
			if (!contig_flags(pfn, 256, words))
				break;
			for (size_t i = 0; i < 256; i++)
				if ((words[i] & flags) == flags)
					return pfn + i;
		}
	}
	return 0;
}

unsigned long contig_find_page(unsigned long pfn, uint64_t flags)
{
	return find_page_by(pfn, flags, 256);
}

/* Most kinds are all over the place: it takes long to look at each page. */
unsigned long contig_find_any_page(unsigned long pfn, uint64_t flags)
{
	unsigned long found = find_page_by(pfn, flags, 4096);

	return found ? found : find_page_by(pfn, flags, 256);
}

/* Of what comes in whole blocks: the first such page, or 0. */
unsigned long contig_find_block(uint64_t flags)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	unsigned long step = contig_block_pages();

	for (int z = 0; z < nr; z++) {
		unsigned long pfn = (zones[z].start + step - 1) / step * step;

		for (; pfn < zones[z].end; pfn += step)
			if ((contig_flags_of(pfn) & flags) == flags)
				return pfn;
	}
	return 0;
}

#define POOL	"/proc/sys/vm/nr_hugepages"

/* A page of hugetlb's that nobody uses, of those that are no larger than a block */
bool contig_get_huge(struct contig_huge *huge)
{
	if (!contig_write_file(POOL, "4"))
		return false;
	huge->pfn = contig_find_block(CONTIG_PG_HUGETLB | CONTIG_PG_HEAD);
	huge->options = contig_cma_option(huge->pfn);
	return huge->pfn;
}

void contig_put_huge(void)
{
	contig_write_file(POOL, "0");
}

#define GIGANTIC	"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"

/* Other pools have pages that are no larger than a block. */
static unsigned long find_gigantic(void)
{
	unsigned long nr = (1UL << 30) / psize(), pfn = nr;
	uint64_t flags;

	while (contig_flags(pfn, 1, &flags)) {
		if ((flags & CONTIG_PG_HUGETLB) &&
		    (contig_flags_of(pfn + nr / 2) & CONTIG_PG_TAIL))
			return pfn;
		pfn += nr;
	}
	return 0;
}

/* A page of 1 GiB, or 0 if none is to be had; @pool is how many there were before. */
unsigned long contig_get_gigantic(unsigned long *pool)
{
	unsigned long pfn;

	if (read_sysfs(GIGANTIC, pool) || (!*pool && write_sysfs(GIGANTIC, 1)))
		return 0;
	pfn = find_gigantic();
	if (!pfn)
		contig_put_gigantic(*pool);
	return pfn;
}

void contig_put_gigantic(unsigned long pool)
{
	write_sysfs(GIGANTIC, pool);
}
