//! The room for system calls: the only `unsafe` of the agent, each behind a safe function.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use shared_proto::wire::Schedule;

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds on `CLOCK_MONOTONIC` (clock_gettime(2), answered in user space by the vDSO).
#[must_use]
pub fn monotonic_ns() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// CPU time that the calling thread has used, in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    read_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `now` is valid for writes of a timespec; it is read only if the call says that it wrote it.
    let now = unsafe {
        if libc::clock_gettime(clock, now.as_mut_ptr()) != 0 {
            // Cannot happen: both clocks exist on every Linux that runs this program.
            return 0;
        }
        now.assume_init()
    };
    // The kernel never gives negative values for these clocks.
    u64::try_from(now.tv_sec).unwrap_or(0) * NANOS + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Sleeps until `CLOCK_MONOTONIC` says `ns` nanoseconds, absolutely (clock_nanosleep(2)); a signal ends it early.
pub fn sleep_until_ns(ns: u64) {
    let until = libc::timespec {
        tv_sec: libc::time_t::try_from(ns / NANOS).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::try_from(ns % NANOS).unwrap_or(0),
    };
    // SAFETY: `until` outlives the call; a null remainder is allowed, and ignored for absolute sleeps.
    unsafe {
        libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const until, ptr::null_mut());
    }
}

/// Id of the calling thread, for its files under `/proc/self/task`.
#[must_use]
pub fn thread_id() -> i32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::gettid() }
}

/// Binds the calling thread to one CPU (sched_setaffinity(2)).
///
/// # Errors
/// What the kernel says: no such CPU, or not in this control group.
pub fn bind_to_cpu(cpu: u16) -> io::Result<()> {
    let cpu = usize::from(cpu);
    let size = size_of::<libc::cpu_set_t>();
    if cpu >= size * 8 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: an all-zero cpu_set_t is the empty set; `cpu` is within it; the pointer is valid for `size` bytes.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size, &raw const set)
    };
    check(result)
}

/// CPUs that the calling thread may use, lowest first (sched_getaffinity(2)).
///
/// # Errors
/// What the kernel says.
pub fn allowed_cpus() -> io::Result<Vec<u16>> {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: an all-zero cpu_set_t is the empty set; the pointer is valid for `size` bytes.
    let (result, set) = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        (libc::sched_getaffinity(0, size, &raw mut set), set)
    };
    check(result)?;
    // SAFETY: CPU_ISSET reads within the set for every number below its size in bits.
    let is_set = |cpu: &u16| unsafe { libc::CPU_ISSET(usize::from(*cpu), &set) };
    Ok((0..u16::try_from(size * 8).unwrap_or(u16::MAX)).filter(is_set).collect())
}

/// Gives the calling thread the ordinary scheduler with a niceness of -20 to 19 (sched_setscheduler(2), setpriority(2)).
/// Threads that it starts do not inherit the niceness below zero.
///
/// # Errors
/// Usually a lack of CAP_SYS_NICE or RLIMIT_NICE for a niceness below the present one.
pub fn schedule_other(nice: i8) -> io::Result<()> {
    // SAFETY: a zeroed sched_param is valid; the pointer is valid for the call. setpriority has no pointers.
    unsafe {
        let param: libc::sched_param = std::mem::zeroed();
        check(libc::sched_setscheduler(0, libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, &raw const param))?;
        check(libc::setpriority(libc::PRIO_PROCESS, 0, libc::c_int::from(nice)))
    }
}

/// Gives the calling thread `SCHED_FIFO` at `priority`, 1 to 98 (sched_setscheduler(2)). Threads that it starts do not
/// inherit it.
///
/// # Errors
/// Usually a lack of CAP_SYS_NICE or RLIMIT_RTPRIO.
pub fn schedule_fifo(priority: u8) -> io::Result<()> {
    // SAFETY: a zeroed sched_param is valid; the pointer is valid for the call.
    let result = unsafe {
        let mut param: libc::sched_param = std::mem::zeroed();
        param.sched_priority = i32::from(priority);
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const param)
    };
    check(result)
}

/// Argument of sched_setattr(2), version 0 of 48 bytes; libc has no wrapper for the call.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// Gives the calling thread `SCHED_DEADLINE` (sched_setattr(2)): `runtime_ns` of CPU within `deadline_ns` in every period.
/// Threads that it starts do not inherit it; without that flag it could start none (sched(7)).
///
/// # Errors
/// Usually a lack of CAP_SYS_NICE, or an admission test that fails.
pub fn schedule_deadline(runtime_ns: u64, deadline_ns: u64, period_ns: u64) -> io::Result<()> {
    const SCHED_DEADLINE: u32 = 6;
    const SCHED_FLAG_RESET_ON_FORK: u64 = 1;
    let attr = SchedAttr {
        size: 48,
        policy: SCHED_DEADLINE,
        flags: SCHED_FLAG_RESET_ON_FORK,
        nice: 0,
        priority: 0,
        runtime_ns,
        deadline_ns,
        period_ns,
    };
    // SAFETY: `attr` has the layout that the kernel expects for its stated size and outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The scheduling and priority that the calling thread really has (sched_getscheduler(2), sched_getparam(2)).
///
/// # Errors
/// What the kernel says.
pub fn current_schedule() -> io::Result<(Schedule, u8)> {
    // SAFETY: no pointer for the first call; for the second one a zeroed sched_param that outlives it.
    let (policy, result, param) = unsafe {
        let mut param: libc::sched_param = std::mem::zeroed();
        (libc::sched_getscheduler(0), libc::sched_getparam(0, &raw mut param), param)
    };
    check(policy.min(0))?;
    check(result)?;
    let schedule = match policy & !libc::SCHED_RESET_ON_FORK {
        libc::SCHED_FIFO | libc::SCHED_RR => Schedule::Fifo,
        6 => Schedule::Deadline,
        _ => Schedule::Other,
    };
    Ok((schedule, u8::try_from(param.sched_priority).unwrap_or(0)))
}

/// Locks all memory of the process, as it is touched (mlockall(2) with MCL_ONFAULT): what there is now, and what comes later
/// unless [`LockedMemory::Limited`].
///
/// # Errors
/// Usually RLIMIT_MEMLOCK or a lack of CAP_IPC_LOCK.
pub fn lock_memory(how: LockedMemory) -> io::Result<()> {
    let future = match how {
        LockedMemory::Unlimited => libc::MCL_FUTURE,
        LockedMemory::Limited => 0,
    };
    // SAFETY: the call has no pointers.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | future | libc::MCL_ONFAULT) })
}

/// Unlocks all memory of the process again (munlockall(2)).
///
/// # Errors
/// What the kernel says.
pub fn unlock_memory() -> io::Result<()> {
    // SAFETY: the call has no arguments.
    check(unsafe { libc::munlockall() })
}

/// How much memory this process may lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedMemory {
    /// As much as there is: it has CAP_IPC_LOCK or no limit.
    Unlimited,
    /// As RLIMIT_MEMLOCK says: to lock what comes later too would make allocations fail beyond it.
    Limited,
}

impl LockedMemory {
    /// Of this process: its RLIMIT_MEMLOCK (getrlimit(2)) and its capabilities (capabilities(7)).
    #[must_use]
    pub fn of_process() -> Self {
        const CAP_IPC_LOCK: u32 = 14;
        // SAFETY: a zeroed rlimit is valid; the pointer is valid for the call.
        let limit = unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            if libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) == 0 { limit.rlim_cur } else { 0 }
        };
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
        if limit == libc::RLIM_INFINITY || capabilities >> CAP_IPC_LOCK & 1 == 1 {
            Self::Unlimited
        } else {
            Self::Limited
        }
    }
}

/// Whether the folder lies in memory, on tmpfs or ramfs (statfs(2)).
///
/// # Errors
/// What the kernel says, usually that there is no such folder.
pub fn is_in_memory(folder: &Path) -> io::Result<bool> {
    // linux/magic.h
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` ends with a zero and outlives the call; `stat` is valid for writes and read only if it was written.
    let kind = unsafe {
        check(libc::statfs(path.as_ptr(), stat.as_mut_ptr()))?;
        stat.assume_init().f_type
    };
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "its width depends on the architecture")]
    let kind = i64::from(kind);
    Ok(kind == TMPFS || kind == RAMFS)
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Files that this user may still make; endless where the file system does not count them.
    pub free_files: u64,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

/// Room on the file system of a folder (statvfs(3)).
///
/// # Errors
/// What the kernel says, usually that there is no such folder.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "widths depend on the architecture")]
pub fn space_of(folder: &Path) -> io::Result<Space> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a zero and outlives the call; `stat` is valid for writes and read only if it was written.
    let stat = unsafe {
        check(libc::statvfs(path.as_ptr(), stat.as_mut_ptr()))?;
        stat.assume_init()
    };
    Ok(Space {
        free_bytes: u64::from(stat.f_bavail).saturating_mul(u64::from(stat.f_frsize)),
        free_files: if stat.f_files == 0 { u64::MAX } else { u64::from(stat.f_favail) },
        read_only: stat.f_flag & libc::ST_RDONLY != 0,
    })
}

/// What a command of the shell writes to standard output (popen(3)). Waits for its end. The command is part of the program:
/// nothing from outside gets into it. `std::process` would make the program for the Pi some 28 kB larger.
///
/// # Errors
/// It cannot be started, or writes what is no text.
pub fn output_of(command: &'static CStr) -> io::Result<String> {
    let mut output = Vec::new();
    let mut chunk = [0_u8; 1024];
    // SAFETY: both texts end with a zero; `chunk` is valid for as many bytes as are asked for; the stream is used between its
    // popen, which gave no null, and its one pclose.
    unsafe {
        let stream = libc::popen(command.as_ptr(), c"re".as_ptr());
        if stream.is_null() {
            return Err(io::Error::last_os_error());
        }
        loop {
            let length = libc::fread(chunk.as_mut_ptr().cast(), 1, chunk.len(), stream);
            match chunk.get(..length) {
                None | Some([]) => break,
                Some(bytes) => output.extend_from_slice(bytes),
            }
        }
        libc::pclose(stream);
    }
    String::from_utf8(output).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Drops the file's pages from the page cache, so that the next reader meets the disk (posix_fadvise(2)).
///
/// # Errors
/// What the kernel says.
pub fn forget_cached(file: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed; the call has no pointers.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Sets how late the kernel may wake this thread to save power (prctl(2) PR_SET_TIMERSLACK); real-time policies ignore it.
///
/// # Errors
/// What the kernel says.
pub fn set_timer_slack_ns(ns: u32) -> io::Result<()> {
    // SAFETY: this option takes one number and no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, libc::c_ulong::from(ns), 0, 0, 0) })
}

/// Writes to the pages of the stack that the periodic loop will use, so that it never faults on them.
#[inline(never)]
pub fn prefault_stack() {
    const DEPTH: usize = 64 * 1024;
    let mut stack = [0u8; DEPTH];
    for page in stack.chunks_mut(4096) {
        if let Some(byte) = page.first_mut() {
            // SAFETY: `byte` is a valid reference; the write is volatile so that the compiler keeps it.
            unsafe { ptr::write_volatile(byte, 1) };
        }
    }
}

/// Whether the kernel calls the wall clock synchronised (adjtimex(2), flag STA_UNSYNC).
#[must_use]
pub fn wall_clock_synced() -> bool {
    // SAFETY: a zeroed timex only asks; the pointer is valid for the call.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    state >= 0 && timex.status & libc::STA_UNSYNC == 0
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
