# shellcheck shell=bash disable=SC2034,SC2154
# Apache Kafka: one node that is broker and controller, from its jars.

version=4.3.0
title="Apache Kafka $version"
port=${ZENSTREAM_TEST_KAFKA_PORT:-19092}
sasl_port=${ZENSTREAM_TEST_KAFKA_SASL_PORT:-19093}
tls_port=${ZENSTREAM_TEST_KAFKA_TLS_PORT:-19095}
controller_port=${ZENSTREAM_TEST_KAFKA_CONTROLLER_PORT:-19094}
user=zenstream
password=zenstream-secret
jars=$cache/kafka-$version
certificate=$state/certificate.pem
grace=15

install() {
  need openssl openssl version
  need default-jre-headless java -version
  [ -d "$jars" ] && return
  need maven mvn --version
  rm -rf "$jars.part"
  mvn --quiet --batch-mode --strict-checksums -f "$services/kafka/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars.part"
  (cd "$jars.part" && sha256sum --quiet --check "$services/kafka/jars.sha256")
  mv "$jars.part" "$jars"
}

# Signed by itself, so it is its own authority; the broker wants it in one file with its key.
certify() {
  [ -f "$state/broker.pem" ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$state/key.pem" -out "$certificate"
  cat "$state/key.pem" "$certificate" >"$state/broker.pem.part"
  mv "$state/broker.pem.part" "$state/broker.pem"
}

launch() {
  certify
  local config=$state/server.properties
  {
    sed -e "s/:19092/:$port/g" -e "s/:19093/:$sasl_port/g" -e "s/:19094/:$controller_port/g" \
      -e "/^\(advertised\.\)\?listeners=/s|\$|,SSL://127.0.0.1:$tls_port|" \
      -e "/^listener.security.protocol.map=/s/\$/,SSL:SSL/" \
      "$services/kafka/server.properties"
    echo "log.dirs=$data"
    echo "listener.name.ssl.ssl.keystore.type=PEM"
    echo "listener.name.ssl.ssl.keystore.location=$state/broker.pem"
  } >"$config"
  # It starts in half the time without the second compiler, and needs no more than this.
  local java=(java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
    -Dorg.slf4j.simpleLogger.showDateTime=true -cp "$jars/*")
  if [ ! -f "$data/meta.properties" ]; then
    "${java[@]}" kafka.tools.StorageTool format --standalone --cluster-id zenstream-tests-000001 \
      --config "$config" --add-scram "SCRAM-SHA-512=[name=$user,password=$password]"
  fi
  exec setsid "${java[@]}" kafka.Kafka "$config"
}

# ApiVersions, version 0, from a client without a name. The broker takes requests only once it has
# caught up with its own metadata.
answers() {
  local size
  size=$(
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port" || exit
    printf '\0\0\0\012\0\022\0\0\0\0\0\001\377\377' >&3
    timeout 2 head -c 8 <&3 | tail -c 4 | od -An -tu1
  ) 2>/dev/null
  [ "${size// /}" = 0001 ]
}

settings() {
  echo "KAFKA=127.0.0.1:$port"
  echo "KAFKA_SASL=127.0.0.1:$sasl_port"
  echo "KAFKA_TLS=127.0.0.1:$tls_port"
  echo "KAFKA_TLS_CA=$certificate"
  echo "KAFKA_SASL_USER=$user"
  echo "KAFKA_SASL_PASSWORD=$password"
}
