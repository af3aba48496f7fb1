#!/bin/bash
# Goal: workers that have had their share of requests or of time are replaced,
# the next one being ready first, and nobody under load notices.
. "$(dirname "$0")/lib.sh"
. "$here/steady.sh"

make_app
start -w 2 --max-requests 200 --max-requests-jitter 50 --max-worker-lifetime 1
await 10 workers_are 2
begin_load /items/1
await 20 logged 'is to be replaced: max-requests' 2
await 20 logged 'Worker exiting' 2
end_load
logged 'Autorestarting worker after current request' 2 || fail "none said so"
await 20 logged 'is to be replaced: max-worker-lifetime'
await 20 workers_are 2
expect 200 GET /items/1
stop
