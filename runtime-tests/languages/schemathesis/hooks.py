"""What a document cannot say of the users, for Schemathesis: who calls, and which users there are.

Nothing here drops a failure. It only draws requests that can succeed where a document's words alone would make them
fail: a user that is there, an address of the world's, an identity that is whole.
"""

import itertools
import os

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

BASE = os.environ["USERS_BASE"]
# How the requests say who sends them: by the fields that the gate sets, or to the gate by a token.
TOKEN = os.environ.get("USERS_TOKEN")
ISSUER = os.environ.get("USERS_ISSUER", "https://login.example")
SUBJECT = "admin"
numbers = itertools.count()
session = requests.Session()

# Addresses as people have them (RFC 6531): `hypothesis` draws those of ASCII alone.
atoms = st.text("abcxyzABC019!#$%&'*+-/=?^_`{|}~äßéжλ字", min_size=1, max_size=12)
labels = st.sampled_from(["example", "EXAMPLE", "bücher", "παράδειγμα", "例え", "xn--bcher-kva", "a-1"])
schemathesis.openapi.format(
    "idn-email",
    st.one_of(
        st.emails(),
        st.builds(
            lambda local, domain: ".".join(local) + "@" + ".".join(domain),
            st.lists(atoms, min_size=1, max_size=2),
            st.lists(labels, min_size=1, max_size=3),
        ),
    ),
)


def caller(subject):
    """Who sends a request. With a gate in front it is the token that says so."""
    if TOKEN:
        return {}
    return {
        "X-Auth-Issuer": ISSUER,
        "X-Auth-Subject": subject,
        "X-Auth-Scope": "read:users write:users",
    }


def new_user(identity=None):
    body = {"name": "Ada", "email": f"ada-{next(numbers)}@made.example"}
    if identity:
        body["identity"] = identity
    headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else caller("maker")
    answer = session.post(f"{BASE}/api/v1/users", json=body, headers=headers, timeout=10)
    # Somebody who is there already.
    if identity and answer.status_code == 409:
        return None
    answer.raise_for_status()
    return answer.json()["id"]


def is_right(case, place):
    """Whether this part of a request is drawn to be right."""
    part = case.meta.components.get(place)
    return part is None or part.mode.is_positive or case.meta.generation.mode.is_positive


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # Without the gate nobody asks for a token.
    if not TOKEN:
        for item in raw_schema["paths"].values():
            for operation in item.values():
                operation.pop("security", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    subject = f"caller-{next(numbers)}"
    headers = case.headers
    if path.endswith("/me"):
        new_user({"issuer": ISSUER, "subject": SUBJECT if TOKEN else subject})
    # One that is linked to is there already.
    is_linked = case.meta.phase.name == TestPhase.STATEFUL
    if "{uuid}" in path and is_right(case, ParameterLocation.PATH) and not is_linked:
        case.path_parameters["uuid"] = new_user()
    # Any text is a right one, and of a version that is not there, which is a 412.
    if "If-Match" in headers:
        headers["If-Match"] = "*"
    # Who wants nothing that is there changes nothing (412).
    if case.method != "GET":
        headers.pop("If-None-Match", None)
    # No field has control characters (RFC 9110 §5.5): a server refuses them before there is a request.
    for name, value in headers.items():
        headers[name] = "".join(c for c in str(value) if c >= " " and c != "\x7f")
    # Only the service makes cursors, and each belongs to one list: the suite `users` follows them.
    if is_right(case, ParameterLocation.QUERY):
        case.query.pop("cursor", None)
    # A user who has no identity is given a whole one.
    if case.method == "PATCH" and is_right(case, ParameterLocation.BODY):
        identity = case.body.get("identity") if isinstance(case.body, dict) else None
        if isinstance(identity, dict) and len(identity) < 2:
            del case.body["identity"]
    # A key is that of one caller, and the same one is drawn often: with another body it would be refused.
    if TOKEN and "Idempotency-Key" in headers and is_right(case, ParameterLocation.HEADER):
        headers["Idempotency-Key"] = subject
    headers.update(caller(subject))
