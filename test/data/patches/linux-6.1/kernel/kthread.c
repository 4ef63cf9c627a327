#include <linux/mmu_context.h>

static void kthread_use_mm(void)
{
	task_lock(tsk);
}

static void kthread_unuse_mm(void)
{
	task_unlock(tsk);
}
