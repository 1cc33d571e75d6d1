# shellcheck shell=bash
# What ./run, ./test and .ci/run share: packages, configuring, building.
# Sourced, with `root` set to the root of the tree.

# shellcheck source=tools/packages.sh
source "$root/tools/packages.sh"

say() { printf 'troupe: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Shows a line that the next one overwrites; on a terminal only.
show() { [[ ! -t 2 ]] || printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$*" >&2; }

# Turns ninja's output into one moving line; whatever is not progress, such as an error, is shown in full.
show_build() {
  local line plain=0
  while IFS= read -r line; do
    case $line in
      "ninja: no work to do."* | "ninja: Entering directory"* | *"Re-checking globbed directories"*) ;;
      \[*/*\]\ *)
        if [[ -t 2 ]]; then
          show "$line"
        elif ((plain++ % 20 == 0)); then
          printf '%s\n' "$line" >&2
        fi
        ;;
      *)
        show ''
        printf '%s\n' "$line" >&2
        ;;
    esac
  done
  show ''
}

# The packages of its arguments that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
  local package
  for package in "$@"; do
    [[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] || echo "$package"
  done
}

# apt_get ARGS: with the rights it needs; its output goes to a log and, as one moving line, to the terminal.
apt_get() {
  local become=()
  ((EUID == 0)) || become=(sudo)
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" \
    </dev/null 2>&1 | tee -a "$apt_log" | while IFS= read -r line; do show "$line"; done
  local status=${PIPESTATUS[0]}
  show ''
  return "$status"
}

# Installs those of its arguments that are missing, or says how to.
install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    return 0 # Not Debian: configuring tells what is missing.
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  if ((EUID != 0)) && ! { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; }; then
    say "packages are missing: ${missing[*]}"
    die "install them as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${missing[*]}"
  apt_log=$(mktemp "${TMPDIR:-/tmp}/troupe-apt.XXXXXX")
  local install=(install --no-install-recommends "${missing[@]}")
  # Without package lists, or with old ones, apt has to fetch them first.
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || ! apt_get "${install[@]}"; then
    apt_get update || true
    if ! apt_get "${install[@]}"; then
      tail -n 20 "$apt_log" >&2
      die "apt-get failed; its output is in $apt_log"
    fi
  fi
  rm -f "$apt_log"
  new_packages=1
}

# configure PRESET: unless that was done before.
configure() {
  local preset=$1 log status=0
  [[ ${new_packages:-} || ! -e $root/build/$preset/build.ninja ]] || return 0
  for tool in cmake ninja; do
    command -v "$tool" >/dev/null || not_debian "$tool is missing" "$preset"
  done
  show "configuring $preset"
  log=$(cd "$root" && cmake --preset "$preset" 2>&1) || status=$?
  show ''
  ((status == 0)) || {
    printf '%s\n' "$log" >&2
    not_debian "configuring failed" "$preset"
  }
}

# not_debian REASON PRESET: ends, on other systems with what to install by hand.
not_debian() {
  if ! command -v dpkg-query >/dev/null; then
    say "Troupe needs a C++20 compiler (g++ 12 or later, clang 16 or later), CMake 3.25, Ninja, and the libraries fmt,"
    say "moodycamel ConcurrentQueue, yaml-cpp and CLI11; its tests GoogleTest; Graphviz to draw. Then:"
    say "  cmake --preset $2 && cmake --build --preset $2 && ctest --preset $2"
  fi
  die "$1"
}

# build PRESET [TARGET]: brings it up to date.
build() {
  local preset=$1
  shift
  configure "$preset"
  NINJA_STATUS='[%f/%t] ' ninja -C "$root/build/$preset" "$@" 2>&1 | show_build
  ((PIPESTATUS[0] == 0)) || die "building failed"
}
