"""What CI systems hand over in the addresses of their variables stays there."""

from pytest_rawrxd.plugin.metadata import without_users


def test_users_and_passwords_are_taken_out_of_addresses():
    told = {"GIT_URL": "https://ci-token:hunter2@host/x.git", "Plugins": {"a": "ssh://me@host", "b": ["1.0"]}, "N": 1}

    assert without_users(told) == {
        "GIT_URL": "https://…@host/x.git",
        "Plugins": {"a": "ssh://…@host", "b": ["1.0"]},
        "N": 1,
    }
