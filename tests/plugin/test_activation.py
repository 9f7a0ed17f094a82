"""Without a profile the plugin is not there; with one, the nearest source of a setting counts."""

import pytest

HEAVY = ("numpy", "scipy", "pydantic", "matplotlib", "llama_cpp", "psutil", "pytest_rawrxd.plugin.acceptance")


def test_an_unrelated_run_imports_nothing_heavy(pytester):
    pytester.makepyfile(
        f"""
        import sys

        def test_light():
            assert [name for name in {HEAVY} if name in sys.modules] == []
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*rawrxd: profile*")


def test_the_fixtures_exist_only_with_a_profile(pytester):
    pytester.makepyfile("def test_needs_it(sla): ...")

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'sla' not found*"])


@pytest.mark.parametrize(
    ("argument", "environment", "ini", "profile"),
    [
        ("small.toml", "production", "rx7800xt", "small"),
        (None, "small.toml", "rx7800xt", "small"),
        (None, None, "small.toml", "small"),
        (None, None, None, "embedded"),
        ("none", "production", "rx7800xt", None),
        (None, "none", "rx7800xt", None),
        (None, None, "none", None),
        ("", "small.toml", "rx7800xt", "small"),
    ],
)
def test_the_command_line_counts_before_the_environment_before_the_ini(
    acceptance, monkeypatch, argument, environment, ini, profile
):
    text = '[tool.pytest]\nsla_acceptance = ["acceptance"]\n' + (f'sla_profile = "{ini}"\n' if ini else "")
    acceptance.pytester.makepyprojecttoml(text)
    if environment is not None:
        monkeypatch.setenv("RAWRXD_SLA_PROFILE", environment)

    arguments = [] if argument is None else [f"--sla-profile={argument}"]
    result = acceptance.pytester.runpytest_inprocess("acceptance", "--collect-only", *arguments)

    if profile is None:
        result.stdout.no_fnmatch_line("*rawrxd: profile*")
    else:
        result.stdout.fnmatch_lines([f"*rawrxd: profile {profile} *"])


@pytest.mark.parametrize(("target", "active"), [("acceptance", True), (".", True), ("tests", False)])
def test_collecting_acceptance_tests_is_what_activates(acceptance, target, active):
    acceptance.pytester.mkdir("tests").joinpath("test_unit.py").write_text("def test_unit(): pass\n")

    result = acceptance.pytester.runpytest_inprocess(target, "--collect-only")

    (result.stdout.fnmatch_lines if active else result.stdout.no_fnmatch_line)(
        ["*rawrxd: profile embedded (REHEARSAL*"] if active else "*rawrxd: profile*"
    )
