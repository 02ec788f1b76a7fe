// core.go: the measurements of bench-core in Go: goroutines on one processor (GOMAXPROCS=1, which bench/run.py sets),
// channels, timers of package time. bench/README.md describes them; the protocol is bench.h's.
package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// deep yields that many frames deep. The compiler must not inline the frames.
//
//go:noinline
func deep(frames int) {
	if frames > 1 {
		deep(frames - 1)
		return
	}
	runtime.Gosched()
}

func takeTurns(frames, turns int) {
	if frames == 1 {
		for i := 0; i < turns; i++ {
			runtime.Gosched()
		}
		return
	}
	for i := 0; i < turns; i++ {
		deep(frames)
	}
}

func measureSwitch(row string, tasks, least, most int) {
	const switches, before = 2000000, 200000
	var group sync.WaitGroup
	var took float64
	group.Add(tasks)
	for number := 0; number < tasks; number++ {
		go func(number int) {
			defer group.Done()
			frames := least + number%(most-least+1)
			takeTurns(frames, before/tasks)
			begun := cpu()
			takeTurns(frames, switches/tasks)
			if number == 0 {
				took = cpu() - begun
			}
		}(number)
	}
	group.Wait()
	sayPer(row, took, switches)
}

func createAndAwait(results chan int, times int) {
	for i := 0; i < times; i++ {
		go func() { results <- 1 }()
		<-results
	}
}

func measureCreateAwait() {
	const creations, before = 500000, 10000
	results := make(chan int)
	createAndAwait(results, before)
	begun := cpu()
	createAndAwait(results, creations)
	sayPer("create+await", cpu()-begun, creations)
}

func measureQueue(row string, maxsize int) {
	const items, before = 1000000, 10000
	queue := make(chan int64, maxsize)
	go func() {
		for i := int64(0); i < before+items; i++ {
			queue <- i
		}
	}()
	for i := 0; i < before; i++ {
		<-queue
	}
	begun := cpu()
	for i := 0; i < items; i++ {
		<-queue
	}
	sayPer(row, cpu()-begun, items)
}

// memory is VmRSS + VmPTE in bytes.
func memory() float64 {
	file, _ := os.Open("/proc/self/status")
	defer file.Close()
	kilobytes := 0.0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if words[0] == "VmRSS:" || words[0] == "VmPTE:" {
			value, _ := strconv.ParseFloat(words[1], 64)
			kilobytes += value
		}
	}
	return kilobytes * 1024
}

func measureMillion() {
	const tasks = 1000000
	queue := make(chan byte)
	var group sync.WaitGroup
	group.Add(tasks)
	before, begun := memory(), cpu()
	for i := 0; i < tasks; i++ {
		go func() {
			<-queue
			group.Done()
		}()
	}
	sayPer("cold create", cpu()-begun, tasks)
	runtime.Gosched() // each goroutine runs until it waits
	sayPer("cold create+park", cpu()-begun, tasks)
	say("parked", (memory()-before)/tasks)
	close(queue)
	group.Wait()
}

// random returns the next number in (0, 1), of the generator of bench.h.
func random(state *uint64) float64 {
	*state = *state * 48271 % 2147483647
	return float64(*state) / 2147483647
}

func wave(count int) float64 {
	state := uint64(1)
	begun := cpu()
	var group sync.WaitGroup
	group.Add(count)
	for i := 0; i < count; i++ {
		delay := time.Duration(random(&state) * float64(time.Second))
		go func() {
			time.Sleep(delay)
			group.Done()
		}()
	}
	group.Wait()
	return cpu() - begun
}

func measureSleep(row string, count int) {
	say(row+" cold", wave(count))
	say(row, wave(count))
}

func setOne(state *uint64) *time.Timer {
	delay := 1000 + 1000*random(state)
	return time.AfterFunc(time.Duration(delay*float64(time.Second)), func() { panic("it has fired") })
}

func setAndCancel(times int, state *uint64) {
	for i := 0; i < times; i++ {
		setOne(state).Stop()
	}
}

func measureTimer() {
	const pending, timers, before = 1000000, 500000, 5000
	state := uint64(1)
	kept := make([]*time.Timer, pending)
	for i := range kept {
		kept[i] = setOne(&state)
	}
	setAndCancel(before, &state)
	begun := cpu()
	setAndCancel(timers, &state)
	sayPer("timer", cpu()-begun, timers)
	runtime.KeepAlive(kept)
}

func main() {
	run([]measurement{
		{"switch/2", func() { measureSwitch("switch/2", 2, 1, 1) }},
		{"switch/100", func() { measureSwitch("switch/100", 100, 3, 3) }},
		{"switch/1000", func() { measureSwitch("switch/1000", 1000, 3, 3) }},
		{"switch/mixed", func() { measureSwitch("switch/mixed", 100, 1, 8) }},
		{"create+await", measureCreateAwait},
		{"queue/1", func() { measureQueue("queue/1", 1) }},
		{"queue/128", func() { measureQueue("queue/128", 128) }},
		{"million", measureMillion},
		{"sleep/100k", func() { measureSleep("sleep/100k", 100000) }},
		{"sleep/1m", func() { measureSleep("sleep/1m", 1000000) }},
		{"timer", measureTimer},
	})
}
