// SPDX-License-Identifier: GPL-2.0
/*
 * Contiguous memory for a device with wishes: QEMU's "edu", a PCI device for
 * teaching, which reaches the first 256 MB of memory.
 *
 * Its driver here wants what many a camera or network card does: a large buffer
 * and a ring, below a mask and each within a boundary. The buffer is ordered
 * before anything else is done, the ring is got meanwhile. Then the device copies
 * parts of both through its own memory, and what arrives is compared.
 *
 * A driver that has no use for its buffer before a first interrupt would not wait
 * for it in its probe routine, as this one does to say how it went.
 */
#include <linux/completion.h>
#include <linux/contig.h>
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

/* Registers in BAR 0, see docs/specs/edu in QEMU */
#define EDU_ID			0x00
#define EDU_ID_MASK		0xff
#define EDU_ID_VALUE		0xed
#define EDU_DMA_FROM		0x80
#define EDU_DMA_TO		0x88
#define EDU_DMA_BYTES		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_GO		BIT(0)
#define EDU_DMA_OUT		BIT(1)

/* Its own memory has a page; some versions refuse to fill it to the last byte. */
#define EDU_MEMORY		0x40000
#define EDU_CHUNK		SZ_2K

#define EDU_POLL_US		1000
#define EDU_TIMEOUT_US		(5 * USEC_PER_SEC)

#define EDU_DMA_BITS		28
#define EDU_BUFFER_SIZE		SZ_4M
#define EDU_BUFFER_BOUNDARY	SZ_16M
#define EDU_RING_SIZE		(48 * SZ_1K)
#define EDU_RING_BOUNDARY	SZ_64K

/**
 * struct contig_edu - one device
 * @dev: the device
 * @regs: its registers
 * @told: the order is done
 * @page: what came of it, or NULL
 * @report: how it went
 * @buffer: address of the buffer on the bus
 * @is_mapped: the buffer has one
 * @ring: the ring
 * @ring_dma: its address on the bus
 */
struct contig_edu {
	struct device *dev;
	void __iomem *regs;
	struct completion told;
	struct page *page;
	struct contig_report report;
	dma_addr_t buffer;
	bool is_mapped;
	void *ring;
	dma_addr_t ring_dma;
};

/* === The device === */

static int edu_transfer(struct contig_edu *edu, u64 from, u64 to, u32 command)
{
	u32 state;

	writeq(from, edu->regs + EDU_DMA_FROM);
	writeq(to, edu->regs + EDU_DMA_TO);
	writeq(EDU_CHUNK, edu->regs + EDU_DMA_BYTES);
	writeq(EDU_DMA_GO | command, edu->regs + EDU_DMA_COMMAND);
	return readl_poll_timeout(edu->regs + EDU_DMA_COMMAND, state,
				  !(state & EDU_DMA_GO), EDU_POLL_US,
				  EDU_TIMEOUT_US);
}

/* In and out again, to another place. */
static int edu_copy(struct contig_edu *edu, dma_addr_t from, dma_addr_t to)
{
	return edu_transfer(edu, from, EDU_MEMORY, 0) ?:
	       edu_transfer(edu, EDU_MEMORY, to, EDU_DMA_OUT);
}

/* === What it wants === */

static void edu_buffer_ready(struct contig_order *order, struct page *page,
			     const struct contig_report *report, void *data)
{
	struct contig_edu *edu = data;

	edu->page = page;
	edu->report = *report;
	complete(&edu->told);
}

/* Addresses of memory and of the bus are the same wherever QEMU has an edu. */
static struct contig_order *edu_order_buffer(struct contig_edu *edu)
{
	struct contig_request req = {
		.nr_pages = EDU_BUFFER_SIZE / PAGE_SIZE,
		.boundary = EDU_BUFFER_BOUNDARY,
		.max_addr = DMA_BIT_MASK(EDU_DMA_BITS),
		.nid = dev_to_node(edu->dev),
		.gfp = GFP_KERNEL,
		.effort = CONTIG_HARD,
	};

	init_completion(&edu->told);
	return contig_alloc_async(&req, edu_buffer_ready, edu);
}

static int edu_map_buffer(struct contig_edu *edu)
{
	if (!edu->page)
		return dev_err_probe(edu->dev, edu->report.error ?: -EINTR,
				     "no buffer\n");
	edu->buffer = dma_map_page(edu->dev, edu->page, 0, EDU_BUFFER_SIZE,
				   DMA_BIDIRECTIONAL);
	if (dma_mapping_error(edu->dev, edu->buffer))
		return dev_err_probe(edu->dev, -EIO, "buffer out of reach\n");
	edu->is_mapped = true;
	return 0;
}

static int edu_get_memory(struct contig_edu *edu)
{
	struct contig_order *order = edu_order_buffer(edu);

	if (!order)
		return -ENOMEM;
	edu->ring = dma_alloc_contig(edu->dev, EDU_RING_SIZE, EDU_RING_BOUNDARY,
				     &edu->ring_dma, GFP_KERNEL, 0);
	/* Killed or not, after this nobody else touches @edu. */
	wait_for_completion_killable(&edu->told);
	contig_cancel(order);
	if (!edu->ring)
		return dev_err_probe(edu->dev, -ENOMEM, "no ring\n");
	return edu_map_buffer(edu);
}

static void edu_put_memory(struct contig_edu *edu)
{
	/* A transfer that never came to an end must not come to one now. */
	pci_clear_master(to_pci_dev(edu->dev));
	if (edu->is_mapped)
		dma_unmap_page(edu->dev, edu->buffer, EDU_BUFFER_SIZE,
			       DMA_BIDIRECTIONAL);
	if (edu->page)
		contig_free(edu->page, EDU_BUFFER_SIZE / PAGE_SIZE);
	if (edu->ring)
		dma_free_contig(edu->dev, EDU_RING_SIZE, edu->ring,
				edu->ring_dma, 0);
}

/* === Is it what it wants? === */

static bool edu_fits(dma_addr_t dma, size_t size, u64 boundary)
{
	u64 last = dma + size - 1;

	return last <= DMA_BIT_MASK(EDU_DMA_BITS) &&
	       !((dma ^ last) & ~(boundary - 1));
}

static int edu_check_place(struct contig_edu *edu)
{
	if (edu_fits(edu->buffer, EDU_BUFFER_SIZE, EDU_BUFFER_BOUNDARY) &&
	    edu_fits(edu->ring_dma, EDU_RING_SIZE, EDU_RING_BOUNDARY))
		return 0;
	return dev_err_probe(edu->dev, -ERANGE,
			     "buffer at %pad or ring at %pad does not fit\n",
			     &edu->buffer, &edu->ring_dma);
}

/* No two chunks, and no two words of one, look alike. */
static void edu_fill(void *chunk, u32 seed)
{
	u32 *words = chunk;

	for (u32 i = 0; i < EDU_CHUNK / sizeof(*words); i++)
		words[i] = (seed + i) * 0x9e3779b1;
}

static int edu_compare(struct contig_edu *edu, const void *from, const void *to)
{
	if (!memcmp(from, to, EDU_CHUNK))
		return 0;
	return dev_err_probe(edu->dev, -EILSEQ, "not what was sent\n");
}

static int edu_check_ring(struct contig_edu *edu, size_t from, size_t to)
{
	int err;

	edu_fill(edu->ring + from, from);
	edu_fill(edu->ring + to, ~from);
	err = edu_copy(edu, edu->ring_dma + from, edu->ring_dma + to);
	return err ?: edu_compare(edu, edu->ring + from, edu->ring + to);
}

/* The buffer is the device's, but while the driver has a look at it. */
static int edu_check_buffer(struct contig_edu *edu, size_t from, size_t to)
{
	void *cpu = page_address(edu->page);
	int err;

	dma_sync_single_for_cpu(edu->dev, edu->buffer, EDU_BUFFER_SIZE,
				DMA_BIDIRECTIONAL);
	edu_fill(cpu + from, from);
	edu_fill(cpu + to, ~from);
	dma_sync_single_for_device(edu->dev, edu->buffer, EDU_BUFFER_SIZE,
				   DMA_BIDIRECTIONAL);
	err = edu_copy(edu, edu->buffer + from, edu->buffer + to);
	dma_sync_single_for_cpu(edu->dev, edu->buffer, EDU_BUFFER_SIZE,
				DMA_BIDIRECTIONAL);
	err = err ?: edu_compare(edu, cpu + from, cpu + to);
	dma_sync_single_for_device(edu->dev, edu->buffer, EDU_BUFFER_SIZE,
				   DMA_BIDIRECTIONAL);
	return err;
}

/* From end to end and back to the middle; the device is slow, by design. */
static int edu_check(struct contig_edu *edu)
{
	size_t buffer_end = EDU_BUFFER_SIZE - EDU_CHUNK;
	size_t ring_end = EDU_RING_SIZE - EDU_CHUNK;

	return edu_check_place(edu) ?:
	       edu_check_buffer(edu, 0, buffer_end) ?:
	       edu_check_buffer(edu, buffer_end, EDU_BUFFER_SIZE / 2) ?:
	       edu_check_ring(edu, 0, ring_end) ?:
	       edu_check_ring(edu, ring_end, EDU_RING_SIZE / 2);
}

/* === PCI === */

static int edu_start(struct contig_edu *edu, struct pci_dev *pdev)
{
	int err = pcim_enable_device(pdev);

	if (err)
		return err;
	edu->regs = pcim_iomap_region(pdev, 0, "contig_edu");
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	if ((readl(edu->regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;
	pci_set_master(pdev);
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(EDU_DMA_BITS));
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct contig_edu *edu = devm_kzalloc(&pdev->dev, sizeof(*edu),
					      GFP_KERNEL);
	int err;

	if (!edu)
		return -ENOMEM;
	edu->dev = &pdev->dev;
	pci_set_drvdata(pdev, edu);
	err = edu_start(edu, pdev);
	if (err)
		return err;
	err = edu_get_memory(edu) ?: edu_check(edu);
	if (err) {
		edu_put_memory(edu);
		return err;
	}
	dev_info(edu->dev, "buffer %d KB at %pad, ring %d KB at %pad: DMA is right\n",
		 EDU_BUFFER_SIZE / SZ_1K, &edu->buffer,
		 EDU_RING_SIZE / SZ_1K, &edu->ring_dma);
	return 0;
}

static void edu_remove(struct pci_dev *pdev)
{
	edu_put_memory(pci_get_drvdata(pdev));
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "contig_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Contiguous memory for QEMU's edu device");
MODULE_LICENSE("GPL");
