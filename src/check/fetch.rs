//! Has the processor fetch a line of memory that will be looked at soon. It owns the one
//! instruction for it, which no safe function of the language stands for; where it is of use,
//! those who ask say.

/// Has the line fetched in which this lies, and goes on at once.
#[inline]
pub fn fetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is a hint: it reads nothing into the program, writes nothing
        // and cannot fault, whatever the address; this one is valid besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(what).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}
