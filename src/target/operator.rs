//! The operator's own files: rules that are read and reports that are written. They are instructions, not evidence,
//! so what goes wrong with them stops the run.
#![allow(clippy::disallowed_methods, reason = "this is the operator's half of the one door")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;

/// What stands at a path that the operator named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// Something else.
    Other,
}

/// What stands at a path, links followed.
///
/// # Errors
/// When nothing does, or it cannot be told.
pub fn kind(path: &Path) -> io::Result<PathKind> {
    let meta = fs::metadata(path)?;
    Ok(if meta.is_dir() {
        PathKind::Folder
    } else if meta.is_file() {
        PathKind::File
    } else {
        PathKind::Other
    })
}

/// A file that the operator named, opened for reading.
///
/// # Errors
/// When it cannot be opened, with its path.
pub fn open(path: &Path) -> Result<fs::File, Error> {
    fs::File::open(path).map_err(|e| unreadable(path, &e))
}

/// The bytes of a file that the operator named.
///
/// # Errors
/// When it cannot be read, or has more than so many bytes.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        return Ok(bytes);
    }
    Err(Error::Instruction {
        path: path.display().to_string(),
        reason: format!("it has more than {most} bytes"),
    })
}

/// The text of a file that the operator named.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|e| unreadable(path, &e))
}

/// The text files with an ending in a folder and below it, or the one file that the path names, in order of path.
///
/// # Errors
/// When something cannot be read, is not UTF-8, or there is no such file at all.
pub fn texts(path: &Path, ending: &str) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|e| {
            let at = e.path().unwrap_or(path).to_owned();
            unreadable(&at, &io::Error::from(e))
        })?;
        let named = entry.depth() == 0;
        if !entry.path().is_dir() && (named || entry.path().extension().is_some_and(|e| e == ending)) {
            let text = text(entry.path())?;
            found.push((entry.into_path(), text));
        }
    }
    if found.is_empty() {
        let reason = format!("it holds no .{ending} file");
        return Err(Error::Instruction { path: path.display().to_string(), reason });
    }
    Ok(found)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Instruction { path: path.display().to_string(), reason: reason(error) }
}

/// What a failure to read something that the operator named says to a person.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there; check the path".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        kind => io::Error::from(kind).to_string(),
    }
}

/// Files that are being written beside their places.
static PENDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn pending() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is written and not in its place yet, before the process ends without coming back.
pub fn abandon() {
    for path in pending().iter() {
        // The process ends; there is nobody left to tell.
        drop(fs::remove_file(path));
    }
}

/// An output that is whole or absent: a regular file is written beside its place and renamed by [`Output::finish`];
/// a device or a pipe is written to as it is.
pub struct Output {
    path: PathBuf,
    to: Sort,
}

enum Sort {
    Beside(io::BufWriter<tempfile::NamedTempFile>),
    Direct(io::BufWriter<fs::File>),
}

impl Output {
    /// Tries whether a path can be written to, and leaves nothing there. A pipe is not opened for that, because its
    /// reader would see it end.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(path: &Path) -> Result<(), Error> {
        if matches!(kind(path), Ok(PathKind::Other)) { Ok(()) } else { Self::create(path).map(drop) }
    }

    /// Prepares to write to a path.
    ///
    /// # Errors
    /// When the place cannot be written to.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let error = |e: io::Error| {
            let reason = match e.kind() {
                io::ErrorKind::NotFound => "its folder is not there; make it first".to_owned(),
                // What else the error names is no file of the operator's.
                kind => io::Error::from(kind).to_string(),
            };
            Error::Output { path: path.display().to_string(), reason }
        };
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let to = match kind(&place) {
            Ok(PathKind::Folder) => return Err(error(io::Error::from(io::ErrorKind::IsADirectory))),
            Ok(PathKind::Other) => {
                let file = fs::OpenOptions::new().write(true).open(&place).map_err(error)?;
                Sort::Direct(io::BufWriter::new(file))
            }
            Ok(PathKind::File) | Err(_) => Sort::Beside(io::BufWriter::new(beside(&place).map_err(error)?)),
        };
        Ok(Self { path: place, to })
    }

    /// Puts the whole output in its place.
    ///
    /// # Errors
    /// When the last bytes cannot be written, or the file cannot be renamed.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        if let Sort::Beside(writer) = self.to {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            let beside = file.path().to_owned();
            file.persist(&self.path).map_err(|e| e.error)?;
            pending().remove(&beside);
        }
        Ok(())
    }
}

/// A new file in the folder of another, with the mode of that one, or what the umask leaves.
fn beside(place: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".interdict-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder)?;
    pending().insert(file.path().to_owned());
    if let Ok(old) = fs::metadata(place) {
        file.as_file().set_permissions(old.permissions())?;
    }
    Ok(file)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Sort::Beside(writer) => writer.write(bytes),
            Sort::Direct(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Sort::Beside(writer) => writer.flush(),
            Sort::Direct(writer) => writer.flush(),
        }
    }
}
