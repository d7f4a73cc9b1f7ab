//! A header: all that rpm knows of one package.
//!
//! Format: rpm's manual, "RPM v4 header format", as kept in the database, without a file's lead and magic. Two numbers
//! (entries, bytes of data), the entries of 16 bytes (tag, type, offset, count), the data; numbers are big-endian.
//! Tags: "Tags" of the same manual. Of two entries with one tag the later counts: what rpm adds while it installs
//! stands behind what the maker signed, and replaces it.

/// Entries of one header, and bytes of its data, that rpm accepts.
const MAX_ENTRIES: usize = 0x1_0000;
const MAX_DATA: usize = 256 << 20;
/// Files of one package that are read, and bytes of their paths together: folders are named once in a header, so a
/// small one could write out to any size.
const MAX_FILES: usize = 4 << 20;
const MAX_PATHS: usize = 64 << 20;

const NAME: usize = 1000;
const VERSION: usize = 1001;
const RELEASE: usize = 1002;
const EPOCH: usize = 1003;
const INSTALLTIME: usize = 1008;
const VENDOR: usize = 1011;
const PACKAGER: usize = 1015;
const URL: usize = 1020;
const ARCH: usize = 1022;
const OLDFILENAMES: usize = 1027;
const DIRINDEXES: usize = 1116;
const BASENAMES: usize = 1117;
const DIRNAMES: usize = 1118;

const INT32: usize = 4;
const STRING: usize = 6;
const STRING_ARRAY: usize = 8;
const I18NSTRING: usize = 9;

/// What makes a header unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Its length is not the one that its parts add up to.
    #[error("its header is not as long as it says")]
    Length,
    /// It is larger than rpm itself accepts, or writes out to more than is read.
    #[error("its header says more than any package has")]
    TooLarge,
    /// A tag has a type that it never has.
    #[error("tag {0} of its header has a wrong type")]
    Type(usize),
    /// The values of a tag are not within the data.
    #[error("tag {0} of its header leads out of it")]
    Bounds(usize),
    /// A tag that every package has is missing or says nothing.
    #[error("its header has no tag {0}")]
    Lacks(usize),
    /// A file is in a folder that the header does not name.
    #[error("its header names files without their folders")]
    Files,
}

/// What a header says of its package. Texts are bytes, as rpm gives them no encoding.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name; never empty.
    pub name: &'a [u8],
    /// Its version; never empty.
    pub version: &'a [u8],
    /// Its release; never empty.
    pub release: &'a [u8],
    /// The number that outranks the version.
    pub epoch: Option<u32>,
    /// When it was installed, in seconds since 1970.
    pub installed: Option<u32>,
    /// The organisation that distributes it.
    pub vendor: Option<&'a [u8]>,
    /// Who built it.
    pub packager: Option<&'a [u8]>,
    /// Its home page.
    pub url: Option<&'a [u8]>,
    /// The machine it is for.
    pub arch: Option<&'a [u8]>,
    /// The paths of its files and folders.
    pub files: Vec<Vec<u8>>,
}

impl<'a> Header<'a> {
    /// Reads a header.
    ///
    /// # Errors
    /// When anything that is asked of it does not follow the format; other tags are not looked at.
    pub fn parse(blob: &'a [u8]) -> Result<Self, Malformed> {
        let parts = Parts::of(blob)?;
        let required = |tag| parts.string(tag)?.filter(|s| !s.is_empty()).ok_or(Malformed::Lacks(tag));
        Ok(Self {
            name: required(NAME)?,
            version: required(VERSION)?,
            release: required(RELEASE)?,
            epoch: parts.number(EPOCH)?,
            installed: parts.number(INSTALLTIME)?,
            vendor: parts.string(VENDOR)?,
            packager: parts.string(PACKAGER)?,
            url: parts.string(URL)?,
            arch: parts.string(ARCH)?,
            files: parts.files()?,
        })
    }
}

struct Parts<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

struct Entry {
    kind: usize,
    offset: usize,
    count: usize,
}

impl<'a> Parts<'a> {
    fn of(blob: &'a [u8]) -> Result<Self, Malformed> {
        let sizes = be32(blob, 0).zip(be32(blob, 4)).ok_or(Malformed::Length)?;
        let (entries, data) = (size(sizes.0), size(sizes.1));
        if entries > MAX_ENTRIES || data > MAX_DATA {
            return Err(Malformed::TooLarge);
        }
        let rest = blob.get(8..).unwrap_or_default();
        let (entries, rest) = rest.split_at_checked(entries * 16).ok_or(Malformed::Length)?;
        if rest.len() == data { Ok(Self { entries, data: rest }) } else { Err(Malformed::Length) }
    }

    fn entry(&self, tag: usize) -> Option<Entry> {
        let entries = self.entries.chunks_exact(16).rev();
        let found = entries.into_iter().find(|e| be32(e, 0).is_some_and(|t| size(t) == tag))?;
        let field = |at| be32(found, at).map(size);
        Some(Entry { kind: field(4)?, offset: field(8)?, count: field(12)? })
    }

    fn string(&self, tag: usize) -> Result<Option<&'a [u8]>, Malformed> {
        match self.strings(tag)? {
            Some(strings) => Ok(Some(strings.first().copied().ok_or(Malformed::Bounds(tag))?)),
            None => Ok(None),
        }
    }

    /// The strings of a tag, which stand one behind the other with a zero byte after each.
    fn strings(&self, tag: usize) -> Result<Option<Vec<&'a [u8]>>, Malformed> {
        let Some(entry) = self.entry(tag) else { return Ok(None) };
        if ![STRING, STRING_ARRAY, I18NSTRING].contains(&entry.kind) {
            return Err(Malformed::Type(tag));
        }
        if entry.count > MAX_FILES {
            return Err(Malformed::TooLarge);
        }
        let mut rest = self.data.get(entry.offset..).unwrap_or_default();
        let mut strings = Vec::new();
        for _ in 0..entry.count {
            let end = rest.iter().position(|&b| b == 0).ok_or(Malformed::Bounds(tag))?;
            let (string, after) = rest.split_at(end);
            strings.push(string);
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(Some(strings))
    }

    fn number(&self, tag: usize) -> Result<Option<u32>, Malformed> {
        match self.numbers(tag)? {
            Some(numbers) => Ok(Some(be32(numbers, 0).ok_or(Malformed::Bounds(tag))?)),
            None => Ok(None),
        }
    }

    /// The numbers of a tag, four bytes each.
    fn numbers(&self, tag: usize) -> Result<Option<&'a [u8]>, Malformed> {
        let Some(entry) = self.entry(tag) else { return Ok(None) };
        if entry.kind != INT32 {
            return Err(Malformed::Type(tag));
        }
        let rest = self.data.get(entry.offset..).unwrap_or_default();
        let bytes = entry.count.checked_mul(4).and_then(|length| rest.get(..length));
        bytes.map(Some).ok_or(Malformed::Bounds(tag))
    }

    /// The paths: a folder's number and a name for each; whole paths in packages older than rpm 4.
    fn files(&self) -> Result<Vec<Vec<u8>>, Malformed> {
        let Some(names) = self.strings(BASENAMES)? else {
            let whole = self.strings(OLDFILENAMES)?.unwrap_or_default();
            return Ok(whole.into_iter().map(<[u8]>::to_vec).collect());
        };
        let folders = self.strings(DIRNAMES)?.unwrap_or_default();
        let indexes = self.numbers(DIRINDEXES)?.unwrap_or_default();
        if indexes.len() != names.len() * 4 {
            return Err(Malformed::Files);
        }
        let (mut files, mut total) = (Vec::new(), 0);
        for (name, index) in names.into_iter().zip(indexes.chunks_exact(4)) {
            let folder = be32(index, 0).and_then(|i| folders.get(size(i))).ok_or(Malformed::Files)?;
            total += folder.len() + name.len();
            if total > MAX_PATHS {
                return Err(Malformed::TooLarge);
            }
            files.push([folder, name].concat());
        }
        Ok(files)
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// A number of the format as one of this machine; what does not fit is beyond every bound.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A header with these entries (tag, type, count, bytes), for tests.
#[cfg(test)]
pub(crate) fn build(entries: &[(usize, usize, usize, &[u8])]) -> Vec<u8> {
    let be = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for &(tag, kind, count, bytes) in entries {
        index.extend([be(tag), be(kind), be(data.len()), be(count)].concat());
        data.extend(bytes);
    }
    [&be(entries.len())[..], &be(data.len()), &index, &data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: [(usize, usize, usize, &[u8]); 3] =
        [(NAME, STRING, 1, b"n\0"), (VERSION, STRING, 1, b"1\0"), (RELEASE, STRING, 1, b"2\0")];

    fn with(more: &[(usize, usize, usize, &[u8])]) -> Vec<u8> {
        build(&[&WHO, more].concat())
    }

    fn error(blob: &[u8]) -> Malformed {
        Header::parse(blob).unwrap_err()
    }

    #[test]
    fn every_field_is_read() {
        let blob = with(&[
            (EPOCH, INT32, 1, &[0, 0, 0, 3]),
            (INSTALLTIME, INT32, 1, &[0, 0, 1, 0]),
            (VENDOR, STRING, 1, b"v\0"),
            (PACKAGER, STRING, 1, b"p\0"),
            (URL, I18NSTRING, 2, b"u\0w\0"),
            (ARCH, STRING, 1, b"noarch\0"),
            (BASENAMES, STRING_ARRAY, 3, b"a\0b\0c\0"),
            (DIRINDEXES, INT32, 3, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
            (DIRNAMES, STRING_ARRAY, 2, b"/x/\0/y/\0"),
        ]);
        let read = Header::parse(&blob).unwrap();
        let expected = Header {
            name: b"n",
            version: b"1",
            release: b"2",
            epoch: Some(3),
            installed: Some(256),
            vendor: Some(b"v"),
            packager: Some(b"p"),
            url: Some(b"u"),
            arch: Some(b"noarch"),
            files: vec![b"/y/a".to_vec(), b"/x/b".to_vec(), b"/y/c".to_vec()],
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn the_later_entry_of_a_tag_counts() {
        let blob = with(&[(NAME, STRING, 1, b"later\0")]);
        assert_eq!(Header::parse(&blob).unwrap().name, b"later");
    }

    #[test]
    fn old_packages_have_whole_paths() {
        let blob = with(&[(OLDFILENAMES, STRING_ARRAY, 2, b"/a/b\0/c\0")]);
        assert_eq!(Header::parse(&blob).unwrap().files, [b"/a/b".to_vec(), b"/c".to_vec()]);
    }

    #[test]
    fn malformed_headers_are_told_apart() {
        let whole = with(&[]);
        for length in 0..whole.len() {
            assert_eq!(error(&whole[..length]), Malformed::Length);
        }
        assert_eq!(error(&[&whole[..], b"x"].concat()), Malformed::Length);
        assert_eq!(error(&[0, 1, 0, 1, 0, 0, 0, 0]), Malformed::TooLarge);
        assert_eq!(error(&[0, 0, 0, 0, 0xff, 0, 0, 0]), Malformed::TooLarge);
        assert_eq!(error(&build(&WHO[1..])), Malformed::Lacks(NAME));
        assert_eq!(error(&with(&[(VERSION, STRING, 1, b"\0")])), Malformed::Lacks(VERSION));
        assert_eq!(error(&with(&[(NAME, INT32, 1, &[0; 4])])), Malformed::Type(NAME));
        assert_eq!(error(&with(&[(EPOCH, STRING, 1, b"1\0")])), Malformed::Type(EPOCH));
        assert_eq!(error(&with(&[(URL, STRING, 1, b"no end")])), Malformed::Bounds(URL));
        assert_eq!(error(&with(&[(URL, STRING, 0, b"")])), Malformed::Bounds(URL));
        assert_eq!(error(&with(&[(EPOCH, INT32, 1, &[0; 3])])), Malformed::Bounds(EPOCH));
        assert_eq!(error(&with(&[(EPOCH, INT32, 0xffff_ffff, &[0; 4])])), Malformed::Bounds(EPOCH));
        assert_eq!(error(&with(&[(BASENAMES, STRING_ARRAY, 0xffff_ffff, b"a\0")])), Malformed::TooLarge);
        let base = (BASENAMES, STRING_ARRAY, 1, &b"a\0"[..]);
        assert_eq!(error(&with(&[base])), Malformed::Files);
        let indexes = (DIRINDEXES, INT32, 1, &[0, 0, 0, 1][..]);
        assert_eq!(error(&with(&[base, indexes, (DIRNAMES, STRING_ARRAY, 1, b"/\0")])), Malformed::Files);
    }

    /// A folder is written once and its files may be many.
    #[test]
    fn a_header_does_not_write_out_to_any_size() {
        let (folder, files) = (vec![b'x'; 1 << 20], 1 << 10);
        let blob = with(&[
            (BASENAMES, STRING_ARRAY, files, &vec![0; files]),
            (DIRINDEXES, INT32, files, &vec![0; files * 4]),
            (DIRNAMES, STRING_ARRAY, 1, &[&folder[..], b"\0"].concat()),
        ]);
        assert_eq!(error(&blob), Malformed::TooLarge);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(Header::parse(&bytes).is_err());
        }

        /// Bytes that are a header in its outer form, so that its entries are looked at.
        #[test]
        fn any_entries_end_without_a_panic(entries: Vec<(u8, u8, u16, Vec<u8>)>) {
            let tags = [NAME, VERSION, RELEASE, EPOCH, URL, OLDFILENAMES, DIRINDEXES, BASENAMES, DIRNAMES];
            let types = [INT32, STRING, STRING_ARRAY, I18NSTRING];
            let entry = |e: &'_ (u8, u8, u16, Vec<u8>)| {
                (tags[usize::from(e.0) % tags.len()], types[usize::from(e.1) % types.len()], usize::from(e.2 % 8))
            };
            let entries: Vec<_> = entries.iter().map(|e| (entry(e).0, entry(e).1, entry(e).2, &e.3[..])).collect();
            if let Ok(read) = Header::parse(&with(&entries)) {
                proptest::prop_assert!(!read.name.is_empty());
            }
        }
    }
}
