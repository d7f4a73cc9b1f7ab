use super::*;

/// What a command line runs, the first word being the executable.
fn run(line: &str) -> Option<Vec<String>> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let program = words[0].rsplit(|&b| b == b'/').next().unwrap();
    let files = scripts(program, &words)?;
    Some(files.into_iter().map(|f| String::from_utf8(f).unwrap()).collect())
}

#[test]
fn the_file_that_an_interpreter_runs_is_its_first_argument_that_is_no_option() {
    for line in [
        "/usr/bin/python3.11 /opt/k/x",
        "python3 -u -W ignore -X dev /opt/k/x /opt/other",
        "python3 -Wignore -IsB -- /opt/k/x",
        "pypy3 /opt/k/x -c code",
        "/usr/bin/perl -w -I /lib -Mstrict::e /opt/k/x",
        "perl5.36.0 -i.e -T /opt/k/x",
        "ruby3.1 -W2 -I lib -Eutf-8 /opt/k/x",
        "node --title kesl --inspect=0 /opt/k/x --require /opt/no",
        "nodejs inspect /opt/k/x",
        "electron --no-sandbox /opt/k/x",
        "php8.2 -d a=b -c /etc/php.ini /opt/k/x",
        "php -n -f /opt/k/x /opt/other",
        "bash -eu -o pipefail /opt/k/x",
        "sh +x /opt/k/x",
        "busybox sh /opt/k/x",
        "java -Xmx1g -jar -Da=/opt/no /opt/k/x /opt/other",
        "java --add-modules ALL /opt/k/x",
        "dotnet exec --depsfile /d /opt/k/x",
        "mono-sgen --config /c --debug /opt/k/x",
        "wine64 /opt/k/x",
        "deno run -A --config /c /opt/k/x",
        "bun /opt/k/x",
        "tclsh8.6 /opt/k/x",
        "/lib64/ld-linux-x86-64.so.2 --library-path /lib /opt/k/x",
        "qemu-aarch64-static -L / /opt/k/x",
    ] {
        assert_eq!(run(line), Some(vec!["/opt/k/x".to_owned()]), "{line}");
    }
}

#[test]
fn code_modules_and_input_are_no_files() {
    for line in [
        "python3",
        "python3 -",
        "python3 -m kesl /opt/no",
        "python3 -Bc code /opt/no",
        "perl -lne code /opt/no",
        "ruby -e code /opt/no",
        "node -e code /opt/no",
        "node --eval=code /opt/no",
        "php -r code",
        "-bash",
        "bash -lc /opt/no",
        "bash -s /opt/no",
        "java -m a/b /opt/no",
        "deno eval code",
    ] {
        let line = format!("/bin/{}", line.trim_start_matches('-'));
        assert_eq!(run(&line), Some(vec![]), "{line}");
    }
    for line in ["/usr/bin/vim /opt/no", "python3-config /opt/no", "qemu-img /opt/no", "kesl /opt/no", ""] {
        assert_eq!(run(line), None, "{line}");
    }
}

#[test]
fn what_runs_beside_it_follows_it() {
    let of = |line| run(line).unwrap().join(" ");
    assert_eq!(of("node -r /a.js --import=/b.js --require ./c /x"), "/x /a.js /b.js ./c");
    assert_eq!(of("java -cp /a.jar:lib/*::/b com.acme.Main /no"), "com.acme.Main /a.jar lib /b");
    assert_eq!(
        of("java -javaagent:/a.jar=/no -agentpath:/b.so --class-path=/c -jar /x"),
        "/x /a.jar /b.so /c"
    );
    assert_eq!(of("bash --rcfile /a"), "/a");
    assert_eq!(of("ruby -rset -r /a /x"), "/x set /a");
}

#[test]
fn what_wine_runs_stands_in_place_of_its_name() {
    let name = br"C:\Program Files\Kaspersky Lab\avp.exe".as_slice();
    assert_eq!(scripts(b"wine64-preloader", &[name, b"-x"]), Some(vec![name.to_vec()]));
    assert!(!is_of_windows(b"/c:\\") && !is_of_windows(b"c:") && !is_of_windows(b""));
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(program: Vec<u8>, arguments: Vec<Vec<u8>>) {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        drop(scripts(&program, &arguments));
    }

    #[test]
    fn any_arguments_end_without_a_panic(
        program in "(python|perl|ruby|php|bash|node|deno|java|dotnet|wine|lua|ld-musl|busybox)[0-9.-]{0,3}",
        arguments in proptest::collection::vec("(-{0,2}[A-Za-z]{0,3}|-cp|--import|-javaagent)[:=/*\\\\\u{e9}]{0,4}", 0..9),
    ) {
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let files = scripts(program.as_bytes(), &arguments).unwrap_or_default();
        proptest::prop_assert!(files.iter().all(|f| !f.is_empty()));
    }
}
