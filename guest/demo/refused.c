// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that have to fail: each names a range with one thing in it that nobody can
 * move, or no range at all. The engine must say why, name the page that is in the way,
 * and must not have moved anybody's page before it found out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "demo.h"

#define REACH		300	/* pages asked for on each side of the one in the way */
#define GOOD_RANGE	64	/* pages, enough to have something in it to be moved */
#define LOW_PAGES	4096	/* the first 16 MB are odd in many ways */
#define LOOK_AT		4096	/* pages of a kind, before the first one has to do */
#define TRIES		8	/* others do not hold still while we ask */

static int ring = -1, pipe_fds[2] = { -1, -1 };

/* What a refusal has to look like; no pfn: no page is to blame. */
struct refusal {
	int error;
	const char *reason;
	unsigned long pfn;
	bool has_pfn;
};

static bool as_expected(const struct row *row, const struct refusal *want)
{
	return row->error == want->error && !strcmp(row->reason, want->reason) &&
	       row->has_pfn == want->has_pfn && (!want->has_pfn || row->pfn == want->pfn);
}

/*
 * The neighbours of the page in the way are others' and movable, but a process that forks
 * or exits holds its pages for a moment, and the engine may meet such a page first. So an
 * answer that blames a neighbour is asked for again; one that blames nobody is final.
 */
static bool blames_neighbour(const struct row *row, struct pfn_range range,
			     const struct refusal *want)
{
	return row->error == want->error && want->has_pfn && row->has_pfn &&
	       row->pfn != want->pfn && row->pfn - range.start < range.nr;
}

static void ask(struct row *row, struct pfn_range range, const struct refusal *want)
{
	char pfn[32] = "no page";

	for (int i = 0; i < TRIES; i++) {
		trigger(row, "range 0x%lx %lu nowarn", range.start, range.nr);
		if (!blames_neighbour(row, range, want))
			break;
		sleep_ms(50);
	}
	row->start = range.start;
	row->nr = range.nr;
	if (want->has_pfn)
		snprintf(pfn, sizeof(pfn), "0x%lx", want->pfn);
	if (!as_expected(row, want))
		row_wrong(row, "should be %s, %s, %s", errno_name(want->error), want->reason, pfn);
	else if (row->moved)
		row_wrong(row, "pages were moved although the range could never be had");
	row_done(row);
}

/* === Pages of the kernel ================================================= */

static void kernel_text(void)
{
	struct row *row = row_new("trigger", "kernel text");
	struct refusal want = { -EBUSY, "UNMOVABLE", 0, true };
	FILE *f = fopen("/proc/iomem", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, ": Kernel code"))
			want.pfn = strtoul(line, NULL, 16) >> PAGE_SHIFT;
	}
	if (f)
		fclose(f);
	if (want.pfn)
		ask(row, (struct pfn_range){ want.pfn, 1000 }, &want);
	else
		row_wrong(row, "/proc/iomem does not say where it is");
}

/*
 * The next page behind @from that has flag @bit, if possible with movable pages on both
 * sides, so that there is something that must not be moved.
 */
static bool find_kernel_page(unsigned int bit, unsigned long from, unsigned long *pfn)
{
	unsigned long first = 0, next = from;

	for (int i = 0; i < LOOK_AT && find_flag(bit, next, pfn); i++, next = *pfn + 1) {
		if (!first)
			first = *pfn;
		if (grow_movable(*pfn, REACH).nr >= GOOD_RANGE)
			return true;
	}
	*pfn = first;
	return first;
}

/*
 * The page may be freed while we ask: then the request is made again for another one,
 * and only the last answer counts.
 */
static void kernel_page(const char *what, unsigned int bit)
{
	struct refusal want = { -EBUSY, "UNMOVABLE", 0, true };
	struct row *row = row_new("trigger", "%s", what);
	unsigned long from = LOW_PAGES;
	uint64_t flags;

	for (int i = 0; i < TRIES && find_kernel_page(bit, from, &want.pfn); i++) {
		row->wrong[0] = '\0';
		ask(row, grow_movable(want.pfn, REACH), &want);
		/* a success took somebody's page: that is final */
		if (!row->wrong[0] || !row->error ||
		    (!pages_flags(want.pfn, 1, &flags) && flags >> bit & 1))
			return;
		from = want.pfn + 1;
	}
	row_wrong(row, "no such page found");
}

/* === Pages that somebody holds =========================================== */

static char *own_page(void)
{
	char *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memset(p, 0x5a, PAGE_SIZE);
	return p;
}

/* A buffer registered with io_uring: pinned for as long as the ring lives. */
static int pin_by_ring(char *page)
{
	struct iovec iov = { page, PAGE_SIZE };
	struct io_uring_params params = { 0 };

	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0)
		return -errno;
	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1) ?
	       -errno : 0;
}

/* A page given to a pipe: a plain reference, so it stays wherever it happens to be. */
static int pin_by_pipe(char *page)
{
	struct iovec iov = { page, PAGE_SIZE };

	if (pipe(pipe_fds))
		return -errno;
	return vmsplice(pipe_fds[1], &iov, 1, 0) == (ssize_t)PAGE_SIZE ? 0 : -errno;
}

static void pinned_page(const char *how, int (*pin)(char *page))
{
	struct refusal want = { -EBUSY, "PINNED", 0, true };
	struct row *row = row_new("trigger", "page in %s", how);
	char *page = own_page();
	int err = page ? pin(page) : -ENOMEM;

	if (err) {
		row_wrong(row, "cannot pin a page: %s", errno_name(err));
		return;
	}
	want.pfn = virt_to_pfn(page);
	map_mark((struct pfn_range){ want.pfn, 1 }, 'P');
	ask(row, grow_movable(want.pfn, REACH), &want);
	if (virt_to_pfn(page) != want.pfn)
		row_wrong(row, "the pinned page was moved from 0x%lx", want.pfn);
}

/* === No memory, no range ================================================= */

static void hole(void)
{
	struct refusal want = { -EINVAL, "NOT_PRESENT", 0, false };
	struct row *row = row_new("trigger", "hole, no memory there");
	struct pfn_range range;

	if (!ram_hole(&range)) {
		row_wrong(row, "this machine has no hole to ask for");
		return;
	}
	range.start += 8 * BLOCK_PAGES + 5;
	range.nr = BLOCK_PAGES;
	want.pfn = range.start;
	want.has_pfn = true;
	ask(row, range, &want);
}

static void reversed(void)
{
	const struct refusal want = { -EINVAL, "BAD_REQUEST", 0, false };
	struct zone zone = { 0 };

	zone_find("Movable", &zone);
	/* start + nr wraps around: the end is 64 pages before the start */
	ask(row_new("trigger", "end before start"),
	    (struct pfn_range){ zone.span.start + BLOCK_PAGES, -64UL }, &want);
}

void refused_requests(void)
{
	kernel_text();
	kernel_page("slab page", KPF_SLAB);
	kernel_page("page table", KPF_PGTABLE);
	pinned_page("io_uring", pin_by_ring);
	pinned_page("a pipe (vmsplice)", pin_by_pipe);
	hole();
	reversed();
}

void refused_release(void)
{
	if (ring >= 0)
		close(ring);
	if (pipe_fds[0] >= 0) {
		close(pipe_fds[0]);
		close(pipe_fds[1]);
	}
}
