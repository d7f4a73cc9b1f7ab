//! One file of an add-on's package.
//!
//! Format: XPI, which is a ZIP archive (APPNOTE.TXT 6.3). What a file takes when it is unpacked is bounded, as its
//! archive may say anything of it.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

/// The bytes of a file in an archive; nothing, if there is no such file.
///
/// # Errors
/// What is wrong, when the archive is damaged or the file is larger than the bound, in bytes.
pub(crate) fn file(archive: &[u8], name: &str, bound: u64) -> Result<Option<Vec<u8>>, String> {
    let mut archive =
        ZipArchive::new(Cursor::new(archive)).map_err(|e| format!("it is no whole archive: {e}"))?;
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(e) => return Err(format!("its {name} cannot be read: {e}")),
    };
    let mut bytes = Vec::new();
    let read = file.take(bound.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|e| format!("its {name} cannot be unpacked: {e}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bound {
        return Err(format!("its {name} is larger than the bound of {bound} bytes"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// An archive of files.
    pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
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
