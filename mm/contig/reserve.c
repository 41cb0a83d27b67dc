// SPDX-License-Identifier: GPL-2.0
/*
 * Who works on which blocks now, and who waits for whom.
 *
 * Two evacuations of the same pageblock would undo each other's isolation, so
 * the later one waits. Each enters the tree at once with a ticket, and goes
 * when no older entry overlaps its own: nobody is overtaken, and since every
 * wait is for a lower ticket there can be no circle. Evacuations of different
 * blocks know nothing of each other.
 *
 * Requests that only claim never come here.
 */
#include <linux/interval_tree.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "contig.h"
#include "fault.h"

static DEFINE_SPINLOCK(contig_waiters);
static struct rb_root_cached contig_tree __guarded_by(&contig_waiters) =
	RB_ROOT_CACHED;
static u64 contig_next_ticket __guarded_by(&contig_waiters);
static DECLARE_WAIT_QUEUE_HEAD(contig_turn);

static void contig_enter(struct contig_reservation *res)
{
	guard(spinlock)(&contig_waiters);

	res->ticket = contig_next_ticket++;
	res->held = true;
	interval_tree_insert(&res->node, &contig_tree);
}

static bool contig_is_first(struct contig_reservation *res)
{
	struct interval_tree_node *node;

	guard(spinlock)(&contig_waiters);

	for (node = interval_tree_iter_first(&contig_tree, res->node.start,
					     res->node.last);
	     node;
	     node = interval_tree_iter_next(node, res->node.start,
					    res->node.last)) {
		struct contig_reservation *other;

		other = container_of(node, struct contig_reservation, node);
		if (other->ticket < res->ticket)
			return false;
	}
	return true;
}

/**
 * contig_reserve() - line up for the blocks of a range
 * @res: entry to fill in; the caller keeps it until contig_unreserve()
 * @start: first PFN
 * @end: one past the last; both are widened to whole pageblocks
 *
 * Context: Task context.
 * Return: true if no older evacuation works on any of these blocks.
 */
bool contig_reserve(struct contig_reservation *res, unsigned long start,
		    unsigned long end)
{
	res->node.start = pageblock_start_pfn(start);
	res->node.last = pageblock_align(end) - 1;
	contig_enter(res);
	return contig_is_first(res);
}

/**
 * contig_wait_for_turn() - wait until all older evacuations there are over
 * @res: entered; the caller holds nothing that they could need
 * @stop: of the request's terms
 * @timeout: nanoseconds, or %CONTIG_NEVER to wait as long as it takes
 *
 * Context: Task context, sleeps until its turn, a fatal signal, the timeout or
 * until it is called off.
 * Return: 0, -EINTR or -ETIMEDOUT; each way still entered.
 */
int contig_wait_for_turn(struct contig_reservation *res, const bool *stop,
			 u64 timeout)
{
	long left = timeout ? MAX_SCHEDULE_TIMEOUT : 0;

	if (contig_fault(CONTIG_FAULT_TURN_WAIT))
		return -ETIMEDOUT;
	if (timeout && timeout != CONTIG_NEVER)
		left = min(nsecs_to_jiffies64(timeout) + 1,
			   (u64)MAX_SCHEDULE_TIMEOUT - 1);
	left = wait_event_killable_timeout(contig_turn,
					   contig_is_first(res) ||
					   contig_is_called_off(stop), left);
	if (contig_is_called_off(stop))
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/**
 * contig_unreserve() - let the next one work on these blocks
 * @res: entered before, or never
 *
 * Context: Task context.
 */
void contig_unreserve(struct contig_reservation *res)
{
	if (!res->held)
		return;

	scoped_guard(spinlock, &contig_waiters)
		interval_tree_remove(&res->node, &contig_tree);
	res->held = false;
	wake_up_all(&contig_turn);
}

/**
 * contig_call_off() - say that nobody wants a request any more
 * @stop: of its terms
 *
 * It ends as if its task had got a fatal signal, but for sleeps that nobody ends:
 * after those. Who waits for a turn is woken, naps end by themselves.
 *
 * Context: Any but NMI.
 */
void contig_call_off(bool *stop)
{
	WRITE_ONCE(*stop, true);
	wake_up_all(&contig_turn);
}
