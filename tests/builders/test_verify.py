"""`psgvlm verify` finds every damage to a corpus, and no fault in a whole one."""

import io
import json
import re
import shutil
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_corpus
import yaml
from commands import command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from psgvlm.builders.check import verify
from psgvlm.builders.check.verify_rows import RowChecks
from small_corpus import EPOCHS, SPEC

from psgvlm import chat
from psgvlm.corpus import checksums
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images.pixels import png_pixel_hash

TRAIN = "shhs/train-00000-of-00005.parquet"
MIDDLE = "shhs/train-00001-of-00005.parquet"  # rows 8 to 15: the end of s1a and s1b's beginning
TEST = "shhs/test-00000-of-00002.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("verify") / "corpus")


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "corpus")


def faults(corpus):
    return list(verify.Check(corpus).faults())


def change(corpus, name, **columns):
    """Rewrite a shard; each change is a function of the values of a column."""
    table = pq.read_table(corpus / name)
    for column, changed in columns.items():
        field = table.schema.field(column)
        values = table[column].to_pylist()
        values = changed(values) or values
        array = pa.array(values, field.type)
        table = table.set_column(table.schema.get_field_index(column), field, array)
    pq.write_table(table, corpus / name, row_group_size=3)


def at(row, value):
    """Return a change of one value of a column."""

    def changed(values):
        values[row] = value

    return changed


def image(png):
    return [{"bytes": png, "path": None}]


def swapped(values):
    values[1], values[2] = values[2], values[1]


def flipped_byte(corpus):
    """Flip one bit of the compressed pixels of a picture within its shard."""
    path = corpus / TRAIN
    png = pq.read_table(path)["images"][5].as_py()[0]["bytes"]
    content = bytearray(path.read_bytes())
    # The first time it is in a page; after that perhaps in a page's statistics.
    content[content.index(png) + png.index(b"IDAT") + 8] ^= 1
    path.write_bytes(content)


def larger_spec(corpus):
    values = json.loads((corpus / "image_spec.json").read_text())
    (corpus / "image_spec.json").write_text(json.dumps({**values, "width": 60}))


def other_prompt(corpus):
    values = json.loads((corpus / "image_spec.json").read_text())
    (corpus / "image_spec.json").write_text(json.dumps({**values, "prompt": "Which stage?"}))


def other_schema(corpus):
    table = pq.read_table(corpus / TEST)
    pq.write_table(table.drop_columns(["onset"]), corpus / TEST)


def other_features(corpus):
    """Remove the metadata that say that `stage` is a class label."""
    table = pq.read_table(corpus / TEST)
    pq.write_table(table.replace_schema_metadata(None), corpus / TEST)


def manifest(column, value, row=1):
    def changed(corpus):
        path = corpus / "manifest.parquet"
        table = pq.read_table(path)
        rows = table.to_pylist()
        rows[row][column] = value
        pq.write_table(pa.Table.from_pylist(rows, table.schema), path)

    return changed


def shard(name, **columns):
    return lambda corpus: change(corpus, name, **columns)


def removed(name):
    return lambda corpus: (corpus / name).unlink()


OTHER_SIZE = ImageSpec("tiny", "core", 60, 48, grid=False)


def grey_png() -> bytes:
    file = io.BytesIO()
    Image.new("L", SPEC.size).save(file, "PNG")
    return file.getvalue()


# What is done, the kinds of fault it is, and what one of the lines says. Card and SHA256SUMS are
# written anew after it, so that each check stands for itself.
DAMAGES = {
    "flipped byte of an image": (
        flipped_byte, {"image"}, rf"{TRAIN}, row 5, s1a epoch 8: an image that cannot be decoded"),
    "image cut short": (
        shard(TRAIN, images=lambda v: at(1, image(v[1][0]["bytes"][:-30]))(v)), {"image"},
        rf"{TRAIN}, row 1, s1a epoch 2: .*expected a whole PNG"),
    "no image": (
        shard(TRAIN, images=at(2, [])), {"image"}, r"row 2, s1a epoch 3: 0 images; expected one"),
    "image that is none": (
        shard(TRAIN, images=at(2, image(b"GIF89a"))), {"image"}, r"row 2, s1a epoch 3: no PNG"),
    "image of another size": (
        shard(MIDDLE, images=at(4, image(small_corpus.picture(9, OTHER_SIZE)))), {"image"},
        rf"{MIDDLE}, row 4, s1b epoch 2: an image of 60 x 48 pixels; expected 48 x 48"),
    "image of another mode": (
        shard(TRAIN, images=at(0, image(grey_png()))), {"image"}, r"row 0, s1a epoch 1: .* mode L"),
    "spec of another size": (
        larger_spec, {"image"}, r"row 0, s1a epoch 1: an image of 48 x 48 .*expected 60 x 48"),
    "spec of another prompt": (
        other_prompt, {"prompt"}, r"row 0, s1a epoch 1: another prompt; .*tiny's image spec"),
    "label out of range": (
        shard(TRAIN, stage_2=at(3, 5)), {"label"}, r"row 3, s1a epoch 4: stage_2 5; expected 0 to"),
    "answer that is not the stage": (
        shard(TRAIN, completion=at(3, chat.completion("W"))), {"answer"},
        r"row 3, s1a epoch 4: the answer \['W'\]; expected the stage, R"),
    "answer for an unscored epoch": (
        shard(TRAIN, completion=at(2, chat.completion("W"))), {"answer"},
        r"row 2, s1a epoch 3: the answer \['W'\]; expected the stage, None"),
    "stage changed with its answer": (
        shard(TRAIN, stage=at(3, 0), completion=at(3, chat.completion("W"))), {"manifest"},
        r"shhs, s1a: W 3 N1 2 N2 2 N3 2 R 1 unscored 1; expected W 2 .* R 2 unscored 1"),
    "lane that is not drawn": (
        shard(TRAIN, lanes=at(0, ["ECG"])), {"lanes"}, r"lanes \['ECG'\]; expected some of C4-M1"),
    "subject in two splits": (
        shard(TEST, subject=lambda v: ["s1"] * len(v)), {"subject", "place"},
        rf"{TEST}, row 0, s4a epoch 1: subject s1 in the splits train and test"),
    "row of another cohort": (
        shard(TRAIN, cohort=at(0, "mass")), {"place"},
        r"row 0, s1a epoch 1: cohort mass; expected that of configuration shhs"),
    "row without a recording": (
        shard(TRAIN, recording=at(0, None)), {"place", "manifest"}, r"row 0, .*without its place"),
    "epochs swapped": (
        shard(TRAIN, epoch=swapped), {"order"}, r"row 2, s1a epoch 2: epoch 2 after 3; expect"),
    "epoch twice": (
        shard(TRAIN, epoch=at(4, 4)), {"order"}, r"row 4, s1a epoch 4: epoch 4 after 4"),
    "onset before the last": (
        shard(TRAIN, onset=at(4, 1.0)), {"order"}, r"row 4, s1a epoch 5: onset 1 s after 120 s"),
    "recording in two pieces": (
        shard(MIDDLE, recording=at(5, "s1a"), epoch=at(5, 99), onset=at(5, 2970.0)),
        {"order", "manifest"}, rf"{MIDDLE}, row 5, s1a epoch 99: s1a once more"),
    "fold that is not the manifest's": (
        manifest("fold", 3), {"manifest"}, r"shhs, s1b: split train, fold None; .* fold 3, as in"),
    "split that is not the manifest's": (
        manifest("split", "test"), {"manifest"}, r"shhs, s1b: split train, .*expected split test"),
    "count of the manifest changed": (
        manifest("N2", 1), {"manifest"}, r"shhs, s1b: W 2 N1 2 N2 2 .*expected W 2 N1 2 N2 1"),
    "recording of the manifest not built": (
        manifest("status", "skipped"), {"manifest"}, r"shhs, s1b: not built by the manifest"),
    "recording of the manifest without rows": (
        manifest("recording", "s9z"), {"manifest"}, r"shhs, s9z: no row; expected the rows"),
    "no manifest": (
        removed("manifest.parquet"), {"manifest"}, r"manifest.parquet: .*expected a row for every"),
    "schema changed": (other_schema, {"schema", "manifest"}, rf"{TEST}: other columns \(onset\)"),
    "features forgotten": (
        other_features, {"schema", "manifest"}, rf"{TEST}: other features in the metadata"),
    "shard removed": (
        removed(MIDDLE), {"shard", "manifest"}, r"shhs/train: 4 shards, wrong at 1; expected"),
    "shard of another name": (
        lambda corpus: (corpus / MIDDLE).rename(corpus / "shhs/training.parquet"),
        {"shard", "manifest"}, r"shhs/training.parquet: not a shard's name; expected SPLIT-00000"),
    "empty folder": (
        lambda corpus: (corpus / "mass").mkdir(), {"shard"}, r"mass: no shard; expected Parquet"),
}  # fmt: skip
# The same of what stands in the card and in SHA256SUMS itself; neither is written anew.
LATE = {
    "file without a digest": (
        lambda corpus: (corpus / "notes.txt").write_text("x"), {"checksum"},
        r"notes.txt: a file not in SHA256SUMS"),
    "file gone": (removed("NOTES"), {"checksum"}, r"NOTES: no such file; expected the"),
    "file changed": (
        lambda corpus: (corpus / "NOTES").write_text("y"), {"checksum"},
        r"NOTES: SHA-256 a1fce4363854; expected 2d711642b726, as in SHA256SUMS"),
    "folder in a shard's place": (
        lambda corpus: ((corpus / MIDDLE).unlink(), (corpus / MIDDLE).mkdir()),
        {"checksum", "shard", "manifest", "card"}, rf"{MIDDLE}: not a shard's name"),
    "no SHA256SUMS": (removed("SHA256SUMS"), {"checksum"}, r"SHA256SUMS: .*cannot be read"),
    "spec missing": (
        removed("image_spec.json"), {"checksum", "image spec"}, r"^image_spec.json: .*cannot be"),
}  # fmt: skip


def check(corpus, kinds, said):
    found = faults(corpus)
    assert {fault.kind for fault in found} == kinds, "\n".join(map(str, found))
    lines = list(map(str, found))
    assert any(re.search(said, line) for line in lines), "\n".join(lines)
    return found


def test_a_whole_corpus_has_no_fault(whole):
    assert faults(whole) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named(copy, name):
    damage, kinds, said = DAMAGES[name]
    damage(copy)
    small_corpus.finish(copy)
    check(copy, kinds, said)


@pytest.mark.parametrize("name", LATE)
def test_each_damage_of_the_files_is_named(copy, name):
    (copy / "NOTES").write_text("x")
    checksums.write(copy)
    damage, kinds, said = LATE[name]
    damage(copy)
    check(copy, kinds, said)


### Other tasks


@pytest.fixture(scope="module")
def whole_tasks(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("tasks") / "corpus", tasks=tuple(chat.TASKS))


def told(text):
    """Return a change of the answer of the epoch in row 3, whose stage is R."""
    return {"completion": at(3, chat.completion(text))}


def said(corpus_row):
    return corpus_row[0]["content"][0]["text"]


SEEN, REASONS = f"shhs-perception/{TRAIN[5:]}", f"shhs-rationale/{TRAIN[5:]}"
TASK_DAMAGES = {
    "another task's prompt": (
        shard(SEEN, prompt=at(0, chat.prompt(chat.TASKS["rationale"]))), {"prompt"},
        rf"{SEEN}, row 0, s1a epoch 1: another prompt; expected that of perception"),
    "the prompt of staging": (
        shard(REASONS, prompt=at(0, chat.prompt(SPEC.prompt))), {"prompt"},
        rf"{REASONS}, row 0, s1a epoch 1: another prompt; expected that of rationale"),
    "reasons for another stage": (
        shard(REASONS, completion=lambda v: at(3, v[0])(v)), {"answer"},
        rf"{REASONS}, row 3, s1a epoch 4: the answer .*expected reasons for the stage, R, and it"),
    "reasons without a stage at the end": (
        shard(REASONS, **told("The rule for R is met.")), {"answer"},
        rf"{REASONS}, row 3, .*expected reasons for the stage, R, and it at the end"),
    "reasons for an unscored epoch": (
        shard(REASONS, completion=lambda v: at(2, v[0])(v)), {"answer"},
        rf"{REASONS}, row 2, s1a epoch 3: .*expected reasons for the stage, None"),
    "no reasons": (
        shard(REASONS, completion=at(3, [])), {"answer"}, rf"{REASONS}, row 3, .*the answer \[\]"),
    "reasons told by the user": (
        shard(REASONS, completion=lambda v: at(3, [{**v[3][0], "role": "user"}])(v)), {"answer"},
        rf"{REASONS}, row 3, .*expected one answer, in text"),
    "description that does not read back": (
        shard(SEEN, completion=lambda v: at(3, chat.completion(said(v[3])[:-5]))(v)), {"answer"},
        rf"{SEEN}, row 3, s1a epoch 4: .*expected what psgvlm.chat.perception writes"),
    "another description": (
        shard(SEEN, **told("The sleeper dreams.")), {"answer"}, rf"{SEEN}, row 3, .*dreams"),
    "another whole picture": (
        shard(SEEN, images=at(4, image(small_corpus.picture(99)))), {"image", "task"},
        "^shhs-perception, s1a: other rows or images; expected those of shhs$"),
    "pictures swapped": (
        shard(REASONS, images=swapped), {"image", "task"},
        "^shhs-rationale, s1a: other rows or images"),
    "another second stage": (
        shard(REASONS, stage_2=at(3, 1)), {"task"}, "^shhs-rationale, s1a: other rows or images"),
    "another stage, with its reasons": (
        shard(REASONS, stage=at(3, 1), completion=lambda v: at(3, v[0])(v)), {"task", "manifest"},
        "^shhs-rationale, s1a: W 2 N1 3 N2 2 N3 2 R 1 unscored 1; expected W 2"),
    "a row less": (
        lambda corpus: pq.write_table(
            pq.read_table(corpus / SEEN).slice(1), corpus / SEEN, row_group_size=3),
        {"task", "manifest"}, "^shhs-perception, s1a: other rows or images"),
    "a recording less": (
        lambda corpus: [path.unlink() for path in corpus.glob("shhs-rationale/test-*")],
        {"manifest"}, "^shhs-rationale, s4a: no row; expected the rows that the manifest counts"),
    "folder of a task that is none": (
        lambda corpus: (corpus / "shhs-rationale").rename(corpus / "shhs-dreams"),
        {"place", "prompt", "answer", "manifest"}, "cohort shhs; .* of configuration shhs-dreams"),
}  # fmt: skip


def test_a_whole_corpus_with_tasks_has_no_fault(whole_tasks):
    assert faults(whole_tasks) == []


@pytest.mark.parametrize("name", TASK_DAMAGES)
def test_each_damage_of_a_task_is_named(whole_tasks, tmp_path, name):
    damaged = shutil.copytree(whole_tasks, tmp_path / "corpus")
    damage, kinds, expected = TASK_DAMAGES[name]
    damage(damaged)
    small_corpus.finish(damaged)
    check(damaged, kinds, expected)


### Files


def test_a_shard_cut_short_is_named_and_the_others_are_read(copy):
    path = copy / MIDDLE
    path.write_bytes(path.read_bytes()[:-100])
    change(copy, TEST, stage_2=at(0, 9))
    checksums.write(copy)
    found = check(copy, {"unreadable", "label", "manifest", "card"}, rf"{MIDDLE}: .*a Parquet")
    assert len([fault for fault in found if fault.kind == "unreadable"]) == 1


def test_a_row_group_that_cannot_be_read_is_named_and_the_others_are_read(copy):
    """The header of a page in the second of three row groups is overwritten with zeros."""
    path = copy / TRAIN
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(1).column(file.schema.names.index("epoch"))
        offset = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 16] = bytes(16)
    path.write_bytes(content)
    checksums.write(copy)
    found = check(copy, {"unreadable", "manifest"}, rf"{TRAIN}, row group 1: ")
    # Three of s1a's rows are gone, and no others. The card's digest of the rows cannot be checked
    # without them.
    assert Counter(fault.kind for fault in found)["manifest"] == 1
    assert not [fault for fault in found if fault.kind == "card"]


def card(corpus, damage):
    """Change the YAML of the card and renew SHA256SUMS."""
    path = corpus / "README.md"
    _, text, rest = path.read_text().split("---\n", 2)
    values = yaml.safe_load(text)
    damage(values)
    path.write_text(f"---\n{yaml.safe_dump(values)}---\n{rest}")
    checksums.write(corpus)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda y: y["configs"].clear(), "README.md, configs, shhs: nothing; expected a dict"),
        (lambda y: y.pop("configs"), r"README.md: not whole \('configs'\); expected YAML: configs"),
        (
            lambda y: y["configs"][0]["data_files"].pop(0),
            "configs, shhs, data_files, train: nothing; expected a dict, as in the files",
        ),
        (
            lambda y: y["configs"].append({"config_name": "mass"}),
            "configs, mass: a dict; expected nothing",
        ),
        (
            lambda y: y["configs"][0].update(description="sha256 0"),
            r"shhs, description: 'sha256 0'; expected 'sha256 [0-9a-f]{64}', as in the files",
        ),
        (
            lambda y: y["dataset_info"][0]["splits"][0].update(num_examples=34),
            "dataset_info, shhs, splits, train, num_examples: 34; expected 33, as in the files",
        ),
        (
            lambda y: y["dataset_info"][0]["features"].pop(3),
            "dataset_info, shhs, features, stage: nothing; expected a dict",
        ),
    ],
)
def test_each_damage_of_the_card_is_named(copy, damage, said):
    card(copy, damage)
    check(copy, {"card"}, said)


NO_YAML = ("", "no YAML", "---\na: [\n---\n", "---\n- 1\n---\n", "---\n---\n")


@pytest.mark.parametrize("text", NO_YAML)
def test_a_card_without_its_yaml_is_named(copy, text):
    (copy / "README.md").write_text(text)
    checksums.write(copy)
    (fault,) = check(copy, {"card"}, "README.md: no")
    assert fault.where == "README.md"


def test_a_yaml_that_is_endless_when_written_out_is_not_written_out(copy):
    lines = [
        "a0: &a0 [x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)),
    ]
    text = "\n".join([*lines, "configs: *a39", "dataset_info: [{config_name: *a39, x: *a39}]"])
    (copy / "README.md").write_text(f"---\n{text}\n---\n")
    checksums.write(copy)
    check(copy, {"card"}, "README.md, configs: a list; expected a dict")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_no_byte_of_a_picture_can_change_unseen(place, mask):
    whole = small_corpus.picture(77)
    png = bytearray(whole)
    png[place % len(png)] ^= mask
    rows = RowChecks(SPEC)
    assert rows.image_fault(image(bytes(png)), png_pixel_hash(whole)) is not None
    assert rows.image_fault(image(whole), png_pixel_hash(whole)) is None


@given(st.binary(max_size=60))
def test_any_bytes_for_a_picture_are_a_fault_and_no_crash(content):
    rows = RowChecks(SPEC)
    pixels = png_pixel_hash(small_corpus.picture(3))
    for png in (content, small_corpus.picture(3)[:33] + content):
        assert rows.image_fault(image(png), pixels) is not None


### The command


def test_a_built_corpus_passes_and_a_damaged_one_does_not(corpus, tmp_path):
    built = shutil.copytree(corpus, tmp_path / "corpus")
    done = command("-m", "builders", "verify", built)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"no fault; \d+ epochs of 9 recordings in 9 shards", done.stdout)
    name = "mass/train-00000-of-00001.parquet"
    change(built, name, stage_2=at(0, 9))
    done = command("-m", "builders", "verify", built)
    assert done.returncode == 1
    assert f"{name}, row 0" in done.stdout
    assert f"{name}: SHA-256" in done.stdout
    assert re.search(r"corpus: \d faults\n$", done.stdout)


def test_faults_of_a_kind_are_counted_when_there_are_many(copy, capsys):
    for path in sorted(copy.glob("shhs/*.parquet")):
        name = path.relative_to(copy).as_posix()
        change(copy, name, stage_2=lambda values: [7] * len(values))
    small_corpus.finish(copy)
    assert verify.print_faults(copy) == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == verify.MOST_PRINTED + 2
    rest = 5 * len(EPOCHS) - verify.MOST_PRINTED
    assert out[-2] == f"... and {rest} more faults of this kind: label"
    assert out[-1] == f"{copy}: {5 * len(EPOCHS)} faults"


def test_a_file_s_words_reach_the_terminal_as_text(copy, capsys):
    change(copy, TEST, recording=lambda values: ["\x1b[31mred\n"] * len(values))
    verify.print_faults(copy)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "?[31mred?" in out


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder; expected a corpus"):
        verify.Check(tmp_path / "corpus")
