/* SPDX-License-Identifier: GPL-2.0 */
/* Small random maps and wishes, and the search that tries every window. */
#ifndef _CONTIG_TEST_MAP_H
#define _CONTIG_TEST_MAP_H

#include "../../../mm/contig/plan.h"

#define MAP_MAX		1024

/**
 * struct stretch - as fed to a scan
 * @start: first unit of the map
 * @end: one past the last
 * @level: how hard it is to get hold of
 * @in_use: units in use
 */
struct stretch {
	unsigned int start;
	unsigned int end;
	enum contig_level level;
	unsigned int in_use;
};

/**
 * struct map - a zone
 * @base: first PFN
 * @scale: pages of a unit, a power of two; all that follows counts in units
 * @size: how many
 * @nr: stretches; what lies between two is a hole
 * @stretches: in order
 * @highest: level up to which one can be used
 * @ruled_out: units in the way
 * @rate: cost of a page of each unit
 * @in_way: units up to here that cannot be used
 * @sum: cost of a page of each of the units up to here, added up
 */
struct map {
	unsigned long base;
	unsigned long scale;
	unsigned int size;
	unsigned int nr;
	struct stretch stretches[MAP_MAX];
	enum contig_level highest;
	bool ruled_out[MAP_MAX];
	u32 rate[MAP_MAX];
	unsigned int in_way[MAP_MAX + 1];
	u64 sum[MAP_MAX + 1];
};

/**
 * struct answer - what a search finds
 * @start: the cheapest window, the lowest of those, or CONTIG_NO_PFN
 * @cost: what it costs
 * @longest: pages of the largest window that is smaller
 */
struct answer {
	unsigned long start;
	u64 cost;
	unsigned long longest;
};

void random_seed(u64 seed);
u64 random_next(void);
unsigned long random_below(unsigned long limit);
bool random_one_in(unsigned long n);

void map_random(struct map *map, unsigned int size);
void map_add(struct map *map, unsigned int pages, enum contig_level level,
	     unsigned int in_use);
void map_prepare(struct map *map);
void map_wish(const struct map *map, struct contig_wish *wish,
	      unsigned int most);
void map_print(const struct map *map, const struct contig_wish *wish);
int map_survey(struct contig_scan *scan, unsigned long start,
	       unsigned long end, void *data);

bool wish_meets(const struct contig_wish *wish, unsigned long pfn,
		unsigned long nr_pages);
bool map_usable(const struct map *map, unsigned long pfn, unsigned long pages);
u64 map_cost(const struct map *map, unsigned long pfn, unsigned long pages);
unsigned int map_levels(const struct map *map, unsigned long start,
			unsigned long end);
void brute_force(const struct map *map, const struct contig_wish *wish,
		 unsigned long from, unsigned long to, struct answer *answer);

#endif /* _CONTIG_TEST_MAP_H */
