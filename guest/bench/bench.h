/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the program bench share: the talk with mm/contig/bench.c, the
 * memory that is measured, and the scenarios.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define DEBUGFS		"/sys/kernel/debug/"
#define TRACING		"/sys/kernel/tracing/"
#define PAGE		4096UL
#define BLOCK		512UL			/* pages of a pageblock */
#define RANGE		16384UL			/* 64 MB, the usual range */
#define CACHE_FILE	"/mnt/cache"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What mm/contig/bench.c answers. */
struct answer {
	bool good;
	long nsec;
	unsigned long start;
	unsigned long nr_pages;
	unsigned long result;
};

extern const char *engine;	/* who is measured now */
extern const char *place;	/* X of the command line */
extern unsigned long window;	/* first PFN of 64 MB that were free */
extern char *memory;		/* what fills the window: our pages */

/* kernel.c */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool put(const char *path, const char *text);
bool get(const char *path, char *text, size_t size);
long number_in(const char *path, const char *key);
struct answer ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool use(const char *name);
void sample_at(const char *scenario, const char *x, long value);
void sample(const char *scenario, long value);
void sample_n(const char *scenario, unsigned long x, long value);
long pages_migrated(void);
char *map_pages(unsigned long nr_pages);
void touch(char *base, unsigned long nr_pages);
bool fill(unsigned long pfn, unsigned long nr_pages, char *from);
bool find_window(unsigned long nr_pages);
bool prepare_memory(void);

/* scenarios.c */
void on_cpu(int cpu);
double seconds(void);
bool run_cma_1(void);
bool run_cma_16(void);
bool run_cma_256(void);
bool run_cma_16384(void);
bool run_range(void);
bool run_frozen(void);
bool run_gigantic(void);
bool run_size(void);
bool run_threads_4(void);
bool run_threads(void);
bool run_memory(void);
bool run_vcpus(void);
bool run_full_anon(void);
bool run_half_anon(void);
bool run_fill(void);
bool run_full_cache(void);
bool run_pinned(void);
bool run_search(void);
bool run_faults(void);
bool run_irqs(void);

/* hard.c */
bool run_short_pin(void);
bool run_never(void);
bool run_attempts(void);
bool run_pinners(void);
bool run_churn(void);
bool run_sigkill(void);

/* place.c */
bool run_windows(void);
bool run_odd(void);
bool run_in_vain(void);
bool run_nosleep(void);
bool run_dozen(void);

#endif /* _BENCH_H */
