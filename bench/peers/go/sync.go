// sync.go: the measurements of bench-sync in Go: package sync, channels and contexts. On one processor
// (GOMAXPROCS, which bench/run.py sets), or two for the rows with threads. bench/README.md describes them; the protocol
// is bench.h's.
package main

import (
	"context"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// perTurn warms up with a tenth of the operations, then measures.
func perTurn(row string, times int, do func(times int)) {
	do(times / 10)
	begun := cpu()
	do(times)
	sayPer(row, cpu()-begun, times)
}

// all runs that many goroutines and waits for them.
func all(tasks int, body func(number int)) {
	var group sync.WaitGroup
	group.Add(tasks)
	for number := 0; number < tasks; number++ {
		go func(number int) {
			defer group.Done()
			body(number)
		}(number)
	}
	group.Wait()
}

func measureLock() {
	var mutex sync.Mutex
	perTurn("lock", 20000000, func(times int) {
		for i := 0; i < times; i++ {
			mutex.Lock()
			mutex.Unlock()
		}
	})
}

func measureLockContended(row string, tasks int) {
	var mutex sync.Mutex
	perTurn(row, 1000000, func(times int) {
		all(tasks, func(int) {
			for i := 0; i < times/tasks; i++ {
				mutex.Lock()
				runtime.Gosched()
				mutex.Unlock()
			}
		})
	})
}

func measureSemaphore() {
	permits := make(chan struct{}, 10)
	perTurn("semaphore", 20000000, func(times int) {
		for i := 0; i < times; i++ {
			permits <- struct{}{}
			<-permits
		}
	})
}

func measureSemaphoreContended() {
	const tasks = 100
	permits := make(chan struct{}, 10)
	perTurn("semaphore/100", 1000000, func(times int) {
		all(tasks, func(int) {
			for i := 0; i < times/tasks; i++ {
				permits <- struct{}{}
				runtime.Gosched()
				<-permits
			}
		})
	})
}

// event is a reusable event: goroutines wait until it is set.
type event struct {
	mutex  sync.Mutex
	change *sync.Cond
	sets   int
}

// awaitAfter waits until the event has been set more than that many times, and returns the number.
func (e *event) awaitAfter(sets int) int {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for e.sets == sets {
		e.change.Wait()
	}
	return e.sets
}

func (e *event) set() {
	e.mutex.Lock()
	e.sets++
	e.change.Broadcast()
	e.mutex.Unlock()
}

func measureEvent() {
	const waiters = 10000
	bell := &event{}
	bell.change = sync.NewCond(&bell.mutex)
	allUp := make(chan struct{})
	var woken int32
	for i := 0; i < waiters; i++ {
		go func() {
			for sets := 0; ; {
				sets = bell.awaitAfter(sets)
				if atomic.AddInt32(&woken, 1) == waiters {
					atomic.StoreInt32(&woken, 0)
					allUp <- struct{}{}
				}
			}
		}()
	}
	runtime.Gosched() // each goroutine runs until it waits
	perTurn("event/10k", 100*waiters, func(times int) {
		for i := 0; i < times/waiters; i++ {
			bell.set()
			<-allUp
		}
	})
}

func measureCondition() {
	const tasks = 2
	var mutex sync.Mutex
	change := sync.NewCond(&mutex)
	turn := 0
	perTurn("condition", 1000000, func(times int) {
		all(tasks, func(number int) {
			for i := 0; i < times/tasks; i++ {
				mutex.Lock()
				for turn != number {
					change.Wait()
				}
				turn = 1 - number
				change.Signal()
				mutex.Unlock()
			}
		})
	})
}

// barrier releases its parties when all have arrived. Go has no barrier; this is the usual replacement.
type barrier struct {
	mutex                        sync.Mutex
	change                       *sync.Cond
	parties, waiting, generation int
}

func (b *barrier) wait() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	generation := b.generation
	if b.waiting++; b.waiting == b.parties {
		b.waiting = 0
		b.generation++
		b.change.Broadcast()
		return
	}
	for generation == b.generation {
		b.change.Wait()
	}
}

func measureBarrier() {
	const parties = 100
	b := &barrier{parties: parties}
	b.change = sync.NewCond(&b.mutex)
	perTurn("barrier/100", 1000000, func(times int) {
		all(parties, func(int) {
			for i := 0; i < times/parties; i++ {
				b.wait()
			}
		})
	})
}

func measureGroup() {
	const children = 10000
	perTurn("group/10k", 100*children, func(times int) {
		for i := 0; i < times/children; i++ {
			all(children, func(int) {})
		}
	})
}

//go:noinline
func nothing(context.Context) {}

//go:noinline
func yield(context.Context) { runtime.Gosched() }

func measureTimeout(row string, call func(context.Context)) {
	perTurn(row, 1000000, func(times int) {
		for i := 0; i < times; i++ {
			limited, cancel := context.WithTimeout(context.Background(), 1000*time.Second)
			call(limited)
			cancel()
		}
	})
}

func selectOne(queues *[4]chan int) int {
	select {
	case item := <-queues[0]:
		return item
	case item := <-queues[1]:
		return item
	case item := <-queues[2]:
		return item
	case item := <-queues[3]:
		return item
	}
}

func makeQueues() *[4]chan int {
	var queues [4]chan int
	for i := range queues {
		queues[i] = make(chan int, 1)
	}
	return &queues
}

func measureSelect() {
	queues := makeQueues()
	go func() {
		for i := 0; ; i++ {
			queues[i%4] <- i
			runtime.Gosched()
		}
	}()
	perTurn("select", 1000000, func(times int) {
		for i := 0; i < times; i++ {
			selectOne(queues)
		}
	})
}

func measureSelectReady() {
	queues := makeQueues()
	perTurn("select/ready", 4000000, func(times int) {
		for i := 0; i < times; i++ {
			queues[i%4] <- i
			selectOne(queues)
		}
	})
}

// call is a function for a thread, and the channel for its result.
type call struct {
	function func() int
	answer   chan int
}

// work runs calls on a thread of its own, as code needs that must not run on Go's other threads.
func work(calls chan call) {
	runtime.LockOSThread()
	for one := range calls {
		one.answer <- one.function()
	}
}

func measureToThread(row string, callers int) {
	const threads, times = 6, 60000
	calls := make(chan call)
	for i := 0; i < threads; i++ {
		go work(calls)
	}
	round := func(times int) {
		all(callers, func(int) {
			answer := make(chan int)
			for i := 0; i < times/callers; i++ {
				calls <- call{func() int { return 1 }, answer}
				<-answer
			}
		})
	}
	round(times / 10)
	begun := wall()
	round(times)
	say(row, (wall()-begun)*1e6/times)
}

func measureThreadsafe(row string) {
	const wakes = 4000
	bell := make(chan time.Time)
	go func() {
		runtime.LockOSThread()
		for i := 0; i < wakes; i++ {
			time.Sleep(100 * time.Microsecond)
			bell <- time.Now()
		}
	}()
	late := make([]float64, wakes)
	for i := range late {
		late[i] = time.Since(<-bell).Seconds()
	}
	sort.Float64s(late)
	say(row, late[wakes/2]*1e6)
}

func main() {
	run([]measurement{
		{"lock", measureLock},
		{"lock/2", func() { measureLockContended("lock/2", 2) }},
		{"lock/100", func() { measureLockContended("lock/100", 100) }},
		{"semaphore", measureSemaphore},
		{"semaphore/100", measureSemaphoreContended},
		{"event/10k", measureEvent},
		{"condition", measureCondition},
		{"barrier/100", measureBarrier},
		{"group/10k", measureGroup},
		{"timeout", func() { measureTimeout("timeout", nothing) }},
		{"timeout/yield", func() { measureTimeout("timeout/yield", yield) }},
		{"select", measureSelect},
		{"select/ready", measureSelectReady},
		{"to_thread", func() { measureToThread("to_thread", 1) }},
		{"to_thread/64", func() { measureToThread("to_thread/64", 64) }},
		{"to_thread/1", func() { measureToThread("to_thread/1", 1) }},
		{"threadsafe", func() { measureThreadsafe("threadsafe") }},
		{"threadsafe/1", func() { measureThreadsafe("threadsafe/1") }},
	})
}
