"""Rules of a repository's own: what they find, what is wrong with them, and what they cannot do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cel import evaluator
from bootstrap.cel.process import library
from tests.conftest import Run
from tests.git_repositories import git
from tests.repositories import OURS, write

pytestmark = [
    pytest.mark.usefixtures("cache"),
    pytest.mark.skipif(library() is None, reason="cel-expr-python has no wheel for this Python"),
]

OWNER = """\
rules:
  - id: SHOP-1
    about: Every workload names its owner.
    severity: error
    match: {kinds: [Deployment]}
    expression: |-
      has(object.metadata.labels) &&
        'owner' in object.metadata.labels
    field: spec.template
    fix: add the label owner
"""
ENDLESS = f"'{'a' * 40}'.find('(a+)+b') != ''"


def found(run: Run, root: Path, *more: str) -> list[tuple[str, str, int, str]]:
    findings = json.loads(run("validate", str(root), *more, "-o", "json").out)["findings"]
    return [(one["rule"], one["file"], one["line"], one["message"]) for one in findings]


def rules(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": rules}, indent=1)


def one(expression: str, **more: Any) -> str:
    return rules({"id": "SHOP-1", "match": {"kinds": ["Deployment"]}, "expression": expression, **more})


def test_a_rule_finds_the_object_at_its_line(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": OWNER})
    assert found(run, root) == [
        ("SHOP-1", "apps/shop/base/shop.yaml", 8, "Deployment shop-dev/web: Every workload names its owner."),
    ]
    result = run("validate", str(root))
    assert result.exit == 1
    assert "error SHOP-1" in result.out
    assert "to do: add the label owner" in result.out


def test_an_object_that_a_rule_is_true_of_has_no_finding(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": one("object.kind == 'Deployment'")})
    assert found(run, root) == []


def test_a_rule_sees_all_objects_of_the_cluster_with_their_namespaces(run: Run, tmp_path: Path) -> None:
    there = "objects.exists(o, o.kind == 'Service' && o.metadata.namespace == object.metadata.namespace)"
    gone = there.replace("Service", "PodDisruptionBudget")
    text = rules(
        {"id": "HERE", "match": {"kinds": ["Deployment.apps"]}, "expression": there},
        {"id": "GONE", "match": {"kinds": ["Deployment"]}, "expression": gone, "message": "no budget"},
        {"id": "KIND", "match": {"kinds": ["Deployment"]}, "expression": "size(kinds['Service']) == 0"},
    )
    findings = found(run, write(tmp_path, OURS, {"checks/team.yaml": text}))
    assert [(rule, message) for rule, _, _, message in findings] == [
        ("GONE", "Deployment shop-dev/web: no budget"),
        ("KIND", "Deployment shop-dev/web: size(kinds['Service']) == 0"),
    ]


def test_a_message_may_be_an_expression(run: Run, tmp_path: Path) -> None:
    said = "'image ' + object.spec.template.spec.containers[0].image"
    root = write(tmp_path, OURS, {"checks/team.yaml": one("false", messageExpression=said, message="plain")})
    [(_, _, _, message)] = found(run, root)
    assert message.startswith("Deployment shop-dev/web: image registry.example.com/web")
    broken = one("false", messageExpression="object.nothing", message="plain")
    [(_, _, _, message)] = found(run, write(root, {"checks/team.yaml": broken}))
    assert message == "Deployment shop-dev/web: plain"


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"kinds": ["Deployment"], "namespaces": ["shop-*"]}, 1),
        ({"kinds": ["Deployment"], "namespaces": ["other"]}, 0),
        ({"kinds": ["Deployment.extensions"]}, 0),
        ({"kinds": ["Deployment"], "labels": {"nothing": "*"}}, 0),
    ],
)
def test_match_chooses_the_objects(run: Run, tmp_path: Path, match: dict[str, Any], expected: int) -> None:
    text = rules({"id": "SHOP-1", "match": match, "expression": "false"})
    assert len(found(run, write(tmp_path, OURS, {"checks/team.yaml": text}))) == expected


def test_settings_comments_options_and_baseline_apply(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": OWNER, "bootstrap.yaml": "checks: {off: [SHOP-1]}\n"})
    assert found(run, root) == []
    write(root, {"bootstrap.yaml": "checks: {severity: {SHOP-1: info}}\n"})
    assert run("validate", str(root)).exit == 0
    assert [rule for rule, *_ in found(run, root)] == ["SHOP-1"]
    write(root, {"bootstrap.yaml": "checks: {off: [SHOP-9]}\n"})
    assert ("GB111", "bootstrap.yaml", 1) in [one[:3] for one in found(run, root)]
    write(root, {"bootstrap.yaml": "checks: {}\n"})
    assert [rule for rule, *_ in found(run, root, "--rules", "SHOP")] == ["SHOP-1"]
    assert found(run, root, "--rules", "-SHOP-1") == []
    baseline = tmp_path / "baseline.json"
    run("validate", str(root), "--write-baseline", str(baseline))
    assert found(run, root, "--baseline", str(baseline)) == []
    shop = (root / "apps/shop/base/shop.yaml").read_text()
    ignored = shop.replace(
        "apiVersion", "# bootstrap: ignore=SHOP-1 the platform team owns it\napiVersion", 1
    )
    write(root, {"apps/shop/base/shop.yaml": ignored})
    assert found(run, root) == []


@pytest.mark.parametrize(
    ("good", "bad", "line", "says"),
    [
        ("id: SHOP-1", "id: GB404", 2, "not an id such as SHOP-1"),
        ("severity: error", "severity: fatal", 4, "not error, warning, info"),
        ("fix: add", "fixx: add", 10, "did you mean fix?"),
        ("{kinds: [Deployment]}", "{kinds: Deployment}", 5, "match.kinds is not a list"),
        ("{kinds: [Deployment]}", "{kind: [Deployment]}", 5, "did you mean kinds?"),
        ("'owner' in", "'owner' inn", 8, "does not compile (line 2"),
        ("'owner' in object", "'owner' in thing", 8, "undeclared reference to 'thing.metadata.labels'"),
        ("has(object.metadata.labels) &&", "object.kind + (", 8, "does not compile"),
        ("rules:", "rule:", 1, "no list of rules"),
    ],
)
def test_an_error_in_a_rule_is_one_finding_at_its_line(
    run: Run, tmp_path: Path, good: str, bad: str, line: int, says: str
) -> None:
    assert good in OWNER
    settings = {"bootstrap.yaml": "checks: {}\n"}
    root = write(tmp_path, OURS, settings, {"checks/team.yaml": OWNER.replace(good, bad)})
    [(rule, file, at, message)] = found(run, root)
    assert (rule, file, at) == ("GB140", "checks/team.yaml", line)
    assert says in message


def test_an_expression_of_another_type_is_refused(run: Run, tmp_path: Path) -> None:
    [(rule, _, _, message)] = found(run, write(tmp_path, OURS, {"checks/team.yaml": one("'text'")}))
    assert rule == "GB140"
    assert "the type string, not true or false" in message


def test_an_id_may_be_used_once(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/a.yaml": one("true"), "checks/b.yaml": one("true")})
    [(rule, file, _, message)] = found(run, root)
    assert (rule, file) == ("GB140", "checks/b.yaml")
    assert "SHOP-1 is the id of another rule, in checks/a.yaml" in message


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("rules:\n  - id: SHOP-1\n    expression: [\n", 4, "expected"),
        ("rules: &a\n  - id: SHOP-1\n    expression: 'true'\n    match: *a\n", 1, "expand to too much"),
        (f"rules: {'[' * 3000}{']' * 3000}\n", 1, "nesting depth"),
        ("- id: SHOP-1\n  expression: 'false'\n", 1, "no list of rules"),
        ("id: SHOP-1\nexpression: 'false'\n", 1, "no list of rules"),
        ("rules:\n  - id: SHOP-1\n    id: SHOP-2\n    expression: 'true'\n", 3, "id"),
    ],
)
def test_a_file_of_rules_that_cannot_be_read_is_no_clean_bill(
    run: Run, tmp_path: Path, text: str, line: int, says: str
) -> None:
    [(rule, file, at, message)] = found(run, write(tmp_path, OURS, {"checks/team.yaml": text}))
    assert (rule, file, at) == ("GB140", "checks/team.yaml", line)
    assert says in message


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].all(a, lists.range(10000).all(b, true))", "10,000 steps"),
        ("lists.range(100000000).size() > 0", "memory"),
        ("'a'.matches('(a{1,1000}){1,1000}')", "repetition"),
        ("object.kind", "neither true nor false"),
        ("'%.1000000000f'.format([1.0]) != ''", "precision"),
        ("9223372036854775807 + 1 > 0", "overflow"),
    ],
)
def test_a_rule_that_takes_too_much_says_what(run: Run, tmp_path: Path, expression: str, says: str) -> None:
    [(rule, _, _, message)] = found(run, write(tmp_path, OURS, {"checks/team.yaml": one(expression)}))
    assert (rule, says in message) == ("GB141", True), message


def test_what_cannot_be_evaluated_is_one_finding_and_no_clean_bill(run: Run, tmp_path: Path) -> None:
    text = rules({"id": "SHOP-1", "expression": "object.metadata.labels.owner != ''"})
    root = write(tmp_path, OURS, {"checks/team.yaml": text})
    [(rule, file, _, message)] = found(run, root)
    assert (rule, file) == ("GB141", "checks/team.yaml")
    assert "SHOP-1 was not evaluated for" in message
    assert "more: no such key: labels" in message
    assert run("validate", str(root)).exit == 1


def test_a_rule_that_does_not_end_is_left_out_and_the_others_are_used(run: Run, tmp_path: Path) -> None:
    text = rules(
        {"id": "SLOW", "expression": ENDLESS},
        {"id": "SHOP-1", "match": {"kinds": ["Deployment"]}, "expression": "false", "message": "found"},
    )
    findings = found(run, write(tmp_path, OURS, {"checks/team.yaml": text}))
    assert [rule for rule, *_ in findings] == ["SHOP-1", "GB141"]
    assert "a second of processor time" in findings[1][3]


def test_a_hostile_file_switches_no_other_rule_off_and_writes_one_line(run: Run, tmp_path: Path) -> None:
    shout = "'\\u001b[2J' + 'x\\n::error file=a::b'"
    text = one("false", messageExpression=shout, id="SHOP-1") + "\n---\n"
    text += json.dumps({"rules": [{"id": "GB303", "expression": "true"}], "checks": {"off": ["GB303"]}})
    broken = str(OURS["apps/shop/base/shop.yaml"]).replace("app: web\n  ports", "app: nobody\n  ports")
    root = write(tmp_path, OURS, {"apps/shop/base/shop.yaml": broken, "checks/team.yaml": text})
    findings = found(run, root)
    [message] = [message for rule, _, _, message in findings if rule == "SHOP-1"]
    assert "\x1b" not in message
    assert "\n" not in message
    assert {rule for rule, *_ in findings} == {"SHOP-1", "GB140", "GB303"}


def test_a_rule_sees_the_keys_of_a_secret_and_not_its_values(run: Run, tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: opensesame}\n"
    shop = OURS["apps/shop/base/shop.yaml"]
    assert isinstance(shop, str)
    text = rules(
        {
            "id": "SHOP-1",
            "match": {"kinds": ["Secret"]},
            "expression": "false",
            "messageExpression": "'found ' + object.stringData['password'] + '!'",
        }
    )
    root = write(
        tmp_path, OURS, {"apps/shop/base/shop.yaml": f"{shop}---\n{secret}", "checks/team.yaml": text}
    )
    messages = [message for rule, _, _, message in found(run, root) if rule == "SHOP-1"]
    assert messages == ["Secret shop-dev/s: found !"]


def test_the_second_run_finds_the_same_and_a_changed_rule_counts(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": OWNER})
    assert found(run, root) == found(run, root) != []
    write(root, {"checks/team.yaml": one("true")})
    assert found(run, root) == []


def test_of_a_changed_rule_everything_is_reported(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": one("true")})
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(root, "-c", "user.name=a", "-c", "user.email=a@example.com", *command)
    assert found(run, root, "--changed-since", "HEAD") == []
    write(root, {"checks/team.yaml": OWNER})
    assert [rule for rule, *_ in found(run, root, "--changed-since", "HEAD")] == ["SHOP-1"]


def test_rules_are_listed_and_reported_with_the_others(run: Run, tmp_path: Path) -> None:
    root = write(tmp_path, OURS, {"checks/team.yaml": OWNER})
    assert "Every workload names its owner." in run("validate", str(root), "--list-rules").out
    log = json.loads(run("validate", str(root), "-o", "sarif").out)["runs"][0]
    assert log["tool"]["driver"]["rules"][0]["id"] == log["results"][0]["ruleId"] == "SHOP-1"


def test_without_the_library_one_finding_says_that_no_rule_was_evaluated(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "library", lambda: None)
    root = write(tmp_path, OURS, {"checks/team.yaml": OWNER})
    [(rule, file, _, message)] = found(run, root)
    assert (rule, file) == ("GB141", "checks/team.yaml")
    assert "none of the 1 rules" in message
    assert "pip install" in message


def test_manifests_in_a_folder_of_that_name_are_not_rules(run: Run, tmp_path: Path) -> None:
    other = {"checks/alert.yaml": "groups:\n  - name: x\n", "checks/map.yaml": "apiVersion: v1\nkind: List\n"}
    without = {path: text for path, text in OURS.items() if path != "bootstrap.yaml"}
    assert [rule for rule, *_ in found(run, write(tmp_path, without, other)) if rule.startswith("GB14")] == []


def test_the_examples_of_the_page_are_rules_that_run(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/checks.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    findings = found(run, write(tmp_path, OURS, {"checks/team.yaml": example}))
    assert [(rule, line) for rule, _, line, _ in findings] == [("TEAM-1", 3)]
    shop = str(OURS["apps/shop/base/shop.yaml"]).replace(
        "spec:\n  selector", "spec:\n  replicas: 2\n  selector", 1
    )
    write(tmp_path, {"apps/shop/base/shop.yaml": shop})
    messages = {rule: message for rule, _, _, message in found(run, tmp_path)}
    assert messages["TEAM-2"].endswith("nothing keeps 2 pods from being evicted at once")
    text = page.partition("```text\n")[2].partition("```")[0]
    assert text in run("validate", str(tmp_path), "--rules", "TEAM-1").out
