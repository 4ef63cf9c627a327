static void xen_pv_cpu_up(void)
{
	rc = cpu_initialize_context(cpu, idle);
}

static void cpu_initialize_context(void)
{
	ctxt->ctrlreg[3] = xen_pfn_to_cr3(virt_to_gfn(swapper_pg_dir));
}
