//! What the formats of machines share: lists that are written as they are made, ids that are the same for the same
//! content, and the digests of that content.
//!
//! UUIDs are of version 5 (RFC 9562: SHA-1 of a namespace and a name), because OSCAL takes only versions 4 and 5, and a
//! random one would make two reports of one thing differ.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::json::{Harmless, ItemV1};
use crate::inventory::Inventory;
use crate::text::hex;

/// A list whose members are made one after the other while it is written, so that never all of them stand in memory.
pub(super) struct Each<F>(pub(super) F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// A UUID made of a namespace and a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid([u8; 16]);

/// The namespace of URLs (RFC 9562 §6.6).
const URL: Uuid =
    Uuid([0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8]);

impl Uuid {
    /// The id of a thing with this content; `what` keeps things of other sorts apart.
    pub(super) fn of(what: &str, content: &str) -> Self {
        URL.named(what).named(content)
    }

    /// The id of something that belongs to this one.
    pub(super) fn named(self, name: &str) -> Self {
        let digest: [u8; 20] = Sha1::new().chain_update(self.0).chain_update(name).finalize().into();
        let mut id = [0; 16];
        for (at, byte) in id.iter_mut().zip(digest) {
            *at = byte;
        }
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut id;
        *version = (*version & 0x0f) | 0x50;
        *variant = (*variant & 0x3f) | 0x80;
        Self(id)
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The SHA-256 digest of what is written.
#[derive(Default)]
pub(super) struct Digested(Sha256);

impl Digested {
    /// In hexadecimal digits.
    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the canonical inventory: the lines of the items as `inventory -o ndjson` writes them, without its header.
pub(super) fn items(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Harmless(out);
    for item in &inventory.items {
        serde_json::to_writer(&mut out, &ItemV1::of(item))?;
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9562, appendix A.4, is of the namespace of DNS.
    #[test]
    fn a_uuid_is_that_of_the_standard() {
        let mut dns = URL;
        dns.0[3] = 0x10;
        assert_eq!(dns.named("www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
