"""Proxies are told by name; their addresses may hold a password."""

from pytest_rawrxd.rig.proxies import proxies


def test_only_set_proxies_are_named_and_never_their_value():
    environ = {"HTTPS_PROXY": "http://user:secret@host", "no_proxy": "localhost", "ALL_PROXY": "", "PROXY_X": "a"}

    assert proxies(environ) == ("HTTPS_PROXY", "no_proxy")
