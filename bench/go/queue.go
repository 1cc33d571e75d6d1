// The queue with acknowledgement of ../queue_benches.cpp: a buffered channel, and one for each producer on which the
// consumers answer for each message. A producer has at most a window of messages without an answer.
package main

func publishQueue(o options) bool {
	const producers, consumers, window = 4, 4, 64
	type job struct {
		number  uint64
		answer  chan<- uint64
		payload [6]uint64
	}
	n := o.scaled(2_000_000, producers)
	seen := make([]uint8, n)
	jobs := make(chan job, producers*window)
	for i := 0; i < consumers; i++ {
		go func() {
			for each := range jobs {
				seen[each.number]++
				each.answer <- each.number
			}
		}()
	}
	numbers := uint64(0)
	ok := measureRun("ns/message", n, producers, func(n uint64) bool {
		numbers = n
		for i := range seen {
			seen[i] = 0
		}
		done := make(chan bool)
		for i := uint64(0); i < producers; i++ {
			go func(first uint64) {
				answers := make(chan uint64, window)
				underWay := 0
				for j := uint64(0); j < n/producers; j++ {
					if underWay == window {
						<-answers
						underWay--
					}
					jobs <- job{number: first + j, answer: answers}
					underWay++
				}
				for ; underWay > 0; underWay-- {
					<-answers
				}
				done <- true
			}(i * (n / producers))
		}
		for i := 0; i < producers; i++ {
			<-done
		}
		return true
	})
	for i := uint64(0); i < numbers; i++ {
		ok = check(seen[i] == 1, "message %d was handled %d times", i, seen[i]) && ok
	}
	return ok
}
