"""The alerts on Argo CD fire on what they are for and not otherwise, judged by Prometheus' own tool."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.catalog.infrastructure import INFRASTRUCTURE, yaml
from tests.tools import tool

RULES = INFRASTRUCTURE / "monitoring/manifests/rules/argocd.yaml"


def info(name: str, sync: str = "Synced", health: str = "Healthy") -> str:
    """A series that Argo CD writes for each Application."""
    labels = f'name="{name}", project="apps", dest_server="x", sync_status="{sync}", health_status="{health}"'
    return f"argocd_app_info{{{labels}}}"


GOOD = info("ok")
CASES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "ArgoCDApplicationOutOfSync": (
        {info("a", sync="OutOfSync"): "1x90"},
        {
            GOOD: "1x90",
            # For a while only, as every sync is.
            info("a", sync="OutOfSync"): "1x20 stale",
        },
        "40m",
    ),
    "ArgoCDApplicationDegraded": (
        {info("a", health="Degraded"): "1x90"},
        {
            info("a", health="Progressing"): "1x90",
            GOOD: "1x90",
        },
        "40m",
    ),
    "ArgoCDSyncFailing": (
        {'argocd_app_sync_total{name="a", project="apps", phase="Failed"}': "0+1x90"},
        {
            'argocd_app_sync_total{name="a", project="apps", phase="Succeeded"}': "0+1x90",
            'argocd_app_sync_total{name="b", project="apps", phase="Failed"}': "0x30 1x60",
            GOOD: "1x90",
        },
        "60m",
    ),
    "ArgoCDGitUnreachable": (
        {'argocd_git_fetch_fail_total{repo="https://git.test/x.git"}': "0+1x90"},
        {'argocd_git_fetch_fail_total{repo="https://git.test/x.git"}': "0x30 1x60", GOOD: "1x90"},
        "60m",
    ),
    "ArgoCDAbsent": ({}, {GOOD: "1x90"}, "40m"),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    write(path, yaml(RULES)["spec"])
    return path


def write(path: Path, content: Any) -> None:
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump(content, stream)


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        [tool("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_rules_and_each_has_a_case(rules: Path) -> None:
    promtool("check", "rules", rules)
    named = [rule["alert"] for group in yaml(RULES)["spec"]["groups"] for rule in group["rules"]]
    assert set(named) == set(CASES)


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_when_it_should_and_not_otherwise(alert: str, rules: Path, tmp_path: Path) -> None:
    fires, quiet, when = CASES[alert]
    count = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    content = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            _series(fires, when, count, [{"labels": "{}", "value": 1}]),
            _series(quiet, when, count, []),
        ],
    }
    write(tmp_path / "test.yaml", content)
    promtool("test", "rules", tmp_path / "test.yaml")


def _series(
    series: dict[str, str], when: str, expression: str, samples: list[dict[str, Any]]
) -> dict[str, Any]:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    asked = {"expr": expression, "eval_time": when, "exp_samples": samples}
    return {"interval": "1m", "input_series": inputs, "promql_expr_test": [asked]}
