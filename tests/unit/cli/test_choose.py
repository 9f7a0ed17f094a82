"""``rawrxd choose``: one variant with its reason, or none, from what an H100 measured."""

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.places import package_data

RUN = str(package_data("fixtures") / "recordings" / "h100-pilot-vulkan")


@pytest.mark.parametrize(
    ("bounds", "chosen"),
    [
        (["--prefer", "speed"], "Hybrid"),
        (["--prefer", "memory"], "Q2_K"),
        (["--latency-ms", "4.55", "--prefer", "memory"], "Hybrid"),  # Q2_K may take 4.6 ms
        (["--vram-gb", "3.5", "--prefer", "speed"], "Q2_K"),  # Hybrid takes 3.78 GB
    ],
)
def test_one_variant_in_the_first_line_and_the_reason_below(capsys, bounds, chosen):
    assert main(["choose", RUN, *bounds]) == 0

    first, *rest = capsys.readouterr().out.splitlines()
    assert first == chosen
    assert "REHEARSAL" in rest[0]
    assert any("tok/s [" in line for line in rest)
    assert any("because: of" in line for line in rest)


def test_none_qualifies_is_said_with_every_reason_and_is_no_success(capsys):
    assert main(["choose", RUN, "--latency-ms", "1", "--prefer", "speed"]) == 1

    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "no variant qualifies"
    for variant in ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid"):
        assert any(line.strip().startswith(f"not {variant}: its time per token of") for line in rest)


def test_a_bound_that_was_not_measured_is_not_held(capsys):
    """The weights of the recording are random numbers: nothing is known of their quality."""
    assert main(["choose", RUN, "--min-quality", "0.95"]) == 1
    assert capsys.readouterr().out.count("its quality was not measured") == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--use", "production"], "no such use"),
        (["--min-quality", "95"], "no share from 0 to 1"),
        (["--latency-ms", "0"], "no positive number"),
        (["--vram-gb", "nan"], "no positive number"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(capsys, arguments, said):
    try:
        code = main(["choose", RUN, *arguments])
    except SystemExit as left:
        code = left.code

    assert code == 4
    assert said in capsys.readouterr().err
