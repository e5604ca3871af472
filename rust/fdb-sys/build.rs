//! foundationdb-sys tells the linker `-lfdb_c`. Functions are looked up when a library is opened, never linked,
//! so the directive is satisfied by an archive of that name that holds one object nobody refers to.
//! (GNU ld and lld take an empty archive; Apple's linker wants a table of contents, hence the object.)

fn main() {
    println!("cargo:rerun-if-changed=nothing.c");
    cc::Build::new().file("nothing.c").cargo_metadata(false).compile("fdb_c");
    if let Some(out) = std::env::var_os("OUT_DIR") {
        println!("cargo:rustc-link-search=native={}", out.to_string_lossy());
    }
}
