//! From nodes to the syntax tree: names become slots.
//!
//! `(var x 1)` declares a variable of the function in which it stands; elsewhere `x` is a variable
//! of the innermost function that has one of this name. An error is a panic: programs are part of
//! the tests.

use super::ast::{Builtin, Expr, Function, Operator, Slot, Stmt, While};
use super::reader::{Node, read};
use super::value::Value;
use std::rc::Rc;

/// The syntax tree of a program.
pub fn parse(text: &str) -> Rc<Function> {
    Resolver::default().function(&[], &read(text))
}

/// The names of the functions around the place that is being looked at, innermost last.
#[derive(Default)]
struct Resolver {
    scopes: Vec<Vec<String>>,
}

impl Resolver {
    fn function(&mut self, parameters: &[Node], body: &[Node]) -> Rc<Function> {
        self.scopes.push(parameters.iter().map(|node| word(node).to_owned()).collect());
        let body = self.body(body);
        let names = self.scopes.pop().expect("it was pushed");
        Rc::new(Function { parameters: parameters.len(), variables: names.len(), body })
    }

    fn slot(&self, name: &str) -> Slot {
        let places = self.scopes.iter().rev().enumerate();
        let mut found = places.filter_map(|(depth, names)| {
            let index = names.iter().position(|other| other == name)?;
            Some(Slot { depth, index })
        });
        found.next().unwrap_or_else(|| panic!("`{name}` is not declared"))
    }

    fn declare(&mut self, name: &str) -> Slot {
        let names = self.scopes.last_mut().expect("there is a function");
        if !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
        self.slot(name)
    }

    fn body(&mut self, nodes: &[Node]) -> Vec<Stmt> {
        nodes.iter().map(|node| self.stmt(node)).collect()
    }

    fn stmt(&mut self, node: &Node) -> Stmt {
        let Some((head, rest)) = split(node) else {
            return match node {
                Node::Word(word) if word == "break" => Stmt::Break,
                _ => Stmt::Expr(self.expr(node)),
            };
        };
        match (head, rest) {
            ("var", [name, value]) => {
                // The name is known in its own value, so that functions can call themselves.
                let slot = self.declare(word(name));
                Stmt::Set(slot, self.expr(value))
            }
            ("set", [name, value]) => Stmt::Set(self.slot(word(name)), self.expr(value)),
            ("return", [value]) => Stmt::Return(self.expr(value)),
            ("while", [condition, body @ ..]) => {
                let condition = self.expr(condition);
                Stmt::While(Rc::new(While { condition, body: self.body(body) }))
            }
            ("if", [condition, then, otherwise @ ..]) => Stmt::If {
                condition: self.expr(condition),
                then: self.group(then),
                otherwise: otherwise.iter().flat_map(|node| self.group(node)).collect(),
            },
            ("try", [body, name, handler]) => Stmt::Try {
                body: self.group(body),
                error: self.declare(word(name)),
                handler: self.group(handler),
            },
            _ => Stmt::Expr(self.expr(node)),
        }
    }

    /// The statements of `(do …)`, or one statement.
    fn group(&mut self, node: &Node) -> Vec<Stmt> {
        match split(node) {
            Some(("do", body)) => self.body(body),
            _ => vec![self.stmt(node)],
        }
    }

    fn expr(&mut self, node: &Node) -> Expr {
        match node {
            Node::Text(text) => return Expr::Constant(Value::Str(text.as_str().into())),
            Node::Word(word) => return self.atom(word),
            Node::List(_) => {}
        }
        let list = match node {
            Node::List(list) if !list.is_empty() => list,
            _ => panic!("`()` is nothing"),
        };
        if let Some((head, rest)) = split(node) {
            match (head, rest) {
                ("fn", [Node::List(parameters), body @ ..]) => {
                    return Expr::Function(self.function(parameters, body));
                }
                ("and", [left, right]) => {
                    return Expr::And(Box::new(self.expr(left)), Box::new(self.expr(right)));
                }
                ("or", [left, right]) => {
                    return Expr::Or(Box::new(self.expr(left)), Box::new(self.expr(right)));
                }
                (head, [left, right]) if let Some(op) = operator(head) => {
                    let (left, right) = (Box::new(self.expr(left)), Box::new(self.expr(right)));
                    return Expr::Binary { op, left, right };
                }
                (head, rest) if let Some(builtin) = builtin(head) => {
                    let arguments = rest.iter().map(|node| self.expr(node)).collect();
                    return Expr::Builtin { builtin, arguments };
                }
                _ => {}
            }
        }
        let callee = Box::new(self.expr(&list[0]));
        Expr::Call { callee, arguments: list[1..].iter().map(|node| self.expr(node)).collect() }
    }

    fn atom(&self, word: &str) -> Expr {
        if let Ok(value) = word.parse() {
            return Expr::Constant(Value::Int(value));
        }
        if word.contains('.')
            && let Ok(value) = word.parse()
        {
            return Expr::Constant(Value::Float(value));
        }
        match word {
            "nil" => Expr::Constant(Value::Nil),
            "true" => Expr::Constant(Value::Bool(true)),
            "false" => Expr::Constant(Value::Bool(false)),
            _ => Expr::Variable(self.slot(word)),
        }
    }
}

/// The word at the head of a list, and what follows.
fn split(node: &Node) -> Option<(&str, &[Node])> {
    match node {
        Node::List(list) => match list.split_first()? {
            (Node::Word(head), rest) => Some((head, rest)),
            _ => None,
        },
        _ => None,
    }
}

fn word(node: &Node) -> &str {
    match node {
        Node::Word(word) => word,
        _ => panic!("{node:?} is no name"),
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Remainder,
        "<" => Operator::Less,
        "=" => Operator::Equal,
        _ => return None,
    })
}

fn builtin(name: &str) -> Option<Builtin> {
    Some(match name {
        "list" => Builtin::List,
        "length" => Builtin::Length,
        "get" => Builtin::Get,
        "put" => Builtin::Put,
        "push" => Builtin::Push,
        "text" => Builtin::Text,
        "print" => Builtin::Print,
        "fail" => Builtin::Fail,
        _ => return None,
    })
}
