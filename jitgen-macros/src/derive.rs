//! `derive(Traced)`: what the tracer needs to know of a type.
//!
//! ```text
//! struct  the words of its fields, at `offset_of!`
//! enum    the tag, where the layout is fixed: `repr(C, u8)` and the like, or no fields at all;
//!         else its variant is known only where a value is made, matched, or returned by a call
//! ```
//!
//! A field whose type is not traced makes the type opaque by value; its other fields can be reached
//! all the same. Whether there is something to drop is asked of rustc.
//!
//! All that is constant is made by one function of the type's, `__described`. It is generic for no
//! other reason than that rustc's lints then leave the constants in it alone
//! (`macro_support::probe`): they are evaluated where traced code needs them, and `cargo check`
//! needs none.
//!
//! Invariant `from-rustc`: offsets, sizes, discriminants and destructors are constants that rustc
//! evaluates; the derive writes none of them down.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DataEnum, DeriveInput, Fields, GenericParam, Generics, Ident, Type};

/// The expansion of `derive(Traced)`.
pub fn traced(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    match &input.data {
        Data::Union(union) => {
            let message = "a union cannot be traced: its layout does not say what it holds\n\n  \
                           help: keep it behind a #[residual] function";
            syn::Error::new(union.union_token.span, message).to_compile_error()
        }
        Data::Struct(data) => {
            let errors = refused(&input, None);
            let (all, equal) = (implement(&input, &structure(&input, &data.fields)), equal(&input));
            [errors, apart(&quote!(#all #equal))].into_iter().collect()
        }
        Data::Enum(data) => {
            let fields = data.variants.iter().flat_map(|variant| &variant.fields);
            let errors = refused(&input, fields.flat_map(|field| &field.attrs).find(is_immutable));
            [errors, apart(&enumeration(&input, data))].into_iter().collect()
        }
    }
}

fn is_immutable(attr: &&syn::Attribute) -> bool {
    attr.path().is_ident("immutable")
}

/// Errors for marks that stand where they mean nothing yet.
fn refused(input: &DeriveInput, immutable: Option<&syn::Attribute>) -> TokenStream {
    let mut errors = crate::diagnostics::Errors::default();
    if let Some(attr) = immutable {
        errors.on(
            attr,
            "`immutable` is not supported yet in enums",
            "mark the field of a struct that holds the enum",
        );
    }
    for attr in &input.attrs {
        if attr.path().is_ident("virtualizable") && !matches!(input.data, Data::Struct(_)) {
            errors.on(attr, "`virtualizable` belongs on a struct", "mark a struct that holds it");
        }
        if attr.path().is_ident("virtualizable") && !matches!(attr.meta, syn::Meta::Path(_)) {
            errors.on(attr, "`virtualizable` takes no arguments", "");
        }
        if is_immutable(&attr) {
            errors.on(attr, "`immutable` belongs on a field", "mark each field that never changes");
        }
    }
    errors.tokens()
}

/// `jitgen_core::macro_support`, in few tokens, where [`apart`] puts what names it.
fn support() -> TokenStream {
    quote!(__m)
}

/// Impls in a scope of their own.
fn apart(impls: &TokenStream) -> TokenStream {
    quote! {
        #[allow(
            warnings, clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, unsafe_code,
            reason = "generated"
        )]
        const _: () = {
            use ::jitgen_core::macro_support::{self as __m, Unknown as _, UnknownDrop as _};
            #impls
        };
    }
}

/// What is known of a type.
struct Said {
    /// The value that describes it, a `Derived`.
    described: TokenStream,
    /// The function that visits the fields of an enum.
    visit: TokenStream,
}

/// The impls that every derived type has.
fn implement(input: &DeriveInput, said: &Said) -> TokenStream {
    let m = support();
    let name = &input.ident;
    let with_bounds = traced_generics(input);
    let (generics, types, bounds) = with_bounds.split_for_impl();
    let ownership = ownership(input);
    let clone = clone(input);
    let (_, _, promotable) = input.generics.split_for_impl();
    let predicates = promotable.map(|bounds| &bounds.predicates).into_iter().flatten();
    let held = types_inside(input);
    let (own_generics, ..) = input.generics.split_for_impl();
    let promotable = quote!(
        impl #own_generics #m::Promotable for #name #types
        where #(#predicates,)* #(for<'__held> #held: #m::Promotable),* {}
    );
    let Said { described, visit } = said;
    quote! {
        impl #generics #name #types #bounds {
            const fn __described<__D>() -> #m::Derived {
                #described.dropping(#m::Probe::<Self, __D>::DROPS)
            }
        }
        // SAFETY: the bits are the type itself, and the items are composed from those of the
        // fields at the offsets that rustc gives.
        unsafe impl #generics #m::Traced for #name #types #bounds {
            type V = Self;
            type O = #ownership;
            type Pass = #m::ByMemory;
            const DERIVED: #m::Derived = Self::__described::<()>();
            #visit
        }
        impl #generics #m::Auto for #name #types #bounds {
            type Target = Self;
            #[inline]
            fn auto(place: #m::Place<Self>) -> #m::Place<Self> { place }
        }
        impl #generics #m::Peel for #name #types #bounds {
            type End = Self;
            type Then<__M: #m::Binding> = __M;
            #[inline]
            fn peel(place: #m::Place<Self>) -> #m::Place<Self> { place }
        }
        #clone
        #promotable
    }
}

/// The types of all fields, each once.
fn types_inside(input: &DeriveInput) -> Vec<&Type> {
    let mut types: Vec<&Type> = vec![];
    let all: Vec<&syn::Field> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => vec![],
    };
    for field in all {
        if !types.contains(&&field.ty) {
            types.push(&field.ty);
        }
    }
    types
}

/// Is there `#[traced(clone)]` on it?
fn is_shared(input: &DeriveInput) -> bool {
    input.attrs.iter().filter(|attr| attr.path().is_ident("traced")).any(|attr| {
        let mut found = false;
        let _ = attr.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("clone");
            Ok(())
        });
        found
    })
}

/// The type's generics, of which each parameter is traced.
fn traced_generics(input: &DeriveInput) -> Generics {
    let m = support();
    let mut generics = input.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(syn::parse_quote!(#m::Traced));
    }
    generics
}

/// How the type is cloned: in the trace, field by field, or by a call.
fn clone(input: &DeriveInput) -> TokenStream {
    let m = support();
    let name = &input.ident;
    let with_bounds = traced_generics(input);
    let (generics, types, _) = with_bounds.split_for_impl();
    if !is_shared(input) {
        let bound = quote!(where for<'__clone> #name #types: ::core::clone::Clone);
        return quote! {
            impl #generics #m::CloneTwin for #name #types #bound {
                #[inline]
                fn clone__twin(this: #m::Place<Self>) -> #m::Tv<Self> { #m::clone_called(this) }
            }
        };
    }
    let share = match &input.data {
        Data::Struct(data) => {
            let (names, types): (Vec<_>, Vec<_>) = members(&data.fields).into_iter().unzip();
            quote!(#(
                // SAFETY: only the address of the field is computed.
                <#types as #m::Share>::share(#m::project(unsafe { &raw mut (*place.address).#names }, &place));
            )*)
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().filter(|v| !v.fields.is_empty()).map(|variant| {
                let (name, types) = (&variant.ident, variant.fields.iter().map(|field| &field.ty));
                let text = name.to_string();
                let each = |local: &Ident, ty: &Type| {
                    quote! {
                        <#ty as #m::Share>::share(#m::part(&__head.found, #local));
                    }
                };
                let body = arm(variant, &each, &quote!());
                quote! {
                    if (false #(|| ::core::mem::needs_drop::<#types>())*) && __head.found.test(
                        // SAFETY: of a head only the variant is looked at.
                        #text, ::core::matches!(unsafe { __head.shown() }, Self::#name { .. }),
                    ) {
                        // SAFETY: only addresses of fields are computed.
                        match unsafe { __head.shown() } { #body _ => () }
                        return;
                    }
                }
            });
            quote! {
                let __head = #m::head(#m::matched(place));
                #(#variants)*
            }
        }
        Data::Union(_) => quote!(),
    };
    quote! {
        impl #generics #m::Share for #name #types {
            #[inline]
            fn share(place: #m::Place<Self>) { #share }
        }
        impl #generics #m::CloneTwin for #name #types {
            #[inline]
            fn clone__twin(this: #m::Place<Self>) -> #m::Tv<Self> { #m::clone_shared(this) }
        }
    }
}

/// Has the type a destructor? rustc says so, unless it depends on type parameters.
fn ownership(input: &DeriveInput) -> TokenStream {
    let m = support();
    let name = &input.ident;
    let mut params = input.generics.type_params().map(|param| &param.ident).peekable();
    if params.peek().is_none() && input.generics.const_params().next().is_none() {
        let arguments = input.generics.params.iter().map(|_| quote!('static));
        let drops = quote!(::core::mem::needs_drop::<#name<#(#arguments),*>>());
        return quote!(<#m::Drops<{ #drops }> as #m::Choose>::O);
    }
    params.fold(
        quote!(#m::Plain),
        |sum, param| quote!(<<#param as #m::Traced>::O as #m::Ownership>::And<#sum>),
    )
}

/// The members of a variant or struct, each with its type.
fn members(fields: &Fields) -> Vec<(TokenStream, &Type)> {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let member = match &field.ident {
                Some(name) => quote!(#name),
                None => {
                    let index = syn::Index::from(index);
                    quote!(#index)
                }
            };
            (member, &field.ty)
        })
        .collect()
}

fn structure(input: &DeriveInput, fields: &Fields) -> Said {
    let m = support();
    let state = input.attrs.iter().any(|attr| attr.path().is_ident("virtualizable"));
    let (names, types): (Vec<_>, Vec<_>) = members(fields).into_iter().unzip();
    let marks = fields.iter().map(|field| field.attrs.iter().any(|attr| is_immutable(&attr)));
    let fixed = names.iter().zip(marks).filter(|(_, marked)| *marked).map(|(name, _)| name);
    let fixed: Vec<_> = fixed.collect();
    let all = distinct(&types);
    let numbers = types.iter().map(|ty| all.iter().position(|other| other == ty));
    let numbers: Vec<_> = numbers.collect();
    let probes = probes(&all);
    let state = if state { quote!(.virtualizable()) } else { quote!() };
    let fixed = match &fixed[..] {
        [] => quote!(),
        fixed => quote!(.immutable(const { &[#(::core::mem::offset_of!(Self, #fixed)),*] })),
    };
    let described = quote! {
        #m::Derived::structure(
            ::core::any::type_name::<Self>,
            ::core::mem::size_of::<Self>(),
            const { #m::Members {
                fields: &[#((::core::mem::offset_of!(Self, #names), #numbers)),*],
                types: #probes,
            } },
        ) #fixed #state
    };
    Said { described, visit: TokenStream::new() }
}

/// What is known of types.
fn probes(types: &[&Type]) -> TokenStream {
    let m = support();
    quote!(&[#(#m::Probe::<#types, __D>::FIELD),*])
}

/// The function that looks at the fields of an enum: one `match`, for cores that are told what to
/// do with each.
fn visit(arms: &TokenStream) -> TokenStream {
    quote! {
        #[inline]
        unsafe fn fields(
            __this: *const Self, __f: &mut dyn ::core::ops::FnMut(*const u8, usize),
        ) -> u64 {
            #arms
        }
    }
}

/// Types as they are written, each once.
fn distinct<'t>(types: &[&'t Type]) -> Vec<&'t Type> {
    let mut found: Vec<&Type> = vec![];
    types.iter().for_each(|ty| {
        if !found.contains(ty) {
            found.push(ty);
        }
    });
    found
}

/// What `repr` says.
#[derive(Default)]
struct Repr {
    c: bool,
    int: Option<Ident>,
}

fn repr(input: &DeriveInput) -> Repr {
    let mut repr = Repr::default();
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        // What rustc does not understand either is its to complain about.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("C") {
                repr.c = true;
            } else if let Some(name) = meta.path.get_ident()
                && (name.to_string().starts_with('u') || name.to_string().starts_with('i'))
            {
                repr.int = Some(name.clone());
            } else if meta.input.peek(syn::token::Paren) {
                let _ = meta.input.parse::<proc_macro2::TokenTree>();
            }
            Ok(())
        });
    }
    repr
}

fn word_type(int: &Ident) -> (TokenStream, bool) {
    let text = int.to_string();
    let ty = match &text[1..] {
        "8" => quote!(I8),
        "16" => quote!(I16),
        "32" => quote!(I32),
        _ => quote!(I64),
    };
    (quote!(::jitgen_core::ir::Ty::#ty), text.starts_with('i'))
}

fn enumeration(input: &DeriveInput, data: &DataEnum) -> TokenStream {
    let m = support();
    let repr = repr(input);
    let fieldless = data.variants.iter().all(|variant| variant.fields.is_empty());
    let names: Vec<String> = data.variants.iter().map(|v| v.ident.to_string()).collect();
    let numbers = discriminants(data, repr.int.as_ref());
    let indices: Vec<u64> = (0..names.len() as u64).collect();
    let types: Vec<&Type> =
        data.variants.iter().flat_map(|v| v.fields.iter().map(|field| &field.ty)).collect();
    let types = distinct(&types);
    let tag = match &repr.int {
        // One integer: rustc looks whether it is the discriminant.
        None if fieldless && !names.is_empty() => {
            let idents: Vec<_> = data.variants.iter().map(|v| &v.ident).collect();
            quote! {{
                let mut __fixed = ::core::mem::size_of::<Self>() == 1;
                #(
                    let __v = Self::#idents;
                    // SAFETY: an enum of one byte, which is initialized.
                    __fixed = __fixed
                        && unsafe { *(&raw const __v).cast::<u8>() } as i64 == Self::#idents as i64;
                    ::core::mem::forget(__v);
                )*
                if __fixed { #m::Some(::jitgen_core::ir::Ty::I8) } else { #m::None }
            }}
        }
        Some(int) if repr.c || fieldless => {
            let (ty, _) = word_type(int);
            quote!(#m::Some(#ty))
        }
        _ => quote!(#m::None),
    };
    let tagged =
        !matches!((&repr.int, fieldless, repr.c), (Some(_), false, false) | (None, false, _));
    let index_numbers: Vec<TokenStream> = indices.iter().map(|index| quote!(#index)).collect();
    let tags = if tagged { &numbers } else { &index_numbers };
    let arms = data.variants.iter().zip(&indices).map(|(v, index)| {
        let each = |local: &Ident, ty: &Type| {
            let number = types.iter().position(|other| *other == ty);
            quote!(__f(#local as *const _ as _, #number);)
        };
        arm(v, &each, &quote!(#index))
    });
    let arms = quote! {
        // SAFETY: the caller's promise.
        match unsafe { &*__this } { #(#arms)* _ => 0 }
    };
    let cases = data.variants.iter().zip(tags).map(|(variant, tag)| {
        let types: Vec<&Type> = variant.fields.iter().map(|field| &field.ty).collect();
        let (name, types) = (variant.ident.to_string(), distinct(&types));
        let drops = match &types[..] {
            [] => quote!(false),
            types => quote!(#m::needs_drop::<(#(#types,)*)>()),
        };
        quote!(#m::Case::new(#name, #tag, #drops))
    });
    let probes = probes(&types);
    let described = quote! {
        #m::Derived::enumeration(
            ::core::any::type_name::<Self>,
            (::core::mem::size_of::<Self>(), ::core::mem::align_of::<Self>()),
            #tag,
            const { #m::Parts { cases: &[#(#cases),*], types: #probes } },
        )
    };
    let mut out = implement(input, &Said { described, visit: visit(&arms) });
    if fieldless && !names.is_empty() {
        out.extend(machine(input, repr.int.as_ref()));
    } else {
        out.extend(equal(input));
    }
    out
}

/// The discriminants, as `u64` with no bits beyond the tag's size.
fn discriminants(data: &DataEnum, int: Option<&Ident>) -> Vec<TokenStream> {
    if data.variants.iter().all(|variant| variant.discriminant.is_none()) {
        return (0..data.variants.len() as u64).map(|number| quote!(#number)).collect();
    }
    let int = int.cloned().unwrap_or(format_ident!("isize"));
    let mask = match &int.to_string()[1..] {
        "8" => quote!(u8),
        "16" => quote!(u16),
        "32" => quote!(u32),
        _ if int == "isize" => quote!(u8),
        _ => quote!(u64),
    };
    // The last one that is written, and how many variants stand behind it.
    let (mut last, mut behind) = (quote!(0 as #int), 0u64);
    data.variants
        .iter()
        .map(|variant| {
            if let Some((_, value)) = &variant.discriminant {
                (last, behind) = (quote!((#value) as #int), 0);
            }
            let distance = proc_macro2::Literal::u64_unsuffixed(behind);
            behind += 1;
            quote!((#last).wrapping_add(#distance as #int) as #mask as u64)
        })
        .collect()
}

/// A match arm that does something with each field of a variant, and then gives `end`.
fn arm(
    variant: &syn::Variant,
    each: &dyn Fn(&Ident, &Type) -> TokenStream,
    end: &TokenStream,
) -> TokenStream {
    let name = &variant.ident;
    let locals: Vec<Ident> =
        (0..variant.fields.len()).map(|index| format_ident!("__x{index}")).collect();
    let (members, types): (Vec<_>, Vec<_>) = members(&variant.fields).into_iter().unzip();
    let body = locals.iter().zip(&types).map(|(local, ty)| each(local, ty));
    quote!(Self::#name { #(#members: #locals),* } => { #(#body)* #end })
}

/// A comparison is a call, since nobody knows what the author's `PartialEq` does.
fn equal(input: &DeriveInput) -> TokenStream {
    let m = support();
    let name = &input.ident;
    let with_bounds = traced_generics(input);
    let (generics, types, _) = with_bounds.split_for_impl();
    quote! {
        impl #generics #m::Equal for #name #types
        where
            for<'__equal> Self:
                #m::Traced<O = #m::Plain> + ::core::marker::Copy + ::core::cmp::PartialEq,
        {
            #[inline]
            fn equal(op: #m::Bin, a: #m::Tv<Self>, b: #m::Tv<Self>) -> #m::Tv<bool> {
                #m::equal_called(op, a, b)
            }
        }
    }
}

/// An enum without fields is a machine word, if it is `Copy`.
fn machine(input: &DeriveInput, int: Option<&Ident>) -> TokenStream {
    let m = support();
    if input.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_))) {
        return equal(input);
    }
    let name = &input.ident;
    let (generics, types, _) = input.generics.split_for_impl();
    let int = int.cloned().unwrap_or(format_ident!("u8"));
    let (ty, signed) = word_type(&int);
    let same = format_ident!("u{}", &int.to_string()[1..]);
    let copy = quote!(where for<'__copy> #name #types: ::core::marker::Copy);
    let comparisons = comparisons(input);
    quote! {
        impl #generics #m::Machine for #name #types #copy {
            const TY: ::jitgen_core::ir::Ty = #ty;
            const SIGNED: bool = #signed;
            type Abi = #same;
            fn bits(self) -> u64 { #m::enum_bits(self) }
            fn from_bits(bits: u64) -> Self { #m::enum_from_bits(bits) }
        }
        impl #generics #m::Scalar for #name #types #copy {}
        #comparisons
    }
}

/// The comparisons of a word, by `PartialOrd` and by `PartialEq`.
fn comparisons(input: &DeriveInput) -> TokenStream {
    let m = support();
    let name = &input.ident;
    let (generics, types, _) = input.generics.split_for_impl();
    let ways = [
        ["Comparable", "PartialOrd", "compare", "compare_scalars"],
        ["Equal", "PartialEq", "equal", "equal_scalars"],
    ];
    let impls = ways.map(|way| {
        let [of, by, compare, scalars] = way.map(|name| format_ident!("{name}"));
        quote! {
            impl #generics #m::#of for #name #types
            where
                for<'__copy> #name #types: ::core::marker::Copy + ::core::cmp::#by,
            {
                #[inline]
                fn #compare(op: #m::Bin, a: #m::Tv<Self>, b: #m::Tv<Self>) -> #m::Tv<bool> {
                    #m::#scalars(op, a, b)
                }
            }
        }
    });
    impls.into_iter().collect()
}
