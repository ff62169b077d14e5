//! The hash by which texts are told apart in what is printed and kept: 64 bits of FNV-1a
//! (Fowler, Noll and Vo). It is the same on every machine and in every version.

/// Of nothing.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// Of these bytes.
pub fn of(bytes: impl IntoIterator<Item = u8>) -> u64 {
    with_more(EMPTY, bytes)
}

/// Of what has that hash, and of these bytes behind it.
pub fn with_more(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
