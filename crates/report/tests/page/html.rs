//! A strict reading of a page with html5ever's tokenizer: every element is closed in order, and no token is a parse error.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// An element with its attributes and the text in it, that of its children included.
#[derive(Clone, Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    /// Names of the elements around it, the outermost first.
    pub path: Vec<String>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

const VOID: [&str; 4] = ["meta", "link", "input", "br"];

#[derive(Default)]
struct Reader {
    open: Vec<Element>,
    done: Vec<Element>,
}

struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let name = tag.name.to_string();
                let element = Element {
                    path: reader.open.iter().map(|element| element.name.clone()).collect(),
                    attributes: tag
                        .attrs
                        .iter()
                        .map(|each| (each.name.local.to_string(), each.value.to_string()))
                        .collect(),
                    text: String::new(),
                    name: name.clone(),
                };
                if VOID.contains(&name.as_str()) || tag.self_closing {
                    reader.done.push(element);
                    return TokenSinkResult::Continue;
                }
                let is_in_svg = element.path.iter().any(|outer| outer == "svg");
                reader.open.push(element);
                return match name.as_str() {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                    "title" if !is_in_svg => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::TagToken(tag) => {
                let element = reader.open.pop().unwrap_or_default();
                assert_eq!(element.name, tag.name.to_string(), "closed out of order on line {line}");
                reader.done.push(element);
            }
            Token::CharacterTokens(text) => {
                for element in &mut reader.open {
                    element.text.push_str(&text);
                }
            }
            Token::ParseError(error) => panic!("line {line}: {error}"),
            Token::NullCharacterToken => panic!("line {line}: a null character"),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// The elements of a page in the order of their ends.
///
/// # Panics
/// If the page is not well-formed.
pub fn read(page: &str) -> Vec<Element> {
    let options = TokenizerOpts {
        exact_errors: true,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Sink(RefCell::default()), options);
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(page));
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    let reader = tokenizer.sink.0.into_inner();
    assert!(
        reader.open.is_empty(),
        "not closed: {:?}",
        reader.open.iter().map(|element| &element.name).collect::<Vec<_>>()
    );
    reader.done
}
