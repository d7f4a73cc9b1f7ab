//! Programs that real installers of Windows put into a Windows, in Wine: found, and after their removal found no more.
//!
//! The installers are made by NSIS and by wixl, and run by Wine itself, so that what they leave in the registry and on the
//! disk is what such installers leave.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::lab::{Root, finish, has, lacking};

const TARGET: &str = "x86_64-pc-windows-gnu";
const RULES: &str = r#"
[[vendor]]
id = "acme"
name = "Acme Spyware Inc."
publisher = ["Acme Spyware*"]
name-match = ["Acme *"]
"#;

/// The program for Windows, built once; none where it cannot be.
fn program() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--target", TARGET, "--bin", "interdict"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        if !cargo.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&cargo.stderr));
            lacking(TARGET);
            return None;
        }
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
        Some(target.join(TARGET).join("debug/interdict.exe"))
    };
    BUILT.get_or_init(build).as_deref()
}

/// A Windows of its own.
struct Windows(Root, &'static Path);

impl Windows {
    /// None where Wine, a maker of installers or the program for Windows cannot be had.
    fn new(maker: &str) -> Option<Self> {
        let all = ["wine", "wineserver", "x86_64-w64-mingw32-gcc", maker];
        if !all.into_iter().all(has) {
            return None;
        }
        let root = Root::new();
        root.write("acme.toml", RULES);
        Some(Self(root, program()?))
    }

    /// Runs a program of Windows.
    fn run(&self, program: &Path, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/wine"));
        command.env("INTERDICT_WINE", self.0.at("wine")).current_dir(self.0.0.path());
        let run = finish(command.arg(program).args(args));
        (run.code, if run.out.is_empty() { run.err } else { run.out })
    }

    /// The findings: product, state, strength, and the sources of their evidence with names.
    fn findings(&self) -> Vec<(String, String, Vec<String>)> {
        let args = ["scan", "--no-builtin-rules", "--rules", "acme.toml", "-o", "json", "--depth", "full"];
        let (_, out) = self.run(self.1, &args);
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
        assert_eq!(report["target"]["kind"], "live");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let finding = |finding: &Value| {
            let evidence = finding["evidence"].as_array().unwrap().iter();
            let mut evidence: Vec<_> = evidence
                .map(|e| {
                    format!(
                        "{} {} {} {}",
                        text(&e["source"]),
                        text(&e["state"]),
                        text(&e["name"]),
                        text(&e["place"])
                    )
                })
                .collect();
            evidence.sort();
            (text(&finding["state"]), text(&finding["strength"]), evidence)
        };
        report["findings"].as_array().unwrap().iter().map(finding).collect()
    }
}

/// An installer of NSIS that writes both views of the registry, or what is the user's.
const SCRIPT: &str = r#"
Target amd64-unicode
Name "Acme Agent"
OutFile "setup.exe"
RequestExecutionLevel user
SilentInstall silent
SilentUnInstall silent
InstallDir "$PROGRAMFILES64\Acme"
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\AcmeAgent"
Section
  SetOutPath "$INSTDIR"
  File "agent.exe"
  WriteUninstaller "$INSTDIR\uninst.exe"
  SetRegView 64
  WriteRegStr HKLM "${KEY}" "DisplayName" "Acme Agent"
  WriteRegStr HKLM "${KEY}" "DisplayVersion" "1.2"
  WriteRegStr HKLM "${KEY}" "Publisher" "Acme Spyware Inc."
  WriteRegStr HKLM "${KEY}" "UninstallString" '"$INSTDIR\uninst.exe"'
  SetRegView 32
  WriteRegStr HKLM "${KEY}32" "DisplayName" "Acme Helper"
  WriteRegStr HKLM "${KEY}32" "Publisher" "Acme Spyware Inc."
  WriteRegStr HKCU "${KEY}User" "DisplayName" "Acme Toolbar"
  WriteRegStr HKCU "${KEY}User" "Publisher" "Acme Spyware Inc."
SectionEnd
Section un.
  SetRegView 64
  DeleteRegKey HKLM "${KEY}"
  SetRegView 32
  DeleteRegKey HKLM "${KEY}32"
  DeleteRegKey HKCU "${KEY}User"
  Delete "$INSTDIR\agent.exe"
  Delete "$INSTDIR\uninst.exe"
SectionEnd
"#;

#[test]
fn what_an_installer_of_nsis_installs_is_found_until_it_is_removed() {
    let Some(windows) = Windows::new("makensis") else { return };
    windows.0.write("agent.exe", std::fs::read(windows.1).unwrap());
    windows.0.write("setup.nsi", SCRIPT);
    let made = finish(Command::new("makensis").arg("-V2").arg("setup.nsi").current_dir(windows.0.0.path()));
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert_eq!(windows.findings(), []);
    assert_eq!(windows.run(&windows.0.at("setup.exe"), &["/S"]).0, 0);
    let found = windows.findings();
    let [(state, strength, evidence)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((state.as_str(), strength.as_str()), ("installed", "likely"));
    let key = r"Microsoft\Windows\CurrentVersion\Uninstall\AcmeAgent";
    for wanted in [
        format!(r"uninstall installed Acme Agent HKLM\SOFTWARE\{key}"),
        format!(r"uninstall installed Acme Helper HKLM\SOFTWARE\Wow6432Node\{key}32"),
    ] {
        assert!(evidence.contains(&wanted), "{wanted}: {evidence:#?}");
    }
    let of_user = |row: &&String| row.starts_with("uninstall installed Acme Toolbar HKU\\S-1-5-21-");
    assert_eq!(evidence.iter().filter(of_user).count(), 1, "{evidence:#?}");
    let uninstaller = windows.0.at("wine/root/drive_c/Program Files/Acme/uninst.exe");
    // Without it, an uninstaller copies itself elsewhere and goes on from there.
    let (code, _) = windows.run(&uninstaller, &["/S", r"_?=C:\Program Files\Acme"]);
    assert_eq!((code, windows.findings()), (0, vec![]));
}

/// A product of the Windows Installer.
const PRODUCT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="{11111111-2222-3333-4444-555555555555}" Name="Acme Suite" Language="1033" Version="3.1.4"
      Manufacturer="Acme Spyware Inc." UpgradeCode="{99999999-2222-3333-4444-555555555555}">
    <Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="INSTALLDIR" Name="Acme Suite">
          <Component Id="Agent" Guid="{22222222-2222-3333-4444-555555555555}" Win64="yes">
            <File Id="agent.exe" Source="agent.exe" KeyPath="yes"/>
          </Component>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="Main" Level="1"><ComponentRef Id="Agent"/></Feature>
  </Product>
</Wix>
"#;

#[test]
fn what_the_windows_installer_installs_is_found_until_it_is_removed() {
    let Some(windows) = Windows::new("wixl") else { return };
    windows.0.write("agent.exe", "MZ of a test");
    windows.0.write("suite.wxs", PRODUCT);
    let made = finish(
        Command::new("wixl")
            .args(["-a", "x64", "-o", "suite.msi", "suite.wxs"])
            .current_dir(windows.0.0.path()),
    );
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let (code, said) = windows.run(Path::new("msiexec"), &["/i", "suite.msi", "/qn"]);
    assert_eq!(code, 0, "{said}");
    let found = windows.findings();
    let [(state, strength, evidence)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((state.as_str(), strength.as_str()), ("installed", "likely"));
    let code = "{11111111-2222-3333-4444-555555555555}";
    for wanted in [
        format!(
            r"uninstall installed Acme Suite HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{code}"
        ),
        r"msi installed Acme Suite HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18".to_owned(),
    ] {
        assert!(evidence.iter().any(|row| row.starts_with(&wanted)), "{wanted}: {evidence:#?}");
    }
    assert_eq!(windows.run(Path::new("msiexec"), &["/x", "suite.msi", "/qn"]).0, 0);
    assert_eq!(windows.findings(), []);
}
