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
                    ListPages::Numbered => request,
                };
                (small, PageLayout { records_key, id_field, ..layout })
            }
            None => (self.one_record(now.as_second() - BACK_SECS), layout),
        };
        (PageRequest { bucket: self.bucket, needs: Some(self.needs()), ..request }, layout)
    }

    fn one_record(&self, since: i64) -> PageRequest {
        let mut request = PageRequest::new(self.path);
        for (name, value) in self.query {
            request = request.with(name, *value);
        }
        match self.paging {
            Paging::TimeWindow(_) | Paging::Tail => request.with("page[size]", "1"),
            Paging::Snapshot(list) => match list.pages {
                ListPages::Cursor => request.with("page[size]", "1"),
                ListPages::Numbered => request,
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
