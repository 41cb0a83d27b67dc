// SPDX-License-Identifier: GPL-2.0
/*
 * stress: many callers of the engine at once, on a machine that others load, and a
 * ledger of who owns which page.
 *
 *   -s SEED	same seed, same requests of each process (1)
 *   -t SECONDS	(60)
 *   -j ASKERS	processes that ask through the trigger (4)
 *   -b		the engine is the base's: only calls that it has
 *
 * At checkpoints everybody gives back what they have and stands still. Red are a page
 * with two owners or outside of what was asked for, a mark or a pattern that is gone,
 * an answer without cause, a process that gets nowhere, and a machine that is not what
 * it was (rest.c). Then the seed is printed, and the last events.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define CHECKPOINT_S	20	/* between two of them */
#define SHOW_TICKS	50	/* between two lines about the progress */
#define LONG_TICKS	50
#define STACK_TICKS	300	/* somebody who waits that long shows where */
#define WORK_TICKS	(HANG_TICKS - 300)
#define MAX_ASKERS	(MAX_SLOTS / 2 - 4)

struct options opt = { .seed = 1, .seconds = 60, .askers = 4 };
struct shared *shared;

static unsigned int nr_slots, checkpoints;
static double started;

/* === Who asks === */

static void add_slot(const char *name, void (*run)(unsigned int slot), bool asks)
{
	shared->slots[nr_slots++] = (struct slot){ .name = name, .run = run, .asks = asks };
}

static void start_slot(unsigned int number)
{
	struct slot *slot = &shared->slots[number];
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("no process for %s\n", slot->name);
	if (pid) {
		/* only here: the child's copy of it is the same memory */
		slot->pid = pid;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	slot->run(number);
	_exit(0);
}

/* The second half of the slots is for children of the first that will be killed. */
static void start_all(void)
{
	for (unsigned long i = 0; i < opt.askers; i++)
		add_slot("asker", ask_until_told, true);
	add_slot("huge", huge_until_told, false);
	if (places[CMA_PLACE].start)
		add_slot("heap", heap_until_told, false);
	add_slot("upset", upset_until_told, false);
	for (unsigned int i = MAX_SLOTS / 2; i < MAX_SLOTS; i++)
		shared->slots[i].doomed = true;
	for (unsigned int i = 0; i < nr_slots; i++)
		start_slot(i);
}

/* === Who gets on === */

static void show_stack(const struct slot *slot)
{
	char path[64], line[256];
	FILE *file;

	ksft_print_msg("%s is in %s:\n", slot->name, verb_names[slot->verb]);
	snprintf(path, sizeof(path), "/proc/%d/stack", slot->pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		ksft_print_msg("  %s", line);
	if (file)
		fclose(file);
}

/*
 * By then all others rest. As long as the engine tries one range after the other, on a
 * machine that is slow, it does get on, though not for ever.
 */
static void see_work(struct slot *slot)
{
	unsigned long work = contig_stat("requests") + contig_stat("pages_moved");

	if (slot->ticks == HANG_TICKS)
		slot->is_at_work = work != slot->work;
	if (slot->ticks == HANG_TICKS && slot->is_at_work)
		ksft_print_msg("%s: %s takes long: %lu ranges and pages in %d s\n",
			       slot->name, verb_names[slot->verb], work - slot->work,
			       (HANG_TICKS - WORK_TICKS) * TICK_MS / 1000);
	slot->work = work;
}

/* A gigabyte is more than all others ask for, and so is all that there is. */
static unsigned int hang_ticks(const struct slot *slot)
{
	bool is_large = slot->verb == GIGANTIC || slot->verb == OOM;

	return is_large || slot->is_at_work ? 4 * HANG_TICKS : HANG_TICKS;
}

/* Ticks and not seconds: somebody may stop the whole guest for a while. */
static void watch_slot(unsigned int number)
{
	struct slot *slot = &shared->slots[number];
	unsigned long calls = __atomic_load_n(&slot->calls, __ATOMIC_ACQUIRE);
	int status;

	if (waitpid(slot->pid, &status, WNOHANG) == slot->pid) {
		if (!is_over())
			it_is_wrong(STUCK, "%u, %s, ended with status 0x%x", number, slot->name,
				    status);
		slot->pid = 0;
		return;
	}
	slot->ticks = calls == slot->seen ? slot->ticks + 1 : 0;
	slot->seen = calls;
	if (!slot->ticks)
		slot->is_at_work = false;
	if (slot->ticks == STACK_TICKS && !(slot->paused == shared->phase && shared->pause))
		show_stack(slot);
	if (slot->ticks == WORK_TICKS || slot->ticks == HANG_TICKS)
		see_work(slot);
	if (slot->ticks < hang_ticks(slot) ||
	    (slot->paused == shared->phase && shared->pause))
		return;
	show_stack(slot);
	contig_write_file("/proc/sysrq-trigger", "w");
	contig_write_file("/proc/sysrq-trigger", "l");
	it_is_wrong(STUCK, "%u, %s, gets nowhere in %s", number, slot->name,
		    verb_names[slot->verb]);
}

/* Everybody's number of calls, what they are doing, and for how long if that is long. */
static void show_slots(void)
{
	char line[512] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < nr_slots && len < sizeof(line); i++) {
		const struct slot *slot = &shared->slots[i];

		len += snprintf(line + len, sizeof(line) - len, " %lu %s", slot->calls,
				slot->paused == shared->phase && shared->pause ? "rests" :
				verb_names[slot->verb]);
		if (slot->ticks > LONG_TICKS && len < sizeof(line))
			len += snprintf(line + len, sizeof(line) - len, "(%u s)",
					slot->ticks * TICK_MS / 1000);
		if (len < sizeof(line))
			len += snprintf(line + len, sizeof(line) - len, ",");
	}
	ksft_print_msg("%.0f s:%s\n", now() - started, line);
	fflush(stdout);
}

static void tick(void)
{
	static unsigned int ticks;

	usleep(TICK_MS * 1000);
	for (unsigned int i = 0; i < nr_slots; i++)
		if (shared->slots[i].pid)
			watch_slot(i);
	if (++ticks % SHOW_TICKS == 0)
		show_slots();
}

static void check_progress(void)
{
	for (unsigned int i = 0; i < nr_slots; i++) {
		struct slot *slot = &shared->slots[i];

		if (slot->calls == slot->at_checkpoint)
			it_is_wrong(STUCK, "%u, %s, finished no call between two checkpoints", i,
				    slot->name);
		slot->at_checkpoint = slot->calls;
	}
}

static void show_progress(void)
{
	unsigned long least = ~0UL, most = 0, sum = 0;

	for (unsigned int i = 0; i < nr_slots; i++) {
		const struct slot *slot = &shared->slots[i];

		if (!slot->asks)
			continue;
		sum += slot->calls;
		least = slot->calls < least ? slot->calls : least;
		most = slot->calls > most ? slot->calls : most;
	}
	ksft_print_msg("checkpoint %u: %lu calls, %lu to %lu each; %lu requests, %lu met, %lu pages moved\n",
		       checkpoints, sum, least, most, contig_stat("requests"),
		       contig_stat("success"), contig_stat("pages_moved"));
	fflush(stdout);
}

/* === Checkpoints === */

static bool all_stand_still(void)
{
	for (unsigned int i = 0; i < nr_slots; i++)
		if (__atomic_load_n(&shared->slots[i].paused, __ATOMIC_ACQUIRE) != shared->phase)
			return false;
	return true;
}

static void checkpoint(void)
{
	shared->phase++;
	__atomic_store_n(&shared->pause, true, __ATOMIC_RELEASE);
	while (!is_over() && !all_stand_still())
		tick();
	if (!is_over()) {
		check_progress();
		show_slots();
		check_machine();
		checkpoints++;
		show_progress();
	}
	__atomic_store_n(&shared->pause, false, __ATOMIC_RELEASE);
}

static void let_them_ask(double end)
{
	while (!is_over() && now() < end)
		tick();
}

static void stop_all(void)
{
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < nr_slots; i++) {
		struct slot *slot = &shared->slots[i];

		for (int n = 0; n < HANG_TICKS && slot->pid; n++) {
			if (waitpid(slot->pid, NULL, WNOHANG) == slot->pid)
				slot->pid = 0;
			else
				usleep(TICK_MS * 1000);
		}
		if (!slot->pid)
			continue;
		it_is_wrong(STUCK, "%u, %s, does not end: it is in %s", i, slot->name,
			    verb_names[slot->verb]);
		kill(slot->pid, SIGKILL);
	}
}

/* === The verdict === */

static bool all_were_met(void)
{
	static const enum verb expected[] = { RANGE, PAGES, ALLOC, AWAIT, COLLECT, DDI };
	static const enum verb of_base[] = { CMA, CALL_RANGE, FREE, HUGE };
	const enum verb *verbs = opt.base ? of_base : expected;
	size_t nr = opt.base ? ARRAY_SIZE(of_base) : ARRAY_SIZE(expected);
	bool all = true;

	for (size_t i = 0; i < nr; i++) {
		if (shared->tally[verbs[i]].met)
			continue;
		ksft_print_msg("no call of '%s' was met\n", verb_names[verbs[i]]);
		all = false;
	}
	return all;
}

/* Given time, whatever is tried works now and then; a whole gigabyte may never be had. */
static bool all_worked(void)
{
	bool all = true;

	if (opt.seconds < ENOUGH_S)
		return true;
	for (int verb = 0; verb < NR_VERBS; verb++) {
		if (!shared->tally[verb].calls || shared->tally[verb].met || verb == GIGANTIC)
			continue;
		ksft_print_msg("'%s' never worked\n", verb_names[verb]);
		all = false;
	}
	return all;
}

static void tell(void)
{
	static const char * const tests[NR_WRONGS] = {
		[OWNER] = "every page has one owner, who asked for it",
		[CONTENT] = "every mark and pattern is intact",
		[ANSWER] = "every answer has its cause",
		[STUCK] = "everybody gets on",
		[MACHINE] = "block types and page states at checkpoints",
		[MEMORY] = "the memory and the counters add up",
	};

	show_tallies();
	ksft_print_msg("seed %lu, %u checkpoints; longest way to die %llu us, longest delay behind a deadline %llu us (%s); %lu huge pages not found (SIGBUS)\n",
		       opt.seed, checkpoints, shared->tally[KILLED].longest / 1000,
		       shared->late / 1000, shared->latest, shared->no_page);
	for (int kind = 0; kind < NR_WRONGS; kind++) {
		if (shared->wrong[kind][0])
			ksft_print_msg("WRONG: %s\n", shared->wrong[kind]);
		ksft_test_result(!shared->wrong[kind][0], "%s\n", tests[kind]);
	}
	ksft_test_result(all_were_met() && all_worked() && checkpoints,
			 "each kind of call was met\n");
}

static bool went_well(void)
{
	for (int kind = 0; kind < NR_WRONGS; kind++)
		if (shared->wrong[kind][0])
			return false;
	return true;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:t:j:b")) != -1) {
		if (option == 's')
			opt.seed = strtoul(optarg, NULL, 0);
		else if (option == 't')
			opt.seconds = strtoul(optarg, NULL, 0);
		else if (option == 'j')
			opt.askers = strtoul(optarg, NULL, 0);
		else if (option == 'b')
			opt.base = true;
		else
			exit(KSFT_FAIL);
	}
	if (!opt.askers || opt.askers > MAX_ASKERS)
		exit(KSFT_FAIL);
}

static void map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
}

int main(int argc, char **argv)
{
	double end, next;

	parse(argc, argv);
	map_shared();
	ksft_print_header();
	ksft_set_plan(NR_WRONGS + 1);
	find_places();
	remember_machine();
	start_all();
	started = now();
	end = started + opt.seconds;
	while (!is_over() && now() < end) {
		next = now() + CHECKPOINT_S;
		let_them_ask(next + CHECKPOINT_S / 2 < end ? next : end);
		checkpoint();
	}
	stop_all();
	if (went_well())
		check_whole_area();
	if (!went_well())
		show_events();
	tell();
	ksft_finished();
}
