//! The people of the account, for enrichment and for checking credentials.
//!
//! Every n-th user is gone for good: their id acts in old records and nothing
//! answers to it.

use super::auth::Identity;
use super::collection::{Collection, Item};
use super::draw::{Draw, Purpose};
use super::errors;
use super::json::{Escape, Object, int};
use super::query::Call;
use super::reply::Reply;
use super::settings::Settings;
use super::words::{NAMES, SENTENCES};

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

fn find(users: &Collection, id: u64) -> Option<Item> {
    let offset = id.checked_sub(FIRST_ID).filter(|offset| offset % ID_STEP == 0)?;
    let found = users.item(u32::try_from(offset / ID_STEP).ok()?)?;
    (!is_gone_for_good(found)).then_some(found)
}

/// Whether nothing answers to a user any more. Old records and the export still tell of them.
fn is_gone_for_good(item: Item) -> bool {
    u64::from(item.place) % GONE_EVERY == GONE_EVERY - 1
}

/// The user at a place; one who came to be with the account, where nobody is there.
fn item(users: &Collection, place: u32) -> Item {
    let nobody = Item { place, created: 0, changed: 0, version: 0, gone: None };
    users.item(place).unwrap_or(nobody)
}

/// `GET /api/v2/users/me`: 200 for nobody too, yet 403 for a token without the scope.
pub(super) fn me(settings: &Settings, users: &Collection, identity: &Identity) -> Reply {
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
            render(&mut body, settings, item(users, 0), true);
        }
    }
    body.push(b'}');
    Reply::json(200, body)
}

/// `GET /api/v2/users/{id}`.
pub(super) fn one(settings: &Settings, users: &Collection, id: &str) -> Reply {
    let Some(found) = id.parse().ok().and_then(|id| find(users, id)) else {
        return errors::record_not_found();
    };
    let mut body = br#"{"user":"#.to_vec();
    render(&mut body, settings, found, false);
    body.push(b'}');
    Reply::json(200, body)
}

/// `GET /api/v2/users/show_many`: in the order of ids, without those that are gone.
pub(super) fn many(settings: &Settings, users: &Collection, call: &Call) -> Reply {
    let ids: Vec<&str> = call.param("ids").unwrap_or_default().split(',').collect();
    if ids.len() > 100 {
        return errors::too_many_values();
    }
    let mut found: Vec<Item> =
        ids.iter().filter_map(|id| find(users, id.trim().parse().ok()?)).collect();
    found.sort_unstable();
    found.dedup();
    let mut body = br#"{"users":["#.to_vec();
    for (at, item) in found.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        render(&mut body, settings, *item, false);
    }
    body.extend_from_slice(br#"],"next_page":null,"previous_page":null,"count":"#);
    int(&mut body, found.len() as u64);
    body.push(b'}');
    Reply::json(200, body)
}

/// Pushes a user. What was deleted for good has no personal data left.
pub(super) fn render(out: &mut Vec<u8>, settings: &Settings, item: Item, is_me: bool) {
    let place = u64::from(item.place);
    let mut draw = Draw::new(settings.seed, Purpose::User, place);
    let mut changes =
        Draw::new(!settings.seed, Purpose::User, place << 24 | u64::from(item.version));
    let id = user_id(place);
    let (gone, host) = (is_gone_for_good(item), &settings.subdomain);
    let role = if place == 0 { settings.role.as_str() } else { draw.pick(&["agent", "admin"]) };
    let (name, email) = (user_name(place), format!("user{place}@example.com"));
    let mut user = Object::open(out, Escape::Plain);
    user.int("id", id);
    user.text("url", &format!("https://{host}.zendesk.com/api/v2/users/{id}.json"));
    user.text("name", if gone { "Permanently deleted user" } else { &name });
    user.maybe_text("email", (!gone).then_some(email.as_str()));
    user.time("created_at", item.created);
    user.time("updated_at", item.changed);
    user.text("time_zone", "Berlin");
    user.text("iana_time_zone", "Europe/Berlin");
    user.maybe_text("phone", changes.pick(&[None, Some("+1 (311) 555-5555")]).filter(|_| !gone));
    user.raw("shared_phone_number", "null");
    user.raw("photo", "null");
    user.int("locale_id", 1);
    user.text("locale", "en-US");
    user.raw("organization_id", "null");
    user.text("role", role);
    user.flag("verified", true);
    user.raw("external_id", "null");
    user.raw("tags", "[]");
    user.text("alias", "");
    user.flag("active", place == 0 || !gone && item.gone.is_none());
    user.flag("shared", false);
    user.flag("shared_agent", false);
    user.raw("last_login_at", "null");
    user.raw("two_factor_auth_enabled", "null");
    user.maybe_text("signature", changes.pick(&[None, Some("Grüße\n-- \n山田")]).filter(|_| !gone));
    user.text("details", "");
    user.text("notes", if gone { "" } else { changes.pick(SENTENCES) });
    user.raw("role_type", if role == "admin" { "4" } else { "null" });
    user.flag("suspended", false);
    user.raw("user_fields", r#"{"shift":null,"score":1.50}"#);
    if is_me {
        user.text("authenticity_token", &format!("{:016x}", draw.next()));
    }
    user.close();
}
