static void do_user_addr_fault(void)
{
	if (unlikely(faulthandler_disabled() || !mm)) {
}
}
