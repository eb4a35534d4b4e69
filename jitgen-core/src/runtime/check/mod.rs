//! The check of a recorded trace: the evaluator runs it against what the twin really did.
//!
//! ```text
//! twin      load 0x7f10 -> 5;  store 0x7f10 <- 6;  call f(6) -> 1;  load 0x7f10 -> 9    (the journal)
//! trace     v1 = load …;       store …;            v2 = call @f(…); v3 = load …         (evaluated)
//! ```
//!
//! The journal is cut into segments at its calls, since a call may change any memory. Within a
//! segment a byte has, to begin with, what the twin's first load of it saw, if the twin has not
//! stored it before. The evaluator's stores go over that; a call must be the next one of the journal,
//! with the same arguments, and all that the twin stored before it must be there.
//!
//! It must hold that no guard fails, that exits name the reds of their resume points, that all calls
//! are made, that memory is at last what the twin has made of it, and that the trace ends with the
//! reds with which the twin has stopped.
//!
//! An allocation gives the address that it gave the twin. What is in an object that the trace makes
//! is compared where it is loaded, but not as such: the optimizer may have put it into values.
//!
//! Bytes of a call's result that mean nothing in the variant that it is are whatever the callee has
//! left there where the twin has taken the result as a whole, and 0 where it has taken it word by
//! word: of these two it is 0.
//!
//! Not checked: the second round of a peeled loop (the twin made one), operands in logs.

#[cfg(test)]
mod tests;

use super::produce::Stopped;
use crate::eval::{Fault, Limits, Memory, Observer, Outcome, evaluate_observed};
use crate::ir::{BlockId, Const, End, ExitId, Gone, ResumeId, Trace, Ty};
use crate::tracer::journal::Event;
use crate::tracer::{Image, SCRATCH_BASE, pure};
use std::collections::{HashMap, HashSet};

/// Checks a trace against the journal of its recording.
///
/// `args` are the values of the trace's parameters, if they are not the reds of the first event;
/// `stopped` says how the twin has stopped, if the trace ends like that.
///
/// # Errors
/// What the trace does otherwise than the twin.
pub(super) fn check(
    trace: &Trace,
    journal: &[Event],
    args: Option<&[Const]>,
    stopped: Option<&Stopped>,
) -> Result<(), String> {
    let mut witness = Witness::new(journal);
    let first = match journal.first() {
        Some(Event::Resume { reds, .. }) => reds.as_slice(),
        _ => return Err("the journal does not begin with a resume point".to_owned()),
    };
    let mut guards = Guards { trace, reds: resume_points(journal), wrong: None };
    // A peeled loop jumps from its preamble to its body: that was one round.
    let back = match trace.blocks[0].end {
        End::Jump(target, _) => Some(target),
        End::Leave(_) => None,
    };
    let limits = Limits { fuel: 1 << 24, stop_at: back };
    let outcome =
        evaluate_observed(trace, args.unwrap_or(first), &mut witness, &limits, &mut guards);
    if let Some(wrong) = guards.wrong.or(witness.wrong.take()) {
        return Err(wrong);
    }
    let outcome = outcome.map_err(|error| error.to_string())?;
    // The body of a peeled loop may have to write addresses of objects that are not made yet.
    witness.end(matches!(outcome, Outcome::Jumped { block, .. } if block != BlockId(0)))?;
    let last = match outcome {
        Outcome::Exit { exit, args } if trace.exit(exit).is_return() => {
            let mut args = args.into_iter();
            let bytes = Image::bytes_of(&trace.exit(exit).log, || args.next());
            return match (stopped, bytes) {
                (Some(Stopped::Returned(twin)), Some(bytes)) if *twin == bytes => Ok(()),
                (_, bytes) => Err(format!("it returns {bytes:?}, the twin did not")),
            };
        }
        Outcome::Jumped { block: BlockId(0), args } | Outcome::Exit { args, .. } => args,
        Outcome::Jumped { .. } => return Ok(()),
        Outcome::OutOfFuel => return Err("it does not end".to_owned()),
    };
    match stopped {
        Some(Stopped::At(stopped)) if *stopped != last => {
            Err(format!("it ends with {last:?}, the twin with {stopped:?}"))
        }
        Some(Stopped::Returned(_)) => Err("the twin returned, it does not".to_owned()),
        _ => Ok(()),
    }
}

/// Are they equal, where they mean something?
fn same_reds(twin: &[Const], reds: &[Const]) -> bool {
    let same = |(a, b): (&Const, &Const)| a == b || a.ty == b.ty && Gone::is(b.bits);
    twin.len() == reds.len() && twin.iter().zip(reds).all(same)
}

fn resume_points(journal: &[Event]) -> HashMap<ResumeId, &[Const]> {
    let points = journal.iter().filter_map(|event| match event {
        Event::Resume { id, reds } => Some((*id, reds.as_slice())),
        _ => None,
    });
    points.collect()
}

/// Compares the reds of exits.
struct Guards<'a> {
    trace: &'a Trace,
    reds: HashMap<ResumeId, &'a [Const]>,
    wrong: Option<String>,
}

impl Observer for Guards<'_> {
    fn guard(&mut self, exit: ExitId, args: &dyn Fn() -> Vec<Const>, passed: bool) {
        if self.wrong.is_some() {
            return;
        }
        let at = self.trace.exit(exit);
        if !passed {
            self.wrong = Some(format!("a guard of exit{} fails", exit.0));
            return;
        }
        let args = args();
        let reds = &args[..at.reds.len()];
        match self.reds.get(&at.resume) {
            None => self.wrong = Some(format!("resume point {} was not passed", at.resume.0)),
            Some(twin) if !same_reds(twin, reds) => {
                self.wrong =
                    Some(format!("exit{} has the reds {reds:?}, the twin {twin:?}", exit.0));
            }
            Some(_) => (),
        }
    }
}

/// What the twin saw and did between two calls.
#[derive(Default)]
struct Segment {
    /// The bytes that the twin has read before it wrote them.
    image: HashMap<u64, u8>,
    /// The bytes that the twin has written, as they are at the end.
    written: HashMap<u64, u8>,
    /// Those of them that are addresses of what it has allocated.
    objects: HashSet<u64>,
    /// The call at the end.
    call: Option<Event>,
}

/// The memory that the twin saw.
struct Witness {
    segments: Vec<Segment>,
    current: usize,
    bytes: HashMap<u64, u8>,
    /// The calls whose results depend on their arguments alone.
    pure: Vec<Event>,
    /// What the twin has allocated: address and bytes, by number.
    objects: HashMap<u32, (u64, u64)>,
    wrong: Option<String>,
}

impl Witness {
    fn new(journal: &[Event]) -> Witness {
        let cleared = cleared(journal);
        let mut segments = vec![Segment::default()];
        let mut objects = HashMap::new();
        for event in journal {
            let segment = segments.last_mut().expect("there is always one");
            match event {
                Event::Load { address, size, bits } => {
                    for (at, byte) in bytes(*address, *size, *bits) {
                        if !segment.written.contains_key(&at) {
                            let byte = if cleared.contains(&at) { 0 } else { byte };
                            segment.image.entry(at).or_insert(byte);
                        }
                    }
                }
                Event::Store { address, size, bits } => {
                    let mut made = objects.values();
                    let leads = made.any(|(at, size): &(u64, u64)| (*at..at + size).contains(bits));
                    for (at, byte) in bytes(*address, *size, *bits) {
                        segment.written.insert(at, byte);
                        match leads {
                            true => segment.objects.insert(at),
                            false => segment.objects.remove(&at),
                        };
                    }
                }
                Event::Call { .. } => {
                    segment.call = Some(event.clone());
                    segments.push(Segment::default());
                }
                Event::New { number, address, size } => {
                    objects.insert(*number, (*address, *size));
                }
                Event::Free { .. } | Event::Pure { .. } | Event::Resume { .. } => (),
            }
        }
        let pure = journal.iter().filter(|event| matches!(event, Event::Pure { .. })).cloned();
        let (pure, bytes) = (pure.collect(), segments[0].image.clone());
        Witness { segments, current: 0, bytes, pure, objects, wrong: None }
    }

    /// Is memory as the twin has left it at the end of this segment, but for addresses of objects if
    /// these come later?
    fn compare(&self, later: bool) -> Result<(), String> {
        let Segment { written, objects, .. } = &self.segments[self.current];
        for (address, byte) in written {
            if later && objects.contains(address) {
                continue;
            }
            if self.objects.values().any(|(at, size)| (*at..at + size).contains(address)) {
                continue;
            }
            let here = self.bytes.get(address);
            if here != Some(byte) {
                return Err(format!("the byte at {address:#x} is {here:?}, the twin wrote {byte}"));
            }
        }
        Ok(())
    }

    fn end(&self, later: bool) -> Result<(), String> {
        if let Some(call) = &self.segments[self.current].call {
            return Err(format!("the twin has gone on to {call:?}"));
        }
        self.compare(later)
    }

    /// The result that the twin was given: wherever it made the call.
    fn pure_call(&mut self, symbol: &str, args: &[Const], ty: Option<Ty>) -> Result<u64, Fault> {
        let found = self.pure.iter().find_map(|event| match event {
            Event::Pure { symbol: name, args: given, result } => {
                let same = name == symbol && given == args && Some(result.ty) == ty;
                same.then_some(result.bits)
            }
            _ => None,
        });
        found.ok_or_else(|| self.fail(format!("it calls {symbol}{args:?}, which the twin did not")))
    }

    fn fail(&mut self, message: String) -> Fault {
        self.wrong.get_or_insert(message);
        Fault::Symbol("check".to_owned())
    }
}

/// The bytes of calls' results that were 0 when they were loaded.
fn cleared(journal: &[Event]) -> HashSet<u64> {
    let mut cleared = HashSet::new();
    for event in journal {
        if let Event::Load { address, size, bits } = event
            && (SCRATCH_BASE..2 * SCRATCH_BASE).contains(address)
        {
            let zero = bytes(*address, *size, *bits).filter(|(_, byte)| *byte == 0);
            cleared.extend(zero.map(|(at, _)| at));
        }
    }
    cleared
}

fn bytes(address: u64, size: u32, bits: u64) -> impl Iterator<Item = (u64, u8)> {
    let bytes = bits.to_le_bytes().into_iter().take(size as usize);
    bytes.enumerate().map(move |(place, byte)| (address.wrapping_add(place as u64), byte))
}

impl Memory for Witness {
    fn load(&mut self, address: u64, size: u32) -> Result<u64, Fault> {
        let mut bits = 0;
        for place in 0..u64::from(size) {
            let at = address.wrapping_add(place);
            let Some(byte) = self.bytes.get(&at).copied() else {
                return Err(self.fail(format!("it reads {at:#x}, which the twin did not")));
            };
            bits |= u64::from(byte) << (8 * place);
        }
        Ok(bits)
    }

    fn store(&mut self, address: u64, size: u32, bits: u64) -> Result<(), Fault> {
        self.bytes.extend(bytes(address, size, bits));
        Ok(())
    }

    fn call(&mut self, symbol: &str, args: &[Const], result: Option<Ty>) -> Result<u64, Fault> {
        if let Err(message) = self.compare(false) {
            return Err(self.fail(format!("before the call of {symbol}: {message}")));
        }
        let Some(Event::Call { symbol: expected, args: seen, result: given }) =
            self.segments[self.current].call.clone()
        else {
            return Err(self.fail(format!("it calls {symbol}, which the twin did not")));
        };
        let same = seen.len() == args.len()
            && seen.iter().zip(args).all(|(seen, arg)| seen.is_none_or(|seen| seen == *arg));
        if expected != symbol || !same || given.map(|given| given.ty) != result {
            let message = format!("it calls {symbol}{args:?}, the twin {expected}{seen:?}");
            return Err(self.fail(message));
        }
        self.current += 1;
        let image = &self.segments[self.current].image;
        self.bytes.extend(image.iter().map(|(address, byte)| (*address, *byte)));
        Ok(given.map_or(0, |given| given.bits))
    }

    fn call_pure(
        &mut self,
        symbol: &str,
        args: &[Const],
        result: Option<Ty>,
    ) -> Result<u64, Fault> {
        match pure::evaluate(symbol, args) {
            Some(bits) => Ok(bits),
            None => self.pure_call(symbol, args, result),
        }
    }

    fn allocate(&mut self, number: u32, _: &str, args: &[Const]) -> Result<u64, Fault> {
        match self.objects.get(&number) {
            Some((address, size)) if args.first().map(|c| c.bits) == Some(*size) => Ok(*address),
            _ => Err(self.fail(format!("it allocates #{number}, which the twin did not"))),
        }
    }

    fn free(&mut self, _: &str, _: &[Const]) -> Result<(), Fault> {
        Ok(())
    }

    fn scratch(&self) -> u64 {
        SCRATCH_BASE
    }
}
