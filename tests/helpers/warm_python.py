"""A Python that has imported the slow libraries, and forks itself for every command line it reads.

`commands.command` starts it as a script. Importing torch, transformers and TRL takes several
seconds, more than most commands of the tests, and a fork spares that. A fork then runs the command
as `python` would: as `__main__`, with its own arguments, folder and output.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import sys
import threading
import traceback

PRELOADED = (
    *("numpy", "scipy.signal", "scipy.stats", "numba", "pandas", "sklearn.metrics"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "PIL.Image", "yasa"),
    *("pyarrow.parquet", "datasets", "torch", "peft", "accelerate", "trl"),
    *("trl.trainer.sft_trainer", "transformers.models.llava.modeling_llava"),
    *("transformers.models.llava.processing_llava", "transformers.models.siglip.modeling_siglip"),
    *("transformers.models.llama.modeling_llama",),
    "transformers.models.clip.image_processing_pil_clip",
)


def next_command() -> dict:
    """Return a command in a fork of this process; this process reads until its input ends."""
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()


def prepare(command: dict) -> None:
    """Give this process the command's own session, folder, environment, input and output."""
    os.setsid()  # so that a command that takes too long can be killed with its own processes
    os.chdir(command["folder"])
    os.environ.update(command["environment"])
    for stream, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, command["stdout"], os.O_WRONLY),
        (2, command["stderr"], os.O_WRONLY),
    ):
        file = os.open(path, mode)
        os.dup2(file, stream)
        os.close(file)


def become_one_of(processes: int, port: int) -> None:
    """Fork this process so often, with the variables that torchrun sets; wait for the forks."""
    children = []
    for rank in range(processes):
        if not (child := os.fork()):
            os.environ |= {
                **{"RANK": str(rank), "LOCAL_RANK": str(rank)},
                **{"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)},
                **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"},
            }
            sys.modules["torch"].set_num_threads(1)
            return
        children.append(child)
    os._exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


def run(words: list[str]) -> int:
    """Run a command; return the exit status that the interpreter would have."""
    try:
        run_as_main(words)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_as_main(words: list[str]) -> None:
    """Run `-m MODULE ...`, `-c CODE ...` or `SCRIPT ...` as the interpreter does."""
    if words[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.path[0] = os.getcwd()
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def leave(status: int) -> None:
    """End this process as the interpreter does, but leave its modules to the system.

    To delete thousands of modules object by object takes a fork two seconds, since each object's
    memory must be copied first.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # a fork's garbage collector would copy the memory of all that was imported
    command = next_command()
    prepare(command)
    if command["processes"] > 1:
        become_one_of(command["processes"], command["port"])
    exec(command["setup"], {})
    leave(run(command["words"]))
