/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files behind the DDI calls share.
 */
#ifndef _MM_CONTIG_DDI_H
#define _MM_CONTIG_DDI_H

#include <linux/mm.h>
#include <linux/physreq.h>
#include <linux/rbtree.h>

#include "contig.h"

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
 * @report: of the last attempt at a block, with sums over all of them
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
	struct contig_report report;
};

static inline unsigned long ddi_pages(size_t size)
{
	return (size >> PAGE_SHIFT) + !!offset_in_page(size);
}

/* kvmalloc() is content with any pages, so there is nobody else to ask. */
static inline bool ddi_may_be_block(const struct ddi_order *order)
{
	return order->area->call != DDI_PLAIN || !order->may_wait;
}

/* ddi.c */
bool ddi_begin(struct ddi_order *order, const physreq_t *preqp, int flag,
	       unsigned long caller);
void *ddi_alloc(struct ddi_order *order, size_t size, enum ddi_call call);
bool ddi_free(void *addr, size_t size, bool physcontig);

/* ddi_get.c */
bool ddi_limits_sane(const physreq_t *limits);
bool ddi_is_anywhere(const physreq_t *limits, bool may_sleep);
struct contig_request ddi_request(const struct ddi_order *order);
bool ddi_get(struct ddi_order *order);

/* ddi_wait.c */
bool ddi_get_or_wait(struct ddi_order *order);

#endif /* _MM_CONTIG_DDI_H */
