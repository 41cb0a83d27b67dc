// SPDX-License-Identifier: GPL-2.0
/*
 * Those parts of the kernel that ask for contiguous memory while the machine runs,
 * for themselves and not for a device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "contig_util.h"

#define INSTANCE	"contig_clients"

/* === KFENCE === */

#define INTERVAL	"/sys/module/kfence/parameters/sample_interval"
#define STATS		"/sys/kernel/debug/kfence/stats"
#define TRIES		20

/* Its pages are its own, those with objects and the guards between them. */
static void expect_kfence(struct __test_metadata *_metadata, int fd,
			  unsigned long start, unsigned long nr)
{
	struct contig_failure last = {};
	struct contig_answer answer;

	EXPECT_EQ(-EBUSY, contig_ask(fd, &answer, "range 0x%lx %lu nowarn", start, nr));
	EXPECT_STREQ(answer.reason, "UNMOVABLE");
	EXPECT_STREQ(answer.kind, "kfence") TH_LOG("page 0x%lx", answer.pfn);
	EXPECT_EQ(answer.pfn, start);
	EXPECT_EQ(answer.moved, 0);
	ASSERT_TRUE(contig_last_failure(&last));
	EXPECT_EQ(last.pfn, start);
	EXPECT_STREQ(last.kind, "kfence");
}

/* Once it has its pool, it keeps it. */
static bool enable_kfence(void)
{
	for (int i = 0; i < TRIES; i++) {
		if (contig_write_file(INTERVAL, "1000"))
			return true;
		usleep(20000);
	}
	return false;
}

TEST(kfence)
{
	struct contig_span pool = {}, metadata = {};
	int fd;

	if (access(INTERVAL, W_OK))
		SKIP(return, "no KFENCE in this kernel");
	if (!access(STATS, F_OK))
		SKIP(return, "KFENCE has had its pool before");
	fd = contig_open();
	ASSERT_TRUE(contig_trace_start(INSTANCE));
	EXPECT_TRUE(enable_kfence());
	EXPECT_EQ(0, access(STATS, F_OK));
	EXPECT_TRUE(contig_trace_range(INSTANCE, 0, &pool));
	EXPECT_TRUE(contig_trace_range(INSTANCE, 1, &metadata));
	EXPECT_FALSE(contig_trace_range(INSTANCE, 2, &metadata));
	EXPECT_TRUE(contig_trace_stop(INSTANCE));
	ASSERT_GT(pool.end, pool.start + 8);
	EXPECT_EQ(0, (pool.end - pool.start) % 2);
	TH_LOG("%lu pages for the pool", pool.end - pool.start);

	expect_kfence(_metadata, fd, pool.start, pool.end - pool.start);
	for (unsigned long i = 0; i < 4; i++) {
		expect_kfence(_metadata, fd, pool.start + i, 1);
		expect_kfence(_metadata, fd, pool.end - 1 - i, i + 1);
	}
	EXPECT_TRUE(contig_write_file(INTERVAL, "0"));
	close(fd);
}

TEST_HARNESS_MAIN
