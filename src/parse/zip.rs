//! Zip archives, of which only the files that are asked for are unpacked.
//!
//! Format: APPNOTE.TXT 6.3. The directory of an archive is gone through an entry at a time, so neither many entries nor
//! what unpacks to much takes memory.

use std::io::{self, Read, Seek};

use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, ErrorKind, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder,
};

/// Entries of an archive that are looked at.
const MAX_ENTRIES: u64 = 1 << 20;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system failed.
    #[error("{0}")]
    Io(io::Error),
    /// It is no zip archive, or a damaged one.
    #[error("{0}")]
    Damaged(rawzip::Error),
}

impl From<rawzip::Error> for Error {
    fn from(error: rawzip::Error) -> Self {
        match error.kind() {
            // Reading behind the end is damage too.
            ErrorKind::IO(e) if e.kind() != io::ErrorKind::UnexpectedEof => match error.into_kind() {
                ErrorKind::IO(e) => Self::Io(e),
                kind => Self::Damaged(kind.into()),
            },
            _ => Self::Damaged(error),
        }
    }
}

/// A file in an archive.
#[derive(Clone, Copy)]
pub struct Part {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
}

/// An archive.
pub struct Zip<R>(ZipArchive<R>);

impl Zip<()> {
    /// Finds the directory of an archive.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(from: impl Read + Seek) -> Result<Zip<impl ReaderAt>, Error> {
        Ok(Zip(ZipArchive::from_seekable(from, &mut vec![0; RECOMMENDED_BUFFER_SIZE])?))
    }
}

impl<R: ReaderAt> Zip<R> {
    /// Shows every file, by the name that the directory gives it, and says what is wrong with their number.
    ///
    /// # Errors
    /// When the directory is damaged or cannot be read.
    pub fn files(&self, mut show: impl FnMut(&[u8], Part)) -> Result<Option<String>, Error> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let mut entries = self.0.entries(&mut buffer);
        let mut count = 0;
        while let Some(entry) = entries.next_entry()? {
            count += 1;
            if count > MAX_ENTRIES {
                return Ok(Some(format!("has more than {MAX_ENTRIES} entries")));
            }
            let part = Part { place: entry.wayfinder(), method: entry.compression_method() };
            show(entry.file_path().as_ref(), part);
        }
        // Without the extension for large archives the number is one of 16 bits.
        let hint = self.0.entries_hint();
        Ok(((count ^ hint) & 0xffff != 0).then(|| format!("has {count} entries and not {hint}")))
    }

    /// The bytes of a file, unpacked and checked against their sum.
    ///
    /// # Errors
    /// When it is damaged, packed in a way other than the two common ones, or larger than so many bytes.
    pub fn unpack(&self, part: Part, bound: u64) -> Result<Vec<u8>, io::Error> {
        let entry = self.0.get_entry(part.place).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        let beyond = bound.saturating_add(1);
        let count = match part.method {
            CompressionMethod::STORE => {
                entry.verifying_reader(entry.reader()).take(beyond).read_to_end(&mut bytes)
            }
            CompressionMethod::DEFLATE => {
                let inflated = DeflateDecoder::new(entry.reader());
                entry.verifying_reader(inflated).take(beyond).read_to_end(&mut bytes)
            }
            _ => return Err(io::Error::other("it is packed in a way that is not known")),
        }?;
        if u64::try_from(count).is_ok_and(|count| count <= bound) {
            Ok(bytes)
        } else {
            Err(io::Error::other(format!("it is larger than the bound of {bound} bytes")))
        }
    }

    /// The bytes of the first file of a name, up to a bound; nothing, if there is none.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn file(&self, name: &str, bound: u64) -> Result<Option<Vec<u8>>, String> {
        let mut found = None;
        let listed = self.files(|path, part| {
            if path == name.as_bytes() {
                found.get_or_insert(part);
            }
        });
        listed.map_err(|e| format!("its directory cannot be read: {e}"))?;
        let unpacked = found.map(|part| self.unpack(part, bound)).transpose();
        unpacked.map_err(|e| format!("its {name} cannot be read: {e}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    /// An archive of these files; each second one is packed.
    pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
        for (number, (name, bytes)) in files.iter().enumerate() {
            let packed = number % 2 == 1;
            let method = if packed { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
            let (mut entry, config) = archive.new_file(*name).compression_method(method).start().unwrap();
            if packed {
                let inner = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
                let mut writer = config.wrap(inner);
                writer.write_all(bytes).unwrap();
                let (inner, descriptor) = writer.finish().unwrap();
                inner.finish().unwrap();
                entry.finish(descriptor).unwrap();
            } else {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(bytes).unwrap();
                let (_, descriptor) = writer.finish().unwrap();
                entry.finish(descriptor).unwrap();
            }
        }
        archive.finish().unwrap();
        out
    }

    fn file(bytes: &[u8], name: &str, bound: u64) -> Result<Option<Vec<u8>>, String> {
        Zip::open(Cursor::new(bytes)).map_err(|e| e.to_string())?.file(name, bound)
    }

    #[test]
    fn a_file_comes_back_within_the_bound() {
        let bomb = vec![b' '; 100_000];
        let archive = archive(&[("manifest.json", b"{}"), ("bomb", &bomb)]);
        assert!(archive.len() < 2000);
        assert_eq!(file(&archive, "manifest.json", 2), Ok(Some(b"{}".to_vec())));
        assert_eq!(file(&archive, "none", 2), Ok(None));
        assert!(file(&archive, "bomb", 99_999).unwrap_err().contains("larger"));
        assert!(file(&archive[..archive.len() / 2], "manifest.json", 2).is_err());
        assert!(file(b"", "manifest.json", 2).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            drop(file(&bytes, "manifest.json", 100));
        }

        #[test]
        fn a_changed_archive_ends_without_a_panic(at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
            let mut archive = archive(&[("manifest.json", br#"{"name": "k", "version": "1"}"#), ("b", b"bb")]);
            let at = at.index(archive.len());
            archive[at] = byte;
            drop(file(&archive, "manifest.json", 100));
            archive.truncate(cut.index(archive.len()));
            drop(file(&archive, "manifest.json", 100));
        }
    }
}
