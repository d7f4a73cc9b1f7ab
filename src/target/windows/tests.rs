//! Each form of a path, and places written and read back.

use super::*;

fn at(text: &str) -> Option<String> {
    let place = path(text.as_bytes(), Some(Path::new("/Users/Ann"))).unwrap();
    place.map(|place| place.to_str().unwrap().to_owned())
}

#[test]
fn each_form_means_a_place_from_the_root() {
    for (text, place) in [
        (r"C:\Program Files\K\k.exe", "/Program Files/K/k.exe"),
        (r"c:/Program Files\\K/.\k.exe", "/Program Files/K/k.exe"),
        (r"\\?\C:\a.\b ", "/a./b"),
        (r"\??\C:\Windows\x.sys", "/Windows/x.sys"),
        (r"\\.\C:\Windows\x.sys", "/Windows/x.sys"),
        (r"\DosDevices\C:\x.sys", "/x.sys"),
        (r"\SystemRoot\System32\drivers\k.sys", "/Windows/System32/drivers/k.sys"),
        (r"\systemroot\k.sys", "/Windows/k.sys"),
        (r"System32\drivers\k.sys", "/Windows/System32/drivers/k.sys"),
        (r"drivers\k.sys", "/Windows/System32/drivers/k.sys"),
        (r"SysWOW64\k.dll", "/Windows/SysWOW64/k.dll"),
        (r"sysnative\k.dll", "/Windows/System32/k.dll"),
        (r"%SystemRoot%\system32\svchost.exe", "/Windows/system32/svchost.exe"),
        (r"%windir%\k.exe", "/Windows/k.exe"),
        (r"%ProgramFiles(x86)%\K\k.exe", "/Program Files (x86)/K/k.exe"),
        (r"%ProgramFiles%\K. \k.exe. .", "/Program Files/K/k.exe"),
        (r"%ALLUSERSPROFILE%\K", "/ProgramData/K"),
        (r"%SystemDrive%\K", "/K"),
        (r"%SystemDrive%\", "/"),
        (r"%USERPROFILE%\k.exe", "/Users/Ann/k.exe"),
        (r"%HOMEDRIVE%%HOMEPATH%\k.exe", "/Users/Ann/k.exe"),
        (r"%LocalAppData%\K\k.exe", "/Users/Ann/AppData/Local/K/k.exe"),
        (r"d:\Games\g.exe", "/D:/Games/g.exe"),
        (r"\Windows\k.exe", "/Windows/k.exe"),
        ("C:\\", "/"),
        (r"C:\100% real\50%\k.exe", "/100% real/50%/k.exe"),
    ] {
        assert_eq!(at(text).as_deref(), Some(place), "{text}");
    }
}

#[test]
fn what_means_no_file_means_none() {
    for text in ["", " ", "k.exe", r"K\k.exe", r"C:k.exe", r"\\.\PhysicalDrive0", "C:"] {
        assert_eq!(at(text), None, "{text}");
    }
}

#[test]
fn what_lies_elsewhere_is_a_gap_that_says_so() {
    let target = Target::refusing();
    let gap = |text: &str, home| target.windows_path(&text.into(), home).unwrap_err();
    for share in [r"\\host\share\k.exe", r"\\?\UNC\host\share\k.exe", r"\??\unc\host\share\k.exe"] {
        assert_eq!((gap(share, None).code, gap(share, None).blocks), (GapCode::Network, false), "{share}");
    }
    for volume in [r"\\?\Volume{0}\x", r"\??\volume{0}\x", r"\Device\HarddiskVolume1\x"] {
        assert_eq!((gap(volume, None).code, gap(volume, None).blocks), (GapCode::Unsupported, true));
    }
    for unknown in [r"%KROOT%\k.exe", r"C:\%KROOT%\k.exe", r"%USERPROFILE%\k.exe"] {
        assert_eq!((gap(unknown, None).code, gap(unknown, None).blocks), (GapCode::Unsupported, true));
    }
    assert_eq!(gap(r"%KROOT%\k.exe", None).place.raw(), r"%KROOT%\k.exe");
}

#[test]
fn links_of_windows_lead_from_the_root() {
    for (says, leads) in [
        (r"C:\ProgramData", "/ProgramData"),
        (r"\??\C:\ProgramData\", "/ProgramData/"),
        ("/??/C:/Users/Public", "/Users/Public"),
        ("/C:/Users", "/Users"),
        ("C:/", "/"),
        ("../../.NTFS-3G/C:/ProgramData", "/ProgramData"),
        ("/mnt/x/.NTFS-3G/D:/Data", "/D:/Data"),
        (r"..\Public", "../Public"),
        ("../Public", "../Public"),
        ("/ProgramData", "/ProgramData"),
        ("C:nothing", "C:nothing"),
    ] {
        assert_eq!(link(Path::new(says)), Path::new(leads), "{says}");
    }
}

#[test]
fn short_names_are_told_apart() {
    for short in ["PROGRA~1", "K~12.EXE", "MICROS~1.NET", "a~9"] {
        assert!(is_short(short.as_bytes()), "{short}");
    }
    for long in ["~1", "backup~", "a~b", "a long name~1", "notes~10000"] {
        assert!(!is_short(long.as_bytes()), "{long}");
    }
}

#[test]
fn places_are_written_as_windows_does_and_come_back() {
    for (place, wanted) in [
        ("/", r"C:\"),
        ("/Program Files/K/k.exe", r"C:\Program Files\K\k.exe"),
        ("/D:/Games/g.exe", r"D:\Games\g.exe"),
        ("/D:", r"D:\"),
        ("/D:x/y", r"C:\D:x\y"),
        (r"HKLM\SOFTWARE\K", r"HKLM\SOFTWARE\K"),
        ("process 1: /k", "process 1: /k"),
    ] {
        assert_eq!(written(&place.into()).raw(), wanted);
    }
    // A name with the separator of Windows can be written in the form of the root alone.
    let odd = Text::from_bytes(b"/Users/a\\b");
    assert_eq!(written(&odd), odd);
    for bytes in [&b"/k\xffl/x41"[..], b"/x41/\xd0", b"/Users/Ann", b"/D:/x"] {
        let place = Text::from_bytes(bytes);
        let back = path(&written(&place).to_bytes(), None).unwrap();
        assert_eq!(back.map(|p| Text::from_path(&p)), Some(place));
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
        drop(path(&bytes, Some(Path::new("/Users/Ann"))));
        link(&bytes_to_path(&bytes));
        written(&Text::from_bytes(&bytes));
        is_short(&bytes);
    }

    #[test]
    fn any_form_ends_at_the_root(text in r"(\\|/|\?|\.|C:|D:|%|SystemRoot|UNC|[a ]){0,12}") {
        if let Ok(Some(place)) = path(text.as_bytes(), None) {
            proptest::prop_assert!(place.has_root());
        }
    }
}
