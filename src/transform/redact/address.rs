//! Addresses of machines.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::label::follows_one_of;

/// Words before numbers that only read as addresses.
const VERSIONS: &[&str] = &["build", "driver", "firmware", "release", "section", "ver", "version"];

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
        let before = &text[..start];
        let follows_letter = before.chars().next_back().is_some_and(char::is_alphanumeric);
        if is_version(before, word) {
            continue;
        }
        if let Some((at, plain)) = within(word, follows_letter) {
            found.push((start + at..start + word.len(), plain));
        }
    }
    found
}

/// Whether a word is a version, by what it is and what stands before it: `Chrome/120.0.0.0`,
/// `version 4.2.1.0`. The names of hosts begin with small letters, or have none: `localhost/127.0.0.1`,
/// `HOST01/10.0.0.5`.
fn is_version(before: &str, word: &str) -> bool {
    let Ok(address) = word.parse::<Ipv4Addr>() else { return false };
    let is_small = address.octets().iter().all(|part| *part < 100) && !address.is_private();
    let Some(before) = before.strip_suffix('/') else {
        return is_small && follows_one_of(before, VERSIONS);
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = &before[before.trim_end_matches(is_name).len()..];
    let ends_in_zeros = word.ends_with(".0.0") && !address.is_private();
    let is_product = (name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_ascii_lowercase())
        && (is_small || ends_in_zeros))
        || (name.starts_with(|c: char| c.is_ascii_lowercase()) && ends_in_zeros);
    let around = &before[..before.len() - name.len()];
    is_product && !around.ends_with(['/', '.', ':', '@'])
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
    let address = host.parse::<Ipv4Addr>().ok().filter(|address| !address.is_unspecified());
    address.map(|address| address.to_string())
}

/// Names in code (`a::b`) and times (`12::30`) read as addresses too; but no name begins with a digit,
/// and no time has letters.
fn v6(word: &str) -> Option<String> {
    let groups: Vec<&str> = word.split(':').filter(|group| !group.is_empty()).collect();
    let is_long = |group: &&str| group.len() > 2 && group.contains(|c: char| c.is_ascii_digit());
    let has_many = word.contains("::") && groups.len() > 2;
    let ends_in_digit = word.contains("::")
        && groups.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
        && word.contains(|c: char| c.is_ascii_alphabetic());
    if !(has_many || ends_in_digit || word == "::1" || groups.iter().any(is_long)) {
        return None;
    }
    word.parse::<Ipv6Addr>().ok().map(|address| address.to_string())
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
            ("https://ipinfo.io/203.0.113.9", "203.0.113.9"),
            ("localhost/127.0.0.1:8080", "127.0.0.1:8080"),
            ("fd00::1", "fd00::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8:0:0:1:0:0:1"),
            ("fd::1", "fd::1"),
            ("Since the release, 203.0.113.9 is blocked", "203.0.113.9"),
            ("new firmware.\n203.0.113.9 is down", "203.0.113.9"),
            ("build server: build 203.0.113.9", "203.0.113.9"),
            ("printer driver 203.0.113.9", "203.0.113.9"),
            ("java.net.ConnectException: HOST01/10.0.0.5:8080", "10.0.0.5:8080"),
            ("DESKTOP-ABC/192.168.1.7:8080", "192.168.1.7:8080"),
            ("IP/203.0.113.9", "203.0.113.9"),
            ("Gateway/10.0.0.5", "10.0.0.5"),
            ("Gateway/203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(found(text), [address], "{text}");
        }
        let print = "SHA1 aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99";
        for text in [print, "std::fmt", "00:1b:44:11:3a:b7", "IP203.0.113.9", "a:b", "1:2:3"] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        for text in [
            "Mozilla/5.0 (X11) Chrome/120.0.0.0 Safari/537.36",
            "headless-chrome/120.0.0.0",
            "Safari/17.4.1.2",
            "version no. 4.2.1.0",
            "v1.2.3.4",
            "version 4.2.1.0",
            "Version: 4.2.1.7",
            "Abe::Dec",
            "a::b",
            "C4::D",
            "at 12::30",
            "1:2:3:4:5:6:7:8",
            "00:01:02:03:04:05:06:07",
            "0.0.0.0",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
