//! What an image says of itself.
//!
//! Format: the OCI image-spec, config.md and annotations.md, which Docker's images follow too. The chain id of a layer
//! is made of the digests of all layers below it, and stands for them together.

use sha2::{Digest, Sha256};

use crate::sources::containers::{Stored, text};
use crate::text::{Text, hex};

/// What a config says of an image's files.
pub(super) struct Config {
    /// The digests of its layers as tar files, the lowest first.
    pub(super) layers: Vec<String>,
    /// Whether it is an image at all, rather than something else that a registry holds.
    pub(super) is_image: bool,
}

/// Reads a config; what is told of the maker goes to the image.
pub(super) fn config(config: &serde_json::Value, image: &mut Stored) -> Config {
    labels(config, "/config/Labels", image);
    let layers = config.pointer("/rootfs/diff_ids").and_then(|ids| ids.as_array());
    let digests = layers.into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned));
    Config { layers: digests.collect(), is_image: layers.is_some() }
}

/// Takes who made it and its version from labels.
pub(super) fn labels(value: &serde_json::Value, at: &str, to: &mut Stored) {
    let label = |name: &str| text(value, &format!("{at}/org.opencontainers.image.{name}"));
    to.publisher = label("vendor");
    to.version = label("version");
}

/// The id of the layers together; nothing, if there are none.
pub(super) fn chain(layers: &[String]) -> Option<String> {
    let (first, rest) = layers.split_first()?;
    Some(rest.iter().fold(first.clone(), |below, layer| digest(format!("{below} {layer}").as_bytes())))
}

/// A digest as it is written everywhere.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// The digits of a digest; nothing, if it is of another kind.
pub(super) fn digits(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    (digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
}

/// The names of an image that say what it is; its digest as a name says nothing that its id does not.
pub(super) fn names(names: impl IntoIterator<Item = Text>) -> Vec<Text> {
    let mut names: Vec<Text> = names.into_iter().filter(|name| digits(name.raw()).is_none()).collect();
    // A tag is what people call it by.
    names.sort_by_key(|name| (name.raw().contains('@'), name.clone()));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_made_of_all_digests_below() {
        let layers = [
            "sha256:b0fab8bc3be88fdf0e5ce7c45560f66a6edcf8a84ca04daea4a588d9b945943c".to_owned(),
            "sha256:5834c7f1933068329d90d9e1812f9018be0dd7409f5a478a75834fccac83db21".to_owned(),
        ];
        // As Docker and containerd named the layer of such an image.
        let wanted = "sha256:7b3c8968e610d2274b879c23c187976a2b40dd548c473b497f0c0464c622021a";
        assert_eq!(chain(&layers).as_deref(), Some(wanted));
        assert_eq!(chain(&layers[..1]).as_ref(), layers.first());
        assert_eq!(chain(&[]), None);
    }

    #[test]
    fn a_tag_comes_before_a_digest_and_a_bare_digest_is_no_name() {
        let digest = digest(b"");
        let given = [format!("r/a@{digest}"), digest.clone(), "r/a:1".to_owned(), "r/a:1".to_owned()];
        let names = names(given.map(Text::from));
        assert_eq!(names, ["r/a:1".into(), Text::from(format!("r/a@{digest}"))]);
    }
}
