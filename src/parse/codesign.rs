//! What the code signature of a Mach-O file says, and whether it is of that file.
//!
//! Format: `cs_blobs.h` of Apple's XNU and "TN3126: Inside Code Signing: Hashes" (developer.apple.com): a blob of blobs,
//! all in big-endian numbers. The code directory names the program, the team and the digests of its pages; a second one
//! may have better digests; the signature of the Cryptographic Message Syntax is over the first. Anyone may write any
//! team into a directory that nobody signed.

use std::ops::RangeInclusive;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::text::Text;

/// Bytes of a signature that are read; a page of code takes 32 of them.
pub const MAX_BYTES: u64 = 64 << 20;
/// Blobs of one signature that are looked at.
const MAX_BLOBS: u32 = 1000;
const SUPER_BLOB: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const WRAPPER: u32 = 0xfade_0b01;
/// The places of the code directory, of its alternatives, and of the signature over it.
const MAIN: u32 = 0;
const ALTERNATIVES: RangeInclusive<u32> = 0x1000..=0x1004;
const SIGNATURE: u32 = 0x1_0000;
/// The flag of a directory that nobody signed (`CS_ADHOC`).
const AD_HOC: u32 = 2;
/// The versions that have the number of the team, and limits of 64 bits.
const WITH_TEAM: u32 = 0x2_0200;
const WITH_LIMIT: u32 = 0x2_0300;

/// What is wrong with a signature, in words.
pub type Damage = &'static str;

/// A code signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSignature<'a> {
    /// The name that the program was signed under, often its bundle identifier.
    pub identifier: Option<Text>,
    /// The Apple developer team. Nobody vouches for it where there is no `signed`.
    pub team: Option<Text>,
    /// Whether the directory itself says that nobody signed it.
    pub ad_hoc: bool,
    /// The signature of the Cryptographic Message Syntax; nothing, if nobody signed.
    pub signed: Option<&'a [u8]>,
    pages: Pages<'a>,
}

/// The digests of the pages of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pages<'a> {
    digests: &'a [u8],
    digest_size: usize,
    digest_type: u8,
    /// Bytes of a page; nothing, if all of the program is one.
    size: Option<usize>,
    /// Bytes of the program that are covered.
    limit: u64,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

fn offset(bytes: &[u8], at: usize) -> Option<usize> {
    number(bytes, at).and_then(|n| usize::try_from(n).ok())
}

/// The blob of this kind at a place, without what follows it.
fn blob(bytes: &[u8], at: usize, magic: u32) -> Option<&[u8]> {
    let from = bytes.get(at..)?;
    number(from, 0).filter(|found| *found == magic)?;
    from.get(..offset(from, 4)?)
}

impl<'a> CodeSignature<'a> {
    /// Reads what `LC_CODE_SIGNATURE` points at.
    ///
    /// # Errors
    /// When it does not follow the format.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let all = blob(bytes, 0, SUPER_BLOB).ok_or("its signature is cut, or is none")?;
        let count =
            number(all, 8).filter(|count| *count <= MAX_BLOBS).ok_or("its signature has no list of parts")?;
        let (mut main, mut better, mut signed) = (None, None, None);
        for number_of in 0..usize::try_from(count).unwrap_or_default() {
            let at = 12 + number_of * 8;
            let (Some(place), Some(at)) = (number(all, at), offset(all, at + 4)) else {
                return Err("its signature ends within its list of parts");
            };
            let part =
                |magic| blob(all, at, magic).ok_or("a part of its signature is cut, or of another kind");
            if place == MAIN {
                main = Some(Self::directory(part(CODE_DIRECTORY)?)?);
            } else if ALTERNATIVES.contains(&place) {
                better = Some(Self::directory(part(CODE_DIRECTORY)?)?);
            } else if place == SIGNATURE {
                signed = part(WRAPPER)?.get(8..).filter(|bytes| !bytes.is_empty());
            }
        }
        let main = main.ok_or("its signature names no program")?;
        let pages = better.map(|better| better.pages).filter(|pages| pages.digest_type == 2);
        Ok(Self { signed, pages: pages.unwrap_or_else(|| main.pages.clone()), ..main })
    }

    fn directory(bytes: &'a [u8]) -> Result<Self, Damage> {
        Self::fields(bytes).ok_or("the list of pages in its signature is cut")
    }

    fn fields(bytes: &'a [u8]) -> Option<Self> {
        let version = number(bytes, 8)?;
        let text = |at: usize| {
            let from = bytes.get(at..)?;
            let end = from.iter().position(|&b| b == 0)?;
            from.get(..end).filter(|text| !text.is_empty()).map(Text::from_bytes)
        };
        let team =
            if version >= WITH_TEAM { offset(bytes, 48)?.checked_sub(1).map(|at| at + 1) } else { None };
        let wide = if version >= WITH_LIMIT {
            u64::from(number(bytes, 56)?) << 32 | u64::from(number(bytes, 60)?)
        } else {
            0
        };
        let (digest_size, digest_type) = (usize::from(*bytes.get(36)?), *bytes.get(37)?);
        let slots = offset(bytes, 28)?.checked_mul(digest_size)?;
        let digests = bytes.get(offset(bytes, 16)?..)?.get(..slots)?;
        let size = match *bytes.get(39)? {
            0 => None,
            bits @ 1..=30 => Some(1_usize << bits),
            _ => return None,
        };
        let limit = if wide == 0 { u64::from(number(bytes, 32)?) } else { wide };
        Some(Self {
            identifier: text(offset(bytes, 20)?),
            team: team.and_then(text),
            ad_hoc: number(bytes, 12)? & AD_HOC != 0,
            signed: None,
            pages: Pages { digests, digest_size, digest_type, size, limit },
        })
    }

    /// Bytes of the program, from its start, that the digests are of.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.pages.limit
    }

    /// Whether the digests are those of these bytes, of which there are [`limit`](Self::limit); nothing, if they are of a
    /// kind that is not computed.
    #[must_use]
    pub fn is_of(&self, code: &[u8]) -> Option<bool> {
        let Pages { digests, digest_size, digest_type, size, limit } = self.pages;
        let matches: fn(&[u8], &[u8]) -> bool = match (digest_type, digest_size) {
            (1, 20) => |page, digest| Sha1::digest(page).as_slice() == digest,
            (2, 32) => |page, digest| Sha256::digest(page).as_slice() == digest,
            _ => return None,
        };
        let pages = code.chunks(size.unwrap_or(usize::MAX));
        let slots = digests.chunks(digest_size);
        let whole = u64::try_from(code.len()) == Ok(limit) && pages.len() == slots.len();
        Some(whole && pages.zip(slots).all(|(page, digest)| matches(page, digest)))
    }
}

#[cfg(test)]
mod tests;
