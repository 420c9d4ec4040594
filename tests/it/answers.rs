//! What streams make of answers that are too large, too late or that never come, and of records in
//! rare shapes: against scripts, in simulated time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use url::Url;

use zenstream::clock::Clock;
use zenstream::random::Random;
use zenstream::streams::{self, History, Page, Position, StreamSettings, find};
use zenstream::zendesk::transport::TransportError;
use zenstream::zendesk::{ApiError, Client, ClientSettings, Credentials};

use crate::client::{Canned, Met, Script, answer};
use crate::world::{Reading, stream_settings};

/// A longer body is refused.
const BODY_MAX: usize = 20_000;

fn settings(stream: &str, follow: bool) -> StreamSettings {
    let reading = Reading { history: History::InOnePiece, ..Reading::default() };
    stream_settings(&reading, find(stream).expect("a row"), follow)
}

/// Reads a stream from a script, so many results or to its end.
fn read(
    settings: StreamSettings,
    script: &Arc<Script>,
    results: usize,
) -> Vec<Result<Page, ApiError>> {
    read_from(settings, None, script, results)
}

fn read_from(
    settings: StreamSettings,
    position: Option<&Position>,
    script: &Arc<Script>,
    results: usize,
) -> Vec<Result<Page, ApiError>> {
    let runtime = crate::world::paused();
    runtime.block_on(async {
        let clock = Clock::simulated("2026-11-21T10:00:00Z".parse().expect("a time"));
        let client = ClientSettings {
            endpoint: Url::parse("https://acme.zendesk.com").expect("an address"),
            timeout: Duration::from_secs(60),
            retry_attempts: 3,
            share: 1.0,
            max_body_bytes: BODY_MAX,
        };
        let credentials = Credentials::Bearer("token".into());
        let random = Arc::new(Random::from_seed(1));
        let client = Client::new(client, credentials, Arc::clone(script) as _, clock, random);
        let opened = streams::open(Arc::new(client), settings, position);
        let (_, pages) = opened.expect("a position of its own");
        let mut pages = pin!(pages.take(results));
        let mut read = Vec::new();
        let longest = Duration::from_hours(24);
        while let Some(page) =
            tokio::time::timeout(longest, pages.next()).await.expect("it waits for ever")
        {
            assert!(script.met().len() < 2_000, "it asks for ever");
            read.push(page);
        }
        read
    })
}

fn parameter(met: &Met, name: &str) -> Option<String> {
    let url = Url::parse(&met.uri).expect("an address");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn number(met: &Met, name: &str) -> usize {
    parameter(met, name).map_or(0, |text| text.parse().expect("a number"))
}

fn path(met: &Met) -> String {
    Url::parse(&met.uri).expect("an address").path().to_owned()
}

/// Groups from `page[after]` on, as many as are asked for, each with so many bytes.
fn groups(met: &Met, count: usize, bytes: impl Fn(usize) -> usize) -> Canned {
    let first = number(met, "page[after]");
    let last = (first + number(met, "page[size]")).min(count);
    let group = |id: usize| json!({"id": id, "updated_at": "2026-11-01T00:00:00Z", "name": "x".repeat(bytes(id))});
    let records: Vec<Value> = (first..last).map(group).collect();
    let meta = json!({"has_more": last < count, "after_cursor": last.to_string()});
    answer(200, json!({"groups": records, "meta": meta}).to_string())
}

fn ids(pages: &[Result<Page, ApiError>]) -> Vec<String> {
    let pages = pages.iter().filter_map(|page| page.as_ref().ok());
    let events = pages.flat_map(|page| &page.events);
    events.map(|event| event.id.plain()).collect()
}

#[test]
fn a_page_that_is_too_long_is_asked_for_with_fewer_records_and_nothing_is_left_out() {
    let script = Script::ruled(|met| groups(met, 250, |_| 1_500));
    let read = read(settings("groups", false), &script, usize::MAX);
    let all: Vec<String> = (0..250).map(|id| id.to_string()).collect();
    assert_eq!(ids(&read), all);
    assert!(read.iter().all(Result::is_ok));
    let asked: Vec<usize> = script.met().iter().map(|met| number(met, "page[size]")).collect();
    assert_eq!(asked[..5], [100, 50, 25, 12, 12], "by halves, without a pause");
}

#[test]
fn a_record_that_alone_is_too_long_is_an_error_with_a_hint_after_all_before_it() {
    let script = Script::ruled(|met| groups(met, 40, |id| if id == 7 { BODY_MAX } else { 10 }));
    let read = read(settings("groups", false), &script, 20);
    assert_eq!(ids(&read), ["0", "1", "2", "3", "4", "5", "6"]);
    let error = read.iter().find_map(|page| page.as_ref().err()).expect("it is told");
    assert!(!error.is_transient(), "{error}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("checkpoint set")), "{error:?}");
}

#[test]
fn a_network_that_is_away_is_an_error_and_no_page_that_is_too_large() {
    for away in
        [TransportError::Connect("timed out".to_owned()), TransportError::Cut(String::new())]
    {
        let script = Script::ruled(move |met| match number(met, "page[after]") {
            100 => Canned::Fails(away.clone()),
            _ => groups(met, 250, |_| 10),
        });
        let read = read(settings("groups", true), &script, 6);
        assert!(read[0].is_ok() && read[1..].iter().all(Result::is_err));
        let met = script.met();
        assert!(met.iter().all(|met| number(met, "page[size]") == 100), "no smaller page");
        // Once with all tries, then one at a time: whoever takes the errors waits between them.
        assert_eq!(met.len(), 1 + 4 + 4);
    }
}

#[test]
fn an_answer_that_does_not_come_is_a_page_that_is_too_large_only_where_less_can_be_asked_for() {
    // The parents of a family are asked for as many as there are.
    let script = Script::ruled(|_| Canned::Silent);
    let read = read(settings("webhook_invocations", true), &script, 2);
    assert!(read.iter().all(Result::is_err));
    assert_eq!(script.met().len(), 4 + 1, "with back-off, and then one at a time");
}

#[test]
fn parents_are_asked_for_by_their_id_as_it_reads() {
    let script = Script::ruled(|met| {
        if path(met) == "/api/v2/custom_objects" {
            let page = r#"{"custom_objects":[{"key":"z\u00fc ri"},{"key":"a\/b%"},{"key":".."}]}"#;
            return answer(200, page);
        }
        let page = r#"{"custom_object_records":[],"after_cursor":"c","end_of_stream":true}"#;
        answer(200, page)
    });
    let read = read(settings("custom_object_records", false), &script, usize::MAX);
    assert!(read.iter().all(Result::is_ok));
    let mut paths: Vec<String> = script.met().iter().map(path).collect();
    paths.sort();
    let below = |segment: &str| format!("/api/v2/incremental/custom_objects/{segment}cursor");
    let expected = ["/api/v2/custom_objects".to_owned(), below("/"), below("a%2Fb%25/")];
    assert_eq!(paths[..3], expected);
    assert_eq!(paths[3], below("z%C3%BC%20ri/"));
}

#[test]
fn a_token_that_was_never_used_has_the_time_at_which_it_was_made() {
    let script = Script::ruled(|_| {
        let tokens = json!([
            {"id": 1, "created_at": "2026-01-01T00:00:00Z", "used_at": "2026-02-02T00:00:00Z"},
            {"id": 2, "created_at": "2026-01-01T00:00:00Z", "used_at": null},
            {"id": 3},
        ]);
        answer(200, json!({"tokens": tokens, "meta": {"has_more": false}}).to_string())
    });
    let read = read(settings("oauth_tokens", false), &script, usize::MAX);
    let page = read[0].as_ref().expect("a page");
    let times: Vec<_> = page.events.iter().map(|it| it.time.map(|at| at.to_string())).collect();
    let expected = [Some("2026-02-02T00:00:00Z"), Some("2026-01-01T00:00:00Z"), None];
    assert_eq!(times, expected.map(|it| it.map(str::to_owned)));
}

/// The clock was set back: what the slices wait for is not there yet.
#[test]
fn a_slice_that_cannot_be_asked_yet_is_asked_once_it_can_however_short_the_interval_is() {
    let page = r#"{"audit_logs":[],"meta":{"has_more":false,"after_cursor":null}}"#;
    let script = Script::ruled(move |_| answer(200, page));
    let reading = Reading {
        lag: Duration::ZERO,
        poll_interval: Duration::ZERO,
        history: History::InOrder,
        ..Reading::default()
    };
    let settings = stream_settings(&reading, find("audit_logs").expect("a row"), true);
    let slice =
        json!({"from": "2026-11-21T10:00:20Z", "seen": [], "through": "2026-11-21T10:00:40Z"});
    let tail = json!({"from": "2026-11-21T10:00:41Z", "seen": []});
    let position = Position(json!({"tail": tail, "slices": [{"window": slice}]}));
    let read = read_from(settings, Some(&position), &script, 3);
    assert!(read.iter().all(Result::is_ok));
    assert!(!script.met().is_empty());
}
