//! Where browsers keep what is theirs: one row a browser.
//!
//! Sources: Chromium's `docs/user_data_dir.md`, Mozilla's `toolkit/profile`, Chrome's and Mozilla's pages on native
//! messaging, `ExtensionInstallForcelist` and external extensions, and the documentation of each vendor. A folder of a
//! home is the same in a snap or a Flatpak but for what stands before it.

/// What a browser is made from, and so how it keeps extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Chromium.
    Chromium,
    /// Firefox.
    Gecko,
}

/// A browser and its folders in a home.
pub(super) struct Browser {
    /// What the items of it say as their ecosystem.
    pub(super) id: &'static str,
    pub(super) family: Family,
    /// Folders that hold profiles, from the home: on Linux, on macOS, on Windows.
    pub(super) folders: &'static [&'static str],
}

const fn chromium(id: &'static str, folders: &'static [&'static str]) -> Browser {
    Browser { id, family: Family::Chromium, folders }
}

const fn gecko(id: &'static str, folders: &'static [&'static str]) -> Browser {
    Browser { id, family: Family::Gecko, folders }
}

/// The browsers.
pub(super) const BROWSERS: &[Browser] = &[
    chromium(
        "chrome",
        &[
            ".config/google-chrome",
            ".config/google-chrome-beta",
            ".config/google-chrome-unstable",
            ".config/google-chrome-canary",
            ".config/google-chrome-for-testing",
            "Library/Application Support/Google/Chrome",
            "Library/Application Support/Google/Chrome Beta",
            "Library/Application Support/Google/Chrome Dev",
            "Library/Application Support/Google/Chrome Canary",
            "Library/Application Support/Google/Chrome for Testing",
            "AppData/Local/Google/Chrome/User Data",
            "AppData/Local/Google/Chrome Beta/User Data",
            "AppData/Local/Google/Chrome Dev/User Data",
            "AppData/Local/Google/Chrome SxS/User Data",
            "AppData/Local/Google/Chrome for Testing/User Data",
        ],
    ),
    chromium(
        "chromium",
        &[
            ".config/chromium",
            "snap/chromium/common/chromium",
            "Library/Application Support/Chromium",
            "AppData/Local/Chromium/User Data",
        ],
    ),
    chromium(
        "edge",
        &[
            ".config/microsoft-edge",
            ".config/microsoft-edge-beta",
            ".config/microsoft-edge-dev",
            "Library/Application Support/Microsoft Edge",
            "Library/Application Support/Microsoft Edge Beta",
            "Library/Application Support/Microsoft Edge Dev",
            "Library/Application Support/Microsoft Edge Canary",
            "AppData/Local/Microsoft/Edge/User Data",
            "AppData/Local/Microsoft/Edge Beta/User Data",
            "AppData/Local/Microsoft/Edge Dev/User Data",
            "AppData/Local/Microsoft/Edge SxS/User Data",
        ],
    ),
    chromium(
        "brave",
        &[
            ".config/BraveSoftware/Brave-Browser",
            ".config/BraveSoftware/Brave-Browser-Beta",
            ".config/BraveSoftware/Brave-Browser-Nightly",
            "Library/Application Support/BraveSoftware/Brave-Browser",
            "Library/Application Support/BraveSoftware/Brave-Browser-Beta",
            "Library/Application Support/BraveSoftware/Brave-Browser-Nightly",
            "AppData/Local/BraveSoftware/Brave-Browser/User Data",
            "AppData/Local/BraveSoftware/Brave-Browser-Beta/User Data",
            "AppData/Local/BraveSoftware/Brave-Browser-Nightly/User Data",
        ],
    ),
    chromium(
        "vivaldi",
        &[
            ".config/vivaldi",
            ".config/vivaldi-snapshot",
            "Library/Application Support/Vivaldi",
            "AppData/Local/Vivaldi/User Data",
        ],
    ),
    chromium(
        "opera",
        &[
            ".config/opera",
            ".config/opera-beta",
            ".config/opera-developer",
            "Library/Application Support/com.operasoftware.Opera",
            "Library/Application Support/com.operasoftware.OperaGX",
            "AppData/Roaming/Opera Software/Opera Stable",
            "AppData/Roaming/Opera Software/Opera GX Stable",
        ],
    ),
    chromium(
        "yandex",
        &[
            ".config/yandex-browser",
            ".config/yandex-browser-beta",
            "Library/Application Support/Yandex/YandexBrowser",
            "AppData/Local/Yandex/YandexBrowser/User Data",
        ],
    ),
    chromium("360", &[".config/browser360", "AppData/Local/360Chrome/Chrome/User Data"]),
    chromium("helium", &[".config/net.imput.helium"]),
    chromium("thorium", &[".config/thorium", "AppData/Local/Thorium/User Data"]),
    chromium("whale", &[".config/naver-whale", "AppData/Local/Naver/Naver Whale/User Data"]),
    gecko(
        "firefox",
        &[
            ".mozilla/firefox",
            ".config/mozilla/firefox",
            "Library/Application Support/Firefox",
            "AppData/Roaming/Mozilla/Firefox",
        ],
    ),
    gecko(
        "librewolf",
        &[
            ".librewolf",
            ".config/librewolf/librewolf",
            "Library/Application Support/librewolf",
            "AppData/Roaming/librewolf",
        ],
    ),
    gecko("waterfox", &[".waterfox", "Library/Application Support/Waterfox", "AppData/Roaming/Waterfox"]),
    gecko("zen", &[".zen", ".config/zen", "Library/Application Support/zen", "AppData/Roaming/zen"]),
    gecko("floorp", &[".floorp", "Library/Application Support/Floorp", "AppData/Roaming/Floorp"]),
    gecko(
        "tor",
        &[
            ".local/share/torbrowser/tbb/x86_64/tor-browser/Browser/TorBrowser/Data/Browser",
            ".local/share/torbrowser/tbb/aarch64/tor-browser/Browser/TorBrowser/Data/Browser",
            ".local/share/torbrowser/tbb/i686/tor-browser/Browser/TorBrowser/Data/Browser",
            "tor-browser/Browser/TorBrowser/Data/Browser",
            "Library/Application Support/TorBrowser-Data/Browser",
            "Desktop/Tor Browser/Browser/TorBrowser/Data/Browser",
        ],
    ),
    gecko(
        "palemoon",
        &[
            ".moonchild productions/pale moon",
            "Library/Application Support/Pale Moon",
            "AppData/Roaming/Moonchild Productions/Pale Moon",
        ],
    ),
    gecko(
        "seamonkey",
        &[".mozilla/seamonkey", "Library/Application Support/SeaMonkey", "AppData/Roaming/Mozilla/SeaMonkey"],
    ),
    gecko("thunderbird", &[".thunderbird", "Library/Thunderbird", "AppData/Roaming/Thunderbird"]),
];

/// Folders in which browsers of every name put theirs, and what follows the name. One that is no row above is told by a
/// profile in it.
pub(super) const OTHERS: &[(&str, &str)] =
    &[(".config", ""), ("Library/Application Support", ""), ("AppData/Local", "User Data")];

/// What a Flatpak has instead of a folder of the home.
pub(super) const FLATPAK: &[(&str, &str)] = &[(".config/", "config/"), (".local/share/", "data/")];

/// Folders of native messaging hosts of a home that lie in no folder of profiles.
pub(super) const HOSTS_OF_USER: &[(&str, &str)] = &[
    ("firefox", ".mozilla/native-messaging-hosts"),
    ("firefox", ".config/mozilla/native-messaging-hosts"),
    ("firefox", "Library/Application Support/Mozilla/NativeMessagingHosts"),
    ("librewolf", ".librewolf/native-messaging-hosts"),
    ("waterfox", ".waterfox/native-messaging-hosts"),
];

/// Folders of native messaging hosts of the machine.
pub(super) const HOSTS: &[(&str, &str)] = &[
    ("chrome", "/etc/opt/chrome/native-messaging-hosts"),
    ("chrome", "/etc/opt/chrome_for_testing/native-messaging-hosts"),
    ("chromium", "/etc/chromium/native-messaging-hosts"),
    ("chromium", "/etc/chromium-browser/native-messaging-hosts"),
    ("edge", "/etc/opt/edge/native-messaging-hosts"),
    ("brave", "/etc/brave/native-messaging-hosts"),
    ("vivaldi", "/etc/vivaldi/native-messaging-hosts"),
    ("vivaldi", "/etc/opt/vivaldi/native-messaging-hosts"),
    ("opera", "/etc/opt/opera/native-messaging-hosts"),
    ("yandex", "/etc/opt/yandex/browser/native-messaging-hosts"),
    ("firefox", "/usr/lib/mozilla/native-messaging-hosts"),
    ("firefox", "/usr/lib64/mozilla/native-messaging-hosts"),
    ("firefox", "/usr/share/mozilla/native-messaging-hosts"),
    ("librewolf", "/usr/lib/librewolf/native-messaging-hosts"),
    ("chrome", "/Library/Google/Chrome/NativeMessagingHosts"),
    ("chromium", "/Library/Application Support/Chromium/NativeMessagingHosts"),
    ("edge", "/Library/Microsoft/Edge/NativeMessagingHosts"),
    ("firefox", "/Library/Application Support/Mozilla/NativeMessagingHosts"),
];

/// Folders of Chromium's policies, in which `managed` and `recommended` are.
pub(super) const POLICIES: &[(&str, &str)] = &[
    ("chrome", "/etc/opt/chrome/policies"),
    ("chrome", "/etc/opt/chrome_for_testing/policies"),
    ("chromium", "/etc/chromium/policies"),
    ("chromium", "/etc/chromium-browser/policies"),
    ("chromium", "/var/snap/chromium/current/policies"),
    ("edge", "/etc/opt/edge/policies"),
    ("brave", "/etc/brave/policies"),
    ("vivaldi", "/etc/vivaldi/policies"),
    ("vivaldi", "/etc/opt/vivaldi/policies"),
    ("opera", "/etc/opt/opera/policies"),
    ("yandex", "/etc/opt/yandex/browser/policies"),
];

/// Folders of files that provide extensions to all users, or of extensions that a distribution starts Chromium with.
pub(super) const EXTERNAL: &[(&str, &str)] = &[
    ("chrome", "/opt/google/chrome/extensions"),
    ("chrome", "/usr/share/google-chrome/extensions"),
    ("chromium", "/usr/share/chromium/extensions"),
    ("chromium", "/usr/share/chromium-browser/extensions"),
    ("edge", "/usr/share/microsoft-edge/extensions"),
    ("brave", "/usr/share/brave/extensions"),
    ("vivaldi", "/usr/share/vivaldi/extensions"),
    ("opera", "/usr/share/opera/extensions"),
    ("yandex", "/usr/share/yandex-browser/extensions"),
    ("chrome", "/Library/Application Support/Google/Chrome/External Extensions"),
];

/// Folders that hold a folder of add-ons for each application, by its id.
pub(super) const ADDONS: &[&str] = &[
    "/usr/lib/mozilla/extensions",
    "/usr/lib64/mozilla/extensions",
    "/usr/share/mozilla/extensions",
    "/Library/Application Support/Mozilla/Extensions",
];

/// The same in a home.
pub(super) const ADDONS_OF_USER: &[&str] =
    &[".mozilla/extensions", "Library/Application Support/Mozilla/Extensions"];

/// Where browsers of the second family are installed, with the add-ons and policies in them.
pub(super) const GECKO_PROGRAMS: &[(&str, &str)] = &[
    ("firefox", "/usr/lib/firefox"),
    ("firefox", "/usr/lib64/firefox"),
    ("firefox", "/usr/lib/firefox-esr"),
    ("firefox", "/usr/lib/firefox-addons"),
    ("firefox", "/usr/share/firefox"),
    ("firefox", "/usr/share/firefox-esr"),
    ("firefox", "/opt/firefox"),
    ("firefox", "/snap/firefox/current/usr/lib/firefox"),
    ("firefox", "/Applications/Firefox.app/Contents/Resources"),
    ("firefox", "/Program Files/Mozilla Firefox"),
    ("librewolf", "/usr/lib/librewolf"),
    ("librewolf", "/usr/share/librewolf"),
    ("waterfox", "/opt/waterfox"),
    ("thunderbird", "/usr/lib/thunderbird"),
    ("thunderbird", "/usr/lib64/thunderbird"),
    ("seamonkey", "/usr/lib/seamonkey"),
    ("palemoon", "/usr/lib/palemoon"),
];

/// Folders of the `policies.json` of an administrator.
pub(super) const GECKO_POLICIES: &[(&str, &str)] = &[
    ("firefox", "/etc/firefox/policies"),
    ("firefox", "/etc/firefox-esr/policies"),
    ("librewolf", "/etc/librewolf/policies"),
    ("waterfox", "/etc/waterfox/policies"),
    ("thunderbird", "/etc/thunderbird/policies"),
];
