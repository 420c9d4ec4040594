# One image with one program in it:
#
#   docker build -t zenstream .
#   docker run --rm -v "$PWD/zenstream.yaml:/etc/zenstream/zenstream.yaml:ro" -v zenstream:/var/lib/zenstream \
#     -e ZENDESK_SUBDOMAIN -e ZENDESK_CLIENT_ID -e ZENDESK_CLIENT_SECRET zenstream
#
# It runs as user 65532, which must be able to write to `data_dir`.

FROM rust:1.95-slim-bookworm AS build
# For the C in it: TLS (aws-lc) and Kafka's client with its OpenSSL.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends build-essential perl \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
  --mount=type=cache,target=/src/target \
  cargo build --release --locked --bin zenstream \
  && install -D target/release/zenstream /out/usr/local/bin/zenstream \
  && mkdir -p /out/var/lib/zenstream

# glibc, libgcc and certificates; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/local/bin/zenstream /usr/local/bin/zenstream
COPY --from=build --chown=65532:65532 /out/var/lib/zenstream /var/lib/zenstream
USER 65532:65532
VOLUME ["/var/lib/zenstream"]
ENV ZENSTREAM_LOG_FORMAT=json
ENTRYPOINT ["/usr/local/bin/zenstream"]
CMD ["run", "--config", "/etc/zenstream/zenstream.yaml"]
