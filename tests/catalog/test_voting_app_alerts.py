"""The voting app's alerts fire when they should and not otherwise; every query of its dashboard is one."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.catalog import voting_app
from tests.catalog.voting_app_alert_cases import CASES, Case
from tests.tools import tool

MONITORING = voting_app.APP / "monitoring"


@pytest.fixture(scope="module")
def items() -> tuple[voting_app.Object, ...]:
    return voting_app.objects(voting_app.run(MONITORING))


@pytest.fixture(scope="module")
def rules(items: tuple[voting_app.Object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both PrometheusRules as one file that promtool reads."""
    groups = [
        group for item in voting_app.of_kind(items, "PrometheusRule") for group in item["spec"]["groups"]
    ]
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    write(path, {"groups": groups})
    return path


@pytest.fixture(scope="module")
def alerts(items: tuple[voting_app.Object, ...]) -> dict[str, Any]:
    return {
        rule["alert"]: rule
        for item in voting_app.of_kind(items, "PrometheusRule")
        for group in item["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def write(path: Path, content: Any) -> None:
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump(content, stream)


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [tool("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_rules(rules: Path, alerts: dict[str, Any]) -> None:
    found = re.search(r"SUCCESS: (\d+) rules found", promtool("check", "rules", rules))
    assert found
    assert int(found[1]) > len(alerts)


def test_every_alert_has_a_case(alerts: dict[str, Any]) -> None:
    assert {case.alert for case in CASES} == set(alerts)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.alert}" for n, case in enumerate(CASES)])
def test_an_alert_fires_when_it_should_and_not_otherwise(case: Case, rules: Path, tmp_path: Path) -> None:
    labels = {**case.labels, "severity": case.severity, "alertname": case.alert, "alertstate": "firing"}
    # What else an alert carries (the reason, say) is not the point.
    names = ", ".join(sorted(labels))
    firing = f'max by ({names}) (ALERTS{{alertname="{case.alert}", alertstate="firing"}})'
    expected = "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{case.step}m",
        "tests": [
            _series(case, case.fires, firing, [{"labels": expected, "value": 1}]),
            _series(case, case.quiet, firing, []),
        ],
    }
    write(tmp_path / "test.yaml", test)
    promtool("test", "rules", tmp_path / "test.yaml")


def test_every_alert_says_what_to_do_and_the_documentation_has_it(alerts: dict[str, Any]) -> None:
    text = (voting_app.ROOT / "apps/voting-app/runbook.md").read_text()
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", text, re.M)}
    assert headings == {name.lower() for name in alerts}
    for name, alert in alerts.items():
        assert alert["annotations"]["runbook"] == f"apps/voting-app/runbook.md#{name.lower()}"
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]


def test_the_dashboard_is_one_that_grafanas_sidecar_takes(items: tuple[voting_app.Object, ...]) -> None:
    (config,) = voting_app.of_kind(items, "ConfigMap")
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    dashboard = json.loads(config["data"]["voting-app.json"])
    assert dashboard["uid"] == "voting-app"
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(dashboard))) - {"__rate_interval"}
    assert used == variables


def test_every_query_of_the_dashboard_is_one(tmp_path: Path) -> None:
    dashboard = json.loads((MONITORING / "voting-app.json").read_text())
    queries = [
        target["expr"]
        for panel in dashboard["panels"]
        if panel.get("datasource", {}).get("type") == "prometheus"
        for target in panel["targets"]
    ]
    queries.append(dashboard["annotations"]["list"][0]["expr"])
    queries += selectors_of_logs(dashboard)
    filled = [
        re.sub(r"\$__rate_interval", "5m", query).replace("$namespace", "voting-app-dev") for query in queries
    ]
    assert len(filled) > 15
    record = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(filled)]
    write(tmp_path / "queries.yaml", {"groups": [{"name": "dashboard", "rules": record}]})
    assert f"SUCCESS: {len(filled)} rules found" in promtool("check", "rules", tmp_path / "queries.yaml")


def selectors_of_logs(dashboard: Mapping[str, Any]) -> list[str]:
    """Loki's queries. They only select streams, and their matchers are Prometheus' own."""
    queries = [
        target["expr"]
        for panel in dashboard["panels"]
        if panel.get("datasource", {}).get("type") == "loki"
        for target in panel["targets"]
    ]
    assert queries
    assert [query for query in queries if not re.fullmatch(r"\{[^{}]+\}", query)] == []
    return queries


def _series(
    case: Case, series: Mapping[str, str], expression: str, samples: list[dict[str, Any]]
) -> dict[str, Any]:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    asked = {"expr": expression, "eval_time": f"{case.minute}m", "exp_samples": samples}
    return {"interval": f"{case.step}m", "input_series": inputs, "promql_expr_test": [asked]}
