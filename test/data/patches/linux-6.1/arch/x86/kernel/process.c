static void arch_dup_task_struct(void)
{
	dst->thread.fpu.fpstate = NULL;
}
