"""``rawrxd alerts`` and ``rawrxd probe`` as their users meet them."""

import pytest

from pytest_rawrxd.cli import main


def test_alerts_writes_every_file_and_says_what_is_not_watched(tmp_path, capsys):
    assert main(["alerts", "production", "-o", str(tmp_path / "out")]) == 0

    said = capsys.readouterr().out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"rawrxd.rules.yml", "rawrxd.rules.test.yml", "alertmanager.yml", "prometheus.yml"} < written
    assert "rawrxd.dashboard.json" in written
    assert "no alert for SLA-MAINTENANCE: the operator's declaration" in said
    assert "nobody hears critical alerts yet: --page URL" in said


def test_a_named_webhook_and_runbook_stand_in_the_files(tmp_path, capsys):
    url = "http://127.0.0.1:1/page"
    main(["alerts", "rx7800xt", "-o", str(tmp_path), "--page", url, "--runbook", "https://books/sla"])

    assert url in (tmp_path / "alertmanager.yml").read_text()
    assert "https://books/sla#RawrxdSlaLatP95Early" in (tmp_path / "rawrxd.rules.yml").read_text()
    assert "nobody hears critical" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "http://127.0.0.1:1", "--listen", "9778"], "no address to listen on"),
        (["--target", "http://127.0.0.1:1", "--listen", "127.0.0.1:70000"], "no address to listen on"),
        (["--target", "llama-server"], "the probe asks a running server"),
        (["--target", "http://user:secret@host"], "a user name or password in the URL"),
        (["--target", "ftp://host"], "the probe asks a running server"),
    ],
)
def test_a_probe_that_cannot_begin_is_refused_before_anything_is_sent(arguments, said, capsys):
    assert main(["probe", "embedded", *arguments]) == 4
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error
