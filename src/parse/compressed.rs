//! Files that are compressed as a whole.
//!
//! Formats: gzip (RFC 1952), xz (the .xz file format, tukaani.org) and Zstandard (RFC 8878), told by their first bytes
//! and not by the name of the file, which anyone may choose. A few bytes may stand for gigabytes, so what comes out
//! is bounded, and so is the window that a decoder has to keep.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Memory that a decoder of xz may take, in KiB; `xz -9` needs 65 MiB. That of Zstandard is bounded by its crate.
const MAX_MEMORY: u32 = 128 << 10;

/// Why a file did not come out whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It ends too early.
    Cut,
    /// More came out than the bound, or it needs more memory than is given.
    Large,
    /// It does not follow its format, in the words of its decoder.
    Damaged(String),
}

/// What a file holds: itself, if its first bytes are of none of the formats.
///
/// # Errors
/// When it does not come out whole, or is more than `bound` bytes then.
pub fn expand(bytes: Vec<u8>, bound: u64) -> Result<Vec<u8>, Broken> {
    let decoder: Box<dyn Read + '_> = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(bytes.as_slice())),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            Box::new(XzReader::new_mem_limit(bytes.as_slice(), true, MAX_MEMORY))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames::new(bytes.as_slice())),
        _ => return Ok(bytes),
    };
    let mut out = Vec::new();
    decoder.take(bound.saturating_add(1)).read_to_end(&mut out).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => Broken::Cut,
        ErrorKind::OutOfMemory => Broken::Large,
        _ => Broken::Damaged(e.to_string()),
    })?;
    if u64::try_from(out.len()).unwrap_or(u64::MAX) > bound { Err(Broken::Large) } else { Ok(out) }
}

/// All frames of a Zstandard file, one after the other: its crate ends with the first, and what compresses in pieces
/// (`zstd:chunked`, `pzstd`) writes many, with frames between them that hold no content.
struct Frames<R> {
    from: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Self {
        Self { from, decoder: FrameDecoder::new() }
    }

    /// Begins the next frame that holds content; `false` at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.from.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.from) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.from.by_ref().take(length), &mut io::sink())? < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !into.is_empty() && self.decoder.can_collect() == 0 {
            // A frame may hold nothing; a decoder that has not begun counts as finished.
            if self.decoder.is_finished() {
                if !self.begin()? {
                    return Ok(0);
                }
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.from, one).map_err(io::Error::other)?;
            }
        }
        self.decoder.read(into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `interdict` and a line feed, as gzip, xz and zstd write them.
    const GZIP: &[u8] = &[
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0xcc, 0x2b, 0x49, 0x2d, 0x4a, 0xc9,
        0x4c, 0x2e, 0xe1, 0x02, 0x00, 0x89, 0x04, 0x2c, 0x26, 0x0a, 0x00, 0x00, 0x00,
    ];
    const XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16,
        0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x09, 0x69, 0x6e, 0x74, 0x65, 0x72, 0x64, 0x69,
        0x63, 0x74, 0x0a, 0x00, 0x00, 0x00, 0x53, 0x6c, 0x3c, 0xb5, 0x4b, 0x23, 0x60, 0xcf, 0x00, 0x01, 0x22,
        0x0a, 0x15, 0x1a, 0xe1, 0x67, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x0a, 0x51, 0x00, 0x00, 0x69, 0x6e, 0x74, 0x65, 0x72, 0x64, 0x69, 0x63,
        0x74, 0x0a, 0x5d, 0xd3, 0x75, 0x2b,
    ];

    #[test]
    fn every_format_comes_out_and_what_is_none_stays_itself() {
        for bytes in [GZIP, XZ, ZSTD, b"interdict\n"] {
            assert_eq!(expand(bytes.to_vec(), 10).unwrap(), b"interdict\n");
        }
        assert_eq!(expand(Vec::new(), 10).unwrap(), b"");
    }

    #[test]
    fn every_frame_comes_out_and_those_without_content_are_passed() {
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let frames = [ZSTD, &skipped, &skipped, ZSTD].concat();
        assert_eq!(expand(frames, 20).unwrap(), b"interdict\ninterdict\n");
        assert_eq!(expand([ZSTD, ZSTD].concat(), 19), Err(Broken::Large));
        for rest in [&skipped[..9], &ZSTD[..9], b"rest"] {
            assert!(expand([ZSTD, rest].concat(), 20).is_err());
        }
    }

    #[test]
    fn more_than_the_bound_is_not_kept() {
        for bytes in [GZIP, XZ, ZSTD] {
            assert_eq!(expand(bytes.to_vec(), 9), Err(Broken::Large));
        }
    }

    #[test]
    fn a_window_of_gigabytes_is_refused_before_it_is_given() {
        let mut xz = XZ.to_vec();
        xz[16] = 40;
        // The header's check has to fit again.
        let check = crc32(&xz[12..20]);
        xz[20..24].copy_from_slice(&check.to_le_bytes());
        assert_eq!(expand(xz, 10), Err(Broken::Large));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn every_cut_is_told() {
        for (bytes, cut) in [(GZIP, Some(Broken::Cut)), (XZ, Some(Broken::Cut)), (ZSTD, None)] {
            for end in 6..bytes.len() {
                let told = expand(bytes[..end].to_vec(), 10).unwrap_err();
                assert!(cut.as_ref().is_none_or(|cut| told == *cut), "{end}: {told:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(start in 0..4_usize, bytes: Vec<u8>) {
            let magic = [&GZIP[..3], &XZ[..12], &ZSTD[..4], &[]];
            if let Ok(out) = expand([magic[start], &bytes].concat(), 1000) {
                prop_assert!(out.len() <= 1000);
            }
        }

        #[test]
        fn a_changed_byte_ends_without_a_panic(which in 0..3_usize, at: usize, to: u8) {
            let mut bytes = [GZIP, XZ, ZSTD][which].to_vec();
            let at = at % bytes.len();
            bytes[at] = to;
            let out = expand(bytes, 1000);
            prop_assert!(out.is_err() || out.is_ok_and(|out| out.len() <= 1000));
        }
    }
}
