"""Pure: whether a Secret's value is secret: by its key, its form, or what a file in it assigns."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bootstrap.manifests.reader import parse
from bootstrap.repository.tokens import BY_SOPS, KEY, is_dummy, token
from bootstrap.resources.index import mapping, sequence

SENSITIVE = re.compile(r"(?:passw(?:or)?d|secret|token|api_?key|private_?key|credential)s?$", re.IGNORECASE)
NO_SECRET = re.compile(
    r"true|false|yes|no|on|off|\d{1,5}|(?:file:)?/[\w./-]*|https?://[^\s@?]*|[\w.-]+@[\w.-]+\.\w+|\$\([^()]+\)",
    re.IGNORECASE,
)
"""Values that reveal nothing by themselves: a switch, a port, an address, what a command answers."""
RANDOM = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_KEY_OF_SECRET = re.compile(
    r"passw|passphrase|pwd|psw|secret|token|credential|htpasswd|auth$|\.?docker(?:cfg|configjson)|kube-?config"
    r"|(?:api|access|private|encryption|signing|fernet|master|account|license|shared|ssh)[-_.]?key|(?:^|[-_.])key(?:s|store)?(?![a-z])"
    r"|key[-_]?data|dsn$|connection[-_.]?string|salt$|identity",
    re.IGNORECASE,
)
_NO_KEY_OF_SECRET = re.compile(
    r"(?:[-_.](?:size|cipher|hash|type|provider|id|name|file|path|url|uri|host|port|user|username|enabled|ttl|expiry|algorithm|method|source"
    r"|mode|length|bits|pub|crt|cert)|(?:Size|Type|Id|Name|File|Path|Url|Host|User|Ref|Method|Source))$|existing"
    r"|(?<!secret)(?<!secret[-_.])access[-_.]?key$",
    re.IGNORECASE,
)
"""Names that mention a secret but are about something else: an access key is a name, a secret one is not."""
_ASSIGNED = re.compile(
    r"^\s*(?:export\s+)?[\"']?([\w.-]+)[\"']?\s*[:=]\s*[\"']?([^\"'\n]*?)[\"']?,?\s*$", re.MULTILINE
)
_ASSIGNS = re.compile(
    r"(?:passw(?:or)?d|passphrase|token|(?:api|private|secret|access)[-_.]?key(?:[-_.]id)?|credential|key[-_]?data"
    r"|client[-_.]?secret)s?$|^auth$",
    re.IGNORECASE,
)
"""Names in a file of settings: there, `secret` mostly names a Secret."""
_NOTES = re.compile(r"(?:notes?|readme|description|comments?|help|usage)(?:\.(?:md|txt))?", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_WHOLE_KEY = re.compile(KEY.pattern + r"[\s#]+[A-Za-z0-9+/]{40}")
"""A key with its content, which counts even in a comment."""
_EMPTY_KEY = re.compile(KEY.pattern + r"[\s.]*-----END")
"""Where a key would be: its first and last line alone."""
_HASHED = re.compile(r"\$(?:apr1|2[abxy]|5|6|argon2\w*)\$")
_ELIDED_KEY = re.compile(KEY.pattern + r"[\sA-Za-z0-9+/=]{0,80}\.\.\.")
"""A key of which an example shows the beginning."""
_BELONGS = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")
_NAMED = re.compile(r"[a-z]+(?:[-_][a-z0-9]+)*[-_](token|secret|password|key)")


def holds_secret(key: str, text: str) -> bool:
    """Whether the value of a Secret's key is a secret, judged by the key and by the value."""
    text = BY_SOPS.sub("", text)
    said = _COMMENT.sub("", text) if is_file(text) else text  # comments may explain the format by an example
    if (
        (KEY.search(said) and not _EMPTY_KEY.search(said) and not _ELIDED_KEY.search(said))
        or token(said)
        or _HASHED.search(said)
        or _WHOLE_KEY.search(text)
    ):
        return True
    if is_file(text):
        if _NOTES.fullmatch(key):
            return False  # for people, with an example
        return any(_ASSIGNS.search(name) and _is_secret(name, value) for name, value in _settings(text))
    return _is_secret(key, text) or bool(RANDOM.fullmatch(text) and mixed(text) and entropy(text) > 4.5)


def is_file(text: str) -> bool:
    """Whether a value is a settings file rather than a single text."""
    return "\n" in text.strip() or text.strip().startswith(("{", "["))


def _is_secret(name: str, value: str) -> bool:
    if not _KEY_OF_SECRET.search(name) or _NO_KEY_OF_SECRET.search(name):
        return False
    words = value.split()
    of_token = re.search(r"token$", name, re.IGNORECASE) and len(words) > 3
    if of_token or (len(words) > 4 and all(map(str.isalpha, words))):
        return False  # a sentence about it
    if _BELONGS.fullmatch(value) and SENSITIVE.search(value):
        return False  # it says what belongs there: GITHUB_TOKEN
    if (match := _NAMED.fullmatch(value)) and match[1] in name.lower():
        return False  # it says what belongs there: staging-cluster-token
    return bool(value.strip()) and not is_dummy(value) and not NO_SECRET.fullmatch(value.strip())


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of all assignments in a file of YAML, JSON, or lines of name and value."""
    parsed = parse(text.encode())
    values = [one.value for one in parsed.documents if isinstance(one.value, dict | list)]
    if values and not parsed.faults:
        for value in values:
            yield from leaves(value)
    else:
        yield from ((match[1], match[2]) for match in _ASSIGNED.finditer(text))


def leaves(value: Any) -> Iterator[tuple[str, str]]:
    """(key, text) of every text below a value."""
    for key, item in mapping(value).items():
        if isinstance(item, str):
            yield str(key), item
        yield from leaves(item)
    for item in sequence(value):
        yield from leaves(item)


def mixed(text: str) -> bool:
    """Upper case, lower case and digits that often alternate: names, paths, checksums and versions do not."""
    kinds = ["a" if one.islower() else "A" if one.isupper() else "0" for one in text if one.isalnum()]
    return len(set(kinds)) == 3 and sum(a != b for a, b in pairwise(kinds)) > len(kinds) // 3


def entropy(text: str) -> float:
    """Bits per character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0
