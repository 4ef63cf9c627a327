static void init_new_context(void)
{
	mutex_init(&mm->context.lock);
}

