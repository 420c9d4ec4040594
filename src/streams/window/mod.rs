//! Lists that filter by time: audit logs, access logs, satisfaction ratings.
//!
//! Read ascending in windows `[from, now - lag]`. Records show up seconds to minutes after their
//! time, even in seconds already read, so each window starts far enough back to meet
//! whatever can still show up, and what was delivered before is told by id.
//!
//! One rule makes this exact. A record shows up at most `lag + overlap` after its time. A pass
//! that began at `w` and has read through `t` has therefore met every record up to
//! `min(t, w - lag - overlap)`: that is the next `from`, and only the ids at or after it
//! need to be remembered. In old history that is the last second read; at the tail it is the
//! overlap.
//!
//! A list that filters (and orders) by another time than its records tell says nothing of the kind
//! before its pass is over. There the position keeps where the pass is, by its cursor.
//!
//! If such a list filters by when a record was made, a later change is met by no window. So once an
//! hour a pass goes further back, over all that was made in the last `reread`. The same rule holds for
//! changes then: such a pass that began at `w` has met every change up to `w - lag - overlap`.

mod pass;
mod query;
mod saved;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use url::Url;

use super::reader::{Fetched, Onward, Reader, Taken, may_be_a_bad_cursor, whole_seconds};
use super::{Position, PositionError, StreamSettings, TimeFilter, reader};
use crate::normalize::{Event, SplitPage};
use crate::zendesk::{ApiError, Envelope, PageEnd, PageRequest};

use pass::{Changes, Pass, REREAD_EVERY};
pub(super) use query::count_request;
use saved::{Saved, SavedPass};

/// How far the end of a window is held back once it is too recent, at first and at the most, in
/// seconds.
const YOUNGEST_TRIED: (i64, i64) = (61, 3_600);

/// Reads one such list; its state between two pages.
#[derive(Debug)]
pub(super) struct Window {
    filter: TimeFilter,
    from: i64,
    /// What was delivered, by second and fingerprint: at or after `from`, and what was on the last
    /// page, which a server may send once more.
    seen: BTreeSet<(i64, u64)>,
    /// What was delivered and has no time to tell when it can no longer be met: for each equal
    /// one, through which second its page went.
    timeless: BTreeMap<u64, Vec<i64>>,
    /// Nothing after this second is taken: the window is a slice of history.
    through: Option<i64>,
    pass: Option<Pass>,
    /// A cursor was given up, and nothing new has come since.
    restarted: bool,
    reach: i64,
    /// Where changes are looked for by themselves.
    changes: Option<Changes>,
    /// How old the last second that is asked for must be; more, once that was too recent.
    youngest: i64,
}

impl Window {
    /// A window over a list that is filtered like that.
    pub(super) fn new(
        filter: TimeFilter,
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Self, PositionError> {
        let saved = reader::saved(settings, position)?.unwrap_or_else(|| Saved {
            from: settings.since,
            seen: Vec::new(),
            timeless: BTreeMap::new(),
            changes_from: None,
            through: None,
            pass: None,
        });
        let within = whole_seconds(settings.reread);
        let looks_back = !filter.exact && within > 0 && settings.until.is_none();
        let changes_from = saved.changes_from.unwrap_or(saved.from).as_second();
        let mut window = Self {
            filter,
            changes: looks_back.then_some(Changes { within, from: changes_from }),
            from: saved.from.as_second().max(0),
            seen: saved
                .seen
                .into_iter()
                .flat_map(|(at, ids)| ids.into_iter().map(move |id| (at, id)))
                .collect(),
            timeless: saved.timeless,
            through: saved.through.map(Timestamp::as_second),
            pass: None,
            restarted: false,
            reach: whole_seconds(settings.lag) + whole_seconds(settings.overlap),
            youngest: filter.youngest_secs,
        };
        window.pass = saved.pass.map(|pass| window.resumed(&pass));
        Ok(window)
    }

    /// A pass that begins, or began, then.
    fn pass(&self, began: i64, end: i64) -> Pass {
        Pass {
            began,
            first: self.from,
            back_to: None,
            end,
            frontier: self.from,
            next: Vec::new(),
            known: self.timeless.iter().map(|(id, met)| (*id, met.len())).collect(),
            ascending: self.filter.exact,
            clock_ahead: 0,
            before: if self.filter.exact { BTreeSet::new() } else { self.seen.clone() },
        }
    }

    fn resumed(&self, saved: &SavedPass) -> Pass {
        let cursor = self.filter.cursor.iter();
        let next = cursor.filter_map(|name| Some((*name, saved.next.get(*name)?.clone())));
        let pass = self.pass(saved.began, saved.end);
        Pass { next: next.collect(), ..self.looking_back(pass, saved.back_to) }
    }

    /// The pass, if it is to look for changes of what was read before.
    fn looking_back(&self, pass: Pass, back_to: Option<i64>) -> Pass {
        match (self.changes, back_to) {
            (Some(changes), Some(_)) => {
                Pass { first: changes.from.min(pass.first), back_to, ..pass }
            }
            _ => pass,
        }
    }

    /// Begins a pass, if anything can be there by now.
    fn begin(&mut self, settings: &StreamSettings, now: i64) -> Option<Pass> {
        let newest = now - whole_seconds(settings.lag).max(self.youngest);
        let until = settings.until.map(Timestamp::as_second);
        let end = until.into_iter().chain(self.through).fold(newest, i64::min);
        let due = |changes: &Changes| now - self.reach - changes.from >= REREAD_EVERY;
        let back_to = self.changes.filter(due).map(|it| self.from.min(now - it.within));
        (end >= self.from).then(|| self.looking_back(self.pass(now, end), back_to))
    }

    /// What was delivered at or after this second may be met again.
    fn meets_again_from(&self) -> i64 {
        self.changes.map_or(self.from, |changes| changes.from.min(self.from))
    }

    /// After an answer that its end is too recent: asks for less recent ones from now on. Returns
    /// whether that can help.
    fn hold_back(&mut self) -> bool {
        let held_back = self.youngest;
        self.youngest = (held_back * 2).clamp(YOUNGEST_TRIED.0, YOUNGEST_TRIED.1);
        self.pass = None;
        self.youngest > held_back
    }

    /// Gives up the cursor of this pass and starts it again from the position. Returns whether
    /// that can help: there was a cursor, and there was headway since it was last done.
    pub(super) fn restart_pass(&mut self) -> bool {
        let had_cursor = self.pass.take().is_some_and(|pass| !pass.next.is_empty());
        had_cursor && !std::mem::replace(&mut self.restarted, true)
    }

    /// The span that holds nothing but history: what the pass under way has before it, up to where
    /// no record can show up late any more. Not where records come out of order, or where the list
    /// filters by another time than theirs.
    pub(super) fn history(&self) -> Option<(i64, i64)> {
        let pass = self.pass.as_ref().filter(|pass| pass.ascending)?;
        let settled = pass.began - pass.clock_ahead - self.reach;
        let last = pass.end.min(settled - 1);
        (last > self.from).then_some((self.from, last))
    }

    /// Through which second pages went with what was delivered and has no time of its own: it can
    /// be met anywhere before, so the first slice must reach at least so far.
    pub(super) fn timeless_through(&self) -> Option<i64> {
        self.timeless.values().flatten().copied().max()
    }

    /// Hands the history over to slices with these first and last seconds, and goes on behind them.
    /// Each is told what was delivered of its own span. What has no time of its own and stands
    /// within a second of an edge may be met on both sides of it.
    pub(super) fn cut(&mut self, spans: &[(i64, i64)]) -> Vec<Self> {
        self.pass = None;
        let mut timeless = std::mem::take(&mut self.timeless);
        let slices = spans.iter().map(|&(first, last)| {
            self.from = last + 1;
            let later = self.seen.split_off(&(self.from, 0));
            Self {
                filter: self.filter,
                from: first,
                seen: std::mem::replace(&mut self.seen, later),
                timeless: std::mem::take(&mut timeless),
                through: Some(last),
                pass: None,
                restarted: false,
                reach: self.reach,
                changes: None,
                youngest: self.youngest,
            }
        });
        slices.collect()
    }

    /// The last second of a slice.
    pub(super) fn through(&self) -> Option<i64> {
        self.through
    }

    /// Whether a slice was read to its end.
    pub(super) fn is_through(&self) -> bool {
        self.through.is_some_and(|through| self.from >= through)
    }

    fn settle(&mut self, complete: i64, page_first: i64) {
        self.from = self.from.max(complete);
        self.seen = self.seen.split_off(&(self.meets_again_from().min(page_first), 0));
        // A request reaches one second before `from`, or as far back as changes are looked for.
        let within = self.changes.map_or(0, |changes| changes.within + REREAD_EVERY);
        let reached = self.from - 1 - within;
        self.timeless.retain(|_, met| {
            met.retain(|read_through| *read_through >= reached);
            !met.is_empty()
        });
    }
}

impl Reader for Window {
    fn request(
        &mut self,
        settings: &StreamSettings,
        now: Timestamp,
        page_size: usize,
    ) -> Option<PageRequest> {
        if self.pass.is_none() {
            self.pass = Some(self.begin(settings, now.as_second())?);
        }
        let pass = self.pass.as_ref()?;
        let mut request =
            PageRequest::new(settings.spec.path).with("page[size]", page_size.to_string());
        if let Some(sort) = self.filter.sort {
            request = request.with("sort", sort);
        }
        // Whether the pair's ends are within it is not documented: one second more costs little,
        // and `accept` leaves it out again. The end of a pass that another follows needs none.
        let first = pass.back_to.unwrap_or(pass.first).saturating_sub(1).max(0);
        let last = pass.end + i64::from(self.through.is_some());
        request = query::filtered(&self.filter, settings, request, first, last);
        for (name, value) in &pass.next {
            request = request.with(name, value.as_str());
        }
        Some(request)
    }

    fn end(&self, page: &SplitPage, account: &Url) -> Result<PageEnd, String> {
        let end = Envelope::new(&page.envelope, account).list_end(self.filter.cursor)?;
        let asked = self.pass.as_ref().map(|pass| &pass.next);
        if end.more && asked == Some(&end.next) {
            return Err("the page leads back to itself".to_owned());
        }
        Ok(end)
    }

    fn accept(&mut self, _settings: &StreamSettings, page: &mut Fetched, end: PageEnd) -> Taken {
        let Some(mut pass) = self.pass.take() else {
            return Taken { deduplicated: 0, caught_up: true };
        };
        let page_first = pass.frontier;
        pass.walk(&page.events);
        let over = !end.more;
        let read_through = match (over, pass.ascending) {
            (true, _) => pass.end,
            (false, true) => pass.frontier,
            (false, false) => pass.first,
        };
        let of_page: BTreeSet<u64> = page.events.iter().map(Event::fingerprint).collect();
        let is_new = |event: &Event| match event.time.map(Timestamp::as_second) {
            Some(at) => {
                let within = at >= pass.first && self.through.is_none_or(|through| at <= through);
                let met = (at, event.fingerprint());
                within && !pass.before.contains(&met) && self.seen.insert(met)
            }
            None => match pass.known.get_mut(&event.fingerprint()) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    false
                }
                _ => {
                    // Out of order it may be met again anywhere.
                    let met = if self.filter.exact { read_through } else { pass.end };
                    self.timeless.entry(event.fingerprint()).or_default().push(met);
                    true
                }
            },
        };
        let deduplicated = page.retain(is_new);
        let settled = pass.began - pass.clock_ahead - self.reach;
        if let Some(changes) = self.changes.as_mut().filter(|_| over && pass.back_to.is_some()) {
            changes.from = changes.from.max(settled);
        }
        self.settle(read_through.min(settled), page_first);
        // With something new there is headway, and a cursor may be given up again.
        self.restarted &= if self.filter.exact { page.events.is_empty() } else { !over };
        if !over {
            if !self.filter.exact {
                // Until the pass is over, what it may meet again is on the last page alone; the
                // next pass may meet what is young.
                let changes = self.changes.filter(|_| pass.back_to.is_none());
                let again = changes.map_or(settled, |it| it.from.min(settled)).min(pass.end);
                self.seen.retain(|met| {
                    met.0 >= again || pass.before.contains(met) || of_page.contains(&met.1)
                });
            }
            // A page that says there is more always has a cursor; the decoder saw to it.
            pass.next = end.next;
            self.pass = Some(pass);
        }
        Taken { deduplicated, caught_up: over }
    }

    fn position(&self) -> Position {
        let under_way = self.pass.as_ref().filter(|pass| !pass.next.is_empty());
        let saved = Saved {
            from: Timestamp::from_second(self.from).unwrap_or(Timestamp::UNIX_EPOCH),
            seen: saved::by_second(self.seen.range((self.meets_again_from(), 0)..)),
            changes_from: self.changes.and_then(|it| Timestamp::from_second(it.from).ok()),
            timeless: self.timeless.clone(),
            through: self.through.and_then(|through| Timestamp::from_second(through).ok()),
            pass: under_way.filter(|_| !self.filter.exact).map(Pass::saved),
        };
        // A struct of numbers and lists always has a JSON form.
        Position(serde_json::to_value(saved).unwrap_or_default())
    }

    fn is_past(&self, until: Timestamp) -> bool {
        self.from >= until.as_second()
    }

    fn heed(&mut self, clock_ahead: i64) {
        if let Some(pass) = &mut self.pass {
            pass.clock_ahead = pass.clock_ahead.max(clock_ahead);
        }
    }

    fn absorb(&mut self, error: &ApiError) -> Option<Onward> {
        // What is older than the end that was asked for is there, and must be asked for.
        if error.is_too_recent() {
            let instead = "asking for what is less recent";
            return self.hold_back().then_some(Onward::Otherwise(instead));
        }
        let instead = if self.filter.exact {
            "the pass begins again where its last page ended"
        } else {
            "the pass begins again: some of it may be delivered twice, under the same ids"
        };
        (may_be_a_bad_cursor(error) && self.restart_pass()).then_some(Onward::Otherwise(instead))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::query::written;
    use super::*;
    use crate::normalize::{Origin, RecordId};
    use crate::streams::{Emit, History, Paging, TimeForm, find};
    use crate::zendesk::PAGE_AFTER;

    const NOW: i64 = 1_800_000_000;

    fn settings() -> StreamSettings {
        StreamSettings {
            spec: find("audit_logs").expect("a row"),
            source: "acme".to_owned(),
            subdomain: "acme".to_owned(),
            since: at(NOW - 86_400),
            until: None,
            follow: true,
            poll_interval: Duration::from_secs(60),
            lag: Duration::from_secs(60),
            overlap: Duration::from_secs(900),
            filter: vec![("action".to_owned(), vec!["create".to_owned(), "update".to_owned()])],
            include: Vec::new(),
            exclude_deleted: false,
            report_removed: false,
            reread: Duration::ZERO,
            max_record_bytes: 1 << 20,
            emit: Emit::Records,
            history: History::InSlices,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn window(
        settings: &StreamSettings,
        position: Option<&Position>,
    ) -> Result<Window, PositionError> {
        let Paging::TimeWindow(filter) = settings.spec.paging else {
            panic!("{:?} is read in no window", settings.spec.paging)
        };
        Window::new(filter, settings, position)
    }

    fn record(id: u64, second: i64) -> Event {
        Event {
            line: Bytes::from_static(b"{}"),
            id: RecordId { record: Bytes::from(id.to_string()), version: None },
            time: Some(at(second)),
            origin: origin(),
            members: None,
        }
    }

    fn origin() -> Arc<Origin> {
        Arc::new(Origin {
            source: "acme".to_owned(),
            stream: "audit_logs".to_owned(),
            subdomain: "acme".to_owned(),
            partition: "tail".to_owned(),
            ingest_time: at(NOW),
            through: None,
        })
    }

    fn page(events: Vec<Event>, rejected: Vec<Event>) -> Fetched {
        Fetched { events, rejected, origin: origin() }
    }

    fn more(cursor: &str) -> PageEnd {
        PageEnd { next: vec![(PAGE_AFTER, cursor.to_owned())], more: true }
    }

    fn last() -> PageEnd {
        PageEnd { next: vec![(PAGE_AFTER, "kept though it is the last".to_owned())], more: false }
    }

    /// Ids of what a page brought.
    fn take(window: &mut Window, records: &[(u64, i64)], end: PageEnd) -> Vec<String> {
        let events = records.iter().map(|(id, at)| record(*id, *at)).collect();
        let mut page = page(events, Vec::new());
        window.accept(&settings(), &mut page, end);
        page.events.iter().map(|event| event.id.to_string()).collect()
    }

    fn restarted(window: &Window, settings: &StreamSettings) -> Window {
        self::window(settings, Some(&window.position())).expect("its own position")
    }

    #[test]
    fn a_request_asks_for_a_bounded_window_ascending_and_keeps_its_filter_on_every_page() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        let first = window.request(&settings, at(NOW), 100).expect("a window");
        take(&mut window, &[(1, NOW - 80_000)], more("abc"));
        let second = window.request(&settings, at(NOW + 5), 100).expect("the same window");
        let value = |request: &PageRequest, name: &str| -> Vec<String> {
            let named = request.query.iter().filter(|(key, _)| key == name);
            named.map(|(_, value)| value.clone()).collect()
        };
        for request in [&first, &second] {
            let pair =
                [written(TimeForm::Rfc3339, NOW - 86_401), written(TimeForm::Rfc3339, NOW - 60)];
            assert_eq!(value(request, "filter[created_at][]"), pair);
            assert_eq!(value(request, "filter[action][]"), ["create", "update"]);
            assert_eq!(value(request, "sort"), ["created_at"]);
        }
        assert_eq!(value(&first, "page[after]"), [""; 0]);
        assert_eq!(value(&second, "page[after]"), ["abc"]);
    }

    #[test]
    fn a_record_that_shows_up_late_in_a_second_already_read_is_delivered_once() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW), 100);
        assert_eq!(take(&mut window, &[(1, NOW - 300), (3, NOW - 200)], last()), ["1", "3"]);
        for mut window in [restarted(&window, &settings), window] {
            window.request(&settings, at(NOW + 60), 100);
            let again = [(1, NOW - 300), (2, NOW - 300), (3, NOW - 200)];
            assert_eq!(take(&mut window, &again, last()), ["2"]);
            window.request(&settings, at(NOW + 120), 100);
            assert_eq!(take(&mut window, &again, last()), [""; 0]);
        }
    }

    #[test]
    fn a_position_in_old_history_remembers_the_last_second_alone() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW), 100);
        let page: Vec<(u64, i64)> =
            (0..100u64).map(|n| (n, NOW - 80_000 + n.cast_signed() / 2)).collect();
        take(&mut window, &page, more("abc"));
        let saved: Saved = serde_json::from_value(window.position().0).expect("its own form");
        assert_eq!(saved.from, at(NOW - 80_000 + 49));
        assert_eq!(saved.seen.iter().map(|(_, ids)| ids.len()).sum::<usize>(), 2);
        let mut window = restarted(&window, &settings);
        window.request(&settings, at(NOW), 100);
        let again =
            [(97, NOW - 79_952), (98, NOW - 79_951), (99, NOW - 79_951), (100, NOW - 79_951)];
        assert_eq!(take(&mut window, &again, last()), ["100"], "the end of a second may be cut");
    }

    #[test]
    fn a_page_that_is_sent_twice_is_delivered_once() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW), 100);
        let page = [(1, NOW - 80_000), (2, NOW - 70_000)];
        assert_eq!(take(&mut window, &page, more("abc")).len(), 2);
        assert_eq!(take(&mut window, &page, more("abd")).len(), 0);
    }

    #[test]
    fn what_has_no_time_is_told_again_by_how_often_it_was_met() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        let rejected = |count: usize| vec![Event { time: None, ..record(7, 0) }; count];
        let take = |window: &mut Window, now: i64, count: usize| {
            window.request(&settings, at(now), 100);
            let mut met = page(Vec::new(), rejected(count));
            window.accept(&settings, &mut met, last());
            met.len()
        };
        assert_eq!(take(&mut window, NOW, 2), 2, "two that are equal are two");
        for mut window in [restarted(&window, &settings), window] {
            assert_eq!(take(&mut window, NOW + 60, 2), 0);
            assert_eq!(take(&mut window, NOW + 120, 3), 1);
            assert_eq!(take(&mut window, NOW + 180, 3), 0);
            take(&mut window, NOW + 2_000, 0);
            assert_eq!(window.timeless.len(), 0, "forgotten once it cannot come again");
        }
    }

    #[test]
    fn what_was_delivered_of_a_history_is_known_to_each_slice_and_to_the_tail() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW), 100);
        let overlap: Vec<(u64, i64)> =
            (0..900u64).map(|n| (n, NOW - 960 + n.cast_signed())).collect();
        assert_eq!(take(&mut window, &overlap, last()).len(), 900);
        let mut window = restarted(&window, &settings);
        window.request(&settings, at(NOW + 600), 100);
        take(&mut window, &overlap[..1], more("a"));
        let (first, end) = window.history().expect("a history");
        assert_eq!((first, end), (NOW - 960, NOW - 361));
        let slices = window.cut(&[(first, NOW - 700), (NOW - 699, end)]);
        let parts = slices.into_iter().chain([window]);
        let mut known = 0;
        for mut part in parts {
            part.request(&settings, at(NOW + 600), 100);
            let mut part = restarted(&part, &settings);
            part.request(&settings, at(NOW + 600), 100);
            let span = part.from..=part.through.unwrap_or(i64::MAX);
            let own: Vec<_> = overlap.iter().filter(|(_, at)| span.contains(at)).copied().collect();
            assert_eq!(take(&mut part, &own, more("b")), [""; 0]);
            known += own.len();
        }
        assert_eq!(known, 900);
    }

    #[test]
    fn a_server_that_ignores_the_order_moves_the_position_at_the_end_alone() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW), 100);
        assert_eq!(take(&mut window, &[(3, NOW - 2_000), (2, NOW - 3_000)], more("a")).len(), 2);
        let mut killed = restarted(&window, &settings);
        killed.request(&settings, at(NOW), 100);
        assert_eq!(take(&mut killed, &[(3, NOW - 2_000), (1, NOW - 80_000)], last()), ["1"]);
        assert_eq!(take(&mut window, &[(1, NOW - 80_000)], last()), ["1"]);
        assert_eq!(window.from, NOW - 960);
    }

    #[test]
    fn a_clock_that_is_ahead_does_not_take_the_future_for_read() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        window.request(&settings, at(NOW + 86_400), 100);
        window.heed(86_400);
        assert_eq!(take(&mut window, &[(1, NOW - 100)], last()), ["1"]);
        let mut window = restarted(&window, &settings);
        window.request(&settings, at(NOW + 600), 100);
        let page = [(1, NOW - 100), (2, NOW + 100)];
        assert_eq!(take(&mut window, &page, last()), ["2"]);
    }

    #[test]
    fn a_cursor_that_is_refused_again_without_headway_ends_the_reading() {
        let settings = settings();
        let mut window = window(&settings, None).expect("a start");
        for expected in [true, false] {
            window.request(&settings, at(NOW), 100);
            take(&mut window, &[(1, NOW - 80_000)], more("refused"));
            window.request(&settings, at(NOW), 100);
            // The first time the page brought something new.
            assert_eq!(window.restart_pass(), expected);
        }
    }

    #[test]
    fn nothing_is_asked_for_before_it_can_be_there() {
        let settings = StreamSettings { since: at(NOW), ..settings() };
        let mut window = window(&settings, None).expect("a start");
        assert_eq!(window.request(&settings, at(NOW + 59), 100), None);
        assert!(window.request(&settings, at(NOW + 60), 100).is_some());
    }

    #[test]
    fn a_position_of_another_kind_is_refused() {
        let settings = settings();
        let position = Position(serde_json::json!({"cursor": "MTcw"}));
        let error = window(&settings, Some(&position)).expect_err("not a window");
        assert!(error.to_string().starts_with("the position of `audit_logs` cannot be read"));
    }
}
