"""Pure: which lines of an SSH known_hosts file are about a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from fnmatch import fnmatchcase

SSH_PORT = 22


def lines_for(text: str, host: str, port: int = SSH_PORT) -> list[str]:
    """The lines that name the host, including hashed names, in their order; not those of revoked keys."""
    name = host if port == SSH_PORT else f"[{host}]:{port}"
    found = []
    for line in text.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#") or fields[0] == "@revoked":
            continue
        if fields[0].startswith("@"):
            fields = fields[1:]
        if len(fields) >= 3 and _names(fields[0], name.lower()):
            found.append(line.strip())
    return found


def merged(*texts: str) -> str:
    """Several files as one: every line once, with the comments of the first only."""
    lines: dict[str, None] = {}
    for number, text in enumerate(texts):
        for line in text.splitlines():
            if line.strip() and (number == 0 or not line.startswith("#")):
                lines[line.rstrip()] = None
    return "".join(f"{line}\n" for line in lines)


def _names(patterns: str, name: str) -> bool:
    """Whether a line's first field is about `name`; a negated pattern that matches wins."""
    if patterns.startswith("|1|"):
        return _is_hash_of(patterns, name)
    fits = False
    for pattern in patterns.lower().split(","):
        negated = pattern.startswith("!")
        # [ and ] are literal here: they surround a host that has a port.
        plain = pattern.lstrip("!").replace("[", "[[]")
        if fnmatchcase(name, plain):
            if negated:
                return False
            fits = True
    return fits


def _is_hash_of(field: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:4])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
