// Go's goroutines in the benchmarks of the scheduler that ../README.md describes. The numbers are those of
// ../scheduler_work.hpp; the number of workers is GOMAXPROCS.
package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type options struct {
	workers int
	scale   float64
}

// scaled gives count times the scale, a multiple of step and at least ten steps.
func (o options) scaled(count, step uint64) uint64 {
	n := uint64(float64(count)*o.scale) / step
	if n < 10 {
		n = 10
	}
	return n * step
}

// check says on standard error what is wrong, and returns ok.
func check(ok bool, format string, values ...any) bool {
	if !ok {
		fmt.Fprintf(os.Stderr, "self check failed: "+format+"\n", values...)
	}
	return ok
}

func sumBelow(n uint64) uint64 { return n * (n - 1) / 2 }

func printMetric(metric, unit string, value float64, ok bool) bool {
	fmt.Printf("{\"metric\":%q,\"unit\":%q,\"value\":%.9g,\"ok\":%t}\n", metric, unit, value, ok)
	return ok
}

// measureRun runs for a tenth of n, then for n, and prints the time of the second divided by n.
func measureRun(unit string, n, step uint64, run func(uint64) bool) bool {
	return measureOperations(unit, n, step, 1, run)
}

// measureOperations is measureRun for work whose size n stands for that many operations each.
func measureOperations(unit string, n, step, operations uint64, run func(uint64) bool) bool {
	warm := n / 10 / step
	if warm < 1 {
		warm = 1
	}
	ok := run(warm * step)
	begin := time.Now()
	ok = run(n) && ok
	return printMetric("time", unit, float64(time.Since(begin).Nanoseconds())/float64(n*operations), ok)
}

const yielders = 100

// yield: on one worker, no goroutine may often have two turns in a row.
func yield(o options) bool {
	n := o.scaled(1_000_000, yielders)
	last, repeats := -1, uint64(0)
	ok := measureRun("ns/yield", n, yielders, func(turns uint64) bool {
		var all sync.WaitGroup
		all.Add(yielders)
		for self := 0; self < yielders; self++ {
			go func(self int) {
				for i := uint64(0); i < turns/yielders; i++ {
					if o.workers == 1 {
						if last == self {
							repeats++
						}
						last = self
					}
					runtime.Gosched()
				}
				all.Done()
			}(self)
		}
		all.Wait()
		return true
	})
	return check(repeats <= n/10, "yielding does not let the others run") && ok
}

// spawnJoin: the goroutine's result is read from a channel that all use in turn, which is the join.
func spawnJoin(o options) bool {
	return measureRun("ns/pair", o.scaled(300_000, 1), 1, func(n uint64) bool {
		joined := make(chan uint64)
		sum := uint64(0)
		for i := uint64(0); i < n; i++ {
			go func(value uint64) { joined <- value }(i)
			sum += <-joined
		}
		return check(sum == sumBelow(n), "a wrong sum")
	})
}

// channel: a round trip is two messages, each of which waits for its receiver.
func channel(o options) bool {
	return measureRun("ns/round_trip", o.scaled(300_000, 1), 1, func(n uint64) bool {
		there, back, verdict := make(chan uint64), make(chan uint64), make(chan bool)
		go func() {
			for ball := range there {
				back <- ball + 1
			}
		}()
		go func() {
			ok := true
			for i := uint64(0); i < n; i++ {
				there <- i
				ok = <-back == i+1 && ok
			}
			close(there)
			verdict <- ok
		}()
		return check(<-verdict, "a wrong answer")
	})
}

func channelBuffered(o options) bool {
	return measureRun("ns/message", o.scaled(1_000_000, 1), 1, func(n uint64) bool {
		messages, result := make(chan uint64, 128), make(chan uint64)
		go func() {
			sum := uint64(0)
			for each := range messages {
				sum += each
			}
			result <- sum
		}()
		go func() {
			for i := uint64(0); i < n; i++ {
				messages <- i
			}
			close(messages)
		}()
		return check(<-result == sumBelow(n), "a wrong sum")
	})
}

// forkJoin: one side of each call is a goroutine that answers on a channel, the other runs in the caller.
func forkJoin(n uint64) uint64 {
	if n < 2 {
		return n
	}
	forked := make(chan uint64, 1)
	go func() { forked <- forkJoin(n - 1) }()
	own := forkJoin(n - 2)
	return <-forked + own
}

func fibValue(n uint64) uint64 {
	a, b := uint64(0), uint64(1)
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func fib(o options) bool {
	n := uint64(math.Min(math.Max(30+math.Round(math.Log(o.scale)/math.Log(1.618)), 5), 45))
	ok := forkJoin(n-5) == fibValue(n-5)
	begin := time.Now()
	ok = forkJoin(n) == fibValue(n) && ok
	check(ok, "a wrong number")
	calls := float64(2*fibValue(n+1) - 1)
	return printMetric("time", "ns/call", float64(time.Since(begin).Nanoseconds())/calls, ok)
}

// statusField is the number that follows key in a /proc status file.
func statusField(path, key string) float64 {
	text, _ := os.ReadFile(path)
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			value, _ := strconv.ParseFloat(fields[1], 64)
			return value
		}
	}
	return 0
}

func residentBytes() float64 { return statusField("/proc/self/status", "VmRSS:") * 1024 }

// putToSleep starts n goroutines that sleep for an hour and waits until they do.
func putToSleep(n uint64) bool {
	var asleep uint64
	for i := uint64(0); i < n; i++ {
		go func() {
			atomic.AddUint64(&asleep, 1)
			time.Sleep(time.Hour)
		}()
	}
	for limit := time.Now().Add(time.Minute); atomic.LoadUint64(&asleep) < n; {
		if time.Now().After(limit) {
			return check(false, "%d of %d asleep after a minute", atomic.LoadUint64(&asleep), n)
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// wakeInOrder lets n goroutines sleep to deadlines 100 us apart and prints how late they woke; the order of the
// deadlines is not that of the spawning. The check is that of ../scheduler_work.hpp.
func wakeInOrder(n uint64, ordered, ok bool) bool {
	var lock sync.Mutex
	var all sync.WaitGroup
	all.Add(int(n))
	late, latest, disordered, begin := []float64{}, time.Time{}, uint64(0), time.Now()
	for i := uint64(0); i < n; i++ {
		due := begin.Add(200*time.Millisecond + time.Duration(i*7919%n)*100*time.Microsecond)
		go func() {
			time.Sleep(time.Until(due))
			lock.Lock()
			late = append(late, float64(time.Since(due).Nanoseconds()))
			if latest.After(due.Add(10 * time.Millisecond)) {
				disordered++
			}
			if due.After(latest) {
				latest = due
			}
			lock.Unlock()
			all.Done()
		}()
	}
	all.Wait()
	sort.Float64s(late)
	ok = check(late[0] >= 0, "woke %g ns early", -late[0]) && ok
	ok = check(!ordered || disordered <= n/2, "%d of %d woke after others that were due later", disordered, n) && ok
	at := func(share float64) float64 { return late[int(share*float64(len(late)-1))] }
	printMetric("out_of_order", "share", float64(disordered)/float64(n), ok)
	ok = printMetric("late_p50", "ns", at(0.5), ok)
	return printMetric("late_p99", "ns", at(0.99), ok)
}

func sleepers(o options) bool {
	n := o.scaled(1_000_000, 1)
	before := residentBytes()
	ok := putToSleep(n)
	printMetric("bytes", "bytes/sleeper", (residentBytes()-before)/float64(n), ok)
	ok = measureRun("ns/timer", o.scaled(1_000_000, 1), 1, func(times uint64) bool {
		stopped := true
		for i := uint64(0); i < times; i++ {
			stopped = time.AfterFunc(time.Hour, func() {}).Stop() && stopped
		}
		return check(stopped, "a timer could not be stopped")
	}) && ok
	return wakeInOrder(o.scaled(10_000, 1), o.workers == 1, ok)
}

func timer(o options) bool {
	return measureRun("ns/timer", o.scaled(1_000_000, 1), 1, func(n uint64) bool {
		stopped := true
		for i := uint64(0); i < n; i++ {
			stopped = time.AfterFunc(time.Hour, func() {}).Stop() && stopped
		}
		return check(stopped, "a timer could not be stopped")
	})
}

func idleSleepers(o options) bool {
	ok := putToSleep(o.scaled(1_000_000, 1))
	switches := func() float64 {
		sum := 0.0
		threads, _ := filepath.Glob("/proc/self/task/*/status")
		for _, thread := range threads {
			sum += statusField(thread, "voluntary_ctxt_switches:")
		}
		return sum
	}
	cpu := func() float64 {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	}
	time.Sleep(100 * time.Millisecond)
	switchesBefore, cpuBefore := switches(), cpu()
	time.Sleep(time.Duration(math.Max(0.5, 5*math.Min(1, o.scale)) * float64(time.Second)))
	cpuAfter, switchesAfter := cpu(), switches()
	printMetric("switches", "switches", switchesAfter-switchesBefore, ok)
	return printMetric("cpu", "s", cpuAfter-cpuBefore, ok)
}

// submit: the main goroutine submits; there is no thread outside of the scheduler that could.
func submit(o options) bool {
	return measureRun("ns/job", o.scaled(1_000_000, 1), 1, func(n uint64) bool {
		left := int64(n)
		done := make(chan bool)
		for i := uint64(0); i < n; i++ {
			go func() {
				if atomic.AddInt64(&left, -1) == 0 {
					done <- true
				}
			}()
		}
		return <-done
	})
}

var entries = []struct {
	name string
	run  func(options) bool
}{
	{"yield", yield},
	{"spawn_join", spawnJoin},
	{"channel", channel},
	{"channel_buffered", channelBuffered},
	{"fib", fib},
	{"sleepers", sleepers},
	{"timer", timer},
	{"idle_sleepers", idleSleepers},
	{"submit", submit},
	{"ping_pong", pingPong},
	{"thread_ring", threadRing},
	{"count", count},
	{"fan_in", fanIn},
	{"fork_join_throughput", forkJoinThroughput},
	{"fork_join_create", forkJoinCreate},
	{"big", big},
	{"skynet", skynet},
	{"ask", ask},
	{"pipeline", pipeline},
	{"publish_1", func(o options) bool { return publish(o, 1) }},
	{"publish_10", func(o options) bool { return publish(o, 10) }},
	{"publish_100", func(o options) bool { return publish(o, 100) }},
	{"publish_1000", func(o options) bool { return publish(o, 1000) }},
	{"publish_queue", publishQueue},
}

func usageError(what string) {
	program := os.Args[0]
	fmt.Fprintf(os.Stderr, "%s: %s\nusage: %s BENCH --workers N [--scale X] | --list\n", program, what, program)
	os.Exit(2)
}

func main() {
	o, name := options{1, 1}, ""
	for i := 1; i < len(os.Args); i++ {
		arg := os.Args[i]
		switch {
		case arg == "--list":
			for _, each := range entries {
				fmt.Println(each.name)
			}
			return
		case arg == "--workers" || arg == "--scale":
			if i++; i == len(os.Args) {
				usageError(arg + " takes a value")
			}
			value, err := strconv.ParseFloat(os.Args[i], 64)
			if err != nil || !(value > 0) || math.IsInf(value, 0) || (arg == "--workers" && value != math.Trunc(value)) {
				usageError(arg + " takes a positive number, not '" + os.Args[i] + "'")
			}
			if arg == "--workers" {
				o.workers = int(value)
			} else {
				o.scale = value
			}
		case strings.HasPrefix(arg, "-") || name != "":
			usageError("cannot make sense of '" + arg + "'")
		default:
			name = arg
		}
	}
	for _, each := range entries {
		if each.name == name {
			runtime.GOMAXPROCS(o.workers)
			if !each.run(o) {
				os.Exit(1)
			}
			return
		}
	}
	usageError("no benchmark '" + name + "'")
}
