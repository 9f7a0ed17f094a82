"""How it is measured: matrix, durations, load, soak and faults. Every run obeys these numbers and no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from pytest_rawrxd.profile.models import Variant
from pytest_rawrxd.profile.quantities import Duration, Share, ascending, refusal
from pytest_rawrxd.profile.section import Count, Section, Text
from pytest_rawrxd.profile.units import Quantity

Fault = Literal[
    "device_unavailable",
    "out_of_memory",
    "timeout",
    "process_crash",
    "freeze",
    "model_file",
    "connection",
    "malformed",
    "cancellation",
    "journal_full",
]

#: Of prompts and completions: nothing; the answers to canaries, which are the suite's own nonces; all of them.
Keep = Literal["none", "canaries", "all"]

#: Of a soak at most; 48 h have 5,760 bursts, 576 samples and 2 reviews. Each review is a page.
EVENTS: Final = {
    **dict.fromkeys(("burst_every", "idle_every", "restart_every", "sample_every", "checkpoint_every"), 200_000),
    "review_every": 1_000,
}
SCRAPES: Final = 1_000_000  #: a month of one each 2.6 s
_CELL: Final = re.compile(r"([1-9]\d*)x([1-9]\d*)")


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: so many tokens, in so many fresh processes."""

    tokens: int
    runs: int

    @classmethod
    def read(cls, raw: object) -> Self:
        if isinstance(raw, cls):
            return raw
        found = _CELL.fullmatch(raw) if isinstance(raw, str) else None
        if found is None:
            raise refusal("not a cell of the matrix", 'tokens x runs, as in "256x5"')
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.tokens}x{self.runs}"


CellText = Annotated[
    Cell,
    PlainValidator(Cell.read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_CELL.pattern}$"}),
]


def _rising(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] > pair[1]:
        raise refusal("lower end above the upper end", f"[{pair[1]}, {pair[0]}] in this order")
    return pair


Durations = Annotated[tuple[Duration, Duration], AfterValidator(ascending)]
Counts = Annotated[tuple[Count, Count], AfterValidator(_rising)]


class Processes(Section):
    """Fresh processes that a rule needs; the profile adds processes to the matrix until each rule has them."""

    floor: Count = Field(description="Fresh processes for a floor.")
    equivalence: Count = Field(description="Fresh processes for an equivalence.")
    peak: Count = Field(description="Fresh processes per variant for the peak and the bottleneck.")


class SingleStream(Section):
    """Phase 1: one stream, one fresh process per run, variants interleaved."""

    matrix: dict[Variant, tuple[CellText, ...]] = Field(description="Per variant: tokens x runs.")
    judged_tokens: Count = Field(description="The cell that is judged; the others are shown.")
    min_duration: Duration = Field(description="Each process repeats its cell until this time is over.")
    processes: Processes
    prompt_tokens: Count = Field(description="Length of the prompt.")
    prefill_chunk: Count = Field(description="Prompt tokens per decode call.")
    context: Count = Field(description="Cells of the KV cache.")
    warm_up_requests: Count = Field(description="Requests dropped at the start of each process.")

    def cells(self, variant: str) -> tuple[Cell, ...]:
        """The matrix of ``variant``; empty where it has none."""
        return next((cells for name, cells in self.matrix.items() if name == variant), ())


class BandwidthTest(Section):
    """The sustained test that shows the memory bus as the limit."""

    variant: Variant = Field(description="Variant under test; the largest that fits where this one does not.")
    duration: Duration = Field(description="Uninterrupted time under load.")


class QualityText(Section):
    """The text that each variant is scored on against the most precise file present, once in a campaign."""

    context: Annotated[int, Field(ge=8, le=65_536)] = Field(
        description="Tokens of a chunk; those of its second half are scored."
    )
    chunks: Count = Field(description="Chunks of the text; all it has, where it has fewer.")


class Load(Section):
    """Phase 2: many streams."""

    variant: Variant
    streams: Count = Field(description="Client threads of the main run.")
    requests: Count = Field(description="Requests of the main run, all processes together.")
    processes: Count = Field(description="Fresh processes that share the requests.")
    tokens: Count = Field(description="Generated tokens of each request.")
    levels: tuple[Count, ...] = Field(min_length=1, description="Numbers of streams that are measured.")
    level_runs: Count = Field(description="Runs of each level beside the main one, interleaved with one stream.")
    level_duration: Duration = Field(description="Length of each such run.")
    block: Duration = Field(description="Length of the time blocks that intervals are computed over.")
    prompt_tokens: Count
    prefill_chunk: Count = Field(description="Prompt tokens per decode call; the knob for P95.")
    context_per_stream: Count = Field(description="Cells of the KV cache for each stream.")
    open_loop: Share = Field(
        default=Quantity(70.0, "%"), description="Over HTTP: rate of the open loop, as a share of the main run's tok/s."
    )
    arrivals: Literal["poisson", "constant", "burst", "ramp"] = Field(
        default="poisson",
        description="Of the open loop: at random, evenly, all streams at once, or from half to 1.5 x.",
    )
    client_processes: Count = Field(default=1, description="Over HTTP: processes that share the streams of a run.")
    beside: tuple[Text, ...] = Field(
        default=(), description="Engines that do the main run and one stream beside the one under test; never judged."
    )


class Soak(Section):
    """The stability test."""

    duration: Duration
    streams: Count
    tokens: Count = Field(description="Generated tokens of each request.")
    burst_every: Duration = Field(description="A burst starts at its instant, or when the previous one has ended.")
    burst_requests: Counts = Field(description="Fewest and most requests of a burst.")
    idle_every: Duration = Field(description="Loaded time between two idle phases.")
    idle: Durations = Field(description="Shortest and longest idle phase.")
    restart_every: Duration = Field(description="Life of an engine process.")
    settle: Duration = Field(description="Time after each start that is left out of the drift.")
    sample_every: Duration
    checkpoint_every: Duration
    review_every: Duration
    thermal_every: Duration = Field(
        default=Quantity(5.0, "s"), description="Beat of the readings whose means temperature and utilisation are."
    )
    stop_on_fail: bool = Field(
        default=False, description="End the soak at its first crash, or when a look at the drift has failed it."
    )
    downtime_max: Share = Field(
        default=Quantity(1.0, "%"), description="Share of the soak that interruptions may take before it is invalid."
    )

    @model_validator(mode="after")
    def _counted(self) -> Self:
        """Refuse what would make more of anything than a soak of a month has: a judge goes through each."""
        for name, most in EVENTS.items():
            every = getattr(self, name).to("s")
            if self.duration.to("s") / every > most:
                raise refusal(f"more than {most:,} times {name} in {self.duration}", f"at most {most:,}")
        return self


class Faults(Section):
    """Fault injection."""

    kinds: tuple[Fault, ...] = Field(min_length=1, description="Injected in turn, under load.")
    drills: tuple[Fault, ...] = Field(default=(), description="Done once each, without load: they cost no window.")
    injections: Count = Field(description="Independent injections, all kinds together.")
    streams: Count = Field(description="Streams under load when a fault is injected.")
    requests: Count = Field(description="Requests that loss is counted over, all injections together.")
    window: Duration = Field(description="Time from an injection over which loss is counted.")
    retries: int = Field(ge=0, le=100, description="Retries that a client may make before a request is lost.")
    retry_after: Duration = Field(default=Quantity(10.0, "s"), description="Time from a failure to its retry.")
    hold: Duration = Field(
        default=Quantity(30.0, "s"), description="A fault is undone when it has shown its effect, or after this time."
    )
    silence: Duration = Field(
        default=Quantity(10.0, "s"), description="The supervisor ends a target whose ready page is silent for so long."
    )
    tokens: Count | None = Field(default=None, description="Generated tokens of each request; absent: of phase 2.")
    queue: Count = Field(default=150, description="Requests that wait at once when the queue is flooded.")
    cancellations: Count = Field(default=1000, description="Requests that their clients give up.")
    target: Text | None = Field(
        default=None, description="The server that faults are injected into; absent: the engine under test."
    )


class Hooks(Section):
    """Commands with which somebody else's supervisor is asked: systemd, Docker, a Windows service."""

    start: tuple[Text, ...] = Field(min_length=1)
    stop: tuple[Text, ...] = Field(min_length=1)
    pid: tuple[Text, ...] = Field(min_length=1, description="Prints the process id of the running target.")
    deadline: Duration = Field(default=Quantity(60.0, "s"), description="A hook that takes longer has failed.")


class Supervision(Section):
    """The system under test as a service: a command that the suite owns, or hooks of its supervisor."""

    command: tuple[Text, ...] = Field(
        default=(), description="Starts it in the foreground; {model}, {port}, {context} and {streams} are filled in."
    )
    hooks: Hooks | None = Field(default=None, description="Instead of a command.")
    url: Text = Field(default="http://127.0.0.1:{port}", description="Where it answers; only this machine is allowed.")
    dialect: Literal["llama-server", "openai", "openai-chat", "ollama", "rawrxd"] = "llama-server"
    model: Text | None = Field(default=None, description="Its name in each request; Ollama needs one.")
    ready: Text = Field(default="/health", description="Path that answers 200 when the model is loaded.")
    restart: Literal["always", "never"] = Field(default="always", description="What follows an end nobody asked for.")
    restart_wait: Duration = Field(default=Quantity(1.0, "s"), description="Between an end and the next start.")
    stop_deadline: Duration = Field(default=Quantity(10.0, "s"), description="Then a stop becomes a kill.")


class Monitoring(Section):
    """What watches the engine after the sign-off: rules, probe, and the drill that proves them."""

    scrape_every: Duration = Field(description="How often Prometheus reads the probe and evaluates the rules.")
    window: Duration = Field(description="Stretch that a rate is taken over.")
    hold: Duration = Field(description="A breach that is over sooner stays silent; longer than the window.")
    down_hold: Duration = Field(description="The same for a server that does not answer.")
    early: Share = Field(description="An early warning comes at this share of a bound.")
    early_of: dict[Text, Share] = Field(default={}, description="The same for single criteria, by id.")
    sla_window: Duration = Field(description="Time over which the SLA counts its percentiles and its availability.")
    burn_window: Duration = Field(description="Stretch over which lost availability is set against the budget.")
    burn_share: Share = Field(description="Share of the budget that, lost within it, is a warning.")
    probe_every: Duration = Field(description="From the end of one probe request to the next.")
    probe_tokens: Annotated[int, Field(ge=2, le=4096)] = Field(description="Generated tokens of a probe request.")
    probe_deadline: Duration = Field(description="A probe request that is not complete by then has failed.")
    health_deadline: Duration = Field(description="A server that does not answer its health in this time is down.")
    clean: Duration = Field(description="Length of the drill's control, in which no alert may fire.")
    runbook: Text = Field(description="Where an operator reads what to do; the name of the alert follows behind #.")

    @model_validator(mode="after")
    def _counted(self) -> Self:
        """Refuse a stretch of more scrapes than a rule can be tested over."""
        for name in ("window", "hold", "down_hold", "sla_window", "burn_window", "clean"):
            stretch = getattr(self, name)
            if stretch.to("s") / self.scrape_every.to("s") > SCRAPES:
                raise refusal(f"more than {SCRAPES:,} scrapes in {name}, {stretch}", f"at most {SCRAPES:,}")
        return self


class Protocol(Section):
    """How it is measured."""

    seed: int = Field(ge=0, le=2**53 - 1, description="Seed of prompts, order and burst sizes.")
    load_deadline: Duration = Field(description="An engine that has not loaded a model by then hangs.")
    request_deadline: Duration = Field(description="A request that is not complete by then is lost.")
    test_deadline: Duration = Field(
        default=Quantity(1800.0, "s"),
        description="A test is stopped after this time and three times what its session plans to measure.",
    )
    keep_answers: Keep = Field(
        default="none",
        description="Prompts and completions that the evidence holds: none, those of canaries, or all; wrong answers "
        "can be judged from canaries or all.",
    )
    phase1: SingleStream
    bandwidth: BandwidthTest
    quality: QualityText
    phase2: Load
    soak: Soak
    faults: Faults
    monitoring: Monitoring | None = None
    supervision: Supervision | None = Field(default=None, description="Absent: a llama-server that the suite starts.")
