//! Programs in VRL: compiled once, with diagnostics as Vector shows them, then run for each event.
//!
//! What is known of an event stands at `%zendesk` and cannot be assigned to. It must not know
//! what a transform makes of a result.

use std::fmt;
use std::sync::Arc;

use vrl::compiler::runtime::Runtime;
use vrl::compiler::state::{ExternalEnv, LocalEnv, TypeState};
use vrl::compiler::{CompileConfig, Function, TargetValueRef, TimeZone};
use vrl::diagnostic::{DiagnosticList, Formatter};
use vrl::path::{OwnedTargetPath, OwnedValuePath, PathPrefix};
use vrl::prelude::DiagnosticMessage as _;
use vrl::value::{Kind, Secrets, Value};

pub(super) use vrl::compiler::runtime::Terminate;

use super::item::Asked;
use super::view::View;

/// Where what is known of an event stands in its metadata.
pub(super) const METADATA_KEY: &str = "zendesk";

/// The name of a time zone: of the tz database, or `local`.
#[derive(Debug, Clone, Copy)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC, for programs of which nothing is said.
    pub const UTC: &str = "UTC";

    /// The zone of this name; none if there is no such zone.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::parse(name).map(Self)
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::parse(Self::UTC).unwrap_or(TimeZone::Local))
    }
}

/// What is compiled, and for what.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// The program's text.
    pub text: &'s str,
    /// What the text is called in diagnostics, such as the name of its file.
    pub name: &'s str,
    /// Whether diagnostics may show parts of the text: it may hold what is not to be seen.
    pub visible: bool,
    /// For times without a zone.
    pub zone: Zone,
}

/// A program that cannot be run: what the compiler says of it, over several lines.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    message: String,
    hint: Option<String>,
}

impl CompileError {
    /// What to do about it, where that is known better than the compiler knows it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The compiler's code for a call of a function that there is not.
const UNDEFINED_FUNCTION: usize = 105;

/// Functions that VRL has elsewhere and not in this build, and what there is in their place.
const ELSEWHERE: [(&[&str], &str); 4] = [
    (
        &["crc", "hmac", "md5", "seahash", "sha1", "sha2", "sha3", "xxhash"],
        "a `redact` transform with `action: hash` puts a keyed hash in the place of a field, the same for the same value",
    ),
    (
        &["decrypt", "decrypt_ip", "encrypt", "encrypt_ip"],
        "a `redact` transform masks, drops or hashes what is not to be read",
    ),
    (&["get_env_var"], "write `${NAME}` in the config: the variable is filled in at start"),
    (
        &[
            "dns_lookup",
            "encode_proto",
            "find_enrichment_table_records",
            "get_enrichment_table_record",
            "get_hostname",
            "get_secret",
            "get_timezone_name",
            "http_request",
            "parse_etld",
            "parse_proto",
            "reverse_dns",
            "validate_json_schema",
        ],
        "a program sees nothing but its event and `%zendesk`; Vector behind a `vector` sink can do it",
    ),
];

/// A compiled program, and what the compiler warns of.
pub type Compiled<P> = Result<(P, Option<String>), CompileError>;

/// A program that changes events.
#[derive(Clone)]
pub struct Program {
    compiled: Arc<vrl::compiler::Program>,
    zone: TimeZone,
    asked: Asked,
}

impl Program {
    /// Compiles it.
    pub fn compile(source: Source<'_>) -> Compiled<Self> {
        let mut config = CompileConfig::default();
        let known = OwnedValuePath::single_field(METADATA_KEY);
        config.set_read_only_path(OwnedTargetPath::metadata(known), true);
        compile(source, config)
    }

    /// Compiles a program that makes an event out of nothing, its metadata included.
    pub fn compile_free(source: Source<'_>) -> Compiled<Self> {
        compile(source, CompileConfig::default())
    }

    /// Whether it can end before its end.
    pub(super) fn can_stop(&self) -> bool {
        let info = self.compiled.info();
        info.fallible || info.abortable
    }

    /// What of the metadata it looks at, or leaves there.
    pub(super) fn asked(&self) -> Asked {
        self.asked
    }

    /// Runs it on an event's value and metadata, which it changes.
    pub(super) fn run(
        &self,
        value: &mut Value,
        metadata: &mut Value,
        runtime: &mut Runtime,
    ) -> Result<Value, Terminate> {
        let mut secrets = Secrets::default();
        let mut target = TargetValueRef { value, metadata, secrets: &mut secrets };
        let result = runtime.resolve(&mut target, &self.compiled, &self.zone);
        runtime.clear();
        result
    }
}

impl fmt::Debug for Program {
    /// Without its text, which may hold what came from the environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

/// A program that answers yes or no, and changes nothing.
#[derive(Debug, Clone)]
pub struct Condition(Program);

impl Condition {
    /// Compiles it. What is no question is refused.
    pub fn compile(source: Source<'_>) -> Compiled<Self> {
        let mut config = CompileConfig::default();
        config.set_read_only();
        let (program, warnings): (Program, _) = compile(source, config)?;
        let kind = program.compiled.final_type_info().result.kind().clone();
        if !kind.is_boolean() {
            let message = format!("a condition is a boolean; this one is {kind}");
            return Err(CompileError { message, hint: None });
        }
        Ok((Self(program), warnings))
    }

    pub(super) fn asked(&self) -> Asked {
        self.0.asked
    }

    /// Asks it. An error is no answer.
    pub(super) fn ask(
        &self,
        value: &Value,
        metadata: &Value,
        runtime: &mut Runtime,
    ) -> Result<bool, Terminate> {
        let mut view = View { value, metadata };
        let result = runtime.resolve(&mut view, &self.0.compiled, &self.0.zone);
        runtime.clear();
        Ok(matches!(result?, Value::Boolean(true)))
    }
}

/// What ended a program, in one line.
pub(super) fn reason(terminate: &Terminate) -> String {
    const LONGEST: usize = 300;
    let text = match terminate {
        Terminate::Interrupted => "interrupted".to_owned(),
        Terminate::Abort(error) | Terminate::Error(error) => {
            let own = error.notes().into_iter().rev().find_map(|note| match note {
                vrl::diagnostic::Note::UserErrorMessage(message) => Some(message),
                _ => None,
            });
            own.unwrap_or_else(|| error.to_string())
        }
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn compile<P: From<Program>>(source: Source<'_>, config: CompileConfig) -> Compiled<P> {
    let state = TypeState {
        local: LocalEnv::default(),
        external: ExternalEnv::new_with_kind(
            Kind::object(vrl::value::kind::Collection::any()),
            Kind::object(vrl::value::kind::Collection::any()),
        ),
    };
    let functions: Vec<Box<dyn Function>> = vrl::stdlib::all();
    let result = vrl::compiler::compile_with_state(source.text, &functions, &state, config)
        .map_err(|diagnostics| source.error(diagnostics))?;
    let info = result.program.info();
    let paths = info.target_queries.iter().chain(&info.target_assignments);
    let paths = paths.filter(|path| path.prefix == PathPrefix::Metadata);
    let asked = paths.fold(Asked::default(), |asked, path| asked.and(Asked::by(&path.path)));
    let warnings = (!result.warnings.is_empty()).then(|| source.shown(result.warnings));
    let program = Program { compiled: Arc::new(result.program), zone: source.zone.0, asked };
    Ok((program.into(), warnings))
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

impl Source<'_> {
    fn error(&self, diagnostics: DiagnosticList) -> CompileError {
        let mut undefined = diagnostics.iter().filter(|it| it.code == UNDEFINED_FUNCTION);
        let hint = undefined.find_map(|diagnostic| {
            let span = diagnostic.labels().first()?.span;
            let name = self.text.get(span.start()..span.end())?;
            let (_, instead) = ELSEWHERE.iter().find(|(names, _)| names.contains(&name))?;
            Some(format!("VRL's `{name}` is not in this build; {instead}"))
        });
        CompileError { message: self.shown(diagnostics), hint }
    }

    /// Diagnostics as people read them.
    fn shown(&self, diagnostics: DiagnosticList) -> String {
        if self.visible {
            let text = Formatter::new(self.text, diagnostics).to_string();
            return text.trim().replace("┌─ :", &format!("┌─ {}:", self.name));
        }
        let line_of = |at: usize| self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let shown = diagnostics.iter().map(|diagnostic| {
            let at = diagnostic.labels().first().map_or(0, |label| label.span.start());
            format!("error[E{:03}] in line {}", diagnostic.code, line_of(at) + 1)
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}
