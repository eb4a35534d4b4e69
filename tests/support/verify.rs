//! `test verify`: the violations of a trace, one per line.

use crate::filetest::{Case, Filetest};
use jitgen_core::ir::{End, Trace, Violation, parse, verify};

/// The command.
///
/// # Errors
/// If the text is not a trace.
pub fn command(_file: &Filetest, case: &Case) -> Result<Vec<String>, String> {
    let traces = parse(&case.text()).map_err(|error| format!("line {error}"))?;
    let lines = traces.iter().flat_map(|trace| {
        let found = verify(trace);
        found.iter().map(violation_text(trace)).collect::<Vec<_>>()
    });
    Ok(lines.collect())
}

/// How a violation reads: rule, place, message.
pub fn violation_text(trace: &Trace) -> impl Fn(&Violation) -> String {
    move |violation| {
        let place = match (violation.block, violation.inst) {
            (None, _) => String::new(),
            (Some(block), None) => format!(" in b{}", block.0),
            (Some(block), Some(inst)) => {
                let code = trace.block(block);
                let text = match (code.insts.get(inst), &code.end) {
                    (Some(inst), _) => trace.inst_text(inst),
                    (None, End::Jump(target, _)) => format!("jump b{}", target.0),
                    (None, End::Leave(exit)) => format!("leave exit{}", exit.0),
                };
                format!(" in b{} at `{text}`", block.0)
            }
        };
        format!("{}{place}: {}", violation.rule, violation.message)
    }
}
