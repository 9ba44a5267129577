# Sourced by the scripts: where things are, and how we speak and install.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything that is built or fetched once stays here, keyed by version, outside the checkout.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/websocket-component
wasm_target=wasm32-unknown-unknown

say() { printf '%s\n' "-- $*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs a command as root, or says how the user can: nothing here asks for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    fail "this needs root, and sudo would ask for a password. Run it yourself, then start again: $*"
  fi
}

# Installs Debian packages; the caller has said why.
apt_install() {
  command -v apt-get >/dev/null || fail "no apt-get here; install by hand: $*"
  say "installing Debian packages: $*"
  # Old package lists name versions that the mirror no longer has.
  as_root apt-get update -q </dev/null >&2 || say "apt-get could not renew its lists; trying with the present ones"
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "$@" </dev/null >&2 ||
    fail "apt-get could not install: $*"
}

# Removes what an earlier build left in dist/, but the page: `npm start` may be serving that.
clear_dist() {
  mkdir -p dist
  find dist -mindepth 1 -maxdepth 1 ! -name page -exec rm -rf {} +
}

# alone FOLDER: waits for its turn with that folder, which another run may be using.
alone() {
  mkdir -p "$1"
  exec 9>"$1/.lock"
  if ! command -v flock >/dev/null || flock -n 9; then return; fi
  say "another run uses $1/; waiting for its end"
  flock 9
}
