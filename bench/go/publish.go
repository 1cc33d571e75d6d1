// publish_N of ../publish_benches.cpp: one goroutine sends each message to a buffered channel for each of N others,
// one after another. Go has no other way to give a message to all.
package main

const ticksBuffered = 128

type tick struct {
	sequence, last uint64
	values         [6]float64
}

// ticksFor has the numbers of ../ticks.hpp.
func ticksFor(subscribers uint64) uint64 {
	switch subscribers {
	case 1:
		return 2_000_000
	case 10:
		return 400_000
	case 100:
		return 40_000
	}
	return 4_000_000 / subscribers
}

func publish(o options, subscribers uint64) bool {
	verdicts := make(chan bool, subscribers)
	channels := make([]chan tick, subscribers)
	for i := range channels {
		ticks := make(chan tick, ticksBuffered)
		channels[i] = ticks
		go func() {
			sum, received := uint64(0), uint64(0)
			for each := range ticks {
				sum += each.sequence
				received++
				if each.sequence == each.last {
					verdicts <- received == each.last+1 && sum == sumBelow(received)
					sum, received = 0, 0
				}
			}
		}()
	}
	round := func(n uint64) bool {
		go func() {
			for i := uint64(0); i < n; i++ {
				each := tick{sequence: i, last: n - 1}
				for _, ticks := range channels {
					ticks <- each
				}
			}
		}()
		ok := true
		for range channels {
			ok = <-verdicts && ok
		}
		return check(ok, "a wrong count or sum")
	}
	return measureOperations("ns/delivery", o.scaled(ticksFor(subscribers), 1), 1, subscribers, round)
}
