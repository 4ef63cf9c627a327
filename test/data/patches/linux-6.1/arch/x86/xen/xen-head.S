(1 << XENFEAT_dom0) | (1 << XENFEAT_linux_rsdp_unrestricted))
