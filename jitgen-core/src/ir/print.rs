//! Trace to text. What it prints, `parse` reads back as the same trace.
//!
//! Not here: pretty-printing for people (source positions, counts). That is the runtime's log,
//! which adds `;` comments to this text.

use super::{Arg, Aux, Class, Effects, End, Exit, Inst, Kept, LogEntry, PendingStore, Sig, Trace};
use std::fmt::{self, Display, Write};

impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "trace @{} {{", self.name)?;
        for (index, block) in self.blocks.iter().enumerate() {
            write!(f, "b{index}(")?;
            list(f, block.params.iter().map(|v| format!("v{}: {}", v.0, self.values[v.index()])))?;
            writeln!(f, "):")?;
            for inst in &block.insts {
                writeln!(f, "    {}", self.inst_text(inst))?;
            }
            match &block.end {
                End::Jump(target, args) => {
                    write!(f, "    jump b{}(", target.0)?;
                    list(f, args.iter().map(|arg| self.typed(*arg)))?;
                    writeln!(f, ")")?;
                }
                End::Leave(exit) => writeln!(f, "    leave exit{}", exit.0)?,
            }
        }
        for (index, exit) in self.exits.iter().enumerate() {
            writeln!(f, "exit{index}: {}", self.exit_text(exit))?;
        }
        writeln!(f, "}}")
    }
}

/// A value or an untyped constant, as operands of ops print whose suffix gives the type.
impl Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Value(v) => write!(f, "v{}", v.0),
            Arg::Const(c) => c.fmt(f),
        }
    }
}

impl Trace {
    /// One instruction as it stands in trace text.
    pub fn inst_text(&self, inst: &Inst) -> String {
        let mut s = String::new();
        if let Some(dst) = inst.dst {
            write!(s, "v{} = ", dst.0).expect("writing to a string");
        }
        s.push_str(inst.op.mnemonic());
        let has_result = !inst.op.is_call() || inst.dst.is_some();
        if inst.op.has_suffix() && has_result {
            write!(s, ".{}", inst.ty).expect("writing to a string");
        }
        let rest = match inst.op.sig() {
            Sig::Binary | Sig::Compare => format!(" {}, {}", inst.a, inst.b),
            Sig::PtrAdd => format!(" {}, {}", inst.a, inst.b),
            Sig::Unary => format!(" {}", inst.a),
            Sig::Cast => format!(" {}", self.typed(inst.a)),
            Sig::Load => format!(" {}", place(inst.a, inst.imm, inst.class())),
            Sig::Store => format!(" {}, {}", place(inst.a, inst.imm, inst.class()), inst.b),
            Sig::Scratch => format!(" {:+}", inst.imm),
            Sig::Call => self.call_text(inst),
            Sig::CallIf if inst.dst.is_some() => {
                format!(" {}, {}{}", inst.a, inst.b, self.call_text(inst))
            }
            Sig::Known | Sig::CallIf => format!(" {}{}", inst.a, self.call_text(inst)),
            Sig::Guard => format!(" {} else exit{}", inst.a, inst.exit().0),
        };
        s.push_str(&rest);
        s
    }

    /// One exit as it stands in trace text, without its number.
    pub fn exit_text(&self, exit: &Exit) -> String {
        let mut s = format!("resume {} [", exit.resume.0);
        list(&mut s, exit.reds.iter().map(|arg| self.typed(*arg))).expect("writing to a string");
        s.push(']');
        if !exit.log.is_empty() {
            s.push_str(" log [");
            list(&mut s, exit.log.iter().map(|entry| self.entry_text(entry)))
                .expect("writing to a string");
            s.push(']');
        }
        if !exit.pending.is_empty() {
            s.push_str(" pending [");
            list(&mut s, exit.pending.iter().map(|store| self.pending_text(store)))
                .expect("writing to a string");
            s.push(']');
        }
        if let Some(block) = exit.link {
            write!(s, " -> b{}", block.0).expect("writing to a string");
        }
        s
    }

    fn entry_text(&self, entry: &LogEntry) -> String {
        match *entry {
            LogEntry::Load(arg) => format!("load {}", self.typed(arg)),
            LogEntry::Store => "store".to_owned(),
            LogEntry::Call(Some(arg)) => format!("call {}", self.typed(arg)),
            LogEntry::Call(None) => "call".to_owned(),
            LogEntry::Blob { offset, size } => format!("blob {offset:+} {size}"),
            LogEntry::Return { call, next, size } => format!("return {call}..{next} {size}"),
            LogEntry::Level { call, next, size } => format!("level {call}..{next} {size}"),
            LogEntry::Result { size } => format!("result {size}"),
            LogEntry::Part { offset, arg, frozen } => {
                let frozen = if frozen { " frozen" } else { "" };
                format!("part +{offset}{frozen} {}", self.typed(arg))
            }
        }
    }

    /// One pending store as it stands in an exit: `i64 v0+8 @3 = v1`.
    pub fn pending_text(&self, store: &PendingStore) -> String {
        let PendingStore { ty, class, base, offset, value } = *store;
        format!("{ty} {} = {value}", place(base, offset, class))
    }

    fn call_text(&self, inst: &Inst) -> String {
        let Aux::Call(id) = inst.aux else {
            return " @?()".to_owned();
        };
        let call = &self.calls[id.index()];
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_.:<>#&$/-".contains(c);
        let mut s = match call.symbol.chars().all(is_word) {
            true => format!(" @{}(", call.symbol),
            false => format!(" @\"{}\"(", call.symbol),
        };
        list(&mut s, call.args.iter().map(|arg| self.typed(*arg))).expect("writing to a string");
        s.push(')');
        effects(&mut s, &call.effects).expect("writing to a string");
        if inst.op.makes() {
            write!(s, " #{}", inst.imm).expect("writing to a string");
        }
        if !call.keeps.is_empty() {
            let kept = |kept: &Kept| match kept.range {
                None => kept.base.to_string(),
                Some((offset, size)) => format!("{}{offset:+} {size}", kept.base),
            };
            s.push_str(" keeps(");
            list(&mut s, call.keeps.iter().map(kept)).expect("writing to a string");
            s.push(')');
        }
        s
    }

    /// An operand where nothing else gives a constant's type: `v3`, `i64 5`.
    fn typed(&self, arg: Arg) -> String {
        match arg {
            Arg::Value(v) => format!("v{}", v.0),
            Arg::Const(c) => format!("{} {c}", c.ty),
        }
    }
}

/// The address of an access, with its class unless that is any: `v0+8 @3`.
fn place(base: Arg, offset: i32, class: Class) -> String {
    match class {
        Class::ANY => format!("{base}{offset:+}"),
        class => format!("{base}{offset:+} {class}"),
    }
}

/// What is declared: ` writes(@3) reads() no_escape`.
fn effects(f: &mut impl Write, effects: &Effects) -> fmt::Result {
    for (what, classes) in [("writes", &effects.writes), ("reads", &effects.reads)] {
        if let Some(classes) = classes {
            write!(f, " {what}(")?;
            list(f, classes.iter().map(Class::to_string))?;
            f.write_char(')')?;
        }
    }
    if effects.no_escape { f.write_str(" no_escape") } else { Ok(()) }
}

fn list(f: &mut impl Write, items: impl Iterator<Item = String>) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        f.write_str(&item)?;
    }
    Ok(())
}
