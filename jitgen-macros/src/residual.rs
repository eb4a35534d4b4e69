//! Residual functions: a twin that calls the original, and the thunk that compiled code calls.
//!
//! Not here: what is recorded of the call (`macro_support::residual`).

use crate::diagnostics::Errors;
use crate::model::{Function, reference};
use crate::twin::{return_type, support_at, twin_ident, wrap};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{FnArg, Type};

/// The twin and the thunk of a residual function.
pub fn twin(function: &Function, errors: &mut Errors) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    let name = &function.sig.ident;
    let mut types: Vec<Type> = vec![];
    let mut receiver = None;
    for input in &function.sig.inputs {
        match input {
            FnArg::Typed(arg) => types.push((*arg.ty).clone()),
            FnArg::Receiver(this) => {
                if reference(this).is_none() {
                    errors.on(
                        this,
                        "a residual method that takes `self` by value is not supported yet",
                        "take `&self` or `&mut self`",
                    );
                }
                let mutable = reference(this).flatten();
                receiver = Some(mutable.is_some());
                types.push(syn::parse_quote!(& #mutable Self));
            }
        }
    }
    let arguments: Vec<_> = (0..types.len()).map(|index| format_ident!("__a{index}")).collect();
    let result = return_type(&function.sig);
    let at_result = support_at(result.span());
    let symbol = match &function.owner {
        None => quote!(::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name))),
        Some(owner) => {
            let owner = quote!(#owner).to_string().replace(' ', "");
            quote!(
                ::core::concat!(::core::module_path!(), "::", #owner, "::", ::core::stringify!(#name))
            )
        }
    };
    let target = if function.owner.is_some() { quote!(Self::#name) } else { quote!(#name) };
    let thunk = match &function.owner {
        Some(_) => format_ident!("{name}__thunk"),
        None => format_ident!("thunk"),
    };
    let (parameters, bind) = match receiver {
        None => (quote!(#(#arguments: #m::Tv<#types>),*), quote!()),
        Some(mutable) => {
            let (rest, rest_types) = (&arguments[1..], &types[1..]);
            let borrow = if mutable { quote!(unique) } else { quote!(shared) };
            (
                quote!(&self, __place: #m::Place<Self>, #(#rest: #m::Tv<#rest_types>),*),
                quote!(let __a0 = #m::#borrow(__place);),
            )
        }
    };
    let twin_name = twin_ident(function);
    let lifetimes = &function.sig.generics;
    wrap(
        function,
        quote! {
            #[cold]
            pub fn #twin_name #lifetimes (#parameters) -> #m::Tv<#result> {
                #bind
                let __words = [#(#m::word(&#arguments)),*];
                let __function = #m::Function {
                    symbol: #symbol,
                    address: Self::#thunk as *const () as usize,
                };
                #at_result::residual::<#result>(__function, &__words, move || #target(#(#arguments.native()),*))
            }

            extern "C" fn #thunk #lifetimes (
                #(#arguments: #m::AbiOf<#types>,)*
                __out: *mut u8,
            ) -> #at_result::RetOf<#result> {
                #m::guarded(#m::nothing::<#result>(), || {
                    // SAFETY: the trace passes these arguments.
                    let __result: #result = unsafe { #target(#(#m::from_abi::<#types>(#arguments)),*) };
                    // SAFETY: the trace passes scratch memory of the size of the result.
                    unsafe { #m::deliver::<#result>(__result, __out) }
                })
            }
        },
    )
}
