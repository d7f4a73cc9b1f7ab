//! Programs, drivers and catalogues of Windows that other readers of them are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use interdict::parse::authenticode::{Catalogue, Check, signatures};
use interdict::parse::pe::Pe;
use serde_json::Value;

use crate::lab::{Root, run, shared};

/// What is told of one file: maker, product, version, original name, signer of whom it is said, and what of a signature
/// was checked.
type Told = (
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
);

const MICROSOFT: Option<&str> = Some("Microsoft Corporation");
const MOZILLA: Option<&str> = Some("Mozilla Corporation");
const WINDOWS: Option<&str> = Some("Microsoft® Windows® Operating System");
const VERIFIED: Option<&str> = Some("verified");
const NOTHING: Told = (None, None, None, None, None, None);

const FILES: &[(&str, Told)] = &[
    // Others do not find its version resource.
    ("PeNet/VB40032.DLL", (MICROSOFT, Some("Visual Basic 4.0"), Some("4.00.2924"), None, None, None)),
    (
        "PeNet/arm_dotnet_binary.dll",
        (
            MICROSOFT,
            WINDOWS,
            Some("10.0.18362.1"),
            Some("Microsoft.Management.Infrastructure.Native.dll"),
            None,
            None,
        ),
    ),
    (
        "PeNet/dotnet_x64.dll",
        (
            MICROSOFT,
            Some("Microsoft® .NET Core"),
            Some("3.1.1+17300169760c61a90cab8d913636c1058a30a8c1"),
            Some("Microsoft.VisualBasic.Core.dll"),
            MICROSOFT,
            VERIFIED,
        ),
    ),
    (
        "PeNet/firefox_x64.exe",
        (MOZILLA, Some("Firefox"), Some("62.0"), Some("firefox.exe"), MOZILLA, VERIFIED),
    ),
    // The digest in its signature was changed with the file, and fits; what was signed is another one.
    (
        "PeNet/firefox_x64_manipulated.exe",
        (MOZILLA, Some("Firefox"), Some("62.0"), Some("firefox.exe"), None, Some("mismatch")),
    ),
    (
        "PeNet/firefox_x86.exe",
        (MOZILLA, Some("Firefox"), Some("62.0"), Some("firefox.exe"), MOZILLA, VERIFIED),
    ),
    (
        "PeNet/pidgin.exe",
        (
            Some("The Pidgin developer community"),
            Some("Pidgin"),
            Some("2.10.11"),
            Some("pidgin.exe"),
            Some("Daniel Atallah"),
            VERIFIED,
        ),
    ),
    ("authenticode-rs/tiny32.efi", NOTHING),
    ("authenticode-rs/tiny32.signed.efi", (None, None, None, None, Some("TestKey"), VERIFIED)),
    ("authenticode-rs/tiny64.efi", NOTHING),
    ("go-pe/dmdskres.dll", (MICROSOFT, WINDOWS, Some("10.0.19041.546"), Some("WKSCLI.DLL"), None, None)),
    (
        "goblin/has_res_full_version_and_manifest.exe.bin",
        (
            Some("GOBLIN-TEST-BIN-COMPANY-NAME"),
            Some("GOBLIN-TEST-BIN-PRODUCT-NAME"),
            Some("GOBLIN-TEST-BIN-PRODUCT-VERSION"),
            Some("GOBLIN-TEST-BIN-ORIGINAL-FILENAME"),
            None,
            None,
        ),
    ),
    // Its headers have no room for the place of resources, so it has none.
    ("goblin/malformed_resource_tree.exe.bin", NOTHING),
    (
        "relic/ClassLibrary1.dll",
        (None, Some("ClassLibrary1"), Some("1.0.0.0"), Some("ClassLibrary1.dll"), None, None),
    ),
    // The index has a slip in the name, which is in UTF-16.
    (
        "relic/WindowsFormsApplication1.exe",
        (
            None,
            Some("WindowsFormsApplication1"),
            Some("1.0.0.0"),
            Some("WindowsFormsApplication1.exe"),
            Some("{4E7ADCCD-7571-4FED-81D0-6F93A58F6866}"),
            VERIFIED,
        ),
    ),
    (
        "signify/DXCore.dll",
        (MICROSOFT, WINDOWS, Some("10.0.26100.4768"), Some("DXCore.DLL"), MICROSOFT, VERIFIED),
    ),
    // Its digest is one of MD5, which is not checked; by any other it cannot fit.
    (
        "signify/SoftwareUpdate.exe",
        (
            Some("Apple Inc."),
            Some("Apple Software Update"),
            Some("2.1.1.116"),
            Some("SoftwareUpdate.exe"),
            None,
            Some("unchecked"),
        ),
    ),
    (
        "signify/kdbazis.dll",
        (
            Some("VirtualKD-Redux"),
            Some("VirtualKD-Redux"),
            Some("2021.0"),
            Some("kdvm.dll"),
            Some("VirtualKD-Redux SPC"),
            VERIFIED,
        ),
    ),
    (
        "signify/pciide.sys",
        (MICROSOFT, WINDOWS, Some("6.1.7600.16385"), Some("pciide.sys"), MICROSOFT, VERIFIED),
    ),
    (
        "signify/whois.exe",
        (
            Some("Sysinternals - www.sysinternals.com"),
            Some("Sysinternals Whois"),
            Some("1.21"),
            Some("whois.exe"),
            MICROSOFT,
            VERIFIED,
        ),
    ),
    (
        "uthenticode/32-pegoat-authenticode.exe",
        (None, None, None, None, Some("contact@trailofbits.com"), VERIFIED),
    ),
    (
        "uthenticode/64-pegoat-authenticode.exe",
        (None, None, None, None, Some("contact@trailofbits.com"), VERIFIED),
    ),
    // A table of certificates was put into the middle of it, so that its version resource is no longer where it says,
    // and what is loaded is not what was signed.
    ("uthenticode/YourPhone.exe", (None, None, None, None, None, Some("mismatch"))),
];

fn folder(shared: &Path) -> PathBuf {
    shared.join("fixtures/pe")
}

/// The items and the row of the programs of a root.
fn told(root: &Root) -> (Vec<Value>, Value) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == "programs").cloned().collect::<Vec<_>>()
    };
    (of("items"), of("coverage").remove(0))
}

#[test]
fn files_say_who_made_and_who_signed_them() {
    let Some(shared) = shared() else { return };
    let root = Root::new();
    for (file, _) in FILES {
        let place = format!("Program Files/{}", file.trim_end_matches(".bin"));
        root.write(&place, fs::read(folder(&shared).join(file)).unwrap());
    }
    let (items, row) = told(&root);
    assert_eq!(items.len(), FILES.len());
    for (file, wanted) in FILES {
        let place = format!(r"C:\Program Files\{}", file.trim_end_matches(".bin").replace('/', r"\"));
        let item = items.iter().find(|item| item["place"] == place).unwrap();
        let is = |value: &'static str| item[value].as_str();
        let state = item["signature"]["state"].as_str();
        let found = (is("publisher"), is("product"), is("version"), is("original-name"), is("signer"), state);
        assert_eq!(found, *wanted, "{file}");
    }
    let gaps = row["gaps"].as_array().unwrap();
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap["place"].as_str().unwrap(), &gap["blocks"])).collect();
    assert_eq!(
        gaps,
        [
            // To Windows it is not signed.
            (r"C:\Program Files\go-pe\dmdskres.dll", &Value::Bool(false)),
            (r"C:\Program Files\uthenticode\YourPhone.exe", &Value::Bool(true)),
        ]
    );
}

#[test]
fn each_signer_of_a_file_is_told() {
    let Some(shared) = shared() else { return };
    let root = Root::new();
    let file = folder(&shared).join("uthenticode/32-pegoat-authenticode-nested.exe");
    root.write("opt/x/nested.exe", fs::read(file).unwrap());
    let (items, _) = told(&root);
    let signers: Vec<_> = items.iter().map(|item| item["signer"].as_str().unwrap()).collect();
    assert_eq!(signers, ["A SHA-1 cert", "A SHA-256 cert"]);
}

#[test]
fn catalogues_list_digests_and_name_their_signer() {
    let Some(shared) = shared() else { return };
    for (file, digests, signer) in [
        ("go-pe/ntexe.cat", 18, "Microsoft Windows"),
        ("relic/hyperv.cat", 22, "Microsoft Windows"),
        ("signify/oem89.cat", 1, "Microsoft Windows Hardware Compatibility Publisher"),
    ] {
        let catalogue = Catalogue::parse(&fs::read(folder(&shared).join(file)).unwrap()).unwrap();
        let signers: Vec<_> = catalogue.signers.iter().collect();
        let [by] = signers.as_slice() else { panic!("{signers:?}") };
        let name = by.identity.common_name.as_ref().unwrap().raw();
        assert_eq!((catalogue.digests.len(), name, by.check), (digests, signer, Check::Holds), "{file}");
    }
}

/// What another reader prints of a file and of a catalogue.
#[test]
fn another_reader_says_the_same() {
    let Some(shared) = shared() else { return };
    let golden = |name: &str| -> Value {
        let text = fs::read(shared.join(format!("fixtures/pe-golden/go-pe/{name}.golden"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let told = &golden("TestForwarder")["VersionInformation"];
    let file = fs::File::open(folder(&shared).join("go-pe/dmdskres.dll")).unwrap();
    let mut file = Pe::open(file).unwrap().unwrap();
    let version = file.version().unwrap().unwrap();
    for (key, found) in [
        ("CompanyName", version.company),
        ("ProductName", version.product),
        ("FileDescription", version.description),
        ("OriginalFilename", version.original_name),
        ("FileVersion", version.file_version),
        ("ProductVersion", version.product_version),
    ] {
        assert_eq!(told[key].as_str(), found.as_ref().map(interdict::text::Text::raw), "{key}");
    }
    assert_eq!((file.machine, file.is_library, file.is_native), (0x8664, true, false));
    let told = golden("TestCatalog");
    let catalogue = Catalogue::parse(&fs::read(folder(&shared).join("go-pe/ntexe.cat")).unwrap()).unwrap();
    let digests = told["CertificateTrustList"].as_array().unwrap().iter();
    let digests: Vec<_> = digests.map(|digest| digest["Hash"].as_str().unwrap().to_owned()).collect();
    assert_eq!(catalogue.digests.iter().map(|d| interdict::text::hex(&d.bytes)).collect::<Vec<_>>(), digests);
    assert_eq!(told["Signer"]["SerialNumber"], catalogue.signers[0].identity.serial.raw());
}

/// The signature of an app package is of something else than a program.
#[test]
fn the_signature_of_a_package_is_none_of_a_file() {
    let Some(shared) = shared() else { return };
    let package = fs::read(folder(&shared).join("signify/AppxSignature.p7x")).unwrap();
    let found = signatures(package.strip_prefix(b"PKCX").unwrap()).unwrap();
    assert_eq!(found.len(), 1);
}

/// Looks at all that there is in some bytes.
fn look(bytes: &[u8]) {
    if let Ok(Some(mut file)) = Pe::open(Cursor::new(bytes)) {
        std::hint::black_box(file.version().ok());
        for table in file.signatures().unwrap_or_default() {
            std::hint::black_box(signatures(&table).ok());
        }
    }
    std::hint::black_box((signatures(bytes).ok(), Catalogue::parse(bytes).ok()));
}

/// Each file cut at lengths of all sizes and with 10,000 bits turned in all, by a fixed seed, where it is read.
#[test]
fn damaged_files_end_without_a_panic() {
    let Some(shared) = shared() else { return };
    let files = FILES.iter().map(|(file, _)| *file);
    let files: Vec<_> = files
        .chain(["go-pe/ntexe.cat", "relic/hyperv.cat", "signify/oem89.cat", "signify/AppxSignature.p7x"])
        .map(|file| fs::read(folder(&shared).join(file)).unwrap())
        .collect();
    let mut seed = 0x5eed_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let flips = 10_000 / files.len() + 1;
    for bytes in &files {
        let lengths = (0..12)
            .flat_map(|power| [1 << power, (1 << power) + 1])
            .chain((1..16).map(|n| bytes.len() * n / 16));
        for length in lengths.filter(|length| *length < bytes.len()) {
            look(&bytes[..length]);
        }
        let mut bytes = bytes.clone();
        for _ in 0..flips {
            // Half of them in the headers, the other half in what lies at the end: resources and signatures.
            let size = bytes.len();
            let at =
                if random(2) == 0 { random(size.min(1024)) } else { size - 1 - random(size.min(10_000)) };
            let bit = 1 << random(8);
            bytes[at] ^= bit;
            look(&bytes);
            bytes[at] ^= bit;
        }
    }
}
