"""A fault hurts one server of a fleet; the load goes to all of them."""

from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.plugin.faults import rest_of_fleet, servers_behind
from pytest_rawrxd.rig.engine.protocol import EngineInfo
from pytest_rawrxd.rig.server.found import FoundRemote
from pytest_rawrxd.rig.server.target import parse_target

INFO = EngineInfo("llama.cpp", "b1", "HTTP", "not told", "not told", "")


def rig(spec):
    return SimpleNamespace(server=FoundRemote(parse_target(spec, environ={}), INFO))


def test_the_others_are_asked_at_the_path_of_the_one_that_is_hurt():
    fleet = rig("openai:http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:3")

    assert rest_of_fleet(fleet, "http://127.0.0.1:2") == ("http://127.0.0.1:1", "http://127.0.0.1:3")
    assert rest_of_fleet(fleet, "http://127.0.0.1:1/v1") == ("http://127.0.0.1:2/v1", "http://127.0.0.1:3/v1")


def test_one_server_has_no_others():
    assert rest_of_fleet(rig("openai:http://127.0.0.1:1"), "http://127.0.0.1:9") == ()
    assert rest_of_fleet(SimpleNamespace(server=None), "http://127.0.0.1:9") == ()


def test_a_stranger_that_is_supervised_is_none_of_the_fleet():
    with pytest.raises(UsageProblem, match="none of the fleet"):
        rest_of_fleet(rig("openai:http://127.0.0.1:1,http://127.0.0.1:2"), "http://127.0.0.1:9")


def test_the_load_of_a_fault_on_a_balancer_goes_to_all_servers_behind_it():
    balancer = rig("openai:http://127.0.0.1:1/v1#servers=3&server_header=X-Server")

    assert servers_behind(balancer, "http://127.0.0.1:1/v1") == 3
    assert servers_behind(balancer, "http://127.0.0.1:2") == 1  # one server behind it, asked alone
    assert servers_behind(rig("openai:http://127.0.0.1:1,http://127.0.0.1:2"), "http://127.0.0.1:1") == 1
    assert servers_behind(SimpleNamespace(server=None), "http://127.0.0.1:1") == 1
