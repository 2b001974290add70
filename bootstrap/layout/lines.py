"""Pure: a file that both sides changed, hunk by hunk; line endings and formatting do not count as changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from bootstrap.core.errors import InputError
from bootstrap.manifests.reader import documents

MergeText = Callable[[bytes, bytes, bytes], tuple[bytes, bool]]
"""base, ours, theirs → the merged text, and whether it has no conflict."""

LONG = 5_000
"""Lines above which a file is merged as a whole or not at all: Argo CD's manifest takes seconds."""


class ByHunk(NamedTuple):
    """`content` is ours with every change of theirs that applies; `base` is the base of the remaining ones.

    Merging (`base`, `content`, theirs) again finds the same conflicts and nothing else. `text` shows them
    between markers; None: nothing is in conflict.
    """

    content: bytes
    base: bytes
    text: bytes | None


def alike(one: bytes, other: bytes, path: str) -> bool:
    """Whether two texts differ only in line endings, trailing whitespace or YAML formatting."""
    if one == other:
        return True
    if b"\0" in one or b"\0" in other:
        return False
    if _bare(one) == _bare(other):
        return True
    if not path.endswith((".yaml", ".yml")) or max(one.count(b"\n"), other.count(b"\n")) > LONG:
        return False
    if _comments(one) != _comments(other):
        return False
    try:
        return repr(documents(one, path)) == repr(documents(other, path))
    except InputError:
        return False


def with_ends_of(example: bytes, text: bytes) -> bytes:
    """The text with CRLF if every line of `example` has it."""
    return unix(text).replace(b"\n", b"\r\n") if _is_windows(example) else text


def unix(text: bytes) -> bytes:
    """The text with LF only."""
    return text.replace(b"\r\n", b"\n")


def by_hunk(base: bytes, ours: bytes, theirs: bytes, path: str, merge_text: MergeText) -> ByHunk:
    """Apply every change of theirs that does not touch one of ours; the others stay ours."""
    windows = _is_windows(ours)
    sides = (unix(base), unix(ours), unix(theirs)) if windows else (base, ours, theirs)
    found = _by_hunk(*sides, path=path, merge_text=merge_text)
    return found._replace(content=with_ends_of(ours, found.content))


def _by_hunk(base: bytes, ours: bytes, theirs: bytes, path: str, merge_text: MergeText) -> ByHunk:
    text, clean = merge_text(base, ours, theirs)
    if clean and readable(text, path, ours, theirs):
        return ByHunk(text, theirs, None)
    if b"\0" in ours or b"\0" in theirs or max(one.count(b"\n") for one in (base, theirs)) > LONG:
        return ByHunk(ours, base, text)
    before, after = base.splitlines(keepends=True), theirs.splitlines(keepends=True)
    hunks = [
        code
        for code in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if code[0] != "equal"
    ]

    def with_hunks(chosen: Sequence[tuple[str, int, int, int, int]]) -> bytes:
        lines: list[bytes] = []
        at = 0
        for _, start, end, first, last in chosen:
            lines += [*before[at:start], *after[first:last]]
            at = end
        return b"".join([*lines, *before[at:]])

    fitting = [hunk for hunk in hunks if merge_text(base, ours, with_hunks([hunk]))[1]]
    taken = with_hunks(fitting)
    content, together = merge_text(base, ours, taken)
    if not together or not fitting or not readable(content, path, ours, theirs):
        taken, content = base, ours
    if alike(taken, theirs, path):  # what is left of theirs is formatting alone: ours stays
        return ByHunk(content, theirs, None)
    return ByHunk(content, taken, text)


def sections(text: bytes | None) -> list[str]:
    """The parts of a merged text that are in conflict, with their markers."""
    found: list[str] = []
    within = False
    for line in (text or b"").decode("utf-8", "replace").splitlines():
        within = within or line.startswith("<<<<<<< ours")
        if within:
            found.append(line)
        within = within and not line.startswith(">>>>>>> theirs")
    return found


def readable(text: bytes, path: str, *sides: bytes) -> bool:
    """Whether a merged file is YAML where both sides were."""
    if not path.endswith((".yaml", ".yml")) or text.count(b"\n") > LONG:
        return True
    for side in sides:
        if not _parses(side, path):
            return True
    return _parses(text, path)


def _parses(text: bytes, path: str) -> bool:
    try:
        documents(text, path)
    except InputError:
        return False
    return True


def _bare(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.rstrip().split(b"\n")]


def _comments(text: bytes) -> list[bytes]:
    """The text after each `#`, in order; one inside a string counts, too, which is stricter."""
    return [line.partition(b"#")[2].strip() for line in text.split(b"\n") if b"#" in line]


def _is_windows(text: bytes) -> bool:
    return b"\r\n" in text and text.count(b"\n") == text.count(b"\r\n")
