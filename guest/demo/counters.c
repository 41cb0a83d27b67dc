// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be back when every request has been given back. The load is stopped while
 * this is read, but the machine still lives: its free memory is not the same from one
 * moment to the next. So three kinds of figures are compared, each as sharply as it is
 * honest:
 *
 *   - what no bystander can change has to be the same: total memory, the size of CMA,
 *     gigantic pages, pageblocks of CMA and of ZONE_MOVABLE, isolated blocks;
 *   - a counter is held against the pages themselves, at both times: free pages, and
 *     free pages of CMA, against the free pages that /proc/kpageflags shows;
 *   - every page has to have an owner: what is neither free nor in one of the counters
 *     of users may only differ by what the kernel itself takes and gives.
 */
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define MAX_TYPES	8
#define COUNT_SLACK	64	/* pages freed or taken between two looks */
#define KERNEL_SLACK	512	/* pages without a counter of their own: 2 MB */
#define BLOCK_SLACK	16	/* pageblocks that change type as the kernel's memory grows */
#define SETTLE_TRIES	20	/* reclaim and compaction come to rest before that */

struct zone_types {
	char name[16];
	unsigned long blocks[MAX_TYPES];
};

struct counters {
	unsigned long total, cma_total, gigantic, isolated_lru;
	unsigned long free, free_cma, seen_free, seen_free_cma, ownerless;
	struct zone_types zones[MAX_ZONES];
	unsigned int nr_zones;
};

static char type_name[MAX_TYPES][16];
static unsigned int nr_types;
static int wrong;

/* === Read ================================================================ */

static void read_type_names(char *line)
{
	char *save, *word = strtok_r(line + strlen("Number of blocks type"), " \n", &save);

	for (nr_types = 0; word && nr_types < MAX_TYPES; word = strtok_r(NULL, " \n", &save))
		snprintf(type_name[nr_types++], sizeof(type_name[0]), "%s", word);
}

static void read_zone_types(struct counters *c, const char *line)
{
	struct zone_types *z = &c->zones[c->nr_zones];
	int node, used;

	if (c->nr_zones == MAX_ZONES ||
	    sscanf(line, "Node %d, zone %15s%n", &node, z->name, &used) != 2)
		return;
	c->nr_zones++;
	for (unsigned int t = 0; t < nr_types; t++) {
		char *end;

		z->blocks[t] = strtoul(line + used, &end, 10);
		used = end - line;
	}
}

static void read_pageblocks(struct counters *c)
{
	FILE *f = fopen("/proc/pagetypeinfo", "r");
	bool blocks = false;
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Number of blocks type", 21)) {
			read_type_names(line);
			blocks = true;
		} else if (blocks) {
			read_zone_types(c, line);
		}
	}
	fclose(f);
}

static unsigned long count_free(unsigned long start, unsigned long end)
{
	uint64_t flags[BLOCK_PAGES];
	unsigned long nr = 0;

	for (; start < end; start += BLOCK_PAGES) {
		if (pages_flags(start, BLOCK_PAGES, flags))
			break;
		for (unsigned int i = 0; i < BLOCK_PAGES; i++)
			nr += flags[i] >> KPF_BUDDY & 1;
	}
	return nr;
}

static unsigned long per_cpu_pages(void)
{
	struct zone zones[MAX_ZONES];
	unsigned long nr = 0;

	for (int i = zones_read(zones) - 1; i >= 0; i--)
		nr += zones[i].pcp;
	return nr;
}

static unsigned long owned_pages(void)
{
	return meminfo("AnonPages") + meminfo("Cached") + meminfo("Buffers") +
	       meminfo("Slab") + meminfo("PageTables") + meminfo("SecPageTables") +
	       meminfo("KernelStack") + meminfo("Percpu") + meminfo("Hugetlb");
}

static unsigned long distance(unsigned long a, unsigned long b)
{
	return a > b ? a - b : b - a;
}

static void read_free(struct counters *c)
{
	struct pfn_range cma = cma_range();

	write_file("/proc/sys/vm/stat_refresh", "1");
	c->free = vmstat("nr_free_pages");
	c->free_cma = vmstat("nr_free_cma");
	c->seen_free = count_free(0, pages_end());
	c->seen_free_cma = count_free(cma.start, cma.start + cma.nr);
}

/*
 * The kernel's own threads may still be at work on what the load has left behind. A
 * counter says nothing about pages that are looked at a moment later, so look again
 * until it has not changed meanwhile.
 */
static void read_free_settled(struct counters *c)
{
	for (int i = 0; i < SETTLE_TRIES; i++) {
		read_free(c);
		write_file("/proc/sys/vm/stat_refresh", "1");
		if (distance(vmstat("nr_free_pages"), c->free) < COUNT_SLACK / 2)
			return;
		sleep_ms(250);
	}
}

struct counters *counters_take(void)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (!c || pages_init())
		return NULL;
	read_free_settled(c);
	read_pageblocks(c);
	c->total = meminfo("MemTotal");
	c->cma_total = meminfo("CmaTotal");
	c->ownerless = c->total - vmstat("nr_free_pages") - per_cpu_pages() - owned_pages();
	c->isolated_lru = vmstat("nr_isolated_anon") + vmstat("nr_isolated_file");
	read_number("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", &c->gigantic);
	return c;
}

/* === Compare ============================================================= */

static void compare(const char *name, unsigned long before, unsigned long after,
		    unsigned long slack)
{
	bool ok = distance(before, after) <= slack;

	printf("  %-42s %10lu %10lu  %s", name, before, after, ok ? "ok" : "WRONG");
	if (slack)
		printf(" (may differ by %lu)", slack);
	putchar('\n');
	wrong += !ok;
}

static bool type_is(unsigned int t, const char *name)
{
	return !strcmp(type_name[t], name);
}

/*
 * In a zone that all may use, the kernel turns blocks to its own use when it needs more
 * memory and to movable when it needs less; nobody does that to CMA, to ZONE_MOVABLE, or
 * to the mark of an isolated block.
 */
static void compare_zone(const struct zone_types *before, const struct zone_types *after)
{
	bool movable = !strcmp(before->name, "Movable");

	for (unsigned int t = 0; t < nr_types; t++) {
		bool exact = movable || type_is(t, "CMA") || type_is(t, "Isolate");
		char name[160];

		if (!before->blocks[t] && !after->blocks[t] && !type_is(t, "Isolate"))
			continue;
		snprintf(name, sizeof(name), "pageblocks %s %s", before->name, type_name[t]);
		compare(name, before->blocks[t], after->blocks[t], exact ? 0 : BLOCK_SLACK);
	}
}

/* Counter against pages: the counter may not drift, neither before nor after. */
static void compare_drift(const char *name, unsigned long counter, unsigned long pages)
{
	compare(name, counter, pages, COUNT_SLACK);
}

int counters_compare(const struct counters *before, const struct counters *after)
{
	wrong = 0;
	printf("\n  %-42s %10s %10s\n", "counter", "before", "after");
	compare("pages of memory", before->total, after->total, 0);
	compare("pages of CMA", before->cma_total, after->cma_total, 0);
	compare("1 GB hugetlb pages", before->gigantic, after->gigantic, 0);
	compare("pages isolated from LRU lists", before->isolated_lru, after->isolated_lru, 0);
	if (before->nr_zones != after->nr_zones || !before->nr_zones)
		compare("zones", before->nr_zones, after->nr_zones, 0);
	for (unsigned int z = 0; z < before->nr_zones && z < after->nr_zones; z++)
		compare_zone(&before->zones[z], &after->zones[z]);
	compare("pages that no counter owns", before->ownerless, after->ownerless, KERNEL_SLACK);
	wrong += !before->nr_zones;

	printf("\n  %-42s %10s %10s\n", "counter against the pages themselves", "counter", "pages");
	compare_drift("free, before", before->free, before->seen_free);
	compare_drift("free, after", after->free, after->seen_free);
	compare_drift("free in CMA, before", before->free_cma, before->seen_free_cma);
	compare_drift("free in CMA, after", after->free_cma, after->seen_free_cma);
	return wrong;
}
