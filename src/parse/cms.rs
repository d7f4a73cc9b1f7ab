//! Who signed: the certificate of the signer in a signature of the Cryptographic Message Syntax.
//!
//! Format: `SignedData` (RFC 5652) in the Basic Encoding Rules (ITU-T X.690), as Apple's tools write it: what holds others
//! may have no length and end with two zeros. A signature carries the whole chain of certificates in any order; which of
//! them is the signer's is told by its issuer and serial number alone. Nothing is checked here.

use crate::text::{Text, hex};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
/// What a type marks as its first thing of its own.
const FIRST: u8 = 0xa0;
/// Things without a length within each other.
const MAX_DEPTH: usize = 32;

/// The signer of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// Its serial number, in hexadecimal digits.
    pub serial: Text,
}

/// One element: its tag, what is in it, and all of it.
struct Element<'a> {
    tag: u8,
    body: &'a [u8],
    whole: &'a [u8],
}

/// The first element of some bytes and what follows it.
fn element(bytes: &[u8], depth: usize) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (body, after) = match first {
        0..=0x7f => rest.split_at_checked(usize::from(first))?,
        0x80 => {
            let end = end_of(rest, depth)?;
            (rest.get(..end)?, rest.get(end + 2..)?)
        }
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest.split_at_checked(digits.iter().fold(0, |n, b| n << 8 | usize::from(*b)))?
        }
        _ => return None,
    };
    Some((Element { tag, body, whole: bytes.get(..bytes.len() - after.len())? }, after))
}

/// Where the two zeros stand that end what has no length.
fn end_of(bytes: &[u8], depth: usize) -> Option<usize> {
    let deeper = depth.checked_add(1).filter(|depth| *depth < MAX_DEPTH)?;
    let mut rest = bytes;
    while !rest.starts_with(&[0, 0]) {
        rest = element(rest, deeper)?.1;
    }
    Some(bytes.len() - rest.len())
}

/// Takes the next element, if it is of this tag, and leaves it else.
fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (next, after) = element(bytes, 0)?;
    (next.tag == tag).then(|| {
        *bytes = after;
        next.body
    })
}

/// The issuer and serial number of a certificate, as they are written in it.
fn named(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut all = certificate;
    let mut signed = take(&mut take(&mut all, SEQUENCE)?, SEQUENCE)?;
    take(&mut signed, FIRST);
    let serial = take(&mut signed, INTEGER)?;
    take(&mut signed, SEQUENCE)?;
    Some((element(signed, 0)?.0.whole, serial))
}

/// The first signer of a signature.
///
/// # Errors
/// When the bytes are no signature, or the signer's certificate is not in it.
pub fn signer(bytes: &[u8]) -> Result<Signer, &'static str> {
    let (certificates, issuer, serial) = read(bytes).ok_or("its signature is no signed data")?;
    let mut rest = certificates;
    while let Some((certificate, after)) = element(rest, 0) {
        if named(certificate.whole) == Some((issuer, serial)) {
            let serial = hex(serial).into();
            return Ok(Signer { certificate: certificate.whole.to_vec(), serial });
        }
        rest = after;
    }
    Err("its signature does not hold the certificate of its signer")
}

/// The certificates of a signature, and the issuer and serial number of its first signer.
fn read(mut bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const OID: u8 = 0x06;
    /// 1.2.840.113549.1.7.2
    const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let mut content = take(&mut bytes, SEQUENCE)?;
    take(&mut content, OID).filter(|oid| *oid == SIGNED_DATA)?;
    let mut data = take(&mut take(&mut content, FIRST)?, SEQUENCE)?;
    take(&mut data, INTEGER)?;
    take(&mut data, SET)?;
    take(&mut data, SEQUENCE)?;
    let certificates = take(&mut data, FIRST)?;
    // Lists of revoked certificates may stand between.
    take(&mut data, FIRST + 1);
    let mut signer = take(&mut take(&mut data, SET)?, SEQUENCE)?;
    take(&mut signer, INTEGER)?;
    let mut of = take(&mut signer, SEQUENCE)?;
    let (issuer, mut after) = element(of, 0)?;
    of = take(&mut after, INTEGER)?;
    Some((certificates, issuer.whole, of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::x509::Names;

    /// A signature of a key that nobody has, whose certificate was made up.
    pub(crate) const SIGNED: &[u8] = include_bytes!("codesign/signed.cms");

    #[test]
    fn the_certificate_of_the_signer_is_found() {
        let signer = signer(SIGNED).unwrap();
        let names = Names::of(&signer.certificate).unwrap();
        assert_eq!(names.subject.unwrap().raw(), "Developer ID Application: Example Lab (EXAMPLE123)");
        assert_eq!(names.organisation.unwrap().raw(), "Example Lab");
        assert_eq!(signer.serial.raw(), "0539");
    }

    #[test]
    fn what_has_no_length_ends_with_two_zeros() {
        let (found, rest) = element(b"\x30\x80\x04\x01x\x30\x80\0\0\0\0rest", 0).unwrap();
        assert_eq!((found.body, rest), (&b"\x04\x01x\x30\x80\0\0"[..], &b"rest"[..]));
        assert!(element(b"\x30\x80\x04\x01x", 0).is_none());
        assert!(element(&b"\x30\x80".repeat(10_000), 0).is_none());
    }

    #[test]
    fn a_signature_without_the_certificate_says_so() {
        assert!(signer(b"").is_err() && signer(&SIGNED[..SIGNED.len() / 2]).is_err());
        let mut other = SIGNED.to_vec();
        let at = other.windows(4).position(|w| w == b"\x02\x02\x05\x39").unwrap();
        other[at + 3] = 0x40;
        assert_eq!(signer(&other), Err("its signature does not hold the certificate of its signer"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(signer(&bytes).is_err());
            proptest::prop_assert!(signer(&[&SIGNED[..60], &bytes].concat()).is_err());
        }

        #[test]
        fn a_changed_signature_ends_without_a_panic(at in 0_usize..1000, byte: u8, length in 0_usize..2000) {
            let mut bytes = SIGNED.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(length);
            if let Ok(signer) = signer(&bytes) {
                proptest::prop_assert!(!signer.certificate.is_empty());
            }
        }
    }
}
