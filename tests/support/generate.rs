//! Random traces: well formed, with addresses inside of the regions of their world.
//!
//! A trace is grown operation by operation from a pool of typed values. What makes it legal:
//! - a pointer carries what it points to, an object with one type per field or an array of one
//!   type: words that hold pointers or truth values hold nothing else (the others are accessed at
//!   other types, too);
//! - each field, and the elements of each type of array, have an alias class of their own, or one
//!   with others; an access is of that or of any;
//! - indices are masked before they are scaled, and arrays are longer than any sum of them;
//! - divisors are made non-zero, or guarded.
//!
//! Steps are drawn one by one. Some of them are several operations that belong together: numbers that
//! are related (`numbers`), words that are accessed in two ways (`reuse`).
//!
//! Half of the traces have owners (`owners`).
//!
//! Half of the traces make objects, too, of the same fields as those of the world (`objects`). In
//! these nothing depends on the bits of pointers.
//!
//! Half of them have bridges (`tree`).
//!
//! All that is one half of the traces; the others are loops as a recorder finds them (`guest`).
//!
//! Guards are turned so that most pass in the first round. Several pointers point to the same
//! object or array, at the same or at another place.
//!
//! Not here: comparing (`differential`), making failing traces small (`shrink`).

mod guards;
mod guest;
mod memory;
mod numbers;
mod objects;
mod owners;
mod portal;
mod reuse;
mod shapes;
mod tree;

use crate::typed_world::{ARRAYS, Interface, Pointee, REGIONS, world};
use crate::world::{fake_regions, number, pick};
use guest::Guest;
use jitgen_core::eval::{Limits, Observer, evaluate_observed};
use jitgen_core::ir::{
    Arg, Aux, Block, BlockId, Const, Effects, End, Exit, ExitId, Inst, LogEntry, Op, ResumeId,
    Trace, Ty, ValueId,
};
use oorandom::Rand64;

/// A random trace, with what is needed to make worlds for it.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The trace.
    pub trace: Trace,
    /// What it begins with.
    pub interface: Interface,
}

/// A value of the pool.
#[derive(Clone, Copy)]
struct Value {
    arg: Arg,
    ty: Ty,
    points: Option<Pointee>,
    /// Is it a pointer to some element further on? Such are not kept: offsets must not add up.
    interior: bool,
}

struct Generator {
    rng: Rand64,
    trace: Trace,
    insts: Vec<Inst>,
    pool: Vec<Value>,
    /// Values that calls and loads have given, and stores, since the last resume point.
    log: Vec<LogEntry>,
    last_exit: Option<ExitId>,
    /// The type of most integers.
    usual: Ty,
    /// Places in memory that are accessed more often than others.
    hot: Vec<Place>,
    /// Values that memory has held.
    held: Vec<Arg>,
    /// Values that the next exit shows.
    shown: Vec<Arg>,
    /// How many alias classes there are.
    classes: u64,
    /// What some functions declare.
    effects: Vec<Effects>,
    /// Does the trace make objects?
    allocates: bool,
    /// How many it has made.
    allocations: i32,
    /// Those that only it knows.
    own: Vec<Arg>,
    /// Those that have been freed.
    gone: Vec<Arg>,
    /// The bits of pointers to objects.
    bits: Vec<Arg>,
    /// Are there no calls?
    quiet: bool,
    /// Are there owners?
    owns: bool,
    /// By block: what the parameters of the loop are there, if it is a bridge.
    loop_params: Vec<Vec<Arg>>,
    /// A loop as a recorder finds them.
    guest: Option<Guest>,
    /// Does each access have the class of its word?
    is_exact: bool,
    /// Do many steps belong together?
    is_dense: bool,
}

/// A pointer, an offset at which there is a word of some type, what it points to, and the number of
/// the field or kind of array.
type Place = (Arg, i32, Ty, Option<Pointee>, usize);

/// A loop or a bridge, from a seed.
pub fn generate(seed: u64) -> Generated {
    let mut this = Generator {
        rng: Rand64::new(u128::from(seed)),
        trace: Trace::new(format!("random_{seed}")),
        insts: vec![],
        pool: vec![],
        log: vec![],
        last_exit: None,
        usual: Ty::I64,
        hot: vec![],
        held: vec![],
        shown: vec![],
        classes: 1,
        effects: vec![],
        allocates: false,
        allocations: 0,
        own: vec![],
        gone: vec![],
        bits: vec![],
        quiet: false,
        owns: false,
        loop_params: vec![],
        guest: None,
        is_exact: false,
        is_dense: false,
    };
    this.owns = this.chance(1, 2);
    this.allocates = this.chance(1, 2);
    this.classes = pick(&mut this.rng, &[1, 3, 100]);
    for _ in 0..3 {
        let effects = this.some_effects();
        this.effects.push(effects);
    }
    if this.chance(1, 3) {
        this.usual = pick(&mut this.rng, &[Ty::I32, Ty::I16, Ty::I8]);
    }
    // The other half is what nobody would record.
    let tags = if seed % 2 == 1 { this.begin_guest() } else { vec![] };
    let is_guest = this.guest.is_some();
    this.is_dense = !is_guest && this.chance(2, 3);
    let params = this.params();
    this.quiet = this.chance(1, 2);
    let end = match is_guest {
        true => End::Jump(BlockId(0), this.guest_round(&params)),
        false => this.any_round(&params),
    };
    let ids = params.iter().map(|value| value.arg.as_value());
    let ids: Vec<ValueId> = ids.map(|id| id.expect("a parameter")).collect();
    let insts = std::mem::take(&mut this.insts);
    this.trace.blocks.push(Block { params: ids, insts, end });
    let points: Vec<_> = params.iter().map(|value| value.points).collect();
    let interface = Interface { params: points, tags, is_guest };
    turn_guards(&mut this.trace, &interface, seed);
    if is_guest {
        this.guest_bridges(&params, &interface, seed);
    } else if this.chance(1, 2) {
        this.bridges(&params);
    }
    Generated { trace: this.trace, interface }
}

impl Generator {
    fn below(&mut self, limit: u64) -> u64 {
        self.rng.rand_range(0..limit)
    }

    fn chance(&mut self, of: u64, all: u64) -> bool {
        self.below(all) < of
    }

    fn params(&mut self) -> Vec<Value> {
        let mut kinds = vec![
            (Ty::I64, None),
            (Ty::Ptr, Some(Pointee::Object)),
            (Ty::Ptr, Some(Pointee::Array(Ty::I64))),
        ];
        for _ in 0..self.below(7) {
            let ty = pick(&mut self.rng, &Ty::ALL);
            let points = match self.below(3) {
                0 => Pointee::Object,
                1 => Pointee::Array(Ty::I64),
                _ => Pointee::Array(pick(&mut self.rng, &ARRAYS)),
            };
            kinds.push((ty, (ty == Ty::Ptr).then_some(points)));
        }
        if self.guest.is_some() && self.allocates {
            kinds.push((Ty::Ptr, Some(Pointee::Object)));
        }
        if self.owns {
            kinds.extend([(Ty::Ptr, Some(Pointee::Holder)); 2]);
            let some = [Pointee::Holder, Pointee::Buffer, Pointee::Leaf];
            kinds.push((Ty::Ptr, Some(pick(&mut self.rng, &some))));
        }
        let params = kinds.into_iter().map(|(ty, points)| Value {
            arg: self.trace.add_value(ty).into(),
            ty,
            points,
            interior: false,
        });
        self.pool = params.collect();
        self.pool.clone()
    }

    /// Operations of all kinds; the end of the block.
    fn any_round(&mut self, params: &[Value]) -> End {
        for _ in 0..4 {
            let mut place = self.any_place();
            // Words can move between places of one type only.
            for _ in 0..8 {
                if place.2 == self.usual && place.3.is_none() {
                    break;
                }
                place = self.any_place();
            }
            self.hot.push(place);
        }
        for _ in 0..4 + self.below(32) {
            self.step();
        }
        if self.chance(1, 2) {
            self.reveal();
        }
        match self.chance(2, 3) {
            true => End::Jump(BlockId(0), self.back_edge(params)),
            false => End::Leave(self.last_exit()),
        }
    }

    /// The arguments of the jump back: the same, another of its kind, or, rarely, a constant.
    fn back_edge(&mut self, params: &[Value]) -> Vec<Arg> {
        let mut args: Vec<Arg> = vec![];
        for param in params {
            let held = self.held.iter().filter(|arg| self.trace.ty(**arg) == param.ty);
            let held: Vec<Arg> = held.copied().collect();
            let shown = if self.chance(1, 3) { self.shown_of(param.ty) } else { None };
            let arg = match self.below(4) {
                _ if shown.is_some() => shown.expect("just looked at"),
                0 => param.arg,
                2 | 3 if param.ty == Ty::Ptr && self.chance(2, 3) => param.arg,
                2 if param.ty != Ty::Ptr && !held.is_empty() => pick(&mut self.rng, &held),
                1 if param.points.is_none() && self.chance(1, 4) => self.constant(param.ty),
                _ => self.of_kind(param.ty, param.points),
            };
            self.shows(arg);
            args.push(arg);
        }
        args
    }

    fn emit(&mut self, op: Op, ty: Ty, a: Arg, b: Arg, imm: i32) -> Arg {
        let result = op.result(ty).expect("emit is for ops with a result");
        let dst = self.trace.add_value(result);
        self.insts.push(Inst { op, ty, dst: Some(dst), a, b, imm, aux: Aux::None });
        dst.into()
    }

    /// Emits and adds to the pool.
    fn define(&mut self, op: Op, ty: Ty, a: Arg, b: Arg, imm: i32) -> Arg {
        let arg = self.emit(op, ty, a, b, imm);
        self.add(arg, None);
        arg
    }

    fn add(&mut self, arg: Arg, points: Option<Pointee>) {
        let ty = self.trace.ty(arg);
        self.pool.push(Value { arg, ty, points, interior: false });
    }

    fn constant(&mut self, ty: Ty) -> Arg {
        number(&mut self.rng, ty, &[]).into()
    }

    /// A value of the pool, rather a young one, of this type and pointing to this.
    fn of_kind(&mut self, ty: Ty, points: Option<Pointee>) -> Arg {
        let fit = self.pool.iter().filter(|v| v.ty == ty && v.points == points);
        let fit: Vec<Arg> = fit.map(|v| v.arg).collect();
        match fit.len() as u64 {
            0 => self.constant(ty),
            count => {
                let back = self.below(count).min(self.below(count));
                fit[(count - 1 - back) as usize]
            }
        }
    }

    /// An operand that is not a pointer.
    fn operand(&mut self, ty: Ty) -> Arg {
        match self.chance(1, 4) {
            true => self.constant(ty),
            false => self.of_kind(ty, None),
        }
    }

    fn int_ty(&mut self) -> Ty {
        match self.chance(3, 4) {
            true => self.usual,
            false => pick(&mut self.rng, &[Ty::I64, Ty::I32, Ty::I16, Ty::I8]),
        }
    }

    fn step(&mut self) {
        if self.allocates && self.chance(1, 8) {
            return self.object();
        }
        if self.owns && self.chance(1, 4) {
            return self.owner();
        }
        if self.is_dense && self.chance(1, 3) {
            return if self.chance(1, 3) { self.reuse() } else { self.related() };
        }
        match self.below(38) {
            0 | 1 => self.integer(),
            2 | 3 | 34..37 => self.related(),
            4 | 5 => self.chain(),
            24 => self.access_otherwise(),
            25 => self.rotate(),
            6 => self.division(),
            7 | 8 => drop(self.comparison()),
            9 => self.logic(),
            10 => self.cast(),
            11 | 37 => self.reuse(),
            12 => self.float(),
            13..17 => self.access(),
            17 => self.indexed_pointer(),
            18 if self.quiet => self.registers(),
            18 => self.call(),
            27 | 28 => self.registers(),
            26 => self.helper(),
            29 if !self.quiet => self.call_code(),
            30 => self.known_result(),
            32 | 33 => self.shapes(),
            19 => self.repeat(),
            _ => self.guard(),
        }
    }

    fn integer(&mut self) {
        use Op::{Add, And, Mul, Neg, Not, Or, Shl, ShrS, ShrU, Sub, Xor};
        let ops = [Add, Add, Sub, Sub, Mul, And, Or, Xor, Shl, ShrS, ShrU, Neg, Not];
        let (op, ty) = (pick(&mut self.rng, &ops), self.int_ty());
        let a = self.operand(ty);
        let b = match op {
            Neg | Not => Arg::NONE,
            _ => self.operand(ty),
        };
        self.define(op, ty, a, b, 0);
    }

    /// `(a op b) op b`, or with constants: what algebraic rules look for.
    fn chain(&mut self) {
        use Op::{Add, And, Mul, Or, Shl, ShrS, ShrU, Sub, Xor};
        let ops = [Add, Sub, Add, Sub, And, Or, Xor, Mul, Shl, ShrS, ShrU];
        let ty = self.int_ty();
        let (first, second) = (pick(&mut self.rng, &ops), pick(&mut self.rng, &ops));
        let second = if self.chance(1, 3) { first } else { second };
        let (a, b) = (self.operand(ty), self.operand(ty));
        let inner = self.define(first, ty, a, b, 0);
        let other = match self.below(4) {
            0 => a,
            1 | 2 => b,
            _ => self.constant(ty),
        };
        match self.chance(3, 4) {
            true => self.define(second, ty, inner, other, 0),
            false => self.define(second, ty, other, inner, 0),
        };
    }

    fn division(&mut self) {
        let ty = self.int_ty();
        let ops = [Op::DivU, Op::RemU, Op::DivS, Op::RemS];
        let op = pick(&mut self.rng, &ops);
        let (a, mut b) = (self.operand(ty), self.operand(ty));
        let constant = |bits| Arg::Const(Const::new(ty, bits));
        if matches!(op, Op::DivS | Op::RemS) {
            // A divisor that is neither 0 nor -1.
            let low = self.emit(Op::And, ty, b, constant(7), 0);
            b = self.define(Op::Add, ty, low, constant(1), 0);
        } else if b.as_const().is_some_and(|c| c.bits == 0) {
            b = constant(4);
        } else if b.as_value().is_some() {
            let zero = self.define(Op::Eq, ty, b, constant(0), 0);
            self.guard_on(Op::GuardNot, zero);
        }
        self.define(op, ty, a, b, 0);
    }

    fn comparison(&mut self) -> Arg {
        use Op::{
            AddOvfS, AddOvfU, Eq, LeS, LeU, LtS, LtU, MulOvfS, MulOvfU, Ne, SubOvfS, SubOvfU,
        };
        let (op, ty, points) = match self.below(8) {
            0 => {
                let ops = [Op::FEq, Op::FNe, Op::FLt, Op::FLe];
                (pick(&mut self.rng, &ops), pick(&mut self.rng, &[Ty::F32, Ty::F64]), None)
            }
            1 => {
                // Which object comes first is not the same each time.
                let ops = if self.allocates { [Eq, Ne, Eq, Ne] } else { [Eq, Ne, LtU, LeU] };
                let points = pick(&mut self.rng, &[Pointee::Object, Pointee::Array(Ty::I64)]);
                (pick(&mut self.rng, &ops), Ty::Ptr, Some(points))
            }
            2 => {
                let ops = [AddOvfS, AddOvfU, SubOvfS, SubOvfU, MulOvfS, MulOvfU];
                (pick(&mut self.rng, &ops), self.int_ty(), None)
            }
            _ => {
                let ops = [Eq, Ne, LtS, LeS, LtU, LeU];
                (pick(&mut self.rng, &ops), self.int_ty(), None)
            }
        };
        let (a, b) = match points {
            None => (self.operand(ty), self.operand(ty)),
            Some(_) => (self.of_kind(ty, points), self.of_kind(ty, points)),
        };
        self.define(op, ty, a, b, 0)
    }

    fn logic(&mut self) {
        let ops = [Op::And, Op::Or, Op::Xor, Op::Not, Op::Eq, Op::Ne];
        let op = pick(&mut self.rng, &ops);
        let a = self.operand(Ty::Bool);
        let b = match op {
            Op::Not => Arg::NONE,
            _ => self.operand(Ty::Bool),
        };
        self.define(op, Ty::Bool, a, b, 0);
    }

    fn cast(&mut self) {
        use Ty::{F32, F64, I8, I16, I32, I64};
        let (op, from, to) = match self.below(10) {
            0 => (Op::Trunc, I64, pick(&mut self.rng, &[I8, I16, I32])),
            1 => (Op::Trunc, I32, pick(&mut self.rng, &[I8, I16])),
            2 => (Op::Zext, Ty::Bool, pick(&mut self.rng, &[I8, I64])),
            3 => (Op::Zext, pick(&mut self.rng, &[I8, I16, I32]), I64),
            4 => (Op::Sext, pick(&mut self.rng, &[I8, I16, I32]), I64),
            5 => {
                let op = pick(&mut self.rng, &[Op::Sext, Op::Zext]);
                (op, I8, pick(&mut self.rng, &[I16, I32]))
            }
            6 => {
                let op = pick(&mut self.rng, &[Op::FromS, Op::FromU]);
                (op, self.int_ty(), pick(&mut self.rng, &[F32, F64]))
            }
            7 => {
                let op = pick(&mut self.rng, &[Op::ToS, Op::ToU]);
                (op, pick(&mut self.rng, &[F32, F64]), self.int_ty())
            }
            8 => pick(&mut self.rng, &[(Op::FCvt, F32, F64), (Op::FCvt, F64, F32)]),
            _ => {
                let pairs = [(I64, F64), (F64, I64), (I32, F32), (F32, I32)];
                let (from, to) = pick(&mut self.rng, &pairs);
                (Op::Bitcast, from, to)
            }
        };
        let a = self.operand(from);
        self.define(op, to, a, Arg::NONE, 0);
    }

    fn float(&mut self) {
        let ty = pick(&mut self.rng, &[Ty::F64, Ty::F64, Ty::F32]);
        let ops = [Op::FAdd, Op::FSub, Op::FMul, Op::FDiv, Op::FNeg];
        let op = pick(&mut self.rng, &ops);
        let a = self.operand(ty);
        let b = match op {
            Op::FNeg => Arg::NONE,
            _ => self.operand(ty),
        };
        self.define(op, ty, a, b, 0);
    }

    /// A helper that has returned, or a portal that is past a merge point: some values of the log are its
    /// result, or its state.
    fn helper(&mut self) {
        let keep = self.log.len() - self.below(4).min(self.log.len() as u64) as usize;
        self.log.truncate(keep);
        let (call, more) = (self.below(9) as u32, 1 + self.below(3) as u32);
        let words = self.below(3) as u32;
        let (next, size) = (call + more, 8 * words);
        let entry = match self.chance(1, 4) {
            true => LogEntry::Level { call, next, size },
            false => LogEntry::Return { call, next, size },
        };
        self.log.push(entry);
        for word in 0..words {
            let ty = pick(&mut self.rng, &[Ty::I64, Ty::I8, Ty::Ptr]);
            let arg = match ty {
                Ty::Ptr => self.of_kind(Ty::Ptr, Some(Pointee::Object)),
                _ => self.operand(ty),
            };
            let frozen = self.chance(1, 8);
            self.log.push(LogEntry::Part { offset: 8 * word, arg, frozen });
        }
    }

    /// An earlier pure operation or load once more.
    fn repeat(&mut self) {
        let again =
            |inst: &&Inst| inst.dst.is_some() && !inst.op.is_call() && !self.gone.contains(&inst.a);
        let earlier: Vec<Inst> = self.insts.iter().filter(again).copied().collect();
        if earlier.is_empty() {
            return;
        }
        let inst = pick(&mut self.rng, &earlier);
        let old = inst.dst.map(Arg::Value);
        let known = self.pool.iter().find(|value| Some(value.arg) == old);
        if let Some(known) = known.copied() {
            let arg = self.emit(inst.op, inst.ty, inst.a, inst.b, inst.imm);
            self.insts.last_mut().expect("just emitted").aux = inst.aux;
            self.pool.push(Value { arg, ..known });
        }
    }

    fn exit(&mut self) -> ExitId {
        let mut reds = vec![];
        for _ in 0..self.below(5) {
            let value = pick(&mut self.rng, &self.pool.clone());
            let constant = value.points.is_none() && self.chance(1, 8);
            reds.push(match constant {
                true => self.constant(value.ty),
                false => value.arg,
            });
        }
        reds.append(&mut self.shown);
        let resume = ResumeId(self.trace.exits.len() as u32);
        let mut log = self.log.clone();
        if self.chance(1, 2) {
            self.log.clear();
            log.clear();
        }
        log.truncate(6);
        let pending = self.some_pending();
        let exit = self.trace.add_exit(Exit { resume, reds, log, pending, link: None });
        self.last_exit = Some(exit);
        exit
    }
}

/// Turns guards that fail in the first round in a world of the same seed, but for a few.
fn turn_guards(trace: &mut Trace, interface: &Interface, seed: u64) {
    struct Failed(usize);
    impl Observer for Failed {
        fn guard(&mut self, _: ExitId, _: &dyn Fn() -> Vec<Const>, passed: bool) {
            self.0 += usize::from(passed);
        }
    }
    let regions = fake_regions(REGIONS + 1);
    let world = world(interface, trace, seed, 0, &regions, regions[REGIONS]);
    let mut rng = Rand64::new(u128::from(seed));
    let is_guest = interface.is_guest;
    for _ in 0..trace.guard_count() {
        let mut passed = Failed(0);
        let limits = Limits { stop_at: Some(BlockId(0)), ..Limits::fuel(10_000) };
        let mut model = world.model.clone();
        let done = evaluate_observed(trace, &world.args, &mut model, &limits, &mut passed);
        assert!(done.is_ok(), "{}\n{trace}", done.expect_err("not ok"));
        let insts = &mut trace.blocks[0].insts;
        let guards = (0..insts.len()).filter(|place| insts[*place].op.is_guard());
        let Some(failed) = { guards }.nth(passed.0) else {
            return;
        };
        // A division relies on the guard before it.
        let protects = |inst: &Inst| matches!(inst.op, Op::DivU | Op::RemU);
        if insts.get(failed + 1).is_some_and(protects) || !is_guest && rng.rand_range(0..10) == 0 {
            return;
        }
        let guard = &mut insts[failed];
        guard.op = match guard.op {
            Op::Guard => Op::GuardNot,
            _ => Op::Guard,
        };
    }
}
