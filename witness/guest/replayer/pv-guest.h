/*
 * What a 64-bit PV guest needs of Xen's interface, by its upstream names, and no more.
 *
 * Mirrors: xen/include/public/.
 */
#ifndef PV_GUEST_H
#define PV_GUEST_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define PAGE 4096UL
#define VIRT_BASE 0xffffffff80000000UL
#define RO_MPT ((volatile u64 *)0xffff800000000000UL)
#define DOMID_SELF 0x7ff0
#define XENFEAT_exclusive_l4 21

enum {
	__HYPERVISOR_set_trap_table = 0,
	__HYPERVISOR_mmu_update = 1,
	__HYPERVISOR_set_gdt = 2,
	__HYPERVISOR_multicall = 13,
	__HYPERVISOR_update_va_mapping = 14,
	__HYPERVISOR_xen_version = 17,
	__HYPERVISOR_console_io = 18,
	__HYPERVISOR_vcpu_op = 24,
	__HYPERVISOR_mmuext_op = 26,
	__HYPERVISOR_sched_op = 29,
};

enum { VCPUOP_initialise = 0, VCPUOP_up = 1 };
enum { SCHEDOP_shutdown = 2 };
enum { XENVER_get_features = 6 };
enum { MMU_MACHPHYS_UPDATE = 1 };
enum {
	MMUEXT_PIN_L4_TABLE = 3,
	MMUEXT_UNPIN_TABLE = 4,
	MMUEXT_NEW_BASEPTR = 5,
	MMUEXT_TLB_FLUSH_ALL = 10,
	MMUEXT_SET_LDT = 13,
	MMUEXT_NEW_USER_BASEPTR = 15,
};
enum { UVMF_INVLPG_ALL = 2 | 1 << 2 };
enum { VGCF_in_kernel = 1 << 2 };
enum { FLAT_KERNEL_CS = 0xe033, FLAT_KERNEL_DS = 0xe02b };

struct start_info {
	char magic[32];
	u64 nr_pages;
	u64 shared_info;
	u64 flags;
	u64 store_mfn, store_evtchn;
	u64 console_mfn, console_evtchn;
	u64 pt_base;
	u64 nr_pt_frames;
	u64 mfn_list;
	u64 mod_start;
	u64 mod_len;
};

struct mmu_update {
	u64 ptr, val;
};

struct mmuext_op {
	u32 cmd;
	u64 arg1, arg2;
};

struct multicall_entry {
	u64 op, result, args[6];
};

struct trap_info {
	u8 vector, flags;
	u16 cs;
	u64 address;
};

struct cpu_user_regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u32 error_code, entry_vector;
	u64 rip, cs, rflags, rsp, ss, es, ds, fs, gs;
};

struct vcpu_guest_context {
	u8 fpu_ctxt[512];
	u64 flags;
	struct cpu_user_regs user_regs;
	struct trap_info trap_ctxt[256];
	u64 ldt_base, ldt_ents;
	u64 gdt_frames[16], gdt_ents;
	u64 kernel_ss, kernel_sp;
	u64 ctrlreg[8], debugreg[8];
	u64 event_callback_eip, failsafe_callback_eip, syscall_callback_eip;
	u64 vm_assist;
	u64 fs_base, gs_base_kernel, gs_base_user;
};

long hypercall(long nr, u64 a, u64 b, u64 c, u64 d);
#endif
