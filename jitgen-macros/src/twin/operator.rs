//! Operators: of two values, of one, and in assignments.
//!
//! ```text
//! a + f(b)    =>   { let p1 = f(b);  bin(Add, &CHECKED, &a, &p1, a.nat() + p1.nat()) }
//! ```
//!
//! Operands are handed over by reference, and rustc computes with the concrete values beside.
//!
//! Invariant `in-order`: a local stands for itself only where nothing that is evaluated after it
//! can change it.
//!
//! Not here: places that are assigned to (`place`), constants (`expr`).

use super::expr::strip;
use super::{Twin, short_at};
use crate::span::Begins;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{BinOp, Expr, Ident, UnOp};

impl Twin<'_> {
    /// `a op b`.
    pub fn binary(&mut self, e: &syn::ExprBinary) -> TokenStream {
        let m = short_at(e.span());
        if let Some(name) = simple(&e.op).filter(|_| !is_comparison(&e.op)) {
            let (bind, names) = self.operands(e.span(), [&*e.left, &*e.right]);
            let ([a, b], op) = (&names[..], &e.op) else { unreachable!("two operands") };
            return quote_spanned!(e.span()=> {
                #bind
                #m::bin(#m::Bin::#name, &__JITGEN_CHECKED, &#a, &#b, #a.nat() #op #b.nat())
            });
        }
        let (left, right) = (self.value(&e.left), self.value(&e.right));
        match &e.op {
            BinOp::And(_) => quote!(if #m::branch(#left) { #right } else { #m::lift(false) }),
            BinOp::Or(_) => quote!(if #m::branch(#left) { #m::lift(true) } else { #right }),
            op => {
                let Some(name) = simple(op) else {
                    return self.unsupported(op, "this operator is", "");
                };
                let how = match op {
                    BinOp::Eq(_) | BinOp::Ne(_) => quote!(equal),
                    _ => quote!(compare),
                };
                quote_spanned!(e.span()=> #m::#how(#m::Bin::#name, #left, #right))
            }
        }
    }

    /// Names for the values of these expressions, and what binds them. Locals stand for
    /// themselves, if nothing that is computed after them can change them.
    pub(super) fn operands<'e>(
        &mut self,
        at: Span,
        values: impl IntoIterator<Item = &'e Expr>,
    ) -> (TokenStream, Vec<Ident>) {
        let values: Vec<&Expr> = values.into_iter().collect();
        let changing = values.iter().rposition(|e| !self.changes_nothing(e)).unwrap_or(0);
        let (mut bind, mut names) = (TokenStream::new(), vec![]);
        for (index, e) in values.iter().enumerate() {
            if index >= changing
                && let Some(local) = self.local_name(strip(e))
            {
                names.push(local);
                continue;
            }
            let (name, value) = (format_ident!("__p{index}"), self.value(e));
            bind.extend(quote_spanned!(at=> let #name = #value;));
            names.push(name);
        }
        (bind, names)
    }

    /// Can no local be another one after the expression?
    fn changes_nothing(&self, e: &Expr) -> bool {
        match e {
            Expr::Lit(_) | Expr::Path(_) => true,
            Expr::Paren(e) => self.changes_nothing(&e.expr),
            Expr::Cast(e) => self.changes_nothing(&e.expr),
            Expr::Field(e) => self.changes_nothing(&e.base),
            Expr::Unary(e) => self.changes_nothing(&e.expr),
            Expr::Binary(e) => {
                compound(&e.op).is_none()
                    && self.changes_nothing(&e.left)
                    && self.changes_nothing(&e.right)
            }
            _ => false,
        }
    }

    /// `a op= b`.
    pub fn compound_assign(&mut self, e: &syn::ExprBinary) -> TokenStream {
        let m = short_at(e.span());
        let Some((name, op)) = compound(&e.op) else { return quote!() };
        let right = self.value(&e.right);
        let result = quote_spanned!(e.span()=>
            #m::bin(#m::Bin::#name, &__JITGEN_CHECKED, &__a, &__b, __a.nat() #op __b.nat())
        );
        if let Some(local) = self.local_name(&e.left) {
            return quote_spanned!(e.span()=> {
                let __b = #right;
                #local = #m::bin(
                    #m::Bin::#name, &__JITGEN_CHECKED, &#local, &__b, #local.nat() #op __b.nat(),
                );
            });
        }
        let place = self.place(&e.left);
        quote!({
            let __b = #right;
            let __p = #place;
            let __a = __p.get();
            __p.set(#result);
        })
    }

    /// `op a`.
    pub fn unary(&mut self, e: &syn::ExprUnary) -> TokenStream {
        let m = short_at(e.span());
        let name = match &e.op {
            UnOp::Deref(_) => {
                let place = self.place(&Expr::Unary(e.clone()));
                return quote!(#place.get());
            }
            UnOp::Not(_) => quote!(Not),
            UnOp::Neg(_) => quote!(Neg),
            op => return self.unsupported(op, "this operator is", ""),
        };
        let (op, value) = (&e.op, self.value(&e.expr));
        quote_spanned!(e.span()=> match #value {
            __a => #m::un(#m::Un::#name, &__JITGEN_CHECKED, &__a, #op __a.nat())
        })
    }
}

/// What an operator is called that two values have.
fn simple(op: &BinOp) -> Option<TokenStream> {
    Some(match op {
        BinOp::Add(_) => quote!(Add),
        BinOp::Sub(_) => quote!(Sub),
        BinOp::Mul(_) => quote!(Mul),
        BinOp::Div(_) => quote!(Div),
        BinOp::Rem(_) => quote!(Rem),
        BinOp::BitXor(_) => quote!(Xor),
        BinOp::BitAnd(_) => quote!(And),
        BinOp::BitOr(_) => quote!(Or),
        BinOp::Shl(_) => quote!(Shl),
        BinOp::Shr(_) => quote!(Shr),
        BinOp::Eq(_) => quote!(Eq),
        BinOp::Ne(_) => quote!(Ne),
        BinOp::Lt(_) => quote!(Lt),
        BinOp::Le(_) => quote!(Le),
        BinOp::Gt(_) => quote!(Gt),
        BinOp::Ge(_) => quote!(Ge),
        _ => return None,
    })
}

fn is_comparison(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
    )
}

/// The same of one that assigns, and the one that it stands for.
pub fn compound(op: &BinOp) -> Option<(TokenStream, TokenStream)> {
    Some(match op {
        BinOp::AddAssign(_) => (quote!(Add), quote!(+)),
        BinOp::SubAssign(_) => (quote!(Sub), quote!(-)),
        BinOp::MulAssign(_) => (quote!(Mul), quote!(*)),
        BinOp::DivAssign(_) => (quote!(Div), quote!(/)),
        BinOp::RemAssign(_) => (quote!(Rem), quote!(%)),
        BinOp::BitXorAssign(_) => (quote!(Xor), quote!(^)),
        BinOp::BitAndAssign(_) => (quote!(And), quote!(&)),
        BinOp::BitOrAssign(_) => (quote!(Or), quote!(|)),
        BinOp::ShlAssign(_) => (quote!(Shl), quote!(<<)),
        BinOp::ShrAssign(_) => (quote!(Shr), quote!(>>)),
        _ => return None,
    })
}
