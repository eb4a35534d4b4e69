//! Signatures: what a twin's looks like beside its function's.
//!
//! ```text
//! fn pick<T: Copy>(c: bool, a: T) -> T         fn twin<T: Copy + Traced>(c: Tv<bool>, a: Tv<T>) -> Tv<T>
//! fn m(&self, x: u8)                           fn m__twin(&self, __place: Place<Self>, x: Tv<u8>)
//! fn m(self, x: u8)                            fn m__twin(&self, __self: Tv<Self>, x: Tv<u8>)
//! ```
//!
//! The native `&self` of a twin is there for rustc, which finds the method by it; the twin itself
//! uses the second argument.
//!
//! Invariant `same-predicates`: the twin in a trait and that in its `impl` have the same bounds.
//!
//! Not here: bodies.

use crate::diagnostics::Errors;
use crate::model::{Function, Home, Role, reference};
use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{FnArg, GenericParam, Generics, Ident, Signature, Type, TypeParamBound};

/// Can the function have a twin?
pub fn check(function: &Function, errors: &mut Errors) -> bool {
    let sig = &function.sig;
    let what = if sig.asyncness.is_some() {
        "async functions"
    } else if sig.variadic.is_some() {
        "variadic functions"
    } else if function.role == Role::Residual && has_types(&sig.generics) {
        "generic residual functions"
    } else if function.role == Role::Portal && has_types(&sig.generics) {
        "generic portals"
    } else if function.role == Role::Portal && matches!(function.home, Home::Impl(_) | Home::Trait)
    {
        "portals in traits"
    } else if function.role == Role::Portal
        && let Some(this) = sig.receiver()
        && reference(this).is_none()
    {
        errors.on(
            this,
            "a portal that takes `self` by value is not supported yet",
            "take `&self` or `&mut self`",
        );
        return false;
    } else if let Some(this) = sig.receiver()
        && matches!(this.kind, syn::ReceiverKind::Typed(..))
    {
        errors.on(
            this,
            "a `self` with a type is not supported yet in traced methods",
            "take `self`, `&self` or `&mut self`",
        );
        return false;
    } else if let Some(at) = sig.inputs.iter().find_map(impl_trait) {
        errors.on(
            &at,
            "`impl Trait` as a parameter is not supported yet in traced code",
            "name the type: `fn f<T: Trait>(x: T)`",
        );
        return false;
    } else {
        return true;
    };
    let help = match function.role {
        Role::Residual => "write a function for each type",
        _ => "call what it does from a #[residual] function",
    };
    errors.on(sig, &format!("{what} are not supported yet in traced code"), help);
    false
}

fn has_types(generics: &Generics) -> bool {
    generics.type_params().next().is_some() || generics.const_params().next().is_some()
}

fn impl_trait(input: &FnArg) -> Option<Type> {
    match input {
        FnArg::Typed(arg) if matches!(&*arg.ty, Type::ImplTrait(_)) => Some((*arg.ty).clone()),
        _ => None,
    }
}

/// Generics as a twin has them: what has a type parameter can be traced.
pub fn widen(generics: &Generics) -> Generics {
    let m = quote!(::jitgen_core::macro_support);
    let mut wide = generics.clone();
    let mut predicates = vec![];
    for param in &mut wide.params {
        let GenericParam::Type(param) = param else { continue };
        let name = param.ident.clone();
        let bounds = bounds_of(generics, param);
        param.default = None;
        param.bounds.push(syn::parse_quote!(#m::Traced));
        if bounds.iter().any(has_methods) {
            // Methods are called on it, so it is what a method call reaches.
            param.bounds.push(syn::parse_quote!(#m::Auto<Target = #name>));
        }
        if bounds.iter().any(|bound| bound == "Copy") {
            predicates.push(syn::parse_quote!(#m::Carried<#name>: ::core::marker::Copy));
        }
    }
    if !predicates.is_empty() {
        wide.make_where_clause().predicates.extend::<Vec<syn::WherePredicate>>(predicates);
    }
    wide
}

/// The last names of the traits that a type parameter has as bounds.
fn bounds_of(generics: &Generics, param: &syn::TypeParam) -> Vec<String> {
    let name = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().map(|segment| segment.ident.to_string())
        }
        _ => None,
    };
    let mut bounds: Vec<String> = param.bounds.iter().filter_map(name).collect();
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        if let syn::WherePredicate::Type(predicate) = predicate
            && let Type::Path(path) = &predicate.bounded_ty
            && path.path.is_ident(&param.ident)
        {
            bounds.extend(predicate.bounds.iter().filter_map(name));
        }
    }
    bounds
}

fn has_methods(bound: &String) -> bool {
    !matches!(
        &**bound,
        "Copy" | "Clone" | "Sized" | "Send" | "Sync" | "Traced" | "Debug" | "Display"
    )
}

/// The generics of a function's twin.
pub fn generics(function: &Function) -> Generics {
    let m = quote!(::jitgen_core::macro_support);
    let mut wide = widen(&function.sig.generics);
    if matches!(function.home, Home::Trait | Home::Impl(_)) {
        // Without this, the trait could no longer be made an object.
        let mut predicates: Vec<syn::WherePredicate> = vec![syn::parse_quote!(Self: Sized)];
        let this = function.sig.receiver();
        if this.is_some() {
            // A default body calls methods of `Self`.
            predicates.push(syn::parse_quote!(Self: #m::Auto<Target = Self>));
        }
        if this.is_some_and(|this| reference(this).is_none()) {
            predicates.push(syn::parse_quote!(Self: #m::Traced));
        }
        let mut projections = Projections(vec![]);
        projections.visit_signature(&function.sig);
        for ty in projections.0 {
            predicates.push(syn::parse_quote!(#ty: #m::Traced));
        }
        wide.make_where_clause().predicates.extend(predicates);
    }
    wide
}

/// A parameter to which Rust would coerce an argument.
pub struct Coercion {
    /// The type of the twin's parameter.
    pub parameter: TokenStream,
    /// What makes the value of it.
    pub how: Ident,
}

/// Do the parameters of the function's twin take what coerces to them? Not in traits, whose
/// methods have the types that they say.
pub fn coerces(function: &Function) -> bool {
    let in_trait = matches!(function.home, Home::Impl(_) | Home::Trait);
    !in_trait && function.role != Role::Portal && !has_types(&function.generics)
}

/// How an argument is coerced to a parameter of that type: a reference, to a type without type
/// parameters, in a signature whose result does not take its lifetime from there.
pub fn coercion(sig: &Signature, ty: &Type, wide: bool) -> Option<Coercion> {
    let Type::Reference(reference) = ty else { return None };
    let inner = &*reference.elem;
    let known = matches!(inner, Type::Path(_) | Type::Slice(_));
    let mut mentions = Mentions { names: vec![], found: false };
    mentions.names.extend(sig.generics.type_params().map(|param| param.ident.clone()));
    mentions.visit_type(inner);
    let mut elided = Elided(false);
    elided.visit_return_type(&sig.output);
    let mut inside = Elided(false);
    inside.visit_type(inner);
    if !wide || !known || mentions.found || elided.0 || inside.0 {
        return None;
    }
    let m = quote!(::jitgen_core::macro_support);
    let (bound, how) = match reference.mutability {
        None => (quote!(Reaches), "reached"),
        Some(_) => (quote!(ReachesUnique), "reached_unique"),
    };
    let parameter = quote!(impl #m::#bound<#inner>);
    Some(Coercion { parameter, how: Ident::new(how, ty.span()) })
}

/// Does a type name one of these type parameters, or `Self`?
struct Mentions {
    names: Vec<Ident>,
    found: bool,
}

impl Visit<'_> for Mentions {
    fn visit_path(&mut self, path: &syn::Path) {
        let first = path.segments.first().map(|segment| &segment.ident);
        self.found |= first.is_some_and(|name| self.names.contains(name));
        syn::visit::visit_path(self, path);
    }
}

/// Does a type leave a lifetime to be found out?
struct Elided(bool);

impl Visit<'_> for Elided {
    fn visit_type_reference(&mut self, reference: &syn::TypeReference) {
        self.0 |= reference.lifetime.is_none();
        syn::visit::visit_type_reference(self, reference);
    }
    fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
        self.0 |= lifetime.ident == "_";
    }
}

/// Associated types in a signature: nothing else says that they can be traced.
struct Projections(Vec<Type>);

impl Visit<'_> for Projections {
    fn visit_type_path(&mut self, path: &syn::TypePath) {
        let first = path.path.segments.first();
        let of_self = first.is_some_and(|s| s.ident == "Self") && path.path.segments.len() > 1;
        if of_self || path.qself.is_some() {
            self.0.push(Type::Path(path.clone()));
        }
        syn::visit::visit_type_path(self, path);
    }
}
