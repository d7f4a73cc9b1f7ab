//! What launchd starts on macOS: daemons of the machine, and agents of all users and of each.
//!
//! Format: launchd.plist(5), launchctl(1). Whether a job is loaded stands in its own file and, above that, in a list of
//! what was enabled and disabled by hand. No right is needed to start something for oneself, so every home is looked into.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::command::programs;
use crate::parse::launchd::Job;
use crate::parse::plist::{Value, flag};
use crate::sources::bundles::property_list;
use crate::sources::codesign::sign;
use crate::sources::named::{all_gone, folders, paths, serves};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "launchd",
    about: "daemons and agents of launchd",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Service, Kind::Task],
    rights: "root and full disk access, or else the agents of other users are not seen",
    blind: "a job whose file was deleted, one that an application registered from within itself, what a user enabled \
            or disabled for himself alone, and homes that are not mounted",
    collect,
};

/// Where the jobs of the machine and of all users lie.
const FOLDERS: &[(&str, Kind)] = &[
    ("/System/Library/LaunchDaemons", Kind::Service),
    ("/Library/LaunchDaemons", Kind::Service),
    ("/Library/Apple/System/Library/LaunchDaemons", Kind::Service),
    ("/System/Library/LaunchAgents", Kind::Task),
    ("/Library/LaunchAgents", Kind::Task),
    ("/Library/Apple/System/Library/LaunchAgents", Kind::Task),
];
/// Where those of a user lie in the home.
const OF_USER: &str = "Library/LaunchAgents";
/// What was enabled and disabled by hand, of the daemons.
const BY_HAND: &str = "/var/db/com.apple.xpc.launchd/disabled.plist";

fn collect(target: &Target, sink: &mut Sink) {
    let by_hand = sink.keep(property_list(target, Path::new(BY_HAND))).flatten();
    let mut places: Vec<(PathBuf, Kind, Option<Text>)> =
        FOLDERS.iter().map(|(folder, kind)| (folder.into(), *kind, None)).collect();
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    places.extend(users.into_iter().map(|user| (user.home.join(OF_USER), Kind::Task, Some(user.name))));
    let mut seen = BTreeSet::new();
    for (folder, kind, user) in places {
        let Some(entries) = sink.keep(target.list(&folder)).flatten() else { continue };
        let real = sink.keep(target.resolve(&folder)).flatten();
        if real.is_some_and(|real| !seen.insert(real)) {
            continue;
        }
        for entry in entries.into_iter().filter(|entry| entry.kind != EntryKind::Folder) {
            let path = folder.join(entry.name);
            // launchd loads no others.
            if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("plist")) {
                let by_hand = by_hand.as_ref().filter(|_| kind == Kind::Service);
                job(target, sink, &path, kind, user.as_ref(), by_hand);
            }
        }
    }
}

/// Tells of the job in a file.
fn job(
    target: &Target,
    sink: &mut Sink,
    path: &Path,
    kind: Kind,
    user: Option<&Text>,
    by_hand: Option<&Value>,
) {
    let stem = Text::from_bytes(path.file_stem().unwrap_or_default().as_encoded_bytes());
    let new = |name: Text| {
        let mut item = Item::new(kind, name, Text::from_path(path));
        item.id = format!("launchd:{}", item.place.raw()).into();
        item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
        item.user = user.cloned();
        item.service = Some(item.name.clone());
        item
    };
    let list = match property_list(target, path) {
        Ok(Some(list)) => list,
        Ok(None) => return,
        // What the link led to was removed.
        Err(gap) if gap.code == GapCode::Dangling => {
            let left = Item { state: State::Remnant, enabled: Some(false), ..new(stem) };
            return sink.item(left);
        }
        Err(gap) => {
            sink.gap(gap);
            // A job's file is by custom called what the job is, though what it starts cannot be told.
            return sink.item(new(stem));
        }
    };
    let job = Job::of(&list);
    let argv: Vec<Vec<u8>> = job.command.iter().map(Text::to_bytes).collect();
    let mut item = new(job.label.clone().unwrap_or(stem));
    let disabled = by_hand.and_then(|list| flag(list, item.name.raw())).unwrap_or(job.disabled);
    item.enabled = Some(!disabled && job.label.is_some() && !argv.is_empty());
    if job.label.is_none() || argv.is_empty() {
        let reason = "it has no label or names no program, so launchd starts nothing by it";
        sink.gap(Gap::new(GapCode::Damaged, item.place.clone(), reason).note());
    }
    item.user = job.user.or(item.user);
    let words: Vec<&str> = job.command.iter().map(Text::raw).collect();
    item.command = (!words.is_empty()).then(|| words.join(" ").into());
    let programs = programs(&argv);
    item.paths = paths(target, sink, &item.place, programs.iter().cloned(), &folders());
    if all_gone(target, &programs) {
        item.state = State::Remnant;
    }
    // Who signed an interpreter did not write what it runs.
    let is_own = |program: &Text| item.state != State::Remnant && !serves(&program.to_bytes());
    if let Some(program) = item.paths.first().filter(|program| is_own(program)).map(Text::to_path) {
        sign(target, sink, &program, &mut item);
    }
    sink.item(item);
}
