int put_old_guest_table(x);
