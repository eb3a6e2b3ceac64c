//! An allocator that counts: how much memory an input takes at most, and a limit beyond which allocations fail.
//!
//! It counts what Rust allocates, touched or not: a reader that reserves what a file merely claims is caught on any machine. Memory
//! of C libraries (Zstandard's) and maps of files are not counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with counts.
#[derive(Debug)]
pub struct Meter {
    live: AtomicUsize,
    peak: AtomicUsize,
    limit: AtomicUsize,
}

impl Meter {
    /// A meter without a limit.
    pub const fn new() -> Self {
        Self {
            live: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
        }
    }

    /// Sets the most bytes that may be allocated at a time. An allocation beyond fails, which ends the process unless the program
    /// provides for it.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Starts a new measurement, and returns the bytes that are allocated now.
    pub fn restart(&self) -> usize {
        let live = self.live.load(Ordering::Relaxed);
        self.peak.store(live, Ordering::Relaxed);
        live
    }

    /// The most bytes that were allocated at a time since [`restart`](Self::restart).
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Counts `size` bytes, unless they exceed the limit.
    fn take(&self, size: usize) -> bool {
        let live = self.live.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        if live > self.limit.load(Ordering::Relaxed) {
            self.live.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        self.peak.fetch_max(live, Ordering::Relaxed);
        true
    }

    fn give(&self, size: usize) {
        self.live.fetch_sub(size, Ordering::Relaxed);
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: every call goes to `System` with the caller's own arguments, so its contract is the caller's. A null pointer, which the
// trait allows as a failure, is returned without a call.
#[expect(unsafe_code, reason = "the trait of allocators is unsafe")]
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        let place = unsafe { System.alloc(layout) };
        if place.is_null() {
            self.give(layout.size());
        }
        place
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !self.take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        let place = unsafe { System.alloc_zeroed(layout) };
        if place.is_null() {
            self.give(layout.size());
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(place, layout) };
        self.give(layout.size());
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist at once while the content moves.
        if !self.take(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's contract.
        let moved = unsafe { System.realloc(place, layout, size) };
        self.give(if moved.is_null() { size } else { layout.size() });
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_counted_and_the_limit_holds() {
        let meter = Meter::new();
        meter.set_limit(1000);
        assert!(meter.take(600));
        assert!(!meter.take(600));
        assert!(meter.take(300));
        meter.give(900);
        assert_eq!(meter.peak(), 900);
        assert_eq!(meter.restart(), 0);
        assert_eq!(meter.peak(), 0);
    }
}
