"""Creates a person, verifies the address, finds, locks and deletes the person: with Zitadel's SDK for Python, as it is."""

import os
import sys
from secrets import token_hex

from zitadel_client import ApiError, Zitadel, ZitadelError
from zitadel_client.models import (
    UserServiceAddHumanUserRequest,
    UserServiceDeleteUserRequest,
    UserServiceEmailQuery,
    UserServiceGetUserByIDRequest,
    UserServiceListUsersRequest,
    UserServiceLockUserRequest,
    UserServiceSearchQuery,
    UserServiceSetHumanEmail,
    UserServiceSetHumanProfile,
    UserServiceVerifyEmailRequest,
)


def sign_in() -> Zitadel:
    """By a key, by a secret, or by a token: whatever is given, in this order."""
    env = os.environ
    url = env.get("ROSTER_URL", "http://localhost:8080")
    if key_file := env.get("ROSTER_KEY_FILE"):
        return Zitadel.with_private_key(url, key_file)
    if secret := env.get("ROSTER_CLIENT_SECRET"):
        return Zitadel.with_client_credentials(url, env.get("ROSTER_CLIENT_ID", ""), secret)
    return Zitadel.with_access_token(url, env.get("ROSTER_TOKEN", ""))


def reason_of(error: ApiError) -> str:
    """What went wrong, for programs: the reason in the ErrorInfo, one of docs/errors.md. Messages may change, reasons do not."""
    body = error.response_body
    details = body.get("details", []) if isinstance(body, dict) else []
    infos = [detail["debug"] for detail in details if detail["type"] == "google.rpc.ErrorInfo"]
    return infos[0]["reason"] if infos else f"HTTP {error.code}"


def main() -> None:
    users = sign_in().users

    email = f"ada-{token_hex(4)}@example.com"
    created = users.add_human_user(
        UserServiceAddHumanUserRequest(
            profile=UserServiceSetHumanProfile(givenName="Ada", familyName="Lovelace"),
            # The code comes back in the answer, for a mail of your own; with sendCode, Roster sends it.
            email=UserServiceSetHumanEmail(email=email, returnCode={}),
        )
    )
    user_id = created.user_id
    print("created ", user_id)

    users.verify_email(UserServiceVerifyEmailRequest(userId=user_id, verificationCode=created.email_code))
    print("verified", email)

    query = UserServiceSearchQuery(emailQuery=UserServiceEmailQuery(emailAddress=email))
    [found] = users.list_users(UserServiceListUsersRequest(queries=[query])).result
    print("found   ", found.preferred_login_name)

    # From now on the person's sessions and tokens are worth nothing.
    users.lock_user(UserServiceLockUserRequest(userId=user_id))
    print("locked  ", user_id)

    users.delete_user(UserServiceDeleteUserRequest(userId=user_id))
    print("deleted ", user_id)

    try:
        users.get_user_by_id(UserServiceGetUserByIDRequest(userId=user_id))
    except ApiError as error:
        print("refused ", reason_of(error))
    else:
        sys.exit("the user is still there")


try:
    main()
except ApiError as error:
    body = error.response_body
    sys.exit(body["message"] if isinstance(body, dict) else str(error))
except ZitadelError as error:
    sys.exit(str(error))
