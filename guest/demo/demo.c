// SPDX-License-Identifier: GPL-2.0
/*
 * The main job: contiguous memory on a machine that is full of other people's pages.
 *
 * Load the machine, ask for contiguous memory through every client there is, keep what
 * was given, look at the machine, give it all back, and see whether anybody lost a byte
 * or a counter is off. Nothing here decides what should have happened: each request
 * checks itself (its own file), and everything that is not as it should be is counted.
 * The exit code is 0 only if that count is 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "demo.h"

#define LEAST_USED	55	/* percent of memory, else it is no loaded machine */
#define LEAST_CMA_USED	25	/* percent of the CMA area */

static int wrong;

static void must(int err, const char *what)
{
	if (!err)
		return;
	step("FAIL: %s: %s", what, errno_name(err));
	exit(1);
}

/* Missing interfaces are no reason to stop: each request that needs one says so. */
static void should(int err, const char *what)
{
	if (err)
		step("%s: %s", what, errno_name(err));
}

static void set_up(void)
{
	step("setting up");
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	must(pages_init(), "/proc/kpageflags");
	should(trace_init(), "tracepoints of the engine");
	should(trigger_open(), "debugfs trigger");
	step("virtio-mem: waiting for the memory it was started with");
	should(virtio_mem_init(), "virtio-mem");
	must(pages_init(), "/proc/iomem");
}

/* === The load ============================================================ */

static void check_used(const char *what, unsigned long used, unsigned long all,
		       unsigned int least)
{
	unsigned long percent = all ? used * 100 / all : 0;

	note("%s: %lu of %lu MB in use, %lu %%", what, used / PAGES_PER_MB,
	     all / PAGES_PER_MB, percent);
	if (percent < least) {
		note("WRONG: that is no loaded machine, %u %% are needed", least);
		wrong++;
	}
}

/*
 * The load leaves free memory in small pieces; the kernel must not tidy up before the
 * requests come, they would find an easier machine than they should.
 */
static void load_machine(void)
{
	struct pfn_range cma = cma_range();

	step("loading the machine");
	write_file("/proc/sys/vm/compaction_proactiveness", "0");
	must(others_start(), "the load");
	check_used("memory", meminfo("MemTotal") - meminfo("MemFree"), meminfo("MemTotal"),
		   LEAST_USED);
	check_used("CMA area", pages_in_use(cma), cma.nr, LEAST_CMA_USED);
}

/* Nothing of the load runs while the machine is looked at. */
static struct counters *quiet_counters(struct map **map)
{
	struct counters *counters;

	step("looking at the machine");
	others_pause(true);
	counters = counters_take();
	*map = map_take();
	others_pause(false);
	must(counters && *map ? 0 : -EIO, "counters and map");
	return counters;
}

/* === The requests ======================================================== */

static void make_requests(void)
{
	step("exact ranges by the debugfs trigger");
	trigger_requests();
	step("dma-buf heap");
	heap_requests();
	step("a PCI device that wants 8 MB");
	edu_request();
	step("the same device, 48 KB in its reach across no 64 KB line");
	edu_physreq_request();
	step("a hugetlb page of 1 GB");
	gigantic_request();
	step("virtio-mem");
	virtio_mem_requests();
	step("requests that have to fail");
	refused_requests();
}

static void give_back(void)
{
	step("giving everything back");
	refused_release();
	trigger_close();
	heap_release();
	edu_release();
	gigantic_release();
	virtio_mem_restore();
}

/* === The verdict ========================================================= */

static int verdict(const struct counters *before, const struct counters *after,
		   const struct map *loaded, const struct map *held)
{
	int bad_rows, bad_counters;

	bad_rows = rows_print();
	map_print(loaded, held);
	bad_counters = counters_compare(before, after);
	wrong += bad_rows + bad_counters;
	printf("\n%s: %d requests and %d counters not as they should be; %s\n",
	       wrong ? "FAIL" : "PASS", bad_rows, bad_counters,
	       wrong == bad_rows + bad_counters ? "the memory of all others is intact" :
	       "and the load was damaged, lost or too small, see above");
	return wrong ? 1 : 0;
}

int main(void)
{
	struct counters *before, *after;
	struct map *loaded, *held, *freed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	set_up();
	load_machine();
	before = quiet_counters(&loaded);
	make_requests();
	free(quiet_counters(&held));
	step("checking every page of the others, while the requests are held");
	wrong += others_check() != 0;
	give_back();
	after = quiet_counters(&freed);
	step("checking every page of the others, now that all is given back");
	wrong += others_stop() != 0;
	return verdict(before, after, loaded, held);
}
