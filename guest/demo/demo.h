/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the demo share. One file per job:
 *
 *   demo.c      the list of steps, and nothing else
 *   rows.c      the table: one row per request, and what is wrong with it
 *   util.c      text files, sizes, time, progress lines
 *   pages.c     physical pages as /proc shows them: flags, zones, ranges, pagemap
 *   map.c       one character per pageblock
 *   counters.c  what has to be back when all is given back
 *   trace.c     what the engine's tracepoints say about one request
 *   trigger.c   the debugfs trigger, requests of exact ranges
 *   others.c    the load that owns the memory, started and questioned
 *   heap.c edu.c gigantic.c virtio_mem.c   real clients of the engine
 *   refused.c   requests that have to fail, each with its reason
 */
#ifndef CONTIG_DEMO_H
#define CONTIG_DEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define BLOCK_ORDER	9			/* pageblock of x86_64: 2 MB */
#define BLOCK_PAGES	(1UL << BLOCK_ORDER)
#define MB		(1UL << 20)
#define PAGES_PER_MB	(MB >> PAGE_SHIFT)
#define GB		(1UL << 30)
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define __printf(a, b)	__attribute__((__format__(printf, a, b)))

/* === rows.c ============================================================== */

struct pfn_range {
	unsigned long start, nr;
};

/* One request as the table shows it. */
struct row {
	const char *client;
	char request[40];
	unsigned long start, nr;	/* what was handed out or asked for; nr 0: unknown */
	int error;			/* 0 or -errno, as the client saw it */
	unsigned long moved, usecs;	/* what the engine reported */
	bool engine;			/* it did report something */
	char reason[24];		/* of a failure, "" if none was given */
	unsigned long pfn;		/* the blocking page */
	bool has_pfn;
	char wrong[120];		/* first thing that is not as it should be */
};

struct row *row_new(const char *client, const char *format, ...) __printf(2, 3);
void row_wrong(struct row *row, const char *format, ...) __printf(2, 3);
void row_got(struct row *row, struct pfn_range range);
void row_done(const struct row *row);		/* a progress line */
int rows_print(void);				/* the number of wrong rows */

/* === util.c ============================================================== */

void step(const char *format, ...) __printf(1, 2);	/* a progress line with the time */
void note(const char *format, ...) __printf(1, 2);	/* the same, indented */
int read_file(const char *path, char *buf, size_t size);	/* 0 or -errno */
int write_file(const char *path, const char *text);		/* 0 or -errno */
int read_number(const char *path, unsigned long *value);
unsigned long meminfo(const char *key);			/* in pages */
unsigned long vmstat(const char *name);
const char *errno_name(int error);			/* of 0 or -errno: "ok", "EBUSY" */
void sleep_ms(unsigned int ms);

/* === pages.c ============================================================= */

struct zone {
	char name[16];
	struct pfn_range span;
	unsigned long managed, pcp;	/* pages; pcp: on per-CPU lists now */
};

#define MAX_ZONES	8
#define MAX_RAM		64

int pages_init(void);			/* 0 or -errno; every other call needs it */
unsigned long pages_end(void);		/* first PFN behind all memory */
bool page_is_ram(unsigned long pfn);
int pages_flags(unsigned long start, unsigned long nr, uint64_t *flags);
int zones_read(struct zone *zones);	/* how many */
bool zone_find(const char *name, struct zone *zone);
struct pfn_range cma_range(void);	/* of the default area; nr 0: none */
bool ram_hole(struct pfn_range *hole);	/* the first large hole between two pieces of RAM */

unsigned long virt_to_pfn(const void *p);	/* 0: not mapped */
bool virt_range(const void *p, unsigned long nr, struct pfn_range *range);

bool flags_movable(uint64_t flags);	/* a free page, or one on an LRU list */
unsigned long pages_in_use(struct pfn_range range);	/* somebody's */
void check_claimed(struct row *row, struct pfn_range range);	/* none of it is another's */
bool find_movable(struct pfn_range in, unsigned long nr, unsigned int used_percent,
		  unsigned long skip, unsigned long *start);
struct pfn_range grow_movable(unsigned long pfn, unsigned long reach);
bool find_flag(unsigned int bit, unsigned long from, unsigned long *pfn);

/* === map.c =============================================================== */

struct map;

void map_mark(struct pfn_range range, char mark);	/* what only the demo knows */
void map_unmark(struct pfn_range range);
struct map *map_take(void);
void map_print(const struct map *before, const struct map *after);

/* === counters.c ========================================================== */

struct counters;

struct counters *counters_take(void);
int counters_compare(const struct counters *before, const struct counters *after);

/* === trace.c ============================================================= */

int trace_init(void);			/* 0 or -errno: the events are not there */
void trace_begin(void);
void trace_end(struct row *row);	/* adds what the events of the request say */
/* Of the request that just ended: did the engine hand out @range; what did CMA get? */
bool trace_covers(struct pfn_range range);
struct pfn_range trace_cma(void);

/* === trigger.c =========================================================== */

int trigger_open(void);
void trigger_close(void);		/* gives everything back that is still held */
void trigger(struct row *row, const char *format, ...) __printf(2, 3);
void trigger_requests(void);

/* === others.c ============================================================ */

int others_start(void);			/* 0: the load is in place */
int others_check(void);			/* bad pages, counted since the start; < 0: dead */
void others_pause(bool pause);
int others_stop(void);			/* checks once more; 0: not a byte was ever wrong */

/* === the clients: each keeps what it got until its release ================ */

void heap_requests(void);
void heap_release(void);
void edu_request(void);
void edu_physreq_request(void);
void edu_release(void);
void gigantic_request(void);
void gigantic_release(void);
int virtio_mem_init(void);
void virtio_mem_requests(void);
void virtio_mem_restore(void);
void refused_requests(void);
void refused_release(void);

#endif /* CONTIG_DEMO_H */
