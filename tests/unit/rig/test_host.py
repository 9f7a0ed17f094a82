"""The machine as the operating system describes it; what cannot be read is absent."""

import psutil

from pytest_rawrxd.rig.host import last_level_cache, read_host, usable_cores


def cache(folder, index, kind, size):
    entry = folder / f"index{index}"
    entry.mkdir(parents=True)
    (entry / "type").write_text(f"{kind}\n")
    (entry / "size").write_text(f"{size}\n")


def test_the_largest_data_cache_counts(tmp_path):
    cache(tmp_path, 0, "Data", "48K")
    cache(tmp_path, 1, "Instruction", "999M")
    cache(tmp_path, 2, "Unified", "1024K")
    cache(tmp_path, 3, "Unified", "32M")

    assert last_level_cache(tmp_path) == 32 << 20


def test_a_system_that_lists_no_cache_has_none(tmp_path):
    assert last_level_cache(tmp_path) is None


def test_a_size_that_is_none_is_passed_over(tmp_path):
    cache(tmp_path, 0, "Unified", "unknown")

    assert last_level_cache(tmp_path) is None


def test_this_machine_is_described(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Processor 9000\n")

    host = read_host(tmp_path / "cpuinfo", tmp_path / "no-caches")

    assert host.cpu == "A Processor 9000"
    assert host.memory_bytes == psutil.virtual_memory().total
    assert host.llc_bytes is None
    assert 1 <= host.cores == usable_cores() <= psutil.cpu_count()
    assert "python" not in host.identity()
