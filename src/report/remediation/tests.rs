//! What is told to be done, of names that are honest and of names that are not.

use super::*;
use crate::rules::Strength;

fn evidence(state: State) -> Evidence {
    Evidence { item: 0, traits: Vec::new(), state, strength: Strength::Certain, inside: None }
}

fn of(kind: Kind, name: &str, ecosystem: &str) -> Item {
    Item { ecosystem: Some(ecosystem.into()), ..Item::new(kind, name.into(), "/place".into()) }
}

fn command(item: &Item) -> Option<String> {
    step(item, &evidence(item.state)).0.command
}

#[test]
fn each_manager_removes_its_own() {
    for (kind, name, ecosystem, wanted) in [
        (Kind::Package, "kesl", "debian", "apt-get purge kesl"),
        (Kind::Package, "g++", "debian", "apt-get purge g++"),
        (Kind::Package, "kesl", "rpm", "dnf remove kesl"),
        (Kind::Package, "app-antivirus/drweb", "ebuild", "emerge --ask --depclean app-antivirus/drweb"),
        (Kind::Application, "com.qq.QQ", "flatpak", "flatpak uninstall --delete-data --system com.qq.QQ"),
        (Kind::Application, "wechat", "homebrew", "brew uninstall --cask --zap wechat"),
        (Kind::Package, "node@20", "homebrew", "brew uninstall --formula node@20"),
        (Kind::Package, "@antv/g2", "npm", "npm uninstall @antv/g2"),
    ] {
        assert_eq!(command(&of(kind, name, ecosystem)).as_deref(), Some(wanted));
    }
}

#[test]
fn a_name_that_is_no_name_gets_no_command() {
    for name in [
        "",
        "-y",
        "--purge",
        "a b",
        "a;reboot",
        "$(id)",
        "a\nb",
        "a\u{202e}b",
        ".*",
        "a*",
        "bash-",
        "\\xff",
        "`a`",
    ] {
        for ecosystem in ["debian", "rpm", "npm", "flatpak", "homebrew", "pypi", "vscode"] {
            assert_eq!(command(&of(Kind::Package, name, ecosystem)), None, "{name:?}");
        }
        let mut unit = Item::new(Kind::Service, name.into(), "/x".into());
        unit.source = "systemd".into();
        assert!(command(&unit).is_none_or(|c| c == "systemctl disable --now bash-"), "{name:?}");
    }
}

#[test]
fn a_path_is_one_argument_or_none() {
    let quoted = |path: &str| quoted(&path.into());
    assert_eq!(quoted("/opt/it's").as_deref(), Some(r"'/opt/it'\''s'"));
    assert_eq!(quoted("/opt/$(id) `x` \"y\"").as_deref(), Some("'/opt/$(id) `x` \"y\"'"));
    for path in ["", "opt/x", "/a/../etc", "/a/", "/a\nb", "/a\u{1b}[2J", "/a\\xff", "C:\\x"] {
        assert_eq!(quoted(path), None, "{path:?}");
    }
}

#[test]
fn what_windows_registered_is_evidence_and_no_command() {
    let mut item = Item::new(Kind::Application, "Kaspersky".into(), "HKLM".into());
    let ids = serde_json::json!({"uninstall": "C:\\x.exe /u & del", "product-code": "{0F05E4E5-5A89-482C-9A62-47CC58643788}"});
    item.extra.insert("ids".to_owned(), ids);
    let told = windows(&item).unwrap();
    assert_eq!(told.command.as_deref(), Some("msiexec /x {0F05E4E5-5A89-482C-9A62-47CC58643788} /qn"));
    assert_eq!(told.said.unwrap().raw(), "C:\\x.exe /u & del");
    let ids = serde_json::json!({"uninstall": "C:\\x.exe", "product-code": "{0F05E4E5} & calc"});
    item.extra.insert("ids".to_owned(), ids);
    assert_eq!(windows(&item).unwrap().command, None);
    item.extra.insert("ids".to_owned(), serde_json::json!({"package-family": "a'; calc"}));
    assert_eq!(windows(&item).unwrap().command, None);
}

proptest::proptest! {
    /// A shell reads back the very path, as one word.
    #[test]
    fn quotes_hold_whatever_stands_between_them(path in "/[ -~]{1,40}") {
        if let Some(word) = quoted(&path.as_str().into()) {
            let inner = word.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            let read = inner.replace(r"'\''", "\u{0}");
            proptest::prop_assert!(!read.contains('\''));
            proptest::prop_assert_eq!(read.replace('\u{0}', "'"), path);
        }
    }
}

#[test]
fn an_application_of_macos_is_its_folder_and_a_daemon_is_booted_out() {
    let mut app =
        Item::new(Kind::Application, "WeChat".into(), "/Applications/WeChat.app/Contents/Info.plist".into());
    app.paths = vec!["/Applications/WeChat.app".into()];
    let (told, stays) = step(&app, &evidence(State::Installed));
    assert!(told.words.contains("move /Applications/WeChat.app to the Trash"), "{told:?}");
    assert!(stays.is_some_and(|stays| stays.contains("launchd")));
    for (place, wanted) in [
        (
            "/Library/LaunchDaemons/com.kaspersky.kav.plist",
            Some("launchctl bootout system/com.kaspersky.kav"),
        ),
        ("/Users/a/Library/LaunchAgents/com.kaspersky.kav.plist", None),
    ] {
        let mut job = Item::new(Kind::Service, "com.kaspersky.kav".into(), place.into());
        job.source = "launchd".into();
        assert_eq!(command(&job).as_deref(), wanted);
    }
}
