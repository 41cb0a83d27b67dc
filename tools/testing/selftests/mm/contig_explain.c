// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine says about a request that fails, wherever it says it: the
 * answer, the trace event, the counter and the file "failures" have to tell the
 * same story, with the right reason, page and kind of page. What TIMED_OUT,
 * INTERRUPTED and LOST_RACE look like is in contig_wait.
 *
 * NO_MEMORY takes CONFIG_FAIL_PAGE_ALLOC; contig_test_no_memory of the KUnit suite
 * does without. HUGETLB takes that, or a gigantic page; contig_test_hugetlb neither.
 * From here we cannot have pages that are broken, of a balloon or kept offline, or
 * that are isolated, locked or written back at the right moment. Those of KFENCE are
 * in contig_clients.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "contig_story.h"

#define KEPT		64	/* failures that are remembered */

FIXTURE(explain)
{
	int fd;
	unsigned long start;	/* of a piece of ZONE_MOVABLE */
	struct contig_zone zone;
	struct contig_span cma;
};

FIXTURE_SETUP(explain)
{
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->start = contig_movable_span(&self->zone, 1024, 1024).start;
	ASSERT_NE(self->start, 0);
	self->cma = contig_cma_area();
	self->fd = contig_open();
	ASSERT_TRUE(stay_here());
}

FIXTURE_TEARDOWN(explain)
{
	close(self->fd);
}

/* === Requests that no page is to blame for === */

TEST_F_TIMEOUT(explain, bad_request, TIMEOUT)
{
	const struct want want = { -EINVAL, "BAD_REQUEST", CONTIG_NO_PFN, "none" };
	struct contig_answer answer;

	refuse(_metadata, self->fd, &answer, self->start, 3, " comp", &want);
	refuse(_metadata, self->fd, &answer, self->start, 0, "", &want);
}

TEST_F_TIMEOUT(explain, not_present, TIMEOUT)
{
	struct want want = { -EINVAL, "NOT_PRESENT", 0, "none" };
	struct contig_answer answer;
	struct contig_zone zones[8];
	int last = contig_zones(zones, 8) - 1;

	want.pfn = zones[last].end;
	refuse(_metadata, self->fd, &answer, want.pfn - 2000, 2001, "", &want);
}

TEST_F_TIMEOUT(explain, zone_boundary, TIMEOUT)
{
	struct want want = { -EINVAL, "ZONE_BOUNDARY", 0, "none" };
	struct contig_answer answer;
	struct contig_zone zone;

	if (!contig_zone("DMA32", &zone) || !zone.start)
		SKIP(return, "no zone DMA32");
	want.pfn = zone.start;
	refuse(_metadata, self->fd, &answer, zone.start - 512, 1024, "", &want);
}

TEST_F_TIMEOUT(explain, no_candidate, TIMEOUT)
{
	const struct want want = { -ENOMEM, "NO_CANDIDATE", CONTIG_NO_PFN, "none" };
	unsigned long counted = contig_stat("NO_CANDIDATE");
	struct contig_answer answer;

	contig_ask(self->fd, &answer, "pages %lu nowarn", CONTIG_MANY_PAGES);
	read_back(_metadata, &answer, &want, counted, true);
	EXPECT_EQ(answer.nr, CONTIG_MANY_PAGES);
}

/* === Pages of the kernel === */

/* What the kernel has freed since we saw it, we can have: look for another one. */
static void refuse_kind(struct __test_metadata *_metadata, int fd, uint64_t flags,
			const char *kind)
{
	struct want want = { -EBUSY, "UNMOVABLE", 0, kind };
	struct contig_answer answer;
	unsigned long counted;

	for (int i = 0; i < TRIES; i++) {
		want.pfn = contig_find_any_page(want.pfn + 1, flags);
		ASSERT_NE(want.pfn, 0);
		counted = contig_stat("UNMOVABLE");
		contig_ask(fd, &answer, "range 0x%lx 1 nowarn", want.pfn);
		if (!strcmp(answer.kind, kind))
			break;
	}
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.moved, 0);
}

TEST_F_TIMEOUT(explain, reserved, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_RESERVED, "reserved");
}

TEST_F_TIMEOUT(explain, slab, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_SLAB, "slab");
}

TEST_F_TIMEOUT(explain, page_table, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_TABLE, "page-table");
}

/* Pages that a request has are the kernel's, as those of any driver. */
TEST_F_TIMEOUT(explain, kernel, TIMEOUT)
{
	struct want want = { -EBUSY, "UNMOVABLE", self->start + 3, "kernel" };
	struct contig_answer answer;
	int owner = contig_open();

	ASSERT_EQ(0, contig_take(owner, &answer, want.pfn, 1, ""));
	refuse(_metadata, self->fd, &answer, want.pfn, 1, "", &want);
	close(owner);
	EXPECT_EQ(0, contig_take(self->fd, &answer, want.pfn, 1, ""));
}

TEST_F_TIMEOUT(explain, other_block, TIMEOUT)
{
	struct want want = { -EBUSY, "UNMOVABLE", self->start, "other-block" };
	struct contig_answer answer;

	if (!self->cma.start)
		SKIP(return, "no CMA area, boot with cma=");
	refuse(_metadata, self->fd, &answer, want.pfn, 20, " cma", &want);
	want.pfn = self->cma.start + 7;
	refuse(_metadata, self->fd, &answer, want.pfn, 20, "", &want);
}

/* === Pages of hugetlbfs === */

TEST_F_TIMEOUT(explain, hugetlb, TIMEOUT)
{
	struct want want = { -EBUSY, "HUGETLB", 0, "hugetlb" };
	struct contig_answer answer;
	unsigned long pool;

	want.pfn = contig_get_gigantic(&pool);
	if (!want.pfn)
		SKIP(return, "no page of 1 GiB here, or not enough memory");
	refuse(_metadata, self->fd, &answer, want.pfn, 1, "", &want);
	contig_put_gigantic(pool);
}

/* === Pages of ours that something holds === */

static void refuse_held(struct __test_metadata *_metadata, int fd,
			const struct contig_zone *zone, bool file)
{
	struct want want = { -EBUSY, "PINNED", 0, "referenced" };
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, zone, file);
	want.pfn = held.pfn;
	refuse(_metadata, fd, &answer, held.pfn, 1, "", &want);
	expect_intact(_metadata, &held, false);
	let_go(&held);
	expect_free_to_move(_metadata, fd, &held);
}

TEST_F_TIMEOUT(explain, referenced, TIMEOUT)
{
	refuse_held(_metadata, self->fd, &self->zone, false);
}

/* Of a file in memory this shows only when it does not move. */
TEST_F_TIMEOUT(explain, referenced_file, TIMEOUT)
{
	refuse_held(_metadata, self->fd, &self->zone, true);
}

TEST_F_TIMEOUT(explain, dma_pinned, TIMEOUT)
{
	struct want want = { -EBUSY, "PINNED", 0, "dma-pinned" };
	struct contig_answer answer;
	struct held held;
	int ring;

	if (access("/proc/sys/kernel/io_uring_disabled", F_OK))
		SKIP(return, "no io_uring in this kernel");
	map_page(_metadata, &held, &self->zone, false);
	ring = contig_pin_by_ring(held.mem.map + held.i * psize());
	ASSERT_GE(ring, 0);
	want.pfn = contig_pfn(&held.mem, held.i);	/* out of ZONE_MOVABLE */
	refuse(_metadata, self->fd, &answer, want.pfn, 1, "", &want);
	EXPECT_EQ(contig_pfn(&held.mem, held.i), want.pfn);
	EXPECT_EQ(contig_first_damage(&held.mem), -1);
	close(ring);
}

TEST_F_TIMEOUT(explain, would_block, TIMEOUT)
{
	struct want want = { -EBUSY, "WOULD_BLOCK", 0, "anon" };
	struct contig_answer answer;
	struct held held;

	map_page(_metadata, &held, &self->zone, false);
	want.pfn = held.pfn;
	refuse(_metadata, self->fd, &answer, held.pfn, 1, " nowait", &want);
	expect_intact(_metadata, &held, false);
	expect_free_to_move(_metadata, self->fd, &held);
}

/* === No memory to move to === */

TEST_F_TIMEOUT(explain, no_memory, TIMEOUT)
{
	struct want want = { -ENOMEM, "NO_MEMORY" };
	unsigned long counted = contig_stat("NO_MEMORY");
	int injection = contig_inject_start(0);
	struct contig_answer answer;
	struct held held;

	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
	map_page(_metadata, &held, &self->zone, false);
	contig_ask_without_memory(self->fd, &answer, held.pfn, "", injection);
	contig_inject_stop(injection);
	/* It was taken off the LRU, and may be on its way back. */
	want.pfn = held.pfn;
	want.kind = strcmp(answer.kind, "off-lru") ? "anon" : "off-lru";
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.moved, 0);
	expect_intact(_metadata, &held, false);
	expect_free_to_move(_metadata, self->fd, &held);
}

/* A page of the pool that is free has to be replaced by another one. */
TEST_F_TIMEOUT(explain, hugetlb_not_replaced, TIMEOUT)
{
	struct want want = { -ENOMEM, "HUGETLB" };
	unsigned long counted = contig_stat("HUGETLB");
	int injection = contig_inject_start(1);
	struct contig_answer answer;
	struct contig_huge huge;

	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
	ASSERT_TRUE(contig_get_huge(&huge));
	contig_ask_without_memory(self->fd, &answer, huge.pfn, huge.options, injection);
	contig_inject_stop(injection);
	TH_LOG("kind %s", answer.kind);
	want.pfn = huge.pfn;
	want.kind = answer.kind;
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.moved, 0);
	contig_put_huge();
}

/* === Events === */

/* So many of each, and what they say. */
static void expect_line(struct __test_metadata *_metadata, const char *event,
			unsigned long start, unsigned long nr, const char *more)
{
	char words[200];

	snprintf(words, sizeof(words), "start=0x%lx end=0x%lx %s", start,
		 start + nr, more);
	EXPECT_EQ(1, contig_trace_count(CONTIG_STORY, event, words))
		TH_LOG("%s: %s", event, words);
}

TEST_F_TIMEOUT(explain, events, TIMEOUT)
{
	unsigned long pfn = contig_find_page(1, CONTIG_PG_RESERVED);
	struct contig_answer answer;
	int err, tries = 0;
	char words[100];

	/* The load may hold a page for a moment; a new start forgets what was. */
	do {
		ASSERT_TRUE(contig_trace_start(CONTIG_STORY));
		err = contig_ask(self->fd, &answer, "range 0x%lx 77", self->start);
	} while (err == -EBUSY && tries++ < 20);
	ASSERT_EQ(0, err);
	snprintf(words, sizeof(words), "moved=%lu usecs=%llu", answer.moved,
		 answer.nsec / 1000);
	expect_line(_metadata, "contig_start: ", self->start, 77, "gfp=0x");
	expect_line(_metadata, "contig_finish: ", self->start, 77, words);

	contig_ask(self->fd, &answer, "range 0x%lx 2 comp nowarn", pfn | 1);
	snprintf(words, sizeof(words), "error=%d reason=BAD_REQUEST pfn=0x%lx moved=0",
		 -EINVAL, CONTIG_NO_PFN);
	expect_line(_metadata, "contig_fail: ", pfn | 1, 2, words);

	contig_ask(self->fd, &answer, "range 0x%lx 1 nowarn", pfn);
	snprintf(words, sizeof(words), "error=%d reason=UNMOVABLE pfn=0x%lx moved=0",
		 -EBUSY, pfn);
	expect_line(_metadata, "contig_fail: ", pfn, 1, words);

	contig_ask(self->fd, &answer, "pages %lu nowarn", CONTIG_MANY_PAGES);
	snprintf(words, sizeof(words), "nr_pages=%lu error=%d reason=NO_CANDIDATE",
		 CONTIG_MANY_PAGES, -ENOMEM);
	EXPECT_EQ(1, contig_trace_count(CONTIG_STORY, "contig_search_fail: ", words));
	EXPECT_EQ(3, contig_trace_count(CONTIG_STORY, "contig_start: ", " cma=0"));
	EXPECT_EQ(1, contig_trace_count(CONTIG_STORY, "contig_finish: ", ""));
	EXPECT_EQ(2, contig_trace_count(CONTIG_STORY, "contig_fail: ", ""));
}

/* === Where it is kept === */

/* The last ones, in the order in which they happened. */
TEST_F_TIMEOUT(explain, failures_are_kept, TIMEOUT)
{
	static struct contig_failure all[2 * KEPT];
	const struct want want = { -EINVAL, "BAD_REQUEST", CONTIG_NO_PFN, "none" };
	struct contig_answer answer;

	for (unsigned long i = 0; i < KEPT + 6; i++)
		ASSERT_EQ(-EINVAL, contig_ask(self->fd, &answer,
					      "range 0x%lx %lu comp nowarn",
					      self->start, 2 * i + 3));
	ASSERT_EQ(contig_failures(all, 2 * KEPT), KEPT);
	for (unsigned long i = 0; i < KEPT; i++) {
		EXPECT_EQ(all[i].nr, 2 * (i + 6) + 3);
		EXPECT_STREQ(all[i].reason, want.reason);
		if (i)
			EXPECT_GE(all[i].time, all[i - 1].time);
	}
}

/* Of all clients: so many requests were met, or have failed. */
static unsigned long latency_sum(const char *outcome)
{
	FILE *file = fopen(CONTIG_DIR "latency", "r");
	unsigned long sum = 0, below, nr;
	char line[256], word[16];

	while (file && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, outcome);

		if (rest && sscanf(rest, "%15s %lu %lu", word, &below, &nr) == 3)
			sum += nr;
	}
	if (file)
		fclose(file);
	return sum;
}

TEST_F_TIMEOUT(explain, latency_is_counted, TIMEOUT)
{
	unsigned long met = latency_sum(" met "), failed = latency_sum(" failed ");
	struct contig_answer answer;

	ASSERT_EQ(-EINVAL, contig_ask(self->fd, &answer, "range 0x%lx 3 comp nowarn",
				      self->start));
	EXPECT_EQ(latency_sum(" failed "), failed + 1);
	EXPECT_EQ(latency_sum(" met "), met);
	ASSERT_EQ(0, contig_ask(self->fd, &answer, "pages 1"));
	EXPECT_EQ(latency_sum(" failed "), failed + 1);
	EXPECT_EQ(latency_sum(" met "), met + 1);
}

TEST_F(explain, files_are_for_root)
{
	struct stat st;

	ASSERT_EQ(0, stat(CONTIG_DIR "failures", &st));
	EXPECT_EQ(st.st_mode & 0777, 0400);
	ASSERT_EQ(0, stat(CONTIG_DIR "latency", &st));
	EXPECT_EQ(st.st_mode & 0777, 0400);
}

/* === The kernel log === */

static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* Lines since the last look that have both in them. */
static int count_log(int fd, const char *words, const char *more)
{
	char line[1024];
	int lines = 0;

	for (;;) {
		ssize_t len = read(fd, line, sizeof(line) - 1);

		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return lines;
		line[len] = '\0';
		lines += strstr(line, words) && strstr(line, more);
	}
}

/* Other programs may have used up what is logged in five seconds. */
TEST_F_TIMEOUT(explain, log, TIMEOUT)
{
	struct contig_answer answer;
	char words[100], more[100];
	struct held held;
	int lines = 0, fd = open_log();

	ASSERT_GE(fd, 0);
	hold_page(_metadata, &held, &self->zone, false);
	snprintf(words, sizeof(words), "contig: 1 pages (PFN 0x%lx) refused to contig_",
		 held.pfn);
	snprintf(more, sizeof(more), ": PINNED, PFN 0x%lx is referenced; 1 ranges tried, ",
		 held.pfn);
	for (int i = 0; i < 60 && !lines; i++) {
		if (i)
			usleep(100 * 1000);
		contig_ask(self->fd, &answer, "range 0x%lx 1 noretry", held.pfn);
		lines = count_log(fd, words, more);
	}
	EXPECT_EQ(lines, 1);
	contig_ask(self->fd, &answer, "range 0x%lx 1 noretry nowarn", held.pfn);
	EXPECT_EQ(answer.error, -EBUSY);
	EXPECT_EQ(count_log(fd, "contig: ", ""), 0);
	close(fd);
	let_go(&held);
}

/* === CMA === */

#define REASONS_DIR	"/sys/kernel/mm/cma/reserved/alloc_fail_reasons/"

static unsigned long area_failures(struct __test_metadata *_metadata,
				   const char *reason)
{
	unsigned long nr = 0;
	char path[150];

	snprintf(path, sizeof(path), REASONS_DIR "%s", reason);
	EXPECT_EQ(0, read_sysfs(path, &nr)) TH_LOG("%s", path);
	return nr;
}

TEST_F_TIMEOUT(explain, cma, TIMEOUT)
{
	const struct want want = { -ENOMEM, "NO_CANDIDATE", CONTIG_NO_PFN, "none" };
	unsigned long nr = self->cma.end - self->cma.start + 1;
	unsigned long counted, pinned;
	struct contig_answer answer;
	struct contig_failure last = {};

	if (!self->cma.start || access(REASONS_DIR, F_OK))
		SKIP(return, "no CMA area, or no CONFIG_CMA_SYSFS");
	counted = area_failures(_metadata, "NO_CANDIDATE");
	pinned = area_failures(_metadata, "PINNED");
	contig_ask(self->fd, &answer, "cma %lu", nr);
	expect_answer(_metadata, &answer, &want);
	EXPECT_EQ(area_failures(_metadata, "NO_CANDIDATE"), counted + 1);
	EXPECT_EQ(area_failures(_metadata, "PINNED"), pinned);

	ASSERT_TRUE(contig_last_failure(&last));
	EXPECT_EQ(strncmp(last.caller, "contig_do_cma+", 14), 0)
		TH_LOG("%s", last.caller);
	EXPECT_EQ(last.start, CONTIG_NO_PFN);
	EXPECT_EQ(last.nr, nr);
	EXPECT_LT(last.error, 0);
	EXPECT_STREQ(last.reason, "NO_CANDIDATE");
	EXPECT_EQ(last.pfn, CONTIG_NO_PFN);
	EXPECT_STREQ(last.kind, "none");
	EXPECT_EQ(last.tried, 0);
}

int main(int argc, char **argv)
{
	return run_with_trace(argc, argv);
}
