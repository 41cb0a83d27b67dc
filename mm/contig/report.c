// SPDX-License-Identifier: GPL-2.0
/*
 * Names, counters, what failed and how long it took; debugfs and tracepoints.
 *
 * The counters are per CPU and are summed only when somebody reads
 * /sys/kernel/debug/contig/stats: one line each, name and value. Beside it,
 * `failures` has the last requests that failed, and `latency` how long all took,
 * by client.
 */
#define pr_fmt(fmt) "contig: " fmt

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <kunit/static_stub.h>

#include "contig.h"
#include "fault.h"

#define CREATE_TRACE_POINTS
#include <trace/events/contig.h>

/* === Names === */

/* The lists of names are those of the tracepoints. */
#define EM(name, text)	[CONTIG_##name] = text,
#define EMe(name, text)	[CONTIG_##name] = text,

static const char * const contig_reason_names[] = { CONTIG_REASONS };
static const char * const contig_kind_names[] = { CONTIG_KINDS };

#undef EM
#undef EMe

static_assert(ARRAY_SIZE(contig_reason_names) == CONTIG_NR_REASONS);
static_assert(ARRAY_SIZE(contig_kind_names) == CONTIG_NR_KINDS);

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

/**
 * contig_kind_name() - the name of a kind of page
 * @kind: any value
 *
 * Context: Any.
 * Return: a constant string; "?" for a value that is no kind.
 */
const char *contig_kind_name(enum contig_kind kind)
{
	return kind < CONTIG_NR_KINDS ? contig_kind_names[kind] : "?";
}

static const char *contig_pfn_name(char *buf, size_t size, unsigned long pfn)
{
	if (pfn == CONTIG_NO_PFN)
		return "none";
	scnprintf(buf, size, "0x%lx", pfn);
	return buf;
}

/**
 * contig_caller_name() - the function that a code address lies in
 * @buf: for the text, CONTIG_CALLER_MAX bytes
 * @caller: the address
 *
 * An address without a symbol, of a module that has gone, would be shown as it is.
 *
 * Context: Any.
 * Return: @buf.
 */
const char *contig_caller_name(char *buf, unsigned long caller)
{
	bool known = IS_ENABLED(CONFIG_KALLSYMS) && kernel_text_address(caller);

	scnprintf(buf, CONTIG_CALLER_MAX, known ? "%pS" : "%p", (void *)caller);
	return buf;
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
		sum += READ_ONCE(per_cpu(contig_counters, cpu).events[event]);
	return sum;
}

static unsigned long contig_read_reason(enum contig_reason reason)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(contig_counters, cpu).reasons[reason]);
	return sum;
}

/* === Clients === */

/* So many clients are told apart; one more entry is for all others. */
#define CONTIG_CLIENTS		16

/* Powers of two of nanoseconds: up to a microsecond, up to a minute and longer */
#define CONTIG_FIRST_BUCKET	10
#define CONTIG_NR_BUCKETS	27

/**
 * struct contig_client - how long the requests of one place in the code took
 * @caller: where; 0 while the entry is free, and for all others
 * @nr: how many, by outcome (0 for met, 1 for failed) and duration
 */
struct contig_client {
	unsigned long caller;
	atomic_long_t nr[2][CONTIG_NR_BUCKETS];
};

static struct contig_client contig_clients[CONTIG_CLIENTS + 1];

static struct contig_client *contig_find_client(unsigned long caller)
{
	struct contig_client *client = contig_clients;

	for (; client < contig_clients + CONTIG_CLIENTS; client++) {
		unsigned long known = READ_ONCE(client->caller);

		if (!known)
			known = cmpxchg(&client->caller, 0, caller) ?: caller;
		if (known == caller)
			break;
	}
	return client;
}

static void contig_note_latency(unsigned long caller,
				const struct contig_report *report)
{
	int bucket = fls64(report->elapsed >> CONTIG_FIRST_BUCKET);

	bucket = min(bucket, CONTIG_NR_BUCKETS - 1);
	atomic_long_inc(&contig_find_client(caller)->nr[!!report->error][bucket]);
}

/* === Failures === */

#define CONTIG_FAILURES		64

/**
 * struct contig_failure - one request that failed
 * @when: as the times in the kernel log
 * @caller: whose it was
 * @start: first PFN, or CONTIG_NO_PFN if any would have done
 * @nr_pages: how many
 * @report: how it went
 */
struct contig_failure {
	u64 when;
	unsigned long caller;
	unsigned long start;
	unsigned long nr_pages;
	struct contig_report report;
};

/* Innermost of all locks; taken for the copy of one entry. */
static DEFINE_SPINLOCK(contig_failures_lock);
static struct contig_failure
contig_failures[CONTIG_FAILURES] __guarded_by(&contig_failures_lock);
static u64 contig_nr_failures __guarded_by(&contig_failures_lock);

static void contig_remember_failure(const struct contig_failure *failure)
{
	guard(spinlock_irqsave)(&contig_failures_lock);

	contig_failures[contig_nr_failures++ % CONTIG_FAILURES] = *failure;
}

/* Failure number @nr since boot, or the oldest that is still known. */
static bool contig_recall_failure(u64 *nr, struct contig_failure *failure)
{
	u64 oldest;

	guard(spinlock_irqsave)(&contig_failures_lock);

	oldest = contig_nr_failures;
	oldest -= min(oldest, CONTIG_FAILURES);
	*nr = max(*nr, oldest);
	if (*nr >= contig_nr_failures)
		return false;
	*failure = contig_failures[*nr % CONTIG_FAILURES];
	return true;
}

/**
 * contig_describe() - why a request failed, in words
 * @report: of the request
 * @buf: gets the text
 * @size: of @buf; CONTIG_TEXT_MAX is enough
 *
 * Context: Any.
 * Return: @buf.
 */
const char *contig_describe(const struct contig_report *report, char *buf,
			    size_t size)
{
	int len = scnprintf(buf, size, "%s", contig_reason_name(report->reason));

	if (report->blocking_pfn != CONTIG_NO_PFN)
		len += scnprintf(buf + len, size - len, ", PFN 0x%lx is %s",
				 report->blocking_pfn,
				 contig_kind_name(report->kind));
	scnprintf(buf + len, size - len,
		  "; %lu ranges tried, %lu pages moved, %llu us",
		  report->ranges_tried, report->pages_moved,
		  div_u64(report->elapsed, NSEC_PER_USEC));
	return buf;
}

static void contig_log_failure(const struct contig_failure *failure)
{
	char start[24], caller[CONTIG_CALLER_MAX], text[CONTIG_TEXT_MAX];

	pr_info_ratelimited("%lu pages (PFN %s) refused to %s: %s\n",
			    failure->nr_pages,
			    contig_pfn_name(start, sizeof(start), failure->start),
			    contig_caller_name(caller, failure->caller),
			    contig_describe(&failure->report, text, sizeof(text)));
}

/**
 * contig_conclude() - enter how the request of a client went
 * @start: first PFN, or CONTIG_NO_PFN if any would have done
 * @nr_pages: how many
 * @terms: whose, and whether to be quiet about it
 * @report: how it went
 *
 * Context: Any but NMI.
 */
void contig_conclude(unsigned long start, unsigned long nr_pages,
		     const struct contig_terms *terms,
		     const struct contig_report *report)
{
	struct contig_failure failure;

	KUNIT_STATIC_STUB_REDIRECT(contig_conclude, start, nr_pages, terms,
				   report);
	contig_note_latency(terms->caller, report);
	if (!report->error)
		return;

	failure = (struct contig_failure){
		.when = local_clock(),
		.caller = terms->caller,
		.start = start,
		.nr_pages = nr_pages,
		.report = *report,
	};
	contig_remember_failure(&failure);
	/* Whoever called it off knows. */
	if (!(terms->gfp & __GFP_NOWARN) &&
	    !(terms->stop && READ_ONCE(*terms->stop)))
		contig_log_failure(&failure);
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

static void contig_show_failure(struct seq_file *m,
				const struct contig_failure *failure)
{
	const struct contig_report *report = &failure->report;
	u64 usecs = div_u64(failure->when, NSEC_PER_USEC);
	u32 fraction;
	u64 seconds = div_u64_rem(usecs, USEC_PER_SEC, &fraction);
	char start[24], pfn[24], caller[CONTIG_CALLER_MAX];

	seq_printf(m, "time=%llu.%06u caller=%s start=%s nr=%lu error=%d reason=%s pfn=%s kind=%s tried=%lu moved=%lu usecs=%llu\n",
		   seconds, fraction, contig_caller_name(caller, failure->caller),
		   contig_pfn_name(start, sizeof(start), failure->start),
		   failure->nr_pages, report->error,
		   contig_reason_name(report->reason),
		   contig_pfn_name(pfn, sizeof(pfn), report->blocking_pfn),
		   contig_kind_name(report->kind), report->ranges_tried,
		   report->pages_moved, div_u64(report->elapsed, NSEC_PER_USEC));
}

/* One line for each of the last failures, the oldest first. */
static int contig_failures_show(struct seq_file *m, void *unused)
{
	struct contig_failure failure;

	for (u64 nr = 0; contig_recall_failure(&nr, &failure); nr++)
		contig_show_failure(m, &failure);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contig_failures);

static void contig_show_client(struct seq_file *m, struct contig_client *client,
			       int outcome)
{
	char caller[CONTIG_CALLER_MAX];

	for (int bucket = 0; bucket < CONTIG_NR_BUCKETS; bucket++) {
		long nr = atomic_long_read(&client->nr[outcome][bucket]);

		if (!nr)
			continue;
		seq_printf(m, "%s %s %llu %ld\n", client->caller ?
			   contig_caller_name(caller, client->caller) : "others",
			   outcome ? "failed" : "met",
			   1ULL << (bucket + CONTIG_FIRST_BUCKET), nr);
	}
}

/* A line says whose, how they ended, below how many nanoseconds, and how many. */
static int contig_latency_show(struct seq_file *m, void *unused)
{
	for (int i = 0; i <= CONTIG_CLIENTS; i++)
		for (int outcome = 0; outcome < 2; outcome++)
			contig_show_client(m, &contig_clients[i], outcome);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contig_latency);

static int __init contig_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("contig", NULL);

	debugfs_create_file("stats", 0400, dir, NULL, &contig_stats_fops);
	debugfs_create_file("failures", 0400, dir, NULL, &contig_failures_fops);
	debugfs_create_file("latency", 0400, dir, NULL, &contig_latency_fops);
	contig_look_init(dir);
	contig_trigger_init(dir);
	contig_fault_init(dir);
	return 0;
}
late_initcall(contig_debugfs_init);
