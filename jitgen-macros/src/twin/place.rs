//! Place expressions: where a value lives, as a `Place`.

use super::{Twin, support, support_at};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, UnOp};

impl Twin<'_> {
    /// The place that an expression names.
    pub fn place(&mut self, e: &Expr) -> TokenStream {
        let m = support();
        match e {
            Expr::Paren(e) => self.place(&e.expr),
            Expr::Group(e) => self.place(&e.expr),
            Expr::Path(path) => match path.path.get_ident() {
                Some(name) if name == "self" => quote!(#m::local(&mut __self)),
                Some(name) => {
                    if self.scope.hidden.iter().any(|hidden| name == hidden) {
                        self.hidden(name);
                    }
                    if self.scope.has(name) {
                        return quote!(#m::local(&mut #name));
                    }
                    self.unsupported(path, "a place that is not a local is", "copy it into a local")
                }
                None => self.unsupported(path, "a static as a place is", "copy it into a local"),
            },
            Expr::Field(e) => {
                let (base, member) = (self.place(&e.base), &e.member);
                let m = support_at(member.span());
                quote_spanned!(member.span()=> {
                    let __b = #m::auto(#base);
                    // SAFETY: only the address of the field is computed.
                    __b.project(unsafe { &raw mut (*__b.addr()).#member })
                })
            }
            Expr::Index(e) => {
                let base = self.place(&e.expr);
                let index = self.value(&e.index);
                let m = support_at(e.span());
                quote_spanned!(e.span()=> {
                    let __b = #m::auto(#base);
                    let __i = #index;
                    #m::index(__b, __i)
                })
            }
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => {
                let base = self.place(&e.expr);
                let m = support_at(e.span());
                quote_spanned!(e.span()=> #m::deref(#base))
            }
            other => self.unsupported(
                other,
                "a place inside of a temporary value is",
                "bind the value with `let` first",
            ),
        }
    }
}
