/* SPDX-License-Identifier: GPL-2.0 */
/* Internal types of the contiguous range engine, and its locking document. */
#ifndef _MM_CONTIG_H
#define _MM_CONTIG_H

#include <linux/atomic.h>
#include <linux/contig.h>
#include <linux/gfp.h>
#include <linux/interval_tree.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page_owner.h>
#include <linux/pageblock-flags.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

/**
 * DOC: Locks
 *
 * Outermost first:
 *
 * contig_waiters
 *	One for the machine; who evacuates which blocks, in order of arrival
 *	(reserve.c).
 * the lock of contig_blocks
 *	One for the machine; which blocks are out (request.c).
 * contig_dma_lock
 *	One for the machine; which blocks of the DMA API are out (dma.c).
 * zone->lock
 *	Held for the work on one block at a time, or on the one free page that covers
 *	several (claim.c, evacuate.c), and for a few free pages of a list (find.c).
 *	Free lists, block types, isolation counts.
 * contig_failures_lock
 *	One for the machine; the list of failures (report.c).
 * ddi_lock
 *	One for the machine; what drivers have (ddi.c).
 *
 * No two are ever held together, but that a new entry in one of the two records of
 * blocks may need memory: what the page allocator locks, it locks inside of theirs.
 *
 * A request that sleeps holds none: what keeps others away from its pages is that
 * claimed pages are on no list and that the free pages of an isolated block are on a
 * list nobody allocates from.
 *
 * Requests that only claim never wait for each other. Those that evacuate wait for
 * those that came before them and overlap; since each waits for older ones only,
 * there is no circle.
 *
 * Pages of others are looked at in RCU read-side critical sections that found them
 * online, or under zone->lock (online.c). None of these sleeps.
 *
 * A struct contig_take belongs to the task that runs it; only its reservation is
 * seen by others.
 */

/* Ranges of up to this many blocks need no memory for their own bookkeeping. */
#define CONTIG_INLINE_BLOCKS	512

/**
 * struct contig_reservation - the blocks that one evacuation works on
 * @node: first and last PFN, aligned to pageblocks
 * @ticket: order of arrival; of two that overlap, the lower goes first
 * @held: entered in the tree
 */
struct contig_reservation {
	struct interval_tree_node node;
	u64 ticket;
	bool held;
};

/**
 * struct contig_terms - on what terms a request is made
 * @gfp: how hard to try, and what form the pages get
 * @patience: nanoseconds that may be spent waiting for pages; what is left of it
 *	when the call returns
 * @waited: nanoseconds that were spent waiting, with patience or without; returned
 * @deadline: when all has to be over, as ktime_get_ns() counts; %CONTIG_NEVER
 * @stop: set by contig_call_off() when nobody wants it any more, or NULL
 * @caller: code address of the client
 * @min_pages: of a search: the largest block of at least so many will do; 0 for all
 *	or nothing
 * @only_free: what is not free is not wanted
 * @drained: for an earlier attempt the LRU batches were emptied; returned, too
 * @keep_lru: there may be another attempt: what is switched off for this one stays so
 *	until contig_return_lru()
 * @lru_disabled: the LRU batches are off; returned
 * @is_part: of a larger request, which will be the one to be reported
 */
struct contig_terms {
	gfp_t gfp;
	u64 patience;
	u64 waited;
	u64 deadline;
	const bool *stop;
	unsigned long caller;
	unsigned long min_pages;
	bool only_free;
	bool drained;
	bool keep_lru;
	bool lru_disabled;
	bool is_part;
};

#define CONTIG_NEVER	U64_MAX

/**
 * struct contig_take - one exact range while it is being taken
 * @start: first PFN asked for
 * @end: one past the last
 * @zone: the zone that all of it lies in
 * @departures: how often memory had gone when all of the range was found there
 * @flags: whose blocks may be used, ACR_FLAGS_CMA or not
 * @gfp: the caller's flags, for the pages handed out
 * @move_gfp: flags for the pages that others are moved to
 * @nr_blocks: blocks (pageblock ∩ range) in the range
 * @patience: nanoseconds that may still be spent waiting for pages
 * @is_patient: there were some in the beginning
 * @waited: nanoseconds that were spent waiting
 * @deadline: when all has to be over
 * @only_free: what is not free is not wanted
 * @stop: of the terms
 * @moments: how many pages may still be given a moment to be set up or torn down
 * @nr_poisoned: pages of this machine that were known to be bad in the beginning
 * @claimed: bit per block: out of the free lists, ours
 * @isolated: bit per block: isolated, by us
 * @suspect_pfn: where the last claim that failed stopped
 * @pcp_suspected: that page may be on a per-CPU list
 * @zone_is_ample: no claim can bring the zone to its watermark
 * @keep_lru: of the terms
 * @lru_disabled: the LRU batches are off, by us
 * @drained: they were emptied before, be it for an earlier attempt
 * @in_doubt: what is left has to be looked at again once it is isolated
 * @reservation: our place among those who evacuate
 * @report: how it went so far
 * @inline_bits: room for both bitmaps of a range of ordinary size
 */
struct contig_take {
	unsigned long start;
	unsigned long end;
	struct zone *zone;
	unsigned long departures;
	acr_flags_t flags;
	gfp_t gfp;
	gfp_t move_gfp;

	u64 patience;
	u64 waited;
	u64 deadline;
	bool is_patient;
	bool only_free;
	const bool *stop;
	unsigned int moments;
	long nr_poisoned;
	unsigned long nr_blocks;
	unsigned long *claimed;
	unsigned long *isolated;
	unsigned long suspect_pfn;
	bool pcp_suspected;
	bool zone_is_ample;
	bool keep_lru;
	bool lru_disabled;
	bool drained;
	bool in_doubt;
	struct contig_reservation reservation;
	struct contig_report report;

	unsigned long inline_bits[2][BITS_TO_LONGS(CONTIG_INLINE_BLOCKS)];
};

/**
 * struct contig_obstacle - the first page found that stands in the way
 * @pfn: where
 * @reason: why it cannot move
 * @kind: what it looks like; says whether waiting may help
 */
struct contig_obstacle {
	unsigned long pfn;
	enum contig_reason reason;
	enum contig_kind kind;
};

/**
 * enum contig_stay - how long a page of some kind stays in the way
 * @CONTIG_FOR_GOOD: nothing that can be waited for
 * @CONTIG_A_MOMENT: as long as it takes to set it up or to tear it down, or else
 *	for good
 * @CONTIG_A_WHILE: until somebody is done with it
 */
enum contig_stay {
	CONTIG_FOR_GOOD,
	CONTIG_A_MOMENT,
	CONTIG_A_WHILE
};

/**
 * enum contig_event - what the counters count besides reasons
 * @CONTIG_REQUESTS: exact ranges asked for
 * @CONTIG_SUCCESSES: ranges handed out, those of the buddy allocator as well
 * @CONTIG_PCP_DRAINS: per-CPU page lists emptied
 * @CONTIG_LRU_DRAINS: LRU batches switched off
 * @CONTIG_ISOLATIONS: blocks isolated
 * @CONTIG_PAGES_MOVED: pages migrated
 * @CONTIG_PAGES_DROPPED: clean cache pages dropped instead
 * @CONTIG_HELPERS_CALLED: workers asked to empty blocks beside the caller
 * @CONTIG_FREES: ranges given back
 * @CONTIG_BAD_FREES: ranges that were not the caller's to give back
 * @CONTIG_NR_EVENTS: how many there are
 */
enum contig_event {
	CONTIG_REQUESTS,
	CONTIG_SUCCESSES,
	CONTIG_PCP_DRAINS,
	CONTIG_LRU_DRAINS,
	CONTIG_ISOLATIONS,
	CONTIG_PAGES_MOVED,
	CONTIG_PAGES_DROPPED,
	CONTIG_HELPERS_CALLED,
	CONTIG_FREES,
	CONTIG_BAD_FREES,
	CONTIG_NR_EVENTS
};

/* First PFN of the range that lies in block number @block of it. */
static inline unsigned long contig_block_start(const struct contig_take *take,
					       unsigned long block)
{
	unsigned long pfn = pageblock_start_pfn(take->start) +
			    block * pageblock_nr_pages;

	return max(pfn, take->start);
}

/* One past the last PFN of the range that lies in block number @block. */
static inline unsigned long contig_block_end(const struct contig_take *take,
					     unsigned long block)
{
	return min(pageblock_end_pfn(contig_block_start(take, block)),
		   take->end);
}

/* The number, within the range, of the block that @pfn lies in. */
static inline unsigned long contig_block_of(const struct contig_take *take,
					    unsigned long pfn)
{
	return (pfn - pageblock_start_pfn(take->start)) >> pageblock_order;
}

/* Order of the largest aligned piece at the start of [start, end). */
static inline unsigned int contig_piece_order(unsigned long start,
					      unsigned long end,
					      unsigned int max_order)
{
	return min(__ffs(start | 1UL << max_order), __fls(end - start));
}

static inline bool contig_may_sleep(const struct contig_take *take)
{
	return gfpflags_allow_blocking(take->gfp);
}

/* Does page_owner keep a record of each page? */
static inline bool contig_has_page_owner(void)
{
#ifdef CONFIG_PAGE_OWNER
	return static_branch_unlikely(&page_owner_inited);
#else
	return false;
#endif
}

/* Note why a request fails, for its report, and pass the error on. */
static inline int contig_because(struct contig_report *report, int error,
				 enum contig_reason reason, unsigned long pfn)
{
	report->error = error;
	report->reason = reason;
	report->blocking_pfn = pfn;
	report->kind = CONTIG_KIND_NONE;
	return error;
}

/* The same for a page that is known to be in the way. */
static inline int contig_because_of(struct contig_report *report, int error,
				    const struct contig_obstacle *obstacle)
{
	contig_because(report, error, obstacle->reason, obstacle->pfn);
	report->kind = obstacle->kind;
	return error;
}

/* Is there a deadline, and is it past? */
static inline bool contig_is_past(u64 deadline)
{
	return deadline != CONTIG_NEVER && ktime_get_ns() >= deadline;
}

/* No time is left, whatever is in the way. */
static inline bool contig_is_late(const struct contig_take *take)
{
	return contig_is_past(take->deadline);
}

/* Of a request that would go on elsewhere: what was in the way last is still named. */
static inline int contig_too_late(struct contig_report *report)
{
	if (!report->error)
		report->blocking_pfn = CONTIG_NO_PFN;
	report->error = -ETIMEDOUT;
	report->reason = CONTIG_TIMED_OUT;
	return -ETIMEDOUT;
}

/* Nobody is left to wait for it. */
static inline bool contig_is_called_off(const bool *stop)
{
	return fatal_signal_pending(current) || (stop && READ_ONCE(*stop));
}

/* online.c */
extern unsigned long contig_departures;
bool contig_is_online_in(const struct zone *zone, unsigned long pfn);

/* For as long as this holds, no struct page goes that was found online. */
static inline void contig_assert_stays(void)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(),
			 "a page of others is looked at and may go");
}

/* A page that may be anybody's, or NULL. */
static inline struct page *contig_online_page(unsigned long pfn)
{
	contig_assert_stays();
	return pfn_to_online_page(pfn);
}

/* Is a page of the range there still? For contexts as contig_is_online_in() says. */
static inline bool contig_is_there(const struct contig_take *take,
				   unsigned long pfn)
{
	contig_assert_stays();
	return READ_ONCE(contig_departures) == take->departures ||
	       contig_is_online_in(take->zone, pfn);
}

/* range.c */
void contig_agree(struct contig_terms *terms, gfp_t gfp,
		  enum contig_effort effort, ktime_t timeout);
enum contig_effort contig_effort_of(gfp_t gfp);
void contig_terms_of(struct contig_terms *terms, gfp_t gfp,
		     unsigned long caller);
bool contig_gfp_is_known(gfp_t gfp);
bool contig_size_is_sane(unsigned long nr_pages, gfp_t gfp);
bool contig_range_is_sane(unsigned long start, unsigned long end, gfp_t gfp);
int contig_alloc_range_on_noprof(unsigned long start, unsigned long end,
				 acr_flags_t flags, struct contig_terms *terms,
				 struct contig_report *report);
#define contig_alloc_range_on(...)	\
	alloc_hooks(contig_alloc_range_on_noprof(__VA_ARGS__))
int contig_alloc_range_noprof(unsigned long start, unsigned long end,
			      acr_flags_t flags, gfp_t gfp,
			      struct contig_report *report);
#define contig_alloc_range(...)	\
	alloc_hooks(contig_alloc_range_noprof(__VA_ARGS__))

/* pages.c */
struct contig_wish;
void contig_wish_for(struct contig_wish *wish, unsigned long nr_pages);
bool contig_wish_is_sane(const struct contig_wish *wish, gfp_t gfp);
struct page *contig_alloc_pages_on_noprof(const struct contig_wish *wish,
					  struct contig_terms *terms, int nid,
					  nodemask_t *nodemask,
					  struct contig_report *report);
#define contig_alloc_pages_on(...)	\
	alloc_hooks(contig_alloc_pages_on_noprof(__VA_ARGS__))
struct page *contig_alloc_pages_noprof(unsigned long nr_pages, gfp_t gfp,
				       int nid, nodemask_t *nodemask,
				       struct contig_report *report);
#define contig_alloc_pages(...)	\
	alloc_hooks(contig_alloc_pages_noprof(__VA_ARGS__))

/* take.c */
int contig_check_blocks(struct contig_take *take);
int contig_take(struct contig_take *take);
void contig_return_lru(struct contig_terms *terms);

/* claim.c */
long contig_nr_poisoned(void);
unsigned long contig_first_bad(unsigned long start, unsigned long end);
bool contig_claim(struct contig_take *take);
void contig_unclaim(struct contig_take *take);
void contig_give_back(struct zone *zone, unsigned long start,
		      unsigned long end);
bool contig_in_free_block(unsigned long pfn);

/* survey.c */
int contig_busy(struct contig_take *take, unsigned long pfn,
		enum contig_kind kind);
int contig_check_sound(struct contig_take *take);
bool contig_survey(unsigned long start, unsigned long end, acr_flags_t flags,
		   struct contig_obstacle *obstacle);
bool contig_known_obstructs(unsigned long start, unsigned long end,
			    struct contig_obstacle *obstacle);
unsigned long contig_skip_plain(unsigned long pfn, unsigned long end);
bool contig_page_obstructs(struct page *page, unsigned long *step,
			   struct contig_obstacle *obstacle);
enum contig_kind contig_page_kind(struct page *page);
enum contig_reason contig_kind_reason(enum contig_kind kind);
enum contig_stay contig_kind_stays(enum contig_kind kind);

/* evacuate.c */
int contig_isolate(struct contig_take *take);
void contig_unisolate(struct contig_take *take);
int contig_evacuate(struct contig_take *take);
struct folio *contig_target(struct folio *src, unsigned long private);
unsigned long contig_crew_pages(void);

/* reserve.c */
bool contig_reserve(struct contig_reservation *res, unsigned long start,
		    unsigned long end);
int contig_wait_for_turn(struct contig_reservation *res, const bool *stop,
			 u64 timeout);
void contig_unreserve(struct contig_reservation *res);
void contig_call_off(bool *stop);

/* search.c */
int contig_search(const struct contig_wish *wish, struct contig_terms *terms,
		  int nid, nodemask_t *nodemask, struct contig_report *report,
		  struct page **page);
int contig_search_dry(const struct contig_wish *wish,
		      const struct contig_terms *terms, int nid,
		      nodemask_t *nodemask, struct contig_report *report);

/* map.c */

/**
 * struct contig_mapper - who looks at a zone
 * @zone: which
 * @nr_pages: what for: smaller hugetlb pages may make room
 * @stop: as in struct contig_terms
 * @deadline: the same
 * @saw_hugetlb: some such
 * @saw_held: pages that may be let go of
 * @drained: the LRU batches were drained once
 * @must_drain: that is what comes next
 */
struct contig_mapper {
	struct zone *zone;
	unsigned long nr_pages;
	const bool *stop;
	u64 deadline;
	bool saw_hugetlb;
	bool saw_held;
	bool drained;
	bool must_drain;
};

struct contig_scan;
int contig_map(struct contig_scan *scan, unsigned long start,
	       unsigned long end, void *data);

/* find.c */

/*
 * Is there a gap between the struct page of @pfn and that of the page before? Without
 * VMEMMAP that is possible where a section begins, and whoever gets the first page of
 * a range counts on from there. Both pages have to exist.
 */
static inline bool contig_rows_part(unsigned long pfn)
{
	return pfn_to_page(pfn) != pfn_to_page(pfn - 1) + 1;
}

/* So many pages are picked from a free list at a time. */
#define CONTIG_PICKED	16

/**
 * struct contig_finder - a walk over the free lists of a zone, or over places
 * @zone: where
 * @wish: what a run of free pages has to fit
 * @lowest: the lowest order that a run which can do is sure to hold
 * @natural: the order of the wish; the walk begins there
 * @order: whose lists are walked now
 * @list: which of them
 * @left: pages on it to be looked at, or CONTIG_NOT_COUNTED
 * @first: the first of them, where the walk of the list ends
 * @picked: pages of the list whose runs are to be measured
 * @nr_picked: how many
 * @walks: of all finders in this zone, when this one let go of the lock
 * @again: how often it may still begin a list anew
 * @walked_before: this is the second walk
 * @place: where to look next, or CONTIG_NO_PFN if lists are walked
 */
struct contig_finder {
	struct zone *zone;
	const struct contig_wish *wish;
	int lowest;
	int natural;
	int order;
	unsigned int list;
	unsigned long left;
	struct page *first;
	unsigned long picked[CONTIG_PICKED];
	unsigned int nr_picked;
	unsigned long walks;
	unsigned int again;
	bool walked_before;
	unsigned long place;
};

#define CONTIG_NOT_COUNTED	(~0UL)

void contig_find_begin(struct contig_finder *finder, struct zone *zone,
		       const struct contig_wish *wish);
unsigned long contig_find_next(struct contig_finder *finder);

/* free.c */
int contig_free_range(unsigned long pfn, unsigned long nr_pages, bool frozen);
void contig_free_unused(unsigned long start, unsigned long end);
int contig_free_compound(struct page *head, unsigned long nr_pages);

/* request.c */
unsigned long contig_end_of(phys_addr_t max_addr);
unsigned long contig_align_of(phys_addr_t align);
struct page *contig_alloc_for_noprof(const struct contig_request *req,
				     const bool *stop, unsigned long caller,
				     bool is_part,
				     struct contig_report *report);
#define contig_alloc_for(...)	\
	alloc_hooks(contig_alloc_for_noprof(__VA_ARGS__))
int contig_free_exactly(struct page *page, unsigned long nr_pages);

/* dma.c */
struct device;
bool contig_dma_is_direct(struct device *dev);

/* place.c */
unsigned long contig_place(const struct contig_wish *wish, gfp_t gfp,
			   bool may_sleep);

/* ddi_wait.c */
bool contig_tell_wait(size_t size, u64 waited, unsigned long caller,
		      const struct contig_report *report);
#ifdef CONFIG_CONTIG_PHYSREQ
extern atomic_t contig_sleepers;
void contig_wake_sleepers(unsigned long pfn);

/* Memory from @pfn on is free again: does anybody wait for some? */
static inline void contig_tell_free(unsigned long pfn)
{
	/* pairs with the barrier in ddi_wait() */
	smp_mb();
	if (atomic_read(&contig_sleepers))
		contig_wake_sleepers(pfn);
}
#else
static inline void contig_tell_free(unsigned long pfn)
{
}
#endif

/* report.c */
void contig_count(enum contig_event event, unsigned long nr);
void contig_count_reason(enum contig_reason reason);
const char *contig_reason_name(enum contig_reason reason);
const char *contig_kind_name(enum contig_kind kind);
#define CONTIG_TEXT_MAX		160
#define CONTIG_CALLER_MAX	128
const char *contig_caller_name(char *buf, unsigned long caller);
const char *contig_describe(const struct contig_report *report, char *buf,
			    size_t size);
void contig_conclude(unsigned long start, unsigned long nr_pages,
		     const struct contig_terms *terms,
		     const struct contig_report *report);
unsigned long contig_read_event(enum contig_event event);

/* cma.c, where it can tell how a request went (CONFIG_CMA_REPORT) */
struct cma;
struct page *cma_alloc_and_report(struct cma *cma, unsigned long count,
				  struct contig_report *report);

struct dentry;

/* look.c */
void contig_look_init(struct dentry *dir);

/* trigger.c */
#ifdef CONFIG_CONTIG_TRIGGER
void contig_trigger_init(struct dentry *dir);
#else
static inline void contig_trigger_init(struct dentry *dir)
{
}
#endif

#endif /* _MM_CONTIG_H */
