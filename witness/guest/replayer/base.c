/*
 * The state that scripts start from: the builder's tables, the pool's pages each mapped once, and vCPU 1, on base_l4 as vCPU 0
 * is, or, of a guest that is audited, on base1_l4, which is like it.
 */
#include "replayer.h"

const struct start_info *start;
const u64 *p2m;
int audited;
u8 shared_page[PAGE] __attribute__((aligned(4096)));

static u8 base1[PAGE] __attribute__((aligned(4096)));
static struct vcpu_guest_context context __attribute__((aligned(4096)));

/* vCPU 0 or 1 begins, or 2 does not, on an L4 and perhaps a user table. */
long initialise(u64 vcpu, u64 l4, u64 user)
{
	struct vcpu_guest_context *c = &context;

	for (u64 i = 0; i < sizeof(*c); i++)
		((u8 *)c)[i] = 0;
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = (u64)start_secondary;
	c->user_regs.rsp = c->kernel_sp = (u64)stacks + 0x8000 * (vcpu == 1 ? 2 : 1) - 16;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = c->kernel_ss = FLAT_KERNEL_DS;
	c->trap_ctxt[13] = (struct trap_info){ 13, 0, FLAT_KERNEL_CS, (u64)general_protection };
	c->trap_ctxt[14] = (struct trap_info){ 14, 0, FLAT_KERNEL_CS, (u64)page_fault };
	c->ctrlreg[3] = l4 << 12;
	c->ctrlreg[1] = user << 12;
	return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, (u64)c, 0);
}

/* Back to the vCPU's first table, without a GDT or LDT. */
void back_to_base(int vcpu)
{
	mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
	mmuext(MMUEXT_NEW_BASEPTR, vcpu && audited ? base1_l4 : base[0], 0);
	hypercall(__HYPERVISOR_set_gdt, 0, 0, 0, 0);
	mmuext(MMUEXT_SET_LDT, 0, 0);
}

static long map(u64 va, u64 entry)
{
	return hypercall(__HYPERVISOR_update_va_mapping, va, entry, UVMF_INVLPG_ALL, 0);
}

/* Empty the entries of a base table but those in [first, last], which are the kernel's or Xen's, and the last of an L4. */
static void empty(int level, int first, int last)
{
	u64 mfn = base[4 - level];

	for (int i = 0; i < 512; i++) {
		struct mmu_update update = { mfn << 12 | i * 8, 0 };

		if (base_table[4 - level][i] && (i < first || i > last) && (level < 4 || i < 511))
			hypercall(__HYPERVISOR_mmu_update, (u64)&update, 1, 0, DOMID_SELF);
	}
}

/* Everything that a script may have made goes, and each pool page is mapped at home. False where it cannot be. */
int reset(void)
{
	static u64 used; /* pages that any script so far could name */
	int failed = 1;

	on_vcpu(1, "b");
	on_vcpu(0, "b");
	for (int round = 0; failed && round < 4; round++) {
		failed = 0;
		for (u64 i = 0; i < used; i++)
			mmuext(MMUEXT_UNPIN_TABLE, pool_mfn[i], 0);
		for (int i = 1; i < 4; i++)
			mmuext(MMUEXT_UNPIN_TABLE, base[i], 0);
		empty(4, 256, 271);
		empty(3, 510, 510);
		empty(2, 0, 3);
		for (u64 i = 0; i < POOL_PAGES; i++)
			map((u64)pool + i * PAGE, 0);
		for (u64 i = 0; i < pages; i++) {
			struct mmu_update update = { pool_mfn[i] << 12 | MMU_MACHPHYS_UPDATE,
						     ((u64)pool - VIRT_BASE) / PAGE + i };

			failed |= map((u64)pool + i * PAGE, pool_mfn[i] << 12 | PRESENT_TABLE) != 0;
			hypercall(__HYPERVISOR_mmu_update, (u64)&update, 1, 0, DOMID_SELF);
		}
	}
	used = pages > used ? pages : used;
	for (u64 i = 0; !failed && i < pages * PAGE; i += 8)
		*(volatile u64 *)(pool + i) = 0;
	mmuext(MMUEXT_PIN_L4_TABLE, base[0], 0);
	return !failed;
}

/* The builder's tables, vCPU 1's L4 if the guest is audited, and vCPU 1. */
void begin(const struct start_info *info)
{
	struct { u32 index, map; } features = { 0, 0 };
	static const struct trap_info traps[] = {
		{ 13, 0, FLAT_KERNEL_CS, (u64)general_protection },
		{ 14, 0, FLAT_KERNEL_CS, (u64)page_fault },
		{ 0, 0, 0, 0 },
	};
	u64 slot[4] = { 0, 511, 510, 2 };

	start = info;
	p2m = (const u64 *)info->mfn_list;
	hypercall(__HYPERVISOR_set_trap_table, (u64)traps, 0, 0, 0);
	hypercall(__HYPERVISOR_xen_version, XENVER_get_features, (u64)&features, 0, 0);
	audited = features.map >> XENFEAT_exclusive_l4 & 1;
	for (int i = 0; i < POOL_PAGES; i++)
		pool_mfn[i] = va_to_mfn(pool + i * PAGE);
	base[0] = va_to_mfn((const void *)start->pt_base);
	base_table[0] = (const u64 *)start->pt_base;
	for (int i = 1; i < 4; i++) {
		base[i] = frame_of(base_table[i - 1][slot[i]]);
		base_table[i] = (const u64 *)(VIRT_BASE + RO_MPT[base[i]] * PAGE);
	}
	map((u64)shared_page, start->shared_info | PRESENT_TABLE);
	base1_l4 = va_to_mfn(base1);
	((u64 *)base1)[511] = base[1] << 12 | PRESENT_TABLE;
	if (audited) {
		map((u64)base1, base1_l4 << 12 | READ_ONLY);
		mmuext(MMUEXT_PIN_L4_TABLE, base1_l4, 0);
	}
	put("@@ features 0x");
	put_hex(features.map);
	end_line();
	if (initialise(1, audited ? base1_l4 : base[0], 0)) {
		say("@! vCPU 1 is refused");
		leave();
	}
	hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0, 0);
	while (!secondary_is_up)
		asm volatile("pause");
}
