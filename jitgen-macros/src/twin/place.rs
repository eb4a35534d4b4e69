//! Place expressions: where a value lives, as a `Place`.
//!
//! A value that has no place of its own gets a slot: a local that is declared before the statement.
//!
//! Not here: patterns (`pattern`).

use super::{Twin, short, short_at};
use crate::span::Begins;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Expr, Ident, UnOp};

impl Twin<'_> {
    /// Has the expression no place of its own?
    pub fn is_rvalue(&self, e: &Expr) -> bool {
        match e {
            Expr::Paren(e) => self.is_rvalue(&e.expr),
            Expr::Group(e) => self.is_rvalue(&e.expr),
            Expr::Path(path) => {
                !path.path.get_ident().is_some_and(|name| name == "self" || self.scope.has(name))
            }
            Expr::Field(_) | Expr::Index(_) => false,
            Expr::Unary(e) => !matches!(e.op, UnOp::Deref(_)),
            _ => true,
        }
    }

    /// A slot for a value that has no place of its own.
    pub fn slot(&mut self) -> Ident {
        self.counter += 1;
        let name = format_ident!("__t{}", self.counter);
        self.slots.push(name.clone());
        name
    }

    /// The place of a value that is put into a slot.
    pub fn stored(&mut self, value: &TokenStream) -> TokenStream {
        let (m, slot) = (short(), self.slot());
        quote!(#m::place_in(&mut #slot, #value))
    }

    /// The place that an expression names, behind all references that it holds; `at`: where who
    /// wants to know is.
    pub fn reached(&mut self, e: &Expr, at: Span) -> TokenStream {
        let m = short_at(at);
        if let Some(name) = self.variable(e) {
            return quote_spanned!(at=> #m::root(&mut #name));
        }
        let place = self.place(e);
        quote_spanned!(at=> #m::auto(#place))
    }

    /// The same of a method's receiver: a reference by which rustc finds the twin, and what that
    /// takes.
    pub fn receiver(&mut self, e: &Expr, at: Span) -> TokenStream {
        let m = short_at(at);
        match self.variable(e) {
            Some(name) => quote_spanned!(at=> #m::receive_local(&mut #name)),
            None => {
                let place = self.place(e);
                quote_spanned!(at=> #m::receive(#place))
            }
        }
    }

    /// The variable of the twin that an expression names.
    fn variable(&mut self, e: &Expr) -> Option<Ident> {
        match e {
            Expr::Path(path) if path.path.is_ident("self") => Some(format_ident!("__self")),
            e => self.local_name(e),
        }
    }

    /// The place of a field.
    fn field(&mut self, e: &syn::ExprField) -> TokenStream {
        let member = &e.member;
        let base = self.reached(&e.base, member.span());
        let m = short_at(member.span());
        quote_spanned!(member.span()=> match #base {
            // SAFETY: only the address of the field is computed.
            __b => #m::project(unsafe { &raw mut (*__b.address).#member }, &__b),
        })
    }

    /// The place that an expression names, or into which its value is put.
    pub fn place(&mut self, e: &Expr) -> TokenStream {
        let m = short();
        match e {
            Expr::Paren(e) => self.place(&e.expr),
            Expr::Group(e) => self.place(&e.expr),
            Expr::Path(path) if path.path.is_ident("self") => quote!(#m::local(&mut __self)),
            Expr::Path(path) => {
                if let Some(name) = self.local_name(&Expr::Path(path.clone())) {
                    return quote!(#m::local(&mut #name));
                }
                let value = self.value(e);
                self.stored(&value)
            }
            Expr::Field(e) => self.field(e),
            Expr::Index(e) => {
                let m = short_at(e.span());
                let base = self.reached(&e.expr, e.span());
                let index = self.value(&e.index);
                quote_spanned!(e.span()=> #m::index(#base, #index))
            }
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => {
                let base = self.place(&e.expr);
                let m = short_at(e.span());
                quote_spanned!(e.span()=> #m::deref(#base))
            }
            other => {
                let value = self.value(other);
                self.stored(&value)
            }
        }
    }
}
