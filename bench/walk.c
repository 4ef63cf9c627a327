/*
 * The walk of xen-model/hw/walk.ts in C, for npm run bench: the same checks in the same order, over entries of 64
 * bits as the processor has them.
 *
 * Usage: walk TABLES ACCESSES ROUNDS
 *   TABLES    frames of 512 entries, from frame 0 on
 *   ACCESSES  per access three words of 64 bits: root, vpn, kind (0 read, 1 write, 2 fetch)
 * Prints of each round its nanoseconds of CPU, and once a sum over all answers, which the bench compares.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PRESENT (1ull << 0)
#define RW (1ull << 1)
#define USER (1ull << 2)
#define ACCESSED (1ull << 5)
#define DIRTY (1ull << 6)
#define PSE (1ull << 7)
#define NX (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull
#define PFEC_PRESENT 1
#define PFEC_WRITE 2
#define PFEC_USER 4
#define PFEC_RESERVED 8
#define PFEC_FETCH 16
#define PFEC_PKEY 32
#define WALK_OK -1
enum { READ, WRITE, FETCH };

struct control {
	int levels, cpl;
	bool wp, smep, smap, ac, nxe, pke;
	uint32_t pkru;
	uint64_t reserved; /* by MAXPHYADDR */
};

struct walk {
	uint64_t frame, leaf, rights;
	int level;
	
};

static bool pkey_denies(const struct control *c, uint64_t rights, int access)
{
	if (!c->pke || access == FETCH || !(rights & USER))
		return false;
	uint32_t bits = c->pkru >> (2 * (rights >> 59 & 15));
	return (bits & 1) || (access == WRITE && (bits & 2) && (c->cpl == 3 || c->wp));
}

static bool rights_deny(const struct control *c, uint64_t rights, int access)
{
	bool user = rights & USER;
	if (access == FETCH) {
		if (c->nxe && (rights & NX))
			return true;
		return c->cpl == 3 ? !user : user && c->smep;
	}
	if (c->cpl == 3 ? !user : user && c->smap && !c->ac)
		return true;
	return access == WRITE && !(rights & RW) && (c->cpl == 3 || c->wp);
}

__attribute__((noinline)) static int walk(uint64_t *mem, uint64_t frames, const struct control *c, uint64_t root,
					  uint64_t vpn, int access, struct walk *out)
{
	uint64_t reserved_bits = c->reserved | (c->nxe ? 0 : NX);
	int error = c->cpl == 3 ? PFEC_USER : 0;
	if (access == WRITE)
		error |= PFEC_WRITE;
	else if (access == FETCH && (c->nxe || c->smep))
		error |= PFEC_FETCH;

	uint64_t table = root, every = RW | USER, any = 0;
	for (int level = c->levels;; level--) {
		out->level = level;
		if (table >= frames)
			return error;
		uint64_t *entry = &mem[table * 512 + (vpn >> (9 * (level - 1)) & 511)];
		uint64_t e = *entry;
		if (!(e & PRESENT))
			return error;

		uint64_t within = (1ull << (9 * (level - 1))) - 1;
		bool superpage = level > 1 && (e & PSE);
		uint64_t reserved = e & reserved_bits;
		if (superpage)
			reserved |= level > 3 ? PSE : (e >> 12) & within & ~1ull;
		if (reserved)
			return error | PFEC_PRESENT | PFEC_RESERVED;

		every &= e;
		any |= e;
		if (level > 1 && !superpage) {
			if (!(e & ACCESSED))
				*entry = e | ACCESSED;
			table = (e & ADDRESS) >> 12;
			continue;
		}

		uint64_t rights = every | (any & NX) | (e & 15ull << 59);
		bool key = pkey_denies(c, rights, access);
		if (key || rights_deny(c, rights, access))
			return error | PFEC_PRESENT | (key ? PFEC_PKEY : 0);
		uint64_t leaf = e | ACCESSED | (access == WRITE ? DIRTY : 0);
		if (leaf != e)
			*entry = leaf;
		out->frame = ((e & ADDRESS) >> 12 & ~within) | (vpn & within);
		out->rights = rights;
		out->leaf = leaf;
		return WALK_OK;
	}
}

static void *contents(const char *file, uint64_t *bytes)
{
	FILE *f = fopen(file, "rb");
	if (!f || fseek(f, 0, SEEK_END))
		exit(2);
	*bytes = ftell(f);
	rewind(f);
	void *data = aligned_alloc(4096, (*bytes + 4095) & ~4095ull);
	if (!data || fread(data, 1, *bytes, f) != *bytes)
		exit(2);
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	uint64_t bytes, length, sum = 0;
	uint64_t *mem = contents(argv[1], &bytes);
	uint64_t *accesses = contents(argv[2], &length);
	uint64_t frames = bytes / 4096, n = length / 24;
	struct control c = { .levels = 4, .cpl = 3, .wp = true, .nxe = true, .reserved = ADDRESS & -1ull << 46 };
	struct walk out = { 0 };
	for (int round = 0; round < atoi(argv[3]); round++) {
		struct timespec t0, t1;
		sum = 0;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
		for (uint64_t i = 0; i < n; i++) {
			const uint64_t *a = &accesses[3 * i];
			int answer = walk(mem, frames, &c, a[0], a[1], a[2], &out);
			sum += answer == WALK_OK ? out.frame : (uint64_t)answer;
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
		printf("%lld\n", (t1.tv_sec - t0.tv_sec) * 1000000000ll + t1.tv_nsec - t0.tv_nsec);
	}
	printf("sum %llu\n", (unsigned long long)sum);
	return 0;
}
