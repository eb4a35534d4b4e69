//! Methods of `char` and `u8` that ask for a class of letters, or change the case.
//!
//! Some take `self` by reference in the standard library. A letter does not change meanwhile, so
//! the twins take the value.
//!
//! Not here: methods that give an `Option` (`to_digit`) or an iterator.

use super::pure_call;
use crate::ir::Const;
use crate::macro_support::traced::{Machine, Scalar, Tv};
use crate::tracer::Function;

calls! {
    /// What letters and bytes have.
    trait Ascii: Scalar for [char u8] {
        pure is_ascii__twin = is_ascii() -> bool;
        pure is_ascii_alphabetic__twin = is_ascii_alphabetic() -> bool;
        pure is_ascii_uppercase__twin = is_ascii_uppercase() -> bool;
        pure is_ascii_lowercase__twin = is_ascii_lowercase() -> bool;
        pure is_ascii_alphanumeric__twin = is_ascii_alphanumeric() -> bool;
        pure is_ascii_digit__twin = is_ascii_digit() -> bool;
        pure is_ascii_hexdigit__twin = is_ascii_hexdigit() -> bool;
        pure is_ascii_punctuation__twin = is_ascii_punctuation() -> bool;
        pure is_ascii_graphic__twin = is_ascii_graphic() -> bool;
        pure is_ascii_whitespace__twin = is_ascii_whitespace() -> bool;
        pure is_ascii_control__twin = is_ascii_control() -> bool;
        pure to_ascii_uppercase__twin = to_ascii_uppercase() -> Self;
        pure to_ascii_lowercase__twin = to_ascii_lowercase() -> Self;
    }
}

calls! {
    /// What only letters have.
    trait Letter: Scalar for [char] {
        pure is_alphabetic__twin = is_alphabetic() -> bool;
        pure is_alphanumeric__twin = is_alphanumeric() -> bool;
        pure is_control__twin = is_control() -> bool;
        pure is_lowercase__twin = is_lowercase() -> bool;
        pure is_numeric__twin = is_numeric() -> bool;
        pure is_uppercase__twin = is_uppercase() -> bool;
        pure is_whitespace__twin = is_whitespace() -> bool;
        pure len_utf8__twin = len_utf8() -> usize;
    }
}
