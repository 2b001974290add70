"""The voting app's pods: safe by Pod Security; no change of them and no drained node loses a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog import voting_app
from tests.catalog.voting_app import COMPONENTS, ENVIRONMENTS, Object

EVERYTHING = tuple(component for component in COMPONENTS if component != "mesh-ambient")
RECOMMENDED = {
    f"app.kubernetes.io/{key}" for key in ("name", "instance", "component", "part-of", "managed-by")
}
SERVE = ("vote", "result", "vote-canary")


@pytest.fixture(scope="module", params=[*ENVIRONMENTS, "everything"])
def items(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    name: str = request.param
    return voting_app.chosen(EVERYTHING) if name == "everything" else voting_app.environment(name)


def test_pod_security_restricted_holds(items: tuple[Object, ...]) -> None:
    (namespace,) = voting_app.of_kind(items, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload, template in voting_app.pod_templates(items):
        pod = template["spec"]["securityContext"]
        assert pod["runAsNonRoot"] is True, workload["metadata"]["name"]
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    for name, container in voting_app.containers(items):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name


def test_root_file_systems_are_read_only_and_no_pod_can_speak_to_the_api_server(
    items: tuple[Object, ...],
) -> None:
    for name, container in voting_app.containers(items):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
    for workload, template in voting_app.pod_templates(items):
        assert template["spec"]["automountServiceAccountToken"] is False, workload["metadata"]["name"]
        account = voting_app.named(items, "ServiceAccount", template["spec"]["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False


def test_each_workload_has_an_account_of_its_own(items: tuple[Object, ...]) -> None:
    used = {
        (
            template["spec"]["serviceAccountName"],
            template["metadata"]["labels"]["app.kubernetes.io/component"],
        )
        for _, template in voting_app.pod_templates(items)
    }
    assert len({account for account, _ in used}) == len({component for _, component in used}) == len(used)


def test_every_container_asks_for_what_it_needs_and_has_a_limit(items: tuple[Object, ...]) -> None:
    for name, container in voting_app.containers(items):
        asked, limit = container["resources"]["requests"], container["resources"]["limits"]
        for resource, read in (("cpu", cores), ("memory", mebibytes)):
            assert 0 < read(asked[resource]) <= read(limit[resource]), f"{name}: {resource}"


def test_recommended_labels_are_on_every_workload_and_its_pods(items: tuple[Object, ...]) -> None:
    for workload, template in voting_app.pod_templates(items):
        assert set(workload["metadata"]["labels"]) >= RECOMMENDED
        assert set(template["metadata"]["labels"]) >= RECOMMENDED


def test_whatever_selects_pods_selects_those_of_its_own_workload_alone(items: tuple[Object, ...]) -> None:
    labels = {w["metadata"]["name"]: t["metadata"]["labels"] for w, t in voting_app.pod_templates(items)}
    for service in voting_app.of_kind(items, "Service"):
        chosen = {
            name
            for name, own in labels.items()
            if voting_app.selects({"matchLabels": service["spec"]["selector"]}, own)
        }
        assert chosen == {service["metadata"]["name"]}
    for item in voting_app.of_kind(items, *voting_app.WORKLOADS, "PodDisruptionBudget"):
        chosen = {name for name, own in labels.items() if voting_app.selects(item["spec"]["selector"], own)}
        assert chosen == {item["metadata"]["name"]}


def test_services_reach_a_port_that_the_container_has(items: tuple[Object, ...]) -> None:
    expected = {"vote": (8080, 80), "result": (8080, 80), "redis": (6379, 6379), "db": (5432, 5432)}
    for name, (outer, inner) in expected.items():
        (port,) = voting_app.named(items, "Service", name)["spec"]["ports"]
        ports = {p["name"]: p["containerPort"] for p in _main(items, name).get("ports", ())}
        assert (port["port"], ports[port["targetPort"]]) == (outer, inner)


def test_a_change_of_vote_or_result_loses_no_request(items: tuple[Object, ...]) -> None:
    for deployment in _serving(items):
        strategy = deployment["spec"]["strategy"]["rollingUpdate"]
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert (strategy["maxUnavailable"], strategy["maxSurge"]) == (0, 1)
        assert container["readinessProbe"]["httpGet"] == {"path": "/", "port": "http"}
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert 5 <= pause < pod["terminationGracePeriodSeconds"] - 30  # gunicorn gives requests 30 s


def test_what_holds_data_is_never_there_twice(items: tuple[Object, ...]) -> None:
    for workload in voting_app.of_kind(items, *voting_app.WORKLOADS):
        if workload["metadata"]["name"] in ("redis", "db"):
            assert workload["spec"]["replicas"] == 1
            assert workload["kind"] == "StatefulSet" or workload["spec"]["strategy"] == {"type": "Recreate"}


def test_probes_ask_what_the_image_answers(items: tuple[Object, ...]) -> None:
    for name in ("vote", "result", "redis", "db"):
        container = _main(items, name)
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert not {"readinessProbe", "livenessProbe"} & set(_main(items, "worker"))  # it listens on nothing


def test_no_disruption_budget_blocks_a_drain(items: tuple[Object, ...]) -> None:
    budgets = voting_app.of_kind(items, "PodDisruptionBudget")
    workloads = {item["metadata"]["name"] for item in voting_app.of_kind(items, *voting_app.WORKLOADS)}
    assert {budget["metadata"]["name"] for budget in budgets} == workloads
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] == 1
        assert "minAvailable" not in budget["spec"]
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_are_spread_over_zones_and_nodes_and_old_revisions_are_kept(items: tuple[Object, ...]) -> None:
    for deployment in _serving(items):
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
    for workload in voting_app.of_kind(items, *voting_app.WORKLOADS):
        assert workload["spec"]["revisionHistoryLimit"] == 10


def test_git_names_no_replicas_where_an_autoscaler_owns_them(items: tuple[Object, ...]) -> None:
    for scaler in voting_app.of_kind(items, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in voting_app.named(items, target["kind"], target["name"])["spec"]
        assert scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50


def test_passwords_reach_only_those_who_need_them(items: tuple[Object, ...]) -> None:
    mounted = {
        workload["metadata"]["name"]: {
            item["key"]
            for volume in template["spec"].get("volumes", ())
            for item in volume.get("secret", {}).get("items", ())
        }
        for workload, template in voting_app.pod_templates(items)
    }
    assert mounted.pop("db") >= {"superuser-password", "monitor-password", "backup-password"}
    assert mounted.pop("db-backup", {"backup-password"}) == {"backup-password"}
    assert not any(mounted.values())


def test_the_exporter_next_to_db_cannot_read_the_superusers_password() -> None:
    pod = voting_app.named(voting_app.chosen(("monitoring",)), "Deployment", "db")["spec"]["template"]["spec"]
    (exporter,) = [container for container in pod["containers"] if container["name"] == "exporter"]
    (mount,) = exporter["volumeMounts"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == mount["name"]]
    assert [item["key"] for item in volume["secret"]["items"]] == ["monitor-password"]


def test_with_persistence_data_is_on_volumes_that_outlive_the_pods() -> None:
    items = voting_app.chosen(("persistence",))
    sizes = {}
    for stateful in voting_app.of_kind(items, "StatefulSet"):
        (claim,) = stateful["spec"]["volumeClaimTemplates"]
        sizes[stateful["metadata"]["name"]] = claim["spec"]["resources"]["requests"]["storage"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert claim["metadata"]["name"] == "data"
        kept = stateful["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert set(kept.values()) == {"Retain"}
        assert "data" not in [volume["name"] for volume in stateful["spec"]["template"]["spec"]["volumes"]]
    assert sizes == {"db": "10Gi", "redis": "2Gi"}


def _serving(items: tuple[Object, ...]) -> list[Object]:
    return [item for item in voting_app.of_kind(items, "Deployment") if item["metadata"]["name"] in SERVE]


def _main(items: tuple[Object, ...], name: str) -> Any:
    """The container that is the workload, not one that a component added."""
    (workload,) = [
        i for i in voting_app.of_kind(items, *voting_app.WORKLOADS) if i["metadata"]["name"] == name
    ]
    own = [c for c in workload["spec"]["template"]["spec"]["containers"] if c["name"] != "exporter"]
    (container,) = own
    return container


def cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def mebibytes(quantity: str) -> float:
    number, unit = float(quantity[:-2]), quantity[-2:]
    return number * {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}[unit]
