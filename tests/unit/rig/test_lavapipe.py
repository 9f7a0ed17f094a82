"""Vulkan on a CPU is there when its driver is."""

from pytest_rawrxd.rig.gpu.lavapipe import lavapipe_environment


def test_the_driver_that_is_found_is_named(tmp_path):
    driver = tmp_path / "lvp_icd.x86_64.json"
    driver.write_text("{}")

    assert lavapipe_environment([tmp_path / "nothing", tmp_path])["VK_DRIVER_FILES"] == str(driver)


def test_a_machine_without_the_driver_has_none(tmp_path):
    (tmp_path / "radeon_icd.x86_64.json").write_text("{}")

    assert lavapipe_environment([tmp_path]) is None
