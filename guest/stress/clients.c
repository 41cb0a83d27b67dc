// SPDX-License-Identifier: GPL-2.0
/*
 * Clients of the engine that give no PFN: what they handed out holds a pattern, which
 * another owner would spoil.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../pattern.h"
#include "stress.h"

#define HUGE_DIR	"/sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages"
#define CMA_DIR		"/sys/kernel/debug/cma/reserved/"
#define HEAP_FILE	"/dev/dma_heap/default_cma_region"
#define HOLD_US		40000
#define MOST_HUGE	12
#define POOL_TRIES	500
#define POOL_TRY_US	10000
#define PIECES		4	/* a buffer is no more than that part of the area */

static void end_call(unsigned int slot, unsigned long nr, double began, int error, bool met)
{
	struct contig_answer answer = {
		.reason = "-", .error = error, .pfn = CONTIG_NO_PFN, .nr = nr,
		.nsec = (now() - began) * 1e9,
	};

	call_ends(slot, &answer, met);
}

static bool is_zeroed(const char *page)
{
	return !page[0] && !memcmp(page, page + 1, PATTERN_PAGE - 1);
}

/* Hold it for a moment; what was written is there, and before that there were zeroes. */
static void use_pages(unsigned int slot, char *map, size_t pages, uint64_t *random)
{
	uint64_t gen = contig_random(random) & 0xffffff;

	for (size_t i = 0; i < pages; i++) {
		if (!is_zeroed(map + i * PATTERN_PAGE))
			it_is_wrong(CONTENT, "%s: page %zu of %zu is not zeroed",
				    verb_names[shared->slots[slot].verb], i, pages);
		pattern_fill(map + i * PATTERN_PAGE, slot, i, gen);
	}
	usleep(contig_random(random) % HOLD_US);
	for (size_t i = 0; i < pages && !is_over(); i++)
		if (pattern_check(map + i * PATTERN_PAGE, slot, i, gen) >= 0)
			it_is_wrong(CONTENT, "%s: page %zu of %zu is damaged",
				    verb_names[shared->slots[slot].verb], i, pages);
}

/* === hugetlb === */

static unsigned long ask_for_pool(unsigned long kb, unsigned long nr)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), HUGE_DIR, kb);
	snprintf(text, sizeof(text), "%lu", nr);
	contig_write_file(path, text);
	return contig_number("/proc/meminfo", "Hugetlb:") / kb;
}

/* A page that somebody moves just now cannot leave the pool before it has arrived. */
static unsigned long resize_pool(unsigned long kb, unsigned long nr)
{
	unsigned long got = ask_for_pool(kb, nr);

	for (int tries = 0; got > nr && tries < POOL_TRIES && !is_over(); tries++) {
		usleep(POOL_TRY_US);
		got = ask_for_pool(kb, nr);
	}
	return got;
}

static sigjmp_buf no_page;

static void leave_page(int signal)
{
	siglongjmp(no_page, signal);
}

/*
 * hugetlb takes no free page out of a block that is isolated, be it reserved for this
 * very mapping. Whoever isolates it, the process gets SIGBUS.
 */
static void use_huge(unsigned int slot, unsigned long kb, unsigned long nr, uint64_t *random)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
	size_t size = nr * kb * 1024;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 flags | (kb > 2048 ? 30 : 21) << MAP_HUGE_SHIFT, -1, 0);

	if (map == MAP_FAILED)
		return;
	if (!sigsetjmp(no_page, 1))
		use_pages(slot, map, size / PATTERN_PAGE, random);
	else
		__atomic_fetch_add(&shared->no_page, 1, __ATOMIC_RELAXED);
	munmap(map, size);
}

static void grow_and_shrink(unsigned int slot, unsigned long kb, unsigned long nr,
			    uint64_t *random)
{
	double began = now();
	unsigned long got;

	call_begins(slot, kb > 2048 ? GIGANTIC : HUGE);
	got = resize_pool(kb, nr);
	if (got)
		use_huge(slot, kb, got, random);
	resize_pool(kb, 0);
	end_call(slot, nr, began, 0, got == nr);
	if (got > nr)
		it_is_wrong(ANSWER, "%lu huge pages of %lu kB, %lu were asked for", got, kb, nr);
}

void huge_until_told(unsigned int slot)
{
	struct sigaction action = { .sa_handler = leave_page };
	uint64_t random = first_random(slot);

	sigaction(SIGBUS, &action, NULL);
	while (!is_over()) {
		if (contig_random(&random) % 8)
			grow_and_shrink(slot, 2048, 1 + contig_random(&random) % MOST_HUGE,
					&random);
		else
			grow_and_shrink(slot, 1048576, 1, &random);
		usleep(contig_random(&random) % HOLD_US);
		stand_still_if_told(slot);
	}
}

/* === CMA === */

static unsigned long random_part(uint64_t *random)
{
	unsigned long most = (places[CMA_PLACE].end - places[CMA_PLACE].start) / PIECES;

	return 1 + contig_random(random) % (most >> contig_random(random) % 8);
}

static void use_heap(unsigned int slot, int heap, uint64_t *random)
{
	struct dma_heap_allocation_data data = {
		.len = random_part(random) * PATTERN_PAGE,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	double began = now();
	char *map;
	int err;

	call_begins(slot, HEAP);
	err = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) ? -errno : 0;
	end_call(slot, data.len / PATTERN_PAGE, began, err, !err);
	if (err)
		return;
	map = mmap(NULL, data.len, PROT_READ | PROT_WRITE, MAP_SHARED, data.fd, 0);
	if (map == MAP_FAILED)
		it_is_wrong(ANSWER, "no mapping of a heap's buffer: %s", strerror(errno));
	else
		use_pages(slot, map, data.len / PATTERN_PAGE, random);
	munmap(map, data.len);
	close(data.fd);
}

/* The file keeps what it got in a stack of its own. */
static void use_cma_file(unsigned int slot, uint64_t *random)
{
	unsigned long nr = random_part(random);
	double began = now();
	char text[32];
	bool met;

	call_begins(slot, CMA_FILE);
	snprintf(text, sizeof(text), "%lu", nr);
	met = contig_write_file(CMA_DIR "alloc", text);
	if (met)
		usleep(contig_random(random) % HOLD_US);
	if (met && !contig_write_file(CMA_DIR "free", text))
		it_is_wrong(ANSWER, "cma/reserved/free: %s", strerror(errno));
	end_call(slot, nr, began, 0, met);
}

void heap_until_told(unsigned int slot)
{
	uint64_t random = first_random(slot);
	int heap = open(HEAP_FILE, O_RDWR | O_CLOEXEC);

	while (!is_over()) {
		if (heap >= 0 && contig_random(&random) % 4)
			use_heap(slot, heap, &random);
		else
			use_cma_file(slot, &random);
		usleep(contig_random(&random) % HOLD_US);
		stand_still_if_told(slot);
	}
}
