//! The schema knows what the reader knows, and nothing else.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::*;
use crate::config::{Format, parse};

/// Checks a value against a schema, as far as this schema goes: the way to the first misfit.
fn misfit(schema: &Value, value: &Value, root: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("what is referred to");
        return misfit(target, value, root);
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        let misfits: Option<Vec<String>> =
            forms.iter().map(|form| misfit(form, value, root)).collect();
        return misfits.map(|all| all.join(" and "));
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        _ => true,
    };
    let words = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    let constant = schema.get("const").is_none_or(|constant| constant == value);
    let text = value.as_str().unwrap_or_default();
    let pattern = match schema["pattern"].as_str() {
        None => true,
        Some(r"\$\{|SECRET\[") => text.contains("${") || text.contains("SECRET["),
        Some(glob) => {
            let aliases = glob.strip_prefix(r"[*?\[]|^(").and_then(|it| it.strip_suffix(")$"));
            let is_alias = aliases.expect("a pattern").split('|').any(|alias| alias == text);
            is_alias || text.contains(['*', '?', '['])
        }
    };
    let bound = |name: &str| schema[name].as_f64();
    let number = value.as_f64().unwrap_or_default();
    let within = bound("minimum").is_none_or(|least| number >= least)
        && bound("exclusiveMinimum").is_none_or(|below| number > below)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("minItems").is_none_or(|_| value != &json!([]));
    if !(fits && words && constant && pattern && within) {
        return Some(format!("{value} is not {schema}"));
    }
    misfit_of_members(schema, value, root)
}

fn misfit_of_members(schema: &Value, value: &Value, root: &Value) -> Option<String> {
    for item in value.as_array().into_iter().flatten() {
        if let Some(found) = schema.get("items").and_then(|items| misfit(items, item, root)) {
            return Some(found);
        }
    }
    let members = value.as_object()?;
    for name in members.keys() {
        let names = schema.get("propertyNames");
        if let Some(found) = names.and_then(|it| misfit(it, &Value::from(name.as_str()), root)) {
            return Some(found);
        }
    }
    for needed in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(needed.as_str().expect("a name")) {
            return Some(format!("{needed} is missing"));
        }
    }
    for (name, member) in members {
        let found = match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => Some("is unknown".to_owned()),
            (Value::Null, Value::Null) => None,
            (Value::Null, others) => misfit(others, member, root),
            (property, _) => misfit(property, member, root),
        };
        if let Some(found) = found {
            return Some(format!("{name}: {found}"));
        }
    }
    for form in schema["allOf"].as_array().into_iter().flatten() {
        if misfit(&form["if"], value, root).is_none() {
            return misfit(&form["then"], value, root);
        }
    }
    None
}

fn examples() -> Vec<(String, Value)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/config-examples");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let ours = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // What stands beside an example for Vector itself is another program's config.
        path.extension().is_some_and(|ending| ending == "yaml") && !name.ends_with(".vector.yaml")
    });
    let read = ours.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.display().to_string(), serde_saphyr::from_str(&text).unwrap())
    });
    read.collect()
}

#[test]
fn every_example_fits_the_schema() {
    let (schema, examples) = (schema(), examples());
    assert!(examples.len() > 8, "{}", examples.len());
    for (name, example) in examples {
        assert_eq!(misfit(&schema, &example, &schema), None, "{name}");
    }
}

/// A config with a section that has a field nobody knows.
const UNKNOWN: &str = "nobody_would_ever_name_a_field_like_this_one";

fn source(more: &Value) -> Value {
    let mut source = json!({ "type": "zendesk", "subdomain": "acme", "streams": ["audit_logs"],
        "auth": { "strategy": "bearer", "token": "x" } });
    source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source
}

/// What a type of sink needs to be read at all.
fn sink(kind: &str) -> Value {
    let needed = match kind {
        "aws_s3" | "gcp_cloud_storage" => json!({ "bucket": "acme" }),
        "azure_blob" => json!({ "container_name": "acme", "account_name": "acme" }),
        "file" => json!({ "path": "acme" }),
        "http" => json!({ "uri": "https://example.com" }),
        "kafka" => json!({ "bootstrap_servers": "localhost:9092", "topic": "acme" }),
        "vector" => json!({ "address": "localhost:6000" }),
        _ => json!({}),
    };
    let mut sink = json!({ "type": kind, "inputs": ["acme"], "encoding": { "codec": "json" } });
    sink.as_object_mut().unwrap().extend(needed.as_object().unwrap().clone());
    sink
}

/// The fields that the reader names when it meets one that it does not know, and how many more it
/// says there are. None where it takes any.
fn known_to_the_reader(config: &Value) -> Option<(BTreeSet<String>, usize)> {
    let nothing: HashMap<String, String> = HashMap::from([("HOME".to_owned(), "/".to_owned())]);
    let error = parse(&config.to_string(), Format::Json, "x.json", &nothing).err()?;
    let problem = error.problems.iter().find(|problem| problem.message.contains(UNKNOWN))?;
    let hint = problem.hint.as_ref()?;
    let more = hint.strip_suffix(" more").and_then(|hint| hint.rsplit_once(" and "));
    let more = more.map_or(0, |(_, count)| count.parse().expect("a count"));
    Some((hint.split('`').skip(1).step_by(2).map(str::to_owned).collect(), more))
}

type SectionOfSchema = (String, Value, BTreeSet<String>, Vec<Field>);

/// Every map of the schema that takes no other fields: a config with an unknown field in it, and
/// what the schema knows there, and those of it that are numbers.
fn sections() -> Vec<SectionOfSchema> {
    let whole = |source: Value, sink: Value| json!({ "sources": { "acme": source }, "sinks": { "out": sink } });
    let usual = || whole(source(&json!({})), sink("console"));
    let mut found = Vec::new();
    let mut walk = |name: &str, groups: &[&[Field]], place: &dyn Fn(Value) -> Value| {
        walk_section(name, groups, place, &mut found);
    };
    walk("", &[top::TOP], &|members| {
        let mut config = usual();
        config.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        config
    });
    walk("source", SOURCE, &|members| whole(source(&members), sink("console")));
    walk("webhook", WEBHOOK, &|mut members| {
        members["type"] = Value::from("zendesk_webhook");
        members["address"] = Value::from("127.0.0.1:1");
        members["signing_secret"] = Value::from("x");
        whole(members, sink("console"))
    });
    for (kind, fields) in
        [("internal_logs", sources::INTERNAL_LOGS), ("internal_metrics", sources::INTERNAL_METRICS)]
    {
        walk(kind, &[top::TYPE, fields], &|mut members| {
            members["type"] = Value::from(kind);
            whole(members, sink("console"))
        });
    }
    for (kind, groups) in transforms::TRANSFORMS {
        walk(kind, groups, &|mut members| {
            members["type"] = Value::from(*kind);
            members["inputs"] = json!(["acme"]);
            let mut config = usual();
            config["transforms"] = json!({ "change": members });
            config
        });
    }
    for (kind, groups) in sinks::SINKS {
        walk(kind, groups, &|members| {
            let mut sink = sink(kind);
            sink.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            whole(source(&json!({})), sink)
        });
    }
    found
}

const WEBHOOK: &[&[Field]] = &[top::TYPE, sources::WEBHOOK];

const SOURCE: &[&[Field]] = &[top::TYPE, sources::ZENDESK];

fn walk_section(
    name: &str,
    groups: &[&[Field]],
    place: &dyn Fn(Value) -> Value,
    found: &mut Vec<SectionOfSchema>,
) {
    let fields = || groups.iter().copied().flatten();
    let names = fields().map(|field| field.name.to_owned()).collect();
    let is_number = |field: &&Field| {
        use Kind::{Between, Part, Seconds, SomeSeconds, Whole};
        matches!(field.kind, Between(..) | Part | Seconds | SomeSeconds | Whole)
    };
    let numbers = fields().filter(is_number).copied().collect();
    found.push((name.to_owned(), place(json!({ UNKNOWN: 1 })), names, numbers));
    for field in fields() {
        let path = format!("{name}.{}", field.name);
        let deeper = |members: Value| place(json!({ field.name: members }));
        match field.kind {
            Kind::Section(fields) | Kind::WordOr(_, fields) | Kind::SwitchOr(fields) => {
                walk_section(&path, &[fields], &deeper, found);
            }
            Kind::OneOf(..) | Kind::Auth(_) => {
                let (tag, variants) = match field.kind {
                    Kind::OneOf(tag, variants) => (tag, variants),
                    Kind::Auth(variants) => ("strategy", variants),
                    _ => unreachable!("one of the two"),
                };
                for (word, groups) in variants {
                    // What is looked for lies deeper than what must be there.
                    let needed = groups.iter().copied().flatten().filter(|it| it.needed);
                    let texts: Vec<_> = needed.filter(|it| matches!(it.kind, Kind::Text)).collect();
                    let tagged = |mut members: Value| {
                        for field in &texts {
                            members[field.name] = Value::from("acme");
                        }
                        members[tag] = Value::from(*word);
                        deeper(members)
                    };
                    walk_section(&format!("{path}={word}"), groups, &tagged, found);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_schema_has_the_fields_that_the_reader_has() {
    let (schema, mut compared, mut wrong) = (schema(), 0, Vec::new());
    for (name, config, known, _) in sections() {
        let Some((of_reader, more)) = known_to_the_reader(&config) else {
            wrong.push(format!("`{name}`: the reader takes a field that nobody knows"));
            continue;
        };
        // The reader names no word that the section is told apart by.
        let tags = ["type", "strategy", "azure_credential_kind"];
        let plain = |names: &BTreeSet<String>| -> BTreeSet<String> {
            names.iter().filter(|name| !tags.contains(&name.as_str())).cloned().collect()
        };
        let (ours, mut theirs) = (plain(&known), plain(&of_reader));
        if more > 0 && theirs.is_subset(&ours) && of_reader.len() + more == known.len() {
            theirs.clone_from(&ours);
        }
        // All sinks that send requests share one list, and then most of them refuse this.
        if name.ends_with(".request") && !ours.contains("headers") {
            theirs.remove("headers");
        }
        if ours != theirs {
            let (more, fewer) = (ours.difference(&theirs), theirs.difference(&ours));
            wrong.push(format!(
                "`{name}`: the schema alone has {:?}, the reader alone has {:?}",
                more.collect::<Vec<_>>(),
                fewer.collect::<Vec<_>>()
            ));
        }
        if misfit(&schema, &config, &schema).is_none() {
            wrong.push(format!("`{name}`: the schema takes a field that nobody knows"));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 60, "{compared}");
}

#[test]
fn the_schema_has_the_bounds_that_the_reader_has() {
    let (schema, mut compared, mut wrong) = (schema(), 0, Vec::new());
    let nothing: HashMap<String, String> = HashMap::from([("HOME".to_owned(), "/".to_owned())]);
    for (path, config, _, numbers) in sections() {
        let (text, unknown) = (config.to_string(), format!("\"{UNKNOWN}\":1"));
        assert!(text.contains(&unknown), "{path}");
        for field in numbers {
            let values = ["0", "1", "2", "100", "16777217"];
            let refused = |value: &&str| {
                let text = text.replace(&unknown, &format!("\"{}\":{value}", field.name));
                let problems = parse(&text, Format::Json, "x.json", &nothing).err();
                let problems = problems.map(|error| error.problems).unwrap_or_default();
                let said = |what: &str| problems.iter().any(|it| it.to_string().contains(what));
                // Of what else is wrong the bounds may not be told.
                let untold = said("missing field") || said("unknown field");
                (!untold).then(|| said(&format!("{}: ", field.name)))
            };
            let theirs: Option<Vec<bool>> = values.iter().map(refused).collect();
            // What no value is taken for is not there for this type.
            let Some(theirs) = theirs.filter(|refused| refused.contains(&false)) else { continue };
            let ours = values.map(|value| {
                let number = serde_json::from_str(value).unwrap();
                misfit(&field.schema(), &number, &schema).is_some()
            });
            for ((value, ours), theirs) in values.iter().zip(ours).zip(theirs) {
                compared += 1;
                if ours != theirs {
                    let name = field.name;
                    wrong.push(format!("`{path}.{name}: {value}`: refused by the schema {ours}, by the reader {theirs}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "{compared}");
}

#[test]
fn streams_are_known_by_name_to_an_editor() {
    let schema = schema();
    let fits = |source: &Value| misfit(&schema, &whole(source), &schema).is_none();
    let streams = |names: &[&str]| source(&json!({ "streams": names }));
    assert!(fits(&streams(&["audit_logs", "tick*", "incremental_tickets", "${STREAM}"])));
    for wrong in ["audit_log", "", "users_"] {
        assert!(!fits(&streams(&["audit_logs", wrong])), "{wrong}");
    }
    assert!(!fits(&streams(&[])));
    for by_stream in ["stream_options", "silence_alert_secs"] {
        let value = if by_stream == "stream_options" { json!({}) } else { json!(60) };
        assert!(fits(&source(&json!({ by_stream: { "audit_logs": value } }))), "{by_stream}");
        assert!(!fits(&source(&json!({ by_stream: { "audit_log": value } }))), "{by_stream}");
    }
    let offered = schema["$defs"]["stream"]["enum"].as_array().unwrap();
    assert_eq!(offered.len(), CATALOGUE.len());
    for name in CATALOGUE.iter().map(|spec| spec.name).chain(aliases()) {
        assert!(fits(&streams(&[name])), "{name}");
    }
}

fn whole(source: &Value) -> Value {
    json!({ "sources": { "acme": source }, "sinks": { "out": sink("console") } })
}

#[test]
fn the_schema_has_the_types_that_the_reader_has() {
    let types = |variants: &[Variant]| -> Vec<String> {
        variants.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    assert_eq!(types(sinks::SINKS), crate::config::sink::TYPES);
    assert_eq!(types(transforms::TRANSFORMS), crate::config::transform::TYPES);
    assert_eq!(types(sources::SOURCES), crate::config::source::TYPES);
}

#[test]
fn every_option_says_what_it_does() {
    fn look(schema: &Value, path: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if schema["allOf"].is_null() {
                let about = property["description"].as_str().unwrap_or_default();
                assert!(about.len() > 3, "{path}");
            }
            look(property, &path);
        }
        let forms = schema["allOf"].as_array().into_iter().flatten().map(|form| &form["then"]);
        let any = schema["anyOf"].as_array().into_iter().flatten();
        forms.chain(any).chain(schema.get("additionalProperties")).for_each(|it| look(it, path));
    }
    look(&schema(), "");
}
