//! Compiles the generated parser and the scanner.

fn main() {
    let sources = ["src/parser.c", "src/scanner.c"];
    cc::Build::new().std("c11").include("src").files(sources).warnings(false).compile("tree-sitter-conc");
    sources.iter().for_each(|s| println!("cargo:rerun-if-changed={s}"));
}
