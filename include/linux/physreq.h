/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for drivers under physical constraints, with the calls that UnixWare's
 * DDI has for it. What each of them promises is told in mm/contig/physreq.c.
 */
#ifndef _LINUX_PHYSREQ_H
#define _LINUX_PHYSREQ_H

#include <linux/alloc_tag.h>
#include <linux/ktime.h>
#include <linux/types.h>

/* Wait for memory, or do not. */
#define KM_SLEEP	0x0
#define KM_NOSLEEP	0x1

/* &physreq.phys_flags: in one piece. All memory of these calls is. */
#define PREQ_PHYSCONTIG	0x1

/**
 * struct physreq - where the memory of a device may lie
 * @phys_align: bytes that its address is a multiple of, a power of two
 * @phys_boundary: bytes, a power of two; no multiple of it lies inside. 0 for none
 * @phys_dmasize: how many address bits the device has: 24 for ISA, 0 for no limit
 * @phys_max_scgth: segments that the device can gather; nothing to an allocation,
 *	which is one segment
 * @phys_flags: %PREQ_PHYSCONTIG, no others
 *
 * From physreq_alloc(), with no constraints. Once it is filled in, physreq_prep()
 * says whether it can be met, and then any number of allocations may use it, side
 * by side. Each of them looks at the fields again, so one that is changed later
 * counts from then on, prepared anew or not.
 */
struct physreq {
	phys_addr_t phys_align;
	phys_addr_t phys_boundary;
	unsigned int phys_dmasize;
	unsigned int phys_max_scgth;
	unsigned int phys_flags;
};

/* The name that drivers know. */
typedef struct physreq physreq_t;

physreq_t *physreq_alloc_noprof(int flag);
#define physreq_alloc(...)	alloc_hooks(physreq_alloc_noprof(__VA_ARGS__))
void physreq_free(physreq_t *preqp);
bool physreq_prep(physreq_t *preqp, int flag);

void *kmem_alloc_physcontig_noprof(size_t size, physreq_t *preqp, int flag);
#define kmem_alloc_physcontig(...)	\
	alloc_hooks(kmem_alloc_physcontig_noprof(__VA_ARGS__))
void *kmem_alloc_physcontig_timeout_noprof(size_t size, physreq_t *preqp,
					   ktime_t timeout);
#define kmem_alloc_physcontig_timeout(...)	\
	alloc_hooks(kmem_alloc_physcontig_timeout_noprof(__VA_ARGS__))
void kmem_free_physcontig(void *addr, size_t size);

void *kmem_alloc_physreq_noprof(size_t size, physreq_t *preqp, int flag);
#define kmem_alloc_physreq(...)	\
	alloc_hooks(kmem_alloc_physreq_noprof(__VA_ARGS__))
void *kmem_zalloc_physreq_noprof(size_t size, physreq_t *preqp, int flag);
#define kmem_zalloc_physreq(...)	\
	alloc_hooks(kmem_zalloc_physreq_noprof(__VA_ARGS__))

void *kmem_alloc_noprof(size_t size, int flag);
#define kmem_alloc(...)		alloc_hooks(kmem_alloc_noprof(__VA_ARGS__))
void *kmem_zalloc_noprof(size_t size, int flag);
#define kmem_zalloc(...)	alloc_hooks(kmem_zalloc_noprof(__VA_ARGS__))
void kmem_free(void *addr, size_t size);

#endif /* _LINUX_PHYSREQ_H */
