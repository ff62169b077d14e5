//! Tells the program what it was built for, which only the build knows.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of_build = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_string());
    println!("cargo:rustc-env=CONC_TARGET={}", of_build("TARGET"));
    println!("cargo:rustc-env=CONC_PROFILE={}", of_build("PROFILE"));
    let version = Command::new(of_build("RUSTC")).arg("--version").output();
    let version = version.ok().and_then(|o| String::from_utf8(o.stdout).ok());
    let version = version.as_deref().and_then(|v| v.split_whitespace().nth(1)).unwrap_or("unknown");
    println!("cargo:rustc-env=CONC_RUSTC={version}");
}
