//! bench.rs: the common part of all programs in Rust: clocks, the protocol of bench.h.

pub fn say(row: &str, value: f64) {
    println!("{row}\t{value:.9}");
}

pub fn say_per(row: &str, took: f64, count: usize) {
    say(row, took * 1e9 / count as f64);
}

/// The processor time of this process in seconds: of all threads, in nanosecond resolution.
pub fn cpu() -> f64 {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    extern "C" {
        fn clock_gettime(clock: i32, now: *mut Timespec) -> i32;
    }
    const PROCESS_CPU: i32 = 2;
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(PROCESS_CPU, &mut now) };
    now.seconds as f64 + now.nanoseconds as f64 / 1e9
}

/// The measurement named on the command line; without one, lists all and returns None.
pub fn asked(all: &[&str]) -> Option<String> {
    let name = std::env::args().nth(1);
    if name.is_none() {
        println!("{}", all.join("\n"));
    }
    name
}
