//! The smallest request that shows whether a stream can be read.

use jiff::Timestamp;

use super::{ListPages, Paging, StreamSpec, TimeUnit};
use crate::normalize::PageLayout;
use crate::zendesk::PageRequest;

/// How far back a probe of an export looks: an hour, where little is found.
const BACK_SECS: i64 = 3600;

impl StreamSpec {
    /// A request for one record of this stream, where the endpoint can be asked for one, and how
    /// its page is laid out. Of lists below other records it asks for those.
    pub fn probe(&self, now: Timestamp) -> (PageRequest, PageLayout) {
        let layout = self.layout(usize::MAX);
        let (request, layout) = match self.parents {
            Some(parents) => {
                let (records_key, id_field) = (parents.records_key, parents.id_field);
                let request = PageRequest::new(parents.path);
                let small = match parents.pages {
                    ListPages::Cursor => request.with("page[size]", "1"),
                    ListPages::Numbered | ListPages::Object => request,
                };
                (small, PageLayout { records_key, id_field, ..layout })
            }
            None => (self.one_record(self.path.to_owned(), now.as_second() - BACK_SECS), layout),
        };
        (PageRequest { bucket: self.bucket, needs: Some(self.needs()), ..request }, layout)
    }

    /// The same of the list below that parent, where this is a stream of such lists.
    pub fn probe_below(&self, parent: &str, now: Timestamp) -> Option<(PageRequest, PageLayout)> {
        self.parents?;
        let path = self.path_below(parent);
        let request = self.one_record(path, now.as_second() - BACK_SECS);
        let request = PageRequest { bucket: self.bucket, needs: Some(self.needs()), ..request };
        Some((request, self.layout(usize::MAX)))
    }

    fn one_record(&self, path: String, since: i64) -> PageRequest {
        let mut request = PageRequest::new(path);
        for (name, value) in self.query {
            request = request.with(name, *value);
        }
        match self.paging {
            Paging::TimeWindow(_) | Paging::Tail => request.with("page[size]", "1"),
            Paging::Snapshot(list) => match list.pages {
                ListPages::Cursor => request.with("page[size]", "1"),
                ListPages::Numbered | ListPages::Object => request,
            },
            Paging::CursorExport(export) => {
                let request = request.with(export.size, "1");
                match export.start {
                    Some(start) => request.with(start, since.to_string()),
                    None => request,
                }
            }
            Paging::TimeExport(export) => {
                let start = match export.unit {
                    TimeUnit::Seconds => since,
                    TimeUnit::Microseconds => since * 1_000_000,
                };
                request.with(export.size, "1").with("start_time", start.to_string())
            }
        }
    }
}
