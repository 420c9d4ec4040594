//! `enrich_actors`: who the ids in an event are, in words.
//!
//! Pure, in two halves: which users an event names, and what is put into it once they are known.
//! Who finds that out stands outside, and must have an answer before the second half.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use vrl::path::{OwnedTargetPath, OwnedValuePath};
use vrl::value::Value;

use super::Made;
use super::item::Item;
use super::passage::Waiting;

/// The actor of what Zendesk did by itself; in audit events their `actor_id` is then -1 or null.
const SYSTEM: &str = "Zendesk";

/// The field whose null stands for Zendesk; elsewhere null is nobody.
const ACTOR: &str = "actor_id";

/// The `enrich_actors` of a config.
#[derive(Debug, Clone)]
pub struct Enrich {
    /// The fields that hold ids, or lists of ids, and the name of each one's users in the event.
    pub fields: Vec<(IdField, String)>,
    /// The key that all of it is put under.
    pub target: String,
    /// How users are found.
    pub lookup: Lookup,
}

/// A field that holds an id.
#[derive(Debug, Clone)]
pub struct IdField {
    path: OwnedTargetPath,
    is_actor: bool,
}

impl IdField {
    /// The field at that path of a record; an error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = super::path(text)?;
        if path.prefix != vrl::path::PathPrefix::Event {
            return Err(format!("`{text}` is not a field of a record"));
        }
        Ok(Self { path, is_actor: text.trim_start_matches('.') == ACTOR })
    }
}

/// How users are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// What of a user is added, by name.
    pub members: Vec<String>,
    /// The longest that events wait for it.
    pub timeout: Duration,
    /// The most users that are remembered.
    pub max_entries: usize,
    /// How long a user is remembered.
    pub ttl: Duration,
    /// How long it is remembered that there is no such user.
    pub negative_ttl: Duration,
}

/// What is known of users.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// By id: their members; none: there is no such user. Who is not in it could not be looked up.
    pub users: HashMap<u64, Option<Arc<Map<String, Json>>>>,
    /// Why some could not be looked up.
    pub failure: Option<String>,
}

/// Whom an event names.
#[derive(Debug)]
pub(super) struct Named {
    /// By place of the field; nothing for one that is not there.
    by_field: Vec<Option<Who>>,
    /// Whether the target's key is free: then nothing but it has to be written.
    is_free: bool,
}

#[derive(Debug)]
enum Who {
    User(u64),
    /// With the id as it stands there.
    System(Json),
    Several(Vec<Who>),
}

impl Enrich {
    /// Keeps an event that names users until they are known; the others go on.
    pub(super) fn ask(&self, mut item: Item, made: &mut Made) -> Option<Waiting> {
        match self.named(&mut item) {
            Ok(Some(named)) => {
                item.rest();
                return Some(Waiting { item, named });
            }
            Ok(None) => {}
            Err(message) => made.fail(message, false),
        }
        made.emit(0, item);
        None
    }

    /// Whom the event names; none where it names nobody.
    fn named(&self, item: &mut Item) -> Result<Option<Named>, String> {
        let value = item.value()?;
        let by_field: Vec<Option<Who>> = self
            .fields
            .iter()
            .map(|(field, _)| Who::of(value.get(&field.path.path)?, field.is_actor))
            .collect();
        let is_free =
            value.as_object().is_some_and(|object| !object.contains_key(self.target.as_str()));
        Ok(by_field.iter().any(Option::is_some).then_some(Named { by_field, is_free }))
    }

    /// Puts what is known of them into the event, and gives it on in any case.
    pub(super) fn answer(&self, mut item: Item, named: &Named, known: &Known, made: &mut Made) {
        let named_by = self.fields.iter().zip(&named.by_field);
        let people = named_by.filter_map(|((_, name), who)| Some((name, who.as_ref()?)));
        let mut failed = false;
        let people: Map<String, Json> =
            people.map(|(name, who)| (name.clone(), who.described(known, &mut failed))).collect();
        if failed {
            let why = known.failure.clone();
            made.fail(why.unwrap_or_else(|| "users were not looked up".to_owned()), false);
        }
        if named.is_free {
            let text = Json::Object(people).to_string();
            item.append(&self.target, text.as_bytes());
        } else {
            let target = OwnedValuePath::single_field(&self.target);
            let members = people.into_iter().map(|(name, person)| {
                let mut path = target.clone();
                path.push_field(&name);
                (path, Value::from(person))
            });
            item.insert(members);
        }
        made.emit(0, item);
    }
}

impl Who {
    fn of(value: &Value, is_actor: bool) -> Option<Self> {
        match value {
            Value::Integer(id) => Some(match u64::try_from(*id) {
                Ok(id) if id > 0 => Self::User(id),
                _ => Self::System(Json::from(*id)),
            }),
            Value::Null if is_actor => Some(Self::System(Json::Null)),
            Value::Array(ids) => {
                let several: Vec<Self> = ids.iter().filter_map(|id| Self::of(id, false)).collect();
                Some(Self::Several(several))
            }
            // In what webhooks bring, ids are text.
            other => {
                let id = other.to_str()?.parse::<i64>().ok()?;
                Self::of(&Value::Integer(id), is_actor)
            }
        }
    }

    fn ids(&self, ids: &mut BTreeSet<u64>) {
        match self {
            Self::User(id) => {
                ids.insert(*id);
            }
            Self::System(_) => {}
            Self::Several(several) => {
                for who in several {
                    who.ids(ids);
                }
            }
        }
    }

    /// What is put into the event.
    fn described(&self, known: &Known, failed: &mut bool) -> Json {
        match self {
            Self::System(id) => json!({ "id": id, "name": SYSTEM, "role": "system" }),
            Self::Several(several) => {
                several.iter().map(|who| who.described(known, failed)).collect()
            }
            Self::User(id) => match known.users.get(id) {
                Some(Some(person)) => {
                    let id = ("id".to_owned(), Json::from(*id));
                    let members = person.iter().map(|(key, value)| (key.clone(), value.clone()));
                    [id].into_iter().chain(members).collect()
                }
                Some(None) => json!({ "id": id, "lookup": "not_found" }),
                None => {
                    *failed = true;
                    json!({ "id": id, "lookup": "failed" })
                }
            },
        }
    }
}

impl Named {
    /// The users that are to be looked up.
    pub(super) fn ids(&self, ids: &mut BTreeSet<u64>) {
        for who in self.by_field.iter().flatten() {
            who.ids(ids);
        }
    }
}
