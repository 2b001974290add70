"""Two sets of objects compare to what a person wants to know, and never show a Secret's value."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.diff.compare import Key, compare, data, markdown, text
from bootstrap.diff.readable import readable
from bootstrap.resources.index import Resource


def one(kind: str, name: str, application: str = "argocd/shop", **fields: Any) -> tuple[Key, Resource]:
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}
    return ("", kind, "shop", name), Resource(body, "shop", application, "shop.yaml", 0, 3)


def test_added_removed_and_changed_objects_are_reported_by_application() -> None:
    before = dict(
        [one("Service", "old"), one("Service", "web", spec={"type": "ClusterIP"}), one("Service", "same")]
    )
    after = dict(
        [
            one("Service", "new", "argocd/other"),
            one("Service", "web", spec={"type": "NodePort"}),
            one("Service", "same"),
        ]
    )
    changes = compare(before, after)
    assert [(change.kind, change.object, change.application) for change in changes] == [
        ("add", "Service shop/new", "argocd/other"),
        ("remove", "Service shop/old", "argocd/shop"),
        ("change", "Service shop/web", "argocd/shop"),
    ]
    assert "-  type: ClusterIP" in changes[2].lines
    assert "+  type: NodePort" in changes[2].lines
    assert list(text(changes))[:2] == ["argocd/other:", "  + Service shop/new  (shop.yaml:3)"]


def test_what_the_server_adds_is_no_difference() -> None:
    key, plain = one("Service", "web")
    served = dict(plain.body, status={"x": 1})
    served["metadata"] = {
        "name": "web",
        "uid": "1",
        "resourceVersion": "2",
        "managedFields": [],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }
    assert compare({key: plain}, {key: Resource(served, "shop")}) == []


def test_generated_name_is_one_change() -> None:
    before = dict([one("ConfigMap", "web-aaa", data={"a": "1"})])
    after = dict([one("ConfigMap", "web-bbb", data={"a": "2"})])
    (change,) = compare(before, after)
    assert change.kind == "change"
    assert "-  a: 1" in change.lines or '-  a: "1"' in change.lines


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_secret_shows_only_that_a_value_changed(field: str) -> None:
    before = dict([one("Secret", "db", **{field: {"user": "shop", "password": "hunter22"}})])
    after = dict([one("Secret", "db", **{field: {"user": "shop", "password": "hunter33", "extra": "more"}})])
    changes = compare(before, after)
    shown = "\n".join([*text(changes), markdown(changes), str(data(changes))])
    assert (
        "-  password: [hidden, old]" in changes[0].lines or '-  password: "[hidden, old]"' in changes[0].lines
    )
    assert "hunter" not in shown
    assert "more" not in shown
    assert "shop\n" not in "\n".join(changes[0].lines)


def test_markdown_folds_each_object_and_is_cut_where_comments_end() -> None:
    before = dict(one("ConfigMap", f"c{n}", data={"a": "x" * 500}) for n in range(50))
    after = dict(one("ConfigMap", f"c{n}", data={"a": "y" * 500}) for n in range(50))
    whole = markdown(compare(before, after))
    assert whole.count("<details>") == 50
    cut = markdown(compare(before, after), limit=5000)
    assert 0 < cut.count("<details>") < 10
    assert "too long to show" in cut
    assert markdown([]) == "Nothing changes in the cluster.\n"


def test_markdown_lets_no_name_or_value_of_a_repository_out_of_its_place() -> None:
    """A pull request's own comment is written from it."""
    name = "x</code></summary><img src=//e.example/a>@platform[a](//e.example)"
    value = "a\n~~~~\n</details><script>\n~~~~~~~\nb\n"
    before = dict([one("ConfigMap", name, data={"a": value})])
    after = dict([one("ConfigMap", name, data={"a": value.replace("b", "c")})])
    found = markdown(compare(before, after))
    lines = found.splitlines()
    (opened,) = [line for line in lines if line.endswith("diff") and line.startswith("~")]
    fence = opened.removesuffix("diff")
    inside = lines[lines.index(opened) + 1 : lines.index(fence)]
    assert not [line for line in inside if line.lstrip(" ").startswith(fence)]
    outside = "\n".join([*lines[: lines.index(opened)], *lines[lines.index(fence) :]])
    assert "<img" not in outside
    assert "<script" not in outside
    assert "@platform" not in outside
    assert "](" not in outside
    assert outside.count("</code>") == outside.count("<code>") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("true", True),
        ("1", 1),
        ("0x1f", 31),
        ("1e3", 1000.0),
        ("null", None),
        ("off", False),
        ("2026-01-01", "2026-01-01 "),
        ("a\nb", "a\nb\n"),
        ("a\n", "a\n\n"),
        ("a\nb", ["a", "b"]),
        ("a\r\nb", "a\nb"),
        ("a: b", {"a": "b"}),
        ("end:", {"end": None}),
        ("[1]", [1]),
    ],
)
def test_a_change_of_type_or_of_the_end_of_a_text_shows(old: object, new: object) -> None:
    (change,) = compare(dict([one("Shown", "web", spec=old)]), dict([one("Shown", "web", spec=new)]))
    assert [line for line in change.lines if line[:1] in "+-"]


def test_lines_of_a_text_in_a_list_are_lines_of_the_diff() -> None:
    before = dict([one("Job", "web", spec={"args": ["-c", "echo one: 1\nsleep 2\n"]})])
    after = dict([one("Job", "web", spec={"args": ["-c", "echo one: 1\nsleep 3\n"]})])
    (change,) = compare(before, after)
    assert [line for line in change.lines if line[:1] in "+-"] == ["-      sleep 2", "+      sleep 3"]
    assert not [line for line in change.lines if "\n" in line]


def test_what_is_read_is_the_same_value() -> None:
    from yaml import safe_load

    value = {
        "a": ["true", "x\ny", "x\n\n", {"k": "m\nn\n", "z": 1}, ["q\nr"], "- x", "8080:80", "12:30"],
        "8080": "1.22.1",
        "on": None,
        "empty": ["", {}, []],
        "c": "a #b",
        "d": " a",
    }
    assert safe_load("\n".join(readable(value))) == value
