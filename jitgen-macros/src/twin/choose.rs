//! Matches that need no test after the other: by variant, and of several values at once.
//!
//! ```text
//! match v { Value::Int(x) => a, Value::Nil | Value::Bool(_) => b, _ => c }
//!     =>  let h = head(m);  let n = &["Int", "Nil", "Bool"];
//!         match *h {
//!             Value::Int(f) => { h.chosen(n, 0); let mut x = h.found.bind(f); a }
//!             Value::Nil | Value::Bool(..) => { h.chosen(n, match *h { … }); b }
//!             _ => { h.chosen(n, 3); c }
//!         }
//! match (v, w) { (P, Q) => … }
//!     =>  let m0 = matched(v);  let m1 = matched(w);  …          no tuple is made
//! ```
//!
//! rustc's own `match` chooses; the head is told afterwards which patterns have not matched and
//! which has, in the order of the arms.
//!
//! Not here: guards, patterns in patterns, constants (`pattern`).

use super::bind::{Bind, declared};
use super::pattern::{cases, has_rest, is_binding, is_irrefutable, last_name, strip, unguarded};
use super::{Twin, short_at};
use crate::span::Begins;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, ExprMatch, Ident, Pat};

/// What a head shows.
pub(super) fn seen(head: &Ident) -> Ident {
    format_ident!("{head}s")
}

impl Twin<'_> {
    /// The arms of a `match` by variant: rustc chooses one, then the head is told which it is.
    pub(super) fn choose(&mut self, e: &ExprMatch, matched: &Ident) -> Option<TokenStream> {
        let (_, head) = self.heads.iter().find(|(of, ..)| of == matched)?.clone();
        let m = short_at(e.match_token.span);
        let (names, seen) = (self.fresh("n"), seen(&head));
        let (mut texts, mut arms): (Vec<String>, TokenStream) = (vec![], TokenStream::new());
        for arm in &e.arms {
            let number = texts.len();
            self.scope.enter();
            if is_irrefutable(&arm.pat) {
                let binds = self.irrefutable(&arm.pat, matched);
                let body = self.value(&arm.body);
                self.scope.leave();
                arms.extend(quote!(_ => { #head.found.chosen(#names, #number); #binds #body }));
                break;
            }
            let alternatives = cases(&arm.pat);
            let mut binds = TokenStream::new();
            let mut patterns = vec![];
            for alternative in &alternatives {
                let (name, pattern) = self.variant(alternative, &head, &mut binds);
                texts.push(name);
                patterns.push(pattern);
            }
            // Of several patterns in one arm, which one it is has still to be asked.
            let number = match &patterns[..] {
                [_] => quote!(#number),
                several => {
                    let numbers = number..number + several.len();
                    quote!(match #seen {
                        #(#several => #numbers,)*
                        _ => #m::never(),
                    })
                }
            };
            let body = self.value(&arm.body);
            self.scope.leave();
            arms.extend(quote_spanned!(arm.pat.span()=>
                #(#patterns)|* => { #head.found.chosen(#names, #number); #binds #body }
            ));
        }
        Some(quote_spanned!(e.match_token.span=>
            let #names = &[#(#texts),*];
            match #seen { #arms }
        ))
    }

    /// The name and pattern of a variant whose fields are bound at most; adds what binds them.
    fn variant(
        &mut self,
        pat: &Pat,
        head: &Ident,
        binds: &mut TokenStream,
    ) -> (String, TokenStream) {
        let (path, elems): (_, Vec<&Pat>) = match pat {
            Pat::TupleStruct(p) => (&p.path, p.elems.iter().collect()),
            Pat::Struct(p) => (&p.path, p.fields.iter().map(|field| &*field.pat).collect()),
            Pat::Path(p) => return (last_name(&p.path), quote!(#p)),
            other => return (other.to_token_stream().to_string(), quote!(#other)),
        };
        let (fields, parts) = self.parts(&elems);
        let mut found = vec![];
        for (part, inner) in &parts {
            let Pat::Ident(inner) = inner else { continue };
            let how = match (&inner.by_ref, &inner.mutability) {
                (None, _) => "bind",
                (Some(_), None) => "bind_shared",
                (Some(_), Some(_)) => "bind_unique",
            };
            let field = inner.by_ref.is_none().then(|| head.clone());
            if field.is_none() {
                let at = inner.ident.span();
                binds.extend(quote_spanned!(at=> let #part = #head.found.inner(#part);));
            }
            let (name, matched) = (inner.ident.clone(), part.clone());
            self.scope.declare(&name);
            found.push(Bind { name, matched, how, field });
        }
        binds.extend(declared(&found));
        let pattern = match pat {
            _ if parts.is_empty() => quote!(#path { .. }),
            Pat::Struct(p) => {
                let members = p.fields.iter().map(|field| &field.member);
                quote!(#path { #(#members: #fields,)* .. })
            }
            _ => quote!(#path(#(#fields),*)),
        };
        (last_name(path), pattern)
    }

    /// `match (a, b)` whose patterns are all tuples: the elements are matched, and no tuple is made.
    pub(super) fn elements(
        &mut self,
        e: &Expr,
        matched: &Ident,
        patterns: &[&Pat],
    ) -> Option<TokenStream> {
        let Expr::Tuple(tuple) = e else { return None };
        let fits = |pat: &&Pat| match pat {
            Pat::Tuple(p) => p.elems.len() == tuple.elems.len() && !has_rest(p),
            pat => matches!(pat, Pat::Wild(_)),
        };
        let patterns: Vec<&Pat> = patterns.iter().flat_map(|pat| cases(pat)).collect();
        if tuple.elems.len() < 2 || !patterns.iter().all(fits) {
            return None;
        }
        let values: Vec<TokenStream> = tuple.elems.iter().map(|elem| self.value(elem)).collect();
        // They are dropped in the order of the tuple, the later declared first.
        let mut slots: Vec<Ident> = values.iter().map(|_| self.slot()).collect();
        slots.reverse();
        let mut bind = TokenStream::new();
        let mut parts = vec![];
        for ((elem, value), slot) in tuple.elems.iter().zip(&values).zip(&slots) {
            let (m, part) = (short_at(elem.span()), self.fresh("m"));
            bind.extend(quote_spanned!(elem.span()=>
                let #part = #m::matched(#m::place_in(&mut #slot, #value));
            ));
            parts.push(part);
        }
        self.tuples.push((matched.clone(), parts.clone()));
        bind.extend(self.hoist_elements(&parts, &patterns));
        Some(bind)
    }
}

/// Is it a `match` whose patterns name variants and bind their fields, and nothing more? A name
/// without fields may be a constant, which would have to be compared: that it is a variant, the
/// fields of others tell, or the type in its path.
pub(super) fn chooses_variant(e: &ExprMatch) -> bool {
    let mut sure = true;
    let mut fields = false;
    let simple = e.arms.iter().all(|arm| {
        let (pat, guard) = unguarded(&arm.pat);
        let cases = cases(pat);
        let mut variant = |case: &&Pat| match names_variant(case, cases.len() == 1) {
            Some(shape) => {
                sure &= shape != Shape::Unsure;
                fields |= shape == Shape::Fields;
                true
            }
            None => false,
        };
        guard.is_none()
            && (is_irrefutable(pat) && !matches!(strip(pat), Pat::Tuple(_))
                || cases.iter().all(&mut variant))
    });
    simple && e.arms.len() > 1 && (sure || fields)
}

/// How a pattern shows that it is a variant.
#[derive(PartialEq, Eq)]
enum Shape {
    /// By its fields.
    Fields,
    /// By the type in its path.
    Path,
    /// It does not.
    Unsure,
}

/// Does the pattern name a variant, and bind its fields at most? Unless it stands alone, it binds none.
fn names_variant(pat: &Pat, alone: bool) -> Option<Shape> {
    let plain = |elem: &Pat| match strip(elem) {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(p) => alone && is_binding(p) && p.subpat.is_none(),
        _ => false,
    };
    let mixed = |name: &Ident| name.to_string().contains(|c: char| c.is_lowercase());
    match pat {
        Pat::TupleStruct(p) => p.elems.iter().all(plain).then_some(Shape::Fields),
        Pat::Struct(p) => p.fields.iter().all(|field| plain(&field.pat)).then_some(Shape::Fields),
        Pat::Path(p) if p.qself.is_none() => {
            let mut names = p.path.segments.iter().rev().map(|segment| &segment.ident);
            if !names.next().is_some_and(mixed) {
                return None;
            }
            let of_type = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
            Some(if names.next().is_some_and(of_type) { Shape::Path } else { Shape::Unsure })
        }
        Pat::Ident(p) if !is_binding(p) && mixed(&p.ident) => Some(Shape::Unsure),
        _ => None,
    }
}
