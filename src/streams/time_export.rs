//! Incremental exports by time: organizations, ticket events, calls, chats.
//!
//! Such an export has no cursor but a `start_time`, and gives what changed at or after it. A page
//! ends with `end_time`, which the next one starts at: the last second of a page if the page holds
//! several, the second after it if the whole page is of one second. So what was in the last second
//! comes again, and is told by id and change time. `end_of_stream` ends a pass; where there is none,
//! a page without records does, or one that leads to its own start.
//!
//! What is saved is a start no later than `lag + overlap` before the pass began, and what was
//! delivered at or after it: what shows up a little late in a second already read is found at the
//! next look. A second that fills a page and leads back to itself cannot be read to its end: that
//! is an error, never a loop and never a gap. How many records fill a page only the server knows:
//! where nothing else tells the end, a page is full that is as long as the longest one of several
//! seconds was. One of a single second is widened to all of it, and says nothing of that.
//!
//! A record that changes again in the second that it was read in comes with the same id and change
//! time. It is told by its content, half a hash of which is kept, and the hash is added to its name.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::reader::{Fetched, Onward, Reader, Taken, ask, saved, whole_seconds};
use super::{Position, PositionError, StreamSettings, TimeExport, TimeUnit};
use crate::normalize::{Event, SplitPage, parse_time};
use crate::zendesk::{ApiError, Envelope, PageEnd, PageRequest, Parameters};

/// A start must be more than a minute old, in seconds; a later one is answered with 422.
const START_AGE_MIN: i64 = 61;

/// No export's pages are shorter, unless there is no more.
const PAGE_MIN: usize = 10;

/// What the next page's link may hold; the time comes first.
const KNOWN: &[&str] = &[START, "start_id"];
const START: &str = "start_time";

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    /// Everything before this second was delivered.
    from: Timestamp,
    /// Fingerprints of what was delivered and can come again.
    seen: BTreeMap<u64, Met>,
    /// How many records the longest page of several seconds had.
    #[serde(default)]
    full_page: usize,
    /// What earlier versions of this program took for that.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "read, and not used")]
    longest: IgnoredAny,
}

/// What is kept of a record that was delivered: up to which second it can come again, and half a hash
/// of its content, which earlier versions of this program did not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Met {
    Former(i64),
    Known(i64, u32),
}

impl Met {
    fn at(self) -> i64 {
        let (Self::Former(at) | Self::Known(at, _)) = self;
        at
    }

    /// Whether it may be a record of that content.
    fn is(self, content: u32) -> bool {
        match self {
            Self::Former(_) => true,
            Self::Known(_, known) => known == content,
        }
    }
}

/// Reads one export; its state between two pages.
#[derive(Debug)]
pub(super) struct TimeReader {
    path: String,
    export: TimeExport,
    from: i64,
    seen: BTreeMap<u64, Met>,
    /// The records of the page before, which a server may send once more.
    last_page: HashMap<u64, Met>,
    full_page: usize,
    pass: Option<Pass>,
    stuck: Stuck,
    /// Everything up to this second was there to be read.
    complete: i64,
    reach: i64,
}

/// One walk from `from` to the present end.
#[derive(Debug)]
struct Pass {
    began: i64,
    clock_ahead: i64,
    /// What the page under way was asked with.
    next: Parameters,
    page_size: usize,
}

/// Whether a second held more than a page takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    No,
    /// With a page that was not of full size.
    Small,
    /// With a full one of so many records, at this second.
    At(i64, usize),
}

impl TimeReader {
    /// A reader of the export at that path.
    pub(super) fn new(
        path: String,
        export: TimeExport,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved = saved(settings, position)?.unwrap_or_else(|| Saved {
            from: settings.since,
            seen: BTreeMap::new(),
            full_page: 0,
            longest: IgnoredAny,
        });
        let from = saved.from.as_second().max(0);
        Ok(Self {
            path,
            export,
            from,
            seen: saved.seen,
            last_page: HashMap::new(),
            full_page: saved.full_page,
            pass: None,
            stuck: Stuck::No,
            complete: from,
            reach: whole_seconds(settings.lag) + whole_seconds(settings.overlap),
        })
    }

    fn begin(&self, now: i64) -> Option<Pass> {
        let start = self.from * self.export.unit.per_second();
        (self.from <= now - START_AGE_MIN).then(|| Pass {
            began: now,
            clock_ahead: 0,
            next: vec![(START, start.to_string())],
            page_size: 0,
        })
    }

    /// The next page's parameters, as the page gives them.
    fn next(page: Envelope<'_>) -> Result<Parameters, String> {
        let mut next = match page.integer("end_time")? {
            // The time stands in the page itself: a link that is not to be trusted is not needed.
            Some(time) => vec![(START, time.to_string())],
            None => return Ok(page.link("next_page", KNOWN)?.unwrap_or_default()),
        };
        if let Some(id) = page.text("end_id")? {
            next.push(("start_id", id));
        } else if let Ok(Some(linked)) = page.link("next_page", KNOWN) {
            next.extend(linked.into_iter().filter(|(name, _)| *name != START));
        }
        Ok(next)
    }

    /// Whether there may be more records than the page under way takes, if it has so many.
    fn is_full(&self, records: usize) -> bool {
        let asked = self.pass.as_ref().map_or(0, |pass| pass.page_size);
        records >= asked || records >= self.full_page.max(PAGE_MIN)
    }

    /// Leaves out what was delivered before. What has changed since then is named by its content too.
    /// Returns how many were left out.
    fn leave_out_known(&self, page: &mut Fetched) -> usize {
        let before = page.len();
        for events in [&mut page.events, &mut page.rejected] {
            events.retain_mut(|event| {
                let id = event.fingerprint();
                let met = self.seen.get(&id).or_else(|| self.last_page.get(&id));
                let Some(met) = met else { return true };
                let content = content_of(event);
                match &event.id.version {
                    Some(version) if !met.is(content) => {
                        let version = String::from_utf8_lossy(version);
                        event.id.version = Some(format!("{version}+{content:08x}").into());
                        true
                    }
                    _ => false,
                }
            });
        }
        before - page.len()
    }

    /// Through which second the page went.
    fn through(&self, parameters: &Parameters) -> Option<i64> {
        let time: i64 = time_of(parameters)?;
        Some(time.div_euclid(self.export.unit.per_second()))
    }
}

/// Half a hash of a record's content.
#[expect(clippy::cast_possible_truncation, reason = "half of a hash tells enough apart")]
fn content_of(event: &Event) -> u32 {
    xxh3_64(&event.line) as u32
}

/// The time among the parameters, in the export's own unit.
fn time_of(parameters: &Parameters) -> Option<i64> {
    parameters.iter().find(|(name, _)| *name == START)?.1.parse().ok()
}

impl Reader for TimeReader {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        if self.pass.is_none() {
            self.pass = Some(self.begin(now.as_second())?);
        }
        let full = self.stuck == Stuck::Small;
        let pass = self.pass.as_mut()?;
        pass.page_size = if full { settings.spec.page_size } else { page_size };
        let size = pass.page_size.to_string();
        let request = ask(&self.path, settings).with(self.export.size, size);
        Some(pass.next.iter().fold(request, |request, (name, value)| request.with(name, value)))
    }

    fn is_sized(&self) -> bool {
        self.stuck != Stuck::Small
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        let Some(pass) = &self.pass else { return Err("no page was asked for".to_owned()) };
        let envelope = Envelope::new(&page.envelope, account);
        let count = page.records.len() + page.rejected.len();
        let declared = envelope.flag("end_of_stream")?;
        let next = Self::next(envelope)?;
        if count == 0 && declared.is_none_or(|end| end) {
            return Ok(PageEnd { next: Vec::new(), more: false });
        }
        let unit = self.export.unit;
        let asked = time_of(&pass.next).unwrap_or_default();
        let times = page.records.iter().filter_map(|record| parse_time(record.time.as_deref()?));
        let goes_on = declared != Some(true) && !envelope.is_null("next_page");
        let leads_back = next == pass.next && goes_on;
        if leads_back && times.map(|time| unit.of(time)).any(|time| time < asked) {
            return Err("the page is the one before, once more".to_owned());
        }
        // With an id beside the time a page is strictly behind what it was asked with.
        let by_id = next.len() > 1;
        if leads_back && (by_id || declared.is_some() && count < pass.page_size) {
            return Err("the page leads back to itself".to_owned());
        }
        match time_of(&next) {
            None if goes_on => Err("the page promises more without an `end_time`".to_owned()),
            Some(time) if time < asked => Err("`end_time` is before `start_time`".to_owned()),
            _ => Ok(PageEnd { more: goes_on && (!leads_back || self.is_full(count)), next }),
        }
    }

    fn accept(&mut self, settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        let Some(mut pass) = self.pass.take() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        let records = page.len();
        let start = self.through(&pass.next).unwrap_or(self.from);
        let through = self.through(&end.next).unwrap_or(start);
        let of_page = page.events.iter().chain(&page.rejected);
        let of_page: Vec<(u64, Met)> = of_page
            .map(|event| {
                let at = event.time.map_or(through, Timestamp::as_second);
                // A time that cannot be the one that the export is ordered by says nothing.
                let at = if (start..=through).contains(&at) { at } else { through };
                (event.fingerprint(), Met::Known(at, content_of(event)))
            })
            .collect();
        if of_page.windows(2).any(|pair| pair[0].1.at() != pair[1].1.at()) {
            self.full_page = self.full_page.max(records);
        }
        let deduplicated = self.leave_out_known(page);
        let past_until = leave_out_later(settings.until, page);
        if end.more && end.next == pass.next {
            let small = pass.page_size < settings.spec.page_size;
            self.stuck = if small { Stuck::Small } else { Stuck::At(start, records) };
        } else {
            self.stuck = Stuck::No;
        }
        let settled = pass.began - pass.clock_ahead - self.reach;
        self.from = self.from.max(through.min(settled));
        self.seen.extend(of_page.iter().copied());
        let from = self.from;
        self.seen.retain(|_, met| met.at() >= from);
        if !of_page.is_empty() {
            self.last_page = of_page.into_iter().collect();
        }
        let caught_up = !end.more || past_until;
        if caught_up {
            self.complete = if past_until { i64::MAX } else { self.complete.max(settled) };
        } else {
            pass.next = end.next;
            self.pass = Some(pass);
        }
        Taken { deduplicated, caught_up }
    }

    fn position(&self) -> Position {
        let from = Timestamp::from_second(self.from).unwrap_or(Timestamp::UNIX_EPOCH);
        // A struct of a time and numbers always has a JSON form.
        let (seen, full_page) = (self.seen.clone(), self.full_page);
        let saved = Saved { from, seen, full_page, longest: IgnoredAny };
        Position(serde_json::to_value(saved).unwrap_or_default())
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.complete >= until.as_second()
    }

    fn fault(&mut self, settings: &StreamSettings) -> Option<ApiError> {
        let Stuck::At(second, records) = self.stuck else { return None };
        self.stuck = Stuck::No;
        self.pass = None;
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let message = format!(
            "the {records} records that changed at {at} fill a page, and the export cannot be paged \
             within a second"
        );
        let next = Timestamp::from_second(second + 1).unwrap_or(Timestamp::UNIX_EPOCH);
        let hint = format!(
            "nothing after {at} was read; ask Zendesk to mend the export, or give up the rest of \
             that second: stop the run, `zenstream checkpoint set {}.{} --since {next}`, and start it \
             again",
            settings.source, settings.spec.name
        );
        Some(ApiError::data(message).with_hint(hint))
    }

    fn heed(&mut self, clock_ahead: i64) {
        if let Some(pass) = &mut self.pass {
            pass.clock_ahead = pass.clock_ahead.max(clock_ahead);
        }
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        error.is_too_recent().then(|| {
            self.pass = None;
            Onward::AtEnd
        })
    }
}

impl TimeUnit {
    /// How many there are in a second.
    fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Microseconds => 1_000_000,
        }
    }

    fn of(self, time: Timestamp) -> i64 {
        match self {
            Self::Seconds => time.as_second(),
            Self::Microseconds => time.as_microsecond(),
        }
    }
}

/// Leaves out what is later than the end asked for. Returns whether there was any.
pub(super) fn leave_out_later(until: Option<Timestamp>, page: &mut Fetched) -> bool {
    let Some(until) = until else { return false };
    page.retain(|event| event.time.is_none_or(|time| time <= until)) > 0
}
