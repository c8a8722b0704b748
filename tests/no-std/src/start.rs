//! What std would otherwise bring: the entry point, the panic handler, and a name that the linker looks for.

#![expect(unsafe_code, reason = "the linker finds these by name, and nothing else in the program has their names")]

use core::ffi::c_int;
use core::panic::PanicInfo;

use crate::device;

// The C library starts the program.
#[link(name = "c")]
unsafe extern "C" {}

/// The exit code is 0 if all went well, otherwise the number of the step that failed.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    device::run().map_or_else(|step| c_int::from(step as u8), |()| 0)
}

/// The core library comes compiled for unwinding and names this function; without unwinding nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
