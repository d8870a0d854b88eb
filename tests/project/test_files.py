"""Files below a folder are listed in the order of their numbers, and walked once if asked to."""

import os

from psgvlm import files


def test_files_are_listed_by_suffix_in_the_order_of_their_numbers(tmp_path):
    for name in ("b/n10.edf", "b/n2.EDF", "a.edf", "a.txt", "._a.edf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    expected = [tmp_path / name for name in ("a.edf", "b/n2.EDF", "b/n10.edf")]
    assert files.list_files(tmp_path, (".edf",)) == expected
    with files.walking_once():
        assert files.list_files(tmp_path, (".edf",)) == expected
        assert files.list_files(tmp_path, (".txt",)) == [tmp_path / "a.txt"]


def test_a_folder_is_walked_once_within_the_block(tmp_path):
    (tmp_path / "a.edf").touch()
    with files.walking_once():
        before = files.list_files(tmp_path, (".edf",))
        (tmp_path / "b.edf").touch()
        with files.walking_once():
            assert files.list_files(tmp_path, (".edf",)) == before
        assert files.list_files(tmp_path, (".edf",)) == before
    assert len(files.list_files(tmp_path, (".edf",))) == 2


def test_a_folder_that_is_removed_meanwhile_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "n.edf").touch()
    (tmp_path / "b.edf").touch()
    stat = os.stat

    def removed(path, *args, **more):
        if str(path).endswith("/a"):
            raise FileNotFoundError(path)
        return stat(path, *args, **more)

    monkeypatch.setattr(files.os, "stat", removed)
    assert files.list_files(tmp_path, (".edf",)) == [tmp_path / "b.edf"]
