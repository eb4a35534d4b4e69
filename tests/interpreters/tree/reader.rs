//! Text in parentheses.

/// A node of the text.
#[derive(Clone, Debug)]
pub enum Node {
    /// A word.
    Word(String),
    /// A text in quotation marks.
    Text(String),
    /// Nodes in parentheses.
    List(Vec<Node>),
}

/// Reads all nodes of a text.
///
/// # Panics
/// If parentheses or quotation marks are not closed: programs are part of the tests.
pub fn read(text: &str) -> Vec<Node> {
    let mut open = vec![vec![]];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let top = open.last_mut().expect("a parenthesis is open");
        let length = match first {
            '(' => {
                open.push(vec![]);
                1
            }
            ')' => {
                let list = open.pop().expect("a parenthesis is open");
                open.last_mut().expect("a parenthesis is open").push(Node::List(list));
                1
            }
            '"' => {
                let length = rest[1..].find('"').expect("the text ends");
                top.push(Node::Text(rest[1..=length].to_owned()));
                length + 2
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "()".contains(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                top.push(Node::Word(rest[..length].to_owned()));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    assert_eq!(open.len(), 1, "all parentheses are closed");
    open.remove(0)
}
