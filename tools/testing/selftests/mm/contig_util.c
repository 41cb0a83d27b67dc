// SPDX-License-Identifier: GPL-2.0
/* What the contig_* tests share, see contig_util.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/posix_types.h>
#include <linux/stddef.h>
#include <linux/io_uring.h>

#include "contig_util.h"

#define MAX_ZONES	16
#define MAX_FAILURES	128	/* more than there should be */
#define TRIES		60	/* of a request that other people's work upsets */
#define TRY_USEC	20000

/* === The engine === */

/* A session of its own: closing it gives back what it holds. */
int contig_open(void)
{
	int fd = open(CONTIG_DIR "trigger", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_fail_msg("%strigger: %s\n", CONTIG_DIR, strerror(errno));
	return fd;
}

/* 0 or a negative errno. */
int contig_write(int fd, const void *command, size_t len)
{
	ssize_t done = write(fd, command, len);

	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -EIO;
}

static unsigned long contig_parse_pfn(const char *word)
{
	return strcmp(word, "none") ? strtoul(word, NULL, 16) : CONTIG_NO_PFN;
}

/* Of the last command, whoever gave it. */
void contig_read_answer(int fd, struct contig_answer *answer)
{
	char line[256], pfn[32];
	ssize_t len = pread(fd, line, sizeof(line) - 1, 0);

	if (len <= 0)
		ksft_exit_fail_msg("the trigger does not answer\n");
	line[len] = '\0';
	if (sscanf(line, "error=%d reason=%23s pfn=%31s start=0x%lx nr=%lu moved=%lu nsec=%llu",
		   &answer->error, answer->reason, pfn, &answer->start,
		   &answer->nr, &answer->moved, &answer->nsec) != 7 ||
	    sscanf(strstr(line, " kind=") ?: "", " kind=%23s", answer->kind) != 1)
		ksft_exit_fail_msg("the trigger's answer is '%s'\n", line);
	answer->pfn = contig_parse_pfn(pfn);
}

/* Run one command; the errno of write() and that of the answer must agree. */
int contig_ask(int fd, struct contig_answer *answer, const char *format, ...)
{
	char command[256];
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	err = contig_write(fd, command, strlen(command));
	contig_read_answer(fd, answer);
	if (answer->error != err)
		ksft_exit_fail_msg("'%s': write gave %d, the answer says %d\n",
				   command, err, answer->error);
	return err;
}

/* The same, for as long as somebody else's short work is in the way. */
int contig_ask_again(int fd, struct contig_answer *answer, const char *command)
{
	int err = -EBUSY;

	for (int i = 0; i < TRIES && err == -EBUSY; i++) {
		if (i)
			usleep(TRY_USEC);
		err = contig_ask(fd, answer, "%s", command);
	}
	if (err)
		ksft_print_msg("'%s': error=%d reason=%s pfn=0x%lx moved=%lu\n",
			       command, err, answer->reason, answer->pfn,
			       answer->moved);
	return err;
}

/* Take an exact range, with patience. */
int contig_take(int fd, struct contig_answer *answer, unsigned long start,
		unsigned long nr, const char *options)
{
	char command[128];

	snprintf(command, sizeof(command), "range 0x%lx %lu%s%s", start, nr,
		 *options ? " " : "", options);
	return contig_ask_again(fd, answer, command);
}

unsigned long contig_stat(const char *name)
{
	return contig_number(CONTIG_DIR "stats", name);
}

static FILE *contig_fopen(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	return file;
}

/* The caller may be in a module, whose name comes after a blank. */
static bool contig_parse_failure(const char *line, struct contig_failure *f)
{
	const char *caller = strstr(line, " caller="), *rest = strstr(line, " start=");
	const char *cost = strstr(line, " tried=");
	unsigned long long seconds;
	char start[32], pfn[32];
	unsigned int fraction;

	if (!caller || !rest || rest <= caller || !cost ||
	    sscanf(line, "time=%llu.%6u ", &seconds, &fraction) != 2 ||
	    sscanf(rest, " start=%31s nr=%lu error=%d reason=%23s pfn=%31s kind=%23s",
		   start, &f->nr, &f->error, f->reason, pfn, f->kind) != 6 ||
	    sscanf(cost, " tried=%lu moved=%lu usecs=%llu", &f->tried,
		   &f->moved, &f->usecs) != 3)
		return false;
	caller += strlen(" caller=");
	snprintf(f->caller, sizeof(f->caller), "%.*s", (int)(rest - caller), caller);
	f->time = seconds * 1000000 + fraction;
	f->start = contig_parse_pfn(start);
	f->pfn = contig_parse_pfn(pfn);
	return true;
}

/* All that the engine remembers, the oldest first; returns how many. */
size_t contig_failures(struct contig_failure *failures, size_t max)
{
	FILE *file = contig_fopen(CONTIG_DIR "failures");
	char line[512];
	size_t nr = 0;

	while (nr < max && fgets(line, sizeof(line), file))
		if (!contig_parse_failure(line, &failures[nr++]))
			ksft_exit_fail_msg("a line of failures is '%s'\n", line);
	fclose(file);
	return nr;
}

bool contig_last_failure(struct contig_failure *failure)
{
	static struct contig_failure all[MAX_FAILURES];
	size_t nr = contig_failures(all, MAX_FAILURES);

	if (nr)
		*failure = all[nr - 1];
	return nr;
}

/* === No memory === */

#define INJECT	"/sys/kernel/debug/fail_page_alloc/"

/*
 * Get ready to have all allocations of this process fail that are as large as
 * this. Returns what contig_inject() needs, or -1 if the kernel cannot do it.
 */
int contig_inject_start(unsigned int min_order)
{
	char order[16];

	snprintf(order, sizeof(order), "%u", min_order);
	if (!contig_write_file(INJECT "task-filter", "Y") ||
	    !contig_write_file(INJECT "ignore-gfp-wait", "N") ||
	    !contig_write_file(INJECT "ignore-gfp-highmem", "N") ||
	    !contig_write_file(INJECT "min-order", order) ||
	    !contig_write_file(INJECT "verbose", "0") ||
	    !contig_write_file(INJECT "times", "-1") ||
	    !contig_write_file(INJECT "probability", "100"))
		return -1;
	return open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
}

void contig_inject(int injection, bool fail)
{
	if (write(injection, fail ? "1" : "0", 1) != 1)
		ksft_exit_fail_msg("/proc/self/make-it-fail: %s\n", strerror(errno));
}

void contig_inject_stop(int injection)
{
	contig_write_file(INJECT "probability", "0");
	close(injection);
}

/* === Its events === */

#define INSTANCES	"/sys/kernel/tracing/instances/"

static bool contig_trace_write(const char *instance, const char *file,
			       const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s/%s", instance, file);
	return contig_write_file(path, text);
}

/* An instance that an earlier run left behind is emptied. */
bool contig_trace_start(const char *instance)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s", instance);
	return (!mkdir(path, 0700) || errno == EEXIST) &&
	       contig_trace_write(instance, "trace", "") &&
	       contig_trace_write(instance, "events/contig/enable", "1");
}

bool contig_trace_stop(const char *instance)
{
	char path[256];

	snprintf(path, sizeof(path), INSTANCES "%s", instance);
	return contig_trace_write(instance, "events/contig/enable", "0") &&
	       !rmdir(path);
}

/* How many lines have both in them. */
int contig_trace_count(const char *instance, const char *event,
		       const char *words)
{
	char path[256], line[512];
	int lines = 0;
	FILE *file;

	snprintf(path, sizeof(path), INSTANCES "%s/trace", instance);
	file = contig_fopen(path);
	while (fgets(line, sizeof(line), file))
		lines += strstr(line, event) && strstr(line, words);
	fclose(file);
	return lines;
}

/* What the request of this process got that was met after @before others. */
bool contig_trace_range(const char *instance, int before,
			struct contig_span *range)
{
	char path[256], line[512], task[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), INSTANCES "%s/trace", instance);
	snprintf(task, sizeof(task), "-%d ", getpid());
	file = contig_fopen(path);
	while (!found && fgets(line, sizeof(line), file)) {
		const char *event = strstr(line, "contig_finish: ");

		found = event && strstr(line, task) && !before-- &&
			sscanf(event, "contig_finish: start=0x%lx end=0x%lx",
			       &range->start, &range->end) == 2;
	}
	fclose(file);
	return found;
}

/* === The machine === */

/* The number behind the word @key in a file of such lines. */
unsigned long contig_number(const char *path, const char *key)
{
	FILE *file = contig_fopen(path);
	unsigned long value = 0;
	char word[64], line[256];

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %lu", word, &value) == 2 &&
		    !strcmp(word, key))
			break;
		value = 0;
	}
	fclose(file);
	return value;
}

bool contig_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, len) == len;
	close(fd);
	return ok;
}

static void contig_zone_line(const char *line, struct contig_zone *zone)
{
	unsigned long value;

	if (sscanf(line, " pages free %lu", &value) == 1)
		zone->free += value;
	else if (sscanf(line, " min %lu", &value) == 1 ||
		 sscanf(line, " boost %lu", &value) == 1)
		zone->min += value;
	else if (sscanf(line, " spanned %lu", &value) == 1)
		zone->end = value;
	else if (sscanf(line, " present %lu", &value) == 1)
		zone->present = value;
	else if (sscanf(line, " managed %lu", &value) == 1)
		zone->managed = value;
	else if (sscanf(line, " nr_free_cma %lu", &value) == 1)
		zone->free_cma = value;
	else if (sscanf(line, " count: %lu", &value) == 1)
		zone->pcp += value;
	else if (sscanf(line, " start_pfn: %lu", &value) == 1)
		zone->start = value;
}

/* All zones that have pages; returns how many. */
int contig_zones(struct contig_zone *zones, int max)
{
	FILE *file = contig_fopen("/proc/zoneinfo");
	struct contig_zone *zone = NULL;
	char line[256], name[16];
	int nr = 0;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %*d, zone %15s", name) == 1) {
			if (nr && !zones[nr - 1].present)
				nr--;
			if (nr == max)
				break;
			zone = &zones[nr++];
			memset(zone, 0, sizeof(*zone));
			memcpy(zone->name, name, sizeof(zone->name));
		} else if (zone) {
			contig_zone_line(line, zone);
		}
	}
	fclose(file);
	if (nr && !zones[nr - 1].present)
		nr--;
	for (int i = 0; i < nr; i++) {
		zones[i].end += zones[i].start;
		zones[i].free += zones[i].pcp;
	}
	return nr;
}

bool contig_zone(const char *name, struct contig_zone *zone)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);

	for (int i = 0; i < nr; i++) {
		if (!strcmp(zones[i].name, name)) {
			*zone = zones[i];
			return true;
		}
	}
	return false;
}

/*
 * Types of pageblocks. Isolated and CMA blocks are counted over all zones. The
 * kernel itself turns other blocks around as it needs them, but not those of
 * ZONE_MOVABLE.
 */
struct contig_blocks contig_blocks(void)
{
	FILE *file = contig_fopen("/proc/pagetypeinfo");
	struct contig_blocks blocks = {};
	unsigned long type[6];
	char line[512], name[16];
	bool table = false;

	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "Number of blocks")) {
			table = true;
			if (!strstr(line, "CMA") || !strstr(line, "Isolate"))
				ksft_exit_fail_msg("no block types CMA and Isolate\n");
		}
		if (!table || sscanf(line, "Node %*d, zone %15s %lu %lu %lu %lu %lu %lu",
				     name, &type[0], &type[1], &type[2],
				     &type[3], &type[4], &type[5]) != 7)
			continue;
		blocks.cma += type[4];
		blocks.isolated += type[5];
		if (!strcmp(name, "Movable"))
			blocks.movable += type[1];
	}
	fclose(file);
	return blocks;
}

/* Somebody else may be at work just now, so have some patience. */
bool contig_same_blocks(const struct contig_blocks *before)
{
	struct contig_blocks now;

	for (int i = 0; i < TRIES; i++) {
		now = contig_blocks();
		if (!memcmp(&now, before, sizeof(now)))
			return true;
		usleep(TRY_USEC);
	}
	ksft_print_msg("isolated blocks %lu, were %lu; CMA %lu, %lu; movable %lu, %lu\n",
		       now.isolated, before->isolated, now.cma, before->cma,
		       now.movable, before->movable);
	return false;
}

/* Of all zones, with what is on the lists of each CPU. */
unsigned long contig_free_pages(void)
{
	struct contig_zone zones[MAX_ZONES];
	unsigned long sum = 0;
	int nr;

	/* folds the counters of each CPU */
	contig_write_file("/proc/sys/vm/stat_refresh", "1");
	nr = contig_zones(zones, MAX_ZONES);
	for (int i = 0; i < nr; i++)
		sum += zones[i].free;
	return sum;
}

/* Of all zones, on the lists of each CPU. They leave them at any time. */
unsigned long contig_pcp_pages(void)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	unsigned long sum = 0;

	for (int i = 0; i < nr; i++)
		sum += zones[i].pcp;
	return sum;
}

/* A signal takes its time, and what a process was in the middle of, too. */
static void contig_settle(void)
{
	unsigned long before = contig_free_pages();

	for (int tries = 0, same = 0; tries < TRIES / 2 && same < 3; tries++) {
		unsigned long now;

		usleep(2 * TRY_USEC);
		now = contig_free_pages();
		same = now - before + 4 <= 8 ? same + 1 : 0;
		before = now;
	}
}

/* Stop those who keep the machine busy, or let them go on. */
void contig_quiet(bool quiet)
{
	const char *group = getenv("CONTIG_LOAD");

	if (group && atoi(group) > 1)
		kill(-atoi(group), quiet ? SIGSTOP : SIGCONT);
	if (quiet)
		contig_settle();
}

static bool contig_read_words(const char *path, unsigned long pfn, size_t nr,
			      uint64_t *words)
{
	size_t size = nr * sizeof(*words), done = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && done < size) {
		ssize_t len = pread(fd, (char *)words + done, size - done,
				    pfn * sizeof(*words) + done);
		if (len <= 0)
			break;
		done += len;
	}
	if (fd >= 0)
		close(fd);
	return done == size;
}

/* /proc/kpageflags of @nr pages */
bool contig_flags(unsigned long pfn, size_t nr, uint64_t *flags)
{
	return contig_read_words("/proc/kpageflags", pfn, nr, flags);
}

uint64_t contig_flags_of(unsigned long pfn)
{
	uint64_t flags;

	if (!contig_flags(pfn, 1, &flags))
		ksft_exit_fail_msg("no page flags of PFN 0x%lx\n", pfn);
	return flags;
}

/* How often a page is mapped. */
unsigned long contig_count_of(unsigned long pfn)
{
	uint64_t count;

	if (!contig_read_words("/proc/kpagecount", pfn, 1, &count))
		ksft_exit_fail_msg("no count of PFN 0x%lx\n", pfn);
	return count;
}

/* The area that the command "cma" allocates from; empty if there is none. */
struct contig_span contig_cma_area(void)
{
	struct contig_span span = {};
	FILE *file = fopen("/sys/kernel/debug/cma/reserved/base_pfn", "r");
	unsigned long start = 0, count = 0;

	if (!file)
		return span;
	if (fscanf(file, "%lu", &start) != 1)
		start = 0;
	fclose(file);
	file = contig_fopen("/sys/kernel/debug/cma/reserved/count");
	if (fscanf(file, "%lu", &count) != 1)
		count = 0;
	fclose(file);
	span.start = start;
	span.end = start + count;
	return span;
}

/* The first @nr pages of a zone, @align-ed, that the kernel did not keep at boot. */
struct contig_span contig_movable_span(const struct contig_zone *zone,
				       unsigned long nr, unsigned long align)
{
	uint64_t bad = CONTIG_PG_RESERVED | CONTIG_PG_NOPAGE | CONTIG_PG_SLAB |
		       CONTIG_PG_TABLE;
	unsigned long start = (zone->start + align - 1) / align * align;
	unsigned long pfn = start;
	uint64_t flags[512];

	while (pfn < zone->end && pfn - start < nr) {
		size_t step = zone->end - pfn < 512 ? zone->end - pfn : 512;

		if (!contig_flags(pfn, step, flags))
			break;
		for (size_t i = 0; i < step; i++)
			if (flags[i] & bad)
				start = (pfn + i + align) / align * align;
		pfn += step;
		if (start > pfn)
			pfn = start;
	}
	if (pfn - start < nr)
		start = 0;
	return (struct contig_span){ start, start ? start + nr : 0 };
}

/*
 * Pages of a span that hold user memory only which belong to nobody: neither
 * free nor mapped nor cached. Those on per-CPU lists look like that, too, so
 * their number is taken off.
 */
long contig_nobodys_pages(struct contig_span span)
{
	uint64_t known = CONTIG_PG_BUDDY | CONTIG_PG_LRU | CONTIG_PG_ANON |
			 CONTIG_PG_MAPPED | CONTIG_PG_HUGETLB |
			 CONTIG_PG_NOPAGE | CONTIG_PG_HEAD | CONTIG_PG_TAIL |
			 CONTIG_PG_RESERVED | CONTIG_PG_SWAPBACKED |
			 CONTIG_PG_OFFLINE | CONTIG_PG_UPTODATE;
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	uint64_t flags[512];
	long lost = 0;

	for (unsigned long pfn = span.start; pfn < span.end; pfn += 512) {
		size_t step = span.end - pfn < 512 ? span.end - pfn : 512;

		if (!contig_flags(pfn, step, flags))
			ksft_exit_fail_msg("no page flags of PFN 0x%lx\n", pfn);
		for (size_t i = 0; i < step; i++)
			lost += !(flags[i] & known);
	}
	for (int i = 0; i < nr; i++)
		if (zones[i].start < span.end && span.start < zones[i].end)
			lost -= zones[i].pcp;
	return lost;
}

/* Above 0: the number of pages that nobody has any more. */
long contig_lost_pages(struct contig_span span)
{
	long lost = 0;

	for (int i = 0; i < TRIES; i++) {
		lost = contig_nobodys_pages(span);
		if (lost <= 0)
			break;
		usleep(TRY_USEC);
	}
	return lost;
}

/* Pages in a pageblock. */
unsigned long contig_block_pages(void)
{
	FILE *file = contig_fopen("/proc/pagetypeinfo");
	unsigned long nr = 0;
	char line[256];

	while (!nr && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pages per block: %lu", &nr) != 1)
			nr = 0;
	fclose(file);
	if (!nr)
		ksft_exit_fail_msg("no size of a pageblock\n");
	return nr;
}

/* The next page from @pfn on with all of @flags, or 0; of each @step 256 pages count. */
static unsigned long find_page_by(unsigned long pfn, uint64_t flags,
				  unsigned long step)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	uint64_t words[256];

	for (int z = 0; z < nr; z++) {
		if (pfn < zones[z].start)
			pfn = zones[z].start;
		for (; pfn < zones[z].end; pfn += step) {
			if (!contig_flags(pfn, 256, words))
				break;
			for (size_t i = 0; i < 256; i++)
				if ((words[i] & flags) == flags)
					return pfn + i;
		}
	}
	return 0;
}

unsigned long contig_find_page(unsigned long pfn, uint64_t flags)
{
	return find_page_by(pfn, flags, 256);
}

/* Most kinds are all over the place: it takes long to look at each page. */
unsigned long contig_find_any_page(unsigned long pfn, uint64_t flags)
{
	unsigned long found = find_page_by(pfn, flags, 4096);

	return found ? found : find_page_by(pfn, flags, 256);
}

/* Of what comes in whole blocks: the first such page, or 0. */
unsigned long contig_find_block(uint64_t flags)
{
	struct contig_zone zones[MAX_ZONES];
	int nr = contig_zones(zones, MAX_ZONES);
	unsigned long step = contig_block_pages();

	for (int z = 0; z < nr; z++) {
		unsigned long pfn = (zones[z].start + step - 1) / step * step;

		for (; pfn < zones[z].end; pfn += step)
			if ((contig_flags_of(pfn) & flags) == flags)
				return pfn;
	}
	return 0;
}

/* === Memory of ours === */

/* A multiplicative congruential generator; its high bits are the good ones. */
uint64_t contig_random(uint64_t *state)
{
	*state = *state * 0xd1342543de82ef95ULL + 0x2545f4914f6cdd1dULL;
	return *state >> 24;
}

static uint64_t contig_word(const struct contig_memory *mem, size_t i)
{
	return (mem->seed + 1) * 0xff51afd7ed558ccdULL ^ (i + 1) * 0xc4ceb9fe1a85ec53ULL;
}

void contig_fill_page(const struct contig_memory *mem, size_t i)
{
	uint64_t *word = (uint64_t *)(mem->map + i * psize());
	uint64_t value = contig_word(mem, i);

	for (size_t k = 0; k < psize() / sizeof(*word); k++)
		word[k] = value + k;
}

void contig_fill(const struct contig_memory *mem)
{
	for (size_t i = 0; i < mem->nr; i++)
		contig_fill_page(mem, i);
}

bool contig_page_is_intact(const struct contig_memory *mem, size_t i)
{
	const uint64_t *word = (const uint64_t *)(mem->map + i * psize());
	uint64_t value = contig_word(mem, i);

	for (size_t k = 0; k < psize() / sizeof(*word); k++)
		if (word[k] != value + k)
			return false;
	return true;
}

/* The number of the first page that is not as it was written, or -1. */
long contig_first_damage(const struct contig_memory *mem)
{
	for (size_t i = 0; i < mem->nr; i++)
		if (!contig_page_is_intact(mem, i))
			return i;
	return -1;
}

/* Where page @i is, or CONTIG_NO_PFN if it has no memory. */
unsigned long contig_pfn(const struct contig_memory *mem, size_t i)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned long pfn = pagemap_get_pfn(fd, mem->map + i * psize());

	close(fd);
	return pfn;
}

/* The first page from @from on that lies in @span, or -1. */
long contig_index_in(const struct contig_memory *mem, size_t from,
		     struct contig_span span)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	long found = -1;

	for (size_t i = from; i < mem->nr && found < 0; i++) {
		unsigned long pfn = pagemap_get_pfn(fd, mem->map + i * psize());

		if (pfn != CONTIG_NO_PFN && pfn >= span.start && pfn < span.end)
			found = i;
	}
	close(fd);
	return found;
}

/* The reference of a pipe: a page that was spliced stays where it is. */
bool contig_pin_by_pipe(void *page, int pipe_fds[2])
{
	struct iovec iov = { page, psize() };

	return !pipe(pipe_fds) && vmsplice(pipe_fds[1], &iov, 1, 0) == psize();
}

/* A buffer registered for io_uring is pinned for DMA, out of ZONE_MOVABLE. */
int contig_pin_by_ring(void *page)
{
	struct io_uring_params params = {};
	struct iovec iov = { page, psize() };
	int ring = syscall(__NR_io_uring_setup, 1, &params);

	if (ring >= 0 && syscall(__NR_io_uring_register, ring,
				 IORING_REGISTER_BUFFERS, &iov, 1))
		return -1;
	return ring;
}
