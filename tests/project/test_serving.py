"""What recipes/serving.md says: the request to vLLM asks what training asked, in OpenAI's form."""

import json
import math
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from commands import ROOT

from psgvlm.corpus import loading
from psgvlm.models import inference, vlm
from psgvlm.stages import STAGES

SERVING = (ROOT / "recipes" / "serving.md").read_text("utf-8")


@pytest.fixture
def server():
    """Answers N2 in two tokens and an end of turn, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            self.server.asked = (self.path, json.loads(self.rfile.read(length)))
            tokens = [("N", math.log(0.9)), ("2", math.log(0.5)), ("<|im_end|>", math.log(0.1))]
            said = [{"token": token, "logprob": p, "top_logprobs": []} for token, p in tokens]
            message = {"role": "assistant", "content": "N2"}
            choice = {"index": 0, "message": message, "logprobs": {"content": said}}
            body = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_request_asks_what_training_asked(server, adapter, corpus, tmp_path, monkeypatch):
    model = vlm.load(str(adapter), "cpu")
    row = loading.load_split(str(corpus), "test", "isruc")[0]
    row["images"][0].save(tmp_path / "epoch.png")
    shutil.copy(adapter / "image_spec.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", SERVING, re.DOTALL)
    names = {}
    exec(snippet.replace("localhost:8000", f"127.0.0.1:{server.server_port}"), names)
    assert names["stage"] == "N2"
    assert names["p"] == pytest.approx(0.45)  # of the stage's own tokens, without the end
    path, asked = server.asked
    assert path == "/v1/chat/completions"
    assert asked["structured_outputs"] == {"choice": list(STAGES)}
    assert asked["logprobs"] is True
    # The chat template, which vLLM applies, makes the prompt of training of it.
    (turn,) = asked["messages"]
    parts = [{"type": "image"} if part["type"] == "image_url" else part for part in turn["content"]]
    turns = [{"role": "user", "content": parts}]
    text = model.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == inference.render_prompt(model.processor, model.spec.prompt)
