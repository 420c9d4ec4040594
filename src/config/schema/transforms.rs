//! Options of transforms, and of their tests.

use super::Kind::{
    Anything, Between, Choice, List, Part, Seconds, Section, SomeSeconds, Switch, Text, TextOr,
    Whole, Words,
};
use super::top::TYPE;
use super::{Field, Variant, may, must, usual};
use crate::transform::Schema;

pub(super) const TRANSFORMS: &[Variant] = &[
    ("enrich_actors", &[TYPE, INPUTS, ENRICH_ACTORS]),
    ("exclusive_route", &[TYPE, INPUTS, EXCLUSIVE_ROUTE]),
    ("filter", &[TYPE, INPUTS, FILTER]),
    ("redact", &[TYPE, INPUTS, REDACT]),
    ("remap", &[TYPE, INPUTS, REMAP]),
    ("route", &[TYPE, INPUTS, ROUTE]),
    ("sample", &[TYPE, INPUTS, SAMPLE]),
    ("throttle", &[TYPE, INPUTS, THROTTLE]),
];

const INPUTS: &[Field] = &[must("inputs", Words, "The outputs it takes, or globs.")];

const CONDITION: &[Field] = &[
    must("type", Choice(&["vrl"]), "The language."),
    must("source", Text, "The condition."),
    usual("runtime", Choice(&["ast"]), "\"ast\"", "How it is run."),
];

const ENRICH_ACTORS: &[Field] = &[
    may(
        "fields",
        Anything,
        "Fields that hold ids of users, each with a name for who it is. Default: `actor_id: actor`, `user_id: user`.",
    ),
    may("add", Words, "What of a user is added. Default: `name`, `email`, `role`."),
    usual("target", Text, "\"zendesk_users\"", "The key that all of it is put under."),
    usual("timeout_secs", SomeSeconds, "10", "Events wait no longer; then they go on without."),
    may("cache", Section(ENRICH_CACHE), "How long users are remembered."),
];

const ENRICH_CACHE: &[Field] = &[
    usual("max_entries", Between(1, u64::MAX), "10000", "The most users that are remembered."),
    usual("ttl_secs", Seconds, "3600", "How long a user is remembered."),
    usual(
        "negative_ttl_secs",
        Seconds,
        "600",
        "How long it is remembered that there is no such user.",
    ),
];

const EXCLUSIVE_ROUTE: &[Field] =
    &[must("routes", List(ROUTES), "Routes in order; an event goes to the first that takes it.")];

const ROUTES: &[Field] = &[
    must("name", Text, "The route's name, which is an output's too."),
    must("condition", TextOr(CONDITION), "What it takes, in VRL."),
];

const FILTER: &[Field] =
    &[must("condition", TextOr(CONDITION), "What is kept, in VRL; the rest is dropped.")];

const REDACT: &[Field] = &[
    may("profile", Choice(&["ticket_text"]), "What to look for, ready made."),
    may(
        "patterns",
        Words,
        "What to look for: `card_number`, `email_address`, `ip_address`, `phone_number`.",
    ),
    may("within", Words, "Where `patterns` are looked for; everywhere without it."),
    usual(
        "action",
        Choice(&["mask", "hash"]),
        "\"mask\"",
        "What takes the place of what was found.",
    ),
    may("fields", List(REDACT_FIELDS), "Fields that are taken out whatever they hold."),
    may("key", Text, "The key of hashes, a secret."),
];

const REDACT_FIELDS: &[Field] = &[
    must("path", Text, "The field."),
    must("action", Choice(&["drop", "mask", "hash"]), "What becomes of it."),
];

const REMAP: &[Field] = &[
    may("source", Text, "The program, in VRL."),
    may("file", Text, "A file that holds it."),
    may("files", Words, "Files that hold it, one part after the other."),
    may("schema", Choice(Schema::NAMES), "A program that comes with zenstream, in place of both."),
    may("timezone", Text, "The zone of times without an offset."),
    usual("drop_on_error", Switch, "false", "Drop an event at which the program fails."),
    usual("drop_on_abort", Switch, "true", "Drop an event at which the program aborts."),
    usual("reroute_dropped", Switch, "false", "Give what is dropped to the output `NAME.dropped`."),
    usual("runtime", Choice(&["ast"]), "\"ast\"", "How it is run."),
];

const ROUTE: &[Field] = &[
    must("route", Anything, "By name: a condition in VRL. Each is an output, `NAME.route`."),
    usual("reroute_unmatched", Switch, "true", "Give the rest to the output `NAME._unmatched`."),
];

const SAMPLE: &[Field] = &[
    may("rate", Between(1, u64::MAX), "One event in so many is kept."),
    may("ratio", Part, "The part that is kept, above 0 and up to 1."),
    may("key_field", Text, "Events that are equal here are kept or dropped together."),
    may("group_by", Text, "Count apart what differs here."),
    may("exclude", TextOr(CONDITION), "What always passes, in VRL."),
    may("sample_rate_key", Text, "The field that tells the rate."),
];

const THROTTLE: &[Field] = &[
    must("threshold", Between(1, u64::MAX), "How many events may pass."),
    must("window_secs", SomeSeconds, "In this time."),
    may("key_field", Text, "Count apart what differs here."),
    may("exclude", TextOr(CONDITION), "What always passes, in VRL."),
];

pub(super) const TESTS: &[Field] = &[
    must("name", Text, "What the test is called."),
    must("inputs", List(TEST_INPUTS), "The events that are put in."),
    may("outputs", List(TEST_OUTPUTS), "What has to come out, and where."),
    may(
        "users",
        Anything,
        "The users that `enrich_actors` finds: maps with an `id`; nobody is asked.",
    ),
    may("no_outputs_from", Words, "Transforms that nothing may come out of."),
];

const TEST_INPUTS: &[Field] = &[
    must("insert_at", Text, "The transform that it is given to."),
    usual("type", Choice(&["log", "raw", "vrl"]), "\"raw\"", "How the event is written."),
    may("value", Text, "Of the type `raw`: the line."),
    may("source", Text, "Of the type `vrl`: a program that makes it."),
    may("log_fields", Anything, "Of the type `log`: its fields."),
];

const TEST_OUTPUTS: &[Field] = &[
    must("extract_from", Anything, "The transform, or several."),
    may("conditions", Anything, "What has to hold of an event there, in VRL."),
    may("expected_event_count", Whole, "How many events there must be."),
];
