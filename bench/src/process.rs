//! What the system says of a process: CPU time and memory.

use std::fs;
use std::time::Duration;

/// User and system time a process has used so far.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold spaces; the times are the 12th and 13th field behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks: u64 =
        [11, 12].iter().filter_map(|&field| fields.get(field)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / ticks_per_second())
}

/// Bytes of memory a process has resident.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    kib << 10
}

#[allow(unsafe_code)]
fn ticks_per_second() -> u64 {
    // SAFETY: sysconf takes a number and returns one.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or(100)
}

/// From now on the calling thread stands back behind those that run like this process.
#[allow(unsafe_code)]
pub fn yield_to_others() {
    const STEPS: libc::c_int = 10;
    // SAFETY: nice takes a number and returns one, and on Linux it is about the calling thread. If it
    // fails, the thread runs like all others.
    let _ = unsafe { libc::nice(STEPS) };
}
