// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat shows memory as it is: its map agrees with /proc/pagetypeinfo and with
 * itself, and it knows what a page of each kind is and what would come of a request.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "contig_tool.h"

#define TIMEOUT		120
#define TRIES		20

FIXTURE(look)
{
	struct contig_zone zone;
	struct own_page own;
};

FIXTURE_SETUP(look)
{
	if (run("--help"))
		SKIP(return, "there is no program contigstat");
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	contig_quiet(true);
}

FIXTURE_TEARDOWN(look)
{
	contig_quiet(false);
}

/* === The map === */

/* A block that two zones share is in the map once; the kernel counts it in both. */
static unsigned long blocks_shared(const char *name)
{
	struct contig_zone zone;

	return contig_zone(name, &zone) && zone.start % contig_block_pages();
}

/* Does the map have as many blocks of each type as the kernel counts? */
static bool types_agree(const char *zone, const char *counts)
{
	static const char * const types[] = {
		"Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate",
	};
	unsigned long shared = blocks_shared(zone);
	char words[64], path[64];
	char *end;

	snprintf(words, sizeof(words), "map 0/%s", zone);
	ask_json(words, "zones.#");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++, counts = end) {
		unsigned long count = strtoul(counts, &end, 10);
		double found;

		snprintf(path, sizeof(path), "zones.0.types.%s", types[i]);
		found = json_number(output, path);
		found = found < 0 ? 0 : found;
		if (found == count)
			continue;
		if (shared && found + 1 == count) {
			shared = 0;
			continue;
		}
		ksft_print_msg("%s: %s is %.0f, should be %lu\n", zone, path, found, count);
		return false;
	}
	return true;
}

/* The table of block counts; blocks may change their type between two looks. */
static int compare_zones(void)
{
	FILE *file = fopen("/proc/pagetypeinfo", "r");
	char line[512], zone[16];
	bool table = false;
	int same = 0, at;

	while (file && fgets(line, sizeof(line), file)) {
		table = table || strstr(line, "Number of blocks");
		if (!table || sscanf(line, "Node 0, zone %15s%n", zone, &at) != 1)
			continue;
		if (strtoul(line + at, NULL, 10) + strspn(line + at, " 0\n") == strlen(line + at))
			continue;	/* a zone without blocks */
		if (!types_agree(zone, line + at)) {
			same = -1;
			break;
		}
		same++;
	}
	if (file)
		fclose(file);
	return same;
}

TEST_F_TIMEOUT(look, map_agrees_with_pagetypeinfo, TIMEOUT)
{
	int zones = -1;

	for (int i = 0; i < TRIES && zones < 0; i++)
		zones = compare_zones();
	EXPECT_GE(zones, 2);
}

/* Each page of a block is free, movable or stuck, and each block has a letter. */
TEST_F_TIMEOUT(look, map_adds_up, TIMEOUT)
{
	long blocks = ask_json("map Movable", "zones.0.blocks.#");
	unsigned long pages = 0, free = 0, held = 0;
	char path[64];

	ASSERT_GT(blocks, 0);
	for (long i = 0; i < blocks; i++) {
		const char *block;

		snprintf(path, sizeof(path), "zones.0.blocks.%ld", i);
		block = json_find(output, path);
		pages += json_number(block, "nr");
		free += json_number(block, "free");
		held += json_number(block, "movable") + json_number(block, "stuck");
	}
	EXPECT_EQ(pages, self->zone.end - self->zone.start);
	EXPECT_EQ(free + held, pages);
	contig_zone("Movable", &self->zone);
	EXPECT_LT(free, self->zone.free + pages / 20);
	EXPECT_GT(free + pages / 20, self->zone.free);
}

TEST_F_TIMEOUT(look, map_shows_a_page_that_is_held, TIMEOUT)
{
	unsigned long block_pages = contig_block_pages();
	char path[64];
	long block;

	ASSERT_TRUE(hold_own_page(&self->own, false));
	ask_json("map Movable", "zones.0.blocks.0.pfn");
	block = (self->own.pfn - json_number(output, "zones.0.blocks.0.pfn")) / block_pages;
	snprintf(path, sizeof(path), "zones.0.blocks.%ld", block);
	ASSERT_NE(json_find(output, path), NULL);
	EXPECT_GT(json_number(json_find(output, path), "stuck"), 0);
	EXPECT_TRUE(json_is(json_find(output, path), "cell", "P"));
	ASSERT_EQ(0, run("--width 1 map Movable"));
	snprintf(path, sizeof(path), "0x%08lx |P|\n", self->own.pfn / block_pages * block_pages);
	EXPECT_NE(strstr(output, path), NULL) TH_LOG("%s", path);
	ASSERT_EQ(0, run("--color=always map Movable"));
	EXPECT_NE(strstr(output, "mP\033[0m"), NULL);
	ASSERT_EQ(0, run("--svg map Movable"));
	EXPECT_EQ(strncmp(output, "<svg ", 5), 0);
	EXPECT_NE(strstr(output, "</svg>\n"), NULL);
}

/* === Why === */

/* Is this what it says, in both forms? */
static bool says(unsigned long pfn, const char *kind, const char *reason, const char *text)
{
	char words[32];
	bool good;

	snprintf(words, sizeof(words), "why 0x%lx", pfn);
	ask_json(words, "pfn");
	good = json_number(output, "pfn") == pfn && json_is(output, "reason", reason) &&
	       (kind ? json_is(output, "kind", kind) : json_is_null(output, "kind"));
	if (!good) {
		ksft_print_msg("of PFN 0x%lx: %s", pfn, output);
		return false;
	}
	run("why %lu", pfn);
	if (!strstr(output, text))
		ksft_print_msg("no '%s' in '%s'\n", text, output);
	return strstr(output, text);
}

/* A page with such flags, however often they change under our eyes */
static bool says_of_some(uint64_t flags, const char *kind, const char *reason,
			 const char *text)
{
	unsigned long pfn = 0;

	for (int i = 0; i < TRIES; i++) {
		pfn = contig_find_any_page(pfn + 1, flags);
		if (!pfn)
			break;
		if (says(pfn, kind, reason, text))
			return true;
	}
	return false;
}

TEST_F_TIMEOUT(look, why_of_the_kernel, TIMEOUT)
{
	EXPECT_TRUE(says_of_some(CONTIG_PG_RESERVED, "reserved", "UNMOVABLE",
				 "would be refused: UNMOVABLE"));
	EXPECT_TRUE(says_of_some(CONTIG_PG_SLAB, "slab", "UNMOVABLE", "kmalloc()"));
	EXPECT_TRUE(says_of_some(CONTIG_PG_TABLE, "page-table", "UNMOVABLE", "page table"));
	EXPECT_TRUE(says_of_some(CONTIG_PG_BUDDY, NULL, "NONE", "would be met"));
}

TEST_F_TIMEOUT(look, why_of_a_hole, TIMEOUT)
{
	struct contig_zone zones[8];
	int last = contig_zones(zones, 8) - 1;

	EXPECT_TRUE(says(zones[last].end + (1UL << 20), NULL, "NOT_PRESENT", "no memory"));
	EXPECT_TRUE(says(1UL << (sizeof(long) * 8 - 11), NULL, "NOT_PRESENT", "no memory"));
}

/* What is no number leaves the file with what it had. */
TEST_F_TIMEOUT(look, page_takes_numbers_only, TIMEOUT)
{
	static const char * const rubbish[] = {
		"nonsense", "0x", "-1", "1 2", "99999999999999999999",
	};
	char before[512] = "", after[512] = "";
	int fd = open(CONTIG_DIR "page", O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_GT(pread(fd, before, sizeof(before) - 1, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
		EXPECT_EQ(write(fd, rubbish[i], strlen(rubbish[i])), -1) TH_LOG("%s", rubbish[i]);
		EXPECT_TRUE(errno == EINVAL || errno == ERANGE);
	}
	ASSERT_GT(pread(fd, after, sizeof(after) - 1, 0), 0);
	EXPECT_STREQ(before, after);
	close(fd);
}

/* On its way to the LRU lists a page looks as if it were held. */
static void empty_batches(void)
{
	contig_write_file("/proc/sys/vm/drop_caches", "1");
}

/* The pin has moved it out of ZONE_MOVABLE. */
static unsigned long pinned_pfn(char *page)
{
	struct contig_memory mem = { page, 1, 0 };

	return contig_pfn(&mem, 0);
}

TEST_F_TIMEOUT(look, why_of_ours, TIMEOUT)
{
	struct contig_answer answer;
	int ring;

	ASSERT_TRUE(get_own_page(&self->own, false));
	empty_batches();
	EXPECT_TRUE(says(self->own.pfn, "anon", "NONE", "memory of a process"));
	ASSERT_TRUE(hold_own_page(&self->own, false));
	EXPECT_TRUE(says(self->own.pfn, "referenced", "PINNED", "a pipe, a driver"));
	ASSERT_EQ(0, contig_ask(contig_open(), &answer, "pages 1"));
	EXPECT_TRUE(says(answer.start, "kernel", "UNMOVABLE", "driver's"));
	if (access("/proc/sys/kernel/io_uring_disabled", F_OK))
		SKIP(return, "no io_uring in this kernel");
	ASSERT_TRUE(get_own_page(&self->own, false));
	ring = contig_pin_by_ring(self->own.page);
	ASSERT_GE(ring, 0);
	empty_batches();
	EXPECT_TRUE(says(pinned_pfn(self->own.page), "dma-pinned", "PINNED", "io_uring"));
	close(ring);
}

/* A free page of a pool is replaced, so it is no obstacle. */
static bool huge_is_no_obstacle(unsigned long pfn)
{
	run("why 0x%lx", pfn);
	if (strstr(output, "a hugetlb page") && strstr(output, "would be met"))
		return true;
	ksft_print_msg("of PFN 0x%lx: %s", pfn, output);
	return false;
}

TEST_F_TIMEOUT(look, why_of_hugetlb, TIMEOUT)
{
	struct contig_huge huge;

	if (access("/proc/sys/vm/nr_hugepages", F_OK))
		SKIP(return, "no hugetlb pages in this kernel");
	ASSERT_TRUE(contig_get_huge(&huge));
	EXPECT_TRUE(huge_is_no_obstacle(huge.pfn));
	contig_put_huge();
}

/* A gigantic one stays. */
TEST_F_TIMEOUT(look, why_of_gigantic, TIMEOUT)
{
	unsigned long pool, pfn = contig_get_gigantic(&pool);

	if (!pfn)
		SKIP(return, "no page of 1 GiB here, or not enough memory");
	EXPECT_TRUE(says(pfn, "hugetlb", "HUGETLB", "would be refused: HUGETLB"));
	EXPECT_TRUE(says(pfn + 1, "hugetlb", "HUGETLB", "would be refused: HUGETLB"));
	contig_put_gigantic(pool);
}

/*
 * Whether there is memory to move to cannot be seen from a page. So a page that a
 * request did not get for want of it is one that nothing keeps where it is.
 */
TEST_F_TIMEOUT(look, why_not_of_memory, TIMEOUT)
{
	int fd = contig_open(), injection = contig_inject_start(0);
	struct contig_answer answer;
	struct contig_huge huge;

	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
	ASSERT_TRUE(get_own_page(&self->own, false));
	contig_ask_without_memory(fd, &answer, self->own.pfn, "", injection);
	contig_inject_stop(injection);
	EXPECT_STREQ(answer.reason, "NO_MEMORY");
	EXPECT_EQ(answer.pfn, self->own.pfn);
	empty_batches();
	EXPECT_TRUE(says(answer.pfn, "anon", "NONE", "would be met"));

	injection = contig_inject_start(1);
	ASSERT_TRUE(contig_get_huge(&huge));
	contig_ask_without_memory(fd, &answer, huge.pfn, huge.options, injection);
	contig_inject_stop(injection);
	EXPECT_STREQ(answer.reason, "HUGETLB");
	EXPECT_TRUE(huge_is_no_obstacle(answer.pfn));
	contig_put_huge();
	close(fd);
}

TEST_HARNESS_MAIN
