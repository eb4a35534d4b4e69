//! What a portal has besides its twin when traced code calls it.
//!
//! ```text
//! twin(args)      what twins call: the portal's own twin from its beginning, or handed over
//! from(entry)     the plain portal, from its beginning or from a state: the body twice
//! resume(state)   the same, as a twin calls it
//! thunk(…)        finishes the call of a portal that compiled code has begun
//! ```
//!
//! The portal's own twin is `portal_twin`. So whoever calls a function need not know that it is a
//! portal; but what is beside it is written only if it is called: in the same module or item, or
//! from other files, which `#[portal(.., recursive)]` announces.
//!
//! `from` takes both kinds of entry so that rustc infers the types of the prologue's variables; it
//! is only ever called with a state.
//!
//! Not here: the portal itself (`portal`), when a call is inlined (`jitgen_core::tracer`).

use crate::model::{Function, reference};
use crate::portal::{self, Portal};
use crate::twin::{self, Twin, return_type, support, support_at, twin_ident};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Expr, FnArg, Ident, Stmt};

/// The name of one of the functions that stand beside a portal.
pub fn beside(function: &Function, what: &str) -> Ident {
    match &function.owner {
        Some(_) => format_ident!("{}__{what}", function.sig.ident),
        None => format_ident!("{what}"),
    }
}

/// The portal's description, as an expression in the plain portal.
pub fn description(function: &Function) -> TokenStream {
    let (name, portal) = (&function.sig.ident, beside(function, "portal"));
    match &function.owner {
        Some(_) => quote!(Self::#portal()),
        None => quote!(#name::#portal()),
    }
}

/// What a portal does first: where the native stack ends it does not begin.
pub fn check_depth(function: &Function, portal: &Portal) -> Option<Stmt> {
    let m = support();
    let description = description(function);
    let instead = match &portal.overflow {
        Some(path) => quote!(return #path()),
        None if function.called => quote!(#m::overflow(#description)),
        None => return None,
    };
    Some(syn::parse_quote!(if #m::is_deep() { #instead; }))
}

/// The functions beside the twin of a portal that traced code calls.
pub fn functions(function: &Function, portal: &Portal) -> TokenStream {
    if !function.called {
        return not_called(function);
    }
    let m = support();
    let lifetimes = &function.sig.generics;
    let result = return_type(&function.sig);
    let at_result = support_at(result.span());
    let (call, name) = (twin_ident(function), |what| beside(function, what));
    let (twin, from) = (name("portal_twin"), name("from"));
    let (resume, thunk) = (name("resume"), name("thunk"));
    let portal_name = name("portal");
    let (outer, arguments) = twin::entry(&function.sig, false);
    let handed = function.sig.inputs.iter().zip(&arguments).map(|(input, name)| match input {
        FnArg::Receiver(this) if reference(this).flatten().is_some() => quote!(#m::unique(#name)),
        FnArg::Receiver(_) => quote!(#m::shared(#name)),
        FnArg::Typed(_) => quote!(#name),
    });
    let go_on = match function.sig.receiver() {
        Some(this) => {
            let mutable = reference(this).flatten();
            quote! {
                let __this: & #mutable Self = __state.first_red();
                __this.#from(#m::Entry::Resume(__state))
            }
        }
        None => quote!(Self::#from(#m::Entry::Resume(__state))),
    };
    let symbol = symbol(function);
    let from = plain_from(function, portal, &from);
    quote! {
        #[cold]
        pub fn #call #lifetimes (#outer) -> #m::Tv<#result> {
            let __call = #m::begin_inline(&[#(#m::Given::given(&#arguments)),*]);
            if __call.is_logged() {
                ::core::mem::forget((#(#arguments,)*));
                return #at_result::returned::<#result>();
            }
            let __outcome = match #m::enter_level(Self::#portal_name(), &__call) {
                ::core::option::Option::Some(__state) => {
                    #(::core::mem::forget(#arguments);)*
                    Self::#twin(#m::Entry::Resume(__state))
                }
                ::core::option::Option::None => {
                    Self::#twin(#m::Entry::Call((#(#handed,)*)))
                }
            };
            #m::leave_level();
            #at_result::end_inline::<#result>(&__call, match __outcome {
                #m::Outcome::Return(__result) => __result,
                #m::Outcome::Merge(__state) => {
                    let __function = #m::Function {
                        symbol: #symbol,
                        address: Self::#thunk as *const () as usize,
                    };
                    let __portal = Self::#portal_name();
                    #at_result::hand_over::<#result>(__portal, __state, __function, Self::#resume)
                }
            })
        }

        #from

        fn #resume #lifetimes (__state: #m::State) -> #result {
            #go_on
        }

        extern "C" fn #thunk #lifetimes (__site: *const #m::Site, __frame: *mut (), __cell: *const ()) {
            #m::guarded(&mut || {
                // SAFETY: compiled code calls this with what it says of the call.
                let __call = unsafe { #m::begun(__site, __frame, __cell) };
                // SAFETY: the call is one of this portal.
                unsafe { #at_result::finish::<_, #result>(&__call, Self::#twin, Self::#resume) }
            })
        }
    }
}

/// What twins of other files find of a portal that they may not call: an error that says so.
fn not_called(function: &Function) -> TokenStream {
    let m = support();
    let (name, lifetimes) = (twin_ident(function), &function.sig.generics);
    let (parameters, _) = twin::entry(&function.sig, false);
    let result = return_type(&function.sig);
    let params = &lifetimes.params;
    quote! {
        #[cold]
        pub fn #name<#params> (#parameters) -> #m::Tv<#result>
        where
            for<'__any> &'__any #m::NotRecursive: #m::CalledByTwins,
        {
            ::core::unreachable!()
        }
    }
}

fn symbol(function: &Function) -> TokenStream {
    let name = twin::function_name(function);
    quote!(::core::concat!(#name, "::from"))
}

/// The plain portal, from a state or from its beginning.
fn plain_from(function: &Function, portal: &Portal, from: &Ident) -> TokenStream {
    let m = support();
    let lifetimes = &function.sig.generics;
    let result = return_type(&function.sig);
    let receiver = function.sig.receiver().map(|this| quote!(#this,));
    let typed = function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(arg) => Some(&arg.pat),
        FnArg::Receiver(_) => None,
    });
    let types: Vec<_> = Twin::parameter_types(&function.sig);
    let types = &types[usize::from(receiver.is_some())..];
    let Some((mut block, prologue)) = portal::plain_parts(function) else { return quote!() };
    let greens = portal.greens.iter().enumerate().filter_map(|(index, green)| match green {
        Expr::Path(path) => Some((path.path.get_ident()?.clone(), index)),
        _ => None,
    });
    let (mut names, mut takes) = (vec![], vec![]);
    for (name, index) in greens {
        takes.push(quote!(let #name = __state.plain_green(#index);));
        names.push(name);
    }
    for red in &portal.reds {
        if red == "self" {
            takes.push(quote!(__state.skip_red(&self);));
        } else {
            takes.push(quote!(let #red = __state.plain_red();));
            names.push(red.clone());
        }
    }
    let check = check_depth(function, portal);
    let start: [Stmt; 2] = [
        syn::parse_quote!(#m::enter_portal();),
        syn::parse_quote! {
            let (#(mut #names,)*) = match __entry {
                #m::Entry::Resume(mut __state) => {
                    #(#takes)*
                    (#(#names,)*)
                }
                #m::Entry::Call((#(#typed,)*)) => {
                    #(#prologue)*
                    (#(#names,)*)
                }
            };
        },
    ];
    block.stmts.splice(0..0, check.into_iter().chain(start));
    quote! {
        fn #from #lifetimes (#receiver __entry: #m::Entry<(#(#types,)*)>) -> #result #block
    }
}
