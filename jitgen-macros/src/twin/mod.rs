//! One function's twin: its body rewritten to compute on traced values.
//!
//! The rewriting is local: every construct becomes a call of `macro_support` around the rewritten
//! parts. `value` gives a `Tv`, `place` a `Place`. All locals of a twin are `mut`, because places
//! of locals are taken by address.
//!
//! To put one stream into another costs rustc some thousand instructions, a token some ten: what
//! becomes part of something else at once is written there.
//!
//! Not here: the merge point (`portal`), residual functions (`residual`).

mod bind;
mod call;
mod choose;
mod conditional;
mod expr;
mod operator;
mod pattern;
mod place;

pub use conditional::{IS_ELIDABLE, IS_RESIDUAL, can_be_left_out, mark_ident};

use crate::diagnostics::Errors;
use crate::model::{Function, Home, Module, Role, reference};
use crate::scope::Scope;
use crate::{coverage, expand, signature};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Block, Expr, FnArg, Ident, Lifetime, Pat, ReturnType, Signature, Stmt, Type};

/// How `return` leaves the twin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// With a traced value.
    Value,
    /// With a traced value, out of the block that is the twin's body.
    Body,
}

/// The rewriting of one function.
pub struct Twin<'a> {
    /// The functions around it.
    pub module: &'a Module,
    /// What is wrong with it.
    pub errors: &'a mut Errors,
    /// Its locals.
    pub scope: Scope,
    /// How it returns.
    pub returns: Return,
    /// The label of the portal's loop, in a portal.
    pub portal_loop: Option<syn::Lifetime>,
    /// The label of the innermost loop.
    pub innermost: Option<syn::Lifetime>,
    /// May it contain loops?
    pub loops: bool,
    /// Numbers for the names of the expansion.
    pub counter: usize,
    /// Slots for values without a place, of the statement that is being rewritten.
    pub slots: Vec<Ident>,
    /// What is matched, and its head.
    pub heads: Vec<(Ident, Ident)>,
    /// Locals that are declared without a value, so that the first one says their type.
    pub deferred: Vec<Ident>,
    /// What is matched as a tuple, and its fields.
    pub tuples: Vec<(Ident, Vec<Ident>)>,
}

/// `jitgen_core::macro_support`, as expansions name it.
pub fn support() -> TokenStream {
    quote!(::jitgen_core::macro_support)
}

/// The same where [`preamble`] has been, in fewer tokens.
fn short() -> Ident {
    short_at(proc_macro2::Span::call_site())
}

/// The same, so that what rustc says of its bounds points at the author's code.
fn short_at(span: proc_macro2::Span) -> Ident {
    Ident::new("__m", span)
}

/// `jitgen_core::macro_support`, with a span of the author's code.
pub fn support_at(span: proc_macro2::Span) -> TokenStream {
    quote_spanned!(span=> ::jitgen_core::macro_support)
}

/// The type that a function returns.
pub fn return_type(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

/// What the twin of a method is called.
pub fn twin_name(name: &Ident) -> Ident {
    format_ident!("{name}__twin", span = name.span())
}

/// What the twin of a function is called where [`wrap`] puts it.
pub fn twin_ident(function: &Function) -> Ident {
    match &function.owner {
        Some(_) => twin_name(&function.sig.ident),
        None => format_ident!("twin"),
    }
}

/// The name of a function, for people and for symbols.
pub fn function_name(function: &Function) -> TokenStream {
    let name = &function.sig.ident;
    let owner = match &function.owner {
        None => String::new(),
        Some(owner) => owner.to_token_stream().to_string().replace(' ', "") + "::",
    };
    let by = match &function.home {
        Home::Impl(path) => path.to_token_stream().to_string().replace(' ', "") + "::",
        _ => String::new(),
    };
    let text = format!("{owner}{by}{name}");
    quote!(::core::concat!(::core::module_path!(), "::", #text))
}

/// What is declared at the beginning of every twin; has its body operators?
pub fn preamble(function: &Function, operators: bool) -> TokenStream {
    let methods = (!shares_impl(function)).then(scope);
    if function.alone && !shares_impl(function) {
        let probe = operators.then(expand::overflow_probe);
        let table = coverage::table(&[function]);
        quote!(#methods #probe #table)
    } else {
        quote!(#methods)
    }
}

/// What is in scope where twins are.
fn scope() -> TokenStream {
    quote!(
        use ::jitgen_core::macro_support as __m;
        use __m::methods::found::*;
    )
}

/// Notes that the table of what is covered is one of this program.
pub fn seen(function: &Function) -> Option<TokenStream> {
    let first = function.alone || function.role == Role::Portal;
    first.then(|| quote!(__JITGEN_COVERAGE.seen();))
}

/// Are its twin and those of the functions beside it put into one `impl`?
pub fn shares_impl(function: &Function) -> bool {
    matches!((&function.home, &function.owner), (Home::Inherent, Some(_)))
}

/// What generated code need not keep to.
fn lints() -> TokenStream {
    quote! {
        #[allow(
            warnings, clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, unsafe_code,
            reason = "generated"
        )]
    }
}

/// The `impl` with the twins of all methods of one `impl`, of which this is one; `around`: what
/// they share.
pub fn implement(
    function: &Function,
    twins: &[TokenStream],
    around: Option<TokenStream>,
) -> TokenStream {
    let (lints, owner) = (lints(), &function.owner);
    let generics = signature::widen(&function.generics);
    let (generics, _, bounds) = generics.split_for_impl();
    let whole = quote!(#lints #[doc(hidden)] impl #generics #owner #bounds { #(#twins)* });
    let scope = scope();
    quote!(#lints const _: () = { #scope #around #whole };)
}

/// Puts a twin beside its function: in the type namespace for a free function (so that `use`
/// brings it along). In a trait and its `impl` it is there already; that of another method is put
/// into an `impl` together with its neighbours (see [`implement`]).
pub fn wrap(function: &Function, twin: TokenStream) -> TokenStream {
    let (name, vis) = (&function.sig.ident, &function.vis);
    let lints = lints();
    match (&function.home, &function.owner) {
        (Home::Inherent, Some(_)) => twin,
        (Home::Impl(_) | Home::Trait, _) => quote!(#lints #[doc(hidden)] #twin),
        _ => quote! {
            #[doc(hidden)]
            #[allow(
                non_camel_case_types, missing_debug_implementations,
                reason = "it shares its function's name"
            )]
            #vis enum #name {}
            #lints
            #[doc(hidden)]
            impl #name { #twin }
        },
    }
}

/// The visibility of a twin: whoever sees what it stands in may call it.
pub fn visibility(function: &Function) -> TokenStream {
    match function.home {
        Home::Impl(_) | Home::Trait => quote!(),
        _ => quote!(pub),
    }
}

/// The twin of a traced function: its body, and how other twins enter it.
pub fn function(module: &Module, function: &Function, errors: &mut Errors) -> TokenStream {
    let name = twin_ident(function);
    wrap(function, named(module, function, &name, errors))
}

/// What the twin that looks into a function is called, where another one decides.
pub fn inside_ident(function: &Function) -> Ident {
    match &function.owner {
        Some(_) => format_ident!("{}__inside", function.sig.ident),
        None => format_ident!("inside"),
    }
}

/// That twin.
pub fn inner(module: &Module, function: &Function, errors: &mut Errors) -> TokenStream {
    named(module, function, &inside_ident(function), errors)
}

fn named(module: &Module, function: &Function, name: &Ident, errors: &mut Errors) -> TokenStream {
    let m = support();
    let mut twin = Twin {
        module,
        errors,
        scope: Scope::default(),
        returns: Return::Body,
        portal_loop: None,
        innermost: None,
        loops: true,
        counter: 0,
        slots: vec![],
        heads: vec![],
        deferred: vec![],
        tuples: vec![],
    };
    twin.scope.enter();
    let wide = signature::coerces(function);
    let result = return_type(&function.sig);
    let at_result = short_at(result.span());
    let generics = signature::generics(function);
    let (generics, _, bounds) = generics.split_for_impl();
    if function.declared {
        let (parameters, _) = entry(&function.sig, wide);
        return quote!(fn #name #generics (#parameters) -> #m::Tv<#result> #bounds;);
    }
    let Parameters { declared, given, owners, bind } = twin.parameters(&function.sig, wide);
    let body = twin.block(&function.body);
    let vis = visibility(function);
    let begin = match seen(function) {
        Some(_) => quote!(__m::begin_seen(&__JITGEN_COVERAGE, &[#(#given),*])),
        None => quote!(__m::begin_inline(&[#(#given),*])),
    };
    let preamble = preamble(function, coverage::has_operators(&function.body));
    let forget = match &owners[..] {
        [] => quote!(),
        [one] => quote!(__m::forget(#one);),
        several => quote!(__m::forget((#(#several),*));),
    };
    quote! {
        #[cold]
        #vis fn #name #generics (#(#declared),*) -> #m::Tv<#result> #bounds {
            #preamble
            let __call = #begin;
            if __call.is_logged() {
                #forget
                return #at_result::returned::<#result>();
            }
            #at_result::end_inline::<#result>(&__call, '__body: { #bind #body })
        }
    }
}

/// A value that is promoted.
pub fn promoted(value: &TokenStream) -> TokenStream {
    let m = support();
    quote_spanned! {value.span()=>
        match #value {
            __v => {
                use #m::{PromoteShared as _, PromoteWords as _};
                #m::Promoting::of(&__v).promote(__v)
            }
        }
    }
}

/// The parameters of a twin that has a body.
#[derive(Default)]
struct Parameters {
    declared: Vec<TokenStream>,
    /// What those are in the trace that may refer to locals of the caller.
    given: Vec<TokenStream>,
    /// Those that may own something.
    owners: Vec<Ident>,
    /// What gives them the author's names, where the body begins: what they own is dropped where it
    /// ends.
    bind: TokenStream,
}

/// The parameters of a twin, and their names; `wide`: references may be coerced.
pub fn entry(sig: &Signature, wide: bool) -> (TokenStream, Vec<Ident>) {
    let m = support();
    let (mut parameters, mut names) = (vec![], vec![]);
    for (index, input) in sig.inputs.iter().enumerate() {
        match input {
            FnArg::Receiver(this) if reference(this).is_none() => {
                parameters.push(quote!(&self, __self: #m::Tv<Self>));
                names.push(format_ident!("__self"));
            }
            FnArg::Receiver(_) => {
                parameters.push(quote!(&self, __place: #m::Place<Self>));
                names.push(format_ident!("__place"));
            }
            FnArg::Typed(arg) => {
                let (name, ty) = (format_ident!("__a{index}"), &arg.ty);
                let ty = match signature::coercion(sig, ty, wide) {
                    Some(coercion) => coercion.parameter,
                    None => ty.to_token_stream(),
                };
                parameters.push(quote!(#name: #m::Tv<#ty>));
                names.push(name);
            }
        }
    }
    (quote!(#(#parameters),*), names)
}

impl Twin<'_> {
    /// The parameters of a twin (see [`entry`]), and how they get the names that the author gave
    /// them.
    fn parameters(&mut self, sig: &Signature, wide: bool) -> Parameters {
        let (m, short) = (support(), short());
        let mut all = Parameters::default();
        for (index, input) in sig.inputs.iter().enumerate() {
            let (given, name, bind) = match input {
                FnArg::Receiver(this) => match reference(this) {
                    None => {
                        all.declared.push(quote!(&self, __self: #m::Tv<Self>));
                        all.owners.push(format_ident!("__self"));
                        (
                            quote!(Tv::operand),
                            format_ident!("__self"),
                            quote!(let mut __self = __self;),
                        )
                    }
                    Some(mutable) => {
                        all.declared.push(quote!(&self, __place: #m::Place<Self>));
                        let how = if mutable.is_some() { "unique" } else { "shared" };
                        let how = Ident::new(how, Span::call_site());
                        let bind = quote!(let mut __self = #short::#how(__place););
                        (quote!(Given::given), format_ident!("__place"), bind)
                    }
                },
                FnArg::Typed(arg) => {
                    let (ty, (own, binds)) = (&arg.ty, self.parameter(&arg.pat));
                    if is_word(ty) {
                        all.declared.push(quote!(mut #own: #m::Tv<#ty>));
                        all.bind.extend(binds);
                        continue;
                    }
                    let name = format_ident!("__a{index}");
                    let (ty, value) = match signature::coercion(sig, ty, wide) {
                        Some(signature::Coercion { parameter, how }) => {
                            (parameter, quote!(#short::#how(#name)))
                        }
                        None => (ty.to_token_stream(), quote!(#name)),
                    };
                    all.declared.push(quote!(#name: #m::Tv<#ty>));
                    if !matches!(&*arg.ty, Type::Reference(_)) {
                        all.owners.push(name.clone());
                    }
                    (quote!(Tv::operand), name, quote!(let mut #own = #value; #binds))
                }
            };
            all.given.push(quote!(__m::#given(&#name)));
            all.bind.extend(bind);
        }
        all
    }

    /// The name of a parameter, and statements that take it apart.
    pub fn parameter(&mut self, pat: &Pat) -> (Ident, TokenStream) {
        match pat {
            Pat::Ident(pat) if pat.subpat.is_none() && pat.by_ref.is_none() => {
                self.scope.declare(&pat.ident);
                (pat.ident.clone(), quote!())
            }
            Pat::Paren(pat) => self.parameter(&pat.pat),
            Pat::Type(pat) => self.parameter(&pat.pat),
            pat => {
                let m = short();
                self.counter += 1;
                let name = format_ident!("__arg{}", self.counter);
                let matched = format_ident!("__m{}", self.counter);
                let binds = self.irrefutable(pat, &matched);
                (name.clone(), quote!(let #matched = #m::matched(#m::local(&mut #name)); #binds))
            }
        }
    }

    /// Declares the local that a portal's parameter binds; only plain names are supported there.
    pub fn simple_binding(&mut self, pat: &Pat) -> Option<Ident> {
        match pat {
            Pat::Ident(pat) if pat.subpat.is_none() && pat.by_ref.is_none() => {
                self.scope.declare(&pat.ident);
                Some(pat.ident.clone())
            }
            Pat::Wild(_) => Some(format_ident!("__unused")),
            Pat::Paren(pat) => self.simple_binding(&pat.pat),
            Pat::Type(pat) => self.simple_binding(&pat.pat),
            other => {
                self.errors.on(
                    other,
                    "a portal's parameters cannot be taken apart",
                    "name the parameter, and take it apart with `let`",
                );
                None
            }
        }
    }

    /// A block, with its value.
    pub fn block(&mut self, block: &Block) -> TokenStream {
        self.scope.enter();
        let body = self.statements(&block.stmts);
        self.scope.leave();
        TokenTree::from(Group::new(Delimiter::Brace, body)).into()
    }

    /// The statements of a block, with its value.
    pub fn statements(&mut self, stmts: &[Stmt]) -> TokenStream {
        let mut out = TokenStream::new();
        for (index, stmt) in stmts.iter().enumerate() {
            match index {
                0 => out = self.statement(stmt),
                _ => out.extend(self.statement(stmt)),
            }
            if index + 1 < stmts.len() && matches!(stmt, Stmt::Expr(_, None)) {
                // `if` and `match` as statements have a traced unit value.
                out.extend(quote!(;));
            }
        }
        let m = short();
        match stmts.last() {
            Some(Stmt::Expr(_, None)) => (),
            Some(last) if diverges(last) => (),
            _ => out.extend(quote!(#m::UNIT)),
        }
        out
    }

    fn statement(&mut self, stmt: &Stmt) -> TokenStream {
        let outer = std::mem::take(&mut self.slots);
        let statement = self.statement_itself(stmt);
        let own = std::mem::replace(&mut self.slots, outer);
        if own.is_empty() {
            return statement;
        }
        let slots = quote!(#(let mut #own = __m::None;)*);
        match stmt {
            // What is in slots is dropped where the statement ends.
            Stmt::Expr(_, Some(_)) => quote!({ #slots #statement }),
            Stmt::Local(local) if drops_temporaries(local) => {
                quote!(#slots #statement #(#own = __m::None;)*)
            }
            _ => quote!(#slots #statement),
        }
    }

    /// The value of an expression behind which Rust drops its temporaries: a condition.
    pub fn scoped(&mut self, e: &Expr) -> TokenStream {
        let outer = std::mem::take(&mut self.slots);
        let value = self.value(e);
        let own = std::mem::replace(&mut self.slots, outer);
        if own.is_empty() {
            return value;
        }
        quote!({ #(let mut #own = __m::None;)* #value })
    }

    fn statement_itself(&mut self, stmt: &Stmt) -> TokenStream {
        match stmt {
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(e, Some(_)) if is_assignment(e) => self.assignment(e),
            Stmt::Expr(e, semi) => {
                let mut value = self.value(e);
                semi.to_tokens(&mut value);
                value
            }
            Stmt::Macro(stmt) => {
                let value = self.macro_call(&stmt.mac);
                // A macro in the tail position without semicolon is parsed as a statement too.
                quote!(#value;)
            }
            Stmt::Item(item) => {
                if !matches!(item, syn::Item::Const(_) | syn::Item::Use(_)) {
                    self.errors.on(
                        item,
                        "items inside traced functions are not supported yet",
                        "move it out of the function",
                    );
                }
                item.to_token_stream()
            }
        }
    }

    fn local(&mut self, local: &syn::Local) -> TokenStream {
        let m = short();
        let (pat, typed) = match &local.pat {
            Pat::Type(pat) => (&*pat.pat, Some(&*pat.ty)),
            pat => (pat, None),
        };
        let ty = typed.map(|ty| quote!(: #m::Tv<#ty>));
        let Some(init) = &local.init else {
            let (name, _) = self.parameter(pat);
            self.deferred.push(name.clone());
            return quote_spanned!(local.pat.span()=> let mut #name #ty;);
        };
        let otherwise = init.diverge.as_ref().map(|(_, otherwise)| &**otherwise);
        match pat {
            Pat::Wild(_) => {
                let value = self.value(&init.expr);
                quote!(let _ #ty = #value;)
            }
            Pat::Ident(name)
                if name.subpat.is_none() && name.by_ref.is_none() && otherwise.is_none() =>
            {
                let value = self.value(&init.expr);
                let name = &name.ident;
                self.scope.declare(name);
                quote_spanned!(local.pat.span()=> let mut #name #ty = #value;)
            }
            pat => self.let_pattern(pat, typed, &init.expr, otherwise),
        }
    }

    /// An error for a construct that cannot be traced; gives tokens that stand for its value.
    pub fn unsupported(&mut self, at: &impl Spanned, what: &str, help: &str) -> TokenStream {
        self.errors.on(at, &format!("{what} not supported yet in traced code"), help);
        quote!(::core::unreachable!())
    }

    /// The type of a function's parameter list, as a portal's entry has it.
    pub fn parameter_types(sig: &Signature) -> Vec<Type> {
        let typed = sig.inputs.iter().map(|input| match input {
            FnArg::Typed(arg) => (*arg.ty).clone(),
            FnArg::Receiver(this) => {
                let mutable = reference(this).flatten();
                syn::parse_quote!(& #mutable Self)
            }
        });
        typed.collect()
    }
}

/// Is it the type of a word, which leads to nothing and owns nothing?
fn is_word(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.get_ident().is_some_and(call::is_word))
}

/// Does the expression assign something?
fn is_assignment(e: &Expr) -> bool {
    match e {
        Expr::Assign(_) => true,
        Expr::Binary(e) => operator::compound(&e.op).is_some(),
        _ => false,
    }
}

/// Does nothing that the `let` binds borrow from a temporary of its initializer?
fn drops_temporaries(local: &syn::Local) -> bool {
    let named = match &local.pat {
        Pat::Type(pat) => matches!(*pat.pat, Pat::Ident(_)),
        pat => matches!(pat, Pat::Ident(_)),
    };
    let init = local.init.as_ref().filter(|init| init.diverge.is_none());
    let value = |e: &Expr| {
        matches!(
            e,
            Expr::MethodCall(_)
                | Expr::Binary(_)
                | Expr::Unary(_)
                | Expr::Cast(_)
                | Expr::Field(_)
                | Expr::Index(_)
                | Expr::Try(_)
        )
    };
    named && init.is_some_and(|init| value(&init.expr))
}

/// How a loop is left by `break`.
#[derive(Default)]
pub struct Breaks<'a> {
    /// Without a value.
    pub unit: bool,
    /// With one.
    pub value: bool,
    label: Option<&'a Lifetime>,
    depth: usize,
}

impl<'a> Breaks<'a> {
    /// The breaks of the loop with that body and label.
    pub fn of(body: &Block, label: Option<&'a Lifetime>) -> Breaks<'a> {
        let mut breaks = Breaks { label, ..Breaks::default() };
        breaks.visit_block(body);
        breaks
    }
}

impl Visit<'_> for Breaks<'_> {
    fn visit_expr(&mut self, e: &Expr) {
        let inner = matches!(e, Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_));
        self.depth += usize::from(inner);
        if let Expr::Break(e) = e {
            let ours = match &e.label {
                Some(label) => Some(label) == self.label,
                None => self.depth == 0,
            };
            self.unit |= ours && e.expr.is_none();
            self.value |= ours && e.expr.is_some();
        }
        syn::visit::visit_expr(self, e);
        self.depth -= usize::from(inner);
    }
}

/// Does control never get behind this statement?
pub fn diverges(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(e, _) => diverges_expr(e),
        Stmt::Macro(stmt) => diverging_macro(&stmt.mac),
        Stmt::Local(_) | Stmt::Item(_) => false,
    }
}

fn diverges_expr(e: &Expr) -> bool {
    match e {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(e) => diverging_macro(&e.mac),
        Expr::Block(e) => e.block.stmts.last().is_some_and(diverges),
        Expr::Paren(e) => diverges_expr(&e.expr),
        Expr::If(e) => {
            e.then_branch.stmts.last().is_some_and(diverges)
                && e.else_branch.as_ref().is_some_and(|(_, e)| diverges_expr(e))
        }
        Expr::Match(e) => e.arms.iter().all(|arm| diverges_expr(&arm.body)),
        _ => false,
    }
}

fn diverging_macro(mac: &syn::Macro) -> bool {
    let name = mac.path.segments.last().map(|segment| segment.ident.to_string());
    matches!(
        name.as_deref(),
        Some("panic" | "unreachable" | "todo" | "unimplemented" | "can_enter_jit")
    )
}
