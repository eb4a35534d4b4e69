//! Pure functions by name: what the checker calls where a trace has `call_pure`.
//!
//! A pure function has two faces: an `extern "C"` thunk for compiled code, and an evaluator from
//! words to a word. The evaluator is made known when a call is recorded, so whoever has the trace
//! can execute it without knowing the thunk's signature.
//!
//! Not here: calls with effects; their results are in the journal.

use crate::ir::Const;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// From the arguments to the bits of the result.
pub type Evaluator = fn(&[Const]) -> u64;

static KNOWN: Mutex<Option<HashMap<&'static str, Evaluator>>> = Mutex::new(None);

/// Makes a pure function known.
pub fn register(symbol: &'static str, evaluator: Evaluator) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(symbol, evaluator);
}

/// Calls the pure function of that name, if there is one.
pub fn evaluate(symbol: &str, args: &[Const]) -> Option<u64> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let evaluator = *known.as_ref()?.get(symbol)?;
    drop(known);
    Some(evaluator(args))
}
