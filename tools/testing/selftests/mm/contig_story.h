/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the engine says about a request that fails, wherever it says it: the answer,
 * the trace event, the counter and the file "failures" have to tell the same story.
 * For programs that are made with kselftest_harness.h, whose macros are in here.
 */
#ifndef _CONTIG_STORY_H
#define _CONTIG_STORY_H

#include <sched.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "contig_util.h"

#define CONTIG_STORY	"contig_story"	/* the trace instance */
#define TRIES		100
#define TIMEOUT		60

#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL

/* On one CPU, whose LRU batch fills up and is emptied as we touch our pages. */
static inline bool stay_here(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* === In four places === */

/* What a request has to be refused with. */
struct want {
	int error;
	const char *reason;
	unsigned long pfn;
	const char *kind;
};

static inline void expect_answer(struct __test_metadata *_metadata,
				 const struct contig_answer *answer,
				 const struct want *want)
{
	EXPECT_EQ(answer->error, want->error);
	EXPECT_STREQ(answer->reason, want->reason);
	EXPECT_EQ(answer->pfn, want->pfn);
	EXPECT_STREQ(answer->kind, want->kind);
}

static inline void expect_event(struct __test_metadata *_metadata,
				const struct contig_answer *answer, bool search)
{
	char place[80], cost[80], words[300];

	if (search)
		snprintf(place, sizeof(place), "nr_pages=%lu", answer->nr);
	else
		snprintf(place, sizeof(place), "start=0x%lx end=0x%lx",
			 answer->start, answer->start + answer->nr);
	snprintf(cost, sizeof(cost), "%smoved=%lu usecs=%llu",
		 search ? "tried=0 " : "", answer->moved,
		 answer->nsec / NSEC_PER_USEC);
	snprintf(words, sizeof(words), "%s error=%d reason=%s pfn=0x%lx %s kind=%s\n",
		 place, answer->error, answer->reason, answer->pfn, cost,
		 answer->kind);
	EXPECT_EQ(1, contig_trace_count(CONTIG_STORY, search ? "contig_search_fail: " :
						       "contig_fail: ", words))
		TH_LOG("no event, or more than one: %s", words);
}

static inline void expect_failure(struct __test_metadata *_metadata,
				  const struct contig_answer *answer, bool search)
{
	struct contig_failure last = {};

	ASSERT_TRUE(contig_last_failure(&last));
	EXPECT_EQ(last.start, search ? CONTIG_NO_PFN : answer->start);
	EXPECT_EQ(last.nr, answer->nr);
	EXPECT_EQ(last.error, answer->error);
	EXPECT_STREQ(last.reason, answer->reason);
	EXPECT_EQ(last.pfn, answer->pfn);
	EXPECT_STREQ(last.kind, answer->kind);
	EXPECT_EQ(last.tried, search ? 0 : 1);
	EXPECT_EQ(last.moved, answer->moved);
	EXPECT_EQ(last.usecs, answer->nsec / NSEC_PER_USEC);
	EXPECT_EQ(strncmp(last.caller, "contig_", 7), 0) TH_LOG("%s", last.caller);
}

/* @counted: what the counter of the reason was before. */
static inline void read_back(struct __test_metadata *_metadata,
			     const struct contig_answer *answer,
			     const struct want *want, unsigned long counted, bool search)
{
	expect_answer(_metadata, answer, want);
	EXPECT_EQ(contig_stat(want->reason), counted + 1) TH_LOG("%s", want->reason);
	expect_event(_metadata, answer, search);
	expect_failure(_metadata, answer, search);
}

/* The log stays clean: what does not want to be logged says so. */
static inline void refuse(struct __test_metadata *_metadata, int fd,
			  struct contig_answer *answer, unsigned long start,
			  unsigned long nr, const char *options, const struct want *want)
{
	unsigned long counted = contig_stat(want->reason);

	EXPECT_EQ(want->error, contig_ask(fd, answer, "range 0x%lx %lu%s nowarn",
					  start, nr, options));
	read_back(_metadata, answer, want, counted, false);
	EXPECT_EQ(answer->start, start);
	EXPECT_EQ(answer->nr, nr);
	EXPECT_EQ(answer->moved, 0);
}

/* === Pages of ours that something holds === */

#define MEM_PAGES	256UL

struct held {
	struct contig_memory mem;
	long i;			/* which page of it is in ZONE_MOVABLE */
	unsigned long pfn;
	int pipe_fds[2];
};

/* A page of anonymous memory, or of a file in memory. */
static inline void map_page(struct __test_metadata *_metadata, struct held *held,
			    const struct contig_zone *zone, bool file)
{
	struct contig_span span = { zone->start, zone->end };
	int fd = file ? syscall(SYS_memfd_create, "contig", 0) : -1;

	held->mem = (struct contig_memory){ NULL, MEM_PAGES, 6 };
	if (file)
		ASSERT_EQ(0, ftruncate(fd, MEM_PAGES * psize()));
	held->mem.map = mmap(NULL, MEM_PAGES * psize(), PROT_READ | PROT_WRITE,
			     file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
			     fd, 0);
	ASSERT_NE((void *)held->mem.map, MAP_FAILED);
	madvise(held->mem.map, MEM_PAGES * psize(), MADV_NOHUGEPAGE);
	contig_fill(&held->mem);
	held->i = contig_index_in(&held->mem, 0, span);
	ASSERT_GE(held->i, 0);
	held->pfn = contig_pfn(&held->mem, held->i);
}

static inline void hold_page(struct __test_metadata *_metadata, struct held *held,
			     const struct contig_zone *zone, bool file)
{
	map_page(_metadata, held, zone, file);
	ASSERT_TRUE(contig_pin_by_pipe(held->mem.map + held->i * psize(),
				       held->pipe_fds));
	/* Compaction may have been faster than the pin. */
	held->pfn = contig_pfn(&held->mem, held->i);
	ASSERT_TRUE(held->pfn >= zone->start && held->pfn < zone->end);
}

static inline void let_go(struct held *held)
{
	close(held->pipe_fds[0]);
	close(held->pipe_fds[1]);
}

/* While somebody tries to move it, it is nowhere at times: a touch waits for that. */
static inline unsigned long pfn_now(const struct held *held)
{
	const char *page = held->mem.map + held->i * psize();
	unsigned long pfn = contig_pfn(&held->mem, held->i);

	for (int i = 0; i < TRIES && pfn == CONTIG_NO_PFN; i++) {
		FORCE_READ(*page);
		pfn = contig_pfn(&held->mem, held->i);
	}
	return pfn;
}

/* It is where it was, or not, and all of them are what they were. */
static inline void expect_intact(struct __test_metadata *_metadata,
				 const struct held *held, bool moved)
{
	unsigned long pfn = pfn_now(held);

	EXPECT_NE(pfn, CONTIG_NO_PFN);
	EXPECT_EQ(pfn != held->pfn, moved);
	EXPECT_EQ(contig_first_damage(&held->mem), -1);
}

/* Once nothing holds the page, it makes room. */
static inline void expect_free_to_move(struct __test_metadata *_metadata, int fd,
				       const struct held *held)
{
	struct contig_answer answer;

	EXPECT_EQ(0, contig_take(fd, &answer, held->pfn, 1, ""));
	expect_intact(_metadata, held, true);
}

/* === One trace instance for all tests: it takes longer to make than one of them === */

static pid_t owner;

/* The children that the tests run in come here, too, if they end early. */
static inline void stop_tracing(void)
{
	if (getpid() == owner)
		contig_trace_stop(CONTIG_STORY);
}

static inline int run_with_trace(int argc, char **argv)
{
	owner = getpid();
	if (!contig_trace_start(CONTIG_STORY) || atexit(stop_tracing))
		ksft_exit_fail_msg("no trace events of the engine\n");
	return test_harness_run(argc, argv);
}

#endif
