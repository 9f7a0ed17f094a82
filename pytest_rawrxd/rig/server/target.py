"""From the words of ``--sla-engine`` to what is measured over HTTP, or by an external tool.

    openai:URL | openai-chat:URL | ollama:URL | rawrxd:URL        a server that is running
    llama-server | llama-server:PATH | llama-server:PATH ARGS | llama-server:ARGS      one that the suite starts
    command:PROGRAM ARGS        a tool whose output is secondary evidence; its places are those of rig.tool

Settings follow a URL behind ``#``, which is never sent: ``openai:https://host/v1#model=qwen&key_env=HOST_KEY``.

A fleet is several URLs with commas between them, asked in turn, ``openai:http://a:8080,http://b:8080``; or one URL of a
balancer that says in a header which of its servers answered, ``openai:https://host/v1#servers=3&server_header=X-Server``;
or several llama-servers that the suite starts, ``llama-server#servers=3`` or ``llama-server#servers=3:PATH ARGS``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.profile.secrets import secret_in
from pytest_rawrxd.rig.server.dialects import DIALECTS

SETTINGS = ("model", "key_env", "keyring", "ca", "servers", "server_header")
MOST_SERVERS = 1000
MOST_MANAGED = 64  #: on one machine
HTTP_KINDS = ("openai", "openai-chat", "ollama", "rawrxd")
MANAGED = "llama-server"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MANAGED_ARGUMENTS = ("-m", "--model", "--host", "--port", "--api-key", "--api-key-file")
#: As systems and shells allow it: a key that was written in the place of its variable's name rarely fits.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USER = re.compile(r"[^\s,/]*@")


@dataclass(frozen=True)
class HttpTarget:
    """A server that is running."""

    dialect: str  #: a name in DIALECTS
    base_url: str  #: without a slash at its end
    model: str | None = None  #: as the server calls it
    key_env: str | None = None  #: NAME of the environment variable that holds the API key; the key is never kept
    ca_file: str | None = None  #: certificates to trust instead of the system's
    keyring: str | None = None  #: SERVICE/USER of the system's keyring, instead of a variable
    others: tuple[str, ...] = ()  #: base URLs of the further servers of a fleet
    server_header: str | None = None  #: in which a balancer says who answered
    servers: int = 1  #: of the fleet
    names: tuple[str, ...] = ()  #: of the servers at ``places``, where each start gives them other addresses

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The target whose fields crossed a pipe as JSON."""
        return cls(**{**plain, "others": tuple(plain.get("others", ())), "names": tuple(plain.get("names", ()))})

    @property
    def url(self) -> str:
        """Where requests go; the first place of several."""
        return self.places[0]

    @property
    def places(self) -> tuple[str, ...]:
        """Where requests go, in turn: request n to place n, and each further attempt of it to the next."""
        return tuple(base + DIALECTS[self.dialect].path for base in (self.base_url, *self.others))

    @property
    def is_fleet(self) -> bool:
        """Whether several servers answer."""
        return self.servers > 1


@dataclass(frozen=True)
class ManagedTarget:
    """A llama-server that the suite starts."""

    program: Path | None = None  #: None: looked for
    arguments: tuple[str, ...] = ()
    servers: int = 1  #: so many of them, as one fleet


@dataclass(frozen=True)
class CommandTarget:
    """An external tool."""

    command: tuple[str, ...]


Target = HttpTarget | ManagedTarget | CommandTarget


def parse_target(spec: str, *, environ: Mapping[str, str], windows: bool = False) -> Target:
    """What ``spec`` names. Raises UsageProblem with the part that cannot be used; nothing is contacted.

    ``environ`` is asked whether the variable of ``key_env`` is set. ``windows`` keeps backslashes in PATH and ARGS.
    """
    kind, _, rest = spec.partition(":")
    if kind in HTTP_KINDS:
        urls, _, settings = rest.partition("#")
        found = [_http(kind, f"{url}#{settings}" if settings else url, spec, environ) for url in urls.split(",")]
        return _fleet(found, spec) if len(found) > 1 else found[0]
    words = _words(rest, spec, windows=windows)
    if kind_of(spec) == MANAGED:
        program = Path(words.pop(0)) if words and not words[0].startswith("-") else None
        for word in words:
            if (name := word.partition("=")[0]) in MANAGED_ARGUMENTS:
                raise _problem(f"{kind}:…", f"{name} is set by the suite", "other arguments of llama-server")
        _refuse_secret(kind, words)
        return ManagedTarget(program, tuple(words), _managed_servers(kind))
    if kind == "command":
        if not words:
            raise _problem(spec, "no program behind the colon", "command:llama-bench -m {model} -o json")
        _refuse_secret(kind, words)
        return CommandTarget(tuple(words))
    raise _problem(spec, f"unknown kind {kind!r}", ", ".join([*HTTP_KINDS, MANAGED, "command"]))


def kind_of(spec: str) -> str:
    """The kind of engine that ``spec`` names, without settings of its own."""
    return spec.partition(":")[0].partition("#")[0]


def _managed_servers(kind: str) -> int:
    """How many servers ``llama-server#servers=N`` asks for."""
    if "#" not in kind:
        return 1
    name, _, count = kind.partition("#")[2].partition("=")
    if name != "servers" or not count.isdecimal() or not 1 < int(count) <= MOST_MANAGED:
        found = f"servers={count}" if name == "servers" else "a setting that it does not have"  # which may be a secret
        raise _problem(f"{MANAGED}#…", found, f"{MANAGED}#servers=N with N from 2 to {MOST_MANAGED}")
    return int(count)


def _http(kind: str, rest: str, spec: str, environ: Mapping[str, str]) -> HttpTarget:
    example = f"{kind}:http://127.0.0.1:8080"
    try:
        url = urlsplit(rest)
        port = url.port
    except ValueError as problem:
        raise _problem(spec, f"no URL: {problem}", example) from problem
    if url.username is not None or url.password is not None:
        # The spec is not repeated: it holds the secret.
        raise _problem(
            f"{kind}:…",
            "a user name or password in the URL",
            "#key_env=NAME of an environment variable, or #keyring=SERVICE/USER",
        )
    if url.scheme not in ("http", "https") or not url.hostname or not _is_host(url.hostname):
        raise _problem(spec, f"no http or https URL: {rest!r}", example)
    if url.query:
        raise _problem(f"{kind}:…", "a query (?…) in the URL, which could hold a key", "settings behind #")
    settings = _settings(url.fragment, spec)
    key_env, keyring = settings.get("key_env"), settings.get("keyring")
    _check_key(key_env, keyring, spec, environ)
    if (key_env or keyring) and url.scheme == "http" and url.hostname not in LOOPBACK:
        raise _problem(spec, "an API key over http would travel unencrypted", "an https URL")
    if kind == "ollama" and "model" not in settings:
        raise _problem(spec, "Ollama needs the name of a model", f"{rest}#model=NAME:TAG")
    ca = settings.get("ca")
    if ca is not None and not Path(ca).is_file():
        raise _problem(spec, f"no file {ca}", "a file of certificates in PEM form")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    base = f"{url.scheme}://{host}{'' if port is None else f':{port}'}"
    path = url.path.rstrip("/") or DIALECTS[kind].base_path
    servers, header = settings.get("servers", "1"), settings.get("server_header")
    if not servers.isdecimal() or not 1 <= int(servers) <= MOST_SERVERS or (int(servers) > 1) != (header is not None):
        raise _problem(spec, f"servers={servers}, server_header={header}", "servers=2 or more, with server_header=NAME")
    return HttpTarget(kind, base + path, settings.get("model"), key_env, ca, keyring, (), header, int(servers))


def _check_key(key_env: str | None, keyring: str | None, spec: str, environ: Mapping[str, str]) -> None:
    """Raise UsageProblem where neither or both of two places can have the key."""
    if key_env is not None and not _VARIABLE.fullmatch(key_env):
        raise _problem(spec, "key_env is not the name of a variable", "#key_env=NAME of an environment variable")
    if key_env is not None and not environ.get(key_env):
        raise _problem(spec, f"the environment variable {key_env} is not set", f"set {key_env} to the API key")
    if key_env is not None and not (environ[key_env].isascii() and environ[key_env].isprintable()):
        raise _problem(
            spec, f"{key_env} holds characters that a header cannot carry", "the API key in one line of ASCII"
        )
    if keyring is not None and key_env is not None:
        raise _problem(spec, "two places of one key", "#key_env=NAME or #keyring=SERVICE/USER")
    if keyring is not None and not all(keyring.rpartition("/")[::2]):
        raise _problem(spec, "no service and user behind keyring=", "#keyring=SERVICE/USER")


def _fleet(found: list[HttpTarget], spec: str) -> HttpTarget:
    bases = [target.base_url for target in found]
    if len(set(bases)) < len(bases):
        raise _problem(spec, "one server stands twice in the list", "each URL once")
    if found[0].is_fleet:
        raise _problem(spec, "a list of balancers", "the servers behind them, or one balancer with server_header")
    return replace(found[0], others=tuple(bases[1:]), servers=len(bases))


def _is_host(name: str) -> bool:
    """Whether ``name`` can stand in a Host header: a name of ASCII or with an ASCII form, or an address."""
    if any(letter.isspace() for letter in name):
        return False
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _settings(fragment: str, spec: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(fragment, strict_parsing=True) if fragment else []
    except ValueError:  # which quotes them
        raise _problem(
            spec,
            "the settings behind # are not NAME=VALUE",
            "#model=NAME&key_env=NAME&ca=FILE, or keyring=SERVICE/USER",
        ) from None
    settings = dict(pairs)
    for name in settings:
        if name not in SETTINGS:
            raise _problem(spec, f"unknown setting {name!r} behind #", ", ".join(SETTINGS))
    if len(settings) != len(pairs):
        raise _problem(spec, "a setting behind # stands twice", ", ".join(SETTINGS))
    return settings


def _words(rest: str, spec: str, *, windows: bool) -> list[str]:
    try:
        words = shlex.split(rest, posix=not windows)
    except ValueError as problem:
        raise _problem(spec, f"{problem}".lower(), "quotes that are closed") from problem
    return [word.strip('"') for word in words] if windows else words


def _refuse_secret(kind: str, words: list[str]) -> None:
    if (what := secret_in(" ".join(words))) is not None:
        raise _problem(f"{kind}:…", f"{what}, which every user of this machine can read", "a program without one")


def _problem(spec: str, found: str, possible: str) -> UsageProblem:
    """What is wrong with ``spec``, of which neither users in URLs nor values of settings are repeated."""
    place, hash_, settings = spec.partition("#")
    names = "&".join(f"{pair.partition('=')[0]}=…" if "=" in pair else "…" for pair in settings.split("&"))
    shown = _USER.sub("…@", place) + (f"#{names}" if hash_ else "")
    return UsageProblem(
        "this engine cannot be measured",
        where=f"--sla-engine {shown}",
        found=_USER.sub("…@", found),
        possible=_USER.sub("…@", possible),
    )
