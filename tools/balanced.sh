#!/usr/bin/env bash
# Two pairs of servers, each with a dealer of its own, behind haproxy on this machine; four clients
# ask through it, and in the middle one server of the second pair is killed:
#   tools/balanced.sh [--weights FILE] [--images N]
# Says how many answers each pair gave, and fails if a client got none or a wrong one. Needs
# haproxy (apt-get install haproxy) and a model of runs/, or --weights.
set -euo pipefail
cd "$(dirname "$0")/.."

weights= count=40
while [[ $# -gt 0 ]]; do
  case $1 in
    --weights) weights=${2:?--weights needs a file}; shift 2 ;;
    --images) count=${2:?--images needs a number}; shift 2 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 1 ;;
  esac
done
haproxy=$(command -v haproxy || echo /usr/sbin/haproxy)
[[ -x $haproxy ]] || { echo "balanced: haproxy is not installed" >&2; exit 1; }
if [[ -z $weights ]]; then
  weights=$(ls -t runs/*.safetensors 2>/dev/null | grep -v '\.state\.safetensors$' | head -n 1 || true)
  [[ -n $weights ]] || { echo "balanced: no model in runs/: give --weights FILE" >&2; exit 1; }
fi

place=$(mktemp -d "${TMPDIR:-/tmp}/hush-balanced-XXXXXX")
pids=()
finish() {
  trap - EXIT INT TERM
  [[ ${#pids[@]} -eq 0 ]] || kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$place"
}
trap finish EXIT INT TERM

start() {
  local name=$1; shift
  "$@" >"$place/$name.log" 2>&1 &
  pids+=($!)
}
await() {
  for _ in $(seq 600); do
    grep -q "$2" "$place/$1.log" && return
    sleep 0.1
  done
  echo "balanced: $1 did not say \"$2\":" >&2
  tail -n 5 "$place/$1.log" >&2
  exit 1
}
evaluations() { grep -c ': evaluation ' "$place/$1.log" || true; }

# All parties 0 are of one operator, and have the same share; so have all parties 1.
apps/pi_certs "$place/certificates" >/dev/null
apps/pi_split --weights "$weights" --out "$place/models" --name model >/dev/null
tls=(--certificates "$place/certificates" --batches 1)
for pair in 1 2; do
  port=$((7500 + 10 * pair))
  start "dealer$pair" apps/pi_dealer "${tls[@]}" --models "$place/models/dealer" --listen "127.0.0.1:$((port + 2))"
  for party in 0 1; do
    start "server$pair$party" apps/pi_server --party $party "${tls[@]}" --models "$place/models/party$party" \
      --state "$place/state/$pair$party" --listen "127.0.0.1:$((port + party))" \
      --peer "127.0.0.1:$((port + 1 - party))" --dealer "127.0.0.1:$((port + 2))" --stock 16 --trace
    [[ $pair$party != 21 ]] || victim=$!
  done
done
cat >"$place/haproxy.cfg" <<CONFIG
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen party0
  bind 127.0.0.1:7500
  balance roundrobin
  server pair1 127.0.0.1:7510 check inter 500ms
  server pair2 127.0.0.1:7520 check inter 500ms
listen party1
  bind 127.0.0.1:7501
  balance roundrobin
  server pair1 127.0.0.1:7511 check inter 500ms
  server pair2 127.0.0.1:7521 check inter 500ms
CONFIG
start haproxy "$haproxy" -db -f "$place/haproxy.cfg"
for pair in 1 2; do await "server${pair}0" "connected to party1"; done

client() { # NAME IMAGES
  apps/pi_client --certificates "$place/certificates" --server0 127.0.0.1:7500 --server1 127.0.0.1:7501 \
    --from-test "$2" --request 1 --quiet --summary --logits "$place/$1.csv"
}
apps/evaluate --weights "$weights" --logits "$place/right.csv" >/dev/null # in the clear
echo "== four clients, and one server of pair 2 is killed"
clients=()
for c in 1 2 3 4; do
  client "client$c" "$count" & clients+=($!)
done
before=$(evaluations server20)
for _ in $(seq 600); do
  [[ $(evaluations server20) -lt $((before + count / 2)) ]] || break
  sleep 0.05
done
kill -9 "$victim"
for c in "${clients[@]}"; do wait "$c"; done
for c in 1 2 3 4; do
  head -n $((count + 1)) "$place/right.csv" | paste -d, - "$place/client$c.csv" | awk -F, -v client="$c" '
    NR > 1 { for (i = 3; i <= NF / 2; ++i) { d = $i - $(i + NF / 2); if (d < 0) d = -d; if (d > most) most = d } }
    END { printf "client %d: %d answers, at most %.4f off\n", client, NR - 1, most; exit most > 0.5 }'
done
echo "evaluations: pair 1 $(evaluations server10), pair 2 $(evaluations server20) until it was killed"
