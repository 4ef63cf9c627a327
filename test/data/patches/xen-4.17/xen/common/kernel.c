fi.submap |= (1U << XENFEAT_pae_pgdir_above_4gb);
