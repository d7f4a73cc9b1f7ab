//! The files that an interpreter runs, as its command line names them.
//!
//! Facts: python(1), perlrun(1), ruby(1), node(1), java(1), php(1), bash(1), ld.so(8) and the manuals of the others; the
//! kernel starts a file with `#!` as the interpreter, its option and the file (execve(2)). Code in the command line, a
//! module's name and what is read from the input name no file.

/// A program that runs other makers' files.
struct Interpreter {
    /// Its names, without a version.
    names: &'static [&'static str],
    /// Whether letters of options stand together behind one dash.
    letters: bool,
    /// Options after which no file runs: code follows, or a module.
    none: &'static [&'static str],
    /// Options whose value is the next argument, and is not run.
    takes: &'static [&'static str],
    /// Letters whose value, if any, stands right behind them.
    joined: &'static [u8],
    /// Options whose value is the file that runs.
    main: &'static [&'static str],
    /// Options whose value are files that run too, with colons between; of one that ends in a colon it stands behind.
    also: &'static [&'static str],
    /// Words that may stand before the file.
    words: &'static [&'static str],
}

const PLAIN: Interpreter = Interpreter {
    names: &[],
    letters: false,
    none: &[],
    takes: &[],
    joined: b"",
    main: &[],
    also: &[],
    words: &[],
};

const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["python", "pypy"],
        letters: true,
        none: &["-c", "-m"],
        takes: &["-W", "-X", "--check-hash-based-pycs"],
        ..PLAIN
    },
    Interpreter {
        names: &["perl"],
        letters: true,
        none: &["-e", "-E"],
        takes: &["-I"],
        joined: b"CDFMdimx",
        ..PLAIN
    },
    Interpreter {
        names: &["ruby"],
        letters: true,
        none: &["-e"],
        takes: &["-C", "-E", "-I", "--disable", "--enable", "--encoding"],
        joined: b"FKTWix",
        also: &["-r"],
        ..PLAIN
    },
    Interpreter {
        names: &["php"],
        letters: true,
        none: &["-r", "--run", "-B", "-R"],
        takes: &["-c", "-d", "-z", "-t", "-S", "-E", "--define", "--docroot", "--server"],
        main: &["-f", "-F", "--file", "--process-file"],
        ..PLAIN
    },
    Interpreter {
        names: &["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish"],
        letters: true,
        none: &["-c", "-s", "--command"],
        takes: &["-o", "-O"],
        also: &["--rcfile", "--init-file"],
        ..PLAIN
    },
    Interpreter {
        names: &["node", "nodejs", "electron"],
        none: &["-e", "--eval", "-p", "-pe", "--print", "--run"],
        takes: &[
            "-C",
            "--conditions",
            "--env-file",
            "--icu-data-dir",
            "--input-type",
            "--inspect-port",
            "--max-http-header-size",
            "--title",
            "--watch-path",
        ],
        also: &["-r", "--require", "--import", "--loader", "--experimental-loader"],
        words: &["inspect"],
        ..PLAIN
    },
    Interpreter {
        names: &["deno", "bun"],
        none: &["-e", "--eval", "-p", "--print", "eval"],
        takes: &[
            "-c",
            "--config",
            "--cert",
            "--cwd",
            "--env-file",
            "--import-map",
            "--location",
            "--log-level",
        ],
        also: &["-r", "--require", "--import", "--preload"],
        words: &["run", "serve"],
        ..PLAIN
    },
    Interpreter {
        names: &["java"],
        none: &["-m", "--module"],
        takes: &[
            "-d",
            "--add-exports",
            "--add-modules",
            "--add-opens",
            "--add-reads",
            "--describe-module",
            "--enable-native-access",
            "--limit-modules",
            "--patch-module",
            "--source",
        ],
        also: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--upgrade-module-path",
            "-javaagent:",
            "-agentpath:",
            "-Xbootclasspath:",
            "-Xbootclasspath/a:",
            "-Xbootclasspath/p:",
        ],
        ..PLAIN
    },
    Interpreter {
        names: &["dotnet", "mono", "mono-sgen", "mono-boehm"],
        takes: &[
            "--additional-deps",
            "--additionalprobingpath",
            "--config",
            "--depsfile",
            "--fx-version",
            "--roll-forward",
            "--runtimeconfig",
        ],
        words: &["exec"],
        ..PLAIN
    },
    Interpreter { names: &["wine", "wine-preloader", "wine64-preloader"], ..PLAIN },
    Interpreter {
        names: &["lua", "luajit", "tclsh", "wish", "expect", "gjs", "guile"],
        takes: &["-e", "-l"],
        ..PLAIN
    },
    // The loader of shared libraries runs a program that is given to it.
    Interpreter {
        names: &["ld-linux", "ld-musl"],
        takes: &[
            "--argv0",
            "--glibc-hwcaps-mask",
            "--glibc-hwcaps-prepend",
            "--inhibit-rpath",
            "--library-path",
        ],
        also: &["--audit", "--preload"],
        ..PLAIN
    },
    Interpreter {
        names: &[
            "qemu-aarch64",
            "qemu-arm",
            "qemu-i386",
            "qemu-ppc64le",
            "qemu-riscv64",
            "qemu-s390x",
            "qemu-x86_64",
        ],
        takes: &["-0", "-B", "-D", "-E", "-L", "-R", "-U", "-cpu", "-d", "-g", "-p", "-r", "-s"],
        ..PLAIN
    },
];

/// What comes with an option.
enum Value<'a> {
    /// Nothing.
    Without,
    /// No file that runs.
    Nothing,
    /// The next argument, which is not run.
    Next,
    /// The file that runs, in this argument or the next.
    Main(Option<&'a [u8]>),
    /// Files that run too, in this argument or the next.
    Also(Option<&'a [u8]>),
}

impl Interpreter {
    fn of(program: &[u8]) -> Option<&'static Self> {
        let loader = [b"ld-linux".as_slice(), b"ld-musl"].into_iter().find(|l| program.starts_with(l));
        let program = loader.unwrap_or(program);
        let program = program.strip_suffix(b"-static").unwrap_or(program);
        let is = |name: &[u8]| INTERPRETERS.iter().find(|i| i.names.iter().any(|n| n.as_bytes() == name));
        let version = |b: &&u8| b.is_ascii_digit() || matches!(**b, b'.' | b'-');
        let bare = program.len() - program.iter().rev().take_while(version).count();
        is(program).or_else(|| is(program.get(..bare)?))
    }

    fn is_option(&self, argument: &[u8]) -> bool {
        // Shells take an option back with a plus.
        argument.starts_with(b"-") || self.letters && argument.starts_with(b"+")
    }

    fn value<'a>(&self, option: &'a [u8]) -> Value<'a> {
        if self.letters && !option.starts_with(b"--") {
            return self.letter(option);
        }
        let (name, joined) = match option.iter().position(|&b| b == b'=') {
            Some(at) => (option.get(..at).unwrap_or_default(), option.get(at + 1..)),
            None => (option, None),
        };
        let colon = |o: &&&str| o.ends_with(':') && name.starts_with(o.as_bytes());
        if has(self.none, name) {
            Value::Nothing
        } else if has(self.takes, name) && joined.is_none() {
            Value::Next
        } else if has(self.main, name) {
            Value::Main(joined)
        } else if has(self.also, name) {
            Value::Also(joined)
        } else if let Some(opens) = self.also.iter().find(colon) {
            // What stands behind `=` are options of the agent.
            Value::Also(name.get(opens.len()..))
        } else {
            Value::Without
        }
    }

    fn letter<'a>(&self, option: &'a [u8]) -> Value<'a> {
        for (at, letter) in option.iter().enumerate().skip(1) {
            let one = [b'-', *letter];
            let behind = option.get(at + 1..).filter(|rest| !rest.is_empty());
            if has(self.none, &one) {
                return Value::Nothing;
            } else if has(self.takes, &one) {
                return if behind.is_some() { Value::Without } else { Value::Next };
            } else if has(self.main, &one) {
                return Value::Main(behind);
            } else if has(self.also, &one) {
                return Value::Also(behind);
            } else if self.joined.contains(letter) {
                return Value::Without;
            }
        }
        Value::Without
    }
}

fn has(options: &[&str], option: &[u8]) -> bool {
    options.iter().any(|o| o.as_bytes() == option)
}

/// The files that a program runs, as its arguments name them, what runs first in front; none, if it is no interpreter.
///
/// The program is the file name of its executable; the arguments begin with what it was called. What an argument names
/// may be a class or a word of the interpreter instead, so a name without a folder is a file only if one is there.
#[must_use]
pub fn scripts(program: &[u8], arguments: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut arguments = arguments;
    let mut program = program;
    // One program that is many: its first argument says which.
    while program == b"busybox" {
        let (called, rest) = arguments.split_first()?;
        program = called.rsplit(|&b| b == b'/').next().unwrap_or(called);
        if program == b"busybox" {
            arguments = rest;
        }
    }
    let interpreter = Interpreter::of(program)?;
    let (called, rest) = arguments.split_first().map_or((&b""[..], arguments), |(c, rest)| (*c, rest));
    // Wine writes what it runs in place of its own name.
    if is_of_windows(called) {
        return Some(vec![called.to_vec()]);
    }
    let (mut main, mut also) = (None, Vec::new());
    let mut rest = rest.iter().copied();
    while let Some(argument) = rest.next() {
        if argument == b"-" {
            break;
        } else if argument == b"--" {
            main = rest.next();
            break;
        } else if !interpreter.is_option(argument) {
            if has(interpreter.words, argument) {
                continue;
            }
            main = Some(argument).filter(|a| !has(interpreter.none, a));
            break;
        }
        match interpreter.value(argument) {
            Value::Without => {}
            Value::Nothing => break,
            Value::Next => drop(rest.next()),
            Value::Main(file) => {
                main = file.or_else(|| rest.next());
                break;
            }
            Value::Also(files) => {
                let files = files.or_else(|| rest.next()).unwrap_or_default();
                let files = files.split(|&b| b == b':').map(|f| f.strip_suffix(b"/*").unwrap_or(f));
                also.extend(files);
            }
        }
    }
    let files = main.into_iter().chain(also);
    Some(files.filter(|f| !f.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Whether it is an absolute path of Windows.
#[must_use]
pub fn is_of_windows(path: &[u8]) -> bool {
    matches!(path, [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
