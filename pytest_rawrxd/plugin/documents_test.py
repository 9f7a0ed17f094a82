"""What the nine documents rest on, as quantities to compare with promises. Nothing is measured to answer."""

from __future__ import annotations

from pytest_rawrxd.plugin.bound import Measured


class DocumentsTest:
    """The documents of the run directory: what its evidence gives them to print."""

    complete = Measured("documents_complete")
    measured_only = Measured("measured_only")
    curves_publishable = Measured("curves_publishable")
    recommendations_derived = Measured("recommendations_derived")
    version_history = Measured("version_history")
    sla_documented = Measured("sla_documented")
    sla_achievable = Measured("sla_achievable")
    release_ready = Measured("release_ready")
    walkthrough = Measured("operator_walkthrough")
    maintenance = Measured("planned_maintenance")

    @staticmethod
    def document(name: str) -> Measured:
        """Whether everything that one document prints is in the evidence."""
        return Measured("document_complete", {"document": name})

    @staticmethod
    def output(name: str) -> Measured:
        """Whether everything that a finished output shows is in the evidence; unlike ``output`` it measures nothing."""
        return Measured("output_written", {"output": name})
