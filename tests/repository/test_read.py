"""Every Application leads to its objects; each object knows its Application, its file and its line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
import yaml

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.manifests.loader import lenient_loader
from bootstrap.manifests.reader import line_of, load_all, parse
from bootstrap.programs import confine
from bootstrap.repository import read as index_build
from bootstrap.repository import store as index_store
from bootstrap.repository import tools
from bootstrap.repository.files import scan
from bootstrap.repository.model import Options, Repository
from bootstrap.repository.read import read
from bootstrap.repository.store import NAME, Store, open_store
from bootstrap.resources.index import IN_CLUSTER, Index, Resource, label_selects
from tests.repositories import OURS, SHOP, URL, application, write


def read_all(root: Path, invocation: Invocation, store: Store | None = None, **options: object) -> Repository:
    return read(root, invocation, store or Store(None), Options(**options))  # type: ignore[arg-type]


def objects(repository: Repository, scope: int = 0) -> dict[str, Resource]:
    return {str(one): one for one in repository.objects(repository.scopes[scope])}


def test_object_knows_its_application_file_and_line(tmp_path: Path, invocation: Invocation) -> None:
    repository = read_all(write(tmp_path, OURS), invocation)
    found = objects(repository)
    service = found["Service shop-dev/web"]
    assert (service.application, service.file) == ("argocd/shop-dev", "apps/shop/base/shop.yaml")
    assert (tmp_path / service.file).read_text().splitlines()[service.line - 1] == "apiVersion: v1"
    assert found["Application argocd/shop-dev"].application == "argocd/root"
    assert found["Application argocd/root"].application == ""
    generated = next(one for name, one in found.items() if name.startswith("ConfigMap shop-dev/web-"))
    assert (generated.file, generated.line) == ("apps/shop/base/kustomization.yaml", 4)


def test_object_is_found_though_a_patch_changed_its_kind_or_took_its_origin(
    tmp_path: Path, invocation: Invocation
) -> None:
    path = "apps/shop/overlays/dev/kustomization.yaml"
    patches = """\
patches:
  - target: {kind: Deployment}
    patch: |-
      - {op: replace, path: /kind, value: StatefulSet}
  - target: {kind: Service}
    patch: |-
      - {op: add, path: /metadata/annotations, value: {a: b}}
"""
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n---\n"
    base = {
        "apps/shop/base/shop.yaml": account + OURS["apps/shop/base/shop.yaml"],
        path: OURS[path] + patches,
    }
    found = objects(read_all(write(tmp_path, OURS, base), invocation))
    lines = (account + OURS["apps/shop/base/shop.yaml"]).splitlines()
    for name, line in (
        ("StatefulSet shop-dev/web", "apiVersion: apps/v1"),
        ("Service shop-dev/web", "kind: Service"),
    ):
        one = found[name]
        assert one.file == "apps/shop/base/shop.yaml", name
        assert line in lines[one.line - 1 : one.line + 1]


def test_what_is_switched_off_is_read_on_its_own(tmp_path: Path, invocation: Invocation) -> None:
    repository = read_all(write(tmp_path, OURS), invocation)
    assert [(scope.name, scope.complete) for scope in repository.scopes] == [
        ("one", True),
        ("apps/shop/applications/production", False),
    ]
    assert "Service shop-production/web" in objects(repository, 1)


def test_cluster_can_be_chosen_and_must_exist(tmp_path: Path, invocation: Invocation) -> None:
    write(tmp_path, OURS)
    assert [scope.name for scope in read_all(tmp_path, invocation, cluster="one").scopes] == ["one"]
    with pytest.raises(InputError, match="no folder clusters/two"):
        read_all(tmp_path, invocation, cluster="two")


def kustomized(program: str, folder: Path) -> str:
    """What kustomize itself prints for a folder."""
    return subprocess.run([program, "build", folder], check=True, capture_output=True, text=True).stdout


def test_many_overlays_in_one_process_give_what_each_gives_alone(
    tmp_path: Path, invocation: Invocation
) -> None:
    write(tmp_path, OURS)
    program = tools.kustomize(invocation)
    overlays = [tools.Overlay(f"apps/shop/overlays/{name}", f"shop-{name}") for name in ("dev", "production")]
    together = tools.build_many(tmp_path, overlays, program)
    for overlay, built in zip(overlays, together, strict=True):
        text = kustomized(program, tmp_path / overlay.folder)
        assert sorted(map(str, load_all(text))) == sorted(str(body) for body, _ in built.objects)


def test_an_overlay_that_cannot_be_a_resource_of_another_is_built_alone(
    tmp_path: Path, invocation: Invocation
) -> None:
    """kustomize refuses `configurations` that its own contradict, if another kustomization includes them."""
    config = "images:\n- path: spec/template/spec/containers[]/image\n  kind: Rollout\n"
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: 'a:v1'}]\n"
    own = "resources: [../base]\nconfigurations: [conf.yaml]\n"
    base = {"base/kustomization.yaml": "resources: [pod.yaml]\n", "base/pod.yaml": pod}
    write(tmp_path, {**base, "a/kustomization.yaml": own, "a/conf.yaml": config})
    program = tools.kustomize(invocation)
    (built,) = tools.build_many(tmp_path, [tools.Overlay("a", "")], program)
    assert built.error is None
    assert [body for body, _ in built.objects] == load_all(kustomized(program, tmp_path / "a"))


@pytest.mark.skipif(not confine.kernel().files, reason="this kernel has no Landlock")
def test_kustomize_itself_may_not_read_gits_own_folder(tmp_path: Path, invocation: Invocation) -> None:
    """Whatever a check of the paths before it overlooks."""
    names = {".git/config": "token = known\n", "other/file": "token = known\n"}
    write(tmp_path, {**names, "a/kustomization.yaml": ""})
    for name, readable in ((".git/config", False), ("other/file", True)):
        (tmp_path / "a/link").unlink(missing_ok=True)
        (tmp_path / "a/link").symlink_to(tmp_path / name)
        write(tmp_path, {"a/kustomization.yaml": "configMapGenerator: [{name: a, files: [link]}]\n"})
        builder = tools.Builder(tmp_path, tools.kustomize(invocation), unrestricted=True)
        (built,) = builder.build([tools.Overlay("a", "")])
        assert ("known" in str(built.objects)) is readable


ODD = """\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: x}, data: {a: 'yes', b: "1"}}
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: b, namespace: x, annotations: {config.kubernetes.io/local-config: 'true'}}
---
# nothing
---
apiVersion: v1
kind: ConfigMap
metadata: &m {name: c, namespace: x}
data: {on: off}
"""


def test_list_without_kustomize_gives_what_kustomize_gives(tmp_path: Path, invocation: Invocation) -> None:
    more = "resources:\n  - odd.yaml\n  - ../../apps/shop/overlays/production\n"
    plain = {
        "clusters/one/kustomization.yaml": OURS["clusters/one/kustomization.yaml"].replace(
            "resources:\n", more
        ),
        "clusters/one/odd.yaml": ODD,
    }
    repository = read_all(write(tmp_path, OURS, plain), invocation, cluster="one")
    unit = repository.units["kustomize:clusters/one:{}"]
    ours = repository.store.get(f"objects:{unit.key}")
    text = kustomized(tools.kustomize(invocation), tmp_path / "clusters/one")
    assert sorted(map(str, map(_sorted, ours or []))) == sorted(map(str, map(_sorted, load_all(text))))
    assert len(ours or []) == 7


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_same_object_twice_in_a_list_is_kustomizes_to_tell(tmp_path: Path, invocation: Invocation) -> None:
    twice = {"clusters/one/kustomization.yaml": "resources: [project.yaml, again.yaml]\n"}
    write(tmp_path, OURS, twice, {"clusters/one/again.yaml": OURS["clusters/one/project.yaml"]})
    repository = read_all(tmp_path, invocation, cluster="one")
    (fault,) = [fault for unit in repository.units.values() for _, fault in unit.faults]
    assert fault.code == "build"
    assert "already registered" in fault.message


def test_overlays_that_do_not_go_together_are_built_alone(tmp_path: Path, invocation: Invocation) -> None:
    thing = "apiVersion: v1\nkind: Namespace\nmetadata: {name: same}\n"
    write(
        tmp_path,
        {
            f"{name}/{file}": text
            for name in "ab"
            for file, text in {
                "kustomization.yaml": f"namespace: {name}\nresources: [n.yaml, c.yaml]\n",
                "n.yaml": thing.replace("Namespace", "Node"),
                "c.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n",
            }.items()
        },
    )
    built = tools.build_many(
        tmp_path, [tools.Overlay("a", "a"), tools.Overlay("b", "b")], tools.kustomize(invocation)
    )
    assert [len(one.objects) for one in built] == [2, 2]


def use_cache(invocation: Invocation, folder: Path) -> None:
    """Another cache, and on PATH the kustomize that the usual one has."""
    program = Path(tools.kustomize(invocation))
    path = f"{program.parent}{os.pathsep}{invocation.environ['PATH']}"
    invocation.environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(folder), "PATH": path}


def test_second_reading_renders_only_what_changed(tmp_path: Path, invocation: Invocation) -> None:
    write(tmp_path / "repo", OURS)
    use_cache(invocation, tmp_path / "cache")

    def again() -> int:
        store = open_store(invocation)
        repository = read_all(tmp_path / "repo", invocation, store)
        assert "Service shop-dev/web" in objects(repository)
        store.close()
        return repository.rendered

    assert again() == 5
    assert again() == 0
    (tmp_path / "repo/apps/shop/overlays/dev/kustomization.yaml").write_text(
        OURS["apps/shop/overlays/dev/kustomization.yaml"].replace("1.2.3", "1.2.4")
    )
    assert again() == 1
    (tmp_path / "repo/apps/shop/base/shop.yaml").write_text(SHOP.replace("8080", "8081"))
    assert again() == 2


def test_record_of_another_version_is_not_used(
    tmp_path: Path, invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "repo", OURS)
    use_cache(invocation, tmp_path / "cache")
    for version in ("0.0.1", "0.0.2"):
        monkeypatch.setattr(index_build, "__version__", version)
        store = open_store(invocation)
        keys = len(store.keys("record:"))
        read_all(tmp_path / "repo", invocation, store)
        assert len(store.keys("record:")) == keys + 1
        store.close()


def test_damaged_cache_is_made_anew(tmp_path: Path, invocation: Invocation) -> None:
    invocation.environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(tmp_path)}
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / NAME).write_bytes(b"no database" * 100)
    store = open_store(invocation)
    store.put("a", [1])
    assert store.get("a") == [1]
    store.close()


def test_damaged_value_is_none(tmp_path: Path, invocation: Invocation) -> None:
    invocation.environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(tmp_path)}
    store = open_store(invocation)
    store.put("a", {"b": [1, (2, None)]})
    store.close()
    connection = sqlite3.connect(tmp_path / "index" / NAME)
    connection.execute("insert into entries values ('c', ?, 9999999999)", (b"{no value",))
    connection.commit()
    connection.close()
    store = open_store(invocation)
    assert store.get_many(["a", "c", "d"]) == {"a": {"b": [1, (2, None)]}}
    store.close()


def test_concurrent_runs_do_not_wait_for_each_other(
    tmp_path: Path, invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation.environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(tmp_path)}
    monkeypatch.setattr(index_store, "WAIT", 0.01)
    one, other = open_store(invocation), open_store(invocation)
    one.put("a", 1)
    other.put("b", 2)
    assert (one.get("a"), one.has("a"), one.get("b")) == (1, True, None)
    other.close()
    one.close()
    store = open_store(invocation)
    assert store.get_many("ab") == {"a": 1, "b": 2}
    store.close()


def test_store_that_is_locked_costs_only_what_is_new(
    tmp_path: Path, invocation: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation.environ = {**invocation.environ, "BOOTSTRAP_CACHE_DIR": str(tmp_path)}
    monkeypatch.setattr(index_store, "WAIT", 0.01)
    monkeypatch.setattr(index_store, "_MUCH", 10)
    store = open_store(invocation)
    other = sqlite3.connect(tmp_path / "index" / NAME)
    other.execute("begin immediate")
    for number in range(5):
        store.put(f"key {number}", "more than ten bytes")
    assert store.get("key 3") == "more than ten bytes"
    store.close()
    other.rollback()
    other.close()
    assert open_store(invocation).get("key 3") is None


def test_more_keys_than_one_question_takes_are_found() -> None:
    store = Store(None)
    for number in range(1234):
        store.put(f"key {number}", number)
    assert store.get_many(f"key {number}" for number in range(-5, 1300)) == {
        f"key {number}": number for number in range(1234)
    }


def ports(root: Path, invocation: Invocation) -> set[int]:
    """The container ports that a reading through the cache finds."""
    store = open_store(invocation)
    repository = read_all(root, invocation, store, cluster="one")
    deployment = objects(repository)["Deployment shop-dev/web"]
    store.close()
    return {
        port["containerPort"]
        for one in deployment.spec["template"]["spec"]["containers"]
        for port in one["ports"]
    }


def test_change_is_noticed_although_size_and_time_stay(tmp_path: Path, invocation: Invocation) -> None:
    root = write(tmp_path / "repo", OURS)
    use_cache(invocation, tmp_path / "cache")
    file = root / "apps/shop/base/shop.yaml"
    for port in (8080, 8081, 8082, 8083):
        before = file.stat()
        with file.open("r+") as stream:  # the inode stays
            stream.write(SHOP.replace("8080", str(port)))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert ports(root, invocation) == {port}


def test_file_that_changes_while_it_is_looked_at_is_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("a: 1\n")
    files = scan(tmp_path)
    old = (1, files.since - 10**10, files.since - 10**10 + 1, 7)
    coarse = (1, files.since // 10**9 * 10**9 - 10**9, files.since // 10**9 * 10**9 - 10**9, 7)
    files.stats |= {"old.yaml": old, "coarse.yaml": coarse}
    settled = files.settled()
    assert settled["old.yaml"] == old
    assert settled["new.yaml"] != files.stats["new.yaml"]
    assert settled["coarse.yaml"] != coarse


def test_applications_overrides_reach_what_is_rendered(tmp_path: Path, invocation: Invocation) -> None:
    override = application("shop-dev", "apps/shop/overlays/dev", "shop-dev").replace(
        "    path: apps/shop/overlays/dev\n",
        "    path: apps/shop/overlays/dev\n    kustomize:\n      namePrefix: my-\n"
        "      images: [registry.example.com/web=mirror.example.com/web:9]\n",
    )
    write(tmp_path, OURS, {"apps/shop/applications/dev/application.yaml": override})
    deployment = objects(read_all(tmp_path, invocation))["Deployment shop-dev/my-web"]
    assert deployment.spec["template"]["spec"]["containers"][0]["image"] == "mirror.example.com/web:9"


def test_foreign_repository_is_read_from_its_root_applications(
    tmp_path: Path, invocation: Invocation
) -> None:
    write(
        tmp_path,
        {
            "argocd/root.yaml": application("root", "argocd/apps", "argocd"),
            "argocd/apps/shop.yaml": application("shop", "manifests/shop", "shop"),
            "manifests/shop/shop.yaml": SHOP,
            "manifests/shop/sub/unused.yaml": SHOP.replace("name: web", "name: unused"),
            "README.md": "no manifest",
        },
    )
    repository = read_all(tmp_path, invocation)
    scope = next(one for one in repository.scopes if one.name == "argocd")
    found = {str(one): one for one in repository.objects(scope)}
    assert found["Service shop/web"].application == "argocd/shop"
    assert "Service shop/unused" not in found


APPLICATION_SET = f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: shops
  namespace: argocd
spec:
  goTemplate: true
  generators:
    - git:
        repoURL: {URL}
        directories:
          - path: apps/shop/overlays/*
          - {{path: apps/shop/overlays/production, exclude: true}}
  template:
    metadata:
      name: 'set-{{{{ .path.basename | upper | lower }}}}'
    spec:
      project: apps
      source: {{repoURL: {URL}, targetRevision: HEAD, path: '{{{{ .path.path }}}}'}}
      destination:
        server: https://kubernetes.default.svc
        namespace: 'set-{{{{ index .path.segments 3 }}}}'
"""


def test_application_set_is_followed(tmp_path: Path, invocation: Invocation) -> None:
    write(
        tmp_path,
        OURS,
        {
            "clusters/one/set.yaml": APPLICATION_SET,
            "clusters/one/kustomization.yaml": "resources: [project.yaml, set.yaml]\n",
        },
    )
    repository = read_all(tmp_path, invocation, cluster="one")
    assert [one.name for one in repository.scopes[0].applications] == ["root", "set-dev"]
    assert objects(repository)["Service shop-dev/web"].application == "argocd/set-dev"


def test_application_set_beyond_git_is_named(tmp_path: Path, invocation: Invocation) -> None:
    other = APPLICATION_SET.replace("git:", "scmProvider:")
    write(
        tmp_path,
        OURS,
        {
            "clusters/one/set.yaml": other,
            "clusters/one/kustomization.yaml": "resources: [project.yaml, set.yaml]\n",
        },
    )
    repository = read_all(tmp_path, invocation, cluster="one")
    assert [(file, fault.code) for file, fault in repository.faults] == [("clusters/one/set.yaml", "set")]


def test_unrendered_chart_makes_its_namespace_opaque(tmp_path: Path, invocation: Invocation) -> None:
    chart = application("shop-dev", "x", "shop-dev").replace("    path: x\n", "    chart: shop\n")
    write(tmp_path, OURS, {"apps/shop/applications/dev/application.yaml": chart})
    repository = read_all(tmp_path, invocation, cluster="one")
    assert repository.scopes[0].opaque == {(IN_CLUSTER, "shop-dev"), (IN_CLUSTER, "")}


def test_links_out_of_the_repository_and_cycles_of_links_are_not_followed(
    tmp_path: Path, invocation: Invocation
) -> None:
    (tmp_path / "secret.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n")
    root = write(tmp_path / "repo", OURS)
    (root / "apps/shop/base/out.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "apps/shop/base/loop").symlink_to(root / "apps")
    repository = read_all(root, invocation)
    assert set(repository.files.links) == {"apps/shop/base/out.yaml", "apps/shop/base/loop"}
    assert not any("loop/" in path or "out.yaml" in path for path in repository.files.stats)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (b"a: 1\nb:\n\t- 2\n", "syntax", 3),
        (b"a: [1\nb: 2\n", "syntax", 2),
        (b"a: 1\nb: 2\na: 3\n", "duplicate", 3),
        (b"a: \xff\n", "encoding", 1),
        (b"a: &a [*a]\n", "size", 1),
        (
            b"x: &x0 [1,1]\n"
            + b"".join(
                b"x%d: &x%d [%s]\n" % (n, n, b",".join([b"*x%d" % (n - 1)] * 9)) for n in range(1, 12)
            ),
            "size",
            1,
        ),
        (b"a: " + b"[" * 500 + b"\n", "size", 1),
        (b"#" * 9_000_000, "size", 1),
    ],
    ids=["tab", "flow", "duplicate", "latin", "loop", "bomb", "deep", "large"],
)
def test_bad_yaml_is_a_fault_at_its_line(text: bytes, code: str, line: int) -> None:
    (fault,) = parse(text).faults
    assert fault.code == code or (code == "size" and fault.code == "syntax" and text.startswith(b"a: ["))
    assert fault.line == line or code == "size"
    assert fault.fix


def test_file_that_is_too_large_is_reported_with_its_own_size(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(23_400_000)
    (fault,) = scan(tmp_path).parsed("large.yaml").faults
    assert (fault.code, fault.message) == ("size", "the file has 23.4 MB; more than 8 MB are not read")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-01-01", "2001-01-01"),
        ("1:30", "1:30"),
        ("0644", 420),
        ("=", "="),
        ("yes", "yes"),
        ("true", True),
        ("1_000", 1000),
        ("~", None),
        ("1.5", 1.5),
        ('"1"', "1"),
    ],
)
def test_scalars_are_read_as_kubernetes_does(text: str, value: object) -> None:
    (document,) = parse(f"a: {text}".encode()).documents
    assert document.value == {"a": value}
    assert load_all(f"a: {text}") == [{"a": value}]


def test_merge_keys_and_aliases_are_resolved() -> None:
    (document,) = parse(b"a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n").documents
    assert document.value["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_anchor_whose_name_comes_twice_holds_until_then(monkeypatch: pytest.MonkeyPatch, loader: str) -> None:
    monkeypatch.setattr(yaml, "CSafeLoader", getattr(yaml, loader))
    monkeypatch.setattr("bootstrap.manifests.loader._loaders", [])
    lenient_loader.cache_clear()
    text = "z: 1\n---\na: &x 1\nb: *x\nc: &x {k: 2}\nd: *x\n---\ne: &x 3\nf: *x\n"
    values = [{"z": 1}, {"a": 1, "b": 1, "c": {"k": 2}, "d": {"k": 2}}, {"e": 3, "f": 3}]
    found = parse(text.encode())
    assert ([document.value for document in found.documents], found.faults) == (values, [])
    assert load_all(text) == values
    assert line_of(text.encode(), 1, ("c", "k")) == 5
    (fault,) = parse(f"{text}---\ng: *x\n".encode()).faults
    assert (fault.line, fault.message) == (11, "not valid YAML: found undefined alias 'x'")
    lenient_loader.cache_clear()


def test_line_of_a_field_is_that_of_the_nearest_thing_there() -> None:
    text = b"---\na:\n  - b: 1\n  - b: 2\n---\nc: 3\n"
    assert line_of(text, 0, ("a", 1, "b")) == 4
    assert line_of(text, 0, ("a", 9)) == 2
    assert line_of(text, 1, ("c",)) == 6


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_label_selectors_select_as_kubernetes_does(selector: object, matches: bool) -> None:
    assert label_selects(selector, {"a": "1"}) is matches


def test_get_looks_beyond_its_own_namespace() -> None:
    far = Resource({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})
    index = Index([], beyond=Index([far]))
    assert index.get("Namespace", "", "x") is far
    assert index.of("Namespace") == []


def test_name_that_a_part_of_a_list_generates_is_followed_in_the_other_parts(
    tmp_path: Path, invocation: Invocation
) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
    pod += "spec: {volumes: [{name: a, configMap: {name: made}}, {name: b, configMap: {name: x}}]}\n"
    root = write(
        tmp_path / "repo",
        {
            "clusters/one/kustomization.yaml": "resources: [pod.yaml, generated, prefixed]\n",
            "clusters/one/pod.yaml": pod,
            "clusters/one/generated/kustomization.yaml": "namespace: shop\n"
            "configMapGenerator: [{name: made, literals: [a=b]}]\n",
            "clusters/one/prefixed/kustomization.yaml": "namespace: shop\nnamePrefix: its-\n"
            "resources: [x.yaml]\n",
            "clusters/one/prefixed/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
        },
    )
    repository = read(root, invocation, Store(None), Options())
    [scope] = repository.scopes
    [found] = [one for one in repository.objects(scope) if one.kind == "Pod"]
    names = [one["configMap"]["name"] for one in found.body["spec"]["volumes"]]
    assert (names[0].startswith("made-"), names[1]) == (True, "its-x")
