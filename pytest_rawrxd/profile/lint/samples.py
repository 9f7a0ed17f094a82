"""Sample sizes against what the rules need to give a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.lint.bounds import high, point, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, number
from pytest_rawrxd.profile.profile import Profile


def sample_findings(profile: Profile) -> Iterator[LintFinding]:
    """Criteria that the protocol's sample cannot decide, even when nothing goes wrong."""
    yield from _processes(profile)
    yield from _quantiles(profile)
    yield from _blocks(profile)
    yield from _losses(profile)


def _processes(profile: Profile) -> Iterator[LintFinding]:
    single = profile.protocol.phase1
    for speed in promising(profile, "decode_tps", "floor", "equivalence"):
        tokens = speed.where["tokens"]
        runs = sum(cell.runs for cell in single.cells(str(speed.where["variant"])) if cell.tokens == tokens)
        needed: int = getattr(single.processes, speed.kind)
        if runs < needed:
            article = "an" if speed.kind == "equivalence" else "a"
            sentence = (
                f"the matrix has {runs} runs of {tokens} tokens, {article} {speed.kind} needs {needed} fresh "
                f"processes: {needed - runs} more are run"
            )
            yield LintFinding(Severity.SMALL_SAMPLE, (speed.id,), sentence, speed.bound_at)


def _quantiles(profile: Profile) -> Iterator[LintFinding]:
    """Without any exceedance n values bound the share by 1 - (1 - confidence)^(1/n), which must be allowed."""
    for criterion in promising(profile, "inter_token_latency", "quantile"):
        assert criterion.quantile is not None  # noqa: S101 - checked at load
        allowed = (1 - criterion.quantile) * profile.gates.quantile_guard.to("ratio")
        needed = math.ceil(math.log(1 - criterion.confidence) / math.log(1 - allowed))
        steps, how = _steps(profile, criterion)
        streams = int(criterion.where["streams"])
        independent = min(steps, steps * streams / profile.gates.planning_design_effect.to("ratio"))
        if independent < needed:
            sentence = (
                f"a share of {number(100 * allowed)} % at {number(100 * criterion.confidence)} % confidence needs "
                f"{needed} independent values, {how} hold {number(independent)}"
            )
            yield LintFinding(Severity.SMALL_SAMPLE, (criterion.id,), sentence, criterion.bound_at)


def _steps(profile: Profile, criterion: Criterion) -> tuple[float, str]:
    """Decode steps of the runs at the criterion's streams, and the sentence part that says where they come from."""
    load = profile.protocol.phase2
    streams = int(criterion.where["streams"])
    if streams == load.streams:
        return load.requests * load.tokens / streams, f"{load.requests} requests of {load.tokens} tokens"
    gap = _token_time(profile, criterion)
    how = f"{load.level_runs} x {load.level_duration} at {written(1000 * gap, 'ms')} a token"
    return load.level_runs * load.level_duration.to("s") / gap, how


def _token_time(profile: Profile, criterion: Criterion) -> float:
    """Seconds from token to token: the expected mean, or else the bound itself."""
    mean = next(promising(profile, "mean_inter_token_latency"), None)
    return high(criterion, "s") if mean is None else point(mean, "s")


def _blocks(profile: Profile) -> Iterator[LintFinding]:
    load, least = profile.protocol.phase2, profile.gates.min_blocks
    blocks = load.level_runs * int(load.level_duration.to("s") / load.block.to("s"))
    latencies = promising(profile, "inter_token_latency")
    concerned = [criterion for criterion in latencies if criterion.where["streams"] != load.streams]
    if concerned and blocks < least:
        runs = f"{load.level_runs} x {load.level_duration}"
        sentence = f"{runs} are {blocks} blocks of {load.block}, a latency needs {least}"
        names = tuple(criterion.id for criterion in concerned)
        yield LintFinding(Severity.SMALL_SAMPLE, names, sentence, concerned[0].bound_at)


def _losses(profile: Profile) -> Iterator[LintFinding]:
    """The requests in flight at one injection share its fate: they count as one."""
    faults = profile.protocol.faults
    for loss in (*promising(profile, "lost_requests"), *promising(profile, "fleet_loss")):
        independent = faults.requests / faults.streams
        upper = 1 - (1 - loss.confidence) ** (1 / independent)
        if upper > high(loss, "ratio"):
            enough = math.log(1 - loss.confidence) / math.log(1 - high(loss, "ratio")) * faults.streams
            sentence = (
                f"{faults.requests} requests, {faults.streams} in flight at each injection, are {number(independent)} "
                f"independent ones: without any loss the bound is {number(100 * upper)} %, allowed are "
                f"{number(high(loss, '%'))} %; {math.ceil(enough)} requests would do"
            )
            yield LintFinding(Severity.SMALL_SAMPLE, (loss.id,), sentence, loss.bound_at)
