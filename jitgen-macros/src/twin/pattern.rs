//! Patterns: `match`, `if let` and its chains, `let … else`, `while let`, `matches!`.
//!
//! ```text
//! match v { Value::Int(x) if g => a, P1 => b }
//!     =>  'match: {
//!             let h = head(m);
//!             'arm: {
//!                 let Value::Int(f) = *h else { h.test("Int", false); break 'arm };
//!                 h.test("Int", true);
//!                 { let mut x = h.found.inner(f).peek(); if !branch(g) { break 'arm } }
//!                 let mut x = h.found.bind(f);
//!                 break 'match a
//!             }
//!             'arm: { … break 'match b }
//!             never()
//!         }
//! ```
//!
//! Every part is matched against a place, with the way in which names bind there. The author's own
//! pattern, with its inner patterns taken out, says which variant is meant; so aliases, globs and
//! constants work as in Rust. Names are bound when the whole pattern has matched.
//!
//! Not here: matches that rustc can decide at once (`choose`); the guards, which come out when
//! something depends on them (`tracer::tags`).

use super::bind::{Bind, declared};
use super::choose::{chooses_variant, seen};
use super::{Twin, short, short_at};
use crate::span::Begins;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Expr, ExprMatch, Ident, Lifetime, Pat, RangeLimits};

/// The tokens of a pattern so far.
struct Tests<'t> {
    out: TokenStream,
    binds: Vec<Bind>,
    /// What happens if it does not match; never comes back.
    fail: &'t TokenStream,
    /// Is it one of several patterns, any of which may say what the names are bound to?
    several: bool,
}

impl Twin<'_> {
    pub(super) fn fresh(&mut self, what: &str) -> Ident {
        self.counter += 1;
        format_ident!("__{what}{}", self.counter)
    }

    pub(super) fn fresh_label(&mut self) -> Lifetime {
        self.counter += 1;
        Lifetime::new(&format!("'__l{}", self.counter), Span::call_site())
    }

    /// The place that is matched. A value that has no place gets one.
    fn scrutinee(&mut self, e: &Expr, words: bool) -> TokenStream {
        let m = short_at(e.span());
        let place = if words && !self.is_rvalue(e) {
            let value = self.value(e);
            self.stored(&value)
        } else {
            self.place(e)
        };
        quote_spanned!(e.span()=> #m::matched(#place))
    }

    /// `match`.
    pub fn match_expr(&mut self, e: &ExprMatch) -> TokenStream {
        let words = e.arms.iter().all(|arm| is_word_pattern(unguarded(&arm.pat).0));
        let matched = self.fresh("m");
        let patterns: Vec<&Pat> = e.arms.iter().map(|arm| unguarded(&arm.pat).0).collect();
        let bind = match self.elements(&e.expr, &matched, &patterns) {
            Some(bind) => bind,
            None => {
                let scrutinee = self.scrutinee(&e.expr, words);
                let hoisted = self.hoist(&matched, &patterns);
                quote!(let #matched = #scrutinee; #hoisted)
            }
        };
        if chooses_variant(e)
            && let Some(chosen) = self.choose(e, &matched)
        {
            return quote_spanned!(e.match_token.span=> { #bind #chosen });
        }
        let whole = self.fresh_label();
        let mut chain = TokenStream::new();
        let mut complete = false;
        for arm in &e.arms {
            let (pat, guard) = unguarded(&arm.pat);
            self.scope.enter();
            complete = guard.is_none() && is_irrefutable(pat);
            if complete {
                let binds = self.irrefutable(pat, &matched);
                let body = self.value(&arm.body);
                self.scope.leave();
                chain.extend(quote!({ #binds #body }));
                break;
            }
            let label = self.fresh_label();
            let (test, binds) = self.tests(pat, &matched, guard, &quote!(break #label));
            let body = self.value(&arm.body);
            self.scope.leave();
            let binds = declared(&binds);
            chain.extend(quote!(#label: { #test #binds break #whole #body }));
        }
        if !complete {
            let m = short();
            chain.extend(quote!(#m::never()));
        }
        quote_spanned!(e.match_token.span=> #whole: { #bind #chain })
    }

    /// The heads of a tuple's elements.
    pub(super) fn hoist_elements(&mut self, parts: &[Ident], patterns: &[&Pat]) -> TokenStream {
        let tuples = patterns.iter().filter_map(|pat| match pat {
            Pat::Tuple(tuple) => Some(tuple),
            _ => None,
        });
        let tuples: Vec<_> = tuples.collect();
        let mut out = TokenStream::new();
        for (index, part) in parts.iter().enumerate() {
            let inner: Vec<&Pat> =
                tuples.iter().filter_map(|tuple| tuple.elems.get(index)).collect();
            // What the first arm does not ask for may not be there to be asked for.
            if inner.first().is_some_and(|pat| has_head(pat)) {
                out.extend(self.hoist(part, &inner));
            }
        }
        out
    }

    /// A pattern that always matches: statements that bind its names.
    pub fn irrefutable(&mut self, pat: &Pat, matched: &Ident) -> TokenStream {
        let m = short();
        let fail = quote!(#m::never());
        let mut tests =
            Tests { out: TokenStream::new(), binds: vec![], fail: &fail, several: false };
        self.test(pat, matched, &mut tests);
        let (out, binds) = (tests.out, declared(&tests.binds));
        for bind in &tests.binds {
            self.scope.declare(&bind.name);
        }
        quote!(#out #binds)
    }

    /// An `Option` of what a pattern binds, and the names.
    fn refutable(
        &mut self,
        pat: &Pat,
        matched: &Ident,
        guard: Option<&Expr>,
    ) -> (TokenStream, Vec<Ident>) {
        let label = self.fresh_label();
        let fail = quote!(break #label __m::None);
        let (tests, binds) = self.tests(pat, matched, guard, &fail);
        let names = binds.iter().map(|bind| bind.name.clone()).collect();
        let values = binds.iter().map(Bind::value);
        (quote!(#label: { #tests __m::Some((#(#values,)*)) }), names)
    }

    /// The tests of a pattern and of its guard, and what the pattern binds, which is declared.
    fn tests(
        &mut self,
        pat: &Pat,
        matched: &Ident,
        guard: Option<&Expr>,
        fail: &TokenStream,
    ) -> (TokenStream, Vec<Bind>) {
        let m = short();
        let mut tests = Tests { out: TokenStream::new(), binds: vec![], fail, several: false };
        self.test(pat, matched, &mut tests);
        for bind in &tests.binds {
            self.scope.declare(&bind.name);
        }
        let guard = guard.map(|guard| {
            let condition = self.scoped(guard);
            let names = tests.binds.iter().map(|bind| &bind.name);
            let (names, peeked) = (names.collect::<Vec<_>>(), tests.binds.iter().map(Bind::peeked));
            quote! {{
                #(let mut #names = #peeked;)*
                let __yes = #m::branch(#condition);
                #(__m::forget(#names);)*
                if !__yes { #fail }
            }}
        });
        let out = &tests.out;
        (quote!(#out #guard), tests.binds)
    }

    /// Conditions joined by `&&`, some of them `let`: statements that leave the block with that
    /// label if one does not hold. What they bind is declared in the innermost block.
    pub fn conditions(&mut self, e: &Expr) -> (TokenStream, Lifetime) {
        let m = short();
        let label = self.fresh_label();
        let fail = quote!(break #label);
        let mut out = TokenStream::new();
        for condition in flatten(e) {
            let Expr::Let(condition) = condition else {
                let value = self.value(condition);
                out.extend(quote!(if !#m::branch(#value) { #fail }));
                continue;
            };
            let words = is_word_pattern(&condition.pat);
            let scrutinee = self.scrutinee(&condition.expr, words);
            let matched = self.fresh("m");
            out.extend(quote!(let #matched = #scrutinee;));
            let mut tests =
                Tests { out: TokenStream::new(), binds: vec![], fail: &fail, several: false };
            self.test(&condition.pat, &matched, &mut tests);
            out.extend(tests.out);
            for bind in &tests.binds {
                self.scope.declare(&bind.name);
            }
            out.extend(declared(&tests.binds));
        }
        (out, label)
    }

    /// `matches!`, as a plain `bool`.
    pub fn matches(&mut self, e: &Expr, pat: &Pat, guard: Option<&Expr>) -> TokenStream {
        let m = short();
        let scrutinee = self.scrutinee(e, is_word_pattern(pat));
        let matched = self.fresh("m");
        self.scope.enter();
        let (test, _) = self.refutable(pat, &matched, guard);
        self.scope.leave();
        quote!({
            let #matched = #scrutinee;
            if let __m::Some(_) = #test { #m::lift(true) } else { #m::lift(false) }
        })
    }

    /// `let pattern = e;` and `let pattern = e else { … };`
    pub fn let_pattern(
        &mut self,
        pat: &Pat,
        ty: Option<&syn::Type>,
        e: &Expr,
        otherwise: Option<&Expr>,
    ) -> TokenStream {
        let m = short_at(e.span());
        let place = match ty {
            Some(ty) => {
                let value = self.value(e);
                let slot = self.slot();
                quote!(#m::place_in::<#ty>(&mut #slot, #value))
            }
            None => self.place(e),
        };
        let matched = self.fresh("m");
        let Some(otherwise) = otherwise else {
            let binds = self.irrefutable(pat, &matched);
            return quote!(let #matched = #m::matched(#place); #binds);
        };
        let otherwise = self.value(otherwise);
        let (test, names) = self.refutable(pat, &matched, None);
        quote! {
            let #matched = #m::matched(#place);
            let __m::Some((#(mut #names,)*)) = (#test) else { #otherwise };
        }
    }

    /// What is asked of the same place in several arms, once for all of them: the fields of a tuple
    /// have one place each, and a tag is loaded before the first test, so that the tests narrow it
    /// together.
    fn hoist(&mut self, matched: &Ident, patterns: &[&Pat]) -> TokenStream {
        let patterns: Vec<&Pat> = patterns.iter().flat_map(|pat| cases(pat)).collect();
        let tuples: Vec<&syn::PatTuple> = patterns
            .iter()
            .filter_map(|pat| match pat {
                Pat::Tuple(tuple) if !has_rest(tuple) => Some(tuple),
                _ => None,
            })
            .collect();
        if let [first, _, ..] = &tuples[..] {
            let parts: Vec<Ident> = first.elems.iter().map(|_| self.fresh("m")).collect();
            let fields: Vec<_> = parts.iter().map(|part| quote!(#part)).collect();
            let mut out = self.fields_of(matched, &fields, &parts);
            self.tuples.push((matched.clone(), parts.clone()));
            out.extend(self.hoist_elements(&parts, &patterns));
            return out;
        }
        if !patterns.iter().any(|pat| has_head(pat)) {
            return quote!();
        }
        let (head, opened) = self.opened(matched, Span::call_site());
        self.heads.push((matched.clone(), head));
        opened
    }

    /// The head of what is matched.
    fn head(&mut self, matched: &Ident, span: Span, tests: &mut Tests) -> Ident {
        if let Some((_, head)) = self.heads.iter().find(|(of, _)| of == matched) {
            return head.clone();
        }
        let (head, opened) = self.opened(matched, span);
        tests.out.extend(opened);
        head
    }

    /// The head of what is behind references, and what declares it.
    fn opened(&mut self, matched: &Ident, span: Span) -> (Ident, TokenStream) {
        let (m, head) = (short_at(span), self.fresh("h"));
        let seen = seen(&head);
        let opened = quote_spanned!(span=>
            let #head = #m::head(#matched);
            // SAFETY: of a head only the variant is looked at, and addresses of fields are computed.
            let #seen = unsafe { #head.shown() };
        );
        (head, opened)
    }

    /// The tests of a pattern on what `matched` holds.
    fn test(&mut self, pat: &Pat, matched: &Ident, tests: &mut Tests) {
        let m = short_at(pat.span());
        let fail = tests.fail;
        match pat {
            Pat::Wild(_) | Pat::Rest(_) => (),
            Pat::Paren(p) => self.test(&p.pat, matched, tests),
            Pat::Ident(p) if is_binding(p) => {
                let how = match (&p.by_ref, &p.mutability) {
                    (None, _) => "bind",
                    (Some(_), None) => "bind_shared",
                    (Some(_), Some(_)) => "bind_unique",
                };
                let (name, of) = (p.ident.clone(), matched.clone());
                tests.binds.push(Bind { name, matched: of, how, field: None });
                if let Some((_, inner)) = &p.subpat {
                    self.test(inner, matched, tests);
                }
            }
            Pat::Lit(p) => {
                if matches!(p.lit, syn::Lit::Str(_) | syn::Lit::ByteStr(_) | syn::Lit::CStr(_)) {
                    self.unsupported(p, "a string pattern is", "compare in a #[residual] function");
                    return;
                }
                let span = p.span();
                tests.out.extend(quote_spanned!(span=>
                    if !#m::equals(#m::peel(#matched).word(), #p) { #fail }
                ));
            }
            Pat::Range(p) => {
                let low = match &p.start {
                    Some(e) => quote!(__m::Some(#e)),
                    None => quote!(__m::None),
                };
                let inclusive = !matches!(p.limits, RangeLimits::HalfOpen(_));
                let high = match &p.end {
                    Some(e) => quote!(__m::Some((#e, #inclusive))),
                    None => quote!(__m::None),
                };
                tests.out.extend(quote_spanned!(p.span()=>
                    if !#m::within(#m::peel(#matched).word(), #low, #high) { #fail }
                ));
            }
            Pat::Path(p) => self.test_name(&quote!(#p), &last_name(&p.path), pat, matched, tests),
            Pat::Ident(p) => {
                let name = &p.ident;
                self.test_name(&quote!(#name), &name.to_string(), pat, matched, tests);
            }
            Pat::TupleStruct(p) => {
                let path = &p.path;
                let shape = |fields: &[TokenStream]| quote!(#path(#(#fields),*));
                let elems: Vec<&Pat> = p.elems.iter().collect();
                self.test_variant(path, pat.span(), &elems, &shape, matched, tests);
            }
            Pat::Struct(p) => {
                let path = &p.path;
                let members: Vec<_> = p.fields.iter().map(|field| &field.member).collect();
                let shape = |fields: &[TokenStream]| quote!(#path { #(#members: #fields,)* .. });
                let elems: Vec<&Pat> = p.fields.iter().map(|field| &*field.pat).collect();
                self.test_variant(path, pat.span(), &elems, &shape, matched, tests);
            }
            Pat::Tuple(p) => {
                let known = self
                    .tuples
                    .iter()
                    .find(|(of, fields)| of == matched && fields.len() == p.elems.len());
                if let Some((_, fields)) = known.filter(|_| !has_rest(p)) {
                    for (field, elem) in fields.clone().iter().zip(&p.elems) {
                        self.test(elem, field, tests);
                    }
                    return;
                }
                let elems: Vec<&Pat> = p.elems.iter().collect();
                let (fields, parts) = self.parts(&elems);
                let names: Vec<Ident> = parts.iter().map(|(name, _)| name.clone()).collect();
                let fields = self.fields_of(matched, &fields, &names);
                tests.out.extend(fields);
                for (part, inner) in &parts {
                    self.test(inner, part, tests);
                }
            }
            Pat::Reference(p) => {
                let behind = self.fresh("q");
                tests.out.extend(quote!(let #behind = #m::behind(#matched);));
                self.test(&p.pat, &behind, tests);
            }
            Pat::Or(p) => self.test_or(p, matched, tests),
            Pat::Slice(p) => self.test_slice(p, matched, tests),
            other => {
                let help = "take the value apart with names, variants, structs and tuples";
                self.unsupported(other, "this pattern is", help);
            }
        }
    }

    /// A constant, or a variant without fields.
    fn test_name(
        &mut self,
        path: &TokenStream,
        name: &str,
        pat: &Pat,
        matched: &Ident,
        tests: &mut Tests,
    ) {
        let m = short_at(pat.span());
        let (head, fail) = (self.head(matched, pat.span(), tests), tests.fail);
        let seen = seen(&head);
        tests.out.extend(quote_spanned!(pat.span()=>
            if !#m::named(
                &#head, #name, ::core::matches!(*#seen, #pat), #path,
            ) { #fail }
        ));
    }

    /// A variant or struct with patterns inside.
    fn test_variant(
        &mut self,
        path: &syn::Path,
        span: Span,
        elems: &[&Pat],
        shape: &dyn Fn(&[TokenStream]) -> TokenStream,
        matched: &Ident,
        tests: &mut Tests,
    ) {
        let (head, fail) = (self.head(matched, span, tests), tests.fail);
        let (name, seen) = (last_name(path), seen(&head));
        let (fields, parts) = self.parts(elems);
        // A name that is bound by value needs no more than the address.
        let several = tests.several;
        let direct = |inner: &Pat| match inner {
            Pat::Ident(p) if !several => is_binding(p) && p.by_ref.is_none() && p.subpat.is_none(),
            _ => false,
        };
        let found = parts
            .iter()
            .filter(|(_, inner)| !direct(inner))
            .map(|(part, _)| quote_spanned!(span=> let #part = #head.found.inner(#part);));
        let pattern = if parts.is_empty() { quote!(#path { .. }) } else { shape(&fields) };
        tests.out.extend(quote_spanned!(span=>
            let #pattern = #seen else { #head.found.test(#name, false); #fail };
            #head.found.test(#name, true);
            #(#found)*
        ));
        for (part, inner) in &parts {
            match inner {
                Pat::Ident(inner) if direct(&Pat::Ident(inner.clone())) => tests.binds.push(Bind {
                    name: inner.ident.clone(),
                    matched: part.clone(),
                    how: "bind",
                    field: Some(head.clone()),
                }),
                inner => self.test(inner, part, tests),
            }
        }
    }

    /// The fields of a pattern with patterns inside: a binding for each, and those that are tested.
    pub(super) fn parts<'p>(
        &mut self,
        elems: &[&'p Pat],
    ) -> (Vec<TokenStream>, Vec<(Ident, &'p Pat)>) {
        let mut parts = vec![];
        let fields = elems.iter().map(|elem| match strip(elem) {
            Pat::Wild(_) => quote!(_),
            Pat::Rest(_) => quote!(..),
            inner => {
                let part = self.fresh("m");
                parts.push((part.clone(), inner));
                quote!(#part)
            }
        });
        (fields.collect(), parts)
    }

    /// The fields of a tuple: rustc's own pattern gives their addresses.
    fn fields_of(
        &mut self,
        matched: &Ident,
        fields: &[TokenStream],
        parts: &[Ident],
    ) -> TokenStream {
        if parts.is_empty() {
            return quote!();
        }
        let (m, peeled) = (short(), self.fresh("q"));
        quote! {
            let #peeled = #m::peel(#matched);
            // SAFETY: only addresses of fields are computed.
            let (#(#parts,)*) = match unsafe { #peeled.here() } {
                (#(#fields,)*) => (#(#peeled.field(#parts),)*),
            };
        }
    }

    /// `[a, b]` and `[a, .., b]`.
    fn test_slice(&mut self, p: &syn::PatSlice, matched: &Ident, tests: &mut Tests) {
        let (m, fail) = (short_at(p.span()), tests.fail);
        for elem in &p.elems {
            if let Pat::Ident(name) = strip(elem)
                && let Some((_, inner)) = &name.subpat
                && matches!(strip(inner), Pat::Rest(_))
            {
                let help = "name the elements, or take the rest in a #[residual] function";
                self.unsupported(elem, "a name for the rest of a slice is", help);
                return;
            }
        }
        let rest = p.elems.iter().position(|elem| matches!(strip(elem), Pat::Rest(_)));
        let number = p.elems.len() - usize::from(rest.is_some());
        let (peeled, open) = (self.fresh("q"), rest.is_some());
        tests.out.extend(quote_spanned!(p.span()=>
            let #peeled = #m::peel(#matched);
            if !#peeled.has_elements(#number, #open) { #fail }
        ));
        for (index, elem) in p.elems.iter().enumerate() {
            if matches!(strip(elem), Pat::Wild(_) | Pat::Rest(_)) {
                continue;
            }
            let element = self.fresh("m");
            let from_end = rest.is_some_and(|rest| rest < index);
            let number = if from_end { p.elems.len() - index } else { index };
            tests.out.extend(quote_spanned!(elem.span()=>
                let #element = #peeled.element(#number, #from_end);
            ));
            self.test(elem, &element, tests);
        }
    }

    /// `A | B`: the first that matches says what the names are bound to.
    fn test_or(&mut self, p: &syn::PatOr, matched: &Ident, tests: &mut Tests) {
        let (whole, fail) = (self.fresh_label(), tests.fail);
        let mut alternatives = TokenStream::new();
        let mut first: Option<Vec<(Ident, &'static str)>> = None;
        for case in &p.cases {
            let label = self.fresh_label();
            let next = quote!(break #label);
            let mut inner =
                Tests { out: TokenStream::new(), binds: vec![], fail: &next, several: true };
            self.test(case, matched, &mut inner);
            inner.binds.sort_by_key(|bind| bind.name.to_string());
            let places = inner.binds.iter().map(|bind| &bind.matched);
            let out = &inner.out;
            alternatives.extend(quote!(#label: { #out break #whole (#(#places,)*); }));
            first.get_or_insert_with(|| {
                inner.binds.iter().map(|bind| (bind.name.clone(), bind.how)).collect()
            });
        }
        let binds: Vec<Bind> = first
            .unwrap_or_default()
            .into_iter()
            .map(|(name, how)| Bind { name, matched: self.fresh("m"), how, field: None })
            .collect();
        let places = binds.iter().map(|bind| &bind.matched);
        tests.out.extend(quote!(let (#(#places,)*) = #whole: { #alternatives #fail };));
        tests.binds.extend(binds);
    }
}

/// The alternatives of a pattern.
pub(super) fn cases(pat: &Pat) -> Vec<&Pat> {
    match pat {
        Pat::Or(p) => p.cases.iter().flat_map(cases).collect(),
        Pat::Paren(p) => cases(&p.pat),
        pat => vec![pat],
    }
}

/// Does `..` stand for some of its fields?
pub(super) fn has_rest(tuple: &syn::PatTuple) -> bool {
    tuple.elems.iter().any(|elem| matches!(elem, Pat::Rest(_)))
}

/// Does it ask which variant the value is, before anything else?
fn has_head(pat: &Pat) -> bool {
    match pat {
        Pat::Path(_) | Pat::TupleStruct(_) | Pat::Struct(_) => true,
        Pat::Ident(p) => {
            !is_binding(p) || p.subpat.as_ref().is_some_and(|(_, inner)| has_head(inner))
        }
        Pat::Or(p) => p.cases.iter().any(has_head),
        Pat::Paren(p) => has_head(&p.pat),
        _ => false,
    }
}

/// The conditions that `&&` joins, in order.
fn flatten(e: &Expr) -> Vec<&Expr> {
    match e {
        Expr::Binary(e) if matches!(e.op, syn::BinOp::And(_)) => {
            let mut all = flatten(&e.left);
            all.extend(flatten(&e.right));
            all
        }
        e => vec![e],
    }
}

/// A pattern and the condition behind it.
pub(super) fn unguarded(pat: &Pat) -> (&Pat, Option<&Expr>) {
    match pat {
        Pat::Guard(pat) => (&pat.pat, Some(&pat.guard)),
        pat => (pat, None),
    }
}

pub(super) fn strip(pat: &Pat) -> &Pat {
    match pat {
        Pat::Paren(p) => strip(&p.pat),
        pat => pat,
    }
}

pub(super) fn last_name(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Is it a name for what is matched, and not one of a constant or variant?
pub(super) fn is_binding(pat: &syn::PatIdent) -> bool {
    pat.by_ref.is_some()
        || pat.subpat.is_some()
        || pat.ident.to_string().starts_with(|c: char| c.is_lowercase() || c == '_')
}

/// Does it always match, as far as can be seen?
pub(super) fn is_irrefutable(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        Pat::Ident(p) => is_binding(p) && p.subpat.is_none(),
        Pat::Paren(p) => is_irrefutable(&p.pat),
        Pat::Tuple(p) => p.elems.iter().all(|p| matches!(p, Pat::Rest(_)) || is_irrefutable(p)),
        _ => false,
    }
}

/// Does it look at a word as a whole? Then that is read once for all arms.
fn is_word_pattern(pat: &Pat) -> bool {
    match pat {
        Pat::Lit(_) | Pat::Range(_) | Pat::Wild(_) => true,
        Pat::Ident(p) => p.by_ref.is_none() && is_binding(p) && p.subpat.is_none(),
        Pat::Or(p) => p.cases.iter().all(is_word_pattern),
        Pat::Paren(p) => is_word_pattern(&p.pat),
        _ => false,
    }
}
