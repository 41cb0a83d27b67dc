/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CONTIG_TEST_MATH64_H
#define _CONTIG_TEST_MATH64_H

#include_next <linux/math64.h>

static inline u64 div64_ul(u64 dividend, unsigned long divisor)
{
	return dividend / divisor;
}

#endif /* _CONTIG_TEST_MATH64_H */
