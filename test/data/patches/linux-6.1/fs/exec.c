#include <linux/mm.h>

static void exec_mmap(void)
{
	ret = down_write_killable(&tsk->signal->exec_update_lock);

	lru_gen_use_mm(mm);
}
