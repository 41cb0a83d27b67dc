// SPDX-License-Identifier: GPL-2.0
/*
 * One attempt to get memory for a driver.
 *
 * Small allocations are slab objects, as long as those meet the constraints; all
 * others are blocks of contig_alloc().
 */
#include <linux/cache.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "ddi.h"
#include "fault.h"
#include "plan.h"

/* Up to here, slab objects are asked first; beyond, they would waste pages. */
#define DDI_LARGEST_OBJECT	(PAGE_SIZE / 2)

/* === Constraints === */

static bool ddi_is_power(phys_addr_t bytes)
{
	return bytes && !(bytes & (bytes - 1));
}

/**
 * ddi_limits_sane() - could some machine meet these constraints?
 * @limits: as a driver filled them in
 *
 * Context: Any.
 * Return: whether to look for memory at all.
 */
bool ddi_limits_sane(const physreq_t *limits)
{
	return ddi_is_power(limits->phys_align) &&
	       (!limits->phys_boundary || ddi_is_power(limits->phys_boundary)) &&
	       !(limits->phys_flags & ~PREQ_PHYSCONTIG);
}

static phys_addr_t ddi_max_addr(const physreq_t *limits)
{
	unsigned int bits = limits->phys_dmasize;

	if (!bits || bits >= BITS_PER_TYPE(phys_addr_t))
		return PHYS_ADDR_MAX;
	return ((phys_addr_t)1 << bits) - 1;
}

static bool ddi_fits(const physreq_t *limits, phys_addr_t addr, size_t size)
{
	phys_addr_t last = addr + size - 1;

	return !(addr & (limits->phys_align - 1)) &&
	       last <= ddi_max_addr(limits) &&
	       (!limits->phys_boundary ||
		!((addr ^ last) & ~(limits->phys_boundary - 1)));
}

/**
 * ddi_is_anywhere() - does this machine have memory that meets constraints?
 * @limits: sane
 * @may_sleep: the caller may be preempted meanwhile
 *
 * What is smaller than a page is met where one begins.
 *
 * Context: Any; with @may_sleep task context.
 * Return: whether it has a page of it, in whoever's hands.
 */
bool ddi_is_anywhere(const physreq_t *limits, bool may_sleep)
{
	struct contig_wish wish = {
		.nr_pages = 1,
		.align = contig_align_of(limits->phys_align),
		.end = contig_end_of(ddi_max_addr(limits)),
	};

	return contig_place(&wish, GFP_KERNEL, may_sleep) != CONTIG_NO_PFN;
}

/**
 * ddi_request() - an order as a request to the engine
 * @order: begun, with its area
 *
 * A boundary below a page is met by each page, as nothing is larger than its
 * boundary.
 *
 * Context: Any.
 * Return: the request, without an effort.
 */
struct contig_request ddi_request(const struct ddi_order *order)
{
	const physreq_t *limits = &order->limits;
	struct contig_request req = {
		.nr_pages = ddi_pages(order->area->size),
		.align = limits->phys_align,
		.max_addr = ddi_max_addr(limits),
		.nid = NUMA_NO_NODE,
		.gfp = order->gfp,
	};

	if (limits->phys_boundary >= PAGE_SIZE)
		req.boundary = limits->phys_boundary;
	return req;
}

/* === One attempt === */

/*
 * Objects whose size is a power of two are aligned to it, so they cross no multiple
 * of a boundary that they fit into.
 */
static void *ddi_get_object(struct ddi_order *order)
{
	const physreq_t *limits = &order->limits;
	size_t size = order->area->size;
	size_t unit;
	void *addr;

	if (max(size, limits->phys_align) > DDI_LARGEST_OBJECT)
		return NULL;
	unit = max3(size, (size_t)limits->phys_align, (size_t)ARCH_DMA_MINALIGN);
	addr = kmalloc_noprof(roundup_pow_of_two(unit), order->gfp);
	if (!addr || ddi_fits(limits, virt_to_phys(addr), size))
		return addr;
	kfree(addr);
	return NULL;
}

/*
 * Without constraints. Who cannot wait may be where vmalloc() is not possible, and
 * who can shall not be the reason that others are killed.
 */
static void *ddi_get_plain(struct ddi_order *order)
{
	size_t size = order->area->size;

	if (order->may_wait)
		return kvmalloc_noprof(size, order->gfp | __GFP_RETRY_MAYFAIL);
	return size <= KMALLOC_MAX_SIZE ? kmalloc_noprof(size, order->gfp) : NULL;
}

/* From others than the engine. */
static void *ddi_get_small(struct ddi_order *order)
{
	if (contig_fault(CONTIG_FAULT_DDI_OBJECT))
		return NULL;
	if (order->area->call == DDI_PLAIN)
		return ddi_get_plain(order);
	return ddi_get_object(order);
}

/* What is left of the time bounds the attempt, and so does its slice. */
static void ddi_set_effort(struct ddi_order *order, struct contig_request *req)
{
	u64 now = ktime_get_ns();

	if (!order->may_wait) {
		req->effort = CONTIG_NOWAIT;
	} else if (order->deadline == CONTIG_NEVER) {
		req->effort = CONTIG_HARD;
	} else if (order->deadline <= now) {
		req->effort = CONTIG_NORMAL;
		req->gfp |= __GFP_NORETRY;
	} else {
		req->effort = CONTIG_HARD;
		order->slice = min(order->deadline - now, order->slice);
		req->timeout = order->slice;
		order->slice *= 2;
	}
}

/* The last attempt says why, all of them what it cost. */
static void ddi_add_up(struct ddi_order *order, struct contig_report *last)
{
	last->ranges_tried += order->report.ranges_tried;
	last->pages_moved += order->report.pages_moved;
	last->elapsed = ktime_get_ns() - order->began;
	order->report = *last;
}

static void *ddi_get_block(struct ddi_order *order)
{
	struct contig_request req = ddi_request(order);
	struct contig_report report;
	struct page *page;

	ddi_set_effort(order, &req);
	page = contig_alloc_for_noprof(&req, NULL, order->caller, true, &report);
	ddi_add_up(order, &report);
	order->area->is_block = page;
	return page ? page_address(page) : NULL;
}

/**
 * ddi_get() - try once to get what an order is for
 * @order: gets the address in its area, and how it went
 *
 * Context: Task context, may sleep; unless it may wait any but NMI.
 * Return: whether there is memory now.
 */
bool ddi_get(struct ddi_order *order)
{
	struct ddi_area *area = order->area;

	area->addr = ddi_get_small(order);
	if (!area->addr && ddi_may_be_block(order))
		area->addr = ddi_get_block(order);
	return area->addr;
}
