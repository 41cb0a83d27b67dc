// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine's tracepoints say about one request of a client. The demo uses a
 * trace instance of its own; between trace_begin() and trace_end() nobody else in the
 * guest asks for contiguous memory, so all events in it belong to that request. One
 * request of a client may be many of the engine: virtio-mem asks block by block, CMA
 * goes on to the next place when one is busy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demo.h"

#define INSTANCE	"/sys/kernel/tracing/instances/demo"
#define MAX_EVENTS	4096

struct event {
	struct pfn_range range;
	int error;			/* 0: the request was met */
	unsigned long moved, usecs, pfn;
	bool has_pfn;
	char reason[24];
};

static struct event events[MAX_EVENTS];
static unsigned int nr_events;
static struct pfn_range cma_got;	/* by the last cma_alloc() that was met */
static bool available;

int trace_init(void)
{
	int err;

	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return -errno;
	write_file(INSTANCE "/buffer_size_kb", "1024");
	write_file(INSTANCE "/events/cma/cma_alloc_finish/enable", "1");
	err = write_file(INSTANCE "/events/contig/enable", "1");
	available = !err;
	return err;
}

void trace_begin(void)
{
	FILE *f = fopen(INSTANCE "/trace", "w");	/* opening it so empties it */

	if (f)
		fclose(f);
}

/* === One line ============================================================ */

/* The text behind " KEY=" in @line; NULL if it has no such field. */
static const char *field(const char *line, const char *key)
{
	size_t len = strlen(key);
	const char *p = line;

	while ((p = strstr(p, key))) {
		if (p > line && p[-1] == ' ' && p[len] == '=')
			return p + len + 1;
		p += len;
	}
	return NULL;
}

static unsigned long field_number(const char *line, const char *key, unsigned long none)
{
	const char *text = field(line, key);
	char *end;
	unsigned long value;

	if (!text)
		return none;
	value = strtoul(text, &end, 0);
	return end == text ? none : value;
}

/* A page number of all ones, and anything that is no number, stands for "no page". */
static void parse_event(const char *line, bool failed)
{
	struct event *e = &events[nr_events++];
	const char *text;

	/* the end of a search has no range; what was tried has events of its own */
	*e = (struct event){ .range.start = field_number(line, "start", 0) };
	e->range.nr = field_number(line, "end", e->range.start) - e->range.start;
	e->moved = field_number(line, "moved", 0);
	e->usecs = field_number(line, "usecs", 0);
	if (!failed)
		return;
	text = field(line, "error");
	e->error = text ? (int)strtol(text, NULL, 10) : -EIO;
	text = field(line, "reason");
	if (text)
		sscanf(text, "%23s", e->reason);
	e->pfn = field_number(line, "pfn", ~0UL);
	e->has_pfn = e->pfn != ~0UL;
}

/* CMA's own event, the second witness for where a buffer is. */
static void parse_cma(const char *line)
{
	if (!field_number(line, "errorno", 1))
		cma_got = (struct pfn_range){ field_number(line, "pfn", 0),
					      field_number(line, "count", 0) };
}

static void read_events(void)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[512];

	nr_events = 0;
	cma_got.nr = 0;
	if (!f)
		return;
	while (fgets(line, sizeof(line), f) && nr_events < MAX_EVENTS) {
		if (strstr(line, " contig_finish: "))
			parse_event(line, false);
		else if (strstr(line, " contig_fail: ") || strstr(line, " contig_search_fail: "))
			parse_event(line, true);
		else if (strstr(line, " cma_alloc_finish: "))
			parse_cma(line);
	}
	fclose(f);
}

/* === One request ========================================================= */

/* From the first to the last page that was handed out. */
static void add_range(struct row *row, struct pfn_range range)
{
	unsigned long end = row->start + row->nr;

	if (!row->nr) {
		row->start = range.start;
		row->nr = range.nr;
		return;
	}
	if (range.start + range.nr > end)
		end = range.start + range.nr;
	if (range.start < row->start)
		row->start = range.start;
	row->nr = end - row->start;
}

void trace_end(struct row *row)
{
	const struct event *last;

	read_events();
	if (!nr_events) {
		row_wrong(row, available ? "the engine was not asked: no contig event" :
			  "no contig tracepoints in this kernel");
		return;
	}
	if (nr_events == MAX_EVENTS)
		row_wrong(row, "more than %d events", MAX_EVENTS);
	row->engine = true;
	for (unsigned int i = 0; i < nr_events; i++) {
		if (!events[i].range.start && nr_events > 1)
			continue;
		row->moved += events[i].moved;
		row->usecs += events[i].usecs;
		if (!events[i].error)
			add_range(row, events[i].range);
	}
	last = &events[nr_events - 1];
	if (!row->error || !last->error)
		return;
	memcpy(row->reason, last->reason, sizeof(row->reason));
	row->pfn = last->pfn;
	row->has_pfn = last->has_pfn;
}

struct pfn_range trace_cma(void)
{
	return cma_got;
}

bool trace_covers(struct pfn_range range)
{
	for (unsigned int i = 0; i < nr_events; i++) {
		const struct event *e = &events[i];

		if (!e->error && range.start >= e->range.start &&
		    range.start + range.nr <= e->range.start + e->range.nr)
			return true;
	}
	return false;
}
