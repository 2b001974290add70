"""Pure: a GitOps repository that is the application's own: which paths of it must start no build.

A bump commits to it. Where that commit changes what a service is built from, it is built and bumped
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
    """The folders that `image set --app` may write: where the app is, else where its layout puts it."""
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
    """The folders inside the service's that must start no build of it.

    InputError if they cannot be separated: the service is among what is written, or GitLab, whose
    `changes` leave nothing out, would have to.
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
            hint = "put the Dockerfile and its sources into a folder of their own, and name that by --service"
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
