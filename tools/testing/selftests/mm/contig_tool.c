// SPDX-License-Identifier: GPL-2.0
/* Running contigstat, and a reader of JSON that forgives nothing, see contig_tool.h. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contig_tool.h"

#define DEPTH		16
#define MEM_PAGES	256UL
#define OUTPUT_MAX	(8UL << 20)

/* === Running it === */

char *output;

/* Exit status; a shell gets to see what is to be done @before. */
int run_in(const char *before, const char *words)
{
	char command[512];
	FILE *pipe;
	size_t len;
	int status;

	output = output ?: malloc(OUTPUT_MAX);
	if (!output)
		ksft_exit_fail_msg("out of memory\n");
	snprintf(command, sizeof(command), "%s %s %s 2>&1", *before ? before : "exec",
		 getenv("CONTIGSTAT") ?: "contigstat", words);
	pipe = popen(command, "r");
	if (!pipe)
		ksft_exit_fail_msg("%s: %s\n", command, strerror(errno));
	len = fread(output, 1, OUTPUT_MAX - 1, pipe);
	output[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run(const char *format, ...)
{
	char words[256];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	return run_in("", words);
}

/* The number at @path in what "contigstat --json WORDS" says. */
double ask_json(const char *words, const char *path)
{
	int status = run("--json %s", words);

	if (status || !json_valid(output))
		ksft_exit_fail_msg("contigstat --json %s: exit status %d, output '%.200s'\n",
				   words, status, output);
	return json_number(output, path);
}

bool complains(const char *before, int status, const char *words, const char *text)
{
	int found = run_in(before, words);

	if (found == status && strstr(output, text))
		return true;
	ksft_print_msg("%s contigstat %s: exit status %d, says '%s'\n", before, words, found,
		       output);
	return false;
}

/* === JSON === */

static const char *skip_value(const char *text, int depth);

static const char *skip_blanks(const char *text)
{
	return text ? text + strspn(text, " \t\r\n") : NULL;
}

/* Each of these returns what comes behind, or NULL if it is not what it should be. */
static const char *skip_char(const char *text, char c)
{
	text = skip_blanks(text);
	return text && *text == c ? text + 1 : NULL;
}

static const char *skip_escape(const char *text)
{
	if (*text != 'u')
		return *text && strchr("\"\\/bfnrt", *text) ? text + 1 : NULL;
	for (int i = 1; i <= 4; i++)
		if (!isxdigit((unsigned char)text[i]))
			return NULL;
	return text + 5;
}

static const char *skip_string(const char *text)
{
	text = skip_char(text, '"');
	while (text && *text != '"') {
		if ((unsigned char)*text < ' ')
			return NULL;
		text = *text == '\\' ? skip_escape(text + 1) : text + 1;
	}
	return text ? text + 1 : NULL;
}

static const char *skip_digits(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len ? text + len : NULL;
}

static const char *skip_number(const char *text)
{
	text += *text == '-';
	text = *text == '0' ? text + 1 : skip_digits(text);
	if (text && *text == '.')
		text = skip_digits(text + 1);
	return text && !isalnum((unsigned char)*text) ? text : NULL;
}

/* A list or an object, whose members have a key each. */
static const char *skip_members(const char *text, char end, int depth)
{
	const char *empty = skip_char(text, end), *next;

	if (empty)
		return empty;
	for (;; text = next) {
		if (end == '}')
			text = skip_char(skip_string(text), ':');
		text = skip_value(text, depth);
		next = skip_char(text, ',');
		if (!next)
			return skip_char(text, end);
	}
}

static const char *skip_value(const char *text, int depth)
{
	static const char * const words[] = { "null", "true", "false" };

	text = skip_blanks(text);
	if (!text || depth == DEPTH)
		return NULL;
	if (*text == '{')
		return skip_members(text + 1, '}', depth + 1);
	if (*text == '[')
		return skip_members(text + 1, ']', depth + 1);
	if (*text == '"')
		return skip_string(text);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(text, words[i], strlen(words[i])))
			return text + strlen(words[i]);
	return skip_number(text);
}

/* One value and nothing behind it? */
bool json_valid(const char *text)
{
	text = skip_blanks(skip_value(text, 0));
	return text && !*text;
}

static bool key_is(const char *text, const char *key, size_t len)
{
	text = skip_char(text, '"');
	return text && !strncmp(text, key, len) && text[len] == '"';
}

/* The value of member @word of the list or object at @text, or how many it has. */
static const char *find_member(const char *text, const char *word, size_t len, double *nr)
{
	bool object = *text == '{';
	double number = 0;

	if ((!object && *text != '[') || skip_char(text + 1, object ? '}' : ']'))
		text = NULL;
	while (text && (number == 0 || *text == ',')) {
		const char *key = skip_blanks(text + 1);
		const char *value = object ? skip_char(skip_string(key), ':') : key;

		if (object ? key_is(key, word, len) : (*word != '#' && number == atol(word)))
			return skip_blanks(value);
		text = skip_blanks(skip_value(value, 0));
		number++;
	}
	*nr = number;
	return NULL;
}

static const char *walk(const char *text, const char *path, double *nr)
{
	text = skip_blanks(text);
	while (text && *path && *path != '#') {
		size_t len = strcspn(path, ".");

		text = find_member(text, path, len, nr);
		path += len + (path[len] == '.');
	}
	if (text && *path == '#')
		find_member(text, path, 1, nr);
	return text;
}

const char *json_find(const char *text, const char *path)
{
	double nr;

	return walk(text, path, &nr);
}

/* -1 if there is no such number; what is asked for is never negative but an errno. */
double json_number(const char *text, const char *path)
{
	double number = 0, nr = 0;
	const char *at = text ? walk(text, path, &nr) : NULL;

	if (!at)
		return -1;
	if (path[strlen(path) - 1] == '#')
		return nr;
	return sscanf(at, "%lf", &number) == 1 ? number : -1;
}

bool json_is(const char *text, const char *path, const char *string)
{
	const char *at = json_find(text, path);

	return at && *at == '"' && !strncmp(at + 1, string, strlen(string)) &&
	       at[1 + strlen(string)] == '"';
}

bool json_is_null(const char *text, const char *path)
{
	const char *at = json_find(text, path);

	return at && !strncmp(at, "null", 4);
}

/* === A page to look at === */

/* Anonymous, or of a file in memory; one of so many is where the kernel keeps none. */
bool get_own_page(struct own_page *own, bool file)
{
	struct contig_memory mem = { NULL, MEM_PAGES, 9 };
	struct contig_zone zone;
	int fd = file ? syscall(__NR_memfd_create, "contig", 0) : -1;
	long i;

	if (!contig_zone("Movable", &zone) || (file && ftruncate(fd, MEM_PAGES * psize())))
		return false;
	mem.map = mmap(NULL, MEM_PAGES * psize(), PROT_READ | PROT_WRITE,
		       file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (mem.map == MAP_FAILED)
		return false;
	madvise(mem.map, MEM_PAGES * psize(), MADV_NOHUGEPAGE);
	contig_fill(&mem);
	i = contig_index_in(&mem, 0, (struct contig_span){ zone.start, zone.end });
	if (i < 0)
		return false;
	own->page = mem.map + i * psize();
	own->pfn = contig_pfn(&mem, i);
	return true;
}

/* The same, with a reference of a pipe's. */
bool hold_own_page(struct own_page *own, bool file)
{
	struct contig_memory mem = { .nr = 1 };
	int pipe_fds[2];

	if (!get_own_page(own, file) || !contig_pin_by_pipe(own->page, pipe_fds))
		return false;
	mem.map = own->page;
	own->pfn = contig_pfn(&mem, 0);
	return own->pfn != CONTIG_NO_PFN;
}
