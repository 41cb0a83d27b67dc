// SPDX-License-Identifier: GPL-2.0
/*
 * What the trigger's commands "alloc" and "query" understand, and what they do
 * not: each gets its errno, reaches no engine, and leaves nothing behind.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contig_util.h"

static const struct {
	const char *command;
	int error;
} wrong_commands[] = {
	{ "alloc", -EINVAL },
	{ "query", -EINVAL },
	{ "alloc ", -EINVAL },
	{ "alloc x", -EINVAL },
	{ "alloc -4", -EINVAL },
	{ "alloc 4x", -EINVAL },
	{ "alloc 0", -EINVAL },
	{ "query 0", -EINVAL },
	{ "allocate 4", -EINVAL },
	{ "alloc 4 bogus", -EINVAL },
	{ "alloc 4  nowait", -EINVAL },
	{ "alloc 4 cma", -EINVAL },
	{ "alloc 4 frozen", -EINVAL },
	{ "alloc 4 align", -EINVAL },
	{ "alloc 4 align=", -EINVAL },
	{ "alloc 4 align=-1", -EINVAL },
	{ "alloc 4 align=3", -EINVAL },
	{ "alloc 4 align=4096k", -EINVAL },
	{ "alloc 4 boundary=12288", -EINVAL },
	{ "alloc 4 boundary=2048", -EINVAL },
	{ "alloc 4 boundary=8192", -EINVAL },
	{ "alloc 4 low=0xfffff000 high=0xffffefff", -EINVAL },
	{ "alloc 4 min=0x100000001", sizeof(long) == 8 ? -EINVAL : -ERANGE },
	{ "query 4 low=0x10000000 high=0x10003ffe", -EINVAL },
	{ "alloc 4 min=5", -EINVAL },
	{ "alloc 3 comp", -EINVAL },
	{ "query 3 comp", -EINVAL },
	{ "alloc 4 comp min=2", -EINVAL },
	{ "alloc 4 timeout=5", -EINVAL },
	{ "alloc 4 nid=-2", -EINVAL },
	{ "query 16 dma32 movable", -EINVAL },
	{ "call-range 0x1000 0", -EINVAL },
	{ "call-range 0x1000 3 comp", -EINVAL },
	{ "call-range 0x1001 4 comp", -EINVAL },
	{ "call-pages 0", -EINVAL },
	{ "call-pages 3 comp", -EINVAL },
	{ "alloc 16 dma32 movable", -EINVAL },
	{ "ddi 1 align=3", -EINVAL },
	{ "ddi 4503599627370497", sizeof(long) == 8 ? -EINVAL : -ERANGE },
	{ "query 4 nid=123456", -EINVAL },
	{ "alloc 18446744073709551615", sizeof(long) == 8 ? -EINVAL : -ERANGE },
	{ "alloc 18446744073709551616", -ERANGE },
	{ "alloc 4 align=18446744073709551616", -ERANGE },
	{ "query 4 boundary=0x10000000000000000", -ERANGE },
	{ "alloc 4 high=99999999999999999999", -ERANGE },
	{ "alloc 4 min=99999999999999999999", -ERANGE },
	{ "alloc 4 nid=99999999999", -ERANGE },
	{ "range 0x1000 4 align=4096", -EINVAL },
	{ "pages 4 low=0", -EINVAL },
	{ "cma 4 high=4096", -EINVAL },
};

/* None of them reaches the engine, and none leaves anything behind. */
static bool refuses_wrong_commands(int fd)
{
	unsigned long before = contig_stat("requests");
	struct contig_answer answer;
	char long_command[300];
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(wrong_commands); i++) {
		int err = contig_ask(fd, &answer, "%s", wrong_commands[i].command);

		if (err == wrong_commands[i].error)
			continue;
		ksft_print_msg("'%s': %d\n", wrong_commands[i].command, err);
		good = false;
	}
	memset(long_command, ' ', sizeof(long_command));
	memcpy(long_command, "alloc 4", strlen("alloc 4"));
	return good && contig_stat("requests") == before &&
	       contig_write(fd, long_command, sizeof(long_command)) == -EINVAL &&
	       contig_write(fd, "alloc\0004", 7) == -EINVAL;
}

/* A block is given back as a whole, by whoever has it. */
static bool gives_back_exactly(int fd)
{
	struct contig_answer answer, other;
	int stranger = contig_open();
	bool good;

	if (contig_ask_again(fd, &answer, "alloc 40 align=65536"))
		return false;
	good = contig_ask(fd, &other, "free 0x%lx 39", answer.start) == -EINVAL &&
	       contig_ask(fd, &other, "free 0x%lx 41", answer.start) == -EINVAL &&
	       contig_ask(fd, &other, "free 0x%lx 39", answer.start + 1) == -EINVAL &&
	       contig_ask(stranger, &other, "free 0x%lx 40", answer.start) == -EINVAL &&
	       !contig_ask(fd, &other, "free 0x%lx 40", answer.start) &&
	       contig_ask(fd, &other, "free 0x%lx 40", answer.start) == -EINVAL;
	close(stranger);
	return good;
}

int main(void)
{
	int fd;

	ksft_print_header();
	ksft_set_plan(2);
	fd = contig_open();
	ksft_test_result(refuses_wrong_commands(fd), "wrong commands change nothing\n");
	ksft_test_result(gives_back_exactly(fd), "a block is given back as a whole\n");
	close(fd);
	ksft_finished();
}
