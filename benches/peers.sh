#!/usr/bin/env bash
# Reads the same pretend account with zenstream, with `curl | jq` and with a Python loop such as the
# hourly Lambda scripts have, in turn, and prints what each costs and the ratios.
#
#   benches/peers.sh [AUDIT_LOGS [TICKETS [ROUNDS]]]              default 20000 10000 5
#   benches/peers.sh backfill [AUDIT_LOGS [LATENCY_MS [RATE]]]    default 60000 200 700
#
# `backfill` measures time instead of work: a history of audit logs from an account that takes its time
# over each answer and gives RATE requests a minute, of which zenstream may use 95 %. It is read by
# `zenstream run --once` into a file, by `zenstream read`, and by the Python loop, one page after the
# other, each from an account of its own whose budget nobody has touched. Printed beside them is the
# time in which the budget alone allows that many pages.
#
# Needs cargo, curl, jq and python3. Every run's records are counted; zenstream's are also compared
# with the account, byte for byte. CPU time is user and system time of all processes of a run; peak
# memory is that of its largest process. ZENSTREAM names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

what=work
if [ "${1:-}" = backfill ]; then
    what=backfill
    shift
fi
if [ -z "${ZENSTREAM:-}" ]; then
    cargo build --release --quiet
fi
zenstream=${ZENSTREAM:-${CARGO_TARGET_DIR:-target}/release/zenstream}
work=$(mktemp -d)
simulator=
trap 'kill $simulator 2>/dev/null; rm -rf "$work"' EXIT
export ZENDESK_BASE_URL ZENDESK_BEARER_TOKEN=any

# Starts a pretend account with these options, in place of the one before.
account() {
    [ -z "$simulator" ] || kill "$simulator"
    rm -f "$work/address"
    "$zenstream" simulate --port 0 --history-days 300 "$@" >"$work/address" 2>/dev/null &
    simulator=$!
    until [ -s "$work/address" ]; do sleep 0.1; done
    ZENDESK_BASE_URL=$(head -n 1 "$work/address")
}

cat >"$work/curl_jq.sh" <<'SCRIPT'
# As lean as it gets: the addresses of all pages are known beforehand, one curl fetches them over
# one connection, one jq takes them apart.
curl -sS --compressed --config "$2" | jq -c ".$1[]"
SCRIPT

cat >"$work/loop.sh" <<'SCRIPT'
# What people write: a curl and a jq for each page, because only a page tells where the next one is.
# The cursor is cut out of the text rather than parsed once more.
stream=$1 page=$2
case $stream in
audit_logs) first="/api/v2/audit_logs?page%5Bsize%5D=100&sort=created_at" next='&page%5Bafter%5D=' more='"has_more":true' start= ;;
tickets) first="/api/v2/incremental/tickets/cursor?per_page=1000" next='&cursor=' more='"end_of_stream":false' start='&start_time=0' ;;
esac
url="$ZENDESK_BASE_URL$first$start"
while :; do
    curl -sS --compressed -H "Authorization: Bearer $ZENDESK_BEARER_TOKEN" "$url" -o "$page"
    jq -c ".$stream[]" "$page"
    ends="$(head -c 2000 "$page")$(tail -c 2000 "$page")"
    case $ends in *"$more"*) ;; *) break ;; esac
    cursor=${ends##*\"after_cursor\":\"}; cursor=${cursor%%\"*}
    cursor=${cursor//=/%3D}; cursor=${cursor//+/%2B}; cursor=${cursor//\//%2F}
    url="$ZENDESK_BASE_URL$first$next$cursor"
done
SCRIPT

cat >"$work/loop.py" <<'SCRIPT'
# One urllib request after the other, json in, json out: the shape of the published scripts, with
# the paging mended so that it reads everything.
import json, os, sys, urllib.parse, urllib.request
base, stream = os.environ["ZENDESK_BASE_URL"], sys.argv[1]
headers = {"Authorization": "Bearer " + os.environ["ZENDESK_BEARER_TOKEN"], "Accept": "application/json"}
first = {"audit_logs": "/api/v2/audit_logs?page%5Bsize%5D=100&sort=created_at",
         "tickets": "/api/v2/incremental/tickets/cursor?per_page=1000"}[stream]
url = base + first + ("&start_time=0" if stream == "tickets" else "")
while url:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as reply:
        page = json.loads(reply.read().decode("utf-8"))
    for record in page[stream]:
        sys.stdout.write(json.dumps(record, separators=(",", ":")) + "\n")
    if stream == "tickets":
        cursor, more, key = page["after_cursor"], not page["end_of_stream"], "cursor"
    else:
        cursor, more, key = page["meta"]["after_cursor"], page["meta"]["has_more"], "page%5Bafter%5D"
    url = base + first + "&" + key + "=" + urllib.parse.quote(cursor, safe="") if more else None
SCRIPT

if [ "$what" = backfill ]; then
    audit_logs=${1:-60000} latency=${2:-200} rate=${3:-700} share=0.95
    cat >"$work/run.yaml" <<'YAML'
data_dir: ${WORK}/state
sources:
  acme:
    type: zendesk
    endpoint: ${ZENDESK_BASE_URL}
    auth: { strategy: bearer, token: any }
    streams: [audit_logs]
    since: beginning
    rate_limit: { share: "${SHARE}" }
    stream_options: { audit_logs: { lag_secs: 0 } }
sinks:
  out: { type: file, inputs: [acme.audit_logs], path: "${WORK}/out.run" }
YAML
    export WORK=$work SHARE=$share
    pages=$(((audit_logs + 99) / 100))
    echo "$("$zenstream" --version): $audit_logs audit logs, $pages pages, $latency ms each, $rate requests a minute"
    awk -v p="$pages" -v r="$rate" -v s="$share" \
        'BEGIN { printf "  %-42s %8.1f s\n", "what the budget allows at " s * 100 " %", p * 60 / (r * s) }'
    for way in run read loop; do
        account --rate-limit "$rate" --latency-ms "$latency" --audit-logs "$audit_logs" --tickets 0
        started=$(date +%s.%N)
        case $way in
        run) name="zenstream run --once" && "$zenstream" -q run -c "$work/run.yaml" --once ;;
        read) name="zenstream read" && "$zenstream" read audit_logs --since beginning --rate-share "$share" >"$work/out.read" ;;
        loop) name="python loop, one page after the other" && python3 "$work/loop.py" audit_logs >"$work/out.loop" ;;
        esac
        took=$(echo "$started $(date +%s.%N)" | awk '{ print $2 - $1 }')
        # The loop writes its records anew, so that only their ids can be compared.
        seen() { if [ "$way" = loop ]; then jq -c .id; else cat; fi | sort; }
        curl -sS "$ZENDESK_BASE_URL/_simulator/records/audit_logs" | seen >"$work/truth"
        seen <"$work/out.$way" | cmp - "$work/truth" || { echo "$name did not bring each record once" >&2; exit 1; }
        [ "$way" = run ] && ours=$took
        awk -v n="$name" -v t="$took" -v o="$ours" 'BEGIN { printf "  %-42s %8.1f s   %.1f times ours\n", n, t, t / o }'
    done
    exit
fi

audit_logs=${1:-20000} tickets=${2:-10000} rounds=${3:-5}
account --rate-limit 0 --audit-logs "$audit_logs" --tickets "$tickets"

cat >"$work/measure.py" <<'SCRIPT'
# Runs every peer in turn, round by round, and prints medians and ratios.
import hashlib, json, os, platform, statistics, subprocess, sys, time, urllib.parse, urllib.request
zenstream, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
peers = {
    "zenstream read": lambda s: [zenstream, "read", s, "--since", "beginning", "--rate-share", "1"],
    "curl, jq a page": lambda s: ["bash", work + "/loop.sh", s, work + "/page.json"],
    "curl | jq -c": lambda s: ["bash", "-o", "pipefail", work + "/curl_jq.sh", s, work + "/addresses"],
    "python loop": lambda s: [sys.executable, work + "/loop.py", s],
}

def peaks(pid, seen):
    """The largest resident size so far of a process and its descendants, from the kernel."""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    seen.append(int(line.split()[1]) / 1024)
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                peaks(child, seen)
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended

def run(command, out):
    started, seen = time.monotonic(), [0.0]
    with open(out, "wb") as sink:
        child = subprocess.Popen(command, stdout=sink, stdin=subprocess.DEVNULL)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            peaks(child.pid, seen)
            time.sleep(0.005)
        child.returncode = status
    wall = time.monotonic() - started
    assert status == 0, f"{command} failed"
    return usage.ru_utime + usage.ru_stime, wall, max(seen)

def addresses(stream):
    """Every page's address, in curl's config language."""
    base, found = os.environ["ZENDESK_BASE_URL"], []
    first = {"audit_logs": "/api/v2/audit_logs?page%5Bsize%5D=100&sort=created_at",
             "tickets": "/api/v2/incremental/tickets/cursor?per_page=1000"}[stream]
    url = base + first + ("&start_time=0" if stream == "tickets" else "")
    while url:
        found.append(url)
        request = urllib.request.Request(url, headers={"Authorization": "Bearer any"})
        page = json.load(urllib.request.urlopen(request))
        if stream == "tickets":
            cursor, more, key = page["after_cursor"], not page["end_of_stream"], "cursor"
        else:
            cursor, more, key = page["meta"]["after_cursor"], page["meta"]["has_more"], "page%5Bafter%5D"
        url = base + first + "&" + key + "=" + urllib.parse.quote(cursor, safe="") if more else None
    with open(work + "/addresses", "w") as config:
        config.write('header = "Authorization: Bearer any"\n')
        config.writelines(f'url = "{url}"\n' for url in found)

def lines_and_digest(path):
    lines, digest = 0, hashlib.sha256()
    with open(path, "rb") as records:
        for line in records:
            lines += 1
            digest.update(line)
    return lines, digest.hexdigest()

def spread(values):
    return f"{statistics.median(values):8.2f} ({min(values):.2f}-{max(values):.2f})"

version = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
print(version(zenstream, "--version"), "|", version("jq", "--version"), "|", version("curl", "--version")[:12],
      "| python", platform.python_version(), "|", os.cpu_count(), "processors,", rounds, "rounds in turn")
for stream, count in (("audit_logs", int(sys.argv[4])), ("tickets", int(sys.argv[5]))):
    truth = work + "/truth"
    urllib.request.urlretrieve(os.environ["ZENDESK_BASE_URL"] + "/_simulator/records/" + stream, truth)
    assert lines_and_digest(truth)[0] == count
    addresses(stream)
    figures = {name: [] for name in peers}
    for number in range(rounds + 1):
        for name, command in peers.items():
            out = work + "/out"
            figure = run(command(stream), out)
            lines, digest = lines_and_digest(out)
            assert lines == count, f"{name} brought {lines} of {count} {stream}"
            if name == "zenstream read":
                assert digest == lines_and_digest(truth)[1], "zenstream changed a record"
            if number > 0:  # the first round renders the pages
                figures[name].append(figure)
    print(f"\n{stream}: {count} records, {os.path.getsize(truth) / 1e6:.0f} MB")
    print(f"  {'':16} {'CPU s':26} {'wall s':26} peak MB")
    for name, runs in figures.items():
        cpu, wall, memory = zip(*runs)
        print(f"  {name:16} {spread(cpu):26} {spread(wall):26} {max(memory):.0f}")
    ours = figures["zenstream read"]
    for name in list(peers)[1:]:
        ratio = lambda place: spread([theirs[place] / mine[place] for theirs, mine in zip(figures[name], ours)])
        print(f"  {name} / zenstream: CPU {ratio(0).strip()}, wall {ratio(1).strip()}")
SCRIPT

python3 "$work/measure.py" "$zenstream" "$work" "$rounds" "$audit_logs" "$tickets"
