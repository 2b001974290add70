"""Pure: the functions of ApplicationSets' Go templates: Go's own, Sprig's for text, and Argo CD's.

What is not known from Git (random, time, keys, the network) raises Unknown.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import posixpath
import re
import urllib.parse
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.core import numbers
from bootstrap.repository.appsets.gotemplate_run import MISSING, MOST_TEXT, Unknown, is_true, printed
from bootstrap.repository.appsets.sprig_data import DATA, go_quoted, sprint, sprintf
from bootstrap.repository.appsets.sprig_numbers import strval, text, whole
from bootstrap.repository.appsets.sprig_values import VALUES

_NAME_LENGTH = 253
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")
_NOT_FROM_GIT = """
duration ago bcrypt
buildCustomCert date dateInZone dateModify date_in_zone date_modify decryptAES derivePassword
durationRound encryptAES genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey
genSignedCert genSignedCertWithKey htmlDate htmlDateInZone htpasswd mustDateModify mustToDate must_date_modify
now randAlpha randAlphaNum randAscii randBytes randInt randNumeric shuffle toDate unixEpoch uuidv4
semver semverCompare plural wrap wrapWith urlParse urlJoin osBase osDir osExt osClean osIsAbs
"""
"""Functions of Sprig whose result depends on more than their arguments, or that are not implemented here."""


def normalised(name: str) -> str:
    """A text made into a name, as Argo CD does it."""
    return re.sub(r"[^-a-z0-9.]", "-", name.lower())[:_NAME_LENGTH].strip("-.")


_TRIES = 10**9
"""The most backtracking steps: Go's engine does not backtrack, Python's does."""


def _regex(pattern: Any, subject: Any) -> re.Pattern[str]:
    source = text(pattern)
    repeats = len(re.findall(r"[*+{]", source))
    if re.search(r"\)[*+{]", source) or max(len(text(subject)), 2) ** repeats > _TRIES:
        raise Unknown(f"the regular expression {source[:80]!r}, which could take too long")
    try:
        return re.compile(re.sub(r"\\z", r"\\Z", re.sub(r"\(\?<(?![=!])", "(?P<", source)), re.ASCII)
    except re.error as error:
        raise Unknown(f"the regular expression {source!r}") from error


def _replacement(value: Any) -> Callable[[re.Match[str]], str]:
    """`$1`, `${1}` and `${name}` as Go reads them in a replacement."""
    source = text(value)

    def fill(match: re.Match[str]) -> str:
        def group(one: re.Match[str]) -> str:
            name = one[1] or one[2]
            if one[0] == "$$":
                return "$"
            try:
                return match[name if (number := numbers.whole(name)) is None else number] or ""
            except IndexError:
                return ""

        return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", group, source)

    return fill


def _repeated(value: str, count: int) -> str:
    if len(value) * count > MOST_TEXT:
        raise Unknown("repeat with more characters than are evaluated")
    return value * count


def _find_all(pattern: Any, value: Any, count: Any) -> list[str]:
    found = [match[0] for match in _regex(pattern, value).finditer(text(value))]
    return found if whole(count) < 0 else found[: whole(count)]


def _regex_split(pattern: Any, value: Any, count: Any) -> list[str]:
    limit = whole(count)
    if limit == 0:
        return []
    parts: list[str] = []
    position = 0
    subject = text(value)
    for match in _regex(pattern, subject).finditer(subject):
        if 0 < limit <= len(parts) + 1:
            break
        if match.end() == match.start() == 0:
            continue
        parts.append(subject[position : match.start()])
        position = match.end()
    return [*parts, subject[position:]]


def _quote(*values: Any) -> str:
    given = [value for value in values if value is not None and value is not MISSING]
    return " ".join(go_quoted(strval(value)) for value in given)


def _indent(spaces: Any, value: Any) -> str:
    if whole(spaces) * (text(value).count("\n") + 1) > MOST_TEXT:
        raise Unknown("indent with more characters than are evaluated")
    pad = " " * whole(spaces)
    return pad + text(value).replace("\n", f"\n{pad}")


def _substr(start: Any, end: Any, value: Any) -> str:
    first, last, subject = whole(start), whole(end), text(value)
    if first < 0:
        return subject[:last]
    return subject[first:] if last < 0 or last > len(subject) else subject[first:last]


def _trunc(length: Any, value: Any) -> str:
    count, subject = whole(length), text(value)
    if count < 0:
        return subject[count:] if len(subject) + count > 0 else subject
    return subject[:count]


def _abbrev(width: Any, value: Any) -> str:
    count, subject = whole(width), text(value)
    return subject if count < 4 or len(subject) <= count else subject[: count - 3] + "..."


def _camel(value: Any) -> str:
    """Like xstrings: separators are removed, and the letter after one is a capital."""
    subject = text(value)
    parts = [part for part in re.split(r"[_\-\s]+", subject) if part]
    return "".join(part[:1].upper() + part[1:] for part in parts)


def _snake(value: Any, joint: str = "_") -> str:
    return joint.join(word.lower() for word in _WORDS.findall(text(value)))


def _title(value: Any) -> str:
    return re.sub(r"(^|[^\w'])(\w)", lambda match: match[1] + match[2].upper(), text(value))


def _trim_set(cut: Any, value: Any) -> str:
    return text(value).strip(text(cut))


def _split_list(separator: Any, value: Any) -> list[str]:
    subject, mark = text(value), text(separator)
    return subject.split(mark) if mark else list(subject)


def _numbered(parts: list[str]) -> dict[str, Any]:
    return {f"_{number}": part for number, part in enumerate(parts)}


def _join(separator: Any, values: Any) -> str:
    items = (
        [strval(one) for one in values if one is not None] if isinstance(values, list) else [strval(values)]
    )
    return text(separator).join(items)


def _base64(value: Any) -> str:
    try:
        return base64.b64decode(text(value), validate=True).decode("utf-8", "replace")
    except ValueError as error:
        return str(error)


def _slugify(*values: Any) -> str:
    if len(values) != 1:
        raise Unknown("slugify with limits")
    return re.sub(r"[^a-z0-9]+", "-", text(values[0]).lower()).strip("-")[:50].strip("-")


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise Unknown(name)

    return refuse


def _digest(name: str) -> Callable[[Any], str]:
    return lambda value: hashlib.new(name, text(value).encode(), usedforsecurity=False).hexdigest()


def _each(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A function of one string: Go rejects anything else."""
    return lambda value: function(text(value))


_TEXT: Mapping[str, Callable[..., Any]] = {
    "abbrev": _abbrev,
    "adler32sum": _each(lambda value: str(zlib.adler32(value.encode()))),
    "b32enc": _each(lambda value: base64.b32encode(value.encode()).decode()),
    "b64dec": _base64,
    "b64enc": _each(lambda value: base64.b64encode(value.encode()).decode()),
    "base": _each(lambda value: posixpath.basename(value.rstrip("/")) or ("/" if "/" in value else ".")),
    "camelcase": _camel,
    "cat": lambda *values: " ".join(printed(one) for one in values if one is not None and one is not MISSING),
    "clean": _each(posixpath.normpath),
    "contains": lambda part, value: text(part) in text(value),
    "dir": _each(lambda value: posixpath.normpath(posixpath.dirname(value) or ".")),
    "ext": _each(lambda value: re.sub(r"^.*?(\.[^./]*)?$", r"\1", posixpath.basename(value)) or ""),
    "hasPrefix": lambda part, value: text(value).startswith(text(part)),
    "hasSuffix": lambda part, value: text(value).endswith(text(part)),
    "html": lambda value: html.escape(strval(value)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "indent": _indent,
    "initials": _each(lambda value: "".join(word[0] for word in value.split())),
    "isAbs": _each(lambda value: value.startswith("/")),
    "join": _join,
    "js": _each(lambda value: json.dumps(value)[1:-1]),
    "kebabcase": lambda value: _snake(value, "-"),
    "lower": _each(str.lower),
    "nindent": lambda spaces, value: "\n" + _indent(spaces, value),
    "normalize": _each(normalised),
    "nospace": _each(lambda value: re.sub(r"\s", "", value)),
    "print": lambda *values: sprint(values),
    "printf": sprintf,
    "println": lambda *values: " ".join(map(printed, values)) + "\n",
    "quote": _quote,
    "regexFind": lambda pattern, value: (_find_all(pattern, value, 1) or [""])[0],
    "regexFindAll": _find_all,
    "regexMatch": lambda pattern, value: _regex(pattern, value).search(text(value)) is not None,
    "regexQuoteMeta": _each(re.escape),
    "regexReplaceAll": lambda pattern, value, new: _regex(pattern, value).sub(_replacement(new), text(value)),
    "regexReplaceAllLiteral": lambda pattern, value, new: _regex(pattern, value).sub(
        lambda _: text(new), text(value)
    ),
    "regexSplit": _regex_split,
    "repeat": lambda count, value: _repeated(text(value), whole(count)),
    "replace": lambda old, new, value: text(value).replace(text(old), text(new)),
    "sha1sum": _digest("sha1"),
    "sha256sum": _digest("sha256"),
    "sha512sum": _digest("sha512"),
    "slugify": _slugify,
    "snakecase": _snake,
    "split": lambda separator, value: _numbered(_split_list(separator, value)),
    "splitList": _split_list,
    "splitn": lambda separator, count, value: _numbered(text(value).split(text(separator), whole(count) - 1)),
    "squote": lambda *values: " ".join(f"'{printed(one)}'" for one in values if one is not None),
    "substr": _substr,
    "swapcase": _each(str.swapcase),
    "title": _title,
    "toString": strval,
    "trim": _each(str.strip),
    "trimAll": _trim_set,
    "trimPrefix": lambda part, value: text(value).removeprefix(text(part)),
    "trimSuffix": lambda part, value: text(value).removesuffix(text(part)),
    "trimall": _trim_set,
    "trunc": _trunc,
    "untitle": _each(lambda value: re.sub(r"(^|\s)(\w)", lambda m: m[1] + m[2].lower(), value)),
    "upper": _each(str.upper),
    "urlquery": lambda value: urllib.parse.quote_plus(strval(value)),
}


@functools.cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """Every function by name; `must…` are the same as those without it."""
    found: dict[str, Callable[..., Any]] = {name: _refusing(name) for name in _NOT_FROM_GIT.split()}
    found |= {**VALUES, **_TEXT, **DATA}
    found["not"] = lambda value: not is_true(value)
    for name in [*found]:
        found.setdefault(f"must{name[0].upper()}{name[1:]}", found[name])
    return found
