/*
 * What the driver and the tasks of a script share: 96 pages of a memfd, mapped by each task at the same address.
 *
 * Page 0 and those up to 15 hold the tasks' blocks, page 16 + N the stack of task N. What makes itself ready writes
 * its stack, then reads all pages: 7 page faults, 96 PTEs. All of it lies in one L1 table with the text.
 */
#ifndef CONTROL_H
#define CONTROL_H

typedef unsigned int u32;
typedef unsigned long u64;

#define CONTROL_ADDR 0x410000UL
#define CONTROL_PAGES 96
#define CONTROL_FD 3
#define FILE_FD 4
#define ZERO_FD 5

#define STACK_PAGE 16
/* The stack of a storm's child, in another fault-around window than page 0. */
#define STORM_TASK 79
#define MAX_TASKS 79

enum op {
	OP_NOP,
	OP_SYSCALLS,	/* calls */
	OP_MMAP,	/* address, length, prot, flags, descriptor */
	OP_TOUCH,	/* address, pages, write, stride, order (0 up, 1 down, 2 random), seed, touches */
	OP_KREAD,	/* address, length */
	OP_MUNMAP,	/* address, length */
	OP_MPROTECT,	/* address, length, prot */
	OP_MLOCK,	/* address, length */
	OP_FLIP,	/* address, length, prot, prot, rounds */
	OP_MADVISE,	/* address, length, advice */
	OP_MREMAP,	/* address, length, new length, new address */
	OP_FORK,	/* child, CPU */
	OP_CLONE,	/* child, CPU */
	OP_EXEC,
	OP_EXIT,
	OP_EXIT_GROUP,
	OP_SWITCH,	/* peer, rounds */
	OP_PEER,	/* whose peer, rounds: sent to the peer of OP_SWITCH before */
	OP_THREAD_STORM, /* threads, address or 0, pages */
	OP_PTHREAD_STORM, /* threads, address, length */
	OP_FORK_STORM,	/* children, address or 0, pages */
	OP_VFORK_EXEC,	/* children */
	OP_PARK,	/* spin */
	OP_MIGRATE,	/* CPU */
	OP_FDGROW,	/* descriptor, close it? */
	OP_FPU,
};

struct task {
	u32 cmd;	/* number of the last command: a futex */
	u32 done;	/* number of the last command that is done */
	u32 ready;	/* times it made itself ready */
	u32 tid;	/* cleared when the thread is gone */
	u32 turn;	/* of a switch: a futex */
	u32 op;
	u64 arg[7];
	u64 began, ended, started;	/* time stamps: main from began to ended, start until started */
} __attribute__((aligned(128)));

struct control {
	u32 driver;	/* a futex that nobody waits for */
	u32 childTid;	/* of a storm's thread: a futex */
	u64 unused[511];
	struct task task[MAX_TASKS + 1];
};

static inline u64 stamp(void)
{
	u32 low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return low | (u64)high << 32;
}

#endif
