// SPDX-License-Identifier: GPL-2.0
/*
 * A map of physical memory: one character per pageblock, for what most of its pages
 * are, from /proc/kpageflags and /proc/kpagecount. What the flags do not tell, namely
 * which pages the engine handed out and which ones are pinned, the demo marks itself.
 */
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define BIT(n)		(1ULL << (n))
#define KPF_RESERVED	32
#define COLUMNS		32		/* blocks in a row: 64 MB */
#define MAX_MARKS	64
#define ABSENT		' '

struct map {
	unsigned long blocks;
	char cell[];
};

/* In the order of the legend; the first ones win a tie. */
enum kind { ANON, FILE_CACHE, THP, HUGETLB, KERNEL, RESERVED, OFFLINE, FREE, KINDS };

static const char kind_char[KINDS] = {
	[ANON] = 'a', [FILE_CACHE] = 'f', [THP] = 'T', [HUGETLB] = 'H', [KERNEL] = 'k',
	[RESERVED] = 'r', [OFFLINE] = 'x', [FREE] = '.',
};

static struct {
	struct pfn_range range;
	char mark;
} marks[MAX_MARKS];
static unsigned int nr_marks;

void map_mark(struct pfn_range range, char mark)
{
	if (!range.nr || nr_marks == MAX_MARKS)
		return;
	marks[nr_marks].range = range;
	marks[nr_marks++].mark = mark;
}

void map_unmark(struct pfn_range range)
{
	for (unsigned int i = 0; i < nr_marks; i++) {
		if (marks[i].range.start == range.start && marks[i].range.nr == range.nr)
			marks[i].range.nr = 0;
	}
}

/* @mapped is what kpagecount says: pages on no LRU list can still be a user's. */
static enum kind page_kind(uint64_t flags, uint64_t mapped)
{
	if (flags & BIT(KPF_BUDDY))
		return FREE;
	if (flags & BIT(KPF_OFFLINE))
		return OFFLINE;
	if (flags & BIT(KPF_HUGE))
		return HUGETLB;
	if (flags & BIT(KPF_RESERVED))
		return RESERVED;
	if (flags & (BIT(KPF_SLAB) | BIT(KPF_PGTABLE)))
		return KERNEL;
	if (flags & BIT(KPF_ANON))
		return flags & BIT(KPF_THP) ? THP : ANON;
	return flags & BIT(KPF_LRU) || mapped ? FILE_CACHE : KERNEL;
}

static bool overlaps(struct pfn_range a, struct pfn_range b)
{
	return a.nr && b.nr && a.start < b.start + b.nr && b.start < a.start + a.nr;
}

static char marked(struct pfn_range block)
{
	for (unsigned int i = 0; i < nr_marks; i++) {
		if (overlaps(marks[i].range, block))
			return marks[i].mark;
	}
	return 0;
}

/* A block of CMA is a 'c' for as long as most of it is free, and a 'C' behind that. */
static char cma_char(enum kind most)
{
	return most == FREE ? 'c' : 'C';
}

static char block_char(unsigned long pfn, const uint64_t *flags, const uint64_t *counts,
		       struct pfn_range cma)
{
	const struct pfn_range block = { pfn, BLOCK_PAGES };
	unsigned int count[KINDS] = { 0 };
	enum kind most = 0;
	char mark = marked(block);

	if (mark)
		return mark;
	for (unsigned int i = 0; i < BLOCK_PAGES; i++)
		count[page_kind(flags[i], counts[i])]++;
	for (enum kind k = 0; k < KINDS; k++) {
		if (count[k] > count[most])
			most = k;
	}
	return overlaps(block, cma) ? cma_char(most) : kind_char[most];
}

static bool block_present(unsigned long pfn)
{
	return page_is_ram(pfn) || page_is_ram(pfn + BLOCK_PAGES - 1);
}

struct map *map_take(void)
{
	uint64_t flags[BLOCK_PAGES], counts[BLOCK_PAGES] = { 0 };
	struct pfn_range cma = cma_range();
	unsigned long blocks;
	struct map *map;
	int fd;

	if (pages_init())
		return NULL;
	blocks = (pages_end() + BLOCK_PAGES - 1) / BLOCK_PAGES;
	map = malloc(sizeof(*map) + blocks);
	fd = open("/proc/kpagecount", O_RDONLY);
	if (!map || fd < 0)
		return NULL;
	map->blocks = blocks;
	for (unsigned long b = 0; b < blocks; b++) {
		unsigned long pfn = b * BLOCK_PAGES;

		map->cell[b] = ABSENT;
		if (!block_present(pfn) || pages_flags(pfn, BLOCK_PAGES, flags) ||
		    pread(fd, counts, sizeof(counts), pfn * sizeof(*counts)) < 0)
			continue;
		map->cell[b] = block_char(pfn, flags, counts, cma);
	}
	close(fd);
	return map;
}

/* === Print =============================================================== */

static void get_row(const struct map *map, unsigned long block, char *text)
{
	memset(text, ABSENT, COLUMNS);
	text[COLUMNS] = '\0';
	for (unsigned long i = 0; i < COLUMNS && block + i < map->blocks; i++)
		text[i] = map->cell[block + i];
}

static bool row_empty(const struct map *map, unsigned long block)
{
	char text[COLUMNS + 1];

	get_row(map, block, text);
	return strspn(text, " ") == COLUMNS;
}

static void print_legend(void)
{
	printf("One character is a pageblock of 2 MB, for what most of its pages are; a row is 64 MB.\n"
	       "  .  free            a  anonymous        T  huge page       f  file cache\n"
	       "  c  CMA, free       C  CMA, in use      k  kernel, per-CPU r  reserved\n"
	       "  H  1 GB hugetlb    #  handed out       P  a pinned page   x  unplugged\n");
}

void map_print(const struct map *before, const struct map *after)
{
	unsigned long blocks = before->blocks > after->blocks ? before->blocks : after->blocks;
	char left[COLUMNS + 1], right[COLUMNS + 1];
	bool hole = false;

	printf("\n%-11s %-32s   %s\n", "PFN", "before, loaded", "after, the requests still held");
	for (unsigned long b = 0; b < blocks; b += COLUMNS) {
		if (row_empty(before, b) && row_empty(after, b)) {
			if (!hole)
				printf("%11s (no memory)\n", "");
			hole = true;
			continue;
		}
		hole = false;
		get_row(before, b, left);
		get_row(after, b, right);
		printf("0x%08lx |%s| |%s|\n", b * BLOCK_PAGES, left, right);
	}
	print_legend();
}
