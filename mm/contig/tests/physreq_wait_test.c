// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit suite of those who wait for memory of the DDI calls: woken, killed,
 * out of time, and what is told about them meanwhile.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/instruction_pointer.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/physreq.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../ddi.h"
#include "fixtures.h"

/* Aligned so that there are few places, which one test can hold all of. */
#define PHYSREQ_ROOM	SZ_256K
#define PHYSREQ_PLACES	64

static phys_addr_t physreq_apart(void)
{
	return max_t(phys_addr_t, SZ_64M,
		     PFN_PHYS(roundup_pow_of_two(totalram_pages() / 32)));
}

struct physreq_hoard {
	struct kunit *test;
	physreq_t *preqp;
	void *rooms[PHYSREQ_PLACES];
	int nr;
};

static void physreq_hoard_close(void *data)
{
	struct physreq_hoard *hoard = data;

	while (hoard->nr)
		kmem_free_physcontig(hoard->rooms[--hoard->nr], PHYSREQ_ROOM);
	physreq_free(hoard->preqp);
}

/* Hold each place where such memory can be, and be it after a moment. */
static struct physreq_hoard *physreq_hoard_open(struct kunit *test)
{
	struct physreq_hoard *hoard;
	void *room;

	if (IS_ENABLED(CONFIG_KMSAN))
		kunit_skip(test, "one look at all memory takes 10 s");
	hoard = kunit_kzalloc(test, sizeof(*hoard), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, hoard);
	hoard->test = test;
	hoard->preqp = physreq_alloc(KM_SLEEP);
	KUNIT_ASSERT_NOT_NULL(test, hoard->preqp);
	hoard->preqp->phys_align = physreq_apart();
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, physreq_hoard_close,
						  hoard));
	while (hoard->nr < PHYSREQ_PLACES) {
		room = kmem_alloc_physcontig_timeout(PHYSREQ_ROOM, hoard->preqp,
						     ms_to_ktime(200));
		if (!room)
			break;
		hoard->rooms[hoard->nr++] = room;
	}
	KUNIT_ASSERT_GE(test, hoard->nr, 3);
	KUNIT_ASSERT_LT(test, hoard->nr, PHYSREQ_PLACES);
	return hoard;
}

static void physreq_hoard_let_go(struct physreq_hoard *hoard)
{
	kmem_free_physcontig(hoard->rooms[--hoard->nr], PHYSREQ_ROOM);
}

/* A task that wants a place. */
struct physreq_guest {
	struct task_struct *task;
	struct physreq_hoard *hoard;
	ktime_t timeout;
	void *room;
	ktime_t ended;
	struct completion done;
};

static int physreq_visit(void *data)
{
	struct physreq_guest *guest = data;
	physreq_t *preqp = guest->hoard->preqp;

	allow_signal(SIGKILL);
	if (guest->timeout == KTIME_MAX)
		guest->room = kmem_alloc_physcontig(PHYSREQ_ROOM, preqp, KM_SLEEP);
	else
		guest->room = kmem_alloc_physcontig_timeout(PHYSREQ_ROOM, preqp,
							    guest->timeout);
	guest->ended = ktime_get();
	complete(&guest->done);
	return 0;
}

static struct physreq_guest *physreq_invite(struct physreq_hoard *hoard,
					    ktime_t timeout)
{
	struct kunit *test = hoard->test;
	struct physreq_guest *guest;

	guest = kunit_kzalloc(test, sizeof(*guest), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, guest);
	guest->hoard = hoard;
	guest->timeout = timeout;
	init_completion(&guest->done);
	guest->task = kthread_create(physreq_visit, guest, "physreq_guest");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, guest->task);
	get_task_struct(guest->task);
	wake_up_process(guest->task);
	return guest;
}

/* Is it asleep, in a way that can be ended and that nobody takes for a hang? */
static bool physreq_is_asleep(struct physreq_guest *guest)
{
	for (int ms = 0; ms < 1000 && !completion_done(&guest->done); ms++) {
		if (READ_ONCE(guest->task->__state) == TASK_KILLABLE)
			return true;
		usleep_range(500, 1000);
	}
	return false;
}

/*
 * A task that waits for a place, for @ms and more. Whoever had one in use for a
 * moment when the others were taken may have left it since: that one is taken too.
 */
static struct physreq_guest *physreq_invite_to_wait(struct physreq_hoard *hoard,
						    unsigned int ms)
{
	for (;;) {
		struct physreq_guest *guest = physreq_invite(hoard, KTIME_MAX);
		bool asleep;

		msleep(ms);
		asleep = physreq_is_asleep(guest);
		if (asleep || !completion_done(&guest->done) || !guest->room ||
		    hoard->nr == PHYSREQ_PLACES) {
			KUNIT_EXPECT_TRUE(hoard->test, asleep);
			return guest;
		}
		hoard->rooms[hoard->nr++] = guest->room;
		put_task_struct(guest->task);
	}
}

/* How long after @since, in ms; the place is given back. */
static s64 physreq_see_off(struct physreq_guest *guest, ktime_t since)
{
	if (!wait_for_completion_timeout(&guest->done, 60 * HZ)) {
		send_sig(SIGKILL, guest->task, 1);
		wait_for_completion(&guest->done);
	}
	put_task_struct(guest->task);
	kmem_free_physcontig(guest->room, PHYSREQ_ROOM);
	return ktime_ms_delta(guest->ended, since);
}

/* Long asleep, so that it looks by itself but once a second; a free wakes it. */
static void physreq_test_woken(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	struct physreq_guest *guest = physreq_invite_to_wait(hoard, 1500);
	ktime_t freed;

	freed = ktime_get();
	physreq_hoard_let_go(hoard);
	KUNIT_EXPECT_LE(test, physreq_see_off(guest, freed), 1000);
	KUNIT_EXPECT_NOT_NULL(test, guest->room);
}

/* Pages that come back one by one, past the engine, are seen by the next look. */
static void physreq_test_looks(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	unsigned long start = page_to_pfn(virt_to_page(hoard->rooms[hoard->nr - 1]));
	unsigned long end = start + PFN_DOWN(PHYSREQ_ROOM);
	struct physreq_guest *guest;

	physreq_hoard_let_go(hoard);
	KUNIT_ASSERT_EQ(test, 0, alloc_contig_range(start, end, ACR_FLAGS_NONE,
						    GFP_KERNEL));
	guest = physreq_invite_to_wait(hoard, 0);
	for (unsigned long pfn = start; pfn < end; pfn++)
		__free_page(pfn_to_page(pfn));
	KUNIT_EXPECT_LE(test, physreq_see_off(guest, ktime_get()), 2000);
	KUNIT_EXPECT_NOT_NULL(test, guest->room);
}

/* One place after the other comes back: each of them serves one task. */
static void physreq_test_crowd(struct kunit *test)
{
	struct physreq_hoard *hoard;
	struct physreq_guest *guests[3];

	contig_expect_balance(test);
	hoard = physreq_hoard_open(test);
	for (int i = 0; i < ARRAY_SIZE(guests); i++)
		guests[i] = physreq_invite(hoard, i ? KTIME_MAX : ms_to_ktime(60000));
	msleep(50);
	for (int i = 0; i < ARRAY_SIZE(guests); i++)
		physreq_hoard_let_go(hoard);
	for (int i = 0; i < ARRAY_SIZE(guests); i++) {
		physreq_see_off(guests[i], 0);
		KUNIT_EXPECT_NOT_NULL(test, guests[i]->room);
	}
}

static void physreq_test_killed(struct kunit *test)
{
	struct physreq_hoard *hoard;
	struct physreq_guest *guest;
	ktime_t killed;

	contig_expect_balance(test);
	hoard = physreq_hoard_open(test);
	guest = physreq_invite_to_wait(hoard, 200);
	killed = ktime_get();
	send_sig(SIGKILL, guest->task, 1);
	KUNIT_EXPECT_LE(test, physreq_see_off(guest, killed), 1000);
	KUNIT_EXPECT_NULL(test, guest->room);
}

/* Not before its time, and not long after it. */
static void physreq_test_timeout(struct kunit *test)
{
	static const s64 limits[] = { 0, 1, 30, 300 };
	struct physreq_hoard *hoard = physreq_hoard_open(test);

	for (int i = 0; i < ARRAY_SIZE(limits); i++) {
		ktime_t began = ktime_get();
		s64 took;

		KUNIT_EXPECT_NULL(test,
				  kmem_alloc_physcontig_timeout(PHYSREQ_ROOM,
								hoard->preqp,
								ms_to_ktime(limits[i])));
		took = ktime_ms_delta(ktime_get(), began);
		KUNIT_EXPECT_GE(test, took, limits[i]);
		KUNIT_EXPECT_LE(test, took, limits[i] + 2000);
	}
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(PHYSREQ_ROOM, hoard->preqp,
						      KM_NOSLEEP));
}

static struct physreq_story {
	int told;
	size_t size;
	struct contig_report report;
} physreq_story;

static bool physreq_hear(size_t size, u64 waited, unsigned long caller,
			 const struct contig_report *report)
{
	physreq_story.told++;
	physreq_story.size = size;
	physreq_story.report = *report;
	return waited > 40 * NSEC_PER_MSEC;
}

/* Who waits says for what, once, and names a page in the way. */
static void physreq_test_tells(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	int told = 0, ms;

	memset(&physreq_story, 0, sizeof(physreq_story));
	kunit_activate_static_stub(test, contig_tell_wait, physreq_hear);
	/* on a busy machine one attempt takes as long */
	for (ms = 300; !told && ms < 10000; ms *= 2) {
		kmem_alloc_physcontig_timeout(PHYSREQ_ROOM, hoard->preqp, ms_to_ktime(ms));
		told = physreq_story.told;
	}
	kmem_alloc_physcontig_timeout(PHYSREQ_ROOM, hoard->preqp, ms_to_ktime(ms));
	kunit_deactivate_static_stub(test, contig_tell_wait);
	KUNIT_EXPECT_GE(test, told, 1);
	KUNIT_EXPECT_LE(test, physreq_story.told, 2 * told + 2);
	KUNIT_EXPECT_EQ(test, physreq_story.size, PHYSREQ_ROOM);
	KUNIT_EXPECT_NE(test, physreq_story.report.error, 0);
	KUNIT_EXPECT_NE(test, physreq_story.report.blocking_pfn, CONTIG_NO_PFN);
	KUNIT_EXPECT_NE(test, physreq_story.report.kind, CONTIG_KIND_NONE);
	KUNIT_EXPECT_FALSE(test, contig_tell_wait(PHYSREQ_ROOM, 9ULL * NSEC_PER_SEC,
						  _THIS_IP_, &physreq_story.report));
	KUNIT_EXPECT_TRUE(test, contig_tell_wait(PHYSREQ_ROOM, 10ULL * NSEC_PER_SEC,
						 _THIS_IP_, &physreq_story.report));
}

static struct physreq_entry {
	int nr;
	unsigned long caller;
	struct contig_report report;
} physreq_entry;

static void physreq_enter(unsigned long start, unsigned long nr_pages,
			  const struct contig_terms *terms,
			  const struct contig_report *report)
{
	physreq_entry.nr++;
	physreq_entry.caller = terms->caller;
	physreq_entry.report = *report;
}

/* The request is on the account of the one who called, and of nobody between. */
static void physreq_expect_entry(struct kunit *test, const char *caller)
{
	char name[64];

	snprintf(name, sizeof(name), "%ps", (void *)physreq_entry.caller);
	KUNIT_EXPECT_TRUE_MSG(test, strstarts(name, caller), "%s", name);
	memset(&physreq_entry, 0, sizeof(physreq_entry));
}

/* However often it looked, it was one request, and it took as long as it took. */
static void physreq_test_entered_once(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	const struct contig_report *report = &physreq_entry.report;

	kunit_activate_static_stub(test, contig_conclude, physreq_enter);
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig_timeout(PHYSREQ_ROOM,
							      hoard->preqp,
							      ms_to_ktime(200)));
	KUNIT_EXPECT_EQ(test, physreq_entry.nr, 1);
	KUNIT_EXPECT_NE(test, report->error, 0);
	KUNIT_EXPECT_GE(test, report->elapsed, 200 * NSEC_PER_MSEC);
	physreq_expect_entry(test, __func__);
}

/* In failures and latency of debugfs is the driver. */
static void physreq_test_caller(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	physreq_t *preqp = hoard->preqp;

	kunit_activate_static_stub(test, contig_conclude, physreq_enter);
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig(PHYSREQ_ROOM, preqp,
						      KM_NOSLEEP));
	physreq_expect_entry(test, __func__);
	KUNIT_EXPECT_NULL(test, kmem_alloc_physcontig_timeout(PHYSREQ_ROOM, preqp,
							      0));
	physreq_expect_entry(test, __func__);
	KUNIT_EXPECT_NULL(test, kmem_alloc_physreq(PHYSREQ_ROOM, preqp, KM_NOSLEEP));
	physreq_expect_entry(test, __func__);
	KUNIT_EXPECT_NULL(test, kmem_zalloc_physreq(PHYSREQ_ROOM, preqp,
						    KM_NOSLEEP));
	physreq_expect_entry(test, __func__);
	physreq_hoard_let_go(hoard);
	hoard->rooms[hoard->nr++] = kmem_alloc_physcontig(PHYSREQ_ROOM, preqp,
							  KM_SLEEP);
	KUNIT_ASSERT_NOT_NULL(test, hoard->rooms[hoard->nr - 1]);
	physreq_expect_entry(test, __func__);
}

/* However often it has tried: each attempt is bounded by the time that is left. */
static void physreq_test_slices(struct kunit *test)
{
	struct physreq_hoard *hoard = physreq_hoard_open(test);
	struct ddi_area area = { .size = PHYSREQ_ROOM, .call = DDI_PHYSCONTIG };
	struct ddi_order order;

	KUNIT_ASSERT_TRUE(test, ddi_begin(&order, hoard->preqp, KM_SLEEP, _THIS_IP_));
	order.area = &area;
	order.deadline = ktime_get_ns() + 3600ULL * NSEC_PER_SEC;
	order.slice = BIT_ULL(60);
	for (int i = 0; i < 8; i++) {
		/* somebody else may have left a place */
		if (ddi_get(&order))
			contig_free_exactly(virt_to_page(area.addr),
					    ddi_pages(PHYSREQ_ROOM));
		KUNIT_EXPECT_GT(test, order.slice, 0);
	}
}

static struct kunit_case physreq_wait_cases[] = {
	KUNIT_CASE(physreq_test_woken),
	KUNIT_CASE(physreq_test_looks),
	KUNIT_CASE(physreq_test_crowd),
	KUNIT_CASE(physreq_test_killed),
	KUNIT_CASE(physreq_test_timeout),
	KUNIT_CASE(physreq_test_tells),
	KUNIT_CASE(physreq_test_caller),
	KUNIT_CASE(physreq_test_entered_once),
	KUNIT_CASE(physreq_test_slices),
	{}
};

static struct kunit_suite physreq_wait_suite = {
	.name = "contig_physreq_wait",
	.test_cases = physreq_wait_cases,
};

kunit_test_suite(physreq_wait_suite);
