/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's side of virtio-mem: a monitor (QMP) that QEMU offers on the virtio-serial
 * port "qmp", and its device vm0.
 */
#ifndef CONTIG_GUEST_MONITOR_H
#define CONTIG_GUEST_MONITOR_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MONITOR_PORT	"qmp"
#define MONITOR_DEVICE	"\"path\":\"/machine/peripheral/vm0\","
#define MONITOR_MS	60000

/* One line of JSON; events of the device in between are not answers. */
static inline int monitor_answer(int monitor, char *line, size_t size)
{
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = { .fd = monitor, .events = POLLIN };

		if (poll(&pfd, 1, MONITOR_MS) <= 0 || read(monitor, line + len, 1) != 1)
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

static inline int monitor_ask(int monitor, const char *command, const char *arguments,
			      char *answer, size_t size)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"arguments\":{%s}}\n",
			   command, arguments);

	if (monitor < 0)
		return -ENOENT;
	if (write(monitor, text, len) != len)
		return -EIO;
	return monitor_answer(monitor, answer, size);
}

static inline bool monitor_is_port(const char *path)
{
	char name[64] = "";
	FILE *file = fopen(path, "r");
	bool is;

	if (!file)
		return false;
	is = fgets(name, sizeof(name), file) && !strcmp(name, MONITOR_PORT "\n");
	fclose(file);
	return is;
}

static inline int monitor_open_port(void)
{
	char path[64];
	int fd = -ENOENT;
	glob_t g;

	if (glob("/sys/class/virtio-ports/*/name", 0, NULL, &g))
		return -ENOENT;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (!monitor_is_port(g.gl_pathv[i]))
			continue;
		snprintf(path, sizeof(path), "/dev/%s",
			 strtok(g.gl_pathv[i] + strlen("/sys/class/virtio-ports/"), "/"));
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	globfree(&g);
	return fd;
}

/* A file descriptor, or a negative errno where there is no monitor. */
static inline int monitor_open(void)
{
	int fd = monitor_open_port();
	char answer[512];

	if (fd >= 0 && monitor_ask(fd, "qmp_capabilities", "", answer, sizeof(answer))) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static inline int monitor_request_mb(int monitor, unsigned long mb)
{
	char arguments[160], answer[512];

	snprintf(arguments, sizeof(arguments),
		 MONITOR_DEVICE "\"property\":\"requested-size\",\"value\":%lu", mb << 20);
	return monitor_ask(monitor, "qom-set", arguments, answer, sizeof(answer));
}

/* How much is plugged now, as the device sees it; 0 if it does not say. */
static inline unsigned long monitor_plugged_mb(int monitor)
{
	char answer[512];

	if (monitor_ask(monitor, "qom-get", MONITOR_DEVICE "\"property\":\"size\"", answer,
			sizeof(answer)))
		return 0;
	return strtoul(answer + strlen("{\"return\": "), NULL, 10) >> 20;
}

#endif
