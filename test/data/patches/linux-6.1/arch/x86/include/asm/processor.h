struct thread_struct {
	struct desc_struct tls_array[GDT_ENTRY_TLS_ENTRIES];
};
