//! What stops a run: faults in the instructions, and faults inside. Faults in the evidence are gaps, never errors.

/// An error that ends the run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that does not exist or does not go together.
    #[error("{0}")]
    Usage(String),
    /// Rule files are wrong; the text shows every place.
    #[error("{0}")]
    Rules(String),
    /// The target is missing, or is nothing that can be scanned.
    #[error("cannot scan {place}: {reason}")]
    Target {
        /// The target as it was named.
        place: String,
        /// What is wrong with it and what to do next.
        reason: String,
    },
    /// A file of the operator's cannot be read.
    #[error("cannot read {path}: {reason}")]
    Instruction {
        /// The file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// An output cannot be written.
    #[error("cannot write {path}: {reason}")]
    Output {
        /// The file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// Writing failed after the output was opened.
    #[error("cannot finish writing {path}: {reason}")]
    Writing {
        /// The file or stream.
        path: String,
        /// What the operating system said.
        reason: String,
    },
}

impl Error {
    /// The exit code: 2 for what the person can mend in the instructions, 5 for a failure inside or while writing.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Writing { .. } => 5,
            _ => 2,
        }
    }
}
