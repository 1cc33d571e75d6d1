#!/usr/bin/env bash
# The small samples print what they promise, all of it, and nothing else. They stand beside the command that
# TROUPE_COMMAND names.
set -euo pipefail
programs=$(dirname "$TROUPE_COMMAND")/samples

# prints SAMPLE <<EXPECTED: many times, since what depends on chance shows in some runs only
prints() {
  local expected actual run
  expected=$(cat; echo end)
  for run in {1..20}; do
    actual=$(timeout 60 "$programs/$1" 2>&1 && echo end) || {
      printf '%s failed in run %d:\n%s\n' "$1" "$run" "$actual"
      exit 1
    }
    if [[ $actual != "$expected" ]]; then
      echo "$1 printed something else in run $run:"
      diff <(echo "$expected") <(echo "$actual") || true
      exit 1
    fi
  done
  echo "ok: $1"
}

prints hello_actor <<'EXPECTED'
Hello
World
EXPECTED

prints named_exchange <<'EXPECTED'
ann hears 'hello'
bob hears 'hello'
ann hears 'some'
bob hears 'some'
msg[1]: 'some'
ann hears 'more'
bob hears 'more'
msg[2]: 'more'
ann hears 'without bob'
msg[3]: 'without bob'
ann hears 'unwatched'
EXPECTED

prints late_subscriber <<'EXPECTED'
historian: ACME 11
historian: Initech 21
historian: ACME 12
returning: 1 are kept no more
returning: ACME 11
returning: Initech 21
returning: ACME 12
display: Initech 21
display: ACME 12
live
display: Initech 22
returning: Initech 22
historian: Initech 22
newcomer: Initech 22
EXPECTED

prints round_robin <<'EXPECTED'
T-minus 10
T-minus 5
Counting up 0
T-minus 9
T-minus 4
Counting up 1
T-minus 8
T-minus 3
Counting up 2
T-minus 7
T-minus 2
Counting up 3
T-minus 6
T-minus 1
Counting up 4
T-minus 5
Blastoff!
Counting up 5
T-minus 4
Counting up 6
T-minus 3
Counting up 7
T-minus 2
Counting up 8
T-minus 1
Counting up 9
Blastoff!
Counting up 10
Counting up 11
Counting up 12
Counting up 13
Counting up 14
EXPECTED

prints two_actors <<'EXPECTED'
Got: 7
Got: 6
Got: 5
Got: 4
Got: 3
Got: 2
Got: 1
EXPECTED

prints streams <<'EXPECTED'
ACME 11.5, of 20 ticks
INIT 109, of 4 ticks
ACME 11.5, of 20 ticks
INIT 133, of 4 ticks
ACME 11.5, of 20 ticks
INIT 151, of 2 ticks
the market has closed
EXPECTED

prints work_queue <<'EXPECTED'
job 500 of queue 'jobs' was given up after 3 deliveries: max_deliveries
999 jobs done, 9 of them at the second attempt
sum of all numbers: 500500
EXPECTED
