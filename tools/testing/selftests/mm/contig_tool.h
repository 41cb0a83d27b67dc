/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of contigstat share: the program, run, a reader of its JSON, and a
 * page for it to look at. The program is looked for
 * where the shell looks, or where $CONTIGSTAT says.
 *
 * In JSON a path is made of keys and of numbers in lists, with dots between; '#' as
 * its end is the length of a list. The reader is strict.
 */
#ifndef _CONTIG_TOOL_H
#define _CONTIG_TOOL_H

#include <stdbool.h>

#include "contig_util.h"

/* What it said last, complaints included: a string. */
extern char *output;

int __printf(1, 2) run(const char *format, ...);
int run_in(const char *before, const char *words);
double ask_json(const char *words, const char *path);
bool complains(const char *before, int status, const char *words, const char *text);

bool json_valid(const char *text);
const char *json_find(const char *text, const char *path);
double json_number(const char *text, const char *path);
bool json_is(const char *text, const char *path, const char *string);
bool json_is_null(const char *text, const char *path);

/* A page of the test's own, in ZONE_MOVABLE, until the test ends */
struct own_page {
	char *page;
	unsigned long pfn;
};

bool get_own_page(struct own_page *own, bool file);
bool hold_own_page(struct own_page *own, bool file);

#endif
