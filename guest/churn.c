// SPDX-License-Identifier: GPL-2.0
/*
 * churn: apps that are launched, work a little and go, one after the other.
 *
 * Each of N launchers forks and executes this program anew, as an app: it maps
 * memory, touches some of it, reads and maps parts of a file, looks whether all of
 * it is as it was written, and ends, often without giving anything back first. Each
 * fourth launch is busybox instead. Now and then a launcher has the file dropped
 * from the page cache, so that the next apps have to read it from the disk again.
 *
 *   --parallel N             launchers (2)
 *   --anon MB                at most, of each app (4)
 *   --file PATH --file-mb N  the file, made anew, of N (16) MB
 *   --seconds N              (until a signal comes)
 *   --seed N                 (1)
 *
 * Lines and exit status are as with load.c: "churn: ready ..." once all is in place;
 * SIGUSR1 tells how far it got; SIGTERM lets the apps that run come to their end and
 * ends the program. 0 only if no app found damage and none died, 1 if one did, 2 if
 * something else went wrong.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYSTANDER	"churn"
#include "bystander.h"

#define APP		"--app"		/* the first argument of an app */
#define APP_ARGS	7
#define FILE_OWNER	0xa99UL		/* in the pattern of the file */
#define MAX_LAUNCHERS	32
#define READS		64		/* pages of the file that an app looks at */
#define DROP_EACH	8		/* launches between two times the file is dropped */
#define BAD		1		/* exit status of an app that found damage */

/* Shared with the launchers. */
struct shared {
	bool stop;
	unsigned long launches, bad;
};

static struct {
	unsigned long parallel, anon, file_mb, seconds, seed;
	const char *file;
} opt = { .parallel = 2, .anon = 4, .file_mb = 16, .seed = 1 };

static struct shared *shared;
static pid_t launchers[MAX_LAUNCHERS];
static uint64_t random_state;

static uint64_t next_random(void)
{
	return random_after(&random_state);
}

/* === An app ============================================================== */

static unsigned long bad_pages;

static void check(const char *name, const void *page, unsigned long owner, size_t i)
{
	int word = pattern_check(page, owner, i, 0);
	unsigned long found;

	if (word < 0)
		return;
	memcpy(&found, (const char *)page + word * sizeof(found), sizeof(found));
	if (bad_pages++ < 5)
		printf("churn: DAMAGE in %s: page %zu word %d reads 0x%016lx\n", name,
		       i, word, found);
}

/* Some pages all over the memory, each with what its index says. */
static void touch_memory(char *p, size_t pages, unsigned long owner)
{
	size_t step = 1 + next_random() % 4;

	for (size_t i = 0; i < pages; i += step)
		pattern_fill(p + i * PATTERN_PAGE, owner, i, 0);
	for (size_t i = 0; i < pages; i += step)
		check("anon", p + i * PATTERN_PAGE, owner, i);
}

/* Half of them are read, half of them looked at where they are mapped. */
static void use_file(int fd, const char *map, size_t pages)
{
	char page[PATTERN_PAGE];

	for (int n = 0; n < READS; n++) {
		size_t i = next_random() % pages;

		if (n % 2) {
			check("mapping", map + i * PATTERN_PAGE, FILE_OWNER, i);
			continue;
		}
		if (pread(fd, page, sizeof(page), i * sizeof(page)) != sizeof(page))
			die("read the file");
		check("file", page, FILE_OWNER, i);
	}
}

/* churn --app SEED ANON_MB FILE_MB FILE */
static int app(char **argv)
{
	size_t anon, file_size = strtoul(argv[4], NULL, 10) * MB;
	unsigned long seed = strtoul(argv[2], NULL, 10);
	int fd = open(argv[5], O_RDONLY | O_CLOEXEC);
	char *map, *memory;

	random_state = seed;
	if (fd < 0)
		die(argv[5]);
	anon = PAGES_PER_MB / 4;
	anon += next_random() % (strtoul(argv[3], NULL, 10) * PAGES_PER_MB - anon + 1);
	memory = map_memory(anon * PATTERN_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map = map_memory(file_size, PROT_READ, MAP_PRIVATE, fd);
	touch_memory(memory, anon, seed);
	use_file(fd, map, file_size / PATTERN_PAGE);
	if (next_random() % 2)
		munmap(memory, anon * PATTERN_PAGE);
	return bad_pages ? BAD : 0;
}

/* === A launcher ========================================================== */

static void exec_app(unsigned long seed, bool busybox)
{
	char numbers[3][24], name[] = "churn", first[] = APP;
	char *argv[APP_ARGS] = { name, first, numbers[0], numbers[1], numbers[2] };

	if (busybox)
		execl("/bin/busybox", "busybox", "true", (char *)NULL);
	snprintf(numbers[0], sizeof(numbers[0]), "%lu", seed);
	snprintf(numbers[1], sizeof(numbers[1]), "%lu", opt.anon);
	snprintf(numbers[2], sizeof(numbers[2]), "%lu", opt.file_mb);
	argv[5] = strdup(opt.file);
	if (argv[5])
		execv("/proc/self/exe", argv);
	_exit(UNABLE);
}

/* Damage that hits the code or the stack of an app may well make it crash. */
static void launch_app(void)
{
	unsigned long seed = next_random() >> 8;
	bool busybox = next_random() % 4 == 0;
	int status;
	pid_t pid = fork();

	if (!pid)
		exec_app(seed, busybox);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	__atomic_fetch_add(&shared->launches, 1, __ATOMIC_RELAXED);
	if (!status)
		return;
	printf("churn: app %lu ended with status 0x%x\n", seed, status);
	__atomic_fetch_add(&shared->bad, 1, __ATOMIC_RELAXED);
}

static void launch_until_told(unsigned long number)
{
	int fd = open(opt.file, O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	random_state = opt.seed * 1000 + number;
	if (fd < 0)
		die(opt.file);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		launch_app();
		if (next_random() % DROP_EACH == 0)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	exit(0);
}

/* === Run ================================================================= */

static void make_file(void)
{
	char page[PATTERN_PAGE];
	FILE *f = fopen(opt.file, "w");

	if (!f)
		die(opt.file);
	for (size_t i = 0; i < opt.file_mb * PAGES_PER_MB; i++) {
		pattern_fill(page, FILE_OWNER, i, 0);
		if (fwrite(page, sizeof(page), 1, f) != 1)
			die("write the file");
	}
	/* only clean pages can be dropped */
	if (fflush(f) || fsync(fileno(f)) || fclose(f))
		die("write the file");
}

static void start_launchers(const sigset_t *signals)
{
	for (unsigned long n = 0; n < opt.parallel; n++) {
		launchers[n] = fork();
		if (launchers[n] < 0)
			die("fork");
		if (launchers[n])
			continue;
		sigprocmask(SIG_UNBLOCK, signals, NULL);
		launch_until_told(n);
	}
}

static void show_progress(const char *what)
{
	printf("churn: %s%lu launches, %lu bad\n", what, shared->launches, shared->bad);
}

static void tell(void)
{
	show_progress("");
}

static void tell_at_times(void)
{
	if (time_to_report())
		tell();
}

/* Launchers end well, or one of them could not go on. */
static bool wait_for_launchers(void)
{
	bool well = true;
	int status;

	shared->stop = true;
	for (unsigned long n = 0; n < opt.parallel; n++)
		well = waitpid(launchers[n], &status, 0) == launchers[n] && !status && well;
	return well;
}

static void usage(void)
{
	fputs("churn: --file PATH [--file-mb N] [--parallel N] [--anon MB] [--seconds N]\n"
	      "       [--seed N]\n", stdout);
	exit(UNABLE);
}

static const struct option options[] = {
	{ "--parallel", &opt.parallel }, { "--anon", &opt.anon }, { "--seed", &opt.seed },
	{ "--file-mb", &opt.file_mb }, { "--seconds", &opt.seconds },
	{ "--file", .text = &opt.file },
};

static void parse(int argc, char **argv)
{
	take_options(argc, argv, options, ARRAY_SIZE(options));
	if (!opt.file || !opt.file_mb || !opt.anon || !opt.parallel ||
	    opt.parallel > MAX_LAUNCHERS)
		usage();
}

int main(int argc, char **argv)
{
	const struct service service = { 1000, tell, tell_at_times };
	sigset_t signals;
	bool well;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == APP_ARGS - 1 && !strcmp(argv[1], APP))
		return app(argv);
	parse(argc, argv);
	shared = map_memory(sizeof(*shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1);
	hold_signals(&signals);
	make_file();
	start_launchers(&signals);
	printf("churn: ready: %lu launchers, file %lu MB\n", opt.parallel, opt.file_mb);
	serve(&signals, opt.seconds ?: UNTIL_TOLD, &service);
	well = wait_for_launchers();
	show_progress("in all ");
	if (shared->bad)
		return 1;
	return well ? 0 : UNABLE;
}
