static void do_vm_assist(void)
{
	clear_bit(type, &currd->vm_assist);
}
