//! Digests, and whether a signature over one was made with the key of a certificate.
//!
//! RSA with PKCS #1 v1.5 padding (RFC 8017, 8.2) and ECDSA on the curves P-256 and P-384 (RFC 5480), over SHA-1 or SHA-2.
//! Whatever else there is stays unknown; so does MD5, by which two files can be made to agree.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha384, Sha512};

use super::Check;
use crate::parse::der::{Elements, INTEGER, OID, SEQUENCE};

/// Bits of the largest modulus that is worked with.
const MAX_MODULUS: usize = 16_384;
const BITS: u8 = 0x03;
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// 1.2.840.10045.2.1
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
/// 1.2.840.10045.3.1.7
const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// 1.3.132.0.34
const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
/// Signatures whose padding is another one: RSASSA-PSS, 1.2.840.113549.1.1.10.
const PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// How a digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// By its object identifier: 1.3.14.3.2.26 and 2.16.840.1.101.3.4.2.
    pub(super) fn of(oid: &[u8]) -> Option<Self> {
        match oid {
            b"\x2b\x0e\x03\x02\x1a" => Some(Self::Sha1),
            b"\x60\x86\x48\x01\x65\x03\x04\x02\x01" => Some(Self::Sha256),
            b"\x60\x86\x48\x01\x65\x03\x04\x02\x02" => Some(Self::Sha384),
            b"\x60\x86\x48\x01\x65\x03\x04\x02\x03" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// By the length of its digest.
    pub(super) fn of_length(bytes: usize) -> Option<Self> {
        match bytes {
            20 => Some(Self::Sha1),
            32 => Some(Self::Sha256),
            48 => Some(Self::Sha384),
            64 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// What makes it.
    #[must_use]
    pub fn hasher(self) -> Box<dyn DynDigest> {
        match self {
            Self::Sha1 => Box::<Sha1>::default(),
            Self::Sha256 => Box::<Sha256>::default(),
            Self::Sha384 => Box::<Sha384>::default(),
            Self::Sha512 => Box::<Sha512>::default(),
        }
    }

    /// The digest of some bytes, given in parts.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Box<[u8]> {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize()
    }

    /// What stands before a digest of its sort in a signature of RSA (RFC 8017, 9.2). Some leave out the null of the
    /// parameters.
    fn prefixes(self) -> [Vec<u8>; 2] {
        let (oid, length): (&[u8], u8) = match self {
            Self::Sha1 => (b"\x2b\x0e\x03\x02\x1a", 20),
            Self::Sha256 => (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 32),
            Self::Sha384 => (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 48),
            Self::Sha512 => (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 64),
        };
        let size = if self == Self::Sha1 { 5 } else { 9 };
        [&b"\x05\0"[..], b""].map(|null| {
            let more = if null.is_empty() { 0 } else { 2 };
            let head = [0x30, size + 6 + more + length, 0x30, size + 2 + more, 0x06, size];
            [&head[..], oid, null, &[0x04, length]].concat()
        })
    }
}

/// Whether a signature over a digest was made with a public key, given as a certificate has it (`SubjectPublicKeyInfo`).
pub(super) fn check(key: &[u8], scheme: &[u8], by: Algorithm, digest: &[u8], signature: &[u8]) -> Check {
    holds(key, scheme, by, digest, signature)
        .map_or(Check::Unknown, |holds| if holds { Check::Holds } else { Check::Fails })
}

fn holds(key: &[u8], scheme: &[u8], by: Algorithm, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let mut info = Elements::of(key).enter(SEQUENCE)?;
    let mut algorithm = info.enter(SEQUENCE)?;
    let bits = info.one(BITS)?.strip_prefix(b"\0")?;
    match (algorithm.one(OID)?, algorithm.one(OID)) {
        (RSA, _) if scheme != PSS => {
            let mut numbers = Elements::of(bits).enter(SEQUENCE)?;
            let mut number = || numbers.one(INTEGER).map(BigUint::from_bytes_be);
            let key = RsaPublicKey::new_with_max_size(number()?, number()?, MAX_MODULUS).ok()?;
            let verifies = |prefix: Vec<u8>| {
                let padding = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: prefix.into() };
                key.verify(padding, digest, signature).is_ok()
            };
            Some(by.prefixes().into_iter().any(verifies))
        }
        (EC, Some(P256)) => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok()?;
            let signature = p256::ecdsa::Signature::from_der(signature);
            Some(signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()))
        }
        (EC, Some(P384)) => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok()?;
            let signature = p384::ecdsa::Signature::from_der(signature);
            Some(signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefixes_are_those_of_the_standard() {
        let [sha1, _] = Algorithm::Sha1.prefixes();
        assert_eq!(crate::text::hex(&sha1), "3021300906052b0e03021a05000414");
        let [sha512, bare] = Algorithm::Sha512.prefixes();
        assert_eq!(crate::text::hex(&sha512), "3051300d060960864801650304020305000440");
        assert_eq!(crate::text::hex(&bare), "304f300b06096086480165030402030440");
    }
}
