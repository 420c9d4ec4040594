//! What of a page can be checked: its blocks of code, its links, its headings.

/// A block between fences.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) info: String,
    /// Without the indentation of the fence.
    pub(super) text: String,
    pub(super) line: usize,
}

/// A page apart from its blocks of code.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) blocks: Vec<Block>,
    /// The lines that are not in a block.
    prose: Vec<String>,
}

impl Page {
    pub(super) fn of(text: &str) -> Self {
        let mut page = Self::default();
        let mut open: Option<(usize, Block)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            match (open.take(), line.trim_start().strip_prefix("```")) {
                (None, Some(info)) => {
                    let (info, text, line) = (info.trim().to_owned(), String::new(), number + 1);
                    open = Some((indent, Block { info, text, line }));
                }
                (None, None) => page.prose.push(line.to_owned()),
                (Some((_, block)), Some(_)) => page.blocks.push(block),
                (Some((indent, mut block)), None) => {
                    block.text.push_str(line.get(indent..).unwrap_or_default());
                    block.text.push('\n');
                    open = Some((indent, block));
                }
            }
        }
        assert!(open.is_none(), "a block is not closed");
        page
    }

    /// Where links lead, as they are written.
    pub(super) fn links(&self) -> Vec<String> {
        let prose = self.prose.join("\n");
        let mut links = Vec::new();
        for (at, _) in prose.match_indices("](") {
            let rest = &prose[at + 2..];
            let end = rest.find(')').expect("a link is closed");
            links.push(rest[..end].to_owned());
        }
        links
    }

    /// What stands between single backticks.
    pub(super) fn code(&self) -> Vec<String> {
        let mut code = Vec::new();
        for line in &self.prose {
            let spans = line.split('`').skip(1).step_by(2);
            code.extend(spans.map(str::to_owned));
        }
        code
    }

    /// The anchors of its headings, as mdBook makes them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let headings = self.prose.iter().filter(|line| line.starts_with('#'));
        let mut anchors: Vec<String> = Vec::new();
        for heading in headings {
            let slug = slug(heading.trim_start_matches('#').trim());
            let taken = anchors.iter().filter(|it| **it == slug).count();
            anchors.push(if taken == 0 { slug } else { format!("{slug}-{taken}") });
        }
        anchors
    }
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}
