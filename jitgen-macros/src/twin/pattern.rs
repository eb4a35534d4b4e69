//! `match` and `if let`.
//!
//! ```text
//! match v { P0 if g => a, P1 => b }
//!     =>  if let Some((binds)) = { P0 matches and g } { a } else if let … { b } else { unreachable }
//! ```
//!
//! A `Result` is taken apart by `split` and matched natively. Words are tested pattern by pattern;
//! each test is a guard. An enum is constant while it is recorded (else recording is given up), so
//! rustc's own `match` decides, and what it binds is constant too.
//!
//! Not here: enums that are not constant; they come with tagged values.

use super::{Twin, support};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprIf, ExprLet, ExprMatch, Ident, Pat, RangeLimits};

/// An arm: pattern, condition, what is done.
struct Arm<'e> {
    pat: &'e Pat,
    guard: Option<&'e Expr>,
    body: &'e Expr,
}

impl Twin<'_> {
    /// `match`.
    pub fn match_expr(&mut self, e: &ExprMatch) -> TokenStream {
        let arms: Vec<Arm> = e
            .arms
            .iter()
            .map(|arm| {
                let (pat, guard) = match &arm.pat {
                    Pat::Guard(pat) => (&*pat.pat, Some(&*pat.guard)),
                    pat => (pat, None),
                };
                Arm { pat, guard, body: &arm.body }
            })
            .collect();
        if matches!(&*e.expr, Expr::Reference(_)) {
            return self.unsupported(
                &e.expr,
                "matching on a reference is",
                "match on the place itself: `match x` instead of `match &x`",
            );
        }
        let value = self.value(&e.expr);
        if arms.iter().any(|arm| is_result(arm.pat)) {
            return self.match_result(&value, &arms);
        }
        let mut chain = TokenStream::new();
        let mut complete = false;
        for arm in &arms {
            self.scope.enter();
            let (test, names, binds) = self.pattern(arm.pat);
            let guard = arm.guard.map(|guard| self.condition(guard));
            let body = self.value(arm.body);
            self.scope.leave();
            complete = test.is_none() && guard.is_none();
            if complete {
                let names = names.iter().map(|name| quote!(let mut #name = #name;));
                chain.extend(quote!({ #binds #(#names)* #body }));
                break;
            }
            chain.extend(arm_tokens(test, &names, &binds, guard, &body));
        }
        if !complete {
            chain.extend(quote!({ ::core::unreachable!() }));
        }
        quote_spanned!(e.match_token.span=> { let mut __s = #value; #chain })
    }

    /// `if let`.
    pub fn if_let(&mut self, e: &ExprIf, condition: &ExprLet) -> TokenStream {
        if is_result(&condition.pat) {
            return self.unsupported(
                &condition.pat,
                "`if let` on a `Result` is",
                "write `match` with both variants",
            );
        }
        let value = self.value(&condition.expr);
        self.scope.enter();
        let (test, names, binds) = self.pattern(&condition.pat);
        let then = self.block(&e.then_branch);
        self.scope.leave();
        let arm = arm_tokens(test.or(Some(quote!(true))), &names, &binds, None, &then);
        let otherwise = self.else_branch(e);
        quote!({ let mut __s = #value; #arm { #otherwise } })
    }

    fn condition(&mut self, e: &Expr) -> TokenStream {
        let m = support();
        let value = self.value(e);
        quote!(#m::branch(#value))
    }

    fn match_result(&mut self, value: &TokenStream, arms: &[Arm]) -> TokenStream {
        let m = support();
        let mut out = TokenStream::new();
        for arm in arms {
            self.scope.enter();
            let pat = self.result_pattern(arm.pat);
            if let Some(guard) = arm.guard {
                self.unsupported(
                    guard,
                    "a condition on an arm of a `Result` is",
                    "use `if` inside",
                );
            }
            let body = self.value(arm.body);
            self.scope.leave();
            out.extend(quote!(#pat => #body,));
        }
        quote!(match #m::split(#value) { #out })
    }

    fn result_pattern(&mut self, pat: &Pat) -> TokenStream {
        match pat {
            Pat::TupleStruct(p) if is_result(pat) && p.elems.len() == 1 => {
                let path = &p.path;
                match &p.elems[0] {
                    Pat::Ident(inner) if inner.subpat.is_none() && inner.by_ref.is_none() => {
                        self.scope.declare(&inner.ident);
                        let name = &inner.ident;
                        quote!(#path(mut #name))
                    }
                    Pat::Wild(_) => quote!(#path(_)),
                    Pat::Tuple(inner) if inner.elems.is_empty() => quote!(#path(_)),
                    inner => self.unsupported(
                        inner,
                        "a pattern inside of `Ok` or `Err` is",
                        "bind a name and `match` on it",
                    ),
                }
            }
            Pat::Wild(_) => quote!(_),
            other => self.unsupported(other, "this pattern beside `Ok` and `Err` is", ""),
        }
    }

    /// The test of a pattern (none if it always matches), the names that it binds, and what they
    /// are bound to.
    fn pattern(&mut self, pat: &Pat) -> (Option<TokenStream>, Vec<Ident>, TokenStream) {
        let m = support();
        match pat {
            Pat::Wild(_) => (None, vec![], quote!()),
            Pat::Paren(p) => self.pattern(&p.pat),
            Pat::Ident(p) if is_binding(p) => {
                self.scope.declare(&p.ident);
                let name = p.ident.clone();
                if p.by_ref.is_some() || p.subpat.is_some() {
                    self.unsupported(p, "`ref` and `@` in patterns are", "bind the value itself");
                }
                (None, vec![name.clone()], quote!(let #name = __s;))
            }
            Pat::Lit(p) => (Some(quote_spanned!(p.span()=> #m::equals(__s, #p))), vec![], quote!()),
            Pat::Range(p) => {
                let low = p.start.as_ref().map_or(quote!(None), |e| quote!(Some(#e)));
                let inclusive = !matches!(p.limits, RangeLimits::HalfOpen(_));
                let high = match &p.end {
                    Some(e) => quote!(Some((#e, #inclusive))),
                    None => quote!(None),
                };
                let test = quote_spanned!(p.span()=> {
                    use ::core::option::Option::{None, Some};
                    #m::within(__s, #low, #high)
                });
                (Some(test), vec![], quote!())
            }
            Pat::Or(p) if p.cases.iter().all(is_word_pattern) => {
                let tests: Vec<_> =
                    p.cases.iter().filter_map(|case| self.pattern(case).0).collect();
                (Some(quote!((#(#tests)||*))), vec![], quote!())
            }
            Pat::Path(p) if p.path.segments.len() == 1 => self.named(&quote!(#p), pat),
            Pat::Ident(p) => self.named(&quote!(#p), pat),
            Pat::Path(_) | Pat::TupleStruct(_) | Pat::Struct(_) | Pat::Or(_) => self.variant(pat),
            other => {
                let out = self.unsupported(other, "this pattern is", "use `if` on the fields");
                (Some(out), vec![], quote!())
            }
        }
    }

    /// A name in capitals: a constant of a word type, or a variant of an enum.
    fn named(
        &mut self,
        path: &TokenStream,
        pat: &Pat,
    ) -> (Option<TokenStream>, Vec<Ident>, TokenStream) {
        let m = support();
        let test = quote_spanned!(pat.span()=>
            #m::Named::is(&__s, ::core::matches!(__s.c, #pat), || #path)
        );
        (Some(test), vec![], quote!())
    }

    /// A variant of an enum, with whatever is inside of it.
    fn variant(&mut self, pat: &Pat) -> (Option<TokenStream>, Vec<Ident>, TokenStream) {
        let m = support();
        let mut names = vec![];
        bindings(pat, &mut names);
        names.sort();
        names.dedup();
        for name in &names {
            self.scope.declare(name);
        }
        let test = quote_spanned!(pat.span()=>
            #m::variant(&__s, ::core::matches!(__s.c, #pat))
        );
        let binds = if names.is_empty() {
            quote!()
        } else {
            quote_spanned!(pat.span()=> let (#(#names,)*) = match __s.c {
                #pat => (#(#m::lift(#names),)*),
                _ => ::core::unreachable!(),
            };)
        };
        (Some(test), names, binds)
    }
}

fn arm_tokens(
    test: Option<TokenStream>,
    names: &[Ident],
    binds: &TokenStream,
    guard: Option<TokenStream>,
    body: &TokenStream,
) -> TokenStream {
    let test = test.unwrap_or(quote!(true));
    if names.is_empty() {
        let guard = guard.map(|guard| quote!(&& #guard));
        return quote!(if #test #guard { #body } else);
    }
    let guard = guard.unwrap_or(quote!(true));
    quote! {
        if let ::core::option::Option::Some((#(mut #names,)*)) = (if #test {
            #binds
            if #guard { ::core::option::Option::Some((#(#names,)*)) } else { ::core::option::Option::None }
        } else { ::core::option::Option::None }) { #body } else
    }
}

fn is_result(pat: &Pat) -> bool {
    match pat {
        Pat::TupleStruct(p) => {
            p.path.segments.last().is_some_and(|s| s.ident == "Ok" || s.ident == "Err")
        }
        _ => false,
    }
}

fn is_binding(pat: &syn::PatIdent) -> bool {
    pat.ident.to_string().starts_with(|c: char| c.is_lowercase() || c == '_')
}

fn is_word_pattern(pat: &Pat) -> bool {
    matches!(pat, Pat::Lit(_) | Pat::Range(_))
}

/// The names that a pattern binds.
fn bindings(pat: &Pat, names: &mut Vec<Ident>) {
    match pat {
        Pat::Ident(p) => {
            if is_binding(p) {
                names.push(p.ident.clone());
            }
            p.subpat.iter().for_each(|(_, p)| bindings(p, names));
        }
        Pat::Or(p) => p.cases.iter().for_each(|p| bindings(p, names)),
        Pat::Paren(p) => bindings(&p.pat, names),
        Pat::Reference(p) => bindings(&p.pat, names),
        Pat::Struct(p) => p.fields.iter().for_each(|field| bindings(&field.pat, names)),
        Pat::Tuple(p) => p.elems.iter().for_each(|p| bindings(p, names)),
        Pat::TupleStruct(p) => p.elems.iter().for_each(|p| bindings(p, names)),
        Pat::Slice(p) => p.elems.iter().for_each(|p| bindings(p, names)),
        _ => (),
    }
}
