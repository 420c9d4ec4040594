//! Metrics as Prometheus reads them.
//!
//! Pure: values in, text out (<https://prometheus.io/docs/instrumenting/exposition_formats/>). What there is to measure the
//! pipeline knows.

use std::fmt::{Display, Write as _};

use crate::pipeline::{Family, Labels, Metric, NAMESPACE, Reading};

/// The version of the format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All of them as text.
pub(super) fn render(families: &[Family]) -> String {
    let mut text = Exposition(String::new());
    for Family { metric, samples } in families {
        text.head(metric);
        for (labels, reading) in samples {
            match reading {
                Reading::Whole(_) | Reading::Real(_) => text.line(metric.0, "", labels, reading),
                Reading::Summary { sum, count } => {
                    text.line(metric.0, "_sum", labels, sum);
                    text.line(metric.0, "_count", labels, count);
                }
            }
        }
    }
    text.0
}

/// The text so far.
struct Exposition(String);

impl Exposition {
    fn head(&mut self, Metric(name, kind, help): &Metric) {
        self.push(format_args!(
            "# HELP {NAMESPACE}_{name} {help}\n# TYPE {NAMESPACE}_{name} {kind}\n"
        ));
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &Labels, value: impl Display) {
        let quoted = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        let quoted = quoted.collect::<Vec<_>>().join(",");
        let braces = if quoted.is_empty() { quoted } else { format!("{{{quoted}}}") };
        self.push(format_args!("{NAMESPACE}_{name}{suffix}{braces} {value}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let written = self.0.write_fmt(text);
        debug_assert!(written.is_ok());
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let metric = Metric("saves_total", "counter", "Saves.");
        let samples = vec![(vec![("bucket", "a\"b\\c\nd".to_owned())], Reading::Whole(7))];
        let text = render(&[Family { metric, samples }]);
        let line = text.lines().last().expect("a line");
        assert_eq!(line, r#"zenstream_saves_total{bucket="a\"b\\c\nd"} 7"#);
        assert_eq!(text.lines().count(), 3);
    }
}
