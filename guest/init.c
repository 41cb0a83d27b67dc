// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of every test guest, linked -static.
 *
 * Mounts what a test needs, runs the one job that the kernel command line names
 * and then says on a channel of its own whether boot, job and kernel were fine.
 * The host believes nothing but that verdict: a panic, a hang or a cut log can
 * therefore only be red.
 *
 *   contig.job=NAME      run /jobs/NAME, standard output to the report port
 *   contig.nonce=WORD    repeated in the verdict, so that no old one can pass
 *   contig.coverage=1    afterwards /jobs/gcov writes to the port named "gcov"
 *   contig.tty=1         the job talks to the console instead (a shell)
 *   contig.verdict=DEV, contig.report=DEV
 *                        character devices in place of the virtio-serial ports
 *                        that are named "verdict" and "report"
 *
 * Any NAME=VALUE without a dot on the command line is in the job's environment:
 * the kernel itself puts it there.
 *
 * The verdict is "pass NONCE" or "fail CODE NONCE REASON". It is "pass" only if
 * the job returned 0, the kernel is not tainted, lockdep still works, what account.h
 * looks at is as it was before and, where there is kmemleak, a scan finds nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "account.h"

#define PORT_WAIT_MS	10000	/* virtio ports appear after PID 1 has started */
#define LEAK_AGE_S	7	/* kmemleak reports no object younger than 5 s */
#define NO_FAULT	0x41000UL	/* taint: KUnit has run, our driver is loaded */
#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

static char nonce[64];
static char message[512];
static int kmsg = -1;

/* === Small helpers ======================================================= */

/* One line into the kernel log, where it cannot cut another line in two. */
#define say(format, ...)						\
	do {								\
		snprintf(message, sizeof(message),			\
			 "<2>contig-init: " format, ##__VA_ARGS__);	\
		log_message();						\
	} while (0)

static void log_message(void)
{
	ssize_t len = strlen(message);

	if (write(kmsg, message, len) != len)
		fprintf(stderr, "%s\n", message);
}

/* Read a small file as one string; -1 if that is not possible. */
static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	buf[0] = '\0';
	if (fd < 0)
		return -1;
	len = read(fd, buf, size - 1);
	close(fd);
	if (len < 0)
		return -1;
	buf[len] = '\0';
	return 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool ok;

	if (fd < 0)
		return -1;
	ok = write(fd, text, len) == len;
	close(fd);
	return ok ? 0 : -1;
}

/* The value of KEY=VALUE on the kernel command line, "" if it is not there. */
static void cmdline_value(const char *key, char *buf, size_t size)
{
	char line[4096], *word, *next;
	size_t len = strlen(key);

	buf[0] = '\0';
	if (read_text("/proc/cmdline", line, sizeof(line)))
		return;
	for (word = strtok_r(line, "\n ", &next); word;
	     word = strtok_r(NULL, "\n ", &next)) {
		if (!strncmp(word, key, len) && word[len] == '=')
			snprintf(buf, size, "%s", word + len + 1);
	}
}

/* === Setting up ========================================================== */

static const struct {
	const char *type;
	const char *dir;
} mounts[] = {
	{ "proc",	"/proc" },
	{ "sysfs",	"/sys" },
	{ "devtmpfs",	"/dev" },
	{ "devpts",	"/dev/pts" },
	{ "tmpfs",	"/dev/shm" },
	{ "tmpfs",	"/tmp" },
	{ "debugfs",	"/sys/kernel/debug" },
	{ "tracefs",	"/sys/kernel/tracing" },
	{ "cgroup2",	"/sys/fs/cgroup" },
	{ "hugetlbfs",	"/dev/hugepages" },
};

/* A file system that this lane's kernel does not have is no error. */
static void mount_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
			  NULL) && errno != ENODEV && errno != ENOENT)
			say("mount %s on %s: %s", mounts[i].type,
			    mounts[i].dir, strerror(errno));
	}
}

/* Whatever goes wrong in the kernel ends the guest, without a verdict. */
static void panic_on_trouble(void)
{
	static const char * const knobs[] = {
		"panic_on_warn", "panic_on_oops", "panic_on_rcu_stall",
		"hung_task_panic", "softlockup_panic",
	};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", knobs[i]);
		if (write_text(path, "1") && errno != ENOENT)
			say("%s: %s", path, strerror(errno));
	}
}

/* Find the virtio-serial port called @name; returns its /dev path in @dev. */
static bool find_port(const char *name, char *dev, size_t size)
{
	char path[512], text[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir("/sys/class/virtio-ports");
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name",
			 entry->d_name);
		if (entry->d_name[0] == '.' ||
		    read_text(path, text, sizeof(text)))
			continue;
		text[strcspn(text, "\n")] = '\0';
		found = !strcmp(text, name);
		if (found)
			snprintf(dev, size, "/dev/%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

/* Open a channel to the host: the one named on the command line, or the port. */
static int open_channel(const char *name)
{
	char key[32], dev[300];
	struct termios raw;
	int fd = -1;

	snprintf(key, sizeof(key), "contig.%s", name);
	cmdline_value(key, dev, sizeof(dev));
	for (int ms = 0; ms < PORT_WAIT_MS && fd < 0; ms += 50) {
		if (dev[0] || find_port(name, dev, sizeof(dev)))
			fd = open(dev, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			usleep(50 * 1000);
	}
	if (fd < 0) {
		say("no channel '%s' to the host", name);
		return -1;
	}
	if (!tcgetattr(fd, &raw)) {	/* a serial line: pass every byte as it is */
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

/* === The job ============================================================= */

/* In the child: never returns. */
static void exec_job(const char *job, int report)
{
	char path[128], tty[8];
	int console;

	cmdline_value("contig.tty", tty, sizeof(tty));
	setsid();
	if (tty[0] == '1') {
		console = open("/dev/console", O_RDWR | O_CLOEXEC);
		if (console >= 0)
			ioctl(console, TIOCSCTTY, 1);
	} else {
		console = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (report >= 0)
			dup2(report, STDOUT_FILENO);
	}
	if (console >= 0)
		dup2(console, STDIN_FILENO);

	snprintf(path, sizeof(path), "/jobs/%s", job);
	execl(path, path, NULL);
	fprintf(stderr, "contig-init: %s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Run the job, reap every orphan meanwhile; returns its exit status as a shell does. */
static int run_job(const char *job, int report)
{
	int status = 0;
	pid_t child, pid;

	child = fork();
	if (child < 0)
		return 126;
	if (!child)
		exec_job(job, report);

	do {
		pid = waitpid(-1, &status, 0);
	} while (pid != child && (pid > 0 || errno == EINTR));

	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;

	if (pid != child)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* === The verdict ========================================================= */

static bool taint_found(char *reason, size_t size)
{
	char text[32];
	unsigned long taint;

	if (read_text("/proc/sys/kernel/tainted", text, sizeof(text))) {
		snprintf(reason, size, "kernel.tainted cannot be read");
		return true;
	}
	taint = strtoul(text, NULL, 10) & ~NO_FAULT;
	if (taint)
		snprintf(reason, size, "the kernel is tainted: 0x%lx", taint);
	return taint;
}

/* Lockdep switches itself off after its first report. */
static bool lockdep_gave_up(char *reason, size_t size)
{
	char *line = NULL;
	size_t room = 0;
	int works = 1;
	FILE *file;

	file = fopen("/proc/lockdep_stats", "re");
	if (!file)
		return false;
	while (getline(&line, &room, file) > 0)
		if (sscanf(line, " debug_locks: %d", &works) == 1)
			break;
	free(line);
	fclose(file);
	if (!works)
		snprintf(reason, size, "lockdep has switched itself off");
	return !works;
}

static bool scan_for_leaks(void)
{
	return !write_text(KMEMLEAK, "scan");
}

/*
 * Two scans: the first one only notes checksums, so it need not wait until what the
 * job left behind is old enough to be reported. Leaks go to the console.
 */
static bool leak_found(char *reason, size_t size)
{
	time_t over = time(NULL);
	char *line = NULL;
	size_t room = 0;
	long lines = 0;
	FILE *file;
	bool good;

	file = fopen(KMEMLEAK, "re");
	if (!file && errno == ENOENT)
		return false;
	good = file && scan_for_leaks();
	while (good && time(NULL) < over + LEAK_AGE_S)
		usleep(100 * 1000);
	if (!good || !scan_for_leaks()) {
		snprintf(reason, size, "kmemleak does not scan: %s", strerror(errno));
		if (file)
			fclose(file);
		return true;
	}
	while (getline(&line, &room, file) > 0) {
		fputs(line, stderr);
		lines++;
	}
	free(line);
	fclose(file);
	if (lines)
		snprintf(reason, size, "kmemleak found a leak");
	return lines;
}

/* What ran in the kernel, for the host to look at. Not a matter of the verdict. */
static void save_coverage(void)
{
	char wanted[8];
	int channel;

	cmdline_value("contig.coverage", wanted, sizeof(wanted));
	if (wanted[0] != '1')
		return;
	channel = open_channel("gcov");
	if (channel < 0 || run_job("gcov", channel))
		say("the coverage could not be written");
}

static bool account_found(const struct account *before, char *reason, size_t size)
{
	const char *what = account_differs(before);

	if (what)
		snprintf(reason, size, "not as before: %s", what);
	return what;
}

static void write_verdict(int channel, int code, const char *reason)
{
	char text[256];
	int len;

	if (code)
		len = snprintf(text, sizeof(text), "fail %d %s %s\n", code, nonce, reason);
	else
		len = snprintf(text, sizeof(text), "pass %s\n", nonce);
	if (channel < 0 || write(channel, text, len) != len)
		say("the verdict could not be written");
	else if (isatty(channel))
		tcdrain(channel);
	say("end %s: %.*s", nonce, len - 1, text);
}

int main(void)
{
	char job[64], reason[128] = "the job failed";
	struct account before;
	int verdict, report, code;

	mount_all();
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	panic_on_trouble();
	cmdline_value("contig.job", job, sizeof(job));
	cmdline_value("contig.nonce", nonce, sizeof(nonce));
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin:/tests", 1);
	setenv("HOME", "/tmp", 1);

	verdict = open_channel("verdict");
	report = open_channel("report");
	if (!access(KMEMLEAK, F_OK))
		write_text(KMEMLEAK, "clear");

	account_take(&before);
	say("job %s", job);
	code = run_job(job, report);
	say("job %s returned %d", job, code);
	if (!code && (taint_found(reason, sizeof(reason)) ||
		      lockdep_gave_up(reason, sizeof(reason)) ||
		      account_found(&before, reason, sizeof(reason)) ||
		      leak_found(reason, sizeof(reason))))
		code = 200;

	save_coverage();
	write_verdict(verdict, code, reason);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
