/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM contig

#if !defined(_TRACE_CONTIG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CONTIG_H

#include <linux/contig.h>
#include <linux/math64.h>
#include <linux/time64.h>
#include <linux/tracepoint.h>

#define CONTIG_REASONS			\
	EM(NONE)			\
	EM(BAD_REQUEST)			\
	EM(NOT_PRESENT)			\
	EM(ZONE_BOUNDARY)		\
	EM(UNMOVABLE)			\
	EM(PINNED)			\
	EM(HUGETLB)			\
	EM(LOST_RACE)			\
	EM(NO_MEMORY)			\
	EM(NO_CANDIDATE)		\
	EM(WOULD_BLOCK)			\
	EM(INTERRUPTED)			\
	EMe(TIMED_OUT)

/* First the numbers for user space's parsers, then the table for printing. */
#undef EM
#undef EMe
#define EM(name)	TRACE_DEFINE_ENUM(CONTIG_##name);
#define EMe(name)	TRACE_DEFINE_ENUM(CONTIG_##name);

CONTIG_REASONS

#undef EM
#undef EMe
#define EM(name)	{ CONTIG_##name, #name },
#define EMe(name)	{ CONTIG_##name, #name }

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
		__field(unsigned long, moved)
		__field(u64, usecs)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->error = report->error;
		__entry->reason = report->reason;
		__entry->pfn = report->blocking_pfn;
		__entry->moved = report->pages_moved;
		__entry->usecs = div_u64(report->elapsed, NSEC_PER_USEC);
	),

	TP_printk("start=0x%lx end=0x%lx error=%d reason=%s pfn=0x%lx moved=%lu usecs=%llu",
		  __entry->start, __entry->end, __entry->error,
		  __print_symbolic(__entry->reason, CONTIG_REASONS),
		  __entry->pfn, __entry->moved, __entry->usecs)
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
		__field(unsigned long, tried)
		__field(unsigned long, moved)
		__field(u64, usecs)
	),

	TP_fast_assign(
		__entry->nr_pages = nr_pages;
		__entry->error = report->error;
		__entry->reason = report->reason;
		__entry->pfn = report->blocking_pfn;
		__entry->tried = report->ranges_tried;
		__entry->moved = report->pages_moved;
		__entry->usecs = div_u64(report->elapsed, NSEC_PER_USEC);
	),

	TP_printk("nr_pages=%lu error=%d reason=%s pfn=0x%lx tried=%lu moved=%lu usecs=%llu",
		  __entry->nr_pages, __entry->error,
		  __print_symbolic(__entry->reason, CONTIG_REASONS),
		  __entry->pfn, __entry->tried, __entry->moved,
		  __entry->usecs)
);

#undef EM
#undef EMe

#endif /* _TRACE_CONTIG_H */

#include <trace/define_trace.h>
