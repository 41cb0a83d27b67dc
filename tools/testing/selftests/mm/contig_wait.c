// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that wait, or do not, as they were told to: for a page that is let go, for
 * one that is not, for a block that another request empties, and until they are killed.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "contig_story.h"

static unsigned long long now_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * NSEC_PER_MSEC + ts.tv_nsec;
}

FIXTURE(wait)
{
	int fd;
	struct contig_zone zone;
};

FIXTURE_SETUP(wait)
{
	if (!contig_zone("Movable", &self->zone))
		SKIP(return, "no ZONE_MOVABLE, boot with movablecore=");
	self->fd = contig_open();
	ASSERT_TRUE(stay_here());
}

FIXTURE_TEARDOWN(wait)
{
	close(self->fd);
}

TEST_F_TIMEOUT(wait, timed_out, TIMEOUT)
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
TEST_F_TIMEOUT(wait, interrupted, TIMEOUT)
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
TEST_F_TIMEOUT(wait, lost_race, TIMEOUT)
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

struct let_go {
	struct held held;
	unsigned long long at;
};

static void *let_go_later(void *arg)
{
	struct let_go *later = arg;

	usleep(5000);
	later->at = now_nsec();
	let_go(&later->held);
	return NULL;
}

static void wait_for_pin(struct __test_metadata *_metadata, int fd,
			 const struct contig_zone *zone, bool file)
{
	struct contig_answer answer = {};
	unsigned long long ended;
	struct let_go later;
	pthread_t thread;

	for (int i = 0; i < TRIES; i++) {
		hold_page(_metadata, &later.held, zone, file);
		ASSERT_EQ(0, pthread_create(&thread, NULL, let_go_later, &later));
		EXPECT_EQ(0, contig_ask(fd, &answer, "range 0x%lx 1 hard nowarn",
					later.held.pfn));
		ended = now_nsec();
		pthread_join(thread, NULL);
		EXPECT_GE(ended, later.at);
		expect_intact(_metadata, &later.held, true);
		/* Less, if the page was let go before we had the CPU to ask. */
		if (answer.nsec >= 4 * NSEC_PER_MSEC)
			break;
	}
	EXPECT_GE(answer.nsec, 4 * NSEC_PER_MSEC);
	EXPECT_EQ(answer.moved, 1);
	EXPECT_STREQ(answer.reason, "NONE");
	EXPECT_STREQ(answer.kind, "none");
}

TEST_F_TIMEOUT(wait, hard_for_a_pin, TIMEOUT)
{
	wait_for_pin(_metadata, self->fd, &self->zone, false);
}

TEST_F_TIMEOUT(wait, hard_for_a_file, TIMEOUT)
{
	wait_for_pin(_metadata, self->fd, &self->zone, true);
}

/* The best of a few, as above; a busy machine takes its time as well. */
TEST_F_TIMEOUT(wait, noretry_does_not, TIMEOUT)
{
	struct want want = { -EBUSY, "PINNED", 0, "referenced" };
	unsigned long long best = -1ULL;
	struct contig_answer answer;
	struct held held;

	hold_page(_metadata, &held, &self->zone, false);
	want.pfn = held.pfn;
	for (int i = 0; i < 5; i++) {
		/* Of two that took as long each has to be seen. */
		ASSERT_TRUE(contig_trace_start(CONTIG_STORY));
		refuse(_metadata, self->fd, &answer, held.pfn, 1, " noretry", &want);
		if (answer.nsec < best)
			best = answer.nsec;
	}
	EXPECT_LT(best, 100 * NSEC_PER_MSEC);

	/* Whoever says nothing waits for half a millisecond. */
	refuse(_metadata, self->fd, &answer, held.pfn, 1, "", &want);
	EXPECT_GE(answer.nsec, 500 * NSEC_PER_USEC);
	TH_LOG("noretry %llu ns, default %llu ns", best, answer.nsec);
	expect_intact(_metadata, &held, false);
	let_go(&held);
}

int main(int argc, char **argv)
{
	return run_with_trace(argc, argv);
}
