"""A whole build: the manifest, what is skipped and why, exit statuses, nothing personal."""

import shutil

import pyarrow.parquet as pq
import pytest
from commands import command
from datasets import load_dataset
from psgvlm.builders.__main__ import main
from real_recordings import real_recording
from recordings import (
    BIRTH_YEAR,
    SECRET,
    montage,
    noise,
    patch,
    patch_signal,
    signal,
    write_edf,
    write_isruc,
    write_mass,
    write_shhs,
)

from psgvlm import dataset_card
from psgvlm.corpus import loading
from psgvlm.errors import InputError

STAGES = ("W", "N1", "N2", "N3", "R", "N2")
# As a number of its own: four digits alone turn up in digests, fractions and pixels by chance.


def build(*words):
    return main([*map(str, words), "--image", "square", "--workers", "1"])


def manifest(corpus):
    return {row["recording"]: row for row in pq.read_table(corpus / "manifest.parquet").to_pylist()}


def rows_of(corpus, cohort):
    tables = [pq.read_table(path) for path in sorted((corpus / cohort).glob("*.parquet"))]
    return [row for table in tables for row in table.drop_columns("images").to_pylist()]


def test_a_row_for_every_recording(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    write_isruc(raw / "subgroupI" / "8", "8", STAGES, "I-8", second=(*STAGES[:5], "W"))
    write_isruc(raw / "subgroupI" / "2", "2", STAGES, marks=("U", *STAGES[1:]))
    x = noise(180, 100)
    x[1000:3000] = x[1000]  # 20 s flat
    x[6000:6200] = 500  # 2 s at the limit of the file
    chin = signal("X1", noise(180, 100, seed=2), 100)
    write_edf(raw / "subgroupI" / "9" / "9.rec", [signal("C4-M1", x, 100), chin])
    (raw / "subgroupI" / "9" / "9_1.txt").write_text("0\n1\n2\n3\n5\n2\n")
    assert build("isruc", raw, "--out", out) == 0
    found = manifest(out)
    assert list(found) == ["I-2", "I-8", "I-9"]
    row = found["I-8"]
    assert row["path"] == "subgroupI/8/8.rec"
    assert (row["cohort"], row["subject"], row["status"], row["reason"]) == (
        "isruc",
        "I-8",
        "built",
        None,
    )
    assert row["kappa"] == pytest.approx((5 / 6 - 7 / 36) / (1 - 7 / 36))
    assert [row[stage] for stage in ("W", "N1", "N2", "N3", "R", "unscored")] == [1, 1, 2, 1, 1, 0]
    assert [lane["source"] for lane in row["lanes"]] == ["C4-A1", "LOC-A2", "ROC-A1", "X1"]
    assert [lane["rate_hz"] for lane in row["lanes"]] == [100] * 4
    assert (row["missing"], row["duration_s"], row["fold"]) == ([], 180, None)
    assert found["I-2"]["W"] == 0
    assert found["I-2"]["kappa"] is None
    row = found["I-9"]
    assert row["missing"] == ["E1", "E2"]
    assert len(row["notes"]) == 2 and any(n.startswith("no E1, E2") for n in row["notes"])
    # Samples at the limit do not move either.
    assert row["lanes"][0]["flat_s"] == pytest.approx(22, abs=0.02)
    assert row["lanes"][0]["clipped_s"] == pytest.approx(2, abs=0.02)
    assert row["lanes"][1]["flat_s"] == row["lanes"][1]["clipped_s"] == 0
    assert {row["split"] for row in found.values()} == {"train", "validation", "test"}


def test_cohorts_share_a_manifest_and_a_card(tmp_path):
    out = tmp_path / "corpus"
    for i in (1, 2, 3):
        write_isruc(tmp_path / "isruc" / "subgroupIII" / str(i), str(i), STAGES)
        write_mass(tmp_path / "mass", f"01-02-000{i}", ("W", "2", "2", "2", "R"), epoch_s=20.0)
        write_edf(tmp_path / "own" / f"night {i}.edf", montage(["C4-M1"], 60))
    for cohort in ("isruc", "mass", "isruc"):
        assert build(cohort, tmp_path / cohort, "--out", out) == 0
    assert build("folder", tmp_path / "own", "--out", out, "--split", "loso", "--unscored") == 0
    found = manifest(out)
    assert [row["cohort"] for row in found.values()] == ["folder"] * 3 + ["isruc"] * 3 + [
        "mass"
    ] * 3
    assert {row["subject"]: row["fold"] for row in found.values() if row["cohort"] == "folder"} == {
        row["subject"]: row["fold"] for row in rows_of(out, "folder")
    }
    assert sorted(row["fold"] for row in found.values() if row["cohort"] == "folder") == [0, 1, 2]
    assert {row["fold"] for row in rows_of(out, "isruc")} == {None}

    # Unscored recordings: rows without stage and answer, which training passes over.
    rows = rows_of(out, "folder")
    assert [(row["stage"], row["completion"]) for row in rows] == [(None, [])] * 6
    assert {row["recording"] for row in rows} == {"night 1", "night 2", "night 3"}
    card = dataset_card.write(out).read_text()
    assert "| folder | train | 1 | 2 | 0 | 0 | 0 | 0 | 0 | 2 |" in card
    for row in found.values():
        assert f"- {row['cohort']}, {row['split']}: {row['subject']}\n" in card

    # Epochs of 20 s, extended: the first and last of five are left out, 20 s from one to the next.
    onsets = [row["onset"] for row in rows_of(out, "mass") if row["subject"] == "01-02-0001"]
    assert onsets == pytest.approx([37.4 + 20 - 5, 37.4 + 40 - 5, 37.4 + 60 - 5])


def test_training_takes_scored_epochs_and_refuses_a_subject_in_two_splits(tmp_path):
    out = tmp_path / "corpus"
    for i in (1, 2, 3):
        write_isruc(tmp_path / "isruc" / "subgroupIII" / str(i), str(i), STAGES)
        write_edf(tmp_path / "own" / f"{i}.edf", montage(["C4-M1"], 60))
    assert build("isruc", tmp_path / "isruc", "--out", out) == 0
    assert build("folder", tmp_path / "own", "--out", out, "--unscored") == 0
    assert len(load_dataset(str(out), "folder", split="train")) == 2
    both = loading.load_split(str(out), "train")
    assert set(both["cohort"]) == {"isruc"}
    assert len(both) == 6
    with pytest.raises(InputError, match="split 'train' holds no scored epoch"):
        loading.load_split(str(out), "train", "folder")
    folder = out / "isruc"
    (folder / "test-00000-of-00001.parquet").write_bytes(
        (folder / "train-00000-of-00001.parquet").read_bytes()
    )
    dataset_card.write(out)
    with pytest.raises(InputError, match=r"isruc: subject III-\d is in the splits train and test"):
        loading.load_split(str(out), "validation", "isruc")


def test_a_real_recording_builds_unscored(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    raw.mkdir()
    shutil.copy(real_recording("nox_a1_2min.edf"), raw)
    assert main(["folder", str(raw), "--out", str(out), "--workers", "1", "--unscored"]) == 0
    rows = rows_of(out, "folder")
    assert [row["onset"] for row in rows] == [0, 30, 60, 90]
    assert {row["stage"] for row in rows} == {None}
    row = manifest(out)["nox_a1_2min"]
    assert [lane["source"] for lane in row["lanes"]][-1] == "1-2"
    assert (row["status"], row["unscored"], row["notes"]) == ("built", 4, ["unscored"])


def test_substitutes_are_in_the_manifest_on_stderr_and_on_the_card(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    emg = signal("EMG submental", noise(60, 1, 2.0), 1)
    write_edf(raw / "1.edf", [*montage(["EEG Fpz-Cz", "EOG horizontal"], 60), emg])
    write_edf(raw / "2.edf", montage(["C4-M1", "E1-M2", "E2-M1", "chin"], 60))
    assert build("folder", raw, "--out", out) in (0, 3)
    told = capsys.readouterr().err
    sources = {row["lane"]: row for row in manifest(out)["1"]["lanes"]}
    assert sources["C4-M1"]["note"].startswith("a substitute: another derivation")
    assert {row["note"] for row in manifest(out)["2"]["lanes"]} == {""}
    line = "C4-M1 <- EEG Fpz-Cz, a substitute: another derivation, without a mastoid"
    card = (out / "README.md").read_text()
    for text in (told, card, " ".join(manifest(out)["1"]["notes"])):
        assert line in text
    assert "EMG submental is at 1 Hz" in told
    assert f"- folder: `{line}` (1 of 2)" in card
    assert "- folder: `chin is empty` (1 of 2)" in card


def test_a_strict_build_skips_substitutes_and_a_file_of_rules_names_lanes(tmp_path, capsys):
    raw, out, rules = tmp_path / "raw", tmp_path / "corpus", tmp_path / "rules.txt"
    for name, labels in (("1", ["EEG Fpz-Cz"]), ("2", ["C4-M1"]), ("3", ["Kanal 7"])):
        write_edf(raw / f"{name}.edf", montage(labels, 60))
    rules.write_text("[3*]\nC4-M1=Kanal 7\n")
    assert build("folder", raw, "--out", out, "--strict", "--map", rules) == 3
    found = manifest(out)
    assert {name: row["status"] for name, row in found.items()} == {
        **{"1": "skipped", "2": "built", "3": "built"}
    }
    assert "a substitute" in found["1"]["reason"] and "[--strict]" in found["1"]["reason"]
    assert "--map MAP --strict" in (out / "README.md").read_text()
    # Other rules draw anew.
    rules.write_text("[3*]\nC4-M1=Kanal 8\n")
    assert build("folder", raw, "--out", out, "--map", rules) == 3
    found = manifest(out)
    assert {name: row["status"] for name, row in found.items()} == {
        **{"1": "built", "2": "built", "3": "skipped"}
    }


### What is skipped


def broken_tree(raw):
    """Write ten ISRUC recordings: one is sound, one truncated, each other broken differently.

    Return the reasons for which three are skipped, and what is said of five whose C4-M1 is broken.
    """
    group = raw / "subgroupI"
    for i in range(1, 11):
        write_isruc(group / str(i), str(i), STAGES)
    rec = {i: group / str(i) / f"{i}.rec" for i in range(1, 11)}
    with rec[2].open("r+b") as file:
        file.truncate(rec[2].stat().st_size - 40 * 2000 - 7)  # 40 s and a bit
    rec[3].write_bytes(b"")
    patch_signal(rec[4], "dmax", 6, "99999")
    patch_signal(rec[5], "pmax", 6, "-500")
    patch(rec[6], 236, b"99999999")
    patch_signal(rec[7], "label", 5, "C4-M1")
    patch_signal(rec[8], "unit", 6, "furlong")
    (group / "9" / "9_1.txt").write_text("0\n1\n7\n")
    patch_signal(rec[10], "pmax", 6, "0.5")
    patch_signal(rec[10], "pmin", 6, "-0.5")
    reasons = {
        "I-3": "3.rec: not an EDF file (0 bytes",
        "I-6": "promises 99999999 data records of 1 s",
        "I-9": "9_1.txt: holds stage '7'; expected one of 0 1 2 3 5",
    }
    notes = {
        "I-4": "channel 'C4-M1' has a digital range of -32768 to 99999, not within 16 bits",
        "I-5": "channel 'C4-M1' has a physical minimum equal to its maximum (-500)",
        "I-7": "the first of 2 such signals (C4-M1, C4-M1#2)",
        "I-8": "channel 'C4-M1' is in 'furlong', which is not a voltage",
        "I-10": "a likely error of unit or gain",
    }
    return reasons, notes


def test_each_is_skipped_for_its_reason_and_the_others_go_on(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    reasons, notes = broken_tree(raw)
    assert build("isruc", raw, "--out", out) == 3
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == f"{out}: 40 epochs of 7 nights, 3 skipped"
    found = manifest(out)
    for recording, note in notes.items():
        (line,) = (x for x in told.err.splitlines() if x.startswith(f"{recording}: "))
        assert note in line
        assert found[recording]["status"] == "built"
        (eeg,) = (lane for lane in found[recording]["lanes"] if lane["lane"] == "C4-M1")
        assert eeg["source"] == ("C4-M1" if recording == "I-7" else "C3-M2")
        assert note in eeg["note"]
        assert ("a substitute" in eeg["note"]) == (recording != "I-7")
    for recording, reason in reasons.items():
        (line,) = (x for x in told.err.splitlines() if x.startswith(f"skipped {recording}: "))
        assert reason in line
        assert found[recording]["status"] == "skipped"
        assert reason in found[recording]["reason"]
        assert str(tmp_path) not in found[recording]["reason"]
        assert found[recording]["lanes"] is None
    assert found["I-1"]["status"] == found["I-2"]["status"] == "built"
    assert [note for note in found["I-2"]["notes"] if "xlsx" not in note] == [
        "truncated: 139 whole data records of the 180 that its header promises",
        "2 epochs beyond the ends of the signal are left out",
    ]
    assert build("isruc", raw, "--out", out, "--allow-skips") == 0


def test_all_skipped(tmp_path, capsys):
    broken_tree(tmp_path / "raw")
    out = tmp_path / "corpus"
    ids = tmp_path / "ids.csv"
    ids.write_text("I-3,x\r\nI-6\n\nI-99\n")
    with pytest.raises(InputError, match="all 2 recordings were skipped"):
        build("isruc", tmp_path / "raw", "--out", out, "--ids", ids)
    told = capsys.readouterr().err
    assert f"{ids}: 1 of 3 ids not found: I-99" in told
    assert "skipped I-3" in told
    assert "skipped I-6" in told
    assert not list(out.rglob("*.parquet"))
    ids.write_text("nobody")
    with pytest.raises(InputError, match="none of its 1 ids found; expected subjects such as I-1"):
        build("isruc", tmp_path / "raw", "--out", out, "--ids", ids)


def test_exit_status_and_one_line_where_all_are_skipped(tmp_path):
    path = write_isruc(tmp_path / "subgroupI" / "1", "1", STAGES)
    path.write_bytes(b"")
    words = ("-m", "builders", "isruc", tmp_path, "--out", tmp_path / "c", "--workers", "1")
    done = command(*words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {tmp_path}: all 1 recordings were")


### Options


def test_ids_trim_wake_and_attnsleep_s_folds(tmp_path):
    codes = (0,) * 8 + (2, 5) + (0,) * 8
    for i in range(1, 5):
        write_shhs(tmp_path / "raw", f"shhs1-20000{i}", codes)
    ids = tmp_path / "ids.txt"
    ids.write_text("200003\nshhs1-200001\n200004\n")
    out = tmp_path / "corpus"
    words = ("--ids", ids, "--trim-wake", 1)
    assert build("shhs", tmp_path / "raw", "--out", out, *words) == 0
    rows = rows_of(out, "shhs")
    assert {row["subject"] for row in rows} == {"200001", "200003", "200004"}
    assert sorted(row["epoch"] for row in rows if row["subject"] == "200001") == list(range(6, 12))
    made = "shhs RAW/shhs --out CORPUS --image square --ids IDS --trim-wake 1.0\n"
    assert made in (out / "README.md").read_text()
    ids.write_text("200004\nshhs1-200001\n200002\n")
    words = ("--ids", ids, "--split", "attnsleep-ids")
    assert build("shhs", tmp_path / "raw", "--out", out, *words) == 0
    folds = {row["subject"]: row["fold"] for row in rows_of(out, "shhs")}
    assert folds == {"200004": 0, "200001": 1, "200002": 2}


def test_readers_options(tmp_path):
    for i in (1, 2, 3):
        second = ("W", "W", *STAGES[2:])
        write_isruc(tmp_path / "i" / "subgroupI" / str(i), str(i), STAGES, second=second)
        write_mass(
            tmp_path / "m", f"01-0{i + 1}-0001", ("W", "2", "R"), epoch_s=30.0 if i == 2 else 20.0
        )
    out = tmp_path / "corpus"
    assert build("isruc", tmp_path / "i", "--out", out, "--scorer", "consensus") == 0
    rows = [row for row in rows_of(out, "isruc") if row["subject"] == "I-1"]
    assert [row["epoch"] for row in rows] == [0, 2, 3, 4, 5]
    assert [row["stage"] for row in rows] == [row["stage_2"] for row in rows] == [0, 2, 3, 4, 2]
    words = ("--twenty-second", "skip", "--map", "chin=EMG Chin1-EMG Chin2")
    assert build("mass", tmp_path / "m", "--out", out, *words) == 3
    card = (out / "README.md").read_text()
    assert "psgvlm build isruc RAW/isruc --out CORPUS --image square --scorer consensus\n" in card
    assert card.count("--map 'chin=EMG Chin1-EMG Chin2' --twenty-second skip\n") == 1
    assert manifest(out)["01-02-0001"]["status"] == "skipped"
    assert "scored in epochs of 20 s" in manifest(out)["01-04-0001"]["reason"]


### Nothing personal


def test_no_name_birth_date_or_hospital_id_leaves_a_header(tmp_path, capfd):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    broken_tree(raw / "isruc")
    # A header whose fields have slipped: where numbers should be, there is the person.
    path = write_isruc(raw / "isruc" / "subgroupI" / "11", "11", STAGES)
    patch_signal(path, "pmin", 6, "Jane_Q_D")
    path = write_isruc(raw / "isruc" / "subgroupI" / "12", "12", STAGES)
    patch(path, 236, b"Jane_Q_D")
    for i in (1, 2, 3):
        write_mass(raw / "mass", f"01-03-000{i}", ("W", "2", "R"))
        write_shhs(raw / "shhs", f"shhs1-20000{i}", (0, 1, 2, 3, 5, 0))
        write_edf(raw / "folder" / f"night{i}.edf", montage(["C4-M1"], 60), ())
    for cohort in ("isruc", "mass", "shhs", "folder"):
        planted = [p for p in (raw / cohort).rglob("*") if p.suffix in (".edf", ".rec")]
        assert any(SECRET[0].encode() in path.read_bytes() for path in planted)
        build(cohort, raw / cohort, "--out", out)
        main(["inspect", str(raw / cohort), "--cohort", cohort])
    told = "".join(capfd.readouterr())
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"README.md", "manifest.parquet", "image_spec.json"}
    tables = [pq.read_table(path) for path in files if path.suffix == ".parquet"]
    rows = [
        row
        for t in tables
        for row in t.select([c for c in t.schema.names if c != "images"]).to_pylist()
    ]
    texts = [told, str(rows), *(p.read_text("latin-1") for p in files if p.suffix != ".parquet")]
    assert not any(BIRTH_YEAR.search(text) for text in texts)
    for secret in (*SECRET, "Jane", "03-FEB"):
        assert not any(secret in text for text in texts), secret
        assert not any(secret.encode() in path.read_bytes() for path in files), secret


def test_the_secrets_are_in_what_is_read(tmp_path):
    content = write_edf(tmp_path / "x.edf", montage(["C4"], 30), ()).read_bytes()
    assert all(secret.encode() in content for secret in SECRET)
    assert BIRTH_YEAR.search(content[:256].decode("latin-1"))
