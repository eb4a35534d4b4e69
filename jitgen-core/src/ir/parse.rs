//! Text to trace: the inverse of `print`, with errors that name line and column.
//!
//! The grammar is `trace.pest`. Comments begin with `;`.
//!
//! The parser checks what it needs to build a trace (names, arity, that a constant fits its type);
//! everything else is `verify`'s.

use super::{
    Arg, Aux, Block, BlockId, Call, Class, Const, Effects, End, Exit, ExitId, Inst, Kept, LogEntry,
    Op, PendingStore, ResumeId, Sig, Trace, Ty, ValueId,
};
use pest::Parser;
use pest::iterators::Pair;
use std::fmt;

#[derive(pest_derive::Parser)]
#[grammar = "ir/trace.pest"]
struct TraceParser;

/// Why a text is not a trace, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong, in lower case without a full stop.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads the traces of a text.
///
/// # Errors
/// The first place where the text is not a sequence of traces.
pub fn parse(text: &str) -> Result<Vec<Trace>, ParseError> {
    let mut pairs = TraceParser::parse(Rule::file, text).map_err(syntax_error)?;
    let file = pairs.next().expect("the grammar has one file");
    file.into_inner().filter(|pair| pair.as_rule() == Rule::trace).map(read_trace).collect()
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

fn syntax_error(error: pest::error::Error<Rule>) -> ParseError {
    use pest::error::LineColLocation::{Pos, Span};
    let (Pos((line, column)) | Span((line, column), _)) = error.line_col;
    ParseError { line, column, message: error.variant.message().into_owned() }
}

fn error_at<T>(pair: &Pair<Rule>, message: impl Into<String>) -> Result<T> {
    let (line, column) = pair.line_col();
    Err(ParseError { line, column, message: message.into() })
}

fn read_trace(pair: Pair<Rule>) -> Result<Trace> {
    let mut parts = pair.into_inner();
    let name = parts.next().expect("a trace has a name");
    let mut trace = Trace::new(name.as_str());
    let parts: Vec<_> = parts.collect();
    for part in &parts {
        declare_values(&mut trace, part)?;
    }
    for part in parts {
        let (rule, at) = (part.as_rule(), part.clone());
        let mut inner = part.into_inner();
        let id = inner.next().expect("blocks and exits begin with their id");
        if rule == Rule::block {
            if number(&id)? as usize != trace.blocks.len() {
                return error_at(&at, format!("expected block b{}", trace.blocks.len()));
            }
            let block = read_block(&mut trace, inner)?;
            trace.blocks.push(block);
        } else {
            if number(&id)? as usize != trace.exits.len() {
                return error_at(&at, format!("expected exit{}", trace.exits.len()));
            }
            let exit = read_exit(inner)?;
            trace.exits.push(exit);
        }
    }
    Ok(trace)
}

/// Notes the types of the values that a block defines, so that operands can be typed.
fn declare_values(trace: &mut Trace, block: &Pair<Rule>) -> Result<()> {
    if block.as_rule() != Rule::block {
        return Ok(());
    }
    for part in block.clone().into_inner() {
        let (value, ty) = match part.as_rule() {
            Rule::param => {
                let mut inner = part.into_inner();
                let value = inner.next().expect("a parameter has a name");
                (value, read_ty(&inner.next().expect("a parameter has a type"))?)
            }
            Rule::inst => {
                let mut inner = part.into_inner();
                let first = inner.next().expect("an instruction has a mnemonic");
                if first.as_rule() != Rule::dst {
                    continue;
                }
                let mnemonic = inner.next().expect("a mnemonic follows the destination");
                let (op, ty) = read_mnemonic(&mnemonic)?;
                let Some(result) = op.result(ty.unwrap_or(Ty::Ptr)) else {
                    return error_at(&first, format!("{} has no result", op.mnemonic()));
                };
                (first.into_inner().next().expect("a destination is a value"), result)
            }
            _ => continue,
        };
        let id = number(&value)? as usize;
        if id > 1 << 24 {
            return error_at(&value, "value number is too large");
        }
        if trace.values.len() <= id {
            trace.values.resize(id + 1, Ty::I64);
        }
        trace.values[id] = ty;
    }
    Ok(())
}

fn read_block<'i>(trace: &mut Trace, parts: impl Iterator<Item = Pair<'i, Rule>>) -> Result<Block> {
    let mut block = Block { params: vec![], insts: vec![], end: End::Leave(ExitId(0)) };
    for part in parts {
        match part.as_rule() {
            Rule::param => {
                let value = part.into_inner().next().expect("a parameter has a name");
                block.params.push(ValueId(number(&value)?));
            }
            Rule::inst => {
                let inst = read_inst(trace, part)?;
                block.insts.push(inst);
            }
            Rule::end => block.end = read_end(part.into_inner().next().expect("an end"))?,
            rule => unreachable!("{rule:?} in a block"),
        }
    }
    Ok(block)
}

fn read_end(pair: Pair<Rule>) -> Result<End> {
    let rule = pair.as_rule();
    let mut inner = pair.into_inner();
    let target = number(&inner.next().expect("an end has a target"))?;
    if rule == Rule::leave {
        return Ok(End::Leave(ExitId(target)));
    }
    let args = inner.next().map_or(Ok(vec![]), read_typed_list)?;
    Ok(End::Jump(BlockId(target), args))
}

fn read_exit<'i>(mut parts: impl Iterator<Item = Pair<'i, Rule>>) -> Result<Exit> {
    let resume = ResumeId(number(&parts.next().expect("an exit has a resume point"))?);
    let mut exit = Exit { resume, reds: vec![], log: vec![], pending: vec![], link: None };
    for part in parts {
        match part.as_rule() {
            Rule::typed_list => exit.reds = read_typed_list(part)?,
            Rule::log => exit.log = part.into_inner().map(read_entry).collect::<Result<_>>()?,
            Rule::pending => {
                exit.pending = part.into_inner().map(read_pending).collect::<Result<_>>()?;
            }
            Rule::link => {
                exit.link = Some(BlockId(number(&part.into_inner().next().expect("a block"))?));
            }
            rule => unreachable!("{rule:?} in an exit"),
        }
    }
    Ok(exit)
}

fn read_pending(pair: Pair<Rule>) -> Result<PendingStore> {
    let mut parts = pair.into_inner();
    let ty = read_ty(&parts.next().expect("a store has a type"))?;
    let (base, offset, class) = read_place(parts.next().expect("a store has a place"))?;
    let value = read_arg(parts.next().expect("a store has a value"), ty)?;
    Ok(PendingStore { ty, class, base, offset, value })
}

fn read_entry(pair: Pair<Rule>) -> Result<LogEntry> {
    let entry = pair.into_inner().next().expect("an entry");
    let rule = entry.as_rule();
    let mut inner = entry.into_inner();
    Ok(match rule {
        Rule::load_entry => LogEntry::Load(read_typed(inner.next().expect("a value"))?),
        Rule::store_entry => LogEntry::Store,
        Rule::call_entry => LogEntry::Call(inner.next().map(read_typed).transpose()?),
        Rule::blob_entry => {
            let offset = read_offset(&inner.next().expect("an offset"))?;
            LogEntry::Blob { offset, size: number(&inner.next().expect("a size"))? }
        }
        Rule::return_entry => LogEntry::Return {
            call: number(&inner.next().expect("a number"))?,
            next: number(&inner.next().expect("a number"))?,
            size: number(&inner.next().expect("a size"))?,
        },
        Rule::level_entry => LogEntry::Level {
            call: number(&inner.next().expect("a number"))?,
            next: number(&inner.next().expect("a number"))?,
            size: number(&inner.next().expect("a size"))?,
        },
        Rule::result_entry => LogEntry::Result { size: number(&inner.next().expect("a size"))? },
        Rule::part_entry => {
            let at = inner.next().expect("an offset");
            let Ok(offset) = u32::try_from(read_offset(&at)?) else {
                return error_at(&at, "a part's offset is not negative");
            };
            let first = inner.next().expect("a word");
            let frozen = first.as_rule() == Rule::frozen;
            let word = if frozen { inner.next().expect("a word") } else { first };
            LogEntry::Part { offset, arg: read_typed(word)?, frozen }
        }
        rule => unreachable!("{rule:?} in a log"),
    })
}

fn read_inst(trace: &mut Trace, pair: Pair<Rule>) -> Result<Inst> {
    let at = pair.clone();
    let mut inner = pair.into_inner().peekable();
    let dst = match inner.next_if(|pair| pair.as_rule() == Rule::dst) {
        Some(dst) => Some(ValueId(number(&dst.into_inner().next().expect("a value"))?)),
        None => None,
    };
    let (op, suffix) = read_mnemonic(&inner.next().expect("a mnemonic"))?;
    let ty = match op.sig() {
        Sig::PtrAdd | Sig::Scratch => Ty::Ptr,
        Sig::Guard => Ty::Bool,
        _ => suffix.unwrap_or(Ty::I64),
    };
    if op.has_suffix() && !op.is_call() && suffix.is_none() {
        return error_at(&at, format!("{} needs a type suffix", op.mnemonic()));
    }
    if !op.has_suffix() && suffix.is_some() {
        return error_at(&at, format!("{} takes no type suffix", op.mnemonic()));
    }
    if op.is_call() && suffix.is_some() != dst.is_some() {
        return error_at(&at, "a call has a type suffix where it has a result");
    }
    if dst.is_none() && !op.is_call() && op.result(ty).is_some() {
        return error_at(&at, format!("the result of {} needs a name", op.mnemonic()));
    }
    let mut inst = Inst { op, ty, dst, a: Arg::NONE, b: Arg::NONE, imm: 0, aux: Aux::None };
    let operands = inner.next().expect("operands").into_inner().next().expect("operands");
    match (op.sig(), operands.as_rule()) {
        (Sig::Call, Rule::call) => read_call(trace, &mut inst, operands)?,
        (Sig::CallIf, Rule::call_if) => {
            let mut parts = operands.into_inner().peekable();
            inst.a = read_arg(parts.next().expect("a condition"), Ty::Bool)?;
            let otherwise = parts.next_if(|pair| pair.as_rule() == Rule::typed);
            if otherwise.is_some() != dst.is_some() {
                return error_at(&at, "a result needs a value where nothing is called");
            }
            if let Some(otherwise) = otherwise {
                inst.b = read_arg(otherwise, ty)?;
            }
            read_call(trace, &mut inst, parts.next().expect("a call"))?;
        }
        (Sig::Known, Rule::call_if) => {
            let mut parts = operands.into_inner();
            inst.a = read_arg(parts.next().expect("a result"), ty)?;
            let Some(call) = parts.next().filter(|pair| pair.as_rule() == Rule::call) else {
                return error_at(&at, "it takes one operand and a call");
            };
            read_call(trace, &mut inst, call)?;
        }
        (Sig::Guard, Rule::guard) => {
            let mut parts = operands.into_inner();
            inst.a = read_arg(parts.next().expect("a condition"), Ty::Bool)?;
            inst.aux = Aux::Exit(ExitId(number(&parts.next().expect("an exit"))?));
        }
        (_, Rule::operand_list) => read_operands(&mut inst, operands)?,
        _ => return error_at(&at, format!("wrong operands for {}", op.mnemonic())),
    }
    Ok(inst)
}

fn read_call(trace: &mut Trace, inst: &mut Inst, pair: Pair<Rule>) -> Result<()> {
    let at = pair.clone();
    let mut parts = pair.into_inner().peekable();
    let symbol = parts.next().expect("a call has a target").into_inner();
    let symbol = symbol.flatten().last().expect("a target has a name").as_str().to_owned();
    let args = parts.next_if(|pair| pair.as_rule() == Rule::typed_list);
    let args = args.map_or(Ok(vec![]), read_typed_list)?;
    let mut parts: Vec<_> = parts.collect();
    let number = parts.pop_if(|pair| pair.as_rule() == Rule::allocation);
    if number.is_some() != inst.op.makes() {
        return error_at(&at, "`new` has a number, as in `#0`, and no other call has");
    }
    if let Some(number) = number {
        let digits = number.into_inner().next().expect("a number");
        inst.imm = digits.as_str().parse().or_else(|_| too_large(&digits))?;
    }
    let (effects, keeps) = read_effects(parts.into_iter())?;
    let call = Call { symbol, args, has_result: inst.dst.is_some(), effects, keeps };
    inst.aux = Aux::Call(trace.add_call(call));
    Ok(())
}

fn read_operands(inst: &mut Inst, list: Pair<Rule>) -> Result<()> {
    let at = list.clone();
    let operands: Vec<_> =
        list.into_inner().map(|pair| pair.into_inner().next().expect("an operand")).collect();
    let shape: Vec<Rule> = operands.iter().map(|pair| pair.as_rule()).collect();
    let mut operands = operands.into_iter();
    let mut next = || operands.next().expect("the shape says so");
    match (inst.op.sig(), &shape[..]) {
        (Sig::Binary | Sig::Compare, [Rule::typed, Rule::typed]) => {
            inst.a = read_arg(next(), inst.ty)?;
            inst.b = read_arg(next(), inst.ty)?;
        }
        (Sig::PtrAdd, [Rule::typed, Rule::typed]) => {
            inst.a = read_arg(next(), Ty::Ptr)?;
            inst.b = read_arg(next(), Ty::I64)?;
        }
        (Sig::Unary, [Rule::typed]) => inst.a = read_arg(next(), inst.ty)?,
        (Sig::Cast, [Rule::typed]) => inst.a = read_typed(next())?,
        (Sig::Load, [Rule::place]) => access_place(inst, next())?,
        (Sig::Store, [Rule::place, Rule::typed]) => {
            access_place(inst, next())?;
            inst.b = read_arg(next(), inst.ty)?;
        }
        // `-8` is also a constant, and the grammar tries those first.
        (Sig::Scratch, [Rule::offset | Rule::typed]) => inst.imm = read_offset(&next())?,
        _ => return error_at(&at, format!("wrong operands for {}", inst.op.mnemonic())),
    }
    Ok(())
}

fn access_place(inst: &mut Inst, pair: Pair<Rule>) -> Result<()> {
    let class;
    (inst.a, inst.imm, class) = read_place(pair)?;
    inst.aux = Aux::class(class);
    Ok(())
}

fn read_place(pair: Pair<Rule>) -> Result<(Arg, i32, Class)> {
    let mut parts = pair.into_inner();
    let (base, offset) = read_address(parts.next().expect("a place has an address"))?;
    Ok((base, offset, parts.next().map_or(Ok(Class::ANY), read_class)?))
}

fn read_class(pair: Pair<Rule>) -> Result<Class> {
    let mut parts = pair.into_inner();
    let digits = parts.next().expect("a class has a number");
    let class = Class(number(&digits)?);
    if class.is_immutable() {
        return error_at(&digits, "number is too large");
    }
    Ok(if parts.next().is_some() { class.immutable() } else { class })
}

/// What stands behind the operands of a call.
fn read_effects<'i>(parts: impl Iterator<Item = Pair<'i, Rule>>) -> Result<(Effects, Vec<Kept>)> {
    let (mut effects, mut keeps) = (Effects::default(), vec![]);
    for part in parts {
        let rule = part.as_rule();
        if rule == Rule::keeps {
            keeps = part.into_inner().map(read_kept).collect::<Result<_>>()?;
            continue;
        }
        let classes = part.into_inner().map(read_class).collect::<Result<_>>()?;
        match rule {
            Rule::writes => effects.writes = Some(classes),
            Rule::reads => effects.reads = Some(classes),
            Rule::no_escape => effects.no_escape = true,
            rule => unreachable!("{rule:?} behind a call"),
        }
    }
    Ok((effects, keeps))
}

fn read_kept(pair: Pair<Rule>) -> Result<Kept> {
    let mut parts = pair.into_inner();
    let place = parts.next().expect("a pointer");
    let Some(size) = parts.next() else {
        return Ok(Kept { base: read_arg(place, Ty::Ptr)?, range: None });
    };
    let (base, offset) = read_address(place)?;
    Ok(Kept { base, range: Some((offset, number(&size)?)) })
}

fn read_address(pair: Pair<Rule>) -> Result<(Arg, i32)> {
    let mut parts = pair.into_inner();
    let base = read_arg(parts.next().expect("a base"), Ty::Ptr)?;
    Ok((base, read_offset(&parts.next().expect("an offset"))?))
}

fn read_offset(pair: &Pair<Rule>) -> Result<i32> {
    pair.as_str().parse().or_else(|_| error_at(pair, "offset does not fit 32 bits"))
}

fn read_mnemonic(pair: &Pair<Rule>) -> Result<(Op, Option<Ty>)> {
    let mut parts = pair.clone().into_inner();
    let name = parts.next().expect("a mnemonic has a name");
    let Some(op) = Op::from_mnemonic(name.as_str()) else {
        return error_at(pair, format!("there is no op `{}`", name.as_str()));
    };
    Ok((op, parts.next().map(|ty| read_ty(&ty)).transpose()?))
}

fn read_typed_list(pair: Pair<Rule>) -> Result<Vec<Arg>> {
    pair.into_inner().map(read_typed).collect()
}

/// `v3`, or `i64 5`.
fn read_typed(pair: Pair<Rule>) -> Result<Arg> {
    let at = pair.clone();
    let mut parts = pair.into_inner();
    let first = parts.next().expect("an operand");
    if first.as_rule() == Rule::ty {
        let ty = read_ty(&first)?;
        return Ok(Arg::Const(read_const(&parts.next().expect("a constant"), ty)?));
    }
    match first.into_inner().next() {
        Some(value) if value.as_rule() == Rule::value => Ok(Arg::Value(ValueId(number(&value)?))),
        _ => error_at(&at, "a constant needs its type here, as in `i64 5`"),
    }
}

/// `v3`, `5`, or `i64 5` where an operand of type `ty` stands.
fn read_arg(pair: Pair<Rule>, ty: Ty) -> Result<Arg> {
    match pair.as_rule() {
        Rule::typed => {
            let mut parts = pair.clone().into_inner();
            let first = parts.next().expect("an operand");
            if first.as_rule() == Rule::ty { read_typed(pair) } else { read_arg(first, ty) }
        }
        _ => {
            let inner = pair.into_inner().next().expect("a value or a constant");
            if inner.as_rule() == Rule::value {
                Ok(Arg::Value(ValueId(number(&inner)?)))
            } else {
                Ok(Arg::Const(read_const(&inner, ty)?))
            }
        }
    }
}

fn read_const(pair: &Pair<Rule>, ty: Ty) -> Result<Const> {
    let text = pair.as_str();
    let bits = match (ty, text.strip_prefix("0x")) {
        (_, Some(hex)) => u64::from_str_radix(hex, 16).ok().filter(|bits| bits & !ty.mask() == 0),
        (Ty::Bool, _) => text.parse::<bool>().ok().map(u64::from),
        (Ty::F64, _) => text.parse::<f64>().ok().map(f64::to_bits),
        (Ty::F32, _) => text.parse::<f32>().ok().map(|x| u64::from(x.to_bits())),
        _ => integer(text, ty),
    };
    match bits {
        Some(bits) => Ok(Const::new(ty, bits)),
        None => error_at(pair, format!("`{text}` is not a constant of type {ty}")),
    }
}

fn integer(text: &str, ty: Ty) -> Option<u64> {
    let value: i128 = text.parse().ok()?;
    let low = -(1i128 << (ty.width() - 1));
    let high = i128::from(ty.mask());
    (low..=high).contains(&value).then_some(value as u64)
}

fn read_ty(pair: &Pair<Rule>) -> Result<Ty> {
    match Ty::from_name(pair.as_str()) {
        Some(ty) => Ok(ty),
        None => error_at(pair, format!("there is no type `{}`", pair.as_str())),
    }
}

/// The digits of `v3`, `b3`, `exit3`, `3`.
fn number(pair: &Pair<Rule>) -> Result<u32> {
    let digits = pair.as_str().trim_start_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().or_else(|_| too_large(pair))
}

fn too_large<T>(pair: &Pair<Rule>) -> Result<T> {
    error_at(pair, "number is too large")
}
