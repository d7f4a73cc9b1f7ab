//! What the program says of itself.

use crate::lab::run;

/// The options of `scan` in INTERFACE.md. Those marked are there; the others may come.
const OPTIONS: &[(&str, bool)] = &[
    ("rules", true),
    ("no-builtin-rules", true),
    ("under", true),
    ("as-of", true),
    ("assume", true),
    ("waivers", false),
    ("baseline", true),
    ("output", true),
    ("depth", true),
    ("exclude", true),
    ("accept", true),
    ("organisation", false),
    ("redact", true),
    ("redact-key", true),
    ("no-items", true),
];

fn help(command: &[&str]) -> String {
    let run = run(command.iter().chain(&["--help"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{command:?}");
    run.out
}

#[test]
fn every_option_that_exists_is_in_the_help() {
    let help = help(&["scan"]);
    for (option, there) in OPTIONS {
        let flag = format!("--{option}");
        let known = !run(["scan", "dir:/nonexistent/root", &flag]).err.contains("unexpected argument");
        let shown = help.lines().any(|l| l.split([' ', ',']).any(|w| w == flag));
        assert_eq!(known, shown, "{flag}");
        assert!(known || !there, "{flag} is gone");
    }
    assert!(help.contains("-o, --output <FORMAT[=PATH]>"), "{help}");
}

#[test]
fn the_help_names_every_exit_code() {
    for command in [&[][..], &["scan"]] {
        let help = help(command);
        for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "130 "] {
            assert!(help.lines().any(|l| l.trim_start().starts_with(code)), "{code}: {help}");
        }
    }
}

#[test]
fn every_command_has_a_help() {
    let whole = help(&[]);
    for command in ["scan", "inventory", "rules", "explain", "sources", "completions", "man"] {
        assert!(whole.lines().any(|l| l.trim_start().starts_with(command)), "{command}: {whole}");
        assert!(help(&[command]).contains(&format!("Usage: interdict {command}")));
    }
    for command in ["list", "show", "check", "test", "diff"] {
        assert!(help(&["rules", command]).contains(&format!("Usage: interdict rules {command}")));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = run(["--version"]);
    let version = format!("interdict {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((run.code, run.out, run.err.as_str()), (0, version, ""));
}

#[test]
fn completions_name_the_options_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let run = run(["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        assert!(run.out.contains("interdict") && run.out.contains("no-builtin-rules"), "{shell}");
    }
    let run = run(["completions", "cmd.exe"]);
    assert!(run.code == 2 && run.err.contains("possible values: bash"), "{}", run.err);
}

/// INTERFACE gives one page, so it has to hold what the commands take.
#[test]
fn the_manual_page_holds_commands_options_and_exit_codes() {
    let run = run(["man"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let page = run.out.replace("\\-", "-");
    assert!(page.contains(".TH interdict 1"), "{page}");
    for part in ["scan", "inventory", "--under", "--as-of", "130"] {
        assert!(page.contains(part), "{part} is not in the manual page");
    }
}
