#!/usr/bin/env bash
# Starts a dealer, two servers and a client on this machine, over TLS, with everything in one
# folder, and classifies images that neither server sees:
#   tools/quickstart.sh [--weights FILE] [IMAGE…]
# Without --weights it takes the newest model of runs/, without images the model's first test images.
# The services stop when it ends; with --keep they stay until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

weights= keep= images=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --weights) weights=${2:?--weights needs a file}; shift 2 ;;
    --keep) keep=1; shift ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) images+=("$1"); shift ;;
  esac
done
for program in pi_certs pi_split pi_dealer pi_server pi_client; do
  [[ -x apps/$program ]] || { echo "quickstart: apps/$program is not built: run make" >&2; exit 1; }
done
if [[ -z $weights ]]; then
  weights=$(ls -t runs/*.safetensors 2>/dev/null | grep -v '\.state\.safetensors$' | head -n 1 || true)
  [[ -n $weights ]] || { echo "quickstart: no model in runs/: run make demo, or give --weights FILE" >&2; exit 1; }
fi
[[ ${#images[@]} -gt 0 ]] || images=(--from-test 8)

place=$(mktemp -d "${TMPDIR:-/tmp}/hush-quickstart-XXXXXX")
pids=()
finish() {
  trap - EXIT INT TERM
  [[ ${#pids[@]} -eq 0 ]] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$place"
}
trap finish EXIT INT TERM

# Starts a service; its lines go to a file that is shown if it fails.
start() {
  local name=$1; shift
  "$@" >"$place/$name.log" 2>&1 &
  pids+=($!)
}
# Until a line stands in a service's log.
await() {
  local name=$1 line=$2
  for _ in $(seq 300); do
    grep -q "$line" "$place/$name.log" && return
    kill -0 "${pids[@]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "quickstart: $name did not say \"$line\":" >&2
  tail -n 5 "$place"/*.log >&2
  exit 1
}

echo "== certificates for four parties, and $weights cut into a share for each server"
apps/pi_certs "$place/certificates" >/dev/null
apps/pi_split --weights "$weights" --out "$place/models" --name model
tls=(--certificates "$place/certificates" --batches 1)
echo "== dealer and servers"
start dealer apps/pi_dealer "${tls[@]}" --models "$place/models/dealer"
for party in 0 1; do
  start "server$party" apps/pi_server --party $party "${tls[@]}" --models "$place/models/party$party" \
    --state "$place/state/party$party" --stock 16 --metrics "127.0.0.1:$((7190 + 100 * party))"
done
await server0 "connected to party1"
await server0 "the dealer is connected"
echo "listening: party 0 on 7100, party 1 on 7200, dealer on 7300; counters at http://127.0.0.1:7190/metrics"
echo "== the client"
apps/pi_client --certificates "$place/certificates" --summary "${images[@]}"
if [[ -n $keep ]]; then
  echo "== running until Ctrl-C; ask more:  apps/pi_client --certificates $place/certificates IMAGE…"
  wait
fi
