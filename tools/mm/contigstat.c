// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat: what became of the requests for contiguous memory, what memory looks
 * like to the next one, and what keeps a page where it is.
 *
 * Reads what mm/contig has in debugfs and in tracefs, and the page flags in /proc.
 * See contigstat.8, and Documentation/mm/contig.rst for the words.
 */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contigstat.h"

struct options options = { .form = FORM_TEXT, .root = "" };

/* === Counters === */

#define MAX_COUNTERS	64

struct counter {
	char name[32];
	unsigned long value;
};

struct counters {
	size_t nr;
	struct counter counter[MAX_COUNTERS];
};

static void read_counters(struct counters *counters)
{
	FILE *file = open_lines(CONTIG_DIR "stats");
	struct counter *c = counters->counter;
	char line[128];

	for (counters->nr = 0; counters->nr < MAX_COUNTERS; counters->nr++, c++) {
		if (!fgets(line, sizeof(line), file))
			break;
		if (sscanf(line, "%31s %lu", c->name, &c->value) != 2)
			die("a line of stats is '%s'", line);
	}
	fclose(file);
}

/* Reasons are in capital letters, all else is not. */
static bool is_reason(const struct counter *c)
{
	return isupper((unsigned char)c->name[0]);
}

static unsigned long count_of(const struct counters *counters, const char *name)
{
	for (size_t i = 0; i < counters->nr; i++)
		if (!strcmp(counters->counter[i].name, name))
			return counters->counter[i].value;
	return 0;
}

static unsigned long count_failures(const struct counters *counters)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < counters->nr; i++)
		if (is_reason(&counters->counter[i]))
			sum += counters->counter[i].value;
	return sum;
}

static void json_counters(const struct counters *counters, const char *key, bool reasons)
{
	const struct counter *c = counters->counter;

	json_open(key, '{');
	for (size_t i = 0; i < counters->nr; i++)
		if (is_reason(&c[i]) == reasons)
			json_format(c[i].name, "%lu", c[i].value);
	json_close('}');
}

static void print_reasons(const struct counters *counters)
{
	unsigned long sum = count_failures(counters);

	printf("\n%-16s %12lu\n", "failures", sum);
	for (size_t i = 0; i < counters->nr; i++) {
		const struct counter *c = &counters->counter[i];

		if (is_reason(c) && c->value)
			printf("  %-14s %12lu %5.1f %%\n", c->name, c->value,
			       100.0 * c->value / sum);
	}
}

static void run_stats(char **words)
{
	struct counters counters;

	(void)words;
	read_counters(&counters);
	if (options.form == FORM_JSON) {
		json_open(NULL, '{');
		json_counters(&counters, "counters", false);
		json_counters(&counters, "reasons", true);
		json_close('}');
		json_end();
		return;
	}
	for (size_t i = 0; i < counters.nr; i++)
		if (!is_reason(&counters.counter[i]))
			printf("%-16s %12lu\n", counters.counter[i].name,
			       counters.counter[i].value);
	print_reasons(&counters);
}

/* === Failures === */

static void print_failure(const char *line)
{
	static const struct {
		const char *key;
		int width;
	} columns[] = {
		{ "time", -14 }, { "nr", 9 }, { "start", 12 }, { "reason", -13 },
		{ "pfn", 12 }, { "kind", -11 }, { "moved", 9 }, { "usecs", 10 },
		{ "caller", -1 },
	};
	char value[256];

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		printf("%s%*s", i ? " " : "", columns[i].width,
		       get_value(line, columns[i].key, value, sizeof(value)));
	putchar('\n');
}

static void run_failures(char **words)
{
	FILE *file = open_lines(CONTIG_DIR "failures");
	bool json = options.form == FORM_JSON;
	char line[512];

	(void)words;
	if (json)
		json_open(NULL, '[');
	else
		printf("%-14s %9s %12s %-13s %12s %-11s %9s %10s %s\n", "TIME", "PAGES",
		       "FROM PFN", "REASON", "BLOCKED BY", "WHICH IS", "MOVED", "USECS",
		       "FOR");
	while (fgets(line, sizeof(line), file)) {
		if (!json) {
			print_failure(line);
			continue;
		}
		json_open(NULL, '{');
		json_pairs(line);
		json_close('}');
	}
	fclose(file);
	if (!json)
		return;
	json_close(']');
	json_end();
}

/* === Live === */

#define HEADER_EVERY	20

static const struct {
	const char *counter;
	const char *title;
} live_columns[] = {
	{ "requests", "ranges" }, { "success", "met" }, { "frees", "freed" },
	{ "pages_moved", "moved" }, { "pages_dropped", "dropped" },
	{ "pcp_drains", "drains" }, { "lru_drains", "lru" }, { "isolations", "blocks" },
};

/* In megabytes: what is free, and how much of that is in CMA areas */
struct free_memory {
	unsigned long all;
	unsigned long cma;
};

static struct free_memory read_free_memory(void)
{
	FILE *file = open_lines("/proc/zoneinfo");
	unsigned long pages_per_mb = (1UL << 20) / sysconf(_SC_PAGESIZE), value;
	struct free_memory memory = {};
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " pages free %lu", &value) == 1)
			memory.all += value;
		else if (sscanf(line, " nr_free_cma %lu", &value) == 1)
			memory.cma += value;
	}
	fclose(file);
	memory.all /= pages_per_mb;
	memory.cma /= pages_per_mb;
	return memory;
}

static void print_live_header(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(live_columns); i++)
		printf("%8s ", live_columns[i].title);
	printf("%8s %8s %8s  %s\n", "free-MB", "cma-MB", "failed", "why");
}

static void print_live(const struct counters *change, struct free_memory memory, double seconds)
{
	for (size_t i = 0; i < ARRAY_SIZE(live_columns); i++)
		printf("%8.0f ", count_of(change, live_columns[i].counter) / seconds);
	printf("%8lu %8lu %8.0f ", memory.all, memory.cma, count_failures(change) / seconds);
	for (size_t i = 0; i < change->nr; i++)
		if (is_reason(&change->counter[i]) && change->counter[i].value)
			printf(" %s=%lu", change->counter[i].name, change->counter[i].value);
	putchar('\n');
	fflush(stdout);
}

static void json_live(const struct counters *change, struct free_memory memory, double seconds)
{
	json_open(NULL, '{');
	json_format("seconds", "%.6f", seconds);
	json_counters(change, "counters", false);
	json_counters(change, "reasons", true);
	json_format("free_mb", "%lu", memory.all);
	json_format("free_cma_mb", "%lu", memory.cma);
	json_close('}');
	json_end();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double parse_interval(const char *word)
{
	char *end;
	double seconds = strtod(word, &end);

	if (!isdigit((unsigned char)*word) || *end || !(seconds >= 0.01 && seconds <= 3600))
		die_of_usage("the interval is 0.01 to 3600 seconds, not '%s'", word);
	return seconds;
}

static unsigned long parse_count(const char *word)
{
	unsigned long count;

	if (!parse_number(word, &count) || !count)
		die_of_usage("the count is a number above 0, not '%s'", word);
	return count;
}

static void wait_seconds(double seconds)
{
	struct timespec ts = { seconds, (seconds - (time_t)seconds) * 1e9 };

	nanosleep(&ts, NULL);
}

/* What the counters did in one interval; @last is what they were. */
static double read_change(struct counters *last, double *since, struct counters *change)
{
	struct counters all;
	double started = *since;

	read_counters(&all);
	*since = now();
	*change = all;
	for (size_t i = 0; i < all.nr; i++)
		change->counter[i].value -= count_of(last, all.counter[i].name);
	*last = all;
	return *since - started;
}

static void run_live(char **words)
{
	double interval = words[0] ? parse_interval(words[0]) : 1, since = now(), seconds;
	unsigned long count = words[0] && words[1] ? parse_count(words[1]) : 0;
	struct counters last, change;

	read_counters(&last);
	for (unsigned long row = 0; !count || row < count; row++) {
		wait_seconds(interval);
		seconds = read_change(&last, &since, &change);
		if (options.form == FORM_JSON) {
			json_live(&change, read_free_memory(), seconds);
			continue;
		}
		if (row % HEADER_EVERY == 0)
			print_live_header();
		print_live(&change, read_free_memory(), seconds);
	}
}

/* === The command line === */

static const struct command {
	const char *name;
	const char *words;
	const char *help;
	void (*run)(char **words);
	int most;		/* words behind the name */
	int least;
	bool svg;
} commands[] = {
	{ "stats", "", "counters since boot, and failures by reason", run_stats, 0, 0, false },
	{ "failures", "", "the last requests that failed", run_failures, 0, 0, false },
	{ "latency", "", "how long requests took, by who asked", run_latency, 0, 0, false },
	{ "live", "[INTERVAL [COUNT]]", "what happens in each second", run_live, 2, 0, false },
	{ "events", "[COUNT]", "each request as it ends, from the tracepoints", run_events, 1, 0,
	  false },
	{ "map", "[[NODE/]ZONE]", "memory, a letter a pageblock", run_map, 1, 0, true },
	{ "why", "PFN", "what this page is, and what would make it move", run_why, 1, 1, false },
};

static noreturn void print_help(void)
{
	puts("Usage: contigstat [OPTION...] [COMMAND [WORD...]]\n"
	     "What became of requests for contiguous memory, and what is in their way.\n\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s%-20s %s\n", commands[i].name, commands[i].words, commands[i].help);
	puts("\nOptions:\n"
	     "  -j, --json          print JSON; live and events print an object a line\n"
	     "  -s, --svg           print the map as a picture\n"
	     "  -c, --color=WHEN    colour the map: auto, always or never\n"
	     "  -w, --width=N       N blocks in a row of the map\n"
	     "  -r, --root=DIR      read from a copy of the files, below DIR\n"
	     "  -h, --help          print this\n\n"
	     "Without a command it is stats. Exit status: 0, 1 if something cannot be\n"
	     "read, 2 if the words make no sense. Only root may read most of it.");
	exit(EXIT_SUCCESS);
}

static bool parse_color(const char *when)
{
	if (!strcmp(when, "always"))
		return true;
	if (!strcmp(when, "auto"))
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (strcmp(when, "never"))
		die_of_usage("colours are auto, always or never, not '%s'", when);
	return false;
}

static unsigned int parse_width(const char *word)
{
	unsigned long width;

	if (!parse_number(word, &width) || !width || width > 4096)
		die_of_usage("the width is 1 to 4096 blocks, not '%s'", word);
	return width;
}

static void parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "svg", no_argument, NULL, 's' },
		{ "color", required_argument, NULL, 'c' },
		{ "width", required_argument, NULL, 'w' },
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	opterr = 0;
	options.color = parse_color("auto");
	while ((c = getopt_long(argc, argv, "+jsc:w:r:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			options.form = FORM_JSON;
			break;
		case 's':
			options.form = FORM_SVG;
			break;
		case 'c':
			options.color = parse_color(optarg);
			break;
		case 'w':
			options.width = parse_width(optarg);
			break;
		case 'r':
			options.root = optarg;
			break;
		case 'h':
			print_help();
		default:
			die_of_usage("no such option, or it is incomplete: '%s'",
				     argv[optind - 1]);
		}
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	die_of_usage("there is no command '%s'", name);
}

int main(int argc, char **argv)
{
	const struct command *command;
	int words;

	parse_options(argc, argv);
	command = find_command(optind < argc ? argv[optind] : "stats");
	words = optind < argc ? argc - optind - 1 : 0;
	if (words < command->least || words > command->most)
		die_of_usage("it is: contigstat %s %s", command->name, command->words);
	if (options.form == FORM_SVG && !command->svg)
		die_of_usage("only the map can be a picture");
	command->run(argv + argc - words);
	if (fflush(stdout) || ferror(stdout))
		die("the output is incomplete");
	return EXIT_SUCCESS;
}
