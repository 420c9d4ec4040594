//! Which fields are meant: `via.source.from.address`, `custom_fields[*].value`, `*.email`.

/// A path of names and places, `*` for any one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Any,
}

/// A step of the way to a value.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Key(String),
    Index(usize),
}

impl RedactPath {
    /// Reads a path; an error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not the path of a field");
        let mut steps = Vec::new();
        // As other paths it may begin with a dot.
        for part in text.strip_prefix('.').unwrap_or(text).split('.') {
            let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            if key.is_empty() || key.contains([']', '"', '{', '%', ' ']) {
                return Err(wrong());
            }
            steps.push(if key == "*" { Step::Any } else { Step::Key(key.to_owned()) });
            for index in indices.split_inclusive(']') {
                let index = index.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                steps.push(match index.ok_or_else(wrong)? {
                    "*" => Step::Any,
                    index => Step::Index(index.parse().map_err(|_| wrong())?),
                });
            }
        }
        Ok(Self(steps))
    }

    /// Whether it is exactly this way.
    pub(super) fn is(&self, way: &[Place]) -> bool {
        self.0.len() == way.len() && self.holds(way)
    }

    /// Whether it is this way, or leads to something above it.
    pub(super) fn holds(&self, way: &[Place]) -> bool {
        self.0.len() <= way.len()
            && self.0.iter().zip(way).all(|(step, place)| match (step, place) {
                (Step::Any, _) => true,
                (Step::Key(key), Place::Key(name)) => key == name,
                (Step::Index(index), Place::Index(at)) => index == at,
                (Step::Key(_), Place::Index(_)) | (Step::Index(_), Place::Key(_)) => false,
            })
    }
}
