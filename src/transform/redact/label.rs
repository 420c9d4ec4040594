//! Words before a number that say what it is of: `ticket 4711`, `Order no. 0815`, `SKU: 1234`.

/// What has a number, and is talked about before other numbers too.
const THINGS: &[&str] = &[
    "article",
    "artikel",
    "auftrag",
    "bestellung",
    "build",
    "case",
    "field",
    "firmware",
    "form",
    "group",
    "invoice",
    "lieferschein",
    "macro",
    "order",
    "organization",
    "part",
    "rechnung",
    "ref",
    "reference",
    "request",
    "teil",
    "ticket",
    "tickets",
    "trigger",
    "user",
    "users",
    "version",
    "vertrag",
];

/// What is nothing but a number.
const NUMBERS: &[&str] = &[
    "abn",
    "blz",
    "cnpj",
    "cpf",
    "ean",
    "gtin",
    "iban",
    "id",
    "ids",
    "imei",
    "isbn",
    "konto",
    "kontonummer",
    "kto",
    "kundennummer",
    "kundennr",
    "nhs",
    "plz",
    "rechnungsnummer",
    "rma",
    "sendungsnummer",
    "serial",
    "seriennummer",
    "siren",
    "siret",
    "sku",
    "ssn",
    "steuernummer",
    "tracking",
    "upc",
    "zip",
];

/// Words between those and the number.
const NUMBER: &[&str] = &["no", "nr", "num", "number"];

/// As much of a text's end as two words have.
const BYTES_MAX: usize = 64;

/// Whether a text ends with what stands before the number of a thing, over whatever signs: `ticket `,
/// `order no. `, `#`.
pub(super) fn names_a_thing(before: &str) -> bool {
    let mut rest = tail(before);
    for _ in 0..2 {
        let (front, word, between) = last_word(rest);
        let last = word.rsplit('_').next().unwrap_or_default().to_lowercase();
        let is_thing = THINGS.contains(&last.as_str()) || NUMBERS.contains(&last.as_str());
        if between.contains('#') || is_thing || word.ends_with("Id") {
            return true;
        }
        if !NUMBER.contains(&last.as_str()) {
            return false;
        }
        rest = front;
    }
    false
}

/// Whether a text ends with what stands before a number that is no phone's. Who calls about an order
/// writes its name before the phone's number too: there a colon, `#` or `no.` has to say that it is the
/// order's.
pub(super) fn names_the_number(before: &str) -> bool {
    if before.strip_suffix('#').is_some_and(|front| !front.ends_with(char::is_alphanumeric)) {
        return true;
    }
    let (mut rest, mut is_said) = (tail(before), false);
    for _ in 0..2 {
        let (front, word, between) = last_word(rest);
        let last = word.rsplit('_').next().unwrap_or_default().to_lowercase();
        is_said |= between.contains([':', '#', '=']);
        if !is_near(between) {
            return false;
        }
        if NUMBERS.contains(&last.as_str()) || (is_said && THINGS.contains(&last.as_str())) {
            return true;
        }
        if !NUMBER.contains(&last.as_str()) {
            return false;
        }
        (rest, is_said) = (front, true);
    }
    false
}

/// Whether one of these words ends a text, with no more than a colon behind it.
pub(super) fn follows_one_of(before: &str, words: &[&str]) -> bool {
    let (front, word, between) = last_word(tail(before));
    let is_one = |word: &str| words.contains(&word.to_lowercase().as_str());
    let is_number = NUMBER.contains(&word.to_lowercase().as_str());
    is_near(between) && (is_one(word) || (is_number && is_one(last_word(front).1)))
}

/// Whether a text ends with the beginning of an IBAN, behind which its groups of four follow: `DE89 `,
/// `NL91 ABNA `.
pub(super) fn begins_iban(before: &str) -> bool {
    let mut words = tail(before).rsplit([' ', '\u{a0}']).skip_while(|word| word.is_empty());
    let is_bank = |word: &&str| {
        word.len() == 4
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let is_head = |word: &str| {
        let checks = word.len() - word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        checks == 2 && ends_with_country(&word[..word.len() - checks])
    };
    words
        .next()
        .is_some_and(|last| is_head(last) || (is_bank(&last) && words.next().is_some_and(is_head)))
}

/// Whether the two letters of a country end a text, and are no part of a word.
pub(super) fn ends_with_country(before: &str) -> bool {
    let at = before.len().checked_sub(2).filter(|at| before.is_char_boundary(*at));
    at.is_some_and(|at| {
        before[at..].bytes().all(|byte| byte.is_ascii_uppercase())
            && !before[..at].ends_with(char::is_alphanumeric)
    })
}

/// What comes before a text's last word, that word, and what stands behind it.
fn last_word(text: &str) -> (&str, &str, &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.trim_end_matches(|c: char| !is_word(c));
    let front = end.trim_end_matches(is_word);
    (front, &end[front.len()..], &text[end.len()..])
}

/// Whether a word and the number behind this are in one sentence.
fn is_near(between: &str) -> bool {
    between.chars().all(|c| matches!(c, ' ' | '\u{a0}' | ':' | '#' | '=' | '.'))
        && !between.contains("..")
}

fn tail(before: &str) -> &str {
    let mut start = before.len().saturating_sub(BYTES_MAX);
    while !before.is_char_boundary(start) {
        start += 1;
    }
    &before[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_is_of_stands_right_before_it() {
        for text in
            ["SKU ", "order no. ", "Order: ", "ticket #", "Case No ", "user_id=", "#", "Case#"]
        {
            assert!(names_the_number(text) && names_a_thing(text), "{text}");
        }
        for text in [
            "my order ",
            "my order. ",
            "SKU\n",
            "ticket, ",
            "part (",
            "phone no. ",
            "cell#",
            "",
            "ids)",
        ] {
            assert!(!names_the_number(text), "{text}");
        }
        assert!(!names_a_thing("charged to my account "));
        for text in ["IBAN DE89 ", "NL91 ABNA ", "GB29\u{a0}NWBK ", "(FR14 "] {
            assert!(begins_iban(text), "{text}");
        }
        for text in ["XDE89 ", "DE8 ", "89 ", "de89 ", "call 0171 ", "é ", "NL91 Anna "] {
            assert!(!begins_iban(text), "{text}");
        }
        assert!(
            ends_with_country("IBAN: DE") && !ends_with_country("IBAN") && !ends_with_country("é")
        );
    }
}
