/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the contig_* tests share: commands to the engine, a view of physical
 * memory from user space, and memory under a pattern.
 *
 * A test runs best on a machine that is busy with other people's memory. If
 * the environment variable CONTIG_LOAD names the process group that keeps it
 * busy, contig_quiet(true) stops that group, and counters can be compared.
 */
#ifndef _CONTIG_UTIL_H
#define _CONTIG_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kselftest.h"
#include "vm_util.h"

#define CONTIG_DIR	"/sys/kernel/debug/contig/"
#define CONTIG_NO_PFN	(~0UL)
/* More than any machine has: 4 PB, or 4 GB of 32 bits */
#define CONTIG_MANY_PAGES	(1UL << (5 * sizeof(long)))
#define CONTIG_TRIES	60	/* of what other people's work upsets */
#define CONTIG_TRY_USEC	20000

/* Words of /proc/kpageflags: what the tests know a page by. */
#define CONTIG_PG_UPTODATE	BIT_ULL(3)
#define CONTIG_PG_LRU		BIT_ULL(5)
#define CONTIG_PG_SLAB		BIT_ULL(7)
#define CONTIG_PG_BUDDY		BIT_ULL(10)
#define CONTIG_PG_MAPPED	BIT_ULL(11)
#define CONTIG_PG_ANON		BIT_ULL(12)
#define CONTIG_PG_SWAPBACKED	BIT_ULL(14)
#define CONTIG_PG_HEAD		BIT_ULL(15)
#define CONTIG_PG_TAIL		BIT_ULL(16)
#define CONTIG_PG_HUGETLB	BIT_ULL(17)
#define CONTIG_PG_NOPAGE	BIT_ULL(20)
#define CONTIG_PG_THP		BIT_ULL(22)
#define CONTIG_PG_OFFLINE	BIT_ULL(23)
#define CONTIG_PG_TABLE		BIT_ULL(26)
#define CONTIG_PG_RESERVED	BIT_ULL(32)

/* The line that the trigger answers. */
struct contig_answer {
	int error;
	char reason[24];
	unsigned long pfn;
	unsigned long start;
	unsigned long nr;
	unsigned long moved;
	unsigned long long nsec;
	char kind[24];
};

/* A line of the file "failures"; numbers that it does not know are CONTIG_NO_PFN. */
struct contig_failure {
	unsigned long long time;	/* microseconds since boot */
	char caller[80];
	unsigned long start;
	unsigned long nr;
	int error;
	char reason[24];
	unsigned long pfn;
	char kind[24];
	unsigned long tried;
	unsigned long moved;
	unsigned long long usecs;
};

/* One zone of /proc/zoneinfo; @free counts the per-CPU lists, too, @min the boost. */
struct contig_zone {
	char name[16];
	unsigned long start;
	unsigned long end;
	unsigned long present;
	unsigned long managed;
	unsigned long free;
	unsigned long min;
	unsigned long pcp;
	unsigned long free_cma;
};

/* What no request may change for good, whatever the load does. */
struct contig_blocks {
	unsigned long isolated;
	unsigned long cma;
	unsigned long movable;
};

/* A free page of a hugetlb pool, and what a request for it has to say besides */
struct contig_huge {
	unsigned long pfn;
	const char *options;
};

struct contig_span {
	unsigned long start;
	unsigned long end;
};

/* Memory of ours; page @i holds a pattern made of @seed and @i. */
struct contig_memory {
	char *map;
	size_t nr;
	uint64_t seed;
};

double contig_now(void);

/* The engine */
int contig_open(void);
int contig_write(int fd, const void *command, size_t len);
int __printf(3, 4) contig_ask(int fd, struct contig_answer *answer,
			      const char *format, ...);
void contig_read_answer(int fd, struct contig_answer *answer);
int contig_ask_again(int fd, struct contig_answer *answer, const char *command);
int contig_take(int fd, struct contig_answer *answer, unsigned long start,
		unsigned long nr, const char *options);
unsigned long contig_stat(const char *name);
size_t contig_failures(struct contig_failure *failures, size_t max);
bool contig_last_failure(struct contig_failure *failure);

/* A machine without memory, for a moment and for us only */
int contig_inject_start(unsigned int min_order);
void contig_inject(int injection, bool fail);
void contig_ask_without_memory(int fd, struct contig_answer *answer, unsigned long pfn,
			       const char *options, int injection);
void contig_inject_stop(int injection);

/* Its events, in a trace instance of their own */
bool contig_trace_start(const char *instance);
bool contig_trace_stop(const char *instance);
int contig_trace_count(const char *instance, const char *event,
		       const char *words);
bool contig_trace_range(const char *instance, int before,
			struct contig_span *range);

/* The machine, in contig_util_machine.c */
FILE *contig_fopen(const char *path);
unsigned long contig_number(const char *path, const char *key);
bool contig_write_file(const char *path, const char *text);
int contig_zones(struct contig_zone *zones, int max);
bool contig_zone(const char *name, struct contig_zone *zone);
struct contig_blocks contig_blocks(void);
bool contig_same_blocks(const struct contig_blocks *before);
bool contig_has_order(const struct contig_zone *zone, int order);
unsigned long contig_free_pages(void);
unsigned long contig_pcp_pages(void);
void contig_quiet(bool quiet);
bool contig_flags(unsigned long pfn, size_t nr, uint64_t *flags);
uint64_t contig_flags_of(unsigned long pfn);
unsigned long contig_count_of(unsigned long pfn);
struct contig_span contig_cma_area(void);
const char *contig_cma_option(unsigned long pfn);
struct contig_span contig_movable_span(const struct contig_zone *zone,
				       unsigned long nr, unsigned long align);
long contig_nobodys_pages(struct contig_span span);
long contig_lost_pages(struct contig_span span);
unsigned long contig_block_pages(void);
unsigned long contig_find_page(unsigned long pfn, uint64_t flags);
unsigned long contig_find_any_page(unsigned long pfn, uint64_t flags);
unsigned long contig_find_block(uint64_t flags);
bool contig_get_huge(struct contig_huge *huge);
void contig_put_huge(void);
unsigned long contig_get_gigantic(unsigned long *pool);
void contig_put_gigantic(unsigned long pool);

/* Memory of ours, in contig_util_memory.c */
uint64_t contig_random(uint64_t *state);
void contig_fill(const struct contig_memory *mem);
void contig_fill_page(const struct contig_memory *mem, size_t i);
bool contig_page_is_intact(const struct contig_memory *mem, size_t i);
long contig_first_damage(const struct contig_memory *mem);
unsigned long contig_pfn(const struct contig_memory *mem, size_t i);
long contig_index_in(const struct contig_memory *mem, size_t from,
		     struct contig_span span);
bool contig_pin_by_pipe(void *page, int pipe_fds[2]);
int contig_pin_by_ring(void *page);

#endif
