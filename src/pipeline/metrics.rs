//! Every metric there is: its name, its kind, what it says, and its labels.
//!
//! Pure: a [`Status`] in, values out; how they are shown is for others to say. Names and labels are those of Vector's
//! component specification where it has them, with `zenstream_` before. No label has a value without bound.

use jiff::SignedDuration;

use super::observe::{
    BudgetStatus, SinkStatus, SourceStatus, Status, StreamState, StreamStatus, TransformStatus,
};
use super::plan::ZENDESK;
use crate::checkpoint::Role;
use crate::telemetry::{Family, Labels, Metric, NAMESPACE, Reading};

const BUILD_INFO: Metric = Metric("build_info", "gauge", "The version that runs.");
const UPTIME: Metric = Metric("uptime_seconds", "gauge", "Since the process began.");
const SAVES: Metric = Metric("checkpoint_saves_total", "counter", "Checkpoints saved.");

const LEADER: Metric = Metric(
    "leader",
    "gauge",
    "1 while this process has the lease of the checkpoint, 0 while it stands by; only with `checkpoint.lease`.",
);

const RECEIVED_EVENTS: Metric =
    Metric("component_received_events_total", "counter", "Events taken in.");
const RECEIVED_BYTES: Metric =
    Metric("component_received_bytes_total", "counter", "Bytes of bodies received, unpacked.");
const RECEIVED_EVENT_BYTES: Metric =
    Metric("component_received_event_bytes_total", "counter", "Bytes of the events taken in.");
const SENT_EVENTS: Metric =
    Metric("component_sent_events_total", "counter", "Events handed on, or made durable.");
const SENT_BYTES: Metric =
    Metric("component_sent_bytes_total", "counter", "Bytes of events made durable, unpacked.");
const ERRORS: Metric = Metric("component_errors_total", "counter", "What went wrong.");
const DISCARDED: Metric = Metric("component_discarded_events_total", "counter", "Events dropped.");

const BUFFER_RECEIVED: Metric =
    Metric("buffer_received_events_total", "counter", "Events put into the queue of a sink.");
const BUFFER_SENT: Metric =
    Metric("buffer_sent_events_total", "counter", "Events of the queue that are done with.");
const BUFFER_DISCARDED: Metric =
    Metric("buffer_discarded_events_total", "counter", "Events dropped at a full queue.");
const BUFFER_SIZE: Metric =
    Metric("buffer_size_events", "gauge", "Events given to a sink and not durable yet.");
const SINK_REFUSED: Metric = Metric(
    "sink_refused_events_total",
    "counter",
    "Events a sink will never take; they went to its rejected output.",
);
const SINK_LAST_WRITE: Metric =
    Metric("sink_last_write_timestamp_seconds", "gauge", "When a sink last made events durable.");

const HTTP_REQUESTS: Metric =
    Metric("http_client_requests_sent_total", "counter", "Requests sent to the account.");
const HTTP_RESPONSES: Metric =
    Metric("http_client_responses_total", "counter", "Whole answers, by status.");
const HTTP_ERRORS: Metric =
    Metric("http_client_errors_total", "counter", "Requests without a whole answer.");
const HTTP_RTT: Metric =
    Metric("http_client_rtt_seconds", "summary", "From sending to the end of the answer.");

const RATE_LIMIT: Metric =
    Metric("zendesk_rate_limit_limit", "gauge", "Requests per window that a bucket allows.");
const RATE_REMAINING: Metric =
    Metric("zendesk_rate_limit_remaining", "gauge", "What is left of them.");
const RATE_LIMITED: Metric =
    Metric("zendesk_rate_limited_total", "counter", "Answers with 429: the budget was exceeded.");
const RATE_WAIT: Metric = Metric(
    "zendesk_rate_limit_wait_seconds_total",
    "counter",
    "How long requests waited for the budget.",
);

const CREDENTIALS_END: Metric = Metric(
    "zendesk_credentials_end_timestamp_seconds",
    "gauge",
    "When the credentials end; a token that is renewed gets a new end at half of its life.",
);

const STREAM_UP: Metric =
    Metric("stream_up", "gauge", "1 while a stream is read; 0 while it fails or is refused.");
const STREAM_LAG: Metric = Metric(
    "stream_lag_seconds",
    "gauge",
    "For how long its sinks have not had all there is of a stream (what is younger than its `lag_secs` does not count); far from its end, the age of what they have.",
);
const STREAM_LAST_EVENT: Metric =
    Metric("stream_last_event_timestamp_seconds", "gauge", "The time of the newest event.");
const STREAM_CAUGHT_UP: Metric =
    Metric("stream_caught_up", "gauge", "1 if the last page reached the present end.");
const STREAM_SILENT: Metric = Metric(
    "stream_silent",
    "gauge",
    "1 while a stream has been without events for longer than `silence_alert_secs`.",
);
const STREAM_REJECTED: Metric =
    Metric("stream_rejected_events_total", "counter", "Records that cannot be events.");
const DEDUPLICATED: Metric = Metric(
    "events_deduplicated_total",
    "counter",
    "Records left out because they were delivered before.",
);

/// All that there are, in the order in which they stand above.
const ALL: &[&Metric] = &[
    &BUILD_INFO,
    &UPTIME,
    &SAVES,
    &LEADER,
    &RECEIVED_EVENTS,
    &RECEIVED_BYTES,
    &RECEIVED_EVENT_BYTES,
    &SENT_EVENTS,
    &SENT_BYTES,
    &ERRORS,
    &DISCARDED,
    &BUFFER_RECEIVED,
    &BUFFER_SENT,
    &BUFFER_DISCARDED,
    &BUFFER_SIZE,
    &SINK_REFUSED,
    &SINK_LAST_WRITE,
    &HTTP_REQUESTS,
    &HTTP_RESPONSES,
    &HTTP_ERRORS,
    &HTTP_RTT,
    &RATE_LIMIT,
    &RATE_REMAINING,
    &RATE_LIMITED,
    &RATE_WAIT,
    &CREDENTIALS_END,
    &STREAM_UP,
    &STREAM_LAG,
    &STREAM_LAST_EVENT,
    &STREAM_CAUGHT_UP,
    &STREAM_SILENT,
    &STREAM_REJECTED,
    &DEDUPLICATED,
];

/// The name, the kind and the help of every metric there is.
pub fn every_metric() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    ALL.iter().map(|Metric(name, kind, help)| (format!("{NAMESPACE}_{name}"), *kind, *help))
}

/// All metrics of a process; those of the pipeline once there is one.
pub fn metrics(status: Option<&Status>, up_for: SignedDuration) -> Vec<Family> {
    let mut found = Families(Vec::new());
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    found.family(&BUILD_INFO, [(version, 1_u64)]);
    found.family(&UPTIME, [(Labels::new(), up_for.as_secs_f64())]);
    let Some(status) = status else { return found.0 };
    found.family(&SAVES, [(Labels::new(), status.checkpoint_saves)]);
    found.family(&LEADER, status.lease.iter().map(|role| (Labels::new(), *role == Role::Leader)));
    components(&mut found, status);
    buffers(&mut found, &status.sinks);
    http(&mut found, &status.sources);
    budgets(&mut found, &status.sources);
    streams(&mut found, &status.streams);
    found.0
}

fn components(found: &mut Families, status: &Status) {
    let Status { sources, streams, transforms, sinks, .. } = status;
    let of_streams = |value: fn(&StreamStatus) -> u64| {
        streams.iter().map(move |stream| (of_stream(stream), value(stream)))
    };
    let of_sinks =
        |value: fn(&SinkStatus) -> u64| sinks.iter().map(move |sink| (of_sink(sink), value(sink)));
    let of_transforms = |value: fn(&TransformStatus) -> u64| {
        transforms.iter().map(move |it| (of_transform(it), value(it)))
    };
    let given = of_streams(|it| it.events).chain(of_transforms(|it| it.received));
    found.family(&RECEIVED_EVENTS, given.chain(of_sinks(|it| it.received)));
    let received = sources.iter().map(|source| (of_source(source), source.received_bytes));
    found.family(&RECEIVED_BYTES, received);
    found.family(&RECEIVED_EVENT_BYTES, of_streams(|it| it.bytes));
    let outputs = streams.iter().map(|stream| {
        let (source, output) = split(&stream.name);
        (with(labels(source, "source", Some(stream.source_type)), "output", output), stream.events)
    });
    let sent = outputs.chain(of_transforms(|it| it.sent)).chain(of_sinks(|it| it.events));
    found.family(&SENT_EVENTS, sent);
    found.family(&SENT_BYTES, of_sinks(|it| it.bytes));
    let failed = |labels: Labels, error_type, stage| {
        with(with(labels, "error_type", error_type), "stage", stage)
    };
    let errors = streams.iter().flat_map(|it| {
        [
            (failed(of_stream(it), "request_failed", "receiving"), it.errors),
            (failed(of_stream(it), "parser_failed", "processing"), it.rejected),
        ]
    });
    let of_writes = sinks.iter().flat_map(|it| {
        [
            (failed(of_sink(it), "writer_failed", "sending"), it.retries),
            (failed(of_sink(it), "request_failed", "sending"), it.refused),
        ]
    });
    let of_programs = of_transforms(|it| it.errors)
        .map(|(labels, count)| (failed(labels, "conversion_failed", "processing"), count));
    found.family(&ERRORS, errors.chain(of_programs).chain(of_writes));
    let dropped = sinks.iter().map(|it| (with(of_sink(it), "intentional", "true"), it.discarded));
    let by_transforms = transforms.iter().flat_map(|it| {
        let labels = |intentional| with(of_transform(it), "intentional", intentional);
        [(labels("true"), it.discarded), (labels("false"), it.dropped)]
    });
    found.family(&DISCARDED, by_transforms.chain(dropped));
}

fn buffers(found: &mut Families, sinks: &[SinkStatus]) {
    let of = |value: fn(&SinkStatus) -> u64| {
        sinks.iter().map(move |sink| (with(of_sink(sink), "buffer_type", "memory"), value(sink)))
    };
    found.family(&BUFFER_RECEIVED, of(|sink| sink.received + sink.discarded));
    found.family(&BUFFER_SENT, of(|sink| sink.received.saturating_sub(sink.queue)));
    let dropped = of(|sink| sink.discarded);
    found.family(
        &BUFFER_DISCARDED,
        dropped.map(|(labels, count)| (with(labels, "intentional", "true"), count)),
    );
    found.family(&BUFFER_SIZE, of(|sink| sink.queue));
    let of = |value: fn(&SinkStatus) -> Option<f64>| {
        sinks.iter().filter_map(move |sink| Some((of_sink(sink), value(sink)?)))
    };
    found.family(&SINK_LAST_WRITE, of(|sink| Some(sink.last_write?.as_duration().as_secs_f64())));
    found.family(&SINK_REFUSED, sinks.iter().map(|sink| (of_sink(sink), sink.refused)));
}

fn http(found: &mut Families, sources: &[SourceStatus]) {
    let of = |value: fn(&SourceStatus) -> u64| {
        sources.iter().map(move |source| (of_source(source), value(source)))
    };
    found.family(&HTTP_REQUESTS, of(|source| source.requests));
    let responses = sources.iter().flat_map(|source| {
        let of_status = |(status, count): (&u16, &u64)| {
            (with(of_source(source), "status", &status.to_string()), *count)
        };
        source.responses.iter().map(of_status).collect::<Vec<_>>()
    });
    found.family(&HTTP_RESPONSES, responses);
    found.family(&HTTP_ERRORS, of(|source| source.unanswered));
    let round_trips = sources.iter().map(|source| {
        let (sum, count) = (source.response_secs, source.responses.values().sum());
        (of_source(source), Reading::Summary { sum, count })
    });
    found.family(&HTTP_RTT, round_trips);
}

fn budgets(found: &mut Families, sources: &[SourceStatus]) {
    let of = |value: fn(&BudgetStatus) -> u32| {
        sources.iter().flat_map(move |source| {
            let of_bucket = move |bucket: &BudgetStatus| {
                (with(of_source(source), "bucket", &bucket.bucket), value(bucket))
            };
            source.budget.iter().map(of_bucket)
        })
    };
    found.family(&RATE_LIMIT, of(|bucket| bucket.limit));
    found.family(&RATE_REMAINING, of(|bucket| bucket.remaining));
    let limited = sources.iter().map(|source| (of_source(source), source.rate_limited));
    found.family(&RATE_LIMITED, limited);
    let waits = sources.iter().map(|source| (of_source(source), source.budget_wait_secs));
    found.family(&RATE_WAIT, waits);
    let ends = sources.iter().filter_map(|source| {
        let end = source.credentials_end?;
        let labels = with(of_source(source), "renewed", &end.renewed.to_string());
        Some((labels, end.at.as_duration().as_secs_f64()))
    });
    found.family(&CREDENTIALS_END, ends);
}

fn streams(found: &mut Families, streams: &[StreamStatus]) {
    let flags = |value: fn(&StreamStatus) -> bool| {
        streams.iter().map(move |stream| (of_stream(stream), value(stream)))
    };
    let known = |value: fn(&StreamStatus) -> Option<f64>| {
        streams.iter().filter_map(move |stream| Some((of_stream(stream), value(stream)?)))
    };
    let counts = |value: fn(&StreamStatus) -> u64| {
        streams.iter().map(move |stream| (of_stream(stream), value(stream)))
    };
    // One that is held up is read as far as its sinks let it: what is down is the sink.
    let is_up = |stream: &StreamStatus| {
        matches!(stream.state, StreamState::Running | StreamState::HeldUp | StreamState::Ended)
    };
    found.family(&STREAM_UP, flags(is_up));
    found.family(&STREAM_LAG, known(|stream| stream.lag_secs));
    let last_event = |it: &StreamStatus| Some(it.last_event?.as_duration().as_secs_f64());
    found.family(&STREAM_LAST_EVENT, known(last_event));
    found.family(&STREAM_CAUGHT_UP, flags(|stream| stream.caught_up));
    found.family(&STREAM_SILENT, flags(|stream| stream.silent));
    found.family(&STREAM_REJECTED, counts(|stream| stream.rejected));
    found.family(&DEDUPLICATED, counts(|stream| stream.deduplicated));
}

fn labels(id: &str, kind: &'static str, component_type: Option<&str>) -> Labels {
    let mut labels = vec![("component_id", id.to_owned()), ("component_kind", kind.to_owned())];
    labels.extend(component_type.map(|it| ("component_type", it.to_owned())));
    labels
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

fn of_source(source: &SourceStatus) -> Labels {
    labels(&source.name, "source", Some(ZENDESK))
}

fn of_transform(transform: &TransformStatus) -> Labels {
    labels(&transform.name, "transform", Some(transform.kind))
}

fn of_sink(sink: &SinkStatus) -> Labels {
    labels(&sink.name, "sink", sink.kind)
}

fn of_stream(stream: &StreamStatus) -> Labels {
    let (source, name) = split(&stream.name);
    with(labels(source, "source", Some(stream.source_type)), "stream", name)
}

/// `acme` and `audit_logs` of `acme.audit_logs`.
fn split(output: &str) -> (&str, &str) {
    output.split_once('.').unwrap_or((output, ""))
}

/// What was found so far.
struct Families(Vec<Family>);

impl Families {
    /// One metric with all its values; nothing without any.
    fn family<V: Into<Reading>>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) {
        let values = values.into_iter().map(|(labels, value)| (labels, value.into()));
        let samples: Vec<(Labels, Reading)> = values.collect();
        debug_assert!(ALL.iter().any(|it| it.0 == metric.0), "`{}` is not in the list", metric.0);
        if !samples.is_empty() {
            self.0.push(Family { metric: *metric, samples });
        }
    }
}
