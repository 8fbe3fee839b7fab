"""Callers of two tenants, with one client and subject."""

import hashlib

TENANTS = ("north", "south")


CALLERS = "\n".join(
    f"- {{sha256: {hashlib.sha256(token.encode()).hexdigest()}, client: agent, subject: ann{more}}}"
    for token, more in {
        "north": ", tenant: north",
        "north-new": ", tenant: north",
        "south": ", tenant: south",
        "none": "",
    }.items()
)


OTHERS = ("south", "none")  # who must see nothing of north's


def bearer(who):
    return {"Authorization": f"Bearer {who}"}
