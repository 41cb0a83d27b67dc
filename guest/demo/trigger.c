// SPDX-License-Identifier: GPL-2.0
/*
 * The debugfs trigger: the one client that can name the pages it wants. It asks for
 * ranges full of other people's pages, with both ends within a pageblock, in memory
 * that is only for movable pages, in memory that is for all, and in the CMA area.
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
	trigger_fd = open(TRIGGER, O_RDWR);
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
	if (row->error)
		row_wrong(row, "should have been met");
	else if (row->nr != nr)
		row_wrong(row, "%lu pages asked for, %lu handed out", nr, row->nr);
	else
		check_claimed(row, (struct pfn_range){ row->start, row->nr });
	row_done(row);
}

/* Exactly [start, start + nr), of which @used pages are somebody's now. */
static void exact_range(const char *where, struct pfn_range in, unsigned long nr,
			unsigned long skip, const char *options)
{
	struct row *row = row_new("trigger", "%lu pages %s", nr, where);
	unsigned long start, used;

	if (!find_movable(in, nr, USED_PERCENT, skip, &start)) {
		row_wrong(row, "no such range full of movable pages to ask for");
		return;
	}
	used = pages_in_use((struct pfn_range){ start, nr });
	note("%lu pages from 0x%lx, %lu of them in use (%s)", nr, start, used, where);
	trigger(row, "range 0x%lx %lu %s", start, nr, options);
	if (!row->error && row->start != start)
		row_wrong(row, "asked for 0x%lx, got 0x%lx", start, row->start);
	if (!row->error && !row->moved)
		row_wrong(row, "%lu pages were in use and none was moved", used);
	expect_success(row, nr);
}

/* Search from @percent of the zone on; what is for CMA only is not for this request. */
static void exact_in_zone(const char *name, unsigned int percent, unsigned long nr,
			  unsigned long skip)
{
	struct pfn_range in, cma = cma_range();
	struct zone zone;

	if (!zone_find(name, &zone)) {
		row_wrong(row_new("trigger", "zone %s", name), "no such zone");
		return;
	}
	in.start = zone.span.start + zone.span.nr / 100 * percent;
	in.nr = zone.span.start + zone.span.nr - in.start;
	if (cma.nr && cma.start > in.start && cma.start < in.start + in.nr)
		in.nr = cma.start - in.start;
	exact_range(name, in, nr, skip, "");
}

static void any_pages(unsigned long nr)
{
	struct row *row = row_new("trigger", "any %lu pages", nr);

	trigger(row, "pages %lu", nr);
	expect_success(row, nr);
}

void trigger_requests(void)
{
	exact_in_zone("Movable", 0, 32 * PAGES_PER_MB + 91, 37);
	exact_in_zone("Movable", 50, 64 * PAGES_PER_MB - 1, 511);
	exact_in_zone("DMA32", 20, 8 * PAGES_PER_MB + 333, 411);
	exact_range("in CMA", cma_range(), 4 * PAGES_PER_MB + 5, 3, "cma");
	any_pages(8 * PAGES_PER_MB);
}
