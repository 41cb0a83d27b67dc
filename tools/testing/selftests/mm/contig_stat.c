// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat tells what happened: requests that are met, and that fail for each
 * reason that one can bring about from here, are read back from what it prints, as
 * text and as JSON. A histogram has as many requests as there were.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "contig_tool.h"

#define TIMEOUT		120
#define TRIES		20

FIXTURE(stat)
{
	int fd;
	struct contig_zone zone;
	unsigned long start;	/* of a piece of ZONE_MOVABLE */
	struct own_page own;
};

FIXTURE_SETUP(stat)
{
	if (run("--help"))
		SKIP(return, "there is no program contigstat");
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->start = contig_movable_span(&self->zone, 1024, 1024).start;
	ASSERT_NE(self->start, 0);
	self->fd = contig_open();
	contig_quiet(true);
}

FIXTURE_TEARDOWN(stat)
{
	contig_quiet(false);
	close(self->fd);
}

/* === Counters and failures === */

/* What the file has, line by line, is what is printed. */
TEST_F_TIMEOUT(stat, all_counters, TIMEOUT)
{
	FILE *file = fopen(CONTIG_DIR "stats", "r");
	char name[32], path[48];
	unsigned long value;
	int lines = 0;

	ASSERT_NE(file, NULL);
	ASSERT_GE(ask_json("stats", "counters.requests"), 0);
	for (; fscanf(file, "%31s %lu", name, &value) == 2; lines++) {
		snprintf(path, sizeof(path), "%s.%s", name[0] <= 'Z' ? "reasons" :
			 "counters", name);
		EXPECT_EQ(json_number(output, path), value) TH_LOG("%s", path);
	}
	fclose(file);
	EXPECT_EQ(lines, 22);
	ASSERT_EQ(0, run("stats"));
	EXPECT_NE(strstr(output, "\nfailures "), NULL);
}

/* What the text says of a counter or a reason. */
static unsigned long text_number(const char *name)
{
	char line[64];
	const char *at;

	run("stats");
	snprintf(line, sizeof(line), "%s ", name);
	at = strstr(output, line);
	return at ? strtoul(at + strlen(line), NULL, 10) : 0;
}

/* The request was made, and all that is printed knows of it. */
static void expect_reason(struct __test_metadata *_metadata, double before,
			  const struct contig_answer *answer, const char *reason)
{
	char path[64], pfn[32];
	long last;

	snprintf(path, sizeof(path), "reasons.%s", reason);
	EXPECT_STREQ(answer->reason, reason);
	EXPECT_EQ(ask_json("stats", path), before + 1) TH_LOG("%s", path);
	EXPECT_EQ(text_number(reason), before + 1) TH_LOG("%s", reason);

	last = ask_json("failures", "#") - 1;
	ASSERT_GE(last, 0);
	snprintf(path, sizeof(path), "%ld.reason", last);
	EXPECT_TRUE(json_is(output, path, reason));
	snprintf(path, sizeof(path), "%ld.pfn", last);
	EXPECT_TRUE(answer->pfn == CONTIG_NO_PFN ? json_is_null(output, path) :
		    json_number(output, path) == answer->pfn);
	ASSERT_EQ(0, run("failures"));
	snprintf(pfn, sizeof(pfn), " 0x%lx ", answer->pfn);
	EXPECT_NE(strstr(output, answer->pfn == CONTIG_NO_PFN ? " none " : pfn), NULL);
	EXPECT_NE(strstr(output, reason), NULL);
}

static void __printf(4, 5) refuse(struct __test_metadata *_metadata, int fd,
				  const char *reason, const char *format, ...)
{
	char command[128], path[64];
	struct contig_answer answer;
	double before;
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "reasons.%s", reason);
	before = ask_json("stats", path);
	EXPECT_LT(contig_ask(fd, &answer, "%s nowarn", command), 0);
	expect_reason(_metadata, before, &answer, reason);
}

TEST_F_TIMEOUT(stat, met, TIMEOUT)
{
	double requests = ask_json("stats", "counters.requests");
	double met = ask_json("stats", "counters.success");
	double frees = ask_json("stats", "counters.frees");
	struct contig_answer answer;

	ASSERT_EQ(0, contig_take(self->fd, &answer, self->start + 5, 3, ""));
	ASSERT_EQ(0, contig_ask(self->fd, &answer, "free 0x%lx 3", self->start + 5));
	EXPECT_GE(ask_json("stats", "counters.requests"), requests + 1);
	EXPECT_EQ(ask_json("stats", "counters.success"), met + 1);
	EXPECT_EQ(ask_json("stats", "counters.frees"), frees + 1);
	EXPECT_EQ(text_number("success"), met + 1);
}

TEST_F_TIMEOUT(stat, bad_places, TIMEOUT)
{
	struct contig_zone zones[8];
	int last = contig_zones(zones, 8) - 1;

	refuse(_metadata, self->fd, "BAD_REQUEST", "range 0x%lx 3 comp", self->start);
	refuse(_metadata, self->fd, "NOT_PRESENT", "range 0x%lx 2001", zones[last].end - 2000);
	refuse(_metadata, self->fd, "ZONE_BOUNDARY", "range 0x%lx 1024", zones[last].start - 512);
	refuse(_metadata, self->fd, "NO_CANDIDATE", "pages %lu", CONTIG_MANY_PAGES);
}

TEST_F_TIMEOUT(stat, pages_in_the_way, TIMEOUT)
{
	ASSERT_TRUE(hold_own_page(&self->own, false));
	refuse(_metadata, self->fd, "UNMOVABLE", "range 0x%lx 1",
	       contig_find_any_page(0, CONTIG_PG_RESERVED));
	refuse(_metadata, self->fd, "PINNED", "range 0x%lx 1", self->own.pfn);
	refuse(_metadata, self->fd, "TIMED_OUT", "range 0x%lx 1 hard timeout=20",
	       self->own.pfn);
	ASSERT_TRUE(get_own_page(&self->own, false));
	refuse(_metadata, self->fd, "WOULD_BLOCK", "range 0x%lx 1 nowait", self->own.pfn);
}

/* A child that waits for ever, until it is killed */
TEST_F_TIMEOUT(stat, interrupted, TIMEOUT)
{
	double before = ask_json("stats", "reasons.INTERRUPTED");
	struct contig_answer answer;
	pid_t child;

	ASSERT_TRUE(hold_own_page(&self->own, false));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		contig_ask(self->fd, &answer, "range 0x%lx 1 hard timeout=0 nowarn",
			   self->own.pfn);
		_exit(1);
	}
	usleep(200 * 1000);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	contig_read_answer(self->fd, &answer);
	expect_reason(_metadata, before, &answer, "INTERRUPTED");
}

/* A child waits for a page of a file, with its block isolated. */
TEST_F_TIMEOUT(stat, lost_race, TIMEOUT)
{
	struct contig_answer answer = {};
	double before = 0;
	pid_t child;

	ASSERT_TRUE(hold_own_page(&self->own, true));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		contig_ask(contig_open(), &answer, "range 0x%lx 1 hard timeout=0 nowarn",
			   self->own.pfn);
		_exit(1);
	}
	for (int tries = 0; tries < TRIES && strcmp(answer.reason, "LOST_RACE"); tries++) {
		usleep(20 * 1000);
		before = ask_json("stats", "reasons.LOST_RACE");
		contig_ask(self->fd, &answer, "range 0x%lx 1 noretry nowarn", self->own.pfn);
	}
	expect_reason(_metadata, before, &answer, "LOST_RACE");
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

static void refuse_without_memory(struct __test_metadata *_metadata, int fd,
				  const char *reason, unsigned long pfn,
				  const char *options, int injection)
{
	struct contig_answer answer;
	char path[64];
	double before;

	snprintf(path, sizeof(path), "reasons.%s", reason);
	before = ask_json("stats", path);
	contig_ask_without_memory(fd, &answer, pfn, options, injection);
	expect_reason(_metadata, before, &answer, reason);
}

TEST_F_TIMEOUT(stat, no_memory, TIMEOUT)
{
	int injection = contig_inject_start(0);

	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
	ASSERT_TRUE(get_own_page(&self->own, false));
	refuse_without_memory(_metadata, self->fd, "NO_MEMORY", self->own.pfn, "",
			      injection);
	contig_inject_stop(injection);
}

/* A free page of a pool, for which there is no other one */
TEST_F_TIMEOUT(stat, hugetlb, TIMEOUT)
{
	int injection = contig_inject_start(1);
	struct contig_huge huge;

	if (injection < 0)
		SKIP(return, "no CONFIG_FAIL_PAGE_ALLOC in this kernel");
	ASSERT_TRUE(contig_get_huge(&huge));
	refuse_without_memory(_metadata, self->fd, "HUGETLB", huge.pfn, huge.options,
			      injection);
	contig_inject_stop(injection);
	contig_put_huge();
}

/* === Latency === */

/* Of all histograms: the number of requests, as it is said and as the buckets have it. */
static void sum_latency(struct __test_metadata *_metadata, const char *outcome,
			unsigned long *sum)
{
	long rows = ask_json("latency", "#");
	unsigned long said, counted;
	char path[64];

	*sum = 0;
	for (long row = 0; row < rows; row++) {
		snprintf(path, sizeof(path), "%ld.outcome", row);
		if (!json_is(output, path, outcome))
			continue;
		snprintf(path, sizeof(path), "%ld.count", row);
		said = json_number(output, path);
		snprintf(path, sizeof(path), "%ld.buckets.#", row);
		counted = 0;
		for (long i = json_number(output, path) - 1; i >= 0; i--) {
			snprintf(path, sizeof(path), "%ld.buckets.%ld.count", row, i);
			counted += json_number(output, path);
		}
		EXPECT_EQ(said, counted);
		*sum += counted;
	}
}

TEST_F_TIMEOUT(stat, latency, TIMEOUT)
{
	unsigned long met, failed, met_now, failed_now;
	struct contig_answer answer;

	sum_latency(_metadata, "met", &met);
	sum_latency(_metadata, "failed", &failed);
	for (int i = 0; i < 7; i++)
		ASSERT_EQ(0, contig_ask(self->fd, &answer, "pages 1"));
	for (int i = 0; i < 3; i++)
		contig_ask(self->fd, &answer, "range 0x%lx 3 comp nowarn", self->start);
	sum_latency(_metadata, "met", &met_now);
	sum_latency(_metadata, "failed", &failed_now);
	EXPECT_EQ(met_now, met + 7);
	EXPECT_EQ(failed_now, failed + 3);
	ASSERT_EQ(0, run("latency"));
	EXPECT_NE(strstr(output, "contig_do_range+"), NULL);
	EXPECT_NE(strstr(output, " met, half of them in less than "), NULL);
	EXPECT_NE(strstr(output, " failed, half of them in less than "), NULL);
}

/* === While it happens === */

/* A request that fails every twentieth of a second, until it is stopped */
static pid_t start_requests(int fd, unsigned long start)
{
	struct contig_answer answer;
	pid_t child = fork();

	while (!child) {
		usleep(50 * 1000);
		contig_ask(fd, &answer, "range 0x%lx 3 comp nowarn", start);
	}
	return child;
}

static void stop_requests(struct __test_metadata *_metadata, pid_t child)
{
	ASSERT_GT(child, 0);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

/* An interval has some of the requests, and no more than there were. */
TEST_F_TIMEOUT(stat, live, TIMEOUT)
{
	double before = ask_json("stats", "reasons.BAD_REQUEST"), some;
	pid_t child = start_requests(self->fd, self->start);

	some = ask_json("live 2 1", "reasons.BAD_REQUEST");
	EXPECT_GT(some, 0);
	EXPECT_GE(json_number(output, "seconds"), 2);
	EXPECT_GT(json_number(output, "free_mb"), 0);
	EXPECT_EQ(0, run("live 1 2"));
	EXPECT_NE(strstr(output, " BAD_REQUEST="), NULL);
	EXPECT_NE(strstr(output, " free-MB "), NULL);
	stop_requests(_metadata, child);
	EXPECT_LE(some, ask_json("stats", "reasons.BAD_REQUEST") - before);
}

TEST_F_TIMEOUT(stat, events, TIMEOUT)
{
	pid_t child = start_requests(self->fd, self->start);

	EXPECT_EQ(ask_json("events 1", "error"), -EINVAL);
	EXPECT_TRUE(json_is(output, "event", "contig_fail"));
	EXPECT_TRUE(json_is(output, "reason", "BAD_REQUEST"));
	EXPECT_EQ(json_number(output, "start"), self->start);
	EXPECT_TRUE(json_is_null(output, "pfn"));
	EXPECT_EQ(0, run("events 2"));
	EXPECT_NE(strstr(output, " contig_fail "), NULL);
	stop_requests(_metadata, child);
	EXPECT_NE(0, system("ls -d /sys/kernel/tracing/instances/contigstat-* 2>/dev/null"));
}

/* === Complaints === */

TEST_F(stat, bad_arguments)
{
	EXPECT_TRUE(complains("", 2, "nonsense", "there is no command 'nonsense'"));
	EXPECT_TRUE(complains("", 2, "why", "contigstat why PFN"));
	EXPECT_TRUE(complains("", 2, "why 12x", "not '12x'"));
	EXPECT_TRUE(complains("", 2, "why 99999999999999999999", "not '9999"));
	EXPECT_TRUE(complains("", 2, "why 1 2", "contigstat why PFN"));
	EXPECT_TRUE(complains("", 2, "live 0", "0.01 to 3600 seconds"));
	EXPECT_TRUE(complains("", 2, "live 1 -1", "not '-1'"));
	EXPECT_TRUE(complains("", 2, "--color=red map", "not 'red'"));
	EXPECT_TRUE(complains("", 2, "--width=0 map", "not '0'"));
	EXPECT_TRUE(complains("", 2, "--svg stats", "only the map"));
	EXPECT_TRUE(complains("", 2, "--bogus", "'--bogus'"));
	EXPECT_TRUE(complains("", 1, "map Nowhere", "no zone 'Nowhere'"));
}

static bool as_nobody(void)
{
	return !setgid(65534) && !setuid(65534) &&
	       complains("", 1, "stats", "may be read by root only") &&
	       complains("", 1, "map", "may be read by root only") &&
	       complains("", 1, "events 1", "may be read by root only");
}

/* In a child, as there is no way back. */
TEST_F(stat, not_root)
{
	pid_t child = fork();
	int status;

	ASSERT_GE(child, 0);
	if (!child)
		_exit(!as_nobody());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(status, 0);
}

#define PRIVATELY	"unshare -m sh -c '%s && exec \"$@\"' sh"
#define WITHOUT_DEBUGFS	"umount -l /sys/kernel/debug"
#define WITHOUT_ENGINE	"mount -t tmpfs none /sys/kernel/debug/contig"

static const char *privately(const char *command)
{
	static char words[256];

	snprintf(words, sizeof(words), PRIVATELY, command);
	return words;
}

TEST_F(stat, kernel_without)
{
	const char *text = "debugfs is not mounted; try: mount -t debugfs ";

	EXPECT_TRUE(complains(privately(WITHOUT_DEBUGFS), 1, "stats", text));
	EXPECT_TRUE(complains(privately(WITHOUT_DEBUGFS), 1, "why 1", text));
	text = "this kernel is without the contiguous memory engine";
	EXPECT_TRUE(complains(privately(WITHOUT_ENGINE), 1, "stats", text));
	EXPECT_TRUE(complains(privately(WITHOUT_ENGINE), 1, "map", text));
}

TEST_HARNESS_MAIN
