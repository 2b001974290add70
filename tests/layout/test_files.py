"""The catalog becomes a cluster's repository by a handful of edits, and nothing else changes."""

from __future__ import annotations

import difflib

import pytest

from bootstrap.core.errors import InputError
from bootstrap.layout import files as layout
from bootstrap.manifests.reader import documents
from tests.layouts import CATALOG, MANIFEST, URL, settings

DOMAIN = {"domain": "example.org"}


def changed_lines(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Every line that was added, of every file."""
    assert set(before) == set(after)
    lines: list[str] = []
    for path in sorted(before):
        diff = difflib.ndiff(before[path].decode().splitlines(), after[path].decode().splitlines())
        lines += [line[2:].strip() for line in diff if line.startswith("+ ")]
    return lines


def test_shipped_catalog_is_the_catalog_under_the_clusters_name() -> None:
    files = layout.shipped(CATALOG, MANIFEST, [settings(cluster="edge")])
    assert files["clusters/edge/root.yaml"] == CATALOG["clusters/default/root.yaml"]
    assert not any(path.startswith("clusters/default/") for path in files)
    assert files[layout.MANIFEST] == MANIFEST
    assert len(files) == len(CATALOG) + 1


def test_catalog_is_recovered_from_what_was_shipped() -> None:
    for clusters in ([settings(path="platform")], [settings(cluster="edge"), settings(cluster="hub")]):
        assert layout.recovered(layout.shipped(CATALOG, MANIFEST, clusters), clusters) == CATALOG


def test_first_edits_are_a_handful_of_lines() -> None:
    asked = settings(cluster="edge", domain="example.org", storage_class="fast", with_components=("loki",))
    shipped = layout.shipped(CATALOG, None, [asked])
    assert changed_lines(shipped, layout.edited(shipped, [asked])) == [
        "vote: vote.example.org",
        "result: result.example.org",
        "- ../../infrastructure/loki  # logs",
        f"- {URL}",
        f"sourceRepos: [{URL}]",
        f"repoURL: {URL}",
        "path: clusters/edge",
        f"repoURL: {URL}",
        "cluster: edge",
        "domain: example.org  # of the cluster's hosts",
        "storageClass: fast",
    ]


def test_volumes_of_the_apps_follow_the_storage_class_and_a_persons_own_choice_stays() -> None:
    overlay, other = (f"apps/shop/overlays/{name}/settings.yaml" for name in ("dev", "staging"))
    text = b"data:\n  storageClass: standard # of volumes\n  host: standard\n"
    catalog = {**CATALOG, overlay: text, other: text.replace(b": standard #", b": mine #")}
    shipped = layout.shipped(catalog, None, [settings()])
    assert layout.edited(shipped, [settings()])[overlay] == text
    fast = layout.edited(shipped, [settings(storage_class="fast")])
    assert fast[overlay] == text.replace(b": standard #", b": fast #")
    after = layout.changed(fast, settings(storage_class="fast"), settings(storage_class="slow"))
    assert after[overlay] == text.replace(b": standard #", b": slow #")
    assert after[other] == catalog[other]
    elsewhere = layout.changed(
        fast, settings(storage_class="fast"), settings(storage_class="slow"), is_apps=False
    )
    assert elsewhere[overlay] == fast[overlay]


def test_path_goes_before_every_path_inside_applications() -> None:
    asked = settings(path="platform/gitops")
    files = layout.edited(layout.shipped(CATALOG, MANIFEST, [asked]), [asked])
    traefik = documents(files["platform/gitops/infrastructure/traefik/application.yaml"], "x")[0]
    annotation = traefik["metadata"]["annotations"]["argocd.argoproj.io/manifest-generate-paths"]
    assert annotation == "/platform/gitops/infrastructure/traefik;/platform/gitops/infrastructure/shared"
    assert traefik["spec"]["sources"][0]["helm"]["valueFiles"] == [
        "$repo/platform/gitops/infrastructure/traefik/values.yaml"
    ]
    root = documents(files["platform/gitops/clusters/default/root.yaml"], "x")[0]
    assert root["spec"]["sources"][0]["path"] == "platform/gitops/clusters/default"


def test_adopted_argocd_is_left_in_its_owners_hands() -> None:
    asked = settings(adopted=True)
    files = layout.edited(layout.shipped(CATALOG, MANIFEST, [asked]), [asked])
    assert not layout.offered(files, asked)["argocd"].on


def test_with_all_switches_each_component_on_but_those_that_without_names() -> None:
    asked = settings(with_components=("all",), without_components=("tempo",))
    files = layout.edited(layout.shipped(CATALOG, MANIFEST, [asked]), [asked])
    on = {name for name, component in layout.offered(files, asked).items() if component.on}
    assert on == {"argocd", "traefik", "loki", "voting-app-dev"}


def test_unknown_component_is_reported_with_the_nearest_name() -> None:
    asked = settings(with_components=("lokki",))
    with pytest.raises(InputError) as caught:
        layout.edited(layout.shipped(CATALOG, MANIFEST, [asked]), [asked])
    assert "loki" in caught.value.hint


def laid_out(**changes: object) -> dict[str, bytes]:
    asked = settings(**changes)
    return layout.edited(layout.shipped(CATALOG, MANIFEST, [asked]), [asked])


def test_other_settings_of_an_existing_layout_change_what_they_name_alone() -> None:
    files = laid_out(**DOMAIN)
    after = layout.changed(files, settings(**DOMAIN), settings(domain="example.net"))
    assert changed_lines(files, after) == [
        "vote: vote.example.net",
        "result: result.example.net",
        "domain: example.net  # of the cluster's hosts",
    ]


def test_edit_next_to_one_by_hand_in_the_next_line_conflicts_with_nothing() -> None:
    files = laid_out()
    path = "clusters/default/kustomization.yaml"
    files[path] = files[path].replace(b"# - ../../infrastructure/tempo", b"- ../../infrastructure/tempo")
    after = layout.changed(files, settings(), settings(), components_asked=(["loki"], []))
    assert layout.offered(after, settings())["loki"].on
    assert layout.offered(after, settings())["tempo"].on


def test_value_changed_by_hand_stays_when_the_settings_stay() -> None:
    files = laid_out()
    path = "clusters/default/settings.yaml"
    files[path] = files[path].replace(b"standard", b"by-hand")
    assert layout.changed(files, settings(), settings()) == files


def test_repository_that_moved_is_named_anew_everywhere() -> None:
    files = laid_out()
    moved = "https://git.example.net/gitops.git"
    after = layout.changed(files, settings(), settings(repo_url=moved, branch="trunk"))
    cluster = b"".join(content for path, content in after.items() if path.startswith("clusters/"))
    assert URL.encode() not in cluster
    assert cluster.count(moved.encode()) == 4
    assert cluster.count(b"trunk") == 2


def test_two_clusters_share_the_apps_and_the_first_ones_domain() -> None:
    clusters = [settings(**DOMAIN), settings(cluster="edge", domain="edge.net")]
    files = layout.edited(layout.shipped(CATALOG, MANIFEST, clusters), clusters)
    assert b"domain: edge.net" in files["clusters/edge/settings.yaml"]
    assert b"vote.example.org" in files["apps/voting-app/overlays/dev/settings.yaml"]


def test_broken_yaml_is_reported_with_file_line_and_column() -> None:
    files = laid_out()
    path = "infrastructure/traefik/application.yaml"
    files[path] = b"kind: Application\nspec: [\n"
    with pytest.raises(InputError) as caught:
        list(layout.applications_in(files, "infrastructure/traefik"))
    assert caught.value.where is not None
    assert caught.value.where.startswith(f"{path}:3:")


def test_components_that_are_on_lead_to_their_applications() -> None:
    files = laid_out()
    folders = [one.folder(settings().folder) for one in layout.offered(files, settings()).values() if one.on]
    found = [item for folder in folders for item in layout.applications_in(files, folder)]
    assert [item["metadata"]["name"] for item in found] == ["argocd", "traefik", "voting-app-dev"]


def test_argocds_own_manifest_is_not_parsed_for_a_path() -> None:
    broken = b"spec:\n  names:\n    kind: Application\n  bad: [\n"
    clusters = [settings(path="platform")]
    files = layout.shipped(CATALOG, broken, clusters)
    assert layout.edited(files, clusters)[f"platform/{layout.MANIFEST}"] == broken
