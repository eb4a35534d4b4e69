//! Names that patterns bind.
//!
//! ```text
//! Value::Int(x)   =>   let mut x = h.found.bind(f)                      f: where the field is
//! Add { a, b }    =>   let (mut a, mut b) = h.found.bind_2(f, g)
//! (x, _)          =>   let mut x = m.bind()                             m: what is matched there
//! ```
//!
//! Not here: the patterns (`pattern`).

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::Ident;

/// A name that a pattern binds.
pub struct Bind {
    /// The name.
    pub name: Ident,
    /// What it is bound to: a `Matched`, or the address of a field.
    pub matched: Ident,
    /// How: the method of `Matched`.
    pub how: &'static str,
    /// Of a field: the head that shows it.
    pub field: Option<Ident>,
}

impl Bind {
    /// What it is bound to.
    pub fn value(&self) -> TokenStream {
        let (matched, how) = (&self.matched, format_ident!("{}", self.how));
        match &self.field {
            Some(head) => quote_spanned!(self.name.span()=> #head.found.bind(#matched)),
            None => quote_spanned!(self.name.span()=> #matched.#how()),
        }
    }

    /// The same, for a condition that may still say no.
    pub fn peeked(&self) -> TokenStream {
        let matched = &self.matched;
        match (&self.field, self.how) {
            (Some(head), _) => {
                quote_spanned!(self.name.span()=> #head.found.inner(#matched).peek())
            }
            (None, "bind") => quote_spanned!(self.name.span()=> #matched.peek()),
            _ => self.value(),
        }
    }
}

/// What binds the names of a pattern, in their order.
pub fn declared(binds: &[Bind]) -> TokenStream {
    let mut out = TokenStream::new();
    for binds in binds.chunk_by(|a, b| a.field.is_some() && a.field == b.field) {
        // There are methods for so many.
        for binds in binds.chunks(4) {
            declare(binds, &mut out);
        }
    }
    out
}

/// The same of fields of one variant, or of one name.
fn declare(binds: &[Bind], out: &mut TokenStream) {
    match (binds, &binds[0].field) {
        ([first, _, ..], Some(head)) => {
            let at = first.name.span();
            let bind = format_ident!("bind_{}", binds.len(), span = at);
            let (names, fields) =
                (binds.iter().map(|bind| &bind.name), binds.iter().map(|bind| &bind.matched));
            out.extend(quote_spanned!(at=>
                let (#(mut #names),*) = #head.found.#bind(#(#fields),*);
            ));
        }
        _ => {
            for bind in binds {
                let (name, value) = (&bind.name, bind.value());
                out.extend(quote_spanned!(name.span()=> let mut #name = #value;));
            }
        }
    }
}
