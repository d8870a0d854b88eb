"""Nothing personal is uploaded: no person named in a header, no machine, no user name."""

import os
import platform
import pwd
import re
import socket

import pyarrow.parquet as pq
import pytest
from builds import build
from loopback_hub import TOKEN, LoopbackHub
from psgvlm.builders.publish import push
from psgvlm.model_card import push as push_adapter
from recordings import BIRTH_YEAR, SECRET, write_isruc, write_mass, write_shhs

from psgvlm.hub import release

HOST, USER = "planted-host-7", "planted.user.7"
EVERYTHING = ("MASS", "NSRR")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, USER)
    monkeypatch.setenv("HOME", str(tmp_path / USER))
    monkeypatch.setenv("HOSTNAME", HOST)
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    monkeypatch.setattr(platform, "node", lambda: HOST)
    with LoopbackHub() as hub:
        hub.here(monkeypatch, tmp_path / "cache")
        yield hub


def texts(name: str, content: bytes, folder) -> list[bytes]:
    """Return the bytes of a file, and also its content if it is compressed."""
    if not name.endswith(".parquet"):
        return [content]
    path = folder / "unpacked.parquet"
    path.write_bytes(content)
    table = pq.read_table(path)
    plain = table.drop_columns([c for c in table.column_names if c == "images"])
    pictures = [image["bytes"] for row in table.to_pylist() for image in row.get("images") or ()]
    packed = [str(plain.to_pylist()).encode(), str(pq.read_metadata(path).metadata).encode()]
    return [content, *packed, *pictures]


def searched(hub, kind: str, name: str, folder, words) -> int:
    """Look for the words in every commit of a repository; return how many texts were searched."""
    repo, count = hub.repos[kind, name], 0
    assert not any(word in title for _, title in repo["log"] for word in words)
    for files in repo["commits"].values():
        for file, content in files.items():
            assert not any(word in file for word in words), file
            for text in texts(file, content, folder):
                count += 1
                for word in words:
                    assert word.encode() not in text, (file, word)
    return count


def test_the_upload_of_a_corpus_holds_nothing_personal(hub, tmp_path, drawn, capfd):
    raw, out = tmp_path / "raw of Jane", tmp_path / "corpus"
    for i in (1, 2, 3):
        write_isruc(raw / "isruc" / "subgroupI" / str(i), str(i), ["W", "N2", "R"])
        write_mass(raw / "mass", f"01-03-000{i}", ("W", "2", "R"))
        write_shhs(raw / "shhs", f"shhs1-20000{i}", (0, 1, 2, 3, 5, 0))
    for cohort in ("isruc", "mass", "shhs"):
        build(raw / cohort, out, cohort=cohort)
    release.push(push.prepare(out), "tester/psg", allowed=EVERYTHING)
    output = "".join(capfd.readouterr())
    words = [*SECRET, "Jane", "03-FEB", HOST, USER, str(tmp_path), TOKEN, os.getcwd()]
    assert searched(hub, "datasets", "tester/psg", tmp_path, words) > 20
    card = hub.repos["datasets", "tester/psg"]
    (text,) = {files["README.md"] for files in card["commits"].values() if "README.md" in files}
    assert not BIRTH_YEAR.search(text.decode())
    assert TOKEN not in output


def test_the_upload_of_an_adapter_holds_nothing_personal(hub, adapter, corpus, tmp_path):
    release.push(push_adapter.prepare(adapter), "tester/tiny", allowed=EVERYTHING)
    words = [str(adapter.parent), str(corpus.parent), os.getcwd(), str(tmp_path), TOKEN]
    assert searched(hub, "models", "tester/tiny", tmp_path, words) > 10
    # It was trained by who runs this, on a machine whose name may turn up in weights by chance.
    for name in ("training.json", "config.yaml", "README.md"):
        text = (adapter / name).read_text()
        for word in (os.uname().nodename, pwd.getpwuid(os.getuid()).pw_name):
            assert not re.search(rf"\b{re.escape(word)}\b", text), name
