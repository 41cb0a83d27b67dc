// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that UnixWare's DDI has for memory of drivers.
 *
 * Each allocation is on record with its address and its size to the byte, so that
 * whatever else somebody gives back is refused. Small ones are slab objects, as
 * long as those meet the constraints; all others are blocks of contig_alloc().
 *
 * Who may sleep waits until there is memory, woken by the engine when it gives a
 * range back. Others free memory without telling it, so that a sleeper also looks
 * by himself now and then.
 */
#define pr_fmt(fmt) "contig: " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/physreq.h>
#include <linux/printk.h>
#include <linux/rbtree.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <kunit/static_stub.h>

#include "contig.h"
#include "plan.h"

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

/* === Data === */

/* Up to here, slab objects are asked first; beyond, they would waste pages. */
#define DDI_LARGEST_OBJECT	(PAGE_SIZE / 2)

/* Looks of a sleeper: the first and the longest pause, in ms */
#define DDI_FIRST_NAP		10
#define DDI_LONGEST_NAP		1000

/* How long an attempt may take at first if there is a deadline to all of them */
#define DDI_FIRST_SLICE		(1 * NSEC_PER_SEC)

#define DDI_TELL_AFTER		(10 * NSEC_PER_SEC)

enum ddi_call { DDI_PLAIN, DDI_PHYSREQ, DDI_PHYSCONTIG };

/**
 * struct ddi_area - memory that is out
 * @node: in ddi_areas, by address
 * @addr: as handed out
 * @size: bytes, as asked for
 * @call: who handed it out
 * @is_block: a block of contig_alloc(), or else of kvmalloc()
 */
struct ddi_area {
	struct rb_node node;
	void *addr;
	size_t size;
	enum ddi_call call;
	bool is_block;
};

/* Innermost; for one look-up or change, from any context. */
static DEFINE_SPINLOCK(ddi_lock);
static struct rb_root ddi_areas __guarded_by(&ddi_lock) = RB_ROOT;

/**
 * struct ddi_order - one allocation on its way
 * @area: the record to be, with size and call
 * @limits: the caller's constraints, as they were when the call began
 * @caller: code address
 * @gfp: what every part of it is allocated with
 * @may_wait: the caller does not want to come back without
 * @deadline: when it has to be over, as ktime_get_ns() counts; %CONTIG_NEVER
 * @began: when it began
 * @slice: how long the next attempt may take, if there is a deadline
 * @nap: until the next look, in jiffies
 * @crowded: the last look was for memory given back, and in vain
 * @place: where it could lie if nobody else were there
 * @report: of the last attempt
 */
struct ddi_order {
	struct ddi_area *area;
	physreq_t limits;
	unsigned long caller;
	gfp_t gfp;
	bool may_wait;
	u64 deadline;
	u64 began;
	u64 slice;
	unsigned long nap;
	bool crowded;
	unsigned long place;
	struct contig_report report;
};

/* Tasks that wait for memory, and how often some was given back to them. */
atomic_t contig_sleepers = ATOMIC_INIT(0);
static atomic_t ddi_rings = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(ddi_bell);

/* === Constraints === */

static const physreq_t ddi_no_limits = { .phys_align = 1 };

static bool ddi_is_power(phys_addr_t bytes)
{
	return bytes && !(bytes & (bytes - 1));
}

/* Could some machine meet them? */
static bool ddi_limits_sane(const physreq_t *limits)
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

static unsigned long ddi_pages(size_t size)
{
	return (size >> PAGE_SHIFT) + !!offset_in_page(size);
}

static bool ddi_fits(const physreq_t *limits, phys_addr_t addr, size_t size)
{
	phys_addr_t last = addr + size - 1;

	return !(addr & (limits->phys_align - 1)) &&
	       last <= ddi_max_addr(limits) &&
	       (!limits->phys_boundary ||
		!((addr ^ last) & ~(limits->phys_boundary - 1)));
}

/*
 * In pages: whatever is smaller than one is met where a page begins, as nothing
 * is larger than its boundary.
 */
static void ddi_wish(struct contig_wish *wish, const physreq_t *limits,
		     size_t size)
{
	phys_addr_t max_addr = ddi_max_addr(limits);

	*wish = (struct contig_wish){
		.nr_pages = ddi_pages(size),
		.align = max(PHYS_PFN(limits->phys_align), 1UL),
		.boundary = PHYS_PFN(limits->phys_boundary),
		.end = max_addr == PHYS_ADDR_MAX ? ULONG_MAX >> PAGE_SHIFT :
						   PHYS_PFN(max_addr + 1),
	};
}

/* Where this would lie if nobody else used memory; CONTIG_NO_PFN for nowhere. */
static unsigned long ddi_place(const physreq_t *limits, size_t size,
			       bool may_sleep)
{
	struct contig_wish wish;

	ddi_wish(&wish, limits, size);
	return contig_place(&wish, GFP_KERNEL, may_sleep);
}

/* === Records === */

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
		req->timeout = min(order->deadline - now, order->slice);
		order->slice *= 2;
	}
}

static void *ddi_get_block(struct ddi_order *order)
{
	const physreq_t *limits = &order->limits;
	struct contig_request req = {
		.nr_pages = ddi_pages(order->area->size),
		.align = limits->phys_align,
		.max_addr = ddi_max_addr(limits),
		.nid = NUMA_NO_NODE,
		.gfp = order->gfp,
	};
	struct page *page;

	if (limits->phys_boundary >= PAGE_SIZE)
		req.boundary = limits->phys_boundary;
	ddi_set_effort(order, &req);
	page = contig_alloc_noprof(&req, &order->report);
	order->area->is_block = page;
	return page ? page_address(page) : NULL;
}

static bool ddi_try(struct ddi_order *order)
{
	struct ddi_area *area = order->area;

	if (area->call == DDI_PLAIN)
		area->addr = ddi_get_plain(order);
	else
		area->addr = ddi_get_object(order);
	/* kvmalloc() was asked for any pages at all. */
	if (!area->addr && !(area->call == DDI_PLAIN && order->may_wait))
		area->addr = ddi_get_block(order);
	return area->addr;
}

/* === Waiting === */

/**
 * contig_wake_sleepers() - tell those who wait that a range was given back
 * @pfn: where it begins
 *
 * Context: Any but NMI.
 */
void contig_wake_sleepers(unsigned long pfn)
{
	/* They cannot use what belongs to a CMA area. */
	if (is_migrate_cma(get_pfnblock_migratetype(pfn_to_page(pfn), pfn)))
		return;
	atomic_inc(&ddi_rings);
	wake_up_all(&ddi_bell);
}

/* Is there any use in waiting? What no attempt can get, none will get later. */
static bool ddi_can_ever(struct ddi_order *order)
{
	size_t size = order->area->size;

	if (order->area->call == DDI_PLAIN)
		return size <= INT_MAX && ddi_pages(size) <= totalram_pages();
	order->place = ddi_place(&order->limits, size, true);
	return order->place != CONTIG_NO_PFN;
}

static bool ddi_is_over(const struct ddi_order *order)
{
	return fatal_signal_pending(current) || order->report.error == -EINVAL ||
	       ktime_get_ns() >= order->deadline;
}

/* If the search blames nobody: who is in the way where it could lie? */
static void ddi_name_blocker(struct ddi_order *order)
{
	struct contig_report *report = &order->report;
	unsigned long end = order->place + ddi_pages(order->area->size);
	struct contig_obstacle obstacle;

	if (order->area->call == DDI_PLAIN) {
		contig_because(report, -ENOMEM, CONTIG_NO_MEMORY, CONTIG_NO_PFN);
		return;
	}
	if (report->blocking_pfn == CONTIG_NO_PFN &&
	    !contig_survey(order->place, end, ACR_FLAGS_NONE, &obstacle))
		contig_because_of(report, report->error, &obstacle);
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
	char text[CONTIG_TEXT_MAX];

	KUNIT_STATIC_STUB_REDIRECT(contig_tell_wait, size, waited, caller,
				   report);
	if (waited < DDI_TELL_AFTER)
		return false;
	pr_warn("%s[%d] waits for %zu bytes since %llu s in %pS: %s\n",
		current->comm, task_pid_nr(current), size,
		div_u64(waited, NSEC_PER_SEC), (void *)caller,
		contig_describe(report, text, sizeof(text)));
	return true;
}

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

		met = ddi_try(order);
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

/* === An allocation === */

static bool ddi_serve(struct ddi_order *order)
{
	if (ddi_try(order))
		return true;
	if (!order->may_wait || ddi_is_over(order) || !ddi_can_ever(order))
		return false;
	return ddi_wait(order);
}

static void *ddi_alloc(struct ddi_order *order, size_t size, enum ddi_call call)
{
	phys_addr_t boundary = order->limits.phys_boundary;
	struct ddi_area *area;

	if (!size || (boundary && size > boundary))
		return NULL;
	area = kmalloc_obj(*area, order->gfp & ~__GFP_ZERO);
	if (!area)
		return NULL;
	area->size = size;
	area->call = call;
	area->is_block = false;
	order->area = area;
	if (!ddi_serve(order)) {
		kfree(area);
		return NULL;
	}
	ddi_enter(area);
	return area->addr;
}

/* A mistake in the arguments is worth one warning. */
static bool ddi_begin(struct ddi_order *order, const physreq_t *preqp, int flag,
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

/* === Constraints, for drivers === */

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
	       ddi_place(preqp, 1, may_sleep) != CONTIG_NO_PFN;
}
EXPORT_SYMBOL_GPL(physreq_prep);

/* === Memory, for drivers === */

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

/* Exactly what one call handed out; a block that the engine refuses stays ours. */
static bool ddi_free(void *addr, size_t size, bool physcontig)
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
