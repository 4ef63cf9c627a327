nr_pages = dom0_compute_nr_pages(x);
