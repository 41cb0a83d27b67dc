// SPDX-License-Identifier: GPL-2.0
/*
 * dma_alloc_coherent() of 8 MB, more than the buddy allocator has in one piece, by the
 * driver of a real (well, emulated) PCI device. The device then copies pages of the
 * buffer through its own memory; what arrives is checked from user space.
 *
 * The same driver then wants 48 KB as drivers of UnixWare do, kmem_alloc_physcontig():
 * at a multiple of 16 KB, across no 64 KB line, within 28 address bits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../pattern.h"
#include "demo.h"

#define DEVICE	"/dev/edu_dma"
#define SIZE	(8 * MB)
#define PAGES	(SIZE >> PAGE_SHIFT)
#define COPIES	6		/* each takes the device 0.2 s, it is that slow by design */
#define OWNER	0xed0U

#define PIECE		(48UL << 10)
#define PIECE_ALIGN	(16UL << 10)
#define PIECE_BOUNDARY	(64UL << 10)
#define PIECE_BITS	28U

static int fd = -1;

static int command(const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Page @from goes into the device and comes back as page @to. */
static int copy_page(char *p, size_t from, size_t to)
{
	char text[64];
	int err;

	pattern_fill(p + from * PAGE_SIZE, OWNER, from, 1);
	pattern_fill(p + to * PAGE_SIZE, OWNER, to, 2);
	snprintf(text, sizeof(text), "copy %zu %zu", from * PAGE_SIZE, to * PAGE_SIZE);
	err = command(text);
	if (err)
		return err;
	return pattern_check(p + to * PAGE_SIZE, OWNER, from, 1) < 0 ? 0 : -EILSEQ;
}

/* The first and last page, and some between; each copy crosses half the buffer. */
static void check_dma(struct row *row, char *p)
{
	for (size_t i = 0; i < COPIES; i++) {
		size_t from = i * (PAGES - 1) / (COPIES - 1);
		size_t to = (from + PAGES / 2 + 1) % PAGES;
		int err = copy_page(p, from, to);

		if (err)
			row_wrong(row, "DMA of page %zu to page %zu: %s", from, to,
				  errno_name(err));
	}
}

/* The driver's bus address, which is physical here, against what CMA says it gave. */
static void check_place(struct row *row)
{
	struct pfn_range range = trace_cma();
	unsigned long dma;
	char line[96];

	if (pread(fd, line, sizeof(line), 0) <= 0 || sscanf(line, "dma=%lx", &dma) != 1 ||
	    range.nr != PAGES || range.start != dma >> PAGE_SHIFT) {
		row_wrong(row, "CMA gave 0x%lx, %lu pages, and the driver has another buffer",
			  range.start, range.nr);
		return;
	}
	row_got(row, range);
}

static void check_buffer(struct row *row)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		row_wrong(row, "mmap: %s", strerror(errno));
		return;
	}
	check_place(row);
	check_dma(row, p);
	munmap(p, SIZE);
}

void edu_request(void)
{
	struct row *row = row_new("edu (PCI)", "dma_alloc_coherent %lu MB", SIZE / MB);
	char text[64];

	fd = open(DEVICE, O_RDWR);
	if (fd < 0) {
		row->error = -errno;
		row_wrong(row, "no %s: is the driver loaded and the device there?", DEVICE);
		return;
	}
	snprintf(text, sizeof(text), "alloc %lu", SIZE);
	trace_begin();
	row->error = command(text);
	trace_end(row);
	if (row->error)
		row_wrong(row, "should have been met");
	else
		check_buffer(row);
	row_done(row);
}

/* Where the driver says it is: each constraint by itself, and that it is ours. */
static void check_piece(struct row *row)
{
	unsigned long first = 0, last;
	char line[96] = "";

	if (pread(fd, line, sizeof(line) - 1, 0) > 0)
		sscanf(line, "dma=%*s size=%*s phys=%lx", &first);
	last = first + PIECE - 1;
	row->start = first >> PAGE_SHIFT;
	row->nr = PIECE >> PAGE_SHIFT;
	note("48 KB at 0x%lx: offset %lu in 16 KB, %s a 64 KB line, %s 28 bits", first,
	     first % PIECE_ALIGN,
	     first / PIECE_BOUNDARY == last / PIECE_BOUNDARY ? "crosses not" : "crosses",
	     last >> PIECE_BITS ? "not within" : "within");
	if (!first)
		row_wrong(row, "the driver does not say where");
	if (first % PIECE_ALIGN)
		row_wrong(row, "0x%lx is no multiple of 16 KB", first);
	if (first / PIECE_BOUNDARY != last / PIECE_BOUNDARY)
		row_wrong(row, "0x%lx-0x%lx crosses a 64 KB line", first, last);
	if (last >> PIECE_BITS)
		row_wrong(row, "0x%lx has more than 28 bits", last);
	check_claimed(row, (struct pfn_range){ row->start, row->nr });
	map_mark((struct pfn_range){ row->start, row->nr }, '#');
}

void edu_physreq_request(void)
{
	struct row *row = row_new("edu (PCI)", "kmem_alloc_physcontig 48K");
	char text[64];

	snprintf(text, sizeof(text), "physreq %lu %lu %lu %u", PIECE, PIECE_ALIGN,
		 PIECE_BOUNDARY, PIECE_BITS);
	trace_begin();
	row->error = fd < 0 ? -ENODEV : command(text);
	trace_end(row);
	if (row->error)
		row_wrong(row, "should have been met");
	else
		check_piece(row);
	row_done(row);
}

void edu_release(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}
