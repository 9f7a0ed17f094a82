"""What fits a device goes there whole; of what does not, as many layers as fit."""

from types import SimpleNamespace

import pytest

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.engine.protocol import Device
from pytest_rawrxd.rig.placement import ALL_LAYERS, Placement, largest_that_fits, place, usable_bytes

GB = 1e9


def model(weights_gb, *, layers=32, kv=100_000):
    return SimpleNamespace(weight_bytes=int(weights_gb * GB), kv_bytes_per_token=kv, layers=layers)


@pytest.mark.parametrize(("usable", "fits"), [(10.7 * GB, True), (10.7 * GB - 1, False), (16.4 * GB, True)])
def test_it_fits_when_weights_cells_and_headroom_do(usable, fits):
    # 10 GB of weights, 2,000 cells of 100 kB, 0.5 GB that stay free
    found = place(model(10), cells=2000, usable=usable, headroom=0.5 * GB)

    assert found.fits is fits
    assert (found.gpu_layers == ALL_LAYERS) is fits


@pytest.mark.parametrize(
    ("usable", "layers"), [(5.5 * GB, 16), (10.2 * GB, 31), (0.5 * GB, 0), (0.1 * GB, 0), (10.69 * GB, 32)]
)
def test_otherwise_as_many_layers_as_fit_and_never_all(usable, layers):
    found = place(model(10), cells=2000, usable=usable, headroom=0.5 * GB)

    assert found.gpu_layers == layers
    assert f"{layers} of 33 layers are offloaded" in found.arithmetic


def test_the_arithmetic_is_said():
    found = place(model(18), cells=2048, usable=16.4 * GB, headroom=0.5 * GB)

    assert found.arithmetic.startswith("weights 18.00 GB + KV 0.20 GB + headroom 0.50 GB > usable 16.40 GB")


def test_a_model_without_known_cells_or_layers_is_still_placed():
    found = place(model(18, layers=None, kv=None), cells=2048, usable=16.4 * GB, headroom=0.0)

    assert found == Placement(
        False,
        0,
        "weights 18.00 GB + KV 0.00 GB + headroom 0.00 GB > usable 16.40 GB: 0 of 1 layers are offloaded",
    )


MODELS = {"Q4_K": model(13), "Q5_K_M": model(15), "Q6_K": model(17), "Q8_0": model(18)}
FITS = {"Q4_K": True, "Q5_K_M": True, "Q6_K": False, "Q8_0": False}


def places(fits):
    return {name: Placement(fit, ALL_LAYERS if fit else 20, "") for name, fit in fits.items()}


@pytest.mark.parametrize(
    ("wanted", "models", "fits", "found"),
    [
        ("Q4_K", MODELS, FITS, "Q4_K"),
        ("Q8_0", MODELS, FITS, "Q5_K_M"),
        ("Q8_0", MODELS, {}, "Q8_0"),
        ("Q8_0", {"Q4_K": MODELS["Q4_K"]}, FITS, "Q4_K"),
        ("Q8_0", {"Q8_0": MODELS["Q8_0"]}, FITS, None),
        ("Q8_0", {}, {}, None),
    ],
)
def test_the_wanted_variant_or_the_largest_that_fits(wanted, models, fits, found):
    assert largest_that_fits(wanted, models, places(fits)) == found


def on_card(free):
    return (
        Device("CPU", "a processor", "cpu", "cpu", 1, 2),
        Device("Vulkan0", "a card", "gpu", "vulkan", free, 17 * 10**9),
    )


@pytest.mark.parametrize(("free", "usable"), [(16_500_000_000, 16.4e9), (9 * 10**9, 9e9), (None, 16.4e9)])
def test_what_is_usable_is_the_smaller_of_promise_and_free_memory(free, usable):
    assert usable_bytes(load_profile("rx7800xt"), on_card(free)) == pytest.approx(usable)


def test_on_a_processor_the_device_is_no_limit():
    assert usable_bytes(load_profile("embedded"), on_card(1)) is None
