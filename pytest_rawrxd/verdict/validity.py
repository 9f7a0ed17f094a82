"""When can evidence not be used? The rules, as data. A phase with a violation of severity "error" cannot be signed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a violation does to the verdicts that rest on the evidence."""

    ERROR = "error"  #: they are INVALID
    WARNING = "warning"  #: they stand, and the page says it
    NOTE = "note"


@dataclass(frozen=True)
class Rule:
    """One way in which evidence deceives."""

    id: str
    protects: str
    message: str
    fix: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Violation:
    """A rule that the evidence breaks, with what was found."""

    rule: Rule
    found: str

    def sentence(self) -> str:
        """Return the message with what was found."""
        return f"{self.rule.message}: {self.found}"


CATALOGUE = (
    Rule("V-EMPTY", "every criterion", "the sample is empty", "measure before judging"),
    Rule(
        "V-TOKENS",
        "throughput and loss",
        "received tokens differ from the requested ones",
        "set ignore_eos and the token limit, and find out who cut or repeated the stream",
    ),
    Rule(
        "V-CACHE",
        "first token latency, throughput",
        "the engine answered from its prompt cache",
        "unique prompts with the nonce first, and cache_prompt off",
    ),
    Rule(
        "V-EOS",
        "throughput and latency quantiles",
        "a generation ended before its token limit",
        "set ignore_eos, and check the finish reason",
    ),
    Rule(
        "V-CHUNK",
        "token-level gaps",
        "tokens came several at a time",
        "report chunk gaps, or let the server flush each token",
    ),
    Rule("V-LOOP", "latency", "the client was late itself", "fewer streams a client process, or more client processes"),
    Rule("V-SEND", "latency under open-loop load", "requests were sent late", "more client processes, or a lower rate"),
    Rule(
        "V-NOISE",
        "latency quantiles",
        "the noise floor of the client is too close to the tightest bound",
        "a quieter machine, then calibrate again",
    ),
    Rule(
        "V-HOST",
        "throughput and latency",
        "other programs used the processor",
        "stop other work on the machine, then repeat the run",
    ),
    Rule(
        "V-GPU",
        "throughput, memory and latency",
        "other processes used the device",
        "stop them, or measure on a device of its own",
    ),
    Rule(
        "V-CLOCK",
        "every time",
        "wall clock and monotonic clock ran apart: a step, or the machine was suspended",
        "switch suspend off, let the clock be slewed, then repeat the run",
    ),
    Rule(
        "V-BACKEND",
        "every criterion",
        "the engine ran on another backend or device than the profile names",
        "install the engine for that backend, let it see one card (CUDA_VISIBLE_DEVICES, GGML_VK_VISIBLE_DEVICES, "
        "ROCR_VISIBLE_DEVICES), and check the offload proof of the load",
    ),
    Rule(
        "V-IDENTITY",
        "every criterion",
        "the identity changed inside the run",
        "a new run directory for each model, engine, driver and machine",
    ),
    Rule("V-BLOCKS", "latency quantiles", "too few time blocks", "a longer run, or more runs into the same directory"),
    Rule(
        "V-STALE",
        "every criterion",
        "the evidence belongs to another profile, model, engine or driver than asked for",
        "measure again with what is to be signed",
    ),
    Rule(
        "V-WINDOW",
        "latency under load",
        "the promised number of streams was not active long enough",
        "longer generations, or refill slots at once",
    ),
    Rule(
        "V-STEADY",
        "throughput",
        "no steady state: warm-up is cut at half the series",
        "a longer run, and check temperature and clocks",
    ),
    Rule(
        "V-DURATIONS",
        "throughput",
        "raw durations repeat: they were not timed",
        "check the clock and the engine, then repeat all runs",
    ),
    Rule(
        "V-PHYSICS",
        "throughput",
        "the throughput is physically impossible",
        "check clock, token count and model",
    ),
    Rule("V-THROTTLE", "throughput and latency", "the device throttled", "let it cool, then repeat the run"),
    Rule(
        "V-SPILL",
        "throughput and memory",
        "the driver paged device memory to the host",
        "a smaller model or context: this one does not fit",
    ),
    Rule(
        "V-FAULT",
        "loss and recovery",
        "an injected fault had no effect",
        "check that the fault bites while requests are in flight",
    ),
    Rule(
        "V-GAP",
        "soak criteria",
        "the journal of the soak has a gap that is not downtime",
        "find out why sampling stopped; a gap is never interpolated",
    ),
    Rule(
        "V-DOWNTIME",
        "soak criteria",
        "interruptions took more of the soak than it may lose",
        "repeat it on a machine that stays up; what nobody observed is never interpolated",
    ),
    Rule(
        "V-WORKERS",
        "load from many hosts",
        "a worker's share is missing, late or changed",
        "repeat the run with all workers, each on a host of its own near the server",
    ),
    Rule(
        "V-SELFCHECK",
        "every criterion of the session",
        "a planted defect was not caught, or a clean control alarmed",
        "the instrument is broken: report it, do not sign",
    ),
    Rule(
        "V-POWERCAP",
        "reading of throughput",
        "a software power cap was active",
        "raise the cap, or name it in the profile",
        Severity.NOTE,
    ),
    Rule(
        "V-SUSPICIOUS",
        "reading of throughput",
        "the throughput is suspiciously close to the memory's peak",
        "look at clock, token count and bytes per token before signing",
        Severity.WARNING,
    ),
)
RULES = {rule.id: rule for rule in CATALOGUE}


def violation(rule_id: str, found: str) -> Violation:
    """Return the violation of a rule of the catalogue; KeyError on an id that is not in it."""
    return Violation(RULES[rule_id], found)
