// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: nonsense, and what looks nearly like sense, for all that the engine and its
 * clients let root write to.
 *
 * Every file of /sys/kernel/debug/contig and /sys/kernel/debug/cma is read and written
 * in random ways, every device of /dev/dma_heap gets random ioctls. Commands come from
 * the grammar of the trigger, with numbers from the borders of their ranges, and are
 * then cut, stretched, repeated or spoilt. A worker does some hundred of that and ends;
 * the next one begins where a sum over the seed says. One that hangs is killed, and it is
 * an error if it does not die of that.
 *
 *   --seconds N   (60)
 *   --seed N      (1)
 *
 * Prints a line for each file: how often it was written to or read, and how many of
 * those were taken. Exit status: 0, or 1 if a worker could not be killed, memory is
 * missing in the end, a file never took anything or took all, or if some output has an
 * address of the kernel in it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYSTANDER	"fuzz"
#include "bystander.h"

#define MAX_FILES	600
#define TEXT_MAX	8192
#define ROUNDS		300		/* of one worker */
#define PATIENCE	15		/* seconds without a sign of life from a worker */
#define DYING		30		/* seconds that a killed one may take */
#define LOST_KB		65536		/* what others may have taken, KASAN for freed objects */
#define WORST		5		/* lines of the same kind that are printed */

static struct {
	unsigned long seconds, seed;
} opt = { .seconds = 60, .seed = 1 };

enum kind { TRIGGER, NUMBER, READ_ONLY, HEAP, NR_KINDS };

static const char * const kind_names[] = { "trigger", "number", "read", "heap" };

struct target {
	char path[256];
	enum kind kind;
};

static struct target targets[MAX_FILES];
static unsigned int nr_targets;

/* What workers and watcher share. */
struct shared {
	unsigned long beats, leaks;
	unsigned long tried[MAX_FILES], taken[MAX_FILES];
};

static struct shared *shared;
static char *nowhere;		/* one page that is there, and then one that is not */
static uint64_t random_state;

static void usage(void)
{
	printf("usage: fuzz [--seconds N] [--seed N]\n");
	exit(UNABLE);
}

static uint64_t below(uint64_t limit)
{
	return random_after(&random_state) % limit;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* === What there is ======================================================= */

static enum kind kind_of(const char *path, const struct stat *st)
{
	if (!strncmp(path, "/dev/", 5))
		return HEAP;
	if (strstr(path, "/trigger"))
		return TRIGGER;
	return st->st_mode & 0222 ? NUMBER : READ_ONLY;
}

static int add_target(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || nr_targets == MAX_FILES)
		return 0;
	snprintf(targets[nr_targets].path, sizeof(targets->path), "%s", path);
	targets[nr_targets++].kind = kind_of(path, st);
	return 0;
}

static void find_targets(void)
{
	nftw("/sys/kernel/debug/contig", add_target, 8, FTW_PHYS);
	nftw("/sys/kernel/debug/cma", add_target, 8, FTW_PHYS);
	nftw("/dev/dma_heap", add_target, 8, FTW_PHYS);
	if (!nr_targets)
		die("find anything to write to");
}

/* === Numbers and words =================================================== */

/* Borders of all the ranges that a number may be in, and what is near them. */
static uint64_t odd_number(void)
{
	switch (below(6)) {
	case 0:
		return below(64);
	case 1:
		return (1ULL << below(64)) + below(3) - 1;
	case 2:
		return -below(4096);
	case 3:
		return below(1 << 20);
	case 4:
		return random_after(&random_state);
	default:
		return below(2048) * 512 + below(3) - 1;
	}
}

static int print_number(char *buf, size_t size)
{
	static const char * const formats[] = {
		"%llu", "%llu", "%llu", "0x%llx", "0x%llx", "0%llo", "%lld", "-%llu",
		"+%llu", "%llux", "%llu.5", " %llu", "%llu ", "%020llu",
	};
	const char *format = formats[below(ARRAY_SIZE(formats))];

	return snprintf(buf, size, format, (unsigned long long)odd_number());
}

static size_t print_small(char *buf, size_t size)
{
	if (one_in(2))
		return print_number(buf, size);
	return snprintf(buf, size, "%u", (unsigned int)below(8));
}

/* Mostly of a size that can be met. */
static int print_pages(char *buf, size_t size)
{
	if (one_in(4))
		return print_number(buf, size);
	return snprintf(buf, size, "%llu", 1ULL << below(11));
}

static const char * const commands[] = {
	"range", "pages", "alloc", "query", "cma", "free", "frei", "", "range range",
	"call-range", "call-pages", "order", "collect", "cancel", "await", "ddi", "mark", "verify",
};

static const char * const options[] = {
	"cma", "comp", "frozen", "nowait", "noretry", "hard", "nowarn", "zero", "dma32", "movable",
	"nid=0", "nid=", "timeout=3", "timeout=", "timeout=0", "nonsense", "", "=", "%s%n",
};

static const char * const places[] = {
	"align=", "boundary=", "low=", "high=", "min=", "nid=", "align", "timeout=0",
};

static size_t print_option(char *buf, size_t size)
{
	size_t len;

	if (one_in(3)) {
		len = snprintf(buf, size, " %s", places[below(ARRAY_SIZE(places))]);
		return len + print_number(buf + len, size - len);
	}
	return snprintf(buf, size, " %s", options[below(ARRAY_SIZE(options))]);
}

static bool takes_start(const char *name)
{
	static const char * const those[] = { "range", "free", "call-range", "mark", "verify" };

	for (size_t i = 0; i < ARRAY_SIZE(those); i++)
		if (!strcmp(name, those[i]))
			return true;
	return false;
}

static size_t print_command(char *buf, size_t size)
{
	const char *name = commands[below(ARRAY_SIZE(commands))];
	size_t len = snprintf(buf, size, "%s ", name);

	if (takes_start(name)) {
		len += print_number(buf + len, size - len);
		len += snprintf(buf + len, size - len, " ");
	}
	len += print_pages(buf + len, size - len);
	if (!strcmp(name, "mark") || !strcmp(name, "verify"))
		len += snprintf(buf + len, size - len, " %u", (unsigned int)below(4));
	while (one_in(2) && len < size / 2)
		len += print_option(buf + len, size - len);
	return len;
}

/* === Nonsense ============================================================ */

/* One text in two is left as it is. */
static size_t spoil(char *buf, size_t len, size_t size)
{
	if (len >= size)
		len = size - 1;
	switch (below(12)) {
	case 0:
		return below(len + 1);
	case 1:
		memset(buf + len, ' ' + below(95), size - len);
		return len + below(size - len);
	case 2:
		for (size_t at = len; at < size; at++)
			buf[at] = buf[at % (len ?: 1)];
		return size - below(size - len);
	case 3:
		buf[below(len + 1)] = '\0';
		return len;
	case 4:
		buf[below(len + 1)] ^= 1 << below(8);
		return len;
	case 5:
		for (size_t at = 0; at < 64; at++)
			buf[at] = below(256);
		return below(64);
	default:
		return len;
	}
}

static void note(unsigned int which, bool taken)
{
	__atomic_add_fetch(&shared->tried[which], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->taken[which], taken, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->beats, 1, __ATOMIC_RELAXED);
}

/* Is what stands here a number that we gave? Before it a part of the line may be missing. */
static bool is_ours(const char *text, size_t at)
{
	static const char * const before[] = { "pfn=0x", "start=0x", "block=0x", "first=0x",
					       "PFN 0x" };

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		size_t len = strlen(before[i]);

		if (at < len || !memcmp(text + at - len, before[i], len))
			return true;
	}
	return false;
}

/* Addresses of the kernel have 16 digits and begin with ffff. */
static void look_for_addresses(const char *path, const char *text, size_t len)
{
	for (size_t at = 0; at + 16 <= len; at++) {
		if (memcmp(text + at, "ffff", 4) ||
		    strspn(text + at, "0123456789abcdef") < 16 || is_ours(text, at))
			continue;
		if (__atomic_add_fetch(&shared->leaks, 1, __ATOMIC_RELAXED) <= WORST)
			printf("fuzz: %s: an address: %.16s\n", path, text + at);
	}
}

static void read_oddly(unsigned int which, int fd)
{
	static char text[TEXT_MAX + 1];
	const char *path = targets[which].path;
	ssize_t len;

	if (one_in(4))
		lseek(fd, odd_number(), below(5));
	if (one_in(8)) {
		note(which, read(fd, nowhere, 4096) > 0);
		return;
	}
	memset(text, 0, sizeof(text));
	len = one_in(4) ? pread(fd, text, below(TEXT_MAX), below(200)) :
			  read(fd, text, one_in(2) ? TEXT_MAX : below(64));
	note(which, len >= 0);
	if (len > 0)
		look_for_addresses(path, text, len);
}

static void write_oddly(unsigned int which, int fd)
{
	static char text[TEXT_MAX];
	size_t size = one_in(8) ? TEXT_MAX : 250, len;

	memset(text, 0, sizeof(text));
	if (targets[which].kind == TRIGGER)
		len = print_command(text, size);
	else
		len = print_small(text, size);
	len = spoil(text, len, size);
	if (one_in(50))
		note(which, write(fd, nowhere - below(2) * 8, len) > 0);
	else
		note(which, write(fd, text, len) > 0);
}

/* === Heaps =============================================================== */

static unsigned long odd_command(void)
{
	switch (below(4)) {
	case 0:
		return _IOC(below(4), 'H', below(3), below(1 << 14));
	case 1:
		return random_after(&random_state);
	default:
		return DMA_HEAP_IOCTL_ALLOC;
	}
}

/* What a heap of ordinary pages grants for real is bounded by us. */
static uint64_t odd_length(void)
{
	uint64_t len = odd_number();

	return len > 1 << 23 && len < 1ULL << 40 ? len & 0x7fffff : len;
}

static void use_buffer(int fd)
{
	size_t len = lseek(fd, 0, SEEK_END);
	char *p = mmap(NULL, len ?: 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return;
	for (size_t at = 0; at < len; at += PATTERN_PAGE)
		p[at] = 1;
	munmap(p, len);
}

static void ask_heap(unsigned int which, int fd)
{
	struct {
		struct dma_heap_allocation_data data;
		char more[1 << 14];
	} arg = {
		.data.len = odd_length(),
		.data.fd = one_in(8) ? below(64) : 0,
		.data.fd_flags = one_in(4) ? random_after(&random_state) : O_RDWR | O_CLOEXEC,
		.data.heap_flags = one_in(8) ? random_after(&random_state) : 0,
	};
	unsigned long command = odd_command();
	bool taken;

	if (one_in(20)) {
		note(which, !ioctl(fd, command, nowhere - below(2) * 8));
		return;
	}
	taken = !ioctl(fd, command, &arg) && (int)arg.data.fd > 0;
	note(which, taken);
	if (!taken)
		return;
	use_buffer(arg.data.fd);
	close(arg.data.fd);
}

/* === Workers ============================================================= */

static void poke(unsigned int which)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	enum kind kind = targets[which].kind;
	int times = 1 + below(kind == TRIGGER ? 24 : 3);
	int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(modes) && fd < 0; i++)
		fd = open(targets[which].path, modes[i] | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		note(which, false);
		return;
	}
	while (times--) {
		if (kind == HEAP)
			ask_heap(which, fd);
		else if (kind == READ_ONLY || one_in(4))
			read_oddly(which, fd);
		else
			write_oddly(which, fd);
	}
	close(fd);
}

/* Half of all goes to the trigger and the heaps, and of that most to the trigger. */
static unsigned int choose(void)
{
	enum kind wanted = one_in(4) ? HEAP : TRIGGER;
	unsigned int which = below(nr_targets);

	if (one_in(2))
		return which;
	for (unsigned int i = 0; i < nr_targets; i++) {
		if (targets[which].kind == wanted)
			break;
		which = (which + 1) % nr_targets;
	}
	return which;
}

static void set_knob(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		printf("fuzz: %s: %s\n", path, strerror(errno));
	close(fd);
}

/* Faults are welcome, stack dumps for each of them are not. */
static void calm_faults(const char *name, const char *value)
{
	for (unsigned int i = 0; i < nr_targets; i++) {
		const char *last = strrchr(targets[i].path, '/') + 1;

		if (strstr(targets[i].path, "/contig/fail/") && !strcmp(last, name))
			set_knob(targets[i].path, value);
	}
}

static void work(uint64_t seed)
{
	random_state = seed;
	set_knob("/proc/self/oom_score_adj", "1000");
	calm_faults("verbose", "0");
	/* what the last worker left would soon let nothing pass any more */
	calm_faults("probability", "0");
	for (int i = 0; i < ROUNDS; i++) {
		unsigned int which = choose();

		poke(which);
		if (strstr(targets[which].path, "/verbose"))
			calm_faults("verbose", "0");
	}
	exit(0);
}

/* True if it ended, by itself or of a signal, without a hang that no signal ends. */
static bool watch(pid_t worker)
{
	unsigned long beats = 0;
	time_t heard = now();
	bool killed = false;

	while (waitpid(worker, NULL, WNOHANG) != worker) {
		usleep(20000);
		if (!killed && shared->beats != beats) {
			beats = shared->beats;
			heard = now();
		}
		if (killed && now() - heard > DYING)
			return false;
		if (!killed && now() - heard > PATIENCE) {
			kill(worker, SIGKILL);
			killed = true;
			heard = now();
		}
	}
	return true;
}

/* === Before and after ==================================================== */

static long memory(const char *name)
{
	char line[128];
	long kb = 0;
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (file)
		fclose(file);
	return kb;
}

/* What was taken by way of the files of CMA has no owner that ends with a worker. */
static void give_back(void)
{
	calm_faults("probability", "0");
	for (unsigned int i = 0; i < nr_targets; i++)
		if (strstr(targets[i].path, "/debug/cma/") &&
		    !strcmp(strrchr(targets[i].path, '/'), "/free"))
			set_knob(targets[i].path, "1000000000");
}

/* To the page PID 1 looks at it: account.h. */
static int judge_memory(long free_kb)
{
	long lost = 0;

	for (int i = 0; i < 20; i++) {
		set_knob("/proc/sys/vm/drop_caches", "3");
		lost = free_kb - memory("MemFree:");
		if (lost < LOST_KB)
			break;
		sleep(1);
	}
	printf("fuzz: %ld kB less free than before\n", lost);
	return lost >= LOST_KB;
}

/* A kind of file that takes nothing was not tested, nor one that takes all. */
static int judge_kinds(void)
{
	unsigned long tried[NR_KINDS] = {}, taken[NR_KINDS] = {};
	int bad = 0;

	for (unsigned int i = 0; i < nr_targets; i++) {
		tried[targets[i].kind] += shared->tried[i];
		taken[targets[i].kind] += shared->taken[i];
		if (targets[i].kind == TRIGGER || targets[i].kind == HEAP)
			printf("fuzz: %s: %lu of %lu were taken\n", targets[i].path,
			       shared->taken[i], shared->tried[i]);
	}
	for (int kind = 0; kind < NR_KINDS; kind++) {
		printf("fuzz: all of kind %s: %lu of %lu were taken\n", kind_names[kind],
		       taken[kind], tried[kind]);
		bad |= tried[kind] && (!taken[kind] || taken[kind] == tried[kind]);
	}
	return bad;
}

int main(int argc, char **argv)
{
	const struct option known[] = {
		{ "--seconds", &opt.seconds, NULL },
		{ "--seed", &opt.seed, NULL },
	};
	unsigned long workers = 0;
	long free_kb;
	time_t end;
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	take_options(argc, argv, known, ARRAY_SIZE(known));
	find_targets();
	shared = map_memory(sizeof(*shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1);
	nowhere = map_memory(2 * PATTERN_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1) + PATTERN_PAGE;
	mprotect(nowhere, PATTERN_PAGE, PROT_NONE);
	set_knob("/proc/self/oom_score_adj", "-1000");
	set_knob("/proc/sys/vm/drop_caches", "3");
	free_kb = memory("MemFree:");
	printf("fuzz: %u files, seed %lu\n", nr_targets, opt.seed);
	for (end = now() + opt.seconds; now() < end && !bad; workers++) {
		pid_t worker = fork();

		if (worker < 0)
			die("start a worker");
		if (!worker)
			work(pattern_mix(opt.seed) + workers);
		bad = !watch(worker);
		if (bad)
			printf("fuzz: worker %lu does not die\n", workers);
		if (time_to_report())
			printf("fuzz: %lu workers, %lu pokes\n", workers, shared->beats);
	}
	give_back();
	bad |= judge_memory(free_kb);
	bad |= judge_kinds();
	printf("fuzz: %lu workers, %lu pokes, %lu addresses of the kernel in what was read\n",
	       workers, shared->beats, shared->leaks);
	return bad || shared->leaks;
}
