// SPDX-License-Identifier: GPL-2.0
/*
 * Calls with a stopwatch, for measuring only.
 *
 * /sys/kernel/debug/contig/bench takes one command per write and answers reads
 * with one line about the last of them. It makes the same calls as any other
 * caller in the kernel, so that baseline.c decides which engine gets them. Only
 * the call itself is between the two readings of the clock.
 *
 *   range|frozen|cmarange|hard START NR	an exact range
 *   pages|comp|cma NR			any range
 *   cmaat NR ORDER			the same, aligned
 *   pinned START NR OFFSET USECS	as hard, with one of its pages pinned when
 *					the call starts, for so long
 *   reserved START NR OFFSET		as range, with one of its pages reserved
 *   free				give back what the last of these took
 *   pair NR TIMES			cma_alloc() and cma_release()
 *   span|frozenspan START NR TIMES	alloc_contig_range() and back, or frozen
 *   threads N NR TIMES			the same pair from N threads at a time
 *   fill START NR ADDR			move the caller's pages from ADDR on to
 *					the range
 *   spoil STEP OFFSET FROM TO		keep a page of the kernel at OFFSET behind
 *					each multiple of STEP, but none in [FROM, TO)
 *   unspoil				give them back
 *   nosleep NR ALIGN BOUNDARY		blocks from a timer interrupt until none is
 *					left; the slowest, and how many were missed
 */
#include <linux/cma.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mutex.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "../internal.h"
#include "baseline.h"
#include "bench.h"

static struct contig_bench contig_bench = {
	.lock = __MUTEX_INITIALIZER(contig_bench.lock),
};

static struct cma *contig_bench_area(void)
{
	return IS_ENABLED(CONFIG_CMA) ? dev_get_cma_area(NULL) : NULL;
}

static int contig_bench_hold(struct contig_bench *bench, struct page *page,
			     unsigned long nr_pages, enum contig_bench_form form)
{
	if (!page)
		return -ENOMEM;
	bench->start = page_to_pfn(page);
	bench->nr_pages = nr_pages;
	bench->form = form;
	return 0;
}

static int contig_bench_exact(struct contig_bench *bench, acr_flags_t flags,
			      gfp_t gfp)
{
	unsigned long start = bench->arg[0], end = start + bench->arg[1];
	int err;

	CONTIG_BENCH_TIME(bench, err = alloc_contig_range(start, end, flags, gfp));
	return err ?: contig_bench_hold(bench, pfn_to_page(start),
					bench->arg[1], CONTIG_BENCH_RANGE);
}

static int contig_bench_range(struct contig_bench *bench)
{
	return contig_bench_exact(bench, ACR_FLAGS_NONE, GFP_KERNEL);
}

static int contig_bench_cmarange(struct contig_bench *bench)
{
	return contig_bench_exact(bench, ACR_FLAGS_CMA, GFP_KERNEL);
}

static int contig_bench_hard(struct contig_bench *bench)
{
	return contig_bench_exact(bench, ACR_FLAGS_NONE,
				  GFP_KERNEL | __GFP_RETRY_MAYFAIL);
}

/* === Obstacles === */

struct contig_bench_pin {
	struct hrtimer timer;
	struct page *page;
};

static enum hrtimer_restart contig_bench_unpin(struct hrtimer *timer)
{
	put_page(container_of(timer, struct contig_bench_pin, timer)->page);
	return HRTIMER_NORESTART;
}

static struct page *contig_bench_page(struct contig_bench *bench)
{
	if (bench->arg[2] >= bench->arg[1])
		return NULL;
	return pfn_to_online_page(bench->arg[0] + bench->arg[2]);
}

/* The timer's reference is never the last: a process has the page mapped. */
static int contig_bench_pinned(struct contig_bench *bench)
{
	struct contig_bench_pin pin = { .page = contig_bench_page(bench) };
	int err;

	if (!pin.page || !get_page_unless_zero(pin.page))
		return -ENOENT;
	hrtimer_setup_on_stack(&pin.timer, contig_bench_unpin, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL);
	hrtimer_start(&pin.timer, us_to_ktime(bench->arg[3]), HRTIMER_MODE_REL);
	err = contig_bench_hard(bench);
	if (hrtimer_cancel(&pin.timer))
		put_page(pin.page);
	destroy_hrtimer_on_stack(&pin.timer);
	return err;
}

static int contig_bench_reserved(struct contig_bench *bench)
{
	struct page *page = contig_bench_page(bench);
	int err;

	if (!page || PageReserved(page))
		return -ENOENT;
	SetPageReserved(page);
	/* The other engine has no line for the log either. */
	err = contig_bench_exact(bench, ACR_FLAGS_NONE, GFP_KERNEL | __GFP_NOWARN);
	ClearPageReserved(page);
	return err;
}

static int contig_bench_frozen(struct contig_bench *bench)
{
	unsigned long start = bench->arg[0], end = start + bench->arg[1];
	int err;

	CONTIG_BENCH_TIME(bench, err = alloc_contig_frozen_range(start, end,
								 ACR_FLAGS_NONE,
								 GFP_KERNEL));
	return err ?: contig_bench_hold(bench, pfn_to_page(start),
					bench->arg[1], CONTIG_BENCH_FROZEN);
}

static int contig_bench_pages(struct contig_bench *bench)
{
	struct page *page;

	CONTIG_BENCH_TIME(bench, page = alloc_contig_pages(bench->arg[0],
							   GFP_KERNEL,
							   numa_mem_id(), NULL));
	return contig_bench_hold(bench, page, bench->arg[0],
				 CONTIG_BENCH_RANGE);
}

static int contig_bench_comp(struct contig_bench *bench)
{
	gfp_t gfp = GFP_KERNEL | __GFP_COMP;
	struct page *page;

	CONTIG_BENCH_TIME(bench,
			  page = alloc_contig_frozen_pages(bench->arg[0], gfp,
							   numa_mem_id(), NULL));
	return contig_bench_hold(bench, page, bench->arg[0],
				 CONTIG_BENCH_FROZEN);
}

static int contig_bench_cma_order(struct contig_bench *bench, unsigned int order)
{
	struct cma *area = contig_bench_area();
	struct page *page;

	if (!area)
		return -ENODEV;
	CONTIG_BENCH_TIME(bench, page = cma_alloc(area, bench->arg[0], order,
						  true));
	return contig_bench_hold(bench, page, bench->arg[0], CONTIG_BENCH_CMA);
}

static int contig_bench_cma(struct contig_bench *bench)
{
	return contig_bench_cma_order(bench, 0);
}

static int contig_bench_cmaat(struct contig_bench *bench)
{
	return contig_bench_cma_order(bench, bench->arg[1]);
}

static int contig_bench_free(struct contig_bench *bench)
{
	struct page *page = pfn_to_page(bench->start);
	unsigned long nr_pages = bench->nr_pages;

	switch (bench->form) {
	case CONTIG_BENCH_NOTHING:
		return -ENOENT;
	case CONTIG_BENCH_RANGE:
		CONTIG_BENCH_TIME(bench, free_contig_range(bench->start,
							   nr_pages));
		break;
	case CONTIG_BENCH_FROZEN:
		CONTIG_BENCH_TIME(bench, free_contig_frozen_range(bench->start,
								  nr_pages));
		break;
	case CONTIG_BENCH_CMA:
		CONTIG_BENCH_TIME(bench, cma_release(contig_bench_area(), page,
						     nr_pages));
		break;
	}
	bench->form = CONTIG_BENCH_NOTHING;
	return 0;
}

static int contig_bench_cma_pairs(unsigned long nr_pages, unsigned long times)
{
	struct cma *area = contig_bench_area();
	struct page *page;

	if (!area)
		return -ENODEV;
	while (times--) {
		page = cma_alloc(area, nr_pages, 0, true);
		if (!page)
			return -ENOMEM;
		cma_release(area, page, nr_pages);
	}
	return 0;
}

static int contig_bench_pair(struct contig_bench *bench)
{
	int err;

	CONTIG_BENCH_TIME(bench, err = contig_bench_cma_pairs(bench->arg[0],
							      bench->arg[1]));
	return err;
}

static int contig_bench_spans(struct contig_bench *bench, bool frozen)
{
	unsigned long start = bench->arg[0], nr_pages = bench->arg[1];
	unsigned long end = start + nr_pages;
	int err = 0;

	for (unsigned long times = bench->arg[2]; times && !err; times--) {
		if (frozen)
			err = alloc_contig_frozen_range(start, end,
							ACR_FLAGS_NONE,
							GFP_KERNEL);
		else
			err = alloc_contig_range(start, end, ACR_FLAGS_NONE,
						 GFP_KERNEL);
		if (!err && frozen)
			free_contig_frozen_range(start, nr_pages);
		else if (!err)
			free_contig_range(start, nr_pages);
	}
	return err;
}

static int contig_bench_span(struct contig_bench *bench)
{
	int err;

	CONTIG_BENCH_TIME(bench, err = contig_bench_spans(bench, false));
	return err;
}

static int contig_bench_frozenspan(struct contig_bench *bench)
{
	int err;

	CONTIG_BENCH_TIME(bench, err = contig_bench_spans(bench, true));
	return err;
}

/* === Threads === */

struct contig_bench_crowd {
	struct contig_bench *bench;
	atomic_t left;
	atomic_t failed;
	struct completion start;
	struct completion done;
};

static int contig_bench_thread(void *data)
{
	struct contig_bench_crowd *crowd = data;

	wait_for_completion(&crowd->start);
	if (contig_bench_cma_pairs(crowd->bench->arg[1], crowd->bench->arg[2]))
		atomic_inc(&crowd->failed);
	if (atomic_dec_and_test(&crowd->left))
		complete(&crowd->done);
	return 0;
}

static void contig_bench_go(struct contig_bench_crowd *crowd)
{
	complete_all(&crowd->start);
	wait_for_completion(&crowd->done);
}

static int contig_bench_threads(struct contig_bench *bench)
{
	struct contig_bench_crowd crowd = { .bench = bench };
	unsigned long nr = bench->arg[0];

	if (!nr || nr > 64)
		return -EINVAL;
	init_completion(&crowd.start);
	init_completion(&crowd.done);
	atomic_set(&crowd.left, nr);
	for (unsigned long i = 0; i < nr; i++) {
		if (!IS_ERR(kthread_run(contig_bench_thread, &crowd,
					"contig_bench/%lu", i)))
			continue;
		atomic_inc(&crowd.failed);
		if (atomic_dec_and_test(&crowd.left))
			return -ENOMEM;
	}
	CONTIG_BENCH_TIME(bench, contig_bench_go(&crowd));
	return atomic_read(&crowd.failed) ? -ENOMEM : 0;
}

/* === Filling === */

struct contig_bench_targets {
	unsigned long next;
	unsigned long end;
};

static struct folio *contig_bench_target(struct folio *src, unsigned long private)
{
	struct contig_bench_targets *targets = (void *)private;

	if (folio_test_large(src) || targets->next == targets->end)
		return NULL;
	return pfn_folio(targets->next++);
}

/* Taking the range may have dropped pages of the cache that lay there. */
static void contig_bench_fault_in(unsigned long addr, unsigned long nr_pages)
{
	struct page *page;

	for (; nr_pages--; addr += PAGE_SIZE)
		if (get_user_pages_fast(addr, 1, 0, &page) == 1)
			put_page(page);
	lru_add_drain_all();
}

/* What was in the caller's memory from @addr on, off the LRU, in this order. */
static int contig_bench_collect(unsigned long addr, unsigned long nr_pages,
				struct list_head *list)
{
	for (; nr_pages--; addr += PAGE_SIZE) {
		struct page *page;
		struct folio *folio;

		if (get_user_pages_fast(addr, 1, 0, &page) != 1)
			return -EFAULT;
		folio = page_folio(page);
		if (!folio_test_large(folio) && folio_isolate_lru(folio)) {
			list_add_tail(&folio->lru, list);
			node_stat_mod_folio(folio, NR_ISOLATED_ANON +
					    folio_is_file_lru(folio), 1);
		}
		folio_put(folio);
	}
	return 0;
}

/*
 * The pages of the range are allocated, and then others' contents move in: so
 * the range is full of just the pages that a scenario wants.
 */
static int contig_bench_fill(struct contig_bench *bench)
{
	struct contig_bench_targets targets = {
		.next = bench->arg[0],
		.end = bench->arg[0] + bench->arg[1],
	};
	LIST_HEAD(list);
	unsigned int moved = 0;
	int err;

	err = alloc_contig_range(targets.next, targets.end, ACR_FLAGS_NONE,
				 GFP_KERNEL);
	if (err)
		err = alloc_contig_range(targets.next, targets.end,
					 ACR_FLAGS_CMA, GFP_KERNEL);
	if (err)
		return err;

	contig_bench_fault_in(bench->arg[2], bench->arg[1]);
	err = contig_bench_collect(bench->arg[2], bench->arg[1], &list);
	if (!err)
		err = migrate_pages(&list, contig_bench_target, NULL,
				    (unsigned long)&targets, MIGRATE_SYNC,
				    MR_SYSCALL, &moved);
	putback_movable_pages(&list);
	if (targets.next < targets.end)
		free_contig_range(targets.next, targets.end - targets.next);
	lru_add_drain_all();
	bench->result = moved;
	return err < 0 ? err : 0;
}

/* === The file === */

static const struct {
	const char *name;
	int nr_args;
	int (*run)(struct contig_bench *bench);
} contig_bench_commands[] = {
	{ "range", 2, contig_bench_range },
	{ "cmarange", 2, contig_bench_cmarange },
	{ "hard", 2, contig_bench_hard },
	{ "pinned", 4, contig_bench_pinned },
	{ "reserved", 3, contig_bench_reserved },
	{ "frozen", 2, contig_bench_frozen },
	{ "pages", 1, contig_bench_pages },
	{ "comp", 1, contig_bench_comp },
	{ "cma", 1, contig_bench_cma },
	{ "cmaat", 2, contig_bench_cmaat },
	{ "free", 0, contig_bench_free },
	{ "pair", 2, contig_bench_pair },
	{ "span", 3, contig_bench_span },
	{ "frozenspan", 3, contig_bench_frozenspan },
	{ "threads", 3, contig_bench_threads },
	{ "fill", 3, contig_bench_fill },
	{ "spoil", 4, contig_bench_spoil },
	{ "unspoil", 0, contig_bench_unspoil },
	{ "nosleep", 3, contig_bench_nosleep },
};

static int contig_bench_run(struct contig_bench *bench, char *words)
{
	char *name = strsep(&words, " "), *word;

	guard(mutex)(&bench->lock);

	for (bench->nr_args = 0; bench->nr_args < CONTIG_BENCH_ARGS; bench->nr_args++) {
		word = strsep(&words, " ");
		if (!word)
			break;
		if (kstrtoul(word, 0, &bench->arg[bench->nr_args]))
			return -EINVAL;
	}
	for (int i = 0; i < ARRAY_SIZE(contig_bench_commands); i++) {
		if (strcmp(name, contig_bench_commands[i].name))
			continue;
		if (bench->nr_args != contig_bench_commands[i].nr_args)
			return -EINVAL;
		if (bench->form != CONTIG_BENCH_NOTHING &&
		    contig_bench_commands[i].run != contig_bench_free)
			return -EBUSY;
		return contig_bench_commands[i].run(bench);
	}
	return -EINVAL;
}

static ssize_t contig_bench_write(struct file *file, const char __user *buf,
				  size_t count, loff_t *ppos)
{
	char command[80];
	int err;

	if (!count || count >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, buf, count))
		return -EFAULT;
	command[count] = '\0';
	err = contig_bench_run(&contig_bench, strim(command));
	return err ?: count;
}

static ssize_t contig_bench_read(struct file *file, char __user *buf,
				 size_t count, loff_t *ppos)
{
	char line[96];
	int len;

	scoped_guard(mutex, &contig_bench.lock)
		len = scnprintf(line, sizeof(line), "%llu 0x%lx %lu %lu\n",
				contig_bench.nsec, contig_bench.start,
				contig_bench.nr_pages, contig_bench.result);
	return simple_read_from_buffer(buf, count, ppos, line, len);
}

static const struct file_operations contig_bench_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = contig_bench_read,
	.write = contig_bench_write,
	.llseek = default_llseek,
};

static int __init contig_bench_init(void)
{
	struct dentry *dir = debugfs_lookup("contig", NULL);

	debugfs_create_file("bench", 0600, dir, NULL, &contig_bench_fops);
	dput(dir);
	return 0;
}
late_initcall_sync(contig_bench_init);
