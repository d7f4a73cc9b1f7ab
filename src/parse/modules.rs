//! The lists of kernel modules: what is loaded, what was built with the kernel, and what can be loaded by name.
//!
//! Formats: `/proc/modules` (proc(5), `m_show` in the kernel's `kernel/module/procfs.c`): `name size references users
//! state address`, and `(taints)` where there are any. `modules.order` and `modules.dep` (modules.dep(5)): a path a
//! line, in the latter with `:` and the modules it depends on behind it. A module goes by its path without the ending
//! that tells how its file is compressed, since the lists do not agree on that ending.

/// A module that the kernel has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Letters that say why the kernel counts as tainted by it: `O` built outside the kernel, `E` unsigned, `P`
    /// proprietary …
    pub taints: &'a [u8],
}

/// Lines that could be read, and the number of the first that could not.
pub type Lines<T> = (Vec<T>, Option<usize>);

/// What `/proc/modules` lists.
#[must_use]
pub fn loaded(bytes: &[u8]) -> Lines<Loaded<'_>> {
    lines(bytes, |line| {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').filter(|f| !f.is_empty()).collect();
        let taints = fields.get(6).and_then(|t| t.strip_prefix(b"(")?.strip_suffix(b")"));
        let name = fields.first().filter(|_| fields.len() >= 5)?;
        Some(Loaded { name, taints: taints.unwrap_or_default() })
    })
}

/// What `modules.order` lists: the modules built together with the kernel.
#[must_use]
pub fn order(bytes: &[u8]) -> Lines<&[u8]> {
    lines(bytes, module)
}

/// What `modules.dep` lists: the modules that can be loaded by name.
#[must_use]
pub fn dep(bytes: &[u8]) -> Lines<&[u8]> {
    lines(bytes, |line| module(line.get(..line.iter().position(|&b| b == b':')?)?))
}

/// The path of a module without the ending of its compression; nothing, if its name is not that of a module.
#[must_use]
pub fn module(path: &[u8]) -> Option<&[u8]> {
    let endings: [&[u8]; 4] = [b"", b".gz", b".xz", b".zst"];
    let plain = endings.into_iter().filter_map(|ending| path.strip_suffix(ending));
    let mut plain = plain.filter(|path| path.ends_with(b".ko"));
    plain.find(|path| !path.ends_with(b"/.ko") && *path != b".ko")
}

/// The name by which the kernel knows the module in a file: that of the file, with `_` for each `-`.
#[must_use]
pub fn name(path: &[u8]) -> Vec<u8> {
    let plain = module(path).and_then(|path| path.strip_suffix(b".ko")).unwrap_or(path);
    let file = plain.rsplit(|&b| b == b'/').next().unwrap_or_default();
    file.iter().map(|&b| if b == b'-' { b'_' } else { b }).collect()
}

fn lines<'a, T>(bytes: &'a [u8], read: impl Fn(&'a [u8]) -> Option<T>) -> Lines<T> {
    let (mut found, mut damaged) = (Vec::new(), None);
    let mut rest = bytes;
    for number in 1.. {
        if rest.is_empty() {
            break;
        }
        // Each of the lists ends every line.
        let (line, after, whole) = match rest.iter().position(|&b| b == b'\n') {
            Some(end) => (rest.get(..end), rest.get(end + 1..), true),
            None => (Some(rest), None, false),
        };
        match line.and_then(&read).filter(|_| whole) {
            Some(value) => found.push(value),
            None => damaged = damaged.or(Some(number)),
        }
        rest = after.unwrap_or_default();
    }
    (found, damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROC: &[u8] = b"nvidia_uvm 1527808 0 - Live 0x0000000000000000 (POE)\n\
        nvidia 56713216 22 nvidia_uvm,nvidia_modeset, Live 0x0000000000000000 (POE)\n\
        ext4 987136 1 - Live 0x0000000000000000\n\
        going 1 - - Unloading 0x0\n";

    #[test]
    fn loaded_modules_and_their_taints() {
        let (found, damaged) = loaded(PROC);
        let told: Vec<_> = found.iter().map(|m| [m.name, m.taints].map(String::from_utf8_lossy)).collect();
        let wanted = [["nvidia_uvm", "POE"], ["nvidia", "POE"], ["ext4", ""], ["going", ""]];
        assert_eq!(told, wanted);
        assert_eq!(damaged, None);
    }

    #[test]
    fn a_module_goes_by_its_path_without_its_compression() {
        for path in ["a/b.ko", "a/b.ko.gz", "a/b.ko.xz", "a/b.ko.zst"] {
            assert_eq!(module(path.as_bytes()), Some(&b"a/b.ko"[..]));
        }
        for path in ["a/b.ko.debug", "a/b.o", "a/.ko", ".ko.xz", "ko", ""] {
            assert_eq!(module(path.as_bytes()), None, "{path}");
        }
        assert_eq!(name(b"kernel/snd-hda-intel.ko.zst"), b"snd_hda_intel");
    }

    #[test]
    fn lists_of_files() {
        let listed: &[u8] = b"kernel/a.ko.xz: kernel/b.ko.xz\nextra/c.ko:\nno module: x\ncut.ko: kern";
        assert_eq!(dep(listed), (vec![&b"kernel/a.ko"[..], b"extra/c.ko"], Some(3)));
        assert_eq!(order(b"kernel/a.ko\nkernel/b.ko\n"), (vec![&b"kernel/a.ko"[..], b"kernel/b.ko"], None));
        assert_eq!(order(b"kernel/a.ko\nkernel/b.ko"), (vec![&b"kernel/a.ko"[..]], Some(2)));
        assert_eq!(order(b""), (vec![], None));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let all = (loaded(&bytes), order(&bytes), dep(&bytes), name(&bytes));
            prop_assert!(all.0.0.len() <= bytes.len());
        }

        #[test]
        fn every_line_is_told_or_damage(text in "([a-z]\\.ko|[ :/()\n-]|Live 0x0\n){0,40}") {
            let count = text.lines().count();
            for (found, damaged) in [
                (loaded(text.as_bytes()).0.len(), loaded(text.as_bytes()).1),
                (order(text.as_bytes()).0.len(), order(text.as_bytes()).1),
                (dep(text.as_bytes()).0.len(), dep(text.as_bytes()).1),
            ] {
                prop_assert!(found <= count && (found == count) == damaged.is_none());
            }
        }

        #[test]
        fn a_changed_byte_ends_without_a_panic(at in 0..PROC.len(), to: u8) {
            let mut bytes = PROC.to_vec();
            bytes[at] = to;
            prop_assert!(loaded(&bytes).0.len() <= 5);
        }
    }
}
