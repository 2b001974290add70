"""What a first sync, a namespace or a controller refuses, each beside the form that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write
from tests.validate.test_beyond_git import ROUTE, answer, in_shop, told

pytestmark = pytest.mark.usefixtures("cache")

TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: repos}
spec: {crd: {spec: {names: {kind: Repos}}}}
"""
CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Repos
metadata: {name: a, annotations: {argocd.argoproj.io/sync-options: "OPTIONS"}}
spec: {}
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("Prune=false", [("GB232", "error")]),
        ("Prune=false,SkipDryRunOnMissingResource=true", []),
        ("SkipDryRunOnMissingResource=false", [("GB232", "error")]),
    ],
)
def test_object_of_a_kind_that_the_same_sync_defines_needs_an_option(
    run: Run, tmp_path: Path, options: str, expected: list[tuple[str, str]]
) -> None:
    files = in_shop(template=TEMPLATE, constraint=CONSTRAINT.replace("OPTIONS", options))
    assert told(run, write(tmp_path, OURS, files), "GB232") == expected


def test_option_of_the_application_is_enough(run: Run, tmp_path: Path) -> None:
    files = dict(in_shop(template=TEMPLATE, constraint=CONSTRAINT.replace("OPTIONS", "")))
    option = "[CreateNamespace=true, SkipDryRunOnMissingResource=true]"
    for environment in ("dev", "production"):
        path = f"apps/shop/applications/{environment}/application.yaml"
        files[path] = OURS[path].replace("[CreateNamespace=true]", option)
    assert told(run, write(tmp_path, OURS, files), "GB232") == []


QUOTA = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all}\nspec: {hard: {HARD}}\n"
SCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 4, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""


@pytest.mark.parametrize(
    ("hard", "scaled", "expected"),
    [
        ("requests.cpu: 10m", False, ""),
        (
            "requests.cpu: 9m",
            False,
            "allows 9m of requests.cpu, but the pods of shop-dev take at least 0.01, ",
        ),
        ("cpu: 39m", True, "take at least 0.04, 0.04 of it by Deployment shop-dev/web"),
        ("limits.memory: 256Mi", True, ""),
        ("limits.memory: 255Mi", True, "take at least 256Mi, 256Mi of it by Deployment shop-dev/web"),
        ("pods: 3", True, "take at least 4, 4 of it"),
        ("pods: 4", True, ""),
        ("services: 0", True, ""),
    ],
)
def test_pods_that_exceed_the_quota_together_are_told(
    run: Run, tmp_path: Path, hard: str, scaled: bool, expected: str
) -> None:
    more = {"scaler": SCALER} if scaled else {}
    files = in_shop(quota=QUOTA.replace("HARD", hard), **more)
    found = answer(run, write(tmp_path, OURS, files), "GB383")["findings"]
    assert [expected in one["message"] for one in found] == ([True] if expected else [])


LOOSE = "apiVersion: v1\nkind: Service\nmetadata: {name: outside}\nspec: {ports: [{port: 80}]}\n"
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: outside-1, labels: {kubernetes.io/service-name: SERVICE}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [192.0.2.1]}]
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [("GB384", "warning")]),
        ({"slice": SLICE.replace("SERVICE", "outside")}, []),
        ({"slice": SLICE.replace("SERVICE", "other")}, [("GB384", "warning")]),
        ({"old": "apiVersion: v1\nkind: Endpoints\nmetadata: {name: outside}\n"}, []),
    ],
)
def test_service_without_selector_needs_endpoints(
    run: Run, tmp_path: Path, more: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    route = ROUTE.replace("NAMESPACE", "shop-dev").replace("SERVICE", "outside")
    files = in_shop(service=LOOSE, route=route, **more)
    assert told(run, write(tmp_path, OURS, files), "GB384") == expected


MESH = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: web}
  servers:
    - hosts: ["a.example.com"]
      port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: edge-tls}
"""
TLS = """\
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: edge, namespace: SPACE}
spec: {secretName: edge-tls, dnsNames: [a.example.com], issuerRef: {name: a, kind: ClusterIssuer}}
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [("GB307", "warning")]),
        ({"tls": TLS.replace("SPACE", "shop-dev")}, []),
    ],
)
def test_certificate_of_an_istio_gateway_is_looked_for(
    run: Run, tmp_path: Path, more: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert told(run, write(tmp_path, OURS, in_shop(gateway=MESH, **more)), "GB307") == expected


def test_set_that_makes_two_applications_of_one_name_is_refused(run: Run, tmp_path: Path) -> None:
    spec = application("a", "apps/shop/base", "shop").partition("spec:\n")[2].replace("\n  ", "\n      ")
    made = (
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all, namespace: argocd}\n"
    )
    made += "spec:\n  generators: [{list: {elements: [{name: a, stage: x}, {name: a, stage: y}]}}]\n"
    made += f"  template:\n    metadata: {{name: '{{{{NAME}}}}'}}\n    spec:\n      {spec.strip()}\n"
    assert URL in made
    root = write(tmp_path / "one", OURS, {"sets/all.yaml": made.replace("NAME", "name")})
    found = answer(run, root, "GB115")["findings"]
    assert [one["message"].partition(";")[0] for one in found] == [
        "the ApplicationSet all generates two Applications with the name a: Argo CD refuses them"
    ]
    other = write(tmp_path / "two", OURS, {"sets/all.yaml": made.replace("NAME", "stage")})
    assert told(run, other, "GB115") == []


def test_what_a_hydrator_renders_is_read(run: Run, tmp_path: Path) -> None:
    path = "apps/shop/applications/dev/application.yaml"
    start, source, end = OURS[path].partition("  source:\n")
    dry, destination, rest = end.partition("  destination:\n")
    dry = "  ".join(["", *dry.splitlines(keepends=True)])
    hydrated = f"{start}  sourceHydrator:\n    drySource:\n{dry}"
    hydrated += "    syncSource: {targetBranch: env/dev, path: shop}\n" + destination + rest
    before = answer(run, write(tmp_path / "a", OURS), "GB3")
    found = answer(run, write(tmp_path / "b", OURS, {path: hydrated}), "GB3")
    assert source
    assert found["objects"] == before["objects"] > 3


PROJECT = OURS["clusters/one/project.yaml"].replace(URL, "https://other.example.com/a.git")
GIVEN = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: repo, namespace: argocd, labels: {{argocd.argoproj.io/secret-type: repository}}}}
stringData: {{project: PROJECT, url: {URL}, type: git}}
"""


@pytest.mark.parametrize(("project", "expected"), [("apps", []), ("other", [("GB202", "error")])])
def test_repository_that_a_secret_gives_to_the_project_is_allowed(
    run: Run, tmp_path: Path, project: str, expected: list[tuple[str, str]]
) -> None:
    entry = "clusters/one/kustomization.yaml"
    files = {
        "clusters/one/project.yaml": PROJECT,
        entry: OURS[entry] + "  - repository.yaml\n",
        "clusters/one/repository.yaml": GIVEN.replace("PROJECT", project),
    }
    assert sorted(set(told(run, write(tmp_path, OURS, files), "GB202"))) == expected


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: queues.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Queue, plural: queues}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
                ports:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [port, protocol]
                  items:
                    type: object
                    required: [port]
                    properties: {port: {type: integer}, protocol: {type: string, default: TCP}}
"""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ports: [{port: 1}, {port: 2}]", []),
        ("ports: [{port: 1}, {port: 1, protocol: UDP}]", []),
        ("ports: [{port: 1}, {port: 1, protocol: TCP}]", [("GB134", "error")]),
        ("tags: [a, b]", []),
        ("tags: [a, b, a]", [("GB134", "error")]),
    ],
)
def test_list_of_a_custom_kind_has_each_key_once(
    run: Run, tmp_path: Path, spec: str, expected: list[tuple[str, str]]
) -> None:
    queue = f"apiVersion: example.com/v1\nkind: Queue\nmetadata: {{name: a}}\nspec: {{{spec}}}\n"
    files = in_shop(definition=DEFINITION, queue=queue)
    assert told(run, write(tmp_path, OURS, files), "GB134") == expected
