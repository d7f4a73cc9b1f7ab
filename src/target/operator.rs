//! The operator's own files: rules that are read and reports that are written. They are instructions, not evidence,
//! so what goes wrong with them stops the run.
#![allow(clippy::disallowed_methods, reason = "this is the operator's half of the one door")]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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

/// The text files with an ending in a folder and below it, or the one file that the path names, in order of path.
///
/// # Errors
/// When something cannot be read, is not UTF-8, or there is no such file at all.
pub fn texts(path: &Path, ending: &str) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry
            .map_err(|e| Error::Instruction { path: path.display().to_string(), reason: e.to_string() })?;
        let named = entry.depth() == 0;
        if !entry.path().is_dir() && (named || entry.path().extension().is_some_and(|e| e == ending)) {
            let text = fs::read_to_string(entry.path()).map_err(|e| unreadable(entry.path(), &e))?;
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
    Error::Instruction { path: path.display().to_string(), reason: error.to_string() }
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
    /// Tries whether a path can be written to, and leaves nothing there.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(path: &Path) -> Result<(), Error> {
        Self::create(path).map(drop)
    }

    /// Prepares to write to a path.
    ///
    /// # Errors
    /// When the place cannot be written to.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let error = |e: io::Error| Error::Output { path: path.display().to_string(), reason: e.to_string() };
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let to = match kind(&place) {
            Ok(PathKind::Folder) => return Err(error(io::Error::from(io::ErrorKind::IsADirectory))),
            Ok(PathKind::Other) => {
                let file = fs::OpenOptions::new().write(true).open(&place).map_err(error)?;
                Sort::Direct(io::BufWriter::new(file))
            }
            Ok(PathKind::File) | Err(_) => {
                let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let mut builder = tempfile::Builder::new();
                builder.prefix(".interdict-");
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    // What the umask leaves, as for any file a program writes.
                    builder.permissions(fs::Permissions::from_mode(0o666));
                }
                let file = builder.tempfile_in(folder).map_err(error)?;
                Sort::Beside(io::BufWriter::new(file))
            }
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
            file.persist(&self.path).map_err(|e| e.error)?;
        }
        Ok(())
    }
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
