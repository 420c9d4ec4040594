//! Who is who in an account: users by id, asked for in batches and remembered.
//!
//! What stands between a transform that wants names and the API. It asks through the account's own
//! client, so within its rate budget; several who need the same user at once share one request. It
//! never makes anybody wait for longer than it was told to, and after a failure lets the account
//! alone for a while. It must not know of events, or of what becomes of its answers.

mod cache;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared, join_all};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::zendesk::{ApiError, Client, ErrorKind, Needs, PageRequest};
use cache::{Cache, Found};

/// The most ids that one request may name; more are answered with 400 `TooManyValues`.
const IDS_A_REQUEST: usize = 100;

/// Several users by their ids; who is not there is left out of the answer.
/// <https://developer.zendesk.com/api-reference/ticketing/users/users/#show-many-users>
const SHOW_MANY: &str = "/api/v2/users/show_many";

/// The scope that it takes, beside `read`.
pub const SCOPE: &str = "users:read";

/// After a failure that may pass nobody is asked for so long: events that come meanwhile do not
/// wait for it once more.
const REST: Duration = Duration::from_mins(1);

/// The same after one that will not pass by itself.
const LONG_REST: Duration = Duration::from_mins(15);

/// Members of a user, in their order.
pub type Person = Map<String, Value>;

/// How users are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// The longest that anybody waits for an answer.
    pub timeout: Duration,
    /// The most users that are remembered.
    pub max_entries: usize,
    /// How long a user is remembered.
    pub ttl: Duration,
    /// How long it is remembered that there is no such user.
    pub negative_ttl: Duration,
    /// What of a user is remembered, by name.
    pub members: Vec<String>,
}

/// What is known of the users that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// By id; none: there is no such user. Who is not in it could not be looked up.
    pub users: HashMap<u64, Option<Arc<Person>>>,
    /// Why some could not be looked up.
    pub failure: Option<String>,
}

/// What a request brought, or why it failed.
type Answer = Result<Arc<HashMap<u64, Option<Arc<Person>>>>, Arc<Failure>>;

/// A request that all wait for who need somebody of it. When nobody waits any more it is given up.
type Lookup = Shared<BoxFuture<'static, Answer>>;

#[derive(Debug)]
struct Failure {
    message: String,
    rest: Duration,
}

/// The users of one account.
#[derive(Debug)]
pub struct Directory {
    client: Arc<Client>,
    settings: DirectorySettings,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    cache: Cache,
    under_way: HashMap<u64, WeakShared<BoxFuture<'static, Answer>>>,
    /// Nobody is asked before, and why.
    rests: Option<(Instant, String)>,
}

impl Directory {
    /// Nobody is known yet.
    pub fn new(client: Arc<Client>, settings: DirectorySettings) -> Self {
        let cache = Cache::new(settings.max_entries);
        let books = Books { cache, under_way: HashMap::new(), rests: None };
        Self { client, settings, books: Arc::new(Mutex::new(books)) }
    }

    /// What is known of these users, or can be found out in time. Where that fails, what was known
    /// before is better than nothing, however old.
    pub async fn look_up(&self, ids: &BTreeSet<u64>) -> Known {
        let mut known = Known::default();
        let lookups = self.begin(ids, &mut known);
        if !lookups.is_empty() {
            let asked = tokio::time::timeout(self.settings.timeout, join_all(lookups)).await;
            if let Ok(answers) = asked {
                for answer in answers {
                    self.take(answer, ids, &mut known);
                }
            } else {
                let limit = self.settings.timeout.as_secs_f64();
                let message = format!("users were not named within {limit} s");
                self.fail(&Failure { message, rest: REST }, &mut known);
            }
        }
        if known.failure.is_some() {
            let mut books = lock(&self.books);
            for id in ids {
                if let Some(Found { person, .. }) = books.cache.get(*id, Instant::now()) {
                    known.users.entry(*id).or_insert(person);
                }
            }
            if known.users.len() == ids.len() {
                known.failure = None;
            }
        }
        known
    }

    /// Takes what is known, and returns the requests that bring the rest.
    fn begin(&self, ids: &BTreeSet<u64>, known: &mut Known) -> Vec<Lookup> {
        let now = Instant::now();
        let mut books = lock(&self.books);
        let (mut lookups, mut missing): (Vec<Lookup>, Vec<u64>) = (Vec::new(), Vec::new());
        for id in ids {
            if let Some(Found { person, is_fresh: true }) = books.cache.get(*id, now) {
                known.users.insert(*id, person);
                continue;
            }
            match books.under_way.get(id).and_then(WeakShared::upgrade) {
                Some(lookup) if lookups.iter().any(|known| known.ptr_eq(&lookup)) => {}
                Some(lookup) => lookups.push(lookup),
                None => missing.push(*id),
            }
        }
        if missing.is_empty() {
            return lookups;
        }
        if let Some((until, why)) = &books.rests
            && now < *until
        {
            known.failure = Some(why.clone());
            return lookups;
        }
        books.under_way.retain(|_, lookup| lookup.upgrade().is_some());
        for ids in missing.chunks(IDS_A_REQUEST) {
            let lookup = self.lookup(ids.to_vec());
            if let Some(weak) = lookup.downgrade() {
                books.under_way.extend(ids.iter().map(|id| (*id, weak.clone())));
            }
            lookups.push(lookup);
        }
        lookups
    }

    /// One request, not sent yet.
    fn lookup(&self, ids: Vec<u64>) -> Lookup {
        let (client, books) = (Arc::clone(&self.client), Arc::clone(&self.books));
        let settings = self.settings.clone();
        let lookup = async move {
            let people = match ask(&client, &ids, &settings.members).await {
                Ok(people) => people,
                Err(error) => return Err(Arc::new(Failure::of(&error))),
            };
            let now = Instant::now();
            let mut books = lock(&books);
            books.rests = None;
            for (id, person) in &people {
                let ttl = if person.is_some() { settings.ttl } else { settings.negative_ttl };
                books.cache.insert(*id, person.clone(), now + ttl);
                books.under_way.remove(id);
            }
            Ok(Arc::new(people))
        };
        lookup.boxed().shared()
    }

    fn take(&self, answer: Answer, ids: &BTreeSet<u64>, known: &mut Known) {
        match answer {
            Ok(people) => {
                let wanted = people.iter().filter(|(id, _)| ids.contains(id));
                known.users.extend(wanted.map(|(id, person)| (*id, person.clone())));
            }
            Err(failure) => self.fail(&failure, known),
        }
    }

    fn fail(&self, failure: &Failure, known: &mut Known) {
        let until = Instant::now() + failure.rest;
        lock(&self.books).rests = Some((until, failure.message.clone()));
        known.failure = Some(failure.message.clone());
    }
}

impl Failure {
    fn of(error: &ApiError) -> Self {
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let rest = match error.kind {
            ErrorKind::RateLimited { .. } | ErrorKind::Retry { .. } => REST,
            _ => LONG_REST,
        };
        Self { message: format!("users were not named: {error}{hint}"), rest }
    }
}

/// Asks whether users can be looked up at all.
pub async fn probe(client: &Client) -> Result<(), ApiError> {
    ask(client, &[1], &[]).await.map(drop)
}

/// Asks for these users, a hundred at the most.
async fn ask(
    client: &Client,
    ids: &[u64],
    members: &[String],
) -> Result<HashMap<u64, Option<Arc<Person>>>, ApiError> {
    let listed: Vec<String> = ids.iter().map(u64::to_string).collect();
    let (role, scope) = ("the role `agent` or `admin`", format!("the scope `{SCOPE}` or `read`"));
    let needs = Needs { role: Some(role.to_owned()), ..Needs::scope(scope) };
    let request = PageRequest {
        needs: Some(needs),
        ..PageRequest::new(SHOW_MANY).with("ids", listed.join(","))
    };
    let named = client.get(&request, |body| people(body, members)).await?;
    let mut people: HashMap<_, _> = ids.iter().map(|id| (*id, None)).collect();
    // Who was not asked for is no news.
    for (id, person) in named {
        people.entry(id).and_modify(|known| *known = Some(Arc::new(person)));
    }
    Ok(people)
}

/// The users of an answer, with these members.
fn people(body: &Bytes, members: &[String]) -> Result<Vec<(u64, Person)>, String> {
    #[derive(Deserialize)]
    struct Reply {
        users: Vec<Person>,
    }
    let reply: Reply = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let person = |mut user: Person| {
        let id = user.get("id").and_then(Value::as_u64).ok_or("a user has no id")?;
        let kept = members.iter().filter_map(|name| user.remove_entry(name));
        Ok((id, kept.collect()))
    };
    reply.users.into_iter().map(person).collect()
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
