"""One promise: as it is written in a profile, and as everybody else reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from pytest_rawrxd.profile.bounds import Exactly, Expected, Limit, Within
from pytest_rawrxd.profile.exemptions import EXEMPTIONS
from pytest_rawrxd.profile.gates import Probability
from pytest_rawrxd.profile.kinds import Direction, Kind
from pytest_rawrxd.profile.metrics import METRICS
from pytest_rawrxd.profile.models import Variant
from pytest_rawrxd.profile.protocol import Fault
from pytest_rawrxd.profile.section import Count, Section, Text

CriterionId = Annotated[str, StringConstraints(pattern=r"^(P1|P2|P3|SLA)-[A-Za-z0-9_-]+$")]
Phase = Literal[1, 2, 3]
Activity = Literal["bandwidth", "load", "soak", "faults"]
Record = Literal["memory_pressure", "checkpoints", "daily_review"]
Output = Literal[
    "performance_matrix",
    "performance_curves",
    "statistical_analysis",
    "bandwidth_analysis",
    "hybrid_feasibility",
    "decision_matrix",
    "concurrency_load_test",
    "stability_48h",
    "error_handling",
    "monitoring_alerting",
    "production_readiness_checklist",
    "operator_runbook",
    "scaling_graph",
    "decision_tree",
    "deployment_checklist",
]
Document = Literal[
    "EXECUTIVE_SUMMARY.md",
    "BENCHMARK_VISUAL_SUMMARY.txt",
    "Q2K_vs_Q4K_BENCHMARK_REPORT.md",
    "PERFORMANCE_SLA_SPECIFICATION.md",
    "OPERATOR_DEPLOYMENT_GUIDE.md",
    "PERFORMANCE_TRADE_OFF_ANALYSIS.md",
    "FINAL_GPU_BENCHMARK_REPORT.md",
    "GPU_SETUP_INSTRUCTIONS.md",
    "PRODUCTION_READINESS_FINAL_ASSESSMENT.md",
]


class Where(Section):
    """The conditions under which a metric is taken."""

    variant: Variant | None = None
    tokens: Count | None = None
    streams: Count | None = None
    percentile: Annotated[int, Field(gt=0, lt=100)] | None = None
    during: Activity | None = None
    backend: Literal["cpu", "gpu"] | None = None
    fault: Fault | None = None
    record: Record | None = None
    output: Output | None = None
    document: Document | None = None
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] | None = None


class CriterionEntry(Section):
    """A table ``[criteria.ID]`` as it is written. Exactly one key carries the bound."""

    title: Text
    source: Text = Field(description="The sentence of the roadmap that promises it.")
    kind: Kind = Field(description="The rule that judges it.")
    metric: Annotated[str, WithJsonSchema({"type": "string", "enum": list(METRICS)})] = Field(
        description="What is measured."
    )
    phase: Phase | None = Field(default=None, description="For SLA rows; the other ids carry their phase.")
    where: Where = Where()
    at_most: Limit | None = None
    at_least: Limit | None = None
    within: Within | None = None
    equals: Exactly | None = None
    bound_of: CriterionId | None = Field(default=None, description="The criterion whose bound this one shares.")
    expected: Expected | None = Field(default=None, description="The value the roadmap expects; shown, never judged.")
    quantile: Probability | None = Field(default=None, description="For kind quantile.")
    confidence: Probability | None = Field(default=None, description="Absent: the confidence of the gates.")
    informative: bool = Field(default=False, description="Shown, and decides nothing.")
    not_applicable: Annotated[str, WithJsonSchema({"type": "string", "enum": list(EXEMPTIONS)})] | None = Field(
        default=None, description="For rehearsals: the entry of the closed list that excuses it."
    )


class Criterion(Section):
    """A promise, complete: everything that judging and showing it needs.

    ``limit`` is one number, the pair (lower, upper) or a fact, in ``unit``. ``not_applicable`` is the reason in words.
    ``bound_at`` is the place where the number stands, ``file:line``.
    """

    id: CriterionId
    phase: Phase
    title: str
    source: str
    kind: Kind
    metric: str
    where: dict[str, str | int]
    unit: str
    direction: Direction
    limit: float | tuple[float, float] | bool
    expected: float | None
    bound_of: str | None
    quantile: float | None
    confidence: float
    informative: bool
    not_applicable: str | None
    bound_at: str
