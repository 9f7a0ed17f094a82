"""The engine process: ``python -m pytest_rawrxd.rig.engine.child``. The only module that imports llama_cpp."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from pytest_rawrxd.errors import LoadFailed
from pytest_rawrxd.rig.collector import no_garbage_collection
from pytest_rawrxd.rig.engine import log
from pytest_rawrxd.rig.engine.batch import TokenBatch, quicker_sampling
from pytest_rawrxd.rig.engine.decode import decode_all
from pytest_rawrxd.rig.engine.devices import digest, foremost, ggml_commit, library_files, list_devices
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo, LoadOptions, LoadReport, ProgressListener
from pytest_rawrxd.rig.engine.reasons import LENGTH
from pytest_rawrxd.rig.engine.score import rows_for, score_all
from pytest_rawrxd.rig.engine.serve import serve, take_pipes
from pytest_rawrxd.rig.engine.warmup import described, rehearsals, warm_up
from pytest_rawrxd.rig.engine.work import Outcome, ScoreWork, Work
from pytest_rawrxd.rig.models.quality import Scores


def main() -> None:
    """Serve one llama.cpp over stdin and stdout."""
    incoming, outgoing = take_pipes()
    serve(LlamaCpp.start, incoming, outgoing)


def _say(line: str) -> None:
    """To stderr without a buffer: the parent keeps the last lines of a process that died."""
    os.write(2, f"{line}\n".encode())


class LlamaCpp:
    """llama.cpp through llama-cpp-python's low-level API: one model, one context, for the life of the process."""

    @classmethod
    def start(cls) -> LlamaCpp:
        """Import the binding, silence its own log table and ask the libraries who they are."""
        import llama_cpp  # noqa: PLC0415  # loads the engine's libraries: in this process only
        import llama_cpp.llama_cpp as api  # noqa: PLC0415

        return cls(api, llama_cpp.__version__, clock=time.perf_counter_ns)

    def __init__(self, api: Any, binding: str, *, clock: Callable[[], int]) -> None:
        self._api, self._clock = api, clock
        self._book = log.LogBook(_say)
        self._callback = api.llama_log_callback(lambda level, text, _: self._book.feed(level, text))
        api.llama_log_set(self._callback, None)
        api.llama_backend_init()
        self._model: Any = None
        self._context: Any = None
        self._batch: TokenBatch | None = None
        self._scoring: TokenBatch | None = None
        self._options, self._threads = LoadOptions(n_ctx=0), 1
        self._samplers: list[Any] = []
        self._first_ms: float | None = None
        devices = self.devices()
        files = library_files(Path(api._lib._name).parent)
        self.info = EngineInfo(
            name="llama.cpp",
            version=ggml_commit(api._lib) or api.llama_version().decode(),
            binding=f"llama-cpp-python {binding}",
            backend=foremost(devices).backend,
            device=foremost(devices).description,
            library_sha256=digest(files),
            details={
                "llama_version": api.llama_version().decode(),
                "libraries": [path.name for path in files],
                "system_info": api.llama_print_system_info().decode(),
                "supports_gpu_offload": bool(api.llama_supports_gpu_offload()),
                "devices": [device.name for device in devices],
                "python": platform.python_version(),
            },
        )

    def load(self, model: Path, options: LoadOptions) -> LoadReport:
        """Load the model, make the context, warm it up. Raises LoadFailed with the engine's own words."""
        if self._model is not None:
            raise LoadFailed("this engine process has a model already", possible="one engine process for each model")
        self._book.forget()
        began = self._clock()
        self._options, self._threads = options, options.n_threads or psutil.cpu_count(logical=False) or 1
        try:
            self._model = self._load_model(model, options)
            sampling = self._open(options)
            loaded = self._clock()
            warmed = warm_up(options, self._loaded.n_ctx, self._rehearse_ms, self._first_ms) if options.warm_up else ()
        except LoadFailed:
            self.close()  # another attempt finds the memory free
            raise
        ready = self._clock()
        lines, devices = self._book.lines(), self.devices()
        on_gpu, total = log.offloaded(lines) or (0, self._api.llama_model_n_layer(self._model) + 1)
        self.info = _located(self.info, devices, on_gpu=on_gpu > 0)
        return LoadReport(
            load_s=(loaded - began) / 1e9,
            warm_up_s=(ready - loaded) / 1e9,
            layers_total=total,
            layers_offloaded=on_gpu,
            buffers=log.buffers(lines),
            n_ctx=self._loaded.n_ctx,
            log=log.notable(lines),
            sampling=sampling,
            n_threads=self._threads,
            devices=devices,
            warm_up=warmed,
        )

    def tokenize(self, text: str) -> list[int]:
        """Token ids of ``text`` with the special tokens that the model puts around it. Needs a loaded model."""
        data = text.encode()
        room = 0
        while True:  # the first answer is the room needed, negative
            tokens = (self._api.llama_token * room)()
            count = self._api.llama_tokenize(self._vocab(), data, len(data), tokens, room, True, True)
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def devices(self) -> tuple[Device, ...]:
        return list_devices(self._api._lib)

    def decode(self, work: Work, listener: ProgressListener) -> Outcome:
        batch = self._loaded
        batch.rearm()
        with no_garbage_collection():
            return decode_all(batch, work, clock=self._clock, listener=listener)

    def score(self, work: ScoreWork, listener: ProgressListener) -> Scores:
        """Score in a context of its own, because no other use wants the logits of every row. Needs a loaded model."""
        n_ctx = work.chunks.shape[1]
        rows = rows_for(n_ctx, self._n_vocab)
        options = replace(self._options, n_ctx=n_ctx, n_streams=1, prefill_chunk=rows - 1)
        context = self._make_context(options, outputs=rows)
        try:
            self._scoring = self._make_batch(context, options, outputs=rows)
            return score_all(self._scoring, work, bos=self._bos(), listener=listener)
        finally:
            self._scoring = None
            self._api.llama_free(context)

    def abort(self) -> None:
        for batch in (self._batch, self._scoring):
            if batch is not None:
                batch.abort()

    def close(self) -> None:
        """Free everything, in the order that the engine needs."""
        self._free_context()
        if self._model:
            self._api.llama_model_free(self._model)
        self._model = None

    @property
    def _loaded(self) -> TokenBatch:
        if self._batch is None:
            raise ValueError("no model is loaded")
        return self._batch

    def _vocab(self) -> Any:
        return self._api.llama_model_get_vocab(self._model)

    @property
    def _n_vocab(self) -> int:
        return int(self._api.llama_vocab_n_tokens(self._vocab()))

    def _bos(self) -> int | None:
        """The token that the model wants at the beginning of a text."""
        wanted = self._api.llama_vocab_get_add_bos(self._vocab())
        return int(self._api.llama_vocab_bos(self._vocab())) if wanted else None

    def _load_model(self, model: Path, options: LoadOptions) -> Any:
        params = self._api.llama_model_default_params()
        params.n_gpu_layers = options.n_gpu_layers
        params.check_tensors = options.check_tensors
        handle = self._api.llama_model_load_from_file(str(model).encode(), params)
        if not handle:
            raise self._refusal("the engine refused the model", where=str(model))
        return handle

    def _open(self, options: LoadOptions) -> str:
        """Make the context and its batch; returns the sampling that works."""
        wanted = options.sampling
        if wanted == "auto":
            on_gpu = bool(self._api.llama_supports_gpu_offload() and options.n_gpu_layers)
            wanted = quicker_sampling(options.n_streams, self._n_vocab, on_gpu=on_gpu)
        if wanted == "in-graph":
            self._start(options, in_graph=True)
            if self._samples_in_graph(options):
                return wanted
            if options.sampling == wanted:
                raise self._refusal("the engine cannot sample in its graph", possible="sampling 'argmax'")
            self._free_context()
            self._first_ms = None  # another context compiles again
        self._start(options, in_graph=False)
        return "argmax"

    def _start(self, options: LoadOptions, *, in_graph: bool) -> None:
        self._context = self._make_context(options, in_graph=in_graph)
        self._batch = self._make_batch(self._context, options, in_graph=in_graph)

    def _make_batch(
        self, context: Any, options: LoadOptions, *, in_graph: bool = False, outputs: int | None = None
    ) -> TokenBatch:
        return TokenBatch(
            self._api,
            context,
            n_streams=options.n_streams,
            # llama.cpp cuts the batch to the context, and aborts the process for a row more.
            rows=min(options.n_streams + options.prefill_chunk, self._api.llama_n_batch(self._context)),
            n_vocab=self._n_vocab,
            n_ctx=self._api.llama_n_ctx(context),
            in_graph=in_graph,
            outputs=outputs,
        )

    def _samples_in_graph(self, options: LoadOptions) -> bool:
        """The first call of the warm-up: the engine accepts samplers that its backend then leaves out."""
        began = self._clock()
        reasons = self.decode(self._rehearsals(options)[0], lambda _: None).reasons
        self._first_ms = (self._clock() - began) / 1e6
        return set(reasons) == {LENGTH}

    def _rehearse_ms(self, work: Work) -> float:
        began = self._clock()
        for reason in self.decode(work, lambda _: None).reasons:
            if reason != LENGTH:
                raise self._refusal(f"the warm-up failed ({described(work)}, {self._loaded.n_ctx} cells): {reason}")
        return (self._clock() - began) / 1e6

    def _rehearsals(self, options: LoadOptions) -> list[Work]:
        return rehearsals(n_streams=options.n_streams, prefill_chunk=options.prefill_chunk, n_ctx=self._loaded.n_ctx)

    def _make_context(self, options: LoadOptions, *, in_graph: bool = False, outputs: int | None = None) -> Any:
        """A context for ``n_streams`` sequences, with room for ``outputs`` rows of logits: one a stream without it."""
        params = self._api.llama_context_default_params()
        params.n_ctx = options.n_ctx
        params.n_batch = params.n_ubatch = options.n_streams + options.prefill_chunk
        params.n_seq_max, params.n_outputs_max = options.n_streams, outputs or options.n_streams
        params.n_threads = params.n_threads_batch = self._threads
        params.kv_unified = True
        params.no_perf = True
        params.offload_kqv = options.n_gpu_layers != 0
        # Without this a CPU reference still sends prompts of 32 tokens or more to the GPU.
        params.op_offload = options.n_gpu_layers != 0
        if in_graph:
            params.samplers, params.n_samplers = self._greedy_samplers(options.n_streams), options.n_streams
        context = self._api.llama_init_from_model(self._model, params)
        if not context:
            raise self._refusal(
                f"the engine refused a context of {options.n_ctx} cells for {options.n_streams} streams",
                possible="fewer cells or fewer streams",
            )
        return context

    def _greedy_samplers(self, n_streams: int) -> Any:
        api = self._api
        configs = (api.llama_sampler_seq_config * n_streams)()
        for stream, config in enumerate(configs):
            chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
            api.llama_sampler_chain_add(chain, api.llama_sampler_init_greedy())
            self._samplers.append(chain)
            config.seq_id, config.sampler = stream, ctypes.cast(chain, ctypes.c_void_p)
        return configs

    def _free_context(self) -> None:
        """Samplers before the context that uses them: the other order reads freed memory."""
        for sampler in self._samplers:
            self._api.llama_sampler_free(sampler)
        if self._context:
            self._api.llama_free(self._context)
        self._samplers, self._context, self._batch = [], None, None

    def _refusal(self, what: str, *, where: str | None = None, possible: str | None = None) -> LoadFailed:
        lines = self._book.lines()
        said = "; ".join(line[2:] for line in lines if line.startswith("E ")) or None
        return LoadFailed(what, where=where, found=said, possible=possible, log_tail=lines[-40:])


def _located(info: EngineInfo, devices: tuple[Device, ...], *, on_gpu: bool) -> EngineInfo:
    """``info`` with the backend and device that hold the weights: a GPU build without offloaded layers is a CPU."""
    used = foremost(devices) if on_gpu else next(device for device in devices if device.kind == "cpu")
    return replace(info, backend=used.backend, device=used.description)


if __name__ == "__main__":
    main()
