"""Pure: credentials recognised by their format, in a string or in a file that is not a manifest."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping

AWS_KEY = "an AWS access key"
"""Its ID: a name, which opens nothing without the secret key."""
TOKENS: Mapping[str, re.Pattern[str]] = {
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})"),
    "a GitLab token": re.compile(r"\bglpat-[\w-]{20,}"),
    AWS_KEY: re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-[\w-]{10,}"),
    "a Google API key": re.compile(r"\bAIza[\w-]{35}\b"),
    "a Stripe key": re.compile(r"\b[rs]k_live_\w{20,}"),
    "an npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a JSON Web Token": re.compile(r"\beyJ[\w-]{10,1000}\.eyJ[\w-]{10,9000}\.[\w-]{10,}"),
    "a password in a URL": re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@$({]{1,200}:[^\s/:@$({]{3,}@"),
}
_BEGINS = re.compile(r"gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox[abprs]-|AIza|[rs]k_live_|npm_|eyJ|://")
"""How every token begins: most strings have none of them."""
KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
_URL = "a password in a URL"
_MARKS = (
    *(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"AKIA", b"ASIA", b"xox"),
    *(b"AIza", b"k_live_", b"npm_", b"eyJ", b"PRIVATE KEY"),
)
"""What each of them contains: searched first, as most files have none."""
_IS_ID = re.compile(rb"id[\"']?\s*[:=]\s*[\"']?$", re.IGNORECASE)
_AWS_SECRET = re.compile(
    rb"(?<![A-Za-z0-9/+=])(?=[^\s\"']*[a-z])(?=[^\s\"']*[A-Z])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)
_WHOLE_KEY = re.compile(KEY.pattern.encode() + rb"(?:\s|\\n)+[A-Za-z0-9+/]{40}")
_ANY = re.compile(
    b"|".join(b"(%s)" % pattern.pattern.encode() for name, pattern in TOKENS.items() if name != _URL)
)


_DUMMY = re.compile(
    r"[\W_]*(?:re-?place(?:[-_ ]?(?:me|this|it|with)(?![a-z]).*)?"
    r"|change[-_ ]?(?:me|this|it)(?![a-z]).*|changeit"
    r"|to[-_ ]?be[-_ ]\w+.*|(?:your|my)[-_ ].*|<.*>|\$\{.*\}|\{\{.*\}\}|\[.*\]|(?:todo|tbd|fixme)(?![a-z]).*"
    r"|(?:[a-z]+[-_])*x{3,}|placeholder.*|dummy.*|fake.*|mock(?:ed)?(?:[-_ ].*)?"
    r"|(?:an?[-_ ])?(?:example|sample)(?![a-z]).*|insert(?![a-z]).*"
    r"|generate(?![a-z]).*|fill[-_ ].*|put[-_ ].*|enter[-_ ].*|redacted|masked|hidden"
    r"|secret[-_ ]?here|secret[-_ ]value"
    r"|[a-z]+(?:[-_ ][a-z]+)*[-_ ]here|output[-_ ]of[-_ ].*"
    r"|.*[-_ ]goes[-_ ]here|unused|ignored?|(?:.*[-_])?(?:throw-?away|disposable)(?:[-_].*)?"
    r"|not?[-_ ]?(?:used|set|needed|required|key|secret|auth|password|token|applicable|real)(?![a-z]).*"
    r"|none|null|nil"
    r"|n/?a|empty|any[-_ ]?(?:value|thing|key)|local(?:ai)?|v?llm|llama[-_.]?cpp|ollama|lm-studio"
    r"|sk-(?:no-?(?:key|auth)|required|x+|0+|1234|dummy|fake|test|placeholder)(?![a-z]).*"
    r"|super-?secret(?:-?(?:pass(?:word)?|key|token|value))?|not-a-secure-\w+|foo(?:bar)?|bar|baz)?[\W_]*",
    re.IGNORECASE | re.DOTALL,
)
"""Placeholders for a secret, or for one that a program requires but does not use."""


def is_dummy(value: str) -> bool:
    """Whether a string is a placeholder or a dummy from documentation, not a secret."""
    text = value.strip()
    if re.fullmatch(r"(.)\1*|_+[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_+", text):
        return True  # one letter, or what sed replaces: _DB_PASSWORD_
    return _DUMMY.fullmatch(text) is not None or _is_mashed(text)


def _is_mashed(text: str) -> bool:
    """Whether someone only hit some keys: a row, few different letters, or hardly a vowel among many."""
    if (len(text) >= 4 and text.lower() in "abcdefghijklmnopqrstuvwxyz") or text in "0123456789":
        return True
    if len(text) < 8 or not re.fullmatch(r"[a-z]+", text):
        return False
    return len(set(text)) <= len(text) // 3 or sum(one in "aeiouy" for one in text) <= len(text) // 10


BY_SOPS = re.compile(r"ENC\[[^\]\[]*\]")
"""A value that SOPS has encrypted."""


def is_sealed(value: str) -> bool:
    """Whether a string is what SOPS makes, or kubeseal: the length of a key, that key, and the rest."""
    text = value.strip()
    if BY_SOPS.fullmatch(text):
        return True
    if len(text) < 340 or not text.startswith("A"):
        return False
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    size = int.from_bytes(content[:2], "big")
    return size in (256, 384, 512) and len(content) > 2 + size


def token(value: str) -> str:
    """The kind of token in a string, by its format; "" for none, and for an example of one."""
    if not _BEGINS.search(value):
        return ""
    for kind, pattern in TOKENS.items():
        if kind == _URL and "://" not in value:
            continue  # in a long text without one, that pattern tries every letter
        for match in pattern.finditer(value):
            start = value.rfind("\n", 0, match.start()) + 1
            explains = kind == _URL and value[start : match.start()].lstrip().startswith("#")
            if not explains and not _is_example(kind, match[0]):
                return kind
    return ""


def _is_example(kind: str, text: str) -> bool:
    """Whether something in a token's format is only an example."""
    if kind == _URL:
        password = text.rpartition("@")[0].rpartition(":")[2]
        return is_dummy(password) or password.lower() in ("password", "pass", "passwd", "pw")
    return "EXAMPLE" in text.upper() or re.search(r"(\w)\1{7}", text) is not None


def in_file(content: bytes) -> Iterator[tuple[int, str]]:
    """(line, kind) of every token and private key in a file.

    Without comments, examples (`EXAMPLE`, one repeated letter), passwords in URLs, which charts' values
    contain as examples, and the IDs of AWS keys whose secret is not in the file.
    """
    if not any(mark in content for mark in _MARKS):
        return
    opens = _AWS_SECRET.search(content) is not None
    for pattern in (_ANY, _WHOLE_KEY):
        for match in pattern.finditer(content):
            start = content.rfind(b"\n", 0, match.start()) + 1
            before, text = content[start : match.start()], match[0]
            if b"#" in before or b"EXAMPLE" in text.upper() or re.search(rb"(\w)\1{7}", text):
                continue
            kind = "a private key" if pattern is _WHOLE_KEY else token(text.decode("utf-8", "replace"))
            if kind == AWS_KEY and not opens and _IS_ID.search(before):
                continue
            yield content.count(b"\n", 0, match.start()) + 1, kind
