//! The forward pass: each instruction of the input once, with what is known at its place.
//!
//! ```text
//! input value  --subst-->  operand in the output  --constants-->  operand as known here
//! ```
//!
//! An operand of the input is replaced by what it has become; the operation is folded, looked up,
//! or emitted. Pure operations come out of [`Forward::pure`], which rules use as well when they
//! need an operation in between.
//!
//! Invariants: `dominance` (all that a table holds was emitted before, in this block or in one that
//! dominates it), `order` (effects come out in the order of the input).
//!
//! Not here: what follows from what (`fold`, `guards`, `memory`), the second round (`peel`).

use super::address::Defs;
use super::behind::Latent;
use super::dense::{ByValue, with_room_for_more};
use super::fold::{self, Rewrite};
use super::implied::Above;
use super::meet::Scope;
use super::memory::Facts;
use super::node::Node;
use super::owners::{Apart, Owners};
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::table::Table;
use super::tree::{Origins, Side};
use super::truths::Truths;
use super::values::Values;
use super::words::Untouched;
use crate::ir::{
    Arg, Aux, Block, BlockId, Call, Const, End, Exit, ExitId, Inst, Map, Op, Sig, Trace, Ty,
    ValueId,
};

/// The state of the pass.
pub(super) struct Forward<'t> {
    pub input: &'t Trace,
    pub passes: Passes,
    /// The block of the input that is walked.
    pub block: BlockId,
    /// The blocks behind the guards that have been met, if there are any in the input.
    pub sides: Option<Vec<Side<'t>>>,
    /// The output; its last block is still in `params` and `insts`.
    pub out: Trace,
    pub params: Vec<ValueId>,
    pub insts: Vec<Inst>,
    /// By exit of the output: the exit of the input that it is.
    pub origins: Origins,
    /// Which values of the output can be used here.
    pub scope: Scope,
    /// Values of the output that lead to different objects, wherever both are used.
    pub apart: Apart,
    /// What input values have become, in this round. Each block of the input uses its own values alone.
    pub subst: Vec<Option<Arg>>,
    /// What they became in the round before, if there was one, which dominates this one.
    pub before: Vec<Option<Arg>>,
    /// What input exits have become, in this round.
    pub exits: Map<ExitId, ExitId>,
    pub defs: Defs,
    pub table: Table,
    pub calls: Map<PureCall, Option<Arg>>,
    /// Values that a guard has shown to be constants.
    pub constants: ByValue<Const>,
    /// Comparisons that guards have decided.
    pub truths: Truths,
    /// Which operands guards have shown to be below others.
    pub above: Above,
    /// Bits and bounds of values.
    pub values: Values,
    pub facts: Facts,
    pub owners: Owners,
    pub fired: Fired,
    /// Has a guard been met that always fails?
    pub contradiction: bool,
    /// The loads of the input that have given values of the output.
    pub loads: ByValue<ValueId>,
    /// Values that something is known of, but which are not there.
    pub latent: Latent,
}

/// A pure call: its symbol, operands (those of a conditional one stand behind the arguments), and the
/// type of its result.
pub(super) type PureCall = (Op, String, Vec<Arg>, Option<Ty>);

/// Does the domain say something of values of that type, besides truth values?
fn has_bits(ty: Ty) -> bool {
    ty != Ty::Bool && !ty.is_float()
}

/// A rule that rewrites to another operation is followed by another look, at most this often.
const MAX_REWRITES: usize = 16;

impl<'t> Forward<'t> {
    /// The state at the entry: the input's parameters are those of the output.
    pub fn new(input: &'t Trace, passes: Passes) -> Forward<'t> {
        let first = input.block(BlockId(0)).insts.len();
        // What is behind guards is not there yet: copies for that shall be small.
        let room = input.values.len().min(first) + first;
        let guards = input.block(BlockId(0)).exits().count().min(input.exits.len());
        let all = input.values.len() + first;
        let (values, exits) = (Vec::with_capacity(all), Vec::with_capacity(guards));
        let out = Trace { values, exits, ..Trace::new(input.name.clone()) };
        let mut forward = Forward {
            input,
            passes,
            block: BlockId(0),
            sides: None,
            out,
            params: vec![],
            insts: Vec::with_capacity(first),
            origins: Origins(Vec::with_capacity(guards)),
            scope: Scope::default(),
            apart: Apart::default(),
            subst: vec![],
            before: vec![],
            exits: Map::default(),
            defs: Defs::with_room(all),
            table: Table::with_room(room),
            calls: Map::default(),
            constants: ByValue::with_room(room),
            truths: Truths::with_room(guards, room),
            above: Above::default(),
            values: Values::with_room(room, all),
            facts: Facts::default(),
            owners: Owners::default(),
            fired: Fired::default(),
            contradiction: false,
            loads: ByValue::default(),
            latent: Latent::default(),
        };
        let types = input.param_types();
        let params: Vec<ValueId> = types.iter().map(|ty| forward.out.add_value(*ty)).collect();
        let args: Vec<Arg> = params.iter().map(|v| Arg::Value(*v)).collect();
        forward.begin(params, &args);
        forward
    }

    /// Begins a loop's head with these parameters; `args` stand for the parameters of the input.
    pub fn begin(&mut self, params: Vec<ValueId>, args: &[Arg]) {
        self.params = params;
        // About every second instruction is an access.
        self.facts.begin(self.input.block(BlockId(0)).insts.len() / 2);
        self.owners.begin();
        self.enter(BlockId(0), args);
    }

    /// Begins to walk a block of the input, whose parameters are these operands.
    pub fn enter(&mut self, block: BlockId, args: &[Arg]) {
        self.block = block;
        self.subst.resize(self.input.values.len(), None);
        self.exits.clear();
        self.insts.reserve(self.input.block(block).insts.len());
        for (param, arg) in self.input.block(block).params.iter().zip(args) {
            self.subst[param.index()] = Some(*arg);
        }
    }

    /// A copy to go on with in the next round, without the blocks behind the guards that have been met,
    /// and without what is known of memory.
    pub fn straight(&self) -> Forward<'t> {
        let Trace { name, values, blocks, exits, calls } = &self.out;
        let out = Trace {
            values: with_room_for_more(values),
            exits: with_room_for_more(exits),
            ..Trace { blocks: blocks.clone(), calls: calls.clone(), ..Trace::new(name.clone()) }
        };
        Forward {
            out,
            params: self.params.clone(),
            insts: with_room_for_more(&self.insts),
            origins: Origins(with_room_for_more(&self.origins.0)),
            apart: self.apart.clone(),
            fired: self.fired,
            defs: self.defs.clone(),
            before: if self.passes.contains(Passes::CSE) { self.subst.clone() } else { vec![] },
            ..self.copy(Facts::default(), self.owners.clone())
        }
    }

    /// The same knowledge, for a block behind a guard that stands here. The output stays where it is.
    pub fn branch(&self) -> Forward<'t> {
        self.copy(self.facts.clone(), self.owners.clone())
    }

    fn copy(&self, facts: Facts, owners: Owners) -> Forward<'t> {
        Forward {
            input: self.input,
            passes: self.passes,
            block: self.block,
            sides: self.sides.as_ref().map(|_| vec![]),
            out: Trace::default(),
            params: vec![],
            insts: vec![],
            origins: Origins::default(),
            scope: self.scope.until(self.out.values.len()),
            apart: Apart::default(),
            subst: vec![],
            before: vec![],
            exits: Map::default(),
            defs: self.defs.branch(),
            table: self.table.clone(),
            calls: self.calls.clone(),
            constants: self.constants.clone(),
            truths: self.truths.clone(),
            above: self.above.clone(),
            values: self.values.clone(),
            facts,
            owners,
            fired: Fired::default(),
            contradiction: false,
            loads: ByValue::default(),
            latent: Latent::default(),
        }
    }

    /// Hands the output over to the pass that goes on with it.
    pub fn lend_output(&mut self, to: &mut Forward) {
        to.out = std::mem::take(&mut self.out);
        to.origins = std::mem::take(&mut self.origins);
        to.apart = std::mem::take(&mut self.apart);
        to.subst = std::mem::take(&mut self.subst);
        to.fired = self.fired;
        self.defs.lend(&mut to.defs);
    }

    /// Runs over the input; returns the arguments of the jump at its end, if it has one.
    pub fn run(&mut self) -> Option<Vec<Arg>> {
        self.walk();
        self.settle();
        match &self.input.block(self.block).end {
            End::Jump(_, args) => Some(args.iter().map(|arg| self.operand(*arg)).collect()),
            End::Leave(_) => None,
        }
    }

    /// Runs over the block, but for its end.
    pub fn walk(&mut self) {
        for inst in &self.input.block(self.block).insts {
            self.step(inst);
        }
    }

    /// Closes the block as the input's is: a jump to the entry with these arguments, or an exit.
    pub fn close(&mut self, args: Option<Vec<Arg>>) {
        let end = match (args, &self.input.block(self.block).end) {
            (None, End::Leave(exit)) => End::Leave(self.exit(*exit)),
            (args, _) => End::Jump(BlockId(0), args.unwrap_or_default()),
        };
        self.end_block(end);
    }

    /// Closes the block.
    pub fn end_block(&mut self, end: End) {
        self.out.blocks.push(Block {
            params: std::mem::take(&mut self.params),
            insts: std::mem::take(&mut self.insts),
            end,
        });
    }

    fn step(&mut self, inst: &Inst) {
        let result = match inst.op.sig() {
            Sig::Binary | Sig::Compare | Sig::Unary | Sig::Cast | Sig::PtrAdd | Sig::Scratch => {
                let old = self.as_before(inst);
                Some(old.unwrap_or_else(|| {
                    let (a, b) = (self.become_of(inst.a), self.become_of(inst.b));
                    self.pure(Node { op: inst.op, ty: inst.ty, a, b, imm: inst.imm })
                }))
            }
            Sig::Load => Some(self.load(inst)),
            Sig::Store => {
                self.store(inst);
                None
            }
            Sig::Call => self.call(inst),
            Sig::CallIf => self.call_if(inst),
            Sig::Known => {
                self.know_result(inst);
                None
            }
            Sig::Guard => {
                self.guard(inst);
                None
            }
        };
        if let Some(dst) = inst.dst {
            self.subst[dst.index()] = result;
        }
    }

    /// What a pure operation became in the round before, if its operands are the same in this one.
    /// Comparisons that have not been decided are looked at again.
    fn as_before(&mut self, inst: &Inst) -> Option<Arg> {
        let old = (*self.before.get(inst.dst?.index())?)?;
        let same = |arg: Arg| {
            arg.as_value().is_none_or(|v| self.before[v.index()] == self.subst[v.index()])
        };
        if !same(inst.a) || !same(inst.b) {
            return None;
        }
        if old.as_value().is_some() && self.ty(old) == Ty::Bool {
            self.current(old).as_const()?;
            self.fired.fire(Rule::KnownTruth);
        }
        Some(old)
    }

    /// What an operand of the input is here.
    pub fn operand(&self, arg: Arg) -> Arg {
        self.current(self.become_of(arg))
    }

    /// What an operand of the input has become, whatever else is known of it here.
    pub fn become_of(&self, arg: Arg) -> Arg {
        match arg {
            Arg::Const(_) => arg,
            Arg::Value(v) => self.subst[v.index()].expect("defined before its use"),
        }
    }

    /// What an operand of the output is known to be here: also `x + k`, when `x` has been found to
    /// be a constant since it was computed.
    pub fn current(&self, arg: Arg) -> Arg {
        let Arg::Value(v) = arg else { return arg };
        if self.constants.is_empty() {
            return arg;
        }
        if let Some(c) = self.constants.get(&v) {
            return Arg::Const(*c);
        }
        match self.defs.get(arg) {
            Some(Node { op: Op::Add, ty, a: Arg::Value(x), b: Arg::Const(k), .. }) => {
                let known = self.constants.get(&x);
                known.map_or(arg, |c| Const::new(ty, c.bits.wrapping_add(k.bits)).into())
            }
            _ => arg,
        }
    }

    pub fn ty(&self, arg: Arg) -> Ty {
        self.out.ty(arg)
    }

    /// The value of a pure operation: a constant, an older value, or a new one.
    pub fn pure(&mut self, mut node: Node) -> Arg {
        (node.a, node.b) = (self.current(node.a), self.current(node.b));
        self.leak_operands(&node);
        let folds = self.passes.contains(Passes::FOLD);
        for _ in 0..if folds { MAX_REWRITES } else { 0 } {
            if let Some(known) = self.compare_fresh(&node) {
                return known;
            }
            match fold::rewrite(self, &node) {
                None => break,
                Some((rule, Rewrite::To(arg))) => {
                    self.fired.fire(rule);
                    return self.current(arg);
                }
                Some((rule, Rewrite::Again(next))) => {
                    self.fired.fire(rule);
                    node = Node { a: self.current(next.a), b: self.current(next.b), ..next };
                }
            }
        }
        let ty = node.op.result(node.ty).expect("a pure op has a result");
        if ty == Ty::Bool
            && let Some(truth) = self.truth(&node, folds)
        {
            return Const::bool(truth).into();
        }
        let hash = Table::hash(&node);
        if self.passes.contains(Passes::CSE)
            && let Some(known) = self.table.get(&node, hash, &self.defs)
        {
            let one = (folds && has_bits(ty)).then(|| self.known_of(known.into()).value());
            return match one.flatten() {
                Some(bits) => self.known_value(ty, bits),
                None => self.computed_before(&node, known),
            };
        }
        let computed = (folds && has_bits(ty)).then(|| self.computed(&node));
        if let Some(bits) = computed.and_then(|known| known.value()) {
            return self.known_value(ty, bits);
        }
        let v = self.out.add_value(ty);
        if self.passes.contains(Passes::CSE) {
            self.table.insert(hash, v, &self.defs);
        }
        self.insts.push(node.inst(v));
        self.define(v, &node, computed.as_ref());
        self.leak_unfollowed(&node, v.into());
        v.into()
    }

    /// What an operation is known to give, which gives a truth value.
    fn truth(&mut self, node: &Node, folds: bool) -> Option<bool> {
        let known = folds.then(|| match node.op.sig() {
            Sig::Compare => self.compared(node),
            _ => self.computed(node).value().map(|bits| bits != 0),
        });
        if let Some(truth) = known.flatten() {
            self.fired.fire(Rule::KnownValue);
            return Some(truth);
        }
        if !self.passes.contains(Passes::GUARDS) {
            return None;
        }
        if let Some(truth) = self.truths.get(node) {
            self.fired.fire(Rule::KnownTruth);
            return Some(truth);
        }
        let truth = self.implied(node)?;
        self.fired.fire(Rule::ImpliedTruth);
        Some(truth)
    }

    /// The one value that is left.
    fn known_value(&mut self, ty: Ty, bits: u64) -> Arg {
        self.fired.fire(Rule::KnownValue);
        Const::new(ty, bits).into()
    }

    /// The operation has been computed before.
    fn computed_before(&mut self, node: &Node, known: ValueId) -> Arg {
        self.fired.fire(Rule::Cse);
        let value = self.current(known.into());
        if self.comes(value) {
            self.insts.push(node.inst(known));
        }
        value
    }

    /// Emits an instruction whose result has type `ty`.
    pub fn emit_with(&mut self, ty: Ty, inst: Inst) -> Arg {
        let value = self.out.add_value(ty);
        self.insts.push(Inst { dst: Some(value), ..inst });
        value.into()
    }

    /// A call if a condition holds: what it is when that is known.
    fn call_if(&mut self, inst: &Inst) -> Option<Arg> {
        let (a, b) = (self.operand(inst.a), self.operand(inst.b));
        match a.as_const().filter(|_| self.passes.contains(Passes::FOLD)) {
            Some(condition) if condition.is_true() => {
                self.fired.fire(Rule::CallIfTrue);
                let op = inst.op.unconditional();
                self.call(&Inst { op, a: Arg::NONE, b: Arg::NONE, ..*inst })
            }
            Some(_) => {
                self.fired.fire(Rule::CallIfFalse);
                inst.dst.map(|_| b)
            }
            None => self.call(&Inst { a, b, ..*inst }),
        }
    }

    /// What a pure call would give; nobody else is interested in that.
    fn know_result(&mut self, inst: &Inst) {
        let call = &self.input.calls[inst.call().index()];
        let operands = call.args.iter().chain([&Arg::NONE, &Arg::NONE]);
        let operands = operands.map(|arg| self.operand(*arg)).collect();
        let key = (Op::CallPure, call.symbol.clone(), operands, Some(inst.ty));
        let result = self.operand(inst.a);
        if result.as_const().is_some() || !self.calls.contains_key(&key) {
            self.calls.insert(key, Some(result));
        }
        self.fired.fire(Rule::ResultOf);
    }

    /// A call; its operands besides arguments are those of the output.
    fn call(&mut self, inst: &Inst) -> Option<Arg> {
        let call = &self.input.calls[inst.call().index()];
        let args: Vec<Arg> = call.args.iter().map(|arg| self.operand(*arg)).collect();
        let result = inst.dst.map(|_| inst.ty);
        if inst.op != Op::Free {
            args.iter().chain([&inst.a, &inst.b]).for_each(|arg| self.leak(*arg));
        }
        let (symbol, has_result) = (call.symbol.clone(), call.has_result);
        let merge = inst.op.is_pure_call() && self.passes.contains(Passes::CSE);
        let key = merge.then(|| {
            let all = args.iter().copied().chain([inst.a, inst.b]).collect();
            (inst.op, symbol.clone(), all, result)
        });
        if let Some(known) = key.as_ref().and_then(|key| self.calls.get(key)) {
            self.fired.fire(Rule::CseCall);
            return known.map(|arg| self.current(arg));
        }
        let effects = call.effects.clone();
        let mut keeps = call.keeps.clone();
        keeps.iter_mut().for_each(|kept| kept.base = self.operand(kept.base));
        let call = Call { symbol, args, has_result, effects, keeps };
        let kept = Untouched::by(&call, &self.defs);
        self.facts.call(inst.op, &call, &kept);
        self.owners.called(inst.op, &call);
        let id = self.out.add_call(call);
        let inst = Inst { aux: Aux::Call(id), ..*inst };
        let value = match result {
            Some(ty) => Some(self.emit_with(ty, inst)),
            None => {
                self.insts.push(inst);
                None
            }
        };
        if let Some(key) = key {
            self.calls.insert(key, value);
        }
        if let (true, Some(object)) = (inst.op.makes(), value) {
            self.made(object);
        }
        value
    }

    /// What an exit of the input is in this round. Guards of one exit keep sharing it: its
    /// operands are as of the first of them.
    pub fn exit(&mut self, id: ExitId) -> ExitId {
        if let Some(known) = self.exits.get(&id) {
            return *known;
        }
        let mut exit = Exit { link: None, ..self.input.exit(id).clone() };
        exit.operands_mut().for_each(|arg| *arg = self.operand(*arg));
        let mapped = self.out.add_exit(exit);
        self.origins.add(id);
        self.exits.insert(id, mapped);
        mapped
    }
}
