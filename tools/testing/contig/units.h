/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CONTIG_TEST_UNITS_H
#define _CONTIG_TEST_UNITS_H

#include <linux/types.h>

/**
 * struct unit - a case by hand
 * @name: what it shows
 * @run: returns whether it does
 */
struct unit {
	const char *name;
	bool (*run)(void);
};

extern const struct unit units[];
extern const unsigned int nr_units;

#endif /* _CONTIG_TEST_UNITS_H */
