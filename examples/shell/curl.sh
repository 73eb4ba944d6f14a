#!/usr/bin/env bash
# Creates a person, verifies the address, finds, locks and deletes the person: with curl, as Connect has it: JSON by POST.
set -euo pipefail

url=${ROSTER_URL:-http://localhost:8080}

# The first text of this name in an answer. jq does that better, where there is one.
field() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p' | head -n 1; }

# By a secret or by a token, whichever is given. Both are handed on as files: everybody sees the arguments of a program.
token=${ROSTER_TOKEN:-}
if [[ -n ${ROSTER_CLIENT_SECRET:-} ]]; then
  token=$(curl -sS --fail "$url/oauth/v2/token" -d grant_type=client_credentials \
    --data-urlencode "client_id=${ROSTER_CLIENT_ID:-}" \
    --data-urlencode client_secret@<(printf %s "$ROSTER_CLIENT_SECRET") | field access_token)
fi

# call METHOD REQUEST: prints the answer, and fails if that is an error.
call() {
  curl -sS --fail-with-body "$url/zitadel.user.v2.UserService/$1" \
    -H @<(echo "Authorization: Bearer $token") -H 'Content-Type: application/json' -d "$2"
}
# The same for what has to go well.
must() {
  local answer
  answer=$(call "$@") || { echo "$1: $answer" >&2 && return 1; }
  echo "$answer"
}

email="ada-$RANDOM$RANDOM@example.com"
# With returnCode the code comes back in the answer, for a mail of your own; with sendCode, Roster sends it.
created=$(must AddHumanUser '{
  "profile": {"givenName": "Ada", "familyName": "Lovelace"},
  "email": {"email": "'"$email"'", "returnCode": {}}
}')
user_id=$(field userId <<<"$created")
echo "created  $user_id"

must VerifyEmail '{"userId": "'"$user_id"'", "verificationCode": "'"$(field emailCode <<<"$created")"'"}' >/dev/null
echo "verified $email"

found=$(must ListUsers '{"queries": [{"emailQuery": {"emailAddress": "'"$email"'"}}]}')
echo "found    $(field preferredLoginName <<<"$found")"

# From now on the person's sessions and tokens are worth nothing.
must LockUser '{"userId": "'"$user_id"'"}' >/dev/null
echo "locked   $user_id"

must DeleteUser '{"userId": "'"$user_id"'"}' >/dev/null
echo "deleted  $user_id"

if refused=$(call GetUserByID '{"userId": "'"$user_id"'"}' 2>/dev/null); then
  echo 'the user is still there' >&2
  exit 1
fi
# What went wrong, for programs: the reason in the ErrorInfo, one of docs/errors.md. Messages may change, reasons do not.
echo "refused  $(field reason <<<"$refused")"
