// SPDX-License-Identifier: GPL-2.0
/*
 * cma_alloc() from user space: the dma-buf heap of the default CMA area, as a camera or
 * a codec gets its frames. Each buffer has to come up zeroed, contiguous, inside the
 * area, and to hold what is written into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/dma-heap.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../pattern.h"
#include "demo.h"

#define OWNER	0x4ea9U

static const size_t sizes[] = { 64UL << 10, 1 * MB, 5 * MB + 12 * PAGE_SIZE, 24 * MB, 64 * MB };

static struct buffer {
	struct row *row;
	char *p;
	size_t pages;
} buffers[ARRAY_SIZE(sizes)];
static unsigned int nr_buffers;

static int heap_open(void)
{
	glob_t g;
	int fd;

	if (glob("/dev/dma_heap/*cma*", 0, NULL, &g))
		return -ENOENT;
	fd = open(g.gl_pathv[0], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	globfree(&g);
	return fd;
}

static void check_zero(struct row *row, const char *p, size_t pages)
{
	const uint64_t *words = (const uint64_t *)p;

	for (size_t w = 0; w < pages * PATTERN_WORDS; w++) {
		if (words[w]) {
			row_wrong(row, "page %zu is not zero when it is handed out",
				  w / PATTERN_WORDS);
			return;
		}
	}
}

static void write_pattern(const struct buffer *b)
{
	for (size_t i = 0; i < b->pages; i++)
		pattern_fill(b->p + i * PAGE_SIZE, OWNER, i, b->pages);
}

static void check_pattern(const struct buffer *b)
{
	for (size_t i = 0; i < b->pages; i++) {
		if (pattern_check(b->p + i * PAGE_SIZE, OWNER, i, b->pages) >= 0)
			row_wrong(b->row, "page %zu does not hold what was written", i);
	}
}

/* A dma-buf is no memory of ours in the page tables, so CMA's own event says where it is. */
static void check_place(struct row *row, size_t pages)
{
	struct pfn_range range = trace_cma(), cma = cma_range();

	if (range.nr != pages || range.start < cma.start ||
	    range.start + range.nr > cma.start + cma.nr) {
		row_wrong(row, "no range of the CMA area behind it: 0x%lx, %lu pages",
			  range.start, range.nr);
		return;
	}
	row_got(row, range);
}

/* The mapping holds the buffer; its file is not needed any more. */
static void use_buffer(struct row *row, int fd, size_t size)
{
	struct buffer *b = &buffers[nr_buffers];
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (p == MAP_FAILED) {
		row_wrong(row, "mmap: %s", strerror(errno));
		return;
	}
	nr_buffers++;
	*b = (struct buffer){ row, p, size >> PAGE_SHIFT };
	check_zero(row, p, b->pages);
	write_pattern(b);
	check_pattern(b);
	check_place(row, b->pages);
}

static void request(int heap, size_t size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	struct row *row = row_new("dma-heap", "cma_alloc %zu KB", size >> 10);

	if (heap < 0) {
		row->error = heap;
		row_wrong(row, "no heap /dev/dma_heap/*cma*");
		return;
	}
	trace_begin();
	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data))
		row->error = -errno;
	trace_end(row);
	if (row->error)
		row_wrong(row, "should have been met");
	else
		use_buffer(row, data.fd, size);
	row_done(row);
}

void heap_requests(void)
{
	int heap = heap_open();

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		request(heap, sizes[i]);
	if (heap >= 0)
		close(heap);
}

/* What was written must still be there after all that came between. */
void heap_release(void)
{
	while (nr_buffers) {
		const struct buffer *b = &buffers[--nr_buffers];

		check_pattern(b);
		munmap(b->p, b->pages * PAGE_SIZE);
	}
}
