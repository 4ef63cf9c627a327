#include <linux/mmu_context.h>

static void finish_task_switch(void)
{
	put_task_stack(prev);
}
