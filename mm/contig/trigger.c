// SPDX-License-Identifier: GPL-2.0
/* The engine at a shell's reach, for tests and for the curious. */
#include <linux/cma.h>
#include <linux/debugfs.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/instruction_pointer.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../internal.h"
#include "contig.h"
#include "plan.h"
#include "trigger.h"

/**
 * DOC: The trigger
 *
 * /sys/kernel/debug/contig/trigger takes one command per write and answers reads
 * with one line about the last of them. What was taken belongs to the open file: it
 * can be given back in parts, and closing the file gives back the rest. A command
 * that is no command, or that asks for what the file does not own, gets an errno and
 * changes nothing. Those of trigger_calls.c come on top::
 *
 *     range START NR [OPT...]   take the NR pages from page frame START on
 *     pages NR [OPT...]         find and take NR pages
 *     alloc NR [OPT...]         contig_alloc(), with contig_free() for all of it
 *     query NR [OPT...]         contig_query(): what would come of that
 *     cma NR                    cma_alloc() from the default area
 *     free START NR             give back pages of one earlier command
 *
 *     OPT: cma comp frozen nowait noretry hard nowarn zero dma32 movable nid=N
 *          timeout=MS (with hard; 0 is for ever)
 *     of alloc and query also, in bytes: align=N boundary=N low=N high=N
 *          in pages: min=N
 */

#define CONTIG_COMMAND_MAX	256

/* === Words to options === */

static int contig_parse_timeout(char *word, struct contig_options *opt)
{
	unsigned int msecs;
	int err = kstrtouint(word, 0, &msecs);

	opt->timeout = msecs ? ms_to_ktime(msecs) : KTIME_MAX;
	return err;
}

/* Where a block may lie. */
static int contig_parse_place(char *word, struct contig_options *opt)
{
	const struct {
		const char *name;
		u64 *value, most;
	} places[] = {
		{ "align=", &opt->align, PHYS_ADDR_MAX },
		{ "boundary=", &opt->boundary, PHYS_ADDR_MAX },
		{ "low=", &opt->low, PHYS_ADDR_MAX },
		{ "high=", &opt->high, PHYS_ADDR_MAX },
		{ "min=", &opt->min, ULONG_MAX },
	};

	for (int i = 0; i < ARRAY_SIZE(places); i++) {
		size_t len = str_has_prefix(word, places[i].name);

		opt->has_place |= len;
		if (len)
			return kstrtoull(word + len, 0, places[i].value) ?:
			       (*places[i].value > places[i].most ? -ERANGE : 0);
	}
	return -EINVAL;
}

static int contig_parse_option(char *word, struct contig_options *opt)
{
	if (!strcmp(word, "cma"))
		opt->flags = ACR_FLAGS_CMA;
	else if (!strcmp(word, "comp"))
		opt->form = CONTIG_COMPOUND;
	else if (!strcmp(word, "frozen"))
		opt->form = CONTIG_FROZEN;
	else if (!strcmp(word, "nowait"))
		opt->effort = CONTIG_NOWAIT;
	else if (!strcmp(word, "noretry"))
		opt->gfp |= __GFP_NORETRY;
	else if (!strcmp(word, "hard"))
		opt->effort = CONTIG_HARD;
	else if (!strncmp(word, "timeout=", 8))
		return contig_parse_timeout(word + 8, opt);
	else if (!strcmp(word, "nowarn"))
		opt->gfp |= __GFP_NOWARN;
	else if (!strcmp(word, "zero"))
		opt->gfp |= __GFP_ZERO;
	else if (!strcmp(word, "dma32"))
		opt->gfp |= GFP_DMA32;
	else if (!strcmp(word, "movable"))
		opt->gfp |= __GFP_HIGHMEM | __GFP_MOVABLE;
	else if (!strncmp(word, "nid=", 4))
		return kstrtoint(word + 4, 0, &opt->nid);
	else
		return contig_parse_place(word, opt);
	return 0;
}

/**
 * contig_parse_options() - read what comes behind the numbers
 * @words: OPT..., or NULL; changed
 * @opt: gets them
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int contig_parse_options(char *words, struct contig_options *opt)
{
	char *word;

	*opt = (struct contig_options){
		.flags = ACR_FLAGS_NONE,
		.gfp = GFP_KERNEL,
		.effort = CONTIG_NORMAL,
		.nid = NUMA_NO_NODE,
	};
	while ((word = strsep(&words, " ")) != NULL) {
		int err = contig_parse_option(word, opt);

		if (err)
			return err;
	}
	if (opt->form == CONTIG_COMPOUND)
		opt->gfp |= __GFP_COMP;
	if (opt->timeout && opt->effort != CONTIG_HARD)
		return -EINVAL;
	if (opt->nid != NUMA_NO_NODE &&
	    (opt->nid < 0 || opt->nid >= MAX_NUMNODES || !node_online(opt->nid)))
		return -EINVAL;
	return 0;
}

/**
 * contig_parse_number() - read the next word, a number
 * @words: moved on behind it
 * @number: gets it
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int contig_parse_number(char **words, unsigned long *number)
{
	char *word = strsep(words, " ");

	return word ? kstrtoul(word, 0, number) : -EINVAL;
}

/**
 * contig_parse_pages() - read NR [OPT...]
 * @session: gets the number of pages
 * @words: changed
 * @opt: gets the rest
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int contig_parse_pages(struct contig_session *session, char *words,
		       struct contig_options *opt)
{
	return contig_parse_number(&words, &session->nr_pages) ?:
	       contig_parse_options(words, opt);
}

/**
 * contig_parse_range() - read START NR [OPT...]
 * @session: gets the range
 * @words: changed
 * @opt: gets the rest
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int contig_parse_range(struct contig_session *session, char *words,
		       struct contig_options *opt)
{
	return contig_parse_number(&words, &session->start) ?:
	       contig_parse_pages(session, words, opt);
}

/* === Giving back === */

static void contig_release(struct contig_held *held, unsigned long start,
			   unsigned long nr_pages)
{
	switch (held->form) {
	case CONTIG_PAGES:
		free_contig_range(start, nr_pages);
		break;
	case CONTIG_FROZEN:
	case CONTIG_COMPOUND:
		free_contig_frozen_range(start, nr_pages);
		break;
	case CONTIG_WHOLE:
		contig_free(pfn_to_page(start), nr_pages);
		break;
	case CONTIG_CMA:
		if (IS_ENABLED(CONFIG_CMA))
			cma_release(dev_get_cma_area(NULL), pfn_to_page(start),
				    nr_pages);
		break;
	case CONTIG_DDI:
		contig_release_ddi(start, nr_pages);
		break;
	}
}

/**
 * contig_find_held() - does the file own these pages?
 * @session: the file
 * @start: first PFN
 * @nr_pages: how many
 *
 * Context: Under @session->lock.
 * Return: what is left of the command that took them, or NULL.
 */
struct contig_held *contig_find_held(struct contig_session *session,
				     unsigned long start, unsigned long nr_pages)
{
	struct contig_held *held;

	lockdep_assert_held(&session->lock);

	list_for_each_entry(held, &session->held, list) {
		unsigned long before = start - held->start;

		if (start >= held->start && before < held->nr_pages &&
		    nr_pages <= held->nr_pages - before)
			return held;
	}
	return NULL;
}

static bool contig_has_parts(const struct contig_held *held)
{
	return held->form != CONTIG_COMPOUND && held->form != CONTIG_WHOLE &&
	       held->form != CONTIG_DDI;
}

/* What is left on both sides of the hole stays held. */
static int contig_free_part(struct contig_session *session,
			    unsigned long start, unsigned long nr_pages)
{
	struct contig_held *held, *rest;

	held = contig_find_held(session, start, nr_pages);
	if (!held || !nr_pages ||
	    (!contig_has_parts(held) && nr_pages != held->nr_pages))
		return -EINVAL;
	rest = kmemdup(held, sizeof(*held), GFP_KERNEL);
	if (!rest)
		return -ENOMEM;

	rest->start = start + nr_pages;
	rest->nr_pages = held->start + held->nr_pages - rest->start;
	held->nr_pages = start - held->start;
	list_add(&rest->list, &held->list);
	contig_release(held, start, nr_pages);
	return 0;
}

static void contig_forget_empty(struct contig_session *session)
{
	struct contig_held *held, *next;

	list_for_each_entry_safe(held, next, &session->held, list) {
		if (held->nr_pages)
			continue;
		list_del(&held->list);
		kfree(held);
	}
}

/* === Taking === */

/**
 * contig_keep() - the pages of the last command are the file's now
 * @session: the file
 * @form: how to give them back
 *
 * Context: Task context, under @session->lock.
 */
void contig_keep(struct contig_session *session, enum contig_form form)
{
	struct contig_held *held;

	lockdep_assert_held(&session->lock);

	held = kmalloc_obj(*held, GFP_KERNEL | __GFP_NOFAIL);
	held->start = session->start;
	held->nr_pages = session->nr_pages;
	held->form = form;
	list_add(&held->list, &session->held);
}

static int contig_hold(struct contig_session *session, enum contig_form form,
		       int err)
{
	if (err)
		return err;

	contig_keep(session, form);
	if (form == CONTIG_PAGES)
		set_pages_refcounted(pfn_to_page(session->start),
				     session->nr_pages);
	return 0;
}

static void contig_state_terms(struct contig_terms *terms,
			       const struct contig_options *opt)
{
	contig_agree(terms, opt->gfp, opt->effort, opt->timeout);
	terms->caller = _THIS_IP_;
	terms->is_part = false;
}

static int contig_do_range(struct contig_session *session, char *words)
{
	struct contig_options opt;
	struct contig_terms terms;
	int err;

	err = contig_parse_range(session, words, &opt);
	if (err)
		return err;
	if (opt.has_place)
		return -EINVAL;
	contig_state_terms(&terms, &opt);
	err = contig_alloc_range_on(session->start,
				    session->start + session->nr_pages,
				    opt.flags, &terms, &session->report);
	return contig_hold(session, opt.form, err);
}

static int contig_do_pages(struct contig_session *session, char *words)
{
	struct contig_options opt;
	struct contig_terms terms;
	struct contig_wish wish;
	struct page *page;
	int err;

	err = contig_parse_pages(session, words, &opt);
	if (err)
		return err;
	if (opt.flags != ACR_FLAGS_NONE || opt.has_place)
		return -EINVAL;
	contig_state_terms(&terms, &opt);
	contig_wish_for(&wish, session->nr_pages);
	page = contig_alloc_pages_on(&wish, &terms, opt.nid, NULL,
				     &session->report);
	if (page)
		session->start = page_to_pfn(page);
	return contig_hold(session, opt.form, session->report.error);
}

/**
 * contig_parse_request() - read NR [OPT...] of contig_alloc() and its like
 * @session: gets the number of pages
 * @words: changed
 * @req: gets it all
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int contig_parse_request(struct contig_session *session, char *words,
			 struct contig_request *req)
{
	struct contig_options opt;
	int err;

	err = contig_parse_pages(session, words, &opt);
	if (err)
		return err;
	if (opt.flags != ACR_FLAGS_NONE || opt.form == CONTIG_FROZEN)
		return -EINVAL;
	*req = (struct contig_request){
		.nr_pages = session->nr_pages,
		.min_pages = opt.min,
		.align = opt.align,
		.boundary = opt.boundary,
		.min_addr = opt.low,
		.max_addr = opt.high,
		.nid = opt.nid,
		.gfp = opt.gfp,
		.effort = opt.effort,
		.timeout = opt.timeout,
	};
	return 0;
}

static int contig_do_alloc(struct contig_session *session, char *words)
{
	struct contig_request req;
	struct page *page;
	int err = contig_parse_request(session, words, &req);

	if (err)
		return err;
	page = contig_alloc(&req, &session->report);
	if (page) {
		session->start = page_to_pfn(page);
		session->nr_pages = session->report.nr_pages;
	}
	return contig_hold(session, CONTIG_WHOLE, session->report.error);
}

static int contig_do_query(struct contig_session *session, char *words)
{
	struct contig_request req;
	int err = contig_parse_request(session, words, &req);

	if (err)
		return err;
	err = contig_query(&req, &session->report);
	if (!err)
		session->nr_pages = session->report.nr_pages;
	return err;
}

static int contig_do_cma(struct contig_session *session, char *words)
{
	struct contig_report *report = &session->report;
	struct cma *area = dev_get_cma_area(NULL);
	struct page *page;
	int err;

	err = contig_parse_number(&words, &session->nr_pages);
	if (err || words)
		return err ?: -EINVAL;
	if (!IS_ENABLED(CONFIG_CMA) || !area)
		return -ENODEV;

	page = cma_alloc_and_report(area, session->nr_pages, report);
	if (page)
		session->start = page_to_pfn(page);
	return contig_hold(session, CONTIG_CMA, report->error);
}

static int contig_do_free(struct contig_session *session, char *words)
{
	u64 began;
	int err;

	err = contig_parse_number(&words, &session->start) ?:
	      contig_parse_number(&words, &session->nr_pages);
	if (err || words)
		return err ?: -EINVAL;
	began = ktime_get_ns();
	err = contig_free_part(session, session->start, session->nr_pages);
	session->report.elapsed = ktime_get_ns() - began;
	contig_forget_empty(session);
	return err;
}

/* === The file === */

static const struct contig_command contig_commands[] = {
	{ "range", contig_do_range },
	{ "pages", contig_do_pages },
	{ "alloc", contig_do_alloc },
	{ "query", contig_do_query },
	{ "cma", contig_do_cma },
	{ "free", contig_do_free },
	{}
};

static const struct contig_command *
contig_find_command(const struct contig_command *command, const char *name)
{
	while (command->name && strcmp(name, command->name))
		command++;
	return command->name ? command : NULL;
}

static int contig_run(struct contig_session *session, char *words)
{
	char *name = strsep(&words, " ");
	const struct contig_command *command;
	int err = -EINVAL;

	guard(mutex)(&session->lock);

	command = contig_find_command(contig_commands, name) ?:
		  contig_find_command(contig_calls, name);
	if (command) {
		session->start = 0;
		session->nr_pages = 0;
		memset(&session->report, 0, sizeof(session->report));
		session->report.blocking_pfn = CONTIG_NO_PFN;
		err = command->run(session, words);
	}
	if (!command || (err && !session->report.error))
		contig_because(&session->report, err, CONTIG_BAD_REQUEST,
			       CONTIG_NO_PFN);
	return err;
}

static ssize_t contig_trigger_write(struct file *file, const char __user *buf,
				    size_t count, loff_t *ppos)
{
	char command[CONTIG_COMMAND_MAX];
	int err;

	if (!count || count >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, buf, count))
		return -EFAULT;
	command[count] = '\0';
	if (strlen(command) != count)
		return -EINVAL;

	err = contig_run(file->private_data, strim(command));
	return err ?: count;
}

static ssize_t contig_trigger_read(struct file *file, char __user *buf,
				   size_t count, loff_t *ppos)
{
	struct contig_session *session = file->private_data;
	struct contig_report *report = &session->report;
	char pfn[24] = "none";
	char line[192];
	int len;

	scoped_guard(mutex, &session->lock) {
		if (report->blocking_pfn != CONTIG_NO_PFN)
			scnprintf(pfn, sizeof(pfn), "0x%lx",
				  report->blocking_pfn);
		len = scnprintf(line, sizeof(line),
				"error=%d reason=%s pfn=%s start=0x%lx nr=%lu moved=%lu nsec=%llu kind=%s\n",
				report->error,
				contig_reason_name(report->reason), pfn,
				session->start, session->nr_pages,
				report->pages_moved, report->elapsed,
				contig_kind_name(report->kind));
	}
	return simple_read_from_buffer(buf, count, ppos, line, len);
}

static int contig_trigger_open(struct inode *inode, struct file *file)
{
	struct contig_session *session = kzalloc_obj(*session);

	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	INIT_LIST_HEAD(&session->held);
	session->report.blocking_pfn = CONTIG_NO_PFN;
	file->private_data = session;
	return 0;
}

static int contig_trigger_release(struct inode *inode, struct file *file)
{
	struct contig_session *session = file->private_data;
	struct contig_held *held, *next;

	contig_end_order(session);
	list_for_each_entry_safe(held, next, &session->held, list) {
		contig_release(held, held->start, held->nr_pages);
		kfree(held);
	}
	kfree(session);
	return 0;
}

static const struct file_operations contig_trigger_fops = {
	.owner = THIS_MODULE,
	.open = contig_trigger_open,
	.release = contig_trigger_release,
	.read = contig_trigger_read,
	.write = contig_trigger_write,
	.llseek = default_llseek,
};

/**
 * contig_trigger_init() - make the file
 * @dir: the engine's directory in debugfs
 *
 * Context: Task context, once at boot.
 */
void contig_trigger_init(struct dentry *dir)
{
	debugfs_create_file("trigger", 0600, dir, NULL, &contig_trigger_fops);
}
