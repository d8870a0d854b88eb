"""SHA256SUMS: the lines that `sha256sum` writes."""

import hashlib

import pytest

from psgvlm.corpus import checksums
from psgvlm.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shhs").mkdir()
    (tmp_path / ".build").mkdir()
    for name in ("b.txt", "shhs/ä 1.parquet", "shhs/.part", ".build/x", "a.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_lines_are_those_of_sha256sum(folder):
    names = ("a.txt", "b.txt", "shhs/ä 1.parquet")
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in names]
    assert checksums.write(folder).read_text("utf-8") == "".join(lines)


def test_every_visible_file_once_and_sorted(folder):
    path = checksums.write(folder)
    assert path == folder / "SHA256SUMS"
    found = checksums.read(folder)
    assert list(found) == ["a.txt", "b.txt", "shhs/ä 1.parquet"]
    assert found["b.txt"] == checksums.digest(folder / "b.txt")
    before = path.read_bytes()
    checksums.write(folder)
    assert path.read_bytes() == before
    assert [path.name for path in folder.glob(".*")] == [".build"]


def test_known_digests_are_taken_as_they_are(folder):
    checksums.write(folder, {"b.txt": "0" * 64})
    found = checksums.read(folder)
    assert found["b.txt"] == "0" * 64
    assert found["a.txt"] == checksums.digest(folder / "a.txt")


def test_one_line_is_renewed_and_the_others_stay(folder):
    checksums.write(folder, {"b.txt": "0" * 64})
    (folder / "a.txt").write_text("changed")
    (folder / "b.txt").unlink()
    (folder / "new.txt").write_text("new")
    checksums.renew(folder, "a.txt")
    found = checksums.read(folder)
    assert list(found) == ["a.txt", "b.txt", "shhs/ä 1.parquet"]
    assert found["a.txt"] == checksums.digest(folder / "a.txt")
    assert found["b.txt"] == "0" * 64


@pytest.mark.parametrize("content", [b"no digest\n", b"\xff\xfe", b"0" * 63 + b"  a.txt\n"])
def test_a_damaged_list_is_refused(folder, content):
    (folder / "SHA256SUMS").write_bytes(content)
    with pytest.raises(InputError, match="SHA256SUMS"):
        checksums.read(folder)


def test_a_missing_list_is_named(folder):
    with pytest.raises(InputError, match="SHA256SUMS: cannot be read"):
        checksums.read(folder)


def test_names_that_the_format_cannot_hold(folder):
    (folder / "two\nlines").write_text("")
    with pytest.raises(InputError, match="expected no line end"):
        checksums.write(folder)
