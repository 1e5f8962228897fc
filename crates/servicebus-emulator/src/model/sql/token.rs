//! The words of an expression, each with the place where it begins.

use super::error::{SqlError, SqlErrorKind};

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name without quotes, which may be a keyword.
    Word(Box<str>),
    /// A name in brackets or double quotes, which is no keyword.
    Name(Box<str>),
    /// A name that begins with an at sign, which it keeps.
    Parameter(Box<str>),
    Text(Box<str>),
    Integer(i64),
    Number(f64),
    Sign(&'static str),
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    /// The byte at which it begins.
    pub(super) offset: usize,
}

/// The signs; a longer one comes before its beginning.
const SIGNS: [&str; 17] = [
    "<>", "!=", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "(", ")", ",", ".", ";",
];

/// Splits an expression into its words.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, SqlError> {
    let mut lexer = Lexer { text, offset: 0 };
    let mut tokens = Vec::new();
    while let Some(placed) = lexer.next()? {
        tokens.push(placed);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<Placed>, SqlError> {
        self.take(char::is_whitespace);
        let offset = self.offset;
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '\'' => Token::Text(self.quoted('\'')?),
            '"' => Token::Name(self.quoted('"')?),
            '[' => Token::Name(self.quoted(']')?),
            '@' => {
                self.offset += 1;
                let name = self.take(|part| part.is_alphanumeric() || part == '_');
                Token::Parameter(format!("@{name}").into())
            }
            first if first.is_ascii_digit() => self.number()?,
            first if first.is_alphabetic() => Token::Word(
                self.take(|part| part.is_alphanumeric() || part == '_')
                    .into(),
            ),
            _ => self.sign()?,
        };
        Ok(Some(Placed { token, offset }))
    }

    /// Takes what is made of some characters off the beginning of the rest.
    fn take(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|part| !is_part(part)).unwrap_or(rest.len());
        self.offset += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes a text in quotes; the closing quote stands twice where it is meant itself.
    fn quoted(&mut self, close: char) -> Result<Box<str>, SqlError> {
        let begin = self.offset;
        self.offset += 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take(|part| part != close));
            if self.rest().is_empty() {
                return Err(SqlError::new(SqlErrorKind::Unclosed(close), begin));
            }
            self.offset += 1;
            if !self.rest().starts_with(close) {
                return Ok(text.into());
            }
            self.offset += 1;
            text.push(close);
        }
    }

    fn number(&mut self) -> Result<Token, SqlError> {
        let begin = self.offset;
        let is_digit = |part: char| part.is_ascii_digit();
        self.take(is_digit);
        let mut is_whole = true;
        if self.rest().starts_with('.') {
            is_whole = false;
            self.offset += 1;
            self.take(is_digit);
        }
        if self.rest().starts_with(['e', 'E']) {
            is_whole = false;
            self.offset += 1;
            if self.rest().starts_with(['+', '-']) {
                self.offset += 1;
            }
            self.take(is_digit);
        }
        let text = self.text.get(begin..self.offset).unwrap_or_default();
        let token = match is_whole {
            true => text.parse().map(Token::Integer).ok(),
            false => text.parse().map(Token::Number).ok(),
        };
        token.ok_or_else(|| SqlError::new(SqlErrorKind::Number(text.into()), begin))
    }

    fn sign(&mut self) -> Result<Token, SqlError> {
        let rest = self.rest();
        match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            None => {
                let first = rest.chars().next().unwrap_or_default();
                Err(SqlError::new(SqlErrorKind::Character(first), self.offset))
            }
            Some(sign) => {
                self.offset += sign.len();
                Ok(Token::Sign(sign))
            }
        }
    }
}
