"""Whatever a file looks like, an edit changes what was meant and nothing else, to every reader of YAML."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bootstrap.yamledit.edit import add_item, replace_scalar, set_keys
from bootstrap.yamledit.quoting import reads_as_text, written
from tests.properties import QUICKLY

VALUES = (
    st.text(max_size=12)
    | st.text("0123456789eE+-._:xob", max_size=10)
    | st.sampled_from(
        ["1.10", "1e3", "0123", "on", "6801028", "12e4567", "~", "2024-01-15", "a: b", "a #b", ""]
    )
).filter(lambda text: "\ufeff" not in text and text.isprintable())
NAMES = st.text("abcdefgh", min_size=1, max_size=5)


def load(text: bytes) -> list[Any]:
    """The documents as ruamel.yaml reads them (YAML 1.2)."""
    return list(YAML(typ="safe", pure=True).load_all(text.decode("utf-8-sig")))


@QUICKLY
@given(VALUES, st.sampled_from([None, "'", '"']), st.booleans())
def test_a_written_scalar_is_that_string_to_every_reader(value, style, flow):
    text = written(value, style, flow)
    document = f"k: [{text}]\n" if flow else f"k: {text}\n"
    for version in ("1.1", "1.2"):
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        found = reader.load(document)["k"]
        assert (found[0] if flow else found) == value
    found = yaml.safe_load(document)["k"]
    assert (found[0] if flow else found) == value


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@QUICKLY
@given(st.text("0123456789eE+-._:xobnyfltruNYaT ~=<", min_size=1, max_size=9))
def test_what_reads_as_text_is_not_a_number_date_or_word_to_any_version(version, value):
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    if reads_as_text(value) and written(value, None, False) == value:
        assert reader.load(f"k: {value}\n")["k"] == value


@pytest.mark.parametrize("value", ["0.1e1_0", "0_x1f", "1_0e3", "0_b1", "1_", "0_o17", "1e1_", "+_1"])
def test_a_number_to_go_yaml_which_leaves_out_all_underscores_does_not_read_as_text(value):
    assert not reads_as_text(value)


@st.composite
def kustomizations(draw: st.DrawFn) -> tuple[str, list[dict[str, str]]]:
    """A kustomization's text in any of the styles that people write, and its images."""
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    dash = draw(st.sampled_from(["", "  ", "    "]))
    gap = draw(st.sampled_from([" ", "   "]))
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    entries, lines = (
        [],
        ["# made by hand", "kind: Kustomization", "resources:", f"{dash}-{gap}../base", "images:"],
    )
    for name in names:
        keys = ["name", *draw(st.permutations(["newName", "newTag", "digest"]))[: draw(st.integers(0, 3))]]
        keys = list(draw(st.permutations(keys)))
        entry = {key: name if key == "name" else draw(VALUES) for key in keys}
        entries.append(entry)
        comment = draw(st.sampled_from(["", "  # why", " # é"]))
        if draw(st.booleans()):
            pairs = ", ".join(f"{key}: {written(value, None, True)}" for key, value in entry.items())
            lines.append(f"{dash}-{gap}{{{pairs}}}{comment}")
            continue
        quotes = draw(st.sampled_from([None, "'", '"']))
        for number, (key, value) in enumerate(entry.items()):
            lead = f"{dash}-{gap}" if number == 0 else dash + " " * (1 + len(gap))
            lines.append(f"{lead}{key}: {written(value, quotes, False)}{comment}")
        lines += draw(st.lists(st.sampled_from(["", "# between"]), max_size=2))
    lines += draw(st.lists(st.sampled_from(["", "# end", "namePrefix: x-"]), max_size=3, unique=True))
    text = eol.join(lines) + draw(st.sampled_from(["", eol]))
    return draw(st.sampled_from(["", "\ufeff"])) + text, entries


def without_values(text: str) -> list[str]:
    """The comments on lines of their own, and the blank lines."""
    return [line for line in text.splitlines() if line.lstrip().startswith("#") or not line.strip()]


@QUICKLY
@given(kustomizations(), st.data())
def test_an_entrys_keys_change_and_nothing_else_does(file, data):
    text, entries = file
    number = data.draw(st.integers(0, len(entries) - 1))
    wanted = data.draw(
        st.dictionaries(st.sampled_from(["newName", "newTag", "digest"]), st.none() | VALUES, min_size=1)
    )
    order = ("name", "newName", "newTag", "digest")
    result = set_keys(text.encode(), (0, "images", number), wanted, order, "kustomization.yaml")
    (before,), (after,) = load(text.encode()), load(result)
    for key, value in wanted.items():
        before["images"][number].pop(key, None)
        if value is not None:
            before["images"][number][key] = value
    assert after == before
    kept = [line for line in text.splitlines() if line.lstrip().startswith("#") or not line.strip()]
    assert [
        line for line in result.decode().splitlines() if line.lstrip().startswith("#") or not line.strip()
    ] == kept
    assert set_keys(result, (0, "images", number), wanted, order, "kustomization.yaml") == result


@QUICKLY
@given(kustomizations(), NAMES, VALUES)
def test_an_added_entry_leaves_every_line_as_it_was(file, name, value):
    text, entries = file
    result = add_item(text.encode(), (0, "images"), {"name": name, "newTag": value}, "kustomization.yaml")
    (after,) = load(result)
    assert after["images"] == [*entries, {"name": name, "newTag": value}]
    lines, new = text.splitlines(), result.decode().splitlines()
    added = len(new) - len(lines)  # in one piece; they may be the same as lines that were there
    assert "{" in text or any(new[:place] + new[place + added :] == lines for place in range(len(lines) + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@QUICKLY
@given(st.dictionaries(NAMES, JSON, max_size=4), NAMES, VALUES, VALUES, st.sampled_from([None, 2]))
def test_a_scalar_of_any_json_document_changes_alone(document, key, old, new, indent):
    document[key] = old
    text = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    result = replace_scalar(text, (0, key), new)
    assert json.loads(result) == {**document, key: new}


@QUICKLY
@given(st.dictionaries(NAMES, JSON, max_size=4), NAMES, VALUES, VALUES, st.sampled_from([None, False, True]))
def test_a_scalar_of_any_dumped_document_changes_alone(document, key, old, new, flow):
    document[key] = old
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, sort_keys=False).encode()
    result = replace_scalar(text, (0, key), new)
    assert yaml.safe_load(result) == {**document, key: new}
    assert load(result)[0][key] == new
