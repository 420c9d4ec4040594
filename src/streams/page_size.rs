//! How many records to ask for: less while pages take too long, more again once they do not.

use crate::streams::StreamSpec;

/// After so many pages that came in time, larger ones are tried again.
const GOOD_PAGES: u32 = 8;

/// The size of the next page.
#[derive(Debug)]
pub(super) struct PageSize {
    most: usize,
    now: usize,
    good: u32,
    fixed: bool,
}

impl PageSize {
    /// Begins with what the endpoint gives.
    pub(super) fn new(spec: &StreamSpec) -> Self {
        let (most, fixed) = (spec.page_size, !spec.paging.takes_page_size());
        Self { most, now: most, good: 0, fixed }
    }

    /// Records to ask for.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// Whether less can be asked for.
    pub(super) fn can_shrink(&self) -> bool {
        !self.fixed && self.now > 1
    }

    /// A page of that size took too long: half of it, unless less is asked for by now. Returns
    /// whether there is less to ask for.
    pub(super) fn shrink_from(&mut self, asked: usize) -> bool {
        if self.fixed || asked <= 1 {
            return false;
        }
        self.now = self.now.min(asked / 2);
        self.good = 0;
        true
    }

    /// A page came.
    pub(super) fn succeeded(&mut self) {
        self.good += 1;
        if self.good >= GOOD_PAGES {
            self.now = (self.now * 2).min(self.most);
            self.good = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::find;

    #[test]
    fn a_page_shrinks_by_halves_to_one_record_and_grows_back_to_what_the_endpoint_gives() {
        let mut size = PageSize::new(find("tickets").expect("a row"));
        let mut sizes = vec![size.now()];
        while size.shrink_from(size.now()) {
            sizes.push(size.now());
        }
        assert_eq!(sizes, [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
        for _ in 0..GOOD_PAGES * 20 {
            size.succeeded();
        }
        assert_eq!(size.now(), 1000);
    }

    #[test]
    fn a_page_that_takes_too_long_again_and_again_does_not_grow() {
        let mut size = PageSize::new(find("tickets").expect("a row"));
        for _ in 0..3 {
            assert!(size.shrink_from(size.now()));
            for _ in 0..GOOD_PAGES - 1 {
                size.succeeded();
            }
        }
        assert_eq!(size.now(), 125);
    }

    #[test]
    fn what_takes_no_page_size_is_not_asked_for_less() {
        assert!(!PageSize::new(find("schedules").expect("a row")).shrink_from(100));
    }
}
