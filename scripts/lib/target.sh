# Sourced by scripts/toolchain: a Rust compiler that has the wasm32 target.
# shellcheck source=scripts/lib/debian-rust.sh
source "$root/scripts/lib/debian-rust.sh"

# The first way that works: the compiler as it is, Debian's as made before, rustup, Debian's.
find_target() {
  command -v cargo >/dev/null && command -v rustc >/dev/null ||
    fail "no Rust here. Install version $(rust_version) or newer by rustup (https://rustup.rs)"
  if has_target rustc; then return; fi
  if debian_rust_made; then
    use_debian_rust
  elif rustup_target; then
    return
  else
    make_debian_rust
    use_debian_rust
  fi
  has_target rustc || fail "$(rustc --version) has no $wasm_target target after all"
}

# The oldest compiler that builds the crate, as Cargo.toml has it.
rust_version() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

has_target() {
  local lib
  lib=$("$1" --print target-libdir --target "$wasm_target" 2>/dev/null) || return 1
  compgen -G "$lib/libstd-*.rlib" >/dev/null
}

rustup_target() {
  command -v rustup >/dev/null || return 1
  say "installing the $wasm_target target with rustup"
  (
    alone "$cache/rustup" # two at once lose each other's downloads
    rustup target add "$wasm_target" </dev/null >&2
  ) && has_target rustc
}
