// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the demo. A row is filled by the client that makes the request; whoever
 * finds something that should be otherwise says so with row_wrong(), and one such word
 * makes the demo fail. What a request is expected to do is written where it is made.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define MAX_ROWS	64

static struct row rows[MAX_ROWS];
static unsigned int nr_rows;

struct row *row_new(const char *client, const char *format, ...)
{
	struct row *row;
	va_list args;

	if (nr_rows == MAX_ROWS) {
		step("more than %d rows", MAX_ROWS);
		exit(1);
	}
	row = &rows[nr_rows++];
	row->client = client;
	va_start(args, format);
	vsnprintf(row->request, sizeof(row->request), format, args);
	va_end(args);
	return row;
}

void row_wrong(struct row *row, const char *format, ...)
{
	va_list args;

	if (row->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(row->wrong, sizeof(row->wrong), format, args);
	va_end(args);
}

/* The buffer that was asked for is here: the engine's work, nobody else's, in the map. */
void row_got(struct row *row, struct pfn_range range)
{
	if (row->engine && !trace_covers(range))
		row_wrong(row, "no engine event for the buffer at 0x%lx", range.start);
	row->start = range.start;
	row->nr = range.nr;
	check_claimed(row, range);
	map_mark(range, '#');
}

void row_done(const struct row *row)
{
	note("%s %s: %s%s%s%s", row->client, row->request, errno_name(row->error),
	     row->reason[0] ? ", " : "", row->reason,
	     row->wrong[0] ? "  <-- not as it should be" : "");
}

static void print_range(const struct row *row)
{
	char text[40] = "-";

	if (row->nr)
		snprintf(text, sizeof(text), "0x%lx-0x%lx", row->start,
			 row->start + row->nr - 1);
	printf(" %-21s", text);
}

static void print_row(const struct row *row)
{
	printf("%-11s %-25s", row->client, row->request);
	print_range(row);
	printf(" %-6s", errno_name(row->error));
	if (row->engine)
		printf(" %6lu %8lu", row->moved, row->usecs);
	else
		printf(" %6s %8s", "-", "-");
	if (row->reason[0])
		printf(" %s", row->reason);
	if (row->has_pfn)
		printf(" 0x%lx", row->pfn);
	putchar('\n');
	if (row->wrong[0])
		printf("    ^ WRONG: %s\n", row->wrong);
}

int rows_print(void)
{
	int wrong = 0;

	printf("\n%-11s %-25s %-21s %-6s %6s %8s %s\n", "client", "request",
	       "PFN range", "result", "moved", "usec", "reason, page");
	for (unsigned int i = 0; i < nr_rows; i++) {
		print_row(&rows[i]);
		wrong += rows[i].wrong[0] != '\0';
	}
	return wrong;
}
