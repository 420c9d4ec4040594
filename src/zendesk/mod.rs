//! Where records come from: the Zendesk API, and nothing about us.
pub mod transport;
