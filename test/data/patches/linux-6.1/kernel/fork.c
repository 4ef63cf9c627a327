#include <linux/mm.h>

static void copy_mm(void)
{
	tsk->mm = mm; tsk->active_mm = mm;
}

static void copy_process(void)
{
	mm_clear_owner(p->mm, p);
}
