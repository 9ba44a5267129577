# Sourced by scripts/toolchain: programs that come by cargo and rustup.

# wasm-bindgen's program must be of the very version that the crate is linked with.
find_tools() {
  cargo_tool wasm-bindgen wasm-bindgen-cli "$(locked_version wasm-bindgen)"
  cargo_tool wasm-pack wasm-pack 0.15.1
}

locked_version() {
  sed -n "/^name = \"$1\"\$/{n;s/^version = \"\(.*\)\"/\1/p;}" "$root/Cargo.lock" | grep . ||
    fail "Cargo.lock names no $1"
}

# cargo_tool PROGRAM CRATE VERSION: that of PATH if its version is right, else our own.
cargo_tool() {
  local dir=$cache/$2-$3
  if [ -x "$dir/bin/$1" ]; then
    export PATH="$dir/bin:$PATH"
  elif [ "$("$1" --version 2>/dev/null)" != "$1 $3" ]; then
    install_tool "$2" "$3" "$dir"
    export PATH="$dir/bin:$PATH"
  fi
}

install_tool() {
  local command=(cargo install --root "$3.new" --target-dir "$cache/build" --version "$2" "$1")
  (
    alone "$cache/build" # another checkout may be installing it
    if [ -e "$3" ]; then exit; fi
    say "installing $1 $2 with cargo (some minutes)"
    # Outside the checkout, whose .cargo/config.toml is not meant for it.
    cd /
    unset RUSTFLAGS CARGO_BUILD_TARGET
    if ! "${command[@]}" --locked </dev/null >&2; then
      say "the versions of its own lock file could not be had; trying with those that the registry has"
      "${command[@]}" </dev/null >&2 || exit
    fi
    mv "$3.new" "$3" || exit
    find "$cache/build" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
  ) || fail "cargo could not install $1 $2"
}

# rustup's minimal profile leaves these two out.
find_linters() {
  if cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1; then return; fi
  say "installing rustfmt and clippy with rustup"
  rustup component add rustfmt clippy </dev/null >&2 || fail "rustup could not add rustfmt and clippy"
}
