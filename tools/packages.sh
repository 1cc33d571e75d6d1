# shellcheck shell=bash
# The Debian packages that Troupe is built with; sourced by tools/lib.sh.

# To build and run the `troupe` command.
run_packages=(g++ cmake ninja-build libfmt-dev libconcurrentqueue-dev libyaml-cpp-dev libcli11-dev libcaf-dev
  graphviz)

# To build and run the tests, the checks and the benchmarks too.
test_packages=("${run_packages[@]}" ccache libgtest-dev libgmock-dev libbenchmark-dev clang-format python3
  spin pkg-config libzmq3-dev libtbb-dev libboost1.81-dev libboost-fiber1.81-dev golang-go erlang-base)
