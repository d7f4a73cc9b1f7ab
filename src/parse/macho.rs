//! Where the code signature of a Mach-O file lies.
//!
//! Format: `mach-o/loader.h` and `mach-o/fat.h` of Apple's XNU: a universal file is a list of files, each for one
//! processor, in big-endian numbers; the load command `LC_CODE_SIGNATURE` of each says where its signature is. A Java
//! class begins with the same four bytes as a universal file, but its version cannot be taken for a number of files.

/// Bytes of a file that tell what it is and where its parts are.
pub const FIRST: usize = 4096;
/// Bytes of one part that tell how long its load commands are.
pub const HEADER: usize = 32;
/// Bytes of the load commands of one part that are read.
pub const MAX_COMMANDS: u32 = 4 << 20;
/// Processors that one universal file may be for; a Java class would be for 45 or more.
const MAX_PARTS: u32 = 40;
const LC_CODE_SIGNATURE: u32 = 0x1d;

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Bytes before it.
    pub offset: u64,
    /// Bytes in it.
    pub size: u64,
}

/// What is wrong with a file, in words.
pub type Damage = &'static str;

/// The order of bytes in a part's numbers, and the size of its header.
#[derive(Debug, Clone, Copy)]
struct Form {
    big: bool,
    header: usize,
}

impl Form {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (big, header) = match bytes.first_chunk::<4>()? {
            b"\xfe\xed\xfa\xce" => (true, 28),
            b"\xfe\xed\xfa\xcf" => (true, 32),
            b"\xce\xfa\xed\xfe" => (false, 28),
            b"\xcf\xfa\xed\xfe" => (false, 32),
            _ => return None,
        };
        Some(Self { big, header })
    }

    fn number(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// The parts of a Mach-O file, each for one processor, by its first [`FIRST`] bytes and its size; nothing, if the file is
/// none.
///
/// # Errors
/// When a universal file ends within its list of parts, or a part lies outside of it.
pub fn parts(first: &[u8], size: u64) -> Result<Option<Vec<Span>>, Damage> {
    const LIST: Form = Form { big: true, header: 8 };
    let wide = match first.first_chunk::<4>() {
        Some(b"\xca\xfe\xba\xbe") => false,
        Some(b"\xca\xfe\xba\xbf") => true,
        _ => return Ok(Form::of(first).map(|_| vec![Span { offset: 0, size }])),
    };
    let cut = "it ends within its list of processors";
    let count = LIST.number(first, 4).ok_or(cut)?;
    if count > MAX_PARTS {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for number in 0..usize::try_from(count).unwrap_or_default() {
        let read = |at| LIST.number(first, at).map(u64::from).ok_or(cut);
        let span = if wide {
            let at = LIST.header + number * 32 + 8;
            Span { offset: read(at)? << 32 | read(at + 4)?, size: read(at + 8)? << 32 | read(at + 12)? }
        } else {
            let at = LIST.header + number * 20 + 8;
            Span { offset: read(at)?, size: read(at + 4)? }
        };
        if span.offset.checked_add(span.size).is_none_or(|end| end > size) {
            return Err("a part of it lies past its end");
        }
        parts.push(span);
    }
    Ok(Some(parts))
}

/// The bytes of a part that hold its header and load commands, by its first [`HEADER`] bytes.
///
/// # Errors
/// When they are no header, or tell of more load commands than are read.
pub fn commands(header: &[u8]) -> Result<u64, Damage> {
    let form = Form::of(header).ok_or("a part of it is no program")?;
    let size = form.number(header, 20).ok_or("a part of it ends within its header")?;
    if size > MAX_COMMANDS {
        return Err("a part of it has more load commands than are read");
    }
    Ok(u64::from(size) + u64::try_from(form.header).unwrap_or_default())
}

/// Where the signature lies in a part, by its header and load commands; nothing, if it has none.
///
/// # Errors
/// When the load commands do not follow the format.
pub fn signature(part: &[u8]) -> Result<Option<Span>, Damage> {
    let form = Form::of(part).ok_or("a part of it is no program")?;
    let cut = "a part of it ends within its load commands";
    let count = form.number(part, 16).ok_or(cut)?;
    let mut at = form.header;
    for _ in 0..count {
        let (command, size) = (form.number(part, at).ok_or(cut)?, form.number(part, at + 4).ok_or(cut)?);
        if command == LC_CODE_SIGNATURE {
            let read = |at| form.number(part, at).map(u64::from).ok_or(cut);
            return Ok(Some(Span { offset: read(at + 8)?, size: read(at + 12)? }));
        }
        if size < 8 {
            return Err("a load command of it has no size");
        }
        at = usize::try_from(size).ok().and_then(|size| at.checked_add(size)).ok_or(cut)?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of 64 bits with an unknown load command and that of a signature.
    fn program() -> Vec<u8> {
        let numbers = [0xfeed_facf_u32, 0x0100_000c, 0, 2, 2, 24, 0, 0, 1, 8, 0x1d, 16, 64, 100];
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    fn universal(parts: &[(u32, u32)]) -> Vec<u8> {
        let count = u32::try_from(parts.len()).unwrap();
        let list = parts.iter().flat_map(|(offset, size)| [7, 3, *offset, *size, 12]);
        [0xcafe_babe, count].into_iter().chain(list).flat_map(u32::to_be_bytes).collect()
    }

    #[test]
    fn the_signature_of_a_program_is_found() {
        let program = program();
        assert_eq!(parts(&program, 164), Ok(Some(vec![Span { offset: 0, size: 164 }])));
        assert_eq!(commands(&program), Ok(56));
        assert_eq!(signature(&program), Ok(Some(Span { offset: 64, size: 100 })));
        let mut bare = program.clone();
        bare[16] = 1;
        assert_eq!(signature(&bare), Ok(None));
        assert!(signature(&program[..50]).is_err() && signature(b"MZ").is_err());
        bare[36] = 0;
        bare[16] = 2;
        assert!(signature(&bare).is_err(), "a command without a size would be read for ever");
    }

    #[test]
    fn the_parts_of_a_universal_file_are_found() {
        let file = universal(&[(100, 50), (200, 50)]);
        let wanted = vec![Span { offset: 100, size: 50 }, Span { offset: 200, size: 50 }];
        assert_eq!(parts(&file, 250), Ok(Some(wanted)));
        assert!(parts(&file, 249).is_err() && parts(&file[..40], 250).is_err());
        let wide: Vec<u8> =
            [0xcafe_babf_u32, 1, 7, 3, 0, 100, 0, 50, 0, 0].iter().flat_map(|n| n.to_be_bytes()).collect();
        assert_eq!(parts(&wide, 150), Ok(Some(vec![Span { offset: 100, size: 50 }])));
        assert_eq!(parts(b"\xca\xfe\xba\xbe\0\0\0\x34", 9999), Ok(None), "a Java class");
        assert_eq!(parts(b"\x7fELF", 4), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>, size: u64) {
            for start in [&b""[..], b"\xca\xfe\xba\xbe\0\0\0\x02", b"\xca\xfe\xba\xbf\0\0\0\x02", b"\xcf\xfa\xed\xfe"] {
                let bytes = [start, &bytes].concat();
                if let Ok(Some(parts)) = parts(&bytes, size) {
                    proptest::prop_assert!(parts.iter().all(|p| p.offset + p.size <= size));
                }
                proptest::prop_assert!(commands(&bytes).is_err() || bytes.len() >= 24);
                proptest::prop_assert!(signature(&bytes).is_err() || bytes.len() >= 20);
            }
        }

        #[test]
        fn a_changed_program_ends_without_a_panic(at in 0_usize..56, byte: u8, length in 0_usize..60) {
            let mut bytes = program();
            bytes[at] = byte;
            bytes.truncate(length);
            proptest::prop_assert!(signature(&bytes).is_err() || bytes.len() > 19);
        }
    }
}
