//! What the coverage report says of each function.
//!
//! Counted is what stands in the source, not what a trace will contain: each branch, each index,
//! each arithmetic operator is a place where a guard may be recorded.
//!
//! Inside an interpreter module there is one table, which the portal's twin makes known when it
//! first runs. A single item has a table of its own, which whichever of its twins runs first makes
//! known. So nothing runs before `main`.
//!
//! Not here: the report (`jitgen_core::runtime`).

use crate::model::{Function, Role};
use crate::twin::function_name;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{BinOp, Block, Expr, Token, UnOp};

/// The static with the table of a module or item.
pub fn table(functions: &[&Function]) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    let rows = functions.iter().filter(|function| !function.declared).map(|f| describe(f));
    quote! {
        #[doc(hidden)]
        #[allow(clippy::all, clippy::pedantic, reason = "generated")]
        static __JITGEN_COVERAGE: #m::CoverageTable = #m::CoverageTable::new(&[#(#rows),*]);
    }
}

fn describe(function: &Function) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    let name = function_name(function);
    let at = function.sig.ident.span();
    let line = quote_spanned!(at=> ::core::line!());
    let treatment = match (function.role, function.looping) {
        (Role::Portal, _) => quote!(Portal),
        (Role::Traced, _) => quote!(Traced),
        (Role::Residual, None) => quote!(Marked),
        (Role::Residual, Some(at)) => {
            let line = quote_spanned!(at=> ::core::line!());
            quote!(Looping { line: #line })
        }
    };
    let mut counts = Counts::default();
    counts.visit_block(&function.body);
    let Counts { loops, branches, matches, indices, arithmetic, calls } = counts;
    quote!(#m::Coverage {
        name: #name,
        line: #line,
        treatment: #m::Treatment::#treatment,
        loops: #loops,
        branches: #branches,
        matches: #matches,
        indices: #indices,
        arithmetic: #arithmetic,
        calls: #calls,
    })
}

/// Are there operators in a body that may be checked, as far as can be seen without looking into
/// macros?
pub fn has_operators(body: &Block) -> bool {
    let mut found = Operators(false);
    found.visit_block(body);
    found.0
}

struct Operators(bool);

impl Visit<'_> for Operators {
    fn visit_bin_op(&mut self, _: &BinOp) {
        self.0 = true;
    }
    fn visit_un_op(&mut self, op: &UnOp) {
        self.0 |= !matches!(op, UnOp::Deref(_));
    }
    fn visit_macro(&mut self, _: &syn::Macro) {
        self.0 = true;
    }
}

#[derive(Default)]
struct Counts {
    loops: u32,
    branches: u32,
    matches: u32,
    indices: u32,
    arithmetic: u32,
    calls: u32,
}

impl Visit<'_> for Counts {
    fn visit_expr(&mut self, e: &Expr) {
        match e {
            Expr::Loop(_) | Expr::ForLoop(_) => self.loops += 1,
            Expr::While(_) => {
                self.loops += 1;
                self.branches += 1;
            }
            Expr::If(e) if matches!(&*e.cond, Expr::Let(_)) => (),
            Expr::If(_) => self.branches += 1,
            Expr::Match(_) | Expr::Let(_) | Expr::Try(_) => self.matches += 1,
            Expr::Index(_) => self.indices += 1,
            Expr::Unary(e) if matches!(e.op, UnOp::Neg(_)) && !matches!(&*e.expr, Expr::Lit(_)) => {
                self.arithmetic += 1;
            }
            Expr::Binary(e) => match e.op {
                BinOp::And(_) | BinOp::Or(_) => self.branches += 1,
                BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_) | BinOp::Rem(_) => {
                    self.arithmetic += 1;
                }
                BinOp::AddAssign(_) | BinOp::SubAssign(_) | BinOp::MulAssign(_) => {
                    self.arithmetic += 1;
                }
                BinOp::DivAssign(_) | BinOp::RemAssign(_) => self.arithmetic += 1,
                BinOp::Shl(_) | BinOp::Shr(_) | BinOp::ShlAssign(_) | BinOp::ShrAssign(_) => {
                    self.arithmetic += 1;
                }
                _ => (),
            },
            Expr::Call(_) | Expr::MethodCall(_) => self.calls += 1,
            _ => (),
        }
        syn::visit::visit_expr(self, e);
    }
    fn visit_macro(&mut self, mac: &syn::Macro) {
        let name = mac.path.segments.last().map(|segment| segment.ident.to_string());
        match name.as_deref() {
            Some("assert" | "debug_assert") => self.branches += 1,
            Some("conditional_call" | "conditional_value" | "record_known") => (),
            _ => return,
        }
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        for e in parser.parse2(mac.tokens.clone()).iter().flatten() {
            self.visit_expr(e);
        }
    }
}
