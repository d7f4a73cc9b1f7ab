//! The programs that a command runs: its own, and behind a shell or another wrapper what that runs.
//!
//! Format: the synopses of the wrappers' manuals, coreutils(1), util-linux, start-stop-daemon(8), chpst(8) and others.
//! Only what stands before the program matters: options, their values, assignments and words as the lock of flock(1).

use crate::parse::shell::{Script, assignment};

/// Shells in the text of shells that are looked into.
const MAX_DEPTH: usize = 4;

/// Programs that only run another, with the letters of their options that take a value, and the number of words before
/// the program.
const WRAPPERS: &[(&[u8], &[u8], usize)] = &[
    (b"sh", b"o", 0),
    (b"ash", b"o", 0),
    (b"bash", b"oO", 0),
    (b"dash", b"o", 0),
    (b"ksh", b"o", 0),
    (b"zsh", b"o", 0),
    (b"busybox", b"", 0),
    (b"exec", b"a", 0),
    (b"command", b"", 0),
    (b"env", b"uCS", 0),
    (b"nice", b"n", 0),
    (b"ionice", b"cn", 0),
    (b"nohup", b"", 0),
    (b"setsid", b"", 0),
    (b"timeout", b"ks", 1),
    (b"chrt", b"TPD", 1),
    (b"taskset", b"", 1),
    (b"setpriv", b"", 0),
    (b"stdbuf", b"ioe", 0),
    (b"su", b"sgGw", 1),
    (b"sudo", b"ugpCrthUDRT", 0),
    (b"doas", b"uC", 0),
    (b"runuser", b"ugGsw", 0),
    (b"flock", b"wE", 1),
    (b"chronic", b"", 0),
    (b"systemd-cat", b"tp", 0),
    (b"dbus-run-session", b"", 0),
    (b"dbus-launch", b"", 0),
    (b"chroot", b"", 1),
    (b"chpst", b"uUbemdoptfcr/", 0),
    (b"setuidgid", b"", 1),
    (b"s6-setuidgid", b"", 1),
    (b"gosu", b"", 1),
    (b"su-exec", b"", 1),
    (b"daemon", b"", 0),
    (b"startproc", b"npultcs", 0),
    (b"start-stop-daemon", b"", 0),
    (b"supervise-daemon", b"", 0),
    (b"python", b"WX", 0),
    (b"python2", b"WX", 0),
    (b"python3", b"WX", 0),
    (b"perl", b"I", 0),
    (b"ruby", b"IC", 0),
    (b"node", b"r", 0),
    (b"mono", b"", 0),
];

/// The end of the names of wrappers that are told their program by an option, wherever it stands, and those options.
const DAEMON: &[u8] = b"-daemon";
const EXECUTABLE: &[&[u8]] = &[b"-x", b"--exec", b"-a", b"--startas"];

fn wrapper(program: &[u8]) -> Option<(&'static [u8], usize)> {
    let name = program.rsplit(|&b| b == b'/').next().unwrap_or(program);
    WRAPPERS.iter().find(|(wrapper, ..)| *wrapper == name).map(|(_, letters, words)| (*letters, *words))
}

/// Whether a program only runs another.
#[must_use]
pub fn is_wrapper(program: &[u8]) -> bool {
    wrapper(program).is_some()
}

/// The programs that the words of a command run, in order: the first word, and behind a shell or another wrapper what
/// that runs.
#[must_use]
pub fn programs(words: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut programs = Vec::new();
    run(words, MAX_DEPTH, &mut programs);
    programs
}

fn run(words: &[Vec<u8>], depth: usize, programs: &mut Vec<Vec<u8>>) {
    let mut words = words;
    while let Some((program, rest)) = words.split_first().filter(|(first, _)| !first.is_empty()) {
        programs.push(program.clone());
        let Some((letters, before)) = wrapper(program) else { return };
        words = match executable(program, rest).unwrap_or_else(|| arguments(rest, letters, before)) {
            Runs::Words(words) => words,
            Runs::Text(text) if depth > 0 => {
                for words in Script::parse(text).commands {
                    run(&words, depth - 1, programs);
                }
                return;
            }
            Runs::Text(_) => return,
        };
    }
}

/// What the arguments of a wrapper name.
enum Runs<'a> {
    /// A program and its arguments.
    Words(&'a [Vec<u8>]),
    /// Shell text.
    Text(&'a [u8]),
}

/// What an option of `start-stop-daemon` or its like names as the program; nothing, if it is another wrapper.
fn executable<'a>(program: &[u8], words: &'a [Vec<u8>]) -> Option<Runs<'a>> {
    let own = words.split(|word| word == b"--").next().filter(|_| program.ends_with(DAEMON))?;
    let found = own.iter().enumerate().find_map(|(at, word)| {
        let value = EXECUTABLE.iter().find_map(|option| word.strip_prefix(*option)?.strip_prefix(b"="));
        let next = || words.get(at + 1..).filter(|_| EXECUTABLE.contains(&word.as_slice()));
        value.map(Runs::Text).or_else(|| next().map(Runs::Words))
    });
    // One that stops a program need not name it.
    Some(found.unwrap_or(Runs::Words(&[])))
}

fn arguments<'a>(mut words: &'a [Vec<u8>], letters: &[u8], mut before: usize) -> Runs<'a> {
    while let Some((word, rest)) = words.split_first() {
        let short = word.strip_prefix(b"-").filter(|s| !s.is_empty() && !s.starts_with(b"-"));
        let is_text = short.is_some_and(|s| s.ends_with(b"c")) && !letters.contains(&b'c');
        if let Some(text) = word.strip_prefix(b"--command=") {
            return Runs::Text(text);
        } else if is_text || word == b"--command" {
            return rest.first().map_or(Runs::Words(&[]), |text| Runs::Text(text));
        } else if let Some([letter]) = short
            && letters.contains(letter)
        {
            words = rest.get(1..).unwrap_or_default();
        } else if word.starts_with(b"-") || word.is_empty() || assignment(word).is_some() {
            words = rest;
        } else if before > 0 {
            (before, words) = (before - 1, rest);
        } else if word.iter().all(u8::is_ascii_digit) {
            words = rest;
        } else {
            return Runs::Words(words);
        }
    }
    Runs::Words(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_by(text: &str) -> Vec<String> {
        let script = Script::parse(text.as_bytes());
        script.programs().map(|p| String::from_utf8_lossy(&p).into_owned()).collect()
    }

    #[test]
    fn a_wrapper_runs_what_its_arguments_name() {
        for wrapped in [
            "/bin/sh -c '/k -x'",
            "bash -lc 'exec /k'",
            "env -i A=1 nice -n 5 /k",
            "ionice -c2 -n0 /k",
            "ionice -c 2 /k",
            "flock -n /run/lock /k",
            "flock -w 5 /run/lock -c '/k'",
            "sudo -u root /k x",
            "su - user -c '/k'",
            "su user -s /bin/sh -c '/k'",
            "runuser -u user -- /k",
            "timeout -k 5 10s /k",
            "taskset 0x1 /k",
            "start-stop-daemon -S -p /run/p -x /k -- /x",
            "start-stop-daemon --start --exec=/k",
            "daemon --user=k /k",
            "python3 /k /x",
            "setuidgid k /k",
        ] {
            let found: Vec<_> = run_by(wrapped).into_iter().filter(|p| !is_wrapper(p.as_bytes())).collect();
            assert_eq!(found, ["/k"], "{wrapped}");
        }
        assert_eq!(run_by("sh -c 'test -x /k && /k'"), ["sh", "test", "/k"]);
        assert_eq!(run_by("start-stop-daemon --stop --pidfile /run/p"), ["start-stop-daemon"]);
        assert_eq!(run_by("sh -c"), ["sh"]);
        assert_eq!(run_by("/k /x"), ["/k"]);
        assert!(run_by("''").is_empty());
    }

    #[test]
    fn shells_in_shells_come_to_an_end() {
        let text = (0..9).fold("/k".to_owned(), |inner, _| format!("sh -c {inner:?}"));
        assert!(run_by(&text).len() <= 2 + MAX_DEPTH);
    }

    proptest::proptest! {
        #[test]
        fn any_words_end_without_a_panic(words in proptest::collection::vec("(sh|flock|start-stop-daemon|su|-[a-z]{1,2}|--exec(=/k)?|--|-c|/k|[ -~]{0,9})", 0..12)) {
            let words: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
            proptest::prop_assert!(programs(&words).iter().all(|program| !program.is_empty()));
        }
    }
}
