//! `derive(Collect)`: which pointers to objects are in a value.
//!
//! ```text
//! struct Node { value: i64, next: Cell<Option<Gc<Node>>> }
//!     becomes a `trace` that traces `value` and `next`
//! ```
//!
//! A destructor could look at objects that are gone, so a type with `Drop` is refused unless its
//! author promises that it does not (`#[collect(unsafe_drop)]`). A field is left out if its type is
//! `Send`, which nothing with a `Gc` in it is (`#[collect(skip)]`), or if its author promises that
//! there are no pointers to objects (`#[collect(unsafe_skip)]`).
//!
//! Not here: what tracing does.

use crate::diagnostics::Errors;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Type, parse_quote};

/// The expansion of `derive(Collect)`.
pub fn collect(item: TokenStream) -> TokenStream {
    let mut input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let unsafe_drop = option(&input.attrs, &["unsafe_drop"], &mut errors).is_some();
    let mut types = vec![];
    let arms: Vec<TokenStream> = match &input.data {
        Data::Struct(data) => vec![arm(quote!(Self), &data.fields, &mut types, &mut errors)],
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let name = &variant.ident;
                arm(quote!(Self::#name), &variant.fields, &mut types, &mut errors)
            })
            .collect(),
        Data::Union(data) => {
            let message = "a union cannot be traced: its layout does not say what it holds";
            let help = "keep the pointers in an enum, or write `unsafe impl Collect`";
            errors.at(data.union_token.span, message, help);
            vec![]
        }
    };
    if errors.any() {
        return errors.tokens();
    }
    let gc = quote!(::jitgen_core::gc);
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#gc::Collect));
    }
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let no_drop = (!unsafe_drop).then(|| {
        quote! {
            const _: () = {
                trait ACollectedTypeMustNotImplementDrop {}
                #[allow(drop_bounds, reason = "the bound finds types with a destructor")]
                impl<T: ?::core::marker::Sized + ::core::ops::Drop>
                    ACollectedTypeMustNotImplementDrop for T {}
                impl #generics ACollectedTypeMustNotImplementDrop for #name #arguments #bounds {}
            };
        }
    });
    // An enum without variants has no values to match.
    let body =
        if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) };
    quote! {
        // SAFETY: all fields are traced but those that the author vouches for, and there is no
        // destructor or the author vouches for it.
        unsafe impl #generics #gc::Collect for #name #arguments #bounds {
            const NEEDS_TRACE: bool = false #(|| <#types as #gc::Collect>::NEEDS_TRACE)*;
            #[inline]
            #[allow(unused_variables, reason = "there may be no fields")]
            fn trace(&self, tracer: &mut #gc::Tracer<'_>) { #body }
        }
        #no_drop
    }
}

/// `path { field: name, .. } => { trace(name) .. }`
fn arm(
    path: TokenStream,
    fields: &Fields,
    types: &mut Vec<Type>,
    errors: &mut Errors,
) -> TokenStream {
    let mut patterns = vec![];
    let mut calls = vec![];
    let mut checks = vec![];
    for (member, field) in fields.members().zip(fields) {
        let ty = &field.ty;
        match option(&field.attrs, &["skip", "unsafe_skip"], errors) {
            Some("skip") => {
                let span = ty.span();
                checks.push(quote_spanned!(span=> ::jitgen_core::gc::skip::<#ty>();));
                continue;
            }
            Some(_) => continue,
            None => (),
        }
        let name = format_ident!("field_{}", patterns.len());
        patterns.push(quote!(#member: #name));
        calls.push(quote!(::jitgen_core::gc::Collect::trace(#name, tracer);));
        types.push(field.ty.clone());
    }
    quote!(#path { #(#patterns,)* .. } => { #(#checks)* #(#calls)* })
}

/// The option in `#[collect(option)]`, one of those that there are.
fn option<'a>(
    attributes: &[Attribute],
    options: &[&'a str],
    errors: &mut Errors,
) -> Option<&'a str> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("collect")) {
        let result = attribute.parse_nested_meta(|meta| {
            found = options.iter().find(|option| meta.path.is_ident(option)).copied();
            if found.is_some() {
                return Ok(());
            }
            let options = options.join("` or `");
            Err(meta.error(format!("there is no such option\n\n  help: write `{options}`")))
        });
        if let Err(error) = result {
            errors.add(error);
        }
    }
    found
}
