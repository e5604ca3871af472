//! `libfdb_c` from the embedded engine: the C names, nothing else.
