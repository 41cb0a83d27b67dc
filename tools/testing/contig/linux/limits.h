/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CONTIG_TEST_LIMITS_H
#define _CONTIG_TEST_LIMITS_H

#include_next <linux/limits.h>
#include <limits.h>
#include <stdint.h>

#define U64_MAX		UINT64_MAX

#endif /* _CONTIG_TEST_LIMITS_H */
