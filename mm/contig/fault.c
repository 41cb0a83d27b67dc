// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on purpose.
 *
 * Every step of the engine that can fail asks here first whether it shall. Each has
 * a directory with the usual knobs of fault injection in
 * /sys/kernel/debug/contig/fail, and `hits` beside them says how often each was
 * reached and failed. A KUnit test stands in for contig_fault_wanted() and does in
 * between two steps what it likes.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/seq_file.h>
#include <kunit/static_stub.h>

#include "fault.h"

static const char * const contig_fault_names[] = {
	[CONTIG_FAULT_RECORD]		= "record",
	[CONTIG_FAULT_CLAIM]		= "claim",
	[CONTIG_FAULT_DRAIN]		= "drain",
	[CONTIG_FAULT_DRAIN_HERE]	= "drain_here",
	[CONTIG_FAULT_LRU]		= "lru",
	[CONTIG_FAULT_SURVEY]		= "survey",
	[CONTIG_FAULT_TURN]		= "turn",
	[CONTIG_FAULT_TURN_WAIT]	= "turn_wait",
	[CONTIG_FAULT_NAP]		= "nap",
	[CONTIG_FAULT_ISOLATE]		= "isolate",
	[CONTIG_FAULT_ISOLATE_ZONE]	= "isolate_zone",
	[CONTIG_FAULT_HELPERS]		= "helpers",
	[CONTIG_FAULT_SCAN]		= "scan",
	[CONTIG_FAULT_SCAN_AGAIN]	= "scan_again",
	[CONTIG_FAULT_MIGRATE]		= "migrate",
	[CONTIG_FAULT_MIGRATE_AGAIN]	= "migrate_again",
	[CONTIG_FAULT_STOCK]		= "stock",
	[CONTIG_FAULT_TARGET]		= "target",
	[CONTIG_FAULT_DISSOLVE]		= "dissolve",
	[CONTIG_FAULT_BUDDY]		= "buddy",
	[CONTIG_FAULT_FIND]		= "find",
	[CONTIG_FAULT_PLAN]		= "plan",
	[CONTIG_FAULT_BLOCK]		= "block",
	[CONTIG_FAULT_ORDER]		= "order",
	[CONTIG_FAULT_DMA]		= "dma",
	[CONTIG_FAULT_DDI]		= "ddi",
	[CONTIG_FAULT_DDI_OBJECT]	= "ddi_object",
	[CONTIG_STEP_MAP]		= "map",
	[CONTIG_STEP_UNISOLATE]		= "unisolate",
	[CONTIG_STEP_UNDO]		= "undo",
};

static_assert(ARRAY_SIZE(contig_fault_names) == CONTIG_NR_STEPS);

static struct fault_attr contig_attrs[CONTIG_NR_FAULTS] = {
	[0 ... CONTIG_NR_FAULTS - 1] = FAULT_ATTR_INITIALIZER,
};

static atomic_long_t contig_reached[CONTIG_NR_STEPS];
static atomic_long_t contig_failed[CONTIG_NR_STEPS];

/**
 * contig_fault_wanted() - shall this step fail?
 * @at: which
 *
 * Context: Any. A test's stand-in may sleep where the step may.
 * Return: true if it shall.
 */
bool contig_fault_wanted(enum contig_fault at)
{
	KUNIT_STATIC_STUB_REDIRECT(contig_fault_wanted, at);
	return at < CONTIG_NR_FAULTS && should_fail(&contig_attrs[at], 1);
}

/**
 * contig_fault() - a step of the engine is about to begin
 * @at: which
 *
 * Context: Any, with no lock held that an allocation needs.
 * Return: true if the step shall fail.
 */
bool contig_fault(enum contig_fault at)
{
	bool fails;

	atomic_long_inc(&contig_reached[at]);
	fails = contig_fault_wanted(at);
	if (fails)
		atomic_long_inc(&contig_failed[at]);
	return fails;
}

/**
 * contig_fault_name() - what a step is called in debugfs
 * @at: which
 *
 * Context: Any.
 * Return: a constant string.
 */
const char *contig_fault_name(enum contig_fault at)
{
	return contig_fault_names[at];
}

/**
 * contig_fault_reached() - how often a step was about to begin, since boot
 * @at: which
 *
 * Context: Any.
 * Return: the number.
 */
long contig_fault_reached(enum contig_fault at)
{
	return atomic_long_read(&contig_reached[at]);
}

/**
 * contig_fault_failed() - how often a step failed on purpose, since boot
 * @at: which
 *
 * Context: Any.
 * Return: the number.
 */
long contig_fault_failed(enum contig_fault at)
{
	return atomic_long_read(&contig_failed[at]);
}

/* A line for each: name, how often it was reached, how often it failed. */
static int contig_hits_show(struct seq_file *m, void *unused)
{
	for (int at = 0; at < CONTIG_NR_STEPS; at++)
		seq_printf(m, "%s %ld %ld\n", contig_fault_name(at),
			   contig_fault_reached(at), contig_fault_failed(at));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contig_hits);

/**
 * contig_fault_init() - make the knobs
 * @dir: the engine's directory in debugfs
 *
 * Context: Boot.
 */
void contig_fault_init(struct dentry *dir)
{
	dir = debugfs_create_dir("fail", dir);
	debugfs_create_file("hits", 0400, dir, NULL, &contig_hits_fops);
	for (int at = 0; at < CONTIG_NR_FAULTS; at++)
		fault_create_debugfs_attr(contig_fault_name(at), dir,
					  &contig_attrs[at]);
}
