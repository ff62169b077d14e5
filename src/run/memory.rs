//! A stretch of mapped memory, reached only through atomic words by their
//! offsets. It owns the mapping and every pointer into it; what the words mean
//! belongs to others.
//!
//! Soundness rests on three invariants. The mapping is made once, page aligned
//! and all zero, and stays until the `Memory` is dropped. Every access is
//! checked against its length and is naturally aligned. Every access is
//! atomic, so that two tasks of a script that race on a place race in the
//! script, never in Rust; other processes map the same pages at the same
//! address and follow the same rule, for they run this same code.

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

pub struct Memory {
    base: NonNull<u8>,
    len: usize,
    /// The offset of the last whole word.
    last: usize,
    kept: Kept,
}

/// Of what it is, which says how it is emptied.
enum Kept {
    /// A nameless file, which all processes have in common.
    File(OwnedFd),
    /// The same without a file of its own.
    Shared,
    Private,
}

// SAFETY: the pointer is to memory that lives as long as the value, and it is
// only read and written through atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory that this process and all it forks have in common: a nameless
    /// file, sealed in its size. Pages cost nothing until they are touched.
    pub fn shared(len: usize) -> nix::Result<Memory> {
        let size = NonZeroUsize::new(len).ok_or(nix::Error::EINVAL)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
        let file = memfd_create(c"conc", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        match nix::unistd::ftruncate(&file, len as i64) {
            Ok(()) => {}
            // No file may be so large (`ulimit -f`); the kernel's own has no such limit.
            Err(nix::Error::EFBIG) => {
                // SAFETY: a fresh mapping at an address of the kernel's choice.
                let base = unsafe { mmap_anonymous(None, size, protection, flags)? };
                return Ok(Memory { base: base.cast(), len, last: last_word(len)?, kept: Kept::Shared });
            }
            Err(error) => return Err(error),
        }
        let seals = nix::fcntl::SealFlag::F_SEAL_SHRINK | nix::fcntl::SealFlag::F_SEAL_GROW;
        nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_ADD_SEALS(seals))?;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let base = unsafe { mmap(None, size, protection, flags, &file, 0)? };
        Ok(Memory { base: base.cast(), len, last: last_word(len)?, kept: Kept::File(file) })
    }

    /// Memory of this process; a forked one gets a copy.
    pub fn private(len: usize) -> nix::Result<Memory> {
        let size = NonZeroUsize::new(len).ok_or(nix::Error::EINVAL)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let base = unsafe { mmap_anonymous(None, size, protection, flags)? };
        Ok(Memory { base: base.cast(), len, last: last_word(len)?, kept: Kept::Private })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The word at a byte offset, which must be a multiple of eight.
    #[inline]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        let offset = offset & !7;
        assert!(offset <= self.last, "an offset outside the memory");
        // SAFETY: aligned and in bounds by the lines above (`last` is that of
        // the last word); all access is atomic by the head of the file.
        unsafe { self.base.add(offset).cast::<AtomicU64>().as_ref() }
    }

    /// That many words from a byte offset on, which must be a multiple of
    /// eight.
    #[inline]
    pub fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        let offset = offset & !7;
        assert!(offset <= self.len && count <= (self.len - offset) / 8, "an offset outside the memory");
        // SAFETY: as for `word`, for each of them.
        unsafe { std::slice::from_raw_parts(self.base.add(offset).cast::<AtomicU64>().as_ptr(), count) }
    }

    /// The same for a number that is known beforehand.
    #[inline]
    pub fn array<const N: usize>(&self, offset: usize) -> &[AtomicU64; N] {
        let offset = offset & !7;
        assert!(offset <= self.len && N <= (self.len - offset) / 8, "an offset outside the memory");
        // SAFETY: as for `words`; an array is laid out as a slice of its length.
        unsafe { self.base.add(offset).cast::<[AtomicU64; N]>().as_ref() }
    }

    /// The half word at a byte offset, which must be a multiple of four. A
    /// place is used as a word or as two halves, never as both.
    #[inline]
    pub fn half(&self, offset: usize) -> &AtomicU32 {
        let offset = offset & !3;
        assert!(offset <= self.last, "an offset outside the memory");
        // SAFETY: as for `word`.
        unsafe { self.base.add(offset).cast::<AtomicU32>().as_ref() }
    }

    /// Pages that are about to be used. Where the system does not know how (before
    /// Linux 5.14) they come when they are touched.
    pub fn prepare(&self, offset: usize, len: usize) {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return;
        }
        // SAFETY: the range is in this mapping, by the line above, and only gets
        // pages that it has not had yet.
        let _ = unsafe {
            let at = self.base.add(offset).as_ptr().cast::<c_void>();
            nix::libc::madvise(at, len, nix::libc::MADV_POPULATE_WRITE)
        };
    }

    /// Whole pages that nobody uses any more are given back; they are all zero again. Only
    /// of memory that all processes have in common.
    pub fn give_back(&self, offset: usize, len: usize) {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return;
        }
        // SAFETY: the range is in this mapping, by the line above; the kernel replaces its
        // pages by zeros, which every atomic word may hold. Private pages it refuses.
        let _ = unsafe {
            let at = self.base.add(offset).cast::<c_void>();
            madvise(at, len, MmapAdvise::MADV_REMOVE)
        };
    }

    /// All zero again, with the pages given back. Nobody may be using it.
    pub fn clear(&self) -> nix::Result<()> {
        match &self.kept {
            Kept::File(file) => {
                use nix::fcntl::{FallocateFlags, fallocate};
                let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
                fallocate(file, flags, 0, self.len as i64)
            }
            // SAFETY: as below; these pages all processes lose.
            Kept::Shared => unsafe { madvise(self.base.cast::<c_void>(), self.len, MmapAdvise::MADV_REMOVE) },
            // SAFETY: the range is this mapping; the kernel replaces its pages
            // by zeros, which every atomic word may hold.
            Kept::Private => unsafe { madvise(self.base.cast::<c_void>(), self.len, MmapAdvise::MADV_DONTNEED) },
        }
    }
}

/// The word is about to be read and then written: its line of the cache is better
/// fetched once, for both.
#[inline]
pub fn prefetch_for_write(word: &AtomicU64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that changes nothing but the cache; a processor that does not
    // know it does nothing. (The intrinsic becomes a prefetch for reading where not
    // every processor of the target has this one.)
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) word.as_ptr(), options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = word;
}

fn last_word(len: usize) -> nix::Result<usize> {
    (len & !7).checked_sub(8).ok_or(nix::Error::EINVAL)
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by this value and no reference into it
        // outlives the value.
        let _ = unsafe { munmap(self.base.cast::<c_void>(), self.len) };
    }
}
