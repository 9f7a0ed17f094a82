"""Documents of a real run: what an H100 showed, judged here, on a machine that has none."""

import shutil

import pytest
from fakes.charts import save_nothing
from matplotlib.figure import Figure

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.bundle import bundle, drawn_names
from pytest_rawrxd.report.nine.write import nine_documents
from pytest_rawrxd.report.render import render, view_of
from pytest_rawrxd.verdict.judge import judge

RECORDINGS = package_data("fixtures") / "recordings"


@pytest.fixture(scope="package", params=["h100-pilot-vulkan", "h100-load-vulkan"])
def recorded(request):
    """The evidence of one recording and the dossier that is made of it."""
    evidence = Evidence.read(RECORDINGS / request.param)
    return evidence, view_of(evidence, judge(evidence))


@pytest.fixture(scope="package")
def documents(recorded):
    """Every file of the nine documents by its name, as text."""
    charts = drawn_names(bundle(recorded[1]))
    return {name: content.decode() for name, content in nine_documents(recorded[1], charts=charts).items()}


@pytest.fixture(scope="package")
def judged_run(tmp_path_factory):
    """A judged copy of the recording of phase 1."""
    copy = tmp_path_factory.mktemp("runs") / "h100-pilot-vulkan"
    shutil.copytree(RECORDINGS / copy.name, copy)
    evidence = Evidence.read(copy)
    render(evidence, judge(evidence))
    return copy


@pytest.fixture(scope="module")
def undrawn():
    """No curve is drawn in a module that asks for this: drawing takes most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_nothing)
        yield
