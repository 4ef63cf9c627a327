/*
 * The walk of Unicorn's software MMU, which is QEMU's, for npm run bench: over the tables and the pages that
 * bench/walk.c and xen-model/hw/walk.ts walk.
 *
 * Usage: walk-unicorn TABLES ACCESSES ROUNDS MARKS
 *   TABLES    frames of 512 entries, from frame 0 on
 *   ACCESSES  per access three words of 64 bits: root, vpn, kind (0 read, 1 write); those of one root in a row, none twice
 *   MARKS     file to write: TABLES as the walks leave them, if no entry has A or D set before
 * Prints of each round its nanoseconds of CPU, and those of a round that does all but walk; then the sum of the frames that
 * the reads reached, or "sum unknown" (below).
 *
 * How the two correspond. The guest is at CPL 3, in long mode with CR0.PG, CR0.WP and CR4.PAE. Per root it loads CR3, which
 * empties the TLB, then touches each page once, so that each touch misses the TLB and is one walk of four levels: entries
 * read, P and reserved bits judged, rights gathered, A and D set. What Unicorn's number contains beyond: the instructions
 * around the touch, translated to the host's, and the load of the address (the second round, whose touches all hit the TLB,
 * measures these and the CR3 loads); the way out of translated code, the page put in the TLB, and Unicorn's search for the
 * memory region, which no round without walks has. Code and addresses take a walk in some hundred touches.
 *
 * Unicorn's processor has no NX: bit 63 is taken out of its tables, where no access of the list is a fetch.
 *
 * What both reached is compared by MARKS: A is set in exactly the entries of a path, and D in the leaf of a write. Before
 * version 2.1 Unicorn walks in full and then takes the virtual address for the frame. There memory lies at the virtual
 * addresses; since then each frame holds its number, which the guest sums.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unicorn/unicorn.h>

#define PTES 512
#define PAGE 4096ull
#define PRESENT_RW_USER 7ull
#define A_AND_D (1ull << 5 | 1ull << 6)
#define NX (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull
/* Ours: an L4 slot that no process has, with its frames at the addresses themselves, as the two versions agree there. */
#define OUR_SLOT 1
#define OURS ((uint64_t)OUR_SLOT << 39)
enum { L3, L2, L1, CODE, STACK, IDLE, LIST };
enum { READ, WRITE };

/* At CPL 0: load CR3, go to CPL 3. There: touch RDX pages, the addresses at RSI; bit 0 of one says that it is written. */
static const uint8_t code[] = {
	0x0f, 0x22, 0xd8,                               /*       mov cr3, rax */
	0x48, 0xcf,                                     /*       iretq */
	0x48, 0x8b, 0x06,                               /* next: mov rax, [rsi] */
	0x48, 0x83, 0xc6, 0x08,                         /*       add rsi, 8 */
	0xa8, 0x01,                                     /*       test al, 1 */
	0x75, 0x0a,                                     /*       jnz write */
	0x48, 0x03, 0x18,                               /*       add rbx, [rax] */
	0x48, 0xff, 0xca,                               /*       dec rdx */
	0x75, 0xed,                                     /*       jnz next */
	0xeb, 0x0d,                                     /*       jmp done */
	0x48, 0xc7, 0x40, 0x07, 0x01, 0x00, 0x00, 0x00, /* write: mov qword [rax + 7], 1 */
	0x48, 0xff, 0xca,                               /*       dec rdx */
	0x75, 0xde,                                     /*       jnz next */
	0x90,                                           /* done: */
};
#define NEXT 5
#define DONE (sizeof(code) - 1)

static void check(uc_err error, const char *what)
{
	if (error == UC_ERR_OK)
		return;
	fprintf(stderr, "walk-unicorn: %s: %s\n", what, uc_strerror(error));
	exit(1);
}

static void *pages(uint64_t n)
{
	void *memory = aligned_alloc(PAGE, n * PAGE);
	if (!memory)
		exit(2);
	for (uint64_t i = 0; i < n * PTES; i++)
		((uint64_t *)memory)[i] = 0;
	return memory;
}

/* The words of a file, and zeroes up to a number of pages that map_virtual() can go on from. */
static uint64_t *contents(const char *file, uint64_t *words)
{
	FILE *f = fopen(file, "rb");
	if (!f || fseek(f, 0, SEEK_END))
		exit(2);
	*words = ftell(f) / 8;
	rewind(f);
	uint64_t *data = pages((*words / PTES + PTES) / PTES * PTES);
	if (fread(data, 8, *words, f) != *words)
		exit(2);
	fclose(f);
	return data;
}

static void map(uc_engine *uc, uint64_t address, uint64_t n, void *memory)
{
	check(uc_mem_map_ptr(uc, address, n * PAGE, UC_PROT_ALL, memory), "uc_mem_map_ptr");
}

/* Before 2.1: memory at the virtual addresses, 512 pages around each that has none yet; few regions are soon mapped. */
static void map_virtual(uc_engine *uc, const uint64_t *accesses, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t word, address = accesses[3 * i + 1] / PTES * PTES * PAGE;
		if (uc_mem_read(uc, address, &word, sizeof(word)) != UC_ERR_OK)
			map(uc, address, PTES, pages(PTES));
	}
}

/* Code, stack, addresses, and the tables that map them; returns the first. */
static uint64_t *map_ours(uc_engine *uc, uint64_t n_list)
{
	uint64_t n = LIST + n_list / PTES + 1;
	if (n > PTES)
		exit(2);
	uint64_t *ours = pages(n);
	ours[L3 * PTES] = OURS + L2 * PAGE + PRESENT_RW_USER;
	ours[L2 * PTES] = OURS + L1 * PAGE + PRESENT_RW_USER;
	for (uint64_t i = 0; i < n; i++)
		ours[L1 * PTES + i] = OURS + i * PAGE + PRESENT_RW_USER;
	for (uint64_t i = 0; i < sizeof(code); i++)
		((uint8_t *)&ours[CODE * PTES])[i] = code[i];
	/* What iretq takes, and above it the descriptors of CPL 3 that it loads. */
	uint64_t *stack = &ours[STACK * PTES];
	uint64_t frame[] = { OURS + CODE * PAGE + NEXT, 8 | 3, 2, 0, 16 | 3 };
	uint64_t descriptors[] = { 0, 0x00affb000000ffff, 0x00cff3000000ffff };
	for (int i = 0; i < 5; i++)
		stack[i] = frame[i];
	for (int i = 0; i < 3; i++)
		stack[8 + i] = descriptors[i];
	uc_x86_mmr gdtr = { .base = OURS + STACK * PAGE + 64, .limit = 23 };
	uint64_t sp = OURS + STACK * PAGE;
	check(uc_reg_write(uc, UC_X86_REG_GDTR, &gdtr), "GDTR");
	check(uc_reg_write(uc, UC_X86_REG_RSP, &sp), "RSP");
	map(uc, OURS, n, ours);
	return ours;
}

/* Where a page lies, so that memory can be there. */
static uint64_t leaf_frame(const uint64_t *tables, uint64_t root, uint64_t vpn)
{
	uint64_t frame = root;
	for (int level = 4; level > 0; level--)
		frame = (tables[frame * PTES + (vpn >> (9 * (level - 1)) & (PTES - 1))] & ADDRESS) / PAGE;
	return frame;
}

/* One pass over `n` addresses from `list` on; returns what the guest has summed. */
static uint64_t pass(uc_engine *uc, uc_context *cpl0, uint64_t root, uint64_t list, uint64_t n)
{
	uint64_t begin = OURS + CODE * PAGE, cr3 = root * PAGE, sum = 0, left;
	check(uc_context_restore(uc, cpl0), "uc_context_restore");
	check(uc_reg_write(uc, UC_X86_REG_RAX, &cr3), "RAX");
	check(uc_reg_write(uc, UC_X86_REG_RBX, &sum), "RBX");
	check(uc_reg_write(uc, UC_X86_REG_RSI, &list), "RSI");
	check(uc_reg_write(uc, UC_X86_REG_RDX, &n), "RDX");
	check(uc_emu_start(uc, begin, begin + DONE, 0, 0), "uc_emu_start");
	check(uc_reg_read(uc, UC_X86_REG_RDX, &left), "RDX");
	check(uc_reg_read(uc, UC_X86_REG_RBX, &sum), "RBX");
	if (left != 0) {
		fprintf(stderr, "walk-unicorn: the guest stopped %llu pages early\n", (unsigned long long)left);
		exit(1);
	}
	return sum;
}

/* All accesses, a pass for each root, or the touches of the idle page that stand in for them. */
static uint64_t round_of(uc_engine *uc, uc_context *cpl0, const uint64_t *accesses, uint64_t n, uint64_t list,
			 long long *ns)
{
	struct timespec t0, t1;
	uint64_t sum = 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (uint64_t from = 0, to; from < n; from = to) {
		for (to = from; to < n && accesses[3 * to] == accesses[3 * from]; to++)
			;
		sum += pass(uc, cpl0, accesses[3 * from], list + from * 8, to - from);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	*ns = (t1.tv_sec - t0.tv_sec) * 1000000000ll + t1.tv_nsec - t0.tv_nsec;
	return sum;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	uint64_t words, n;
	uint64_t *tables = contents(argv[1], &words);
	uint64_t *accesses = contents(argv[2], &n);
	uint64_t frames = (words / PTES + PTES) / PTES * PTES, all = frames;
	unsigned int major, minor;
	uc_version(&major, &minor);
	bool virtual_is_frame = major < 2 || (major == 2 && minor < 1);
	n /= 3;
	for (uint64_t i = 0; i < words; i++)
		tables[i] &= ~(A_AND_D | NX);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t frame = leaf_frame(tables, accesses[3 * i], accesses[3 * i + 1]);
		if (frame >= all)
			all = frame + 1;
	}

	uc_engine *uc;
	check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc), "uc_open");
	map(uc, 0, frames, tables);
	if (virtual_is_frame) {
		map_virtual(uc, accesses, n);
	} else {
		uint64_t *data = pages(all - frames + 1);
		for (uint64_t i = frames; i < all; i++)
			data[(i - frames) * PTES] = i;
		map(uc, frames * PAGE, all - frames + 1, data);
	}
	uint64_t *ours = map_ours(uc, 2 * n);
	uint64_t *list = &ours[LIST * PTES], *idle = list + n;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t write = accesses[3 * i + 2] == WRITE;
		uint64_t *slot = &tables[accesses[3 * i] * PTES + OUR_SLOT];
		if (*slot != 0 && *slot != OURS + PRESENT_RW_USER)
			exit(2);
		*slot = OURS + PRESENT_RW_USER;
		list[i] = accesses[3 * i + 1] * PAGE | write;
		idle[i] = (OURS + IDLE * PAGE) | write;
	}
	uint64_t cr0 = 1u << 31 | 1u << 16 | 1, cr4 = 1u << 5, cr3 = accesses[0] * PAGE;
	check(uc_reg_write(uc, UC_X86_REG_CR3, &cr3), "CR3");
	check(uc_reg_write(uc, UC_X86_REG_CR4, &cr4), "CR4");
	check(uc_reg_write(uc, UC_X86_REG_CR0, &cr0), "CR0");
	uc_context *cpl0;
	check(uc_context_alloc(uc, &cpl0), "uc_context_alloc");
	check(uc_context_save(uc, cpl0), "uc_context_save");

	uint64_t sum = 0, base = OURS + LIST * PAGE;
	for (int round = 0; round < atoi(argv[3]); round++) {
		long long walks, idles;
		sum = round_of(uc, cpl0, accesses, n, base, &walks);
		round_of(uc, cpl0, accesses, n, base + n * 8, &idles);
		printf("%lld %lld\n", walks, idles);
	}
	if (virtual_is_frame)
		printf("sum unknown\n");
	else
		printf("sum %llu\n", (unsigned long long)sum);
	for (uint64_t i = 0; i < n; i++)
		tables[accesses[3 * i] * PTES + OUR_SLOT] = 0;
	FILE *marks = fopen(argv[4], "wb");
	if (!marks || fwrite(tables, 8, words, marks) != words || fclose(marks))
		return 2;
	return 0;
}
