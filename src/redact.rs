//! Reports that name no person and no machine: names of users, their home folders, the name and id of the host, and
//! Windows SIDs become tokens, the same ones for the same key (HMAC-SHA256, RFC 2104).
//!
//! A name that is known from one place is replaced in all, wherever it stands by itself in a text, so that a command line
//! tells no more than the field of the user does. What rule files say is left as it is, and so are the accounts that
//! systems and services come with, which are no persons. Where in doubt a word too many is replaced.

mod visit;

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, MatchKind};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use self::visit::Visitor;
use crate::baseline::Baseline;
use crate::inventory::Inventory;
use crate::report::{Report, Scan};
use crate::text::hex;

/// Bytes of a key; a shorter one could be found out by trying.
pub const LEAST_KEY: usize = 16;

/// Folders of which the next part of a path is a user's name, in lower case.
const HOMES: &[&str] = &[
    "/home/",
    "/users/",
    "\\users\\",
    "/documents and settings/",
    "\\documents and settings\\",
    "/crontabs/",
    "/cron/tabs/",
];

/// Accounts and folders of systems and services, and hosts without a name.
const NOBODY: &[&str] = &[
    "_apt",
    "adm",
    "administrator",
    "all users",
    "apache",
    "avahi",
    "backup",
    "bin",
    "chrony",
    "colord",
    "daemon",
    "dbus",
    "default",
    "default user",
    "defaultapppool",
    "defaultuser0",
    "dnsmasq",
    "docker",
    "dovecot",
    "ftp",
    "games",
    "gdm",
    "geoclue",
    "gnats",
    "guest",
    "halt",
    "httpd",
    "irc",
    "libvirt-qemu",
    "lightdm",
    "linuxbrew",
    "list",
    "local service",
    "localhost",
    "localservice",
    "lp",
    "mail",
    "man",
    "messagebus",
    "mysql",
    "network service",
    "networkservice",
    "news",
    "nginx",
    "nobody",
    "ntp",
    "operator",
    "polkitd",
    "postfix",
    "postgres",
    "proxy",
    "public",
    "redis",
    "root",
    "rpc",
    "rtkit",
    "sddm",
    "shared",
    "shutdown",
    "sshd",
    "statd",
    "sync",
    "sys",
    "syslog",
    "system",
    "systemd-coredump",
    "systemd-network",
    "systemd-oom",
    "systemd-resolve",
    "systemd-timesync",
    "tcpdump",
    "tomcat",
    "tss",
    "usbmux",
    "uucp",
    "uuidd",
    "www-data",
];

/// A report in which nobody is named, its earlier report with it.
#[must_use]
pub fn report(mut report: Report, baseline: Option<&mut Baseline>, key: &[u8]) -> Report {
    let mut baseline = baseline;
    let mut names = Names::default();
    visit::report(&mut report, &mut names);
    if let Some(baseline) = baseline.as_deref_mut() {
        visit::baseline(baseline, &mut names);
    }
    let mut tokens = Tokens::new(key, names);
    visit::report(&mut report, &mut tokens);
    if let Some(baseline) = baseline {
        visit::baseline(baseline, &mut tokens);
    }
    report.sort();
    report
}

/// An inventory in which nobody is named.
#[must_use]
pub fn inventory(mut inventory: Inventory, mut scan: Scan, key: &[u8]) -> (Inventory, Scan) {
    let mut names = Names::default();
    visit::inventory(&mut inventory, &mut names);
    visit::scan(&mut scan, &mut names);
    let mut tokens = Tokens::new(key, names);
    visit::inventory(&mut inventory, &mut tokens);
    visit::scan(&mut scan, &mut tokens);
    inventory.items.sort_by(|a, b| a.order().cmp(&b.order()));
    (inventory, scan)
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Host,
    Machine,
    User,
    Sid,
}

/// The names that a report holds, in lower case.
#[derive(Default)]
struct Names(BTreeMap<String, Sort>);

impl Names {
    fn add(&mut self, name: &str, sort: Sort) {
        let name = name.trim();
        // A letter or a number alone stands for much else.
        let says_little = name.chars().count() < 2 || name.chars().all(|c| c.is_ascii_digit());
        if !says_little && !is_nobody(name) && !name.to_ascii_uppercase().starts_with("S-1-") {
            let known = self.0.entry(name.to_lowercase()).or_insert(sort);
            *known = (*known).min(sort);
        }
    }
}

impl Visitor for Names {
    fn text(&mut self, text: &mut String) {
        for (start, end) in homes(text) {
            let is_first = text.get(..start).is_some_and(is_at_root);
            if let Some(name) = text.get(start..end).filter(|_| is_first) {
                self.add(name, Sort::User);
            }
        }
    }

    fn user(&mut self, user: &mut String) {
        for part in user.split(['\\', '/', '@']) {
            self.add(part, Sort::User);
        }
        self.text(user);
    }

    fn host(&mut self, host: &mut String) {
        self.add(host, Sort::Host);
        self.add(host.split('.').next().unwrap_or_default(), Sort::Host);
    }

    fn machine(&mut self, id: &mut String) {
        self.add(id, Sort::Machine);
    }
}

/// Replaces names.
struct Tokens {
    key: Vec<u8>,
    names: Vec<(String, Sort)>,
    /// The tokens of all names: an earlier report that is redacted by the same key has them already.
    made: BTreeSet<String>,
    /// The names, each in three spellings; the pattern's number is three times that of the name and more.
    finder: Option<AhoCorasick>,
}

impl Tokens {
    fn new(key: &[u8], names: Names) -> Self {
        let mut tokens = Self {
            key: key.to_owned(),
            names: names.0.into_iter().collect(),
            made: BTreeSet::new(),
            finder: None,
        };
        tokens.made = tokens.names.iter().map(|(name, sort)| tokens.token(name, *sort)).collect();
        let Self { names, made, .. } = &mut tokens;
        names.retain(|(name, _)| !made.contains(name));
        let spellings = names.iter().flat_map(|(name, _)| [name.clone(), name.to_uppercase(), titled(name)]);
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(spellings);
        tokens.finder = finder.ok();
        tokens
    }

    fn token(&self, name: &str, sort: Sort) -> String {
        let word = match sort {
            Sort::Host => "host",
            Sort::Machine => "machine",
            Sort::User => "user",
            Sort::Sid => "sid",
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return word.to_owned() };
        mac.update(word.as_bytes());
        mac.update(&[0]);
        mac.update(name.to_lowercase().as_bytes());
        let digest = mac.finalize().into_bytes();
        format!("{word}-{}", hex(digest.get(..6).unwrap_or_default()))
    }

    /// The places of a text that are replaced, and with what; those that begin first and are longest come first.
    fn places(&self, text: &str) -> Vec<(usize, usize, String)> {
        let mut places = sids(text).map(|(start, end)| (start, end, Sort::Sid)).collect::<Vec<_>>();
        for (start, end) in homes(text) {
            if text.get(start..end).is_some_and(|name| !is_nobody(name)) {
                places.push((start, end, Sort::User));
            }
        }
        for found in self.finder.iter().flat_map(|finder| finder.find_overlapping_iter(text)) {
            let sort = self.names.get(found.pattern().as_usize() / 3).map(|(_, sort)| *sort);
            if let Some(sort) = sort.filter(|_| stands_alone(text, found.start(), found.end())) {
                places.push((found.start(), found.end(), sort));
            }
        }
        places.sort_by_key(|(start, end, sort)| (*start, usize::MAX - end, *sort));
        let token = |(start, end, sort): (usize, usize, Sort)| {
            let name = text.get(start..end)?;
            // The same name is the same token wherever it stands.
            let known = self.names.binary_search_by(|(known, _)| known.as_str().cmp(&name.to_lowercase()));
            let sort = known.ok().and_then(|at| self.names.get(at)).map_or(sort, |(_, sort)| *sort);
            Some((start, end, self.token(name, sort)))
        };
        places.into_iter().filter_map(token).collect()
    }
}

impl Visitor for Tokens {
    fn text(&mut self, text: &mut String) {
        if self.finder.is_none() {
            // Names that cannot be looked for are not let through.
            *text = self.token(text, Sort::User);
            return;
        }
        let places = self.places(text);
        if places.is_empty() {
            return;
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (start, end, token) in places {
            if start >= at {
                out.push_str(text.get(at..start).unwrap_or_default());
                out.push_str(&token);
                at = end;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        *text = out;
    }

    fn user(&mut self, user: &mut String) {
        if is_nobody(user) || self.made.contains(user) {
            return;
        }
        let is_sid = sids(user).next() == Some((0, user.len()));
        // Domain and name: the name is the same person without the domain.
        let name = user.rsplit(['\\', '/']).next().and_then(|name| name.split('@').next());
        let token = match name {
            _ if is_sid => self.token(user, Sort::Sid),
            Some(name) if !name.is_empty() => self.token(name, Sort::User),
            _ => self.token(user, Sort::User),
        };
        *user = token;
    }

    fn host(&mut self, host: &mut String) {
        if !is_nobody(host) && !self.made.contains(host) {
            *host = self.token(host, Sort::Host);
        }
    }

    fn machine(&mut self, id: &mut String) {
        if !id.is_empty() && !self.made.contains(id) {
            *id = self.token(id, Sort::Machine);
        }
    }
}

fn is_nobody(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    // Services of macOS begin with a line.
    name.is_empty() || name.starts_with('_') || NOBODY.binary_search(&name.as_str()).is_ok()
}

fn titled(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Whether no letter or number stands beside a part of a text.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|t| t.chars().next_back());
    let after = text.get(end..).and_then(|t| t.chars().next());
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}

/// Where names stand that follow a folder of homes.
fn homes(text: &str) -> Vec<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let (mut all, mut from) = (Vec::new(), 0);
    while let Some(rest) = lower.get(from..) {
        let next = HOMES.iter().filter_map(|home| Some((rest.find(home)?, home.len()))).min();
        let Some((at, length)) = next else { break };
        let start = from + at + length;
        let name = text.get(start..).unwrap_or_default();
        let end = name.find(['/', '\\', '"', '\'', '<', '>', '|', ':', ';', '\n']).unwrap_or(name.len());
        // A text may go on after a path; a name with blanks is one only where the path goes on.
        let goes_on = name.get(end..).is_some_and(|after| after.starts_with(['/', '\\']));
        let blank = name.get(..end).and_then(|name| name.find([' ', ',', ')', ']']));
        let end = if goes_on { end } else { blank.unwrap_or(end) };
        if end > 0 {
            all.push((start, start + end));
        }
        // What stands behind may be a folder of homes too, and begins with the same sign.
        from = start - 1;
    }
    all
}

/// Whether the folder of homes that a text ends with stands at the root of a file system.
fn is_at_root(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(before) = HOMES.iter().find_map(|home| lower.strip_suffix(home)) else { return false };
    let last = before.chars().next_back();
    last.is_none_or(|c| c.is_whitespace() || "\"'=:(,;[".contains(c)) || before.ends_with("file://")
}

/// Security identifiers of people and machines; those that every system has are left.
fn sids(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = lower.get(from..)?;
        let at = ["s-1-5-21-", "s-1-12-1-"].iter().filter_map(|start| rest.find(start)).min()?;
        let start = from + at;
        let length = lower.get(start + 1..)?.find(|c: char| !(c.is_ascii_digit() || c == '-'));
        let end = length.map_or(lower.len(), |length| start + 1 + length);
        from = end;
        Some((start, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "S-1-5-21-1004336348-1177238915-682003330-1001";

    fn redacted(known: &[(&str, Sort)], text: &str) -> String {
        let mut names = Names::default();
        for (name, sort) in known {
            names.add(name, *sort);
        }
        let mut text = text.to_owned();
        names.text(&mut text);
        Tokens::new(b"0123456789abcdef", names).text(&mut text);
        text
    }

    #[test]
    fn accounts_of_systems_are_in_order() {
        assert!(NOBODY.is_sorted());
    }

    #[test]
    fn a_name_that_stands_by_itself_is_a_token_in_every_spelling() {
        let jdoe = redacted(&[("jdoe", Sort::User)], "jdoe");
        assert!(jdoe.starts_with("user-") && jdoe.len() == 17, "{jdoe}");
        for text in ["JDOE", "Jdoe", "/home/jdoe", "C:\\Users\\JDoe\\x"] {
            let out = redacted(&[("jdoe", Sort::User)], text);
            assert!(out.contains(&jdoe) && !out.to_lowercase().contains("jdoe"), "{out}");
        }
        assert_eq!(redacted(&[("jdoe", Sort::User)], "jdoe2 ajdoe"), "jdoe2 ajdoe");
        assert!(!redacted(&[("jörg", Sort::User)], "x JÖRG x").contains("JÖRG"));
        let both = [("jdoe", Sort::User), ("jdoe-adm", Sort::User), ("ws-jdoe-01", Sort::Host)];
        let out = redacted(&both, "WS-JDOE-01 jdoe-admin");
        assert!(out.starts_with("host-") && out.ends_with("-admin") && !out.contains("jdoe"), "{out}");
    }

    #[test]
    fn a_home_tells_a_name() {
        let out = redacted(&[], "/home/Jane Doe/x ran as jane doe; D:\\Users\\bob");
        assert!(!out.to_lowercase().contains("jane") && !out.contains("bob"), "{out}");
        for text in ["/home/", "/Users/Shared/x", "C:\\Users\\Public", "/homes/jdoe", "/root/x", "S-1-5-18"] {
            assert_eq!(redacted(&[], text), text);
        }
        // Below the root of something else it is only replaced where it stands.
        assert!(redacted(&[], "/merged/home/x1/a x1").ends_with(" x1"));
    }

    #[test]
    fn a_sid_is_one_token() {
        let sid = redacted(&[], SID);
        assert!(sid.starts_with("sid-"), "{sid}");
        assert_eq!(
            redacted(&[], &format!("HKU\\{}_Classes", SID.to_lowercase())),
            format!("HKU\\{sid}_Classes")
        );
        let azure = "S-1-12-1-1111-2222-3333-4444";
        assert!(redacted(&[], azure).starts_with("sid-"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic(text: String, name: String) {
            redacted(&[(&name, Sort::User)], &text);
        }

        #[test]
        fn no_name_is_left(parts in proptest::collection::vec("(jdoe|JDOE|ü|/home/|\\\\Users\\\\| |-|S-1-5-21-7-8|x)", 0..12)) {
            let text = parts.concat();
            let out = redacted(&[("jdoe", Sort::User)], &text);
            let left = out.to_lowercase().match_indices("jdoe").any(|(at, found)| stands_alone(&out.to_lowercase(), at, at + found.len()));
            proptest::prop_assert!(!left, "{} of {}", out, text);
        }
    }
}
