"""The card of a corpus: the YAML that `load_dataset` reads, and the text that people read."""

import os
import re
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_corpus
import yaml
from cards import PLACEHOLDERS, pngs
from commands import command
from datasets import load_dataset, load_dataset_builder
from datasets.exceptions import NonMatchingSplitsSizesError
from huggingface_hub import DatasetCard
from psgvlm.builders.__main__ import main
from psgvlm.builders.check import verify
from psgvlm.dataset_card import card
from small_corpus import EPOCHS

from psgvlm import dataset_card
from psgvlm.corpus import checksums, row_schema
from psgvlm.errors import InputError
from psgvlm.hub import cohorts as cohort_terms
from psgvlm.image_spec import PRESETS, ImageSpec

ROWS = {"train": 3 * len(EPOCHS), "validation": len(EPOCHS), "test": len(EPOCHS)}


@pytest.fixture
def copy(tmp_path):
    return small_corpus.write(tmp_path / "corpus")


def card_yaml(corpus):
    return yaml.safe_load((corpus / "README.md").read_text().split("---\n")[1])


def test_load_dataset_knows_the_corpus_before_it_reads_it(copy):
    info = load_dataset_builder(str(copy), "shhs").info
    assert info.features == row_schema.features()
    assert {name: split.num_examples for name, split in info.splits.items()} == ROWS
    shards = list(copy.glob("shhs/*.parquet"))
    assert info.download_size == sum(path.stat().st_size for path in shards)
    assert info.dataset_size == sum(split.num_bytes for split in info.splits.values())


def test_loading_and_streaming_check_it(copy):
    loaded = load_dataset(str(copy), "shhs", verification_mode="all_checks")
    assert {name: len(split) for name, split in loaded.items()} == ROWS
    assert loaded["train"].features == row_schema.features()
    streamed = load_dataset(str(copy), "shhs", streaming=True)
    assert {name: sum(1 for _ in split) for name, split in streamed.items()} == ROWS
    assert streamed["test"].features == row_schema.features()


def test_a_split_of_another_size_is_refused_by_load_dataset(copy):
    path = copy / "README.md"
    path.write_text(path.read_text().replace("num_examples: 33", "num_examples: 34"))
    with pytest.raises(NonMatchingSplitsSizesError):
        load_dataset(str(copy), "shhs")


def test_bytes_are_about_those_of_load_dataset_s_own_copy(corpus):
    """The pictures are real; other columns take less room in Parquet than in Arrow."""
    info = load_dataset_builder(str(corpus), "mass").info
    for name, split in load_dataset(str(corpus), "mass").items():
        assert info.splits[name].num_bytes == pytest.approx(split.data.nbytes, rel=0.1)


def test_every_configuration_is_described(corpus):
    described = card_yaml(corpus)
    for part in ("configs", "dataset_info"):
        assert [entry["config_name"] for entry in described[part]] == ["isruc", "mass", "shhs"]


def test_the_line_of_the_card_in_sha256sums_is_renewed_and_no_other(copy):
    before = (copy / "README.md").read_bytes()
    listed = checksums.read(copy)
    (copy / "README.md").write_text("gone")
    dataset_card.write(copy)
    assert (copy / "README.md").read_bytes() == before
    assert checksums.read(copy) == listed
    assert list(verify.Check(copy).faults()) == []
    name = "shhs/test-00000-of-00002.parquet"
    lines = (copy / "SHA256SUMS").read_text().replace(listed[name], "0" * 64)
    (copy / "SHA256SUMS").write_text(lines)
    dataset_card.write(copy)
    assert (copy / "README.md").read_bytes() == before
    assert checksums.read(copy)[name] == "0" * 64  # a wrong line stays for verify to find


def test_the_digest_is_of_rows_and_of_the_drawing_code_and_not_of_files(copy, tmp_path):
    before = card_yaml(copy)["configs"][0]["description"]
    cut = small_corpus.write(tmp_path / "cut", shard_rows=20, group_rows=7)
    assert len(list(cut.glob("shhs/*.parquet"))) < len(list(copy.glob("shhs/*.parquet")))
    assert card_yaml(cut)["configs"][0]["description"] == before
    spec = ImageSpec.load(copy / "image_spec.json")
    replace(spec, drawing=spec.drawing + 1).save(copy)
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] != before


@pytest.mark.parametrize("column", [n for n in row_schema.schema().names if n != "images"])
def test_every_column_but_the_images_counts_for_the_digest(copy, column):
    before = card_yaml(copy)["configs"][0]["description"]
    path = copy / "shhs" / "validation-00001-of-00002.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    other = {
        "stage": 4 if values[0] == 3 else 3,
        "stage_2": 1,
        "fold": 3,
        "epoch": 99,
        "onset": 0.5,
    }
    nested = {
        "votes": [0.0, 0.5, 0.5, 0.0, 0.0],
        "prompt": [],
        "completion": [{"role": "user", "content": []}],
        "lanes": ["E1"],
    }
    values[0] = (other | nested).get(column, "another")
    index = table.schema.get_field_index(column)
    field = table.schema.field(index)
    pq.write_table(table.set_column(index, field, pa.array(values, field.type)), path)
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] != before


def test_changed_shards_are_read_and_not_hidden_from_verify(copy):
    before = card_yaml(copy)["configs"][0]["description"]
    shards = sorted(copy.glob("shhs/validation-*.parquet"))
    shutil.copy(shards[1], shards[0])
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] != before
    changed = [fault.where for fault in verify.Check(copy).faults() if fault.kind == "checksum"]
    assert changed == ["shhs/validation-00000-of-00002.parquet"]


def test_counting_reads_no_image(copy):
    """The card is the same if the page of every picture is overwritten."""
    before = (copy / "README.md").read_bytes()
    for path in copy.glob("shhs/*.parquet"):
        content = bytearray(path.read_bytes())
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                column = file.metadata.row_group(group).column(0)
                assert column.path_in_schema == "images.list.element.bytes"
                start = column.dictionary_page_offset or column.data_page_offset
                end = start + column.total_compressed_size
                content[start:end] = bytes(end - start)
        times = path.stat()
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises((OSError, pa.ArrowException)):
            pq.read_table(path)
    dataset_card.write(copy)
    assert (copy / "README.md").read_bytes() == before


def test_the_command_writes_it_anew(copy):
    before = (copy / "README.md").read_bytes()
    (copy / "README.md").unlink()
    done = command("-m", "builders", "card", copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{copy / 'README.md'}\n", "")
    assert (copy / "README.md").read_bytes() == before
    assert not list(copy.glob(".*"))


def test_a_folder_without_shards_or_with_damaged_ones_gets_no_card(copy):
    before = (copy / "README.md").read_bytes()
    (copy / "shhs" / "test-00000-of-00002.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"test-00000-of-00002.parquet: .*expected the shard"):
        dataset_card.write(copy)
    shutil.rmtree(copy / "shhs")
    with pytest.raises(InputError, match="holds no Parquet shard"):
        dataset_card.write(copy)
    assert (copy / "README.md").read_bytes() == before
    done = command("-m", "builders", "card", copy / "shhs")
    assert done.returncode == 1
    assert "no such folder" in done.stderr


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_that_is_no_stage_is_not_counted_as_one(copy, label):
    path = copy / "shhs" / "train-00000-of-00005.parquet"
    table = pq.read_table(path)
    stages = pa.array([label] * len(table), pa.int64())
    index = table.schema.get_field_index("stage")
    pq.write_table(table.set_column(index, table.schema.field("stage"), stages), path)
    with pytest.raises(InputError, match=rf"train-00000-of-00005.parquet: {label}; expected"):
        dataset_card.write(copy)


### What people read


def prose(corpus):
    return (corpus / "README.md").read_text("utf-8").split("---\n", 2)[2]


def test_the_hub_s_library_reads_it(corpus):
    card = DatasetCard.load(corpus / "README.md")
    said = card.data.to_dict()
    assert said["task_categories"] == ["image-text-to-text", "image-classification"]
    assert {"license", "license_name", "pretty_name", "size_categories", "tags"} <= set(said)
    fields = said["extra_gated_fields"]
    assert sum(kind == "checkbox" for kind in fields.values()) == 3
    assert "MASS and SHHS" in said["extra_gated_prompt"]


def test_pictures_are_the_corpus_own_and_of_no_cohort_under_an_agreement(corpus, copy, tmp_path):
    shown = {(path.stem, path.read_bytes()) for path in (corpus / "images").iterdir()}
    assert shown
    assert shown <= pngs(corpus, "isruc")
    assert {stage for stage, _ in shown} == {stage for stage, _ in pngs(corpus, "isruc")}
    for stage, _ in shown:
        assert f"![{stage}](images/{stage}.png)" in prose(corpus)
    assert not (copy / "images").exists()  # it is of SHHS alone
    assert "![" not in prose(copy)

    # They go with their cohort, and so do their lines.
    less = tmp_path / "less"
    shutil.copytree(corpus, less)
    shutil.rmtree(less / "isruc")
    (less / "images" / ".W.png.0a1b.tmp").write_bytes(b"of a build that was killed")
    dataset_card.write(less)
    assert not (less / "images").exists()
    assert not any(name.startswith("images/") for name in checksums.read(less))
    assert "images/" not in prose(less)


def test_a_cohort_under_an_agreement_in_a_folder_of_another_name_is_not_shown(corpus, tmp_path):
    shutil.copytree(corpus / "mass", tmp_path / "isruc")
    shutil.copy(corpus / "image_spec.json", tmp_path)
    dataset_card.write(tmp_path)
    assert not (tmp_path / "images").exists()


def test_a_corpus_that_nothing_binds_has_no_gate(corpus, tmp_path):
    shutil.copytree(corpus / "isruc", tmp_path / "isruc")
    shutil.copy(corpus / "image_spec.json", tmp_path)
    dataset_card.write(tmp_path)
    assert not any(name.startswith("extra_gated") for name in card_yaml(tmp_path))
    assert "SHHS" not in prose(tmp_path)
    assert "Recordings:" not in prose(tmp_path)  # there is no manifest


def test_counts_and_sources_are_on_the_card(corpus, tmp_path):
    text = prose(corpus)
    for config in ("isruc", "mass", "shhs"):
        for name, split in load_dataset(str(corpus), config).items():
            scored = [split["stage"].count(index) for index in range(5)]
            cells = [config, name, len(set(split["subject"])), len(split), *scored]
            assert f"| {' | '.join(map(str, cells))} |" in text
            for subject in set(split["subject"]):
                assert subject in text
    assert f"--image {ImageSpec.load(corpus / 'image_spec.json').name}\n" in text
    for known in ("isruc: 3 built", "10.1016/j.cmpb.2015.10.013", "2509.22810", "Not a medical"):
        assert known in text
    # With fields changed by hand, the name of a preset would not draw it.
    counts = dataset_card.count(corpus)
    replace(PRESETS["wide"], line_px=3.0).save(tmp_path)
    changed = dataset_card.build_commands(tmp_path, [config for config, _ in counts])
    assert changed.splitlines()[0].endswith("isruc RAW/isruc --out CORPUS --image image_spec.json")


def test_every_known_cohort_has_its_licence_terms_and_citation_on_the_card():
    for cohort, terms in cohort_terms.COHORTS.items():
        said = card._sources([cohort])
        assert terms.name in said and terms.source in said, cohort
        assert terms.licence in said or cohort in ("mass", "isruc") or terms.agreement, cohort
        assert len(card._citations([cohort])) > 1, cohort


def test_the_licence_of_a_mixture():
    said = [card._licence(cohorts) for cohorts in (["ucddb"], ["ucddb", "hmc"], ["ucddb", "mesa"])]
    assert said[0] == {"license": "odc-by"}
    assert said[1] == {"license": ["cc-by-4.0", "odc-by"]}
    assert said[2]["license"] == "other" and said[2]["license_name"]


def test_its_snippet_runs_as_it_stands(corpus, monkeypatch):
    monkeypatch.chdir(corpus)
    (snippet,) = re.findall(r"```python\n(.*?)```", prose(corpus), re.DOTALL)
    names = {}
    exec(snippet, names)
    assert len(names["epochs"]) > 0
    assert names["epochs"].features == row_schema.features()


def test_named_and_as_a_benchmark(copy):
    name = "someone/psg-images"
    done = main(
        ["card", str(copy), "--name", name, "--benchmark", "--note", "All of it\nsimulated."]
    )
    assert done == 0
    assert f'load_dataset("{name}", "shhs", split="test")' in prose(copy)
    assert prose(copy).startswith("# Polysomnography as images\n\n> All of it simulated.\n\n30-s")
    told = yaml.safe_load((copy / "eval.yaml").read_text("utf-8"))
    assert told["tasks"] == [{"id": "shhs", "config": "shhs", "split": "test"}]
    assert list(verify.Check(copy).faults()) == []


def test_no_placeholder(corpus, copy):
    for folder in (corpus, copy):
        assert PLACEHOLDERS.findall((folder / "README.md").read_text("utf-8")) == []
