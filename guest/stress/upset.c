// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs and blocks of memory that go and come back, a process that eats what memory is
 * left, a host that wants its memory back (virtio-mem, over QEMU's monitor on the
 * port "qmp"), and others that move pages: compaction, huge pages made of small ones,
 * pages that turn out to be bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../monitor.h"
#include "stress.h"

#define MAX_PATHS	64
#define AWAY_US		200000
#define REST_US		300000
#define OFFLINE_S	3	/* how long somebody may try to take a block away */
#define BLOCK_TRIES	4	/* how many blocks he tries */
#define HOG_S		90	/* how long it may eat; a checkpoint waits for it */
#define ASK_S		5	/* it may not be known as the one to be killed yet */
#define HUGE_SIZE	(2UL << 20)
#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#define PLUG_MB		256	/* of the device; at rest all of it is plugged */
#define BLOCK_MB	128
#define SETTLE_TRIES	600

static char cpus[MAX_PATHS][64], blocks[MAX_PATHS][64];
static unsigned int nr_cpus, nr_blocks;
static int monitor = -1;
static bool blocks_stay;	/* none of virtio-mem goes as a whole */
static unsigned int upset_slot;

static int write_number(const char *dir, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return contig_write_file(path, text) ? 0 : -errno;
}

bool reads_as(const char *dir, const char *file, const char *text)
{
	char path[128], word[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	if (f && fscanf(f, "%31s", word) != 1)
		word[0] = '\0';
	if (f)
		fclose(f);
	return !strcmp(word, text);
}

static void end_call(unsigned int slot, unsigned long start, unsigned long nr, double began,
		     int error)
{
	struct contig_answer answer = {
		.reason = "-", .error = error, .pfn = CONTIG_NO_PFN, .start = start, .nr = nr,
		.nsec = (now() - began) * 1e9,
	};

	call_ends(slot, &answer, !error);
}

/* === CPUs === */

static void bring_back(const char *dir, const char *text)
{
	for (int tries = 0; tries < 50 && !reads_as(dir, "online", "1"); tries++) {
		if (!write_number(dir, strstr(dir, "memory") ? "state" : "online", text))
			return;
		usleep(20000);
	}
}

static void cpu_goes_and_comes(unsigned int slot, uint64_t *random)
{
	const char *cpu = cpus[contig_random(random) % nr_cpus];
	double began = now();
	int err;

	call_begins(slot, CPU);
	err = write_number(cpu, "online", "0");
	usleep(contig_random(random) % AWAY_US);
	bring_back(cpu, "1");
	end_call(slot, 0, 0, began, err);
}

/* === Blocks of memory === */

static unsigned long first_pfn(const char *block)
{
	static unsigned long pages;
	unsigned long index;
	FILE *f;

	if (!pages) {
		f = fopen("/sys/devices/system/memory/block_size_bytes", "r");
		if (!f || fscanf(f, "%lx", &pages) != 1)
			pages = 0;
		if (f)
			fclose(f);
		pages /= 4096;
	}
	index = strtoul(strrchr(block, 'y') + 1, NULL, 10);
	return index * pages;
}

unsigned long block_pages(void)
{
	return first_pfn("memory1");
}

/* In a long run all that is tried has to work once, be the machine slow. */
static double patience(unsigned int seconds)
{
	return opt.seconds < ENOUGH_S ? seconds : 4 * seconds;
}

/*
 * Blocks that somebody evacuates are refused at once. It is given up after a while:
 * somebody may hold a page of it for good.
 */
static int take_away(const char *block)
{
	struct itimerval alarm = { .it_value.tv_sec = patience(OFFLINE_S),
				   .it_interval.tv_usec = 100000 }, none = {};
	double end = now() + patience(OFFLINE_S);
	int err;

	setitimer(ITIMER_REAL, &alarm, NULL);
	do
		err = write_number(block, "state", "offline");
	while (err == -EBUSY && now() < end && !is_over());
	setitimer(ITIMER_REAL, &none, NULL);
	return err;
}

/* One of which nobody has a page: nobody here would give it away. */
static const char *find_block(uint64_t *random)
{
	unsigned int first = contig_random(random) % nr_blocks;
	const char *block;

	for (unsigned int i = 0; i < nr_blocks; i++) {
		block = blocks[(first + i) % nr_blocks];
		if (!ledger_owned(first_pfn(block), block_pages()))
			return block;
	}
	return blocks[first];
}

/* The load holds pages as well; what it has of one block is no more than a guess. */
static int take_some_away(uint64_t *random, const char **block)
{
	int err = -EBUSY;

	for (unsigned int i = 0; i < BLOCK_TRIES && err && !is_over(); i++) {
		*block = find_block(random);
		err = take_away(*block);
	}
	return err;
}

static void block_goes_and_comes(unsigned int slot, uint64_t *random)
{
	unsigned long start, nr = block_pages(), owned;
	const char *block = blocks[0];
	double began = now();
	int err;

	call_begins(slot, BLOCK);
	err = take_some_away(random, &block);
	start = first_pfn(block);
	if (!err) {
		owned = ledger_owned(start, nr);
		if (owned)
			it_is_wrong(OWNER, "PFN 0x%lx is offline, but somebody has it", owned);
		usleep(contig_random(random) % AWAY_US);
		bring_back(block, "online_movable");
	}
	end_call(slot, start, nr, began, err);
}

/* === No memory === */

static void eat(void)
{
	const size_t step = 64 << 20;
	char *map;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	contig_write_file("/proc/self/oom_score_adj", "1000");
	for (;;) {
		map = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (map == MAP_FAILED)
			break;
		madvise(map, step, MADV_HUGEPAGE);	/* there is not much time */
		for (size_t at = 0; at < step; at += 4096)
			map[at] = 1;
	}
	_exit(0);
}

/*
 * Who is only killed has his memory for a while yet and cannot be found by it any more:
 * nobody else may be killed here, so that the kernel would panic. A victim of its own
 * it waits for.
 */
static void have_it_killed(void)
{
	contig_write_file("/proc/sysrq-trigger", "f");
}

/* It dies of it, or is killed a while later; true if of it. */
static bool dies_of_it(pid_t pid)
{
	double end = now() + patience(HOG_S), last = 0;

	while (!waitpid(pid, NULL, WNOHANG)) {
		if ((now() > end || is_over()) && now() > last + ASK_S) {
			have_it_killed();
			last = now();
		}
		if (now() > end + patience(HOG_S))
			kill(pid, SIGKILL);
		usleep(10000);
	}
	return !last;
}

static void memory_runs_out(unsigned int slot)
{
	unsigned long before = contig_number("/proc/vmstat", "oom_kill");
	double began = now();
	bool died = false;
	pid_t pid;

	call_begins(slot, OOM);
	fflush(stdout);
	pid = fork();
	if (!pid)
		eat();
	if (pid > 0)
		died = dies_of_it(pid);
	before = contig_number("/proc/vmstat", "oom_kill") - before;
	end_call(slot, 0, before, began, died && before ? 0 : -EAGAIN);
}

/* === Others that move pages === */

static void memory_is_compacted(unsigned int slot)
{
	double began = now();
	bool good;

	call_begins(slot, COMPACT);
	good = contig_write_file("/proc/sys/vm/compact_memory", "1");
	end_call(slot, 0, 0, began, good ? 0 : -errno);
}

/* The small pages of a stretch of @HUGE_SIZE bytes become a large one, if all goes well. */
static void pages_become_one(unsigned int slot, uint64_t *random)
{
	unsigned char mark = contig_random(random), *huge;
	double began = now();
	void *map;
	int err = 0;

	call_begins(slot, COLLAPSE);
	map = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	if (map == MAP_FAILED) {
		end_call(slot, 0, 0, began, -errno);
		return;
	}
	huge = (unsigned char *)(((uintptr_t)map + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	memset(huge, mark, HUGE_SIZE);
	if (madvise(huge, HUGE_SIZE, MADV_COLLAPSE))
		err = -errno;
	for (size_t at = 0; at < HUGE_SIZE; at++)
		if (huge[at] != mark) {
			it_is_wrong(CONTENT, "a huge page has 0x%x at 0x%zx, not 0x%x",
				    huge[at], at, mark);
			break;
		}
	munmap(map, 2 * HUGE_SIZE);
	end_call(slot, 0, HUGE_SIZE / 4096, began, err);
}

static bool is_good_again(unsigned long pfn)
{
	char number[24];

	snprintf(number, sizeof(number), "%lu", pfn);
	for (int tries = 0; tries < SETTLE_TRIES; tries++) {
		if (contig_write_file(UNPOISON, number))
			return true;
		usleep(10000);
	}
	return false;
}

/* What is on a page that is taken for bad moves away; then all was a mistake. */
static void page_turns_bad(unsigned int slot)
{
	static int pagemap = -1;
	double began = now();
	unsigned long pfn;
	bool bad;
	char *page;

	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (page == MAP_FAILED)
		return;
	call_begins(slot, POISON);
	*page = 'x';
	pfn = pagemap_get_pfn(pagemap, page);
	bad = pfn != -1UL && !madvise(page, 4096, MADV_SOFT_OFFLINE) &&
	      pagemap_get_pfn(pagemap, page) != pfn;
	if (bad && !is_good_again(pfn))
		it_is_wrong(MACHINE, "PFN 0x%lx stays bad", pfn);
	if (*page != 'x')
		it_is_wrong(CONTENT, "a page that moved away from a bad one is another");
	munmap(page, 4096);
	end_call(slot, pfn, 1, began, bad ? 0 : -EAGAIN);
}

/* === The host === */

/* As much as a checkpoint can count on: part of it may lie in this block or in that. */
static void settle(void)
{
	unsigned long mb = ~0UL;

	if (monitor < 0 || monitor_request_mb(monitor, PLUG_MB))
		return;
	for (int tries = 0; tries < SETTLE_TRIES && mb != PLUG_MB; tries++) {
		usleep(100000);
		mb = monitor_plugged_mb(monitor);
		shared->slots[upset_slot].calls++;
	}
	if (mb != PLUG_MB)
		it_is_wrong(MACHINE, "virtio-mem has %lu MB, not %u", mb, PLUG_MB);
}

static void host_changes_its_mind(unsigned int slot, uint64_t *random)
{
	unsigned long least = blocks_stay ? PLUG_MB - BLOCK_MB + 2 : 0;
	unsigned long mb = least + contig_random(random) % ((PLUG_MB - least) / 2 + 1) * 2;
	double began = now();

	call_begins(slot, PLUG);
	end_call(slot, 0, mb * PAGES_PER_MB, began,
		 monitor_request_mb(monitor, mb));
}

/* === All of them === */

static unsigned int find_paths(const char *pattern, char (*paths)[64],
			       bool (*fits)(const char *path))
{
	unsigned int nr = 0;
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && nr < MAX_PATHS; i++)
		if (fits(found.gl_pathv[i]))
			snprintf(paths[nr++], sizeof(*paths), "%s", found.gl_pathv[i]);
	globfree(&found);
	return nr;
}

static bool can_go(const char *cpu)
{
	return reads_as(cpu, "online", "1");
}

static bool is_movable(const char *block)
{
	return reads_as(block, "valid_zones", "Movable");
}

/*
 * Who writes to a block's file holds it and locks memory hotplug, who removes a block locks
 * that and waits for the file. What keeps the two apart is a lock that is only tried, which
 * lockdep does not count: where it is, there is one of them or the other, by seed.
 */
static void spare_lockdep(void)
{
	if (access("/proc/lockdep_stats", F_OK))
		return;
	blocks_stay = opt.seed % 2;
	if (!blocks_stay)
		nr_blocks = 0;
	ksft_print_msg("lockdep: %s\n", blocks_stay ? "no block is removed" :
		       "no block goes but with virtio-mem");
	fflush(stdout);
}

static void ignore(int signal)
{
}

static void upset_something(unsigned int slot, uint64_t *random)
{
	unsigned long kind = contig_random(random) % 12;

	if (kind < 2 && nr_cpus)
		cpu_goes_and_comes(slot, random);
	else if (kind < 4 && nr_blocks)
		block_goes_and_comes(slot, random);
	else if (kind < 5)
		memory_runs_out(slot);
	else if (kind < 6)
		memory_is_compacted(slot);
	else if (kind < 8)
		pages_become_one(slot, random);
	else if (kind < 9 && !access(UNPOISON, W_OK))
		page_turns_bad(slot);
	else if (monitor >= 0)
		host_changes_its_mind(slot, random);
}

void upset_until_told(unsigned int slot)
{
	struct sigaction action = { .sa_handler = ignore };
	uint64_t random = first_random(slot);

	upset_slot = slot;
	sigaction(SIGALRM, &action, NULL);
	nr_cpus = find_paths("/sys/devices/system/cpu/cpu[0-9]*", cpus, can_go);
	nr_blocks = find_paths("/sys/devices/system/memory/memory[0-9]*", blocks, is_movable);
	monitor = monitor_open();
	spare_lockdep();
	while (!is_over()) {
		upset_something(slot, &random);
		usleep(contig_random(&random) % REST_US);
		if (__atomic_load_n(&shared->pause, __ATOMIC_ACQUIRE))
			settle();
		stand_still_if_told(slot);
	}
}
