# Sourced by scripts/test: runs steps one after the other, counts their tests, and sums up.
logs=$root/build/logs
passed=0
failed=0
skipped=0
summary=()

# step KIND NAME COMMAND…: a `check` only succeeds or fails, a `suite` also counts its tests; an `optional` suite and an
# `optional-check` may say by status 3 that this machine lacks what they need.
step() {
  local kind=$1 name=$2 log=$logs/${2//[ \/]/-}.log status=0 start=$SECONDS good=0 bad=0 left=0 note
  shift 2
  printf '\n== %s\n' "$name"
  "$@" </dev/null 2>&1 | tee "$log" || status=$?
  if [[ $kind = optional* ]] && [ "$status" = 3 ]; then
    summary+=("$(printf '%-28s %4ss  %s' "$name" "$((SECONDS - start))" "not run: $(tail -n 2 "$log" | head -n 1)")")
    skipped=$((skipped + 1))
    return
  fi
  if [[ $kind != *check ]]; then read -r good bad left < <(count_tests "$log"); fi
  note="$good passed, $bad failed"
  if [ "$left" != 0 ]; then note+=", $left skipped"; fi
  if [[ $kind = *check ]]; then note=ok; fi
  if [[ $kind != *check ]] && [ "$((good + bad))" = 0 ]; then status=1 note="no test ran"; fi
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
    bad=1
    note="failed${note:+ ($note)}"
    note=${note/ (ok)/}
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  skipped=$((skipped + left))
  summary+=("$(printf '%-28s %4ss  %s' "$name" "$((SECONDS - start))" "$note")")
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
