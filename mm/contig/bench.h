/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the stopwatch share, for measuring only.
 */
#ifndef _MM_CONTIG_BENCH_H
#define _MM_CONTIG_BENCH_H

#include <linux/ktime.h>
#include <linux/mutex.h>

#define CONTIG_BENCH_ARGS	4

enum contig_bench_form {
	CONTIG_BENCH_NOTHING,
	CONTIG_BENCH_RANGE,
	CONTIG_BENCH_FROZEN,
	CONTIG_BENCH_CMA
};

/**
 * struct contig_bench - what the last command did
 * @lock: one command at a time
 * @form: how what is held was allocated
 * @start: first PFN of the last range
 * @nr_pages: its size
 * @arg: the numbers of the command, as they stand there
 * @nr_args: how many
 * @nsec: on the clock
 * @result: pages filled
 */
struct contig_bench {
	struct mutex lock;	/* guards all that follows */
	enum contig_bench_form form;
	unsigned long start;
	unsigned long nr_pages;
	unsigned long arg[CONTIG_BENCH_ARGS];
	int nr_args;
	u64 nsec;
	unsigned long result;
};

#define CONTIG_BENCH_TIME(bench, call) do {		\
	u64 began = ktime_get_ns();			\
							\
	call;						\
	(bench)->nsec = ktime_get_ns() - began;		\
} while (0)

/* bench_place.c */
int contig_bench_spoil(struct contig_bench *bench);
int contig_bench_unspoil(struct contig_bench *bench);
int contig_bench_nosleep(struct contig_bench *bench);

#endif /* _MM_CONTIG_BENCH_H */
