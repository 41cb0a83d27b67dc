// SPDX-License-Identifier: GPL-2.0
/*
 * Memory as the engine sees it, for who wants to look: debugfs.
 *
 * /sys/kernel/debug/contig/blocks has a line for each pageblock that is online: what
 * a request would find there. /sys/kernel/debug/contig/page takes a page frame number
 * and answers with what would come of a request for that page. Nothing is moved, and
 * as no lock is held, pages may change while they are looked at.
 */
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/seq_file.h>

#include "../internal.h"
#include "contig.h"

static const char *contig_block_type(struct page *page, unsigned long pfn)
{
	return migratetype_names[get_pfnblock_migratetype(page, pfn)];
}

/* === Blocks === */

/**
 * struct contig_block_look - what one pageblock has
 * @free: pages that nobody uses
 * @movable: pages that could make room, as far as that can be seen
 * @stuck: pages that could not
 * @obstacle: the first of those
 */
struct contig_block_look {
	unsigned long free;
	unsigned long movable;
	unsigned long stuck;
	struct contig_obstacle obstacle;
};

/* On a free list or, as far as that shows, on its way there or from there. */
static bool contig_nobody_uses(struct page *page)
{
	return PageBuddy(page) || (!PageCompound(page) && !page_ref_count(page));
}

/* Returns for how many pages this look was good. */
static unsigned long contig_look_at(struct contig_block_look *look,
				    unsigned long pfn, unsigned long end)
{
	struct page *page = pfn_to_page(pfn);
	struct contig_obstacle obstacle = { .pfn = pfn };
	unsigned long step;
	bool stuck = contig_page_obstructs(page, &step, &obstacle);

	step = min(step, end - pfn);
	if (stuck && !look->stuck)
		look->obstacle = obstacle;
	if (stuck)
		look->stuck += step;
	else if (contig_nobody_uses(page))
		look->free += step;
	else
		look->movable += step;
	return step;
}

static void contig_look_at_block(struct contig_block_look *look,
				 unsigned long start, unsigned long end)
{
	unsigned long pfn = start, plain;

	*look = (struct contig_block_look){
		.obstacle.pfn = CONTIG_NO_PFN,
		.obstacle.kind = CONTIG_KIND_NONE,
	};
	while (pfn < end) {
		plain = contig_skip_plain(pfn, end);
		look->movable += plain - pfn;
		pfn = plain;
		if (pfn < end)
			pfn += contig_look_at(look, pfn, end);
	}
}

/* What a block has of its zone; beside a zone may be page structs that name it. */
static bool contig_block_span(loff_t block, unsigned long *start,
			      unsigned long *end)
{
	unsigned long pfn = block * pageblock_nr_pages;
	struct page *page = pfn_to_online_page(pfn);

	if (!page)
		return false;
	*start = max(pfn, page_zone(page)->zone_start_pfn);
	*end = min(pageblock_end_pfn(pfn), zone_end_pfn(page_zone(page)));
	return *start < *end;
}

static int contig_blocks_show(struct seq_file *m, void *block)
{
	struct contig_block_look look;
	unsigned long pfn, end;
	struct page *page;
	struct zone *zone;

	if (!contig_block_span(*(loff_t *)block, &pfn, &end))
		return SEQ_SKIP;
	page = pfn_to_page(pfn);
	zone = page_zone(page);
	contig_look_at_block(&look, pfn, end);
	seq_printf(m, "pfn=0x%lx nr=%lu node=%d zone=%s type=%s free=%lu movable=%lu stuck=%lu ",
		   pfn, end - pfn, zone_to_nid(zone), zone->name,
		   contig_block_type(page, pfn), look.free, look.movable,
		   look.stuck);
	if (look.stuck)
		seq_printf(m, "first=0x%lx kind=%s\n", look.obstacle.pfn,
			   contig_kind_name(look.obstacle.kind));
	else
		seq_puts(m, "first=none kind=none\n");
	return 0;
}

static unsigned long contig_last_pfn(void)
{
	unsigned long end = 0;
	pg_data_t *pgdat;

	for_each_online_pgdat(pgdat)
		end = max(end, pgdat_end_pfn(pgdat));
	return end;
}

/* The first block from number *@pos on that is there. */
static void *contig_find_block(loff_t *pos)
{
	unsigned long last = contig_last_pfn(), start, end;

	for (; *pos * pageblock_nr_pages < last; ++*pos) {
		cond_resched();
		if (contig_block_span(*pos, &start, &end))
			return pos;
	}
	return NULL;
}

static void *contig_blocks_start(struct seq_file *m, loff_t *pos)
{
	get_online_mems();
	return contig_find_block(pos);
}

static void *contig_blocks_next(struct seq_file *m, void *block, loff_t *pos)
{
	++*pos;
	return contig_find_block(pos);
}

static void contig_blocks_stop(struct seq_file *m, void *block)
{
	put_online_mems();
}

static const struct seq_operations contig_blocks_sops = {
	.start = contig_blocks_start,
	.next = contig_blocks_next,
	.stop = contig_blocks_stop,
	.show = contig_blocks_show,
};
DEFINE_SEQ_ATTRIBUTE(contig_blocks);

/* === One page === */

static const char * const contig_stay_names[] = {
	[CONTIG_FOR_GOOD]	= "for-good",
	[CONTIG_A_MOMENT]	= "a-moment",
	[CONTIG_A_WHILE]	= "a-while",
};

/* What has no references in hugetlb's pool may stay like that. */
static enum contig_kind contig_look_kind(struct page *page)
{
	enum contig_kind kind = contig_page_kind(page);

	return kind == CONTIG_KIND_IN_TRANSIT && PageHuge(page) ?
	       CONTIG_KIND_HUGETLB : kind;
}

static void contig_show_page(struct seq_file *m, unsigned long pfn,
			     struct page *page)
{
	struct contig_obstacle obstacle = { .reason = CONTIG_NONE };
	unsigned long step;
	bool stuck = contig_page_obstructs(page, &step, &obstacle);
	enum contig_kind kind = stuck ? obstacle.kind : contig_look_kind(page);

	seq_printf(m, "pfn=0x%lx node=%d zone=%s block=0x%lx type=%s refs=%d free=%d kind=%s reason=%s stays=%s\n",
		   pfn, page_to_nid(page), page_zone(page)->name,
		   pageblock_start_pfn(pfn), contig_block_type(page, pfn),
		   page_ref_count(compound_head(page)),
		   !stuck && contig_nobody_uses(page), contig_kind_name(kind),
		   contig_reason_name(obstacle.reason),
		   stuck ? contig_stay_names[contig_kind_stays(kind)] : "no");
}

static int contig_page_show(struct seq_file *m, void *unused)
{
	unsigned long pfn = (unsigned long)m->private;
	struct page *page;

	get_online_mems();
	page = pfn_to_online_page(pfn);
	if (page && zone_spans_pfn(page_zone(page), pfn))
		contig_show_page(m, pfn, page);
	else
		seq_printf(m, "pfn=0x%lx kind=none reason=%s stays=for-good\n",
			   pfn, contig_reason_name(CONTIG_NOT_PRESENT));
	put_online_mems();
	return 0;
}

static ssize_t contig_page_write(struct file *file, const char __user *buf,
				 size_t count, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	unsigned long pfn;
	int err = kstrtoul_from_user(buf, count, 0, &pfn);

	if (err)
		return err;
	guard(mutex)(&m->lock);

	m->private = (void *)pfn;
	return count;
}

DEFINE_SHOW_STORE_ATTRIBUTE(contig_page);

/**
 * contig_look_init() - make the files
 * @dir: the engine's directory in debugfs
 *
 * Context: Task context, once at boot.
 */
void contig_look_init(struct dentry *dir)
{
	debugfs_create_file("blocks", 0400, dir, NULL, &contig_blocks_fops);
	debugfs_create_file("page", 0600, dir, NULL, &contig_page_fops);
}
