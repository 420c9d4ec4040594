//! Standard output and standard error.

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Standard output: data.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Writes lines to standard output or standard error.
#[derive(Debug)]
pub struct Console;
