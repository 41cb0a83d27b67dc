// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that goes.
 *
 * What is taken offline may be removed right after, and its struct pages with it.
 * Nothing but a page of ours keeps it from that, as no memory that has one goes
 * offline, nor does any with a block that we isolated. Whoever looks at others' pages
 * finds them online first and looks in the same RCU read-side critical section, or
 * with interrupts off: who takes memory offline waits for all of those.
 *
 * To find each block of a range online again before every look would cost more than
 * many a look; as long as no memory went at all there is no need to.
 */
#include <kunit/static_stub.h>
#include <linux/init.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>

#include "contig.h"

unsigned long contig_departures;

/**
 * contig_is_online_in() - is a page of a zone there?
 * @zone: which
 * @pfn: the page
 *
 * Context: Any but NMI; the answer is good for as long as the caller's RCU
 * read-side critical section lasts, or interrupts are off.
 * Return: true if so.
 */
bool contig_is_online_in(const struct zone *zone, unsigned long pfn)
{
	struct page *page;

	KUNIT_STATIC_STUB_REDIRECT(contig_is_online_in, zone, pfn);
	page = contig_online_page(pfn);
	return page && page_zone(page) == zone;
}

/* Called one at a time, when pfn_to_online_page() does not find it any more. */
static int contig_memory_goes(struct notifier_block *nb, unsigned long action,
			      void *arg)
{
	if (action == MEM_OFFLINE) {
		WRITE_ONCE(contig_departures, contig_departures + 1);
		synchronize_rcu();
	}
	return NOTIFY_OK;
}

static int __init contig_online_init(void)
{
	return hotplug_memory_notifier(contig_memory_goes, DEFAULT_CALLBACK_PRI);
}
subsys_initcall(contig_online_init);
