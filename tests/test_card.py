"""The card's YAML: what `load_dataset` and the viewer know of a corpus without reading it."""

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_corpus
import yaml
from conftest import command
from datasets import load_dataset, load_dataset_builder
from datasets.exceptions import NonMatchingSplitsSizesError
from small_corpus import EPOCHS

import dataset_card
from builders import checksums, verify
from psgvlm import chat
from psgvlm.errors import InputError

ROWS = {"train": 3 * len(EPOCHS), "validation": len(EPOCHS), "test": len(EPOCHS)}


@pytest.fixture
def copy(tmp_path):
    return small_corpus.write(tmp_path / "corpus")


def card_yaml(corpus):
    return yaml.safe_load((corpus / "README.md").read_text().split("---\n")[1])


def test_load_dataset_knows_the_corpus_before_it_reads_it(copy):
    info = load_dataset_builder(str(copy), "shhs").info
    assert info.features == chat.features()
    assert {name: split.num_examples for name, split in info.splits.items()} == ROWS
    shards = list(copy.glob("shhs/*.parquet"))
    assert info.download_size == sum(path.stat().st_size for path in shards)
    assert info.dataset_size == sum(split.num_bytes for split in info.splits.values())


def test_loading_and_streaming_check_it(copy):
    loaded = load_dataset(str(copy), "shhs", verification_mode="all_checks")
    assert {name: len(split) for name, split in loaded.items()} == ROWS
    assert loaded["train"].features == chat.features()
    streamed = load_dataset(str(copy), "shhs", streaming=True)
    assert {name: sum(1 for _ in split) for name, split in streamed.items()} == ROWS
    assert streamed["test"].features == chat.features()


def test_a_split_of_another_size_is_refused_by_load_dataset(copy):
    path = copy / "README.md"
    path.write_text(path.read_text().replace("num_examples: 33", "num_examples: 34"))
    with pytest.raises(NonMatchingSplitsSizesError):
        load_dataset(str(copy), "shhs")


def test_bytes_are_about_those_of_load_dataset_s_own_copy(corpus):
    """Real pictures; the columns beside them are packed closer in Parquet than in Arrow."""
    info = load_dataset_builder(str(corpus), "mass").info
    for name, split in load_dataset(str(corpus), "mass").items():
        assert info.splits[name].num_bytes == pytest.approx(split.data.nbytes, rel=0.1)


def test_every_configuration_is_described(corpus):
    described = card_yaml(corpus)
    for part in ("configs", "dataset_info"):
        assert [entry["config_name"] for entry in described[part]] == ["isruc", "mass", "shhs"]


def test_digests_come_from_sha256sums_and_its_line_follows(copy):
    before = card_yaml(copy)["configs"][0]["description"]
    listed = checksums.read(copy)
    (copy / "README.md").write_text("gone")
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] == before
    assert checksums.read(copy) == listed
    assert list(verify.Check(copy).faults()) == []
    name = "shhs/test-00000-of-00002.parquet"
    lines = (copy / "SHA256SUMS").read_text().replace(listed[name], "0" * 64)
    (copy / "SHA256SUMS").write_text(lines)
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] != before
    assert checksums.read(copy)[name] == "0" * 64  # taken as it stood there, not read
    dataset_card.write(copy, known={})
    assert card_yaml(copy)["configs"][0]["description"] == before


def test_shards_written_since_are_read_and_not_hidden_from_verify(copy):
    before = card_yaml(copy)["configs"][0]["description"]
    shards = sorted(copy.glob("shhs/validation-*.parquet"))
    shutil.copy(shards[1], shards[0])
    dataset_card.write(copy)
    assert card_yaml(copy)["configs"][0]["description"] != before
    changed = [fault.where for fault in verify.Check(copy).faults() if fault.kind == "checksum"]
    assert changed == ["shhs/validation-00000-of-00002.parquet"]


def test_counting_reads_no_image(copy):
    """With every picture's page overwritten the card comes out the same."""
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
    assert "cannot be read as an image spec" in done.stderr


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_that_is_no_stage_is_not_counted_as_one(copy, label):
    path = copy / "shhs" / "train-00000-of-00005.parquet"
    table = pq.read_table(path)
    stages = pa.array([label] * len(table), pa.int64())
    index = table.schema.get_field_index("stage")
    pq.write_table(table.set_column(index, table.schema.field("stage"), stages), path)
    with pytest.raises(InputError, match=rf"train-00000-of-00005.parquet: {label}; expected"):
        dataset_card.write(copy)
