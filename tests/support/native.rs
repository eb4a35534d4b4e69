//! Runs of traces as machine code, in worlds whose regions are real memory.
//!
//! The model memory of a [`World`] has its regions at the addresses of real buffers. Before a run
//! the model's bytes are copied there, afterwards back, so the ending can be compared with that of
//! an evaluation in the same world.
//!
//! A call goes to one of a few `extern "C"` functions that take whatever the platform passes in
//! registers; the call site's number (the symbol that a call is given before compiling) says what
//! the arguments are. The function does what the model's fake call does, on the real memory. A call
//! of code finds no room on the stack, and so comes to such a function, too.
//!
//! Not here: comparing (`differential`), making worlds.

use crate::differential::{Run, ended};
use crate::world::{SCRATCH, World};
use jitgen_core::backend::{Code, Compiler, Frame, Options, STACKS, Stacks, Symbols, enter};
use jitgen_core::eval::{Memory, Model};
use jitgen_core::ir::{Arg, Cells, Const, ExitId, LogEntry, Op, Trace, Ty};
use std::cell::RefCell;

/// Number of registers for integers, for floats, and of call sites.
const INTS: usize = 6;
const FLOATS: usize = 8;
const SITES: usize = 16;

/// Bytes of a buffer.
const BUFFER: usize = 1024;

/// Bytes for objects.
const OBJECTS: usize = 1 << 16;

/// Where free cells would be: both cursor and limit are 0.
static NO_CELLS: u64 = 0;

/// A compiler, real buffers, a frame and room for that of a callee.
pub struct Native {
    compiler: Compiler,
    buffers: Vec<[u64; BUFFER / 8]>,
    objects: Box<[u64; OBJECTS / 8]>,
    frames: Vec<Frame>,
    stacks: Box<Stacks>,
}

/// A compiled trace.
pub struct Compiled<'a> {
    trace: &'a Trace,
    sites: Vec<Site>,
    code: Code,
}

/// What a call site calls.
#[derive(Clone)]
struct Site {
    op: Op,
    symbol: String,
    args: Vec<Ty>,
    /// The first argument of a call of code, which its function is not told.
    cell: Option<Const>,
    result: Option<Ty>,
}

/// What a call needs to know of the run that it is part of.
struct Running {
    model: Model,
    sites: Vec<Site>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

impl Native {
    /// With so many buffers.
    ///
    /// # Errors
    /// If this machine is not supported.
    pub fn new(buffers: usize) -> Result<Native, String> {
        let compiler = Compiler::new(&Options::default()).map_err(|error| error.to_string())?;
        let stacks = Box::<Stacks>::default();
        stacks.set_native(usize::MAX);
        let frames = vec![Frame::clone(&Frame::new()); 2];
        let buffers = vec![[0; BUFFER / 8]; buffers];
        let objects = Box::new([0; OBJECTS / 8]);
        Ok(Native { compiler, buffers, objects, frames, stacks })
    }

    /// The addresses of the buffers, and of the frame's scratch area.
    pub fn addresses(&mut self) -> (Vec<u64>, u64) {
        let buffers = self.buffers.iter_mut();
        let buffers = buffers.map(|buffer| buffer.as_mut_ptr().expose_provenance() as u64);
        let buffers = buffers.collect();
        (buffers, self.frames.as_mut_ptr().expose_provenance() as u64)
    }

    /// Compiles a trace; none if it has calls that the tests' functions cannot take.
    ///
    /// # Errors
    /// If the backend refuses.
    pub fn compile<'a>(&mut self, trace: &'a Trace) -> Result<Option<Compiled<'a>>, String> {
        let Some(sites) = sites(trace) else {
            return Ok(None);
        };
        let mut numbered = trace.clone();
        for (number, call) in numbered.calls.iter_mut().enumerate() {
            call.symbol = number.to_string();
            if let Some(cells) = call.cells() {
                // There are none, so each object is made by the function.
                let none = std::ptr::from_ref(&NO_CELLS).expose_provenance() as u64;
                let none = Cells { cursor: none, limit: none, ..cells }.args();
                call.args.truncate(1);
                call.args.extend(none.map(Arg::Const));
            }
        }
        let functions = Functions(&sites, &self.stacks);
        let code = self.compiler.compile(&numbered, &functions, 0);
        let code = code.map_err(|error| format!("{error}\n{trace}"))?;
        Ok(Some(Compiled { trace, sites, code }))
    }

    /// Runs code in a world made for [`Native::addresses`]. An evaluation in the same world must
    /// have come to an end without straying, or the process may crash.
    pub fn run(&mut self, compiled: &Compiled, world: &World) -> Run {
        self.addresses();
        for (slot, arg) in world.args.iter().enumerate() {
            self.frames[0].write(slot, arg.ty, arg.bits);
        }
        let mut model = world.model.clone();
        let objects = self.objects.as_mut_ptr().expose_provenance() as u64;
        model.set_objects(objects, objects + OBJECTS as u64);
        copy_out(&model);
        RUNNING.set(Some(Running { model, sites: compiled.sites.clone() }));
        // SAFETY: the slots hold arguments of the entry's types; the memory that the trace accesses
        // is that of the buffers, and of objects that lie where there is room, because the evaluation in this world did not stray; no cell is
        // linked, and `compiled` outlives the call; the functions take what the platform passes
        // and do not unwind.
        let cell = unsafe { enter(compiled.code.entry(), self.frames.as_mut_ptr()) };
        let cells = compiled.code.exit_cells();
        let exit = cells.iter().position(|other| std::ptr::eq(other, cell));
        let exit = ExitId(exit.expect("the cell is one of this code's") as u32);
        let mut model = RUNNING.take().expect("it was set above").model;
        copy_in(&mut model);
        let at = compiled.trace.exit(exit);
        let args = at.args().enumerate().map(|(slot, arg)| {
            let ty = compiled.trace.ty(arg);
            Const::new(ty, self.frames[0].read(slot, ty))
        });
        let args =
            if at.is_return() { self.result(compiled.trace, &at.log) } else { args.collect() };
        ended(compiled.trace, exit, args, &model)
    }

    /// The values in the result that a trace has returned.
    fn result(&self, trace: &Trace, log: &[LogEntry]) -> Vec<Const> {
        let value = |entry: &LogEntry| match *entry {
            LogEntry::Part { offset, arg, .. } if arg.as_value().is_some() => {
                let (ty, from) = (trace.ty(arg), offset as usize);
                let bytes = self.frames[0].bytes(from..from + ty.size() as usize);
                let bits = bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
                Some(Const::new(ty, bits))
            }
            _ => None,
        };
        log.iter().filter_map(value).collect()
    }
}

/// The call sites, if each can be called.
fn sites(trace: &Trace) -> Option<Vec<Site>> {
    let site = |(number, call): (usize, &jitgen_core::ir::Call)| {
        let mut insts = trace.blocks.iter().flat_map(|block| &block.insts);
        // Where copies of a loop share a call site, they are the same call.
        let inst = insts.find(|inst| inst.op.is_call() && inst.call().index() == number);
        let args: Vec<Ty> = call.args.iter().map(|arg| trace.ty(*arg)).collect();
        let floats = args.iter().filter(|ty| ty.is_float()).count();
        let op = inst.map_or(Op::CallPure, |inst| inst.op);
        let code = op == Op::CallCode;
        let cell = call.args.first().filter(|_| code).and_then(|arg| arg.as_const());
        // What a call keeps is not among its arguments.
        let all_given = call.keeps.is_empty();
        let fits = all_given && floats <= FLOATS && args.len() - floats <= INTS;
        let fits = if code { cell.is_some() } else { fits };
        fits.then(|| Site {
            op,
            symbol: call.symbol.clone(),
            args,
            cell,
            result: inst.and_then(|inst| call.has_result.then_some(inst.ty)),
        })
    };
    let sites: Option<Vec<Site>> = trace.calls.iter().enumerate().map(site).collect();
    sites.filter(|sites| sites.len() <= SITES)
}

/// Copies the model's regions to the memory that they stand for.
fn copy_out(model: &Model) {
    for (address, bytes) in model.regions() {
        let target = std::ptr::with_exposed_provenance_mut::<u8>(address as usize);
        assert!(bytes.len() <= BUFFER, "a region is not larger than a buffer");
        // SAFETY: the regions of a world are at the addresses of a `Native`'s buffers and scratch
        // area, or objects in the memory for these, which are exposed, alive and at least as long,
        // and nobody else holds a reference.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) }
    }
}

/// Copies them back.
fn copy_in(model: &mut Model) {
    let addresses: Vec<u64> = model.regions().map(|(address, _)| address).collect();
    for address in addresses {
        let source = std::ptr::with_exposed_provenance::<u8>(address as usize);
        let bytes = model.region_mut(address).expect("it is one of them");
        // SAFETY: as in `copy_out`.
        unsafe { std::ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) }
    }
}

const _: () = assert!(SCRATCH <= BUFFER);

/// The functions of a trace's call sites.
struct Functions<'a>(&'a [Site], &'a Stacks);

impl Symbols for Functions<'_> {
    fn address(&self, symbol: &str) -> Option<usize> {
        if symbol == STACKS {
            return Some(std::ptr::from_ref(self.1).expose_provenance());
        }
        let site: usize = symbol.parse().ok()?;
        let returns_float = self.0[site].result.is_some_and(Ty::is_float);
        Some(match returns_float {
            true => FLOAT_FUNCTIONS[site] as *const () as usize,
            false => INT_FUNCTIONS[site] as *const () as usize,
        })
    }
}

macro_rules! functions {
    ($($site:literal)+) => {
        const INT_FUNCTIONS: [IntFunction; SITES] = [$(int_function::<$site>),+];
        const FLOAT_FUNCTIONS: [FloatFunction; SITES] = [$(float_function::<$site>),+];
    };
}

functions! { 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 }

/// A function that returns an integer, a pointer, a truth value, or nothing.
#[rustfmt::skip]
type IntFunction = extern "C" fn(
    u64, u64, u64, u64, u64, u64,
    f64, f64, f64, f64, f64, f64, f64, f64,
) -> u64;

/// A function that returns a float; an `f32` is in the low half.
#[rustfmt::skip]
type FloatFunction = extern "C" fn(
    u64, u64, u64, u64, u64, u64,
    f64, f64, f64, f64, f64, f64, f64, f64,
) -> f64;

#[rustfmt::skip]
extern "C" fn int_function<const SITE: usize>(
    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64,
    s: f64, t: f64, u: f64, v: f64, w: f64, x: f64, y: f64, z: f64,
) -> u64 {
    dispatch(SITE, [a, b, c, d, e, f], [s, t, u, v, w, x, y, z])
}

#[rustfmt::skip]
extern "C" fn float_function<const SITE: usize>(
    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64,
    s: f64, t: f64, u: f64, v: f64, w: f64, x: f64, y: f64, z: f64,
) -> f64 {
    f64::from_bits(dispatch(SITE, [a, b, c, d, e, f], [s, t, u, v, w, x, y, z]))
}

/// The arguments of a call of code: the function is told what is constant and where the callee's frame
/// is, whose slots have the rest.
fn arguments_of_code(site: &Site, cell: Const, ints: [u64; INTS]) -> Vec<Const> {
    let place = std::ptr::with_exposed_provenance::<Frame>(ints[1] as usize);
    // SAFETY: it is within the scratch area of the first of two frames, and nobody else uses them
    // while the code has called out.
    let frame = unsafe { &*place };
    let given = ints[..2].iter().map(|bits| Const::new(Ty::Ptr, *bits));
    let reds = site.args[3..].iter().enumerate();
    let reds = reds.map(|(slot, ty)| Const::new(*ty, frame.read(slot, *ty)));
    [cell].into_iter().chain(given).chain(reds).collect()
}

/// Does what the model does.
fn dispatch(site: usize, ints: [u64; INTS], floats: [f64; FLOATS]) -> u64 {
    RUNNING.with_borrow_mut(|running| {
        let running = running.as_mut().expect("calls come from code that is run");
        let site = &running.sites[site];
        let code = site.cell.map(|cell| arguments_of_code(site, cell, ints));
        let (mut ints, mut floats) = (ints.into_iter(), floats.into_iter());
        let mut given = || {
            site.args
                .iter()
                .map(|ty| match ty.is_float() {
                    true => Const::new(*ty, floats.next().expect("they fit").to_bits()),
                    false => Const::new(*ty, ints.next().expect("they fit")),
                })
                .collect()
        };
        let args: Vec<Const> = code.unwrap_or_else(&mut given);
        let model = &mut running.model;
        copy_in(model);
        let result = match site.op {
            op if op.makes() => model.allocate(0, &site.symbol, &args),
            Op::Free => model.free(&site.symbol, &args).map(|()| 0),
            Op::CallRead => model.call_read(&site.symbol, &args, site.result),
            Op::CallPure | Op::CallIfPure => model.call_pure(&site.symbol, &args, site.result),
            Op::CallCode => model.call_code(&site.symbol, &args).map(|()| 0),
            Op::Call | Op::CallIf => model.call(&site.symbol, &args, site.result),
            op => unreachable!("{} is no call", op.mnemonic()),
        };
        copy_out(model);
        result.expect("the model's functions do not fail")
    })
}
