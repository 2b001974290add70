"""Repositories that no one would write, as hypothesis generates them."""

from __future__ import annotations

import json

from hypothesis import strategies as some

from tests.repositories import URL

RAN = "RAN"
ADDRESS, OUTSIDE = "ADDRESS", "OUTSIDE"
"""In place of these stand a file that no program may make, an address, and a folder outside."""

NAMES = some.sampled_from(
    [
        "web",
        "",
        " ",
        "-x",
        "--post-renderer=./pwn.sh",
        "--output-dir=RAN",
        "--values=http://ADDRESS/x",
        "..",
        "../../../../../../OUTSIDE",
        "OUTSIDE/cm.yaml",
        "/proc/self/environ",
        "http://ADDRESS/x",
        "HTTP://ADDRESS",
        "git::http://ADDRESS/x",
        "ext::sh -c touch% RAN",
        "ssh://-oProxyCommand=touch RAN/x",
        "$(touch RAN)",
        "`touch RAN`",
        "{{ .x }}",
        "a\nb",
        "\x1b[2J",
        "::error::x",
        "x" * 300,
        "(a+)+b",
        "a*" * 40,
        "null",
        "é",
        "base",
        "cm.yaml",
        ".",
        "linked",
        "chart",
        "values.yaml",
        "*",
        "**/**/**/x",
        "[z-a]",
        "\u202e",
        "0x7f",
    ]
)
SCALARS = some.one_of(NAMES, some.none(), some.booleans(), some.integers(-(2**70), 2**70), some.floats())
VALUES = some.recursive(
    SCALARS,
    lambda inner: some.one_of(some.lists(inner, max_size=4), some.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
FIELDS = some.sampled_from(
    [
        "resources",
        "Resources",
        "bases",
        "components",
        "generators",
        "transformers",
        "validators",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "configMapGenerator",
        "secretGenerator",
        "crds",
        "openapi",
        "configurations",
        "replacements",
        "helmCharts",
        "helmGlobals",
        "namespace",
        "namePrefix",
        "images",
        "vars",
        "labels",
        "commonLabels",
        "replicas",
        "kind",
        "apiVersion",
        "buildMetadata",
        "sortOptions",
        "metadata",
    ]
)
FILES = some.fixed_dictionaries(
    {},
    optional={
        "files": some.lists(NAMES),
        "envs": some.lists(NAMES),
        "path": NAMES,
        "name": NAMES,
        "patch": NAMES,
        "target": VALUES,
        "literals": some.lists(NAMES),
    },
)
KUSTOMIZATIONS = some.dictionaries(
    FIELDS, some.one_of(some.lists(NAMES, max_size=4), some.lists(FILES, max_size=3), VALUES), max_size=6
)
SOURCES = some.fixed_dictionaries(
    {
        "repoURL": some.one_of(some.just(URL), NAMES),
        "path": some.one_of(some.sampled_from(["over", "chart"]), NAMES),
    },
    optional={
        "chart": NAMES,
        "ref": NAMES,
        "targetRevision": VALUES,
        "helm": some.dictionaries(
            some.sampled_from(
                [
                    "releaseName",
                    "valueFiles",
                    "values",
                    "valuesObject",
                    "parameters",
                    "namespace",
                    "kubeVersion",
                    "apiVersions",
                    "fileParameters",
                    "passCredentials",
                ]
            ),
            some.one_of(NAMES, some.lists(NAMES, max_size=3), VALUES),
            max_size=4,
        ),
        "kustomize": some.dictionaries(
            some.sampled_from(["patches", "components", "images", "namePrefix", "namespace", "version"]),
            some.one_of(some.lists(FILES, max_size=2), some.lists(NAMES, max_size=2), VALUES),
            max_size=3,
        ),
        "directory": VALUES,
        "plugin": VALUES,
    },
)
DESTINATIONS = some.one_of(some.just({"namespace": "x"}), VALUES)
SPECS = some.fixed_dictionaries(
    {"source": SOURCES, "destination": DESTINATIONS},
    optional={"sources": some.lists(SOURCES, max_size=2), "syncPolicy": VALUES, "project": VALUES},
)
GENERATORS = some.recursive(
    some.one_of(
        some.fixed_dictionaries(
            {"list": some.fixed_dictionaries({"elements": some.lists(VALUES, max_size=5)})}
        ),
        some.fixed_dictionaries(
            {
                "git": some.fixed_dictionaries(
                    {"repoURL": some.just(URL)},
                    optional={
                        "files": some.lists(FILES, max_size=2),
                        "directories": some.lists(FILES, max_size=2),
                    },
                )
            }
        ),
        some.dictionaries(NAMES, VALUES, max_size=2),
    ),
    lambda inner: some.builds(
        lambda kind, parts: {kind: {"generators": parts, "mergeKeys": ["a"]}},
        some.sampled_from(["matrix", "merge"]),
        some.lists(inner, max_size=3),
    ),
    max_leaves=5,
)
OBJECTS = some.fixed_dictionaries(
    {
        "apiVersion": some.sampled_from(
            ["v1", "apps/v1", "networking.k8s.io/v1", "argoproj.io/v1alpha1", "x"]
        ),
        "kind": some.sampled_from(
            [
                "ConfigMap",
                "Secret",
                "Service",
                "Deployment",
                "Ingress",
                "List",
                "Application",
                "ApplicationSet",
                "AppProject",
                "Namespace",
                "CustomResourceDefinition",
            ]
        ),
        "metadata": some.one_of(
            VALUES,
            some.fixed_dictionaries(
                {"name": NAMES}, optional={"annotations": VALUES, "labels": VALUES, "namespace": NAMES}
            ),
        ),
    },
    optional={"spec": some.one_of(VALUES, SPECS), "data": VALUES, "items": some.lists(VALUES, max_size=2)},
)
DEEP = some.builds(
    lambda depth, around: around[0] * depth + "x" + around[1] * depth,
    some.sampled_from([50, 300, 900, 5000, 20_000]),
    some.sampled_from([("[", "]"), ("{a: ", "}"), ("- ", ""), ("a: {b: [", "]}"), ("? ", "")]),
)
INDENTED = some.builds(
    lambda depth, key: "".join(f"{' ' * level}{key}:\n" for level in range(depth)),
    some.sampled_from([200, 1200]),
    some.sampled_from(["a", "metadata", "spec"]),
)
HUGE = some.builds(
    lambda count, form: "".join(form.replace("NUMBER", str(number)) for number in range(count)),
    some.sampled_from([200, 2000]),
    some.sampled_from(
        [
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x-NUMBER}\ndata: {a: b}\n",
            "---\napiVersion: v1\nkind: Service\nmetadata: {name: x, labels: {a: aNUMBER}}\nspec: {}\n",
            "- {a: NUMBER, b: [NUMBER, NUMBER]}\n",
            "kNUMBER: &aNUMBER {x: NUMBER}\n",
        ]
    ),
)
RAW = some.sampled_from(
    [
        "[" * 5000,
        "a: " * 500 + "b",
        "a: &a [*a]\n",
        "{{ range until 9999 }}x{{ end }}",
        "\t",
        "\x00",
        "---\n" * 3000,
        "a: &a [x, x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a, *a, *a]" for n in range(9)),
        "a: !!python/object:os.x {}",
        "#" * 100_000,
        "k: " + "v" * 200_000,
        "? [a]\n: b\n",
        "<<: *x\n",
        "a: 1e400\n",
        "a: 0x" + "f" * 5000,
    ]
)
TEXTS = some.one_of(
    OBJECTS.map(json.dumps),
    some.lists(OBJECTS, max_size=4).map(lambda many: "\n---\n".join(map(json.dumps, many))),
    KUSTOMIZATIONS.map(json.dumps),
    VALUES.map(json.dumps),
    RAW,
    DEEP,
    INDENTED,
    HUGE,
)
RECORDS = some.one_of(
    some.fixed_dictionaries(
        {},
        optional={
            "checks": some.one_of(
                VALUES, some.fixed_dictionaries({"off": some.lists(NAMES), "severity": VALUES})
            ),
            "clusters": some.dictionaries(NAMES, VALUES, max_size=3),
            "images": VALUES,
            "argocd": VALUES,
            "catalog": VALUES,
        },
    ).map(json.dumps),
    TEXTS,
)
CHARTS = some.one_of(
    some.just("apiVersion: v2\nname: x\nversion: 1.0.0\n"),
    some.fixed_dictionaries(
        {"apiVersion": some.just("v2"), "name": some.just("x"), "version": some.just("1.0.0")},
        optional={
            "dependencies": some.lists(
                some.fixed_dictionaries(
                    {"name": NAMES, "version": NAMES, "repository": NAMES}, optional={"alias": NAMES}
                ),
                max_size=2,
            ),
            "type": NAMES,
            "kubeVersion": NAMES,
            "icon": NAMES,
        },
    ).map(json.dumps),
    TEXTS,
)
TEMPLATES = some.one_of(
    some.sampled_from(
        [
            '{{ .Files.Get "linked" }}',
            '{{ .Files.Get "../../../outside/cm.yaml" }}',
            '{{ (.Files.Glob "**").AsConfig }}',
            '{{ tpl "{{ .Values }}" . }}',
            "{{ fail }}",
            '{{ getHostByName "x.example.com" }}',
            '{{ lookup "v1" "Secret" "" "" }}',
            '{{ env "GIT_TOKEN" }}{{ expandenv "$GIT_TOKEN" }}',
            "{{ range until 100000000 }}x{{ end }}",
            '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
            '{{ repeat 500000000 "x" }}',
            '{{ genPrivateKey "rsa" }}',
            '{{ regexMatch "(a+)+b" (repeat 99 "a") }}',
            '{{ printf "%0999999999d" 1 }}',
        ]
    ),
    TEXTS,
)
REPOSITORIES = some.fixed_dictionaries(
    {
        "over/kustomization.yaml": KUSTOMIZATIONS.map(json.dumps),
        "clusters/one/app.yaml": SPECS.map(
            lambda spec: json.dumps(
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Application",
                    "metadata": {"name": "x", "namespace": "argocd"},
                    "spec": spec,
                }
            )
        ),
        "clusters/one/set.yaml": some.builds(
            lambda generators, spec: json.dumps(
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "ApplicationSet",
                    "metadata": {"name": "s"},
                    "spec": {
                        "generators": generators,
                        "template": {"metadata": {"name": "{{a}}"}, "spec": spec},
                    },
                }
            ),
            some.lists(GENERATORS, max_size=2),
            SPECS,
        ),
    },
    optional={
        "over/cm.yaml": TEXTS,
        "over/base/kustomization.yaml": KUSTOMIZATIONS.map(json.dumps),
        "chart/Chart.yaml": CHARTS,
        "chart/templates/a.yaml": TEMPLATES,
        "chart/templates/NOTES.txt": TEMPLATES,
        "chart/crds/a.yaml": TEXTS,
        "chart/charts/y/Chart.yaml": CHARTS,
        "chart/values.yaml": TEXTS,
        "chart/values.schema.json": some.one_of(
            some.sampled_from(
                [
                    '{"$ref": "http://ADDRESS/x"}',
                    '{"$ref": "file:///OUTSIDE/cm.yaml"}',
                    '{"$ref": "#"}',
                    '{"pattern": "(a+)+b"}',
                ]
            ),
            TEXTS,
        ),
        "bootstrap.yaml": RECORDS,
        ".bootstrap-baseline.json": TEXTS,
        "clusters/one/settings.yaml": TEXTS,
        "clusters/one/kustomization.yaml": some.one_of(
            some.just("resources: [app.yaml, set.yaml, settings.yaml, ../../over]\n"),
            KUSTOMIZATIONS.map(json.dumps),
        ),
        ".gitattributes": some.just("* filter=pwn diff=pwn\n*.yaml filter=a=b\n"),
        ".gitmodules": some.just('[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% RAN\n'),
    },
)
LINKS = some.dictionaries(
    some.sampled_from(
        [
            "over/linked",
            "over/cm.yaml",
            "chart/linked",
            "chart/values.yaml",
            "chart/Chart.yaml",
            "chart/templates/b.yaml",
            "chart/charts/y",
            "clusters/two",
            "over/kustomization.yaml",
            "linked",
            "clusters/one/more.yaml",
            "bootstrap.yaml",
        ]
    ),
    some.sampled_from(
        ["OUTSIDE", "OUTSIDE/cm.yaml", "/proc/self/environ", "/dev/zero", "..", ".", "linked", "/"]
    ),
    max_size=3,
)
