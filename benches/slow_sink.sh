#!/usr/bin/env bash
# What it costs in memory that one of three sinks is slow: the same account is collected into two
# files and an HTTP endpoint, which once answers at once and once takes its time over every request.
#
#   [ZENSTREAM=target/release/zenstream] benches/slow_sink.sh [AUDIT_LOGS] [ROUNDS] [SECONDS_A_REQUEST]
#
# Prints the peak resident memory of both, and their ratio, in medians.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

audit_logs=${1:-200000}
rounds=${2:-3}
pause=${3:-0.5}

if [ -z "${ZENSTREAM:-}" ]; then
  cargo build --release --locked --quiet
fi
zenstream=$(realpath "${ZENSTREAM:-${CARGO_TARGET_DIR:-target}/release/zenstream}")
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

"$zenstream" -qq simulate --port 0 --audit-logs "$audit_logs" --tickets 0 --rate-limit 0 \
  --latency-ms 5 --now 2024-06-01T00:00:00Z >"$work/account" &

cat >"$work/slow.py" <<'SCRIPT'
# An endpoint that reads a request, waits so many seconds, and answers 200.
import http.server, sys, time

class Slow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[1]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_address[1], flush=True)
server.serve_forever()
SCRIPT
python3 "$work/slow.py" 0 >"$work/prompt" &
python3 "$work/slow.py" "$pause" >"$work/late" &
until [ -s "$work/account" ] && [ -s "$work/prompt" ] && [ -s "$work/late" ]; do sleep 0.1; done

for endpoint in prompt late; do
  cat >"$work/$endpoint.yaml" <<YAML
data_dir: $work/state
sources:
  acme:
    type: zendesk
    endpoint: $(cat "$work/account")
    auth: { strategy: bearer, token: any }
    streams: [audit_logs]
    since: beginning
    rate_limit: { share: 1 }
    stream_options: { audit_logs: { lag_secs: 0 } }
sinks:
  plain: { type: file, inputs: [acme], path: $work/plain.ndjson }
  packed: { type: file, inputs: [acme], path: $work/packed.gz, compression: gzip }
  http: { type: http, inputs: [acme], uri: 'http://127.0.0.1:$(cat "$work/$endpoint")/', batch: { max_bytes: 1000000 } }
YAML
done

cat >"$work/measure.py" <<'SCRIPT'
# Runs both in turn, and prints medians.
import os, shutil, statistics, subprocess, sys, time
zenstream, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

def peak(config):
    shutil.rmtree(work + "/state", ignore_errors=True)
    for name in ("plain.ndjson", "packed.gz"):
        if os.path.exists(work + "/" + name):
            os.remove(work + "/" + name)
    started = time.time()
    child = subprocess.Popen([zenstream, "-qq", "run", "-c", f"{work}/{config}.yaml", "--once"])
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, status
    return usage.ru_maxrss / 1024, time.time() - started

peaks = {"prompt": [], "late": []}
for round in range(rounds):
    for config in peaks:
        memory, seconds = peak(config)
        peaks[config].append(memory)
        print(f"round {round + 1} {config}: {memory:.1f} MB, {seconds:.1f} s", flush=True)
prompt, late = (statistics.median(peaks[config]) for config in ("prompt", "late"))
print(f"three fast sinks: {prompt:.1f} MB; one of them slow: {late:.1f} MB; ratio {late / prompt:.2f}")
SCRIPT
python3 "$work/measure.py" "$zenstream" "$work" "$rounds"
