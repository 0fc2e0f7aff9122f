# Sourced by the scripts in this folder: one line a step, the log kept, the line that matters shown.
#
#   say TEXT               a line for people
#   step LABEL COMMAND…    runs it with its output in the log; a sign of life every 15 s
#   fail TEXT              the last line, exit status 1 (or RACEWAY_STATUS)
#
# The log is build/log/<script>.log, one file for each script, overwritten by each run.

progress_log="$PWD/build/log/$(basename "$0").log"
progress_started=false

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s: %s\n' "tools/$(basename "$0")" "$*" >&2
  exit "${RACEWAY_STATUS:-1}"
}

# The first line that looks like a cause, the likeliest pattern first; else the last line at all.
progress_cause() {
  local from="$1" pattern line=""
  for pattern in 'CERTIFICATE_VERIFY_FAILED|NewConnectionError|Temporary failure' '^E: ' '^ERROR: ' \
    'No space left' ': (fatal )?error: ' 'Error: ' '^CMake Error' 'undefined reference' \
    '^FAILED: ' 'not found' 'Killed'; do
    line="$(tail -n "+$from" "$progress_log" | grep -aE -m 1 -e "$pattern")" && break
  done
  if [[ -z "$line" ]]; then
    line="$(tail -n "+$from" "$progress_log" | grep -av '^[[:space:]]*$' | tail -n 1)" || true
  fi
  printf '%s' "${line:-no output}" | cut -c1-300
}

step() {
  local label="$1" began=$SECONDS shown=false status=0 from child
  shift
  mkdir -p "$(dirname "$progress_log")"
  $progress_started || : >"$progress_log"
  progress_started=true
  printf '\n=== %s\n+ %s\n' "$label" "$*" >>"$progress_log"
  from="$(($(wc -l <"$progress_log") + 1))"
  "$@" >>"$progress_log" 2>&1 </dev/null &
  child=$!
  # Ctrl-C reaches the child too, being in the same process group; a plain kill does not.
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
  local next=15
  while kill -0 "$child" 2>/dev/null; do
    if ! $shown && ((SECONDS > began)); then
      say "… $label"
      shown=true
    fi
    if ((SECONDS - began >= next)); then
      say "    $((SECONDS - began)) s: $(tail -c 2000 "$progress_log" | tr '\r' '\n' |
        grep -av '^\s*$' | tail -n 1 | cut -c1-100)"
      next=$((next + (next < 60 ? 15 : 30)))
    fi
    sleep 0.1
  done
  wait "$child" || status=$?
  trap - INT TERM
  if ((status != 0)); then
    printf '%s: %s: %s\n    whole log: %s\n' "tools/$(basename "$0")" "$label" \
      "$(progress_cause "$from")" "$progress_log" >&2
    exit "${RACEWAY_STATUS:-1}"
  fi
  if $shown; then
    say "  done in $((SECONDS - began)) s"
  fi
}
