//! How history is cut into slices of about as many records each.
//!
//! Pure: it says what to count, is told how many there are, and cuts what is too full in half. The
//! slices cover every second of the history, whatever the counts say, so that counts which
//! change meanwhile cost balance and never a record.

/// No more slices than this: all of their positions are saved with every page.
pub(super) const SLICES_MAX: usize = 32;

/// Counting asks at most this often for each slice wanted.
const QUESTIONS_A_SLICE: usize = 3;

/// A span of time, in epoch seconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
}

/// A span and how many records are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) span: Span,
    pub(super) records: u64,
}

impl Span {
    /// The first half, rounded down to whole seconds; none of a single second.
    pub(super) fn half(self) -> Option<Self> {
        let middle = self.first + (self.last - self.first - 1).div_euclid(2);
        (self.first < self.last).then_some(Self { last: middle, ..self })
    }

    /// Parts of equal length, in order: as many as are wanted, or one a second.
    pub(super) fn evenly(self, wanted: usize) -> Vec<Self> {
        let length = self.last - self.first + 1;
        let parts = i64::try_from(wanted.clamp(1, SLICES_MAX)).unwrap_or(1).min(length.max(1));
        let start = |part: i64| self.first + length / parts * part + (length % parts).min(part);
        (0..parts).map(|part| Self { first: start(part), last: start(part + 1) - 1 }).collect()
    }
}

/// A history that is being cut.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of time, without a gap.
    parts: Vec<Counted>,
    /// How many records a slice should have.
    ideal: u64,
    questions_left: usize,
}

impl Plan {
    /// For a history with so many records in all.
    pub(super) fn new(whole: Counted, wanted: usize) -> Self {
        let wanted = wanted.clamp(1, SLICES_MAX);
        let ideal = whole.records.div_ceil(wanted as u64).max(1);
        Self { parts: vec![whole], ideal, questions_left: wanted * QUESTIONS_A_SLICE }
    }

    /// The spans to count next, side by side: half of each that is too full, the fullest first.
    pub(super) fn questions(&self) -> Vec<Span> {
        let too_full = self.parts.iter().filter(|part| part.records > self.ideal + self.ideal / 2);
        let mut too_full: Vec<&Counted> = too_full.collect();
        too_full.sort_by_key(|part| std::cmp::Reverse(part.records));
        let halves = too_full.into_iter().filter_map(|part| part.span.half());
        halves.take(self.questions_left).collect()
    }

    /// What was counted for some of those questions.
    pub(super) fn answer(&mut self, counted: &[Counted]) {
        self.questions_left = self.questions_left.saturating_sub(counted.len());
        for half in counted {
            let Some(at) = self.parts.iter().position(|it| it.span.first == half.span.first) else {
                continue;
            };
            let whole = self.parts[at];
            let rest = Counted {
                span: Span { first: half.span.last + 1, ..whole.span },
                records: whole.records.saturating_sub(half.records),
            };
            self.parts.splice(at..=at, [*half, rest]);
        }
    }

    /// The slices: neighbours that are not full together are one.
    pub(super) fn slices(self) -> Vec<Counted> {
        let most = self.ideal + self.ideal / 4;
        let mut slices: Vec<Counted> = Vec::new();
        for part in self.parts {
            match slices.last_mut() {
                Some(last) if last.records + part.records <= most => last.join(part),
                _ => slices.push(part),
            }
        }
        while slices.len() > SLICES_MAX {
            let sum = |at: &usize| slices[*at].records + slices[at + 1].records;
            let Some(at) = (0..slices.len() - 1).min_by_key(sum) else { break };
            let next = slices.remove(at + 1);
            slices[at].join(next);
        }
        slices
    }
}

impl Counted {
    fn join(&mut self, next: Self) {
        self.span.last = next.span.last;
        self.records += next.records;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: u64 = 100;

    /// Plans over records at these seconds. Returns the slices, and how often it counted.
    fn plan(times: &[i64], whole: Span, wanted: usize) -> (Vec<Counted>, usize) {
        let count = |span: Span| {
            let within = times.iter().filter(|at| (span.first..=span.last).contains(*at));
            Counted { span, records: within.count() as u64 }
        };
        let mut plan = Plan::new(count(whole), wanted);
        let mut asked = 1;
        loop {
            let questions = plan.questions();
            if questions.is_empty() {
                return (plan.slices(), asked);
            }
            asked += questions.len();
            plan.answer(&questions.into_iter().map(count).collect::<Vec<_>>());
        }
    }

    fn assert_covers(slices: &[Counted], whole: Span) {
        assert_eq!(slices[0].span.first, whole.first);
        assert_eq!(slices.last().expect("one").span.last, whole.last);
        assert!(slices.len() <= SLICES_MAX);
        for pair in slices.windows(2) {
            assert_eq!(pair[0].span.last + 1, pair[1].span.first, "no gap and no overlap");
        }
    }

    #[test]
    fn an_even_history_is_cut_into_equal_slices_with_about_a_count_each() {
        let whole = Span { first: 0, last: 59_999 };
        let times: Vec<i64> = (0..60_000).collect();
        let (slices, asked) = plan(&times, whole, 8);
        assert_covers(&slices, whole);
        assert_eq!(slices.len(), 8);
        assert!(slices.iter().all(|it| it.records == 75 * PAGE), "{slices:?}");
        assert_eq!(asked, 8);
    }

    #[test]
    fn a_history_that_is_nearly_all_of_the_last_day_is_cut_within_that_day() {
        let whole = Span { first: 0, last: 365 * 86_400 };
        let day = whole.last - 86_400;
        let times: Vec<i64> =
            (0..20_000).map(|n| if n < 200 { n * 150_000 } else { day + n * 4 }).collect();
        let (slices, asked) = plan(&times, whole, 16);
        assert_covers(&slices, whole);
        let fullest = slices.iter().map(|it| it.records).max().expect("one");
        assert!(slices.len() >= 12 && fullest <= 2 * 20_000 / 16, "{slices:?}");
        assert!(asked <= 1 + 3 * 16, "{asked}");
    }

    #[test]
    fn a_second_that_is_fuller_than_a_slice_is_a_slice() {
        let whole = Span { first: 0, last: 10_000 };
        let mut times = vec![5_000; 5_000];
        times.extend(0..1_000);
        let (slices, _) = plan(&times, whole, 16);
        assert_covers(&slices, whole);
        let full = slices.iter().find(|it| it.records >= 5_000).expect("the full one");
        assert!(full.records <= 5_400, "{slices:?}");
    }

    #[test]
    fn an_empty_history_is_one_slice() {
        let whole = Span { first: 7, last: 7_000 };
        let (slices, asked) = plan(&[], whole, 16);
        assert_eq!((slices, asked), (vec![Counted { span: whole, records: 0 }], 1));
    }

    #[test]
    fn equal_lengths_cover_every_second() {
        for (first, last, wanted, expected) in
            [(0, 99, 7, 7), (5, 5, 8, 1), (0, 2, 8, 3), (0, 1_000_000, 500, SLICES_MAX)]
        {
            let whole = Span { first, last };
            let parts = whole.evenly(wanted);
            let counted = parts.iter().map(|span| Counted { span: *span, records: 0 });
            assert_covers(&counted.collect::<Vec<_>>(), whole);
            assert_eq!(parts.len(), expected);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_counts_say_every_second_is_in_one_slice(
            last in 0i64..100_000, wanted in 0usize..60, total in 0u64..100_000,
            answers in proptest::collection::vec(0u64..50_000, 1..40),
        ) {
            // Records come and go while they are counted.
            let whole = Span { first: 0, last };
            let mut plan = Plan::new(Counted { span: whole, records: total }, wanted);
            let mut answers = answers.into_iter().cycle();
            let mut waves = 0;
            loop {
                let questions = plan.questions();
                if questions.is_empty() {
                    break;
                }
                waves += 1;
                prop_assert!(waves < 200);
                let counted: Vec<Counted> = questions
                    .into_iter()
                    .map(|span| Counted { span, records: answers.next().unwrap_or(0) })
                    .collect();
                plan.answer(&counted);
            }
            assert_covers(&plan.slices(), whole);
        }
    }
}
