"""What is rendered here and by Argo CD: charts with each option, kustomizations with each override."""

from __future__ import annotations

from typing import Any

SEEN = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-seen
  namespace: {{ .Release.Namespace }}
data:
  values: {{ omit .Values "global" | toJson | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  helm: {{ .Capabilities.HelmVersion.Version | quote }}
  {{- range list "argoproj.io/v1alpha1/Application" "argoproj.io/v1alpha1" "x.example.com/v1" "batch/v1" }}
  {{ . | replace "/" "." }}: {{ $.Capabilities.APIVersions.Has . | quote }}
  {{- end }}
  install: {{ .Release.IsInstall | quote }}
  chart: {{ .Chart.Version | quote }}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: orders.y.example.com}
spec:
  group: y.example.com
  names: {kind: Order, plural: orders, singular: order, listKind: OrderList}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "b:1"}]}}}
---
# nothing but a comment
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: "0x10", b: "1e3", c: "yes"}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: two}}
---
apiVersion: v1
kind: Pod
metadata: {name: "try", annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: "b:1"}]}
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.2.3\n",
    "values.yaml": "a: default\nlist: [x]\n",
    "values-inside.yaml": "inside: true\n",
    "values.schema.json": '{"properties": {"wrong": {"type": "string"}}}',
    "crds/order.yaml": DEFINITION,
    "templates/seen.yaml": SEEN,
    "templates/hook.yaml": HOOK,
    "templates/NOTES.txt": "Installed.\n",
}
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.org/web:v1"}, {name: side, image: "example.org/side:v1"}]}
"""
FILES: dict[str, str] = {
    **{f"cases/chart/{path}": text for path, text in CHART.items()},
    "cases/values/10-first.yaml": "a: first\nlist: [1]\nfirst: true\n",
    "cases/values/20-second.yaml": "a: second\nlist: [2]\nsecond: true\n",
    "cases/values/deep/more.yaml": "deep: true\n",
    "cases/text.txt": "a text, with a comma\n",
    "cases/parent/Chart.yaml": "apiVersion: v2\nname: parent\nversion: 0.1.0\n"
    "dependencies:\n  - {name: thing, version: 1.x, repository: 'file://../chart', alias: inner}\n",
    "cases/parent/values.yaml": "inner: {a: of the parent}\n",
    "cases/sourced/Chart.yaml": "apiVersion: v2\nname: sourced\nversion: 0.1.0\n",
    "cases/sourced/templates/seen.yaml": SEEN,
    "cases/sourced/.argocd-source.yaml": "helm: {parameters: [{name: a, value: of the file}]}\n",
    "cases/base/kustomization.yaml": "resources: [web.yaml]\n",
    "cases/base/web.yaml": DEPLOYMENT,
    "cases/overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: own-\nnameSuffix: -own\n"
    "namespace: own\n"
    "images: [{name: example.org/web, newName: example.org/other, newTag: v2}]\n"
    "replicas: [{name: web, count: 3}]\n"
    "labels: [{pairs: {own: label}}]\ncommonAnnotations: {own: annotation}\n"
    "configMapGenerator: [{name: made, literals: [a=b]}]\n"
    "patches: [{path: patch.yaml}]\n",
    "cases/overlay/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\n"
    "metadata: {name: web, labels: {patched: 'yes'}}\n",
    "cases/component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "patches:\n  - target: {kind: Deployment}\n"
    '    patch: \'[{"op": "add", "path": "/spec/paused", "value": true}]\'\n',
    "cases/plain/one.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
    "data: {a: 'on', b: '012'}\n",
    "cases/plain/two.json": '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1",'
    ' "kind": "ConfigMap", "metadata": {"name": "two"}}]}',
    "cases/plain/deep/three.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: three}\n",
}
HELM: dict[str, dict[str, Any]] = {
    "nothing": {},
    "release": {"releaseName": "another", "namespace": "elsewhere"},
    "skips": {"skipCrds": True, "skipTests": True},
    "order": {
        "valueFiles": ["../values/20-second.yaml", "/cases/values/10-first.yaml", "../values/20-second.yaml"],
        "values": "a: of the text\n",
    },
    "glob": {"valueFiles": ["../values/*.yaml", "/cases/values/**/more.yaml", "../values/10-first.yaml"]},
    "missing": {"valueFiles": ["gone.yaml", "gone-*.yaml"], "ignoreMissingValueFiles": True},
    "object": {"values": "a: hidden\n", "valuesObject": {"a": {"b": [1, "2", True, None]}}},
    "empty-object": {"values": "a: hidden\n", "valuesObject": {}},
    "parameters": {
        "values": "a: below\n",
        "parameters": [
            {"name": "a", "value": "one,two"},
            {"name": "b", "value": "{one,two}"},
            {"name": "c", "value": "true"},
            {"name": "d", "value": "true", "forceString": True},
            {"name": "e.f[0]", "value": "007"},
            {"name": "g", "value": "escaped\\,comma"},
            {"name": "twice", "value": "first"},
            {"name": "twice", "value": "last"},
        ],
    },
    "variables": {
        "parameters": [
            {"name": "a", "value": "$ARGOCD_APP_NAMESPACE of ${ARGOCD_APP_PROJECT_NAME} $$HOME $UNKNOWN."},
            {"name": "b", "value": "$ARGOCD_APP_SOURCE_PATH $ARGOCD_APP_SOURCE_TARGET_REVISION"},
        ]
    },
    "files": {"fileParameters": [{"name": "a", "path": "../text.txt"}]},
    "cluster": {"kubeVersion": "1.30", "apiVersions": ["x.example.com/v1"]},
    "schema": {"values": "wrong: 1\n"},
    "no-schema": {"values": "wrong: 1\n", "skipSchemaValidation": True},
    "gone": {"valueFiles": ["gone.yaml"]},
    "version": {"version": "v3"},
}
"""Of the chart in the repository: what is under `helm:` of the Application's source."""
KUSTOMIZE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "names": {"namePrefix": "its-", "nameSuffix": "-its", "namespace": "its"},
    "images": {"images": ["example.org/web:v9", "example.org/side=example.org/beside@sha256:" + "0" * 64]},
    "image-by-its-new-name": {"images": ["example.org/other:v9"]},
    "replicas": {"replicas": [{"name": "web", "count": 7}]},
    "replicas-as-text": {"replicas": [{"name": "web", "count": "7"}]},
    "labels": {"commonLabels": {"its": "$ARGOCD_APP_NAMESPACE"}},
    "labels-alone": {"commonLabels": {"its": "label"}, "labelWithoutSelector": True},
    "labels-templates": {
        "commonLabels": {"its": "label"},
        "labelWithoutSelector": True,
        "labelIncludeTemplates": True,
    },
    "label-twice": {"commonLabels": {"own": "its"}, "labelWithoutSelector": True},
    "label-forced": {"commonLabels": {"own": "its"}, "labelWithoutSelector": True, "forceCommonLabels": True},
    "annotations": {"commonAnnotations": {"its": "$ARGOCD_APP_NAMESPACE"}},
    "annotations-filled": {
        "commonAnnotations": {"its": "$ARGOCD_APP_NAMESPACE"},
        "commonAnnotationsEnvsubst": True,
    },
    "annotation-twice": {"commonAnnotations": {"own": "its"}},
    "annotation-forced": {"commonAnnotations": {"own": "its"}, "forceCommonAnnotations": True},
    "patches": {
        "patches": [
            {
                "target": {"kind": "Deployment"},
                "patch": '[{"op": "add", "path": "/spec/paused", "value": true}]',
            },
            {"path": "patch.yaml"},
        ]
    },
    "components": {"components": ["../component"]},
    "components-missing": {"components": ["../component", "../gone"], "ignoreMissingComponents": True},
    "components-gone": {"components": ["../gone"]},
}
"""Of `cases/overlay`: what is under `kustomize:` of the Application's source."""
DIRECTORY: dict[str, dict[str, Any]] = {
    "nothing": {},
    "recurse": {"recurse": True},
    "some": {"recurse": True, "include": "{one.yaml,deep/*}", "exclude": "two*"},
}
