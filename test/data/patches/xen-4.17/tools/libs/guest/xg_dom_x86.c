static void vcpu_x86_64(void)
{
	ctxt->flags = VGCF_in_kernel_X86_64 | VGCF_online_X86_64;
}
