//! File
