// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that UnixWare's DDI has for memory of drivers.
 *
 * Each states an order and leaves it to ddi.c, which keeps the records.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/physreq.h>
#include <linux/slab.h>

#include "ddi.h"

/**
 * DOC: The manual and these calls
 *
 * What the page kmem_alloc_physcontig(D3) of UnixWare 2.01 says, in short, and
 * what becomes of it here. (z)alloc_physreq() keeps the same promises.
 *
 * ============================ ================================================
 * the manual                   here
 * ============================ ================================================
 * contiguous kernel memory     so it is, in the linear mapping, where
 *                              virt_to_phys() says where
 * KM_SLEEP waits for memory    it does; woken by whoever gives a range back, and
 *                              by itself every second at the latest
 * KM_NOSLEEP: NULL if there is the same; nothing is moved to make room
 * none now
 * returns a pointer            or NULL, with KM_SLEEP as well: for what can never
 *                              be met, and if the task is killed
 * the size is not 0            0 gives NULL
 * preqp is from                it may not be NULL. Its fields are checked by each
 * physreq_alloc()              call: impossible ones give NULL and one warning
 * contiguous without           the same
 * PREQ_PHYSCONTIG
 * call early                   still wise with KM_NOSLEEP; with KM_SLEEP pages
 *                              are moved out of the way, late as well
 * fails, or waits for ever     what this machine has nowhere gives NULL at once,
 *                              and after 10 s a line in the log names the page
 *                              in the way. kmem_alloc_physcontig_timeout() waits
 *                              as long as it is told to
 * not from strategy routines   not where I/O is submitted: with KM_SLEEP it may
 *                              wait for I/O, unless memalloc_noio_save() says no
 * kmem_alloc_physreq() and     either; kmem_free() takes the memory of all calls
 * kmem_free() are preferred
 * KM_SLEEP from init or base,  task context, and any but NMI
 * KM_NOSLEEP from interrupts
 * may panic during init        never; NULL before there is a scheduler
 * no basic or read/write lock  might_sleep() holds KM_SLEEP to it; KM_NOSLEEP may
 * with KM_SLEEP                be called under locks that are not raw
 * sleep locks at any time      the same
 * ============================ ================================================
 *
 * And kmem_free_physcontig(D3): address and size have to be those of one
 * allocation. A call that names anything else gets one warning, and nothing
 * happens. It never sleeps, and locks may be held.
 */

/* === Constraints === */

static const physreq_t ddi_no_limits = { .phys_align = 1 };

/**
 * physreq_alloc() - get a set of constraints to be filled in
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As physreq_alloc(D3).
 *
 * Context: Task context; with %KM_NOSLEEP any but NMI.
 * Return: one that constrains nothing, or NULL.
 */
physreq_t *physreq_alloc_noprof(int flag)
{
	physreq_t *preqp;

	might_sleep_if(!(flag & KM_NOSLEEP));
	preqp = kmalloc_obj(*preqp, flag & KM_NOSLEEP ? GFP_ATOMIC : GFP_KERNEL);
	if (preqp)
		*preqp = ddi_no_limits;
	return preqp;
}
EXPORT_SYMBOL_GPL(physreq_alloc_noprof);

/**
 * physreq_free() - give constraints back
 * @preqp: from physreq_alloc(), or NULL
 *
 * Memory that was allocated under them stays. As physreq_free(D3).
 *
 * Context: Any but NMI.
 */
void physreq_free(physreq_t *preqp)
{
	kfree(preqp);
}
EXPORT_SYMBOL_GPL(physreq_free);

/**
 * physreq_prep() - can these constraints be met?
 * @preqp: from physreq_alloc(), filled in
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As physreq_prep(D3), but nothing is allocated, so that the answer does not
 * depend on how much memory is free. An allocation checks its size too.
 *
 * Context: Task context; with %KM_NOSLEEP any but NMI.
 * Return: false if no memory of this machine meets them, whoever uses it, or if a
 * field holds what it cannot.
 */
bool physreq_prep(physreq_t *preqp, int flag)
{
	bool may_sleep = !(flag & KM_NOSLEEP);

	might_sleep_if(may_sleep);
	return preqp && !(flag & ~KM_NOSLEEP) && ddi_limits_sane(preqp) &&
	       ddi_is_anywhere(preqp, may_sleep);
}
EXPORT_SYMBOL_GPL(physreq_prep);

/* === Memory === */

/**
 * kmem_alloc_physcontig() - get contiguous memory
 * @size: bytes
 * @preqp: where it may lie
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As kmem_alloc_physcontig(D3); the table above has the differences.
 *
 * Context: Task context with %KM_SLEEP, and no spinlock held. With %KM_NOSLEEP any
 * but NMI, also under spinlocks that are not raw.
 * Return: the address, for kmem_free_physcontig(), or NULL. With %KM_SLEEP, NULL
 * means that this can never be met, or that the task is being killed.
 */
void *kmem_alloc_physcontig_noprof(size_t size, physreq_t *preqp, int flag)
{
	struct ddi_order order;

	if (!ddi_begin(&order, preqp, flag, _RET_IP_))
		return NULL;
	return ddi_alloc(&order, size, DDI_PHYSCONTIG);
}
EXPORT_SYMBOL_GPL(kmem_alloc_physcontig_noprof);

/**
 * kmem_alloc_physcontig_timeout() - wait for contiguous memory, but not for ever
 * @size: bytes
 * @preqp: where it may lie
 * @timeout: from now on; %KTIME_MAX waits as %KM_SLEEP does, with 0 pages are moved
 *	out of the way but not waited for
 *
 * Not in the DDI. What is in the middle of moving a page when the time is over
 * finishes that.
 *
 * Context: Task context, and no spinlock held.
 * Return: as kmem_alloc_physcontig() with %KM_SLEEP, or NULL after the time.
 */
void *kmem_alloc_physcontig_timeout_noprof(size_t size, physreq_t *preqp,
					   ktime_t timeout)
{
	struct ddi_order order;

	if (!ddi_begin(&order, preqp, KM_SLEEP, _RET_IP_))
		return NULL;
	if (timeout != KTIME_MAX)
		order.deadline = ktime_get_ns() + max(ktime_to_ns(timeout), 0);
	return ddi_alloc(&order, size, DDI_PHYSCONTIG);
}
EXPORT_SYMBOL_GPL(kmem_alloc_physcontig_timeout_noprof);

/**
 * kmem_alloc_physreq() - get memory under constraints
 * @size: bytes
 * @preqp: where it may lie
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As kmem_alloc_physreq(D3), but it is contiguous with %PREQ_PHYSCONTIG and
 * without.
 *
 * Context: As kmem_alloc_physcontig().
 * Return: as kmem_alloc_physcontig(), for kmem_free().
 */
void *kmem_alloc_physreq_noprof(size_t size, physreq_t *preqp, int flag)
{
	struct ddi_order order;

	if (!ddi_begin(&order, preqp, flag, _RET_IP_))
		return NULL;
	return ddi_alloc(&order, size, DDI_PHYSREQ);
}
EXPORT_SYMBOL_GPL(kmem_alloc_physreq_noprof);

/**
 * kmem_zalloc_physreq() - get zeroed memory under constraints
 * @size: bytes
 * @preqp: where it may lie
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As kmem_zalloc_physreq(D3), with the difference of kmem_alloc_physreq().
 *
 * Context: As kmem_alloc_physcontig().
 * Return: as kmem_alloc_physreq().
 */
void *kmem_zalloc_physreq_noprof(size_t size, physreq_t *preqp, int flag)
{
	struct ddi_order order;

	if (!ddi_begin(&order, preqp, flag, _RET_IP_))
		return NULL;
	order.gfp |= __GFP_ZERO;
	return ddi_alloc(&order, size, DDI_PHYSREQ);
}
EXPORT_SYMBOL_GPL(kmem_zalloc_physreq_noprof);

/**
 * kmem_alloc() - get memory
 * @size: bytes
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As kmem_alloc(D3): not fit for devices. What is large may be from vmalloc().
 *
 * Context: As kmem_alloc_physcontig().
 * Return: the address, for kmem_free(), or NULL. With %KM_SLEEP, NULL means that
 * there will never be so much, or that the task is being killed.
 */
void *kmem_alloc_noprof(size_t size, int flag)
{
	struct ddi_order order;

	if (!ddi_begin(&order, &ddi_no_limits, flag, _RET_IP_))
		return NULL;
	return ddi_alloc(&order, size, DDI_PLAIN);
}
EXPORT_SYMBOL_GPL(kmem_alloc_noprof);

/**
 * kmem_zalloc() - get zeroed memory
 * @size: bytes
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 *
 * As kmem_zalloc(D3).
 *
 * Context: As kmem_alloc_physcontig().
 * Return: as kmem_alloc().
 */
void *kmem_zalloc_noprof(size_t size, int flag)
{
	struct ddi_order order;

	if (!ddi_begin(&order, &ddi_no_limits, flag, _RET_IP_))
		return NULL;
	order.gfp |= __GFP_ZERO;
	return ddi_alloc(&order, size, DDI_PLAIN);
}
EXPORT_SYMBOL_GPL(kmem_zalloc_noprof);

/**
 * kmem_free_physcontig() - give contiguous memory back
 * @addr: from kmem_alloc_physcontig() or its _timeout(), or NULL
 * @size: as asked for there
 *
 * As kmem_free_physcontig(D3). Another size, another address or memory of another
 * call is refused with one warning, and nothing changes.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 */
void kmem_free_physcontig(void *addr, size_t size)
{
	WARN_ON_ONCE(!ddi_free(addr, size, true));
}
EXPORT_SYMBOL_GPL(kmem_free_physcontig);

/**
 * kmem_free() - give memory back
 * @addr: from any of these calls, kmem_alloc_physcontig() as well, or NULL
 * @size: as asked for there
 *
 * As kmem_free(D3), and as strict as kmem_free_physcontig().
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 */
void kmem_free(void *addr, size_t size)
{
	WARN_ON_ONCE(!ddi_free(addr, size, false));
}
EXPORT_SYMBOL_GPL(kmem_free);
