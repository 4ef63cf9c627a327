static void get_page_from_l4e(void)
{
	if ( unlikely(rc == -EINVAL) && get_l4_linear_pagetable(l4e, l4mfn, d) ) rc = 0;
}

static void new_guest_cr3(void)
{
	rc = get_page_and_type_from_mfn(mfn, PGT_root_page_table, d, PTF_preemptible);

	pv_destroy_ldt(curr); if ( !VM_ASSIST(d, m2p_strict) )

	curr->arch.guest_table = pagetable_from_mfn(mfn); old_shadow = update_cr3(curr);

	else write_ptbase(idle_vcpu[curr->processor]);
}

static void do_mmuext_op(void)
{
	rc = get_page_and_type_from_mfn( _mfn(op.arg1.mfn), PGT_root_page_table, currd, PTF_preemptible);

	if ( VM_ASSIST(currd, m2p_strict) ) zap_ro_mpt(_mfn(op.arg1.mfn));
}

static void do_mmu_update(void)
{
	bool flush_linear_pt = false, flush_root_pt_local = false, flush_root_pt_others = false;

	rc = mod_l4_entry(va, l4e_from_intpte(req.val), mfn, cmd == MMU_PT_UPDATE_PRESERVE_AD, v); if ( !rc ) flush_linear_pt = true;

	else ASSERT(!flush_root_pt_local && !flush_root_pt_others);
}
