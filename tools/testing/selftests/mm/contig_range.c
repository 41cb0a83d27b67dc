// SPDX-License-Identifier: GPL-2.0
/*
 * Exact ranges out of memory that is in use: of every shape, with other
 * people's pages in them, and given back in pieces.
 *
 * All goes through /sys/kernel/debug/contig/trigger, on ranges in ZONE_MOVABLE
 * (boot with movablecore=), where any page can be had. What "zero" promises
 * cannot be seen from user space: that is left to KUnit.
 */
#include <signal.h>
#include <sys/wait.h>

#include "contig_range.h"

#define AREA_PAGES	20480UL
#define AREA_BLOCKS	5UL

/* === A piece of ZONE_MOVABLE to work on === */

FIXTURE(range)
{
	int fd;
	unsigned long block;
	struct contig_zone zone;
	struct contig_span area;
	struct contig_blocks before;
	unsigned long success;
};

FIXTURE_SETUP(range)
{
	unsigned long nr_pages;

	self->block = contig_block_pages();
	nr_pages = AREA_BLOCKS * self->block;
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	if (nr_pages < AREA_PAGES)
		nr_pages = AREA_PAGES;
	self->area = contig_movable_span(&self->zone, nr_pages, self->block);
	ASSERT_NE(self->area.start, 0);
	self->before = contig_blocks();
	self->success = contig_stat("success");
	self->fd = contig_open();
}

/* Every case: the engine was at work, nothing stays isolated, nothing is lost. */
FIXTURE_TEARDOWN(range)
{
	close(self->fd);
	EXPECT_TRUE(is_skipped(_metadata) || contig_stat("success") > self->success);
	EXPECT_TRUE(contig_same_blocks(&self->before));
	EXPECT_LE(contig_lost_pages(self->area), 0);
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

/* === Beside others === */

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

TEST_HARNESS_MAIN
