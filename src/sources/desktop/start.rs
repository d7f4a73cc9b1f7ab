//! What a command line of a menu really starts.
//!
//! Programs that only start others are not what the entry is of: a shell, Wine, an interpreter, a browser that shows one
//! site as an application, Steam, Flatpak. Naming them as the entry's program would accuse their makers.

/// What is started.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// The program that runs: a path, or a name that is looked for.
    pub(super) program: Option<Vec<u8>>,
    /// Whether it only runs what others made.
    pub(super) is_host: bool,
    /// The program for Windows that Wine runs, and the folder that is its world if one is named.
    pub(super) windows: Option<(Vec<u8>, Option<Vec<u8>>)>,
    /// The id under which a browser installed a site as an application.
    pub(super) app_id: Option<Vec<u8>>,
    /// The site that is shown.
    pub(super) site: Option<Vec<u8>>,
}

/// Programs that run the one that comes next, with a shell's text among their arguments.
const WRAPPERS: &[&str] = &[
    "dbus-launch",
    "dbus-run-session",
    "env",
    "exec",
    "firejail",
    "gamemoderun",
    "gksu",
    "gksudo",
    "ionice",
    "kdesu",
    "kdesudo",
    "mangohud",
    "nice",
    "nohup",
    "optirun",
    "pkexec",
    "prime-run",
    "primusrun",
    "setsid",
    "stdbuf",
    "sudo",
    "sudo-rt",
    "systemd-run",
    "time",
    "timeout",
];
const SHELLS: &[&str] = &["sh", "bash", "dash", "ksh", "zsh", "fish"];
/// Programs that run a file whose path is among their arguments.
const INTERPRETERS: &[&str] = &[
    "electron", "gjs", "java", "javaw", "mono", "node", "perl", "php", "python", "python2", "python3",
    "ruby", "wish",
];
const WINES: &[&str] =
    &["wine", "wine64", "wine-stable", "wine-staging", "wine-development", "proton", "umu-run"];
/// Programs that run what goes by a name and not by a path.
const HOSTS: &[&str] = &[
    "bottles",
    "bottles-cli",
    "flatpak",
    "flatpak-spawn",
    "gio",
    "gtk-launch",
    "gtk4-launch",
    "heroic",
    "kioclient",
    "kioclient5",
    "lutris",
    "snap",
    "steam",
    "steam-runtime",
    "waydroid",
    "wslg",
    "x-www-browser",
    "xdg-open",
];
/// Endings of what Windows starts, in small letters.
const WINDOWS: &[&str] = &[".exe", ".lnk", ".msi", ".bat", ".cmd", ".com"];

impl Start {
    /// Reads the arguments of an entry, without field codes.
    pub(super) fn of(arguments: &[Vec<u8>]) -> Self {
        let mut start = Self::default();
        for argument in arguments {
            let value = |option: &[u8]| argument.strip_prefix(option).map(<[u8]>::to_vec);
            let is_id = |id: &Vec<u8>| id.len() == 32 && id.iter().all(|b| (b'a'..=b'p').contains(b));
            start.app_id = start.app_id.or(value(b"--app-id=").filter(is_id));
            let site = value(b"--app-url=").or_else(|| value(b"--app=")).unwrap_or_else(|| argument.clone());
            let is_site = site.starts_with(b"https://") || site.starts_with(b"http://");
            start.site = start.site.or(is_site.then_some(site));
        }
        // The text that a shell runs is words again.
        let is_sign = |b: &u8| b.is_ascii_whitespace() || b";|&()<>\"'".contains(b);
        let shown = arguments.iter().any(|a| SHELLS.contains(&base(a)));
        let words: Vec<&[u8]> = if shown {
            arguments.iter().flat_map(|a| a.split(is_sign)).filter(|w| !w.is_empty()).collect()
        } else {
            arguments.iter().map(Vec::as_slice).collect()
        };
        let mut prefix = None;
        let mut words = words.into_iter().skip_while(|word| {
            prefix = word.strip_prefix(b"WINEPREFIX=").map(<[u8]>::to_vec).or(prefix.take());
            let name = base(word);
            let is_own =
                word.starts_with(b"-") || word.contains(&b'=') || word.iter().all(u8::is_ascii_digit);
            is_own || WRAPPERS.contains(&name) || SHELLS.contains(&name)
        });
        let Some(program) = words.next() else { return start };
        start.program = Some(program.to_vec());
        let name = base(program);
        if WINES.contains(&name) {
            start.is_host = true;
            start.windows = words.find(|word| is_windows(word)).map(|word| (word.to_vec(), prefix));
        } else if INTERPRETERS.contains(&name) {
            match words.find(|word| word.starts_with(b"/")) {
                Some(script) => start.program = Some(script.to_vec()),
                None => start.is_host = true,
            }
        } else {
            start.is_host = is_host(program) || start.app_id.is_some() || start.site.is_some();
        }
        start
    }
}

/// Whether a program only runs what others made.
pub(super) fn is_host(program: &[u8]) -> bool {
    let name = base(program);
    [HOSTS, WRAPPERS, SHELLS, INTERPRETERS, WINES].iter().any(|list| list.contains(&name))
}

/// Whether it is a path of Windows, or a file that only Windows or Wine runs.
fn is_windows(word: &[u8]) -> bool {
    let small = word.to_ascii_lowercase();
    matches!(word, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
        || WINDOWS.iter().any(|ending| small.ends_with(ending.as_bytes()))
}

/// The name of a program; empty, if it is not UTF-8.
fn base(program: &[u8]) -> &str {
    let name = program.rsplit(|&b| b == b'/').next().unwrap_or_default();
    str::from_utf8(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> Start {
        Start::of(&line.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    /// The program, with `!` if it only runs others'.
    fn program(line: &[&str]) -> String {
        let start = of(line);
        let name = String::from_utf8(start.program.unwrap_or_default()).unwrap();
        if start.is_host { format!("!{name}") } else { name }
    }

    #[test]
    fn wrappers_are_looked_through() {
        assert_eq!(program(&["/opt/k/bin/gui", "--new"]), "/opt/k/bin/gui");
        assert_eq!(program(&["env", "A=b", "BAMF_DESKTOP_FILE_HINT=/x", "/snap/bin/k", "x"]), "/snap/bin/k");
        assert_eq!(program(&["pkexec", "--disable-internal-agent", "/opt/k/x"]), "/opt/k/x");
        assert_eq!(program(&["sh", "-c", "exec '/opt/k/x' --y; true"]), "/opt/k/x");
        assert_eq!(program(&["/usr/bin/bash", "/opt/k/run.sh"]), "/opt/k/run.sh");
        assert_eq!(program(&["nice", "-n", "5", "k"]), "k");
        assert_eq!(program(&["env", "A=b"]), "");
        assert_eq!(program(&[]), "");
    }

    #[test]
    fn what_others_made_is_not_the_hosts() {
        assert_eq!(
            program(&["/usr/bin/flatpak", "run", "--branch=stable", "org.k.Agent"]),
            "!/usr/bin/flatpak"
        );
        assert_eq!(program(&["steam", "steam://rungameid/570"]), "!steam");
        assert_eq!(program(&["python3", "-m", "k"]), "!python3");
        assert_eq!(program(&["/usr/bin/java", "-jar", "/opt/k/k.jar"]), "/opt/k/k.jar");
        assert_eq!(program(&["firefox", "https://k.example/x"]), "!firefox");
        assert_eq!(of(&["firefox", "https://k.example/x"]).site.unwrap(), b"https://k.example/x");
    }

    #[test]
    fn sites_that_a_browser_installed() {
        let id = "abcdefghijklmnopabcdefghijklmnop";
        let start = of(&[
            "/opt/google/chrome/google-chrome",
            "--profile-directory=Default",
            &format!("--app-id={id}"),
        ]);
        assert_eq!((start.is_host, start.app_id.as_deref()), (true, Some(id.as_bytes())));
        let start = of(&["msedge", "--app-id=../x", "--app-url=https://k.example/"]);
        assert_eq!((start.app_id, start.site.as_deref()), (None, Some(&b"https://k.example/"[..])));
        assert_eq!(of(&["chromium", "--app=https://k.example"]).site.unwrap(), b"https://k.example");
    }

    #[test]
    fn programs_for_windows_are_not_wines() {
        let start = of(&["env", "WINEPREFIX=/home/ann/.wine", "wine", "C:\\Program Files\\K\\k.exe"]);
        let windows = start.windows.unwrap();
        assert_eq!(windows, (b"C:\\Program Files\\K\\k.exe".to_vec(), Some(b"/home/ann/.wine".to_vec())));
        assert_eq!((start.program.as_deref(), start.is_host), (Some(&b"wine"[..]), true));
        let start = of(&["wine", "start", "/unix", "/home/ann/.wine/dosdevices/c:/K/k.LNK"]);
        assert_eq!(start.windows.unwrap(), (b"/home/ann/.wine/dosdevices/c:/K/k.LNK".to_vec(), None));
        assert_eq!(of(&["wine", "notepad"]).windows, None);
    }

    proptest::proptest! {
        #[test]
        fn any_arguments_end_without_a_panic(arguments: Vec<Vec<u8>>) {
            Start::of(&arguments);
        }
    }
}
