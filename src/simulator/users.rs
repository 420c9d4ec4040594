//! The people of the account, for enrichment and for checking credentials.
//!
//! Every n-th user is gone for good: their id acts in old records and nothing
//! answers to it.

use super::auth::Identity;
use super::draw::{Draw, Purpose};
use super::errors;
use super::json::{Escape, Object, int};
use super::query::Call;
use super::reply::Reply;
use super::settings::Settings;
use super::words::NAMES;

const FIRST_ID: u64 = 35_184_372_100_000;
const ID_STEP: u64 = 37;
const GONE_EVERY: u64 = 17;

/// The id of the user at `place`; the owner is at 0.
pub(super) fn user_id(place: u64) -> u64 {
    FIRST_ID + place * ID_STEP
}

/// The name of the user at `place`.
pub(super) fn user_name(place: u64) -> String {
    let name = NAMES[usize::try_from(place % NAMES.len() as u64).unwrap_or(0)];
    let round = place / NAMES.len() as u64;
    if round == 0 { name.to_owned() } else { format!("{name} {round}") }
}

fn place_of(settings: &Settings, id: u64) -> Option<u64> {
    let offset = id.checked_sub(FIRST_ID)?;
    let place = offset / ID_STEP;
    let there = offset % ID_STEP == 0
        && place < settings.users.max(1) as u64
        && place % GONE_EVERY != GONE_EVERY - 1;
    there.then_some(place)
}

/// `GET /api/v2/users/me`: 200 for nobody too, yet 403 for a token without the scope.
pub(super) fn me(settings: &Settings, base: &str, identity: &Identity) -> Reply {
    let mut body = br#"{"user":"#.to_vec();
    match identity {
        Identity::WrongApiToken => return errors::not_authenticated(),
        Identity::WrongBearer => return errors::invalid_token(),
        Identity::Nobody => body.extend_from_slice(
            "{\"id\":null,\"url\":null,\"name\":\"Anonymous user\",\"email\":\
             \"invalid@example.com\",\"role\":\"end-user\",\"active\":false}"
                .as_bytes(),
        ),
        Identity::User { .. } => {
            if let Err(refusal) = identity.admit(&["users:read", "read"]) {
                return refusal;
            }
            render(&mut body, settings, base, 0, true);
        }
    }
    body.push(b'}');
    Reply::json(200, body)
}

/// `GET /api/v2/users/{id}`.
pub(super) fn one(settings: &Settings, base: &str, id: &str) -> Reply {
    let Some(place) = id.parse().ok().and_then(|id| place_of(settings, id)) else {
        return errors::record_not_found();
    };
    let mut body = br#"{"user":"#.to_vec();
    render(&mut body, settings, base, place, false);
    body.push(b'}');
    Reply::json(200, body)
}

/// `GET /api/v2/users/show_many`: in the order of ids, without those that are gone.
pub(super) fn many(settings: &Settings, call: &Call) -> Reply {
    let ids: Vec<&str> = call.param("ids").unwrap_or_default().split(',').collect();
    if ids.len() > 100 {
        return errors::too_many_values();
    }
    let mut places: Vec<u64> =
        ids.iter().filter_map(|id| place_of(settings, id.trim().parse().ok()?)).collect();
    places.sort_unstable();
    places.dedup();
    let mut body = br#"{"users":["#.to_vec();
    for (at, place) in places.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        render(&mut body, settings, &call.base, *place, false);
    }
    body.extend_from_slice(br#"],"next_page":null,"previous_page":null,"count":"#);
    int(&mut body, places.len() as u64);
    body.push(b'}');
    Reply::json(200, body)
}

fn render(out: &mut Vec<u8>, settings: &Settings, base: &str, place: u64, is_me: bool) {
    let mut draw = Draw::new(settings.seed, Purpose::User, place);
    let id = user_id(place);
    let born = settings.history_start() - draw.seconds(300 * 86_400);
    let role = if place == 0 { settings.role.as_str() } else { draw.pick(&["agent", "admin"]) };
    let name = user_name(place);
    let mut user = Object::open(out, Escape::Plain);
    user.int("id", id);
    user.text("url", &format!("{base}/api/v2/users/{id}.json"));
    user.text("name", &name);
    user.text("email", &format!("user{place}@example.com"));
    user.time("created_at", born);
    user.time("updated_at", born + draw.seconds(86_400));
    user.text("time_zone", "Berlin");
    user.text("iana_time_zone", "Europe/Berlin");
    user.raw("phone", "null");
    user.raw("photo", "null");
    user.int("locale_id", 1);
    user.text("locale", "en-US");
    user.raw("organization_id", "null");
    user.text("role", role);
    user.flag("verified", true);
    user.raw("external_id", "null");
    user.raw("tags", "[]");
    user.text("alias", "");
    user.flag("active", true);
    user.flag("shared", false);
    user.raw("last_login_at", "null");
    user.raw("two_factor_auth_enabled", "null");
    user.raw("role_type", if role == "admin" { "4" } else { "null" });
    user.flag("suspended", false);
    user.raw("user_fields", r#"{"shift":null,"score":1.50}"#);
    if is_me {
        user.text("authenticity_token", &format!("{:016x}", draw.next()));
    }
    user.close();
}
