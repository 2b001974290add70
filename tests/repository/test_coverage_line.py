"""The line about what was read stays readable where a large repository has hundreds of parts unread."""

from __future__ import annotations

from bootstrap.repository.coverage_line import MOST_REASONS, Coverage, Part

START = "read: 1 Application, 2 objects; not read: "


def line(*parts: tuple[str, str]) -> str:
    unread = tuple(Part("argocd/a", what, why, "a.yaml", 1) for what, why in parts)
    text = str(Coverage(1, 2, unread))
    assert text.startswith(START)
    return text.removeprefix(START)


def test_one_reason_has_a_few_names() -> None:
    assert line(("chart a", "no way"), ("chart b", "no way")) == "charts a, b (no way)"
    assert line(("ClusterPolicy a", "why"), ("ClusterPolicy b", "why")) == "ClusterPolicies a, b (why)"
    assert line(*((f"apps/{number}", "why") for number in range(9))) == (
        "apps/0, apps/1, apps/2, apps/3 and 5 more (why)"
    )


def test_reasons_that_differ_in_an_address_are_one() -> None:
    why = "resources names https://git.example.com/{}?ref=v1, which is not fetched"
    assert (
        line(("a", why.format("x"))) == "a (resources names https://git.example.com/x, which is not fetched)"
    )
    assert line(("a", why.format("x")), ("b", why.format("y")), ("c", why.format("z"))) == (
        "a, b, c (resources names https://git.example.com/x and 2 more, which are not fetched)"
    )
    assert "; " in line(("a", why.format("x")), ("b", why.format("x").replace("resources", "components")))


def test_rare_reasons_are_counted_when_there_are_many() -> None:
    often = [(f"apps/{number}", f"reason {number % MOST_REASONS}") for number in range(40)]
    text = line(("rare/1", "rare"), *often, ("rare/2", "rarer"), ("rare/3", "rare"))
    assert text.count("; ") == MOST_REASONS
    assert text.endswith("; and 3 more for 2 other reasons (-o json has every one)")
    assert "rare/" not in text
    assert len(text) < 600
