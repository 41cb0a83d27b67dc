/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM contig

#if !defined(_TRACE_CONTIG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CONTIG_H

#include <linux/contig.h>
#include <linux/math64.h>
#include <linux/time64.h>
#include <linux/tracepoint.h>

#define CONTIG_REASONS						\
	EM(NONE,		"NONE")				\
	EM(BAD_REQUEST,		"BAD_REQUEST")			\
	EM(NOT_PRESENT,		"NOT_PRESENT")			\
	EM(ZONE_BOUNDARY,	"ZONE_BOUNDARY")		\
	EM(UNMOVABLE,		"UNMOVABLE")			\
	EM(PINNED,		"PINNED")			\
	EM(HUGETLB,		"HUGETLB")			\
	EM(LOST_RACE,		"LOST_RACE")			\
	EM(NO_MEMORY,		"NO_MEMORY")			\
	EM(NO_CANDIDATE,	"NO_CANDIDATE")			\
	EM(WOULD_BLOCK,		"WOULD_BLOCK")			\
	EM(INTERRUPTED,		"INTERRUPTED")			\
	EMe(TIMED_OUT,		"TIMED_OUT")

#define CONTIG_KINDS						\
	EM(KIND_NONE,		"none")				\
	EM(KIND_RESERVED,	"reserved")			\
	EM(KIND_SLAB,		"slab")				\
	EM(KIND_PAGE_TABLE,	"page-table")			\
	EM(KIND_KFENCE,		"kfence")			\
	EM(KIND_OFFLINE,	"offline")			\
	EM(KIND_HWPOISON,	"hwpoison")			\
	EM(KIND_TYPED,		"typed")			\
	EM(KIND_KERNEL,		"kernel")			\
	EM(KIND_OTHER_BLOCK,	"other-block")			\
	EM(KIND_ISOLATED,	"isolated")			\
	EM(KIND_CROSSING,	"crossing")			\
	EM(KIND_HUGETLB,	"hugetlb")			\
	EM(KIND_MOVABLE_OPS,	"movable-ops")			\
	EM(KIND_DMA_PINNED,	"dma-pinned")			\
	EM(KIND_WRITEBACK,	"writeback")			\
	EM(KIND_LOCKED,		"locked")			\
	EM(KIND_MLOCKED,	"mlocked")			\
	EM(KIND_OFF_LRU,	"off-lru")			\
	EM(KIND_REFERENCED,	"referenced")			\
	EM(KIND_IN_TRANSIT,	"in-transit")			\
	EM(KIND_ANON,		"anon")				\
	EMe(KIND_FILE,		"file")

/* First the numbers for user space's parsers, then the table for printing. */
#undef EM
#undef EMe
#define EM(name, text)	TRACE_DEFINE_ENUM(CONTIG_##name);
#define EMe(name, text)	TRACE_DEFINE_ENUM(CONTIG_##name);

CONTIG_REASONS
CONTIG_KINDS

#undef EM
#undef EMe
#define EM(name, text)	{ CONTIG_##name, text },
#define EMe(name, text)	{ CONTIG_##name, text }

TRACE_EVENT(contig_start,

	TP_PROTO(unsigned long start, unsigned long end, gfp_t gfp, bool cma),

	TP_ARGS(start, end, gfp, cma),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, gfp)
		__field(bool, cma)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->gfp = (__force unsigned long)gfp;
		__entry->cma = cma;
	),

	TP_printk("start=0x%lx end=0x%lx gfp=0x%lx cma=%d",
		  __entry->start, __entry->end, __entry->gfp, __entry->cma)
);

TRACE_EVENT(contig_finish,

	TP_PROTO(unsigned long start, unsigned long end,
		 const struct contig_report *report),

	TP_ARGS(start, end, report),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, moved)
		__field(u64, usecs)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->moved = report->pages_moved;
		__entry->usecs = div_u64(report->elapsed, NSEC_PER_USEC);
	),

	TP_printk("start=0x%lx end=0x%lx moved=%lu usecs=%llu",
		  __entry->start, __entry->end, __entry->moved,
		  __entry->usecs)
);

TRACE_EVENT(contig_fail,

	TP_PROTO(unsigned long start, unsigned long end,
		 const struct contig_report *report),

	TP_ARGS(start, end, report),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, error)
		__field(int, reason)
		__field(unsigned long, pfn)
		__field(int, kind)
		__field(unsigned long, moved)
		__field(u64, usecs)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->error = report->error;
		__entry->reason = report->reason;
		__entry->pfn = report->blocking_pfn;
		__entry->kind = report->kind;
		__entry->moved = report->pages_moved;
		__entry->usecs = div_u64(report->elapsed, NSEC_PER_USEC);
	),

	TP_printk("start=0x%lx end=0x%lx error=%d reason=%s pfn=0x%lx moved=%lu usecs=%llu kind=%s",
		  __entry->start, __entry->end, __entry->error,
		  __print_symbolic(__entry->reason, CONTIG_REASONS),
		  __entry->pfn, __entry->moved, __entry->usecs,
		  __print_symbolic(__entry->kind, CONTIG_KINDS))
);

/* A search over zones that ends without memory; each range it tried has its own events. */
TRACE_EVENT(contig_search_fail,

	TP_PROTO(unsigned long nr_pages, const struct contig_report *report),

	TP_ARGS(nr_pages, report),

	TP_STRUCT__entry(
		__field(unsigned long, nr_pages)
		__field(int, error)
		__field(int, reason)
		__field(unsigned long, pfn)
		__field(int, kind)
		__field(unsigned long, tried)
		__field(unsigned long, moved)
		__field(u64, usecs)
	),

	TP_fast_assign(
		__entry->nr_pages = nr_pages;
		__entry->error = report->error;
		__entry->reason = report->reason;
		__entry->pfn = report->blocking_pfn;
		__entry->kind = report->kind;
		__entry->tried = report->ranges_tried;
		__entry->moved = report->pages_moved;
		__entry->usecs = div_u64(report->elapsed, NSEC_PER_USEC);
	),

	TP_printk("nr_pages=%lu error=%d reason=%s pfn=0x%lx tried=%lu moved=%lu usecs=%llu kind=%s",
		  __entry->nr_pages, __entry->error,
		  __print_symbolic(__entry->reason, CONTIG_REASONS),
		  __entry->pfn, __entry->tried, __entry->moved, __entry->usecs,
		  __print_symbolic(__entry->kind, CONTIG_KINDS))
);

#undef EM
#undef EMe

#endif /* _TRACE_CONTIG_H */

#include <trace/define_trace.h>
