//! Where in the author's code something begins.
//!
//! rustc joins no spans for a stable macro, so `syn`'s span of an expression is that of its first
//! token, found by writing out all of them. Here the first token is looked up, since a twin asks this
//! of every expression.
//!
//! Not here: the spans of errors, which `syn` finds.

use proc_macro2::Span;
use syn::spanned;
use syn::{Expr, Pat};

/// What has a beginning.
pub trait Begins {
    /// The span of its first token.
    fn span(&self) -> Span;
}

impl Begins for Expr {
    fn span(&self) -> Span {
        match self {
            Expr::Assign(e) => e.span(),
            Expr::Binary(e) => e.span(),
            Expr::Call(e) => e.span(),
            Expr::Cast(e) if e.attrs.is_empty() => e.expr.span(),
            Expr::Field(e) if e.attrs.is_empty() => e.base.span(),
            Expr::Index(e) => e.span(),
            Expr::Lit(e) if e.attrs.is_empty() => e.lit.span(),
            Expr::MethodCall(e) => e.span(),
            Expr::Path(e) if e.attrs.is_empty() && e.qself.is_none() => begin_of(&e.path),
            Expr::Reference(e) if e.attrs.is_empty() => e.and_token.span,
            Expr::Struct(e) => e.span(),
            Expr::Try(e) => e.span(),
            Expr::Unary(e) => e.span(),
            Expr::Match(e) if e.attrs.is_empty() => e.match_token.span,
            Expr::If(e) if e.attrs.is_empty() => e.if_token.span,
            Expr::Return(e) if e.attrs.is_empty() => e.return_token.span,
            Expr::Block(e) if e.attrs.is_empty() && e.label.is_none() => {
                e.block.brace_token.span.join()
            }
            Expr::Tuple(e) if e.attrs.is_empty() => e.paren_token.span.join(),
            Expr::Paren(e) if e.attrs.is_empty() => e.paren_token.span.join(),
            Expr::Macro(e) if e.attrs.is_empty() => begin_of(&e.mac.path),
            other => spanned::Spanned::span(other),
        }
    }
}

impl Begins for Pat {
    fn span(&self) -> Span {
        match self {
            Pat::Ident(p) if p.attrs.is_empty() && p.by_ref.is_none() => match &p.mutability {
                Some(token) => token.span,
                None => p.ident.span(),
            },
            Pat::Path(p) if p.attrs.is_empty() && p.qself.is_none() => begin_of(&p.path),
            Pat::Struct(p) if p.attrs.is_empty() && p.qself.is_none() => begin_of(&p.path),
            Pat::TupleStruct(p) if p.attrs.is_empty() && p.qself.is_none() => begin_of(&p.path),
            Pat::Wild(p) if p.attrs.is_empty() => p.underscore_token.span,
            Pat::Tuple(p) if p.attrs.is_empty() => p.paren_token.span.join(),
            other => spanned::Spanned::span(other),
        }
    }
}

fn begin_of(path: &syn::Path) -> Span {
    match (&path.leading_colon, path.segments.first()) {
        (None, Some(first)) => first.ident.span(),
        _ => spanned::Spanned::span(path),
    }
}

macro_rules! begins {
    ($($t:ident by $($first:ident).+;)+) => {$(
        impl Begins for syn::$t {
            fn span(&self) -> Span {
                match self.attrs.is_empty() {
                    true => self.$($first).+.span(),
                    false => spanned::Spanned::span(self),
                }
            }
        }
    )+};
}
begins! {
    ExprAssign by left;
    ExprBinary by left;
    ExprCall by func;
    ExprIndex by expr;
    ExprMethodCall by receiver;
    ExprTry by expr;
}

impl Begins for syn::ExprStruct {
    fn span(&self) -> Span {
        match self.attrs.is_empty() && self.qself.is_none() {
            true => begin_of(&self.path),
            false => spanned::Spanned::span(self),
        }
    }
}

impl Begins for syn::Member {
    fn span(&self) -> Span {
        match self {
            syn::Member::Named(name) => name.span(),
            syn::Member::Unnamed(index) => index.span,
        }
    }
}

macro_rules! as_written {
    ($($t:ident)+) => {$(
        impl Begins for syn::$t {
            fn span(&self) -> Span {
                spanned::Spanned::span(self)
            }
        }
    )+};
}
as_written! { ExprPath ExprUnary Macro PatLit PatRange PatSlice PatTuple }
