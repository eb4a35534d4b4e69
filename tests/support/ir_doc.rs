//! `docs/ir.md`, generated from the op table.

use jitgen_core::ir::{Domain, Effect, Op, Sig};

const HEAD: &str = "# The operations of a trace

Generated from the op table in `jitgen-core/src/ir/ops.rs`; `JITGEN_BLESS=1 cargo test --test tidy` writes it.
`T` is the type suffix of the operation, as in `add.i64 v0, 1`.
Integer arithmetic wraps.
What is undefined must be guarded before.

`@3` behind an address is the access's *alias class*.
Accesses of two classes never touch the same byte; without one (class 0) an access may touch any memory.
The type of an access says nothing about what it touches.

A word that `load_owned` loads is an *owner* at that time, and has been one since it was written.
At no time do two owners lead to the same object, nor does one lead to an object from which it can be reached by owners.
So accesses through what two of them have given touch different bytes, if there was a moment at which both were owners (`docs/decisions/010-owners.md`).

Behind the operands of a call may stand what is declared of its effects, in this order: `writes(@3, @4)`, the classes that it may write; `reads()`, those that it may read; `no_escape`, no pointer that it is given outlives it.
What is not declared is what the operation says.
Then may follow, as in `keeps(v0+8 24, v1)`, memory that it leaves alone whatever else is declared: 24 bytes from `v0+8` on, and the object into which `v1` points, as far as it is addressed with `v1`.
A `call_read` or `call_pure` that declares writes does them when it fails.

A `new` gives memory that nobody else knows, so it may be done later, in exits only, or not at all; no operation but `free` ends an object.

An exit is `resume 3 [v0, i64 5] log […] pending […] -> b1`; what is empty is left out.
`pending [i64 v0+8 @3 = v1, …]` are stores that the trace has done, and that are written when the exit is taken, in this order and before anything else.
`-> b1` is the block that takes over, in a region.

| operation | T | effect | what it computes |
|---|---|---|---|
";

/// The text of `docs/ir.md`.
pub fn text() -> String {
    let row = |op: &Op| {
        format!(
            "| {} | {} | {} | {} |\n",
            form(*op),
            types(*op),
            effect(op.effect()),
            op.doc().trim().replace('|', "\\|").replace('\n', " ")
        )
    };
    Op::ALL.iter().fold(HEAD.to_owned(), |text, op| text + &row(op))
}

/// How the operation is written.
fn form(op: Op) -> String {
    let name = op.mnemonic();
    let form = match op.sig() {
        Sig::Binary => format!("T = {name}.T T, T"),
        Sig::Compare => format!("bool = {name}.T T, T"),
        Sig::Unary => format!("T = {name}.T T"),
        Sig::Cast => format!("T = {name}.T any"),
        Sig::Load => format!("T = {name}.T ptr+imm @class"),
        Sig::Store => format!("{name}.T ptr+imm @class, T"),
        Sig::PtrAdd => format!("ptr = {name} ptr, i64"),
        Sig::Scratch => format!("ptr = {name} +imm"),
        Sig::Call => format!("T = {name}.T @symbol(any, …) effects"),
        Sig::CallIf => format!("T = {name}.T bool, T @symbol(any, …) effects"),
        Sig::Known => format!("{name}.T T @symbol(any, …)"),
        Sig::Guard => format!("{name} bool else exit"),
    };
    format!("`{form}`")
}

fn types(op: Op) -> &'static str {
    if !op.has_suffix() {
        return "";
    }
    match op.domain() {
        Domain::Int => "integer",
        Domain::Bits => "integer, bool",
        Domain::Word => "integer, bool, ptr",
        Domain::Ordered => "integer, ptr",
        Domain::Float => "float",
        Domain::Ptr => "ptr",
        Domain::Any => "any",
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::None => "none",
        Effect::Read => "reads",
        Effect::Write => "writes",
        Effect::Make => "makes memory",
        Effect::Any => "any",
        Effect::Exit => "may leave",
    }
}
