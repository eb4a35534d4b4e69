//! The table of methods that compiled code calls.
//!
//! A row is a method of a word as the standard library declares it, with its kind:
//!
//! ```text
//! pure count_ones__twin = count_ones() -> u32;                    never panics
//! nonzero wrapping_div__twin = wrapping_div(by: Self) -> Self;    panics if `by` is 0
//! fallible pow__twin = pow(exp: u32) -> Self, checked_pow or wrapping_pow;
//!     may panic where `checked_pow` gives nothing; a build that does not check goes on with
//!     `wrapping_pow` (`zero`: it always panics)
//! ```
//!
//! From a row come the method's twin, the thunk for compiled code and the evaluator for the
//! checker; from `fallible` rows also those of the question whether it fails.
//!
//! `options` has the rows of methods that give an `Option`: two calls, fails and value.
//!
//! Not here: methods that are operations of the trace.

/// The type of a row's argument or result.
macro_rules! row_type {
    ($t:ty, Self) => {
        $t
    };
    ($t:ty, Unsigned) => {
        <$t as crate::macro_support::methods::integer::Signed>::Unsigned
    };
    ($t:ty, $other:ident) => {
        $other
    };
}

/// What a fallible method gives in a build that does not check.
macro_rules! row_otherwise {
    ($t:ty, zero, $($arg:ident),+) => { Default::default() };
    ($t:ty, $name:ident, $($arg:ident),+) => { <$t>::$name($($arg),+) };
}

/// A pure call: thunk, evaluator, recording. `$now` is the result, `$body` what the thunk computes.
macro_rules! row_call {
    ($symbol:expr, $now:expr, ($($arg:ident: $ty:ty),+) -> $result:ty { $body:expr }) => {{
        // A `char` is returned as the word that it is.
        #[allow(improper_ctypes_definitions, reason = "the caller is a trace")]
        extern "C" fn thunk($($arg: <$ty as Machine>::Abi),+) -> $result {
            // SAFETY: a trace passes them.
            $(let $arg = unsafe { $crate::macro_support::from_abi::<$ty>($arg) };)+
            $body
        }
        fn evaluate(args: &[Const]) -> u64 {
            let mut args = args.iter();
            $(let $arg = <$ty as Machine>::from_bits(
                args.next().expect("as many arguments as parameters").bits,
            );)+
            let result: $result = $body;
            Machine::bits(result)
        }
        let function = Function { symbol: $symbol, address: thunk as *const () as usize };
        let now: $result = $now;
        pure_call(function, evaluate, &[$($arg.word()),+], now)
    }};
}

/// The body of one row's twin.
macro_rules! row {
    // Method syntax, because some take `self` by reference.
    (
        pure $t:ty, $name:ident,
        ($this:ident: $self:ty $(, $arg:ident: $ty:ty)*) -> $result:ty,
    ) => {
        row_call!(
            concat!("jitgen::", stringify!($t), "::", stringify!($name)),
            $this.nat().$name($($arg.nat()),*),
            ($this: $self $(, $arg: $ty)*) -> $result { $this.$name($($arg),*) }
        )
    };
    (nonzero $t:ty, $name:ident, ($this:ident: $self:ty, $by:ident: $ty:ty) -> $result:ty,) => {{
        let zero = lift::<$t>(Default::default());
        assume(op2(Op::Eq, <$t as Machine>::TY, $by, zero, $by.nat() == zero.nat()));
        row_call!(
            concat!("jitgen::", stringify!($t), "::", stringify!($name)),
            <$t>::$name($this.nat(), $by.nat()),
            ($this: $self, $by: $ty) -> $result {
                if $by == 0 { Default::default() } else { <$t>::$name($this, $by) }
            }
        )
    }};
    (
        fallible $t:ty, $name:ident, ($($arg:ident: $ty:ty),+) -> $result:ty,
        $checked:ident $otherwise:ident
    ) => {{
        assume(row_call!(
            concat!("jitgen::", stringify!($t), "::", stringify!($checked), "::fails"),
            <$t>::$checked($($arg.nat()),+).is_none(),
            ($($arg: $ty),+) -> bool { <$t>::$checked($($arg),+).is_none() }
        ));
        row_call!(
            concat!("jitgen::", stringify!($t), "::", stringify!($name)),
            <$t>::$name($($arg.nat()),+),
            ($($arg: $ty),+) -> $result {
                <$t>::$checked($($arg),+).unwrap_or_else(|| row_otherwise!($t, $otherwise, $($arg),+))
            }
        )
    }};
}

/// A trait with the twins of a table's rows, for these types.
macro_rules! calls {
    ($(#[$meta:meta])* trait $trait:ident: $base:ident for [$($t:ty)+] $rows:tt) => {
        calls!(@declare $(#[$meta])* $trait: $base $rows);
        $(calls!(@implement $trait $t, $rows);)+
    };
    (@declare $(#[$meta:meta])* $trait:ident: $base:ident {$(
        $kind:ident $twin:ident = $name:ident($($arg:ident: $ty:ident),*) -> $result:ident
        $(, $checked:ident or $otherwise:ident)?;
    )*}) => {
        $(#[$meta])*
        pub trait $trait: $base {$(
            #[doc = concat!("The twin of `", stringify!($name), "`.")]
            fn $twin(&self, this: Tv<Self> $(, $arg: Tv<row_type!(Self, $ty)>)*)
                -> Tv<row_type!(Self, $result)>;
        )*}
    };
    (@implement $trait:ident $t:ty, {$(
        $kind:ident $twin:ident = $name:ident($($arg:ident: $ty:ident),*) -> $result:ident
        $(, $checked:ident or $otherwise:ident)?;
    )*}) => {
        impl $trait for $t {$(
            // Inlined, so that what depends on the build depends on that of the author's crate.
            #[inline]
            fn $twin(&self, this: Tv<$t> $(, $arg: Tv<row_type!($t, $ty)>)*)
                -> Tv<row_type!($t, $result)>
            {
                row!(
                    $kind $t, $name,
                    (this: $t $(, $arg: row_type!($t, $ty))*) -> row_type!($t, $result),
                    $($checked $otherwise)?
                )
            }
        )*}
    };
}

/// A trait with the twins of methods that give an `Option` of a word.
macro_rules! options {
    ($(#[$meta:meta])* trait $trait:ident: $base:ident for [$($t:ty)+] $rows:tt) => {
        options!(@declare $(#[$meta])* $trait: $base $rows);
        $(options!(@implement $trait $t, $rows);)+
    };
    (@declare $(#[$meta:meta])* $trait:ident: $base:ident {$(
        $twin:ident = $name:ident($($arg:ident: $ty:ident),*) -> $result:ident;
    )*}) => {
        $(#[$meta])*
        pub trait $trait: $base {$(
            #[doc = concat!("The twin of `", stringify!($name), "`.")]
            fn $twin(&self, this: Tv<Self> $(, $arg: Tv<row_type!(Self, $ty)>)*)
                -> Tv<Option<row_type!(Self, $result)>>;
        )*}
    };
    (@implement $trait:ident $t:ty, {$(
        $twin:ident = $name:ident($($arg:ident: $ty:ident),*) -> $result:ident;
    )*}) => {
        impl $trait for $t {$(
            fn $twin(&self, this: Tv<$t> $(, $arg: Tv<row_type!($t, $ty)>)*)
                -> Tv<Option<row_type!($t, $result)>>
            {
                let fails = row_call!(
                    concat!("jitgen::", stringify!($t), "::", stringify!($name), "::is_none"),
                    this.nat().$name($($arg.nat()),*).is_none(),
                    (this: $t $(, $arg: row_type!($t, $ty))*) -> bool { this.$name($($arg),*).is_none() }
                );
                some_unless(fails, || row_call!(
                    concat!("jitgen::", stringify!($t), "::", stringify!($name)),
                    this.nat().$name($($arg.nat()),*).unwrap_or_default(),
                    (this: $t $(, $arg: row_type!($t, $ty))*) -> row_type!($t, $result) {
                        this.$name($($arg),*).unwrap_or_default()
                    }
                ))
            }
        )*}
    };
}
