//! Java archives: what the manifest and Maven say of them.
//!
//! Formats: the JAR File Specification, whose manifest has the attributes of `OSGi` Core, 3.2, too; the
//! files `META-INF/maven/GROUP/ARTIFACT/pom.properties` that Maven Archiver writes (java.util.Properties). Archives within
//! an archive are not entered.

use std::io::{Read, Seek};

use super::headers::{Folding, Headers};
use super::zip::{Error, Zip};

/// Bytes of one file in it, unpacked.
const MAX_PART: u64 = 1 << 20;
/// Descriptions by Maven in it that are read.
const MAX_POMS: usize = 1000;
/// Attributes of a manifest that say what the archive is.
const KEEP: &[&str] = &[
    "implementation-title",
    "implementation-version",
    "implementation-vendor",
    "bundle-name",
    "bundle-symbolicname",
    "bundle-version",
    "bundle-vendor",
];

/// What is packed in an archive, by Maven's coordinates; what is not told is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    /// Whose it is, in the order of a domain name.
    pub group: String,
    /// Its name in the group.
    pub artifact: String,
    /// Its version.
    pub version: String,
}

/// What an archive says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Jar {
    /// Its name for people.
    pub title: Option<Vec<u8>>,
    /// Its name as a bundle of `OSGi`.
    pub bundle: Option<Vec<u8>>,
    /// Its version.
    pub version: Option<Vec<u8>>,
    /// Who made it.
    pub vendor: Option<Vec<u8>>,
    /// Everything that Maven put into it, itself included, in order.
    pub poms: Vec<Coordinates>,
    /// Why not all of this could be read, in words.
    pub unread: Option<String>,
}

impl Jar {
    /// Reads an archive.
    ///
    /// # Errors
    /// When it cannot be read, or its directory is damaged. A file in it that cannot be read is told in
    /// [`Jar::unread`].
    pub fn read(from: impl Read + Seek) -> Result<Self, Error> {
        let zip = Zip::open(from)?;
        let (mut manifest, mut poms, mut more) = (None, Vec::new(), false);
        let wrong = zip.files(|name, part| {
            if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") {
                manifest.get_or_insert(part);
            } else if name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.properties") {
                more |= poms.len() == MAX_POMS;
                poms.extend((poms.len() < MAX_POMS).then_some(part));
            }
        })?;
        let many = || more.then(|| format!("has more than {MAX_POMS} descriptions by Maven"));
        let mut jar = Self { unread: wrong.or_else(many), ..Self::default() };
        let mut read = |part| match zip.unpack(part, MAX_PART) {
            Ok(bytes) => bytes,
            Err(e) => {
                jar.unread.get_or_insert(format!("holds a description that cannot be read: {e}"));
                Vec::new()
            }
        };
        let manifest = manifest.map(&mut read).unwrap_or_default();
        let mut found: Vec<_> = poms.into_iter().map(|part| coordinates(&read(part))).collect();
        found.retain(|c| !c.artifact.is_empty());
        found.sort();
        found.dedup();
        jar.poms = found;
        jar.describe(&manifest);
        Ok(jar)
    }

    fn describe(&mut self, manifest: &[u8]) {
        let headers = Headers::read(manifest, KEEP, Folding::Manifest);
        let first = |names: [&str; 2]| names.iter().find_map(|name| headers.get(name)).map(<[u8]>::to_vec);
        self.title = first(["Implementation-Title", "Bundle-Name"]);
        self.version = first(["Implementation-Version", "Bundle-Version"]);
        self.vendor = first(["Implementation-Vendor", "Bundle-Vendor"]);
        // Directives follow the name.
        let bundle = headers.get("Bundle-SymbolicName").and_then(|name| name.split(|&b| b == b';').next());
        self.bundle = bundle.map(|name| name.trim_ascii().to_vec()).filter(|name| !name.is_empty());
    }
}

/// What a `pom.properties` says.
fn coordinates(bytes: &[u8]) -> Coordinates {
    let mut found = Coordinates::default();
    for line in bytes.split(|b| matches!(b, b'\n' | b'\r')) {
        let Some(at) = line.iter().position(|b| matches!(b, b'=' | b':')) else { continue };
        let (key, value) = line.split_at(at);
        // Each byte is a character of Latin-1.
        let value: String = value.iter().skip(1).map(|&b| char::from(b)).filter(|c| *c != '\\').collect();
        let field = match key.trim_ascii() {
            b"groupId" => &mut found.group,
            b"artifactId" => &mut found.artifact,
            b"version" => &mut found.version,
            _ => continue,
        };
        value.trim().clone_into(field);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::zip::tests::archive;
    use std::io::Cursor;

    fn sample() -> Vec<u8> {
        archive(&[
            ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nImplementation-Vendor: Ac\r\n me\r\nBundle-SymbolicName: org.a.b;singleton:=true\r\n\r\n"),
            ("META-INF/maven/org.a/b/pom.properties", b"#Generated\ngroupId=org.a\nartifactId=b\nversion=1.0\n"),
            ("org/a/B.class", b"\xca\xfe\xba\xbe"),
            ("META-INF/maven/c/d/pom.properties", b"version: 2\r\ngroupId: c\r\nartifactId: d\r\n"),
        ])
    }

    #[test]
    fn an_archive_says_who_made_it_and_what_is_in_it() {
        let jar = Jar::read(Cursor::new(sample())).unwrap();
        assert_eq!(
            (jar.vendor, jar.bundle, jar.unread),
            (Some(b"Acme".to_vec()), Some(b"org.a.b".to_vec()), None)
        );
        let of = |[group, artifact, version]: [&str; 3]| Coordinates {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
        };
        assert_eq!(jar.poms, [of(["c", "d", "2"]), of(["org.a", "b", "1.0"])]);
    }

    #[test]
    fn what_unpacks_to_much_is_not_read_and_told() {
        let large = vec![b' '; 64 << 20];
        let bytes = archive(&[("a", b""), ("META-INF/MANIFEST.MF", &large)]);
        assert!(bytes.len() < 1 << 20);
        let jar = Jar::read(Cursor::new(bytes)).unwrap();
        assert!(jar.unread.unwrap().contains("larger than the bound"));
    }

    #[test]
    fn what_is_cut_or_no_archive_is_an_error() {
        let whole = sample();
        for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
            assert!(matches!(Jar::read(Cursor::new(&whole[..cut])), Err(Error::Damaged(_))), "{cut}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            coordinates(&bytes);
            Jar::read(Cursor::new(bytes)).ok();
        }

        #[test]
        fn a_real_archive_with_other_bytes_ends_without_a_panic(changes: Vec<(proptest::sample::Index, u8)>) {
            let mut bytes = sample();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Jar::read(Cursor::new(bytes)).ok();
        }
    }
}
