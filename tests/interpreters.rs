//! Small interpreters in different styles, run in four modes: plain, JIT, threshold 1, and with
//! every guard made to fail once.

#[path = "interpreters/stack.rs"]
mod stack;
#[path = "interpreters/words.rs"]
mod words;

#[test]
fn t() {}
