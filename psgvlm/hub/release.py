"""A folder as a repository on the Hub: all of it, or nothing that could be taken for it.

What is in the folder goes up file by file, and what is there already is not sent again; then one
commit has all of it, after that the card, then the tag: a push that was interrupted anywhere is
finished by the next one. A repository has no card while its files are not those of the card, and
it is private until all was read back.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.hub import cohorts, permission
from psgvlm.hub.hub_errors import persistently, telling

CARD = "README.md"
KEPT = (".gitattributes", ".gitignore")  # the Hub's own

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Release:
    """What is to be uploaded: files of `folder` by their paths in it, the card among them.

    `kind` is "dataset" or "model", `cohorts` whose recordings are in it, `labels_only` whether
    without pictures of them. `left_out` lies there, too, and stays.
    """

    folder: Path
    kind: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    cohorts: frozenset[str]
    labels_only: bool = False

    def lines(self) -> Iterator[str]:
        """What is uploaded: bytes and path of each file; what is not."""
        sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        yield from (f"{size:>14,}  {name}" for name, size in sizes.items())
        yield f"{sum(sizes.values()):>14,}  bytes in {len(sizes)} files"
        if self.left_out:
            yield f"not uploaded: {', '.join(self.left_out)}"

    def lay_out(self, folder: Path) -> None:
        """Let a new folder be what the repository would be: all of it, or no folder.

        Raises `InputError` where it is there already, or cannot be written.
        """
        beside = folder.with_name(folder.name + ".part")
        if folder.exists():
            raise InputError(f"{folder}: is there already; expected the name of a new folder")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            for name in self.files:
                (beside / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.folder / name, beside / name)
            beside.rename(folder)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); expected room for what is listed"
            ) from error


def choose(folder: Path, wanted: re.Pattern) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of a folder whose path in it fits the pattern, and all others.

    Of a hidden folder or one of which nothing fits, its name alone is among the others. A link
    fits nothing: it may lead anywhere.
    """
    found, others = [], set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and wanted.fullmatch(name):
            found.append(name)
        elif path.is_file() or path.is_symlink():
            others.add(name)
    kept = {name.split("/")[0] for name in found}
    short = {name if (top := name.split("/")[0]) in kept else top for name in others}
    return tuple(found), tuple(sorted(short))


def add_arguments(command) -> None:
    """The options of a push on an argparse parser."""
    command.add_argument("name", help="where to, on the Hub: ORG/NAME")
    command.add_argument("--dry-run", action="store_true", help="list what would be uploaded")
    command.add_argument(
        "--into", type=Path, metavar="FOLDER", help="upload nothing; put it into a new FOLDER"
    )
    command.add_argument("--public", action="store_true", help="for all to see; default: private")
    command.add_argument(
        "--i-am-allowed",
        nargs="+",
        metavar="AGREEMENT",
        default=(),
        help="\n".join(f"{name}: {said}" for name, said in cohorts.STATEMENTS.items()),
    )
    command.add_argument("--tag", default="v1", help="of this version; default: v1")


def run(args, release: Release, read_back: Callable[[str, str], None]) -> None:
    """Push as the options of `add_arguments` say; lists first what is uploaded."""
    where = "public" if args.public else "private"
    print("\n".join(release.lines()))
    print(f"to {args.name}, {where}, as {args.tag}; cohorts: {', '.join(sorted(release.cohorts))}")
    if args.dry_run or args.into:
        _check(release, args.name, args.public, args.i_am_allowed)
        if args.into:
            release.lay_out(args.into)
        return
    push(release, args.name, args.public, args.i_am_allowed, args.tag, read_back=read_back)
    print(f"{args.name}: {len(release.files)} files, read back; {where}, tag {args.tag}")


def push(
    release: Release,
    name: str,
    public: bool = False,
    allowed: Collection[str] = (),
    tag: str | None = None,
    token: str | None = None,
    read_back: Callable[[str, str], None] | None = None,
    so_far: str = "what is missing there goes up when the same command is given again",
) -> None:
    """Make the repository `name` what the folder is, and check that it is.

    `read_back` is called with name and commit, and raises `InputError` where what is there cannot
    be used; `so_far` is where things stand if the Hub fails. Raises `InputError` for what may not
    be handed on (before anything is asked of the Hub), for a tag of another release, and for
    whatever the Hub refuses.
    """
    _check(release, name, public, allowed)
    with telling(name, so_far):
        hub = Hub(release, name, token)
        hub.make(public)
        commit = hub.tagged(tag)
        if commit is None:
            data = set(release.files) - {CARD}
            hub.check(hub.bring(data), data)
            commit = hub.bring(set(release.files))
            if tag:
                hub.tag(tag, commit)
        hub.check(tag or commit)
        if read_back:
            read_back(name, commit)
        if public:
            persistently(lambda: hub.api.update_repo_settings(**hub.where, private=False))


def _check(release: Release, name: str, public: bool, allowed: Collection[str]) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r}: no name of a repository; expected ORG/NAME")
    permission.check(str(release.folder), release.cohorts, public, allowed, release.labels_only)


class Hub:
    """A repository of the Hub beside the folder that it is to become."""

    def __init__(self, release: Release, name: str, token: str | None = None):
        from huggingface_hub import HfApi

        self.release = release
        self.api = HfApi(token=token)
        self.where = {"repo_id": name, "repo_type": release.kind}
        self.digests: dict[str, str] = {}

    def make(self, public: bool = False) -> None:
        """The repository, private where it is new; gated, where the cohorts' terms ask for it.

        Raises `InputError` for one that all can see where that was not asked for, and for one that
        would show more than this release if it were.
        """
        persistently(lambda: self.api.create_repo(**self.where, private=True, exist_ok=True))
        info = persistently(lambda: self.api.repo_info(**self.where))
        if not public and not info.private:
            raise InputError(
                f"{self.where['repo_id']}: all can see this repository; expected a private one, "
                "or --public"
            )
        if public and info.private:
            self.check_history()
        if cohorts.needs_approval(self.release.cohorts) and info.gated != "manual":
            persistently(lambda: self.api.update_repo_settings(**self.where, gated="manual"))

    def check_history(self) -> None:
        """`InputError` where a commit has files that are not of this release, an older card aside.

        What was private once, such as the images of what is now labels alone, stays in the history.
        """

        def step() -> set[str]:
            branches = self.api.list_repo_refs(**self.where).branches
            commits = {
                commit.commit_id
                for branch in branches
                for commit in self.api.list_repo_commits(**self.where, revision=branch.name)
            }
            return {name for commit in commits for name in self._others(commit)}

        if others := persistently(step):
            raise InputError(
                f"{self.where['repo_id']}: its history has {min(others)}, which is not of this "
                "release and would be shown to all; expected another, new repository"
            )

    def _others(self, commit: str) -> set[str]:
        there = self._listing(commit)
        ours = set(self.release.files) & set(there)
        same = {name for name in ours if self._same(name, there[name])}
        return set(there) - same - {*KEPT, CARD}

    def tagged(self, tag: str | None) -> str | None:
        """The commit that has the tag; `None` where none has. `InputError` for another release."""
        refs = persistently(lambda: self.api.list_repo_refs(**self.where))
        commit = next((ref.target_commit for ref in refs.tags if ref.name == tag), None)
        if commit and any(self.differences(commit)):
            raise InputError(
                f"{self.where['repo_id']}: {tag} is the tag of another release there, which "
                "others may have pinned; expected a new one: --tag NAME"
            )
        return commit

    def bring(self, wanted: set[str]) -> str:
        """Let the repository hold the `wanted` files and no others; the commit that does.

        One commit at the most, made again if another has come before it or its answer was lost.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        def step() -> str:
            head = self.api.repo_info(**self.where).sha
            missing, strange = self.differences(head, wanted)
            if not missing and strange <= {CARD}:  # a card is taken away only with what it tells of
                return head
            additions = [
                CommitOperationAdd(name, self.release.folder / name) for name in sorted(missing)
            ]
            deletions = [CommitOperationDelete(name) for name in sorted(strange)]
            title = f"{self.release.kind}: card" if missing == {CARD} else self.release.kind
            options = {"commit_message": title, "parent_commit": head}
            return self.api.create_commit(
                operations=[*deletions, *additions], **self.where, **options
            ).oid

        return persistently(step)

    def tag(self, tag: str, commit: str) -> None:
        """Name a commit; a name that is there stays (`check` tells whether it is this one's)."""
        named = {"tag": tag, "revision": commit, "exist_ok": True}
        persistently(lambda: self.api.create_tag(**self.where, **named))

    def check(self, revision: str, wanted: set[str] | None = None) -> None:
        """`InputError` where a revision does not hold the `wanted` files (all) bit by bit."""
        missing, strange = persistently(lambda: self.differences(revision, wanted))
        if odd := min(missing | (strange - {CARD}), default=None):
            raise InputError(
                f"{self.where['repo_id']}: {odd} is not there as it is in {self.release.folder}; "
                "expected the same bytes: give the same command again"
            )

    def differences(self, revision: str, wanted: set[str] | None = None) -> tuple[set, set]:
        """Names of the `wanted` files (all of the release) that are not there, or are otherwise.

        And those of files that are there beside them.
        """
        wanted = set(self.release.files) if wanted is None else wanted
        there = self._listing(revision)
        missing = {name for name in wanted if not self._same(name, there.get(name))}
        return missing, set(there) - wanted - set(KEPT)

    def _listing(self, revision: str) -> dict:
        tree = self.api.list_repo_tree(**self.where, revision=revision, recursive=True)
        return {entry.path: entry for entry in tree if hasattr(entry, "blob_id")}

    def _same(self, name: str, entry) -> bool:
        path = self.release.folder / name
        if entry is None or entry.size != path.stat().st_size:
            return False
        if entry.lfs:
            return entry.lfs.sha256 == self._digest(name)
        content = path.read_bytes()
        return entry.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def _digest(self, name: str) -> str:
        if name not in self.digests:
            with (self.release.folder / name).open("rb") as file:
                self.digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.digests[name]
