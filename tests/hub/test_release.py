"""A corpus pushed to a hub on loopback that fails, loses answers, and refuses requests."""

import re
import shutil

import pytest
import small_corpus
from loopback_hub import STRANGER, TOKEN, LoopbackHub
from psgvlm.builders.publish import push

from psgvlm.commands import push as push_command
from psgvlm.errors import InputError
from psgvlm.hub import release

NAME = "tester/psg"
ALLOWED = ("NSRR",)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with LoopbackHub() as hub:
        hub.here(monkeypatch, tmp_path / "cache")
        yield hub


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("made") / "corpus")


@pytest.fixture
def corpus(made, tmp_path):
    return shutil.copytree(made, tmp_path / "corpus")


def pushed(corpus, **options):
    release.push(push.prepare(corpus), NAME, **{"allowed": ALLOWED, "tag": "v1"} | options)


def there(hub, revision="main"):
    """Return the files that the hub holds, by name, without its own files."""
    repo = hub.repos.get(("datasets", NAME), {"refs": {}, "tags": {}})
    commit = (repo["tags"] | repo["refs"]).get(revision)
    files = repo["commits"][commit] if commit else {}
    return {name: content for name, content in files.items() if name != ".gitattributes"}


def here(corpus):
    return {name: (corpus / name).read_bytes() for name in push.prepare(corpus).files}


def test_a_push_is_private_gated_and_tagged_and_its_card_comes_last(hub, corpus, capsys):
    (corpus / "notes.txt").write_text("of Mrs Jones")
    (corpus / ".build").mkdir()
    (corpus / ".build" / "state.json").write_text("{}")
    (corpus / "shhs" / "secret.parquet").symlink_to("/etc/hostname")
    words = [str(corpus), NAME, "--i-am-allowed", *ALLOWED]
    assert push_command.main([*words, "--dry-run"]) == 0
    listed = capsys.readouterr().out
    assert not hub.log
    push_command.main(words)
    assert there(hub) == there(hub, "v1") == here(corpus)
    assert set(re.findall(r"^ *[\d,]+  (\S+)$", listed, re.M)) == set(there(hub))
    assert "not uploaded: .build, notes.txt, shhs/secret.parquet" in listed
    repo = hub.repos["datasets", NAME]
    assert repo["private"] is True
    assert repo["gated"] == "manual"
    for commit, _ in repo["log"][:-1]:
        assert "README.md" not in repo["commits"][commit]
    assert len(repo["log"]) == 3  # the hub's own, the data, the card

    before = len(repo["log"])
    push_command.main(words)  # it has nothing to do
    assert len(repo["log"]) == before


def test_a_push_interrupted_at_any_request_has_no_card_until_the_next_push_finishes_it(hub, corpus):
    pushed(corpus)
    requests = len(hub.log)
    whole = here(corpus)
    for how in ("cut", "lost"):
        for count in range(requests):
            hub.repos.clear()
            hub.lfs.clear()
            hub.fault("", how, times=float("inf"), after=count)
            with pytest.raises(InputError, match="same command") as error:
                pushed(corpus)
            assert "\n" not in str(error.value)
            assert there(hub) == whole or "README.md" not in there(hub), count
            hub.faults.clear()
            pushed(corpus)
            assert there(hub) == there(hub, "v1") == whole


def test_uploaded_files_are_not_uploaded_again(hub, corpus):
    hub.fault("PUT /lfs", "cut", times=float("inf"), after=3)
    with pytest.raises(InputError):
        pushed(corpus)
    hub.faults.clear()
    done, hub.log[:] = len(hub.lfs), []
    pushed(corpus)
    shards = len(list(corpus.glob("*/*.parquet"))) + 1  # and the manifest
    assert done >= 3
    assert sum(request.startswith("PUT /lfs") for request in hub.log) == shards - done


def test_another_version_replaces_the_first_and_keeps_the_tag_of_the_first(hub, corpus, tmp_path):
    pushed(corpus)
    first = here(corpus)
    shutil.rmtree(corpus)
    small_corpus.write(corpus, shard_rows=20)  # fewer shards
    with pytest.raises(InputError, match=r"tag v1 belongs to another release"):
        pushed(corpus)
    assert there(hub) == first
    hub.fault("/commit/", "cut", times=float("inf"), after=1)  # before the card
    with pytest.raises(InputError):
        pushed(corpus, tag="v2")
    assert "README.md" not in there(hub)
    hub.faults.clear()
    pushed(corpus, tag="v2")
    assert there(hub) == there(hub, "v2") == here(corpus)
    assert there(hub, "v1") == first


@pytest.mark.parametrize(
    ("where", "how"),
    [
        ("POST .*repos/create", 500),
        ("POST .*preupload", 429),
        ("PUT /lfs", 500),
        ("PUT /lfs", "cut"),
        ("POST .*/commit/", 412),
        ("POST .*/commit/", 503),
        ("POST .*/commit/", "lost"),
        ("POST .*/tag/", "lost"),
        ("GET .*/tree/", 429),
    ],
)
def test_temporary_errors_are_retried(hub, corpus, where, how):
    hub.fault(where, how, times=2, headers={"Retry-After": "7"} if how == 429 else {})
    pushed(corpus)
    assert there(hub, "v1") == here(corpus)
    assert not [fault for fault in hub.faults if fault.times]
    if how == 429:
        assert min(wait for wait in hub.waits) >= 7


@pytest.mark.parametrize(
    ("where", "status", "expected"),
    [
        ("POST .*repos/create", 401, "hf auth login"),
        ("POST .*repos/create", 403, "write access"),
        ("POST .*/commit/", 403, "write access"),
        ("GET .*/refs", 404, "a repository that exists"),
        ("POST .*/commit/", 500, "same command"),
        ("PUT .*/settings", 400, "same command"),
    ],
)
def test_permanent_errors_become_one_line(hub, corpus, where, status, expected):
    hub.fault(where, status, times=float("inf"))
    with pytest.raises(InputError, match=expected) as error:
        pushed(corpus)
    assert str(status) in str(error.value)
    assert "\n" not in str(error.value)
    assert TOKEN not in str(error.value)
    assert "README.md" not in there(hub)


def test_a_file_damaged_in_transfer_is_noticed_before_the_card_is_uploaded(hub, corpus):
    hub.fault("PUT /lfs", "damage")
    with pytest.raises(InputError, match=r"parquet is not the same as in"):
        pushed(corpus)
    assert "README.md" not in there(hub)


def test_a_token_without_write_access_is_refused_and_not_printed(hub, corpus, monkeypatch):
    pushed(corpus)
    for token, expected in ((STRANGER, "403"), ("hf_nobody", "401")):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(InputError, match=expected) as error:
            pushed(corpus)
        assert token not in str(error.value)


def test_nothing_is_pushed_to_a_public_repository(hub, corpus):
    pushed(corpus)
    hub.repos["datasets", NAME]["private"] = False
    with pytest.raises(InputError, match="this repository is public; expected a private one"):
        pushed(corpus, tag="v2")


@pytest.mark.parametrize("options", [{"allowed": ()}, {"public": True}, {"allowed": ("yes",)}])
def test_a_forbidden_upload_sends_no_request(hub, corpus, options):
    with pytest.raises(InputError, match="expected"):
        pushed(corpus, **options)
    assert not hub.log


def test_a_renamed_folder_keeps_its_cohort(corpus):
    (corpus / "shhs").rename(corpus / "mine")
    small_corpus.finish(corpus)
    assert push.prepare(corpus).cohorts == {"mine", "shhs"}


def test_open_data_is_made_public_last(hub, corpus, monkeypatch):
    monkeypatch.setattr(push, "cohorts", lambda shards: frozenset({"isruc"}))
    hub.fault("POST .*/tag/", 403)
    with pytest.raises(InputError):
        pushed(corpus, public=True, allowed=())
    assert hub.repos["datasets", NAME]["private"] is True
    pushed(corpus, public=True, allowed=())
    assert hub.repos["datasets", NAME]["private"] is False
    assert hub.repos["datasets", NAME]["gated"] is False


@pytest.mark.parametrize("name", ["psg", "a/b/c", "../psg", "tester/ps g", "tester/"])
def test_an_invalid_name_is_refused(hub, corpus, name):
    with pytest.raises(InputError, match="ORG/NAME"):
        release.push(push.prepare(corpus), name, allowed=ALLOWED)
    assert not hub.log


def test_a_corpus_that_differs_from_its_checksums_is_refused(corpus):
    shard = next(corpus.glob("shhs/*.parquet"))
    shard.write_bytes(shard.read_bytes() + b" ")
    with pytest.raises(InputError, match="not that of SHA256SUMS"):
        push.prepare(corpus)
    shard.unlink()
    with pytest.raises(InputError, match="SHA256SUMS lists"):
        push.prepare(corpus)
    with pytest.raises(InputError, match="no corpus"):
        push.prepare(corpus / "shhs")


def test_the_rows_read_back_are_compared_with_the_corpus(hub, corpus, tmp_path):
    pushed(corpus)
    push.read_back(push.prepare(corpus), NAME, "v1")
    other = small_corpus.write(tmp_path / "other")
    shutil.rmtree(other / "shhs")
    small_corpus.write_split([small_corpus.rows("s4a")], other / "shhs", "train")
    small_corpus.finish(other)
    with pytest.raises(InputError, match="first row of shhs, train"):
        push.read_back(push.prepare(other), NAME, "v1")


def test_a_release_can_be_written_to_a_folder(hub, corpus, tmp_path, capsys, monkeypatch):
    (corpus / "notes.txt").write_text("mine")
    folder = tmp_path / "released"
    words = [str(corpus), NAME, "--into", str(folder), "--i-am-allowed", "NSRR"]
    assert push_command.main(words) in (0, None)
    assert "not uploaded: notes.txt" in capsys.readouterr().out
    copied = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in copied} == here(
        corpus
    )
    assert not hub.repos
    with pytest.raises(InputError, match="exists already"):
        push_command.main(words)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(release.shutil, "copyfile", full)
    words[3] = str(tmp_path / "another")
    with pytest.raises(InputError, match="No space left on device"):
        push_command.main(words)
    assert not list(tmp_path.glob("another*"))
