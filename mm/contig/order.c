// SPDX-License-Identifier: GPL-2.0
/*
 * Orders: asked for now, ready later.
 *
 * A worker makes the request and calls back, or keeps the memory until it is
 * asked for. Ending an order waits for the worker, so that all it has noted by
 * then is final: the few fields that change need no lock.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "contig.h"
#include "fault.h"

/**
 * struct contig_order - a request that a worker makes
 * @work: the worker's
 * @req: what is wanted
 * @nodemask: what @req refers to
 * @ready: called when it is done, or NULL
 * @data: for @ready
 * @caller: code address of the one who ordered
 * @ordered: when
 * @stop: nobody wants it any more
 * @done: the outcome may be asked for, as there is no @ready
 * @given: somebody was told the outcome or got the memory
 * @ended: contig_cancel() was called by @ready, so the worker frees it
 * @teller: the worker, while it calls @ready
 * @page: what came, as long as nobody got it
 * @report: how it went
 */
struct contig_order {
	struct work_struct work;
	struct contig_request req;
	nodemask_t nodemask;
	contig_ready_t ready;
	void *data;
	unsigned long caller;
	ktime_t ordered;
	bool stop;
	bool done;
	bool given;
	bool ended;
	struct task_struct *teller;
	struct page *page;
	struct contig_report report;
};

/* The time runs from the moment it was ordered. */
static void contig_order_age(struct contig_order *order)
{
	struct contig_request *req = &order->req;
	ktime_t age = ktime_sub(ktime_get(), order->ordered);

	if (req->timeout && req->timeout != KTIME_MAX)
		req->timeout = max(ktime_sub(req->timeout, age), 1);
}

/* If @ready ends the order, it only leaves a mark, and the order is ours. */
static void contig_order_tell(struct contig_order *order)
{
	order->given = true;
	WRITE_ONCE(order->teller, current);
	order->ready(order, order->page, &order->report, order->data);
	WRITE_ONCE(order->teller, NULL);
	if (order->ended)
		kfree(order);
}

static void contig_order_run(struct work_struct *work)
{
	struct contig_order *order;

	order = container_of(work, struct contig_order, work);
	contig_order_age(order);
	order->page = contig_alloc_for(&order->req, &order->stop, order->caller,
				       false, &order->report);
	if (READ_ONCE(order->stop))
		return;
	if (order->ready)
		contig_order_tell(order);
	else
		/* after the outcome; contig_order_page() reads them in that order */
		smp_store_release(&order->done, true);
}

static void contig_order_copy(struct contig_order *order,
			      const struct contig_request *req)
{
	order->req = *req;
	if (req->nodemask) {
		order->nodemask = *req->nodemask;
		order->req.nodemask = &order->nodemask;
	}
	/* The worker knows neither the caller's place nor its context. */
	if (req->nid == NUMA_NO_NODE)
		order->req.nid = numa_mem_id();
	if (in_task())
		order->req.gfp = current_gfp_context(req->gfp);
}

/**
 * contig_alloc_async() - order physically contiguous memory
 * @req: what is wanted; a copy of it is kept, and of its nodemask
 * @ready: called once when it is done, unless the order is ended before; NULL for
 *	who looks with contig_order_page()
 * @data: for @ready
 *
 * For those who will be in atomic context when they need it: they order in their
 * probe routine, and a worker does all that contig_alloc() does. As it may sleep,
 * effort and flags of @req may say so wherever it is ordered. A timeout counts
 * from now on.
 *
 * @ready runs in task context, maybe before this returns. The memory, if there is
 * any, is the caller's then, and goes back with contig_free(). Its report holds
 * the errors of contig_alloc().
 *
 * Each order has to be ended by one contig_cancel(), also one that is done.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 * Return: the order, or NULL if there is no memory for it.
 */
struct contig_order *contig_alloc_async(const struct contig_request *req,
					contig_ready_t ready, void *data)
{
	struct contig_order *order = NULL;

	if (!contig_fault(CONTIG_FAULT_ORDER))
		order = kzalloc_obj(*order, GFP_ATOMIC);
	if (!order)
		return NULL;
	INIT_WORK(&order->work, contig_order_run);
	contig_order_copy(order, req);
	order->ready = ready;
	order->data = data;
	order->caller = _RET_IP_;
	order->ordered = ktime_get();
	/* Some orders wait for ever, and nobody should wait for them. */
	queue_work(system_dfl_long_wq, &order->work);
	return order;
}
EXPORT_SYMBOL_GPL(contig_alloc_async);

/**
 * contig_order_page() - has it come?
 * @order: made without a callback, and not ended
 * @report: how it went; or NULL
 *
 * The memory is handed out once, and is the caller's from then on. @report->error
 * is -EINPROGRESS as long as nothing is known, and then as for contig_alloc().
 *
 * Context: Any, also under raw spinlocks.
 * Return: the first page, or NULL.
 */
struct page *contig_order_page(struct contig_order *order,
			       struct contig_report *report)
{
	struct page *page;

	/* before the outcome, which is written first */
	if (!smp_load_acquire(&order->done)) {
		if (report)
			*report = (struct contig_report){
				.error = -EINPROGRESS,
				.blocking_pfn = CONTIG_NO_PFN,
			};
		return NULL;
	}
	if (report)
		*report = order->report;
	page = xchg(&order->page, NULL);
	if (page)
		order->given = true;
	return page;
}
EXPORT_SYMBOL_GPL(contig_order_page);

/**
 * contig_cancel() - end an order
 * @order: from contig_alloc_async(), or NULL; gone afterwards
 *
 * An attempt that runs is stopped, within some milliseconds unless it waits for
 * I/O, and memory that nobody was given goes back. When this returns, the callback
 * is not running and will not be called; only from within the callback itself it
 * returns at once. Elsewhere the caller must hold no lock that the callback takes.
 *
 * Context: Task context, may sleep.
 * Return: true if the callback was not called; of an order without one, if its
 * memory was not handed out.
 */
bool contig_cancel(struct contig_order *order)
{
	bool given;

	if (!order)
		return true;
	if (READ_ONCE(order->teller) == current) {
		order->ended = true;
		return false;
	}
	contig_call_off(&order->stop);
	cancel_work_sync(&order->work);
	given = order->given;
	if (order->page && !given)
		contig_free(order->page, order->report.nr_pages);
	kfree(order);
	return !given;
}
EXPORT_SYMBOL_GPL(contig_cancel);
