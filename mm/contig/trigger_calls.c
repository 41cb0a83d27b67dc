// SPDX-License-Identifier: GPL-2.0
/*
 * More commands of the trigger: the calls as drivers make them, and marks on what
 * they gave.
 *
 *   call-range START NR [OPT...]	alloc_contig_range(), alloc_contig_frozen_range()
 *   call-pages NR [OPT...]	alloc_contig_pages(), alloc_contig_frozen_pages()
 *   order NR [OPT...]		contig_alloc_async(), one at a time
 *   collect			contig_order_page(); -EINPROGRESS as long as it is
 *   cancel			contig_cancel()
 *   await NR [OPT...]		contig_alloc_async(), and wait for its callback
 *   ddi NR [OPT...]		kmem_alloc_physcontig() and the like, by OPT
 *   mark START NR OWNER	write OWNER's mark on pages of the file
 *   verify START NR OWNER	is it there still? The mark of owner 0 is zeroes
 *
 * The first two get whatever engine the kernel uses, at the effort that the flags
 * stand for. For ddi, nowait is KM_NOSLEEP, timeout= bounds the wait if it is not
 * for zeroed memory, and high= says how many address bits there are.
 */
#include <linux/completion.h>
#include <linux/contig.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/physreq.h>
#include <linux/string.h>

#include "contig.h"
#include "trigger.h"

/* === The calls of <linux/gfp.h> === */

static gfp_t contig_call_gfp(const struct contig_options *opt)
{
	switch (opt->effort) {
	case CONTIG_NOWAIT:
		return (opt->gfp & ~__GFP_RECLAIM) | __GFP_KSWAPD_RECLAIM;
	case CONTIG_HARD:
		return opt->gfp | __GFP_RETRY_MAYFAIL;
	default:
		return opt->gfp;
	}
}

/* They give no report. */
static int contig_called(struct contig_session *session,
			 const struct contig_options *opt, int err)
{
	if (err)
		return contig_because(&session->report, err, CONTIG_NONE,
				      CONTIG_NO_PFN);
	contig_keep(session, opt->form);
	return 0;
}

static int contig_call_range(struct contig_session *session, char *words)
{
	struct contig_options opt;
	unsigned long end;
	int err;

	err = contig_parse_range(session, words, &opt);
	if (err)
		return err;
	if (opt.has_place || opt.timeout)
		return -EINVAL;
	end = session->start + session->nr_pages;
	/* Kernel code would be warned of such a mistake; this is only a file. */
	if (!contig_range_is_sane(session->start, end, contig_call_gfp(&opt)))
		return -EINVAL;
	if (opt.form == CONTIG_PAGES)
		err = alloc_contig_range(session->start, end, opt.flags,
					 contig_call_gfp(&opt));
	else
		err = alloc_contig_frozen_range(session->start, end, opt.flags,
						contig_call_gfp(&opt));
	return contig_called(session, &opt, err);
}

static int contig_call_pages(struct contig_session *session, char *words)
{
	struct contig_options opt;
	struct page *page;
	int err;

	err = contig_parse_pages(session, words, &opt);
	if (err)
		return err;
	if (opt.flags != ACR_FLAGS_NONE || opt.has_place || opt.timeout ||
	    !contig_size_is_sane(session->nr_pages, contig_call_gfp(&opt)))
		return -EINVAL;
	if (opt.form == CONTIG_PAGES)
		page = alloc_contig_pages(session->nr_pages, contig_call_gfp(&opt),
					  opt.nid, NULL);
	else
		page = alloc_contig_frozen_pages(session->nr_pages,
						 contig_call_gfp(&opt),
						 opt.nid, NULL);
	if (page)
		session->start = page_to_pfn(page);
	return contig_called(session, &opt, page ? 0 : -ENOMEM);
}

/* === Orders === */

static int contig_got_block(struct contig_session *session, struct page *page)
{
	if (!page)
		return session->report.error;
	session->start = page_to_pfn(page);
	session->nr_pages = session->report.nr_pages;
	contig_keep(session, CONTIG_WHOLE);
	return 0;
}

static int contig_call_order(struct contig_session *session, char *words)
{
	struct contig_request req;
	int err = contig_parse_request(session, words, &req);

	if (err)
		return err;
	if (session->order)
		return -EBUSY;
	session->order = contig_alloc_async(&req, NULL, NULL);
	return session->order ? 0 : -ENOMEM;
}

/**
 * contig_end_order() - nobody will ask for it any more
 * @session: the file, with or without an order
 *
 * Context: Task context, may sleep.
 */
void contig_end_order(struct contig_session *session)
{
	contig_cancel(session->order);
	session->order = NULL;
}

static int contig_call_collect(struct contig_session *session, char *words)
{
	struct page *page;

	if (words || !session->order)
		return -EINVAL;
	page = contig_order_page(session->order, &session->report);
	if (session->report.error == -EINPROGRESS)
		return -EINPROGRESS;
	contig_end_order(session);
	return contig_got_block(session, page);
}

static int contig_call_cancel(struct contig_session *session, char *words)
{
	if (words || !session->order)
		return -EINVAL;
	contig_end_order(session);
	return 0;
}

struct contig_delivery {
	struct completion came;
	struct page *page;
	struct contig_report report;
};

static void contig_delivered(struct contig_order *order, struct page *page,
			     const struct contig_report *report, void *data)
{
	struct contig_delivery *delivery = data;

	delivery->page = page;
	delivery->report = *report;
	complete(&delivery->came);
}

/* Who is killed meanwhile may have got it all the same. */
static int contig_call_await(struct contig_session *session, char *words)
{
	struct contig_delivery delivery = {};
	struct contig_request req;
	struct contig_order *order;
	int err = contig_parse_request(session, words, &req);

	if (err)
		return err;
	init_completion(&delivery.came);
	order = contig_alloc_async(&req, contig_delivered, &delivery);
	if (!order)
		return -ENOMEM;
	err = wait_for_completion_killable(&delivery.came);
	if (contig_cancel(order))
		return contig_because(&session->report, err, CONTIG_INTERRUPTED,
				      CONTIG_NO_PFN);
	session->report = delivery.report;
	return contig_got_block(session, delivery.page);
}

/* === The calls of <linux/physreq.h> === */

static void *contig_call_by(const struct contig_options *opt, size_t size,
			    physreq_t *limits)
{
	int flag = opt->effort == CONTIG_NOWAIT ? KM_NOSLEEP : KM_SLEEP;

	if (opt->gfp & __GFP_ZERO)
		return kmem_zalloc_physreq(size, limits, flag);
	if (opt->timeout)
		return kmem_alloc_physcontig_timeout(size, limits, opt->timeout);
	if (flag == KM_NOSLEEP)
		return kmem_alloc_physcontig(size, limits, flag);
	return kmem_alloc_physreq(size, limits, flag);
}

static int contig_call_ddi(struct contig_session *session, char *words)
{
	physreq_t limits = { .phys_flags = PREQ_PHYSCONTIG };
	struct contig_options opt;
	void *addr;
	int err;

	err = contig_parse_pages(session, words, &opt);
	if (err)
		return err;
	if (session->nr_pages > SIZE_MAX >> PAGE_SHIFT)
		return -EINVAL;
	limits.phys_align = opt.align ?: PAGE_SIZE;
	limits.phys_boundary = opt.boundary;
	limits.phys_dmasize = fls64(opt.high);
	if (!physreq_prep(&limits, KM_NOSLEEP))
		return -EINVAL;
	addr = contig_call_by(&opt, session->nr_pages << PAGE_SHIFT, &limits);
	if (!addr)
		return contig_because(&session->report, -ENOMEM, CONTIG_NONE,
				      CONTIG_NO_PFN);
	session->start = PHYS_PFN(virt_to_phys(addr));
	contig_keep(session, CONTIG_DDI);
	return 0;
}

/**
 * contig_release_ddi() - give back what "ddi" got
 * @start: its first PFN
 * @nr_pages: all of it
 *
 * Context: Any but NMI.
 */
void contig_release_ddi(unsigned long start, unsigned long nr_pages)
{
	kmem_free(__va(PFN_PHYS(start)), nr_pages << PAGE_SHIFT);
}

/* === Marks === */

/* Odd: no two of some 2^64 marks are the same. */
#define CONTIG_MARK_OWNER	0x9e3779b97f4a7c15ULL
#define CONTIG_MARK_PFN		0xc2b2ae3d27d4eb4fULL

static u64 contig_mark(unsigned long pfn, unsigned long owner)
{
	return owner ? owner * CONTIG_MARK_OWNER + pfn * CONTIG_MARK_PFN : 0;
}

static void contig_mark_page(unsigned long pfn, unsigned long owner)
{
	u64 *words = kmap_local_page(pfn_to_page(pfn));

	memset64(words, contig_mark(pfn, owner), PAGE_SIZE / sizeof(*words));
	kunmap_local(words);
}

static bool contig_has_mark(unsigned long pfn, unsigned long owner)
{
	u64 *words = kmap_local_page(pfn_to_page(pfn));
	bool same = words[0] == contig_mark(pfn, owner) &&
		    !memcmp(words, words + 1, PAGE_SIZE - sizeof(*words));

	kunmap_local(words);
	return same;
}

static int contig_parse_marked(struct contig_session *session, char *words,
			       unsigned long *owner)
{
	int err;

	err = contig_parse_number(&words, &session->start) ?:
	      contig_parse_number(&words, &session->nr_pages) ?:
	      contig_parse_number(&words, owner);
	if (err || words)
		return err ?: -EINVAL;
	return contig_find_held(session, session->start, session->nr_pages) ?
	       0 : -EINVAL;
}

static int contig_call_mark(struct contig_session *session, char *words)
{
	unsigned long owner;
	int err = contig_parse_marked(session, words, &owner);

	for (unsigned long i = 0; !err && i < session->nr_pages; i++)
		contig_mark_page(session->start + i, owner);
	return err;
}

static int contig_call_verify(struct contig_session *session, char *words)
{
	unsigned long owner;
	int err = contig_parse_marked(session, words, &owner);

	if (err)
		return err;
	for (unsigned long i = 0; i < session->nr_pages; i++) {
		unsigned long pfn = session->start + i;

		if (!contig_has_mark(pfn, owner))
			return contig_because(&session->report, -EILSEQ,
					      CONTIG_NONE, pfn);
	}
	return 0;
}

const struct contig_command contig_calls[] = {
	{ "call-range", contig_call_range },
	{ "call-pages", contig_call_pages },
	{ "order", contig_call_order },
	{ "collect", contig_call_collect },
	{ "cancel", contig_call_cancel },
	{ "await", contig_call_await },
	{ "ddi", contig_call_ddi },
	{ "mark", contig_call_mark },
	{ "verify", contig_call_verify },
	{}
};
