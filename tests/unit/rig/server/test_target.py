from pathlib import Path

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.server.target import CommandTarget, HttpTarget, ManagedTarget, parse_target


def parse(spec, **environ):
    return parse_target(spec, environ=environ)


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ("openai:http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/completions"),
        ("openai:http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1/completions"),
        ("openai:https://host/api/openai", "https://host/api/openai/completions"),
        ("openai-chat:http://localhost:1234", "http://localhost:1234/v1/chat/completions"),
        ("ollama:http://localhost:11434#model=qwen3:8b", "http://localhost:11434/api/generate"),
        ("rawrxd:http://localhost:11435", "http://localhost:11435/api/generate"),
        ("openai:http://[::1]:8080", "http://[::1]:8080/v1/completions"),
    ],
)
def test_a_url_leads_to_the_path_of_its_dialect(spec, url):
    assert parse(spec).url == url


def test_settings_stand_behind_the_hash_and_are_not_part_of_the_url(tmp_path):
    ca = tmp_path / "ca.pem"
    ca.touch()

    target = parse(f"openai:https://host/v1#model=a%2Fb&key_env=HOST_KEY&ca={ca}", HOST_KEY="secret")

    assert target == HttpTarget("openai", "https://host/v1", "a/b", "HOST_KEY", str(ca))
    assert "secret" not in repr(target)


def test_a_managed_server_takes_a_path_arguments_or_both():
    assert parse("llama-server") == ManagedTarget(None, ())
    assert parse("llama-server:/opt/llama/llama-server") == ManagedTarget(Path("/opt/llama/llama-server"), ())
    assert parse("llama-server#servers=2") == ManagedTarget(None, (), 2)
    assert parse("llama-server#servers=64:-ngl 99") == ManagedTarget(None, ("-ngl", "99"), 64)
    assert parse("llama-server:-ngl 99 -fa on") == ManagedTarget(None, ("-ngl", "99", "-fa", "on"))
    assert parse("llama-server:'/a b/llama-server' -ngl 99") == ManagedTarget(Path("/a b/llama-server"), ("-ngl", "99"))


def test_a_windows_path_keeps_its_backslashes():
    target = parse_target('llama-server:"C:\\Program Files\\llama-server.exe" -ngl 99', environ={}, windows=True)

    assert (str(target.program), target.arguments) == ("C:\\Program Files\\llama-server.exe", ("-ngl", "99"))


def test_a_command_is_a_list_of_words():
    assert parse("command:llama-bench -m {model} -o json") == CommandTarget(
        ("llama-bench", "-m", "{model}", "-o", "json")
    )


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("vllm:http://host", "unknown kind 'vllm'"),
        ("openai", "no http or https URL"),
        ("openai:host:8080", "no http or https URL"),
        ("openai:ftp://host", "no http or https URL"),
        ("openai:http://", "no http or https URL"),
        ("openai:http://host:99999", "no URL"),
        ("openai:http://two words/v1", "no http or https URL"),
        (f"openai:http://{'long' * 16}.example/v1", "no http or https URL"),
        ("openai:http://host/v1#modle=x", "unknown setting 'modle'"),
        ("openai:http://host/v1#model", "the settings behind #"),
        ("openai:http://host/v1#model=a&model=b", "stands twice"),
        ("openai:https://host/v1#key_env=MISSING", "MISSING is not set"),
        ("openai:http://host/v1#key_env=HOST_KEY", "unencrypted"),
        ("openai:https://host/v1#ca=/nowhere.pem", "no file /nowhere.pem"),
        ("ollama:http://localhost:11434", "name of a model"),
        ("llama-server:--port 8080", "--port is set by the suite"),
        ("llama-server#servers=1", "servers=1"),
        ("llama-server#servers=65", "servers=65"),
        ("llama-server#servers=x:PATH", "servers=x"),
        ("llama-server#model=x", "a setting that it does not have"),
        ("llama-server#servers=3:--port 8080", "--port is set by the suite"),
        ("llama-server:--api-key=abc", "is set by the suite"),
        ("llama-server:'open", "no closing quotation"),
        ("command:", "no program"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_part_that_is_wrong(spec, found):
    with pytest.raises(UsageProblem) as caught:
        parse(spec, HOST_KEY="secret")

    assert found in caught.value.found
    assert caught.value.where.startswith("--sla-engine ")
    assert caught.value.possible


@pytest.mark.parametrize(
    "spec",
    [
        "openai:https://user:hunter2@host/v1",
        "openai:https://host/v1?key=hunter2",
        "openai:user:hunter2@host/v1",
        "openai:ftp://user:hunter2@host",
        "openai:http://host:99999@hunter2@x/v1",
        "vllm:http://user:hunter2@host",
        "openai:https://host/v1#api_key=hunter2",
        "openai:https://host/v1#model=a&key=hunter2",
        "openai:https://host/v1#hunter2",
        "openai:https://host/v1#key_env=sk-hunter2",
        "openai:https://host/v1#keyring=hunter2",
        "llama-server:--api-key hunter2",
        "llama-server:--api-key=hunter2",
        "llama-server:--hf-token hunter2",
        "llama-server:-hft hunter2",
        "command:tool --api-key hunter2 -o json",
        "command:tool --password=hunter2",
        "command:tool -H 'Authorization: Bearer hunter2'",
        "command:tool https://user:hunter2@host/v1",
    ],
)
def test_a_secret_in_the_name_of_an_engine_is_refused_and_not_repeated(spec):
    with pytest.raises(UsageProblem) as caught:
        parse(spec)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "words", ["tool --tokens 128 --key-file k", "tool --api-key {model}", "tool a@b --secret-free"]
)
def test_a_tool_whose_words_hold_no_secret_is_called(words):
    assert parse(f"command:{words}") == CommandTarget(tuple(words.split()))


def test_a_key_may_travel_unencrypted_to_this_machine_only():
    assert parse("openai:http://127.0.0.1:8080#key_env=HOST_KEY", HOST_KEY="x").key_env == "HOST_KEY"


def test_a_fleet_is_a_list_of_urls_that_are_asked_in_turn():
    found = parse("openai:http://127.0.0.1:8080,http://127.0.0.1:8081/v1#model=m")

    assert found.is_fleet
    assert (found.servers, found.model) == (2, "m")
    assert found.places == ("http://127.0.0.1:8080/v1/completions", "http://127.0.0.1:8081/v1/completions")
    assert not parse("openai:http://127.0.0.1:8080").is_fleet


def test_a_balancer_says_in_a_header_who_answered():
    found = parse("openai:https://host/v1#servers=3&server_header=X-Server")

    assert (found.is_fleet, found.servers, found.server_header) == (True, 3, "X-Server")
    assert found.places == ("https://host/v1/completions",)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("openai:http://a:1,http://a:1/v1/", "stands twice"),
        ("openai:http://a:1,http://b:1#servers=2&server_header=X", "a list of balancers"),
        ("openai:http://a:1#servers=3", "with server_header=NAME"),
        ("openai:http://a:1#server_header=X", "servers=2 or more"),
        ("openai:http://a:1#servers=0&server_header=X", "servers=0"),
        ("openai:http://a:1,", "no http or https URL"),
    ],
)
def test_a_fleet_that_cannot_be_told_apart_is_refused(spec, says):
    with pytest.raises(UsageProblem, match=says):
        parse(spec)


@pytest.mark.parametrize("key", ["sk-1\r\nX-Injected: 1", "sk-1\n", "schlüssel"])
def test_a_key_that_a_header_cannot_carry_is_refused_and_not_repeated(key):
    with pytest.raises(UsageProblem, match="HOST_KEY holds characters") as caught:
        parse("openai:https://host/v1#key_env=HOST_KEY", HOST_KEY=key)

    assert key not in str(caught.value)
