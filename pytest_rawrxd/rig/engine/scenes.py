"""Scenes of the scripted engine: what is wrong in each is known, so that a detector can be proven against it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """How a scripted engine behaves. Times are virtual; ``truth`` is what a correct instrument must find."""

    name: str
    truth: str
    step_ms: float = 12.5  #: mean of a decode step with one stream
    per_stream: float = 0.02  #: share that each further stream adds to a step
    prompt_ms: float = 0.05  #: each prompt token adds this to its step
    jitter: float = 0.01  #: coefficient of variation of one step
    run_spread: float = 0.0  #: coefficient of variation between calls of ``generate``
    leak_mb_per_h: float = 0.0
    stall_every_s: float | None = None
    stall_s: float = 0.0
    throttle_after_s: float | None = None
    throttle_to: float = 1.0  #: clock, and speed, as a share of the full one
    fault: str | None = None  #: "crash" or "hang"
    fault_after_steps: int = 40
    wrong_at: int | None = None  #: this token of every longer answer is another one than ``steady`` gives
    stop_share: float | None = None  #: answers end by themselves at this share of the length
    tokens_per_chunk: int = 1


SCENES = {
    scene.name: scene
    for scene in (
        Scene("steady", "80 tok/s with one stream, nothing wrong"),
        Scene("slow", "50 tok/s with one stream", step_ms=20.0),
        Scene("noisy", "calls differ by 12 %", run_spread=0.12),
        Scene("leak", "memory grows 5 MB an hour", leak_mb_per_h=5.0),
        Scene("stall", "3 s of every 15 s nothing moves", stall_every_s=15.0, stall_s=3.0),
        Scene("crash", "the process dies after 40 steps", fault="crash"),
        Scene("hang", "the process answers nothing after 40 steps", fault="hang"),
        Scene("wrong-token", "token 17 of every answer is wrong", wrong_at=17),
        Scene("throttle", "after 60 s the clock falls to 70 %", throttle_after_s=60.0, throttle_to=0.7),
        Scene("eos", "answers stop at half the length asked for", stop_share=0.5),
        Scene("coalesced", "tokens arrive four at a time", tokens_per_chunk=4),
        Scene("zero-variance", "every call takes the same time to the nanosecond", jitter=0.0),
        Scene("impossible", "10,000 tok/s: more than any memory can feed", step_ms=0.1),
    )
}
