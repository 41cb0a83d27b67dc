/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on purpose: where a request can be made to fail, and how.
 */
#ifndef _MM_CONTIG_FAULT_H
#define _MM_CONTIG_FAULT_H

#include <linux/types.h>

/**
 * enum contig_fault - a place in the engine where something may go wrong
 * @CONTIG_FAULT_RECORD: no memory for what a large range needs to be kept track of
 * @CONTIG_FAULT_CLAIM: a block is not claimed, as if the watermark refused it
 * @CONTIG_FAULT_DRAIN: the per-CPU lists are not emptied
 * @CONTIG_FAULT_DRAIN_HERE: nor are those of this CPU for who may not sleep
 * @CONTIG_FAULT_LRU: the LRU batches stay as they are
 * @CONTIG_FAULT_SURVEY: the first page looked at is there for good
 * @CONTIG_FAULT_TURN: as if an older request had the blocks
 * @CONTIG_FAULT_TURN_WAIT: it does not end in time
 * @CONTIG_FAULT_NAP: a nap ends before it began
 * @CONTIG_FAULT_ISOLATE: somebody else isolated a block before
 * @CONTIG_FAULT_ISOLATE_ZONE: a block lies in two zones
 * @CONTIG_FAULT_HELPERS: no memory for helpers
 * @CONTIG_FAULT_SCAN: no memory to take folios off the LRU
 * @CONTIG_FAULT_SCAN_AGAIN: one is enough, as if too many were off the lists already
 * @CONTIG_FAULT_MIGRATE: no memory to move a batch
 * @CONTIG_FAULT_MIGRATE_AGAIN: none of a batch moved, try again
 * @CONTIG_FAULT_STOCK: pages to move to do not come many at a time
 * @CONTIG_FAULT_TARGET: nor one at a time
 * @CONTIG_FAULT_DISSOLVE: no memory to replace free hugetlb pages
 * @CONTIG_FAULT_BUDDY: the buddy allocator has nothing
 * @CONTIG_FAULT_FIND: no free run fits
 * @CONTIG_FAULT_PLAN: no memory to plan a search
 * @CONTIG_FAULT_BLOCK: no memory to enter a block that is going out
 * @CONTIG_FAULT_ORDER: no memory for an order
 * @CONTIG_FAULT_DMA: no memory for the record of a block of the DMA API
 * @CONTIG_FAULT_DDI: no memory to enter what a driver gets
 * @CONTIG_FAULT_DDI_OBJECT: no memory from the slab allocator for a driver
 * @CONTIG_NR_FAULTS: how many there are; what follows are steps that cannot fail
 * @CONTIG_STEP_MAP: a block is about to be looked at in a search
 * @CONTIG_STEP_UNISOLATE: the blocks are about to come back from isolation
 * @CONTIG_STEP_UNDO: what a failed request claimed is about to go back
 * @CONTIG_NR_STEPS: how many there are in all
 */
enum contig_fault {
	CONTIG_FAULT_RECORD,
	CONTIG_FAULT_CLAIM,
	CONTIG_FAULT_DRAIN,
	CONTIG_FAULT_DRAIN_HERE,
	CONTIG_FAULT_LRU,
	CONTIG_FAULT_SURVEY,
	CONTIG_FAULT_TURN,
	CONTIG_FAULT_TURN_WAIT,
	CONTIG_FAULT_NAP,
	CONTIG_FAULT_ISOLATE,
	CONTIG_FAULT_ISOLATE_ZONE,
	CONTIG_FAULT_HELPERS,
	CONTIG_FAULT_SCAN,
	CONTIG_FAULT_SCAN_AGAIN,
	CONTIG_FAULT_MIGRATE,
	CONTIG_FAULT_MIGRATE_AGAIN,
	CONTIG_FAULT_STOCK,
	CONTIG_FAULT_TARGET,
	CONTIG_FAULT_DISSOLVE,
	CONTIG_FAULT_BUDDY,
	CONTIG_FAULT_FIND,
	CONTIG_FAULT_PLAN,
	CONTIG_FAULT_BLOCK,
	CONTIG_FAULT_ORDER,
	CONTIG_FAULT_DMA,
	CONTIG_FAULT_DDI,
	CONTIG_FAULT_DDI_OBJECT,
	CONTIG_NR_FAULTS,
	CONTIG_STEP_MAP = CONTIG_NR_FAULTS,
	CONTIG_STEP_UNISOLATE,
	CONTIG_STEP_UNDO,
	CONTIG_NR_STEPS
};

struct dentry;

/* fault.c */
#ifdef CONFIG_CONTIG_FAULT
bool contig_fault(enum contig_fault at);
bool contig_fault_wanted(enum contig_fault at);
const char *contig_fault_name(enum contig_fault at);
long contig_fault_reached(enum contig_fault at);
long contig_fault_failed(enum contig_fault at);
void contig_fault_init(struct dentry *dir);
#else
static inline bool contig_fault(enum contig_fault at)
{
	return false;
}

static inline void contig_fault_init(struct dentry *dir)
{
}
#endif

/* Nothing can fail here, but much can happen in between. */
static inline void contig_step(enum contig_fault at)
{
	contig_fault(at);
}

#endif /* _MM_CONTIG_FAULT_H */
