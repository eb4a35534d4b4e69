//! Alias classes.
pub fn alias_class(_name: &'static str, _offset: u32) -> u32 { 0 }
