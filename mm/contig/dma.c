// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for devices: contiguous on the bus, below a mask, across no boundary.
 *
 * Where the bus sees memory as it is, the engine is asked for pages whose
 * addresses fit. All other devices get a block of the DMA API, so large that one
 * aligned to its size cannot cross the boundary; whether it is aligned is checked.
 *
 * Blocks of the first kind are in the record of contig_alloc(). Those of the
 * second are in a record here.
 */
#include <kunit/static_stub.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/instruction_pointer.h>
#include <linux/iommu-dma.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>

#include "contig.h"
#include "fault.h"

/* What pages of the engine's are as good for as those of any other. */
#define CONTIG_DMA_HARMLESS	(DMA_ATTR_WEAK_ORDERING | \
				 DMA_ATTR_WRITE_COMBINE | \
				 DMA_ATTR_NO_KERNEL_MAPPING | \
				 DMA_ATTR_SKIP_CPU_SYNC | \
				 DMA_ATTR_FORCE_CONTIGUOUS | \
				 DMA_ATTR_ALLOC_SINGLE_PAGES | \
				 DMA_ATTR_NO_WARN | DMA_ATTR_PRIVILEGED)

/**
 * struct contig_dma_wish - what a device asked for
 * @dev: which
 * @size: how many bytes
 * @boundary: on the bus; 0 for none
 * @gfp: how hard to try
 * @attrs: DMA_ATTR_*
 * @caller: code address of the driver
 */
struct contig_dma_wish {
	struct device *dev;
	size_t size;
	u64 boundary;
	gfp_t gfp;
	unsigned long attrs;
	unsigned long caller;
};

/**
 * struct contig_dma_block - memory of the DMA API that is out
 * @node: in contig_dma_blocks
 * @cpu_addr: what stands for it in the kernel
 * @dev: whose
 * @dma: where on the bus
 * @size: what was asked for
 * @whole: what was allocated
 */
struct contig_dma_block {
	struct hlist_node node;
	void *cpu_addr;
	struct device *dev;
	dma_addr_t dma;
	size_t size;
	size_t whole;
};

/* By their addresses in the kernel; the lock is taken in any context. */
static DEFINE_HASHTABLE(contig_dma_blocks, 6);
static DEFINE_SPINLOCK(contig_dma_lock);

/* === Does it fit? === */

static u64 contig_dma_limit(struct device *dev)
{
	return min_not_zero(dev->coherent_dma_mask, dev->bus_dma_limit);
}

static bool contig_dma_fits(const struct contig_dma_wish *wish, dma_addr_t dma)
{
	u64 last = (u64)dma + wish->size - 1;

	if (dma == DMA_MAPPING_ERROR || last < dma ||
	    last > contig_dma_limit(wish->dev))
		return false;
	return !wish->boundary || !((dma ^ last) & ~(wish->boundary - 1));
}

static bool contig_dma_possible(const struct contig_dma_wish *wish)
{
	return wish->size && wish->size <= LONG_MAX &&
	       !(wish->boundary & (wish->boundary - 1)) &&
	       (!wish->boundary || wish->size <= wish->boundary) &&
	       wish->size - 1 <= contig_dma_limit(wish->dev);
}

/* === Pages of the engine's === */

static bool contig_dma_has_pool(struct device *dev)
{
#ifdef CONFIG_DMA_DECLARE_COHERENT
	if (dev->dma_mem)
		return true;
#endif
	return is_swiotlb_for_alloc(dev);
}

/**
 * contig_dma_is_direct() - does a device see memory as it is?
 * @dev: which
 *
 * Context: Any.
 * Return: true if any page whose address fits will do, and its bus address
 * follows from the ranges of the bus.
 */
bool contig_dma_is_direct(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(contig_dma_is_direct, dev);
	return !IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA) &&
	       !use_dma_iommu(dev) && !get_dma_ops(dev) &&
	       dev_is_dma_coherent(dev) && !force_dma_unencrypted(dev) &&
	       !contig_dma_has_pool(dev);
}

/* Bus and memory count boundaries alike if they are apart by so many of them. */
static void contig_dma_bound(struct contig_request *req,
			     const struct contig_dma_wish *wish, u64 apart)
{
	if (wish->boundary <= PAGE_SIZE)
		return;
	if (IS_ALIGNED(apart, wish->boundary))
		req->boundary = wish->boundary;
	else
		req->align = roundup_pow_of_two(wish->size);
}

static struct page *contig_dma_take(const struct contig_dma_wish *wish,
				    const struct bus_dma_region *region,
				    struct contig_report *report)
{
	struct contig_request req = {
		.nr_pages = PFN_UP(wish->size),
		.min_addr = region->cpu_start,
		.nid = dev_to_node(wish->dev),
		.gfp = wish->gfp | __GFP_ZERO | __GFP_NOWARN,
		.effort = contig_effort_of(wish->gfp),
	};
	u64 limit = dma_addr_canonical(contig_dma_limit(wish->dev));
	struct page *page;

	if (limit < region->dma_start)
		return NULL;
	limit = min(limit - region->dma_start, region->size - 1);
	req.max_addr = min_t(u64, region->cpu_start + limit, PHYS_ADDR_MAX);
	contig_dma_bound(&req, wish, region->cpu_start - region->dma_start);
	page = contig_alloc_for(&req, NULL, wish->caller, false, report);
	if (!page || contig_dma_fits(wish, phys_to_dma(wish->dev,
						       page_to_phys(page))))
		return page;
	contig_free(page, req.nr_pages);
	return NULL;
}

/* One stretch of the bus after the other. */
static void *contig_dma_alloc_pages(const struct contig_dma_wish *wish,
				    dma_addr_t *dma,
				    struct contig_report *report)
{
	static const struct bus_dma_region all[] = { { .size = U64_MAX }, {} };
	const struct bus_dma_region *region = wish->dev->dma_range_map ?: all;
	struct page *page = NULL;

	for (; region->size && !page; region++)
		page = contig_dma_take(wish, region, report);
	if (!page)
		return NULL;
	*dma = phys_to_dma(wish->dev, page_to_phys(page));
	return page_address(page);
}

static int contig_dma_free_pages(struct device *dev, size_t size,
				 void *cpu_addr, dma_addr_t dma)
{
	if (!virt_addr_valid(cpu_addr) || !PAGE_ALIGNED(cpu_addr) ||
	    phys_to_dma(dev, virt_to_phys(cpu_addr)) != dma)
		return -EINVAL;
	return contig_free_exactly(virt_to_page(cpu_addr), PFN_UP(size));
}

/* === Blocks of the DMA API === */

/* Made first: what the DMA API gave might not be let go of in this context. */
static struct contig_dma_block *
contig_dma_new_block(const struct contig_dma_wish *wish)
{
	struct contig_dma_block *block;

	if (contig_fault(CONTIG_FAULT_DMA))
		return NULL;
	block = kzalloc_obj(*block, __GFP_NOWARN |
			    (wish->gfp & (GFP_KERNEL | GFP_ATOMIC)));
	if (!block)
		return NULL;
	block->dev = wish->dev;
	block->size = wish->size;
	block->whole = wish->boundary ? roundup_pow_of_two(wish->size) :
					wish->size;
	return block;
}

static void contig_dma_enter(struct contig_dma_block *block)
{
	guard(spinlock_irqsave)(&contig_dma_lock);
	hash_add(contig_dma_blocks, &block->node, (unsigned long)block->cpu_addr);
}

/* The block, which is out no more, or NULL if none such is. */
static struct contig_dma_block *
contig_dma_leave(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma)
{
	struct contig_dma_block *block;

	guard(spinlock_irqsave)(&contig_dma_lock);
	hash_for_each_possible(contig_dma_blocks, block, node,
			       (unsigned long)cpu_addr) {
		if (block->cpu_addr == cpu_addr && block->dev == dev &&
		    block->dma == dma && block->size == size) {
			hash_del(&block->node);
			return block;
		}
	}
	return NULL;
}

static void contig_dma_free_block(struct contig_dma_block *block,
				  unsigned long attrs)
{
	if (block->cpu_addr)
		dma_free_attrs(block->dev, block->whole, block->cpu_addr,
			       block->dma, attrs);
	kfree(block);
}

static void *contig_dma_alloc_block(const struct contig_dma_wish *wish,
				    dma_addr_t *dma)
{
	struct contig_dma_block *block = contig_dma_new_block(wish);

	if (!block)
		return NULL;
	block->cpu_addr = dma_alloc_attrs(wish->dev, block->whole, &block->dma,
					  wish->gfp,
					  wish->attrs | DMA_ATTR_NO_WARN);
	if (!block->cpu_addr || !contig_dma_fits(wish, block->dma)) {
		contig_dma_free_block(block, wish->attrs);
		return NULL;
	}
	contig_dma_enter(block);
	*dma = block->dma;
	return block->cpu_addr;
}

/* === The calls === */

static void contig_dma_complain(const struct contig_dma_wish *wish,
				const struct contig_report *report)
{
	char text[CONTIG_TEXT_MAX];

	if (wish->gfp & __GFP_NOWARN)
		return;
	dev_warn_ratelimited(wish->dev, "no %zu contiguous bytes for DMA%s%s\n",
			     wish->size, report->error ? ": " : "",
			     report->error ?
			     contig_describe(report, text, sizeof(text)) : "");
}

/**
 * dma_alloc_contig() - get coherent memory for a device that crosses no boundary
 * @dev: which device; its coherent mask and the ranges of its bus are kept to
 * @size: how many bytes
 * @boundary: bytes, a power of two; no multiple of it lies inside, in addresses
 *	of the bus. 0 for none
 * @dma: where it is on the bus
 * @gfp: how hard to try; zones are not looked at
 * @attrs: as for dma_alloc_attrs()
 *
 * As dma_alloc_attrs(), whose callers cannot say where a boundary is: the memory
 * is zeroed, and what is returned is for the driver only if @attrs do not say
 * otherwise. It goes back with dma_free_contig(), and not with the DMA API's calls.
 *
 * Context: Task context if @gfp allows blocking, then it may sleep; otherwise any
 * but NMI, also under spinlocks that are not raw.
 * Return: the memory in the kernel's addresses, or NULL if there is none or what
 * is asked for can never be.
 */
void *dma_alloc_contig(struct device *dev, size_t size, u64 boundary,
		       dma_addr_t *dma, gfp_t gfp, unsigned long attrs)
{
	struct contig_dma_wish wish = {
		.dev = dev,
		.size = size,
		.boundary = boundary,
		.gfp = gfp & ~(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM),
		.attrs = attrs,
		.caller = _RET_IP_,
	};
	bool is_direct = !(attrs & ~CONTIG_DMA_HARMLESS) &&
			 contig_dma_is_direct(dev);
	struct contig_report report = {};
	void *cpu_addr = NULL;

	if (WARN_ON_ONCE(!dev->coherent_dma_mask || (gfp & __GFP_COMP)))
		return NULL;
	if (!contig_dma_possible(&wish))
		return NULL;
	if (attrs & DMA_ATTR_NO_WARN)
		wish.gfp |= __GFP_NOWARN;
	if (is_direct)
		cpu_addr = contig_dma_alloc_pages(&wish, dma, &report);
	/* CMA is for those who may sleep. */
	if (!cpu_addr && (!is_direct || gfpflags_allow_blocking(gfp)))
		cpu_addr = contig_dma_alloc_block(&wish, dma);
	if (!cpu_addr)
		contig_dma_complain(&wish, &report);
	return cpu_addr;
}
EXPORT_SYMBOL_GPL(dma_alloc_contig);

/**
 * dma_free_contig() - give back what dma_alloc_contig() handed out
 * @dev: for which device
 * @size: how many bytes were asked for
 * @cpu_addr: what was returned; NULL is nothing
 * @dma: where it is on the bus
 * @attrs: as for the allocation
 *
 * Whatever is not a block that is out, as a whole, is refused with one warning,
 * and nothing changes.
 *
 * Context: Any but NMI, also under spinlocks that are not raw; but where
 * dma_free_attrs() is what frees, with interrupts on, as that one wants it.
 */
void dma_free_contig(struct device *dev, size_t size, void *cpu_addr,
		     dma_addr_t dma, unsigned long attrs)
{
	struct contig_dma_block *block;

	if (!cpu_addr)
		return;
	block = contig_dma_leave(dev, size, cpu_addr, dma);
	if (block)
		contig_dma_free_block(block, attrs);
	else
		WARN_ON_ONCE(contig_dma_free_pages(dev, size, cpu_addr, dma));
}
EXPORT_SYMBOL_GPL(dma_free_contig);
