//! Names in a Nix store.
//!
//! Format: the Nix manual, "Store Path" (a digest of 32 digits in base 32, a dash, a name) and `parseDrvName` (a name
//! and its version). An output other than the main one has its own name at the end, which is no part of the version.
//! What a file refers to is found as Nix itself finds it: by looking for the paths in its bytes.

/// Where store paths are.
pub const STORE: &str = "/nix/store";
/// Digits of a digest.
const DIGEST: usize = 32;
/// The longest name.
const MAX_NAME: usize = 211;
/// Names of outputs in Nixpkgs.
const OUTPUTS: &[&str] = &[
    "bin", "data", "debug", "dev", "devdoc", "devman", "dist", "doc", "dri", "info", "lib", "man", "out",
    "py", "static", "terminfo", "tests",
];
/// Endings of what is no package: how to build one, and what guards a path while it is built.
const NO_PACKAGE: &[&str] = &[".drv", ".lock", ".chroot", ".drv.chroot"];

/// The name in that of an entry of the store; none, if it is no store path or no package.
#[must_use]
pub fn package(entry: &[u8]) -> Option<&str> {
    let name = store_path(entry).filter(|path| path.len() == entry.len())?.get(DIGEST + 1..)?;
    let name = std::str::from_utf8(name).ok()?;
    (!NO_PACKAGE.iter().any(|end| name.ends_with(end))).then_some(name)
}

/// The name and the version in a store path's name: the version begins after the first dash that no letter follows.
#[must_use]
pub fn name_version(full: &str) -> (&str, Option<&str>) {
    let starts = |at: &usize| full.as_bytes().get(at + 1).is_some_and(|next| !next.is_ascii_alphabetic());
    let Some(dash) = full.match_indices('-').map(|(at, _)| at).filter(|at| *at > 0).find(starts) else {
        return (full, None);
    };
    let (name, version) = (full.get(..dash).unwrap_or(full), full.get(dash + 1..).unwrap_or_default());
    let main = version.rsplit_once('-').filter(|(main, output)| !main.is_empty() && OUTPUTS.contains(output));
    (name, Some(main.map_or(version, |(main, _)| main)))
}

/// The entries of the store that bytes refer to, in order and as often as they do.
pub fn references(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lead = STORE.as_bytes();
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(lead.len()).position(|window| window == lead)?;
            rest = rest.get(at + lead.len()..)?;
            if let Some(path) = rest.strip_prefix(b"/").and_then(store_path) {
                return Some(path);
            }
        }
    })
}

/// The store path that bytes begin with.
fn store_path(bytes: &[u8]) -> Option<&[u8]> {
    // `e`, `o`, `t` and `u` are no digits of Nix, so that no digest says anything rude.
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'z') && !b"eotu".contains(b);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"+-._?=".contains(b);
    let (digest, rest) = bytes.split_at_checked(DIGEST)?;
    let name = rest.strip_prefix(b"-")?;
    let length = name.iter().take_while(|b| is_name(b)).count();
    if !digest.iter().all(is_digit) || !(1..=MAX_NAME).contains(&length) {
        return None;
    }
    bytes.get(..DIGEST + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "h0cnbmfcn93xm5dg2x27ixhag1cwndga";

    #[test]
    fn names_are_parted_as_nix_does() {
        for (full, name, version) in [
            ("glibc-2.34-210-bin", "glibc", Some("2.34-210")),
            ("glibc-2.34-210", "glibc", Some("2.34-210")),
            ("hello-2.12.1", "hello", Some("2.12.1")),
            ("apache-httpd-2.0.48", "apache-httpd", Some("2.0.48")),
            ("python3.11-requests-2.31.0-dist", "python3.11-requests", Some("2.31.0")),
            ("nixos-system-host-23.11pre", "nixos-system-host", Some("23.11pre")),
            ("nss-cacert-3.98-p11kit", "nss-cacert", Some("3.98-p11kit")),
            ("man-db", "man-db", None),
            ("foo-dev", "foo-dev", None),
            ("foo-", "foo-", None),
            ("foo--1", "foo", Some("-1")),
            ("-1", "-1", None),
            ("x-unstable-2024-01-01", "x-unstable", Some("2024-01-01")),
        ] {
            assert_eq!(name_version(full), (name, version), "{full}");
        }
    }

    #[test]
    fn entries_that_are_no_packages() {
        let of = |name: &str| package(format!("{HASH}-{name}").as_bytes()).map(str::to_owned);
        assert_eq!(of("hello-2.12"), Some("hello-2.12".to_owned()));
        for name in ["hello-2.12.drv", "hello.lock", "hello.drv.chroot", "", "a b", "a/b", &"x".repeat(212)] {
            assert_eq!(of(name), None, "{name}");
        }
        for entry in [
            ".links",
            "trash",
            HASH,
            "u0cnbmfcn93xm5dg2x27ixhag1cwndga-x",
            "H0cnbmfcn93xm5dg2x27ixhag1cwndga-x",
        ] {
            assert_eq!(package(entry.as_bytes()), None, "{entry}");
        }
    }

    #[test]
    fn paths_are_found_in_any_bytes() {
        let text = format!(
            "\0\"/nix/store/{HASH}-a-1/bin/x\" /nix/store/no /nix/store/nix/store/{HASH}-b\n/nix/store/{HASH}"
        );
        let found: Vec<_> = references(text.as_bytes()).map(String::from_utf8_lossy).collect();
        assert_eq!(found, [format!("{HASH}-a-1"), format!("{HASH}-b")]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(package(&bytes).is_none_or(|name| bytes.ends_with(name.as_bytes())));
            proptest::prop_assert!(references(&bytes).count() <= bytes.len());
        }

        #[test]
        fn the_parts_are_of_the_name(full in "[-a-z0-9.ü]{0,30}") {
            let (name, version) = name_version(&full);
            proptest::prop_assert!(full.starts_with(name));
            let joined = version.map_or(name.to_owned(), |version| format!("{name}-{version}"));
            proptest::prop_assert!(full.starts_with(&joined));
            let entry = format!("{HASH}-{full}");
            proptest::prop_assert!(package(entry.as_bytes()).is_none_or(|name| name == full));
        }
    }
}
