// bench.go: the common part of all programs in Go: names, clocks, the protocol of bench.h.
package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// measurement has a name and a function that prints its rows.
type measurement struct {
	name    string
	measure func()
}

func say(row string, value float64) {
	fmt.Printf("%s\t%.9g\n", row, value)
}

func sayPer(row string, took float64, count int) {
	say(row, took*1e9/float64(count))
}

func clock(which uintptr) float64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, which, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Sec) + float64(now.Nsec)/1e9
}

// cpu is the processor time of this process in seconds, including garbage collection.
func cpu() float64 {
	const processCPU = 2
	return clock(processCPU)
}

// wall is wall-clock time in seconds, for measurements with several threads.
func wall() float64 {
	const monotonic = 1
	return clock(monotonic)
}

// run makes the measurement named on the command line, or lists all.
func run(all []measurement) {
	for _, one := range all {
		if len(os.Args) < 2 {
			fmt.Println(one.name)
		} else if os.Args[1] == one.name {
			one.measure()
		}
	}
}
