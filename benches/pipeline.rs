//! The whole pipeline, from the simulator to the memory sink.

fn main() {}
