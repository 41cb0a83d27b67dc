// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of the base beside ours, for measuring only.
 *
 * /sys/kernel/debug/contig/engine reads and takes `contig` or `intree`: which of
 * the two every caller in the kernel gets from then on. What one has handed out
 * the other can take back.
 */
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "baseline.h"

static DEFINE_STATIC_KEY_FALSE(contig_intree);

#define CONTIG_HAND_ON(function, ...)			\
	(static_branch_unlikely(&contig_intree) ?	\
	 intree_ ## function(__VA_ARGS__) :		\
	 contig_ ## function(__VA_ARGS__))

int alloc_contig_frozen_range_noprof(unsigned long start, unsigned long end,
				     acr_flags_t alloc_flags, gfp_t gfp_mask)
{
	return CONTIG_HAND_ON(alloc_contig_frozen_range_noprof, start, end,
			      alloc_flags, gfp_mask);
}
EXPORT_SYMBOL(alloc_contig_frozen_range_noprof);

int alloc_contig_range_noprof(unsigned long start, unsigned long end,
			      acr_flags_t alloc_flags, gfp_t gfp_mask)
{
	return CONTIG_HAND_ON(alloc_contig_range_noprof, start, end,
			      alloc_flags, gfp_mask);
}
EXPORT_SYMBOL(alloc_contig_range_noprof);

struct page *alloc_contig_frozen_pages_noprof(unsigned long nr_pages,
					      gfp_t gfp_mask, int nid,
					      nodemask_t *nodemask)
{
	return CONTIG_HAND_ON(alloc_contig_frozen_pages_noprof, nr_pages,
			      gfp_mask, nid, nodemask);
}
EXPORT_SYMBOL(alloc_contig_frozen_pages_noprof);

struct page *alloc_contig_pages_noprof(unsigned long nr_pages, gfp_t gfp_mask,
				       int nid, nodemask_t *nodemask)
{
	return CONTIG_HAND_ON(alloc_contig_pages_noprof, nr_pages, gfp_mask,
			      nid, nodemask);
}
EXPORT_SYMBOL(alloc_contig_pages_noprof);

void free_contig_frozen_range(unsigned long pfn, unsigned long nr_pages)
{
	CONTIG_HAND_ON(free_contig_frozen_range, pfn, nr_pages);
}
EXPORT_SYMBOL(free_contig_frozen_range);

void free_contig_range(unsigned long pfn, unsigned long nr_pages)
{
	CONTIG_HAND_ON(free_contig_range, pfn, nr_pages);
}
EXPORT_SYMBOL(free_contig_range);

/**
 * contig_baseline_is_intree() - does everybody get the base's engine now?
 *
 * Context: Any.
 * Return: true if so.
 */
bool contig_baseline_is_intree(void)
{
	return static_branch_unlikely(&contig_intree);
}

/**
 * contig_baseline_lock_mutex() - serialize callers who get the base's engine
 * @mutex: that of their area
 *
 * Context: Task context, sleeps.
 * Return: whether it was taken; the engine may change before it is released.
 */
bool contig_baseline_lock_mutex(struct mutex *mutex)
{
	bool intree = static_branch_unlikely(&contig_intree);

	if (intree)
		mutex_lock(mutex);
	return intree;
}

/* === The file === */

static ssize_t contig_engine_read(struct file *file, char __user *buf,
				  size_t count, loff_t *ppos)
{
	const char *name = static_key_enabled(&contig_intree) ? "intree\n" :
								"contig\n";

	return simple_read_from_buffer(buf, count, ppos, name, strlen(name));
}

static ssize_t contig_engine_write(struct file *file, const char __user *buf,
				   size_t count, loff_t *ppos)
{
	char name[16] = "";

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, count))
		return -EFAULT;
	if (sysfs_streq(name, "intree"))
		static_branch_enable(&contig_intree);
	else if (sysfs_streq(name, "contig"))
		static_branch_disable(&contig_intree);
	else
		return -EINVAL;
	return count;
}

static const struct file_operations contig_engine_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = contig_engine_read,
	.write = contig_engine_write,
	.llseek = default_llseek,
};

/* Behind the late_initcall that makes the directory. */
static int __init contig_baseline_init(void)
{
	struct dentry *dir = debugfs_lookup("contig", NULL);

	debugfs_create_file("engine", 0600, dir, NULL, &contig_engine_fops);
	dput(dir);
	return 0;
}
late_initcall_sync(contig_baseline_init);
