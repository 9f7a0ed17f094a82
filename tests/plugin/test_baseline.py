"""``--sla-baseline``: shown in the summary and on the page, recorded for the judge, and never decisive."""

import json

import pytest


def test_a_baseline_is_shown_and_rebuilt_from_the_evidence_alone(acceptance):
    earlier = acceptance.run_dir.with_name("earlier")
    acceptance.run_dir, current = earlier, acceptance.run_dir
    assert acceptance.run(engine="scripted:slow").ret == 0
    acceptance.run_dir = current

    result = acceptance.run("--sla-baseline", str(earlier))

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "run (run directory) against earlier (run directory)",
            "Secondary information: a comparison decides no criterion.",
            "compared: engine.details.scene: 'slow' is now 'steady'",
            "differs: engine.device: 'scene slow' is now 'scene steady'",
            "decode_tps (variant Q4_K, tokens 64, streams 1): 50.0 tok/s, n 5 -> 80.0 tok/s*",
            "  INCONCLUSIVE: candidate at *",
        ]
    )
    assert "against earlier" in (acceptance.run_dir / "signoff-phase1.html").read_text()
    before = (acceptance.run_dir / "verdicts.json").read_bytes()
    for path in sorted(earlier.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert acceptance.pytester.run("rawrxd", "judge", str(acceptance.run_dir)).ret == 0
    assert (acceptance.run_dir / "verdicts.json").read_bytes() == before
    [comparison] = json.loads(before)["comparisons"]
    assert comparison["rows"][0]["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("named", "says"), [("nowhere", "*the baseline cannot be read*"), ("run", "*no baseline of itself*")]
)
def test_a_baseline_that_is_none_is_found_before_anything_is_measured(acceptance, named, says):
    result = acceptance.run("--sla-baseline", str(acceptance.run_dir.with_name(named)))

    assert result.ret == 4
    result.stderr.fnmatch_lines([says])
    assert not acceptance.run_dir.exists()
