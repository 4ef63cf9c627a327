static void pv_domain_initialise(void)
{
	pv_l1tf_domain_init(d);
}
