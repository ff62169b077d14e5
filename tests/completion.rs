//! What a shell gets when it completes a command line: asked by bash itself,
//! with the completion that `conc completions bash` prints, and by zsh at a
//! terminal where it is installed; and the manual's pages as files. The other
//! shells' parts only have to be there.

use crate::support;

/// A shell's completion of a line whose last word is being typed.
fn complete(words: &[&str]) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_conc")).parent().expect("a folder").to_path_buf();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let quoted: Vec<String> = words.iter().map(|w| format!("'{w}'")).collect();
    let last = words.last().copied().unwrap_or("");
    let script = format!(
        "set -eu; source <(conc completions bash); COMP_TYPE=9; COMP_WORDS=(conc {}); COMP_CWORD={}\n\
         _clap_complete_conc conc '{last}' conc; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len(),
    );
    let ended = support::program("bash")
        .env("PATH", &path)
        .file("bank.conc", "const TELLERS = 2\nconst TIME = 5ms\nvar x = 0\nthis is not right\n")
        .file("notes.txt", "")
        .file("page.html", "")
        .file("page.json", "")
        .file("-dash.conc", "print 1\n")
        .args(["-c", &script])
        .finish()
        .expect_code(0);
    assert_eq!(ended.stderr, "");
    ended.stdout.lines().map(String::from).collect()
}

#[test]
fn commands_and_options_are_completed() {
    let commands = complete(&[""]);
    for command in ["run", "fmt", "explain", "completions", "man"] {
        assert!(commands.iter().any(|c| c == command), "{command} of {commands:?}");
    }
    assert_eq!(complete(&["run", "--sh"]), ["--shake"]);
    assert_eq!(complete(&["run", "--format", "j"]), ["json"]);
    assert_eq!(complete(&["completions", "b"]), ["bash"]);
}

#[test]
fn scripts_are_completed_and_no_other_files() {
    let found = complete(&["run", ""]);
    assert!(found.iter().any(|f| f == "bank.conc") && !found.iter().any(|f| f == "notes.txt"), "{found:?}");
    assert_eq!(complete(&["fmt", "ba"]), ["bank.conc"]);
    assert!(found.iter().any(|f| f == "./-dash.conc"), "a name that would be an option: {found:?}");
}

/// What would be written over is no script.
#[test]
fn files_to_be_written_are_completed_by_their_kind() {
    for command in ["run", "check", "replay"] {
        let files = |option: &str| complete(&[command, option, ""]).into_iter().filter(|f| !f.ends_with('/'));
        assert_eq!(files("--timeline").collect::<Vec<_>>(), ["page.html"], "{command}");
        assert_eq!(files("--trace").collect::<Vec<_>>(), ["page.json"], "{command}");
    }
}

#[test]
fn codes_of_findings_are_completed() {
    assert_eq!(complete(&["explain", "lo"]), ["lock-order", "lost-wakeup"]);
    assert_eq!(complete(&["check", "--until", "lo"]), ["lock-order", "lost-wakeup"]);
}

#[test]
fn constants_of_the_script_on_the_line_are_completed() {
    assert_eq!(complete(&["run", "bank.conc", "-D", ""]), ["TELLERS=", "TIME="]);
    assert_eq!(complete(&["run", "bank.conc", "-D", "TI"]), ["TIME="]);
    assert_eq!(complete(&["run", "-D", ""]), ["TELLERS=", "TIME="], "of the scripts in the folder");
}

/// Keys at a terminal that zsh has behind `compinit`, each time until the screen
/// shows what is waited for; what never comes runs into the limit of all runs.
/// `^X` shows the line as it stands; behind that the terminal is in its own mode, in
/// which it would take `^U` for itself, until the prompt is there again.
const ZSH: &str = r#"
zmodload zsh/zpty
mkdir functions
conc completions zsh > functions/_conc
zpty shell "zsh -f -i"
type_and_wait() { zpty -w -n shell "$1"; zpty -r shell seen "$2" }
type_and_wait $'PS1="> "; show() { zle -I; print -r -- "<$BUFFER>" }; zle -N show; bindkey "^X" show\n' '*> *'
type_and_wait $'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; print be""gun\n' '*begun*> *'
# The first one of all reads the function and has to answer as well.
type_and_wait $'conc ru\t\Cx' '*<conc run >*> *'
type_and_wait $'ba\t\Cx' '*<conc run bank.conc >*> *'
type_and_wait $'-D TI\t\Cx' '*<conc run bank.conc -D TIME=>*> *'
type_and_wait $'\Cuconc explain lo\t' '*lock-order*lost-wakeup*'
zpty -d shell
rm -r functions
"#;

#[test]
fn zsh_completes_from_the_first_tab_on() {
    if !std::path::Path::new("/usr/bin/zsh").exists() {
        eprintln!("there is no zsh here");
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_conc")).parent().expect("a folder").to_path_buf();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let zsh = support::program("zsh").env("PATH", &path).env("TERM", "xterm");
    let script = "const TELLERS = 2\nconst TIME = 5ms\n";
    // The shell within the shell is gone only some time after it was told to.
    let ended = zsh.file("bank.conc", script).args(["-f", "-c", ZSH]).start().finish_killed().expect_code(0);
    assert_eq!(ended.stderr, "", "{}", ended.stdout);
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = support::conc().args(["completions", shell]).finish().expect_code(0);
        assert!(ended.stdout.contains("CONC_COMPLETE"), "{shell}: {}", ended.stdout);
    }
    let ended = support::conc().args(["completions", "tcsh"]).finish().expect_code(2);
    assert!(ended.stderr.contains("bash"), "{}", ended.stderr);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("man1");
    support::conc().args(["man", "--folder"]).args([&path]).finish().expect_code(0);
    for page in ["conc.1", "conc-run.1", "conc-fmt.1", "conc-man.1"] {
        let text = std::fs::read_to_string(path.join(page)).expect("the page is there");
        assert!(text.contains(".SH EXAMPLES") && text.contains(".SH \"EXIT STATUS\""), "{page}: {text}");
    }
    let one = support::conc().args(["man", "run"]).finish().expect_code(0);
    assert_eq!(one.stdout, std::fs::read_to_string(path.join("conc-run.1")).expect("the page is there"));
    let ended = support::conc().args(["man", "rnu"]).finish().expect_code(2);
    assert!(ended.stderr.contains("did you mean `run`?"), "{}", ended.stderr);
}

#[test]
fn the_version_says_what_it_was_built_for() {
    let ended = support::conc().args(["--version"]).finish().expect_code(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], format!("conc {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("target: ") && lines[1].contains("linux"), "{lines:?}");
    assert!(lines[2] == "profile: release" || lines[2] == "profile: debug", "{lines:?}");
    let short = support::conc().args(["-V"]).finish().expect_code(0);
    assert_eq!(short.stdout.trim_end(), lines[0]);
}
