// SPDX-License-Identifier: GPL-2.0
/* Small helpers of the demo: text files, numbers out of /proc, progress lines. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

/* === Progress ============================================================ */

void step(const char *format, ...)
{
	struct timespec ts;
	va_list args;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	printf("[%5ld.%ld] ", (long)ts.tv_sec, ts.tv_nsec / 100000000L);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void note(const char *format, ...)
{
	va_list args;

	printf("          ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void sleep_ms(unsigned int ms)
{
	const struct timespec ts = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L
	};

	nanosleep(&ts, NULL);
}

/* === Files =============================================================== */

int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += n;
	} while (n > 0 && len < size - 1);
	buf[len] = '\0';
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int read_number(const char *path, unsigned long *value)
{
	char text[64], *end;
	int err = read_file(path, text, sizeof(text));

	if (err)
		return err;
	*value = strtoul(text, &end, 0);
	return end == text ? -EINVAL : 0;
}

/* The number behind @key at the start of a line of @path. */
static unsigned long keyed_number(const char *path, const char *key)
{
	size_t len = strlen(key);
	unsigned long value = 0;
	char line[256];
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, len) && (line[len] == ' ' || line[len] == ':'))
			value = strtoul(line + len + 1, NULL, 10);
	}
	fclose(f);
	return value;
}

unsigned long meminfo(const char *key)
{
	return keyed_number("/proc/meminfo", key) * 1024 / PAGE_SIZE;
}

unsigned long vmstat(const char *name)
{
	return keyed_number("/proc/vmstat", name);
}

/* === Names =============================================================== */

const char *errno_name(int error)
{
	const char *name = error ? strerrorname_np(-error) : "ok";

	return name ? name : "?";
}
