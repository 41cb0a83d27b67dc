/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two engines under the same names, for measuring only.
 *
 * Whoever defines CONTIG_RENAME and includes this file gives its functions other
 * names: the base's block in mm/page_alloc.c those with the prefix intree_, api.c
 * those with contig_. baseline.c has the real ones, and hands each call on.
 */
#ifndef _MM_CONTIG_BASELINE_H
#define _MM_CONTIG_BASELINE_H

#include <linux/gfp.h>
#include <linux/mutex.h>

#ifdef CONFIG_CONTIG_BASELINE

#define CONTIG_ENGINE(prefix)						       \
int prefix ## alloc_contig_frozen_range_noprof(unsigned long start,	       \
					       unsigned long end,	       \
					       acr_flags_t flags, gfp_t gfp);  \
int prefix ## alloc_contig_range_noprof(unsigned long start,		       \
					unsigned long end,		       \
					acr_flags_t flags, gfp_t gfp);	       \
struct page *prefix ## alloc_contig_frozen_pages_noprof(unsigned long nr_pages,\
							gfp_t gfp, int nid,    \
							nodemask_t *nodemask); \
struct page *prefix ## alloc_contig_pages_noprof(unsigned long nr_pages,       \
						 gfp_t gfp, int nid,	       \
						 nodemask_t *nodemask);	       \
void prefix ## free_contig_frozen_range(unsigned long pfn,		       \
					unsigned long nr_pages);	       \
void prefix ## free_contig_range(unsigned long pfn, unsigned long nr_pages)

CONTIG_ENGINE(intree_);
CONTIG_ENGINE(contig_);

#ifdef CONTIG_RENAME
#define alloc_contig_frozen_range_noprof \
	CONTIG_RENAME(alloc_contig_frozen_range_noprof)
#define alloc_contig_range_noprof	CONTIG_RENAME(alloc_contig_range_noprof)
#define alloc_contig_frozen_pages_noprof \
	CONTIG_RENAME(alloc_contig_frozen_pages_noprof)
#define alloc_contig_pages_noprof	CONTIG_RENAME(alloc_contig_pages_noprof)
#define free_contig_frozen_range	CONTIG_RENAME(free_contig_frozen_range)
#define free_contig_range		CONTIG_RENAME(free_contig_range)
#endif

bool contig_baseline_is_intree(void);

/* The base's engine wants the callers of one area one after the other. */
bool contig_baseline_lock_mutex(struct mutex *mutex);
#define contig_baseline_init_lock(cma)	mutex_init(&(cma)->alloc_mutex)
#define contig_baseline_lock(cma) \
	contig_baseline_lock_mutex(&(cma)->alloc_mutex)
#define contig_baseline_unlock(cma, locked) do {	\
	if (locked)					\
		mutex_unlock(&(cma)->alloc_mutex);	\
} while (0)

#else

struct cma;

static inline bool contig_baseline_is_intree(void)
{
	return false;
}

static inline void contig_baseline_init_lock(struct cma *cma)
{
}

static inline bool contig_baseline_lock(struct cma *cma)
{
	return false;
}

static inline void contig_baseline_unlock(struct cma *cma, bool locked)
{
}

#endif /* CONFIG_CONTIG_BASELINE */

#endif /* _MM_CONTIG_BASELINE_H */
