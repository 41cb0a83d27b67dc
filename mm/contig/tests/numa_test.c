// SPDX-License-Identifier: GPL-2.0
/*
 * More than one node: whose memory a request may get, and which node comes first.
 *
 * Lowest and highest address confine a search to a window in one node, so that it is
 * known beforehand where there is something to be found.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "../../internal.h"
#include "fixtures.h"

/* === Nodes === */

/**
 * struct contig_pair - two nodes, and a window in one of them
 * @near: the one that is asked first
 * @far: the one with the window
 * @window: the only place that will do
 */
struct contig_pair {
	int near;
	int far;
	struct contig_window *window;
};

/* The zone of a node that most of the kernel's memory comes from. */
static struct zone *contig_zone_of(int nid)
{
	struct zone *best = NULL;

	for (int i = 0; i <= gfp_zone(GFP_KERNEL); i++) {
		struct zone *zone = &NODE_DATA(nid)->node_zones[i];

		if (populated_zone(zone) &&
		    (!best || zone_managed_pages(zone) > zone_managed_pages(best)))
			best = zone;
	}
	return best;
}

static void contig_pair_open(struct kunit *test, struct contig_pair *pair)
{
	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one node");
	pair->near = first_node(node_states[N_MEMORY]);
	pair->far = next_node(pair->near, node_states[N_MEMORY]);
	KUNIT_ASSERT_NOT_NULL(test, contig_zone_of(pair->far));
	pair->window = contig_window_open_in(test, contig_zone_of(pair->far),
					     2 * MAX_ORDER_NR_PAGES);
}

/* It is met, by this node. */
static void contig_expect_on(struct kunit *test, const struct contig_request *req,
			     int nid)
{
	struct contig_report report;
	struct page *page;

	KUNIT_EXPECT_EQ(test, 0, contig_query(req, &report));
	page = contig_alloc(req, &report);
	KUNIT_ASSERT_NOT_NULL_MSG(test, page, "%lu pages: %s", req->nr_pages,
				  contig_reason_name(report.reason));
	KUNIT_EXPECT_EQ_MSG(test, page_to_nid(page), nid, "%lu pages",
			    req->nr_pages);
	contig_free(page, req->nr_pages);
}

/* From the buddy allocator, from a free block, from several. */
static const unsigned int contig_eighths[] = { 0, 1, 8, 12 };

static unsigned long contig_amount(int i)
{
	return contig_eighths[i] * pageblock_nr_pages / 8 + 1;
}

/* Every node has memory to spare, so the one that is asked for gives it. */
static void contig_test_nearest(struct kunit *test)
{
	struct contig_request req = {
		.gfp = GFP_KERNEL,
		.effort = CONTIG_NORMAL,
	};

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one node");
	for (int i = 0; i < ARRAY_SIZE(contig_eighths); i++) {
		req.nr_pages = contig_amount(i);
		for_each_node_state(req.nid, N_MEMORY) {
			contig_expect_on(test, &req, req.nid);
			req.gfp |= __GFP_THISNODE;
			contig_expect_on(test, &req, req.nid);
			req.gfp &= ~__GFP_THISNODE;
		}
	}
}

/* The same by the calls of <linux/gfp.h>. */
static void contig_test_nearest_pages(struct kunit *test)
{
	unsigned long nr_pages;
	struct page *page;
	int nid;

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one node");
	for (int i = 0; i < ARRAY_SIZE(contig_eighths); i++) {
		nr_pages = contig_amount(i);
		for_each_node_state(nid, N_MEMORY) {
			nodemask_t mask = nodemask_of_node(nid);
			int other = first_node(node_states[N_MEMORY]);

			page = alloc_contig_pages(nr_pages, GFP_KERNEL, nid, NULL);
			KUNIT_ASSERT_NOT_NULL(test, page);
			KUNIT_EXPECT_EQ(test, page_to_nid(page), nid);
			free_contig_range(page_to_pfn(page), nr_pages);
			page = alloc_contig_pages(nr_pages, GFP_KERNEL, other, &mask);
			KUNIT_ASSERT_NOT_NULL(test, page);
			KUNIT_EXPECT_EQ(test, page_to_nid(page), nid);
			free_contig_range(page_to_pfn(page), nr_pages);
		}
	}
}

/* One request, on all terms that have to do with nodes. */
static void contig_check_terms(struct kunit *test, const struct contig_pair *pair,
			       struct contig_request *req)
{
	nodemask_t near = nodemask_of_node(pair->near);
	nodemask_t far = nodemask_of_node(pair->far);
	nodemask_t both, none = NODE_MASK_NONE;

	nodes_or(both, near, far);
	req->nid = pair->near;
	req->nodemask = NULL;
	contig_expect_on(test, req, pair->far);
	req->nodemask = &both;
	contig_expect_on(test, req, pair->far);
	req->nodemask = &far;
	contig_expect_on(test, req, pair->far);
	req->nodemask = &near;
	contig_expect_nowhere(test, req);
	req->nodemask = &none;
	contig_expect_nowhere(test, req);
	req->nodemask = NULL;
	req->gfp |= __GFP_THISNODE;
	contig_expect_nowhere(test, req);
	req->nid = pair->far;
	contig_expect_on(test, req, pair->far);
	req->gfp &= ~__GFP_THISNODE;
}

/* What fits lies in the other node only, all of it free. */
static void contig_test_far_free(struct kunit *test)
{
	struct contig_request req;
	struct contig_pair pair;

	contig_pair_open(test, &pair);
	contig_window_release_all(pair.window);
	for (int i = 0; i < ARRAY_SIZE(contig_eighths); i++) {
		req = contig_ask_in(pair.window, contig_amount(i));
		contig_check_terms(test, &pair, &req);
		req.effort = CONTIG_NOWAIT;
		contig_check_terms(test, &pair, &req);
	}
}

/* The same where pages have to be moved first. */
static void contig_test_far_movable(struct kunit *test)
{
	struct contig_cache *cache;
	struct contig_request req;
	struct contig_pair pair;
	unsigned long pfn;

	contig_pair_open(test, &pair);
	cache = contig_cache_open(pair.window, true);
	pfn = pair.window->start + 5;
	contig_cache_fill(cache, pfn, pfn + 3);
	pfn += MAX_ORDER_NR_PAGES;
	contig_cache_fill(cache, pfn, pfn + 3);
	contig_window_release_rest(pair.window);
	req = contig_ask_in(pair.window, 2 * MAX_ORDER_NR_PAGES);
	contig_check_terms(test, &pair, &req);
	contig_cache_check(cache);
}

/* A node that is the only one allowed, wherever the request is made. */
static void contig_test_nodemask(struct kunit *test)
{
	struct contig_request req = { .gfp = GFP_KERNEL };
	nodemask_t mask;
	int nid;

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one node");
	req.nodemask = &mask;
	for_each_node_state(nid, N_MEMORY) {
		mask = nodemask_of_node(nid);
		for (int i = 0; i < ARRAY_SIZE(contig_eighths); i++) {
			req.nr_pages = contig_amount(i);
			req.effort = CONTIG_NORMAL;
			for_each_node_state(req.nid, N_MEMORY)
				contig_expect_on(test, &req, nid);
			req.nid = NUMA_NO_NODE;
			contig_expect_on(test, &req, nid);
			req.effort = CONTIG_NOWAIT;
			contig_expect_on(test, &req, nid);
		}
	}
}

static struct kunit_case contig_numa_cases[] = {
	KUNIT_CASE(contig_test_nearest),
	KUNIT_CASE(contig_test_nearest_pages),
	KUNIT_CASE(contig_test_far_free),
	KUNIT_CASE(contig_test_far_movable),
	KUNIT_CASE(contig_test_nodemask),
	{}
};

static struct kunit_suite contig_numa_suite = {
	.name = "contig_numa",
	.test_cases = contig_numa_cases,
};

kunit_test_suite(contig_numa_suite);
