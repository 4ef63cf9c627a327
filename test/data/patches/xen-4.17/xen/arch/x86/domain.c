static void arch_set_info_guest(void)
{
	rc = put_old_guest_table(current); if ( rc ) return rc;

	v->arch.guest_table = pagetable_from_page(cr3_page); if ( c.nat->ctrlreg[1] )

	if ( !rc ) v->arch.guest_table_user = pagetable_from_page(cr3_page);

	if ( v->vcpu_id == 0 ) update_domain_wallclock_time(d);
}
