"""The gates: when evidence may be used at all, and the constants of the judging rules.

Each value is explained where it is decided. A rehearsal may widen a gate; none can be left out.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pytest_rawrxd.profile.quantities import Data, Duration, Ratio, Share
from pytest_rawrxd.profile.section import Count, Section
from pytest_rawrxd.profile.units import Quantity

Probability = Annotated[float, Field(gt=0, lt=1)]
#: One run has no spread, and nothing that is said of it an interval.
Several = Annotated[Count, Field(ge=2)]


class MinRuns(Section):
    """Usable runs below which a rule gives no verdict."""

    floor: Several
    equivalence: Several
    peak: Several


class Gates(Section):
    """When evidence is usable, and the constants of the rules."""

    confidence: Probability = Field(description="One-sided confidence of every criterion that names no other.")
    cv_max: Share = Field(description="Spread over runs above which the machine is too noisy.")
    contamination_max: Share = Field(description="Share of the CPU used by others above which a run is invalid.")
    throttle_share_max: Share = Field(description="Share of loaded samples with a throttle bit.")
    clock_median_min: Share = Field(description="Median clock of a block against the run's.")
    throttle_slowdown_max: Share = Field(description="Slowdown of the second half of a run.")
    noise_floor_max: Share = Field(description="The client's own interval error against the tightest latency bound.")
    send_lag_p99_max: Duration = Field(description="P99 of sent minus due instant.")
    token_count_mismatch_max: Share = Field(description="Difference of two ways to count the same tokens.")
    min_runs: MinRuns
    min_blocks: Several = Field(description="Time blocks below which a latency run gives no verdict.")
    min_injections: Count = Field(description="Independent fault injections below which there is no verdict.")
    min_fault_kinds: Count = Field(description="Kinds of fault below which recovery has no verdict.")
    quantile_guard: Share = Field(description="Share of the allowed exceedances that sign-off accepts.")
    systematic_error: Share = Field(description="Uncertainty of our clock that a floor must clear.")
    planning_design_effect: Ratio = Field(description="Tokens per independent token, for planning and ties.")
    planning_variation: Share = Field(
        default=Quantity(1.0, "%"),
        description="Run-to-run variation that a plan reckons with; a quiet machine has about this, the runs decide.",
    )
    peak_margin: Share = Field(description="Variants this close to the best share the peak.")
    compare_margin: Share = Field(description="A slowdown below this is none.")
    bottleneck_fixed_share_max: Share = Field(description="Largest share of the token time that no weights explain.")
    bottleneck_bandwidth_min: Share = Field(description="Smallest share of the measured read bandwidth.")
    bandwidth_impossible: Ratio = Field(description="Share of the peak above which a result is impossible.")
    bandwidth_suspicious: Share = Field(description="Share of the peak above which a result is suspicious.")
    bandwidth_low: Share = Field(description="Share of the peak below which a note is made.")
    spill_max: Share = Field(description="Growth of shared memory at load, as a share of the weights.")
    eviction_max: Share = Field(description="Fall of device memory under a held engine, as a share of the weights.")
    memory_page: Data = Field(
        description="Smallest step in which device memory is reported, or in which the allocator moves it."
    )
    stall_gap: Duration = Field(description="A gap above this is a stall.")
