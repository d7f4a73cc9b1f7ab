//! Signatures of Windows programs and of catalogues: who signed, what, and whether the signature holds.
//!
//! Format: "Windows Authenticode Portable Executable Signature Format" over PKCS #7 (RFC 2315); catalogues sign a list of
//! digests (`CTL`, [MS-CAESO]) in the same frame. A signature holds if the key of the certificate that is in it made it.
//! That is all: whether anyone trusts that certificate, or should have, is not asked, so a name in it is a claim that only
//! the holder of its key could attach to just this file.

mod key;

pub use key::Algorithm;

use crate::parse::der::{CONTEXT, Element, Elements, INTEGER, OCTETS, OID, SEQUENCE, SET};
use crate::parse::x509::Identity;

/// Signatures within signatures that are followed.
const MAX_DEPTH: usize = 4;
/// Signatures of one file.
const MAX_SIGNATURES: usize = 16;
/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// 1.2.840.113549.1.9.4
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
/// 1.3.6.1.4.1.311.2.1.4
const SPC_INDIRECT_DATA: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04";
/// 1.3.6.1.4.1.311.2.4.1
const NESTED_SIGNATURE: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x01";
/// 1.3.6.1.4.1.311.10.1
const TRUST_LIST: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x0a\x01";

/// Why a signature cannot be read, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(&'static str);

/// What a check told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The key of the certificate made it over this.
    Holds,
    /// It did not.
    Fails,
    /// It is of a sort that is not checked.
    Unknown,
}

/// A digest of something that is signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest {
    /// How it is made; nothing, if that is not known here.
    pub algorithm: Option<Algorithm>,
    /// The digest.
    pub bytes: Vec<u8>,
}

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Whom its certificate is of.
    pub identity: Identity,
    /// Whether the signature over what is signed holds.
    pub check: Check,
}

/// A signature of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who signed.
    pub signer: Signer,
    /// The digest that the file must have.
    pub digest: Digest,
}

/// A list of digests of files, all signed at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// Who signed it.
    pub signers: Vec<Signer>,
    /// The digests of files in it, with those of things other than programs.
    pub digests: Vec<Digest>,
}

/// Reads a signature out of the table of certificates of a file, with those that are put into it, the outermost first.
/// What follows it is left.
///
/// # Errors
/// When it is none, or not whole.
pub fn signatures(pkcs7: &[u8]) -> Result<Vec<Signature>, Fault> {
    let mut found = Vec::new();
    add(pkcs7, MAX_DEPTH, &mut found)?;
    Ok(found)
}

fn add(pkcs7: &[u8], depth: usize, found: &mut Vec<Signature>) -> Result<(), Fault> {
    let signed = Signed::parse(pkcs7)?;
    if signed.content_type != SPC_INDIRECT_DATA {
        return Err(Fault("its signature is of something else than a file"));
    }
    let digest = digest(signed.content).ok_or(Fault("its signature names no digest"))?;
    if depth == 0 || found.len() == MAX_SIGNATURES {
        return Err(Fault("it has more signatures within signatures than are read"));
    }
    let first = found.len();
    let mut signers = Elements::of(signed.signers);
    for info in signers.by_ref().take(MAX_SIGNATURES) {
        let info = Info::parse(info)?;
        found.push(Signature { signer: signed.signer(&info)?, digest: digest.clone() });
        for nested in values(info.unsigned, NESTED_SIGNATURE) {
            add(nested.whole, depth - 1, found)?;
        }
    }
    if found.len() == first || !signers.is_at_end() {
        return Err(Fault("its signers are not whole"));
    }
    Ok(())
}

impl Catalogue {
    /// Reads a catalogue (`.cat`).
    ///
    /// # Errors
    /// When it is none, or not whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let signed = Signed::parse(bytes)?;
        if signed.content_type != TRUST_LIST {
            return Err(Fault("it is signed and no catalogue"));
        }
        // Usage, identifier, number and dates come before the algorithm and the list; of these only the list is a
        // sequence of sequences that begin with a string.
        let is_list = |element: &Element<'_>| {
            let first = Elements::of(element.body).enter(SEQUENCE);
            element.tag == SEQUENCE && first.is_some_and(|mut first| first.one(OCTETS).is_some())
        };
        let mut digests = Vec::new();
        if let Some(list) = Elements::of(signed.content).find(is_list) {
            let mut members = Elements::of(list.body);
            for member in members.by_ref() {
                let mut member = Elements::of(member.body);
                let id = member.one(OCTETS).unwrap_or_default();
                let told = values(member.one(SET), SPC_INDIRECT_DATA).filter_map(|spc| digest(spc.body));
                let before = digests.len();
                digests.extend(told);
                if digests.len() == before {
                    digests.extend(
                        Algorithm::of_length(id.len())
                            .map(|algorithm| Digest { algorithm: Some(algorithm), bytes: id.to_vec() }),
                    );
                }
            }
            if !members.is_at_end() {
                return Err(Fault("its list of digests is not whole"));
            }
        }
        let signers = Elements::of(signed.signers).take(MAX_SIGNATURES);
        let signers: Result<_, _> = signers.map(|info| signed.signer(&Info::parse(info)?)).collect();
        Ok(Self { signers: signers?, digests })
    }
}

/// The frame of PKCS #7.
struct Signed<'a> {
    content_type: &'a [u8],
    content: &'a [u8],
    certificates: &'a [u8],
    signers: &'a [u8],
}

impl<'a> Signed<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        Self::framed(bytes).ok_or(Fault("its signature is not whole"))
    }

    fn framed(bytes: &'a [u8]) -> Option<Self> {
        let mut all = Elements::of(bytes).enter(SEQUENCE)?;
        all.one(OID).filter(|oid| *oid == SIGNED_DATA)?;
        let mut data = all.enter(CONTEXT)?.enter(SEQUENCE)?;
        data.one(INTEGER)?;
        data.one(SET)?;
        let mut inner = data.enter(SEQUENCE)?;
        let content_type = inner.one(OID)?;
        // A string or a sequence: what is signed is what is in it.
        let content = inner.enter(CONTEXT)?.next()?.body;
        let certificates = data.one(CONTEXT).unwrap_or_default();
        let _revoked = data.one(CONTEXT + 1);
        Some(Self { content_type, content, certificates, signers: data.one(SET)? })
    }

    /// Who signed, and whether it holds.
    fn signer(&self, info: &Info<'_>) -> Result<Signer, Fault> {
        let (certificate, key) =
            self.certificate(info).ok_or(Fault("the certificate of its signer is not in its signature"))?;
        let identity = Identity::of(certificate)
            .map_err(|_unreadable| Fault("the certificate of its signer is not readable"))?;
        Ok(Signer { identity, check: self.check(info, key).unwrap_or(Check::Unknown) })
    }

    /// The certificate that a signer names, and its key.
    fn certificate(&self, info: &Info<'_>) -> Option<(&'a [u8], &'a [u8])> {
        Elements::of(self.certificates).find_map(|certificate| {
            let mut parts = Elements::of(certificate.body).enter(SEQUENCE)?;
            let _version = parts.one(CONTEXT);
            let serial = parts.one(INTEGER)?;
            parts.one(SEQUENCE)?;
            let issuer = parts.next()?.whole;
            let _validity_and_subject = (parts.one(SEQUENCE)?, parts.one(SEQUENCE)?);
            let key = parts.next()?.whole;
            (serial == info.serial && issuer == info.issuer).then_some((certificate.whole, key))
        })
    }

    /// Whether the signature is over what is signed; nothing, if its digest is of no known sort.
    fn check(&self, info: &Info<'_>, key: &[u8]) -> Option<Check> {
        let by = Algorithm::of(info.digest_by)?;
        let content = by.digest(&[self.content]);
        let Some(attributes) = info.attributes else {
            return Some(key::check(key, info.scheme, by, &content, info.signature));
        };
        let told = values(Some(attributes.body), MESSAGE_DIGEST).next();
        if told.is_none_or(|told| *told.body != *content) {
            return Some(Check::Fails);
        }
        // They are signed as the set that they are, not under the tag that they have here.
        let after_tag = attributes.whole.get(1..)?;
        let digest = by.digest(&[&[SET], after_tag]);
        Some(key::check(key, info.scheme, by, &digest, info.signature))
    }
}

/// What is told of one signer (`SignerInfo`).
struct Info<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    digest_by: &'a [u8],
    attributes: Option<Element<'a>>,
    scheme: &'a [u8],
    signature: &'a [u8],
    unsigned: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    fn parse(info: Element<'a>) -> Result<Self, Fault> {
        Self::framed(info).ok_or(Fault("one of its signers is not whole"))
    }

    fn framed(info: Element<'a>) -> Option<Self> {
        let mut info = Elements::of(info.body);
        info.one(INTEGER)?;
        let mut named = info.enter(SEQUENCE)?;
        let (issuer, serial) = (named.next()?.whole, named.one(INTEGER)?);
        let digest_by = info.enter(SEQUENCE)?.one(OID)?;
        let before = info.clone();
        let attributes = info.next().filter(|element| element.tag == CONTEXT);
        if attributes.is_none() {
            info = before;
        }
        let scheme = info.enter(SEQUENCE)?.one(OID)?;
        let signature = info.one(OCTETS)?;
        let unsigned = info.one(CONTEXT + 1);
        Some(Self { issuer, serial, digest_by, attributes, scheme, signature, unsigned })
    }
}

/// The values of an attribute in a set of attributes.
fn values<'a>(attributes: Option<&'a [u8]>, of: &'static [u8]) -> impl Iterator<Item = Element<'a>> {
    Elements::of(attributes.unwrap_or_default()).flat_map(move |attribute| {
        let mut attribute = Elements::of(attribute.body);
        let is_it = attribute.one(OID) == Some(of);
        Elements::of(attribute.one(SET).filter(|_| is_it).unwrap_or_default())
    })
}

/// The digest in what is signed of a file (`SpcIndirectDataContent`).
fn digest(content: &[u8]) -> Option<Digest> {
    let mut content = Elements::of(content);
    content.one(SEQUENCE)?;
    let mut digest = content.enter(SEQUENCE)?;
    let algorithm = Algorithm::of(digest.enter(SEQUENCE)?.one(OID)?);
    Some(Digest { algorithm, bytes: digest.one(OCTETS)?.to_vec() })
}

#[cfg(test)]
mod tests;
