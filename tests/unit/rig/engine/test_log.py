"""The engine's log: pieces become lines, lines become facts."""

import pytest

from pytest_rawrxd.rig.engine import log
from pytest_rawrxd.rig.engine.log import CONTINUED, DEBUG, ERROR, INFO, WARN, LogBook


@pytest.fixture
def echoed() -> list[str]:
    return []


@pytest.fixture
def book(echoed) -> LogBook:
    return LogBook(echoed.append)


def test_a_line_is_echoed_as_soon_as_it_is_whole(book, echoed) -> None:
    book.feed(ERROR, b"device ")
    book.feed(CONTINUED, b"lost")
    assert echoed == []

    book.feed(CONTINUED, b"\n")

    assert echoed == ["E device lost"]


def test_a_new_message_ends_the_one_before(book) -> None:
    book.feed(WARN, b"no line end")
    book.feed(INFO, b"next\n")

    assert book.lines() == ("W no line end", "I next")


def test_one_piece_may_hold_several_lines(book) -> None:
    book.feed(INFO, b"a\nb\nc")

    assert book.lines() == ("I a", "I b", "I c")


def test_loading_dots_and_debug_lines_are_left_out(book) -> None:
    book.feed(DEBUG, b"graph input\n")
    book.feed(CONTINUED, b"of debug\n")
    book.feed(INFO, b".")
    for _ in range(5):
        book.feed(CONTINUED, b".")
    book.feed(CONTINUED, b"\n")

    assert book.lines() == ()


def test_bytes_that_are_no_text_do_not_stop_the_log(book) -> None:
    book.feed(INFO, b"\xff ok\n")

    assert book.lines() == ("I \ufffd ok",)


def test_buffers_come_by_device_and_kind() -> None:
    lines = [
        "I load_tensors:      Vulkan0 model buffer size =  3823.29 MiB",
        "I load_tensors:   CPU_Mapped model buffer size =    70.31 MiB",
        "I llama_context: constructing llama_context",
        "I llama_kv_cache:    Vulkan0 KV buffer size =   512.00 MiB",
        "I sched_reserve:    Vulkan0 compute buffer size =   300.01 MiB",
        "I llama_context: Vulkan_Host  output buffer size =     0.49 MiB",
    ]

    found = {(buffer["device"], buffer["kind"]): buffer["bytes"] for buffer in log.buffers(lines)}

    assert found == {
        ("Vulkan0", "model"): round(3823.29 * 2**20),
        ("CPU_Mapped", "model"): round(70.31 * 2**20),
        ("Vulkan0", "kv"): 512 * 2**20,
        ("Vulkan0", "compute"): round(300.01 * 2**20),
        ("Vulkan_Host", "output"): round(0.49 * 2**20),
    }


def test_weights_add_up_and_a_reserved_buffer_replaces_the_one_before() -> None:
    lines = ["I x: CPU model buffer size = 1.00 MiB", "I x: CPU compute buffer size = 1.00 MiB"] * 2

    assert [buffer["bytes"] for buffer in log.buffers(lines)] == [2 * 2**20, 2**20]


def test_a_second_context_replaces_the_buffers_of_the_first() -> None:
    context = ["I llama_context: constructing llama_context", "I x: CPU KV buffer size = 1.00 MiB"]

    assert [buffer["bytes"] for buffer in log.buffers(context * 2)] == [2**20]


def test_offload_is_read_from_the_log_or_unknown() -> None:
    assert log.offloaded(["I load_tensors: offloaded 30/33 layers to GPU"]) == (30, 33)
    assert log.offloaded(["I load_tensors: offloading output layer to GPU"]) is None


def test_trouble_is_a_warning_an_error_or_a_word_of_failure() -> None:
    lines = ["I fine", "W odd", "E bad", "I ggml_vulkan: vk::DeviceLostError ErrorDeviceLost", "I alloc failed"]

    assert log.trouble(lines) == tuple(lines[1:])
    assert log.notable(["I fine", "I load: offloaded 1/2 layers to GPU", "E bad"]) == (
        "I load: offloaded 1/2 layers to GPU",
        "E bad",
    )
