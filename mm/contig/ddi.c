// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers have: an allocation from its arguments to its record, and back.
 *
 * Each is on record with its address and its size to the byte, so that whatever
 * else somebody gives back is refused.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "ddi.h"
#include "fault.h"

/* The first pause of a sleeper between two looks, in ms */
#define DDI_FIRST_NAP		10

/* How long an attempt may take at first if there is a deadline to all of them */
#define DDI_FIRST_SLICE		(1 * NSEC_PER_SEC)

/* === Records === */

/* Innermost; for one look-up or change, from any context. */
static DEFINE_SPINLOCK(ddi_lock);
static struct rb_root ddi_areas __guarded_by(&ddi_lock) = RB_ROOT;

static int ddi_compare_key(const void *key, const struct rb_node *node)
{
	unsigned long addr = (unsigned long)key;
	unsigned long other = (unsigned long)rb_entry(node, struct ddi_area, node)->addr;

	return addr < other ? -1 : addr > other;
}

static bool ddi_is_before(struct rb_node *node, const struct rb_node *other)
{
	return ddi_compare_key(rb_entry(node, struct ddi_area, node)->addr,
			       other) < 0;
}

static void ddi_enter(struct ddi_area *area)
{
	guard(spinlock_irqsave)(&ddi_lock);

	rb_add(&area->node, &ddi_areas, ddi_is_before);
}

/* Whoever takes the record off is the one to give the memory back. */
static struct ddi_area *ddi_take_off(void *addr, size_t size, bool physcontig)
{
	struct ddi_area *area;
	struct rb_node *node;

	guard(spinlock_irqsave)(&ddi_lock);

	node = rb_find(addr, &ddi_areas, ddi_compare_key);
	if (!node)
		return NULL;
	area = rb_entry(node, struct ddi_area, node);
	if (area->size != size || (physcontig && area->call != DDI_PHYSCONTIG))
		return NULL;
	rb_erase(node, &ddi_areas);
	return area;
}

/* === An allocation === */

/**
 * ddi_begin() - note what a call is about
 * @order: to be filled in
 * @preqp: where the memory may lie
 * @flag: %KM_SLEEP or %KM_NOSLEEP
 * @caller: code address of the driver
 *
 * A mistake in the arguments is worth one warning.
 *
 * Context: Task context; with %KM_NOSLEEP any but NMI.
 * Return: false if nothing is to be had, whatever the size.
 */
bool ddi_begin(struct ddi_order *order, const physreq_t *preqp, int flag,
	       unsigned long caller)
{
	*order = (struct ddi_order){
		.caller = caller,
		.gfp = (flag & KM_NOSLEEP ? GFP_ATOMIC : GFP_KERNEL) | __GFP_NOWARN,
		.may_wait = !(flag & KM_NOSLEEP),
		.deadline = CONTIG_NEVER,
		.began = ktime_get_ns(),
		.slice = DDI_FIRST_SLICE,
		.nap = msecs_to_jiffies(DDI_FIRST_NAP),
	};
	might_sleep_if(order->may_wait);
	if (!slab_is_available())
		return false;
	/* There is nobody yet who could give memory back. */
	if (system_state < SYSTEM_SCHEDULING) {
		order->gfp = GFP_NOWAIT;
		order->may_wait = false;
	}
	if (WARN_ON_ONCE(flag & ~KM_NOSLEEP || !preqp))
		return false;
	order->limits = *preqp;
	return !WARN_ON_ONCE(!ddi_limits_sane(&order->limits));
}

/* One request for the engine, however often it was asked; others are not its. */
static void ddi_conclude(const struct ddi_order *order, bool met)
{
	const struct ddi_area *area = order->area;
	struct contig_terms terms = {
		.gfp = order->gfp,
		.caller = order->caller,
	};
	unsigned long pfn = CONTIG_NO_PFN;

	if (met != area->is_block || !ddi_may_be_block(order))
		return;
	if (met)
		pfn = page_to_pfn(virt_to_page(area->addr));
	contig_conclude(pfn, ddi_pages(area->size), &terms, &order->report);
}

/**
 * ddi_alloc() - get memory and enter it
 * @order: begun
 * @size: bytes
 * @call: who is asked
 *
 * Context: As ddi_get().
 * Return: the address, or NULL.
 */
void *ddi_alloc(struct ddi_order *order, size_t size, enum ddi_call call)
{
	phys_addr_t boundary = order->limits.phys_boundary;
	struct ddi_area *area = NULL;
	bool met;

	if (!size || (boundary && size > boundary))
		return NULL;
	if (!contig_fault(CONTIG_FAULT_DDI))
		area = kmalloc_obj(*area, order->gfp & ~__GFP_ZERO);
	if (!area)
		return NULL;
	area->size = size;
	area->call = call;
	area->is_block = false;
	order->area = area;
	met = ddi_get_or_wait(order);
	ddi_conclude(order, met);
	if (!met) {
		kfree(area);
		return NULL;
	}
	ddi_enter(area);
	return area->addr;
}

/**
 * ddi_free() - give back exactly what one call handed out
 * @addr: its address, or NULL
 * @size: as asked for
 * @physcontig: only if that call was kmem_alloc_physcontig()
 *
 * A block that the engine refuses stays on record.
 *
 * Context: Any but NMI, also under spinlocks that are not raw.
 * Return: false with nothing changed if no such memory is out.
 */
bool ddi_free(void *addr, size_t size, bool physcontig)
{
	struct ddi_area *area;

	if (!addr)
		return true;
	area = ddi_take_off(addr, size, physcontig);
	if (!area) {
		contig_count(CONTIG_BAD_FREES, 1);
		return false;
	}
	if (!area->is_block) {
		kvfree_atomic(addr);
	} else if (contig_free_exactly(virt_to_page(addr), ddi_pages(size))) {
		ddi_enter(area);
		return false;
	}
	kfree(area);
	return true;
}
