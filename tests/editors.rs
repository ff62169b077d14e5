//! What is shipped for editors fits together: files that are named exist, and
//! the commands of the lenses are known to those who must carry them out.

use serde_json::Value;
use std::path::PathBuf;

fn path(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("editors").join(of)
}

fn read(of: &str) -> String {
    std::fs::read_to_string(path(of)).unwrap_or_else(|e| panic!("{of}: {e}"))
}

fn json(of: &str) -> Value {
    serde_json::from_str(&read(of)).unwrap_or_else(|e| panic!("{of}: {e}"))
}

#[test]
fn the_extension_names_files_that_exist() {
    let package = json("vscode/package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    let language = &package["contributes"]["languages"][0];
    assert_eq!(language["extensions"][0], ".conc");
    for file in [&language["configuration"], &package["contributes"]["grammars"][0]["path"]] {
        let file = file.as_str().expect("a path");
        assert!(json(&format!("vscode/{file}")).is_object(), "{file}");
    }
    // The entry is made of this file by `npm run package`.
    assert!(package["scripts"]["build"].as_str().is_some_and(|s| s.contains("src/extension.js")));
    assert_eq!(package["main"], "./dist/extension.js");
    let shipped = read("vscode/.vscodeignore");
    for file in ["package.json", "language-configuration.json", "syntaxes/**", "dist/**"] {
        assert!(shipped.lines().any(|l| l == format!("!{file}")), "{file} is not packed");
    }
}

#[test]
fn the_commands_of_the_lenses_are_known_to_the_editors() {
    let lenses = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/lsp/outline.rs"));
    let lenses = lenses.expect("the lenses are there");
    let package = json("vscode/package.json");
    let commands = package["contributes"]["commands"].as_array().expect("a list");
    for command in ["conc.check", "conc.run"] {
        let quoted = format!("\"{command}\"");
        assert!(lenses.contains(&quoted), "{command}");
        assert!(commands.iter().any(|c| c["command"] == command), "{command} in package.json");
        assert!(read("vscode/src/extension.js").contains(&quoted), "{command} in extension.js");
        assert!(read("nvim/lsp/conc.lua").contains(&quoted), "{command} in conc.lua");
    }
}
