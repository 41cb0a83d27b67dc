// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of ours that is in the way of a range: pages of each kind move and stay what
 * they were, clean page cache may go, and pages that are pinned refuse the request
 * with nothing moved.
 *
 * All goes through /sys/kernel/debug/contig/trigger, on ranges in ZONE_MOVABLE
 * (boot with movablecore=), where any page can be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "contig_range.h"

#define AREA_PAGES	20480UL	/* in which lost ones are looked for */

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
	if (variant->map == map_thp && !read_pmd_pagesize())
		SKIP(return, "no transparent huge pages in this kernel");
	if (variant->map == map_thp && read_pmd_pagesize() > BYSTANDER_PAGES * psize())
		SKIP(return, "a huge page is larger than all of the bystander");
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
	EXPECT_TRUE(is_skipped(_metadata) || contig_stat("requests") > self->requests);
	EXPECT_TRUE(contig_same_blocks(&self->before));
}

/* The next page of ours, of the kind we want, at a place where ranges can be had. */
static long next_victim(const struct contig_memory *mem, long from,
			struct contig_span area, uint64_t flag)
{
	uint64_t bad = CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE;
	/* A block that goes on behind its zone cannot be isolated. */
	unsigned long end = area.end / contig_block_pages() * contig_block_pages();
	long i = from;

	for (;; i++) {
		unsigned long pfn;

		i = contig_index_in(mem, i, area);
		if (i < 0)
			return i;
		pfn = contig_pfn(mem, i);
		if (pfn >= area.start + 150 && pfn + 150 <= end &&
		    (contig_flags_of(pfn) & flag) &&
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

struct mover {
	pthread_t thread;
	const struct contig_memory *mem;
	long i;
	int met;
	struct contig_answer refusal;
	bool done;
};

/* Asks for a page of the process, over and over. */
static void *move_away(void *arg)
{
	struct mover *mover = arg;
	struct contig_answer answer;
	int fd = contig_open();

	for (int n = 0; n < 10; n++) {
		unsigned long pfn = contig_pfn(mover->mem, mover->i);

		if (pfn == CONTIG_NO_PFN)	/* on its way to another place */
			continue;
		if (contig_ask(fd, &answer, "range 0x%lx 150 nowarn", pfn - 75)) {
			mover->refusal = answer;
			continue;
		}
		mover->met++;
		contig_ask(fd, &answer, "free 0x%lx 150", answer.start);
	}
	close(fd);
	__atomic_store_n(&mover->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Written while it moves: no write may be lost. */
TEST_F_TIMEOUT(bystander, moves_while_written, TIMEOUT)
{
	struct contig_memory *mem = &self->b.mem;
	long i = next_victim(mem, 0, self->area, variant->flag);
	struct mover mover = { .mem = mem, .i = i };

	ASSERT_GE(i, 0);
	ASSERT_EQ(0, pthread_create(&mover.thread, NULL, move_away, &mover));
	while (!__atomic_load_n(&mover.done, __ATOMIC_ACQUIRE)) {
		mem->seed++;
		for (long k = i; k < i + 32 && k < (long)mem->nr; k++)
			contig_fill_page(mem, k);
		for (long k = i; k < i + 32 && k < (long)mem->nr; k++)
			ASSERT_TRUE(contig_page_is_intact(mem, k));
	}
	pthread_join(mover.thread, NULL);
	EXPECT_GT(mover.met, 0)
		TH_LOG("%s, PFN 0x%lx is %s", mover.refusal.reason,
		       mover.refusal.pfn, mover.refusal.kind);
}

/* === Pages of ours, one kind a test === */

FIXTURE(move)
{
	int fd;
	struct contig_span area;
	struct contig_blocks before;
	unsigned long requests;
};

FIXTURE_SETUP(move)
{
	struct contig_zone zone;

	if (!contig_zone("Movable", &zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->before = contig_blocks();
	self->requests = contig_stat("requests");
	self->area = (struct contig_span){ zone.start, zone.end };
	self->fd = contig_open();
}

FIXTURE_TEARDOWN(move)
{
	struct contig_span part = { self->area.start, self->area.start + AREA_PAGES };

	close(self->fd);
	EXPECT_TRUE(is_skipped(_metadata) || contig_stat("requests") > self->requests);
	EXPECT_TRUE(contig_same_blocks(&self->before));
	EXPECT_LE(contig_lost_pages(part), 0);
}

/* === Clean page cache: dropped or moved, and the file is what it was === */

TEST_F_TIMEOUT(move, clean_page_cache, TIMEOUT)
{
	struct contig_memory mem = { NULL, 1024, 7 };
	unsigned long gone = contig_stat("pages_dropped") +
			     contig_stat("pages_moved");
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
	i = next_victim(&mem, 0, self->area, CONTIG_PG_LRU);
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

TEST_F_TIMEOUT(move, pinned_by_a_pipe, TIMEOUT)
{
	struct bystander b = { { NULL, 64, 3 }, -1 };
	unsigned long pfn;
	int pipe_fds[2];
	long i;

	ASSERT_TRUE(map_anon(&b));
	contig_fill(&b.mem);
	i = next_victim(&b.mem, 0, self->area, CONTIG_PG_ANON);
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

TEST_F_TIMEOUT(move, pinned_by_io_uring, TIMEOUT)
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
	bool large;

	self->before = contig_blocks();
	self->requests = contig_stat("requests");
	/* As many again as are in the way at once have to be free. */
	large = contig_number("/proc/meminfo", "Hugepagesize:") >= 512 * 1024;
	if (!contig_write_file(NR_HUGEPAGES, large ? "4" : "6"))
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
	EXPECT_TRUE(is_skipped(_metadata) || contig_stat("requests") > self->requests);
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
	take(_metadata, self->fd, pfn, self->block, contig_cma_option(pfn));
	EXPECT_NE(contig_pfn(&mem, 0), pfn);
	EXPECT_EQ(contig_first_damage(&mem), -1);

	pfn = contig_pfn(&mem, self->block);
	take(_metadata, self->fd, pfn + 100, 33, contig_cma_option(pfn));
	EXPECT_NE(contig_pfn(&mem, self->block), pfn);
	EXPECT_EQ(contig_first_damage(&mem), -1);
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Total:"), self->pool);
	munmap(mem.map, mem.nr * psize());
}

TEST_F_TIMEOUT(hugetlb, free, TIMEOUT)
{
	unsigned long pfn = free_huge_page(self->block);

	ASSERT_NE(pfn, 0);
	take(_metadata, self->fd, pfn, self->block, contig_cma_option(pfn));
	pfn = free_huge_page(self->block);
	ASSERT_NE(pfn, 0);
	take(_metadata, self->fd, pfn + 1, self->block - 2, contig_cma_option(pfn));
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Total:"), self->pool);
	EXPECT_EQ(contig_number("/proc/meminfo", "HugePages_Free:"), self->pool);
}

TEST_HARNESS_MAIN
