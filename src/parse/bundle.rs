//! What a bundle of macOS says of itself: an application, an extension, a driver.
//!
//! Format: `Info.plist` (Apple's "Information Property List Key Reference" and "Bundle Programming Guide"). The copyright
//! line in it names whom it likes, often the maker of a library, and is no publisher. Stand-ins for the programs of a
//! virtual machine are bundles as well, told by their identifiers alone.

use crate::parse::plist::{Value, text};
use crate::text::Text;

/// Beginnings of the identifiers of stand-ins for the programs of a guest, with the Apple developer team of who makes
/// them and what the machine is of: Parallels Desktop and `VMware` Fusion.
const STAND_INS: &[(&str, &str, &str)] =
    &[("com.parallels.winapp.", "4C6364ACXT", "parallels"), ("com.vmware.proxyapp.", "EG7KH642X6", "vmware")];

/// The settings of an `Info.plist` that tell what a bundle is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// `CFBundleIdentifier`.
    pub identifier: Option<Text>,
    /// The name for people: `CFBundleDisplayName`, else `CFBundleName`.
    pub name: Option<Text>,
    /// The version for people: `CFBundleShortVersionString`, else `CFBundleVersion`.
    pub version: Option<Text>,
    /// The file name of the program in it: `CFBundleExecutable`.
    pub executable: Option<Text>,
}

impl Info {
    /// Takes the settings out of an `Info.plist`.
    #[must_use]
    pub fn of(list: &Value) -> Self {
        Self {
            identifier: text(list, "CFBundleIdentifier"),
            name: text(list, "CFBundleDisplayName").or_else(|| text(list, "CFBundleName")),
            version: text(list, "CFBundleShortVersionString").or_else(|| text(list, "CFBundleVersion")),
            executable: text(list, "CFBundleExecutable"),
        }
    }

    /// Of what the virtual machine is in whose program's place it stands; nothing, if it stands for itself. What another
    /// team than the maker of the machine signed only bears such a name.
    #[must_use]
    pub fn stands_in(&self, team: Option<&Text>) -> Option<&'static str> {
        let identifier = self.identifier.as_ref()?.raw().to_ascii_lowercase();
        let is_one = |(begin, own, _): &&(&str, &str, &str)| {
            identifier.starts_with(begin) && team.is_none_or(|team| team.raw() == *own)
        };
        STAND_INS.iter().find(is_one).map(|(_, _, of)| *of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::plist::parse;

    fn info(settings: &[(&str, &str)]) -> Info {
        let setting = |(key, value): &(&str, &str)| format!("<key>{key}</key><string>{value}</string>");
        let settings: Vec<_> = settings.iter().map(setting).collect();
        Info::of(&parse(format!("<plist><dict>{}</dict></plist>", settings.concat()).as_bytes()).unwrap())
    }

    #[test]
    fn names_and_versions_for_people_come_first() {
        let both = info(&[
            ("CFBundleName", "K"),
            ("CFBundleDisplayName", "K for Mac"),
            ("CFBundleVersion", "12.1.0.553"),
            ("CFBundleShortVersionString", "12.1"),
        ]);
        assert_eq!((both.name, both.version), (Some("K for Mac".into()), Some("12.1".into())));
        let one =
            info(&[("CFBundleName", "K"), ("CFBundleVersion", "553"), ("CFBundleShortVersionString", "")]);
        assert_eq!((one.name, one.version), (Some("K".into()), Some("553".into())));
        assert_eq!(Info::of(&Value::Boolean(true)), Info::default());
    }

    #[test]
    fn a_stand_in_is_known_by_its_identifier_unless_another_signed_it() {
        let of = |identifier| info(&[("CFBundleIdentifier", identifier)]);
        let windows = of("com.parallels.winapp.a5c41f715c1b8a880253846c025624e9.c23e");
        assert_eq!(windows.stands_in(None), Some("parallels"));
        assert_eq!(windows.stands_in(Some(&"4C6364ACXT".into())), Some("parallels"));
        assert_eq!(windows.stands_in(Some(&"2Y8XE5CQ94".into())), None);
        assert_eq!(of("com.vmware.proxyApp.1").stands_in(None), Some("vmware"));
        assert_eq!(of("com.parallels.desktop").stands_in(None), None);
        assert_eq!(Info::default().stands_in(None), None);
    }
}
