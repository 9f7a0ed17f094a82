"""Puts fixtures/, acceptance/ and Allure's lock file into the wheel, so that the verbs work where it is only installed.

Not into an editable install: a copy there would go stale beside the checkout that is being edited.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Of ci/allure the files by name: npm installs beside them.
ALLURE = ("package.json", "package-lock.json", "still.cjs")
CARRIED = ("fixtures", "acceptance", *(f"ci/allure/{name}" for name in ALLURE))


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update({name: f"pytest_rawrxd/_data/{name}" for name in CARRIED})
