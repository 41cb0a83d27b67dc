/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pattern that our user-space programs write into memory which is not theirs
 * to lose: every 64-bit word of a page follows from the page's owner, its index and
 * its generation. So a page that was damaged, swapped with another one, or thrown
 * back to an older state after a move shows up by any one of its words.
 */
#ifndef CONTIG_GUEST_PATTERN_H
#define CONTIG_GUEST_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* A page of the machine that it runs on. */
static inline size_t pattern_page(void)
{
	static size_t size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}

#define PATTERN_PAGE	pattern_page()
#define PATTERN_WORDS	(PATTERN_PAGE / sizeof(uint64_t))
#define PATTERN_STEP	0x9e3779b97f4a7c15ULL	/* odd: no two words of a page agree */

/* A good mix of all bits of @x: distinct pages get unrelated words. */
static inline uint64_t pattern_mix(uint64_t x)
{
	x = (x ^ (x >> 31)) * 0x7fb5d329728ea185ULL;
	x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44dULL;
	return x ^ (x >> 33);
}

static inline uint64_t pattern_first(uint64_t owner, uint64_t index, uint64_t gen)
{
	return pattern_mix(pattern_mix(owner << 32 | gen) + index);
}

static inline void pattern_fill(void *page, uint64_t owner, uint64_t index, uint64_t gen)
{
	uint64_t word = pattern_first(owner, index, gen);
	uint64_t *p = page;

	for (size_t i = 0, words = PATTERN_WORDS; i < words; i++, word += PATTERN_STEP)
		p[i] = word;
}

/* The number of the first wrong word, or -1 when the page is as it was written. */
static inline int pattern_check(const void *page, uint64_t owner, uint64_t index,
				uint64_t gen)
{
	uint64_t word = pattern_first(owner, index, gen);
	const uint64_t *p = page;

	for (size_t i = 0, words = PATTERN_WORDS; i < words; i++, word += PATTERN_STEP) {
		if (p[i] != word)
			return i;
	}
	return -1;
}

#endif /* CONTIG_GUEST_PATTERN_H */
