#!/usr/bin/env bash
# Runs tools/check_compile_fail on small programs.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tools" && pwd)/check_compile_fail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# case_of NAME EXPECTED_EXIT_CODE FIRST_LINE TEXT
case_of() {
  local status=0
  printf '%s\n%s\n' "$3" "$4" >"$folder/case.cpp"
  "$check" "$folder/case.cpp" "${CXX:-c++}" -std=c++20 >"$folder/output" 2>&1 || status=$?
  if ((status != $2)); then
    echo "$1: expected exit code $2, got $status"
    cat "$folder/output"
    exit 1
  fi
}

case_of expected_error_passes 0 '// expect: words to find' 'static_assert(false, "the words to find");'
case_of other_error_fails 1 '// expect: words to find' 'static_assert(false, "something else");'
case_of compiling_fails 1 '// expect: words to find' 'int main() {}'
case_of missing_expectation_fails 1 '// words to find' 'static_assert(false, "the words to find");'
echo ok
