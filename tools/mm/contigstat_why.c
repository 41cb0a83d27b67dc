// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat why: what a page is, what a request for it would be told, and what would
 * make it move. The verdict is the engine's own, from its file "page"; the flags, who
 * maps the page and who allocated it are there to find whoever is behind it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kernel-page-flags.h>

#include "contigstat.h"

#define OWNER_SIZE	4096

/* What to tell of each kind of page, by the names that the engine gives them. */
static const struct advice {
	const char *kind;
	const char *what;
	const char *moves;
} advices[] = {
	{ "reserved", "reserved at boot, or taken out of use for good",
	  "Never. Choose another range." },
	{ "slab", "memory of kmalloc() or of a cache of the kernel",
	  "When the kernel frees it, which nobody can ask it to do for one page. Keep the\n"
	  "kernel out: use a CMA area (cma=) or ZONE_MOVABLE (movablecore=)." },
	{ "page-table", "a page table of a process",
	  "When the process ends or unmaps what the table is for. Keep the kernel out: use a\n"
	  "CMA area (cma=) or ZONE_MOVABLE (movablecore=)." },
	{ "kfence", "part of the pool of KFENCE", "Never while KFENCE is on: boot without it." },
	{ "offline", "given back to the host, by a balloon or by virtio-mem",
	  "When the host gives it back." },
	{ "hwpoison", "broken memory", "Never. Choose another range." },
	{ "typed", "of a type that the kernel does not move", "When its owner frees it." },
	{ "kernel", "referenced, and memory of no process and no file: the kernel's or a driver's",
	  "When its owner frees it. If it is being set up for a process just now, in a moment." },
	{ "isolated", "in a block that somebody else emptied for himself",
	  "When the other request is done: ask again, or stand in line." },
	{ "crossing", "part of a folio that is larger than a pageblock",
	  "When a request covers all of the folio." },
	{ "hugetlb", "a hugetlb page",
	  "A gigantic one never, until its pool is made smaller (nr_hugepages). Others move if\n"
	  "there is memory for another huge page." },
	{ "movable-ops", "of a balloon or of another driver that moves its pages",
	  "As soon as a request wants it, if its driver agrees." },
	{ "dma-pinned", "pinned: a device, io_uring or RDMA works on it",
	  "When the pin is dropped. A request with more effort (HARD, or a timeout) waits." },
	{ "writeback", "being written to disk",
	  "When the disk is done. A request that may wait does." },
	{ "locked", "locked, most likely for I/O",
	  "When it is unlocked. A request that may wait does." },
	{ "mlocked", "locked into memory by mlock()",
	  "As soon as a request wants it, unless vm.compact_unevictable_allowed is 0 and there\n"
	  "is somebody who holds it." },
	{ "off-lru", "in a batch of some CPU on the way to the LRU lists, or taken for reclaim",
	  "In a moment; a request empties the batches." },
	{ "referenced", "held: more references than its users explain",
	  "When whoever holds it lets go: a pipe, a driver, get_user_pages(). A request with\n"
	  "more effort (HARD, or a timeout) waits." },
	{ "in-transit", "being freed, split or set up just now, or owned without a reference",
	  "In a moment, unless a request of somebody else has it." },
	{ "anon", "memory of a process", "As soon as a request wants it." },
	{ "file", "page cache, or a file in memory", "As soon as a request wants it." },
};

static const struct advice free_advice = {
	"none", "free, or on its way there", "It need not: a request can have it.",
};

static const struct advice hole_advice = {
	"none", "no memory, or memory that is offline",
	"Never. If it is memory, bring it online; else choose another range.",
};

static const struct advice unknown_advice = {
	"none", "of a kind that this program does not know", "Unknown.",
};

static const struct {
	unsigned int flag;
	const char *name;
} flag_names[] = {
	{ KPF_LOCKED, "locked" }, { KPF_ERROR, "error" }, { KPF_REFERENCED, "referenced" },
	{ KPF_UPTODATE, "uptodate" }, { KPF_DIRTY, "dirty" }, { KPF_LRU, "lru" },
	{ KPF_ACTIVE, "active" }, { KPF_SLAB, "slab" }, { KPF_WRITEBACK, "writeback" },
	{ KPF_RECLAIM, "reclaim" }, { KPF_BUDDY, "buddy" }, { KPF_MMAP, "mmap" },
	{ KPF_ANON, "anon" }, { KPF_SWAPCACHE, "swapcache" }, { KPF_SWAPBACKED, "swapbacked" },
	{ KPF_COMPOUND_HEAD, "head" }, { KPF_COMPOUND_TAIL, "tail" }, { KPF_HUGE, "hugetlb" },
	{ KPF_UNEVICTABLE, "unevictable" }, { KPF_HWPOISON, "hwpoison" },
	{ KPF_NOPAGE, "nopage" }, { KPF_KSM, "ksm" }, { KPF_THP, "thp" },
	{ KPF_OFFLINE, "offline" }, { KPF_ZERO_PAGE, "zero-page" }, { KPF_IDLE, "idle" },
	{ KPF_PGTABLE, "page-table" }, { 32, "reserved" }, { 33, "mlocked" },
};

/**
 * struct page - all that is known of one
 * @pfn: its number
 * @present: is there memory?
 * @line: what the engine says
 * @flags: word of /proc/kpageflags
 * @mappings: word of /proc/kpagecount
 * @owner: record of page_owner, "" if there is none
 */
struct page {
	unsigned long pfn;
	bool present;
	char line[512];
	uint64_t flags;
	uint64_t mappings;
	char owner[OWNER_SIZE];
};

/* === Asking === */

static void ask_engine(struct page *page)
{
	const char *path = CONTIG_DIR "page";
	int fd = open_file(path, *options.root ? O_RDONLY : O_RDWR);
	char word[32], reason[24];
	ssize_t len;

	len = snprintf(word, sizeof(word), "0x%lx", page->pfn);
	if (!*options.root && write(fd, word, len) != len)
		die_of_file(path);
	len = pread(fd, page->line, sizeof(page->line) - 1, 0);
	if (len < 0)
		die_of_file(path);
	page->line[len] = '\0';
	page->line[strcspn(page->line, "\n")] = '\0';
	close(fd);
	if (get_number(page->line, "pfn") != page->pfn)
		die("%s speaks of another page: %s", path, page->line);
	get_value(page->line, "reason", reason, sizeof(reason));
	page->present = strcmp(reason, "NOT_PRESENT");
}

static uint64_t ask_words(const char *path, unsigned long pfn)
{
	int fd = open_file(path, O_RDONLY);
	uint64_t word;

	read_words(fd, pfn, 1, &word);
	close(fd);
	return word;
}

/* A read at the offset PFN gives the record of the first page from there on. */
static void ask_owner(struct page *page)
{
	char path[256], mark[48], *record;
	ssize_t len = -1;
	int fd;

	path_of("/sys/kernel/debug/page_owner", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = pread(fd, page->owner, sizeof(page->owner) - 1, page->pfn);
		close(fd);
	}
	page->owner[len > 0 ? len : 0] = '\0';
	snprintf(mark, sizeof(mark), "PFN 0x%lx ", page->pfn);
	record = strstr(page->owner, "\n\n");
	if (record)
		*record = '\0';
	if (!strstr(page->owner, mark))
		page->owner[0] = '\0';
}

static void ask(struct page *page)
{
	ask_engine(page);
	if (!page->present)
		return;
	page->flags = ask_words("/proc/kpageflags", page->pfn);
	page->mappings = ask_words("/proc/kpagecount", page->pfn);
	ask_owner(page);
}

/* === Answering === */

static const struct advice *find_advice(const struct page *page)
{
	char kind[24];

	if (!page->present)
		return &hole_advice;
	get_value(page->line, "kind", kind, sizeof(kind));
	if (!strcmp(kind, "none") || get_number(page->line, "free"))
		return &free_advice;
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (!strcmp(advices[i].kind, kind))
			return &advices[i];
	return &unknown_advice;
}

/* CMA takes nothing else, and nobody else takes CMA. */
static bool is_cma(const struct page *page)
{
	char type[16];

	return find_value(page->line, "type", type, sizeof(type)) && !strcmp(type, "CMA");
}

static void print_flags(uint64_t flags)
{
	printf("flags    ");
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & BIT(flag_names[i].flag))
			printf(" %s", flag_names[i].name);
	puts(flags ? "" : " none");
}

static void print_place(const struct page *page)
{
	unsigned long size = sysconf(_SC_PAGESIZE);
	char node[8], zone[16], type[16], block[32];

	printf("page      0x%lx, address 0x%lx\n", page->pfn, page->pfn * size);
	if (!page->present)
		return;
	printf("place     node %s, zone %s, in the block from 0x%lx on, of type %s\n",
	       get_value(page->line, "node", node, sizeof(node)),
	       get_value(page->line, "zone", zone, sizeof(zone)),
	       strtoul(get_value(page->line, "block", block, sizeof(block)), NULL, 16),
	       get_value(page->line, "type", type, sizeof(type)));
	print_flags(page->flags);
	printf("users     mapped %lu times, %ld references\n", (unsigned long)page->mappings,
	       strtol(get_value(page->line, "refs", block, sizeof(block)), NULL, 10));
}

/* Text of several lines, in the column of the values. */
static void print_lines(const char *name, const char *text)
{
	printf("%-10s", name);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%10s", "");
	}
	putchar('\n');
}

static void print_verdict(const struct page *page)
{
	char reason[24], kind[24];

	get_value(page->line, "reason", reason, sizeof(reason));
	get_value(page->line, "kind", kind, sizeof(kind));
	if (!strcmp(reason, "NONE"))
		printf("request   would be met\n");
	else
		printf("request   would be refused: %s, %s\n", reason, kind);
}

static void print_why(const struct page *page)
{
	const struct advice *advice = find_advice(page);

	print_place(page);
	print_lines("what", advice->what);
	print_verdict(page);
	print_lines("moves", advice->moves);
	if (is_cma(page))
		print_lines("besides", "The block is for CMA: all other requests are refused.");
	if (*page->owner)
		print_lines("owner", page->owner);
}

static void json_flags(uint64_t flags)
{
	json_open("flags", '[');
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & BIT(flag_names[i].flag))
			json_text(NULL, flag_names[i].name);
	json_close(']');
}

static void json_why(const struct page *page)
{
	const struct advice *advice = find_advice(page);

	json_open(NULL, '{');
	json_pairs(page->line);
	if (page->present) {
		json_flags(page->flags);
		json_format("mappings", "%lu", (unsigned long)page->mappings);
	}
	json_text("what", advice->what);
	json_text("moves", advice->moves);
	if (*page->owner)
		json_text("owner", page->owner);
	json_close('}');
	json_end();
}

void run_why(char **words)
{
	static struct page page;

	if (!parse_number(words[0], &page.pfn))
		die_of_usage("a page frame number is decimal, or hexadecimal with 0x, not '%s'",
			     words[0]);
	ask(&page);
	if (options.form == FORM_JSON)
		json_why(&page);
	else
		print_why(&page);
}
