"""Upload a folder to a repository on the Hub, completely or not at all.

First all files but the card go up in one commit; files that the repository has already are not sent
again. Then the card follows in a second commit, then the tag. A push that was interrupted is
finished by the next one. A repository has no card while its other files are incomplete, and it
stays private until everything was read back.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.hub import cohorts, permission
from psgvlm.hub.hub_errors import as_input_error, with_retries

CARD = "README.md"
KEPT = (".gitattributes", ".gitignore")  # files that the Hub itself writes

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Release:
    """A folder that is to be uploaded.

    Attributes
    ----------
    folder : Path
        The folder on this machine.
    kind : str
        "dataset" or "model".
    files : tuple of str
        The files to upload, the card among them, by their paths in the folder.
    left_out : tuple of str
        The other files of the folder, which are not uploaded.
    cohorts : frozenset of str
        The cohorts whose recordings it was made from.
    labels_only : bool
        Whether it holds labels and no images.
    """

    folder: Path
    kind: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    cohorts: frozenset[str]
    labels_only: bool = False

    def listing(self) -> Iterator[str]:
        """Yield a line for each file to upload, with its bytes, and one for the other files."""
        sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        yield from (f"{size:>14,}  {name}" for name, size in sizes.items())
        yield f"{sum(sizes.values()):>14,}  bytes in {len(sizes)} files"
        if self.left_out:
            yield f"not uploaded: {', '.join(self.left_out)}"

    def copy_to(self, folder: Path) -> None:
        """Copy the files to upload into a new folder, completely or not at all.

        Raise InputError if the folder exists, or if it cannot be written.
        """
        beside = folder.with_name(folder.name + ".part")
        if folder.exists():
            raise InputError(f"{folder}: exists already; expected the name of a new folder")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            for name in self.files:
                (beside / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.folder / name, beside / name)
            beside.rename(folder)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); expected room for the files"
            ) from error


def choose(folder: Path, wanted: re.Pattern) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files of a folder whose paths in it match a pattern, and all other files.

    If no file of a subfolder matches, the others hold only the subfolder's name. A symbolic link
    never matches, because it may lead anywhere.
    """
    chosen, others = [], set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and wanted.fullmatch(name):
            chosen.append(name)
        elif path.is_file() or path.is_symlink():
            others.add(name)
    kept = {name.split("/")[0] for name in chosen}
    short = {name if (top := name.split("/")[0]) in kept else top for name in others}
    return tuple(chosen), tuple(sorted(short))


def add_arguments(command) -> None:
    """Add the options of a push to an argparse parser."""
    command.add_argument("name", help="the repository on the Hub: ORG/NAME")
    command.add_argument("--dry-run", action="store_true", help="list the files and upload nothing")
    command.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="copy the files into a new FOLDER and upload nothing",
    )
    command.add_argument(
        "--public", action="store_true", help="make the repository public; default: private"
    )
    command.add_argument(
        "--i-am-allowed",
        nargs="+",
        metavar="STATEMENT",
        default=(),
        help="\n".join(f"{name}: {text}" for name, text in cohorts.STATEMENTS.items()),
    )
    command.add_argument("--tag", default="v1", help="the tag of this version; default: v1")


def run(args, release: Release, read_back: Callable[[str, str], None]) -> None:
    """List the files of a release, then push it as the options of `add_arguments` say."""
    visibility = "public" if args.public else "private"
    print("\n".join(release.listing()))
    named = ", ".join(sorted(release.cohorts))
    print(f"to {args.name}, {visibility}, as {args.tag}; cohorts: {named}")
    if args.dry_run or args.into:
        _check(release, args.name, args.public, args.i_am_allowed)
        if args.into:
            release.copy_to(args.into)
        return
    push(release, args.name, args.public, args.i_am_allowed, args.tag, read_back=read_back)
    print(f"{args.name}: {len(release.files)} files, read back; {visibility}, tag {args.tag}")


def push(
    release: Release,
    name: str,
    public: bool = False,
    allowed: Collection[str] = (),
    tag: str | None = None,
    token: str | None = None,
    read_back: Callable[[str, str], None] | None = None,
    so_far: str = "the same command again uploads the files that are missing",
) -> None:
    """Upload a release to a repository, and check that the repository holds exactly its files.

    Parameters
    ----------
    release : Release
        The folder to upload.
    name : str
        The repository, ORG/NAME. It is created if it does not exist.
    public : bool
        Whether the repository is made public in the end.
    allowed : collection of str
        The statements that the user makes; see `cohorts.STATEMENTS`.
    tag : str, optional
        A tag for the commit.
    token : str, optional
        A token of the Hub; by default the one that `hf auth login` stored.
    read_back : callable, optional
        Called with the name and the commit after the upload. It raises InputError if the upload
        cannot be used.
    so_far : str
        A clause that an error adds if the Hub fails: what has been done, and how to go on.

    Raises
    ------
    InputError
        If the terms of the cohorts do not allow the upload (checked before any request), if the tag
        belongs to another release, or if the Hub refuses.
    """
    _check(release, name, public, allowed)
    with as_input_error(name, so_far):
        repository = HubRepository(release, name, token)
        repository.create(public)
        commit = repository.tagged_commit(tag)
        if commit is None:
            data = set(release.files) - {CARD}
            repository.check(repository.upload(data), data)
            commit = repository.upload(set(release.files))
            if tag:
                repository.tag(tag, commit)
        repository.check(tag or commit)
        if read_back:
            read_back(name, commit)
        if public:
            repository.publish()


def _check(release: Release, name: str, public: bool, allowed: Collection[str]) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r}: not the name of a repository; expected ORG/NAME")
    permission.check(str(release.folder), release.cohorts, public, allowed, release.labels_only)


class HubRepository:
    """A repository on the Hub, and the release that it is to hold."""

    def __init__(self, release: Release, name: str, token: str | None = None):
        from huggingface_hub import HfApi

        self.release = release
        self.api = HfApi(token=token)
        self.where = {"repo_id": name, "repo_type": release.kind}
        self.digests: dict[str, str] = {}

    def create(self, public: bool = False) -> None:
        """Create the repository if it does not exist: private, and gated if the terms require it.

        Raise InputError if it exists and is public although `public` is False, or if making it
        public would reveal more than this release.
        """
        with_retries(lambda: self.api.create_repo(**self.where, private=True, exist_ok=True))
        info = with_retries(lambda: self.api.repo_info(**self.where))
        if not public and not info.private:
            raise InputError(
                f"{self.where['repo_id']}: this repository is public; expected a private one, or "
                "your consent to upload to a public one",
                parameter="public",
            )
        if public and info.private:
            self.check_history()
        if cohorts.needs_approval(self.release.cohorts) and info.gated != "manual":
            with_retries(lambda: self.api.update_repo_settings(**self.where, gated="manual"))

    def check_history(self) -> None:
        """Raise InputError if any commit holds files that are not of this release.

        Files that were private once stay in the history, such as the images of a corpus that is now
        released as labels only. An older card does not count.
        """

        def other_files() -> set[str]:
            branches = self.api.list_repo_refs(**self.where).branches
            commits = {
                commit.commit_id
                for branch in branches
                for commit in self.api.list_repo_commits(**self.where, revision=branch.name)
            }
            return {name for commit in commits for name in self._others(commit)}

        if others := with_retries(other_files):
            raise InputError(
                f"{self.where['repo_id']}: its history has {min(others)}, which is not part of "
                "this release and would become public; expected a new repository"
            )

    def _others(self, commit: str) -> set[str]:
        entries = self._listing(commit)
        ours = set(self.release.files) & set(entries)
        same = {name for name in ours if self._same(name, entries[name])}
        return set(entries) - same - {*KEPT, CARD}

    def publish(self) -> None:
        """Make the repository public."""
        with_retries(lambda: self.api.update_repo_settings(**self.where, private=False))

    def tagged_commit(self, tag: str | None) -> str | None:
        """Return the commit that has a tag; None if the repository has no such tag.

        Raise InputError if that commit does not hold this release.
        """
        refs = with_retries(lambda: self.api.list_repo_refs(**self.where))
        commit = next((ref.target_commit for ref in refs.tags if ref.name == tag), None)
        if commit and any(self.differences(commit)):
            raise InputError(
                f"{self.where['repo_id']}: the tag {tag} belongs to another release, which others "
                "may have pinned; expected a new tag",
                parameter="tag",
            )
        return commit

    def upload(self, wanted: set[str]) -> str:
        """Make the repository hold exactly the `wanted` files; return the commit that holds them.

        This makes at most one commit. It is made again if another commit came first, or if the
        Hub's answer was lost.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        def commit() -> str:
            head = self.api.repo_info(**self.where).sha
            missing, strange = self.differences(head, wanted)
            # The card is deleted only together with the files that it describes.
            if not missing and strange <= {CARD}:
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

        return with_retries(commit)

    def tag(self, tag: str, commit: str) -> None:
        """Tag a commit. A tag that exists stays; `check` then says whether it is the right one."""
        named = {"tag": tag, "revision": commit, "exist_ok": True}
        with_retries(lambda: self.api.create_tag(**self.where, **named))

    def check(self, revision: str, wanted: set[str] | None = None) -> None:
        """Raise InputError unless a revision holds exactly the `wanted` files, by default all."""
        missing, strange = with_retries(lambda: self.differences(revision, wanted))
        if different := min(missing | (strange - {CARD}), default=None):
            raise InputError(
                f"{self.where['repo_id']}: {different} is not the same as in "
                f"{self.release.folder}; expected the same bytes: give the same command again"
            )

    def differences(self, revision: str, wanted: set[str] | None = None) -> tuple[set, set]:
        """Compare a revision with the `wanted` files, by default all of the release.

        Return the names of the files that are missing or differ, and of the files that it holds
        besides.
        """
        wanted = set(self.release.files) if wanted is None else wanted
        entries = self._listing(revision)
        missing = {name for name in wanted if not self._same(name, entries.get(name))}
        return missing, set(entries) - wanted - set(KEPT)

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
