// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat map: a letter for each pageblock of a zone. What most pages of a block
 * are is in /proc/kpageflags and /proc/kpagecount; its type, and whether a page in it
 * would stop a request, in the engine's file "blocks".
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kernel-page-flags.h>

#include "contigstat.h"

#define PAGES_AT_ONCE	512
#define DEFAULT_WIDTH	64
#define MARGIN		13	/* of a row: where it begins, and a frame */

/* What a page can be, and what a block can be besides. */
enum cell {
	CELL_FREE, CELL_ANON, CELL_HUGE, CELL_FILE, CELL_HUGETLB, CELL_KERNEL,
	CELL_RESERVED, CELL_OFFLINE,
	NR_PAGE_CELLS,
	CELL_PINNED = NR_PAGE_CELLS, CELL_STUCK, CELL_CMA_FREE, CELL_CMA_USED, CELL_ISOLATED,
	CELL_HOLE,
	NR_CELLS
};

static const struct {
	char letter;
	unsigned char color;	/* of 256, on a terminal */
	const char *fill;	/* in a picture */
	const char *name;
} cells[NR_CELLS] = {
	[CELL_FREE]	= { '.', 250, "#e8eef2", "free" },
	[CELL_ANON]	= { 'a', 33, "#4a90d9", "anonymous" },
	[CELL_HUGE]	= { 'T', 27, "#1f5fa8", "transparent huge pages" },
	[CELL_FILE]	= { 'f', 37, "#45b0a0", "files" },
	[CELL_HUGETLB]	= { 'H', 93, "#7e57c2", "hugetlb" },
	[CELL_KERNEL]	= { 'k', 172, "#d98e3a", "kernel" },
	[CELL_RESERVED]	= { 'r', 240, "#6b6b6b", "reserved" },
	[CELL_OFFLINE]	= { 'x', 245, "#b0b0b0", "given back to the host" },
	[CELL_PINNED]	= { 'P', 199, "#d6336c", "movable, but for a page that is held" },
	[CELL_STUCK]	= { 'u', 166, "#c46210", "movable, but for a page that stays" },
	[CELL_CMA_FREE]	= { 'c', 114, "#b7dfa8", "CMA, mostly free" },
	[CELL_CMA_USED]	= { 'C', 28, "#4f9d3a", "CMA, in use" },
	[CELL_ISOLATED]	= { 'i', 226, "#f2d43d", "isolated" },
	[CELL_HOLE]	= { ' ', 0, "none", "no memory" },
};

struct block {
	unsigned long pfn;
	unsigned long nr;
	unsigned long free;
	unsigned long stuck;
	char type[16];
	char kind[16];
	enum cell cell;
	char *line;
};

struct zone {
	char node[8];
	char name[16];
	size_t nr;
	struct block *blocks;
};

/* === What a page is === */

#define KPF_TYPE_RESERVED	32	/* not in the header for user space */

/* The first flag that a page has says it. */
static const struct {
	unsigned int flag;
	enum cell cell;
} flag_cells[] = {
	{ KPF_BUDDY, CELL_FREE },
	{ KPF_OFFLINE, CELL_OFFLINE },
	{ KPF_HUGE, CELL_HUGETLB },
	{ KPF_TYPE_RESERVED, CELL_RESERVED },
	{ KPF_NOPAGE, CELL_RESERVED },
	{ KPF_SLAB, CELL_KERNEL },
	{ KPF_PGTABLE, CELL_KERNEL },
	{ KPF_THP, CELL_HUGE },
	{ KPF_ANON, CELL_ANON },
	{ KPF_LRU, CELL_FILE },
};

static enum cell page_cell(uint64_t flags, uint64_t mappings)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_cells); i++)
		if (flags & BIT(flag_cells[i].flag))
			return flag_cells[i].cell;
	return mappings ? CELL_FILE : CELL_KERNEL;
}

/* === What a block is === */

static enum cell most_common(const unsigned long *count)
{
	enum cell most = 0;

	for (enum cell c = 0; c < NR_PAGE_CELLS; c++)
		if (count[c] > count[most])
			most = c;
	return most;
}

/* By what most of its pages are. Pages on the lists of a CPU have no flag that says so. */
static enum cell block_pages(const struct block *block, int flags_fd, int counts_fd)
{
	uint64_t flags[PAGES_AT_ONCE], counts[PAGES_AT_ONCE];
	unsigned long count[NR_PAGE_CELLS] = {};
	size_t step;

	for (unsigned long i = 0; i < block->nr; i += step) {
		step = block->nr - i < PAGES_AT_ONCE ? block->nr - i : PAGES_AT_ONCE;
		read_words(flags_fd, block->pfn + i, step, flags);
		read_words(counts_fd, block->pfn + i, step, counts);
		for (size_t k = 0; k < step; k++)
			count[page_cell(flags[k], counts[k])]++;
	}
	if (block->free > count[CELL_FREE]) {
		count[CELL_KERNEL] -= block->free - count[CELL_FREE] < count[CELL_KERNEL] ?
				      block->free - count[CELL_FREE] : count[CELL_KERNEL];
		count[CELL_FREE] = block->free;
	}
	return most_common(count);
}

static bool is_held(const struct block *block)
{
	static const char * const kinds[] = {
		"referenced", "dma-pinned", "writeback", "locked", "mlocked", "off-lru",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(block->kind, kinds[i]))
			return true;
	return false;
}

static enum cell block_cell(const struct block *block, enum cell most)
{
	if (!strcmp(block->type, "Isolate"))
		return CELL_ISOLATED;
	if (block->stuck && block->stuck * 2 < block->nr)
		return is_held(block) ? CELL_PINNED : CELL_STUCK;
	if (!strcmp(block->type, "CMA"))
		return block->free * 2 >= block->nr ? CELL_CMA_FREE : CELL_CMA_USED;
	return most;
}

/* === Reading === */

static void *must_alloc(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

static void add_block(struct zone *zone, const char *line)
{
	struct block *block;

	zone->blocks = must_alloc(reallocarray(zone->blocks, zone->nr + 1, sizeof(*block)));
	block = &zone->blocks[zone->nr++];
	block->pfn = get_number(line, "pfn");
	block->nr = get_number(line, "nr");
	block->free = get_number(line, "free");
	block->stuck = get_number(line, "stuck");
	get_value(line, "type", block->type, sizeof(block->type));
	get_value(line, "kind", block->kind, sizeof(block->kind));
	block->line = must_alloc(strdup(line));
}

/* NODE/ZONE, or ZONE on any node, or anything. */
static bool is_wanted(const struct zone *zone, const char *want)
{
	const char *slash = want ? strchr(want, '/') : NULL;
	size_t len = slash ? (size_t)(slash - want) : 0;

	if (!want)
		return true;
	if (slash && (strlen(zone->node) != len || strncmp(zone->node, want, len)))
		return false;
	return !strcmp(zone->name, slash ? slash + 1 : want);
}

static struct zone *find_zone(struct zone **zones, size_t *nr, const struct zone *zone)
{
	for (size_t i = 0; i < *nr; i++)
		if (!strcmp((*zones)[i].node, zone->node) &&
		    !strcmp((*zones)[i].name, zone->name))
			return &(*zones)[i];
	*zones = must_alloc(reallocarray(*zones, *nr + 1, sizeof(**zones)));
	(*zones)[*nr] = *zone;
	return &(*zones)[(*nr)++];
}

static size_t read_zones(struct zone **zones, const char *want)
{
	FILE *file = open_lines(CONTIG_DIR "blocks");
	char line[256];
	size_t nr = 0;

	while (fgets(line, sizeof(line), file)) {
		struct zone zone = {};

		get_value(line, "node", zone.node, sizeof(zone.node));
		get_value(line, "zone", zone.name, sizeof(zone.name));
		if (is_wanted(&zone, want))
			add_block(find_zone(zones, &nr, &zone), line);
	}
	fclose(file);
	return nr;
}

static void free_zones(struct zone *zones, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		for (size_t k = 0; k < zones[i].nr; k++)
			free(zones[i].blocks[k].line);
		free(zones[i].blocks);
	}
	free(zones);
}

static void look_at_pages(struct zone *zone)
{
	int flags = open_file("/proc/kpageflags", O_RDONLY);
	int counts = open_file("/proc/kpagecount", O_RDONLY);

	for (struct block *b = zone->blocks; b < zone->blocks + zone->nr; b++)
		b->cell = block_cell(b, block_pages(b, flags, counts));
	close(flags);
	close(counts);
}

/* === Rows === */

/* The first block of a zone says how large they are. */
static unsigned long pages_per_block(const struct zone *zone)
{
	unsigned long nr = 0;

	for (size_t i = 0; i < zone->nr; i++)
		if (zone->blocks[i].nr > nr)
			nr = zone->blocks[i].nr;
	return nr;
}

static unsigned int row_width(void)
{
	struct winsize size;

	if (options.width)
		return options.width;
	if (options.form == FORM_TEXT && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) &&
	    size.ws_col > MARGIN + 1)
		return size.ws_col - MARGIN - 1;
	return DEFAULT_WIDTH;
}

/* One row; blocks that are not there are holes. Returns the block behind it. */
static size_t get_row(const struct zone *zone, size_t first, unsigned long start,
		      unsigned int width, enum cell *row)
{
	unsigned long pages = pages_per_block(zone);
	size_t i = first;

	for (unsigned int k = 0; k < width; k++)
		row[k] = CELL_HOLE;
	for (; i < zone->nr && zone->blocks[i].pfn < start + width * pages; i++)
		row[(zone->blocks[i].pfn - start) / pages] = zone->blocks[i].cell;
	return i;
}

static void walk_rows(const struct zone *zone, void (*show)(unsigned long start,
							    const enum cell *row,
							    unsigned int width))
{
	unsigned int width = row_width();
	unsigned long pages = pages_per_block(zone);
	enum cell row[width];

	for (size_t i = 0; i < zone->nr;) {
		unsigned long start = zone->blocks[i].pfn / (width * pages) * (width * pages);

		i = get_row(zone, i, start, width, row);
		show(start, row, width);
	}
}

static void count_cells(const struct zone *zone, unsigned long *count)
{
	for (size_t i = 0; i < zone->nr; i++)
		count[zone->blocks[i].cell]++;
}

/* How many blocks are of the type of block @first, if that is the first such one. */
static unsigned long count_type(const struct zone *zone, size_t first)
{
	unsigned long count = 0;

	for (size_t i = 0; i < zone->nr; i++) {
		if (strcmp(zone->blocks[i].type, zone->blocks[first].type))
			continue;
		if (i < first)
			return 0;
		count++;
	}
	return count;
}

/* === Text === */

static void print_cell(enum cell cell)
{
	if (options.color && cell != CELL_HOLE)
		printf("\033[38;5;%um%c\033[0m", cells[cell].color, cells[cell].letter);
	else
		putchar(cells[cell].letter);
}

static void print_row(unsigned long start, const enum cell *row, unsigned int width)
{
	printf("0x%08lx |", start);
	for (unsigned int k = 0; k < width; k++)
		print_cell(row[k]);
	puts("|");
}

static void print_zone(const struct zone *zone)
{
	unsigned long pages = pages_per_block(zone);

	printf("node %s, zone %s: %zu blocks of %lu pages, by type:", zone->node, zone->name,
	       zone->nr, pages);
	for (size_t i = 0; i < zone->nr; i++)
		if (count_type(zone, i))
			printf(" %s=%lu", zone->blocks[i].type, count_type(zone, i));
	putchar('\n');
	walk_rows(zone, print_row);
}

static void print_legend(const unsigned long *count)
{
	for (enum cell c = 0; c < NR_CELLS; c++) {
		if (!count[c])
			continue;
		printf("  ");
		print_cell(c);
		printf("  %-38s %6lu blocks\n", cells[c].name, count[c]);
	}
}

/* === JSON === */

static void json_block(const struct block *block)
{
	json_open(NULL, '{');
	json_pairs(block->line);
	json_text("cell", (char[]){ cells[block->cell].letter, '\0' });
	json_close('}');
}

static void json_zone(const struct zone *zone)
{
	json_open(NULL, '{');
	json_value("node", zone->node);
	json_text("zone", zone->name);
	json_format("block_pages", "%lu", pages_per_block(zone));
	json_open("types", '{');
	for (size_t i = 0; i < zone->nr; i++)
		if (count_type(zone, i))
			json_format(zone->blocks[i].type, "%lu", count_type(zone, i));
	json_close('}');
	json_open("blocks", '[');
	for (size_t i = 0; i < zone->nr; i++)
		json_block(&zone->blocks[i]);
	json_close(']');
	json_close('}');
}

/* === A picture === */

#define SIDE		10	/* of a block */
#define TITLE		28	/* height of a line of text */
#define LEFT		96	/* of the rows: where they begin */

static unsigned int svg_y;

static unsigned int count_rows(const struct zone *zone)
{
	unsigned long row = row_width() * pages_per_block(zone), last = ~0UL;
	unsigned int rows = 0;

	for (size_t i = 0; i < zone->nr; i++) {
		rows += zone->blocks[i].pfn / row != last;
		last = zone->blocks[i].pfn / row;
	}
	return rows;
}

/* Neighbours that are alike are one rectangle. */
static void svg_row(unsigned long start, const enum cell *row, unsigned int width)
{
	unsigned int run;

	printf("<text x=\"4\" y=\"%u\">0x%08lx</text>\n", svg_y + SIDE - 2, start);
	for (unsigned int k = 0; k < width; k += run) {
		for (run = 1; k + run < width && row[k + run] == row[k]; run++)
			;
		if (row[k] != CELL_HOLE)
			printf("<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"%s\"/>\n",
			       LEFT + k * SIDE, svg_y, run * SIDE, SIDE - 1, cells[row[k]].fill);
	}
	svg_y += SIDE;
}

static void svg_zone(const struct zone *zone)
{
	printf("<text x=\"4\" y=\"%u\">node %s, zone %s: %zu blocks of %lu pages</text>\n",
	       svg_y + TITLE - 10, zone->node, zone->name, zone->nr, pages_per_block(zone));
	svg_y += TITLE;
	walk_rows(zone, svg_row);
}

static void svg_legend(const unsigned long *count)
{
	for (enum cell c = 0; c < NR_CELLS; c++) {
		if (!count[c])
			continue;
		svg_y += SIDE * 2;
		printf("<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"%s\"/>\n"
		       "<text x=\"%u\" y=\"%u\">%s: %lu</text>\n",
		       LEFT, svg_y - SIDE, SIDE, SIDE, cells[c].fill, LEFT + 2 * SIDE, svg_y - 1,
		       cells[c].name, count[c]);
	}
}

static void print_svg(const struct zone *zones, size_t nr, const unsigned long *count)
{
	unsigned int height = SIDE * 2;

	for (size_t i = 0; i < nr; i++)
		height += TITLE + count_rows(&zones[i]) * SIDE;
	for (enum cell c = 0; c < NR_CELLS; c++)
		height += count[c] ? SIDE * 2 : 0;
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" font-family=\"monospace\" font-size=\"11\">\n"
	       "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
	       LEFT + row_width() * SIDE + SIDE, height);
	for (size_t i = 0; i < nr; i++)
		svg_zone(&zones[i]);
	svg_legend(count);
	puts("</svg>");
}

/* === The command === */

static void print_text(const struct zone *zones, size_t nr, const unsigned long *count)
{
	for (size_t i = 0; i < nr; i++)
		print_zone(&zones[i]);
	print_legend(count);
}

static void print_json(const struct zone *zones, size_t nr, const unsigned long *count)
{
	json_open(NULL, '{');
	json_open("zones", '[');
	for (size_t i = 0; i < nr; i++)
		json_zone(&zones[i]);
	json_close(']');
	json_open("cells", '{');
	for (enum cell c = 0; c < NR_CELLS; c++)
		if (count[c])
			json_format(cells[c].name, "%lu", count[c]);
	json_close('}');
	json_close('}');
	json_end();
}

void run_map(char **words)
{
	static void (* const print[])(const struct zone *zones, size_t nr,
				      const unsigned long *count) = {
		[FORM_TEXT] = print_text, [FORM_JSON] = print_json, [FORM_SVG] = print_svg,
	};
	unsigned long count[NR_CELLS] = {};
	struct zone *zones = NULL;
	size_t nr = read_zones(&zones, words[0]);

	if (!nr)
		die("there is no zone '%s' with memory", words[0] ?: "");
	for (size_t i = 0; i < nr; i++) {
		look_at_pages(&zones[i]);
		count_cells(&zones[i], count);
	}
	print[options.form](zones, nr, count);
	free_zones(zones, nr);
}
