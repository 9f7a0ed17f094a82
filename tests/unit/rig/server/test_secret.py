"""A key comes from the environment or the keyring, by its name; whatever goes wrong, it is not told."""

import sys
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.load.plan import LoadPlan, plan_from_json
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.secret import key_of
from pytest_rawrxd.rig.server.target import HttpTarget, parse_target

KEY = "canary-of-a-keyring"
SPEC = "openai:https://host/v1#keyring=my service/team/me"


class KeyringError(Exception):
    pass


@pytest.fixture
def keyring(monkeypatch):
    """The library, with one entry."""
    entries = {("my service/team", "me"): KEY}
    library = SimpleNamespace(
        get_password=lambda service, user: entries.get((service, user)),
        errors=SimpleNamespace(KeyringError=KeyringError),
    )
    monkeypatch.setitem(sys.modules, "keyring", library)
    return library


def test_a_key_of_the_keyring_is_named_by_service_and_user(keyring):
    target = parse_target(SPEC, environ={})

    assert target.keyring == "my service/team/me"
    assert key_of(target, {}) == KEY


def test_a_key_of_the_environment_is_named_by_its_variable():
    target = parse_target("openai:https://host/v1#key_env=HOST_KEY", environ={"HOST_KEY": KEY})

    assert key_of(target, {"HOST_KEY": KEY}) == KEY
    with pytest.raises(UsageProblem, match="HOST_KEY is not set"):
        key_of(target, {})


@pytest.mark.parametrize("key", ["abc\n", "abc\r\nX-Other: y", "ab cd", "schlüssel", "a\x00b"])
def test_a_key_that_would_begin_another_header_is_refused_and_not_told(key):
    with pytest.raises(UsageProblem, match="cannot be sent") as caught:
        key_of(HttpTarget("openai", "https://host/v1", keyring="a/b"), {}, read=lambda *_entry: key)
    assert key not in str(caught.value)


def test_a_target_without_a_key_asks_nobody():
    assert key_of(HttpTarget("openai", "https://host/v1"), {}, read=pytest.fail) is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("keyring=me", "no service and user"),
        ("keyring=/me", "no service and user"),
        ("keyring=service/", "no service and user"),
        ("keyring=a/b&key_env=HOST_KEY", "two places of one key"),
    ],
)
def test_a_reference_that_names_no_entry_is_refused(settings, says):
    with pytest.raises(UsageProblem) as caught:
        parse_target(f"openai:https://host/v1#{settings}", environ={"HOST_KEY": KEY})
    assert says in str(caught.value)


def test_a_key_of_the_keyring_travels_encrypted_too():
    with pytest.raises(UsageProblem) as caught:
        parse_target("openai:http://host/v1#keyring=a/b", environ={})
    assert "unencrypted" in str(caught.value)


def test_an_entry_that_is_not_there_is_found_before_anything_is_measured(keyring):
    with pytest.raises(UsageProblem, match="the keyring has no such key") as caught:
        find_server("openai:https://host/v1#keyring=my service/you", environ={}, on_cpu=True, probe=pytest.fail)
    assert caught.value.possible == "keyring set my service you"


def test_what_a_backend_says_is_not_repeated(keyring):
    def locked(_service, _user):
        raise KeyringError(f"cannot unlock {KEY}")

    keyring.get_password = locked
    with pytest.raises(UsageProblem, match="cannot be read") as caught:
        key_of(parse_target(SPEC, environ={}), {})
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(UsageProblem) as caught:
        key_of(parse_target(SPEC, environ={}), {})
    assert caught.value.possible == "pip install 'pytest-rawrxd[keyring]'"


def test_a_plan_holds_the_name_and_never_the_key(keyring):
    plan = LoadPlan(parse_target(SPEC, environ={}), ClosedLoop(1), ("x",), 1, 1)

    assert KEY not in str(plan.to_json())
    assert plan_from_json(plan.to_json()).target.keyring == "my service/team/me"
