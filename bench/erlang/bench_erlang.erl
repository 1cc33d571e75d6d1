%% Erlang's processes in those of the Savina benchmarks that ../README.md describes for which they suit. The numbers are
%% those of ../savina/work.hpp; the number of workers is that of the schedulers, which bench_erlang.in sets.
-module(bench_erlang).
-export([main/0]).

-define(ROUND_LIMIT, 100000).  % milliseconds until a run counts as failed: a lost message must not hang the program

entries() ->
  [{"ping_pong", fun ping_pong/1}, {"thread_ring", fun thread_ring/1}, {"count", fun count/1},
   {"fork_join_throughput", fun fork_join_throughput/1}, {"fan_in", fun fan_in/1},
   {"fork_join_create", fun fork_join_create/1}, {"big", fun big/1}, {"skynet", fun skynet/1},
   {"pipeline", fun pipeline/1}].

main() -> spawn(fun() -> run(init:get_plain_arguments()) end).

run(["--list"]) ->
  [io:format("~s~n", [Name]) || {Name, _} <- entries()],
  halt(0);
run(Arguments) ->
  {Name, Scale} = parse(Arguments, none, 1.0),
  case lists:keyfind(Name, 1, entries()) of
    {_, Bench} ->
      {Pid, Watch} = spawn_monitor(fun() -> exit({ok, Bench(Scale)}) end),
      receive
        {'DOWN', Watch, process, Pid, {ok, true}} -> halt(0);
        {'DOWN', Watch, process, Pid, {ok, false}} -> failed("a wrong count or sum");
        {'DOWN', Watch, process, Pid, Reason} -> failed(io_lib:format("~p", [Reason]))
      after ?ROUND_LIMIT -> failed("a round does not end")
      end;
    false when Name =:= none -> usage_error("no benchmark named");
    false -> usage_error("no benchmark '" ++ Name ++ "'")
  end.

parse([], Name, Scale) -> {Name, Scale};
parse([Option], _, _) when Option =:= "--workers"; Option =:= "--scale" -> usage_error(Option ++ " takes a value");
parse(["--workers", Text | Rest], Name, Scale) ->
  try list_to_integer(Text) of
    N when N > 0, N =< 1024 -> parse(Rest, Name, Scale);
    _ -> usage_error("--workers takes a number from 1 to 1024, not '" ++ Text ++ "'")
  catch error:badarg -> usage_error("--workers takes a positive number, not '" ++ Text ++ "'")
  end;
parse(["--scale", Text | Rest], Name, _) ->
  case number(Text) of
    X when X > 0 -> parse(Rest, Name, X);
    _ -> usage_error("--scale takes a positive number, not '" ++ Text ++ "'")
  end;
parse([[First | _] = Text | Rest], Name, Scale) ->
  case First =/= $- andalso Name =:= none of
    true -> parse(Rest, Text, Scale);
    false -> usage_error("cannot make sense of '" ++ Text ++ "'")
  end;
parse([Text | _], _, _) -> usage_error("cannot make sense of '" ++ Text ++ "'").

%% 0 if it is none. "1e-05" has no point, which Erlang wants.
number(Text) ->
  case {string:to_float(Text), string:to_integer(Text)} of
    {{X, []}, _} -> X;
    {_, {N, []}} -> float(N);
    {_, {N, "e" ++ _ = Exponent}} ->
      case string:to_float(integer_to_list(N) ++ ".0" ++ Exponent) of
        {X, []} -> X;
        _ -> 0
      end;
    _ -> 0
  end.

usage_error(What) ->
  io:format(standard_error, "bench_erlang: ~s~nusage: bench_erlang BENCH --workers N [--scale X] | --list~n", [What]),
  halt(2).

failed(Why) ->
  io:format(standard_error, "self check failed: ~s~n", [Why]),
  halt(1).

metric(Name, Unit, Value, Ok) ->
  io:format("{\"metric\":\"~s\",\"unit\":\"~s\",\"value\":~.3f,\"ok\":~s}~n", [Name, Unit, float(Value), Ok]),
  Ok.

%% Count times the scale, a multiple of Step and at least ten steps.
scaled(Count, Step, Scale) -> max(trunc(Count * Scale) div Step, 10) * Step.

sum_below(N) -> N * (N - 1) div 2.

%% Runs for a tenth of N, then for N, and prints the time of the second divided by N * Operations.
measure(Unit, N, Step, Operations, Run) ->
  Warm = Run(max(N div 10 div Step, 1) * Step),
  Begin = erlang:monotonic_time(nanosecond),
  Ok = Run(N),
  Time = erlang:monotonic_time(nanosecond) - Begin,
  metric("time", Unit, Time / (N * Operations), Warm andalso Ok).

times(0, _) -> ok;
times(N, F) -> F(), times(N - 1, F).

%% A process whose queue gets long: kept off the heap, or each collection of garbage goes through it.
spawn_flooded(F) -> spawn_opt(F, [link, {message_queue_data, off_heap}]).

%% The next message for the one who measures.
verdict() -> receive {verdict, Result} -> Result end.

%% ping_pong: each round trip is two messages.

ping_pong(Scale) ->
  Pong = spawn_link(fun ponger/0),
  Main = self(),
  measure("ns/message", scaled(1000000, 1, Scale), 1, 2, fun(N) ->
    spawn_link(fun() -> Main ! {verdict, pinger(Pong, 0, N)} end),
    verdict()
  end).

ponger() -> receive {From, Ball} -> From ! Ball + 1, ponger() end.

pinger(_, _, 0) -> true;
pinger(Pong, Ball, Left) ->
  Pong ! {self(), Ball},
  receive Answer when Answer =:= Ball + 1 -> pinger(Pong, Answer + 1, Left - 1) end.

%% thread_ring: one token goes around a ring.

thread_ring(Scale) ->
  Main = self(),
  All = [spawn_link(fun() -> receive {next, Next} -> ring(Index, Next, Main) end end) || Index <- lists:seq(0, 99)],
  [First | Rest] = All,
  [Each ! {next, Next} || {Each, Next} <- lists:zip(All, Rest ++ [First])],
  measure("ns/message", scaled(10000000, 1, Scale), 1, 1, fun(N) ->
    First ! N - 1,
    verdict() =:= (N - 1) rem 100
  end).

ring(Index, Next, Main) ->
  receive
    0 -> Main ! {verdict, Index};
    Left -> Next ! Left - 1
  end,
  ring(Index, Next, Main).

%% count: one process floods another, then asks for the sum.

count(Scale) ->
  Counter = spawn_flooded(fun() -> counter(0) end),
  Main = self(),
  measure("ns/message", scaled(2000000, 1, Scale), 1, 1, fun(N) ->
    spawn_link(fun() ->
      flood(Counter, 0, N),
      Counter ! {sum, self()},
      receive Sum -> Main ! {verdict, Sum} end
    end),
    verdict() =:= sum_below(N)
  end).

counter(Sum) ->
  receive
    Value when is_integer(Value) -> counter(Sum + Value);
    {sum, From} -> From ! Sum, counter(0)
  end.

flood(_, N, N) -> ok;
flood(Target, I, N) -> Target ! I, flood(Target, I + 1, N).

%% fan_in: twenty processes flood one.

fan_in(Scale) ->
  Main = self(),
  measure("ns/message", scaled(2000000, 20, Scale), 20, 1, fun(N) ->
    Sink = spawn_flooded(fun() -> Main ! {verdict, sum_of(N, 0)} end),
    times(20, fun() -> spawn_link(fun() -> flood(Sink, 0, N div 20) end) end),
    verdict() =:= 20 * sum_below(N div 20)
  end).

sum_of(0, Sum) -> Sum;
sum_of(Left, Sum) -> receive Value -> sum_of(Left - 1, Sum + Value) end.

%% fork_join_throughput: a process sends to sixty in turn; there is no thread outside of the schedulers that could.

fork_join_throughput(Scale) ->
  Main = self(),
  measure("ns/message", scaled(80000, 1, Scale), 1, 60, fun(N) ->
    All = [spawn_flooded(fun() -> Main ! {verdict, compute_all(N, true)} end) || _ <- lists:seq(1, 60)],
    times(N, fun() -> [Each ! 37.2 || Each <- All] end),
    lists:all(fun(_) -> verdict() end, All)
  end).

compute_all(0, Ok) -> Ok;
compute_all(Left, Ok) -> receive Angle -> compute_all(Left - 1, compute(Angle) andalso Ok) end.

compute(Angle) ->
  Sine = math:sin(Angle),
  Sine * Sine > 0.

%% fork_join_create: processes that handle one message and end.

fork_join_create(Scale) ->
  Main = self(),
  measure("ns/actor", scaled(500000, 1, Scale), 1, 1, fun(N) ->
    Left = atomics:new(1, []),
    atomics:put(Left, 1, N),
    times(N, fun() -> spawn(fun() -> created(Left, Main) end) ! 37.2 end),
    verdict()
  end).

created(Left, Main) ->
  receive Angle ->
    Ok = compute(Angle),
    case atomics:sub_get(Left, 1, 1) of
      0 -> Main ! {verdict, Ok};
      _ -> ok
    end
  end.

%% big: each process pings another at random and waits for its pong.

big(Scale) ->
  Main = self(),
  Pids = [spawn_link(fun() -> receive {all, All} -> big_process(Index, All, Main, Index * 7919 + 1, none, 0) end end)
          || Index <- lists:seq(1, 120)],
  All = list_to_tuple(Pids),
  [Each ! {all, All} || Each <- Pids],
  measure("ns/message", scaled(40000, 1, Scale), 1, 2 * 120, fun(N) ->
    [Each ! {start, N} || Each <- Pids],
    lists:all(fun(_) -> verdict() end, Pids)
  end).

%% A pong from elsewhere crashes it.
big_process(Index, All, Main, Random, Expected, Left) ->
  receive
    {ping, From} ->
      element(From, All) ! {pong, Index},
      big_process(Index, All, Main, Random, Expected, Left);
    {pong, Expected} when Left =:= 1 ->
      Main ! {verdict, true},
      big_process(Index, All, Main, Random, none, 0);
    {pong, Expected} -> send_ping(Index, All, Main, Random, Left - 1);
    {start, N} -> send_ping(Index, All, Main, Random, N);
    Other -> exit({unexpected, Other, Expected})
  end.

send_ping(Index, All, Main, Random, Left) ->
  Next = Random * 48271 rem 2147483647,  % Park and Miller's: no number of more than one word
  Target = Next rem 120 + 1,
  element(Target, All) ! {ping, Index},
  big_process(Index, All, Main, Next, Target, Left).

%% skynet: each process makes ten, down to the leaves; the sum of the leaves comes back up.

skynet(Scale) ->
  Size = skynet_size(100, Scale),
  Warm = skynet_sum(Size div 10),
  Begin = erlang:monotonic_time(nanosecond),
  Ok = skynet_sum(Size),
  Time = erlang:monotonic_time(nanosecond) - Begin,
  metric("time", "ns/actor", Time / ((Size * 10 - 1) / 9), Warm andalso Ok).

skynet_size(Size, Scale) when Size * 10 =< 1000000 * Scale, Size < 1000000 -> skynet_size(Size * 10, Scale);
skynet_size(Size, _) -> Size.

skynet_sum(Leaves) ->
  Main = self(),
  spawn_link(fun() -> skynet_node(Main, 0, Leaves) end),
  receive Sum -> Sum =:= sum_below(Leaves) end.

skynet_node(Parent, First, 1) -> Parent ! First;
skynet_node(Parent, First, Leaves) ->
  Part = Leaves div 10,
  Self = self(),
  [spawn(fun() -> skynet_node(Self, First + I * Part, Part) end) || I <- lists:seq(0, 9)],
  Parent ! sum_of(10, 0).

%% pipeline: items go through ten processes, each of which adds one; the last one sums them up.

pipeline(Scale) ->
  Main = self(),
  Sink = spawn_flooded(fun() -> sink(Main) end),
  First = lists:foldl(fun(_, Next) -> spawn_flooded(fun() -> stage(Next) end) end, Sink, lists:seq(1, 9)),
  measure("ns/item", scaled(1000000, 1, Scale), 1, 1, fun(N) ->
    Sink ! {start, N},
    spawn_link(fun() -> flood(First, 0, N) end),
    verdict() =:= sum_below(N) + N * 9
  end).

stage(Next) -> receive Value -> Next ! Value + 1, stage(Next) end.

sink(Main) ->
  receive {start, N} -> Main ! {verdict, sum_of(N, 0)}, sink(Main) end.
