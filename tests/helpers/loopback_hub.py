"""A local stand-in for the Hugging Face Hub: repositories in memory, for huggingface_hub 2.x.

with LoopbackHub() as hub: ... hub.command(cache, "train_sft.py", ...) ...

Only the owner's `TOKEN` sees private repositories. Others see the file list of gated repositories,
but cannot download from them. `hub.fault(...)` makes requests fail.
"""

import base64
import hashlib
import json
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from commands import command

KIND = r"(?P<kind>models|datasets|spaces)"
REPO = r"(?P<repo>[^/]+/[^/]+)"
TOKEN = "hf_loopback"
STRANGER = "hf_stranger"  # a user who owns nothing here
DATE = "2026-01-01T00:00:00.000Z"
LFS = re.compile(
    r".*\.(parquet|safetensors|bin|pt|pth|arrow|png|jpe?g|tar|zip|npz)"
)  # what a Hub .gitattributes tracks


def git_oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Fault:
    """A fault of the requests whose "METHOD /path" matches the pattern `where`.

    `how` is a status to answer with, or one of "cut" (the connection ends while the body is read),
    "lost" (the request is carried out but not answered) and "damage" (an upload is stored with one
    byte changed). The first `after` requests pass, and so do all after `times` faults.
    """

    where: str
    how: int | str
    times: float = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def meets(self, request: str) -> bool:
        if not self.times or not re.search(self.where, request):
            return False
        self.after -= 1
        self.times -= self.after < 0
        return self.after < 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet, so that no side waits for an acknowledgement
    hub = None
    how = None  # the kind of fault of this request

    # -- plumbing ---------------------------------------------------------------------------------
    def reply(self, obj=None, status=200, headers=None, body=None):
        if self.how == "lost":
            return self.hang_up()
        body = json.dumps(obj).encode() if body is None else body
        self.send_response(status)
        for k, v in {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            **(headers or {}),
        }.items():
            self.send_header(k, str(v))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, message):
        self.reply({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message})

    def log_message(self, *args):
        pass

    def handle_any(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        request = f"{self.command} {url.path}"
        n = int(self.headers.get("Content-Length") or 0)
        with self.hub.lock:
            self.hub.log.append(request)
            fault = next((fault for fault in self.hub.faults if fault.meets(request)), None)
        self.how = fault and fault.how
        if self.how == "cut":
            self.rfile.read(n // 2)
            return self.hang_up()
        self.body = self.rfile.read(n)
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            self.body = b""
            while size := int(self.rfile.readline(), 16):
                self.body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if isinstance(self.how, int):
            said = {"error": "failing on demand"}
            return self.reply(said, self.how, fault.headers)
        for methods, pattern, func in ROUTES:
            m = re.fullmatch(pattern, url.path)
            if m and self.command in methods.split():
                args = {k: unquote(v) if v is not None else v for k, v in m.groupdict().items()}
                with self.hub.lock:
                    return func(self, **args)
        self.fail(404, "RouteNotFound", f"no route for {self.command} {self.path}")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    @property
    def token(self):
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def allowed(self, kind, repo, content=False):
        """Return whether this user may see a repository (and its content); else send an error."""
        r = self.hub.repos.get((kind, repo))
        if self.token not in ("", TOKEN, STRANGER):
            self.fail(401, "", "Invalid credentials in Authorization header")
        elif r is None or (r["private"] and self.token != TOKEN):
            status = 404 if self.token else 401  # do not reveal that it exists
            self.fail(status, "RepoNotFound", "Repository not found")
        elif content and r["gated"] and self.token != TOKEN:
            self.fail(403 if self.token else 401, "GatedRepo", f"Access to {repo} is restricted")
        elif (
            self.command not in ("GET", "HEAD")
            and "paths-info" not in self.path
            and self.token != TOKEN
        ):
            self.fail(403, "", "You do not have write access")
        else:
            return True

    # -- repos ------------------------------------------------------------------------------------
    def tree(self, kind, repo, rev, content=False):
        """Return the commit's sha and its files as bytes; or None, after an error was sent."""
        if not self.allowed(kind, repo, content):
            return
        r = self.hub.repos[kind, repo]
        rev = (rev or "main").removeprefix("refs/heads/").removeprefix("refs/tags/")
        sha = (r["tags"] | r["refs"]).get(rev, rev)
        if sha not in r["commits"]:
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {rev}")
        return sha, r["commits"][sha]

    def whoami(self):
        if self.token not in (TOKEN, STRANGER):
            return self.fail(401, "", "Invalid credentials")
        self.reply(
            {
                "type": "user",
                "name": "tester" if self.token == TOKEN else "stranger",
                "fullname": "Tester",
                "orgs": [],
                "auth": {
                    "type": "access_token",
                    "accessToken": {"displayName": "t", "role": "write"},
                },
            }
        )

    def create(self):
        p = json.loads(self.body)
        kind, repo = (
            p.get("type", "model") + "s",
            f"{p.get('organization') or 'tester'}/{p['name']}",
        )
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{repo}"
        if self.token != TOKEN:
            return self.fail(403 if self.token == STRANGER else 401, "", "Invalid credentials")
        if (kind, repo) in self.hub.repos:
            return self.reply({"error": "You already created this repo", "url": url}, 409)
        sha = hashlib.sha1(f"{kind}/{repo}".encode()).hexdigest()
        files = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}
        self.hub.repos[kind, repo] = {
            "private": bool(p.get("private")) or p.get("visibility") == "private",
            "gated": False,
            "refs": {"main": sha},
            "tags": {},
            "commits": {sha: files},
            "log": [(sha, "initial commit")],
        }
        self.reply({"url": url, "id": repo, "name": repo})

    def settings(self, kind, repo):
        if self.allowed(kind, repo):
            p, r = json.loads(self.body), self.hub.repos[kind, repo]
            if "visibility" in p:
                p["private"] = p["visibility"] == "private"
            r.update({name: p[name] for name in ("private", "gated") if name in p})
            self.reply({})

    def delete(self):
        p = json.loads(self.body)
        self.hub.repos.pop(
            (p.get("type", "model") + "s", f"{p.get('organization') or 'tester'}/{p['name']}"), None
        )
        self.reply({})

    def info(self, kind, repo, rev=None):
        if not (t := self.tree(kind, repo, rev)):
            return
        sha, files = t
        card = re.match(r"---\n(.*?)\n---", files.get("README.md", b"").decode(), re.S)
        card = yaml.safe_load(card[1]) if card else {}
        self.reply(
            {
                "_id": "0",
                "id": repo,
                "modelId": repo,
                "author": repo.split("/")[0],
                "sha": sha,
                "lastModified": DATE,
                "createdAt": DATE,
                "private": self.hub.repos[kind, repo]["private"],
                "disabled": False,
                "gated": self.hub.repos[kind, repo]["gated"],
                "downloads": 0,
                "likes": 0,
                "tags": card.get("tags") or [],
                "pipeline_tag": card.get("pipeline_tag"),
                "library_name": card.get("library_name"),
                "cardData": card,
                "siblings": [
                    {"rfilename": f, "size": len(b), "blobId": git_oid(b)}
                    for f, b in sorted(files.items())
                ],
            }
        )

    @staticmethod
    def entry(path, data):
        e = {"type": "file", "path": path, "size": len(data), "oid": git_oid(data)}
        if LFS.fullmatch(path) or len(data) > Handler.hub.lfs_threshold:
            e["lfs"] = {
                "oid": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "pointerSize": 134,
            }
        return e

    def list_tree(self, kind, repo, rev, path=None):
        if not (t := self.tree(kind, repo, rev)):
            return
        prefix = f"{path}/" if path else ""
        inside = {f: b for f, b in t[1].items() if f.startswith(prefix)}
        if path and not inside:
            return self.fail(404, "EntryNotFound", f"{path} does not exist")
        recursive = self.query.get("recursive", ["false"])[0].lower() == "true"
        out, dirs = [], set()
        for f, b in sorted(inside.items()):
            parts = f[len(prefix) :].split("/")
            dirs |= (
                {prefix + "/".join(parts[:i]) for i in range(1, len(parts))}
                if recursive
                else ({prefix + parts[0]} if len(parts) > 1 else set())
            )
            if recursive or len(parts) == 1:
                out.append(self.entry(f, b))
        self.reply(
            [
                {"type": "directory", "path": d, "oid": git_oid(d.encode()), "size": 0}
                for d in sorted(dirs)
            ]
            + out
        )

    def paths_info(self, kind, repo, rev):
        if not (t := self.tree(kind, repo, rev)):
            return
        want = (
            json.loads(self.body)["paths"]
            if self.body[:1] == b"{"
            else parse_qs(self.body.decode())["paths"]
        )
        files = t[1]
        dirs = [
            {"type": "directory", "path": p, "oid": git_oid(p.encode()), "size": 0}
            for p in want
            if p not in files and any(f.startswith(p + "/") for f in files)
        ]
        self.reply([self.entry(p, files[p]) for p in want if p in files] + dirs)

    def refs(self, kind, repo):
        if self.tree(kind, repo, None):
            r = self.hub.repos[kind, repo]

            def named(kind, refs):
                return [
                    {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": s}
                    for n, s in refs.items()
                ]

            branches, tags = named("heads", r["refs"]), named("tags", r["tags"])
            self.reply({"branches": branches, "tags": tags, "converts": []})

    def branch(self, kind, repo, rev):
        if t := self.tree(kind, repo, json.loads(self.body or b"{}").get("startingPoint")):
            self.hub.repos[kind, repo]["refs"][rev] = t[0]
            self.reply({})

    def tag(self, kind, repo, rev):
        if t := self.tree(kind, repo, rev):
            tags, name = self.hub.repos[kind, repo]["tags"], json.loads(self.body)["tag"]
            if name in tags:
                return self.fail(409, "", f"Tag {name} exists")
            tags[name] = t[0]
            self.reply({})

    def commits(self, kind, repo, rev):
        if self.tree(kind, repo, rev):
            self.reply(
                [
                    {
                        "id": s,
                        "title": m,
                        "message": "",
                        "authors": [{"user": "tester"}],
                        "date": DATE,
                    }
                    for s, m in reversed(self.hub.repos[kind, repo]["log"])
                ]
            )

    # -- upload -----------------------------------------------------------------------------------
    def preupload(self, kind, repo, rev):
        if t := self.tree(kind, repo, rev):
            # After this call datasets deletes every Parquet shard, which "regular" would break.
            files = []
            for file in json.loads(self.body)["files"]:
                path = file["path"]
                large = LFS.fullmatch(path) or file["size"] > self.hub.lfs_threshold
                entry = {"path": path, "uploadMode": "lfs" if large else "regular"}
                oid = git_oid(t[1][path]) if path in t[1] else None
                files.append({**entry, "shouldIgnore": False, "oid": oid})
            self.reply({"files": files})

    def lfs_batch(self, repo, kind=None):
        have = self.hub.lfs
        self.reply(
            {
                "transfer": "basic",
                "objects": [
                    {
                        "oid": o["oid"],
                        "size": o["size"],
                        **(
                            {}
                            if o["oid"] in have
                            else {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}}
                        ),
                    }
                    for o in json.loads(self.body)["objects"]
                ],
            }
        )

    def lfs_put(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self.fail(400, "", "sha256 mismatch")
        damage = self.how == "damage"
        self.hub.lfs[oid] = bytes([self.body[0] ^ damage]) + self.body[1:]
        self.reply({})

    def commit(self, kind, repo, rev):
        if not (t := self.tree(kind, repo, rev)):
            return
        files, title = dict(t[1]), ""
        for line in filter(None, self.body.split(b"\n")):
            op = json.loads(line)
            v = op["value"]
            if op["key"] == "header":
                title = v["summary"]
                if v.get("parentCommit") not in (None, t[0]):
                    return self.fail(
                        412, "", "A commit has happened since. Please refresh and try again."
                    )
            elif op["key"] == "file":
                files[v["path"]] = base64.b64decode(v["content"])
            elif op["key"] == "lfsFile":
                files[v["path"]] = self.hub.lfs[v["oid"]]
            elif op["key"] == "deletedFile":
                files.pop(v["path"], None)
            elif op["key"] == "deletedFolder":
                files = {
                    f: b for f, b in files.items() if not f.startswith(v["path"].rstrip("/") + "/")
                }
        r = self.hub.repos[kind, repo]
        sha = hashlib.sha1(self.body + t[0].encode()).hexdigest()
        r["commits"][sha], r["refs"][rev] = files, sha
        r["log"].append((sha, title))
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{repo}"
        self.reply(
            {
                "commitUrl": f"{url}/commit/{sha}",
                "commitOid": sha,
                "success": True,
                "hookOutput": "",
            }
        )

    # -- download ---------------------------------------------------------------------------------
    def resolve(self, repo, rev, path, kind=None):
        if not (t := self.tree((kind or "models/").rstrip("/"), repo, rev, content=True)):
            return
        sha, files = t
        if path not in files:
            self.reply(
                {"error": "Entry not found"},
                404,
                {
                    "X-Error-Code": "EntryNotFound",
                    "X-Error-Message": "Entry not found",
                    "X-Repo-Commit": sha,
                },
            )
            return
        data = files[path]
        headers = {
            "X-Repo-Commit": sha,
            "ETag": f'"{git_oid(data)}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if m := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            a, b = int(m[1]), int(m[2] or len(data) - 1)
            b = min(b, len(data) - 1)
            headers["Content-Range"] = f"bytes {a}-{b}/{len(data)}"
            return self.reply(status=206, headers=headers, body=data[a : b + 1])
        self.reply(headers=headers, body=data)

    def validate_yaml(self):
        self.reply({"errors": [], "warnings": []})


API = rf"/api/{KIND}/{REPO}"
ROUTES = [
    ("GET", r"/api/whoami-v2", Handler.whoami),
    ("POST", r"/api/repos/create", Handler.create),
    ("DELETE", r"/api/repos/delete", Handler.delete),
    ("POST", r"/api/validate-yaml", Handler.validate_yaml),
    ("GET", rf"{API}(/revision/(?P<rev>.+))?", Handler.info),
    ("GET", rf"{API}/tree/(?P<rev>[^/]+)(/(?P<path>.+))?", Handler.list_tree),
    ("POST", rf"{API}/paths-info/(?P<rev>[^/]+)", Handler.paths_info),
    ("GET", rf"{API}/refs", Handler.refs),
    ("POST", rf"{API}/branch/(?P<rev>[^/]+)", Handler.branch),
    ("POST", rf"{API}/tag/(?P<rev>[^/]+)", Handler.tag),
    ("PUT", rf"{API}/settings", Handler.settings),
    ("GET", rf"{API}/commits/(?P<rev>[^/]+)", Handler.commits),
    ("POST", rf"{API}/preupload/(?P<rev>[^/]+)", Handler.preupload),
    ("POST", rf"{API}/commit/(?P<rev>[^/]+)", Handler.commit),
    (
        "POST",
        rf"/(?P<kind>datasets/|spaces/)?{REPO}\.git/info/lfs/objects/batch",
        Handler.lfs_batch,
    ),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", Handler.lfs_put),
    (
        "GET HEAD",
        rf"/(?P<kind>datasets/|spaces/)?{REPO}/resolve/(?P<rev>[^/]+)/(?P<path>.+)",
        Handler.resolve,
    ),
]


class LoopbackHub:
    def __init__(self, port=0, lfs_threshold=10_000_000):
        self.repos, self.lfs, self.log, self.lock = {}, {}, [], threading.RLock()
        self.faults: list[Fault] = []
        self.waits: list[float] = []
        self.lfs_threshold = lfs_threshold
        Handler.hub = self
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()

    def fault(self, where: str, how: int | str, **when) -> None:
        """Make requests fail; see `Fault`."""
        self.faults.append(Fault(where, how, **when))

    def variables(self, cache) -> dict[str, str]:
        """Return the environment variables that make a new process use this hub as the Hub.

        The process gets `cache` as its own cache.
        """
        return {
            "HF_ENDPOINT": self.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(cache),
            "HF_DATASETS_CACHE": str(cache / "datasets"),
        }

    def command(self, cache, *words):
        """Run `python WORDS` with this hub as the Hub and its own cache; see `commands.command`."""
        setup = f"import loopback_hub; loopback_hub.redirect({self.url!r}, {str(cache)!r})"
        return command(*words, environment=self.variables(cache), setup=setup)

    def here(self, monkeypatch, cache) -> None:
        """Make this process use this hub as the Hub, with its own cache, and sleep no second."""
        variables = self.variables(cache)
        for name in ("HF_TOKEN", "HF_HOME"):
            monkeypatch.setenv(name, variables[name])
        redirect(self.url, cache, monkeypatch.setattr)
        monkeypatch.setattr("time.sleep", self.waits.append)


def redirect(url: str, cache: str | Path, set_attribute=setattr) -> None:
    """Change what the Hub's libraries have read from the environment when they were imported."""
    import datasets
    from huggingface_hub import close_session, constants

    close_session()
    resolved = url + "/{repo_id}/resolve/{revision}/{filename}"
    set_attribute(constants, "ENDPOINT", url)
    set_attribute(constants, "HUGGINGFACE_CO_URL_TEMPLATE", resolved)
    set_attribute(constants, "HF_HUB_CACHE", str(Path(cache) / "hub"))
    set_attribute(constants, "HF_HUB_OFFLINE", False)
    set_attribute(constants, "HF_HUB_DISABLE_XET", True)
    set_attribute(datasets.config, "HF_ENDPOINT", url)
    set_attribute(datasets.config, "HF_HUB_OFFLINE", False)
    set_attribute(datasets.config, "HF_DATASETS_CACHE", Path(cache) / "datasets")
