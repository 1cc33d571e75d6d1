// Goroutines as actors, in those of the Savina benchmarks that ../README.md describes for which they suit. An actor is a
// goroutine with a channel for its mailbox; the channel is bounded, so that a sender may have to wait. The numbers are
// those of ../savina/work.hpp.
package main

import (
	"math"
	"runtime"
	"sort"
	"sync"
	"time"
)

// mailbox is how many messages a channel holds. In `big` it is more than can be under way, so that nobody waits there.
const mailbox = 256

func pingPong(o options) bool {
	ping, pong := make(chan uint64, mailbox), make(chan uint64, mailbox)
	rounds, verdict := make(chan uint64), make(chan bool)
	go func() {
		for ball := range pong {
			ping <- ball + 1
		}
	}()
	go func() {
		for left := range rounds {
			ok, ball := true, uint64(0)
			for ; left > 0; left-- {
				pong <- ball
				answer := <-ping
				ok = answer == ball+1 && ok
				ball = answer + 1
			}
			verdict <- ok
		}
	}()
	return measureOperations("ns/message", o.scaled(1_000_000, 1), 1, 2, func(n uint64) bool {
		rounds <- n
		return check(<-verdict, "a wrong number")
	})
}

func threadRing(o options) bool {
	const actors = 100
	var ring [actors]chan uint64
	for i := range ring {
		ring[i] = make(chan uint64, mailbox)
	}
	ended := make(chan uint64)
	for i := range ring {
		go func(self uint64, next chan<- uint64) {
			for left := range ring[self] {
				if left == 0 {
					ended <- self
				} else {
					next <- left - 1
				}
			}
		}(uint64(i), ring[(i+1)%actors])
	}
	return measureRun("ns/message", o.scaled(10_000_000, 1), 1, func(n uint64) bool {
		ring[0] <- n - 1
		return check(<-ended == (n-1)%actors, "the token ended elsewhere")
	})
}

func count(o options) bool {
	type message struct {
		value uint64
		reply chan uint64
	}
	counter := make(chan message, mailbox)
	go func() {
		sum := uint64(0)
		for each := range counter {
			if each.reply != nil {
				each.reply <- sum
				sum = 0
			} else {
				sum += each.value
			}
		}
	}()
	return measureRun("ns/message", o.scaled(2_000_000, 1), 1, func(n uint64) bool {
		result := make(chan uint64)
		go func() {
			for i := uint64(0); i < n; i++ {
				counter <- message{value: i}
			}
			reply := make(chan uint64)
			counter <- message{reply: reply}
			result <- <-reply
		}()
		return check(<-result == sumBelow(n), "a wrong sum")
	})
}

func fanIn(o options) bool {
	const senders = 20
	return measureRun("ns/message", o.scaled(2_000_000, senders), senders, func(n uint64) bool {
		receiver, result := make(chan uint64, mailbox), make(chan uint64)
		go func() {
			sum := uint64(0)
			for i := uint64(0); i < n; i++ {
				sum += <-receiver
			}
			result <- sum
		}()
		for i := 0; i < senders; i++ {
			go func() {
				for i := uint64(0); i < n/senders; i++ {
					receiver <- i
				}
			}()
		}
		return check(<-result == senders*sumBelow(n/senders), "a wrong sum")
	})
}

// forkJoinThroughput: the main goroutine sends; there is no thread outside of the scheduler that could.
func forkJoinThroughput(o options) bool {
	const actors = 60
	return measureOperations("ns/message", o.scaled(80_000, 1), 1, actors, func(n uint64) bool {
		var all [actors]chan float64
		verdicts := make(chan bool, actors)
		for i := range all {
			inbox := make(chan float64, mailbox)
			all[i] = inbox
			go func() {
				ok := true
				for i := uint64(0); i < n; i++ {
					ok = compute(<-inbox) && ok
				}
				verdicts <- ok
			}()
		}
		for i := uint64(0); i < n; i++ {
			for _, each := range all {
				each <- 37.2
			}
		}
		ok := true
		for range all {
			ok = <-verdicts && ok
		}
		return check(ok, "a sine without a square")
	})
}

func compute(angle float64) bool {
	sine := math.Sin(angle)
	return sine*sine > 0
}

func forkJoinCreate(o options) bool {
	return measureRun("ns/actor", o.scaled(500_000, 1), 1, func(n uint64) bool {
		var ended sync.WaitGroup
		ended.Add(int(n))
		for i := uint64(0); i < n; i++ {
			inbox := make(chan float64, 1)
			go func() {
				if compute(<-inbox) {
					ended.Done()
				}
			}()
			inbox <- 37.2
		}
		ended.Wait()
		return true
	})
}

func big(o options) bool {
	type message struct {
		pong bool
		from uint64
	}
	const actors = 120
	return measureOperations("ns/message", o.scaled(40_000, 1), 1, 2*actors, func(n uint64) bool {
		var all [actors]chan message
		for i := range all {
			all[i] = make(chan message, mailbox)
		}
		verdicts, stop := make(chan bool, actors), make(chan bool)
		for i := range all {
			go func(self uint64) {
				state, expected, left, ok := self*0x9e3779b97f4a7c15+0x2545f4914f6cdd1d, uint64(0), n, true
				ping := func() {
					state ^= state << 13
					state ^= state >> 7
					state ^= state << 17
					expected = (state >> 11) % actors
					all[expected] <- message{false, self}
				}
				ping()
				for {
					select {
					case each := <-all[self]:
						if !each.pong {
							all[each.from] <- message{true, self}
							continue
						}
						ok = each.from == expected && ok
						if left--; left == 0 {
							verdicts <- ok
						} else {
							ping()
						}
					case <-stop:
						return
					}
				}
			}(uint64(i))
		}
		ok := true
		for range all {
			ok = <-verdicts && ok
		}
		close(stop)
		return check(ok, "a pong from elsewhere")
	})
}

func skynetNode(parent chan<- uint64, first, leaves uint64) {
	if leaves == 1 {
		parent <- first
		return
	}
	children, part, sum := make(chan uint64, 10), leaves/10, uint64(0)
	for i := uint64(0); i < 10; i++ {
		go skynetNode(children, first+i*part, part)
	}
	for i := 0; i < 10; i++ {
		sum += <-children
	}
	parent <- sum
}

func skynet(o options) bool {
	size := uint64(100)
	for float64(size*10) <= 1_000_000*o.scale && size < 10_000_000 {
		size *= 10
	}
	run := func(leaves uint64) bool {
		root := make(chan uint64, 1)
		go skynetNode(root, 0, leaves)
		return check(<-root == sumBelow(leaves), "a wrong sum")
	}
	ok := run(size / 10)
	begin := time.Now()
	ok = run(size) && ok
	return printMetric("time", "ns/actor", float64(time.Since(begin).Nanoseconds())/(float64(size*10-1)/9), ok)
}

// ask: the main goroutine asks, on a thread that runs nothing else.
func ask(o options) bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	type question struct {
		value uint64
		reply chan<- uint64
	}
	oracle := make(chan question, mailbox)
	go func() {
		for each := range oracle {
			each.reply <- each.value + 1
		}
	}()
	reply, n, ok := make(chan uint64, 1), o.scaled(30_000, 1), true
	once := func(i uint64) time.Duration {
		begin := time.Now()
		oracle <- question{i, reply}
		ok = <-reply == i+1 && ok
		return time.Since(begin)
	}
	for i := uint64(0); i < n/10; i++ {
		once(i)
	}
	samples := make([]float64, n)
	for i := range samples {
		samples[i] = float64(once(uint64(i)).Nanoseconds())
	}
	sort.Float64s(samples)
	printMetric("p50", "ns", samples[n/2], ok)
	return printMetric("p99", "ns", samples[n*99/100], ok)
}

func pipeline(o options) bool {
	const stages = 10
	return measureRun("ns/item", o.scaled(1_000_000, 1), 1, func(n uint64) bool {
		first, result := make(chan uint64, mailbox), make(chan uint64)
		last := first
		for i := 1; i < stages; i++ {
			inbox, next := last, make(chan uint64, mailbox)
			go func() {
				for each := range inbox {
					next <- each + 1
				}
				close(next)
			}()
			last = next
		}
		go func() {
			sum := uint64(0)
			for each := range last {
				sum += each
			}
			result <- sum
		}()
		for i := uint64(0); i < n; i++ {
			first <- i
		}
		close(first)
		return check(<-result == sumBelow(n)+n*(stages-1), "a wrong sum")
	})
}
