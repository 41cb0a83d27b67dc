// SPDX-License-Identifier: GPL-2.0
/*
 * A 1 GB hugetlb page on a machine that runs: the administrator's write to nr_hugepages.
 * The page is mapped and used to its last byte.
 *
 * Room for it: vm.movable_gigantic_pages lets it come from ZONE_MOVABLE, and only there
 * can a whole, aligned GB be free of the kernel's own memory. See demo.sh for the memory
 * layout that has such a GB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../pattern.h"
#include "demo.h"

#define POOL		"/sys/kernel/mm/hugepages/hugepages-1048576kB/"
#define PAGES		(GB >> PAGE_SHIFT)
#define OWNER		0x1e9U
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB	(30U << 26)
#endif

static char *mapping = MAP_FAILED;
static struct row *row;

static void check_place(void)
{
	struct pfn_range range;

	if (!virt_range(mapping, PAGES, &range) || range.start % PAGES) {
		row_wrong(row, "no aligned GB of memory behind the mapping");
		return;
	}
	if (row->engine && !trace_covers(range))
		row_wrong(row, "no engine event for the page at 0x%lx", range.start);
	row->start = range.start;
	row->nr = range.nr;
}

static void write_content(void)
{
	for (size_t i = 0; i < PAGES; i++)
		pattern_fill(mapping + i * PAGE_SIZE, OWNER, i, 1);
	note("1 GB written");
}

static void check_content(void)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (pattern_check(mapping + i * PAGE_SIZE, OWNER, i, 1) >= 0)
			row_wrong(row, "page %zu does not hold what was written", i);
	}
}

static void use_page(void)
{
	mapping = mmap(NULL, GB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		       MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	if (mapping == MAP_FAILED) {
		row_wrong(row, "mmap: %s", strerror(errno));
		return;
	}
	if (mapping[0] || mapping[GB / 2] || mapping[GB - 1])
		row_wrong(row, "the page is not zero when it is handed out");
	write_content();
	check_place();
}

void gigantic_request(void)
{
	unsigned long nr = 0;

	row = row_new("hugetlb", "nr_hugepages 1 of 1 GB");
	note("asking for it; most of a GB of other people's pages has to move");
	write_file("/proc/sys/vm/movable_gigantic_pages", "1");
	trace_begin();
	row->error = write_file(POOL "nr_hugepages", "1");
	read_number(POOL "nr_hugepages", &nr);
	if (!row->error && nr != 1)
		row->error = -ENOMEM;	/* the write succeeds even if there is no page */
	trace_end(row);
	if (row->error)
		row_wrong(row, "the pool has %lu pages, 1 was asked for", nr);
	else
		use_page();
	row_done(row);
}

/* What was written is still there after all that came between. */
void gigantic_release(void)
{
	if (mapping != MAP_FAILED) {
		check_content();
		munmap(mapping, GB);
	}
	mapping = MAP_FAILED;
	write_file(POOL "nr_hugepages", "0");
}
