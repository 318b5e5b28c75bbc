//! What stands behind the `?` of a request.

/// Its pairs, in order. `+` is a plus sign, which many mail addresses have, and no space.
///
/// # Errors
/// A sentence: an escape is none, or escapes no text.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let (octet, after) =
            escaped(rest).ok_or("a % in the query is not followed by two hexadecimal digits")?;
        octets.push(octet);
        rest = after;
    }
    String::from_utf8(octets).map_err(|_| "the query is not UTF-8".to_owned())
}

/// The octet that two digits at the beginning of `text` escape, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_at_checked(2)?;
    let octet = digit(digits[0])? << 4 | digit(digits[1])?;
    Some((octet, after))
}

fn digit(character: u8) -> Option<u8> {
    let digit = char::from(character).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_a_plus_is_one() {
        let found = pairs("maildrop=ann+x%40example.com&&reason=&state").unwrap();
        let expected = [
            ("maildrop", "ann+x@example.com"),
            ("reason", ""),
            ("state", ""),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(pairs("").unwrap(), []);
        assert_eq!(
            pairs("%3d%3D=%26").unwrap(),
            [("==".to_owned(), "&".to_owned())]
        );
    }

    #[test]
    fn what_is_no_escape_or_no_text_is_refused() {
        for wrong in ["a=%", "a=%4", "a=%4g", "%-1", "a=%+1", "a=%c3"] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }
}
