//! Console
