//! Addresses of machines.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Where IP addresses of both versions are, in order.
pub(super) fn ip_addresses(text: &str) -> Vec<(Range<usize>, String)> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut rest = 0;
    while let Some(begin) = bytes[rest..].iter().position(|byte| is_part(*byte)) {
        let start = rest + begin;
        let length = bytes[start..].iter().position(|byte| !is_part(*byte));
        rest = length.map_or(bytes.len(), |length| start + length);
        let word = text[start..rest].trim_end_matches(['.', ':']);
        let follows_letter = text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        if let Some((at, plain)) = within(word, follows_letter) {
            found.push((start + at..start + word.len(), plain));
        }
    }
    found
}

/// The address that ends a word, and where it begins: there may be a name and a colon before it.
fn within(word: &str, follows_letter: bool) -> Option<(usize, String)> {
    if !word.contains([':', '.']) {
        return None;
    }
    let whole = if follows_letter { None } else { v4(word).or_else(|| v6(word)) };
    if let Some(plain) = whole {
        return Some((0, plain));
    }
    let mut colons = word.match_indices(':').map(|(at, _)| at + 1);
    let first = colons.clone().next().filter(|at| follows_letter || *at == 1);
    let named = first.and_then(|at| Some((at, v6(&word[at..])?)));
    named.or_else(|| colons.find_map(|at| Some((at, v4(&word[at..])?))))
}

/// With a port behind it, perhaps.
fn v4(word: &str) -> Option<String> {
    let host = word.split_once(':').map_or(word, |(host, _)| host);
    host.parse::<Ipv4Addr>().ok().map(|address| address.to_string())
}

fn v6(word: &str) -> Option<String> {
    let has_digit = || word.contains(|c: char| c.is_ascii_hexdigit());
    word.parse::<Ipv6Addr>().ok().filter(|_| has_digit()).map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        ip_addresses(text).into_iter().map(|(range, _)| &text[range]).collect()
    }

    #[test]
    fn addresses_are_found_and_what_stands_around_them_stays() {
        let text = "10.0.0.7, [2001:db8::1]:443 at 09:52:42 v4.2.1 1.2.3.4:80. ::1 face 999.1.1.1";
        assert_eq!(found(text), ["10.0.0.7", "2001:db8::1", "1.2.3.4:80", "::1"]);
        for (text, address) in [
            ("IP:203.0.113.9", "203.0.113.9"),
            ("client ip:203.0.113.9 port 4", "203.0.113.9"),
            ("addr:203.0.113.9:443, x", "203.0.113.9:443"),
            ("face:203.0.113.9", "203.0.113.9"),
            ("src:2001:db8::1", "2001:db8::1"),
            ("ip:2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.9", "::ffff:203.0.113.9"),
            ("https://203.0.113.9/x", "203.0.113.9"),
        ] {
            assert_eq!(found(text), [address], "{text}");
        }
        let print = "SHA1 aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99";
        for text in [print, "std::fmt", "00:1b:44:11:3a:b7", "IP203.0.113.9", "a:b", "1:2:3"] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
