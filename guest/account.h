/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a job may not change: looked at before it and after it by PID 1, to the page
 * where nobody else has a hand in it.
 */
#ifndef CONTIG_GUEST_ACCOUNT_H
#define CONTIG_GUEST_ACCOUNT_H

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_LOOKS	10		/* one a second: others come to rest meanwhile */

#define ACCOUNT_STACKS	"/sys/kernel/debug/page_owner_stacks/show_stacks"

/**
 * struct account - the state of the machine, as far as we look after it
 * @cma_used: pages of the areas of CMA that are allocated; others may borrow the rest
 * @isolated: blocks that are isolated
 * @tagged: bytes out, as counted for the code that has asked for them: ours only
 * @owned: pages out whose owner was handed them by us, as far as owners are known
 * @dying: memory cgroups that are gone but still charged
 */
struct account {
	long cma_used, isolated, tagged, owned, dying;
};

static const char * const account_names[] = {
	"pages of CMA allocated", "blocks isolated", "bytes in tags of mm/contig",
	"pages owned by way of mm/contig", "memory cgroups that do not go",
};

/* For each line of a file; what is not there is 0 before and after. */
static inline long account_file(const char *path, void (*add)(char *line, long *sum))
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	long sum = 0;

	if (!file)
		return 0;
	while (getline(&line, &room, file) > 0)
		add(line, &sum);
	free(line);
	fclose(file);
	return sum;
}

static inline void account_number(char *line, long *sum)
{
	*sum += atol(line);
}

static inline long account_cma(void)
{
	glob_t areas;
	long sum = 0;

	if (!glob("/sys/kernel/debug/cma/*/used", 0, NULL, &areas))
		for (size_t i = 0; i < areas.gl_pathc; i++)
			sum += account_file(areas.gl_pathv[i], account_number);
	globfree(&areas);
	return sum;
}

/* The last column of the lines behind "Number of blocks type ... Isolate" */
static inline void account_isolated(char *line, long *sum)
{
	static bool in_table;
	char *last = strrchr(line, ' ');

	if (!strncmp(line, "Node", 4) && in_table && last)
		*sum += atol(last);
	in_table = strncmp(line, "Node", 4) ? strstr(line, "Number of blocks") &&
					      strstr(line, "Isolate") : in_table;
}

static inline void account_tag(char *line, long *sum)
{
	if (strstr(line, " mm/contig/"))
		*sum += atol(line);
}

/*
 * A stack, then how many pages it stands for. Those of slabs stay, for the next object,
 * and so do those in which the kernel keeps stacks.
 */
static inline bool account_our_stack(const char *line)
{
	static bool ours, kept;
	bool told;

	ours |= strstr(line, " contig_alloc_range_on") || strstr(line, " contig_search");
	kept |= strstr(line, "slab") || strstr(line, " stack_depot");
	if (strncmp(line, "nr_base_pages: ", 15))
		return false;
	told = ours && !kept;
	ours = false;
	kept = false;
	return told;
}

static inline void account_owner(char *line, long *sum)
{
	if (account_our_stack(line))
		*sum += atol(line + 15);
}

/* The same, for whoever has to find out where they are. */
static inline void account_show_owner(char *line, long *sum)
{
	static char stack[4096];
	size_t used = strlen(stack);

	snprintf(stack + used, sizeof(stack) - used, "%s", line);
	if (account_our_stack(line))
		fputs(stack, stderr);
	if (line[0] == '\n' || !strncmp(line, "nr_base_pages: ", 15))
		stack[0] = 0;
}

static inline void account_cgroup(char *line, long *sum)
{
	sscanf(line, "nr_dying_subsys_memory %ld", sum);
}

static inline void account_take(struct account *account)
{
	account->cma_used = account_cma();
	account->isolated = account_file("/proc/pagetypeinfo", account_isolated);
	account->tagged = account_file("/proc/allocinfo", account_tag);
	account->owned = account_file(ACCOUNT_STACKS, account_owner);
	account->dying = account_file("/sys/fs/cgroup/cgroup.stat", account_cgroup);
}

/* NULL, or what is not as it was. Whoever dies late has some seconds. */
static inline const char *account_differs(const struct account *before)
{
	const long *was = &before->cma_used, *is;
	struct account after;

	for (int look = 0; look < ACCOUNT_LOOKS; look++) {
		FILE *caches = fopen("/proc/sys/vm/drop_caches", "we");

		if (caches) {
			fputs("3", caches);
			fclose(caches);
		}
		account_take(&after);
		if (!memcmp(before, &after, sizeof(after)))
			return NULL;
		sleep(1);
	}
	is = &after.cma_used;
	for (size_t i = 0; i < sizeof(after) / sizeof(*is); i++) {
		if (is[i] == was[i])
			continue;
		fprintf(stderr, "account: %s: %ld, before the job %ld\n",
			account_names[i], is[i], was[i]);
		account_file(ACCOUNT_STACKS, account_show_owner);
		return account_names[i];
	}
	return NULL;
}

#endif /* CONTIG_GUEST_ACCOUNT_H */
