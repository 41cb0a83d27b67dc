// SPDX-License-Identifier: GPL-2.0
/*
 * Who may sleep waits until there is memory.
 *
 * The engine wakes him when it gives a range back. Others free memory without
 * telling it, so that a sleeper also looks by himself now and then.
 */
#define pr_fmt(fmt) "contig: " fmt

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <kunit/static_stub.h>

#include "ddi.h"

/* The longest pause between two looks of a sleeper, in ms */
#define DDI_LONGEST_NAP		1000

#define DDI_TELL_AFTER		(10ULL * NSEC_PER_SEC)

/* Tasks that wait for memory, and how often some was given back to them. */
atomic_t contig_sleepers = ATOMIC_INIT(0);
static atomic_t ddi_rings = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(ddi_bell);

/* The page is not ours any more: the memory may have gone. */
static bool ddi_is_for_cma(unsigned long pfn)
{
	struct page *page;

	guard(rcu)();

	page = contig_online_page(pfn);
	return page && is_migrate_cma(get_pfnblock_migratetype(page, pfn));
}

/**
 * contig_wake_sleepers() - tell those who wait that a range was given back
 * @pfn: where it begins
 *
 * Context: Any but NMI.
 */
void contig_wake_sleepers(unsigned long pfn)
{
	/* They cannot use what belongs to a CMA area. */
	if (ddi_is_for_cma(pfn))
		return;
	atomic_inc(&ddi_rings);
	wake_up_all(&ddi_bell);
}

/* === Whether to wait === */

/* Is there any use in waiting? What no attempt can get, none will get later. */
static bool ddi_can_ever(const struct ddi_order *order)
{
	struct contig_request req = ddi_request(order);
	struct contig_report report;

	if (order->area->call == DDI_PLAIN)
		return order->area->size <= INT_MAX &&
		       req.nr_pages <= totalram_pages();
	/* A lack of memory for the question itself does not last. */
	return contig_query(&req, &report) != -ENOMEM ||
	       report.reason != CONTIG_NO_CANDIDATE;
}

static bool ddi_is_over(const struct ddi_order *order)
{
	return fatal_signal_pending(current) || order->report.error == -EINVAL ||
	       ktime_get_ns() >= order->deadline;
}

/* === What to tell about it === */

/* If the search blames nobody: who is in the way where it could lie? */
static void ddi_name_blocker(struct ddi_order *order)
{
	struct contig_request req = ddi_request(order);
	struct contig_report *report = &order->report, told;

	if (order->area->call == DDI_PLAIN) {
		contig_because(report, -ENOMEM, CONTIG_NO_MEMORY, CONTIG_NO_PFN);
		return;
	}
	if (report->blocking_pfn != CONTIG_NO_PFN ||
	    contig_query(&req, &told) != -EBUSY)
		return;
	contig_because(report, report->error, told.reason, told.blocking_pfn);
	report->kind = told.kind;
}

/**
 * contig_tell_wait() - say in the log that somebody waits, and for whom
 * @size: bytes that he waits for
 * @waited: nanoseconds since he asked
 * @caller: where that was
 * @report: of the last attempt
 *
 * Context: Task context.
 * Return: true if that was told, and need not be told again.
 */
bool contig_tell_wait(size_t size, u64 waited, unsigned long caller,
		      const struct contig_report *report)
{
	char name[CONTIG_CALLER_MAX], text[CONTIG_TEXT_MAX];

	KUNIT_STATIC_STUB_REDIRECT(contig_tell_wait, size, waited, caller,
				   report);
	if (waited < DDI_TELL_AFTER)
		return false;
	pr_warn("%s[%d] waits for %zu bytes since %llu s in %s: %s\n",
		current->comm, task_pid_nr(current), size,
		div_u64(waited, NSEC_PER_SEC), contig_caller_name(name, caller),
		contig_describe(report, text, sizeof(text)));
	return true;
}

/* === Waiting === */

/* No later than a jiffy after the deadline. */
static unsigned long ddi_nap_length(const struct ddi_order *order)
{
	u64 now = ktime_get_ns();

	if (order->deadline <= now)
		return 1;
	return min(order->nap, nsecs_to_jiffies(order->deadline - now) + 1);
}

/*
 * Until memory is given back, or it is time to look. Ranges may come back by the
 * thousand, so that for each look in vain some of them are let pass.
 */
static void ddi_nap(struct ddi_order *order, int rings)
{
	if (order->crowded)
		schedule_timeout_killable(1);
	order->crowded = wait_event_killable_timeout(ddi_bell,
						     atomic_read(&ddi_rings) != rings,
						     ddi_nap_length(order)) > 0;
	if (!order->crowded)
		order->nap = min(2 * order->nap, msecs_to_jiffies(DDI_LONGEST_NAP));
}

/* From before the first look on, no memory that comes back is missed. */
static bool ddi_wait(struct ddi_order *order)
{
	bool told = false, met;

	atomic_inc(&contig_sleepers);
	/* pairs with the barrier in contig_tell_free() */
	smp_mb__after_atomic();
	for (;;) {
		int rings = atomic_read_acquire(&ddi_rings);

		met = ddi_get(order);
		if (met || ddi_is_over(order))
			break;
		if (!told) {
			ddi_name_blocker(order);
			told = contig_tell_wait(order->area->size,
						ktime_get_ns() - order->began,
						order->caller, &order->report);
		}
		ddi_nap(order, rings);
	}
	atomic_dec(&contig_sleepers);
	return met;
}

/**
 * ddi_get_or_wait() - get what an order is for, now or later
 * @order: gets the address in its area
 *
 * Context: As ddi_get().
 * Return: whether there is memory; if not, it has to be at once, can never be, or
 * time or life are over.
 */
bool ddi_get_or_wait(struct ddi_order *order)
{
	if (ddi_get(order))
		return true;
	if (!order->may_wait || ddi_is_over(order) || !ddi_can_ever(order))
		return false;
	return ddi_wait(order);
}
