# Sourced by scripts/toolchain: Chromium and its driver, exported as CHROMIUM and CHROMEDRIVER.
find_browser() {
  CHROMIUM=${CHROMIUM:-$(first_of chromium chromium-browser google-chrome google-chrome-stable)}
  CHROMEDRIVER=${CHROMEDRIVER:-$(first_of chromedriver)}
  if [ -z "$CHROMIUM" ] || [ -z "$CHROMEDRIVER" ]; then
    say "the browser tests need Chromium and its driver"
    apt_install chromium chromium-driver
    CHROMIUM=$(command -v chromium)
    CHROMEDRIVER=$(command -v chromedriver)
  fi
  export CHROMIUM CHROMEDRIVER
}

first_of() {
  local name
  for name in "$@"; do
    if command -v "$name"; then return; fi
  done
}
