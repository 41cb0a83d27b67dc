// SPDX-License-Identifier: GPL-2.0
/* Small random maps and wishes, and the search that tries every window. */
#include <stdio.h>
#include <string.h>

#include <linux/align.h>
#include <linux/kernel.h>
#include <linux/limits.h>

#include "map.h"

static u64 state;

void random_seed(u64 seed)
{
	state = seed;
}

u64 random_next(void)
{
	u64 x = state += 0xd1b54a32d192ed03ULL;

	x = (x ^ x >> 32) * 0xdaba0b6eb09322e3ULL;
	x = (x ^ x >> 29) * 0xdaba0b6eb09322e3ULL;
	return x ^ x >> 32;
}

unsigned long random_below(unsigned long limit)
{
	return random_next() % limit;
}

bool random_one_in(unsigned long n)
{
	return !random_below(n);
}

/* Append a stretch. */
void map_add(struct map *map, unsigned int pages, enum contig_level level,
	     unsigned int in_use)
{
	map->stretches[map->nr++] = (struct stretch) {
		.start = map->size,
		.end = map->size + pages,
		.level = level,
		.in_use = level == CONTIG_LEVEL_FREE ? 0 : in_use,
	};
	map->size += pages;
}

/* A mix of levels that differs from map to map, so that windows of any size exist. */
static enum contig_level random_level(unsigned int mood)
{
	if (mood < 2 || !random_one_in(mood))
		return random_one_in(3) ? CONTIG_LEVEL_FREE :
					  CONTIG_LEVEL_MOVABLE;
	return random_below(CONTIG_LEVEL_NEVER + 1);
}

static void random_place(struct map *map)
{
	unsigned long bytes;

	map->scale = random_one_in(8) ? 1UL << random_below(32) : 1;
	bytes = map->size * map->scale;
	switch (random_below(4)) {
	case 0:
		map->base = 0;
		break;
	case 1:
		map->base = (ULONG_MAX - bytes) & ~(map->scale - 1);
		break;
	case 2:
		map->base = random_below(1024) * map->scale;
		break;
	default:
		map->base = random_below(ULONG_MAX - bytes) & ~(map->scale - 1);
	}
}

/* Fill @map with stretches of up to @size units. */
void map_random(struct map *map, unsigned int size)
{
	unsigned int mood = random_below(12), block = 1 << random_below(6);
	unsigned int most = random_one_in(2) ? 1 : 1 + random_below(24);

	if (random_one_in(3))
		mood *= 20;
	map->size = 0;
	map->nr = 0;
	map->highest = random_below(CONTIG_LEVEL_STUCK);
	memset(map->ruled_out, 0, sizeof(map->ruled_out));
	while (map->size < size) {
		unsigned int pages = random_one_in(3) ? block :
				     1 + random_below(most);
		unsigned int in_use;

		pages = min(pages, size - map->size);
		in_use = random_one_in(3) ? pages : random_below(pages + 1);
		if (random_one_in(32))
			map->size += pages;
		else
			map_add(map, pages, random_level(mood), in_use);
	}
	random_place(map);
	map_prepare(map);
}

/* Rates and sums, after a change. */
void map_prepare(struct map *map)
{
	bool usable[MAP_MAX] = {};

	for (unsigned int i = 0; i < map->nr; i++) {
		struct stretch *s = map->stretches + i;
		u64 pages = s->end - s->start;

		for (unsigned int at = s->start; at < s->end; at++) {
			usable[at] = s->level <= map->highest &&
				     !map->ruled_out[at];
			map->rate[at] = ((u64)s->in_use * 65536 + pages - 1) /
					pages;
		}
	}
	for (unsigned int at = 0; at < map->size; at++) {
		map->in_way[at + 1] = map->in_way[at] + !usable[at];
		map->sum[at + 1] = map->sum[at] +
				   (usable[at] ? map->rate[at] : 0);
	}
}

static unsigned long random_limit(const struct map *map)
{
	return map->base + random_below(map->size + 1) * map->scale;
}

/* A wish for up to @most units, now and then an odd one. */
void map_wish(const struct map *map, struct contig_wish *wish,
	      unsigned int most)
{
	wish->nr_pages = (1 + random_below(most)) * map->scale;
	wish->align = map->scale << (random_one_in(2) ? 0 : random_below(6));
	wish->boundary = 0;
	if (random_one_in(2))
		wish->boundary = map->scale << random_below(9);
	wish->start = random_one_in(4) ? random_limit(map) : 0;
	wish->end = random_one_in(4) ? random_limit(map) : ULONG_MAX;
	if (random_one_in(100))
		wish->nr_pages = random_one_in(2) ? random_below(3) :
						    ULONG_MAX - random_below(3);
	if (random_one_in(100))
		wish->align = 1UL << (63 - random_below(3));
	if (random_one_in(100))
		wish->boundary = 1UL << (63 - random_below(3));
	if (map->scale > 1)
		wish->nr_pages = ALIGN(wish->nr_pages, map->scale);
}

void map_print(const struct map *map, const struct contig_wish *wish)
{
	printf("# wish: %#lx pages, align %#lx, boundary %#lx, in [%#lx, %#lx)\n",
	       wish->nr_pages, wish->align, wish->boundary, wish->start,
	       wish->end);
	printf("# map: base %#lx, scale %#lx, %u units, up to level %u:",
	       map->base, map->scale, map->size, map->highest);
	for (unsigned int i = 0; i < map->nr; i++) {
		const struct stretch *s = map->stretches + i;

		printf("%s[%u,%u) %c %u", i % 6 ? "  " : "\n#   ", s->start,
		       s->end, "FMHPSN"[s->level], s->in_use);
	}
	printf("\n");
}

static unsigned int map_unit(const struct map *map, unsigned long pfn)
{
	if (pfn < map->base)
		return 0;
	return min((pfn - map->base) / map->scale, (unsigned long)map->size);
}

/* For contig_plan_next(): whole stretches, also where they stick out. */
int map_survey(struct contig_scan *scan, unsigned long start,
	       unsigned long end, void *data)
{
	const struct map *map = data;

	for (unsigned int i = 0; i < map->nr; i++) {
		const struct stretch *s = map->stretches + i;
		unsigned long from = map->base + s->start * map->scale;
		unsigned long to = map->base + s->end * map->scale;

		if (to <= start)
			continue;
		if (from >= end)
			break;
		if (contig_scan_feed(scan, from, to, s->level,
				     s->in_use * map->scale))
			break;
	}
	return 0;
}

/* Would a window of this size be as the wish says? */
bool wish_meets(const struct contig_wish *wish, unsigned long pfn,
		unsigned long nr_pages)
{
	if (!nr_pages || pfn < wish->start || pfn >= wish->end ||
	    nr_pages > wish->end - pfn || pfn % wish->align)
		return false;
	return !wish->boundary || pfn / wish->boundary ==
				  (pfn + nr_pages - 1) / wish->boundary;
}

bool map_usable(const struct map *map, unsigned long pfn, unsigned long pages)
{
	unsigned int first = map_unit(map, pfn);
	unsigned long end = map->base + map->size * map->scale;

	return pfn >= map->base && pfn < end && pages <= end - pfn &&
	       map->in_way[first] == map->in_way[first + pages / map->scale];
}

u64 map_cost(const struct map *map, unsigned long pfn, unsigned long pages)
{
	unsigned int first = map_unit(map, pfn);

	return (map->sum[first + pages / map->scale] - map->sum[first]) *
	       map->scale;
}

/* The levels of what lies in [start, end). */
unsigned int map_levels(const struct map *map, unsigned long start,
			unsigned long end)
{
	unsigned int levels = 0;

	for (unsigned int i = 0; i < map->nr; i++) {
		const struct stretch *s = map->stretches + i;

		if (map->base + s->start * map->scale < end &&
		    map->base + s->end * map->scale > start)
			levels |= 1U << s->level;
	}
	return levels;
}

/* The largest window at @pfn smaller than the wish, if larger than @pages. */
static unsigned long brute_longest(const struct map *map,
				   const struct contig_wish *wish,
				   unsigned long pfn, unsigned long pages)
{
	if (pages == wish->nr_pages - 1)
		return pages;
	while (pages < wish->nr_pages &&
	       map_usable(map, pfn, pages + map->scale) &&
	       wish_meets(wish, pfn, pages + map->scale))
		pages += map->scale;
	return min(pages, wish->nr_pages - 1);
}

/* Try all windows that start in [from, to). */
void brute_force(const struct map *map, const struct contig_wish *wish,
		 unsigned long from, unsigned long to, struct answer *answer)
{
	*answer = (struct answer) { .start = CONTIG_NO_PFN };
	if (!wish->nr_pages)
		return;
	for (unsigned int at = 0; at < map->size; at++) {
		unsigned long pfn = map->base + at * map->scale;
		u64 cost;

		if (pfn < from || pfn >= to || pfn % wish->align)
			continue;
		answer->longest = brute_longest(map, wish, pfn,
						answer->longest);
		if (!wish_meets(wish, pfn, wish->nr_pages) ||
		    !map_usable(map, pfn, wish->nr_pages))
			continue;
		cost = map_cost(map, pfn, wish->nr_pages);
		if (answer->start == CONTIG_NO_PFN || cost < answer->cost) {
			answer->start = pfn;
			answer->cost = cost;
		}
	}
}
