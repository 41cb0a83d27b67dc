// SPDX-License-Identifier: GPL-2.0
/*
 * pins: pages that the kernel holds on to for a moment, over and over.
 *
 * Each thread picks some of its pages at random and has the kernel pin them, in one
 * of three ways:
 *
 *   vmsplice   into a pipe, which holds on to the very pages until it is read
 *   direct     read or write a file past the page cache; the disk says for how long
 *   uring      as fixed buffers of an io_uring. These are pins for a long time: the
 *              kernel first moves the pages out of CMA and ZONE_MOVABLE
 *
 * A page may not move while it is pinned. That is seen, and not just hoped for: half
 * of the pages in a pipe are written anew while they are in there, and the pipe has
 * to give the new words. Data that a disk put into a page that had moved away would
 * be missing just so.
 *
 *   --by WAY                 one of the above (vmsplice)
 *   --threads N              (1)
 *   --anon MB                of anonymous memory (8)
 *   --file PATH --file-mb N  a file of N (8) MB, made anew. vmsplice and uring pin
 *                            the pages of its mapping too; direct has to have it
 *   --min-us N --max-us N    how long a pin lasts (10 to 50000), as many short ones as
 *                            long ones; as long again the pages are left alone
 *   --seconds N              (until a signal comes)
 *   --seed N                 (1)
 *
 * Lines and exit status are as with load.c: "pins: ready ..." once all is in place;
 * SIGUSR1 and SIGTERM check every page: "pins: checked N pages, B bad"; 0 only if not one byte
 * was ever found damaged, 1 on damage, 2 if something else went wrong.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BYSTANDER	"pins"
#include "bystander.h"

#define MAX_THREADS	32
#define MAX_PIN		16UL		/* pages at once: what a pipe has room for */
#define SPIN_NS		100000		/* what is shorter than this is not slept */

/* What a page holds: it was written as page @index for the @gen-th time. */
struct stamp {
	unsigned int index;
	unsigned int gen;
};

/* Memory or a file; the pages from @base on, if it is mapped. */
struct region {
	const char *name;
	size_t pages;
	struct stamp *stamps;
	char *base;
};

/* The pages of a region that one thread has to itself. */
struct slice {
	struct region *region;
	size_t first;
	size_t pages;
};

struct worker {
	pthread_t thread;
	uint64_t random;
	unsigned int gen;
	struct slice anon, file;
	int pipe[2];
	int ring;
	char *buffer;
	unsigned long pins, pages;
};

static struct {
	unsigned long threads, anon, file_mb, min_us, max_us, seconds, seed;
	const char *file, *by;
} opt = {
	.threads = 1, .anon = 8, .file_mb = 8, .min_us = 10, .max_us = 50000,
	.seed = 1, .by = "vmsplice",
};

static struct region anon = { .name = "anon" }, file = { .name = "file" };
static struct worker workers[MAX_THREADS];
static int file_fd = -1;
static bool stop;
static unsigned long damaged;

/* Held for reading while pages are worked on, for writing while all are checked. */
static pthread_rwlock_t all_pages;

/* === Small helpers ======================================================= */

static unsigned long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* Which power of two comes first, so that each order of magnitude has its share. */
static unsigned long random_ns(struct worker *w)
{
	unsigned int powers = 1;
	unsigned long us;

	while (opt.min_us << powers < opt.max_us)
		powers++;
	us = opt.min_us << random_after(&w->random) % powers;
	us += random_after(&w->random) % us;
	return (us < opt.max_us ? us : opt.max_us) * 1000;
}

static void wait_ns(unsigned long ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };
	unsigned long end = now_ns() + ns;

	if (ns >= SPIN_NS)
		nanosleep(&ts, NULL);
	while (now_ns() < end)
		;
}

/* === Pages under a pattern =============================================== */

static char *page_of(const struct region *r, size_t i)
{
	return r->base + i * PATTERN_PAGE;
}

static void damage(const char *name, size_t index, int word, const void *page)
{
	unsigned long found;

	memcpy(&found, (const char *)page + word * sizeof(found), sizeof(found));
	if (__atomic_fetch_add(&damaged, 1, __ATOMIC_RELAXED) < 20)
		printf("pins: DAMAGE in %s: page %zu word %d reads 0x%016lx\n",
		       name, index, word, found);
}

/* Is @page, wherever it comes from, what page @i of @r was last written as? */
static void check_against(const char *name, const void *page, const struct region *r,
			  size_t i)
{
	struct stamp s = r->stamps[i];
	int word = pattern_check(page, opt.seed, s.index, s.gen);

	if (word >= 0)
		damage(name, i, word, page);
}

static void check_pages(const struct region *r, size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr; i++)
		check_against(r->name, page_of(r, i), r, i);
}

/* Never the same twice: generations are the thread's, indexes those of its pages. */
static void write_pages(struct worker *w, struct region *r, size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr; i++) {
		r->stamps[i].index = r == &file ? anon.pages + i : i;
		r->stamps[i].gen = ++w->gen;
		pattern_fill(page_of(r, i), opt.seed, r->stamps[i].index, w->gen);
	}
}

/* Some pages of @s in a row; returns the number of the first one. */
static size_t pick(struct worker *w, const struct slice *s, size_t nr)
{
	return s->first + random_after(&w->random) % (s->pages - nr + 1);
}

static size_t pick_size(struct worker *w)
{
	return 1 + random_after(&w->random) % (1UL << random_after(&w->random) % 5);
}

/* Memory that can be pinned: that of our own, or the file's mapping. */
static const struct slice *pick_slice(struct worker *w)
{
	return w->file.pages && random_after(&w->random) % 2 ? &w->file : &w->anon;
}

/* === By way of a pipe ==================================================== */

static void read_pipe(struct worker *w, size_t nr)
{
	size_t size = nr * PATTERN_PAGE;

	for (size_t done = 0; done < size; ) {
		ssize_t len = read(w->pipe[0], w->buffer + done, size - done);

		if (len <= 0)
			die("read a pipe");
		done += len;
	}
}

static size_t pin_by_vmsplice(struct worker *w)
{
	const struct slice *s = pick_slice(w);
	struct region *r = s->region;
	size_t nr = pick_size(w), i = pick(w, s, nr);
	struct iovec iov = { page_of(r, i), nr * PATTERN_PAGE };

	check_pages(r, i, nr);
	if (vmsplice(w->pipe[1], &iov, 1, 0) != (ssize_t)iov.iov_len)
		die("vmsplice");
	if (random_after(&w->random) % 2)
		write_pages(w, r, i, nr);
	wait_ns(random_ns(w));
	read_pipe(w, nr);
	for (size_t k = 0; k < nr; k++)
		check_against("pipe", w->buffer + k * PATTERN_PAGE, r, i + k);
	check_pages(r, i, nr);
	return nr;
}

/* === By way of fixed buffers ============================================= */

static size_t pin_by_uring(struct worker *w)
{
	const struct slice *s = pick_slice(w);
	size_t nr = pick_size(w), i = pick(w, s, nr);
	struct iovec iov = { page_of(s->region, i), nr * PATTERN_PAGE };

	check_pages(s->region, i, nr);
	if (syscall(SYS_io_uring_register, w->ring, IORING_REGISTER_BUFFERS, &iov, 1))
		die("register a buffer");
	write_pages(w, s->region, i, nr);
	wait_ns(random_ns(w));
	if (syscall(SYS_io_uring_register, w->ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		die("unregister a buffer");
	check_pages(s->region, i, nr);
	return nr;
}

static void make_ring(struct worker *w)
{
	struct io_uring_params params = {};

	w->ring = syscall(SYS_io_uring_setup, 4, &params);
	if (w->ring < 0)
		die("make an io_uring");
}

/* === By way of a disk ==================================================== */

static void write_file(size_t to, size_t from, size_t nr)
{
	ssize_t size = nr * PATTERN_PAGE;

	if (pwrite(file_fd, page_of(&anon, from), size, to * PATTERN_PAGE) != size)
		die("write the file");
	memcpy(&file.stamps[to], &anon.stamps[from], nr * sizeof(*file.stamps));
}

static void read_file(size_t from, size_t to, size_t nr)
{
	ssize_t size = nr * PATTERN_PAGE;

	if (pread(file_fd, page_of(&anon, to), size, from * PATTERN_PAGE) != size)
		die("read the file");
	memcpy(&anon.stamps[to], &file.stamps[from], nr * sizeof(*file.stamps));
}

static size_t pin_by_direct(struct worker *w)
{
	size_t nr = pick_size(w), i = pick(w, &w->anon, nr), k = pick(w, &w->file, nr);

	check_pages(&anon, i, nr);
	if (random_after(&w->random) % 2) {
		read_file(k, i, nr);
	} else {
		write_pages(w, &anon, i, nr);
		write_file(k, i, nr);
	}
	check_pages(&anon, i, nr);
	return nr;
}

static void check_file(void)
{
	char *buffer = workers[0].buffer;
	size_t size = MAX_PIN * PATTERN_PAGE;

	for (size_t i = 0; i < file.pages; i++) {
		if (i % MAX_PIN == 0 && pread(file_fd, buffer, size, i * PATTERN_PAGE) <= 0)
			die("read the file");
		check_against(file.name, buffer + i % MAX_PIN * PATTERN_PAGE, &file, i);
	}
}

/* === Run ================================================================= */

static const struct {
	const char *name;
	size_t (*pin)(struct worker *w);
} ways[] = {
	{ "vmsplice", pin_by_vmsplice }, { "uring", pin_by_uring }, { "direct", pin_by_direct },
};

static size_t (*pin)(struct worker *w);

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		pthread_rwlock_rdlock(&all_pages);
		w->pages += pin(w);
		w->pins++;
		pthread_rwlock_unlock(&all_pages);
		wait_ns(random_ns(w));
	}
	return NULL;
}

static void check_all(void)
{
	unsigned long before;

	pthread_rwlock_wrlock(&all_pages);
	before = damaged;
	check_pages(&anon, 0, anon.pages);
	if (file.base)
		check_pages(&file, 0, file.pages);
	else
		check_file();
	printf("pins: checked %zu pages, %lu bad\n", anon.pages + file.pages,
	       damaged - before);
	pthread_rwlock_unlock(&all_pages);
}

static void show_progress(const char *what)
{
	unsigned long pins = 0, pages = 0;

	for (size_t i = 0; i < opt.threads; i++) {
		pins += workers[i].pins;
		pages += workers[i].pages;
	}
	printf("pins: %s%lu pins of %lu pages by %s\n", what, pins, pages, opt.by);
}

static void tell_at_times(void)
{
	if (time_to_report())
		show_progress("");
}

static void run(const sigset_t *signals)
{
	const struct service service = { 1000, check_all, tell_at_times };

	printf("pins: ready: anon %lu MB, file %zu MB, by %s\n", opt.anon,
	       file.pages / PAGES_PER_MB, opt.by);
	for (size_t i = 0; i < opt.threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("start a thread");
	serve(signals, opt.seconds ?: UNTIL_TOLD, &service);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < opt.threads; i++)
		pthread_join(workers[i].thread, NULL);
	check_all();
	show_progress("in all ");
}

/* === Setting up ========================================================== */

static void make_region(struct region *r, unsigned long mb)
{
	r->pages = mb * PAGES_PER_MB;
	r->stamps = calloc(r->pages, sizeof(*r->stamps));
	if (!r->stamps)
		die("allocate the table of pages");
}

static struct slice slice_of(struct region *r, size_t number)
{
	size_t pages = r->pages / opt.threads;

	return (struct slice){ r, number * pages, pages };
}

static void make_file(bool direct)
{
	file_fd = open(opt.file, O_RDWR | O_CREAT | O_TRUNC | (direct ? O_DIRECT : 0), 0600);
	if (file_fd < 0 || ftruncate(file_fd, opt.file_mb * MB))
		die(opt.file);
	make_region(&file, opt.file_mb);
	if (!direct)
		file.base = map_memory(opt.file_mb * MB, PROT_READ | PROT_WRITE,
				       MAP_SHARED, file_fd);
}

/* In large pieces, and so fast: what the memory holds, again and again. */
static void fill_file(struct worker *w)
{
	size_t nr;

	for (size_t i = 0; i < w->file.pages; i += nr) {
		nr = w->file.pages - i < w->anon.pages ? w->file.pages - i : w->anon.pages;
		write_file(w->file.first + i, w->anon.first, nr);
	}
}

static void make_worker(struct worker *w, size_t number)
{
	w->random = opt.seed * 1000 + number;
	w->anon = slice_of(&anon, number);
	w->file = slice_of(&file, number);
	w->buffer = map_memory(MAX_PIN * PATTERN_PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (pipe(w->pipe))
		die("make a pipe");
	if (pin == pin_by_uring)
		make_ring(w);
	write_pages(w, &anon, w->anon.first, w->anon.pages);
	if (file.base)
		write_pages(w, &file, w->file.first, w->file.pages);
	else
		fill_file(w);
}

static void set_up(void)
{
	pthread_rwlockattr_t attr;

	/* who checks waits for one pin of each thread and not for ever */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&all_pages, &attr);
	make_region(&anon, opt.anon);
	anon.base = map_memory(opt.anon * MB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (opt.file)
		make_file(pin == pin_by_direct);
	for (size_t i = 0; i < opt.threads; i++)
		make_worker(&workers[i], i);
	/* what is left over belongs to no thread */
	anon.pages -= anon.pages % opt.threads;
	file.pages -= file.pages % opt.threads;
}

static void usage(void)
{
	fputs("pins: [--by vmsplice|direct|uring] [--threads N] [--anon MB] [--seed N]\n"
	      "      [--file PATH [--file-mb N]] [--min-us N] [--max-us N] [--seconds N]\n",
	      stdout);
	exit(2);
}

static const struct option options[] = {
	{ "--threads", &opt.threads }, { "--anon", &opt.anon }, { "--file-mb", &opt.file_mb },
	{ "--min-us", &opt.min_us }, { "--max-us", &opt.max_us },
	{ "--seconds", &opt.seconds }, { "--seed", &opt.seed },
	{ "--file", .text = &opt.file }, { "--by", .text = &opt.by },
};

static void parse(int argc, char **argv)
{
	take_options(argc, argv, options, ARRAY_SIZE(options));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(opt.by, ways[i].name))
			pin = ways[i].pin;
	if (!pin || !opt.threads || opt.threads > MAX_THREADS || !opt.min_us ||
	    opt.min_us > opt.max_us || (pin == pin_by_direct && !opt.file))
		usage();
	/* every thread has to have room for the largest pin */
	if (opt.anon * PAGES_PER_MB / opt.threads < MAX_PIN ||
	    opt.file_mb * PAGES_PER_MB / opt.threads < MAX_PIN)
		usage();
}

int main(int argc, char **argv)
{
	sigset_t signals;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	hold_signals(&signals);
	set_up();
	run(&signals);
	return damaged ? 1 : 0;
}
