//! The words of commands as a shell would read them, as far as pages write them.

/// The commands of a script that call `zenstream`, each without that word.
pub(super) fn calls(script: &str) -> Vec<Vec<String>> {
    let joined = script.replace("\\\n", " ");
    let mut calls = Vec::new();
    for line in joined.lines() {
        for command in commands(line) {
            let mut words = command.into_iter().skip_while(|word| is_prelude(word));
            if words.next().is_some_and(|word| word == "zenstream") {
                calls.push(words.collect());
            }
        }
    }
    calls
}

/// What may stand before the program: `$`, `sudo`, variables.
fn is_prelude(word: &str) -> bool {
    let is_variable = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    });
    word == "$" || word == "sudo" || is_variable
}

/// The commands of a line, up to a comment. A pipe, `;`, `&&` or a redirection ends one; the name of a
/// file behind a redirection is taken for a command, which does no harm: it is not ours.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&' | '>' | '<') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    commands.push(words);
    commands
}
