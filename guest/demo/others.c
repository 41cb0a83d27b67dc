// SPDX-License-Identifier: GPL-2.0
/*
 * The others: the programs that own the memory. They are two instances of
 * guest/load.c, so that the one that only forks stays small and can be stopped while
 * counters are read. What they say is passed on as progress.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define LOAD		"/bin/load"
#define FILES		"/data"
#define READY		"load: ready"
#define CHECKED		"load: checked"

struct other {
	const char *name;
	char *const *argv;
	pid_t pid;
	FILE *out;
};

/*
 * Fill memory until little is left, so that the CMA area and all zones get their part,
 * then give half of the small pages back here and there: what is free afterwards is in
 * pieces all over the machine, as it is after weeks.
 */
static char *const owner_argv[] = {
	"load", "--seed", "1", "--file", FILES, "--thp", "384", "--anon", "8192",
	"--leave", "110", "--holes", "45", "--touch", "2000", NULL
};
static char *const churn_argv[] = { "load", "--seed", "2", "--churn", "2", NULL };

static struct other owner = { .name = "owner", .argv = owner_argv };
static struct other churn = { .name = "churn", .argv = churn_argv };
static unsigned long bad_pages;

/* === Start and stop ====================================================== */

static int start(struct other *o)
{
	int fds[2];

	if (pipe(fds))
		return -1;
	fflush(stdout);
	o->pid = fork();
	if (!o->pid) {
		setpgid(0, 0);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(LOAD, o->argv);
		_exit(127);
	}
	setpgid(o->pid, o->pid);
	close(fds[1]);
	o->out = fdopen(fds[0], "r");
	return o->pid > 0 && o->out ? 0 : -1;
}

/* Pass on what @o says, up to the line that begins with @text; false if it is gone. */
static bool wait_line(struct other *o, const char *text, char *line, size_t size)
{
	while (fgets(line, size, o->out)) {
		line[strcspn(line, "\n")] = '\0';
		note("%s", line);
		if (!strncmp(line, text, strlen(text)))
			return true;
	}
	return false;
}

int others_start(void)
{
	char line[256];

	if (start(&churn) || !wait_line(&churn, READY, line, sizeof(line)))
		return -1;
	if (start(&owner) || !wait_line(&owner, READY, line, sizeof(line)))
		return -1;
	return 0;
}

/* A load that ends before its time, or with an exit code, has lost memory. */
static int stop(struct other *o)
{
	char line[256];
	int status = -1;

	if (o->pid <= 0)
		return -1;
	kill(o->pid, SIGTERM);
	while (wait_line(o, CHECKED, line, sizeof(line)))
		;
	fclose(o->out);
	if (waitpid(o->pid, &status, 0) != o->pid || status) {
		step("load '%s' ended with status 0x%x", o->name, status);
		return -1;
	}
	o->pid = 0;
	return 0;
}

int others_stop(void)
{
	int err = stop(&owner);

	return stop(&churn) ? -1 : err;
}

/* === Questions =========================================================== */

static int check(struct other *o)
{
	unsigned long pages, bad;
	char line[256];

	if (o->pid <= 0 || kill(o->pid, SIGUSR1) ||
	    !wait_line(o, CHECKED, line, sizeof(line)) ||
	    sscanf(line, CHECKED " %lu pages, %lu bad", &pages, &bad) != 2)
		return -1;
	bad_pages += bad;
	return 0;
}

int others_check(void)
{
	int err = check(&owner);

	if (check(&churn) || err) {
		step("the load is gone");
		return -1;
	}
	return bad_pages;
}

/* The churners are in the group of their parent, and their children too. */
void others_pause(bool pause)
{
	kill(-churn.pid, pause ? SIGSTOP : SIGCONT);
	kill(-owner.pid, pause ? SIGSTOP : SIGCONT);
	sleep_ms(200);
}
