//! `derive(Traced)`: what the tracer needs to know of a type.
//!
//! A struct gets field access through places; the type itself is opaque by value. An enum can be
//! matched where it is constant. The derive names no layout: rustc computes field addresses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

/// The expansion of `derive(Traced)`.
pub fn traced(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    if let Data::Union(union) = &input.data {
        let message = "a union cannot be traced: its layout does not say what it holds\n\n  \
                       help: keep it behind a #[residual] function";
        return syn::Error::new(union.union_token.span, message).to_compile_error();
    }
    let name = &input.ident;
    let (generics, types, bounds) = input.generics.split_for_impl();
    let m = quote!(::jitgen_core::macro_support);
    quote! {
        // SAFETY: the carrier is the type itself.
        unsafe impl #generics #m::Traced for #name #types #bounds { type C = Self; }
        impl #generics #m::Leaves for #name #types #bounds {
            const OPAQUE: bool = true;
            fn leaves(_: &mut dyn ::core::ops::FnMut(u32, ::jitgen_core::ir::Ty)) {}
        }
        impl #generics #m::Auto for #name #types #bounds {
            type Target = Self;
            fn auto(place: #m::Place<Self>) -> #m::Place<Self> { place }
        }
        impl #generics #m::Opaque for #name #types #bounds {}
        impl #generics #m::Collapsible for #name #types #bounds {
            fn to_log(value: &#m::Tv<Self>) -> ::core::option::Option<#m::Image> {
                #m::constant_to_log(value)
            }
            fn from_log(image: &#m::Image) -> #m::Tv<Self> {
                #m::constant_from_log(image)
            }
        }
    }
}
