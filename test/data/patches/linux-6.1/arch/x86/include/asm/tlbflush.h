struct tlb_state {
	struct mm_struct *loaded_mm;
};
