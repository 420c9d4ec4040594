//! What the program tells about itself, as opposed to the data it moves.

mod log;

pub use log::{Around, Color, LogError, LogFormat, LogSettings, init, write_around};
