//! What an author says of a function: the arguments of `#[residual(..)]` and its kin.
//!
//! ```text
//! #[residual(reads(Vm.count, [Value]), writes(), no_escape)]
//! #[elidable]   #[elidable(promote)]   #[loop_invariant]   #[not_in_trace]
//! #[unroll]     #[unroll(if_constant(count))]
//! ```
//!
//! Memory is named as a field of a type, `Vm.count`, or as the elements of all vectors, arrays and
//! slices of a type, `[Value]`.
//!
//! Not here: where marks are found (`collect`), what becomes of such a function (`residual`).

use crate::diagnostics::Errors;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Member, Meta, Token, Type};

/// How a function that is not looked into is called.
#[derive(Clone, Debug, Default)]
pub enum Calling {
    /// Whatever it does, but for what is declared.
    #[default]
    Any,
    /// It does no more than this.
    Declared(Effects),
    /// Its result depends on its arguments alone; `promote`: which are made constant.
    Elidable {
        /// Are its arguments promoted?
        promote: bool,
    },
    /// Its result is the same as long as a trace runs.
    LoopInvariant,
    /// The trace does without it.
    NotInTrace,
}

/// Memory that an author has named.
#[derive(Clone, Debug)]
pub enum Memory {
    /// A field.
    Field(Box<Type>, Member),
    /// Elements.
    Elements(Box<Type>),
}

/// Declared effects.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    reads: Option<Vec<Memory>>,
    writes: Option<Vec<Memory>>,
    no_escape: bool,
}

impl Calling {
    /// What a mark says.
    pub fn parse(name: &str, attr: &Attribute, errors: &mut Errors) -> Calling {
        let plain = matches!(attr.meta, Meta::Path(_));
        match name {
            "residual" if plain => Calling::Any,
            "residual" => match effects(attr, errors) {
                Some(effects) => Calling::Declared(effects),
                None => Calling::Any,
            },
            "elidable" if plain => Calling::Elidable { promote: false },
            "elidable" => {
                if !matches!(attr.parse_args::<Ident>(), Ok(word) if word == "promote") {
                    errors.on(
                        attr,
                        "`elidable` can only be told to promote its arguments",
                        "write `#[elidable]` or `#[elidable(promote)]`",
                    );
                }
                Calling::Elidable { promote: true }
            }
            _ => {
                if !plain {
                    errors.on(attr, &format!("`{name}` takes no arguments"), "");
                }
                match name {
                    "loop_invariant" => Calling::LoopInvariant,
                    _ => Calling::NotInTrace,
                }
            }
        }
    }

    /// Is such a call left out, or made, without being an effect?
    pub fn is_elidable(&self) -> bool {
        matches!(self, Calling::Elidable { .. } | Calling::LoopInvariant)
    }

    /// Can it be told to call only under a condition?
    pub fn may_be_conditional(&self) -> bool {
        match self {
            Calling::Any | Calling::Declared(_) => true,
            Calling::Elidable { promote } => !promote,
            Calling::LoopInvariant | Calling::NotInTrace => false,
        }
    }
}

/// The parameters that must be constant for a function to be looked into, if there is a condition.
pub fn unroll_condition(attr: &Attribute, errors: &mut Errors) -> Option<Vec<Ident>> {
    if matches!(attr.meta, Meta::Path(_)) {
        return None;
    }
    let parsed = attr.parse_args_with(|input: ParseStream| {
        let word: Ident = input.parse()?;
        let content;
        syn::parenthesized!(content in input);
        let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, |input| {
            match input.parse::<Option<Token![self]>>()? {
                Some(this) => Ok(Ident::new("self", this.span)),
                None => input.parse(),
            }
        })?;
        Ok((word, names))
    });
    match parsed {
        Ok((word, names)) if word == "if_constant" && !names.is_empty() => {
            Some(names.into_iter().collect())
        }
        _ => {
            errors.on(
                attr,
                "`unroll` can be given the parameters that must be constant",
                "write `#[unroll]` or `#[unroll(if_constant(count))]`",
            );
            None
        }
    }
}

fn effects(attr: &Attribute, errors: &mut Errors) -> Option<Effects> {
    match attr.parse_args::<Effects>() {
        Ok(effects) => Some(effects),
        Err(error) => {
            errors.at(
                error.span(),
                &format!("the effects of a residual function cannot be read: {error}"),
                "write `#[residual(reads(Vm.count, [Value]), writes(), no_escape)]`, or parts of it",
            );
            None
        }
    }
}

impl Parse for Effects {
    fn parse(input: ParseStream) -> syn::Result<Effects> {
        let mut effects = Effects::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            let text = name.to_string();
            let list = match &*text {
                "no_escape" => {
                    effects.no_escape = true;
                    None
                }
                "reads" => Some(&mut effects.reads),
                "writes" => Some(&mut effects.writes),
                _ => return Err(syn::Error::new(name.span(), format!("there is no `{name}`"))),
            };
            if let Some(list) = list {
                if list.is_some() {
                    let message = format!("`{name}` is given twice");
                    return Err(syn::Error::new(name.span(), message));
                }
                let content;
                syn::parenthesized!(content in input);
                let items = Punctuated::<Memory, Token![,]>::parse_terminated(&content)?;
                *list = Some(items.into_iter().collect());
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(effects)
    }
}

impl Parse for Memory {
    fn parse(input: ParseStream) -> syn::Result<Memory> {
        if input.peek(syn::token::Bracket) {
            let content;
            syn::bracketed!(content in input);
            return Ok(Memory::Elements(Box::new(content.parse()?)));
        }
        let ty: Type = input.parse()?;
        input.parse::<Token![.]>()?;
        Ok(Memory::Field(Box::new(ty), input.parse()?))
    }
}

impl Effects {
    /// An expression of what is declared.
    pub fn tokens(&self) -> TokenStream {
        let m = quote!(::jitgen_core::macro_support);
        let list = |list: &Option<Vec<Memory>>| match list {
            None => quote!(::core::option::Option::None),
            Some(items) => {
                let items = items.iter().map(Memory::tokens);
                quote!(::core::option::Option::Some(#m::classes(&[#(#items),*])))
            }
        };
        let (reads, writes, no_escape) = (list(&self.reads), list(&self.writes), self.no_escape);
        quote!(#m::declared(#reads, #writes, #no_escape))
    }
}

impl Memory {
    /// An expression of its classes.
    fn tokens(&self) -> TokenStream {
        let m = quote!(::jitgen_core::macro_support);
        match self {
            Memory::Elements(ty) => quote!(#m::classes_of_elements::<#ty>()),
            Memory::Field(ty, field) => quote!(#m::classes_of_field(
                ::core::mem::offset_of!(#ty, #field),
                |__this: &#ty| &__this.#field,
            )),
        }
    }
}
