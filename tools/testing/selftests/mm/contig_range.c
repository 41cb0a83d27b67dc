// SPDX-License-Identifier: GPL-2.0
/*
 * Exact ranges out of memory that is in use: of every shape, with other
 * people's pages in them, and given back in pieces.
 *
 * All goes through /sys/kernel/debug/contig/trigger, on ranges in ZONE_MOVABLE
 * (boot with movablecore=), where any page can be had. What "zero" promises
 * cannot be seen from user space: that is left to KUnit.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "contig_util.h"

#define AREA_PAGES	20480UL
#define TIMEOUT		180

/* === A piece of ZONE_MOVABLE to work on === */

FIXTURE(range)
{
	int fd;
	unsigned long block;
	struct contig_zone zone;
	struct contig_span area;
	struct contig_blocks before;
	unsigned long requests;
};

FIXTURE_SETUP(range)
{
	self->block = contig_block_pages();
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->area = contig_movable_span(&self->zone, AREA_PAGES, self->block);
	ASSERT_NE(self->area.start, 0);
	self->before = contig_blocks();
	self->requests = contig_stat("requests");
	self->fd = contig_open();
}

/* Every case: the engine was at work, nothing stays isolated, nothing is lost. */
FIXTURE_TEARDOWN(range)
{
	close(self->fd);
	EXPECT_GT(contig_stat("requests"), self->requests);
	EXPECT_TRUE(contig_same_blocks(&self->before));
	EXPECT_LE(contig_lost_pages(self->area), 0);
}

/* Take, look at what came, leave it with the session. */
static void take(struct __test_metadata *_metadata, int fd,
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

static void give(struct __test_metadata *_metadata, int fd,
		 unsigned long start, unsigned long nr)
{
	struct contig_answer answer;

	EXPECT_EQ(0, contig_ask(fd, &answer, "free 0x%lx %lu", start, nr))
		TH_LOG("free 0x%lx %lu", start, nr);
}

static void refuse_free(struct __test_metadata *_metadata, int fd,
			unsigned long start, unsigned long nr)
{
	struct contig_answer answer;

	EXPECT_EQ(-EINVAL, contig_ask(fd, &answer, "free 0x%lx %lu", start, nr))
		TH_LOG("free 0x%lx %lu", start, nr);
	EXPECT_STREQ(answer.reason, "BAD_REQUEST");
}

/* Pages of a frozen range look like lost ones: the check at the end does see. */
TEST_F_TIMEOUT(range, a_loss_would_show, TIMEOUT)
{
	take(_metadata, self->fd, self->area.start, 4096, "frozen");
	EXPECT_GT(contig_nobodys_pages(self->area), 0);
}

/* === Shapes === */

TEST_F_TIMEOUT(range, aligned, TIMEOUT)
{
	static const unsigned long sizes[] = { 1, 2, 3, 64, 512, 1024, 4096, 16384 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		take(_metadata, self->fd, self->area.start, sizes[i], "");
		give(_metadata, self->fd, self->area.start, sizes[i]);
	}
}

/* Both ends at any place of a block, ends in the same block up to three apart. */
TEST_F_TIMEOUT(range, unaligned_ends, TIMEOUT)
{
	const unsigned long ends[] = { 0, 1, self->block / 2 - 1, self->block - 1 };
	unsigned long base = self->area.start + self->block;
	int neighbour = contig_open();

	for (int i = 0; i < 64; i++) {
		unsigned long start = base + ends[i % 4];
		unsigned long end = base + i / 16 * self->block + ends[i / 4 % 4];

		if (start >= end)
			continue;
		take(_metadata, self->fd, start, end - start, "");
		take(_metadata, neighbour, start - 1, 1, "");
		take(_metadata, neighbour, end, 1, "");
		give(_metadata, self->fd, start, end - start);
		give(_metadata, neighbour, start - 1, 1);
		give(_metadata, neighbour, end, 1);
	}
	close(neighbour);
}

TEST_F_TIMEOUT(range, single_pages_of_a_block, TIMEOUT)
{
	unsigned long start = self->area.start;

	for (unsigned long pfn = start; pfn < start + self->block; pfn += 7)
		take(_metadata, self->fd, pfn, 1, "");
	for (unsigned long pfn = start; pfn < start + self->block; pfn += 7)
		give(_metadata, self->fd, pfn, 1);
}

TEST_F_TIMEOUT(range, forms, TIMEOUT)
{
	unsigned long start = self->area.start;

	take(_metadata, self->fd, start, 512, "comp");
	EXPECT_TRUE(contig_flags_of(start) & CONTIG_PG_HEAD);
	EXPECT_TRUE(contig_flags_of(start + 511) & CONTIG_PG_TAIL);
	refuse_free(_metadata, self->fd, start, 511);
	refuse_free(_metadata, self->fd, start + 1, 511);
	give(_metadata, self->fd, start, 512);
	EXPECT_FALSE(contig_flags_of(start) & CONTIG_PG_HEAD);

	take(_metadata, self->fd, start + 3, 1000, "frozen");
	give(_metadata, self->fd, start + 3, 1000);
	take(_metadata, self->fd, start + 5, 700, "zero");
	give(_metadata, self->fd, start + 5, 700);
	take(_metadata, self->fd, start, 1024, "comp zero nowarn");
	give(_metadata, self->fd, start, 1024);
}

TEST_F_TIMEOUT(range, found_by_the_engine, TIMEOUT)
{
	struct contig_answer answer;

	ASSERT_EQ(0, contig_ask_again(self->fd, &answer, "pages 1024"));
	EXPECT_EQ(answer.start % 1024, 0);
	EXPECT_EQ(answer.nr, 1024);
	give(_metadata, self->fd, answer.start, 1024);
	ASSERT_EQ(0, contig_ask_again(self->fd, &answer, "pages 300 nid=0 zero"));
	EXPECT_EQ(answer.nr, 300);
	give(_metadata, self->fd, answer.start, 300);
}

/* === The CMA area === */

TEST_F_TIMEOUT(range, cma_area, TIMEOUT)
{
	static const unsigned long sizes[] = { 1, 16, 256, 4096 };
	struct contig_span cma = contig_cma_area();
	struct contig_answer answer;
	char command[32];

	if (!cma.start)
		SKIP(return, "no CMA area, boot with cma=");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(command, sizeof(command), "cma %lu", sizes[i]);
		ASSERT_EQ(0, contig_ask_again(self->fd, &answer, command));
		EXPECT_GE(answer.start, cma.start);
		EXPECT_LE(answer.start + sizes[i], cma.end);
		give(_metadata, self->fd, answer.start, sizes[i]);
	}
	/* Some machines keep pages at the start for DMA without sleep. */
	take(_metadata, self->fd, cma.end - 1239, 1234, "cma");
	give(_metadata, self->fd, cma.end - 1239, 1234);
}

/* === Giving back in pieces === */

#define PIECES		40
#define PIECE_PAGES	37

static void shuffle(unsigned int *order, unsigned int nr, uint64_t seed)
{
	for (unsigned int i = 0; i < nr; i++)
		order[i] = i;
	for (unsigned int i = nr - 1; i; i--) {
		unsigned int k = contig_random(&seed) % (i + 1);
		unsigned int swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

TEST_F_TIMEOUT(range, freed_in_any_order, TIMEOUT)
{
	unsigned long start = self->area.start + 129;
	unsigned long nr = PIECES * PIECE_PAGES;
	unsigned int order[PIECES];

	for (uint64_t seed = 1; seed <= 3; seed++) {
		take(_metadata, self->fd, start, nr, seed == 2 ? "frozen" : "");
		shuffle(order, PIECES, seed);
		for (int i = 0; i < PIECES; i++)
			give(_metadata, self->fd,
			     start + order[i] * PIECE_PAGES, PIECE_PAGES);
		refuse_free(_metadata, self->fd, start, nr);
	}
	take(_metadata, self->fd, start, nr, "");
}

TEST_F_TIMEOUT(range, foreign_and_double_free, TIMEOUT)
{
	unsigned long start = self->area.start + 11;
	unsigned long bad_frees = contig_stat("bad_frees");
	unsigned long frees, held;
	int other = contig_open();

	take(_metadata, self->fd, start, 600, "");
	frees = contig_stat("frees");
	refuse_free(_metadata, other, start, 600);
	refuse_free(_metadata, self->fd, start, 601);
	refuse_free(_metadata, self->fd, start - 1, 600);
	refuse_free(_metadata, self->fd, start, 0);
	refuse_free(_metadata, self->fd, start + 600, 1);
	refuse_free(_metadata, self->fd, 0, 1);
	refuse_free(_metadata, self->fd, ~0UL, ~0UL);
	EXPECT_EQ(contig_stat("frees"), frees);

	held = start + 100;
	give(_metadata, self->fd, held, 50);
	refuse_free(_metadata, self->fd, held, 50);
	refuse_free(_metadata, self->fd, held - 1, 2);
	refuse_free(_metadata, self->fd, start, 600);
	give(_metadata, self->fd, start, 100);
	give(_metadata, self->fd, start + 150, 450);
	EXPECT_EQ(contig_stat("frees"), frees + 3);
	EXPECT_EQ(contig_stat("bad_frees"), bad_frees);
	close(other);
}

TEST_F_TIMEOUT(range, closing_gives_back, TIMEOUT)
{
	unsigned long start = self->area.start;
	int other = contig_open();

	take(_metadata, other, start, 777, "");
	take(_metadata, other, start + 1024, 1024, "comp");
	take(_metadata, other, start + 4000, 99, "frozen");
	close(other);
	take(_metadata, self->fd, start, 5000, "");
}

/* === Bystanders: memory of ours that has to make room === */

#define BYSTANDER_PAGES	1024UL

struct bystander {
	struct contig_memory mem;
	int fd;		/* the file behind it, or -1 */
};

static void *map_anywhere(size_t size, int flags, int fd)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static bool map_anon(struct bystander *b)
{
	b->mem.map = map_anywhere(b->mem.nr * psize(),
				  MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (b->mem.map == MAP_FAILED)
		return false;
	madvise(b->mem.map, b->mem.nr * psize(), MADV_NOHUGEPAGE);
	return true;
}

static bool map_mlocked(struct bystander *b)
{
	return map_anon(b) && !mlock(b->mem.map, b->mem.nr * psize());
}

/* Huge pages need free memory in one piece, for which there is an engine. */
static bool map_thp(struct bystander *b)
{
	size_t huge = read_pmd_pagesize();
	struct contig_answer answer;
	int fd = contig_open();
	char *map;

	if (!huge || !map_anon(b))
		return false;
	munmap(b->mem.map, b->mem.nr * psize());
	map = map_anywhere(b->mem.nr * psize() + huge,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	b->mem.map = (char *)(((uintptr_t)map + huge - 1) & ~(huge - 1));
	madvise(b->mem.map, b->mem.nr * psize(), MADV_HUGEPAGE);
	for (size_t i = 0; i < b->mem.nr; i += huge / psize()) {
		struct contig_zone zone;
		struct contig_span span;

		if (!contig_zone("Movable", &zone))
			return false;
		span = contig_movable_span(&zone, b->mem.nr, huge / psize());
		if (!contig_take(fd, &answer, span.start + i, huge / psize(), ""))
			contig_ask(fd, &answer, "free 0x%lx %zu",
				   span.start + i, huge / psize());
		contig_fill_page(&b->mem, i);
	}
	close(fd);
	return true;
}

static bool map_shmem(struct bystander *b)
{
	b->fd = syscall(SYS_memfd_create, "contig", 0);
	if (b->fd < 0 || ftruncate(b->fd, b->mem.nr * psize()))
		return false;
	b->mem.map = map_anywhere(b->mem.nr * psize(), MAP_SHARED, b->fd);
	return b->mem.map != MAP_FAILED;
}

/* A file on a file system with a disk under it, if the caller names one. */
static int open_file(size_t size)
{
	const char *dir = getenv("CONTIG_FILES");
	char path[256];
	int fd;

	if (!dir)
		return -1;
	snprintf(path, sizeof(path), "%s/contig.XXXXXX", dir);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	unlink(path);
	if (!ftruncate(fd, size))
		return fd;
	close(fd);
	return -1;
}

static bool map_file(struct bystander *b)
{
	b->fd = open_file(b->mem.nr * psize());
	if (b->fd < 0)
		return false;
	b->mem.map = map_anywhere(b->mem.nr * psize(), MAP_SHARED, b->fd);
	return b->mem.map != MAP_FAILED;
}

FIXTURE(bystander)
{
	int fd;
	struct contig_span area;
	struct contig_blocks before;
	unsigned long requests;
	struct bystander b;
};

FIXTURE_VARIANT(bystander)
{
	bool (*map)(struct bystander *b);
	uint64_t flag;	/* that a page of this kind has */
};

FIXTURE_VARIANT_ADD(bystander, anon) {
	.map = map_anon,
	.flag = CONTIG_PG_ANON,
};

FIXTURE_VARIANT_ADD(bystander, mlocked) {
	.map = map_mlocked,
	.flag = CONTIG_PG_ANON,
};

FIXTURE_VARIANT_ADD(bystander, thp) {
	.map = map_thp,
	.flag = CONTIG_PG_THP,
};

FIXTURE_VARIANT_ADD(bystander, shmem) {
	.map = map_shmem,
	.flag = CONTIG_PG_SWAPBACKED,
};

FIXTURE_VARIANT_ADD(bystander, file) {
	.map = map_file,
	.flag = CONTIG_PG_UPTODATE,
};

FIXTURE_SETUP(bystander)
{
	struct contig_zone zone;

	if (!contig_zone("Movable", &zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	if (variant->map == map_file && !getenv("CONTIG_FILES"))
		SKIP(return, "CONTIG_FILES names no directory on a disk");
	self->before = contig_blocks();
	self->requests = contig_stat("requests");
	self->area = (struct contig_span){ zone.start, zone.end };
	self->fd = contig_open();
	self->b = (struct bystander){ { NULL, BYSTANDER_PAGES, 42 }, -1 };
	ASSERT_TRUE(variant->map(&self->b));
	contig_fill(&self->b.mem);
}

FIXTURE_TEARDOWN(bystander)
{
	close(self->fd);
	EXPECT_GT(contig_stat("requests"), self->requests);
	EXPECT_TRUE(contig_same_blocks(&self->before));
}

/* The next page of ours, of the kind we want, at a place where ranges can be had. */
static long next_victim(const struct contig_memory *mem, long from,
			struct contig_span area, uint64_t flag)
{
	uint64_t bad = CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE;
	long i = from;

	for (;; i++) {
		unsigned long pfn;

		i = contig_index_in(mem, i, area);
		if (i < 0)
			return i;
		pfn = contig_pfn(mem, i);
		if ((contig_flags_of(pfn) & flag) &&
		    !(contig_flags_of(pfn - 150) & bad) &&
		    !(contig_flags_of(pfn + 150) & bad))
			return i;
	}
}

static void evict(struct __test_metadata *_metadata, int fd,
		  const struct contig_memory *mem, long i, int round)
{
	const unsigned int before[] = { 0, 1, 150 }, after[] = { 1, 2, 150 };
	unsigned long pfn = contig_pfn(mem, i);
	unsigned long start = pfn - before[round % 3];
	unsigned long end = pfn + after[round / 3 % 3];
	unsigned long now;

	take(_metadata, fd, start, end - start, "");
	now = contig_pfn(mem, i);
	EXPECT_TRUE(now < start || now >= end)
		TH_LOG("page %ld is at 0x%lx, in a range that was handed out", i, now);
	EXPECT_TRUE(contig_page_is_intact(mem, i));
	now = contig_pfn(mem, i);
	EXPECT_TRUE(now != CONTIG_NO_PFN && (now < start || now >= end));
	give(_metadata, fd, start, end - start);
}

TEST_F_TIMEOUT(bystander, moves_and_stays_intact, TIMEOUT)
{
	const struct contig_memory *mem = &self->b.mem;
	int rounds = 0;
	long i = 0;

	for (; rounds < 9; rounds++, i += 97) {
		i = next_victim(mem, i, self->area, variant->flag);
		if (i < 0)
			break;
		evict(_metadata, self->fd, mem, i, rounds);
	}
	TH_LOG("%d pages moved out of the way", rounds);
	EXPECT_GT(rounds, 0);
	EXPECT_EQ(contig_first_damage(mem), -1);
}

/* Written while it moves: no write may be lost. */
TEST_F_TIMEOUT(bystander, moves_while_written, TIMEOUT)
{
	struct contig_memory *mem = &self->b.mem;
	long i = next_victim(mem, 0, self->area, variant->flag);
	pid_t child;
	int status;

	ASSERT_GE(i, 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		struct contig_answer answer;
		int fd = contig_open();

		for (int n = 0; n < 10; n++)
			if (!contig_ask(fd, &answer, "range 0x%lx 150",
					contig_pfn(mem, i) - 75))
				contig_ask(fd, &answer, "free 0x%lx 150", answer.start);
		_exit(0);
	}
	while (!waitpid(child, &status, WNOHANG)) {
		mem->seed++;
		for (long k = i; k < i + 32 && k < (long)mem->nr; k++)
			contig_fill_page(mem, k);
		for (long k = i; k < i + 32 && k < (long)mem->nr; k++)
			ASSERT_TRUE(contig_page_is_intact(mem, k));
	}
	EXPECT_EQ(status, 0);
}

/* === Clean page cache: dropped or moved, and the file is what it was === */

/* Fault pages in and drop them again, for ever. */
static void fault_for_ever(bool *started)
{
	size_t size = 512 * getpagesize();

	for (;;) {
		char *some = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (some == MAP_FAILED)
			continue;
		madvise(some, size, MADV_NOHUGEPAGE);
		for (size_t at = 0; at < size; at += getpagesize())
			some[at] = 1;
		__atomic_store_n(started, true, __ATOMIC_RELEASE);
		munmap(some, size);
	}
}

/*
 * Somebody's pages come and go in the range all the time. None of them stays, so
 * none is a reason to give up.
 */
TEST_F_TIMEOUT(range, beside_faults, TIMEOUT)
{
	bool *started = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long nr = AREA_PAGES / 4;
	struct contig_answer answer;
	int taken = 0;
	pid_t child;

	ASSERT_NE((void *)started, MAP_FAILED);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		fault_for_ever(started);
	while (!__atomic_load_n(started, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (int n = 0; n < 20; n++) {
		if (contig_ask(self->fd, &answer, "range 0x%lx %lu",
			       self->area.start, nr))
			continue;
		taken++;
		give(_metadata, self->fd, self->area.start, nr);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_GE(taken, 10);
}

TEST_F_TIMEOUT(range, clean_page_cache, TIMEOUT)
{
	struct contig_memory mem = { NULL, 1024, 7 };
	unsigned long gone = contig_stat("pages_dropped") +
			     contig_stat("pages_moved");
	struct contig_span zone = { self->zone.start, self->zone.end };
	unsigned long pfn;
	long i;
	int fd;

	if (!getenv("CONTIG_FILES"))
		SKIP(return, "CONTIG_FILES names no directory on a disk");
	fd = open_file(mem.nr * psize());
	ASSERT_GE(fd, 0);
	mem.map = map_anywhere(mem.nr * psize(), MAP_SHARED, fd);
	ASSERT_NE(mem.map, MAP_FAILED);
	contig_fill(&mem);
	ASSERT_EQ(0, fsync(fd));
	i = next_victim(&mem, 0, zone, CONTIG_PG_LRU);
	ASSERT_GE(i, 0);
	pfn = contig_pfn(&mem, i);
	munmap(mem.map, mem.nr * psize());

	take(_metadata, self->fd, pfn - 75, 150, "");
	EXPECT_GT(contig_stat("pages_dropped") + contig_stat("pages_moved"), gone);
	mem.map = map_anywhere(mem.nr * psize(), MAP_SHARED, fd);
	ASSERT_NE(mem.map, MAP_FAILED);
	EXPECT_EQ(contig_first_damage(&mem), -1);
	give(_metadata, self->fd, pfn - 75, 150);
	close(fd);
}

/* === Pages that are pinned === */

/* Nothing may move for a request that cannot be met in the end. */
static void refuse_pinned(struct __test_metadata *_metadata, int fd,
			  unsigned long pfn, unsigned long before,
			  unsigned long after)
{
	unsigned long pinned = contig_stat("PINNED");
	struct contig_answer answer;

	EXPECT_EQ(-EBUSY, contig_ask(fd, &answer, "range 0x%lx %lu",
				     pfn - before, before + after));
	EXPECT_STREQ(answer.reason, "PINNED");
	EXPECT_EQ(answer.pfn, pfn);
	EXPECT_EQ(answer.moved, 0);
	EXPECT_EQ(contig_stat("PINNED"), pinned + 1);
}

TEST_F_TIMEOUT(range, pinned_by_a_pipe, TIMEOUT)
{
	struct bystander b = { { NULL, 64, 3 }, -1 };
	struct contig_span zone = { self->zone.start, self->zone.end };
	unsigned long pfn;
	int pipe_fds[2];
	long i;

	ASSERT_TRUE(map_anon(&b));
	contig_fill(&b.mem);
	i = next_victim(&b.mem, 0, zone, CONTIG_PG_ANON);
	ASSERT_GE(i, 0);
	ASSERT_TRUE(contig_pin_by_pipe(b.mem.map + i * psize(), pipe_fds));
	pfn = contig_pfn(&b.mem, i);

	contig_quiet(true);
	refuse_pinned(_metadata, self->fd, pfn, 0, 1);
	refuse_pinned(_metadata, self->fd, pfn, 150, 1);
	refuse_pinned(_metadata, self->fd, pfn, 150, 150);
	contig_quiet(false);
	EXPECT_EQ(contig_pfn(&b.mem, i), pfn);
	EXPECT_EQ(contig_first_damage(&b.mem), -1);

	close(pipe_fds[0]);
	close(pipe_fds[1]);
	take(_metadata, self->fd, pfn - 150, 300, "");
	EXPECT_NE(contig_pfn(&b.mem, i), pfn);
	EXPECT_EQ(contig_first_damage(&b.mem), -1);
}

TEST_F_TIMEOUT(range, pinned_by_io_uring, TIMEOUT)
{
	struct bystander b = { { NULL, 64, 4 }, -1 };
	unsigned long pfn;
	int ring;

	if (access("/proc/sys/kernel/io_uring_disabled", F_OK))
		SKIP(return, "no io_uring in this kernel");
	ASSERT_TRUE(map_anon(&b));
	contig_fill(&b.mem);
	ring = contig_pin_by_ring(b.mem.map + 33 * psize());
	ASSERT_GE(ring, 0);
	pfn = contig_pfn(&b.mem, 33);

	contig_quiet(true);
	refuse_pinned(_metadata, self->fd, pfn, 0, 1);
	contig_quiet(false);
	EXPECT_EQ(contig_pfn(&b.mem, 33), pfn);
	EXPECT_EQ(contig_first_damage(&b.mem), -1);

	close(ring);
	usleep(100 * 1000);	/* the ring lets go of it from a worker */
	take(_metadata, self->fd, pfn, 1, "");
	EXPECT_NE(contig_pfn(&b.mem, 33), pfn);
	EXPECT_EQ(contig_first_damage(&b.mem), -1);
}

/* === Huge pages of hugetlbfs === */

#define NR_HUGEPAGES	"/proc/sys/vm/nr_hugepages"

/* A page of the pool that is free, by its PFN. */
static unsigned long free_huge_page(unsigned long block)
{
	struct contig_zone zones[8];
	int nr = contig_zones(zones, 8);

	for (int z = 0; z < nr; z++) {
		unsigned long pfn = (zones[z].start + block - 1) / block * block;

		for (; pfn < zones[z].end; pfn += block) {
			uint64_t flags;

			if (contig_flags(pfn, 1, &flags) &&
			    (flags & CONTIG_PG_HUGETLB) && !contig_count_of(pfn))
				return pfn;
		}
	}
	return 0;
}

FIXTURE(hugetlb)
{
	int fd;
	unsigned long block;
	unsigned long pool;
	struct contig_blocks before;
	unsigned long requests;
};

FIXTURE_SETUP(hugetlb)
{
	self->before = contig_blocks();
	self->requests = contig_stat("requests");
	if (!contig_write_file(NR_HUGEPAGES, "6"))
		SKIP(return, "no hugetlb pages in this kernel");
	self->pool = contig_number("/proc/meminfo", "HugePages_Total:");
	self->block = contig_number("/proc/meminfo", "Hugepagesize:") * 1024 / psize();
	ASSERT_GE(self->pool, 4);
	self->fd = contig_open();
}

FIXTURE_TEARDOWN(hugetlb)
{
	close(self->fd);
	contig_write_file(NR_HUGEPAGES, "0");
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Total:"), 0);
	EXPECT_GT(contig_stat("requests"), self->requests);
	EXPECT_TRUE(contig_same_blocks(&self->before));
}

TEST_F_TIMEOUT(hugetlb, in_use, TIMEOUT)
{
	struct contig_memory mem = { NULL, 2 * self->block, 5 };
	unsigned long pfn;

	mem.map = map_anywhere(mem.nr * psize(),
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	ASSERT_NE(mem.map, MAP_FAILED);
	contig_fill(&mem);
	pfn = contig_pfn(&mem, 0);
	take(_metadata, self->fd, pfn, self->block, "");
	EXPECT_NE(contig_pfn(&mem, 0), pfn);
	EXPECT_EQ(contig_first_damage(&mem), -1);

	pfn = contig_pfn(&mem, self->block);
	take(_metadata, self->fd, pfn + 100, 33, "");
	EXPECT_NE(contig_pfn(&mem, self->block), pfn);
	EXPECT_EQ(contig_first_damage(&mem), -1);
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Total:"), self->pool);
	munmap(mem.map, mem.nr * psize());
}

TEST_F_TIMEOUT(hugetlb, free, TIMEOUT)
{
	unsigned long pfn = free_huge_page(self->block);

	ASSERT_NE(pfn, 0);
	take(_metadata, self->fd, pfn, self->block, "");
	pfn = free_huge_page(self->block);
	ASSERT_NE(pfn, 0);
	take(_metadata, self->fd, pfn + 1, self->block - 2, "");
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Total:"), self->pool);
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Free:"), self->pool);
}

TEST_HARNESS_MAIN
