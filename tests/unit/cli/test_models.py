"""``rawrxd models`` on a tiny ladder."""

import pytest

from pytest_rawrxd.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "models"


def test_synth_writes_all_variants_and_list_names_each_with_its_recipe(folder, capsys):
    assert main(["models", "synth", "--shape", "tiny", "--variants", "all", "-o", str(folder), "--workers", "1"]) == 0
    capsys.readouterr()

    assert main(["models", "list", str(folder), "--profile", "rx7800xt"]) == 0

    heading, *rows, missing = capsys.readouterr().out.splitlines()
    assert heading.split() == ["variant", "recipe", "file", "read", "a", "token", "fits", "name"]
    assert [row.split()[:2] for row in rows] == [
        ["Q2_K", "Q2_K"],
        ["Q4_K", "Q4_K_M"],
        ["Q5_K_M", "Q5_K_M"],
        ["Q6_K", "Q6_K"],
        ["Q8_0", "Q8_0"],
        ["Hybrid", "Hybrid"],
    ]
    assert all(row.split()[-2] == "yes" for row in rows)
    assert missing == "missing: none"


def test_some_variants_only(folder, capsys):
    main(["models", "synth", "--shape", "tiny", "--variants", "Q2_K,Q8_0", "-o", str(folder)])

    assert sorted(path.name for path in folder.iterdir()) == ["synthetic-tiny-Q2_K.gguf", "synthetic-tiny-Q8_0.gguf"]
    assert capsys.readouterr().out.endswith(f"2 variants in {folder}\n")
    main(["models", "list", str(folder)])
    assert capsys.readouterr().out.endswith("missing: Q4_K, Q5_K_M, Q6_K, Hybrid\n")


@pytest.mark.parametrize(
    "arguments", [["synth", "--shape", "9b", "-o", "x"], ["synth", "--shape", "tiny"], ["synth"], ["list"]]
)
def test_what_it_cannot_understand_is_a_usage_error(arguments, capsys):
    assert main(["models", *arguments]) == 4


def test_an_unknown_variant_is_named_with_the_known_ones(folder, capsys):
    assert main(["models", "synth", "--shape", "tiny", "--variants", "Q3_K", "-o", str(folder)]) == 4

    said = capsys.readouterr().err
    assert "no such variant: Q3_K" in said
    assert "Q2_K, Q4_K" in said
    assert not folder.exists()
