"""A corpus pushed without its images, and its images drawn again and compared."""

import io
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from builds import build
from loopback_hub import LoopbackHub
from PIL import Image
from psgvlm.builders.__main__ import main
from psgvlm.builders.check import verify
from recordings import write_mass

from psgvlm import dataset_card
from psgvlm.chat import rationale
from psgvlm.corpus import checksums
from psgvlm.errors import InputError

NAME = "tester/labels"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with LoopbackHub() as hub:
        hub.here(monkeypatch, tmp_path / "cache")
        yield hub


def draw(tmp_path, name, *words):
    out = tmp_path / name
    build(tmp_path / "raw", out, *words, cohort="mass")
    return out


def downloaded(hub, folder):
    repo = hub.repos["datasets", NAME]
    for name, content in repo["commits"][repo["tags"]["v1"]].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_labels_without_images_and_the_same_images_drawn_elsewhere(hub, tmp_path, drawn, capsys):
    for i in range(1, 5):
        write_mass(tmp_path / "raw", f"01-03-000{i}", ("W", "2", "R", "3"))
    corpus = draw(tmp_path, "corpus", "--tasks", "staging,rationale")
    with pytest.raises(InputError, match="statement MASS"):
        main(["push", str(corpus), NAME, "--labels-only", "--public"])
    public = ["--labels-only", "--public", "--i-am-allowed", "MASS"]
    # A repository that once had the images keeps them in its history.
    main(["push", str(corpus), "tester/images", "--i-am-allowed", "MASS"])
    with pytest.raises(InputError, match=r"its history has .*new repository"):
        main(["push", str(corpus), "tester/images", "--tag", "v2", *public])
    main(["push", str(corpus), "tester/images", "--tag", "v2", *public[:1], *public[2:]])
    with pytest.raises(InputError, match=r"its history has .*new repository"):
        main(["push", str(corpus), "tester/images", "--tag", "v2", *public])
    assert hub.repos["datasets", "tester/images"]["private"] is True
    main(["push", str(corpus), NAME, *public])
    assert hub.repos["datasets", NAME]["private"] is False
    assert "read back; public" in capsys.readouterr().out

    there = downloaded(hub, tmp_path / "there")
    assert not any(b"\x89PNG" in path.read_bytes() for path in there.rglob("*") if path.is_file())
    shards = sorted(there.glob("*/*.parquet"))
    assert len(shards) == len(list(corpus.glob("mass*/*.parquet")))
    for shard in shards:
        ours = pq.read_table(corpus / shard.relative_to(there)).drop_columns("images")
        table = pq.read_table(shard)
        assert table.to_pylist() == ours.to_pylist()
    said = pq.read_table(there / "mass-rationale")["completion"].to_pylist()
    assert any(row and rationale.PROMPT not in row[0]["content"][0]["text"] for row in said)
    card = (there / "README.md").read_text()
    assert "psgvlm build mass RAW/mass --out CORPUS --image image_spec.json" in card

    # Another split and another order, drawn as the card says: the same pictures.
    spec = f"{there / 'image_spec.json'}"
    out = str(tmp_path / "again")
    words = ["mass", str(tmp_path / "raw"), "--out", out, "--image", spec, "--seed", "7"]
    assert main(words) == 0
    assert main(["compare", out, str(there)]) == 0
    assert "16 of 16 pictures are the same" in capsys.readouterr().out

    other = str(tmp_path / "other")
    words = ["mass", str(tmp_path / "raw"), "--out", other, "--image", "square,line_px=2"]
    assert main(words) == 0
    assert main(["compare", other, str(there)]) == 1
    assert "0 of 16 pictures are the same, pixel by pixel; 16 others" in capsys.readouterr().out
    with pytest.raises(InputError, match="no rows"):
        main(["compare", out, str(tmp_path / "raw")])


def reencode(corpus, change=None):
    """Write every picture of a corpus again with Pillow; `change` may alter the first image."""
    for path in sorted(corpus.glob("*/*.parquet")):
        table = pq.read_table(path)
        rows = table["images"].to_pylist()
        for (image,) in rows:
            picture = Image.open(io.BytesIO(image["bytes"]))
            if change:
                change(picture)
                change = None
            content = io.BytesIO()
            picture.save(content, "PNG", compress_level=9)
            assert content.getvalue() != image["bytes"]
            image["bytes"] = content.getvalue()
        column = table.schema.get_field_index("images")
        field = table.schema.field(column)
        pq.write_table(table.set_column(column, field, pa.array(rows, field.type)), path)


def described(corpus):
    """The digests of the configurations, as the card gives them."""
    dataset_card.write(corpus)
    front = yaml.safe_load((corpus / "README.md").read_text().split("---\n")[1])
    return [config["description"] for config in front["configs"]]


def test_the_same_pixels_from_another_encoder_are_the_same_corpus(tmp_path, drawn, capsys):
    write_mass(tmp_path / "raw", "01-03-0001", ("W", "2", "R"))
    corpus = draw(tmp_path, "corpus")
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    before = described(corpus)
    reencode(other)
    assert described(other) == before
    assert main(["compare", str(other), str(corpus)]) == 0
    assert "3 of 3 pictures are the same" in capsys.readouterr().out
    checksums.write(other)
    assert list(verify.Check(other).faults()) == []


def test_one_pixel_that_changed_is_noticed(tmp_path, drawn, capsys):
    write_mass(tmp_path / "raw", "01-03-0001", ("W", "2", "R"))
    corpus = draw(tmp_path, "corpus")
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    reencode(other, lambda picture: picture.putpixel((5, 7), picture.getpixel((5, 7)) ^ 1))
    assert main(["compare", str(other), str(corpus)]) == 1
    assert "2 of 3 pictures are the same, pixel by pixel; 1 others" in capsys.readouterr().out
    dataset_card.write(other)
    checksums.write(other)
    (fault,) = verify.Check(other).faults()
    assert fault.kind == "image" and "as in the column pixels" in fault.expected


def test_rows_without_hashes_or_images_are_not_compared(tmp_path, drawn):
    write_mass(tmp_path / "raw", "01-03-0001", ("W", "2"))
    corpus = draw(tmp_path, "corpus")
    for column, folders in (("pixels", ("corpus", "bare")), ("images", ("bare", "corpus"))):
        shutil.rmtree(tmp_path / "bare", ignore_errors=True)
        shutil.copytree(corpus, tmp_path / "bare")
        (shard,) = (tmp_path / "bare" / "mass").iterdir()
        pq.write_table(pq.read_table(shard).drop_columns(column), shard)
        with pytest.raises(InputError, match=f"expected rows of a corpus.*{column}"):
            main(["compare", *(str(tmp_path / folder) for folder in folders)])
