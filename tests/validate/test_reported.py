"""Faults that people reported in public: `validate` and `trace` report each, and nothing once it is fixed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.repositories import OURS, URL, application, write
from tests.validate.reported import (
    CHART,
    GATEWAY,
    HOOK,
    HPA,
    INGRESS,
    MAKERS,
    MESH,
    PLAIN,
    ROLLOUT,
    ROUTED,
    SCALED,
    SET,
    WEB,
    charted,
)

pytestmark = pytest.mark.usefixtures("cache")
CLUSTER, ROOT, PROJECT = "clusters/main/kustomization.yaml", "clusters/main/root.yaml", "apps/project.yaml"
APP, MANIFEST, DEV = "apps/web.yaml", "manifests/web/web.yaml", "overlays/dev/kustomization.yaml"
BASE = {
    ROOT: application("root", "apps", "argocd"),
    PROJECT: OURS["clusters/one/project.yaml"]
    .replace('{group: "", kind: Namespace}', '{group: "*", kind: "*"}')
    .replace(f"[{URL}]", f"[{URL}, https://charts.example.com]"),
    APP: application("web", "manifests/web", "web"),
    MANIFEST: WEB,
}
Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Row:
    """Files in their right form, the edits that break them, and what is then reported at which line.

    `said`: (rule, file, a part of the line, a part of the message). `host` is traced, with that `state`
    and that rule (by default the same).
    """

    source: str
    files: Mapping[str, str | None]
    edits: tuple[Edit, ...]
    said: tuple[str, str, str, str]
    host: str = "web.web"
    state: str = "broken"
    traced: str = ""
    charts: Mapping[str, str] = field(default_factory=dict)


def overlaid(base: str, dev: str, **more: str) -> dict[str, str | None]:
    """A base and an overlay of it, which the Application applies."""
    return {
        APP: application("web", "overlays/dev", "web"),
        MANIFEST: None,
        "base/web.yaml": base,
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        DEV: dev,
        **{f"overlays/dev/{name}.yaml": text for name, text in more.items()},
    }


def names(kind: str, user: str, path: str) -> str:
    """A configuration of kustomize: which field of a custom kind has a name."""
    return f"nameReference: [{{kind: {kind}, fieldSpecs: [{{kind: {user}, path: {path}}}]}}]\n"


PREFIXED = "resources: [../../base]\nnamePrefix: dev-\nconfigurations: [names.yaml]\n"
INLINE = """\
      namePrefix: a-
      patches:
        - target: {kind: Ingress}
          patch: |-
            [{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/name","value":"web"}]
"""
UNNAMED: Edit = (DEV, "configurations: [names.yaml]\n", "")
ROWS = {
    "a hook before what it needs": Row(
        "KBVE/kbve#13331, argo-cd#13178",
        {"manifests/web/job.yaml": HOOK},
        (("manifests/web/job.yaml", "argocd.argoproj.io/hook: PreSync, argocd", "argocd"),),
        ("GB230", "manifests/web/job.yaml", "hook: PreSync", "ServiceAccount web/register"),
        state="ok",
    ),
    "values below the path of a ref": Row(
        "argo-cd#14567",
        {"apps/shop.yaml": CHART, "content/shop/values.yaml": "a: 1\n"},
        (("apps/shop.yaml", "$values/content/shop/values.yaml", "$values/values.yaml"),),
        ("GB218", "apps/shop.yaml", "$values", "did you mean content/shop/values.yaml?"),
        state="ok",
    ),
    "a hash that a Rollout does not get": Row(
        "argo-rollouts#111",
        {
            MANIFEST: ROLLOUT,
            "manifests/web/kustomization.yaml": "resources: [web.yaml]\nconfigurations: [names.yaml]\n"
            "configMapGenerator: [{name: web-settings, literals: [A=b]}]\n",
            "manifests/web/names.yaml": names(
                "ConfigMap", "Rollout", "spec/template/spec/containers/envFrom/configMapRef/name"
            ),
        },
        (("manifests/web/kustomization.yaml", "configurations: [names.yaml]\n", ""),),
        ("GB311", MANIFEST, "configMapRef", "did not get its hash"),
        charts={"argo-rollouts": "argo-rollouts"},
    ),
    "an ingress controller in Git outside a strict mesh": Row(
        "istio#43056",
        {
            "apps/entry.yaml": application("ingress-nginx", "manifests/entry", "ingress-nginx"),
            "manifests/entry/c.yaml": WEB.replace(
                "registry.example.com/web:1.2.3", "registry.k8s.io/ingress-nginx/controller:v1.12.1"
            ),
            "manifests/web/i.yaml": INGRESS,
            "manifests/web/m.yaml": MESH,
        },
        (("manifests/web/m.yaml", "PERMISSIVE", "STRICT"),),
        ("GB373", "manifests/web/m.yaml", "mode:", "STRICT"),
        "web.example.com",
        charts={"base": "istio-system", "istiod": "istio-system"},
    ),
    "a prefix that an IngressRoute does not get": Row(
        "kustomize#2673",
        overlaid(
            WEB + ROUTED["IngressRoute"],
            PREFIXED,
            names=names("Service", "IngressRoute", "spec/routes/services/name"),
        ),
        (UNNAMED,),
        ("GB301", "base/web.yaml", "services: [{name: web", "did not get its prefix"),
        "web.example.com",
        charts={"traefik": "traefik"},
    ),
    "a suffix that a Route does not get": Row(
        "kustomize#5156",
        overlaid(
            WEB + ROUTED["Route"],
            PREFIXED.replace("namePrefix: dev-", "nameSuffix: -dev"),
            names=names("Service", "Route", "spec/to/name"),
        ),
        (UNNAMED,),
        ("GB301", "base/web.yaml", "to: {kind: Service", "did not get its prefix or suffix"),
        "web.example.com",
    ),
    "two listeners, neither for the host": Row(
        "aws-load-balancer-controller#4499, contour#4507",
        {
            "apps/edge.yaml": application("edge", "manifests/edge", "edge"),
            "manifests/edge/g.yaml": GATEWAY,
            "manifests/web/r.yaml": ROUTED["HTTPRoute"],
        },
        (("manifests/web/r.yaml", "shop.dev.example.com", "shop.dev.example.org"),),
        ("GB309", "manifests/web/r.yaml", "sectionName: exact", "the listener exact is for dev.example.com"),
        "shop.dev.example.org",
        charts={"gateway-helm": "envoy-gateway-system"},
    ),
    "a policy for the Service's port": Row(
        "projectcalico/felix#2836, rowanruseler/helm-charts#16",
        {"manifests/web/i.yaml": INGRESS, "manifests/web/p.yaml": PLAIN["NetworkPolicy"]},
        (("manifests/web/p.yaml", "port: 8080", "port: 80"),),
        ("GB349", "manifests/web/p.yaml", "ingress:", "at port 8080"),
        "web.example.com",
        charts={"ingress-nginx": "ingress-nginx"},
    ),
    "a pool that nothing announces": Row(
        "metallb#1561",
        {
            MANIFEST: WEB.replace(
                "  selector: {app: web}\n  ports", "  type: LoadBalancer\n  selector: {app: web}\n  ports"
            ),
            "apps/pool.yaml": application("pool", "manifests/pool", "metallb-system"),
            "manifests/pool/p.yaml": PLAIN["IPAddressPool"],
        },
        (("manifests/pool/p.yaml", "kind: L2Advertisement", "kind: Community"),),
        ("GB377", "manifests/pool/p.yaml", "name: lan", "nothing announces"),
        state="warning",
        charts={"metallb": "metallb-system"},
    ),
    "Applications in folders that the root does not read": Row(
        "argo-cd#4501, gitops-bridge#52",
        {
            ROOT: BASE[ROOT].replace("path: apps\n", "path: apps\n    directory: {recurse: true}\n"),
            APP: None,
            "apps/team/web.yaml": BASE[APP],
        },
        ((ROOT, "    directory: {recurse: true}\n", ""),),
        ("GB207", "apps/team/web.yaml", "apiVersion", "no cluster leads to Application argocd/web"),
        state="warning",
    ),
    "recurse misspelt": Row(
        "argo-cd#11583",
        {
            ROOT: BASE[ROOT].replace("path: apps\n", "path: apps\n    directory: {recurse: true}\n"),
            APP: None,
            "apps/team/web.yaml": BASE[APP],
        },
        ((ROOT, "recurse:", "recuse:"),),
        ("GB121", ROOT, "recuse", "did you mean recurse?"),
        state="warning",
        traced="GB207",
    ),
    "the same below a kustomization": Row(
        "argo-cd#4501",
        {
            CLUSTER: "resources: [root.yaml]\n",
            ROOT: BASE[ROOT].replace("path: apps\n", "path: apps\n    directory: {recurse: true}\n"),
            APP: None,
            "apps/team/web.yaml": BASE[APP],
        },
        ((ROOT, "    directory: {recurse: true}\n", ""),),
        ("GB207", "apps/team/web.yaml", "apiVersion", "no cluster leads to Application argocd/web"),
        state="warning",
    ),
    "a replacement without its field": Row(
        "kustomize#5128",
        {
            **overlaid(WEB, "resources: [../../base]\ncomponents: [../../components/role]\n"),
            "components/role/kustomization.yaml": PLAIN["Replacement"],
        },
        (("components/role/kustomization.yaml", "        options: {create: true}\n", ""),),
        ("GB105", "components/role/kustomization.yaml", "metadata.annotations", "has no field"),
    ),
    "replicas beside a ScaledObject": Row(
        "keda#5572",
        {"manifests/web/s.yaml": SCALED},
        ((MANIFEST, "spec:\n  selector: {matchLabels", "spec:\n  replicas: 3\n  selector: {matchLabels"),),
        ("GB215", MANIFEST, "replicas: 3", "ScaledObject web/web scales it"),
        state="warning",
        charts={"keda": "keda", "sealed-secrets": "kube-system"},
    ),
    "the Secret of a TriggerAuthentication": Row(
        "keda#244",
        {"manifests/web/s.yaml": SCALED},
        (("manifests/web/s.yaml", "name: rabbit, key", "name: rabit, key"),),
        ("GB371", "manifests/web/s.yaml", "name: rabit, key", "rabit"),
        charts={"keda": "keda", "sealed-secrets": "kube-system"},
    ),
    "a subject without its namespace": Row(
        "sighupio/module-ingress#88",
        {"manifests/web/b.yaml": PLAIN["ClusterRoleBinding"]},
        (("manifests/web/b.yaml", ", namespace: web}]", "}]"),),
        ("GB130", "manifests/web/b.yaml", "subjects:", "needs a namespace"),
        state="ok",
    ),
    "a denied namespace, on every cluster": Row(
        "argo-cd#21538",
        {
            APP: BASE[APP].replace("server: https://kubernetes.default.svc", "name: worker"),
            PROJECT: BASE[PROJECT].replace(
                '- {server: https://kubernetes.default.svc, namespace: "*"}',
                '- {server: "*", namespace: "*"}\n    - {name: other, namespace: "team"}',
            ),
        },
        ((PROJECT, '"team"', '"!web"'),),
        ("GB203", APP, "destination:", "refuses (!web): a rule with ! applies to every cluster"),
    ),
    "a denied namespace": Row(
        "argo-cd#19804",
        {
            PROJECT: BASE[PROJECT].replace(
                "  clusterResource", '    - {server: "*", namespace: "!x"}\n  clusterResource'
            )
        },
        ((PROJECT, '"!x"', '"!web"'),),
        ("GB203", APP, "destination:", "refuses (!web)"),
    ),
    "a denied repository": Row(
        "argo-cd's deny rules in sourceRepos",
        {ROOT: BASE[ROOT].replace("project: apps", "project: default")},
        ((PROJECT, f"[{URL}", f'["!{URL}", "*"'),),
        ("GB202", APP, "repoURL", "does not allow"),
    ),
    "a kind on the blacklist": Row(
        "argo-cd's namespaceResourceBlacklist",
        {"manifests/web/q.yaml": PLAIN["ResourceQuota"]},
        (
            (
                PROJECT,
                "  clusterResource",
                "  namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]\n  clusterResource",
            ),
        ),
        ("GB204", "manifests/web/q.yaml", "kind: ResourceQuota", "does not allow web this kind"),
        state="ok",
    ),
    "a sidecar without requests under an autoscaler": Row(
        "aws-app-mesh-inject#12, kubernetes#79365",
        {"manifests/web/h.yaml": HPA},
        ((MANIFEST, "requests: {cpu: 10m, memory: 32Mi}, ", ""),),
        ("GB320", "manifests/web/h.yaml", "type: Resource", "requests none"),
    ),
    "a certificate in another namespace": Row(
        "cert-manager#2327",
        {
            "apps/entry.yaml": application("certificates", "manifests/entry", "entry"),
            "manifests/entry/c.yaml": PLAIN["Certificate"],
            "manifests/web/i.yaml": INGRESS.replace(
                "  rules:", "  tls: [{hosts: [web.example.com], secretName: web-tls}]\n  rules:"
            ),
        },
        (("manifests/entry/c.yaml", "namespace: web", "namespace: entry"),),
        ("GB307", "manifests/web/i.yaml", "secretName: web-tls", "web-tls"),
        "web.example.com",
        charts={"cert-manager": "cert-manager", "ingress-nginx": "ingress-nginx"},
    ),
    "a budget over an autoscaler's least": Row(
        "kubernetes#93476, gatekeeper-library#202",
        {"manifests/web/h.yaml": HPA, "manifests/web/b.yaml": PLAIN["PodDisruptionBudget"]},
        (("manifests/web/h.yaml", "minReplicas: 2", "minReplicas: 1"),),
        ("GB322", "manifests/web/b.yaml", "minAvailable: 1", "no pod can be evicted"),
    ),
    "a grant for another kind of route": Row(
        "nginx-gateway-fabric#2333",
        {
            "apps/edge.yaml": application("edge", "manifests/edge", "edge"),
            "manifests/edge/g.yaml": GATEWAY + "---\n" + ROUTED["GRPCRoute"],
            "manifests/web/g.yaml": PLAIN["ReferenceGrant"],
        },
        (("manifests/web/g.yaml", "kind: GRPCRoute", "kind: HTTPRoute"),),
        ("GB310", "manifests/edge/g.yaml", "name: web, namespace: web", "no ReferenceGrant there allows it"),
        "grpc.dev.example.com",
        charts={"gateway-helm": "envoy-gateway-system"},
    ),
    "a short host in the mesh's namespace": Row(
        "istio#15425",
        {
            "manifests/web/v.yaml": ROUTED["VirtualService"],
            "apps/mesh.yaml": application("mesh", "manifests/mesh", "istio-system"),
            "manifests/mesh/d.yaml": PLAIN["DestinationRule"],
        },
        (("manifests/mesh/d.yaml", "host: web.web.svc.cluster.local", "host: web"),),
        ("GB327", "manifests/web/v.yaml", "subset: v1", "subset v1 of web"),
        charts={"base": "istio-system", "istiod": "istio-system"},
    ),
    "a prefix of the Application's": Row(
        "argo-cd's spec.source.kustomize",
        {
            APP: BASE[APP].replace("path: manifests/web\n", f"path: manifests/web\n    kustomize:\n{INLINE}"),
            "manifests/web/kustomization.yaml": "resources: [web.yaml, i.yaml]\n",
            "manifests/web/i.yaml": INGRESS,
        },
        ((APP, '"value":"web"', '"value":"wep"'),),
        ("GB301", APP, '"value":"wep"', "sends requests to Service wep"),
        "web.example.com",
        charts={"ingress-nginx": "ingress-nginx"},
    ),
    "a values file that is not ignored": Row(
        "argo-cd's ignoreMissingValueFiles",
        {
            "apps/shop.yaml": CHART.replace(
                "valueFiles:", "ignoreMissingValueFiles: true\n        valueFiles:"
            ).replace("$values/content", "$values/nothing"),
            "content/shop/c.yaml": PLAIN["ResourceQuota"],
        },
        (("apps/shop.yaml", "        ignoreMissingValueFiles: true\n", ""),),
        ("GB218", "apps/shop.yaml", "$values", "does not exist"),
        state="ok",
    ),
    "a values file of a generated Application": Row(
        "argo-cd#24981",
        {
            "apps/set.yaml": SET.replace(
                "GENERATOR",
                "matrix: {generators: [{list: {elements: [{name: api}, {name: jobs}]}}, "
                "{list: {elements: [{env: dev}]}}]}",
            )
            .replace("NAME", "{{ .name }}-{{ .env }}")
            .replace(
                "SOURCE",
                "{repoURL: https://charts.example.com, chart: one, targetRevision: 1.0.0, "
                "helm: {valueFiles: ['$values/{{ .name }}/{{ .env }}.yaml']}}",
            )
            .replace("SPACE", "'{{ .env }}'"),
            "api/dev.yaml": "a: 1\n",
            "jobs/dev.yaml": "a: 1\n",
        },
        (("jobs/dev.yaml", "a: 1\n", ""),),
        ("GB218", "apps/set.yaml", "spec:", "jobs-dev"),
        state="ok",
    ),
    "a Service in a folder that a set finds": Row(
        "the layout of git directories",
        {
            "apps/set.yaml": SET.replace(
                "GENERATOR", f"git: {{repoURL: {URL}, revision: HEAD, directories: [{{path: workloads/*}}]}}"
            )
            .replace("NAME", "{{ .path.basename }}")
            .replace("SOURCE", f"{{repoURL: {URL}, targetRevision: HEAD, path: '{{{{ .path.path }}}}'}}")
            .replace("SPACE", "'{{ .path.basename }}'"),
            "workloads/api/w.yaml": WEB,
            "workloads/api/i.yaml": INGRESS,
        },
        (("workloads/api/i.yaml", "name: web\n                port", "name: wep\n                port"),),
        ("GB301", "workloads/api/i.yaml", "name: wep", "did you mean web?"),
        "web.example.com",
        charts={"ingress-nginx": "ingress-nginx"},
    ),
    "a set with Sprig's functions": Row(
        "cterence/homelab-gitops",
        {
            "apps/set.yaml": SET.replace(
                "GENERATOR", "list: {elements: [{name: api, space: backend}, {name: jobs}]}"
            )
            .replace("NAME", "{{ .name }}")
            .replace("SOURCE", f"{{repoURL: {URL}, targetRevision: HEAD, path: 'workloads/{{{{ .name }}}}'}}")
            .replace("SPACE", '\'{{ default .name (dig "space" "" .) }}\''),
            "workloads/api/w.yaml": WEB,
            "workloads/api/i.yaml": INGRESS,
            "workloads/jobs/q.yaml": PLAIN["ResourceQuota"],
        },
        (("workloads/api/i.yaml", "name: web\n                port", "name: wep\n                port"),),
        ("GB301", "workloads/api/i.yaml", "name: wep", "Ingress backend/web"),
        "web.example.com",
        charts={"ingress-nginx": "ingress-nginx"},
    ),
}


def repository(folder: Path, row: Row, edits: tuple[Edit, ...] = ()) -> str:
    """The row's repository, after some edits; a file without a text is not there."""
    files = {
        **BASE,
        **{f"apps/{one}.yaml": charted(one, one, space) for one, space in row.charts.items()},
        **row.files,
    }
    for path, old, new in edits:
        text = files[path]
        assert text is not None
        assert old in text, (path, old)
        files[path] = text.replace(old, new, 1) or None
    return str(write(folder, {path: text for path, text in files.items() if text is not None}))


@pytest.mark.parametrize("name", ROWS)
def test_a_reported_fault_is_found_and_traced_and_its_fixed_form_is_right(
    name: str, run: Run, tmp_path: Path
) -> None:
    row = ROWS[name]
    right = repository(tmp_path / "right", row)
    before = json.loads(run("validate", right, "-o", "json").out)["findings"]
    rule, file, part, says = row.said
    assert [
        one
        for one in before
        if one["severity"] == "error" or (one["rule"] == rule and one["severity"] != "info")
    ] == []
    wrong = repository(tmp_path / "wrong", row, row.edits)
    found = json.loads(run("validate", wrong, "-o", "json").out)["findings"]
    own = [one for one in found if one["rule"] == rule]
    lines = (Path(wrong) / file).read_text().splitlines()
    assert [(one["file"], says in one["message"]) for one in own] == [(file, True)], found
    assert part in lines[own[0]["line"] - 1], (own, lines[own[0]["line"] - 1])
    traced = run("trace", row.host, "--repo", wrong, "-o", "json")
    assert json.loads(traced.out)["state"] == row.state, traced.out
    assert traced.exit == (1 if row.state == "broken" else 0)
    assert ((row.traced or rule) in traced.out) == (row.state != "ok")


NEEDY = WEB.replace(
    "          resources", "          envFrom: [{secretRef: {name: db}}]\n          resources"
)
SILENT: dict[str, Mapping[str, str | None]] = {
    f"a Secret of {name}": {MANIFEST: NEEDY, "manifests/web/m.yaml": text} for name, text in MAKERS.items()
}
SILENT["kinds of a chart that nobody knows"] = {
    "apps/stack.yaml": charted("stack", "team-stack", "monitoring"),
    "manifests/web/m.yaml": "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n"
    "metadata: {name: web}\nspec: {endpoints: [{port: http}], selector: {matchLabels: {app: web}}}\n",
}
SILENT["an app of apps of two plain folders"] = {  # argo-cd#3181, #2333
    ROOT: BASE[ROOT].replace("path: apps\n", "path: apps\n    directory: {recurse: true}\n"),
    APP: None,
    "apps/team/web.yaml": BASE[APP],
    "apps/infra/issuers.yaml": application("issuers", "manifests/issuers", "cert-manager", 1),
    "apps/infra/cert-manager.yaml": charted("cert-manager", "cert-manager", "cert-manager"),
    "manifests/issuers/i.yaml": "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: own}\n"
    "spec: {selfSigned: {}}\n",
    "manifests/web/i.yaml": INGRESS.replace(
        "{name: web}", "{name: web, annotations: {cert-manager.io/cluster-issuer: own}}", 1
    ).replace("  rules:", "  tls: [{hosts: [web.example.com], secretName: web-tls}]\n  rules:"),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_something_unread_or_another_folder_brings_is_not_missing(
    name: str, run: Run, tmp_path: Path
) -> None:
    root = repository(tmp_path, Row("", SILENT[name], (), ("", "", "", "")))
    found = json.loads(run("validate", root, "-o", "json").out)["findings"]
    assert [one for one in found if one["severity"] == "error" or one["rule"] in ("GB306", "GB342")] == []
    assert run("trace", "web.web", "--repo", root).exit == 0
