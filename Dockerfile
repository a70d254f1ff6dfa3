# vty-mcp in a container: an MCP server on standard input and output, or over HTTP.
#
#   docker build -t vty-mcp .
#   docker run --rm -i -v ./devices.json:/app/config/devices.json:ro vty-mcp
#
# README.md has the HTTP form and says how to keep state and mount key files.

# The two stages must name the same release of Debian: the program is linked against its C library.
FROM rust:1-slim-trixie AS build
WORKDIR /src
# The slim image brings gcc and the headers of the C library, which ring and SQLite are built with.
COPY Cargo.toml Cargo.lock ./
# What the manifest names must be there, also what is not built.
COPY benches benches
COPY platforms platforms
COPY templates templates
COPY src src
RUN cargo build --release --locked --bin vty-mcp

FROM debian:trixie-slim
# The name under which a registry of MCP servers knows this one.
ARG SERVER_NAME=io.github.vty-mcp/vty-mcp
LABEL io.modelcontextprotocol.server.name="$SERVER_NAME" \
      org.opencontainers.image.title="vty-mcp" \
      org.opencontainers.image.description="An MCP server that speaks SSH to network devices" \
      org.opencontainers.image.licenses="Apache-2.0"

# A number of its own, so that owners of mounted files can be given by it. What is not mounted over
# `state` lies in a volume that belongs to this user.
RUN groupadd --gid 10001 vty \
 && useradd --uid 10001 --gid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin vty \
 && install -d -m 755 /app /app/config \
 && install -d -m 700 -o 10001 -g 10001 /app/state
COPY --from=build /src/target/release/vty-mcp /usr/local/bin/vty-mcp
COPY LICENSE /usr/share/doc/vty-mcp/LICENSE

USER 10001:10001
WORKDIR /app
ENV VTY_DEVICES=/app/config/devices.json \
    VTY_STATE_DIR=/app/state
# Recorded host keys, tokens, the journal of changes.
VOLUME /app/state
# Only where it serves HTTP.
EXPOSE 30030
ENTRYPOINT ["vty-mcp"]
CMD ["serve"]
