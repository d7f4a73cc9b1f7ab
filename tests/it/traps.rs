//! Values that also belong to somebody else, and what is said of them: what public lists get wrong, what others share,
//! and what is only near a maker.

use serde_json::{Value, json};

use crate::lab::{Root, scan};

/// All findings of some items, as `vendor/product state strength`; sorted.
fn said(items: &[Value]) -> Vec<String> {
    let report = scan(&Root::new().list(items), &[]).1;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    let line = |f: &Value| {
        let [vendor, product, state, strength] =
            ["vendor", "product", "state", "strength"].map(|k| text(f, k));
        format!("{vendor}/{product} {state} {strength}")
    };
    let mut lines: Vec<String> = report["findings"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

fn app(name: &str, publisher: &str) -> Value {
    json!({"kind": "application", "name": name, "publisher": publisher})
}

fn named(kind: &str, name: &str) -> Value {
    json!({"kind": kind, "name": name})
}

fn nothing(items: &[Value]) {
    for item in items {
        assert_eq!(said(std::slice::from_ref(item)), Vec::<String>::new(), "{item}");
    }
}

/// Which of the two a bare name is of, only a person can say; what is the one's by its publisher or folder is not the other's.
#[test]
fn old_names_of_two_makers_of_antivirus_are_to_be_reviewed_as_eithers() {
    for name in ["kav.exe", "kavsvc.exe", "KAVSVCUI.exe", "kavmm.exe", "kavpf.exe", "kavss.exe"] {
        assert_eq!(
            said(&[named("process", name)]),
            ["kaspersky/kaspersky running possible", "kingsoft/antivirus running possible"],
            "{name}"
        );
        let made = |publisher: &str| json!({"kind": "process", "name": name, "publisher": publisher});
        assert_eq!(said(&[made("Kingsoft Corporation")]), ["kingsoft/antivirus running likely"], "{name}");
        assert_eq!(said(&[made("Kaspersky Lab")]), ["kaspersky/kaspersky running likely"], "{name}");
        let at =
            |folder: &str| json!({"kind": "process", "name": name, "paths": [format!("{folder}\\{name}")]});
        let home = "C:\\Program Files\\Kaspersky Lab\\Kaspersky Anti-Virus Personal";
        assert_eq!(said(&[at(home)]), ["kaspersky/kaspersky running likely"], "{name}");
        let home = "C:\\Program Files\\Kingsoft\\Kingsoft Antivirus";
        assert_eq!(said(&[at(home)]), ["kingsoft/antivirus running likely"], "{name}");
        // A maker that is told and not known does not settle it.
        assert_eq!(said(&[made("Jane Doe")]).len(), 2, "{name}");
    }
    assert_eq!(said(&[named("process", "kavstart.exe")]), ["kingsoft/antivirus running possible"]);
    assert_eq!(said(&[named("process", "kavpfw.exe")]), ["kingsoft/antivirus running possible"]);
}

#[test]
fn names_of_three_letters_need_their_folder() {
    nothing(&[named("service", "AVP"), named("service", "AVPN"), named("process", "avpx.exe")]);
    assert_eq!(said(&[named("process", "avp.exe")]), ["kaspersky/kaspersky running possible"]);
    assert_eq!(said(&[named("service", "AVP.KES.21.19")]), ["kaspersky/kes-windows present likely"]);
}

#[test]
fn drivers_of_defender_and_a_tool_of_windows_are_not_kasperskys() {
    nothing(&[
        json!({"kind": "driver", "name": "KslD.sys", "publisher": "Microsoft Corporation", "service": "KslD"}),
        json!({"kind": "driver", "name": "MpKslDrv.sys", "service": "MpKslDrv"}),
        named("process", "klist.exe"),
        named("process", "kpf4ss.exe"),
        named("process", "kpf4gui.exe"),
    ]);
}

#[test]
fn libraries_and_free_text_are_no_products() {
    let purl = |name: &str, purl: &str| json!({"kind": "package", "name": name, "ids": {"purl": purl}});
    nothing(&[
        purl("kaspresso", "pkg:maven/com.kaspersky.android-components/kaspresso@1.5.3"),
        purl("lark", "pkg:pypi/lark@1.2.2"),
        purl("catboost", "pkg:pypi/catboost@1.2.5"),
        purl("paddlepaddle", "pkg:pypi/paddlepaddle@2.6.1"),
        purl("mindspore", "pkg:pypi/mindspore@2.2.0"),
        purl("djitellopy", "pkg:pypi/djitellopy@2.5.0"),
        json!({"kind": "package", "name": "webhook", "publisher": "Jane Doe <jane@kaspersky.com>"}),
        json!({"kind": "package", "name": "qcomicbook", "publisher": "A. B. <a.b@yandex.com>"}),
        json!({"kind": "process", "name": "grep", "command": "grep -r kaspersky /etc", "paths": ["/bin/grep"]}),
    ]);
    assert_eq!(
        said(&[purl("lark-oapi", "pkg:pypi/lark-oapi@1.4.0")]),
        ["bytedance/sdk component certain"],
        "what is made to be built in is a part"
    );
}

/// A version resource is no proof, and a signature that does not fit is less.
#[test]
fn a_faked_version_resource_is_not_certain() {
    let fake = json!({"kind": "file", "name": "klwtblfs.exe", "publisher": "WestByte",
        "original-name": "klwtblfs", "paths": ["C:\\Users\\jane\\klwtblfs.exe"]});
    assert_eq!(said(&[fake]), Vec::<String>::new());
    let signed = json!({"kind": "file", "name": "x.exe", "signer": "AO Kaspersky Lab",
        "signature": {"organisation": "AO Kaspersky Lab", "state": "mismatch"}, "paths": ["C:\\x.exe"]});
    assert_eq!(said(&[signed]), Vec::<String>::new());
}

#[test]
fn what_came_after_kaspersky_is_a_lead_and_no_finding() {
    nothing(&[app("UltraAV", "Pango Inc"), app("UltraVPN", "Pango Inc.")]);
}

#[test]
fn what_is_left_is_no_installation() {
    nothing(&[
        json!({"kind": "file", "name": "KVRT2020_Data", "paths": ["C:\\KVRT2020_Data"]}),
        json!({"kind": "file", "name": "cleaner.exe",
            "paths": ["C:\\Program Files\\Common Files\\Kaspersky_Cleaner\\cleaner.exe"]}),
    ]);
    let left = json!({"kind": "package", "name": "kesl", "state": "remnant", "publisher": "Kaspersky Lab"});
    assert_eq!(said(&[left]), ["kaspersky/kesl remnant certain"]);
}

#[test]
fn names_are_found_in_every_language_and_script() {
    for name in [
        "Agent d'administration de Kaspersky Security Center",
        "Console d'administration de Kaspersky Security Center",
        "Антивирус Касперского",
        "АГЕНТ АДМИНИСТРИРОВАНИЯ КАСПЕРСКОГО",
        "卡巴斯基安全软件",
    ] {
        let found = said(&[named("application", name)]);
        assert!(
            found.len() == 1 && found[0].starts_with("kaspersky/") && found[0].ends_with(" likely"),
            "{found:?}"
        );
    }
}

/// Codes change with version and language: a code proves, and a code that is not known proves nothing.
#[test]
fn a_code_proves_the_product_under_any_name() {
    let coded = |code: &str| json!({"kind": "application", "name": "x", "ids": {"product-code": code}});
    assert_eq!(
        said(&[coded("{2924beda-e0d7-4daf-a224-50d2e0b12f5b}")]),
        ["kaspersky/network-agent installed certain"]
    );
    nothing(&[coded("{2924BEDA-E0D7-4DAF-A224-000000000000}"), coded("QQ"), coded("Lark")]);
}

#[test]
fn drivers_are_found_by_service_and_by_the_folder_of_their_version() {
    let driver = json!({"kind": "driver", "name": "klflt.sys", "service": "klflt.K4W-21-25",
        "paths": ["C:\\Windows\\System32\\drivers\\K4W-21-25\\klflt.sys"]});
    assert_eq!(said(&[driver]), ["kaspersky/kaspersky present likely"]);
    let data = json!({"kind": "driver", "name": "klids.sys",
        "paths": ["C:\\ProgramData\\Kaspersky Lab\\AVP21.25\\Bases\\klids.sys"]});
    assert_eq!(said(&[data]), ["kaspersky/kaspersky present likely"]);
}

/// Products that once had the engine are named by nothing but the engine.
#[test]
fn an_engine_inside_of_another_product_is_a_part_and_its_name_alone_nothing() {
    nothing(&[
        app("ZoneAlarm Extreme Security", "Check Point Software"),
        app("Check Point Endpoint Security", "Check Point Software"),
        app("Microsoft Forefront Threat Management Gateway", "Microsoft Corporation"),
        json!({"kind": "file", "name": "x.ppl", "paths": ["C:\\Gateway\\engine\\x.ppl"]}),
    ]);
    for name in ["appinfo.kli", "prremote.dll", "kavbase.kdl", "klifsdk.sys"] {
        let file = json!({"kind": "file", "name": name, "paths": [format!("C:\\Gateway\\engine\\{name}")]});
        assert_eq!(said(&[file]), ["kaspersky/scan-engine component possible"], "{name}");
    }
}

/// The same file in the maker's own folder is no part of anything else.
#[test]
fn an_engine_in_its_makers_own_folder_is_not_called_a_part() {
    let path = "C:\\Program Files (x86)\\Kaspersky Lab\\Kaspersky Endpoint Security\\prremote.dll";
    let file = json!({"kind": "file", "name": "prremote.dll", "paths": [path]});
    assert_eq!(said(&[file]), ["kaspersky/scan-engine present likely"]);
}

#[test]
fn a_signed_library_in_a_foreign_program_is_a_part_of_it() {
    let items = [
        json!({"kind": "application", "name": "Other Player", "id": "other", "publisher": "Other Ltd."}),
        json!({"kind": "file", "name": "cssdk.dll", "owner": "other", "signer": "Beijing Qihu Technology Co., Ltd.",
            "paths": ["C:\\Program Files\\Other\\cssdk.dll"]}),
        json!({"kind": "driver", "name": "ACE-BASE.sys", "signer": "Tencent Technology(Shenzhen) Company Limited"}),
        json!({"kind": "file", "name": "HCNetSDK.dll", "paths": ["C:\\Program Files\\Other VMS\\HCNetSDK.dll"]}),
    ];
    assert_eq!(
        said(&items),
        [
            "hikvision/device-sdk component possible",
            "qihoo360/parts component certain",
            "tencent/anti-cheat component certain"
        ]
    );
}

#[test]
fn makers_that_hide_their_name_are_found() {
    for (item, found) in [
        (app("Trae", "SPRING (SG) PTE. LTD"), "bytedance/trae installed likely"),
        (app("豆包", "Beijing Chuntian Zhiyun Technology Co., Ltd."), "bytedance/doubao installed likely"),
        (app("Resso", "Moon Video Inc."), "bytedance/other installed likely"),
        (
            json!({"kind": "application", "name": "TeraBox", "publisher": "Flextech Inc.", "ids": {"product-code": "TeraBox"}}),
            "baidu/terabox installed certain",
        ),
        (
            json!({"kind": "application", "name": "ABBYY FineReader 12", "publisher": "Acresso Software Inc.",
                "paths": ["C:\\Program Files (x86)\\ABBYY FineReader 12"]}),
            "abbyy/finereader installed likely",
        ),
    ] {
        assert_eq!(said(std::slice::from_ref(&item)), [found], "{item}");
    }
    nothing(&[app("Delta", "Flextech Inc."), app("Spring Boot Helper", "Spring Software Ltd.")]);
}

#[test]
fn three_hundred_and_sixty_is_anybodys_number() {
    nothing(&[
        app("Insta360 Studio", "Arashi Vision Inc."),
        app("Norton 360", "NortonLifeLock Inc."),
        app("Cynet 360", "Cynet"),
        app("Autodesk Fusion 360", "Autodesk, Inc."),
        named("package", "gopher360"),
        named("package", "velocity-xbox360-git"),
        named("process", "is360srv.exe"),
    ]);
    assert_eq!(said(&[named("process", "qhsafetray.exe")]), ["qihoo360/total-security running possible"]);
}

#[test]
fn common_words_stand_for_nobody() {
    nothing(&[
        named("application", "Lark"),
        named("application", "Trae"),
        named("application", "QQ"),
        named("application", "UC"),
        app("Skylark", "Jane Doe"),
        app("QuarkXPress", "Quark Software Inc."),
        named("service", "aegis.service"),
        named("service", "MMS"),
        named("service", "aakore"),
        named("driver", "tracker.sys"),
        named("driver", "file_monitor.sys"),
        named("driver", "EdrDriver.sys"),
        named("driver", "EventMon.sys"),
        named("process", "agent.exe"),
        named("process", "PCManager.exe"),
        named("process", "ConfigTool.exe"),
        named("process", "dwengine.exe"),
        named("process", "ADWEngine.exe"),
        named("package", "notepadqq"),
        named("package", "libghc-aeson-qq-dev"),
        named("package", "libghc-djinn-lib-dev"),
        named("process", "kuma-dp"),
        named("service", "kuma-cp.service"),
    ]);
}

#[test]
fn a_service_of_malwarebytes_is_not_huaweis() {
    nothing(&[named("service", "MBAMService")]);
    assert_eq!(said(&[named("service", "MBAMainService")]), ["huawei/pc-manager present likely"]);
}

#[test]
fn an_id_of_an_advertising_network_or_in_a_bundles_name_is_no_signature() {
    nothing(&[
        json!({"kind": "application", "name": "x", "ids": {"team-id": "22mmun2rn5.skadnetwork"}}),
        json!({"kind": "application", "name": "x", "ids": {"bundle-id": "22MMUN2RN5.org.example"}}),
    ]);
    let bundle =
        json!({"kind": "application", "name": "x", "ids": {"bundle-id": "5ZSL2CJU2T.com.dingtalk.mac"}});
    assert_eq!(said(&[bundle]), ["alibaba/dingtalk installed certain"]);
}

#[test]
fn company_names_agree_whatever_their_brackets_and_spaces() {
    for publisher in [
        "腾讯科技(深圳)有限公司",
        "腾讯科技（深圳）有限公司",
        "Tencent Technology(Shenzhen) Company Limited",
        "Tencent Technology (Shenzhen) Co.,Ltd.",
        "TENCENT TECHNOLOGY (SHENZHEN) CO., LTD",
    ] {
        assert_eq!(said(&[app("微信", publisher)]), ["tencent/wechat installed likely"], "{publisher}");
    }
}

#[test]
fn front_ends_of_deepseek_are_a_mention() {
    for item in [
        app("DeepSeek Desktop", "Buktal"),
        named("package", "HunterBown.DeepSeek-TUI"),
        json!({"kind": "package", "name": "deepseek", "ids": {"purl": "pkg:pypi/deepseek@1.0.0"}}),
    ] {
        assert_eq!(said(std::slice::from_ref(&item)), ["deepseek/deepseek mention possible"], "{item}");
    }
}

/// One product is one finding, however many of its parts are seen.
#[test]
fn parts_of_a_product_are_one_finding() {
    let items = [
        json!({"kind": "application", "name": "Kaspersky Endpoint Security for Windows", "publisher": "AO Kaspersky Lab",
            "ids": {"product-code": "{27534751-4A40-48BD-B393-BC3BF28C876E}"}}),
        named("service", "AVP.KES.21.19"),
        json!({"kind": "driver", "name": "klif.sys", "publisher": "AO Kaspersky Lab"}),
        json!({"kind": "process", "name": "avp.exe",
            "paths": ["C:\\Program Files (x86)\\Kaspersky Lab\\KES\\avp.exe"]}),
    ];
    assert_eq!(said(&items), ["kaspersky/kes-windows running certain"]);
}

/// The agent is a product of its own, and stays when the other is gone.
#[test]
fn the_agent_is_told_apart() {
    let items = [
        named("service", "klnagent"),
        json!({"kind": "process", "name": "klnagent.exe",
            "paths": ["C:\\Program Files (x86)\\Kaspersky Lab\\NetworkAgent\\klnagent.exe"]}),
    ];
    assert_eq!(said(&items), ["kaspersky/network-agent running likely"]);
}
