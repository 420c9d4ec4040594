#!/bin/sh
# Makes the zip for the function: bootstrap, the program and its config.
#
#   package.sh PROGRAM CONFIG ZIP
#   package.sh target/release/zenstream deploy/terraform/aws-lambda/zenstream.yaml zenstream.zip
#
# The program has to run on Amazon Linux 2023: built on it, or against glibc 2.34 or older, or static.

set -eu
if [ $# -ne 3 ]; then
  echo "usage: package.sh PROGRAM CONFIG ZIP" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
contents=$(mktemp -d)
trap 'rm -rf "$contents"' EXIT
install -m 0755 "$here/bootstrap" "$contents/bootstrap"
install -m 0755 "$1" "$contents/zenstream"
install -m 0644 "$2" "$contents/zenstream.yaml"
# The same content makes the same zip, so that Terraform sees no change where there is none.
find "$contents" -exec touch -t 198001010000 {} +
rm -f "$3"
case $3 in
  /*) zip=$3 ;;
  *) zip=$PWD/$3 ;;
esac
(cd "$contents" && TZ=UTC zip -9 -X -q "$zip" bootstrap zenstream zenstream.yaml)
echo "wrote $3"
