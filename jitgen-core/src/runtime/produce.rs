//! Producing: from what recording has given to code, on whatever thread.
//!
//! ```text
//! request: trace, journal --> verify, check --> optimize --> verify, check --> compile --> product
//! ```
//!
//! A producer knows nothing of the program but what the request says, and changes nothing but
//! itself: the texts and times that it has to tell are in the product.
//!
//! Not here: the queue (`worker`), what is linked to what (`install`).

use super::store::Symbols;
use super::{Config, check, fail_guards};
use crate::backend::{Code, CompileError, Compiler, Options};
use crate::ir::{BlockId, Const, ExitId, Sig, Trace, ValueId, verify};
use crate::opt::{Passes, optimize_behind, optimize_seen};
use crate::tracer::AbortReason;
use crate::tracer::journal::Event;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::{Duration, Instant};

/// Why there is no code, with details.
pub(super) type Refusal = (AbortReason, String);

/// What is to be produced.
pub(super) struct Request {
    pub trace: Trace,
    /// As the event log shows it.
    pub label: String,
    pub what: What,
    /// The addresses of residual functions.
    pub symbols: Arc<Symbols>,
    /// The number of the unit.
    pub unit: u32,
}

/// What the trace is.
pub(super) enum What {
    /// It has been recorded.
    Recorded(Witness),
    /// It is a tree of traces that have been checked, of whose root that was seen.
    Tree(Arc<Loaded>, Rest),
    /// It has been optimized.
    Optimized(Rest),
}

/// What loads have given while a trace was recorded.
pub(super) type Loaded = HashMap<ValueId, Const>;

/// What else is compiled into the same function.
#[derive(Default)]
pub(super) struct Rest {
    /// Optimized traces, one behind the other.
    pub trace: Trace,
    /// The exits of that which go on at the entry of the function.
    pub to_entry: Vec<ExitId>,
    /// The exits of the request's trace that go on in that.
    pub links: Vec<(ExitId, BlockId)>,
}

/// What the twin did while the trace was recorded.
pub(super) struct Witness {
    pub journal: Vec<Event>,
    /// The values of the parameters, if they are not the reds of the first event.
    pub args: Option<Vec<Const>>,
    /// How the twin has stopped.
    pub stopped: Stopped,
    /// Can it be recorded again, over more rounds of its loop?
    pub again: bool,
    /// What has been executed before, of a bridge.
    pub way: Option<Trace>,
}

/// How a twin has stopped.
pub(super) enum Stopped {
    /// At a merge point, with these reds.
    At(Vec<Const>),
    /// It has returned; the bytes of the portal's result.
    Returned(Vec<u8>),
}

/// What was produced, and what there is to tell of it.
pub(super) struct Product {
    /// The trace, optimized.
    pub trace: Trace,
    /// What it was before, if it has been optimized now.
    pub source: Trace,
    /// By exit: the exit of the source that it is a version of.
    pub origins: Vec<ExitId>,
    /// What loads of the source have given.
    pub loaded: Arc<Loaded>,
    pub made: Result<Made, Refusal>,
    /// Title and text, for the event log.
    pub texts: Vec<(String, String)>,
    pub times: Times,
}

/// Compiled code.
pub(super) struct Made {
    pub code: Code,
    /// Operations compiled.
    pub ops: usize,
    /// By exit of the code: the exit of the trace.
    pub exits: Vec<ExitId>,
    /// By exit of the code: does it go on in the same code?
    pub inside: Vec<bool>,
    /// Where every guard is made to fail once: the flags of the guards, by exit.
    pub flags: Option<&'static [AtomicU8]>,
}

/// What producing took.
#[derive(Default)]
pub(super) struct Times {
    pub check: Duration,
    pub checks: u64,
    pub check_failed: bool,
    pub optimize: Duration,
    pub total: Duration,
}

/// What produces. Each thread that does has one.
pub(super) struct Producer {
    settings: Settings,
    /// Made when it is first needed.
    compiler: Option<Compiler>,
}

/// What a producer takes from the configuration.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    check: bool,
    fail_guards: bool,
    opt: Passes,
    log_trace: bool,
    disassemble: bool,
}

impl Settings {
    pub fn new(config: &Config) -> Settings {
        Settings {
            check: config.check,
            fail_guards: config.fail_guards,
            opt: config.opt,
            log_trace: config.log.trace,
            disassemble: config.log.clif || config.log.asm,
        }
    }
}

impl Producer {
    pub fn new(settings: Settings) -> Producer {
        Producer { settings, compiler: None }
    }

    /// Makes what every request will need.
    pub fn get_ready(&mut self) {
        let disassemble = self.settings.disassemble;
        self.compiler = Compiler::new(&Options { disassemble }).ok();
    }

    /// Does what is requested.
    pub fn produce(&mut self, request: Request) -> Product {
        let start = Instant::now();
        let Request { trace, label, what, symbols, unit } = request;
        let (texts, times) = (vec![], Times::default());
        let made = Err((AbortReason::Backend, String::new()));
        let origins = (0..trace.exits.len() as u32).map(ExitId).collect();
        let source = Trace::default();
        let loaded = match &what {
            What::Recorded(witness) => Arc::new(loaded(&trace, &witness.journal)),
            What::Tree(loaded, _) => Arc::clone(loaded),
            What::Optimized(_) => Arc::default(),
        };
        let mut product = Product { trace, source, origins, loaded, made, texts, times };
        let ready = match what {
            What::Recorded(witness) => self.recorded(&mut product, &label, &witness).map(|()| None),
            What::Tree(_, rest) => {
                self.show(&mut product, "tree", &label);
                self.optimize(&mut product, None);
                Ok(Some(join(&product, &rest)))
            }
            What::Optimized(rest) => Ok(Some(join(&product, &rest))),
        };
        product.made = ready.and_then(|joined| {
            if let Some(region) = &joined {
                self.show_region(&mut product, &label, region);
            }
            let made = self.compile(joined.as_ref().unwrap_or(&product.trace), &symbols, unit);
            made.map_err(|error| (AbortReason::Backend, error.to_string()))
        });
        product.times.total = start.elapsed();
        product
    }

    fn optimize(&self, product: &mut Product, way: Option<&Trace>) -> bool {
        let start = Instant::now();
        let seen = |load: ValueId, c: Const| product.loaded.get(&load) == Some(&c);
        let optimized = match way {
            Some(way) => optimize_behind(way, &product.trace, self.settings.opt),
            None => optimize_seen(&product.trace, self.settings.opt, &seen),
        };
        product.times.optimize = start.elapsed();
        product.source = std::mem::replace(&mut product.trace, optimized.trace);
        product.origins = optimized.origins;
        optimized.alternates
    }

    fn recorded(
        &self,
        product: &mut Product,
        label: &str,
        witness: &Witness,
    ) -> Result<(), Refusal> {
        if let (Some(way), true) = (&witness.way, self.settings.log_trace) {
            product.texts.push((format!("way to {label}"), way.to_string()));
        }
        self.check(product, label, witness, true, "recorded")?;
        let is_loop = witness.args.is_none();
        if self.optimize(product, witness.way.as_ref()) && witness.again {
            return Err((AbortReason::Alternates, "it does not repeat".to_owned()));
        }
        // A peeled loop ends in its second round.
        let stays = !is_loop || product.trace.blocks.len() == 1;
        self.check(product, label, witness, stays, "optimized")
    }

    fn show(&self, product: &mut Product, stage: &str, label: &str) {
        if self.settings.log_trace {
            let text = product.trace.to_string();
            product.texts.push((format!("{stage} trace of {label}"), text));
        }
    }

    fn show_region(&self, product: &mut Product, label: &str, region: &Trace) {
        if self.settings.log_trace {
            product.texts.push((format!("region of {label}"), region.to_string()));
        }
    }

    fn check(
        &self,
        product: &mut Product,
        label: &str,
        witness: &Witness,
        stays: bool,
        stage: &str,
    ) -> Result<(), Refusal> {
        self.show(product, stage, label);
        if !self.settings.check {
            return Ok(());
        }
        let start = Instant::now();
        let stopped = stays.then_some(&witness.stopped);
        let trace = &product.trace;
        let found = match verify(trace).first() {
            Some(violation) => Err(format!("{}: {}", violation.rule, violation.message)),
            None => check::check(trace, &witness.journal, witness.args.as_deref(), stopped),
        };
        product.times.checks += 1;
        product.times.check += start.elapsed();
        found.map_err(|message| {
            product.times.check_failed = true;
            let title = format!("check of the {stage} trace failed: {message}");
            product.texts.push((title, product.trace.to_string()));
            (AbortReason::CheckFailed, format!("{stage}: {message}"))
        })
    }

    fn compile(
        &mut self,
        trace: &Trace,
        symbols: &Symbols,
        unit: u32,
    ) -> Result<Made, CompileError> {
        let failing = self.settings.fail_guards.then(|| fail_guards::transform(trace));
        let same = || (0..trace.exits.len() as u32).map(ExitId).collect();
        let exits = failing.as_ref().map_or_else(same, |failing| failing.exits.clone());
        let flags = failing.as_ref().map(|failing| failing.flags);
        let trace = failing.as_ref().map_or(trace, |failing| &failing.trace);
        if self.compiler.is_none() {
            let disassemble = self.settings.disassemble;
            self.compiler = Some(Compiler::new(&Options { disassemble })?);
        }
        let compiler = self.compiler.as_mut().expect("it has just been made");
        let code = compiler.compile(trace, symbols, unit)?;
        let inside = trace.exits.iter().map(|exit| exit.link.is_some()).collect();
        Ok(Made { code, ops: trace.inst_count(), exits, inside, flags })
    }
}

/// What the loads of a recorded trace have given: the journal has them in their order.
fn loaded(trace: &Trace, journal: &[Event]) -> Loaded {
    let mut seen = journal.iter().filter_map(|event| match event {
        Event::Load { bits, .. } => Some(*bits),
        _ => None,
    });
    let insts = trace.blocks.iter().flat_map(|block| &block.insts);
    let loads = insts.filter(|inst| inst.op.sig() == Sig::Load);
    loads.filter_map(|load| Some((load.dst?, Const::new(load.ty, seen.next()?)))).collect()
}

/// The trace and what else is compiled with it, as one.
fn join(product: &Product, rest: &Rest) -> Trace {
    let mut region = product.trace.clone();
    region.name += ".region";
    let (first, offsets) = region.append(&rest.trace);
    for exit in &rest.to_entry {
        region.exits[(exit.0 + offsets.exit) as usize].link = Some(BlockId(0));
    }
    for (exit, origin) in product.origins.iter().enumerate() {
        let link = rest.links.iter().find(|(from, _)| from == origin);
        if let (Some((_, block)), None) = (link, region.exits[exit].link) {
            region.exits[exit].link = Some(BlockId(first.0 + block.0));
        }
    }
    region
}
