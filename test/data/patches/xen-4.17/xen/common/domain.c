static void do_vm_assist(void)
{
	set_bit(type, &currd->vm_assist);

	clear_bit(type, &currd->vm_assist);
}
