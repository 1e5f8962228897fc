//! From words to nodes: by descent, one function for each strength of binding.

use super::{
    super::Value,
    DEPTH_MAX, LENGTH_MAX, STATEMENTS_MAX,
    error::{SqlError, SqlErrorKind},
    node::{Arithmetic, Comparison, Node, Property, Scope, Signed, Statement},
    system,
    token::{Placed, Token, tokens},
};

/// The words that are no names.
const KEYWORDS: [&str; 13] = [
    "AND", "ESCAPE", "EXISTS", "FALSE", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "REMOVE", "SET",
    "TRUE",
];

type Result<T> = std::result::Result<T, SqlError>;

/// Reads the expression of a filter.
pub(super) fn predicate(text: &str) -> Result<Node> {
    let mut parser = Parser::new(text)?;
    let node = parser.predicate()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.expected("the end")),
    }
}

/// Reads the statements of an action.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>> {
    let mut parser = Parser::new(text)?;
    let mut statements = Vec::new();
    while parser.peek().is_some() {
        if STATEMENTS_MAX <= statements.len() {
            return Err(parser.error(SqlErrorKind::TooManyStatements));
        }
        statements.push(parser.statement()?);
        while parser.take_sign(";") || parser.take_sign(",") {}
    }
    if statements.is_empty() {
        return Err(parser.expected("SET or REMOVE"));
    }
    Ok(statements)
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    /// Where the text ends.
    end: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self> {
        let length = text.chars().count();
        if LENGTH_MAX < length {
            return Err(SqlError::new(SqlErrorKind::TooLong(length), 0));
        }
        Ok(Self {
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
            end: text.len(),
        })
    }

    fn statement(&mut self) -> Result<Statement> {
        if self.take_word("SET") {
            let property = self.changeable()?;
            if !self.take_sign("=") {
                return Err(self.expected("="));
            }
            return Ok(Statement::Set(property, self.value()?));
        }
        if self.take_word("REMOVE") {
            return Ok(Statement::Remove(self.changeable()?));
        }
        Err(self.expected("SET or REMOVE"))
    }

    /// Reads a property that an action may change.
    fn changeable(&mut self) -> Result<Property> {
        let offset = self.offset();
        let property = self.property()?;
        let is_fixed = property.scope == Scope::System && !system::can_set(&property.name);
        if is_fixed {
            return Err(SqlError::new(SqlErrorKind::ReadOnly(property.name), offset));
        }
        Ok(property)
    }

    fn predicate(&mut self) -> Result<Node> {
        let offset = self.offset();
        let node = self.or()?;
        match node.is_predicate() {
            true => Ok(node),
            false => Err(SqlError::new(SqlErrorKind::Expected("a condition"), offset)),
        }
    }

    fn value(&mut self) -> Result<Node> {
        let offset = self.offset();
        let node = self.sum()?;
        has_value(node, offset)
    }

    fn or(&mut self) -> Result<Node> {
        let offset = self.offset();
        let mut node = self.and()?;
        while self.peek_word("OR") {
            let left = is_condition(node, offset)?;
            self.next += 1;
            let offset = self.offset();
            let right = is_condition(self.and()?, offset)?;
            node = Node::Or(Box::new(left), Box::new(right));
        }
        Ok(node)
    }

    fn and(&mut self) -> Result<Node> {
        let offset = self.offset();
        let mut node = self.not()?;
        while self.peek_word("AND") {
            let left = is_condition(node, offset)?;
            self.next += 1;
            let offset = self.offset();
            let right = is_condition(self.not()?, offset)?;
            node = Node::And(Box::new(left), Box::new(right));
        }
        Ok(node)
    }

    fn not(&mut self) -> Result<Node> {
        if !self.take_word("NOT") {
            return self.condition();
        }
        let offset = self.offset();
        let node = self.deeper(Self::not)?;
        Ok(Node::Not(Box::new(is_condition(node, offset)?)))
    }

    /// Reads a comparison or another test, or just a value.
    fn condition(&mut self) -> Result<Node> {
        let offset = self.offset();
        let left = self.sum()?;
        if left.is_predicate() {
            return Ok(left);
        }
        if let Some(comparison) = self.comparison() {
            let right = self.value()?;
            return Ok(Node::Comparison(
                comparison,
                Box::new(left),
                Box::new(right),
            ));
        }
        if self.take_word("IS") {
            return self.is_null(left, offset);
        }
        let is_negated = self.take_word("NOT");
        let node = if self.take_word("IN") {
            self.list(left)?
        } else if self.take_word("LIKE") {
            self.like(left)?
        } else if is_negated {
            return Err(self.expected("IN or LIKE"));
        } else {
            return Ok(left);
        };
        Ok(negate(node, is_negated))
    }

    fn is_null(&mut self, left: Node, offset: usize) -> Result<Node> {
        let Node::Property(property) = left else {
            return Err(SqlError::new(SqlErrorKind::Expected("a property"), offset));
        };
        let is_negated = self.take_word("NOT");
        if !self.take_word("NULL") {
            return Err(self.expected("NULL"));
        }
        Ok(negate(Node::IsNull(property), is_negated))
    }

    fn list(&mut self, left: Node) -> Result<Node> {
        self.open()?;
        let mut items = vec![self.value()?];
        while self.take_sign(",") {
            items.push(self.value()?);
        }
        self.close()?;
        Ok(Node::In(Box::new(left), items))
    }

    fn like(&mut self, text: Node) -> Result<Node> {
        let pattern = Box::new(self.value()?);
        let escape = match self.take_word("ESCAPE") {
            true => Some(Box::new(self.value()?)),
            false => None,
        };
        Ok(Node::Like {
            text: Box::new(text),
            pattern,
            escape,
        })
    }

    fn sum(&mut self) -> Result<Node> {
        let signs = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
        self.chain(&signs, Self::product)
    }

    fn product(&mut self) -> Result<Node> {
        let signs = [
            ("*", Arithmetic::Multiply),
            ("/", Arithmetic::Divide),
            ("%", Arithmetic::Remainder),
        ];
        self.chain(&signs, Self::signed)
    }

    /// Reads operands with operators of one strength between them, which bind to the left.
    fn chain(
        &mut self,
        signs: &[(&'static str, Arithmetic)],
        operand: fn(&mut Self) -> Result<Node>,
    ) -> Result<Node> {
        let offset = self.offset();
        let mut node = operand(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.peek_sign(sign)) {
            let left = has_value(node, offset)?;
            self.next += 1;
            let offset = self.offset();
            let right = has_value(operand(self)?, offset)?;
            node = Node::Arithmetic(*operator, Box::new(left), Box::new(right));
        }
        Ok(node)
    }

    fn signed(&mut self) -> Result<Node> {
        let sign = if self.take_sign("-") {
            Signed::Minus
        } else if self.take_sign("+") {
            Signed::Plus
        } else {
            return self.primary();
        };
        let offset = self.offset();
        let node = self.deeper(Self::signed)?;
        Ok(Node::Signed(sign, Box::new(has_value(node, offset)?)))
    }

    fn primary(&mut self) -> Result<Node> {
        if self.take_sign("(") {
            let node = self.deeper(Self::or)?;
            self.close()?;
            return Ok(node);
        }
        if self.take_word("EXISTS") {
            self.open()?;
            let property = self.property()?;
            self.close()?;
            return Ok(Node::Exists(property));
        }
        if let Some(constant) = self.constant() {
            return Ok(constant);
        }
        if self.peek_call() {
            return self.call();
        }
        self.property().map(Node::Property)
    }

    fn constant(&mut self) -> Option<Node> {
        let node = match self.peek()?.clone() {
            Token::Text(text) => Node::Constant(Value::String(text)),
            Token::Integer(number) => Node::Constant(Value::Long(number)),
            Token::Number(number) => Node::Constant(Value::Double(number)),
            Token::Parameter(name) => Node::Parameter(name),
            Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => {
                Node::Constant(Value::Boolean(true))
            }
            Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => {
                Node::Constant(Value::Boolean(false))
            }
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => Node::Constant(Value::Null),
            Token::Word(_) | Token::Name(_) | Token::Sign(_) => return None,
        };
        self.next += 1;
        Some(node)
    }

    /// Says whether the next word is the name of a function that is called.
    fn peek_call(&self) -> bool {
        let is_name = matches!(self.peek(), Some(Token::Word(word)) if !is_keyword(word));
        let after = self.tokens.get(self.next + 1).map(|it| &it.token);
        is_name && after == Some(&Token::Sign("("))
    }

    fn call(&mut self) -> Result<Node> {
        let offset = self.offset();
        let name = self.name()?;
        self.open()?;
        let node = if name.eq_ignore_ascii_case("newid") {
            Node::NewId
        } else if name.eq_ignore_ascii_case("property") || name.eq_ignore_ascii_case("p") {
            Node::PropertyOf(Box::new(self.deeper(Self::value)?))
        } else {
            return Err(SqlError::new(SqlErrorKind::Function(name), offset));
        };
        self.close()?;
        Ok(node)
    }

    fn property(&mut self) -> Result<Property> {
        let offset = self.offset();
        let is_plain = matches!(self.peek(), Some(Token::Word(_)));
        let name = self.name()?;
        if !(is_plain && self.take_sign(".")) {
            let scope = Scope::User;
            return Ok(Property { scope, name });
        }
        let scope = if name.eq_ignore_ascii_case("sys") {
            Scope::System
        } else if name.eq_ignore_ascii_case("user") {
            Scope::User
        } else {
            return Err(SqlError::new(SqlErrorKind::Scope(name), offset));
        };
        let name = self.name()?;
        Ok(Property { scope, name })
    }

    fn name(&mut self) -> Result<Box<str>> {
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Word(word)) if !is_keyword(word) => word.clone(),
            _ => return Err(self.expected("a value")),
        };
        self.next += 1;
        Ok(name)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Some(Token::Sign(sign)) = self.peek() else {
            return None;
        };
        let comparison = match *sign {
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::Unequal,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            _ => return None,
        };
        self.next += 1;
        Some(comparison)
    }

    /// Reads something that stands within something of its own kind.
    fn deeper(&mut self, read: fn(&mut Self) -> Result<Node>) -> Result<Node> {
        if DEPTH_MAX <= self.depth {
            return Err(self.error(SqlErrorKind::TooDeep));
        }
        self.depth += 1;
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn open(&mut self) -> Result<()> {
        let is_open = self.take_sign("(");
        is_open.then_some(()).ok_or_else(|| self.expected("("))
    }

    fn close(&mut self) -> Result<()> {
        let is_closed = self.take_sign(")");
        is_closed.then_some(()).ok_or_else(|| self.expected(")"))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    fn peek_sign(&self, sign: &'static str) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    fn peek_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_sign(&mut self, sign: &'static str) -> bool {
        let is_next = self.peek_sign(sign);
        self.next += usize::from(is_next);
        is_next
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let is_next = self.peek_word(keyword);
        self.next += usize::from(is_next);
        is_next
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |it| it.offset)
    }

    fn error(&self, kind: SqlErrorKind) -> SqlError {
        SqlError::new(kind, self.offset())
    }

    fn expected(&self, what: &'static str) -> SqlError {
        self.error(SqlErrorKind::Expected(what))
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS
        .iter()
        .any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn negate(node: Node, is_negated: bool) -> Node {
    match is_negated {
        true => Node::Not(Box::new(node)),
        false => node,
    }
}

fn is_condition(node: Node, offset: usize) -> Result<Node> {
    match node.is_predicate() {
        true => Ok(node),
        false => Err(SqlError::new(SqlErrorKind::Expected("a condition"), offset)),
    }
}

fn has_value(node: Node, offset: usize) -> Result<Node> {
    match node.is_predicate() {
        true => Err(SqlError::new(SqlErrorKind::Expected("a value"), offset)),
        false => Ok(node),
    }
}
