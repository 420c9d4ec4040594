//! From a reply to an answer: headers, compression, and what goes wrong on the
//! way.
//!
//! Which fault is due is decided in `faults`; here is what it does.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use url::Url;

use super::draw::{Draw, Purpose};
use super::faults::Fault;
use super::limits::Base;
use super::query::{Call, EVIL_BASE};
use super::reply::{Answer, BodyFault, Reply};
use super::{Endpoint, Simulator, errors};

/// Smaller bodies travel as they are.
const LEAST_TO_GZIP: usize = 512;

/// Longer than any client waits.
const NEVER: Duration = Duration::from_hours(1);

impl Simulator {
    /// The reply to a request that meets a fault.
    pub(super) fn faulty_reply(
        &mut self,
        fault: Fault,
        endpoint: Endpoint<'_>,
        call: &Call,
        now: i64,
    ) -> Reply {
        if fault != Fault::Repeat {
            self.stats.count_fault(fault);
        }
        match fault {
            Fault::TooManyRequests => self.limits.passing_refusal(now, endpoint.budgets().0),
            Fault::Internal if endpoint.budgets().0 == Base::AccessLogs => {
                errors::access_log(500, "")
            }
            Fault::Internal => errors::internal(),
            Fault::BadGateway => errors::gateway(502, "Bad Gateway"),
            Fault::Unavailable => {
                let reply = errors::gateway(503, "Service Temporarily Unavailable");
                let waits = self.stats.fault(fault) % 2 == 1;
                if waits { reply.with("retry-after", "2") } else { reply }
            }
            Fault::GatewayTimeout => errors::upstream_timeout(),
            Fault::UnknownError => errors::gateway(520, "Web server is returning an unknown error"),
            Fault::Conflict => errors::conflict(),
            Fault::Html => errors::login_page(),
            Fault::Redirect => {
                let place = format!("{EVIL_BASE}{}?{}", call.path, call.raw_query);
                Reply::new(301, Some(super::reply::HTML), "").with("location", place)
            }
            Fault::Empty => Reply::new(200, Some(super::reply::JSON), ""),
            Fault::BadJson => self.reply_with_broken_json(endpoint, call, now),
            Fault::Repeat => self.repeated(endpoint, call, now),
            _ => self.reply(endpoint, call, now),
        }
    }

    fn reply_with_broken_json(&mut self, endpoint: Endpoint<'_>, call: &Call, now: i64) -> Reply {
        let mut reply = self.reply(endpoint, call, now);
        let middle = reply.body.len() / 2;
        let mut broken = reply.body.to_vec();
        broken.splice(middle..middle, *b"}]\"\x01,");
        reply.body = Bytes::from(broken);
        reply.gzip = None;
        reply
    }

    /// The page that led to this request, once more, if it is known.
    fn repeated(&mut self, endpoint: Endpoint<'_>, call: &Call, now: i64) -> Reply {
        if let Some((next, page)) = &self.previous_page
            && *next == key_of(&call.path, &call.params)
        {
            let page = page.clone();
            self.stats.count_fault(Fault::Repeat);
            return page;
        }
        self.reply(endpoint, call, now)
    }

    /// Keeps a page for the case that it has to be repeated.
    fn remember(&mut self, reply: &Reply) {
        if !self.settings.faults.has(Fault::Repeat) || !reply.status.is_success() {
            return;
        }
        let page = serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap_or_default();
        // An export by time that repeats itself could not be told from one that is stuck.
        if page.get("end_time").is_some() {
            return;
        }
        let links = ["/links/next", "/after_url", "/next_page_url", "/next_page"];
        let next = links.iter().find_map(|name| page.pointer(name)?.as_str());
        if let Some(next) = next.and_then(|next| Url::parse(next).ok()) {
            let params: Vec<_> = next.query_pairs().into_owned().collect();
            self.previous_page = Some((key_of(next.path(), &params), reply.clone()));
        }
    }

    /// Adds what the wire adds.
    pub(super) fn finish(&mut self, reply: Reply, call: &Call, fault: Option<Fault>) -> Answer {
        if fault != Some(Fault::Repeat) {
            self.remember(&reply);
        }
        let mut answer = plain_answer(reply, call);
        answer.delay = self.settings.latency;
        self.add_usual_headers(&mut answer.headers);
        if fault == Some(Fault::Timeout) {
            answer.delay = NEVER;
        }
        answer.fault = match fault {
            Some(Fault::Cut) => Some(BodyFault::Cut { percent: 50 }),
            Some(Fault::Truncated) => Some(BodyFault::Truncated { percent: 50 }),
            Some(Fault::Slow) => {
                Some(BodyFault::Slow { pieces: 20, pause: Duration::from_millis(50) })
            }
            _ => None,
        };
        answer
    }

    fn add_usual_headers(&self, headers: &mut HeaderMap) {
        let mut draw = Draw::new(self.settings.seed, Purpose::RequestId, self.stats.requests);
        let id = format!("{:016x}{:016x}", draw.next(), draw.next());
        if let Ok(id) = HeaderValue::from_str(&id) {
            // Twice, as real accounts do.
            headers.append("x-request-id", id.clone());
            headers.append("x-request-id", id);
        }
        for (name, value) in [
            ("x-zendesk-zorg", "yes"),
            ("x-zendesk-api-version", "v2"),
            ("x-runtime", "0.217371"),
            ("set-cookie", "_zendesk_cookie=simulated; path=/; secure; HttpOnly"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !headers.contains_key("cache-control") {
            let value = HeaderValue::from_static("max-age=0, private, must-revalidate");
            headers.insert("cache-control", value);
        }
    }
}

/// The reply with its own headers, compressed if the request takes that.
pub(super) fn plain_answer(reply: Reply, call: &Call) -> Answer {
    let mut headers = HeaderMap::with_capacity(reply.headers.len() + 12);
    if let Some(kind) = reply.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(&**name), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
    }
    let compress = call.takes_gzip && reply.body.len() >= LEAST_TO_GZIP;
    let gzip = compress.then(|| reply.gzip.unwrap_or_else(|| gzip(&reply.body)));
    if gzip.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let (status, body) = (reply.status, reply.body);
    Answer { status, headers, body, gzip, delay: Duration::ZERO, fault: None }
}

/// A body as gzip.
pub(super) fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    Bytes::from(written.expect("a vector takes all that is written"))
}

/// What tells a page from all others. Where a cursor is, a start does not matter.
fn key_of(path: &str, params: &[(String, String)]) -> String {
    let has_cursor = params.iter().any(|(key, _)| key == "cursor" || key == "page[after]");
    let stays = params.iter().filter(|(key, _)| !has_cursor || key != "start_time");
    let mut stays: Vec<String> = stays.map(|(key, value)| format!("{key}={value}")).collect();
    stays.sort_unstable();
    format!("{path}?{}", stays.join("&"))
}
