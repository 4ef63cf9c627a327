static void switch_mm_irqs_off(void)
{
	unsigned cpu = smp_processor_id();

	if (WARN_ON_ONCE(__read_cr3() != build_cr3(real_prev->pgd, prev_asid))) {
}

	if (WARN_ON_ONCE(real_prev != &init_mm && !cpumask_test_cpu(cpu, mm_cpumask(next)))) cpumask_set_cpu(cpu, mm_cpumask(next));

	if (need_flush) { this_cpu_write(cpu_tlbstate.ctxs[new_asid].ctx_id, next->context.ctx_id);
}

	load_new_mm_cr3(next->pgd, new_asid, true);

	load_new_mm_cr3(next->pgd, new_asid, false);
}

static void initialize_tlbstate_and_flush(void)
{
	struct mm_struct *mm = this_cpu_read(cpu_tlbstate.loaded_mm);

	WARN_ON((cr3 & CR3_ADDR_MASK) != __pa(mm->pgd));

	write_cr3(build_cr3(mm->pgd, 0));
}

static void __get_current_cr3_fast(void)
{
	unsigned long cr3 = build_cr3(this_cpu_read(cpu_tlbstate.loaded_mm)->pgd, this_cpu_read(cpu_tlbstate.loaded_mm_asid));
}

static void nmi_uaccess_okay(void)
{
	VM_WARN_ON_ONCE(current_mm->pgd != __va(read_cr3_pa()));
}
