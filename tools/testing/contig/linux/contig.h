/* SPDX-License-Identifier: GPL-2.0 */
/* Of include/linux/contig.h, which needs a kernel, all that plan.h wants. */
#define CONTIG_NO_PFN	(~0UL)
