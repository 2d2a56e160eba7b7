# syntax=docker/dockerfile:1
# Legate alone in an image: one static program, a user without rights, nothing to write to.
#
#   docker build -t legate .
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/legate:TAG --push .
#
# With --build-arg BASE=scratch there are no certificate authorities in it: then Consul's own is needed for HTTPS
# (--consul-ca-file). docs/containers.md says how to run it.

ARG GO_VERSION=1.26.8
ARG BASE=gcr.io/distroless/static-debian12:nonroot

# Go compiles for the other architecture, so nothing is emulated.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ENV GOCACHE=/go/build
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \
    CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -ldflags "-s -w" -o /out/legate . \
    && mkdir /out/state

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="legate" \
      org.opencontainers.image.description="Serves the services in Consul to Envoy over xDS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/legate /usr/local/bin/legate
# A volume that is put here belongs to Legate's user. Name it in LEGATE_STATE_DIR to keep the last known catalog.
COPY --from=build --chown=65532:65532 /out/state /var/lib/legate
USER 65532:65532
# xDS; page and API; metrics and probes. On which addresses Legate listens is to be said: by default on loopback, and so
# for nobody outside of the container.
EXPOSE 18000 18001 18003
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/legate", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/legate"]
CMD ["serve"]
