//! Certificates: what they are of, and where they begin and end in a file.
//!
//! Format: X.509 (RFC 5280) in DER, alone or in PEM (RFC 7468), also as `OpenSSL` writes it with what it is trusted for
//! behind the certificate (`TRUSTED CERTIFICATE`, openssl-x509(1)), and as p11-kit has it within its own text. Roots are
//! old, and few keep every rule, so nothing is asked of one but its names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};
use x509_cert::name::Name;

use crate::text::{Text, hex};

/// Certificates of one file that are read.
const MAX_CERTIFICATES: usize = 20_000;
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// What a certificate says of whom it is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// What the subject is called: its common name, or else its unit or its organisation.
    pub subject: Option<Text>,
    /// The organisation of the subject, or else of the issuer.
    pub organisation: Option<Text>,
}

impl Names {
    /// Reads the names of a certificate in DER.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(der: &[u8]) -> Result<Self, String> {
        let certificate = CertificateInner::<Raw>::from_der(der).map_err(|e| e.to_string())?;
        let (subject, issuer) = (certificate.tbs_certificate.subject, certificate.tbs_certificate.issuer);
        let organisation = value(&subject, ORGANISATION);
        Ok(Self {
            subject: value(&subject, COMMON_NAME)
                .or_else(|| value(&subject, UNIT))
                .or_else(|| organisation.clone()),
            organisation: organisation.or_else(|| value(&issuer, ORGANISATION)),
        })
    }
}

/// What a signer's certificate says of whom it is of, and what tells it from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The distinguished name of the subject (RFC 4514).
    pub subject: Text,
    /// The organisation of the subject.
    pub organisation: Option<Text>,
    /// Its common name.
    pub common_name: Option<Text>,
    /// The serial number that its issuer gave it, in hexadecimal digits.
    pub serial: Text,
    /// Its SHA-1 digest, in hexadecimal digits.
    pub thumbprint: Text,
}

impl Identity {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(der: &[u8]) -> Result<Self, String> {
        let certificate = CertificateInner::<Raw>::from_der(der).map_err(|e| e.to_string())?;
        let subject = certificate.tbs_certificate.subject;
        Ok(Self {
            organisation: value(&subject, ORGANISATION),
            common_name: value(&subject, COMMON_NAME),
            serial: hex(certificate.tbs_certificate.serial_number.as_bytes()).into(),
            thumbprint: hex(&Sha1::digest(der)).into(),
            subject: distinguished(&subject),
        })
    }
}

/// Names of the types of a name (RFC 4514, 3), and of those that certificates of companies have besides.
const TYPES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("1.2.840.113549.1.9.1", "E"),
];

/// A name as text, the most specific first.
fn distinguished(name: &Name) -> Text {
    let part = |value: &AttributeTypeAndValue| {
        let oid = value.oid.to_string();
        let of = TYPES.iter().find(|(known, _)| *known == oid).map_or(oid.as_str(), |(_, name)| name);
        let text = text(value.value.tag(), value.value.value());
        let mut escaped = String::new();
        for c in text.raw().chars() {
            if matches!(c, ',' | '+' | '"' | ';' | '<' | '>' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        format!("{of}={escaped}")
    };
    let parts = name.0.iter().rev().map(|set| set.0.iter().map(part).collect::<Vec<_>>().join("+"));
    parts.collect::<Vec<_>>().join(", ").into()
}

/// The last value of a type in a name, which is the most specific.
fn value(name: &Name, of: ObjectIdentifier) -> Option<Text> {
    let values = name.0.iter().rev().flat_map(|part| part.0.iter()).filter(|value| value.oid == of);
    let mut texts = values.map(|value| text(value.value.tag(), value.value.value()));
    texts.find(|text| !text.raw().trim().is_empty())
}

/// A string of ASN.1.
fn text(tag: Tag, bytes: &[u8]) -> Text {
    match tag {
        Tag::BmpString => {
            let units = bytes.chunks(2).map(|unit| unit.iter().fold(0_u16, |n, b| n << 8 | u16::from(*b)));
            Text::from(
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect::<String>(),
            )
        }
        // Nobody writes the shifts of T.61; what is not UTF-8 here is Latin-1.
        Tag::TeletexString if std::str::from_utf8(bytes).is_err() => {
            Text::from(bytes.iter().map(|b| char::from(*b)).collect::<String>())
        }
        _ => Text::from_bytes(bytes),
    }
}

/// The certificates of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// In DER, in their order.
    pub certificates: Vec<Vec<u8>>,
    /// What is wrong with the file, in words.
    pub damage: Vec<String>,
    /// Whether it holds something else in PEM, as a key.
    pub other: bool,
}

/// Finds the certificates of a file in DER or PEM.
#[must_use]
pub fn find(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    if bytes.starts_with(b"\x30") {
        match element(bytes) {
            Some(der) => found.certificates.push(der.to_vec()),
            None => found.damage.push("it ends within its certificate".into()),
        }
        return found;
    }
    let mut rest = bytes;
    while let Some((label, after)) = begin(rest) {
        if found.certificates.len() == MAX_CERTIFICATES {
            found
                .damage
                .push(format!("it has more than {MAX_CERTIFICATES} certificates; the rest was not read"));
            break;
        }
        rest = after;
        if ![&b"CERTIFICATE"[..], b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE"].contains(&label) {
            found.other = true;
            continue;
        }
        let number = found.certificates.len() + 1;
        // Where the end is missing, that of the next one is not this one's.
        let end = after.windows(5).position(|w| w == b"-----").unwrap_or(after.len());
        let (body, tail) = after.split_at(end);
        if !tail.starts_with(b"-----END ") {
            found.damage.push(format!("certificate {number} in it has no end"));
            continue;
        }
        let text: Vec<u8> = body.iter().filter(|b| !b.is_ascii_whitespace()).copied().collect();
        let der = STANDARD.decode(text).ok();
        match der.as_deref().and_then(element) {
            Some(der) => found.certificates.push(der.to_vec()),
            None => found.damage.push(format!("certificate {number} in it is not readable")),
        }
    }
    found
}

/// The label of the next thing in PEM, and what follows its first line.
fn begin(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let at = bytes.windows(BEGIN.len()).position(|w| w == BEGIN)?;
    let rest = bytes.get(at + BEGIN.len()..)?;
    let end = rest.windows(5).position(|w| w == b"-----")?;
    Some((rest.get(..end)?, rest.get(end + 5..)?))
}

/// The first element of ASN.1, without what follows it.
fn element(bytes: &[u8]) -> Option<&[u8]> {
    SliceReader::new(bytes).ok()?.tlv_bytes().ok().filter(|der| der.starts_with(b"\x30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root certificate of a key that nobody has, in base64.
    const ROOT: &str = "\
    MIIB5TCCAYqgAwIBAgIBCzAKBggqhkjOPQQDAjBRMQswCQYDVQQGEwJSVTERMA8GA1UECgwIQU8gSyBMYWIxLzAtBgNVBAMMJksg\
    QW50aS1WaXJ1cyBQZXJzb25hbCBSb290IENlcnRpZmljYXRlMB4XDTI2MTEyNDEyMzkxNVoXDTQ2MTExOTEyMzkxNVowUTELMAkG\
    A1UEBhMCUlUxETAPBgNVBAoMCEFPIEsgTGFiMS8wLQYDVQQDDCZLIEFudGktVmlydXMgUGVyc29uYWwgUm9vdCBDZXJ0aWZpY2F0\
    ZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAAxN4kUxwtPcGv/ktNZTai60/ZtFsYyYPrniPmJHUkdYRxScI4GmiFKAkBZX8IG\
    K+0zwvRl8EY0OmkFcw7eofGjUzBRMB0GA1UdDgQWBBSse+UixGd8m6KlIdKF2NoIFfGfgDAfBgNVHSMEGDAWgBSse+UixGd8m6Kl\
    IdKF2NoIFfGfgDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDfQLtH/bjhwnaXEOG3B5MqoRzhSOXWSJzNVaqF\
    CiuMGQIhAKpBZqXdD2qCoPccv19OUDzuZHyGScroOohiBwRuroWf\
    ";

    fn der() -> Vec<u8> {
        STANDARD.decode(ROOT).unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn a_certificate_says_whose_it_is() {
        let names = Names::of(&der()).unwrap();
        assert_eq!(names.subject.unwrap().raw(), "K Anti-Virus Personal Root Certificate");
        assert_eq!(names.organisation.unwrap().raw(), "AO K Lab");
        let identity = Identity::of(&der()).unwrap();
        assert_eq!(identity.subject.raw(), "CN=K Anti-Virus Personal Root Certificate, O=AO K Lab, C=RU");
        assert_eq!((identity.serial.raw(), identity.thumbprint.raw().len()), ("0b", 40));
        assert!(Names::of(&der()[..200]).is_err() && Names::of(b"").is_err());
    }

    #[test]
    fn strings_of_all_sorts_become_text() {
        assert_eq!(text(Tag::BmpString, b"\x04\x1a\x00!").raw(), "К!");
        assert_eq!(text(Tag::TeletexString, b"M\xfcnchen").raw(), "München");
        assert_eq!(text(Tag::TeletexString, "München".as_bytes()).raw(), "München");
        assert_eq!(text(Tag::PrintableString, b"a\xff").raw(), "a\\xff");
    }

    #[test]
    fn certificates_are_found_in_all_forms() {
        let (der, garbage) = (der(), [&der(), &b"aux"[..]].concat());
        let one = Found { certificates: vec![der.clone()], ..Found::default() };
        assert_eq!(find(&der), one);
        assert_eq!(find(pem("CERTIFICATE", &der).as_bytes()), one);
        assert_eq!(
            find(pem("TRUSTED CERTIFICATE", &garbage).as_bytes()),
            one,
            "what it is trusted for is left out"
        );
        let windows = pem("CERTIFICATE", &der).replace('\n', "\r\n");
        assert_eq!(find(windows.as_bytes()), one);
        let p11 = format!(
            "[p11-kit-object-v1]\nclass: x-certificate\n{}\ntrusted: true\n",
            pem("CERTIFICATE", &der)
        );
        assert_eq!(find(p11.as_bytes()), one);
        let two = format!(
            "# One\n{}# Two\n{}{}",
            pem("CERTIFICATE", &der),
            pem("DH PARAMETERS", b"x"),
            pem("X509 CERTIFICATE", &der)
        );
        assert_eq!(
            find(two.as_bytes()),
            Found { certificates: vec![der.clone(), der], other: true, damage: vec![] }
        );
    }

    #[test]
    fn damage_spares_the_certificates_around_it() {
        let good = pem("CERTIFICATE", &der());
        let cut = good.replace("-----END CERTIFICATE-----\n", "");
        let found = find(format!("{good}{cut}{good}").as_bytes());
        assert_eq!(
            (found.certificates.len(), found.damage),
            (2, vec!["certificate 2 in it has no end".into()])
        );
        let spoilt = good.replacen("MII", "M!I", 1);
        let found = find(format!("{spoilt}{good}").as_bytes());
        assert_eq!((found.certificates.len(), found.damage.len()), (1, 1));
        assert_eq!(find(&der()[..100]).damage, ["it ends within its certificate"]);
        assert_eq!(find(&good.as_bytes()[..300]).damage, ["certificate 1 in it has no end"]);
        for none in [&b""[..], b"text", b"-----BEGIN ", b"-----BEGIN CERTIFICATE"] {
            assert_eq!(find(none), Found::default());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(mut bytes: Vec<u8>) {
            proptest::prop_assert!(Names::of(&bytes).is_err());
            bytes.insert(0, b'0');
            proptest::prop_assert!(find(&bytes).certificates.len() < 2);
            bytes.splice(..1, *b"-----BEGIN CERTIFICATE-----\nMII");
            proptest::prop_assert!(find(&bytes).certificates.is_empty());
        }

        #[test]
        fn a_changed_certificate_ends_without_a_panic(at in 0_usize..489, byte: u8, length in 0_usize..500) {
            let mut bytes = der();
            bytes[at] = byte;
            bytes.truncate(length);
            let (names, found) = (Names::of(&bytes), find(&bytes));
            proptest::prop_assert!(names.is_err() || found.certificates.len() == 1);
        }
    }
}
