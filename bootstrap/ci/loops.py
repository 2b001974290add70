"""Pure: which paths must start no build, where an application's repository is also its GitOps repository.

A bump commits to it. If that commit changes what a service is built from, the service is built and bumped
again, without end.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Literal

from bootstrap.ci.request import Service
from bootstrap.core.errors import InputError
from bootstrap.image import paths as images_layout
from bootstrap.image.places import is_kustomization
from bootstrap.repository.values import is_values


def written(paths: Iterable[str], app: str) -> list[str]:
    """The folders that `image set --app` may write: where the app is, or would be in the usual layout."""
    known = list(paths)
    usual = images_layout.app_folders(app)
    found = [folder for folder in usual if any(path.startswith(f"{folder}/") for path in known)]
    if not found:
        homes = [path for path in known if images_layout.home_of(path).app == app and _holds_images(path)]
        found = sorted({posixpath.dirname(path) for path in homes} - {""})
    return [*found, *([] if found else usual[:1])]


def left_out(
    service: Service, folders: Iterable[str], paths: Iterable[str], provider: Literal["github", "gitlab"]
) -> list[str]:
    """The folders inside the service's folder that must start no build of it.

    InputError if they cannot be left out: the service is inside a folder that is written, or the provider is
    GitLab, whose `changes` cannot leave a folder out.
    """
    tried = f"looking at the service {service.name}"
    inner = []
    for folder in folders:
        if folder.startswith(service.within):
            inner.append(folder)
        among = f"{service.folder}/".startswith(f"{folder}/")
        if among and any(path.startswith(service.within) and _holds_images(path) for path in paths):
            found = (
                f"{service.folder} has its Dockerfile and the images that a bump sets, in one repository:"
                " every bump would start the next build"
            )
            hint = "put the Dockerfile and its sources into a folder of their own, and name it with --service"
            raise InputError(tried, found, hint, service.folder)
    if inner and provider == "gitlab":
        where = "the whole repository" if service.folder == "." else service.folder
        found = (
            f"it is built from {where}, in which a bump writes {inner[0]}: every bump would start the next"
            " build, as changes of GitLab's rules cannot leave a folder out"
        )
        hint = f"move its sources into a folder and give --service {service.name}=FOLDER"
        raise InputError(tried, found, f"{hint}, or keep the GitOps repository apart", service.folder)
    return inner


def _holds_images(path: str) -> bool:
    return is_kustomization(path) or is_values(path)
