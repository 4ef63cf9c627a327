struct pv_domain {
	atomic_t nr_l4_pages;
};

struct pv_vcpu {
	unsigned int vgc_flags;
};

#define PV64_VM_ASSIST_MASK (PV32_VM_ASSIST_MASK | (1UL << VMASST_TYPE_m2p_strict))

int arch_set_info_hvm_guest(x);
