// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine says about a request that fails, wherever it says it: the
 * answer, the trace event, the counter and the file "failures" have to tell the
 * same story, with the right reason, page and kind of page. And requests that
 * wait, or do not, as they were told to.
 *
 * NO_MEMORY takes CONFIG_FAIL_PAGE_ALLOC; contig_test_no_memory of the KUnit suite
 * does without. HUGETLB takes that, or a gigantic page; contig_test_hugetlb neither.
 * From here we cannot have pages that are broken, of a balloon or kept offline, or
 * that are isolated, locked or written back at the right moment. Those of KFENCE are
 * in contig_clients.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"
#include "contig_util.h"

#define INSTANCE	"contig_explain"
#define KEPT		64	/* failures that are remembered */
#define TRIES		100
#define TIMEOUT		60

#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL

static unsigned long long now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * NSEC_PER_MSEC + ts.tv_nsec;
}

/* On one CPU, whose LRU batch fills up and is emptied as we touch our pages. */
static bool stay_here(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

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

/* === The same story in four places === */

/* What a request has to be refused with. */
struct want {
	int error;
	const char *reason;
	unsigned long pfn;
	const char *kind;
};

static void expect_answer(struct __test_metadata *_metadata,
			  const struct contig_answer *answer,
			  const struct want *want)
{
	EXPECT_EQ(answer->error, want->error);
	EXPECT_STREQ(answer->reason, want->reason);
	EXPECT_EQ(answer->pfn, want->pfn);
	EXPECT_STREQ(answer->kind, want->kind);
}

static void expect_event(struct __test_metadata *_metadata,
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
	EXPECT_EQ(1, contig_trace_count(INSTANCE, search ? "contig_search_fail: " :
							   "contig_fail: ", words))
		TH_LOG("no event, or more than one: %s", words);
}

static void expect_failure(struct __test_metadata *_metadata,
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
static void read_back(struct __test_metadata *_metadata,
		      const struct contig_answer *answer,
		      const struct want *want, unsigned long counted, bool search)
{
	expect_answer(_metadata, answer, want);
	EXPECT_EQ(contig_stat(want->reason), counted + 1) TH_LOG("%s", want->reason);
	expect_event(_metadata, answer, search);
	expect_failure(_metadata, answer, search);
}

/* The log stays clean: what does not want to be logged says so. */
static void refuse(struct __test_metadata *_metadata, int fd,
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

	contig_ask(self->fd, &answer, "pages 0x10000000000 nowarn");
	read_back(_metadata, &answer, &want, counted, true);
	EXPECT_EQ(answer.nr, 0x10000000000UL);
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

#define GIGANTIC	"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"

/* Other pools have pages that are no larger than a block. */
static unsigned long find_gigantic(void)
{
	unsigned long nr = (1UL << 30) / psize(), pfn = nr;
	uint64_t flags;

	while (contig_flags(pfn, 1, &flags)) {
		if ((flags & CONTIG_PG_HUGETLB) &&
		    (contig_flags_of(pfn + nr / 2) & CONTIG_PG_TAIL))
			return pfn;
		pfn += nr;
	}
	return 0;
}

TEST_F_TIMEOUT(explain, hugetlb, TIMEOUT)
{
	struct want want = { -EBUSY, "HUGETLB", 0, "hugetlb" };
	struct contig_answer answer;
	unsigned long pool = 0;

	if (read_sysfs(GIGANTIC, &pool) || (!pool && write_sysfs(GIGANTIC, 1)))
		SKIP(return, "no pages of 1 GiB here");
	want.pfn = find_gigantic();
	if (want.pfn)
		refuse(_metadata, self->fd, &answer, want.pfn, 1, "", &want);
	write_sysfs(GIGANTIC, pool);
	if (!want.pfn)
		SKIP(return, "not enough memory for a page of 1 GiB");
}

/* === Pages of ours that something holds === */

#define MEM_PAGES	256UL

struct held {
	struct contig_memory mem;
	long i;			/* which page of it is in ZONE_MOVABLE */
	unsigned long pfn;
	int pipe_fds[2];
	unsigned long long let_go;	/* when, by let_go_later() */
};

/* A page of anonymous memory, or of a file in memory. */
static void map_page(struct __test_metadata *_metadata, struct held *held,
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

static void hold_page(struct __test_metadata *_metadata, struct held *held,
		      const struct contig_zone *zone, bool file)
{
	map_page(_metadata, held, zone, file);
	ASSERT_TRUE(contig_pin_by_pipe(held->mem.map + held->i * psize(),
				       held->pipe_fds));
	/* Compaction may have been faster than the pin. */
	held->pfn = contig_pfn(&held->mem, held->i);
	ASSERT_TRUE(held->pfn >= zone->start && held->pfn < zone->end);
}

static void let_go(struct held *held)
{
	close(held->pipe_fds[0]);
	close(held->pipe_fds[1]);
}

/* While somebody tries to move it, it is nowhere at times: a touch waits for that. */
static unsigned long pfn_now(const struct held *held)
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
static void expect_intact(struct __test_metadata *_metadata,
			  const struct held *held, bool moved)
{
	unsigned long pfn = pfn_now(held);

	EXPECT_NE(pfn, CONTIG_NO_PFN);
	EXPECT_EQ(pfn != held->pfn, moved);
	EXPECT_EQ(contig_first_damage(&held->mem), -1);
}

/* Once nothing holds the page, it makes room. */
static void expect_free_to_move(struct __test_metadata *_metadata, int fd,
				const struct held *held)
{
	struct contig_answer answer;

	EXPECT_EQ(0, contig_take(fd, &answer, held->pfn, 1, ""));
	expect_intact(_metadata, held, true);
}

TEST_F_TIMEOUT(explain, referenced, TIMEOUT)
{
	struct want want = { -EBUSY, "PINNED", 0, "referenced" };
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, &self->zone, false);
	want.pfn = held.pfn;
	refuse(_metadata, self->fd, &answer, held.pfn, 1, "", &want);
	expect_intact(_metadata, &held, false);
	let_go(&held);
	expect_free_to_move(_metadata, self->fd, &held);
}

/* Of a file in memory this shows only when it does not move. */
TEST_F_TIMEOUT(explain, referenced_file, TIMEOUT)
{
	struct want want = { -EBUSY, "PINNED", 0, "referenced" };
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, &self->zone, true);
	want.pfn = held.pfn;
	refuse(_metadata, self->fd, &answer, held.pfn, 1, "", &want);
	expect_intact(_metadata, &held, false);
	let_go(&held);
	expect_free_to_move(_metadata, self->fd, &held);
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

/* Only the kernel's work for the request goes without memory. */
static void ask_without_memory(int fd, struct contig_answer *answer,
			       unsigned long pfn, const char *options,
			       int injection)
{
	char command[64];
	int len;

	len = snprintf(command, sizeof(command), "range 0x%lx 1 nowarn%s", pfn,
		       options);
	contig_inject(injection, true);
	contig_write(fd, command, len);
	contig_inject(injection, false);
	contig_read_answer(fd, answer);
}

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
	ask_without_memory(self->fd, &answer, held.pfn, "", injection);
	contig_inject_stop(injection);
	/* It was taken off the LRU, and may be on its way back. */
	want.pfn = held.pfn;
	want.kind = strcmp(answer.kind, "off-lru") ? "anon" : "off-lru";
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.moved, 0);
	expect_intact(_metadata, &held, false);
	expect_free_to_move(_metadata, self->fd, &held);
}

#define POOL	"/proc/sys/vm/nr_hugepages"

/* A page of the pool that is free has to be replaced by another one. */
TEST_F_TIMEOUT(explain, hugetlb_not_replaced, TIMEOUT)
{
	struct want want = { -ENOMEM, "HUGETLB" };
	unsigned long counted = contig_stat("HUGETLB");
	struct contig_answer answer;
	int injection;
	bool cma;

	if (!contig_write_file(POOL, "4"))
		SKIP(return, "no hugetlb pages in this kernel");
	injection = contig_inject_start(1);
	if (injection >= 0) {
		want.pfn = contig_find_block(CONTIG_PG_HUGETLB | CONTIG_PG_HEAD);
		cma = want.pfn >= self->cma.start && want.pfn < self->cma.end;
		ask_without_memory(self->fd, &answer, want.pfn, cma ? " cma" : "",
				   injection);
		contig_inject_stop(injection);
		want.kind = answer.kind;
		TH_LOG("kind %s", answer.kind);
		read_back(_metadata, &answer, &want, counted, false);
		EXPECT_EQ(answer.moved, 0);
	}
	EXPECT_TRUE(contig_write_file(POOL, "0"));
	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
}

/* === Waiting === */

TEST_F_TIMEOUT(explain, timed_out, TIMEOUT)
{
	struct want want = { -ETIMEDOUT, "TIMED_OUT", 0, "referenced" };
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, &self->zone, false);
	want.pfn = held.pfn;
	for (int i = 0; i < 5; i++) {
		refuse(_metadata, self->fd, &answer, held.pfn, 1,
		       " hard timeout=50", &want);
		EXPECT_GE(answer.nsec, 50 * NSEC_PER_MSEC);
		/* On a busy machine anything may take long once. */
		if (answer.nsec < 1000 * NSEC_PER_MSEC)
			break;
	}
	EXPECT_LT(answer.nsec, 1000 * NSEC_PER_MSEC);
	expect_intact(_metadata, &held, false);
	let_go(&held);
}

/* A child waits for ever, is killed, and left its story in the open file. */
TEST_F_TIMEOUT(explain, interrupted, TIMEOUT)
{
	const struct want want = { -EINTR, "INTERRUPTED", CONTIG_NO_PFN, "none" };
	unsigned long counted = contig_stat("INTERRUPTED");
	unsigned long requests = contig_stat("requests");
	struct contig_answer answer;
	struct held held;
	int status;
	pid_t child;

	hold_page(_metadata, &held, &self->zone, false);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		contig_ask(self->fd, &answer,
			   "range 0x%lx 1 hard timeout=0 nowarn", held.pfn);
		_exit(1);
	}
	while (contig_stat("requests") == requests)
		usleep(100);
	usleep(5000);
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	contig_read_answer(self->fd, &answer);
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.start, held.pfn);
	EXPECT_GE(answer.nsec, 5 * NSEC_PER_MSEC);
	expect_intact(_metadata, &held, false);
	let_go(&held);
}

struct patient {
	pthread_t thread;
	unsigned long pfn;
	struct contig_answer answer;
};

static void *wait_for_page(void *arg)
{
	struct patient *patient = arg;
	int fd = contig_open();

	contig_ask(fd, &patient->answer, "range 0x%lx 1 hard timeout=20000 nowarn",
		   patient->pfn);
	close(fd);
	return NULL;
}

/*
 * A page of a file is waited for with its block isolated. Who has no patience then
 * loses the race for the block, and who has gets it in the end.
 */
TEST_F_TIMEOUT(explain, lost_race, TIMEOUT)
{
	struct want want = { -EBUSY, "LOST_RACE" };
	struct contig_answer answer = {};
	unsigned long counted = 0;
	struct patient patient;
	struct held held;

	hold_page(_metadata, &held, &self->zone, true);
	patient.pfn = held.pfn;
	ASSERT_EQ(0, pthread_create(&patient.thread, NULL, wait_for_page, &patient));
	for (int i = 0; i < TRIES && strcmp(answer.reason, "LOST_RACE"); i++) {
		usleep(1000);
		counted = contig_stat("LOST_RACE");
		contig_ask(self->fd, &answer, "range 0x%lx 1 noretry nowarn", held.pfn);
	}
	want.pfn = held.pfn;
	want.kind = answer.kind;
	read_back(_metadata, &answer, &want, counted, false);
	EXPECT_EQ(answer.moved, 0);
	expect_intact(_metadata, &held, false);

	let_go(&held);
	pthread_join(patient.thread, NULL);
	EXPECT_EQ(patient.answer.error, 0);
	EXPECT_EQ(patient.answer.moved, 1);
	expect_intact(_metadata, &held, true);
}

static void *let_go_later(void *arg)
{
	struct held *held = arg;

	usleep(5000);
	held->let_go = now_nsec();
	let_go(held);
	return NULL;
}

static void wait_for_pin(struct __test_metadata *_metadata, int fd,
			 const struct contig_zone *zone, bool file)
{
	struct contig_answer answer = {};
	unsigned long long ended;
	struct held held;
	pthread_t thread;

	for (int i = 0; i < TRIES; i++) {
		hold_page(_metadata, &held, zone, file);
		ASSERT_EQ(0, pthread_create(&thread, NULL, let_go_later, &held));
		EXPECT_EQ(0, contig_ask(fd, &answer, "range 0x%lx 1 hard nowarn",
					held.pfn));
		ended = now_nsec();
		pthread_join(thread, NULL);
		EXPECT_GE(ended, held.let_go);
		expect_intact(_metadata, &held, true);
		/* Less, if the page was let go before we had the CPU to ask. */
		if (answer.nsec >= 4 * NSEC_PER_MSEC)
			break;
	}
	EXPECT_GE(answer.nsec, 4 * NSEC_PER_MSEC);
	EXPECT_EQ(answer.moved, 1);
	EXPECT_STREQ(answer.reason, "NONE");
	EXPECT_STREQ(answer.kind, "none");
}

TEST_F_TIMEOUT(explain, hard_waits_for_a_pin, TIMEOUT)
{
	wait_for_pin(_metadata, self->fd, &self->zone, false);
}

TEST_F_TIMEOUT(explain, hard_waits_for_a_file, TIMEOUT)
{
	wait_for_pin(_metadata, self->fd, &self->zone, true);
}

/* The best of a few, as above. */
TEST_F_TIMEOUT(explain, noretry_does_not_wait, TIMEOUT)
{
	struct want want = { -EBUSY, "PINNED", 0, "referenced" };
	unsigned long long best = -1ULL;
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, &self->zone, false);
	want.pfn = held.pfn;
	for (int i = 0; i < 5; i++) {
		refuse(_metadata, self->fd, &answer, held.pfn, 1, " noretry", &want);
		if (answer.nsec < best)
			best = answer.nsec;
	}
	EXPECT_LT(best, 25 * NSEC_PER_MSEC);

	/* Whoever says nothing waits for half a millisecond. */
	refuse(_metadata, self->fd, &answer, held.pfn, 1, "", &want);
	EXPECT_GE(answer.nsec, 500 * NSEC_PER_USEC);
	TH_LOG("noretry %llu ns, default %llu ns", best, answer.nsec);
	expect_intact(_metadata, &held, false);
	let_go(&held);
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

/* === One trace instance for all: it takes longer to make than a test to run === */

static pid_t owner;

/* The children that the tests run in come here, too, if they end early. */
static void stop_tracing(void)
{
	if (getpid() == owner)
		contig_trace_stop(INSTANCE);
}

int main(int argc, char **argv)
{
	owner = getpid();
	if (!contig_trace_start(INSTANCE) || atexit(stop_tracing))
		ksft_exit_fail_msg("no trace events of the engine\n");
	return test_harness_run(argc, argv);
}
