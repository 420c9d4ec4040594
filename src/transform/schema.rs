//! Schemas: programs that come with zenstream and write Zendesk's records in the words of others.
//!
//! Each is VRL like a user's own, made of what all schemas ask of a record (`facts.vrl`) and of
//! what one of them makes of it. Nothing here reads a file: the programs are part of the binary. They
//! must not ask for anything but the record and `%zendesk`, and must not be able to fail.

/// A schema that a `remap` can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// The Elastic Common Schema 9.4.
    Ecs,
    /// The Open Cybersecurity Schema Framework 1.5.0.
    Ocsf,
    /// Events of Google `SecOps`' Unified Data Model.
    Udm,
    /// The fields of Splunk's Common Information Model.
    SplunkCim,
}

/// The program of a schema: what all of them share, then its own part.
macro_rules! program {
    ($file:literal) => {
        concat!(include_str!("schemas/facts.vrl"), "\n", include_str!($file))
    };
}

impl Schema {
    /// All of them, as they are listed.
    pub const ALL: [Self; 4] = [Self::Ecs, Self::Ocsf, Self::Udm, Self::SplunkCim];

    /// The names, in the same order.
    pub const NAMES: &[&str] = &["ecs", "ocsf", "udm", "splunk_cim"];

    /// The schema of this name; none if there is no such schema.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.name() == name)
    }

    /// Its name in a config.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Ecs => "Elastic Common Schema 9.4",
            Self::Ocsf => "Open Cybersecurity Schema Framework 1.5.0",
            Self::Udm => "Unified Data Model of Google SecOps",
            Self::SplunkCim => "Common Information Model of Splunk: Change, Authentication, Web",
        }
    }

    /// The text of its program, in VRL.
    pub fn program(self) -> &'static str {
        match self {
            Self::Ecs => program!("schemas/ecs.vrl"),
            Self::Ocsf => program!("schemas/ocsf.vrl"),
            Self::Udm => program!("schemas/udm.vrl"),
            Self::SplunkCim => program!("schemas/splunk_cim.vrl"),
        }
    }
}
