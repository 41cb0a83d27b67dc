// SPDX-License-Identifier: GPL-2.0
/*
 * Physical pages as /proc/kpageflags, /proc/iomem, /proc/zoneinfo and
 * /proc/self/pagemap show them. All of it is read without any lock, so what is found
 * here is a good guess by the time it is used, and never more: the engine decides.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define BIT(n)		(1ULL << (n))
#define KPF_RESERVED	32	/* for kernel hackers only, so in no uapi header */
#define CHUNK		4096UL	/* pages looked at in one read */

static int flags_fd = -1, pagemap_fd = -1;
static struct pfn_range ram[MAX_RAM];
static unsigned int nr_ram;

/* === Where memory is ===================================================== */

/* Whole pages only: the firmware may end a piece of RAM within a page. */
static void add_ram(unsigned long first, unsigned long last)
{
	unsigned long start = (first + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned long end = (last + 1) >> PAGE_SHIFT;

	if (end > start && nr_ram < MAX_RAM)
		ram[nr_ram++] = (struct pfn_range){ start, end - start };
}

static int read_iomem(void)
{
	FILE *f = fopen("/proc/iomem", "r");
	unsigned long first, last;
	char line[256];

	if (!f)
		return -errno;
	nr_ram = 0;
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "System RAM") &&
		    sscanf(line, "%lx-%lx", &first, &last) == 2)
			add_ram(first, last);
	}
	fclose(f);
	return nr_ram ? 0 : -ENODATA;
}

int pages_init(void)
{
	if (flags_fd < 0)
		flags_fd = open("/proc/kpageflags", O_RDONLY);
	if (pagemap_fd < 0)
		pagemap_fd = open("/proc/self/pagemap", O_RDONLY);
	if (flags_fd < 0 || pagemap_fd < 0)
		return -errno;
	return read_iomem();
}

unsigned long pages_end(void)
{
	return ram[nr_ram - 1].start + ram[nr_ram - 1].nr;
}

bool page_is_ram(unsigned long pfn)
{
	for (unsigned int i = 0; i < nr_ram; i++) {
		if (pfn - ram[i].start < ram[i].nr)
			return true;
	}
	return false;
}

bool ram_hole(struct pfn_range *hole)
{
	for (unsigned int i = 0; i + 1 < nr_ram; i++) {
		hole->start = ram[i].start + ram[i].nr;
		hole->nr = ram[i + 1].start - hole->start;
		if (hole->nr >= 64 * PAGES_PER_MB)
			return true;
	}
	return false;
}

/* === Zones and areas ===================================================== */

static void zone_line(const char *line, struct zone *z)
{
	unsigned long n;

	if (sscanf(line, " spanned %lu", &n) == 1)
		z->span.nr = n;
	else if (sscanf(line, " managed %lu", &n) == 1)
		z->managed = n;
	else if (sscanf(line, " start_pfn: %lu", &n) == 1)
		z->span.start = n;
	else if (sscanf(line, " count: %lu", &n) == 1)
		z->pcp += n;
}

int zones_read(struct zone *zones)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	int nr = 0, node;
	char line[256], name[16];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone %15s", &node, name) == 2 && nr < MAX_ZONES) {
			zones[nr] = (struct zone){ 0 };
			memcpy(zones[nr++].name, name, sizeof(name));
		} else if (nr) {
			zone_line(line, &zones[nr - 1]);
		}
	}
	fclose(f);
	return nr;
}

bool zone_find(const char *name, struct zone *zone)
{
	struct zone zones[MAX_ZONES];
	int nr = zones_read(zones);

	while (nr--) {
		if (strcmp(zones[nr].name, name) || !zones[nr].managed)
			continue;
		*zone = zones[nr];
		return true;
	}
	return false;
}

/* The demo's command line makes one area, so the first one is the default one. */
struct pfn_range cma_range(void)
{
	struct pfn_range range = { 0, 0 };
	char path[256];
	glob_t g;

	if (glob("/sys/kernel/debug/cma/*", 0, NULL, &g))
		return range;
	snprintf(path, sizeof(path), "%s/base_pfn", g.gl_pathv[0]);
	if (!read_number(path, &range.start)) {
		snprintf(path, sizeof(path), "%s/count", g.gl_pathv[0]);
		read_number(path, &range.nr);
	}
	globfree(&g);
	return range;
}

/* === Page flags ========================================================== */

int pages_flags(unsigned long start, unsigned long nr, uint64_t *flags)
{
	ssize_t len = nr * sizeof(*flags);

	memset(flags, 0, len);
	if (pread(flags_fd, flags, len, start * sizeof(*flags)) < 0)
		return -errno;
	return 0;
}

bool flags_movable(uint64_t flags)
{
	const uint64_t never = BIT(KPF_SLAB) | BIT(KPF_PGTABLE) | BIT(KPF_OFFLINE) |
			       BIT(KPF_RESERVED) | BIT(KPF_HUGE) | BIT(KPF_HWPOISON);

	return flags & (BIT(KPF_BUDDY) | BIT(KPF_LRU)) && !(flags & never);
}

unsigned long pages_in_use(struct pfn_range range)
{
	/* A page on a per-CPU list has none of these, and is not in the buddy lists. */
	const uint64_t owned = BIT(KPF_LRU) | BIT(KPF_MMAP) | BIT(KPF_ANON) |
			       BIT(KPF_SWAPBACKED) | BIT(KPF_HUGE) | BIT(KPF_THP);
	unsigned long used = 0;
	uint64_t flags[CHUNK];

	while (range.nr) {
		unsigned long nr = range.nr < CHUNK ? range.nr : CHUNK;

		if (pages_flags(range.start, nr, flags))
			break;
		for (unsigned long i = 0; i < nr; i++)
			used += !!(flags[i] & owned);
		range.start += nr;
		range.nr -= nr;
	}
	return used;
}

/* Free, on a list, mapped by somebody, or in use as something: then it is not ours. */
void check_claimed(struct row *row, struct pfn_range range)
{
	const uint64_t foreign = BIT(KPF_BUDDY) | BIT(KPF_LRU) | BIT(KPF_MMAP) | BIT(KPF_ANON) |
				 BIT(KPF_SLAB) | BIT(KPF_PGTABLE) | BIT(KPF_RESERVED);
	uint64_t flags;

	for (unsigned long i = 0; i < range.nr; i++) {
		if (pages_flags(range.start + i, 1, &flags) || flags & foreign) {
			row_wrong(row, "page 0x%lx is not ours: flags 0x%llx",
				  range.start + i, (unsigned long long)flags);
			return;
		}
	}
}

/* === Ranges that answer a wish =========================================== */

/*
 * The first range of @nr pages in @in in which every page can move and at least
 * @used_percent of them are in use. @skip pages at its start are left out, so that
 * it does not begin where a pageblock does.
 */
bool find_movable(struct pfn_range in, unsigned long nr, unsigned int used_percent,
		  unsigned long skip, unsigned long *start)
{
	unsigned long run = 0;
	uint64_t flags[BLOCK_PAGES];

	for (unsigned long pfn = in.start & ~(BLOCK_PAGES - 1);
	     pfn + BLOCK_PAGES <= in.start + in.nr; pfn += BLOCK_PAGES) {
		bool good = pfn >= in.start && !pages_flags(pfn, BLOCK_PAGES, flags);

		for (unsigned long i = 0; good && i < BLOCK_PAGES; i++)
			good = flags_movable(flags[i]);
		run = good ? run + BLOCK_PAGES : 0;
		if (run < nr + skip)
			continue;
		*start = pfn + BLOCK_PAGES - run + skip;
		if (pages_in_use((struct pfn_range){ *start, nr }) * 100 >= nr * used_percent)
			return true;
		run -= BLOCK_PAGES;
	}
	return false;
}

/* @pfn and the movable pages on both sides of it, no more than @reach on each. */
struct pfn_range grow_movable(unsigned long pfn, unsigned long reach)
{
	unsigned long start = pfn, end = pfn + 1;
	uint64_t flags;

	while (start && pfn - start < reach && page_is_ram(start - 1) &&
	       !pages_flags(start - 1, 1, &flags) && flags_movable(flags))
		start--;
	while (end - pfn <= reach && page_is_ram(end) &&
	       !pages_flags(end, 1, &flags) && flags_movable(flags))
		end++;
	return (struct pfn_range){ start, end - start };
}

/* The first page at or behind @from that has flag @bit. */
bool find_flag(unsigned int bit, unsigned long from, unsigned long *pfn)
{
	uint64_t flags[CHUNK];

	for (; from < pages_end(); from += CHUNK) {
		if (pages_flags(from, CHUNK, flags))
			return false;
		for (unsigned long i = 0; i < CHUNK; i++) {
			*pfn = from + i;
			if (flags[i] & BIT(bit) && page_is_ram(*pfn))
				return true;
		}
	}
	return false;
}

/* === Our own memory ====================================================== */

unsigned long virt_to_pfn(const void *p)
{
	const uint64_t present = BIT(63), pfn_mask = BIT(55) - 1;
	uint64_t entry;

	if (pread(pagemap_fd, &entry, sizeof(entry),
		  ((uintptr_t)p >> PAGE_SHIFT) * sizeof(entry)) != sizeof(entry))
		return 0;
	return entry & present ? entry & pfn_mask : 0;
}

/* The physical range behind @nr mapped pages at @p; false if it is not contiguous. */
bool virt_range(const void *p, unsigned long nr, struct pfn_range *range)
{
	range->start = virt_to_pfn(p);
	range->nr = nr;
	if (!range->start)
		return false;
	for (unsigned long i = 1; i < nr; i++) {
		if (virt_to_pfn((const char *)p + i * PAGE_SIZE) != range->start + i)
			return false;
	}
	return true;
}
