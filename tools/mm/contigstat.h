/* SPDX-License-Identifier: GPL-2.0 */
/*
 * contigstat: main() and the counters are in contigstat.c, what all commands read
 * and write with in contigstat_io.c, and each larger command in a file of its own.
 */
#ifndef CONTIGSTAT_H
#define CONTIGSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdnoreturn.h>

#define CONTIG_DIR	"/sys/kernel/debug/contig/"
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define BIT(n)		(1ULL << (n))
#define __printf(a, b)	__attribute__((format(printf, a, b)))

enum form { FORM_TEXT, FORM_JSON, FORM_SVG };

/**
 * struct options - what the command line says
 * @form: of the output
 * @color: letters of the map in colours
 * @width: blocks in a row of the map; 0 for as many as fit
 * @root: before every path, "" for the running system
 */
struct options {
	enum form form;
	bool color;
	unsigned int width;
	const char *root;
};

extern struct options options;

/* contigstat_io.c: complaints */
noreturn void __printf(1, 2) die(const char *format, ...);
noreturn void __printf(1, 2) die_of_usage(const char *format, ...);
noreturn void die_of_file(const char *path);

/* contigstat_io.c: files; those that return at all have succeeded */
void path_of(const char *path, char *buf, size_t size);
FILE *open_lines(const char *path);
int open_file(const char *path, int flags);
void read_words(int fd, unsigned long pfn, size_t nr, uint64_t *words);

/* contigstat_io.c: lines of the form key=value key=value */
bool find_value(const char *line, const char *key, char *buf, size_t size);
const char *get_value(const char *line, const char *key, char *buf, size_t size);
unsigned long get_number(const char *line, const char *key);
bool parse_number(const char *word, unsigned long *number);

/* contigstat_io.c: JSON; @key is NULL in a list */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_text(const char *key, const char *text);
void json_value(const char *key, const char *word);
void __printf(2, 3) json_format(const char *key, const char *format, ...);
void json_pairs(const char *line);
void json_end(void);

/* The commands: each gets the words behind its name, NULL at their end */
void run_latency(char **words);
void run_map(char **words);
void run_why(char **words);
void run_events(char **words);

#endif
