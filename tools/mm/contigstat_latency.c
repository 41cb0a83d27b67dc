// SPDX-License-Identifier: GPL-2.0
/* contigstat latency: a histogram for each caller, those met and those failed. */
#include <stdio.h>
#include <string.h>

#include "contigstat.h"

#define BAR		40
#define MAX_BUCKETS	64

/* How long the requests of one caller took that ended the same way. */
struct histogram {
	char caller[128];
	char outcome[16];
	size_t nr;
	struct bucket {
		unsigned long below;	/* nanoseconds */
		unsigned long count;
	} bucket[MAX_BUCKETS];
};

/* Three words, behind the name of a caller that may have a blank in it. */
static void parse_latency(const char *line, struct histogram *row)
{
	size_t len = strcspn(line, "\n");

	for (int words = 0; words < 3; words++) {
		while (len && line[len - 1] != ' ')
			len--;
		len -= len ? 1 : 0;
	}
	snprintf(row->caller, sizeof(row->caller), "%.*s", (int)len, line);
	if (!len || sscanf(line + len, " %15s %lu %lu", row->outcome,
			   &row->bucket->below, &row->bucket->count) != 3)
		die("a line of latency is '%s'", line);
	row->nr = 1;
}

/* Does the line belong to the histogram? Then it is in it now. */
static bool merge_latency(struct histogram *all, const struct histogram *row)
{
	if (all->nr == MAX_BUCKETS || strcmp(all->caller, row->caller) ||
	    strcmp(all->outcome, row->outcome))
		return false;
	all->bucket[all->nr++] = row->bucket[0];
	return true;
}

static unsigned long count_all(const struct histogram *h)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < h->nr; i++)
		sum += h->bucket[i].count;
	return sum;
}

/* Of so many parts of a hundred it is known that they took less. */
static unsigned long quantile(const struct histogram *h, unsigned int percent)
{
	unsigned long all = count_all(h), sum = 0;
	size_t i = 0;

	for (; i + 1 < h->nr; i++) {
		sum += h->bucket[i].count;
		if (sum * 100 >= all * percent)
			break;
	}
	return h->bucket[i].below;
}

static const char *show_time(unsigned long nsec, char *buf, size_t size)
{
	static const char * const units[] = { "ns", "us", "ms", "s" };
	double value = nsec;
	size_t unit = 0;

	for (; value >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1000;
	snprintf(buf, size, "%.3g %s", value, units[unit]);
	return buf;
}

static void print_histogram(const struct histogram *h)
{
	unsigned long most = 1;
	char half[16], nearly[16], below[16];

	for (size_t i = 0; i < h->nr; i++)
		if (h->bucket[i].count > most)
			most = h->bucket[i].count;
	printf("%s: %lu %s, half of them in less than %s, 99 %% in less than %s\n",
	       h->caller, count_all(h), h->outcome,
	       show_time(quantile(h, 50), half, sizeof(half)),
	       show_time(quantile(h, 99), nearly, sizeof(nearly)));
	for (size_t i = 0; i < h->nr; i++) {
		int len = (h->bucket[i].count * BAR + most - 1) / most;

		printf("  < %-8s %10lu  %.*s\n",
		       show_time(h->bucket[i].below, below, sizeof(below)),
		       h->bucket[i].count, len,
		       "########################################");
	}
}

static void json_histogram(const struct histogram *h)
{
	json_open(NULL, '{');
	json_text("caller", h->caller);
	json_text("outcome", h->outcome);
	json_format("count", "%lu", count_all(h));
	json_open("buckets", '[');
	for (size_t i = 0; i < h->nr; i++) {
		json_open(NULL, '{');
		json_format("below_ns", "%lu", h->bucket[i].below);
		json_format("count", "%lu", h->bucket[i].count);
		json_close('}');
	}
	json_close(']');
	json_close('}');
}

static void show_histogram(const struct histogram *h)
{
	if (!h->nr)
		return;
	if (options.form == FORM_JSON)
		json_histogram(h);
	else
		print_histogram(h);
}

void run_latency(char **words)
{
	FILE *file = open_lines(CONTIG_DIR "latency");
	struct histogram all = {}, row = {};
	char line[256];

	(void)words;
	if (options.form == FORM_JSON)
		json_open(NULL, '[');
	while (fgets(line, sizeof(line), file)) {
		parse_latency(line, &row);
		if (merge_latency(&all, &row))
			continue;
		show_histogram(&all);
		all = row;
	}
	show_histogram(&all);
	fclose(file);
	if (options.form != FORM_JSON)
		return;
	json_close(']');
	json_end();
}
