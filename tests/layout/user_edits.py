"""What users do to a laid-out repository between two upgrades, as data: (kind, file, line, choice).

Every edit says what must survive it: `Done.own` has files of theirs, whole. Which lines are theirs is
worked out from the tree itself (`test_user_edits.py`), so that an edit cannot forget to claim one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bootstrap.core.errors import InputError
from bootstrap.layout import merge_entries
from bootstrap.manifests.reader import documents

Tree = dict[str, bytes]
KUSTOMIZATION = "clusters/default/kustomization.yaml"
OVERLAYS = "apps/voting-app/overlays"


@dataclass
class Done:
    """`places`: the catalog's path → the path here; `own`: files that only the user has.

    `units`: the catalog's component or app → the one here, for those that have another name.
    """

    places: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    own: Tree = field(default_factory=dict)
    on: dict[str, bool] = field(default_factory=dict)
    squashed: bool = False

    def place(self, path: str) -> str:
        return self.places.get(path, path)

    def in_unit(self, path: str) -> str:
        """Where a new file of the catalog belongs."""
        unit = unit_of(path)
        return self.units.get(unit, unit) + path[len(unit) :]


def unit_of(path: str) -> str:
    return "/".join(path.split("/")[:2])


@dataclass(frozen=True)
class Edit:
    """One edit: of the catalog's `path`, where it is here now, near line `at`; `salt` chooses a variant."""

    kind: str
    path: str
    at: int
    salt: int


def apply(tree: Tree, edits: list[Edit], done: Done, turn: int) -> None:
    """Carry out the edits in their order; one that does not fit the tree any more does nothing."""
    for number, one in enumerate(edits):
        mark = b"%d-%d-%d" % (turn, number, one.salt)
        if one.kind in WHOLE:
            WHOLE[one.kind](tree, one, done, mark)
        elif (place := done.place(one.path)) in tree and tree[place].strip():
            text = IN_A_FILE[one.kind](tree[place], one.at, one.salt, mark)
            if _reads(text, place) or not _reads(tree[place], place):
                tree[place] = text


def _reads(text: bytes, path: str) -> bool:
    try:
        documents(text, path)
    except InputError:
        return not path.endswith(".yaml")
    return True


def _lines(text: bytes) -> tuple[list[bytes], bytes]:
    return text.splitlines(keepends=True), b"\r\n" if b"\r\n" in text else b"\n"


def _change(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """Another value, or another comment, in a line that is there: the line the catalog may change, too."""
    lines, end = _lines(text)
    valued = [n for n, line in enumerate(lines) if re.match(rb"\s*(- )?[\w./-]+: +[^\s#|>&\[{]", line)]
    if not valued:
        return text
    place = valued[at % len(valued)]
    found = re.match(rb"(\s*(?:- )?[\w./-]+: +)(.*)", lines[place].rstrip())
    assert found is not None
    value = b"%s  # as ours %s" % (found[2], mark) if salt % 2 else b"ours-" + mark
    lines[place] = found[1] + value + end
    return b"".join(lines)


def _insert(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """A comment, or a key of one's own above a key, with its indentation."""
    lines, end = _lines(text)
    keys = [n for n, line in enumerate(lines) if re.match(rb"\s*[A-Za-z]\w*:", line)]
    place = keys[at % len(keys)] if keys else 0
    indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    lines.insert(place, indent + (b"# ours " if salt % 2 else b"ours%d: ours-" % salt) + mark + end)
    return b"".join(lines)


def _append(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    end = _lines(text)[1]
    whole = text if text.endswith(b"\n") else text + end
    return whole + b"# ours at the end %s" % mark + (end if salt % 2 else b"")


def _delete_lines(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    lines, _ = _lines(text)
    start = at % len(lines)
    del lines[start : start + 1 + salt % 3]
    return b"".join(lines)


def _quote(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """Quotes around plain strings, as some formatters put them."""
    return re.sub(rb"(?m)^(\s*(?:- )?[\w./-]+: )([A-Za-z][\w./-]*)(\s*(?:#.*)?)$", rb'\1"\2"\3', text)


def _unquote(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    return re.sub(rb'(?m)^(\s*(?:- )?[\w./-]+: )"([A-Za-z][\w./ -]*)"', rb"\1'\2'", text)


def _flat_lists(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """Lists at the indentation of their key instead of two more, where the meaning stays."""
    lines, _ = _lines(text)
    result: list[bytes] = []
    cut: list[int] = []
    before = 0
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip():
            while cut and depth < cut[-1]:
                cut.pop()
            if line.lstrip().startswith(b"- ") and depth == before + 2 and result and b":" in result[-1]:
                cut.append(depth)
            before = depth
        result.append(line[2 * len(cut) :] if line.strip() else line)
    flat = b"".join(result)
    return flat if _same(flat, text) else text


def _wide(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """Four blanks a level."""
    wide = re.sub(rb"(?m)^( +)(?=\S)", lambda found: found[1] * 2, text)
    return wide if _same(wide, text) else text


def _prettier(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """One blank before a comment, no trailing blanks, `{ a: b }`, one empty line at most."""
    text = re.sub(rb"(?m)(\S) +# ", rb"\1 # ", text)
    text = re.sub(rb"\{(?=\w)([^{}\n]*)(?<=\S)\}", rb"{ \1 }", text)
    return re.sub(rb"\n{3,}", b"\n\n", text)


def _same(one: bytes, other: bytes) -> bool:
    try:
        return documents(one, "one") == documents(other, "other")
    except InputError:
        return False


def _move_comment(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """A comment beside a value goes above it, or one of its own line goes elsewhere."""
    lines, end = _lines(text)
    found = [n for n, line in enumerate(lines) if re.match(rb"\s*[^#\s].*\S\s+# ", line)]
    if not found:
        return text
    place = found[at % len(found)]
    value, _, comment = lines[place].rstrip().partition(b" # ")
    indent = value[: len(value) - len(value.lstrip())]
    lines[place : place + 1] = [indent + b"# " + comment + end, value.rstrip() + end]
    return b"".join(lines)


def _reorder_keys(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """Two neighbouring keys of the top level, with what is below them, change places."""
    blocks = re.split(rb"(?m)^(?=[A-Za-z]\w*:)", text)
    if len(blocks) < 3 or b"\n---" in text:
        return text
    one = 1 + at % (len(blocks) - 2)
    ended = [part if part.endswith(b"\n") else part + b"\n" for part in blocks[one : one + 2]]
    return b"".join([*blocks[:one], ended[1], ended[0], *blocks[one + 2 :]])


def _crlf(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    plain = text.replace(b"\r\n", b"\n")
    if salt % 3 == 2:  # an editor that ends only the lines it writes so
        lines = plain.splitlines(keepends=True)
        place = at % len(lines)
        return b"".join([*lines[:place], lines[place].replace(b"\n", b"\r\n"), *lines[place + 1 :]])
    return plain.replace(b"\n", b"\r\n")


def _bom(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    return text if text.startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf" + text


def _no_end(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    return text.rstrip()


def _images(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """An entry of `images:`: bumped, with a digest, removed, added, or the list sorted another way."""
    head, found, rest = text.partition(b"\nimages:\n")
    if not found:
        return text
    entries = re.split(rb"(?m)^(?=  - )", rest)
    tail = re.search(rb"(?m)^\S", entries[-1])
    after = entries[-1][tail.start() :] if tail else b""
    if tail:
        entries[-1] = entries[-1][: tail.start()]
    place = at % len(entries)
    if salt % 5 == 0:
        entries[place] = re.sub(rb"newTag: .*", b"newTag: ours-" + mark, entries[place])
    elif salt % 5 == 1 and len(entries) > 1:
        del entries[place]
    elif salt % 5 == 2:
        entries.insert(place, b"  - name: ours-%s\n    newTag: v1\n" % mark)
    elif salt % 5 == 3:
        entries.reverse()
    else:
        entries[place] = entries[place].rstrip() + b"\n    newName: registry.example.org/ours-%s\n" % mark
    return head + found + b"".join(entries) + after


def _chart(text: bytes, at: int, salt: int, mark: bytes) -> bytes:
    """The chart's version, bumped by hand."""
    return re.sub(rb"(?m)(targetRevision: v?)(\d+)\.\d+\.\d+", rb"\g<1>\g<2>.%d.0" % (900 + salt), text)


def _delete(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    tree.pop(done.place(one.path), None)


def _delete_folder(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    folder = "/".join(done.place(one.path).split("/")[:2])
    if not folder.startswith("clusters/"):
        for path in [path for path in tree if path.startswith(f"{folder}/") and path not in done.own]:
            del tree[path]


def _add_again(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    """A file of the catalog that was deleted is written anew."""
    if done.place(one.path) not in tree:
        tree[done.place(one.path)] = b"# ours again %s\nours: true\n" % mark


def _rename(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    folder, name = posixpath.split(done.place(one.path))
    _move(tree, done, {done.place(one.path): f"{folder}/moved{one.salt}/{name}"})


def _rename_folder(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    """A component or an app under another name."""
    folder = unit_of(done.place(one.path))
    new = f"{folder}-{one.salt}"
    if folder.startswith("clusters/"):
        return
    _move_folder(tree, done, folder, new)
    if not any(path.startswith(f"{folder}/") for path in tree):
        done.units[unit_of(one.path)] = new


def _rename_overlay(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    name = ("dev", "staging", "production")[one.salt % 3]
    folder = posixpath.dirname(done.place(f"{OVERLAYS}/{name}/kustomization.yaml"))
    _move_folder(tree, done, folder, f"{folder}{one.salt}")


def _move_folder(tree: Tree, done: Done, old: str, new: str) -> None:
    _move(tree, done, {path: new + path[len(old) :] for path in tree if path.startswith(f"{old}/")})


def _move(tree: Tree, done: Done, places: dict[str, str]) -> None:
    if any(new in tree for new in places.values()):
        return
    origin = {done.place(path): path for path in done.places}
    for old, new in places.items():
        if old in tree:
            tree[new] = tree.pop(old)
            if old in done.own:
                done.own[new] = done.own.pop(old)
            else:
                done.places[origin.get(old, old)] = new


def _copy(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    """A file twice: in its folder under another name, or in a folder beside it."""
    place = done.place(one.path)
    folder, name = posixpath.split(place)
    new = f"{folder}/copy{one.salt}-{name}" if one.salt % 2 else f"{folder}-copy{one.salt}/{name}"
    if place in tree and new not in tree:
        tree[new] = done.own[new] = tree[place]


def _own(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    """A file of one's own: in a component of the catalog's, in one's own, or under a later name."""
    folder = "/".join(one.path.split("/")[:2])
    places = (f"{folder}/ours.yaml", "infrastructure/ours/values.yaml", "infrastructure/later/values.yaml")
    path = (*places, "apps/ours/base/kustomization.yaml")[one.salt % 4]
    if path not in tree:
        tree[path] = done.own[path] = b"# ours %s\n" % mark


def _switch(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    lines = tree[KUSTOMIZATION].splitlines(keepends=True)
    found = [n for n, line in enumerate(lines) if merge_entries.key_of(line.decode())]
    if not found:
        return
    place = found[one.at % len(found)]
    text = lines[place].decode()
    off = text.lstrip().startswith("#")
    lines[place] = (text.replace("# -", "-", 1) if off else text.replace("-", "# -", 1)).encode()
    key = merge_entries.key_of(text)
    assert key is not None
    done.on[key] = off
    tree[KUSTOMIZATION] = b"".join(lines)


def _own_line(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    """A component of one's own in the cluster's kustomization, with quotes or in front of all."""
    line = (b'  - "../../infrastructure/ours-%s"\n', b"  - ../../infrastructure/ours-%s\n")[
        one.salt % 2
    ] % mark
    text = tree[KUSTOMIZATION]
    at = text.find(b"  - ") if one.at % 2 else len(text)
    at = text.index(b"\n", text.rindex(b"  - ../../")) + 1 if at == len(text) else at
    tree[KUSTOMIZATION] = text[:at] + line + text[at:]


def _squash(tree: Tree, one: Edit, done: Done, mark: bytes) -> None:
    done.squashed = True


IN_A_FILE: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    "change": _change,
    "insert": _insert,
    "append": _append,
    "delete-lines": _delete_lines,
    "quote": _quote,
    "unquote": _unquote,
    "flat-lists": _flat_lists,
    "wide": _wide,
    "prettier": _prettier,
    "move-comment": _move_comment,
    "reorder-keys": _reorder_keys,
    "crlf": _crlf,
    "bom": _bom,
    "no-end": _no_end,
    "images": _images,
    "chart": _chart,
}
WHOLE: dict[str, Callable[[Tree, Edit, Done, bytes], None]] = {
    "delete": _delete,
    "delete-folder": _delete_folder,
    "add-again": _add_again,
    "rename": _rename,
    "rename-folder": _rename_folder,
    "rename-overlay": _rename_overlay,
    "copy": _copy,
    "own": _own,
    "switch": _switch,
    "own-line": _own_line,
    "squash": _squash,
}
KINDS = (*IN_A_FILE, *WHOLE)
