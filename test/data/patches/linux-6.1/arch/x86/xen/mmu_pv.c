static phys_addr_t xen_pt_base, xen_pt_size __initdata;

static void xen_set_p4d(void)
{
	if (!xen_page_pinned(ptr)) { *ptr = val; if (user_ptr) { WARN_ON(xen_page_pinned(user_ptr)); pgd_val.pgd = p4d_val_ma(val); *user_ptr = pgd_val; } return; }

	pgd_t pgd_val;

	__xen_set_p4d_hyper((p4d_t *)user_ptr, val);
}

static void xen_pgd_pin(void)
{
	__xen_pgd_pin(mm, mm->pgd);
}

static void xen_exit_mmap(void)
{
	get_cpu();
}

static void xen_pgd_free(void)
{
}

static void __xen_write_cr3(void)
{
	struct mmuext_op op;

	op.cmd = kernel ? MMUEXT_NEW_BASEPTR : MMUEXT_NEW_USER_BASEPTR; op.arg1.mfn = mfn; xen_extend_mmuext_op(&op);
}

static void xen_pgd_alloc(void)
{
	user_pgd = (pgd_t *)__get_free_page(GFP_KERNEL | __GFP_ZERO);

	if (user_pgd != NULL) { #ifdef CONFIG_X86_VSYSCALL_EMULATION user_pgd[pgd_index(VSYSCALL_ADDR)] = __pgd(__pa(level3_user_vsyscall) | _PAGE_TABLE); #endif ret = 0; }
}

static void xen_write_cr3(void)
{
	BUG_ON(preemptible());
}
