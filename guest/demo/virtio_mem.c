// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-mem: the host takes memory away and gives it back. Memory is unplugged in
 * sub-blocks of 2 MB, in each of which alloc_contig_range() has to make room first.
 *
 * The host's side of it is a monitor (QMP) that QEMU offers on a virtio-serial port, so
 * that this program can say when the host changes its mind. Whether the memory really
 * came or went is asked twice: of the device, by QMP, and of the kernel, by MemTotal.
 */
#include <errno.h>
#include <unistd.h>

#include "demo.h"
#include "../monitor.h"

#define START_MB	512UL		/* what demo.sh starts the device with */
#define LESS_MB		312UL		/* not a multiple of a memory block, 128 MB */
#define TIMEOUT_MS	60000
#define POLL_MS		100

static int qmp = -1;

static int wait_plugged(unsigned long mb)
{
	unsigned long now = 0;

	for (int ms = 0; ms < TIMEOUT_MS; ms += POLL_MS) {
		now = monitor_plugged_mb(qmp);
		if (now == mb)
			return 0;
		if (ms % 4000 == 3900)
			note("virtio-mem: %lu MB plugged, %lu wanted", now, mb);
		sleep_ms(POLL_MS);
	}
	return -ETIMEDOUT;
}

int virtio_mem_init(void)
{
	qmp = monitor_open();
	if (qmp < 0)
		return qmp;
	return wait_plugged(START_MB);
}

/* === Plug and unplug ===================================================== */

static void check_total(struct row *row, unsigned long before, long mb)
{
	unsigned long want = before + mb * (long)PAGES_PER_MB;
	unsigned long now = 0;

	/* the device knows a moment before the kernel has done its sums */
	for (int ms = 0; ms < 5000 && now != want; ms += POLL_MS) {
		sleep_ms(POLL_MS);
		now = meminfo("MemTotal");
	}
	if (now != want)
		row_wrong(row, "MemTotal is %lu pages, should be %lu", now, want);
}

static void request(const char *verb, unsigned long from, unsigned long to)
{
	struct row *row = row_new("virtio-mem", "%s %lu MB to %lu MB", verb, from, to);
	unsigned long total = meminfo("MemTotal");

	trace_begin();
	row->error = monitor_request_mb(qmp, to);
	if (!row->error)
		row->error = wait_plugged(to);
	/* memory that comes needs no room to be made: only what goes asks the engine */
	if (to < from)
		trace_end(row);
	if (row->error)
		row_wrong(row, "%lu MB are plugged, %lu MB were asked for", monitor_plugged_mb(qmp), to);
	else
		check_total(row, total, (long)to - (long)from);
	pages_init();
	row_done(row);
}

/* Unplug memory in use, and plug part of it again. */
void virtio_mem_requests(void)
{
	request("unplug", START_MB, LESS_MB);
	request("plug", LESS_MB, LESS_MB + 64);
}

void virtio_mem_restore(void)
{
	if (qmp < 0)
		return;
	request("plug", LESS_MB + 64, START_MB);
	close(qmp);
	qmp = -1;
}
