// machine.go: the measurements of bench-machine in Go: os/exec, bufio. bench/README.md describes them; the protocol is
// bench.h's.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

const (
	starts, startsBefore = 1000, 100
	helds, heldsBefore   = 1000, 20
	chunkSize, chunks    = 65536, 8192
	lines                = 4000000
	unsuspicious         = 20e-6 // seconds
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// helper is a program in bench/helpers, built by bench/run.py.
func helper(name string) string {
	return filepath.Join(os.Getenv("BENCH_HELPERS"), name)
}

// What the starting process has.
var (
	memory []byte
	files  []*os.File
)

func addNothing() {}

func addDescriptors() {
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	for i := 0; i < 10000; i++ {
		file, err := os.Open("/dev/null")
		must(err)
		files = append(files, file)
	}
}

func addMemory() {
	memory = make([]byte, 1<<30)
	for i := range memory {
		memory[i] = 1
	}
}

// times is the processor time and the wall-clock time, in seconds.
type times struct{ cpu, wall float64 }

func now() times { return times{cpu(), wall()} }

func (begun times) say(name string, count int) {
	say("cpu/"+name, (cpu()-begun.cpu)*1e6/float64(count))
	say("wall/"+name, (wall()-begun.wall)*1e6/float64(count))
}

func start(program string) *exec.Cmd {
	command := exec.Command(program)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	must(command.Start())
	return command
}

func startOften(program string, times int) {
	for i := 0; i < times; i++ {
		must(start(program).Wait())
	}
}

func measureStart(name, program string, add func()) {
	add()
	startOften(program, startsBefore)
	begun := now()
	startOften(program, starts)
	begun.say(name, starts)
}

// watch has the longest time between two turns of a goroutine that yields, as in bench/child.h; without the time that
// one of the two threads waited for a processor.
type watch struct {
	delays                []*os.File
	last, lastDelay       float64
	longest, longestTotal float64
}

// addThread counts the waits of the calling thread, to which the goroutine is bound from now on.
func (w *watch) addThread() {
	runtime.LockOSThread()
	file, err := os.Open("/proc/thread-self/schedstat")
	must(err)
	w.delays = append(w.delays, file)
}

func (w *watch) delay() float64 {
	text := make([]byte, 128)
	total := 0.0
	for _, file := range w.delays {
		size, _ := syscall.Pread(int(file.Fd()), text, 0)
		waited, err := strconv.ParseFloat(strings.Fields(string(text[:size]))[1], 64)
		must(err)
		total += waited / 1e9
	}
	return total
}

func (w *watch) begin() {
	w.longest, w.longestTotal = 0, 0
	w.lastDelay = w.delay()
	w.last = wall()
}

func (w *watch) turn() {
	took := wall() - w.last
	held := took
	if took > unsuspicious {
		delay := w.delay()
		held -= delay - w.lastDelay
		w.lastDelay = delay
	}
	w.longestTotal = math.Max(w.longestTotal, took)
	w.longest = math.Max(w.longest, held)
	w.last = wall()
}

func sayPercentile(row string, held []float64, percent int) {
	sort.Float64s(held)
	say(row, held[len(held)*percent/100]*1e6)
}

// measureHeld runs goroutines on one thread at a time, so that they do not race for the watch.
func measureHeld(name, program string, add func()) {
	runtime.GOMAXPROCS(1)
	add()
	var w watch
	w.addThread()
	ready := make(chan bool)
	go func() {
		w.addThread()
		ready <- true
		for {
			w.turn()
			runtime.Gosched()
		}
	}()
	<-ready
	var held, total []float64
	for i := 0; i < heldsBefore+helds; i++ {
		w.begin()
		command := start(program)
		w.turn()
		if i >= heldsBefore {
			held = append(held, w.longest)
			total = append(total, w.longestTotal)
		}
		must(command.Wait())
	}
	sayPercentile(name+" p50", held, 50)
	sayPercentile(name+" p99", held, 99)
	sayPercentile(name+" p99 wall", total, 99)
}

// makeFile makes a file of zeros and reads it once.
func makeFile() string {
	path := helper("zeros")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0600)
	must(err)
	must(file.Truncate(chunkSize * chunks))
	_, err = io.Copy(io.Discard, file)
	must(err)
	must(file.Close())
	return path
}

func measureChunk(name string) {
	path := makeFile()
	buffer := make([]byte, chunkSize)
	begun := now()
	cat := exec.Command("cat", path)
	output, err := cat.StdoutPipe()
	must(err)
	must(cat.Start())
	bytes := 0
	for {
		size, err := output.Read(buffer)
		bytes += size
		if err == io.EOF {
			break
		}
		must(err)
	}
	must(cat.Wait())
	if bytes != chunkSize*chunks {
		must(fmt.Errorf("bytes are missing"))
	}
	begun.say(name, chunks)
}

func measureLine() {
	feeder := exec.Command(helper("lines"), strconv.Itoa(lines))
	input, output, err := os.Pipe()
	must(err)
	feeder.Stdout = output
	must(feeder.Start())
	must(output.Close())
	must(syscall.Dup3(int(input.Fd()), 0, 0)) // Fd makes it blocking, as standard input usually is
	must(input.Close())
	begun := now()
	scanner := bufio.NewScanner(os.Stdin)
	count := 0
	for scanner.Scan() {
		count++
	}
	must(scanner.Err())
	took := times{cpu() - begun.cpu, wall() - begun.wall}
	if count != lines {
		must(fmt.Errorf("lines are missing"))
	}
	must(feeder.Wait())
	sayPer("cpu/line", took.cpu, lines)
	say("rate/line", lines/took.wall)
}

func main() {
	nothing := helper("nothing")
	run([]measurement{
		{"start/static", func() { measureStart("static", nothing, addNothing) }},
		{"start/true", func() { measureStart("true", "/bin/true", addNothing) }},
		{"start/fds", func() { measureStart("static 10k fds", nothing, addDescriptors) }},
		{"start/memory", func() { measureStart("static 1 GiB", nothing, addMemory) }},
		{"held/static", func() { measureHeld("held/static", nothing, addNothing) }},
		{"held/true", func() { measureHeld("held/true", "/bin/true", addNothing) }},
		{"held/fds", func() { measureHeld("held/static 10k fds", nothing, addDescriptors) }},
		{"held/memory", func() { measureHeld("held/static 1 GiB", nothing, addMemory) }},
		{"chunk", func() { measureChunk("chunk") }},
		{"chunk/1", func() { measureChunk("chunk/1") }},
		{"line", measureLine},
	})
}
