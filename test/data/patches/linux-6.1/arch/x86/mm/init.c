.loaded_mm = &init_mm,
