//! Source text to [`Program`]: the pest grammar finds the commands, a stack pairs the brackets.
//!
//! Bytes that are no UTF-8 are comments like any other text. They become one replacement character
//! each run before the grammar sees them, so lines stay exact and columns count what an editor shows.
//!
//! Invariants: `flat` (neither the grammar nor the parser recurses: nesting depth is limited by
//! memory only).
//! Not here: any rewriting of the code.

use pest::Parser;
use pest_derive::Parser;

use crate::error::SyntaxError;
use crate::program::{Insn, Position, Program};

/// Parses a program; the only possible mistake is a bracket without a partner.
pub fn parse(source: &[u8]) -> Result<Program, SyntaxError> {
    let source = String::from_utf8_lossy(source).into_owned();
    let mut code = Vec::new();
    let mut offsets = Vec::new();
    let mut open_brackets = Vec::new();
    for pair in commands(&source)? {
        let pc = code.len();
        let offset = pair.as_span().start();
        let insn = match pair.as_rule() {
            Rule::right => Insn::Right,
            Rule::left => Insn::Left,
            Rule::increment => Insn::Increment,
            Rule::decrement => Insn::Decrement,
            Rule::output => Insn::Output,
            Rule::input => Insn::Input,
            Rule::open => {
                open_brackets.push(pc);
                // Not yet known: the matching `]` fills it in.
                Insn::Open { close: pc }
            }
            Rule::close => {
                let open =
                    open_brackets.pop().ok_or_else(|| unmatched(&source, offset, "]", "["))?;
                code[open] = Insn::Open { close: pc };
                Insn::Close { open }
            }
            Rule::program | Rule::insn | Rule::comment | Rule::EOI => continue,
        };
        code.push(insn);
        offsets.push(offset);
    }
    match open_brackets.pop() {
        Some(open) => Err(unmatched(&source, offsets[open], "[", "]")),
        None => Ok(Program::new(code, offsets, source)),
    }
}

#[derive(Parser)]
#[grammar = "bf.pest"]
struct Grammar;

fn commands(source: &str) -> Result<pest::iterators::Pairs<'_, Rule>, SyntaxError> {
    // Every text fits the grammar, so this error is not expected; it is still passed on.
    Grammar::parse(Rule::program, source).map_err(|error| {
        let (line, column) = match error.line_col {
            pest::error::LineColLocation::Pos(at) => at,
            pest::error::LineColLocation::Span(start, _) => start,
        };
        let message = error.variant.message().into_owned();
        SyntaxError { line, column, message }
    })
}

fn unmatched(source: &str, offset: usize, found: &str, missing: &str) -> SyntaxError {
    let Position { line, column } = Position::of(source, offset);
    let message = format!("`{found}` without a matching `{missing}`");
    SyntaxError { line, column, message }
}
