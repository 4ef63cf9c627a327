/*
 * Drives a script on CPU 0: starts its tasks, gives them their steps one after the other, and prints when each began
 * and ended. Reads the script from standard input:
 *
 *   task NUMBER CPU
 *   step TASK PARALLEL WAIT CHILD OP ARGUMENT * 7
 *
 * WAIT: d the step is done, c child CHILD is ready, e the task is ready again, r its process can be reaped, t the
 * thread is gone, l the leader is gone and its threads live. Numbers are decimal. Prints "step NUMBER BEGAN ENDED STARTED".
 */
#define _GNU_SOURCE
#include "control.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_PAGES 4096
#define PATIENCE 60 /* seconds for one step */

struct step {
	unsigned number, task, parallel, child, op;
	char wait;
	u64 arg[7];
	u32 was; /* times that whom it waits for was ready */
};

static struct control *control;
static char spins[MAX_TASKS + 1];

static void fail(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void nap(long us)
{
	usleep((useconds_t)us);
}

/* Wait for a word to differ from `was`, or to be `is`. */
static void await(volatile u32 *word, u32 value, int equal, const char *what)
{
	u64 naps = 0;

	while ((*word == value) != equal) {
		nap(500);
		if (++naps > PATIENCE * 1000UL)
			fail(what);
	}
}

static void start(unsigned task, unsigned cpu, int file, int zero, int shared)
{
	volatile u32 *ready = &control->task[task].ready;
	u32 was = *ready;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		struct rlimit many = { 1 << 20, 1 << 20 };
		struct sched_param fifo = { .sched_priority = 10 };
		char number[5] = { (char)('a' + task / 16), (char)('a' + task % 16), (char)('a' + cpu / 16),
				   (char)('a' + cpu % 16), 0 };
		char *argv[] = { "/player", number, NULL }, *envp[] = { NULL };
		cpu_set_t set;

		if (dup2(shared, CONTROL_FD) < 0 || dup2(file, FILE_FD) < 0 || dup2(zero, ZERO_FD) < 0)
			fail("dup2");
		setrlimit(RLIMIT_NOFILE, &many);
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &fifo))
			fail("pinning");
		execve("/player", argv, envp);
		fail("/player");
	}
	await(ready, was, 0, "start of a task");
}

static void command(unsigned task, unsigned op, const u64 *arg)
{
	struct task *t = &control->task[task];

	t->op = op;
	memcpy(t->arg, arg, sizeof(t->arg));
	__atomic_store_n(&t->cmd, t->cmd + 1, __ATOMIC_SEQ_CST);
	if (!spins[task])
		syscall(SYS_futex, &t->cmd, FUTEX_WAKE, 1, NULL);
	if (op == OP_PARK)
		spins[task] = (char)arg[0];
	if (op == OP_EXEC)
		spins[task] = 0;
}

static void give(struct step *s)
{
	struct task *t = &control->task[s->task];

	if (s->op == OP_SWITCH) {
		u64 arg[7] = { s->task, s->arg[1], control->task[s->arg[0]].turn };

		command((unsigned)s->arg[0], OP_PEER, arg);
		nap(10000);
	}
	s->was = s->wait == 'c' ? control->task[s->child].ready : t->ready;
	command(s->task, s->op, s->arg);
}

static void wait_for(struct step *s)
{
	struct task *t = &control->task[s->task];
	u64 ended;

	switch (s->wait) {
	case 'd':
		await(&t->done, t->cmd, 1, "a step");
		break;
	case 'c':
		await(&t->done, t->cmd, 1, "a step");
		await(&control->task[s->child].ready, s->was, 0, "a child");
		break;
	case 'e':
		await(&t->ready, s->was, 0, "exec");
		break;
	case 'r':
		if (wait(NULL) < 0)
			fail("wait");
		break;
	case 't':
		await(&t->tid, 0, 1, "the end of a thread");
		break;
	case 'l':
		nap(20000);
		break;
	}
	if (strchr("rtl", s->wait)) {
		nap(20000);
		ended = stamp();
	} else
		ended = t->ended;
	nap(5000); /* whoever is done goes to sleep */
	printf("step %u %lu %lu %lu\n", s->number, t->began, ended,
	       s->wait == 'c' ? control->task[s->child].started : s->wait == 'e' ? t->started : 0);
}

int main(void)
{
	int shared = memfd_create("control", 0), file = memfd_create("file", 0), zero = open("/dev/zero", O_RDONLY);
	struct step group[MAX_TASKS];
	unsigned size = 0, number = 0, task, cpu, i;
	char line[512];
	char *bytes;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* out of the way of the numbers that the tasks' descriptors have */
	shared = fcntl(shared, F_DUPFD, 10);
	file = fcntl(file, F_DUPFD, 10);
	zero = fcntl(zero, F_DUPFD, 10);
	if (shared < 0 || file < 0 || zero < 0)
		fail("memfd_create, /dev/zero");
	if (ftruncate(shared, CONTROL_PAGES * 4096) || ftruncate(file, FILE_PAGES * 4096L))
		fail("ftruncate");
	control = mmap(NULL, CONTROL_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
	bytes = mmap(NULL, FILE_PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (control == MAP_FAILED || bytes == MAP_FAILED)
		fail("mmap");
	memset(bytes, 1, FILE_PAGES * 4096L);
	memset(control, 0, CONTROL_PAGES * 4096);
	munmap(bytes, FILE_PAGES * 4096L);

	while (fgets(line, sizeof(line), stdin)) {
		struct step *s = &group[size];

		if (sscanf(line, "task %u %u", &task, &cpu) == 2) {
			start(task, cpu, file, zero, shared);
			nap(5000);
			continue;
		}
		if (sscanf(line, "step %u %u %c %u %u %lu %lu %lu %lu %lu %lu %lu", &s->task, &s->parallel, &s->wait,
			   &s->child, &s->op, &s->arg[0], &s->arg[1], &s->arg[2], &s->arg[3], &s->arg[4], &s->arg[5],
			   &s->arg[6]) != 12) {
			errno = EINVAL;
			fail(line);
		}
		s->number = number++;
		size++;
		if (s->parallel)
			continue;
		for (i = 0; i < size; i++)
			give(&group[i]);
		for (i = 0; i < size; i++)
			wait_for(&group[i]);
		size = 0;
	}
	kill(-1, SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("done\n");
	return 0;
}
