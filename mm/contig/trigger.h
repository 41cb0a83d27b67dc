/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files behind the trigger share.
 */
#ifndef _MM_CONTIG_TRIGGER_H
#define _MM_CONTIG_TRIGGER_H

#include <linux/contig.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mutex.h>

enum contig_form {
	CONTIG_PAGES,
	CONTIG_FROZEN,
	CONTIG_COMPOUND,
	CONTIG_WHOLE,
	CONTIG_CMA,
	CONTIG_DDI
};

/* Pages of one command that are not given back yet. */
struct contig_held {
	struct list_head list;
	unsigned long start;
	unsigned long nr_pages;
	enum contig_form form;
};

/**
 * struct contig_session - one open file
 * @lock: one command at a time
 * @held: what it took, list of struct contig_held
 * @start: range of the last command
 * @nr_pages: range of the last command
 * @order: not ended yet, or NULL
 * @report: outcome of the last command
 */
struct contig_session {
	struct mutex lock;	/* guards all that follows */
	struct list_head held;
	unsigned long start;
	unsigned long nr_pages;
	struct contig_order *order;
	struct contig_report report;
};

struct contig_options {
	acr_flags_t flags;
	gfp_t gfp;
	enum contig_effort effort;
	ktime_t timeout;
	int nid;
	enum contig_form form;
	u64 align, boundary, low, high, min;
	bool has_place;
};

/* The last entry of a table has no name. */
struct contig_command {
	const char *name;
	int (*run)(struct contig_session *session, char *words);
};

/* trigger.c */
int contig_parse_options(char *words, struct contig_options *opt);
int contig_parse_number(char **words, unsigned long *number);
int contig_parse_pages(struct contig_session *session, char *words,
		       struct contig_options *opt);
int contig_parse_range(struct contig_session *session, char *words,
		       struct contig_options *opt);
int contig_parse_request(struct contig_session *session, char *words,
			 struct contig_request *req);
struct contig_held *contig_find_held(struct contig_session *session,
				     unsigned long start,
				     unsigned long nr_pages);
void contig_keep(struct contig_session *session, enum contig_form form);

/* All that drivers can call, in trigger_calls.c */
#ifdef CONFIG_CONTIG_TRIGGER_CALLS
extern const struct contig_command contig_calls[];
void contig_release_ddi(unsigned long start, unsigned long nr_pages);
void contig_end_order(struct contig_session *session);
#else
static const struct contig_command contig_calls[] = { {} };

static inline void contig_release_ddi(unsigned long start,
				      unsigned long nr_pages)
{
}

static inline void contig_end_order(struct contig_session *session)
{
}
#endif

#endif /* _MM_CONTIG_TRIGGER_H */
