void xen_mm_unpin_all(void);
