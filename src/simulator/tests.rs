//! Each rule against the facts.
