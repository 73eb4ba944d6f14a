#!/usr/bin/env bash
# Creates a person, verifies the address, finds, locks and deletes the person: with grpcurl and no definitions.
set -euo pipefail

url=${ROSTER_URL:-http://localhost:8080}
# The way there is encrypted where the URL says so.
[[ $url == https://* ]] && plaintext=false || plaintext=true

# The first text of this name in an answer. jq does that better, where there is one.
field() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p' | head -n 1; }

# call METHOD REQUEST: prints the answer; fails, with the error in JSON, for whatever was refused. grpcurl takes the token from
# the environment: everybody sees the arguments of a program.
export TOKEN=${ROSTER_TOKEN:-}
call() {
  # shellcheck disable=SC2016
  grpcurl -plaintext="$plaintext" -format-error -expand-headers -H 'Authorization: Bearer ${TOKEN}' -d "$2" \
    "${url#*://}" "zitadel.user.v2.UserService/$1"
}

email="ada-$RANDOM$RANDOM@example.com"
# With returnCode the code comes back in the answer, for a mail of your own; with sendCode, Roster sends it.
created=$(call AddHumanUser '{
  "profile": {"givenName": "Ada", "familyName": "Lovelace"},
  "email": {"email": "'"$email"'", "returnCode": {}}
}')
user_id=$(field userId <<<"$created")
echo "created  $user_id"

call VerifyEmail '{"userId": "'"$user_id"'", "verificationCode": "'"$(field emailCode <<<"$created")"'"}' >/dev/null
echo "verified $email"

found=$(call ListUsers '{"queries": [{"emailQuery": {"emailAddress": "'"$email"'"}}]}')
echo "found    $(field preferredLoginName <<<"$found")"

# From now on the person's sessions and tokens are worth nothing.
call LockUser '{"userId": "'"$user_id"'"}' >/dev/null
echo "locked   $user_id"

call DeleteUser '{"userId": "'"$user_id"'"}' >/dev/null
echo "deleted  $user_id"

if refused=$(call GetUserByID '{"userId": "'"$user_id"'"}' 2>&1); then
  echo 'the user is still there' >&2
  exit 1
fi
# What went wrong, for programs: the reason in the ErrorInfo, one of docs/errors.md. Messages may change, reasons do not.
echo "refused  $(field reason <<<"$refused")"
