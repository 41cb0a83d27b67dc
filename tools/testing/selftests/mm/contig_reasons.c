// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that cannot be met: each gets its errno, its reason and the page in
 * the way, is counted, and changes nothing.
 *
 * Whoever keeps the machine busy stands still meanwhile, so that free pages
 * can be compared. A loss of one page would drown in the noise of a running
 * kernel; so each request is made 30 times over. The environment variable
 * CONTIG_REPEAT says how often instead: a few times tell all but small losses.
 *
 * Wrong gfp bits and gigantic pages cannot be had from here: see the KUnit suite.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "contig_util.h"

#define REPEAT		30UL
#define LOSS		(2 * REPEAT)	/* pages that are missed */
#define AREA_PAGES	4096UL
#define NOISE		24	/* pages the kernel may take for itself meanwhile */
#define TRIES		25
#define AGAIN		12
#define TIMEOUT		150

#define LAST_PFN	(sizeof(long) > 4 ? "free 0xffffffffffffffff 2" : "free 0xffffffff 2")
/* behind the end of all memory */
#define FAR_AWAY	(1UL << (9 * sizeof(long) / 2))

static unsigned long repeat;

/* === The state that has to stay === */

struct state {
	unsigned long free;
	unsigned long cma_free;
	unsigned long pcp;	/* which CmaFree leaves out */
	unsigned long requests;
	unsigned long success;
};

/*
 * What is free, with the per-CPU lists emptied, and what the slab allocator has:
 * KASAN keeps freed objects back for a while, megabytes of them.
 */
static struct state look(void)
{
	return (struct state){
		.free = contig_free_pages() +
			contig_number("/proc/meminfo", "Slab:") * 1024 / psize(),
		.cma_free = contig_number("/proc/meminfo", "CmaFree:") * 1024 / psize(),
		.pcp = contig_pcp_pages(),
		.requests = contig_stat("requests"),
		.success = contig_stat("success"),
	};
}

/* More than before is no loss: what was freed long ago comes back late. */
static bool kept(unsigned long now, unsigned long before, unsigned long noise)
{
	return now + noise >= before;
}

static bool is_same(const struct state *now, const struct state *before)
{
	return kept(now->free, before->free, NOISE) &&
	       kept(now->cma_free, before->cma_free, NOISE + now->pcp + before->pcp);
}

/* The kernel may do something on its own at any time; a loss is for ever. */
static struct state look_until_same(const struct state *before)
{
	struct state now = look();

	for (int i = 0; i < TRIES && !is_same(&now, before); i++) {
		usleep(20000);
		now = look();
	}
	return now;
}

static void expect_state(struct __test_metadata *_metadata,
			 const struct state *before, const char *what)
{
	struct state now = look_until_same(before);

	EXPECT_TRUE(is_same(&now, before))
		TH_LOG("%s: %lu pages free, were %lu; CMA %lu, %lu; per CPU %lu, %lu",
		       what, now.free, before->free, now.cma_free,
		       before->cma_free, now.pcp, before->pcp);
	EXPECT_EQ(now.success, before->success) TH_LOG("%s", what);
}

FIXTURE(reasons)
{
	int fd;
	unsigned long start;	/* of a piece of ZONE_MOVABLE */
	struct contig_zone zone;
	struct contig_span cma;
	struct contig_blocks blocks;
};

FIXTURE_SETUP(reasons)
{
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->start = contig_movable_span(&self->zone, AREA_PAGES, 1024).start;
	ASSERT_NE(self->start, 0);
	self->cma = contig_cma_area();
	self->fd = contig_open();
	repeat = strtoul(getenv("CONTIG_REPEAT") ?: "", NULL, 0) ?: REPEAT;
	contig_quiet(true);
	self->blocks = contig_blocks();
}

/* Each request is looked after; the types of blocks take the kernel longer to list. */
FIXTURE_TEARDOWN(reasons)
{
	struct contig_span area = { self->start, self->start + AREA_PAGES };

	close(self->fd);
	EXPECT_LE(contig_lost_pages(area), 0);
	EXPECT_TRUE(contig_same_blocks(&self->blocks));
	contig_quiet(false);
}

/* What a request is refused with. */
struct refusal {
	int error;
	const char *reason;
	unsigned long pfn;
};

static void refuse_once(struct __test_metadata *_metadata, int fd,
			const char *command, const struct refusal *want)
{
	struct contig_answer answer;

	ASSERT_EQ(want->error, contig_ask(fd, &answer, "%s", command))
		TH_LOG("%s", command);
	ASSERT_STREQ(answer.reason, want->reason) TH_LOG("%s", command);
	ASSERT_EQ(answer.pfn, want->pfn) TH_LOG("%s", command);
	ASSERT_EQ(answer.moved, 0) TH_LOG("%s", command);
}

/*
 * @counted: the request reaches the engine, once each time. What a request
 * loses it loses each time; what the kernel does meanwhile it does once. So
 * only a change that happens again and again counts. How often it was made is
 * returned.
 */
static unsigned long refuse(struct __test_metadata *_metadata, int fd,
			    const char *command, const struct refusal *want,
			    bool counted)
{
	unsigned long count = contig_stat(want->reason), made = 1;
	struct state before, now;

	refuse_once(_metadata, fd, command, want);
	for (int again = 0; again < AGAIN; again++) {
		before = look();
		for (unsigned long i = 0; i < repeat; i++)
			refuse_once(_metadata, fd, command, want);
		made += repeat;
		now = look_until_same(&before);
		if (is_same(&now, &before))
			break;
	}
	expect_state(_metadata, &before, command);
	EXPECT_EQ(contig_stat(want->reason), count + (counted ? made : 0))
		TH_LOG("%s", command);
	return made;
}

static void refuse_range(struct __test_metadata *_metadata, int fd,
			 unsigned long start, unsigned long nr,
			 const char *options, const struct refusal *want)
{
	unsigned long requests = contig_stat("requests"), made;
	char command[100];

	snprintf(command, sizeof(command), "range 0x%lx 0x%lx%s", start, nr, options);
	made = refuse(_metadata, fd, command, want, true);
	EXPECT_EQ(contig_stat("requests"), requests + made) TH_LOG("%s", command);
}

static const struct refusal bad_request = { -EINVAL, "BAD_REQUEST", CONTIG_NO_PFN };
static const struct refusal no_candidate = { -ENOMEM, "NO_CANDIDATE", CONTIG_NO_PFN };

/* It would show, unless as much comes back at that moment. */
TEST_F_TIMEOUT(reasons, a_loss_would_show, TIMEOUT)
{
	struct contig_answer answer;
	struct state before, now;
	bool shows = false;

	for (int again = 0; again < AGAIN && !shows; again++) {
		before = look();
		ASSERT_EQ(0, contig_take(self->fd, &answer, self->start,
					 LOSS, ""));
		now = look();
		shows = !is_same(&now, &before);
		EXPECT_EQ(contig_stat("success"), before.success + 1);
		ASSERT_EQ(0, contig_ask(self->fd, &answer, "free 0x%lx %lu",
					self->start, LOSS));
	}
	EXPECT_TRUE(shows);
}

/* === Arguments that make no sense === */

TEST_F_TIMEOUT(reasons, no_such_range, TIMEOUT)
{
	unsigned long start = self->start;

	refuse_range(_metadata, self->fd, start, 0, "", &bad_request);
	refuse_range(_metadata, self->fd, start, -16UL, "", &bad_request);
	refuse_range(_metadata, self->fd, -256UL, 512, "", &bad_request);
	refuse_range(_metadata, self->fd, start, 3, " comp", &bad_request);
	refuse_range(_metadata, self->fd, start, 1023, " comp", &bad_request);
	refuse_range(_metadata, self->fd, start + 1, 2, " comp", &bad_request);
	refuse_range(_metadata, self->fd, start + 512, 1024, " comp", &bad_request);
	refuse_range(_metadata, self->fd, 0, CONTIG_MANY_PAGES, " comp", &bad_request);
}

TEST_F_TIMEOUT(reasons, no_such_size, TIMEOUT)
{
	char comp[64], many[64], all[64];

	snprintf(comp, sizeof(comp), "pages 0x%lx comp", CONTIG_MANY_PAGES);
	snprintf(many, sizeof(many), "pages 0x%lx", CONTIG_MANY_PAGES);
	snprintf(all, sizeof(all), "pages 0x%lx", ~0UL);
	refuse(_metadata, self->fd, "pages 0", &bad_request, true);
	refuse(_metadata, self->fd, "pages 3 comp", &bad_request, true);
	refuse(_metadata, self->fd, comp, &bad_request, true);
	refuse(_metadata, self->fd, many, &no_candidate, true);
	refuse(_metadata, self->fd, all, &no_candidate, true);
	refuse(_metadata, self->fd, "pages 1 cma", &bad_request, false);
	refuse(_metadata, self->fd, "pages 1 nid=-2", &bad_request, false);
	refuse(_metadata, self->fd, "pages 1 nid=1000000", &bad_request, false);
	if (self->cma.start)
		refuse(_metadata, self->fd, "cma 0x10000000", &no_candidate, false);
}

/* === Memory that is not there, or not all in one zone === */

TEST_F_TIMEOUT(reasons, hole, TIMEOUT)
{
	struct contig_zone zones[8];
	int last = contig_zones(zones, 8) - 1;
	unsigned long end = zones[last].end;
	struct refusal want = { -EINVAL, "NOT_PRESENT", end };

	refuse_range(_metadata, self->fd, end, 1, "", &want);
	refuse_range(_metadata, self->fd, end - 2000, 2001, "", &want);
	refuse_range(_metadata, self->fd, end - 2000, CONTIG_MANY_PAGES, "", &want);
	want.pfn = end + FAR_AWAY;
	refuse_range(_metadata, self->fd, want.pfn, 512, "", &want);
	want.pfn = -256UL;
	refuse_range(_metadata, self->fd, want.pfn, 255, "", &want);
}

TEST_F_TIMEOUT(reasons, two_zones, TIMEOUT)
{
	struct refusal want = { -EINVAL, "ZONE_BOUNDARY", self->zone.start };
	struct contig_zone below;

	if (!contig_zone("DMA32", &below) || below.start == 0)
		SKIP(return, "no zone DMA32");
	want.pfn = below.start;
	refuse_range(_metadata, self->fd, below.start - 512, 1024, "", &want);
	refuse_range(_metadata, self->fd, below.start - 1, 2, "", &want);
	refuse_range(_metadata, self->fd, below.start - 100, 5000, "", &want);
}

#define MEMORY_BLOCK	"/sys/devices/system/memory/memory%lu/state"

static unsigned long memory_block_pages(void)
{
	FILE *file = fopen("/sys/devices/system/memory/block_size_bytes", "r");
	unsigned long bytes = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lx", &bytes) != 1)
		bytes = 0;
	fclose(file);
	return bytes / psize();
}

/* Take a block of memory away; its number, or 0. Some machines keep what they booted with. */
static unsigned long go_offline(const struct contig_zone *zone, unsigned long size,
				bool *kept)
{
	unsigned long nr = (zone->start + size - 1) / size;
	char path[100];

	for (; (nr + 1) * size <= zone->end; nr++) {
		snprintf(path, sizeof(path), MEMORY_BLOCK, nr);
		if (contig_write_file(path, "offline"))
			return nr;
		*kept = *kept || errno == EPERM;
	}
	return 0;
}

TEST_F_TIMEOUT(reasons, offline_memory, TIMEOUT)
{
	unsigned long size = memory_block_pages();
	struct refusal want = { -EINVAL, "NOT_PRESENT", 0 };
	bool kept = false;
	unsigned long nr;
	char path[100];

	if (!size)
		SKIP(return, "no memory hotplug in this kernel");
	contig_quiet(false);
	nr = go_offline(&self->zone, size, &kept);
	contig_quiet(true);
	if (!nr && kept)
		SKIP(return, "this machine keeps the memory it booted with");
	ASSERT_NE(nr, 0) TH_LOG("no block of ZONE_MOVABLE goes offline");

	want.pfn = nr * size;
	refuse_range(_metadata, self->fd, want.pfn, 1, "", &want);
	refuse_range(_metadata, self->fd, want.pfn, size, "", &want);
	if (want.pfn > self->zone.start)
		refuse_range(_metadata, self->fd, want.pfn - 100, 200, "", &want);
	want.pfn += size - 1;
	refuse_range(_metadata, self->fd, want.pfn, 1, "", &want);

	snprintf(path, sizeof(path), MEMORY_BLOCK, nr);
	EXPECT_TRUE(contig_write_file(path, "online_movable"));
}

/* === Pages that do not move === */

/* The kernel may have freed what we saw a moment ago: then look for another one. */
static void refuse_kind(struct __test_metadata *_metadata, int fd, uint64_t flags)
{
	struct refusal want = { -EBUSY, "UNMOVABLE", 0 };
	struct contig_answer answer;

	for (int i = 0; i < TRIES; i++) {
		want.pfn = contig_find_any_page(want.pfn + 1, flags);
		ASSERT_NE(want.pfn, 0);
		if (contig_ask(fd, &answer, "range 0x%lx 1", want.pfn))
			break;
		contig_ask(fd, &answer, "free 0x%lx 1", want.pfn);
	}
	refuse_range(_metadata, fd, want.pfn, 1, "", &want);
}

TEST_F_TIMEOUT(reasons, reserved, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_RESERVED);
}

TEST_F_TIMEOUT(reasons, slab, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_SLAB);
}

TEST_F_TIMEOUT(reasons, page_table, TIMEOUT)
{
	refuse_kind(_metadata, self->fd, CONTIG_PG_TABLE);
}

/* The last page of a range that is free or movable otherwise. */
TEST_F_TIMEOUT(reasons, reserved_at_the_end, TIMEOUT)
{
	struct refusal want = { -EBUSY, "UNMOVABLE", 0 };
	unsigned long pfn = contig_find_page(self->start + 512, CONTIG_PG_RESERVED);

	if (!pfn || pfn >= self->zone.end)
		SKIP(return, "no reserved page in ZONE_MOVABLE");
	want.pfn = pfn;
	refuse_range(_metadata, self->fd, pfn - 500, 501, "", &want);
}

TEST_F_TIMEOUT(reasons, wrong_kind_of_block, TIMEOUT)
{
	struct refusal want = { -EBUSY, "UNMOVABLE", self->start };

	if (!self->cma.start)
		SKIP(return, "no CMA area, boot with cma=");
	refuse_range(_metadata, self->fd, self->start, 20, " cma", &want);
	want.pfn = self->cma.start + 7;
	refuse_range(_metadata, self->fd, want.pfn, 20, "", &want);
}

TEST_F_TIMEOUT(reasons, taken_already, TIMEOUT)
{
	static const char * const forms[] = { "", "comp", "frozen" };
	struct contig_answer answer;
	struct refusal want = { -EBUSY };
	int other = contig_open();

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		unsigned long start = self->start;

		ASSERT_EQ(0, contig_take(other, &answer, start, 64, forms[i]));
		ASSERT_EQ(-EBUSY, contig_ask(self->fd, &answer,
					     "range 0x%lx 64", start));
		EXPECT_TRUE(!strcmp(answer.reason, "UNMOVABLE") ||
			    !strcmp(answer.reason, "LOST_RACE"))
			TH_LOG("form '%s': %s", forms[i], answer.reason);
		want.reason = answer.reason;
		want.pfn = start;
		refuse_range(_metadata, self->fd, start, 64, "", &want);
		want.pfn = start + 63;
		if (i != 1)	/* a compound page is known by its head, too */
			refuse_range(_metadata, self->fd, want.pfn, 1, "", &want);
		ASSERT_EQ(0, contig_ask(other, &answer, "free 0x%lx 64", start));
	}
	close(other);
}

/* A caller that cannot sleep gets free pages only, and hears which one was not. */
TEST_F_TIMEOUT(reasons, would_block, TIMEOUT)
{
	struct contig_span zone = { self->zone.start, self->zone.end };
	struct refusal want = { -EBUSY, "WOULD_BLOCK", 0 };
	struct contig_memory mem = { NULL, 64, 1 };
	struct contig_answer answer;
	long i;

	ASSERT_EQ(0, contig_take(self->fd, &answer, self->start, 64, ""));
	ASSERT_EQ(0, contig_ask(self->fd, &answer, "free 0x%lx 64", self->start));
	EXPECT_EQ(0, contig_ask(self->fd, &answer, "range 0x%lx 64 nowait",
				self->start));
	ASSERT_EQ(0, contig_ask(self->fd, &answer, "free 0x%lx 64", self->start));

	mem.map = mmap(NULL, mem.nr * psize(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(mem.map, MAP_FAILED);
	contig_fill(&mem);
	i = contig_index_in(&mem, 0, zone);
	ASSERT_GE(i, 0);
	want.pfn = contig_pfn(&mem, i);
	refuse_range(_metadata, self->fd, want.pfn, 1, " nowait", &want);
	EXPECT_EQ(contig_pfn(&mem, i), want.pfn);
	EXPECT_EQ(contig_first_damage(&mem), -1);
}

/* === Rubbish === */

static const struct {
	const char *text;
	int error;
} rubbish[] = {
	{ "", -EINVAL }, { " ", -EINVAL }, { "\n", -EINVAL },
	{ "r", -EINVAL }, { "RANGE 1 1", -EINVAL }, { "ranges 1 1", -EINVAL },
	{ "help", -EINVAL }, { "%s%n%p", -EINVAL }, { "\xff\xfe\x01", -EINVAL },
	{ "range", -EINVAL }, { "range 1", -EINVAL }, { "range x 1", -EINVAL },
	{ "range 1 x", -EINVAL }, { "range 1 -1", -EINVAL },
	{ "range -1 1", -EINVAL }, { "range  1 1", -EINVAL },
	{ "range 1 1 2", -EINVAL }, { "range 1 1 zero bogus", -EINVAL },
	{ "range 1,1", -EINVAL }, { "range 1.5 1", -EINVAL },
	{ "range 99999999999999999999 1", -ERANGE },
	{ "range 1 0x10000000000000000", -ERANGE },
	{ "pages", -EINVAL }, { "pages many", -EINVAL }, { "pages -1", -EINVAL },
	{ "pages 99999999999999999999", -ERANGE },
	{ "pages 1 nid=", -EINVAL }, { "pages 1 nid=x", -EINVAL },
	{ "pages 1 nid=99999999999", -ERANGE }, { "pages 1 nid", -EINVAL },
	{ "cma", -EINVAL }, { "cma x", -EINVAL }, { "cma 1 1", -EINVAL },
	{ "cma -1", -EINVAL }, { "cma 99999999999999999999", -ERANGE },
	{ "free", -EINVAL }, { "free 1", -EINVAL }, { "free 1 1 1", -EINVAL },
	{ "free x y", -EINVAL }, { "free 1 -1", -EINVAL }, { "free 1 1", -EINVAL },
	{ "free 0 0", -EINVAL }, { LAST_PFN, -EINVAL },
	{ "free 99999999999999999999 1", -ERANGE },
};

TEST_F_TIMEOUT(reasons, rubbish_words, TIMEOUT)
{
	struct state before = look();
	struct contig_answer answer;

	for (size_t n = 0; n < 3 * ARRAY_SIZE(rubbish); n++) {
		size_t i = n % ARRAY_SIZE(rubbish);

		EXPECT_EQ(rubbish[i].error,
			  contig_write(self->fd, rubbish[i].text,
				       strlen(rubbish[i].text)))
			TH_LOG("'%s'", rubbish[i].text);
	}
	expect_state(_metadata, &before, "rubbish");
	EXPECT_EQ(contig_stat("requests"), before.requests);
	EXPECT_EQ(0, contig_take(self->fd, &answer, self->start, 5, ""));
}

/* A good command that is hidden in something too long, cut, or binary. */
TEST_F_TIMEOUT(reasons, rubbish_bytes, TIMEOUT)
{
	static const size_t sizes[] = { 256, 257, 4096, 100000 };	/* of big[] */
	static char good[64], big[100000];
	int len = snprintf(good, sizeof(good), "range 0x%lx 1", self->start);
	struct state before;

	memset(big, 0, sizeof(big));	/* its pages are ours from here on */
	before = look();
	EXPECT_EQ(-EINVAL, contig_write(self->fd, good, len + 1));
	EXPECT_EQ(-EINVAL, contig_write(self->fd, good, sizeof(good)));
	EXPECT_EQ(-EINVAL, contig_write(self->fd, big, 1));
	memset(big, ' ', sizeof(big));
	memcpy(big, good, len);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-EINVAL, contig_write(self->fd, big, sizes[i]))
			TH_LOG("%zu bytes", sizes[i]);
	}
	EXPECT_EQ(-EFAULT, contig_write(self->fd, (void *)16, 20));
	expect_state(_metadata, &before, "bytes");
	EXPECT_EQ(contig_stat("requests"), before.requests);
}

/* The same seed each time; none of this begins with a command. */
TEST_F_TIMEOUT(reasons, rubbish_at_random, TIMEOUT)
{
	struct state before = look();
	uint64_t seed = 2026;
	char bytes[160];

	for (int i = 0; i < 1000; i++) {
		size_t len = contig_random(&seed) % sizeof(bytes);

		for (size_t k = 0; k < len; k++)
			bytes[k] = contig_random(&seed);
		bytes[0] = '0' + i % 10;
		EXPECT_EQ(-EINVAL, contig_write(self->fd, bytes, len))
			TH_LOG("round %d, %zu bytes", i, len);
	}
	expect_state(_metadata, &before, "random bytes");
	EXPECT_EQ(contig_stat("requests"), before.requests);
}

TEST_F(reasons, stats_are_for_reading)
{
	unsigned long before = contig_stat("requests");
	struct stat st;
	int fd;

	ASSERT_EQ(0, stat(CONTIG_DIR "stats", &st));
	EXPECT_EQ(st.st_mode & 0777, 0400);
	ASSERT_EQ(0, stat(CONTIG_DIR "trigger", &st));
	EXPECT_EQ(st.st_mode & 0777, 0600);

	fd = open(CONTIG_DIR "stats", O_RDWR);
	if (fd >= 0) {
		EXPECT_EQ(-EINVAL, contig_write(fd, "0", 1));
		EXPECT_EQ(-EINVAL, contig_write(fd, "requests 0", 10));
		close(fd);
	}
	EXPECT_EQ(contig_stat("requests"), before);
}

/* === At last === */

/* The whole zone, by all of the above: it has many pages to look at. */
TEST_F_TIMEOUT(reasons, nothing_is_lost, TIMEOUT)
{
	struct contig_span zone = { self->zone.start, self->zone.end };
	struct contig_answer answer;

	EXPECT_LE(contig_lost_pages(zone), 0);
	EXPECT_EQ(0, contig_take(self->fd, &answer, self->start, AREA_PAGES, "frozen"));
	EXPECT_GT(contig_nobodys_pages(zone), 0);
}

TEST_HARNESS_MAIN
