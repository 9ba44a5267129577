# Sourced by scripts/test: runs steps one after the other, one job beside them, counts their tests, and sums up.
logs=$root/build/logs
# A step that hangs is a failure with a name, after as many seconds. Not at a terminal, whose user can end it.
longest_step=1500
longest_job=3600
timeout=
if [ ! -t 0 ]; then timeout=$(command -v timeout || true); fi
passed=0
failed=0
skipped=0
summary=()

# step KIND NAME COMMAND…: a `check` only succeeds or fails, a `suite` also counts its tests; an `optional` suite and an
# `optional-check` may say by status 3 that this machine lacks what they need.
step() {
  local kind=$1 name=$2 start=$SECONDS status=0
  shift 2
  printf '\n== %s\n' "$name"
  ${timeout:+"$timeout" --kill-after=10 "$longest_step"} "$@" </dev/null 2>&1 | tee "$(log_of "$name")" || status=$?
  note_result "$kind" "$name" "$status" "$((SECONDS - start))"
}

# The same beside the steps that follow; `join` waits for it, shows what it printed, and counts it.
beside() {
  beside=("$1" "$2" "$SECONDS")
  local log
  log=$(log_of "$2")
  shift 2
  ${timeout:+"$timeout" --kill-after=10 "$longest_job"} "$@" </dev/null >"$log" 2>&1 &
  job=$!
  trap 'kill "$job"' EXIT
}

join() {
  local kind=${beside[0]} name=${beside[1]} status=0
  wait "$job" || status=$?
  trap - EXIT
  printf '\n== %s\n' "$name"
  cat "$(log_of "$name")"
  note_result "$kind" "$name" "$status" "$((SECONDS - beside[2]))"
}

log_of() { printf '%s\n' "$logs/${1//[ \/]/-}.log"; }

# note_result KIND NAME STATUS SECONDS: adds a step to the summary.
note_result() {
  local kind=$1 name=$2 status=$3 took=$4 good=0 bad=0 left=0 note log
  log=$(log_of "$name")
  if [[ $kind = optional* ]] && [ "$status" = 3 ]; then
    summary+=("$(printf '%-28s %4ss  %s' "$name" "$took" "not run: $(tail -n 2 "$log" | head -n 1)")")
    skipped=$((skipped + 1))
    return
  fi
  if [[ $kind != *check ]]; then read -r good bad left < <(count_tests "$log"); fi
  note="$good passed, $bad failed"
  if [ "$left" != 0 ]; then note+=", $left skipped"; fi
  if [[ $kind = *check ]]; then note=ok; fi
  if [[ $kind != *check ]] && [ "$((good + bad))" = 0 ]; then status=1 note="no test ran"; fi
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then note+=", did not come to its end"; fi
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
    bad=1
    note="failed${note:+ ($note)}"
    note=${note/ (ok)/}
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  skipped=$((skipped + left))
  summary+=("$(printf '%-28s %4ss  %s' "$name" "$took" "$note")")
}

# Adds up the last lines of cargo's, wasm-bindgen's and Node's test runners, and of Autobahn's.
count_tests() {
  awk '
    /^test result: / {
      for (i = 2; i <= NF; i++) { if ($i == "passed;") good += $(i - 1); if ($i == "failed;") bad += $(i - 1)
        if ($i == "ignored;") left += $(i - 1) }
    }
    /^our [a-z-]+: [0-9]+ OK, / { good += $3 + $5; bad += $9 }
    $1 == "ℹ" && $2 == "pass" { good += $3 }
    $1 == "ℹ" && ($2 == "fail" || $2 == "cancelled") { bad += $3 }
    $1 == "ℹ" && ($2 == "skipped" || $2 == "todo") { left += $3 }
    END { print good + 0, bad + 0, left + 0 }
  ' "$1"
}

finish() {
  printf '\n'
  printf '%s\n' "${summary[@]}"
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ]
}
