#!/bin/sh
# Makes the secrets of docker-compose.yml in deploy/secrets/ (or the folder given). What is there stays as it
# is, so that it can be run at any time. The folder is closed to others; the files in it can be read by
# any user, because the users of the containers are not this one.
set -eu

folder=${1:-"$(dirname "$0")/secrets"}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"
# A file appears whole or not at all.
draft=$(mktemp "$folder/.new.XXXXXX")
trap 'rm -f "$draft"' EXIT
trap 'exit 1' HUP INT TERM PIPE

random_hex() { od -An -v -tx1 -N 32 /dev/urandom | tr -d ' \n'; }
random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

# keep NAME CONTENT: writes the file unless it exists.
keep() {
  if [ -e "$folder/$1" ]; then
    echo "kept  $folder/$1"
    return
  fi
  printf '%s\n' "$2" >"$draft"
  chmod 444 "$draft"
  # A link fails where a file is there already, so another run's is not replaced.
  ln "$draft" "$folder/$1"
  rm -f "$draft"
  echo "made  $folder/$1"
}

# derived NAME FROM: a secret made from another one cannot be made when that one is gone.
derived() {
  if [ -e "$folder/$1" ] && [ ! -e "$folder/$2" ]; then
    echo "$folder/$1 is there and $folder/$2, which it was made from, is not. Put it back." >&2
    exit 1
  fi
}

derived database_url postgres_password
derived redis_url redis_auth

keep postgres_password "$(random_hex)"
keep database_url "postgres://prosa:$(cat "$folder/postgres_password")@postgres:5432/prosa"
keep redis_auth "requirepass $(random_hex)"
keep redis_url "redis://:$(sed -n 's/^requirepass //p' "$folder/redis_auth")@redis:6379"
keep tenant_keys "{\"tenants\":{\"demo\":\"$(random_base64)\"}}"
