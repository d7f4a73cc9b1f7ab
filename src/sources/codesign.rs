//! Who signed a program of macOS, read from the program's own file.
//!
//! Format: that of [`crate::parse::macho`], [`crate::parse::codesign`] and [`crate::parse::cms`]. The pages of a program
//! are compared with their digests, so that a changed one is told; that the signer's certificate is one of Apple's is not
//! looked at, so no signature is more than `unchecked`.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sha1::{Digest, Sha1};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Signature, SignatureState};
use crate::parse::codesign::{self, CodeSignature};
use crate::parse::macho::{self, Span};
use crate::parse::{cms, x509};
use crate::sources::Sink;
use crate::target::{ReadSeek, Target, io_gap};
use crate::text::{Text, hex};

/// Bytes of a program whose pages are compared with their digests.
const MAX_COMPARED: u64 = 32 << 20;

/// Adds to an item who signed a program, if it is a Mach-O file that anybody signed, and whether the program was changed
/// since.
pub(super) fn sign(target: &Target, sink: &mut Sink, path: &Path, item: &mut Item) {
    add(target, sink, path, item, MAX_COMPARED);
}

/// The same without a look at the program itself, of which there may be very many.
pub(super) fn name_signer(target: &Target, sink: &mut Sink, path: &Path, item: &mut Item) {
    add(target, sink, path, item, 0);
}

fn add(target: &Target, sink: &mut Sink, path: &Path, item: &mut Item, compared: u64) {
    let signers = read(target, path, compared).map_err(|fault| fault.gap(path));
    let Some(signers) = sink.keep(signers) else { return };
    let Some(first) = signers.first() else { return };
    if signers.iter().any(|signer| signer.team != first.team) {
        let reason =
            "its parts for different processors were signed by different teams, of which the first is told";
        sink.gap(Gap::new(GapCode::Damaged, Text::from_path(path), reason));
    }
    let mismatch = signers.iter().any(|signer| signer.signature.state == SignatureState::Mismatch);
    let mut signature = first.signature.clone();
    if mismatch {
        signature.state = SignatureState::Mismatch;
    } else if let Some(team) = &first.team {
        item.ids.insert(IdKind::TeamId, team.clone());
    }
    item.signature = Some(signature);
}

/// Why a signature is unknown.
enum Fault {
    Gap(Gap),
    Io(std::io::Error),
    Damage(&'static str),
    TooLarge,
}

impl Fault {
    fn gap(self, path: &Path) -> Gap {
        let gap = |code, reason: String| Gap::new(code, Text::from_path(path), reason);
        match self {
            Self::Gap(gap) => gap,
            Self::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                gap(GapCode::Truncated, "it ends within the program, so who signed it is unknown".into())
            }
            Self::Io(error) => io_gap(path, "read", &error),
            Self::Damage(what) => gap(GapCode::Damaged, format!("{what}, so who signed it is unknown")),
            Self::TooLarge => gap(
                GapCode::TooLarge,
                format!("its signature has more than {} bytes and was not read", codesign::MAX_BYTES),
            ),
        }
    }
}

/// Who signed one part of a program.
struct Signed {
    team: Option<Text>,
    signature: Signature,
}

/// Who signed the parts of a program, without those that nobody signed.
fn read(target: &Target, path: &Path, compared: u64) -> Result<Vec<Signed>, Fault> {
    let Some(mut file) = target.open_seek(path).map_err(Fault::Gap)? else { return Ok(Vec::new()) };
    let size = file.seek(SeekFrom::End(0)).map_err(Fault::Io)?;
    let first_bytes = Span { offset: 0, size: size.min(macho::FIRST.try_into().unwrap_or_default()) };
    let first = bytes(&mut file, first_bytes)?;
    let mut signed = Vec::new();
    for part in macho::parts(&first, size).map_err(Fault::Damage)?.unwrap_or_default() {
        signed.extend(of_part(&mut file, part, compared)?);
    }
    Ok(signed)
}

fn of_part(file: &mut Box<dyn ReadSeek>, part: Span, compared: u64) -> Result<Option<Signed>, Fault> {
    let within = |span: Span| {
        let fits = span.offset.checked_add(span.size).is_some_and(|end| end <= part.size);
        let moved = Span { offset: part.offset.saturating_add(span.offset), size: span.size };
        if fits { Ok(moved) } else { Err(Fault::Damage("what it says lies past its end")) }
    };
    let header_size = part.size.min(macho::HEADER.try_into().unwrap_or_default());
    let header = bytes(file, within(Span { offset: 0, size: header_size })?)?;
    let size = macho::commands(&header).map_err(Fault::Damage)?;
    let commands = bytes(file, within(Span { offset: 0, size })?)?;
    let Some(place) = macho::signature(&commands).map_err(Fault::Damage)? else { return Ok(None) };
    if place.size > codesign::MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    let blob = bytes(file, within(place)?)?;
    let signature = CodeSignature::parse(&blob).map_err(Fault::Damage)?;
    let Some(signer) = signature.signed.map(cms::signer).transpose().map_err(Fault::Damage)? else {
        return Ok(None);
    };
    let code = within(Span { offset: 0, size: signature.limit() })?;
    let is_of = if code.size > compared { None } else { signature.is_of(&bytes(file, code)?) };
    let names = x509::Names::of(&signer.certificate)
        .map_err(|_why| Fault::Damage("its signature holds a certificate that cannot be read"))?;
    Ok(Some(Signed {
        team: signature.team,
        signature: Signature {
            subject: names.subject,
            organisation: names.organisation,
            serial: Some(signer.serial),
            thumbprint: Some(hex(&Sha1::digest(&signer.certificate)).into()),
            state: if is_of == Some(false) { SignatureState::Mismatch } else { SignatureState::Unchecked },
        },
    }))
}

/// The bytes of a stretch, of which the caller has bounded the size.
fn bytes(file: &mut Box<dyn ReadSeek>, span: Span) -> Result<Vec<u8>, Fault> {
    file.seek(SeekFrom::Start(span.offset)).map_err(Fault::Io)?;
    let mut bytes = Vec::new();
    let read = file.take(span.size).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if u64::try_from(read) == Ok(span.size) {
        Ok(bytes)
    } else {
        Err(Fault::Io(std::io::ErrorKind::UnexpectedEof.into()))
    }
}
