//! core.rs: the measurements of bench-core on tokio's current_thread runtime: spawned tasks, yield_now, bounded
//! channels, its timer wheel. bench/README.md describes them; the protocol is bench.h's.
mod bench;
use bench::{asked, cpu, say, say_per};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, Notify};
use tokio::task::{spawn, unconstrained, yield_now, JoinHandle};
use tokio::time::{sleep, Sleep};

/// Three async fns deep; each is polled through the one above.
#[inline(never)]
async fn deep_1() {
    yield_now().await
}
#[inline(never)]
async fn deep_2() {
    deep_1().await
}
#[inline(never)]
async fn deep_3() {
    deep_2().await
}

/// Deeper than three, with the depth known only at run time: a recursive future must be boxed.
fn deep(frames: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if frames > 1 {
            deep(frames - 1).await
        } else {
            yield_now().await
        }
    })
}

async fn take_turns(frames: usize, turns: usize) {
    for _ in 0..turns {
        match frames {
            1 => yield_now().await,
            2 => deep_2().await,
            3 => deep_3().await,
            _ => deep(frames).await,
        }
    }
}

async fn measure_switch(row: &'static str, tasks: usize, least: usize, most: usize) {
    const SWITCHES: usize = 1_000_000;
    const BEFORE: usize = 100_000;
    let mut handles = Vec::new();
    for number in 0..tasks {
        let frames = least + number % (most - least + 1);
        handles.push(spawn(async move {
            take_turns(frames, BEFORE / tasks).await;
            let begun = cpu();
            take_turns(frames, SWITCHES / tasks).await;
            if number == 0 {
                say_per(row, cpu() - begun, SWITCHES);
            }
        }));
    }
    for handle in handles {
        handle.await.unwrap();
    }
}

async fn create_and_await(times: usize) {
    for _ in 0..times {
        spawn(async { 1 }).await.unwrap();
    }
}

async fn measure_create_await() {
    const CREATIONS: usize = 500_000;
    create_and_await(10_000).await;
    let begun = cpu();
    create_and_await(CREATIONS).await;
    say_per("create+await", cpu() - begun, CREATIONS);
}

async fn measure_queue(row: &'static str, maxsize: usize) {
    const ITEMS: usize = 1_000_000;
    const BEFORE: usize = 10_000;
    let (sender, mut receiver) = mpsc::channel::<u64>(maxsize);
    let producer = spawn(async move {
        for i in 0..(BEFORE + ITEMS) as u64 {
            sender.send(i).await.unwrap();
        }
    });
    for _ in 0..BEFORE {
        receiver.recv().await.unwrap();
    }
    let begun = cpu();
    for _ in 0..ITEMS {
        receiver.recv().await.unwrap();
    }
    say_per(row, cpu() - begun, ITEMS);
    producer.await.unwrap();
}

/// VmRSS + VmPTE in bytes.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap();
    let wanted = |line: &&str| line.starts_with("VmRSS:") || line.starts_with("VmPTE:");
    status.lines().filter(wanted).map(kilobytes).sum::<f64>() * 1024.0
}

async fn measure_million() {
    const TASKS: usize = 1_000_000;
    let bell = Arc::new(Notify::new());
    let mut handles = Vec::<Option<JoinHandle<()>>>::new();
    handles.resize_with(TASKS, || None);
    let (before, begun) = (memory(), cpu());
    for handle in handles.iter_mut() {
        let bell = bell.clone();
        *handle = Some(spawn(async move { bell.notified().await }));
    }
    say_per("cold create", cpu() - begun, TASKS);
    yield_now().await; // each task runs until it waits
    say_per("cold create+park", cpu() - begun, TASKS);
    say("parked", (memory() - before) / TASKS as f64);
    bell.notify_waiters();
    for handle in handles {
        handle.unwrap().await.unwrap();
    }
}

/// Returns the next number in (0, 1), of the generator of bench.h.
fn random() -> f64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    let next = STATE.load(Ordering::Relaxed) * 48271 % 2147483647;
    STATE.store(next, Ordering::Relaxed);
    next as f64 / 2147483647.0
}

async fn wave(count: usize) -> f64 {
    let begun = cpu();
    let mut handles = Vec::with_capacity(count);
    for _ in 0..count {
        let delay = Duration::from_secs_f64(random());
        handles.push(spawn(async move { sleep(delay).await }));
    }
    for handle in handles {
        handle.await.unwrap();
    }
    cpu() - begun
}

async fn measure_sleep(row: &str, count: usize) {
    say(&format!("{row} cold"), wave(count).await);
    say(row, wave(count).await);
}

fn far_away() -> Sleep {
    sleep(Duration::from_secs_f64(1000.0 + 1000.0 * random()))
}

/// A timer is set when it is first polled, and cancelled when it is dropped. Unconstrained: a task that has used up its
/// budget gets Pending without the timer being set.
async fn set_and_cancel(times: usize) {
    for _ in 0..times {
        let mut timer = std::pin::pin!(far_away());
        std::future::poll_fn(|context| {
            assert!(timer.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
}

async fn measure_timer() {
    const PENDING: usize = 1_000_000;
    const TIMERS: usize = 500_000;
    let mut pending: Vec<Pin<Box<Sleep>>> = (0..PENDING).map(|_| Box::pin(far_away())).collect();
    let set_all = std::future::poll_fn(|context| {
        for timer in pending.iter_mut() {
            assert!(timer.as_mut().poll(context).is_pending());
        }
        std::task::Poll::Ready(())
    });
    unconstrained(set_all).await;
    unconstrained(set_and_cancel(5_000)).await;
    let begun = cpu();
    unconstrained(set_and_cancel(TIMERS)).await;
    say_per("timer", cpu() - begun, TIMERS);
}

const ALL: [&str; 11] = [
    "switch/2", "switch/100", "switch/1000", "switch/mixed", "create+await", "queue/1", "queue/128", "million",
    "sleep/100k", "sleep/1m", "timer",
];

async fn measure(name: String) {
    match name.as_str() {
        "switch/2" => measure_switch("switch/2", 2, 1, 1).await,
        "switch/100" => measure_switch("switch/100", 100, 3, 3).await,
        "switch/1000" => measure_switch("switch/1000", 1000, 3, 3).await,
        "switch/mixed" => measure_switch("switch/mixed", 100, 1, 8).await,
        "create+await" => measure_create_await().await,
        "queue/1" => measure_queue("queue/1", 1).await,
        "queue/128" => measure_queue("queue/128", 128).await,
        "million" => measure_million().await,
        "sleep/100k" => measure_sleep("sleep/100k", 100_000).await,
        "sleep/1m" => measure_sleep("sleep/1m", 1_000_000).await,
        "timer" => measure_timer().await,
        _ => {}
    }
}

fn main() {
    let Some(name) = asked(&ALL) else { return };
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { spawn(measure(name)).await.unwrap() });
}
