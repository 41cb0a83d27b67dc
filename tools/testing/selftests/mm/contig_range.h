/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exact ranges that are to be had, for programs that are made with
 * kselftest_harness.h, whose macros are in here.
 */
#ifndef _CONTIG_RANGE_H
#define _CONTIG_RANGE_H

#include "kselftest_harness.h"
#include "contig_util.h"

#define TIMEOUT		180

/* Then the engine had nothing to do. */
static inline bool is_skipped(const struct __test_metadata *_metadata)
{
	return _metadata->exit_code == KSFT_SKIP;
}

/* Take, look at what came, leave it with the session. */
static inline void take(struct __test_metadata *_metadata, int fd,
			unsigned long start, unsigned long nr, const char *options)
{
	struct contig_answer answer;

	ASSERT_EQ(0, contig_take(fd, &answer, start, nr, options))
		TH_LOG("range 0x%lx %lu %s", start, nr, options);
	EXPECT_STREQ(answer.reason, "NONE");
	EXPECT_EQ(answer.pfn, CONTIG_NO_PFN);
	EXPECT_EQ(answer.start, start);
	EXPECT_EQ(answer.nr, nr);
	EXPECT_EQ(contig_flags_of(start) & (CONTIG_PG_BUDDY | CONTIG_PG_LRU), 0);
	EXPECT_EQ(contig_flags_of(start + nr - 1) &
		  (CONTIG_PG_BUDDY | CONTIG_PG_LRU), 0);
}

static inline void give(struct __test_metadata *_metadata, int fd,
			unsigned long start, unsigned long nr)
{
	struct contig_answer answer;

	EXPECT_EQ(0, contig_ask(fd, &answer, "free 0x%lx %lu", start, nr))
		TH_LOG("free 0x%lx %lu", start, nr);
}

#endif
