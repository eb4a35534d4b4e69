//! Names that patterns bind.
//!
//! ```text
//! Value::Int(x)   =>   let mut x = bind_inner(&h.found, h.mode, f)      f: where the field is
//! (x, _)          =>   let mut x = m.bind()                             m: what is matched there
//! ```
//!
//! Not here: the patterns (`pattern`).

use super::short_at;
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
            Some(head) => {
                let m = short_at(self.name.span());
                quote_spanned!(self.name.span()=>
                    #m::bind_inner(&#head.found, #head.mode, #matched)
                )
            }
            None => quote_spanned!(self.name.span()=> #matched.#how()),
        }
    }

    /// The same, for a condition that may still say no.
    pub fn peeked(&self) -> TokenStream {
        let matched = &self.matched;
        match (&self.field, self.how) {
            (Some(head), _) => {
                let m = short_at(self.name.span());
                quote_spanned!(self.name.span()=>
                    #m::inner(&#head.found, #head.mode, #matched).peek()
                )
            }
            (None, "bind") => quote_spanned!(self.name.span()=> #matched.peek()),
            _ => self.value(),
        }
    }
}
