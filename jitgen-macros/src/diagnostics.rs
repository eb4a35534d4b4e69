//! The errors of one expansion, collected and given out together.
//!
//! A message is lower case, without full stop: what is wrong and why, then a line `help:` with what
//! to write. "not supported yet" means that it is planned, "not allowed" that it makes no sense.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;

/// Errors so far.
#[derive(Default)]
pub struct Errors {
    errors: Vec<syn::Error>,
}

impl Errors {
    /// Adds an error at a span.
    pub fn at(&mut self, span: Span, message: &str, help: &str) {
        let text = if help.is_empty() {
            message.to_owned()
        } else {
            format!("{message}\n\n  help: {help}")
        };
        self.errors.push(syn::Error::new(span, text));
    }

    /// Adds an error on some syntax.
    pub fn on(&mut self, tokens: &impl Spanned, message: &str, help: &str) {
        self.at(tokens.span(), message, help);
    }

    /// Adds an error that `syn` found.
    pub fn add(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// Has anything gone wrong?
    pub fn any(&self) -> bool {
        !self.errors.is_empty()
    }

    /// All errors as tokens.
    pub fn tokens(self) -> TokenStream {
        self.errors.into_iter().map(|error| error.to_compile_error()).collect()
    }
}
