//! The server's answers to searches: its repositories, page by page, in the shape that `GET /api/models` has with `expand`.

use super::{Answer, COMMIT, NAME, Request};

/// What the server tells about a repository in a search, as fields of a JSON object: `"downloads":7,"gated":"auto"`.
pub type Descriptions = std::collections::BTreeMap<String, String>;

/// Repositories on a page, whatever the limit of a request, so that tests see several pages.
const PAGE: usize = 2;

/// The answer to `GET /api/models?…`, with a link to the next page if there is one.
pub fn answer(request: &Request, address: &str, aliases: &[String], siblings: &str, about: &Descriptions) -> Answer {
    let parameter = |name: &str| {
        let query = request.path.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value));
        values.next()
    };
    let words = parameter("search").unwrap_or_default().to_lowercase();
    let mut names: Vec<&str> = aliases.iter().map(String::as_str).collect();
    names.insert(0, NAME);
    names.retain(|name| name.to_lowercase().contains(&words));
    let first: usize = parameter("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let items = names.iter().skip(first).take(PAGE).map(|name| {
        let own = about.get(*name).map_or(String::new(), |fields| format!("{fields},"));
        format!(r#"{{"_id":"65f","id":"{name}",{own}"sha":"{COMMIT}","siblings":{siblings},"tags":["onnx"]}}"#)
    });
    let body = format!("[{}]", items.collect::<Vec<_>>().join(","));
    let mut answer = Answer::new(200, &[("Content-Type", "application/json")], body);
    if first + PAGE < names.len() {
        let words = words.replace(' ', "%20");
        let next = format!("{address}/api/models?search={words}&cursor={}", first + PAGE);
        answer.set("Link", &format!("<{next}>; rel=\"next\""));
    }
    answer
}

/// Percent-decoded ASCII.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.extend(code.map(char::from));
        decoded.push_str(part.get(2..).unwrap_or_default());
    }
    decoded
}
