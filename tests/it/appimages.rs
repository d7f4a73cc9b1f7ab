//! Images that the tools of others made, of each sort, with more in them than fits one block.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::lab::{Root, has, run};

/// The head of a program of 64 bytes, with the mark of an `AppImage` of type 2.
fn program() -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01\0AI\x02".to_vec();
    program.resize(64, 0);
    program[0x28] = 64;
    program
}

/// A folder as an `AppImage` has it, and many files beside, so that lists and descriptions take several blocks.
fn folder() -> Root {
    let root = Root::new();
    root.write("AppRun", "#!/bin/sh\n");
    root.link("org.vendor.Tool.desktop", "usr/share/applications/org.vendor.Tool.desktop");
    let comment = "# a comment that makes the entry longer than a block of 4 KiB is\n".repeat(500);
    let entry = format!("[Desktop Entry]\n{comment}Type=Application\nName=Vendor Tool\nExec=tool\n");
    root.write("usr/share/applications/org.vendor.Tool.desktop", entry);
    let metainfo = "<component><id>org.vendor.Tool</id><developer><name>Vendor</name></developer>\
                    <releases><release version='7.1'/></releases></component>";
    root.write("usr/share/metainfo/org.vendor.Tool.metainfo.xml", metainfo);
    for number in 0..3000 {
        root.write(&format!("usr/share/a-folder-of-many/file-{number}"), number.to_string());
        root.write(&format!("usr/share/metainfo/file-{number}"), "");
    }
    root
}

/// What is said of an image, and the gaps that block.
fn said(image: &[u8]) -> (String, Vec<String>) {
    let root = Root::debian();
    root.write("opt/v/renamed.AppImage", image);
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let items = inventory["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["source"] == "appimage").unwrap();
    let told = ["name", "version", "publisher"].map(|key| item[key].as_str().unwrap_or("-"));
    let rows = inventory["coverage"].as_array().unwrap();
    let row = rows.iter().find(|row| row["source"] == "appimage").unwrap();
    let gaps = row["gaps"].as_array().unwrap();
    (told.join("|"), gaps.iter().map(ToString::to_string).collect())
}

fn made(command: &mut Command, image: &Path) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(image).unwrap()
}

#[test]
fn an_image_of_squashfs_is_read_however_it_is_packed() {
    if !has("mksquashfs") {
        return;
    }
    let folder = folder();
    let out = tempfile::tempdir().unwrap();
    for options in [
        "-comp gzip",
        "-comp gzip -b 4096 -always-use-fragments",
        "-comp gzip -noI -noD -noF",
        "-comp xz -b 1M -no-fragments",
        "-comp xz -Xbcj x86 -Xdict-size 100%",
        "-comp zstd -Xcompression-level 22 -b 4096",
        "-comp zstd -no-exports",
    ] {
        let image = out.path().join("image");
        let mut command = Command::new("mksquashfs");
        command.arg(folder.0.path()).arg(&image).args(["-noappend", "-quiet", "-no-progress"]);
        let image = made(command.args(options.split(' ')), &image);
        let (told, gaps) = said(&[program(), image].concat());
        assert_eq!((told.as_str(), gaps), ("Vendor Tool|7.1|Vendor", vec![]), "{options}");
    }
}

#[test]
fn an_image_of_iso_9660_is_read_with_and_without_compression() {
    if !has("xorriso") {
        return;
    }
    let folder = folder();
    let out = tempfile::tempdir().unwrap();
    for options in ["", "-zisofs level=9:block_size=32k -find / -type f -exec set_filter --zisofs --"] {
        let image = out.path().join("image");
        if image.exists() {
            fs::remove_file(&image).unwrap();
        }
        let mut command = Command::new("xorriso");
        command.args(["-outdev".as_ref(), image.as_os_str()]).args(["-rockridge", "on", "-map"]);
        command.arg(folder.0.path()).arg("/").args(options.split(' ').filter(|o| !o.is_empty()));
        let mut image = made(command.arg("-commit"), &image);
        image[..11].copy_from_slice(b"\x7fELF\x02\x01\x01\0AI\x01");
        let (told, gaps) = said(&image);
        assert_eq!((told.as_str(), gaps), ("Vendor Tool|7.1|Vendor", vec![]), "{options}");
    }
}
