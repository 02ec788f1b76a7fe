//! sync.rs: the measurements of bench-sync on tokio's current_thread runtime: tokio::sync, tokio::time and
//! tokio::task. bench/README.md describes them; the protocol is bench.h's.
mod bench;
use bench::{asked, cpu, say, say_per};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{channel, Receiver, Sender};
use tokio::sync::{Barrier, Mutex, Notify, Semaphore};
use tokio::task::{spawn, spawn_blocking, yield_now, JoinSet};
use tokio::time::timeout;

/// Warms up with a tenth of the operations, then measures.
async fn per_turn<F: Future<Output = ()>>(row: &str, times: usize, act: impl Fn(usize) -> F) {
    act(times / 10).await;
    let begun = cpu();
    act(times).await;
    say_per(row, cpu() - begun, times);
}

/// Runs that many tasks and waits for them.
async fn all<F: Future<Output = ()> + Send + 'static>(tasks: usize, body: impl Fn(usize) -> F) {
    let handles: Vec<_> = (0..tasks).map(|number| spawn(body(number))).collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

// ---- locks, semaphores ---------------------------------------------------------------------------------------

async fn measure_lock() {
    let mutex = &Mutex::new(());
    let act = |times| async move {
        for _ in 0..times {
            drop(mutex.lock().await);
        }
    };
    per_turn("lock", 10_000_000, act).await;
}

async fn lock_yielding(mutex: Arc<Mutex<()>>, times: usize) {
    for _ in 0..times {
        let _held = mutex.lock().await;
        yield_now().await;
    }
}

async fn measure_lock_contended(row: &str, tasks: usize) {
    let mutex = &Arc::new(Mutex::new(()));
    let act = |times| all(tasks, move |_| lock_yielding(mutex.clone(), times / tasks));
    per_turn(row, 1_000_000, act).await;
}

async fn measure_semaphore() {
    let semaphore = &Semaphore::new(10);
    let act = |times| async move {
        for _ in 0..times {
            drop(semaphore.acquire().await.unwrap());
        }
    };
    per_turn("semaphore", 10_000_000, act).await;
}

async fn acquire_yielding(semaphore: Arc<Semaphore>, times: usize) {
    for _ in 0..times {
        let _permit = semaphore.acquire().await.unwrap();
        yield_now().await;
    }
}

async fn measure_semaphore_contended() {
    const TASKS: usize = 100;
    let semaphore = &Arc::new(Semaphore::new(10));
    let act = |times| all(TASKS, move |_| acquire_yielding(semaphore.clone(), times / TASKS));
    per_turn("semaphore/100", 1_000_000, act).await;
}

// ---- events, conditions, barriers ----------------------------------------------------------------------------

const WAITERS: usize = 10_000;

#[derive(Default)]
struct Bell {
    bell: Notify,
    all_up: Notify,
    woken: AtomicUsize,
}

async fn wake_again_and_again(event: Arc<Bell>) {
    loop {
        event.bell.notified().await;
        if event.woken.fetch_add(1, Ordering::Relaxed) + 1 == WAITERS {
            event.woken.store(0, Ordering::Relaxed);
            event.all_up.notify_one();
        }
    }
}

async fn measure_event() {
    let event = &Arc::new(Bell::default());
    for _ in 0..WAITERS {
        spawn(wake_again_and_again(event.clone()));
    }
    yield_now().await; // each task runs until it waits
    let act = |times| async move {
        for _ in 0..times / WAITERS {
            event.bell.notify_waiters();
            event.all_up.notified().await;
        }
    };
    per_turn("event/10k", 100 * WAITERS, act).await;
}

/// tokio has no conditions: a lock of the standard library, which no task holds while it waits, and a Notify.
#[derive(Default)]
struct Turn {
    turn: std::sync::Mutex<usize>,
    change: Notify,
}

async fn take_turn(place: &Turn, number: usize) {
    loop {
        let changed = place.change.notified(); // before the check, so that no change is missed
        {
            let mut turn = place.turn.lock().unwrap();
            if *turn == number {
                *turn = 1 - number;
                place.change.notify_waiters();
                return;
            }
        }
        changed.await;
    }
}

async fn take_turns(place: Arc<Turn>, number: usize, times: usize) {
    for _ in 0..times {
        take_turn(&place, number).await;
    }
}

async fn measure_condition() {
    let place = &Arc::new(Turn::default());
    let act = |times| all(2, move |number| take_turns(place.clone(), number, times / 2));
    per_turn("condition", 1_000_000, act).await;
}

async fn come_again_and_again(barrier: Arc<Barrier>, times: usize) {
    for _ in 0..times {
        barrier.wait().await;
    }
}

async fn measure_barrier() {
    const PARTIES: usize = 100;
    let barrier = &Arc::new(Barrier::new(PARTIES));
    let act = |times| all(PARTIES, move |_| come_again_and_again(barrier.clone(), times / PARTIES));
    per_turn("barrier/100", 1_000_000, act).await;
}

// ---- groups, timeouts ----------------------------------------------------------------------------------------

async fn measure_group() {
    const CHILDREN: usize = 10_000;
    let act = |times| async move {
        for _ in 0..times / CHILDREN {
            let mut group = JoinSet::new();
            for _ in 0..CHILDREN {
                group.spawn(async {});
            }
            while let Some(result) = group.join_next().await {
                result.unwrap();
            }
        }
    };
    per_turn("group/10k", 100 * CHILDREN, act).await;
}

#[inline(never)]
async fn nothing() {}

const FAR_AWAY: Duration = Duration::from_secs(1000);

async fn measure_timeout() {
    let act = |times| async move {
        for _ in 0..times {
            timeout(FAR_AWAY, nothing()).await.unwrap();
        }
    };
    per_turn("timeout", 5_000_000, act).await;
}

async fn measure_timeout_yield() {
    let act = |times| async move {
        for _ in 0..times {
            timeout(FAR_AWAY, yield_now()).await.unwrap();
        }
    };
    per_turn("timeout/yield", 1_000_000, act).await;
}

// ---- select --------------------------------------------------------------------------------------------------

struct Queues {
    a: Receiver<usize>,
    b: Receiver<usize>,
    c: Receiver<usize>,
    d: Receiver<usize>,
}

fn make_queues() -> (Vec<Sender<usize>>, Queues) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| channel(1)).unzip();
    let mut receivers = receivers.into_iter();
    let mut next = || receivers.next().unwrap();
    (senders, Queues { a: next(), b: next(), c: next(), d: next() })
}

async fn select_one(queues: &mut Queues) -> usize {
    tokio::select! {
        biased;
        Some(item) = queues.a.recv() => item,
        Some(item) = queues.b.recv() => item,
        Some(item) = queues.c.recv() => item,
        Some(item) = queues.d.recv() => item,
        else => panic!("all are closed"),
    }
}

async fn produce(senders: Vec<Sender<usize>>) {
    for i in 0.. {
        if senders[i % 4].send(i).await.is_err() {
            return;
        }
        yield_now().await;
    }
}

async fn measure_select() {
    const BEFORE: usize = 100_000;
    const TIMES: usize = 1_000_000;
    let (senders, mut queues) = make_queues();
    spawn(produce(senders));
    for _ in 0..BEFORE {
        select_one(&mut queues).await;
    }
    let begun = cpu();
    for _ in 0..TIMES {
        select_one(&mut queues).await;
    }
    say_per("select", cpu() - begun, TIMES);
}

async fn measure_select_ready() {
    const BEFORE: usize = 100_000;
    const TIMES: usize = 2_000_000;
    let (senders, mut queues) = make_queues();
    let mut begun = 0.0;
    for i in 0..BEFORE + TIMES {
        if i == BEFORE {
            begun = cpu();
        }
        senders[i % 4].send(i).await.unwrap();
        select_one(&mut queues).await;
    }
    say_per("select/ready", cpu() - begun, TIMES);
}

// ---- other threads -------------------------------------------------------------------------------------------

async fn call_threads(times: usize) {
    for _ in 0..times {
        spawn_blocking(|| 1).await.unwrap();
    }
}

async fn measure_to_thread(row: &str, callers: usize) {
    const TIMES: usize = 60_000;
    let round = |times: usize| all(callers, move |_| call_threads(times / callers));
    round(TIMES / 10).await;
    let begun = Instant::now();
    round(TIMES).await;
    say(row, begun.elapsed().as_secs_f64() * 1e6 / TIMES as f64);
}

/// Shared by a thread and the runtime. sent is the time of the last wake-up, None once the task has run.
#[derive(Default)]
struct Ringing {
    bell: Notify,
    sent: std::sync::Mutex<Option<Instant>>,
}

fn ring(ringing: &Ringing, times: usize) {
    for _ in 0..times {
        while {
            std::thread::sleep(Duration::from_micros(100));
            ringing.sent.lock().unwrap().is_some()
        } {}
        *ringing.sent.lock().unwrap() = Some(Instant::now());
        ringing.bell.notify_one();
    }
}

async fn measure_threadsafe(row: &str) {
    const WAKES: usize = 4000;
    let ringing = Arc::new(Ringing::default());
    let shared = ringing.clone();
    let thread = std::thread::spawn(move || ring(&shared, WAKES));
    let mut late = Vec::new();
    while late.len() < WAKES {
        ringing.bell.notified().await;
        let sent = ringing.sent.lock().unwrap().take();
        late.push(sent.unwrap().elapsed().as_secs_f64());
    }
    thread.join().unwrap();
    late.sort_by(f64::total_cmp);
    say(row, late[WAKES / 2] * 1e6);
}

const ALL: [&str; 18] = [
    "lock", "lock/2", "lock/100", "semaphore", "semaphore/100", "event/10k", "condition", "barrier/100", "group/10k",
    "timeout", "timeout/yield", "select", "select/ready", "to_thread", "to_thread/64",
    "to_thread/1", "threadsafe", "threadsafe/1",
];

async fn measure(name: String) {
    match name.as_str() {
        "lock" => measure_lock().await,
        "lock/2" => measure_lock_contended("lock/2", 2).await,
        "lock/100" => measure_lock_contended("lock/100", 100).await,
        "semaphore" => measure_semaphore().await,
        "semaphore/100" => measure_semaphore_contended().await,
        "event/10k" => measure_event().await,
        "condition" => measure_condition().await,
        "barrier/100" => measure_barrier().await,
        "group/10k" => measure_group().await,
        "timeout" => measure_timeout().await,
        "timeout/yield" => measure_timeout_yield().await,
        "select" => measure_select().await,
        "select/ready" => measure_select_ready().await,
        "to_thread" => measure_to_thread("to_thread", 1).await,
        "to_thread/64" => measure_to_thread("to_thread/64", 64).await,
        "to_thread/1" => measure_to_thread("to_thread/1", 1).await,
        "threadsafe" => measure_threadsafe("threadsafe").await,
        "threadsafe/1" => measure_threadsafe("threadsafe/1").await,
        _ => {}
    }
}

fn main() {
    let Some(name) = asked(&ALL) else { return };
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { spawn(measure(name)).await.unwrap() });
}
