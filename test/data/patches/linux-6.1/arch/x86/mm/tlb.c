static void switch_mm_irqs_off(void)
{
	if (!was_lazy) return;

	if (need_flush) { this_cpu_write(cpu_tlbstate.ctxs[new_asid].ctx_id, next->context.ctx_id);
}

	load_new_mm_cr3(next->pgd, new_asid, true);

	load_new_mm_cr3(next->pgd, new_asid, false);
}

static void nmi_uaccess_okay(void)
{
	VM_WARN_ON_ONCE(current_mm->pgd != __va(read_cr3_pa()));
}
