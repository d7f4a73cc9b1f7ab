use super::*;

fn process(pid: u32, exe: &str) -> Process {
    Process { pid, name: "comm".into(), exe: Some(exe.into()), ..Process::default() }
}

fn told(process: &Process) -> Item {
    item(process, process.scripts.as_deref().unwrap_or_default())
}

fn paths(item: &Item) -> Vec<&str> {
    item.paths.iter().map(Text::raw).collect()
}

/// What is told of files that processes have loaded.
fn files(loaded: &[Loaded], processes: &[Process]) -> Vec<Item> {
    let list: HashMap<u32, &Process> = processes.iter().map(|p| (p.pid, p)).collect();
    let (mut ids, mut sink) = (Ids::default(), Sink::default());
    for file in loaded {
        super::loaded(file, &list, &mut ids, &mut sink);
    }
    sink.items
}

fn file(path: &str, pids: &[u32]) -> Loaded {
    Loaded { path: path.into(), pids: pids.to_vec(), ..Loaded::default() }
}

#[test]
fn a_process_is_named_after_its_executable_and_not_after_what_it_calls_itself() {
    let command = vec!["[kworker/0:1]".into(), "-x".into()];
    let item = told(&Process { command, ..process(7, "/opt/kaspersky/kesl/libexec/kesl") });
    assert_eq!(item.name.raw(), "kesl");
    assert_eq!(item.place.raw(), "process 7: /opt/kaspersky/kesl/libexec/kesl");
    assert_eq!(item.command.unwrap().raw(), "[kworker/0:1] -x");
}

#[test]
fn without_an_executable_the_command_names_it() {
    let command = vec!["/usr/sbin/cupsd".into(), "-l".into()];
    let item = told(&Process { command, exe: None, ..process(8, "") });
    assert_eq!((item.name.raw(), paths(&item)), ("cupsd", vec!["/usr/sbin/cupsd"]));
}

#[test]
fn what_an_interpreter_runs_is_its_place_and_a_path() {
    let scripts = Some(vec!["/opt/k/x.py".into(), "/opt/k/y".into()]);
    let item = told(&Process { scripts, ..process(7, "/usr/bin/python3.11") });
    assert_eq!(item.name.raw(), "python3.11");
    assert_eq!(item.place.raw(), "process 7: /opt/k/x.py, run by /usr/bin/python3.11");
    assert_eq!(paths(&item), ["/usr/bin/python3.11", "/opt/k/x.py", "/opt/k/y"]);
}

#[test]
fn a_program_in_memory_has_a_name_and_no_path() {
    let of =
        |exe: &str, deleted| told(&Process { deleted, command: vec!["/bin/x".into()], ..process(7, exe) });
    for exe in ["/memfd:kesl", "/memfd:/opt/kaspersky/kesl"] {
        let item = of(exe, true);
        assert_eq!((item.name.raw(), paths(&item), item.deleted), ("kesl", vec![], true));
        assert_eq!(item.place.raw(), format!("process 7: {exe} (deleted)"));
    }
    assert_eq!(paths(&of("/memfd:kesl", false)), ["/memfd:kesl"]);
}

#[test]
fn a_process_of_another_root_has_its_paths_from_there_too() {
    let (root, scripts) = (Some("/srv/jail".into()), Some(vec!["/srv/jail/x.py".into()]));
    let jailed = Process { root, scripts, ..process(7, "/srv/jail/bin/python3") };
    assert_eq!(paths(&told(&jailed)), ["/srv/jail/bin/python3", "/srv/jail/x.py", "/bin/python3", "/x.py"]);
    let loaded =
        [file("/srv/jail/opt/k.so", &[7]), file("/srv/jail/usr/lib/c.so", &[7]), file("/opt/l.so", &[7])];
    let items = files(&loaded, &[jailed]);
    assert_eq!(
        items.iter().map(paths).collect::<Vec<_>>(),
        [vec!["/srv/jail/opt/k.so", "/opt/k.so"], vec!["/opt/l.so"]]
    );
}

#[test]
fn what_is_loaded_from_outside_the_system_is_told_with_those_who_have_it() {
    let deleted = |path: &str| Loaded { deleted: true, ..file(path, &[9]) };
    let loaded = [
        file("/usr/lib/libc.so.6", &[7]),
        file("/lib64/x.so", &[7]),
        file("/library/x.so", &[7]),
        file("/usr/local/lib/x.so", &[7]),
        file("/dev/dri/card0", &[7]),
        deleted("/dev/zero"),
        file("/dev/shm/x.so", &[7]),
        deleted("/usr/lib/old.so"),
        deleted("/memfd:jit"),
        Loaded { more: 3, ..file("/opt/k/k.so", &[7, 8]) },
    ];
    let items = files(&loaded, &[process(7, "/usr/sbin/nginx"), process(9, "/usr/bin/x")]);
    let told: Vec<_> = items.iter().map(|i| format!("{} | {}", i.name, i.place)).collect();
    assert_eq!(
        told,
        [
            "x.so | process 7: /library/x.so",
            "x.so | process 7: /usr/local/lib/x.so",
            "x.so | process 7: /dev/shm/x.so",
            "old.so | process 9: /usr/lib/old.so (deleted)",
            "jit | process 9: /memfd:jit (deleted)",
            "k.so | processes 7, 8 and 3 more: /opt/k/k.so",
        ]
    );
    assert!(items.iter().all(|i| (i.kind, i.state) == (Kind::File, State::Running)));
    assert_eq!(items[5].owner.as_ref().unwrap().raw(), "process:7");
    assert!(paths(&items[4]).is_empty());
}

/// Python is no product that a library of another maker would be a part of.
#[test]
fn what_an_interpreter_has_loaded_is_its_scripts_or_nobodys() {
    let bare = Process { scripts: Some(vec![]), ..process(7, "/usr/bin/python3") };
    let runs = Process { scripts: Some(vec!["/srv/x.py".into()]), ..process(8, "/usr/bin/python3") };
    let owner = |pids: &[u32]| {
        let items = files(&[file("/opt/k.so", pids)], &[bare.clone(), runs.clone()]);
        items[0].owner.as_ref().map(|o| o.raw().to_owned())
    };
    assert_eq!(owner(&[7]), None);
    assert_eq!(owner(&[7, 8]), Some("process:8".into()));
}
