// SPDX-License-Identifier: GPL-2.0
/*
 * contigstat events: the tracepoints of the engine, while they happen, from a trace
 * instance of our own. It is gone when we are.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contigstat.h"

#define TRACING		"/sys/kernel/tracing/"
#define MARK		": contig_"

static char instance[64];
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* A read that waits for events has to end. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* @events: one of them, with a slash behind it, or "" for all */
static void switch_events(const char *events, bool on)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/events/contig/%senable", instance, events);
	fd = open_file(path, O_WRONLY);
	if (write(fd, on ? "1" : "0", 1) != 1)
		die_of_file(path);
	close(fd);
}

static void remove_instance(void)
{
	char path[PATH_MAX];

	path_of(instance, path, sizeof(path));
	rmdir(path);
}

static void make_instance(void)
{
	char path[PATH_MAX];

	close(open_file(TRACING "events/contig/enable", O_RDONLY));
	snprintf(instance, sizeof(instance), TRACING "instances/contigstat-%d", getpid());
	path_of(instance, path, sizeof(path));
	if (mkdir(path, 0700))
		die_of_file(instance);
	atexit(remove_instance);
	switch_events("", true);
	switch_events("contig_start/", false);
}

/* TASK-PID [CPU] FLAGS TIME: EVENT: KEY=VALUE...; only the last parts are for us. */
static bool print_event(char *line)
{
	char *event = strstr(line, MARK), *time, *pairs;

	if (!event)
		return false;
	*event = '\0';
	event += 2;
	pairs = strstr(event, ": ");
	time = strrchr(line, ' ');
	if (!pairs || !time)
		return false;
	*pairs = '\0';
	pairs += 2;
	pairs[strcspn(pairs, "\n")] = '\0';
	if (options.form != FORM_JSON) {
		printf("%s %-18s %s\n", time + 1, event, pairs);
		return !fflush(stdout);
	}
	json_open(NULL, '{');
	json_value("time", time + 1);
	json_text("event", event);
	json_pairs(pairs);
	json_close('}');
	json_end();
	return true;
}

void run_events(char **words)
{
	unsigned long count = 0, shown = 0;
	char path[128], line[1024];
	FILE *pipe;

	if (words[0] && (!parse_number(words[0], &count) || !count))
		die_of_usage("the count is a number above 0, not '%s'", words[0]);
	catch_signals();
	make_instance();
	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	pipe = open_lines(path);
	while (!stopped && !ferror(stdout) && (!count || shown < count) &&
	       fgets(line, sizeof(line), pipe))
		shown += print_event(line);
	fclose(pipe);
	switch_events("", false);
}
