//! `application/x-www-form-urlencoded`, written without the core, so that the two check each other.

/// The pairs of a form or a query, decoded.
///
/// # Panics
/// If an escape is malformed: the core never writes one.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let pieces = text.split('&').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (name, value) = piece.split_once('=').expect("every pair has a `=`");
            (decode(name), decode(value))
        })
        .collect()
}

/// The one value of `name`.
///
/// # Panics
/// If the name comes twice.
pub fn value(pairs: &[(String, String)], name: &str) -> Option<String> {
    let mut found = pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.clone());
    let value = found.next();
    assert!(found.next().is_none(), "`{name}` comes twice");
    value
}

/// The value of `name` in the query of `url`.
///
/// # Panics
/// If there is none.
pub fn in_url(url: &str, name: &str) -> String {
    let query = url.split_once('?').expect("there is a query").1;
    value(&pairs(query), name).unwrap_or_else(|| panic!("no `{name}` in {url}"))
}

/// The value of `name` in a form.
///
/// # Panics
/// If there is none.
pub fn in_body(body: &[u8], name: &str) -> String {
    let body = std::str::from_utf8(body).expect("a form is ASCII");
    value(&pairs(body), name).unwrap_or_else(|| panic!("no `{name}` in {body}"))
}

/// Percent-encodes everything but letters and digits.
pub fn encode(text: &str) -> String {
    let one = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Decodes `+` and escapes.
///
/// # Panics
/// If an escape is malformed, or the text is not UTF-8.
pub fn decode(text: &str) -> String {
    let mut octets = text.bytes();
    let mut decoded = Vec::new();
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(octets.next().expect("two digits")).to_digit(16).expect("hex");
                (digit() * 16 + digit()) as u8
            }
            octet => octet,
        });
    }
    String::from_utf8(decoded).expect("UTF-8")
}
