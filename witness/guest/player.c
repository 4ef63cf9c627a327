/*
 * Plays the steps of a task: no libc, no data, two pages of text, so that its address space is known to the page. One file, as
 * nothing else may be linked in.
 *
 * Arguments: the task's number and CPU in two letters each, or "x": exit at once.
 */
#include "control.h"
#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/sched.h>

#define PAGE 4096UL
#define SIGCHLD 17

static struct control *const shared = (struct control *)CONTROL_ADDR;

/* Two pages of text, whatever the compiler makes of the rest. */
__attribute__((used, section(".text.pad"))) static const char pad[4096] = { 1 };

static inline long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}
#define call(nr, a, b, c, d) call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static void futex_wait(volatile u32 *word, u32 value)
{
	call(__NR_futex, word, FUTEX_WAIT, value, 0);
}

static void futex_wake(volatile u32 *word)
{
	call(__NR_futex, word, FUTEX_WAKE, 1, 0);
}

static void pin(u64 cpu)
{
	u64 mask = 1UL << cpu;

	call(__NR_sched_setaffinity, 0, sizeof(mask), &mask, 0);
}

static char *stack_of(u64 task)
{
	return (char *)shared + (STACK_PAGE + task + 1) * PAGE;
}

static void exit_now(void)
{
	for (;;)
		call(__NR_exit, 0, 0, 0, 0);
}

/* A task on a stack of its own that runs entry(a, b, c); returns in the caller alone. */
static long new_task(u64 flags, char *stack, u32 *tid, void (*entry)(u64, u64, u64), u64 a, u64 b, u64 c)
{
	register u64 r10 asm("r10") = (u64)tid;
	register u64 r12 asm("r12") = (u64)entry;
	register u64 r13 asm("r13") = a;
	register u64 r14 asm("r14") = b;
	register u64 r15 asm("r15") = c;
	long ret;

	asm volatile("xor %%r8d, %%r8d\n\t"
		     "syscall\n\t"
		     "test %%eax, %%eax\n\t"
		     "jnz 1f\n\t"
		     "mov %%r13, %%rdi\n\t"
		     "mov %%r14, %%rsi\n\t"
		     "mov %%r15, %%rdx\n\t"
		     "call *%%r12\n\t"
		     "hlt\n"
		     "1:"
		     : "=a"(ret)
		     : "a"(__NR_clone), "D"(flags), "S"(stack), "d"(0), "r"(r10), "r"(r12), "r"(r13), "r"(r14), "r"(r15)
		     : "rcx", "r8", "r11", "memory");
	return ret;
}

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID)

static void touch_page(u64 address, u64 write)
{
	if (write)
		*(volatile u64 *)address = address | 1;
	else
		(void)*(volatile u64 *)address;
}

static void touch(const u64 *arg)
{
	u64 address = arg[0], pages = arg[1], write = arg[2], stride = arg[3], order = arg[4], i;

	if (order == 2) {
		u64 x = (arg[5] + 2) * 0x9E3779B97F4A7C15UL + 1;

		for (i = 0; i < arg[6]; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			touch_page(address + x % pages * PAGE, write);
		}
		return;
	}
	for (i = 0; i < pages; i += stride)
		touch_page(address + (order == 1 ? (pages - 1) / stride * stride - i : i) * PAGE, write);
}

/* What a new process or image does first: its stack is written by the call; now all of the shared pages. */
static void __attribute__((noinline)) start_up(void)
{
	u64 page;

	for (page = 0; page < CONTROL_PAGES; page++)
		(void)*(volatile u64 *)(CONTROL_ADDR + page * PAGE);
}

static void serve(u64 self);

/* Three system calls: the mark that it lives, the driver's wake-up, and the pinning. */
static void child_main(u64 self, u64 cpu, u64 process)
{
	if (process)
		start_up();
	call(__NR_getpid, 0, 0, 0, 0);
	futex_wake(&shared->driver);
	pin(cpu);
	shared->task[self].started = stamp();
	shared->task[self].done = shared->task[self].cmd;
	shared->task[self].ready++;
	serve(self);
}

static void touch_and_exit(u64 address, u64 pages, u64 process)
{
	if (process)
		(void)*(volatile u32 *)&shared->driver;
	if (address)
		touch((u64[7]){ address, pages, 1, 1 });
	exit_now();
}

static void storm_thread(char *stack, u64 address, u64 pages)
{
	volatile u32 *tid = &shared->childTid;

	*tid = 1;
	new_task(THREAD, stack, (u32 *)tid, touch_and_exit, address, pages, 0);
	do
		futex_wait(tid, 1);
	while (*tid);
}

static void wait_child(long pid)
{
	call(__NR_wait4, pid, 0, 0, 0);
}

/* Runs on its parent's stack, which waits: it must not return. */
static void vfork_exec(void)
{
	static const char path[] = "/player", arg[] = "x";
	const char *argv[3] = { path, arg, 0 };
	long pid;

	asm volatile("syscall\n\t"
		     "test %%eax, %%eax\n\t"
		     "jnz 1f\n\t"
		     "mov %2, %%eax\n\t"
		     "mov %3, %%rdi\n\t"
		     "mov %4, %%rsi\n\t"
		     "xor %%edx, %%edx\n\t"
		     "syscall\n\t"
		     "hlt\n"
		     "1:"
		     : "=a"(pid)
		     : "0"((long)__NR_clone), "i"(__NR_execve), "r"(path), "r"(argv), "D"(CLONE_VM | CLONE_VFORK | SIGCHLD),
		       "S"(0L)
		     : "rcx", "rdx", "r11", "memory");
	wait_child(pid);
}

static void ping(struct task *me, struct task *peer, u64 rounds)
{
	volatile u32 *mine = &me->turn;
	u32 last = *mine;

	futex_wake(&shared->driver);
	while (rounds--) {
		peer->turn++;
		futex_wake(&peer->turn);
		do
			futex_wait(mine, last);
		while (*mine == last);
		last = *mine;
	}
}

/* The last wait of the peer is for its next command. */
static void pong(struct task *me, struct task *peer, u64 rounds)
{
	volatile u32 *mine = &me->turn;
	u32 last = (u32)me->arg[2];

	while (rounds--) {
		while (*mine == last)
			futex_wait(mine, last);
		last = *mine;
		peer->turn++;
		futex_wake(&peer->turn);
		if (rounds)
			futex_wait(mine, last);
	}
}

static void two_digits(char *to, u64 number)
{
	to[0] = (char)('a' + number / 16);
	to[1] = (char)('a' + number % 16);
}

static void exec_again(u64 self, u64 cpu)
{
	char number[5];
	const char *path = "/player";
	const char *argv[3] = { path, number, 0 };

	two_digits(number, self);
	two_digits(number + 2, cpu);
	number[4] = 0;
	call(__NR_execve, path, argv, 0, 0);
}

static void play(u64 self, struct task *t)
{
	const u64 *a = (const u64 *)t->arg;
	u64 i;

	switch (t->op) {
	case OP_SYSCALLS:
		for (i = 0; i < a[0]; i++)
			call(__NR_getpid, 0, 0, 0, 0);
		break;
	case OP_MMAP:
		call6(__NR_mmap, a[0], a[1], a[2], a[3], a[4], 0);
		break;
	case OP_TOUCH:
		touch(a);
		break;
	case OP_KREAD:
		call(__NR_read, ZERO_FD, a[0], a[1], 0);
		break;
	case OP_MUNMAP:
		call(__NR_munmap, a[0], a[1], 0, 0);
		break;
	case OP_MPROTECT:
		call(__NR_mprotect, a[0], a[1], a[2], 0);
		break;
	case OP_MLOCK:
		call(__NR_mlock, a[0], a[1], 0, 0);
		break;
	case OP_FLIP:
		for (i = 0; i < a[4]; i++) {
			call(__NR_mprotect, a[0], a[1], a[2], 0);
			call(__NR_mprotect, a[0], a[1], a[3], 0);
		}
		break;
	case OP_MADVISE:
		call(__NR_madvise, a[0], a[1], a[2], 0);
		break;
	case OP_MREMAP:
		call6(__NR_mremap, a[0], a[1], a[2], MREMAP_MAYMOVE | MREMAP_FIXED, a[3], 0);
		break;
	case OP_FORK:
		new_task(CLONE_PARENT | SIGCHLD, stack_of(a[0]), 0, child_main, a[0], a[1], 1);
		break;
	case OP_CLONE:
		shared->task[a[0]].tid = 1;
		new_task(THREAD, stack_of(a[0]), &shared->task[a[0]].tid, child_main, a[0], a[1], 0);
		break;
	case OP_EXEC:
		exec_again(self, a[0]);
		break;
	case OP_EXIT:
		exit_now();
		break;
	case OP_EXIT_GROUP:
		call(__NR_exit_group, 0, 0, 0, 0);
		break;
	case OP_SWITCH:
		ping(t, &shared->task[a[0]], a[1]);
		break;
	case OP_PEER:
		pong(t, &shared->task[a[0]], a[1]);
		break;
	case OP_THREAD_STORM:
		for (i = 0; i < a[0]; i++)
			storm_thread(stack_of(STORM_TASK), a[1], a[2]);
		break;
	case OP_PTHREAD_STORM:
		for (i = 0; i < a[0]; i++) {
			call6(__NR_mmap, a[1], a[2], 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
			call(__NR_mprotect, a[1] + PAGE, a[2] - PAGE, PROT_READ | PROT_WRITE, 0);
			touch_page(a[1] + a[2] - PAGE, 1);
			storm_thread((char *)(a[1] + a[2]), 0, 0);
			call(__NR_munmap, a[1], a[2], 0, 0);
		}
		break;
	case OP_FORK_STORM:
		for (i = 0; i < a[0]; i++)
			wait_child(new_task(SIGCHLD, stack_of(STORM_TASK), 0, touch_and_exit, a[1], a[2], 1));
		break;
	case OP_VFORK_EXEC:
		for (i = 0; i < a[0]; i++)
			vfork_exec();
		break;
	case OP_MIGRATE:
		pin(a[0]);
		break;
	case OP_FDGROW:
		call(__NR_dup2, 0, a[0], 0, 0);
		if (a[1])
			call(__NR_close, a[0], 0, 0, 0);
		break;
	case OP_FPU:
		asm volatile("fld1; fstp %st(0)");
		break;
	}
}

static void serve(u64 self)
{
	struct task *t = &shared->task[self];
	volatile u32 *cmd = &t->cmd;
	u32 last = t->done, spin = 0;

	for (;;) {
		u64 began, ended;

		while (*cmd == last) {
			if (spin)
				asm volatile("pause");
			else
				futex_wait(cmd, last);
		}
		last = *cmd;
		if (t->op == OP_PARK)
			spin = (u32)t->arg[0];
		began = stamp();
		t->began = began;
		play(self, t);
		ended = stamp();
		t->ended = ended;
		*(volatile u32 *)&t->done = last;
	}
}

static u64 number(const char *digits)
{
	return (u64)(digits[0] - 'a') * 16 + (u64)(digits[1] - 'a');
}

/* Of a new image, from the first instruction on: the initial stack, and the time. */
__attribute__((used)) static void image_main(u64 *stack, u64 now)
{
	const char *arg = (const char *)stack[2];

	if (arg[0] == 'x')
		exit_now();
	call6(__NR_mmap, CONTROL_ADDR, CONTROL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
	      CONTROL_FD, 0);
	u64 self = number(arg), cpu = number(arg + 2);
	register u64 rdi asm("rdi") = self;
	register u64 rsi asm("rsi") = cpu;
	register u64 rdx asm("rdx") = now;

	asm volatile("mov %0, %%rsp\n\t"
		     "call ready_main\n\t"
		     "hlt"
		     : : "r"(stack_of(self)), "r"(rdi), "r"(rsi), "r"(rdx) : "memory");
}

__attribute__((used)) static void ready_main(u64 self, u64 cpu, u64 now)
{
	struct task *t = &shared->task[self];

	start_up();
	futex_wake(&shared->driver);
	pin(cpu);
	t->ended = now;
	t->started = stamp();
	t->done = t->cmd;
	t->ready++;
	serve(self);
}

asm(".globl _start\n"
    "_start:\n\t"
    "rdtsc\n\t"
    "shl $32, %rdx\n\t"
    "or %rax, %rdx\n\t"
    "mov %rdx, %rsi\n\t"
    "mov %rsp, %rdi\n\t"
    "and $-16, %rsp\n\t"
    "call image_main\n\t"
    "hlt");
