const char found_fdb_sys_links_no_libfdb_c = 0;
