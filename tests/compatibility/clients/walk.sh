# The walk by curl, one connection for each run of it, offering HTTP/2 where its options do: sh walk.sh [OPTIONS]
set -eu
ask() {
    curl --silent --dump-header head --output body --write-out '%{http_code}, ' \
        --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' "$@"
}
printf '{"statuses": ['
for number in $(seq 0 19); do ask $OPTIONS --data "{\"title\": \"Task $number\"}" "$API/users/me/tasks"; done
path=$API/users/me/tasks/$(sed 's/.*"id":"\([^"]*\)".*/\1/' body)
title=$(sed 's/.*"title":"\([^"]*\)".*/\1/' body)
ask $OPTIONS "$path"
etag=$(tr -d '\r' < head | sed -n 's/^etag: //p')
ask $OPTIONS --request PATCH --header "If-Match: $etag" --data '{"status": "completed"}' "$path"
ask $OPTIONS --request PATCH --header "If-Match: $etag" --data '{"status": "pending"}' "$path"
ask $OPTIONS --header 'Transfer-Encoding: chunked' --data '{"title": "In pieces"}' "$API/users/me/tasks"
ask $OPTIONS --request DELETE "$path" | tr -d ', '
printf '], "title": "%s"}\n' "$title"
