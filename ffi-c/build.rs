//! Gives the shared library the SONAME that programs linked with it look for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let on_linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let by_cargo_c = std::env::var_os("CARGO_FEATURE_CAPI").is_some();
    if on_linux && !by_cargo_c {
        let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_else(|_| "0".to_owned());
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtenure.so.{major}");
    }
}
