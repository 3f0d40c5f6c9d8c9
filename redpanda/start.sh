#!/bin/sh
# Starts the broker in its container. rpk rewrites redpanda.yaml by a rename beside it, which a mounted file
# does not allow; so both files are copied to a folder in memory first.
set -eu
cp /redpanda/redpanda.yaml /etc/redpanda/redpanda.yaml
cp /redpanda/bootstrap.yaml /etc/redpanda/.bootstrap.yaml
exec rpk redpanda start "$@"
