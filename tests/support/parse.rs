//! `test parse`: a trace reads back as it stands, or fails with the error that is expected.
//!
//! Lines in errors count from the case's line `trace …`.

use crate::filetest::{Case, Filetest, check_well_formed, diff};
use jitgen_core::ir::{Trace, parse};

/// The command.
///
/// # Errors
/// If the trace prints otherwise than it stands in the file.
pub fn command(_file: &Filetest, case: &Case) -> Result<Vec<String>, String> {
    let traces = match parse(&case.text()) {
        Err(error) => return Ok(vec![format!("error: {error}")]),
        Ok(traces) => traces,
    };
    let text: String = traces.iter().map(Trace::to_string).collect();
    if text != case.code() {
        return Err(diff(&case.code(), &text));
    }
    traces.iter().try_for_each(check_well_formed)?;
    Ok(vec![])
}
