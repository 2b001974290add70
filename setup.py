"""Builds from an empty folder: what an earlier build left in `build/` is in no wheel."""

import shutil

from setuptools import setup
from setuptools.command.build import build


class Build(build):
    """The usual build, without what the one before left."""

    def run(self) -> None:
        """Empty the folder that the wheel is made of, then build into it."""
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build": Build})
