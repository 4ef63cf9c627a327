/*
 * Work that breaks a top level that does not follow: processes and threads on all CPUs that map, write, check and unmap
 * slots of 512 GiB that nobody has used, hop between CPUs, fork and exit, exec, and take turns. Each checks what it reads.
 *
 *   storm fork N | threads N | hop N | turns N | exec N | die N | fail N
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT (1UL << 39)
#define THREADS 4

static unsigned long wrong;

static void must(int good, const char *what)
{
	if (good)
		return;
	printf("storm: %s\n", what);
	exit(1);
}

static volatile unsigned long *map_slot(unsigned slot)
{
	void *at = mmap((void *)(slot * SLOT), 4096 * 4, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(at == (void *)(slot * SLOT), "mmap");
	return at;
}

static void hop(unsigned to)
{
	cpu_set_t set;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(&set);
	CPU_SET(to % (unsigned)cpus, &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

static unsigned rounds;
static volatile unsigned long *volatile offered[THREADS];

/* Each thread has slots of its own; the others read in it meanwhile, and may find it gone by then only by its owner's word. */
static void *thread_main(void *number)
{
	unsigned long self = (unsigned long)number, round, page;

	for (round = 0; round < rounds; round++) {
		volatile unsigned long *at = map_slot((unsigned)(8 + self * 40 + round % 40));

		for (page = 0; page < 4; page++)
			at[page * 512] = self << 32 | round << 8 | page;
		if (round % 3 == self % 3)
			hop((unsigned)(self + round));
		for (page = 0; page < 4; page++)
			if (at[page * 512] != (self << 32 | round << 8 | page))
				__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
		munmap((void *)at, 4096 * 4);
	}
	return NULL;
}

static void forks(void)
{
	unsigned i;

	for (i = 0; i < rounds; i++) {
		volatile unsigned long *at = map_slot(200 + i % 20);
		pid_t pid;
		int status = 0;

		at[0] = i;
		pid = fork();
		must(pid >= 0, "fork");
		if (pid == 0) {
			volatile unsigned long *mine = map_slot(100 + i % 50);

			hop(i);
			mine[0] = i;
			at[512] = i + 1;
			_exit(at[0] == i && at[512] == i + 1 && mine[0] == i ? 0 : 1);
		}
		hop(i + 1);
		must(waitpid(pid, &status, 0) == pid, "waitpid");
		if (status != 0 || at[0] != i || at[512] != 0)
			wrong++;
		munmap((void *)at, 4096 * 4);
	}
}

static void hops(void)
{
	volatile unsigned long *at = map_slot(30);
	unsigned i;

	for (i = 0; i < rounds; i++) {
		volatile unsigned long *fresh = map_slot(31 + i % 60);

		fresh[0] = at[0] = i;
		hop(i);
		if (i % 16 == 0)
			usleep(1000); /* the CPU that it left idles on its tables meanwhile */
		if (fresh[0] != i || at[0] != i)
			wrong++;
		munmap((void *)fresh, 4096 * 4);
	}
}

static void turns(void)
{
	int there[2], back[2];
	unsigned i, got = 0;
	pid_t pid;

	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
	volatile unsigned long *at = map_slot(40);
	pid = fork();
	must(pid >= 0, "fork");
	hop(1);
	for (i = 0; i < rounds; i++) {
		at[0] = i * 2 + (pid == 0);
		if (pid != 0)
			must(write(there[1], &i, 4) == 4 && read(back[0], &got, 4) == 4, "pipe");
		else
			must(read(there[0], &got, 4) == 4 && write(back[1], &got, 4) == 4, "pipe");
		if (got != i || at[0] != i * 2 + (pid == 0))
			wrong++;
	}
	if (pid == 0)
		_exit(wrong != 0);
	int status = 0;
	waitpid(pid, &status, 0);
	wrong += status != 0;
}

/* A child that shares the address space until it has one of its own: vfork() and exec, from threads on all CPUs. */
static void *exec_main(void *number)
{
	char *argv[] = { "storm", "hop", "1", NULL }, *none[] = { NULL };
	unsigned long self = (unsigned long)number;
	posix_spawn_file_actions_t quiet;
	unsigned round;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (round = 0; round < rounds; round++) {
		pid_t pid;
		int status = 0;

		hop((unsigned)self + round);
		must(posix_spawn(&pid, "/proc/self/exe", &quiet, NULL, argv, none) == 0, "posix_spawn");
		must(waitpid(pid, &status, 0) == pid, "waitpid");
		if (status != 0)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void on_all(void *(*work)(void *))
{
	pthread_t all[THREADS];
	unsigned long i;

	for (i = 0; i < THREADS; i++)
		must(pthread_create(&all[i], NULL, work, (void *)i) == 0, "pthread_create");
	for (i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
}

/* Half of the threads end by themselves, half with the process, which ends at about that time. */
static void *die_main(void *number)
{
	unsigned long self = (unsigned long)number;
	volatile unsigned long *at = map_slot((unsigned)(8 + self));

	hop((unsigned)self);
	at[0] = self;
	if (self % 2 == 0)
		for (;;)
			at[0]++;
	return NULL;
}

static void deaths(void)
{
	unsigned i;

	for (i = 0; i < rounds; i++) {
		int status = 0;
		pid_t pid = fork();

		must(pid >= 0, "fork");
		if (pid == 0) {
			pthread_t all[THREADS];
			unsigned long j;

			for (j = 0; j < THREADS; j++)
				must(pthread_create(&all[j], NULL, die_main, (void *)j) == 0, "pthread_create");
			usleep(i % 8 * 500);
			_exit(0);
		}
		must(waitpid(pid, &status, 0) == pid, "waitpid");
		wrong += status != 0;
	}
}

static void *nothing(void *unused)
{
	return unused;
}

/*
 * Fork, and make a thread, with the first, the second, ... allocation failing, until none is left to fail. For kernels with
 * CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC, their ignore-gfp-wait and min-order in debugfs N and 0; 6.1's own
 * xen_pgd_alloc() does not survive that there is no page for the user-mode table.
 */
static void failures(void)
{
	volatile unsigned long *at = map_slot(50);
	unsigned n, failed = 0;
	int isThread;

	for (isThread = 0; isThread < 2; isThread++)
		for (n = 1; n <= rounds; n++) {
			char text[16] = "";
			int fd = open("/proc/thread-self/fail-nth", O_RDWR);
			int done = 0, status = 0;
			pthread_t thread;
			pid_t pid = -1;

			must(fd >= 0, "the kernel has no fault injection");
			at[0] = n;
			snprintf(text, sizeof(text), "%u", n);
			must(write(fd, text, strlen(text)) > 0, "fail-nth");
			if (isThread) {
				done = pthread_create(&thread, NULL, nothing, NULL) == 0;
			} else {
				pid = fork();
				if (pid == 0)
					_exit(at[0] != n);
				done = pid > 0;
			}
			memset(text, 0, sizeof(text));
			must(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth");
			must(write(fd, "0", 1) == 1, "fail-nth");
			close(fd);
			failed += !done;
			if (pid > 0) {
				must(waitpid(pid, &status, 0) == pid, "waitpid");
				wrong += status != 0;
			} else if (isThread && done) {
				pthread_join(thread, NULL);
			}
			wrong += at[0] != n;
			if (atoi(text) != 0)
				break;
		}
	printf("storm fail: %u failed\n", failed);
}

int main(int argc, char **argv)
{
	must(argc == 3, "usage: storm fork|threads|hop|turns|exec|die|fail N");
	rounds = (unsigned)atoi(argv[2]);
	if (strcmp(argv[1], "fork") == 0)
		forks();
	else if (strcmp(argv[1], "threads") == 0)
		on_all(thread_main);
	else if (strcmp(argv[1], "hop") == 0)
		hops();
	else if (strcmp(argv[1], "turns") == 0)
		turns();
	else if (strcmp(argv[1], "exec") == 0)
		on_all(exec_main);
	else if (strcmp(argv[1], "die") == 0)
		deaths();
	else if (strcmp(argv[1], "fail") == 0)
		failures();
	else
		must(0, "knows fork, threads, hop, turns, exec, die and fail");
	printf("storm %s %u: %lu wrong\n", argv[1], rounds, wrong);
	return wrong != 0;
}
