// SPDX-License-Identifier: GPL-2.0
/* What contigstat reads with, how it complains, and its JSON. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "contigstat.h"

#define EXIT_USAGE	2

/* === Complaints === */

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("contigstat: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

void die_of_usage(const char *format, ...)
{
	va_list args;

	fputs("contigstat: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nTry 'contigstat --help'.\n", stderr);
	exit(EXIT_USAGE);
}

static bool is_below(const char *path, const char *dir)
{
	return !strncmp(path, dir, strlen(dir));
}

static bool is_mounted(const char *dir, long type)
{
	struct statfs fs;

	return *options.root || (!statfs(dir, &fs) && fs.f_type == type);
}

static bool is_missing(const char *path)
{
	char buf[PATH_MAX];

	path_of(path, buf, sizeof(buf));
	return access(buf, F_OK) && errno == ENOENT;
}

/* A file that is not there: whose fault is it? */
static noreturn void die_of_absence(const char *path)
{
	if (is_below(path, "/sys/kernel/debug/") &&
	    !is_mounted("/sys/kernel/debug", DEBUGFS_MAGIC))
		die("debugfs is not mounted; try: mount -t debugfs none /sys/kernel/debug");
	if (is_below(path, "/sys/kernel/tracing/") &&
	    !is_mounted("/sys/kernel/tracing", TRACEFS_MAGIC))
		die("tracefs is not mounted; try: mount -t tracefs none /sys/kernel/tracing");
	if (is_below(path, CONTIG_DIR) && is_missing(CONTIG_DIR "stats"))
		die("this kernel is without the contiguous memory engine: there is no %s",
		    CONTIG_DIR "stats");
	if (is_below(path, "/proc/kpage"))
		die("this kernel is without CONFIG_PROC_PAGE_MONITOR: there is no %s",
		    path);
	die("this kernel does not have %s", path);
}

/* Without the permission, it cannot even be told whether a file is there. */
void die_of_file(const char *path)
{
	if ((errno == EACCES || errno == EPERM) && geteuid())
		die("%s may be read by root only", path);
	if (errno == ENOENT)
		die_of_absence(path);
	die("%s: %s", path, strerror(errno));
}

/* === Files === */

void path_of(const char *path, char *buf, size_t size)
{
	if ((size_t)snprintf(buf, size, "%s%s", options.root, path) >= size)
		die("too long a path: %s%s", options.root, path);
}

int open_file(const char *path, int flags)
{
	char buf[PATH_MAX];
	int fd;

	path_of(path, buf, sizeof(buf));
	fd = open(buf, flags | O_CLOEXEC);
	if (fd < 0)
		die_of_file(path);
	return fd;
}

FILE *open_lines(const char *path)
{
	FILE *file = fdopen(open_file(path, O_RDONLY), "r");

	if (!file)
		die_of_file(path);
	return file;
}

/* Of a file with a word for each page; what lies behind its end is 0. */
void read_words(int fd, unsigned long pfn, size_t nr, uint64_t *words)
{
	size_t size = nr * sizeof(*words), done = 0;
	ssize_t len = 1;

	while (done < size && len > 0) {
		len = pread(fd, (char *)words + done, size - done,
			    pfn * sizeof(*words) + done);
		if (len > 0)
			done += len;
	}
	memset((char *)words + done, 0, size - done);
}

/* === Lines of key=value === */

/* Is this the beginning of a key? The values may have blanks in them. */
static bool starts_pair(const char *word)
{
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz_");

	return len && word[len] == '=';
}

static const char *next_pair(const char *text)
{
	while (*text && !(text[0] == ' ' && starts_pair(text + 1)))
		text++;
	return *text ? text + 1 : text;
}

static void copy_value(const char *pair, char *buf, size_t size)
{
	const char *value = strchr(pair, '=') + 1, *end = next_pair(value);

	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	snprintf(buf, size, "%.*s", (int)(end - value), value);
}

bool find_value(const char *line, const char *key, char *buf, size_t size)
{
	const char *pair = starts_pair(line) ? line : next_pair(line);
	size_t len = strlen(key);

	for (; *pair; pair = next_pair(pair)) {
		if (strncmp(pair, key, len) || pair[len] != '=')
			continue;
		copy_value(pair, buf, size);
		return true;
	}
	return false;
}

const char *get_value(const char *line, const char *key, char *buf, size_t size)
{
	if (!find_value(line, key, buf, size))
		die("there is no '%s' in '%.*s'", key, (int)strcspn(line, "\n"), line);
	return buf;
}

unsigned long get_number(const char *line, const char *key)
{
	unsigned long number;
	char word[32];

	if (!parse_number(get_value(line, key, word, sizeof(word)), &number))
		die("'%s' is no number in '%.*s'", key, (int)strcspn(line, "\n"), line);
	return number;
}

/* Decimal or, with 0x, hexadecimal; nothing before it and nothing behind. */
bool parse_number(const char *word, unsigned long *number)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	char *end;

	if (hex ? !isxdigit((unsigned char)word[2]) : !isdigit((unsigned char)word[0]))
		return false;
	errno = 0;
	*number = strtoul(word, &end, hex ? 16 : 10);
	return !*end && !errno;
}

/* === JSON === */

static bool json_first = true;

static void json_key(const char *key)
{
	if (!json_first)
		putchar(',');
	if (key)
		printf("\"%s\":", key);
	json_first = false;
}

void json_open(const char *key, char bracket)
{
	json_key(key);
	putchar(bracket);
	json_first = true;
}

void json_close(char bracket)
{
	putchar(bracket);
	json_first = false;
}

/* The end of a document; another one may follow. */
void json_end(void)
{
	putchar('\n');
	fflush(stdout);
	json_first = true;
}

void json_text(const char *key, const char *text)
{
	json_key(key);
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c > '~')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

void json_format(const char *key, const char *format, ...)
{
	va_list args;

	json_key(key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

/* -16, 2.000123; but neither 007 nor 1e5 */
static bool is_json_number(const char *word)
{
	const char *digits = word + (*word == '-');
	size_t len = strspn(digits, "0123456789"), fraction;

	if (!len || (digits[0] == '0' && len > 1))
		return false;
	if (!digits[len])
		return true;
	fraction = strspn(digits + len + 1, "0123456789");
	return digits[len] == '.' && fraction && !digits[len + 1 + fraction];
}

/* The last page frame that a word of the kernel can name is none. */
static bool is_no_pfn(const char *word)
{
	return !strcmp(word, "none") || !strcmp(word, "0xffffffffffffffff") ||
	       (sizeof(long) == 4 && !strcmp(word, "0xffffffff"));
}

/* A word of the kernel: a number, no page frame at all, or text. */
void json_value(const char *key, const char *word)
{
	unsigned long number;

	if (is_json_number(word))
		json_format(key, "%s", word);
	else if (is_no_pfn(word))
		json_format(key, "null");
	else if (word[0] == '0' && parse_number(word, &number))
		json_format(key, "%lu", number);
	else
		json_text(key, word);
}

/* All pairs of a line, into the object that is open. */
void json_pairs(const char *line)
{
	const char *pair = starts_pair(line) ? line : next_pair(line);
	char key[32], value[256];

	for (; *pair; pair = next_pair(pair)) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(pair, "="), pair);
		copy_value(pair, value, sizeof(value));
		json_value(key, value);
	}
}
