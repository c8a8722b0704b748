//! The evidence of `clean_loop` can fail: loops that do what they must not are found out.

use std::alloc::System;
use std::hint::black_box;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use watched::Watched;

mod watched;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_job_that_allocates_once_is_found() {
    // Larger than all else in this process together, so that no other thread's doing is taken for it.
    const BYTES: usize = 64 << 20;
    let mischief = Box::new(|| drop(black_box(Vec::<u8>::with_capacity(BYTES))));
    let seen = Watched { mischief, lock_memory: false, ..Watched::new(ALLOCATOR) }.run(|_, _| {});
    assert!(seen.heap.allocations >= 1 && seen.heap.bytes_allocated >= BYTES, "{seen:?}");
    assert!(seen.heap.deallocations >= 1 && seen.heap.bytes_deallocated >= BYTES, "{seen:?}");
}

#[test]
fn a_job_that_touches_a_fresh_page_is_found() {
    // Allocated beforehand. Its last byte is on a page that nobody has written to.
    let mut fresh = Vec::<u8>::with_capacity(4 << 20);
    let mischief = Box::new(move || {
        fresh.spare_capacity_mut().last_mut().map(|byte| black_box(byte).write(1));
    });
    let seen = Watched { mischief, lock_memory: false, ..Watched::new(ALLOCATOR) }.run(|_, _| {});
    assert!(seen.minor_faults >= 1, "{seen:?}");
}
