"""Documents become objects with the right names, whatever style they are written in, and keep their text."""

from __future__ import annotations

import json
import random
from io import StringIO
from typing import Any

import pytest
from ruamel.yaml import YAML

from bootstrap.core.errors import InputError
from bootstrap.manifests import parse, split
from bootstrap.manifests.objects import ClusterObject

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: ns\nspec: {}\n"


def names(text: str | bytes) -> list[tuple[str, str, str, str]]:
    data = text.encode() if isinstance(text, str) else text
    return [(o.api_version, o.kind, o.namespace, o.name) for o in split.split(data, "x.yaml")]


def parsed(text: bytes) -> Any:
    return YAML(typ="safe", pure=True).load(StringIO(text.decode()))


THE_POD = [("v1", "Pod", "ns", "a")]


@pytest.mark.parametrize(
    "text",
    [
        POD,
        "\ufeff" + POD,
        POD.replace("\n", "\r\n"),
        POD.replace("\n", "\r"),
        "# a comment\n\n" + POD,
        "---\n" + POD + "...\n",
        "--- # the pod\n" + POD,
        "%YAML 1.1\n---\n" + POD,
        "---\n\n---\n# nothing here\n---\n" + POD + "---\n",
        'kind: Pod # of course\nmetadata:\n    namespace: \'ns\'\n    name: "a"\napiVersion: "v1"\n',
        "'apiVersion': v1\n\"kind\": Pod\nmetadata: {name: a, namespace: ns}\n",
        "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns}}",
        "--- {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns}}\n",
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"ns"}}',
        '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "a", "namespace": "ns"}\n}\n',
        "apiVersion: v1\nkind:\n  Pod\nmetadata:\n  name:\n    a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    name: no\n  name: a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {name: no}\n  name: a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n# name: no\n  name: a\n\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata: # here\n  namespace: ns\n  ownerReferences:\n  - name: no\n"
        "  name: a\n",
        "apiVersion: v1\nkind: Pod\nmetadata: &m\n  name: a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: &n a\n  namespace: ns\n",
        "? apiVersion\n: v1\n? kind\n: Pod\n? metadata\n: {name: a, namespace: ns}\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    text: |\n      name: no\n      ---\n"
        "      kind: No\n  name: a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    text: >-\n        kind: No\n\n"
        "        name: no\n  name: a\n  namespace: ns\n",
        'apiVersion: v1\nkind: Pod\nspec:\n  text: "one\nkind: No\ntwo"\n'
        "metadata: {name: a, namespace: ns}\n",
        'apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    t: "x\n  namespace: no\n  "\n'
        "  namespace: ns\n  name: a\n",
        "apiVersion: v1\nkind: Pod\nspec:\n- kind: No\n-\n  metadata: {}\n"
        "metadata:\n  name: a\n  namespace: ns\n",
        "apiVersion: v1\nkind: Pod\nkind.x: No\nmetadata.name: no\nmetadata:\n  name: a\n  namespace: ns\n",
        "apiVersion : v1\nkind:\tPod\nmetadata:\n  name : a\n  namespace: ns\n",
        "!!map\napiVersion: v1\nkind: Pod\nmetadata:\n  name: !!str a\n  namespace: ns\n",
    ],
)
def test_headers_are_found_in_every_style(text: str) -> None:
    assert names(text) == THE_POD


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("system:node-reader", "system:node-reader"),
        ("a.b-c_d/e", "a.b-c_d/e"),
        ("'123'", "123"),
        ("'yes'", "yes"),
        ('"1e3"', "1e3"),
        ("!!str 123", "123"),
        ("1a", "1a"),
        ("0.1.2", "0.1.2"),
        ("2020-01-01", "2020-01-01"),
        ("v1:2", "v1:2"),
        ("'it''s'", "it's"),
        ('"a\\u0062"', "ab"),
        ("a#b", "a#b"),
        ("a #b", "a"),
    ],
)
def test_names_are_the_strings_that_the_api_server_reads(name: str, expected: str) -> None:
    assert names(f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n") == [("v1", "Pod", "", expected)]


@pytest.mark.parametrize("name", ["123", "yes", "true", "n", "null", "~", "1.5", "0x1f", "", "[a]", "{a: b}"])
def test_a_name_that_is_not_a_string_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"metadata\.name is"):
        names(f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n")


def test_document_is_kept_as_it_is() -> None:
    first = "# why\napiVersion: v1   # odd\nkind: ConfigMap\nmetadata: {name: one}\n"
    first += "data:\n  a: |\n    ---\n     x\n"
    second = POD.replace("\n", "\r\n")
    one, two = split.split(f"{first}---\r\n{second}".encode(), "x.yaml")
    assert parsed(one.text) == parsed(first.encode())
    assert first.encode() in one.text
    assert two.text.strip() == second.encode().strip()


def test_separators_inside_a_block_scalar_separate_nothing() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n"
    text += "  multi.yaml: |\n    a: 1\n    ---\n    b: 2\n"
    (found,) = split.split(text.encode(), "x.yaml")
    assert parsed(found.text)["data"]["multi.yaml"] == "a: 1\n---\nb: 2\n"


def test_items_of_a_list_are_objects_of_their_own() -> None:
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
  data: {port: "80", time: 12:30, day: 2020-01-01}
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: two
    namespace: ns
  spec: {replicas: 0x10, paused: yes, mode: 0644}
"""
    one, two = split.split(text.encode(), "x.yaml")
    assert (one.kind, one.name, two.api_version, two.namespace) == ("ConfigMap", "one", "apps/v1", "ns")
    assert json.loads(one.text)["data"] == {"port": "80", "time": "12:30", "day": "2020-01-01"}
    assert json.loads(two.text)["spec"] == {"replicas": 16, "paused": True, "mode": 420}


@pytest.mark.parametrize("empty", ["items: []", "items:", "items: null"])
def test_empty_list_has_no_objects(empty: str) -> None:
    assert names(f"apiVersion: v1\nkind: List\n{empty}\n") == []


def test_typed_list_has_its_items() -> None:
    pod = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}'
    text = f'{{"apiVersion":"v1","kind":"PodList","items":[{pod}]}}'
    assert names(text) == [("v1", "Pod", "", "a")]


def test_kind_that_ends_in_list_but_has_no_items_is_an_object() -> None:
    text = "apiVersion: x.io/v1\nkind: AllowList\nmetadata:\n  name: a\nspec: {}\n"
    assert names(text) == [("x.io/v1", "AllowList", "", "a")]


def test_stream_of_json_needs_no_separators() -> None:
    one = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"ns"}}'
    assert names(f"{one}\n{one}{one}") == THE_POD * 3


@pytest.mark.parametrize(
    "text", ["", "\n", "---\n", "# only this\n", "---\n...\n---\n# this\n", "null\n", "~"]
)
def test_nothing_is_no_object(text: str) -> None:
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "found", "where"),
    [
        ("kind: Pod\nmetadata: {name: a}\n", "apiVersion is missing", "x.yaml:1"),
        (POD + "---\napiVersion: v1\nmetadata: {name: a}\n", "kind is missing", "x.yaml:7"),
        ("apiVersion: v1\nkind: Pod\n", "no metadata", "x.yaml:1"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\n", "metadata.name is missing", "x.yaml:1"),
        ("- a\n", "not a mapping", "x.yaml:1"),
        ("just text\n", "not a mapping", "x.yaml:1"),
        (POD + "---\nkind: [\n", "", "x.yaml:"),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n bad: x\n", "", "x.yaml:"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: *gone}\n", "*gone has no anchor", "x.yaml:3:18"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {[a]: b}\n", "a key is not a scalar", "x.yaml:3:12"),
        ("{kind: List, items: [{<<: 1}]}", "<< needs a mapping", "x.yaml:1:23"),
        (
            f"apiVersion: v1\nkind: Pod\nmetadata: {'[' * 300}{']' * 300}\n",
            "nested deeper than 200",
            "x.yaml:3:",
        ),
    ],
)
def test_what_is_not_an_object_is_reported_with_its_line(text: str, found: str, where: str) -> None:
    with pytest.raises(InputError) as raised:
        split.split(text.encode(), "x.yaml")
    assert found in raised.value.found
    assert (raised.value.where or "").startswith(where)


def test_other_encodings_are_refused_with_their_line() -> None:
    with pytest.raises(InputError, match="not UTF-8") as raised:
        split.split(POD.encode() + b"# \xff\n", "x.yaml")
    assert raised.value.where == "x.yaml:7"


def test_aliases_and_merges_are_resolved_where_a_list_is_taken_apart() -> None:
    text = """\
kind: List
items:
- &base {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: &d {a: "1", b: "2"}}
- <<: *base
  metadata: {name: two}
  data:
    <<: *d
    b: "3"
"""
    _, two = split.split(text.encode(), "x.yaml")
    assert json.loads(two.text)["data"] == {"a": "1", "b": "3"}
    assert two.kind == "ConfigMap"


def _style(generator: random.Random, value: str) -> str:
    quoted = [f'"{value}"', f"'{value}'", f"{value} # note", f"{value}   "]
    return generator.choice([value, value, value, *quoted])


def _document(generator: random.Random, number: int) -> str:
    """A document in a random style, whose values try to look like headers."""
    pad = " " * generator.choice((1, 2, 4))
    decoys = [
        f"{pad}annotations:\n{pad}{pad}name: decoy\n{pad}{pad}text: |\n"
        f"{pad}{pad}  kind: Decoy\n{pad}{pad}  ---\n",
        f'{pad}labels: {{"name": decoy, kind: decoy}}\n',
        f"{pad}ownerReferences:\n{pad}- name: decoy\n{pad}  kind: Decoy\n",
        f"{pad}finalizers:\n{pad}{pad}- kind\n",
        "# name: comment\n",
        "\n",
    ]
    metadata = [f"{pad}name: {_style(generator, f'name-{number}')}\n"]
    if generator.random() < 0.7:
        metadata.append(f"{pad}namespace: {_style(generator, f'space-{number}')}\n")
    metadata += generator.sample(decoys, generator.randint(0, 3))
    generator.shuffle(metadata)
    parts = [
        f"apiVersion: {_style(generator, generator.choice(('v1', 'apps/v1', 'x.example.io/v1beta1')))}\n",
        f"kind: {_style(generator, 'Thing')}\n",
        "metadata:" + generator.choice(("", " ", "  # of it")) + "\n" + "".join(metadata),
        generator.choice(
            ("spec:\n- kind: Decoy\n- metadata: {name: decoy}\n", "data:\n  x: >\n    kind: No\n", "")
        ),
        generator.choice(("status: {}\n", "# kind: Comment\n", "")),
    ]
    generator.shuffle(parts)
    text = "".join(parts)
    return text.replace("\n", "\r\n") if generator.random() < 0.2 else text


@pytest.mark.parametrize("seed", range(40))
def test_any_document_is_named_as_a_full_parse_names_it(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311
    documents = [_document(generator, number) for number in range(12)]
    separator = generator.choice(("---\n", "--- # next\n", "...\n---\n", "---\r\n"))
    text = separator.join(documents).encode()
    expected = []
    for document in documents:
        full = parse.parse(document.encode(), ("x", 1))
        metadata = full["metadata"]
        expected.append((full["apiVersion"], full["kind"], metadata.get("namespace", ""), metadata["name"]))
    assert names(text) == expected


def test_most_documents_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner exists to avoid parsing: what kustomize and controllers write must not fall through."""

    def parsed(*_: object) -> list[ClusterObject]:
        raise AssertionError("parsed a plain document")

    monkeypatch.setattr(parse, "objects", parsed)
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n"
        "    controller-gen.kubebuilder.io/version: v0.14.0\n  labels:\n    app.kubernetes.io/name: a.b.io\n"
        "  name: a.b.io\nspec:\n  names:\n    kind: A\n  versions:\n  - schema:\n"
        "      description: |-\n        kind: x\n"
    )
    role = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: a\n"
        "  namespace: 'ns'\nroleRef:\n  kind: Role\n  name: r\nsubjects:\n- kind: ServiceAccount\n  name: s\n"
    )
    assert len(split.split(f"{crd}---\n{role}---\n{POD}".encode(), "x")) == 3
