// SPDX-License-Identifier: GPL-2.0
/*
 * The debugfs trigger: the one client that can name the pages it wants. It asks for
 * ranges full of other people's pages, with both ends within a pageblock, in memory
 * that is only for movable pages, in memory that is for all, and in the CMA area; for a
 * block that has to lie in certain places, and for what would become of a request.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define TRIGGER		"/sys/kernel/debug/contig/trigger"
#define USED_PERCENT	40	/* of a range that is worth asking for */

static int trigger_fd = -1;

int trigger_open(void)
{
	trigger_fd = open(TRIGGER, O_RDWR | O_CLOEXEC);	/* not for the load to hold */
	return trigger_fd < 0 ? -errno : 0;
}

void trigger_close(void)
{
	if (trigger_fd >= 0)
		close(trigger_fd);
	trigger_fd = -1;
}

/* === One command ========================================================= */

/* The value of "KEY=" in the result line, as text that ends at a blank. */
static const char *value_of(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p ? p + strlen(key) : "";
}

static void parse_result(struct row *row, const char *line)
{
	const char *pfn = value_of(line, " pfn=");

	row->engine = true;
	row->reason[0] = '\0';
	row->moved = strtoul(value_of(line, " moved="), NULL, 0);
	row->usecs = strtoul(value_of(line, " nsec="), NULL, 0) / 1000;
	if (strtol(value_of(line, "error="), NULL, 10) != row->error)
		row_wrong(row, "write() and result line disagree: %s", line);
	if (!row->error) {
		row->start = strtoul(value_of(line, " start="), NULL, 0);
		row->nr = strtoul(value_of(line, " nr="), NULL, 0);
		return;
	}
	sscanf(value_of(line, " reason="), "%23[A-Z_]", row->reason);
	row->has_pfn = !strncmp(pfn, "0x", 2);
	row->pfn = strtoul(pfn, NULL, 0);
}

static int run_command(const char *command, char *line, size_t size)
{
	ssize_t len;
	int err = 0;

	if (write(trigger_fd, command, strlen(command)) < 0)
		err = -errno;
	len = pread(trigger_fd, line, size - 1, 0);
	line[len > 0 ? len : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return err;
}

void trigger(struct row *row, const char *format, ...)
{
	char command[128], line[256];
	va_list args;

	if (trigger_fd < 0) {
		row->error = -ENOENT;
		row_wrong(row, "trigger missing: no %s", TRIGGER);
		return;
	}
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	row->error = run_command(command, line, sizeof(line));
	parse_result(row, line);
}

/* === The requests ======================================================== */

static void expect_success(struct row *row, unsigned long nr)
{
	const struct pfn_range range = { row->start, nr };

	if (row->error) {
		row_wrong(row, "should have been met");
	} else if (row->nr != nr) {
		row_wrong(row, "%lu pages asked for, %lu handed out", nr, row->nr);
	} else {
		check_claimed(row, range);
		map_mark(range, '#');
	}
	row_done(row);
}

/* Exactly [start, start + nr), most of which is somebody's as far as can be seen. */
static bool try_range(struct row *row, const char *where, struct pfn_range in,
		      unsigned long nr, unsigned long skip, const char *options)
{
	unsigned long start, used;

	if (!find_movable(in, nr, USED_PERCENT, skip, &start)) {
		row->error = -ENOENT;
		row_wrong(row, "no such range full of movable pages to ask for");
		return false;
	}
	used = pages_in_use((struct pfn_range){ start, nr });
	note("%lu pages from 0x%lx, %lu of them in use (%s)", nr, start, used, where);
	trigger(row, "range 0x%lx %lu %s", start, nr, options);
	if (!row->error && row->start != start)
		row_wrong(row, "asked for 0x%lx, got 0x%lx", start, row->start);
	return !row->error;
}

/* Clean page cache makes room without being moved. */
static unsigned long pages_dropped(void)
{
	static char stats[4096];
	const char *line;

	if (read_file("/sys/kernel/debug/contig/stats", stats, sizeof(stats)))
		return 0;
	line = strstr(stats, "pages_dropped ");
	return line ? strtoul(line + strlen("pages_dropped "), NULL, 10) : 0;
}

#define TRIES	3

/* If nothing had to go, their owner ended just then: take another range. */
static struct row *exact_range(const char *where, struct pfn_range in, unsigned long nr,
			       unsigned long skip, const char *options)
{
	struct row *row = row_new("trigger", "%lu pages %s", nr, where);
	unsigned long start, dropped = pages_dropped();
	bool gone;

	for (int tries = 1; ; tries++) {
		if (!try_range(row, where, in, nr, skip, options))
			return row;
		gone = row->moved || pages_dropped() > dropped;
		if (gone || tries == TRIES)
			break;
		start = row->start;
		trigger(row, "free 0x%lx %lu", start, nr);
		in.nr -= start + nr - in.start;
		in.start = start + nr;
	}
	if (!gone)
		row_wrong(row, "%d times most pages were in use and none had to go", TRIES);
	expect_success(row, nr);
	return row;
}

/* Search from @percent of the zone on; what is for CMA only is not for this request. */
static struct row *exact_in_zone(const char *name, unsigned int percent, unsigned long nr,
				 unsigned long skip)
{
	struct zone zone = { .name = "" };
	struct pfn_range in, cma = cma_range();

	zone_find(name, &zone);
	in.start = zone.span.start + zone.span.nr / 100 * percent;
	in.nr = zone.span.start + zone.span.nr - in.start;
	if (cma.nr && cma.start > in.start && cma.start < in.start + in.nr)
		in.nr = cma.start - in.start;
	return exact_range(name, in, nr, skip, "");
}

/*
 * Give a range back in two parts that do not end where a pageblock does. The load may
 * take some of it at once, but most of it must be free a moment later.
 */
static void free_range(unsigned long start, unsigned long nr)
{
	struct row *row = row_new("trigger", "free %lu pages, in two", nr);
	const struct pfn_range range = { start, nr };
	unsigned long part = nr / 3;

	trigger(row, "free 0x%lx %lu", start + part, nr - part);
	if (!row->error)
		trigger(row, "free 0x%lx %lu", start, part);
	row->start = start;
	row->nr = nr;
	row->engine = false;		/* times of a free are not reported */
	if (row->error)
		row_wrong(row, "should have been taken back");
	else if (pages_in_use(range) > nr / 2)
		row_wrong(row, "%lu pages are still in use", pages_in_use(range));
	map_unmark(range);
	row_done(row);
}

static void any_pages(unsigned long nr)
{
	struct row *row = row_new("trigger", "any %lu pages", nr);

	trigger(row, "pages %lu", nr);
	expect_success(row, nr);
}

/* What a device asks for that has 32 address lines and counts in 24 bits. */
static void placed_block(void)
{
	struct row *row = row_new("trigger", "4 MB <4G, 64K, within 16M");
	unsigned long first, last;

	trigger(row, "alloc %lu align=0x%lx boundary=0x%lx high=0x%lx",
		4 * PAGES_PER_MB, 64 * 1024UL, 16 * MB, 4 * GB - 1);
	first = row->start * PAGE_SIZE;
	last = first + 4 * MB - 1;
	if (!row->error && (first % (64 * 1024) || last >= 4 * GB ||
			    first / (16 * MB) != last / (16 * MB)))
		row_wrong(row, "0x%lx to 0x%lx is not what was asked for", first, last);
	expect_success(row, 4 * PAGES_PER_MB);
}

/* Could it be had, and what would have to move? Nobody has anything afterwards. */
static void query(unsigned long nr)
{
	struct row *row = row_new("trigger", "query: %lu pages <4G", nr);
	unsigned long got;

	trigger(row, "query %lu high=0x%lx", nr, 4 * GB - 1);
	got = row->nr;
	row->nr = 0;			/* no range */
	if (row->error)
		row_wrong(row, "should be there for the asking");
	else if (got != nr || row->moved > nr)
		row_wrong(row, "%lu pages would come, %lu of %lu would move", got,
			  row->moved, nr);
	row_done(row);
}

/*
 * The first range lies in the GB that is meant for the 1 GB page, see demo.sh, amid the
 * huge pages of the load: so it is given back at once.
 */
void trigger_requests(void)
{
	struct row *row = exact_in_zone("Movable", 0, 32 * PAGES_PER_MB + 91, 37);

	if (!row->error)
		free_range(row->start, row->nr);
	exact_in_zone("Movable", 50, 64 * PAGES_PER_MB - 1, 511);
	exact_in_zone("DMA32", 20, 8 * PAGES_PER_MB + 333, 411);
	exact_range("in CMA", cma_range(), 4 * PAGES_PER_MB + 5, 3, "cma");
	any_pages(8 * PAGES_PER_MB);
	placed_block();
	query(32 * PAGES_PER_MB);
}
