"""What a server says about itself, in the names of this suite: its health, and the metrics that it exports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.rawrxd import HEALTH_PATH
from pytest_rawrxd.rig.server.target import HttpTarget

Get = Callable[..., tuple[int, bytes] | None]

#: Name of a server's own metric -> ours. llama.cpp server.cpp, vLLM v1/metrics, SGLang metrics_collector.
EXPORTED = {
    "llamacpp:requests_processing": names.RUNNING,
    "llamacpp:requests_deferred": names.WAITING,
    "llamacpp:tokens_predicted": names.TARGET_TOKENS,
    "llamacpp:kv_cache_usage_ratio": names.CACHE,
    "vllm:num_requests_running": names.RUNNING,
    "vllm:num_requests_waiting": names.WAITING,
    "vllm:generation_tokens": names.TARGET_TOKENS,
    "vllm:request_success": names.TARGET_REQUESTS,
    "vllm:kv_cache_usage_perc": names.CACHE,
    "sglang:num_running_reqs": names.RUNNING,
    "sglang:num_queue_reqs": names.WAITING,
    "sglang:generation_tokens": names.TARGET_TOKENS,
    "sglang:token_usage": names.CACHE,
    "process_start_time_seconds": names.START,
}
#: Key of RawrXD's ``/health`` -> ours.
MOST = 1e15  #: of anything that is counted, and of seconds
HEALTH = {
    "tokens_generated": names.TARGET_TOKENS,
    "total_requests": names.TARGET_REQUESTS,
    "failed_requests": names.TARGET_FAILURES,
}


def recognise(url: str, *, timeout_s: float, probe: Get = get) -> HttpTarget | None:
    """Which kind of server answers at ``url``; None where none does."""
    root = url.rstrip("/")
    health = probe(root + HEALTH_PATH, timeout_s=timeout_s)
    if health is not None and "tokens_generated" in _object(health):
        return HttpTarget("rawrxd", root)
    bare = root.removesuffix("/v1")
    if "total_slots" in _object(probe(f"{bare}/props", timeout_s=timeout_s)):
        return HttpTarget("llama-server", bare)
    if "version" in _object(probe(f"{bare}/api/version", timeout_s=timeout_s)):
        models = _object(probe(f"{bare}/api/tags", timeout_s=timeout_s)).get("models") or [{}]
        return HttpTarget("ollama", bare, model=models[0].get("name"))
    listed = _object(probe(f"{bare}/v1/models", timeout_s=timeout_s)).get("data")
    if isinstance(listed, list):
        return HttpTarget("openai", f"{bare}/v1", model=listed[0].get("id") if listed else None)
    return None


def told(target: HttpTarget, *, now_s: float, timeout_s: float, probe: Get = get) -> dict[str, float] | None:
    """What ``target`` says by our names, as far as it says anything; None where it does not say that it is well."""
    root = _root(target)
    health = probe(root + _HEALTH_PATHS.get(target.dialect, HEALTH_PATH), timeout_s=timeout_s)
    if health is not None and health[0] == 404:  # an OpenAI-compatible server without a health of its own
        health = probe(f"{target.base_url}/models", timeout_s=timeout_s)
    if health is None or health[0] != 200:
        return None
    said = _object(health)
    found = {ours: value for key, ours in HEALTH.items() if (value := _number(said.get(key))) is not None}
    if (uptime_s := _number(said.get("uptime_seconds"))) is not None:
        found[names.START] = now_s - uptime_s
    metrics = probe(f"{root}/metrics", timeout_s=timeout_s) if target.dialect not in {"rawrxd", "ollama"} else None
    if metrics is not None and metrics[0] == 200:
        for name, value in _exported(metrics[1].decode("utf-8", "replace")):
            found[name] = found.get(name, 0.0) + value
    return found


_HEALTH_PATHS: Mapping[str, str] = {"ollama": "/api/version"}


def _root(target: HttpTarget) -> str:
    parts = urlsplit(target.base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _exported(text: str) -> Iterator[tuple[str, float]]:
    """Our name and the value of each sample that has one; what is no exposition is passed over."""
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError:
        return
    for family in families:
        ours = EXPORTED.get(family.name.removesuffix("_total"))
        for sample in family.samples if ours else ():
            named = sample.name in {family.name, f"{family.name}_total"}
            if ours and named and (value := _number(sample.value)) is not None:
                yield ours, value


def _number(told: object) -> float | None:
    """A number that can be added up; None for anything else that a server may say in its place."""
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return float(told) if abs(told) <= MOST else None


def _object(answer: tuple[int, bytes] | None) -> dict[str, Any]:
    try:
        found = json.loads(answer[1]) if answer is not None and answer[0] == 200 else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
