// SPDX-License-Identifier: GPL-2.0
/* What the contig_* tests share: memory under a pattern, and pins, see contig_util.h. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/posix_types.h>
#include <linux/stddef.h>
#include <linux/io_uring.h>

#include "contig_util.h"

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
