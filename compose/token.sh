#!/bin/sh
# Puts a token into .env, which docker compose reads: `sh compose/token.sh`. One that is there stays.
set -eu
env="$(dirname "$0")/../.env"
if [ -f "$env" ] && grep -q '^LIVESPAN_TOKEN=.' "$env"; then
  echo ".env has a token already"
  exit 0
fi
umask 077
token="$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
# A file that ends in the middle of a line would swallow ours.
if [ -s "$env" ] && [ -n "$(tail -c 1 "$env")" ]; then echo >> "$env"; fi
printf 'LIVESPAN_TOKEN=%s\n' "$token" >> "$env"
echo "LIVESPAN_TOKEN is in .env"
