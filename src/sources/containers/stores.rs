//! Where the stores of container engines lie, of the system and of every user.
//!
//! Format: Docker's `daemon.json` (docs.docker.com, "dockerd"; `data-root`), containerd-config.toml(5) (`root`) and
//! containers-storage.conf(5) (`graphroot`, `imagestore`, `rootless_storage_path`, `additionalimagestores`). A daemon may
//! be given another place on its command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::sources::containers::{Snapshots, Stored, containerd, damaged, docker, roots, storage};
use crate::sources::{Sink, json};
use crate::target::{EntryKind, Marks, Target, User};
use crate::text::Text;

/// What keeps a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Engine {
    Docker,
    Containerd,
    /// Podman, Buildah and CRI-O.
    Storage,
}

impl Engine {
    /// Whether an entry of a folder is one that the engine makes in its store.
    fn makes(self, entry: &std::ffi::OsStr) -> bool {
        let name = entry.to_string_lossy();
        match self {
            Self::Docker => {
                is_remapped(entry) || matches!(&*name, "containers" | "containerd" | "image" | "overlay2")
            }
            Self::Containerd => name.starts_with("io.containerd."),
            Self::Storage => {
                let ends = ["-images", "-layers", "-containers"];
                matches!(&*name, "overlay" | "vfs") || ends.iter().any(|end| name.ends_with(end))
            }
        }
    }
}

/// A folder in which an engine keeps its images and containers.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) engine: Engine,
    pub(super) place: PathBuf,
    /// The user whose it is; none, if it is the system's.
    pub(super) user: Option<Text>,
}

impl Store {
    /// How an overlay in it hides what lies below.
    pub(super) fn marks(&self) -> Marks {
        if self.user.is_some() { Marks::User } else { Marks::Root }
    }
}

/// Where the engines keep their stores, and where distributions of Kubernetes put containerd's: k3s, RKE2, k0s and
/// `MicroK8s`, whose documentation says so.
const SYSTEM: &[(Engine, &str)] = &[
    (Engine::Docker, "/var/lib/docker"),
    (Engine::Docker, "/var/snap/docker/common/var-lib-docker"),
    (Engine::Containerd, "/var/lib/containerd"),
    (Engine::Containerd, "/var/lib/k0s/containerd"),
    (Engine::Containerd, "/var/lib/rancher/k3s/agent/containerd"),
    (Engine::Containerd, "/var/lib/rancher/rke2/agent/containerd"),
    (Engine::Containerd, "/var/snap/microk8s/common/var/lib/containerd"),
    (Engine::Storage, "/var/lib/containers/storage"),
];
const OF_USER: &[(Engine, &str)] = &[
    (Engine::Docker, ".local/share/docker"),
    (Engine::Containerd, ".local/share/containerd"),
    (Engine::Storage, ".local/share/containers/storage"),
];
/// Where a Docker that runs a containerd of its own keeps that one's store.
const WITHIN_DOCKER: &str = "containerd/daemon";
const DOCKER_CONFIG: &[&str] = &["/etc/docker/daemon.json"];
const CONTAINERD_CONFIG: &[&str] = &["/etc/containerd/config.toml"];
/// A file replaces the one after it.
const STORAGE_CONFIG: &[&str] = &["/etc/containers/storage.conf", "/usr/share/containers/storage.conf"];
/// Bytes of a file of settings.
const MAX_CONFIG: u64 = 1 << 20;

/// Everything that the stores hold.
pub(super) fn read(target: &Target, sink: &mut Sink) -> Vec<Stored> {
    let mut gaps = Vec::new();
    let stores = stores(target, &mut gaps);
    for gap in gaps {
        sink.gap(gap);
    }
    let of = |engine| stores.iter().filter(move |store| store.engine == engine);
    let (mut found, mut snapshots) = (Vec::new(), Snapshots::new());
    // Docker starts its containers through containerd, and describes them better.
    let dockers: BTreeSet<String> =
        of(Engine::Docker).flat_map(|store| docker::containers(target, sink, store)).collect();
    for store in of(Engine::Containerd) {
        found.extend(containerd::read(target, sink, store, &dockers, &mut snapshots));
    }
    for store in of(Engine::Docker) {
        found.extend(docker::read(target, sink, store, &snapshots));
    }
    found.extend(storage::read(target, sink, &of(Engine::Storage).collect::<Vec<_>>()));
    found.extend(roots::read(target, sink));
    found
}

/// The places of all stores, whose files are not the machine's own.
pub(in crate::sources) fn places(target: &Target) -> BTreeSet<PathBuf> {
    // What keeps a store from being found is told where the stores are read.
    let stores = stores(target, &mut Vec::new());
    let of_roots = roots::read(target, &mut Sink::default()).into_iter().filter_map(|root| root.stack);
    let places = stores.into_iter().map(|store| store.place).chain(of_roots.flat_map(|stack| stack.folders));
    let places = places.filter_map(|place| target.resolve(&place).ok().flatten());
    places.filter(|place| place != Path::new("/")).collect()
}

/// The stores that are there, each once.
fn stores(target: &Target, gaps: &mut Vec<Gap>) -> Vec<Store> {
    let mut stores: Vec<Store> = Vec::new();
    let mut add = |engine, place: PathBuf, user: Option<&User>| {
        stores.push(Store { engine, place, user: user.map(|user| user.name.clone()) });
    };
    for (engine, place) in SYSTEM {
        add(*engine, place.into(), None);
    }
    let (users, unseen) = target.users();
    gaps.extend(unseen);
    for user in &users {
        for (engine, place) in OF_USER {
            add(*engine, user.home.join(place), Some(user));
        }
    }
    let configured = Configured { target, users: &users, gaps };
    for (engine, place, user) in configured.read() {
        add(engine, place, user);
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut ahead: Vec<Store> = stores.into_iter().rev().collect();
    while let Some(store) = ahead.pop() {
        // Most machines have few of them. One that may not be looked into is one gap, not one for each folder in it.
        let entries = match target.list(&store.place) {
            Ok(Some(entries)) => entries,
            Ok(None) => continue,
            Err(gap) => {
                gaps.push(gap);
                continue;
            }
        };
        // Settings may name any folder, and what an engine made nothing in is no store.
        if !entries.iter().any(|entry| store.engine.makes(&entry.name)) {
            continue;
        }
        let Ok(Some(place)) = target.resolve(&store.place) else { continue };
        if !seen.insert((store.engine, place.clone())) {
            continue;
        }
        let store = Store { place, ..store };
        if store.engine == Engine::Docker {
            let within = store.place.join(WITHIN_DOCKER);
            ahead.push(Store { engine: Engine::Containerd, place: within, user: store.user.clone() });
            // With `userns-remap` there is a store for each range of users, named after its first user and group.
            let remapped = entries.iter().filter(|e| e.kind == EntryKind::Folder && is_remapped(&e.name));
            ahead.extend(remapped.map(|e| Store { place: store.place.join(&e.name), ..store.clone() }));
        }
        found.push(store);
    }
    found
}

fn is_remapped(name: &std::ffi::OsStr) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.to_str().and_then(|name| name.split_once('.')).is_some_and(|(u, g)| is_number(u) && is_number(g))
}

/// What settings say of the places of stores.
struct Configured<'a> {
    target: &'a Target,
    users: &'a [User],
    gaps: &'a mut Vec<Gap>,
}

impl<'a> Configured<'a> {
    fn read(mut self) -> Vec<(Engine, PathBuf, Option<&'a User>)> {
        let mut found = Vec::new();
        for path in DOCKER_CONFIG {
            found.extend(self.docker(Path::new(path)).map(|place| (Engine::Docker, place, None)));
        }
        for path in CONTAINERD_CONFIG {
            let root =
                self.toml(Path::new(path)).and_then(|config| config.get("root")?.as_str().map(PathBuf::from));
            found.extend(root.map(|place| (Engine::Containerd, place, None)));
        }
        let system =
            STORAGE_CONFIG.iter().find_map(|path| Some((Path::new(path), self.toml(Path::new(path))?)));
        if let Some((path, config)) = &system {
            found.extend(self.storage(path, config, None).map(|place| (Engine::Storage, place, None)));
        }
        for user in self.users {
            let config = user.home.join(".config");
            let data = self.docker(&config.join("docker/daemon.json"));
            found.extend(data.map(|place| (Engine::Docker, place, Some(user))));
            let path = config.join("containers/storage.conf");
            let own = self.toml(&path);
            let rootless = system.as_ref().and_then(|(path, config)| {
                let place = config.get("storage")?.get("rootless_storage_path")?.as_str()?;
                Some((*path, place.to_owned()))
            });
            if let Some(config) = own {
                let places: Vec<_> = self.storage(&path, &config, Some(user)).collect();
                found.extend(places.into_iter().map(|place| (Engine::Storage, place, Some(user))));
            } else if let Some((path, place)) = rootless {
                found.extend(
                    self.expand(path, &place, Some(user)).map(|place| (Engine::Storage, place, Some(user))),
                );
            }
        }
        found
    }

    fn keep<T>(&mut self, result: Result<T, Gap>) -> Option<T> {
        result.map_err(|gap| self.gaps.push(gap)).ok()
    }

    fn docker(&mut self, path: &Path) -> Option<PathBuf> {
        let config = json(self.target, path);
        let config = self.keep(config).flatten()?;
        // `graph` was its name until Docker 17.05.
        let place = config.get("data-root").or_else(|| config.get("graph"))?.as_str()?;
        Some(PathBuf::from(place))
    }

    fn toml(&mut self, path: &Path) -> Option<toml::Table> {
        let bytes = self.target.read_up_to(path, MAX_CONFIG);
        let bytes = self.keep(bytes).flatten()?;
        let table = String::from_utf8_lossy(&bytes).parse::<toml::Table>();
        self.keep(table.map_err(|e| {
            damaged(path, format!("where its store lies is unknown, since it is no TOML: {}", e.message()))
        }))
    }

    fn storage(
        &mut self,
        path: &Path,
        config: &toml::Table,
        user: Option<&User>,
    ) -> std::vec::IntoIter<PathBuf> {
        let mut places: Vec<String> = Vec::new();
        let storage = config.get("storage");
        let value = |key: &str| storage?.get(key)?.as_str().filter(|place| !place.is_empty());
        places.extend(["graphroot", "imagestore"].into_iter().filter_map(value).map(str::to_owned));
        let more = storage.and_then(|s| s.get("options")?.get("additionalimagestores")?.as_array());
        places.extend(more.into_iter().flatten().filter_map(|place| place.as_str().map(str::to_owned)));
        let places: Vec<_> = places.iter().filter_map(|place| self.expand(path, place, user)).collect();
        places.into_iter()
    }

    /// A place in whose name variables may stand.
    fn expand(&mut self, path: &Path, place: &str, user: Option<&User>) -> Option<PathBuf> {
        let place = user.map_or_else(
            || place.to_owned(),
            |user| {
                let home = user.home.to_string_lossy();
                place.replace("$HOME", &home).replace("$USER", user.name.raw())
            },
        );
        if place.contains('$') {
            let reason =
                format!("it names a store by a variable that is not known here: {place}; scan it by itself");
            self.gaps.push(Gap::new(GapCode::Unsupported, Text::from_path(path), reason));
            return None;
        }
        Some(PathBuf::from(place))
    }
}
