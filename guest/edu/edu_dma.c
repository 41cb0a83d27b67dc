// SPDX-License-Identifier: GPL-2.0
/*
 * edu_dma: a driver for QEMU's "edu" PCI device that wants one large coherent buffer,
 * and a small one where the device wants it.
 *
 * It stands in for the camera and codec drivers that call dma_alloc_coherent() for
 * megabytes: the demo lets it allocate, maps the buffer, and has the device copy pages
 * through its own memory by DMA, so that a buffer which is not really ours shows.
 * It is built as a module for the demo guest only and is no part of the series.
 *
 * /dev/edu_dma, one user at a time:
 *   write "alloc BYTES"     dma_alloc_coherent()
 *   write "copy FROM TO"    DMA page at offset FROM into the device, then out to offset TO
 *   write "physreq BYTES ALIGN BOUNDARY BITS"
 *                           kmem_alloc_physcontig() under these constraints
 *   write "free"            dma_free_coherent(), kmem_free_physcontig(); so does the
 *                           last close
 *   read                    "dma=0x... size=... phys=0x..." of both
 *   mmap                    the buffer
 */
#define pr_fmt(fmt) "edu_dma: " fmt

#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#ifdef CONFIG_CONTIG_PHYSREQ
#include <linux/physreq.h>
#endif

#define EDU_VENDOR		0x1234
#define EDU_DEVICE		0x11e8

/* Registers in BAR 0, as QEMU's docs/specs/edu.txt has them. */
#define EDU_ID			0x00
#define EDU_ID_MASK		0xff
#define EDU_ID_VALUE		0xed
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DEST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_TO_RAM		BIT(1)
#define EDU_BUFFER		0x40000		/* 4 KB of memory inside the device */
#define EDU_CHUNK		(PAGE_SIZE / 2)	/* QEMU 7.2 refuses a transfer of all 4 KB */

#define EDU_POLL_US		1000
#define EDU_TIMEOUT_US		(5 * USEC_PER_SEC)

static struct edu {
	struct mutex lock;		/* all fields below, and the device */
	struct pci_dev *pdev;
	void __iomem *regs;
	void *buffer;
	dma_addr_t dma;
	size_t size;
	void *piece;			/* of kmem_alloc_physcontig() */
	size_t piece_size;
} edu = { .lock = __MUTEX_INITIALIZER(edu.lock) };

/* === The device ========================================================== */

static int edu_run_dma(u64 from, u64 to, u32 command)
{
	u32 busy;

	writeq(from, edu.regs + EDU_DMA_SOURCE);
	writeq(to, edu.regs + EDU_DMA_DEST);
	writeq(EDU_CHUNK, edu.regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | command, edu.regs + EDU_DMA_COMMAND);
	return readl_poll_timeout(edu.regs + EDU_DMA_COMMAND, busy,
				  !(busy & EDU_DMA_START), EDU_POLL_US,
				  EDU_TIMEOUT_US);
}

static int edu_copy_chunk(size_t from, size_t to)
{
	int err = edu_run_dma(edu.dma + from, EDU_BUFFER, 0);

	return err ? err : edu_run_dma(EDU_BUFFER, edu.dma + to, EDU_DMA_TO_RAM);
}

static int edu_copy(size_t from, size_t to)
{
	int err = 0;

	if (!edu.buffer || edu.size < PAGE_SIZE ||
	    from > edu.size - PAGE_SIZE || to > edu.size - PAGE_SIZE)
		return -EINVAL;
	for (size_t done = 0; done < PAGE_SIZE && !err; done += EDU_CHUNK)
		err = edu_copy_chunk(from + done, to + done);
	return err;
}

/* === The buffer ========================================================== */

static int edu_alloc(size_t size)
{
	if (edu.buffer)
		return -EBUSY;
	if (!size)
		return -EINVAL;
	edu.buffer = dma_alloc_coherent(&edu.pdev->dev, size, &edu.dma, GFP_KERNEL);
	if (!edu.buffer)
		return -ENOMEM;
	edu.size = size;
	return 0;
}

#ifdef CONFIG_CONTIG_PHYSREQ
static void *edu_get_piece(size_t size, unsigned long align, unsigned long boundary,
			   unsigned int bits)
{
	physreq_t *preqp = physreq_alloc(KM_SLEEP);
	void *piece = NULL;

	if (!preqp)
		return NULL;
	preqp->phys_align = align;
	preqp->phys_boundary = boundary;
	preqp->phys_dmasize = bits;
	preqp->phys_flags = PREQ_PHYSCONTIG;
	if (physreq_prep(preqp, KM_SLEEP))
		piece = kmem_alloc_physcontig(size, preqp, KM_SLEEP);
	physreq_free(preqp);
	return piece;
}

static void edu_free_piece(void)
{
	kmem_free_physcontig(edu.piece, edu.piece_size);
	edu.piece = NULL;
}
#else
static void *edu_get_piece(size_t size, unsigned long align, unsigned long boundary,
			   unsigned int bits)
{
	return NULL;
}

static void edu_free_piece(void)
{
}
#endif

static int edu_physreq(size_t size, unsigned long align, unsigned long boundary,
		       unsigned int bits)
{
	if (edu.piece)
		return -EBUSY;
	edu.piece = edu_get_piece(size, align, boundary, bits);
	if (!edu.piece)
		return -ENOMEM;
	edu.piece_size = size;
	return 0;
}

static void edu_free(void)
{
	edu_free_piece();
	if (edu.buffer)
		dma_free_coherent(&edu.pdev->dev, edu.size, edu.buffer, edu.dma);
	edu.buffer = NULL;
	edu.size = 0;
}

/* === /dev/edu_dma ======================================================== */

static int edu_command(const char *line)
{
	unsigned long a, b, c;
	unsigned int bits;

	if (sscanf(line, "alloc %lu", &a) == 1)
		return edu_alloc(a);
	if (sscanf(line, "copy %lu %lu", &a, &b) == 2)
		return edu_copy(a, b);
	if (sscanf(line, "physreq %lu %lu %lu %u", &a, &b, &c, &bits) == 4)
		return edu_physreq(a, b, c, bits);
	if (!strncmp(line, "free", 4)) {
		edu_free();
		return 0;
	}
	return -EINVAL;
}

static ssize_t edu_write(struct file *file, const char __user *from, size_t len,
			 loff_t *pos)
{
	char line[64];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';
	mutex_lock(&edu.lock);
	err = edu_command(line);
	mutex_unlock(&edu.lock);
	return err ? err : len;
}

static ssize_t edu_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	phys_addr_t phys;
	char line[96];
	int n;

	mutex_lock(&edu.lock);
	phys = edu.piece ? virt_to_phys(edu.piece) : 0;
	n = scnprintf(line, sizeof(line), "dma=%pad size=%zu phys=%pap\n", &edu.dma,
		      edu.size, &phys);
	mutex_unlock(&edu.lock);
	return simple_read_from_buffer(to, len, pos, line, n);
}

static int edu_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = -ENXIO;

	mutex_lock(&edu.lock);
	if (edu.buffer)
		err = dma_mmap_coherent(&edu.pdev->dev, vma, edu.buffer, edu.dma, edu.size);
	mutex_unlock(&edu.lock);
	return err;
}

/* A mapping holds the file open, so nothing is freed while user space sees it. */
static int edu_release(struct inode *inode, struct file *file)
{
	mutex_lock(&edu.lock);
	edu_free();
	mutex_unlock(&edu.lock);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.read		= edu_read,
	.write		= edu_write,
	.mmap		= edu_mmap,
	.release	= edu_release,
	.llseek		= default_llseek,
};

static struct miscdevice edu_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "edu_dma",
	.fops	= &edu_fops,
	.mode	= 0600,
};

/* === PCI ================================================================= */

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err;

	if (edu.pdev)
		return -EBUSY;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	edu.regs = pcim_iomap_region(pdev, 0, "edu_dma");
	if (IS_ERR(edu.regs))
		return PTR_ERR(edu.regs);
	if ((readl(edu.regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	pci_set_master(pdev);
	edu.pdev = pdev;
	return misc_register(&edu_misc);
}

static void edu_remove(struct pci_dev *pdev)
{
	misc_deregister(&edu_misc);
	edu.pdev = NULL;
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name		= "edu_dma",
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("One large coherent DMA buffer for QEMU's edu device");
MODULE_LICENSE("GPL");
/* It comes with the kernel it runs on; a tainted kernel would fail every test guest. */
MODULE_INFO(intree, "Y");
