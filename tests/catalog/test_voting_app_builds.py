"""Environments and components of the voting app build, alone and in pairs, and mean what they should."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from bootstrap.layout import components as component_lines
from tests.catalog import voting_app
from tests.catalog.voting_app import APP, COMPONENTS, ENVIRONMENTS, EXCLUSIVE, PAIRS, SHARED, Object

ALONE = tuple((component,) for component in COMPONENTS)
ALL_BUT_ONE_MESH = tuple(component for component in COMPONENTS if component != "mesh-ambient")
READ_BY_THE_IMAGES = {
    "vote": {"OPTION_A", "OPTION_B"},
    "result": {"PORT"},
}  # vote/app.py:9-10, result/server.js:9


def every_build() -> dict[str, tuple[Object, ...]]:
    """Environments as they are, each component alone, nearly all of them at once."""
    builds = {name: voting_app.environment(name) for name in ENVIRONMENTS}
    texts = voting_app.chosen_texts([(), *ALONE, ALL_BUT_ONE_MESH])
    return builds | {"+".join(choice) or "none": voting_app.chosen(choice) for choice in texts}


@pytest.fixture(scope="module")
def builds() -> dict[str, tuple[Object, ...]]:
    return every_build()


def test_the_components_are_the_folders() -> None:
    assert {path.name for path in (APP / "components").iterdir()} == {*COMPONENTS, SHARED}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_offers_every_component_in_the_one_order(environment: str) -> None:
    text = (APP / "overlays" / environment / "kustomization.yaml").read_text()
    assert tuple(re.findall(r"^  (?:# )?- \.\./\.\./components/(\S+)  # .+$", text, re.M)) == COMPONENTS


def test_all_pairs_of_components_build() -> None:
    plain = voting_app.chosen_text(()).count("\nkind: ")
    built = voting_app.chosen_texts(PAIRS)
    assert len(built) == len(COMPONENTS) * (len(COMPONENTS) - 1) // 2 - 1
    assert all(text.count("\nkind: ") >= plain for text in built.values())


def test_the_order_of_components_that_do_not_patch_each_other_changes_nothing() -> None:
    some = ("ingress", "persistence", "autoscaling", "monitoring", "mesh-sidecar", "database-credentials")
    one, other = voting_app.chosen(some), voting_app.chosen(some[::-1])
    assert _comparable(one) == _comparable(other)


def test_the_two_meshes_exclude_each_other() -> None:
    assert "already registered id: PeerAuthentication" in voting_app.refusal(tuple(EXCLUSIVE))


def test_no_image_is_named_without_a_fixed_tag_or_digest(builds: Mapping[str, tuple[Object, ...]]) -> None:
    images = {c["image"] for items in builds.values() for _, c in voting_app.containers(items)}
    fixed = re.compile(r"^[\w./-]+(:(?!latest)[\w.-]+)?(@sha256:[0-9a-f]{64})?$")
    assert not [image for image in images if not fixed.match(image) or image.rpartition("/")[2].isalpha()]


def test_only_overlays_name_tags() -> None:
    for path in [*(APP / "base").rglob("*.yaml"), *(APP / "components").rglob("*.yaml")]:
        for image in re.findall(r"^\s*(?:- )?image: (\S+)", path.read_text(), re.M):
            assert ":" not in image, f"{path}: {image}"
        assert "newTag" not in path.read_text(), path


def test_nothing_is_in_the_default_namespace_or_in_another_than_its_own(
    builds: Mapping[str, tuple[Object, ...]],
) -> None:
    for name, items in builds.items():
        (own,) = [item["metadata"]["name"] for item in voting_app.of_kind(items, "Namespace")]
        assert own == f"voting-app-{name if name in ENVIRONMENTS else 'dev'}"
        assert {item["metadata"].get("namespace") for item in items if item["kind"] != "Namespace"} == {own}


def test_no_secret_is_in_git(builds: Mapping[str, tuple[Object, ...]]) -> None:
    for items in builds.values():
        assert not voting_app.of_kind(items, "Secret")
        for name, container in voting_app.containers(items):
            for variable in container.get("env", ()):
                if re.search("PASSWORD|TOKEN|SECRET|KEY", variable["name"]) and "value" in variable:
                    assert variable["name"].endswith("_FILE"), f"{name}: {variable['name']}"


def test_configuration_has_the_keys_that_the_images_read_and_no_others(
    builds: Mapping[str, tuple[Object, ...]],
) -> None:
    for items in builds.values():
        maps = {item["metadata"]["name"]: item["data"] for item in voting_app.of_kind(items, "ConfigMap")}
        for workload, keys in READ_BY_THE_IMAGES.items():
            (container,) = voting_app.named(items, "Deployment", workload)["spec"]["template"]["spec"][
                "containers"
            ]
            (source,) = container["envFrom"]
            assert set(maps[source["configMapRef"]["name"]]) == keys


def test_a_changed_configuration_rolls_the_pods() -> None:
    """The generated names have a hash, and no pod names one that does not exist."""
    for items in (voting_app.environment(name) for name in ENVIRONMENTS):
        maps = {item["metadata"]["name"] for item in voting_app.of_kind(items, "ConfigMap")}
        assert all(re.search(r"-[0-9a-z]{10}$", name) for name in maps)
        assert maps == {
            name for _, template in voting_app.pod_templates(items) for name in _maps_of(template)
        }


def test_the_canary_is_vote_but_for_its_name_and_image() -> None:
    items = voting_app.chosen(("canary",))
    for kind in ("Service", "Deployment", "PodDisruptionBudget"):
        canary = str(voting_app.named(items, kind, "vote-canary")).replace("vote-canary", "vote")
        assert _without_image(canary) == _without_image(str(voting_app.named(items, kind, "vote")))


def test_the_canary_gets_its_share_and_whoever_asks_for_it() -> None:
    routed = voting_app.chosen(("gateway", "mesh-sidecar", "canary"))
    asked, weighted = voting_app.named(routed, "HTTPRoute", "vote")["spec"]["rules"]
    assert {ref["name"]: ref["weight"] for ref in weighted["backendRefs"]} == {"vote": 90, "vote-canary": 10}
    assert [ref["name"] for ref in asked["backendRefs"]] == ["vote-canary"]
    first, second = voting_app.named(routed, "VirtualService", "vote")["spec"]["http"]
    assert {r["destination"]["host"]: r["weight"] for r in second["route"]} == {"vote": 90, "vote-canary": 10}
    assert [r["destination"]["host"] for r in first["route"]] == ["vote-canary"]
    for pattern in (
        asked["matches"][1]["headers"][0]["value"],
        first["match"][1]["headers"]["cookie"]["regex"],
    ):
        assert all(re.fullmatch(pattern, cookie) for cookie in ("vote-variant=b", "a=1; vote-variant=b; c=2"))
        assert not any(
            re.fullmatch(pattern, cookie) for cookie in ("vote-variant=a", "vote-variant=bb", "x=b")
        )


def test_hosts_come_from_the_settings_of_the_environment() -> None:
    items = voting_app.environment("production")
    for page in ("vote", "result"):
        spec = voting_app.named(items, "Ingress", page)["spec"]
        assert spec["rules"][0]["host"] == spec["tls"][0]["hosts"][0] == f"{page}.example.com"
    assert voting_app.named(items, "StatefulSet", "db")["spec"]["volumeClaimTemplates"][0]["spec"][
        "storageClassName"
    ] == ("standard")


def test_each_application_is_offered_to_a_cluster_under_its_own_name() -> None:
    for name in (*ENVIRONMENTS, "monitoring"):
        (application,) = voting_app.objects(voting_app.run(APP / "applications" / name))
        line = f"  - ../../apps/voting-app/applications/{name}  # about\n".encode()
        assert list(component_lines.offered(line)) == [application["metadata"]["name"]]
        (source,) = application["spec"]["sources"]
        assert "ref" not in source
        assert (APP.parents[1] / source["path"] / "kustomization.yaml").is_file()


def _maps_of(template: Mapping[str, Any]) -> list[str]:
    volumes = [v["configMap"]["name"] for v in template["spec"].get("volumes", ()) if "configMap" in v]
    variables = [
        s["configMapRef"]["name"] for c in template["spec"]["containers"] for s in c.get("envFrom", ())
    ]
    return volumes + variables


def _comparable(items: Iterable[Object]) -> dict[str, str]:
    """Objects by name, the lists of their pods in one order."""
    found = {}
    for item in items:
        copied = deepcopy(dict(item))
        if template := voting_app.pod_template(copied):
            for part in (template["spec"], *template["spec"]["containers"]):
                for key in {"containers", "volumes", "volumeMounts", "env"} & set(part):
                    part[key].sort(key=lambda entry: entry["name"])
        found[f"{item['kind']}/{item['metadata']['name']}"] = str(copied)
    return found


def _without_image(text: str) -> str:
    return re.sub(r"'image': '[^']+'", "", text)
