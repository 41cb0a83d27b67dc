// SPDX-License-Identifier: GPL-2.0
/*
 * load: other people's memory, for tests of an engine that moves it.
 *
 * Fills the machine with anonymous memory, huge pages and page cache, all of it
 * under a pattern (pattern.h), keeps forking processes going, and keeps rewriting
 * pages at random while others move them. It never asks for contiguous memory.
 *
 * Protocol, on stdout, one line each: progress lines; "load: ready ..." once all
 * is in place; on SIGUSR1 the whole memory is checked and "load: checked N pages,
 * B bad" is printed; SIGTERM checks once more and ends the program. The exit code
 * is 0 only if not one byte was ever found damaged, 1 on damage, 2 on wrong use or
 * when the load could not be set up.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYSTANDER	"load"
#include "bystander.h"

#define HUGE		(2 * MB)
#define FILE_MB		16		/* size of each file that --make writes */
#define FILE_OWNER	0xf11eU		/* files outlive a run: no seed in them */
#define MAX_FILES	256
#define MAX_CHURN	64
#define TICK_MS		20		/* between two rounds of --touch */

/* Memory of one kind. gen[i] is the generation page i was last written with, 0: dropped. */
struct region {
	const char *name;
	uint64_t owner;
	char *base;
	size_t pages;
	uint8_t *gen;
};

/* A file of --make. Every other one is mapped, the rest is read through a buffer. */
struct cached_file {
	int fd;
	size_t pages;
	char *map;
};

static struct {
	unsigned long seed, anon, leave, holes, thp, churn, pause, touch, seconds;
	const char *dir;
	unsigned long make;
} opt = { .seed = 1, .pause = 1, .seconds = UNTIL_TOLD };

static struct region anon = { .name = "anon" }, thp = { .name = "thp" };
static struct cached_file files[MAX_FILES];
static unsigned int nr_files;
static pid_t churners[MAX_CHURN];
static unsigned long damaged;
static uint64_t random_state;

/* === Small helpers ======================================================= */

static uint64_t next_random(void)
{
	return random_after(&random_state);
}

static void progress(const char *what, const char *name, size_t done, size_t all)
{
	if (time_to_report())
		printf("load: %s %s %zu of %zu MB\n", what, name,
		       done / PAGES_PER_MB, all / PAGES_PER_MB);
}

/* The value of a line of /proc/meminfo or smaps_rollup, in MB. */
static unsigned long proc_mb(const char *path, const char *key)
{
	unsigned long kb = 0;
	char line[256];
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			kb = strtoul(line + strlen(key), NULL, 10);
	}
	fclose(f);
	return kb / 1024;
}

/* === Damage ============================================================== */

static void damage(const char *name, size_t index, int word, uint64_t found)
{
	if (damaged++ < 20)
		printf("load: DAMAGE in %s: page %zu word %d reads 0x%016llx\n",
		       name, index, word, (unsigned long long)found);
}

static void check_page(const char *name, const char *page, uint64_t owner,
		       size_t index, uint64_t gen)
{
	int word = pattern_check(page, owner, index, gen);
	uint64_t found;

	if (word < 0)
		return;
	memcpy(&found, page + word * sizeof(found), sizeof(found));
	damage(name, index, word, found);
}

/* === Anonymous memory, small and huge ==================================== */

static void write_page(struct region *r, size_t i, uint8_t gen)
{
	r->gen[i] = gen;
	pattern_fill(r->base + i * PATTERN_PAGE, r->owner, i, gen);
}

static void map_region(struct region *r, unsigned long mb, int advice)
{
	size_t size = mb * MB;
	char *p = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("map memory");
	r->base = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	r->pages = mb * PAGES_PER_MB;
	r->gen = calloc(r->pages ? r->pages : 1, 1);
	if (!r->gen)
		die("allocate the generation table");
	madvise(r->base, size, advice);
}

/* Back the MB from page @i on with memory, all at once: far cheaper than 256 faults. */
static void populate(struct region *r, size_t i)
{
	if (madvise(r->base + i * PATTERN_PAGE, MB, MADV_POPULATE_WRITE) && errno != EINVAL)
		die("fill memory");
}

/* --holes percent of the pages are dropped again, in pieces of 1 to 8 all over the MB. */
static void fill_mb(struct region *r, size_t first, unsigned long holes)
{
	size_t end = first + PAGES_PER_MB, len;

	populate(r, first);
	for (size_t i = first; i < end; i += len) {
		uint64_t x = next_random();

		len = 1 + x % 8;
		if (len > end - i)
			len = end - i;
		if ((x >> 8) % 100 < holes)
			continue;
		for (size_t k = i; k < i + len; k++)
			write_page(r, k, 1);
	}
}

/* Fill @r; stop early when less than --leave MB of memory are free. */
static void fill_region(struct region *r, unsigned long holes)
{
	for (size_t i = 0; i < r->pages; i += PAGES_PER_MB) {
		if (opt.leave && proc_mb("/proc/meminfo", "MemFree:") < opt.leave) {
			r->pages = i;
			break;
		}
		fill_mb(r, i, holes);
		progress("fills", r->name, i, r->pages);
	}
}

/*
 * Give the pages that were not written back, only now that the machine is full: so the
 * free memory is in small pieces all over it.
 */
static void punch_holes(struct region *r)
{
	size_t i = 0, start;

	while (i < r->pages) {
		for (start = i; i < r->pages && !r->gen[i]; i++)
			;
		if (i > start && madvise(r->base + start * PATTERN_PAGE,
					 (i - start) * PATTERN_PAGE, MADV_DONTNEED))
			die("drop pages");
		for (; i < r->pages && r->gen[i]; i++)
			;
		progress("punches holes into", r->name, i, r->pages);
	}
}

static size_t check_region(const struct region *r)
{
	size_t checked = 0;

	for (size_t i = 0; i < r->pages; i++) {
		if (!r->gen[i])
			continue;
		check_page(r->name, r->base + i * PATTERN_PAGE, r->owner, i, r->gen[i]);
		checked++;
		if (i % PAGES_PER_MB == 0)
			progress("checks", r->name, i, r->pages);
	}
	return checked;
}

/* Read one page at random, then write it anew: a move that loses the write is found. */
static void touch_page(struct region *r)
{
	size_t i;

	if (!r->pages)
		return;
	i = next_random() % r->pages;
	if (!r->gen[i])
		return;
	check_page(r->name, r->base + i * PATTERN_PAGE, r->owner, i, r->gen[i]);
	write_page(r, i, r->gen[i] == UINT8_MAX ? 1 : r->gen[i] + 1);
}

static void touch_some(void)
{
	for (unsigned long n = opt.touch * TICK_MS / 1000; n; n--)
		touch_page(next_random() % 4 ? &anon : &thp);
}

/* === Page cache ========================================================== */

static void make_file(const char *path, unsigned long pages, uint64_t owner)
{
	char page[PATTERN_PAGE];
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	for (unsigned long i = 0; i < pages; i++) {
		pattern_fill(page, owner, i, 0);
		if (fwrite(page, sizeof(page), 1, f) != 1)
			die(path);
	}
	if (fclose(f))
		die(path);
}

static int make_files(void)
{
	char path[4096];

	for (unsigned long n = 0; n < opt.make / FILE_MB; n++) {
		snprintf(path, sizeof(path), "%s/%03lu.pat", opt.dir, n);
		make_file(path, FILE_MB * PAGES_PER_MB, (uint64_t)FILE_OWNER + n);
	}
	return 0;
}

static void open_file(int dirfd, const char *name)
{
	unsigned long n = strtoul(name, NULL, 10);
	struct stat st;

	if (n >= MAX_FILES)
		return;
	files[n].fd = openat(dirfd, name, O_RDONLY);
	if (files[n].fd < 0 || fstat(files[n].fd, &st))
		die(name);
	files[n].pages = st.st_size / PATTERN_PAGE;
	if (n >= nr_files)
		nr_files = n + 1;
	if (n % 2)
		return;
	files[n].map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, files[n].fd, 0);
	if (files[n].map == MAP_FAILED)
		die(name);
}

static void open_files(void)
{
	DIR *dir = opendir(opt.dir);
	struct dirent *de;

	if (!dir)
		die(opt.dir);
	while ((de = readdir(dir))) {
		if (strstr(de->d_name, ".pat"))
			open_file(dirfd(dir), de->d_name);
	}
	closedir(dir);
	if (!nr_files) {
		errno = ENOENT;
		die("find files of --make");
	}
}

static const char *file_page(const struct cached_file *f, size_t i, char *buffer)
{
	if (f->map)
		return f->map + i * PATTERN_PAGE;
	if (pread(f->fd, buffer, PATTERN_PAGE, i * PATTERN_PAGE) != PATTERN_PAGE)
		die("read a file");
	return buffer;
}

static size_t check_file(unsigned int n)
{
	const struct cached_file *f = &files[n];
	char buffer[PATTERN_PAGE];

	for (size_t i = 0; i < f->pages; i++)
		check_page("file", file_page(f, i, buffer), (uint64_t)FILE_OWNER + n, i, 0);
	return f->pages;
}

static size_t check_files(void)
{
	size_t checked = 0;

	for (unsigned int n = 0; n < nr_files; n++) {
		checked += check_file(n);
		progress("reads", "files", checked, nr_files * FILE_MB * PAGES_PER_MB);
	}
	return checked;
}

/* === Processes that come and go ========================================== */

#define NOTHING		"--nothing"	/* what an exec'ed child does */
#define CHURN_SHARED	64	/* pages the child gets from its parent, copy on write */

/* What a short-lived process does; its exit code is the number of bad pages. */
static int churn_child(char *shared, uint64_t owner)
{
	size_t pages = 64 + next_random() % 960;
	char *p = mmap(NULL, pages * PATTERN_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int bad = 0;

	if (p == MAP_FAILED)
		return 0;
	for (size_t i = 0; i < pages; i++)
		pattern_fill(p + i * PATTERN_PAGE, owner, i, 7);
	for (size_t i = 0; i < CHURN_SHARED; i++)
		bad += pattern_check(shared + i * PATTERN_PAGE, owner, i, 0) >= 0;
	for (size_t i = 0; i < CHURN_SHARED; i += 2)
		pattern_fill(shared + i * PATTERN_PAGE, owner, i, 9);
	for (size_t i = 0; i < pages; i++)
		bad += pattern_check(p + i * PATTERN_PAGE, owner, i, 7) >= 0;
	munmap(p, pages * PATTERN_PAGE);
	return bad > 100 ? 100 : bad;
}

/* One of three children gives its memory back through exec instead of munmap. */
static void run_child(char *shared, uint64_t owner)
{
	int bad = churn_child(shared, owner);

	if (!bad && next_random() % 3 == 0)
		execl("/proc/self/exe", "load", NOTHING, (char *)NULL);
	_exit(bad);
}

static bool child_was_bad(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return false;
	/* memory may run out, and then somebody is killed */
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) != SIGKILL;
}

static void churn_forever(uint64_t owner)
{
	char *shared = mmap(NULL, CHURN_SHARED * PATTERN_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	random_state = owner;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (shared == MAP_FAILED)
		_exit(2);
	for (size_t i = 0; i < CHURN_SHARED; i++)
		pattern_fill(shared + i * PATTERN_PAGE, owner, i, 0);
	for (;;) {
		pid_t pid = fork();

		next_random();
		if (!pid)
			run_child(shared, owner);
		if (pid > 0 && child_was_bad(pid))
			_exit(1);
		usleep(opt.pause * 1000);
	}
}

static void start_churn(void)
{
	for (unsigned long n = 0; n < opt.churn; n++) {
		churners[n] = fork();
		if (churners[n] < 0)
			die("fork");
		if (!churners[n])
			churn_forever(opt.seed * 1000 + n);
	}
}

/* A churner only ends by itself when it found damage. */
static void check_churn(bool stop)
{
	for (unsigned long n = 0; n < opt.churn; n++) {
		int status = 0;

		if (!churners[n])
			continue;
		if (waitpid(churners[n], &status, WNOHANG) == churners[n]) {
			damage("churn", n, 0, status);
			churners[n] = 0;
		} else if (stop) {
			kill(churners[n], SIGKILL);
			waitpid(churners[n], &status, 0);
		}
	}
}

/* === Run ================================================================= */

static void check_all(bool stop)
{
	unsigned long before = damaged;
	size_t checked;

	check_churn(stop);
	checked = check_region(&anon) + check_region(&thp) + check_files();
	printf("load: checked %zu pages, %lu bad\n", checked, damaged - before);
}

static void build_load(void)
{
	unsigned long free_before = proc_mb("/proc/meminfo", "MemFree:");

	start_churn();
	map_region(&thp, opt.thp, MADV_HUGEPAGE);
	fill_region(&thp, 0);
	map_region(&anon, opt.anon, MADV_NOHUGEPAGE);
	fill_region(&anon, opt.holes);
	punch_holes(&anon);
	if (opt.dir) {
		open_files();
		check_files();
	}
	printf("load: ready: anon %lu MB, %lu MB of them huge; files %lu MB; free %lu, was %lu MB\n",
	       proc_mb("/proc/self/smaps_rollup", "Anonymous:"),
	       proc_mb("/proc/self/smaps_rollup", "AnonHugePages:"),
	       proc_mb("/proc/meminfo", "Cached:"),
	       proc_mb("/proc/meminfo", "MemFree:"), free_before);
}

static void check_when_asked(void)
{
	check_all(false);
}

static void usage(void)
{
	fputs("load: [--seed N] [--anon MB [--leave MB] [--holes PERCENT]] [--thp MB]\n"
	      "      [--file DIR] [--churn PROCESSES [--pause MS]] [--touch PAGES_PER_SECOND]\n"
	      "      [--seconds N]\n"
	      "load: --make MB --file DIR    write the files that --file DIR reads later\n",
	      stdout);
	exit(2);
}

static const struct option options[] = {
	{ "--seed", &opt.seed }, { "--anon", &opt.anon }, { "--leave", &opt.leave },
	{ "--holes", &opt.holes }, { "--thp", &opt.thp }, { "--churn", &opt.churn },
	{ "--pause", &opt.pause }, { "--touch", &opt.touch }, { "--seconds", &opt.seconds },
	{ "--make", &opt.make }, { "--file", .text = &opt.dir },
};

static void parse(int argc, char **argv)
{
	take_options(argc, argv, options, ARRAY_SIZE(options));
	if (opt.holes > 100 || opt.churn > MAX_CHURN || (opt.make && !opt.dir))
		usage();
}

int main(int argc, char **argv)
{
	const struct service service = { TICK_MS, check_when_asked, touch_some };
	sigset_t signals;

	if (argc == 2 && !strcmp(argv[1], NOTHING))
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	if (opt.make)
		return make_files();
	hold_signals(&signals);
	random_state = opt.seed;
	anon.owner = opt.seed * 2;
	thp.owner = opt.seed * 2 + 1;
	build_load();
	serve(&signals, opt.seconds, &service);
	check_all(true);
	return damaged ? 1 : 0;
}
