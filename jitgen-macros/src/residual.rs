//! Residual functions: a twin that calls the original, and the thunk that compiled code calls.
//!
//! The thunk stands beside the twin. In the `impl` of a trait there is no place for it: there it
//! stands inside the twin, with the type written out.
//!
//! Not here: what is recorded of the call (`macro_support::residual`).

use crate::diagnostics::Errors;
use crate::hints::Calling;
use crate::model::{Function, Home, Module, reference};
use crate::signature;
use crate::twin::{
    self, IS_ELIDABLE, IS_RESIDUAL, function_name, preamble, return_type, support_at, twin_ident,
    visibility, wrap,
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{FnArg, Type};

/// The twin and the thunk of a residual function.
pub fn twin(module: &Module, function: &Function, errors: &mut Errors) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    let name = &function.sig.ident;
    let inside = matches!(function.home, Home::Impl(_));
    if function.home == Home::Trait || inside && function.generics.type_params().next().is_some() {
        errors.on(
            name,
            "a residual method of a trait needs a type of its own",
            "write it in the `impl` of a type without parameters, or as a free function",
        );
        return TokenStream::new();
    }
    let mut types: Vec<Type> = vec![];
    let mut receiver = None;
    for input in &function.sig.inputs {
        match input {
            FnArg::Typed(arg) => types.push((*arg.ty).clone()),
            FnArg::Receiver(this) => match reference(this) {
                None => {
                    receiver = Some(quote!(value));
                    types.push(syn::parse_quote!(Self));
                }
                Some(mutable) => {
                    receiver =
                        Some(if mutable.is_some() { quote!(unique) } else { quote!(shared) });
                    types.push(syn::parse_quote!(& #mutable Self));
                }
            },
        }
    }
    let arguments: Vec<_> = (0..types.len()).map(|index| format_ident!("__a{index}")).collect();
    let wide = signature::coerces(function);
    let (mut taken, mut coerced) = (vec![], quote!());
    for (name, ty) in arguments.iter().zip(&types) {
        match signature::coercion(&function.sig, ty, wide) {
            Some(signature::Coercion { parameter, how }) => {
                taken.push(parameter);
                coerced.extend(quote!(let #name = #m::#how(#name);));
            }
            None => taken.push(quote!(#ty)),
        }
    }
    let (parameters, bind) = match receiver {
        None => (quote!(#(#arguments: #m::Tv<#taken>),*), coerced),
        Some(how) => {
            let (rest, rest_types) = (&arguments[1..], &taken[1..]);
            let coerced = match types.first() {
                Some(ty) if signature::coercion(&function.sig, ty, wide).is_some() => arguments
                    [1..]
                    .iter()
                    .zip(&types[1..])
                    .filter_map(|(name, ty)| {
                        let how = signature::coercion(&function.sig, ty, wide)?.how;
                        Some(quote!(let #name = #m::#how(#name);))
                    })
                    .collect(),
                _ => coerced,
            };
            let rest = quote!(#(#rest: #m::Tv<#rest_types>),*);
            if how.to_string() == "value" {
                (quote!(&self, __a0: #m::Tv<Self>, #rest), coerced)
            } else {
                (
                    quote!(&self, __place: #m::Place<Self>, #rest),
                    quote!(let __a0 = #m::#how(__place); #coerced),
                )
            }
        }
    };
    let result = return_type(&function.sig);
    let at_result = support_at(result.span());
    let target = match &function.owner {
        Some(_) => quote!(Self::#name),
        None => quote!(#name),
    };
    let thunk = match &function.owner {
        Some(_) => format_ident!("{name}__thunk"),
        None => format_ident!("thunk"),
    };
    let thunk_path = if inside { quote!(#thunk) } else { quote!(Self::#thunk) };
    // One function for each instance, and so one symbol.
    let symbol = if function.generics.type_params().next().is_some()
        || function.generics.const_params().next().is_some()
    {
        quote!(::core::any::type_name_of_val(&#thunk_path))
    } else {
        function_name(function)
    };
    let (twin_name, vis) = (twin_ident(function), visibility(function));
    let (preamble, seen) = (preamble(function, false), twin::seen(function));
    let generics = signature::generics(function);
    let (generics, _, bounds) = generics.split_for_impl();
    let lifetimes = &function.sig.generics;
    let thunk_item = thunk_item(function, &thunk, &types, &arguments, lifetimes, inside);
    let (within, beside) = if inside { (thunk_item, quote!()) } else { (quote!(), thunk_item) };
    let callee = quote!(#m::Function {
        symbol: #symbol,
        address: #thunk_path as *const () as usize,
    });
    let bind_first = if function.inside_if.is_some() { quote!() } else { bind.clone() };
    let inner = match function.inside_if {
        Some(_) => twin::inner(module, function, errors),
        None => quote!(),
    };
    let native = quote!(move || #target(#(#arguments.native()),*));
    let words = quote!([#(#m::word(&#arguments)),*]);
    let call = match &function.calling {
        _ if function.inside_if.is_some() => {
            let called = quote! {
                {
                    #bind
                    #at_result::residual::<#result, _, _>(#callee, &#words, #native)
                }
            };
            let conditions = conditions(function, errors);
            let (entered, inner) =
                (twin::entry(&function.sig, false).1, twin::inside_ident(function));
            let inner = match function.has_receiver() {
                true => quote!(self.#inner),
                false => quote!(Self::#inner),
            };
            quote! {
                let __call = #m::begin_inline(&[]);
                if #m::looks_inside(&__call, true #(&& #m::Given::given(&#conditions).is_const())*) {
                    #inner(#(#entered),*)
                } else {
                    #called
                }
            }
        }
        Calling::Any => quote! {
            #at_result::residual::<#result, _, _>(#callee, &#words, #native)
        },
        Calling::Declared(effects) => {
            let effects = effects.tokens();
            quote! {
                let __callee = #effects.of(#callee);
                #at_result::residual::<#result, _, _>(__callee, &#words, #native)
            }
        }
        Calling::NotInTrace => quote! {
            #at_result::not_in_trace(#native)
        },
        Calling::Elidable { .. } | Calling::LoopInvariant => {
            check_elidable(function, errors);
            let promote = matches!(function.calling, Calling::Elidable { promote: true });
            let promoted = promote.then(|| {
                let promoted = arguments.iter().map(|name| twin::promoted(&quote!(#name)));
                quote!(#(let #arguments = #promoted;)*)
            });
            let folds = matches!(function.calling, Calling::Elidable { .. });
            let plain = plain(&types, &result);
            let conditional = twin::can_be_left_out(function).then(|| quote! {
                if #m::is_conditional() {
                    return #at_result::elidable_if::<#result>(#callee, #plain, &#words, #native);
                }
            });
            quote! {
                #(const { #m::takes_no_owner::<#types>() };)*
                #promoted
                #conditional
                let __call = #m::begin_inline(&[#(#m::Given::given(&#arguments)),*]);
                if __call.is_logged() {
                    return #at_result::returned::<#result>();
                }
                let __constant = #folds
                    && !::core::mem::needs_drop::<#result>()
                    #(&& #m::is_fixed(&#arguments))*;
                let __words =
                    if __constant { ::std::vec![] } else { ::std::vec::Vec::from(#words) };
                let __elidable = #m::Elidable {
                    call: __call,
                    function: #callee,
                    constant: __constant,
                    plain: #plain,
                };
                #at_result::elidable::<#result>(__elidable, &__words, #native)
            }
        }
    };
    let elidable = function.calling.is_elidable();
    let mark = match &function.owner {
        _ if inside || !twin::can_be_left_out(function) => None,
        None => {
            let elidable = elidable.then(|| quote!(#vis const IS_ELIDABLE: () = ();));
            Some(quote!(#vis const IS_RESIDUAL: () = (); #elidable))
        }
        Some(_) => Some(method_marks(function, elidable)),
    };
    wrap(
        function,
        quote! {
            #mark

            #[cold]
            #vis fn #twin_name #generics (#parameters) -> #m::Tv<#result> #bounds {
                #preamble
                #seen
                #within
                #bind_first
                #call
            }

            #beside

            #inner
        },
    )
}

/// What says of a method that it may be called conditionally, and whether its result may be told:
/// methods, so that rustc finds them as it finds the method.
fn method_marks(function: &Function, elidable: bool) -> TokenStream {
    let names = [(true, IS_RESIDUAL), (elidable, IS_ELIDABLE)].into_iter();
    let names = names.filter(|(is_so, _)| *is_so);
    let names = names.map(|(_, mark)| twin::mark_ident(&function.sig.ident, mark));
    let receiver = function.sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(this) => Some(reference(this).is_none()),
        FnArg::Typed(_) => None,
    });
    let this = receiver.map(|_| quote!(&self));
    // Whether a call is made must not decide who drops its receiver.
    let check = (receiver == Some(true))
        .then(|| quote!(const { ::core::assert!(!::core::mem::needs_drop::<Self>()) };));
    quote!(#(pub fn #names(#this) { #check })*)
}

/// The parameters of which a function is looked into only where they are constant.
fn conditions(function: &Function, errors: &mut Errors) -> Vec<syn::Ident> {
    let (_, arguments) = twin::entry(&function.sig, false);
    let mut conditions = vec![];
    for name in function.inside_if.iter().flatten() {
        let index = function.sig.inputs.iter().position(|input| match input {
            FnArg::Receiver(_) => name == "self",
            FnArg::Typed(arg) => matches!(&*arg.pat, syn::Pat::Ident(pat) if pat.ident == *name),
        });
        match index {
            Some(index) => conditions.push(arguments[index].clone()),
            None => errors.on(name, &format!("there is no parameter `{name}`"), ""),
        }
    }
    let generic = function.sig.generics.type_params().next().is_some()
        || function.generics.type_params().next().is_some();
    if generic || matches!(function.home, Home::Impl(_)) {
        errors.on(
            &function.sig.ident,
            "`unroll(if_constant(..))` is not supported yet on generic functions and in `impl`s of traits",
            "write a function for each type",
        );
    }
    conditions
}

/// Are all values passed in registers? As an expression.
fn plain(types: &[Type], result: &TokenStream) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    quote!(#m::in_register::<#result>() #(&& #m::in_register::<#types>())*)
}

/// What depends on its arguments alone changes none of them.
fn check_elidable(function: &Function, errors: &mut Errors) {
    for input in &function.sig.inputs {
        let changes = match input {
            FnArg::Receiver(this) => reference(this).flatten().is_some(),
            FnArg::Typed(arg) => matches!(&*arg.ty, Type::Reference(r) if r.mutability.is_some()),
        };
        if changes {
            errors.on(
                input,
                "the result of an elidable function depends on its arguments alone, and it changes nothing",
                "take `&`, or write `#[residual]`",
            );
        }
    }
}

fn thunk_item(
    function: &Function,
    thunk: &syn::Ident,
    types: &[Type],
    arguments: &[syn::Ident],
    lifetimes: &syn::Generics,
    inside: bool,
) -> TokenStream {
    let m = quote!(::jitgen_core::macro_support);
    let name = &function.sig.ident;
    let mut types = types.to_vec();
    let mut result: Type = match &function.sig.output {
        syn::ReturnType::Default => syn::parse_quote!(()),
        syn::ReturnType::Type(_, ty) => (**ty).clone(),
    };
    let at_result = support_at(result.span());
    let target = match (&function.home, &function.owner) {
        (Home::Impl(path), Some(owner)) => quote!(<#owner as #path>::#name),
        (_, Some(_)) => quote!(Self::#name),
        (_, None) => quote!(#name),
    };
    let mut generics = lifetimes.clone();
    if inside && let Some(owner) = &function.owner {
        let mut named = Named(owner);
        types.iter_mut().for_each(|ty| named.visit_type_mut(ty));
        named.visit_type_mut(&mut result);
        let outer = function.generics.lifetimes().cloned().map(syn::GenericParam::Lifetime);
        generics.params = outer.chain(generics.params).collect();
    }
    let (guarded, again) = match function.calling.is_elidable() {
        false => (quote!(#m::guarded), quote!()),
        true => {
            let plain = plain(&types, &quote!(#result));
            (quote!(#m::guarded_elidable), quote!(#plain,))
        }
    };
    quote! {
        extern "C" fn #thunk #generics (
            #(#arguments: #m::AbiOf<#types>,)*
            __out: *mut u8,
        ) -> #at_result::RetOf<#result> {
            let mut __handed = #m::nothing::<#result>();
            // SAFETY: the trace passes these arguments, and scratch memory of the size of the result.
            #guarded(#again &mut || unsafe {
                let __result: #result = #target(#(#m::from_abi::<#types>(#arguments)),*);
                __handed = #m::deliver::<#result>(__result, __out);
            });
            __handed
        }
    }
}

/// Writes a type out where `Self` stands.
struct Named<'a>(&'a Type);

impl VisitMut for Named<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.path.is_ident("Self")
        {
            *ty = self.0.clone();
            return;
        }
        syn::visit_mut::visit_type_mut(self, ty);
    }
}
