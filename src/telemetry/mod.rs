//! What the program tells about itself, as opposed to the data it moves.

mod host;
mod log;
mod metric;
mod tap;

pub use host::host;
pub use log::{Around, Color, LogError, LogFormat, LogSettings, init, write_around};
pub use metric::{Family, Labels, Metric, NAMESPACE, Reading};
pub use tap::{Heard, Listener, LogLine, Tap, listen};
