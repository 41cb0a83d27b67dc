// SPDX-License-Identifier: GPL-2.0
/*
 * Reasons, counters, debugfs.
 *
 * The counters are per CPU and are summed only when somebody reads
 * /sys/kernel/debug/contig/stats: one line each, name and value.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "contig.h"

/* === Names === */

static const char * const contig_reason_names[] = {
	[CONTIG_NONE]		= "NONE",
	[CONTIG_BAD_REQUEST]	= "BAD_REQUEST",
	[CONTIG_NOT_PRESENT]	= "NOT_PRESENT",
	[CONTIG_ZONE_BOUNDARY]	= "ZONE_BOUNDARY",
	[CONTIG_UNMOVABLE]	= "UNMOVABLE",
	[CONTIG_PINNED]		= "PINNED",
	[CONTIG_HUGETLB]	= "HUGETLB",
	[CONTIG_LOST_RACE]	= "LOST_RACE",
	[CONTIG_NO_MEMORY]	= "NO_MEMORY",
	[CONTIG_NO_CANDIDATE]	= "NO_CANDIDATE",
	[CONTIG_WOULD_BLOCK]	= "WOULD_BLOCK",
	[CONTIG_INTERRUPTED]	= "INTERRUPTED",
	[CONTIG_TIMED_OUT]	= "TIMED_OUT",
};

static_assert(ARRAY_SIZE(contig_reason_names) == CONTIG_NR_REASONS);

static const char * const contig_event_names[] = {
	[CONTIG_REQUESTS]	= "requests",
	[CONTIG_SUCCESSES]	= "success",
	[CONTIG_PCP_DRAINS]	= "pcp_drains",
	[CONTIG_LRU_DRAINS]	= "lru_drains",
	[CONTIG_ISOLATIONS]	= "isolations",
	[CONTIG_PAGES_MOVED]	= "pages_moved",
	[CONTIG_PAGES_DROPPED]	= "pages_dropped",
	[CONTIG_HELPERS_CALLED]	= "helpers",
	[CONTIG_FREES]		= "frees",
	[CONTIG_BAD_FREES]	= "bad_frees",
};

static_assert(ARRAY_SIZE(contig_event_names) == CONTIG_NR_EVENTS);

/**
 * contig_reason_name() - the name of a reason, without its prefix
 * @reason: any value
 *
 * Context: Any.
 * Return: a constant string; "?" for a value that is no reason.
 */
const char *contig_reason_name(enum contig_reason reason)
{
	return reason < CONTIG_NR_REASONS ? contig_reason_names[reason] : "?";
}

/* === Counters === */

struct contig_counters {
	unsigned long events[CONTIG_NR_EVENTS];
	unsigned long reasons[CONTIG_NR_REASONS];
};

static DEFINE_PER_CPU(struct contig_counters, contig_counters);

/**
 * contig_count() - count something that happened
 * @event: what
 * @nr: how many
 *
 * Context: Any.
 */
void contig_count(enum contig_event event, unsigned long nr)
{
	this_cpu_add(contig_counters.events[event], nr);
}

/**
 * contig_count_reason() - count a request that failed
 * @reason: why
 *
 * Context: Any.
 */
void contig_count_reason(enum contig_reason reason)
{
	this_cpu_inc(contig_counters.reasons[reason]);
}

/**
 * contig_read_event() - how often something happened since boot
 * @event: what
 *
 * Context: Any. CPUs may count on while the sum is made.
 * Return: the sum over all CPUs.
 */
unsigned long contig_read_event(enum contig_event event)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(contig_counters, cpu).events[event];
	return sum;
}

static unsigned long contig_read_reason(enum contig_reason reason)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(contig_counters, cpu).reasons[reason];
	return sum;
}

/* === debugfs === */

static int contig_stats_show(struct seq_file *m, void *unused)
{
	for (int event = 0; event < CONTIG_NR_EVENTS; event++)
		seq_printf(m, "%s %lu\n", contig_event_names[event],
			   contig_read_event(event));
	for (int reason = CONTIG_NONE + 1; reason < CONTIG_NR_REASONS; reason++)
		seq_printf(m, "%s %lu\n", contig_reason_names[reason],
			   contig_read_reason(reason));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contig_stats);

static int __init contig_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("contig", NULL);

	debugfs_create_file("stats", 0400, dir, NULL, &contig_stats_fops);
	contig_trigger_init(dir);
	return 0;
}
late_initcall(contig_debugfs_init);
