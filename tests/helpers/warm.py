"""A process that has imported the large libraries and forks when a command is to run: tests start hundreds of them.

``first_in_path()`` is PATH with a folder put first, whose ``python``, ``snakemake`` and ``dvc`` hand
their words, environment and streams to that process; the fork runs them as a new interpreter would, and the project's
own modules are never among what it has imported. Not for a command that shall be killed: the fork is in another process group.
"""

from __future__ import annotations

import array
import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

IMPORTED = (
    *("numpy", "pandas", "pydantic", "ruamel.yaml", "safetensors.torch", "matplotlib.pyplot", "jinja2", "tqdm"),
    *("PIL.Image", "skimage.metrics", "scipy.stats", "torch._dynamo", "torch.utils.flop_counter"),
    *("snakemake.cli", "snakemake.api", "dvc.cli.parser", "dvc.repo"),
)
_FOLDER = tempfile.TemporaryDirectory()  # a short path: a socket's has at most 107 characters
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
words = [{program!r}, *sys.argv[1:]]
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
given = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
streams = array.array("i", [0, 1, 2])
server.sendmsg([len(given).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
server.sendall(given)
answer = server.recv(16)
os._exit(int(answer) if answer else 70)
"""


@functools.cache
def first_in_path() -> str:
    """PATH with the clients of the process put first; started at the first call, it ends with this process."""
    folder = Path(_FOLDER.name)
    address, ready = str(folder / "s"), folder / "ready"
    for program in ("python", "snakemake", "dvc"):
        file = folder / program
        file.write_text(CLIENT.format(python=sys.executable, program=program, address=address))
        file.chmod(0o755)
    server = subprocess.Popen([sys.executable, __file__, address, str(os.getpid())])
    while not ready.exists():
        assert server.poll() is None, "the process that forks has ended"
        time.sleep(0.05)
    return f"{folder}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def receive(connection: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """Words, folder, environment and streams of a command."""
    size, more, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i")
    streams.frombytes(more[0][2])
    given, left = b"", int.from_bytes(size, "big")
    while len(given) < left:
        given += connection.recv(left - len(given))
    words, folder, environment = json.loads(given)
    return words, folder, environment, list(streams)


def become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> tuple[str, str]:
    """Make this fork what a new interpreter would be; the kind and name of what it shall run."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = str(Path(sys.argv[1]).with_name("python"))
    sys.pycache_prefix = environment.get("PYTHONPYCACHEPREFIX") or None
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    program, *rest = words
    own = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    libraries = [p for p in sys.path[1:] if p not in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    if program != "python":
        sys.path[:] = [str(Path(sys.prefix) / "bin"), *own, *libraries]
        sys.argv = [str(Path(sys.prefix) / "bin" / program), *rest]
        return "path", sys.argv[0]
    sys.path[:] = [folder, *own, *libraries]
    if rest[:1] == ["-m"]:
        sys.argv = rest[1:]
        return "module", rest[1]
    os.execv(Path(sys.prefix) / "bin/python", ["python", *rest])


def serve(address: str, parent: int) -> tuple[str, str]:
    """Fork for each command until ``parent`` is gone; returns in the forks alone."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    Path(address).with_name("ready").touch()
    running: dict[int, socket.socket] = {}
    while os.getppid() == parent:
        able, _, _ = select.select([listening, woken], [], [], 1.0)
        if woken in able:
            os.read(woken, 4096)
        if listening in able:
            connection, _ = listening.accept()
            command = receive(connection)
            child = os.fork()
            if not child:
                for open_ in (listening, connection, *running.values()):
                    open_.close()
                os.close(woken)
                os.close(wake)
                return become(*command)
            running[child] = connection
            for stream in command[3]:
                os.close(stream)
        for child in list(running):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                with running.pop(child) as connection:
                    connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def run(kind: str, name: str) -> int:
    """The exit status of a module or a file run as the main one."""
    try:
        if kind == "module":
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in IMPORTED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else each fork copies every page when it looks for garbage
    what = serve(sys.argv[1], int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = run(*what)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # not through the end of the interpreter, which frees object after object
