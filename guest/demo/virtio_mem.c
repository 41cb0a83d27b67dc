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
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define PORT_NAME	"qmp"
#define DEVICE		"/machine/peripheral/vm0"
#define START_MB	512UL		/* what demo.sh starts the device with */
#define LESS_MB		312UL		/* not a multiple of a memory block, 128 MB */
#define TIMEOUT_MS	60000
#define POLL_MS		100

static int qmp = -1;

/* === The monitor ========================================================= */

static int open_port(void)
{
	char name[64], path[64];
	int fd = -ENOENT;
	glob_t g;

	if (glob("/sys/class/virtio-ports/*/name", 0, NULL, &g))
		return -ENOENT;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (read_file(g.gl_pathv[i], name, sizeof(name)) ||
		    strcmp(name, PORT_NAME "\n"))
			continue;
		snprintf(path, sizeof(path), "/dev/%s",
			 strtok(g.gl_pathv[i] + strlen("/sys/class/virtio-ports/"), "/"));
		fd = open(path, O_RDWR);
		if (fd < 0)
			fd = -errno;
	}
	globfree(&g);
	return fd;
}

/* One line of JSON; events of the device in between are not answers. */
static int read_answer(char *line, size_t size)
{
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = { .fd = qmp, .events = POLLIN };

		if (poll(&pfd, 1, TIMEOUT_MS) <= 0 || read(qmp, line + len, 1) != 1)
			return -ETIMEDOUT;
		if (line[len] != '\n') {
			len += len < size - 1;
			continue;
		}
		line[len] = '\0';
		len = 0;
		if (!strncmp(line, "{\"return\"", 9))
			return 0;
		if (!strncmp(line, "{\"error\"", 8))
			return -EIO;
	}
}

static int command(const char *text, char *answer, size_t size)
{
	if (qmp < 0)
		return -ENOENT;
	if (write(qmp, text, strlen(text)) < 0)
		return -errno;
	return read_answer(answer, size);
}

static int set_requested(unsigned long mb)
{
	char text[256], answer[512];

	snprintf(text, sizeof(text), "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"" DEVICE
		 "\",\"property\":\"requested-size\",\"value\":%lu}}\n", mb * MB);
	return command(text, answer, sizeof(answer));
}

/* How much is plugged now, as the device sees it; 0 if it does not say. */
static unsigned long plugged_mb(void)
{
	char answer[512];

	if (command("{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"" DEVICE
		    "\",\"property\":\"size\"}}\n", answer, sizeof(answer)))
		return 0;
	return strtoul(answer + strlen("{\"return\": "), NULL, 10) / MB;
}

static int wait_plugged(unsigned long mb)
{
	unsigned long now = 0;

	for (int ms = 0; ms < TIMEOUT_MS; ms += POLL_MS) {
		now = plugged_mb();
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
	char answer[512];

	qmp = open_port();
	if (qmp < 0)
		return qmp;
	if (command("{\"execute\":\"qmp_capabilities\"}\n", answer, sizeof(answer)))
		return -EIO;
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
	row->error = set_requested(to);
	if (!row->error)
		row->error = wait_plugged(to);
	/* memory that comes needs no room to be made: only what goes asks the engine */
	if (to < from)
		trace_end(row);
	if (row->error)
		row_wrong(row, "%lu MB are plugged, %lu MB were asked for", plugged_mb(), to);
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
