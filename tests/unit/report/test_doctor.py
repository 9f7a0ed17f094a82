"""What the doctor prints, word for word."""

from dataclasses import replace

from fakes.checkup import checkup, models, readings

from pytest_rawrxd.measure.capability import capability
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.doctor import WIDTH, doctor_text

ROADMAP = load_profile("rx7800xt")
ASKED = sum(not criterion.not_applicable for criterion in ROADMAP.criteria.values())
HEALTHY = """\
Machine
  processor        AMD Ryzen 7, 16 cores usable, last-level cache 96 MiB
  system           Linux 6.12 x86_64, Python 3.12.1
  memory           68.72 GB, 53.69 GB available
  disk             100.00 GB free for reports
  other programs   2 % of all cores

GPUs
  0                AMD Radeon RX 7800 XT, 17.16 GB, amdgpu 6.12.12, found by amdgpu sysfs
  Vulkan           loader 1.4.303
                   1.4.303 AMD Radeon RX 7800 XT (discrete)

Engine
  build            rawrxd 1.0, vulkan
  Vulkan0          AMD Radeon RX 7800 XT, gpu, 16.50 GB of 17.16 GB free
  llama-server     tested as release b10068 of llama.cpp; builds for every system:
                   https://github.com/ggml-org/llama.cpp/releases/tag/b10068

Telemetry, of the GPU and of the host
  memory_used_bytes            0.5 GB                   amdgpu sysfs
"""


def shown(found, profile=None):
    return doctor_text(found, profile, capability(profile, found) if profile else None)


def test_a_machine_in_good_order():
    text = shown(checkup())

    assert text.startswith(HEALTHY)
    for line in (
        "  temperature_c                41.5 degC                amdgpu sysfs",
        "  power_mw                     21 W                     amdgpu sysfs",
        "  clock_reasons                power cap                amdgpu sysfs",
        "  hotspot_c                    no value now             amdgpu sysfs",
        "  resident_bytes               when an engine runs      amdgpu sysfs",
    ):
        assert line in text.splitlines()
    assert "Profile" not in text


def test_what_is_not_there_says_why():
    reasons = {"vulkan": "no Vulkan loader", "engine": "the engine ended: no module llama_cpp", "models": "no folder"}
    found = checkup(
        gpus=(),
        vulkan=None,
        engine=None,
        devices=(),
        models=None,
        reasons=reasons,
        disk_free=10**6,
        readings=readings(hotspot_c="no sensor", energy_mj="no sensor", power_mw="not told"),
    )
    text = shown(replace(found, host=replace(found.host, llc_bytes=None)))

    for line in (
        "  processor        AMD Ryzen 7, 16 cores usable, cache not reported",
        "  disk             0.00 GB free for reports: too little, a run needs 0.54 GB",
        "  none             NVML, amdgpu sysfs and the Windows registry show no GPU",
        "  Vulkan           no Vulkan loader",
        "  none             rawrxd:http://127.0.0.1:11434: the engine ended: no module llama_cpp",
        "  not available    hotspot_c, energy_mj: no sensor",
        "  not available    power_mw: not told",
        "  none             no folder",
    ):
        assert line in text.splitlines()


def test_the_models_of_a_profile_fit_or_not_with_their_arithmetic():
    text = shown(checkup(models=models(Q8_0=17, Q4_K=5)), ROADMAP)

    q4, q8 = text.index("  Q4_K "), text.index("  Q8_0 ")
    assert q4 < q8
    assert "Q4_K             BigDaddyG-Q4_K.gguf, 5.00 GB, recipe Q4_K, fits: weights 5.00 GB" in text
    assert "Q8_0             BigDaddyG-Q8_0.gguf, 17.00 GB, recipe Q8_0, does not fit: weights 17.00 GB" in text
    assert "  missing          Q2_K, Q5_K_M, Q6_K, Hybrid" in text.splitlines()


def test_a_profile_that_everything_answers():
    assert shown(checkup(), ROADMAP).endswith(
        f"Profile rx7800xt: {ASKED} criteria ask for an answer\n"
        "  declared         P3-OPERATOR, SLA-MAINTENANCE: answered by people, not by a machine\n"
        "\n"
        "Every criterion of this profile can be answered here."
    )


def test_criteria_that_cannot_be_measured_stand_together_with_their_reason():
    text = shown(checkup(readings=readings(temperature_c="no sensor")), ROADMAP)

    assert "  NOT MEASURED     P1-BW-TEMP, P2-SOAK-TEMP, SLA-TEMP: temperature_c is not available: no sensor" in text
    assert text.endswith(f"\n\n3 of {ASKED} criteria would be NOT MEASURED here, {ASKED - 3} can be answered.")


def test_a_refused_profile_says_so_last():
    text = shown(checkup(gpus=()), ROADMAP)

    assert "  refused          the profile measures 1 GPU, this machine shows 0" in text.splitlines()
    assert text.endswith("Nothing of this profile can be measured here before that is mended.")


def test_names_from_outside_cannot_steer_a_terminal_and_lines_keep_their_width():
    found = checkup()
    gpu = replace(found.gpus[0], name="\x1b[31mRadeon\u202e " + "X" * 200)
    text = shown(replace(found, gpus=(gpu,)), ROADMAP)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= WIDTH
