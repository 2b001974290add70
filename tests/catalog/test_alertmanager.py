"""Who is notified of which alert, judged by Alertmanager's own tool on the values as Helm merges them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.catalog.infrastructure import INFRASTRUCTURE, yaml
from tests.tools import tool

FOLDER = INFRASTRUCTURE / "monitoring"
SILENT = ("values.yaml",)
ALERTING = ("values.yaml", "values-alerting.yaml")


def merged(names: tuple[str, ...]) -> dict[str, Any]:
    """Alertmanager's configuration from value files, a later one over an earlier, lists replaced."""
    result: Any = {}
    for name in names:
        result = _over(result, yaml(FOLDER / name)["alertmanager"]["config"])
    return dict(result)


def _over(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}


@pytest.fixture(params=[SILENT, ALERTING], ids=["as it lies", "alerting on"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(request.param, tmp_path)


def write(names: tuple[str, ...], folder: Path) -> Path:
    path = folder / "alertmanager.yaml"
    with path.open("w") as stream:
        YAML(typ="safe", pure=True).dump(merged(names), stream)
    return path


def amtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [tool("amtool"), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def receivers(config: Path, **labels: str) -> set[str]:
    """Who is notified of an alert with these labels."""
    pairs = [f"{key}={value}" for key, value in labels.items()]
    told = amtool("config", "routes", "test", "--config.file", config, *pairs).strip()
    return set(told.split(","))


def test_the_configuration_is_one(config: Path) -> None:
    assert "SUCCESS" in amtool("check-config", config)


def test_no_one_is_notified_before_a_receiver_is_set(tmp_path: Path) -> None:
    config = write(SILENT, tmp_path)
    for severity in ("critical", "warning", "info", "none"):
        assert receivers(config, alertname="X", severity=severity) == {"nobody"}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"severity": "critical"}, {"pagerduty", "slack"}),
        ({"severity": "warning"}, {"slack"}),
        ({"severity": "info"}, {"email"}),
        ({"severity": "unknown"}, {"slack"}),
        ({}, {"slack"}),
        ({"alertname": "Watchdog", "severity": "none"}, {"nobody"}),
        ({"alertname": "InfoInhibitor", "severity": "none"}, {"nobody"}),
    ],
    ids=lambda value: ",".join(value.values()) or "nothing" if isinstance(value, dict) else "",
)
def test_severity_decides_who_is_notified(labels: dict[str, str], told: set[str], tmp_path: Path) -> None:
    config = write(ALERTING, tmp_path)
    wanted = {"alertname": "KubePodCrashLooping", "namespace": "voting-app-production", **labels}
    assert receivers(config, **wanted) == told


def test_alerts_that_belong_together_are_one_message() -> None:
    for names in (SILENT, ALERTING):
        assert merged(names)["route"]["group_by"] == ["cluster", "namespace", "alertname"]


def test_every_receiver_is_reached_by_some_alert() -> None:
    config = merged(ALERTING)
    named = {receiver["name"] for receiver in config["receivers"]}
    reached = {config["route"]["receiver"], *(route["receiver"] for route in config["route"]["routes"])}
    assert reached == named


def test_the_worse_alert_speaks_for_the_lesser_in_both_forms() -> None:
    for names in (SILENT, ALERTING):
        rules = merged(names)["inhibit_rules"]
        assert {"severity = critical"} in [set(rule.get("source_matchers", ())) for rule in rules]


def test_credentials_are_files_of_the_secret_that_is_mounted() -> None:
    config = merged(ALERTING)
    (mount,) = yaml(FOLDER / "values.yaml")["alertmanager"]["alertmanagerSpec"]["volumeMounts"]
    credentials = dict(_credentials(config))
    assert credentials == {
        "slack_api_url_file": f"{mount['mountPath']}/slack-url",
        "smtp_auth_password_file": f"{mount['mountPath']}/smtp-password",
        "routing_key_file": f"{mount['mountPath']}/pagerduty-key",
    }


def _credentials(item: Any) -> list[tuple[str, str]]:
    """Every value whose key names a credential."""
    if isinstance(item, Mapping):
        own = [
            (key, value)
            for key, value in item.items()
            if re.search(r"password|secret|token|api_url|routing_key|service_key", key)
        ]
        return own + [pair for value in item.values() for pair in _credentials(value)]
    if isinstance(item, list):
        return [pair for value in item for pair in _credentials(value)]
    return []
