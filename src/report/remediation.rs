//! What removes a finding, for a person to do. interdict runs none of it.
//!
//! Names and paths come from evidence and are hostile. A command is printed only with a name that a package manager could
//! itself have given (Debian Policy 5.6.1 and its like allow neither blanks nor quotes nor a leading dash), or with a path in
//! single quotes (POSIX.1-2024 XCU 2.2.2); what is neither gets words alone. What Windows has registered as the way to
//! uninstall a product is shown as evidence: it is the machine's own text, and nobody checked it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Reported;
use crate::inventory::Inventory;
use crate::item::{Item, Kind, State};
use crate::recognise::Evidence;
use crate::rules::Protection;
use crate::text::{Text, is_deceptive};

/// Steps that are told of one finding; the rest is the same for other pieces of the evidence.
const MAX_STEPS: usize = 24;

/// What removes a finding, and what a person must know of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remediation {
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// What stays behind.
    pub remains: Vec<String>,
    /// Why the machine must be restarted, where that is known.
    pub restart: Option<String>,
    /// Which protection is lost, and which control then stands open.
    pub opens: Vec<String>,
    /// How to know that it is gone.
    pub confirm: &'static str,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// What it is, with evidence shown harmlessly.
    pub words: String,
    /// A command for it, whose arguments are quoted.
    pub command: Option<String>,
    /// What the machine itself says of it, as it stands there.
    pub said: Option<Text>,
}

impl Step {
    fn words(words: String) -> Self {
        Self { words, command: None, said: None }
    }

    fn with(words: String, command: Option<String>) -> Self {
        Self { words, command, said: None }
    }
}

/// A package manager: the ecosystem of its items, and the command that removes one.
struct Manager {
    ecosystem: &'static str,
    name: &'static str,
    command: &'static str,
    remains: Option<&'static str>,
}

/// Package managers, whose commands end with the name of the package.
const MANAGERS: &[Manager] = &[
    Manager {
        ecosystem: "debian",
        name: "apt",
        command: "apt-get purge",
        remains: Some("files that no package lists, as logs, databases and what lies in home folders"),
    },
    Manager {
        ecosystem: "rpm",
        name: "dnf (zypper remove on SUSE)",
        command: "dnf remove",
        remains: Some("configuration files that were changed, as *.rpmsave, and files that no package lists"),
    },
    Manager { ecosystem: "apk", name: "apk", command: "apk del", remains: None },
    Manager {
        ecosystem: "alpm",
        name: "pacman",
        command: "pacman -Rns",
        remains: Some("files that no package lists, as what lies in home folders"),
    },
    Manager { ecosystem: "opkg", name: "opkg", command: "opkg remove", remains: None },
    Manager {
        ecosystem: "ebuild",
        name: "Portage",
        command: "emerge --ask --depclean",
        remains: Some("configuration files that were changed"),
    },
    Manager { ecosystem: "macports", name: "MacPorts", command: "port uninstall", remains: None },
    Manager { ecosystem: "snap", name: "snap", command: "snap remove --purge", remains: None },
    Manager {
        ecosystem: "conda",
        name: "conda, in the environment that holds it",
        command: "conda remove",
        remains: None,
    },
    Manager {
        ecosystem: "pypi",
        name: "pip, by the Python that it belongs to",
        command: "python3 -m pip uninstall",
        remains: None,
    },
];

/// What removes a finding. What only names the vendor needs none.
#[must_use]
pub fn remediation(reported: &Reported, inventory: &Inventory) -> Option<Remediation> {
    let finding = &reported.finding;
    if finding.state == State::Mention {
        return None;
    }
    let mut told = Remediation {
        confirm: "scan again, in the same way as this scan was made, to confirm that it is gone",
        ..Remediation::default()
    };
    let evidence: Vec<(&Item, &Evidence)> =
        finding.evidence.iter().filter_map(|e| Some((inventory.items.get(e.item)?, e))).collect();
    // What belongs to another piece of the evidence goes with it.
    let whole: BTreeSet<(Option<&Text>, &Text)> =
        evidence.iter().map(|(item, _)| (item.container.as_ref(), &item.id)).collect();
    let goes_with = |item: &Item| {
        let in_same = |owner: &Text| whole.contains(&(item.container.as_ref(), owner));
        item.owner.as_ref().is_some_and(|owner| *owner != item.id && in_same(owner))
    };
    // A list can say that all belong to each other; then each is told by itself.
    let in_circle = evidence.iter().all(|(item, _)| goes_with(item));
    let mut remains = BTreeSet::new();
    let mut steps: BTreeMap<Step, u8> = BTreeMap::new();
    for (item, evidence) in &evidence {
        let is_left = evidence.state == State::Remnant;
        if item.kind == Kind::Driver && !is_left && item.container.is_none() {
            told.restart =
                Some("a driver of it may be in the kernel until the machine is restarted".to_owned());
        }
        if is_left {
            remains.insert(format!("{} {}, at {}", item.kind, item.name, item.place));
        }
        if evidence.state == State::Mention || (goes_with(item) && !in_circle) {
            continue;
        }
        let (step, stays) = step(item, evidence);
        remains.extend(stays.map(str::to_owned));
        steps.entry(step).or_insert(rank(item));
    }
    // The vendor's own tool comes last: it is for what the system's own ways leave.
    let mut ordered: Vec<(u8, Step)> = steps.into_iter().map(|(step, rank)| (rank, step)).collect();
    ordered.sort();
    let more = ordered.len().saturating_sub(MAX_STEPS);
    told.steps = ordered.into_iter().map(|(_, step)| step).take(MAX_STEPS).collect();
    if more > 0 {
        told.steps
            .push(Step::words(format!("do the same for {more} more; all of them stand in the evidence")));
    }
    let is_windows = inventory.subject.os.raw() == "windows";
    if let Some(removal) = reported.removal.as_ref().filter(|_| is_windows && finding.inside.is_none()) {
        let source = removal.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        let words = format!("if that fails, the maker's own tool: {}{source}", removal.words);
        told.steps.push(Step::words(Text::from(words).to_string()));
    }
    told.remains = remains.into_iter().collect();
    told.opens = reported.protects.iter().map(|protects| opens(*protects)).collect();
    Some(told)
}

/// What is lost with a protection.
fn opens(protects: Protection) -> String {
    let words = protects.word().replace('-', " ");
    match protects.control() {
        Some(control) => format!(
            "{words}: without another product in its place control {control} of NIST SP 800-53 is open"
        ),
        None => format!("{words}: have another product in its place first"),
    }
}

/// The order in which things are removed: what installs others first, single files last.
fn rank(item: &Item) -> u8 {
    match item.kind {
        Kind::Package | Kind::Application => 0,
        Kind::Container => 1,
        Kind::Extension | Kind::Profile | Kind::Model => 2,
        Kind::Service | Kind::Task => 3,
        Kind::Process => 4,
        Kind::Driver | Kind::Key | Kind::Certificate => 5,
        Kind::File => 6,
    }
}

/// What removes an item, and what that leaves.
fn step(item: &Item, evidence: &Evidence) -> (Step, Option<&'static str>) {
    let (kind, name, place) = (item.kind, &item.name, &item.place);
    let words = |words: String| (Step::words(words), None);
    if let Some(container) = &item.container {
        return words(format!(
            "take {kind} {name} out of what {container} is built from, and build it anew: what is removed in a running container comes back with its image"
        ));
    }
    if let (State::Component, Some(inside)) = (evidence.state, &evidence.inside) {
        return words(format!("it is a part of {inside}: remove that, or ask its maker for one without it"));
    }
    if let Some(step) = windows(item) {
        return (step, Some("settings and data in the profiles of users"));
    }
    if matches!(kind, Kind::Package | Kind::Application | Kind::Extension)
        && let Some(managed) = managed(item)
    {
        return managed;
    }
    if let (Kind::Application, Some(bundle)) = (kind, bundle(item)) {
        let words = format!(
            "quit {name} and move {bundle} to the Trash; an uninstaller of its own, if it has one, comes first"
        );
        return (
            Step::words(words),
            Some("launchd jobs and helpers in /Library and in the Library folders of users"),
        );
    }
    match kind {
        Kind::Package | Kind::Application => {
            words(format!("remove {kind} {name} by what installed it, at {place}"))
        }
        Kind::Extension => {
            let id = id(item, "extension-id").map(|id| format!(" ({id})")).unwrap_or_default();
            let user = item.user.as_ref().map(|user| format!(" of {user}")).unwrap_or_default();
            words(format!(
                "remove the extension {name}{id} in the program that holds it{user}, at {place}; one that a policy installs comes back while the policy stands"
            ))
        }
        Kind::Service | Kind::Task => {
            let whose = item.user.as_ref().map(|user| format!(", as {user}")).unwrap_or_default();
            let words = format!("stop and disable {kind} {name}{whose}, then delete {place}");
            (Step::with(words, disabling(item)), None)
        }
        Kind::Process => {
            let runs = item.paths.first().map(|path| format!(" ({path})")).unwrap_or_default();
            words(format!("stop process {name}{runs} and remove the program that it runs"))
        }
        Kind::Driver => words(format!("unload driver {name}, keep it from loading, and delete it ({place})")),
        Kind::File => file(item),
        Kind::Certificate => words(format!("take certificate {name} out of the store of trust at {place}")),
        Kind::Model => {
            words(format!("delete the model {name} at {place}, by the program that manages it if one does"))
        }
        Kind::Key => words(format!("delete what is left in the registry at {place}")),
        Kind::Container => words(format!("delete {name} with the engine that manages it ({place})")),
        Kind::Profile => words(format!("delete the profile {name} at {place}")),
    }
}

/// By a package manager, with what it leaves.
fn managed(item: &Item) -> Option<(Step, Option<&'static str>)> {
    let (name, place) = (&item.name, &item.place);
    let ecosystem = item.ecosystem.as_ref()?.raw();
    let command = |command: &str| package(name).map(|name| format!("{command} {name}"));
    if let Some(manager) = MANAGERS.iter().find(|manager| manager.ecosystem == ecosystem) {
        let at = if item.is_of_language() { format!(", at {place}") } else { String::new() };
        let words = format!("remove the package {name} with {}{at}", manager.name);
        return Some((Step::with(words, command(manager.command)), manager.remains));
    }
    let step = match ecosystem {
        "flatpak" => {
            let of = if item.user.is_some() { "--user" } else { "--system" };
            let whose = item.user.as_ref().map(|user| format!(", as {user}")).unwrap_or_default();
            let words = format!("remove {name} with flatpak{whose}");
            Step::with(words, command(&format!("flatpak uninstall --delete-data {of}")))
        }
        "homebrew" if item.kind == Kind::Application => Step::with(
            format!("remove the cask {name} with Homebrew"),
            command("brew uninstall --cask --zap"),
        ),
        "homebrew" => Step::with(
            format!("remove the formula {name} with Homebrew"),
            command("brew uninstall --formula"),
        ),
        "npm" => {
            let global =
                ["/usr/lib/", "/usr/local/lib/"].iter().any(|folder| place.raw().starts_with(folder));
            let of = if global { " --global" } else { "" };
            let words = format!("remove the package {name} with npm, in the project that holds {place}");
            Step::with(words, command(&format!("npm uninstall{of}")))
        }
        "vscode" => {
            let id = id(item, "extension-id").unwrap_or_else(|| name.clone());
            let words = format!("remove the extension {id} in the editor that holds it ({place})");
            let is_code = place.raw().contains("/.vscode/");
            let command = package(&id).map(|id| format!("code --uninstall-extension {id}"));
            Step::with(words, command.filter(|_| is_code))
        }
        "pkg" => Step::words(format!(
            "use the uninstaller of {name}, or delete what its receipt lists (pkgutil --files) and forget the receipt (pkgutil --forget); the receipt is at {place}"
        )),
        "nix" => Step::words(format!(
            "take {name} out of the profile or the configuration that names it, and collect the garbage ({place})"
        )),
        "maven" | "osgi" => {
            Step::words(format!("take {name} out of the application that carries it ({place})"))
        }
        _ => return None,
    };
    Some((step, None))
}

/// By what Windows knows of the product.
fn windows(item: &Item) -> Option<Step> {
    let name = &item.name;
    if let Some(family) = id(item, "package-family") {
        let is_family = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let command = family.raw().chars().all(is_family).then(|| {
            format!(
                "Get-AppxPackage -AllUsers | Where-Object PackageFamilyName -eq '{family}' | Remove-AppxPackage -AllUsers"
            )
        });
        return Some(Step::with(format!("remove the app {name} ({family}), in PowerShell"), command));
    }
    let registered = id(item, "quiet-uninstall").or_else(|| id(item, "uninstall"));
    let installer = id(item, "product-code").filter(|code| is_guid(code.raw()));
    if let Some(code) = installer {
        let words = format!("uninstall {name} by Windows Installer; without /qn it asks before it acts");
        let command = Some(format!("msiexec /x {code} /qn"));
        return Some(Step { words, command, said: registered });
    }
    let words = format!(
        "uninstall {name} in the settings of Windows, or by what the machine has registered for that; check the text before it is run"
    );
    Some(Step { words, command: None, said: Some(registered?) })
}

/// A file on its own.
fn file(item: &Item) -> (Step, Option<&'static str>) {
    let path = item.paths.first().unwrap_or(&item.place);
    let command = quoted(path).map(|path| format!("rm -- {path}"));
    (Step::with(format!("delete the file {path}, once nothing runs it"), command), None)
}

/// The folder that is an application of macOS.
fn bundle(item: &Item) -> Option<&Text> {
    let is_one = |path: &&Text| Path::new(path.raw()).extension().is_some_and(|end| end == "app");
    item.paths.iter().chain([&item.place]).find(is_one)
}

/// What stops a service or a task and keeps it from starting again.
fn disabling(item: &Item) -> Option<String> {
    let name = unit(&item.name)?;
    match item.source.raw() {
        "systemd" if item.user.is_some() => Some(format!("systemctl --user disable --now {name}")),
        "systemd" => Some(format!("systemctl disable --now {name}")),
        // Those of users run in the domain of each, whose number is not known (launchctl(1)).
        "launchd" if item.place.raw().starts_with("/Library/LaunchDaemons/") => {
            Some(format!("launchctl bootout system/{name}"))
        }
        _ => None,
    }
}

/// An identifier by its word, of those too that a saved inventory alone knows.
fn id(item: &Item, word: &str) -> Option<Text> {
    let known = item.ids.iter().find(|(kind, _)| kind.word() == word).map(|(_, id)| id.clone());
    let kept = || Some(Text::from(item.extra.get("ids")?.get(word)?.as_str()?));
    known.or_else(kept)
}

/// A name as the argument of a package manager: only what any of them may itself have given, so that it is neither an
/// option nor a pattern.
fn package(name: &Text) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@/._+:-".contains(c);
    let starts = |c: char| c.is_ascii_alphanumeric() || c == '@';
    let name = name.raw();
    // To apt a dash or a plus at the end asks for the opposite; names of packages that end with a plus are not touched by it.
    let fits = name.starts_with(starts) && name.chars().all(is_plain) && !name.ends_with('-');
    (fits && name.len() <= 200).then_some(name)
}

/// A name of a unit in quotes, where it is one.
fn unit(name: &Text) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ":_.@-".contains(c);
    let starts = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (name.raw().starts_with(starts) && name.raw().chars().all(fits)).then(|| name.raw().to_owned())
}

/// An absolute path in single quotes; none where it is not plain text, or leads elsewhere than it says.
fn quoted(path: &Text) -> Option<String> {
    let raw = path.raw();
    let is_plain = raw.starts_with('/') && !raw.contains("\\x") && !raw.contains(is_deceptive);
    let is_straight = raw.split('/').all(|part| part != "..") && !raw.ends_with('/');
    (is_plain && is_straight).then(|| format!("'{}'", raw.replace('\'', r"'\''")))
}

/// Whether a text is a GUID as Windows Installer writes it: `{8-4-4-4-12}` hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) else { return false };
    let parts: Vec<_> = inner.split('-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
