//! Walks the tokens of a Rust file, inside macros too, where no syntax tree reaches.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, Spacing, TokenStream, TokenTree};

/// What the walk came upon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// `#[name ..]` or `#![name ..]`, also inside `cfg_attr`.
    Attribute { name: String, line: usize },
    /// `name!(..)`, in any kind of brackets.
    Macro { name: String, line: usize },
    /// `name(..)` that is neither a method call nor a definition.
    Call {
        name: String,
        line: usize,
        in_tests: bool,
    },
    /// `fn name`, with the number of its lines.
    Function {
        name: String,
        line: usize,
        length: usize,
    },
}

/// Walks `text`; an error says where it is not Rust.
pub(super) fn walk(text: &str) -> Result<Vec<Found>, LexError> {
    let mut found = Vec::new();
    level(&collect(TokenStream::from_str(text)?), false, &mut found);
    Ok(found)
}

fn collect(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn level(tokens: &[TokenTree], in_tests: bool, found: &mut Vec<Found>) {
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|at| &tokens[at]);
        let rest = &tokens[index + 1..];
        match token {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                found.extend(named(&word, token, before, rest, in_tests));
            }
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(group) = bracket(rest) {
                    attribute(&collect(group.stream()), found);
                }
            }
            TokenTree::Group(group) => {
                let is_tests = in_tests || is_module_of_tests(&tokens[..index]);
                level(&collect(group.stream()), is_tests, found);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// What the word `word`, with what stands around it, is.
fn named(
    word: &str,
    token: &TokenTree,
    before: Option<&TokenTree>,
    rest: &[TokenTree],
    in_tests: bool,
) -> Option<Found> {
    let line = line_of(token);
    let name = word.to_owned();
    match rest {
        [TokenTree::Ident(name), ..] if word == "fn" => {
            let length = end_of_body(rest).map_or(1, |end| end + 1 - line);
            Some(Found::Function {
                name: name.to_string(),
                line,
                length,
            })
        }
        [TokenTree::Punct(mark), TokenTree::Group(_), ..]
            if mark.as_char() == '!' && mark.spacing() == Spacing::Alone =>
        {
            Some(Found::Macro { name, line })
        }
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Parenthesis => {
            let is_method = is_mark(before, '.');
            let is_definition = matches!(before, Some(TokenTree::Ident(it)) if it == "fn");
            (!is_method && !is_definition).then_some(Found::Call {
                name,
                line,
                in_tests,
            })
        }
        _ => None,
    }
}

/// The attributes in one pair of brackets: one, or those that a `cfg_attr` adds.
fn attribute(tokens: &[TokenTree], found: &mut Vec<Found>) {
    let Some(token @ TokenTree::Ident(name)) = tokens.first() else {
        return;
    };
    found.push(Found::Attribute {
        name: name.to_string(),
        line: line_of(token),
    });
    let Some(TokenTree::Group(group)) = tokens.get(1).filter(|_| name == "cfg_attr") else {
        return;
    };
    let inner = collect(group.stream());
    for added in inner.split(|token| is_mark(Some(token), ',')).skip(1) {
        attribute(added, found);
    }
}

/// The brackets of `[..]` or `![..]` at the start of `rest`.
fn bracket(rest: &[TokenTree]) -> Option<&Group> {
    let rest = if is_mark(rest.first(), '!') {
        &rest[1..]
    } else {
        rest
    };
    match rest.first() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

/// The last line of the body that follows a function's name, if it has one.
fn end_of_body(rest: &[TokenTree]) -> Option<usize> {
    let stop = rest.iter().find(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => is_mark(Some(token), ';'),
    });
    match stop {
        Some(TokenTree::Group(body)) => Some(body.span_close().end().line),
        _ => None,
    }
}

/// Whether what stands before a group is `mod tests`.
fn is_module_of_tests(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(word), TokenTree::Ident(name)]
        if word == "mod" && name == "tests")
}

fn is_mark(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(it)) if it.as_char() == mark)
}

fn line_of(token: &TokenTree) -> usize {
    token.span().start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_their_length() {
        let found = walk("fn a() {\n    1;\n}\ntrait B {\n    fn b();\n}\n").unwrap();
        let function = |name: &str, line, length| Found::Function {
            name: name.to_owned(),
            line,
            length,
        };
        assert_eq!(found, [function("a", 1, 3), function("b", 5, 1)]);
    }

    #[test]
    fn attributes_are_found_inside_macros_and_conditions() {
        let text = "m! {\n#[one]\nfn a() {}\n}\n#[cfg_attr(x, two, three(y))]\nstruct B;\n";
        let found = walk(text).unwrap();
        let names = found.iter().filter_map(|it| match it {
            Found::Attribute { name, line } => Some((name.as_str(), *line)),
            _ => None,
        });
        let expected = [("one", 2), ("cfg_attr", 5), ("two", 5), ("three", 5)];
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn text_in_strings_and_comments_is_not_code() {
        assert_eq!(
            walk("const A: &str = \"#[one] b!() fn c\"; // d!()").unwrap(),
            []
        );
    }

    #[test]
    fn inequality_is_no_macro() {
        assert_eq!(walk("const A: bool = b != (c);").unwrap(), []);
    }

    #[test]
    fn method_is_no_call() {
        let found = walk("mod tests { const A: B = { a.b(); c::d(); }; }").unwrap();
        let call = Found::Call {
            name: "d".to_owned(),
            line: 1,
            in_tests: true,
        };
        assert_eq!(found, [call]);
    }
}
