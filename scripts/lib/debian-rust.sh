# Sourced by scripts/lib/target.sh: Debian's rustc-web with a wasm32 library, where rustup has none.
# Its library source is built once, into a folder of our own: nothing is added below /usr by hand.
debian_rust_packages=(rustc-web cargo-web rust-web-src rust-web-clippy)

debian_rust_dir() { printf '%s/debian-rust-%s' "$cache" "$(/usr/bin/rustc -vV | cksum | cut -d' ' -f1)"; }

debian_rust_made() { [ -x /usr/bin/rustc ] && [ -e "$(debian_rust_dir)/complete" ]; }

make_debian_rust() {
  say "rustup cannot add $wasm_target: taking Debian's compiler, and building that target's library from its source"
  if ! dpkg -s "${debian_rust_packages[@]}" >/dev/null 2>&1; then
    apt_install "${debian_rust_packages[@]}"
  fi
  local dir
  dir=$(debian_rust_dir)
  (
    alone "$dir" # another checkout may be making it
    if [ -e "$dir/complete" ]; then exit; fi
    build_std "$dir"
    make_sysroot "$dir"
    make_wrappers "$dir/bin" "$dir/sysroot"
    touch "$dir/complete"
  )
}

# Builds std for the target as a dependency of an empty crate. The bitcode is what LTO reads,
# and `test` is what `cargo test` links. Panics then name its files as in the official builds.
build_std() {
  local crate=$1/empty flags=-Cembed-bitcode=yes
  flags+=" --remap-path-prefix=/usr/lib/rustlib/src/rust=/rustc"
  flags+=" --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=registry"
  say "building the Rust standard library for $wasm_target (about a minute)"
  mkdir -p "$crate/src"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$crate/Cargo.toml"
  echo '#![no_std]' >"$crate/src/lib.rs"
  (cd "$crate" && env -u CARGO_BUILD_TARGET RUSTFLAGS="$flags" RUSTC=/usr/bin/rustc \
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$crate/target" /usr/bin/cargo build --release \
    --target "$wasm_target" -Zbuild-std=std,panic_abort,proc_macro,test </dev/null >&2) ||
    fail "the standard library did not build"
}

# A sysroot of links to Debian's own, and the new library beside them.
make_sysroot() {
  local rustlib=$1/sysroot/lib/rustlib entry
  mkdir -p "$rustlib/$wasm_target/lib"
  for entry in /usr/lib/rustlib/*; do ln -sfn "$entry" "$rustlib/${entry##*/}"; done
  cp "$1/empty/target/$wasm_target/release/deps/"*.rlib "$rustlib/$wasm_target/lib/"
  rm -f "$rustlib/$wasm_target/lib/"libempty-*.rlib
  rm -r "$1/empty"
}

make_wrappers() {
  local name
  mkdir -p "$1"
  for name in rustc rustdoc; do
    printf '#!/bin/sh\nexec /usr/bin/%s --sysroot "%s" "$@"\n' "$name" "$2" >"$1/$name"
    chmod +x "$1/$name"
  done
  for name in cargo cargo-clippy clippy-driver; do ln -sfn "/usr/bin/$name" "$1/$name"; done
}

# clippy-driver takes its sysroot from the environment, not from the wrapper.
use_debian_rust() {
  local dir
  dir=$(debian_rust_dir)
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(find_linker) || exit 1
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
  export PATH="$dir/bin:$PATH" RUSTC="$dir/bin/rustc" RUSTDOC="$dir/bin/rustdoc" SYSROOT="$dir/sysroot"
  unset RUSTUP_TOOLCHAIN
}

# The linker of the rustup compiler, which Debian's does not bring; else Debian's lld.
find_linker() {
  local lld
  lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
  if [ -x "$lld" ]; then
    printf '%s' "$lld"
    return
  fi
  if ! command -v wasm-ld-22 >/dev/null; then apt_install lld-22; fi
  command -v wasm-ld-22
}
