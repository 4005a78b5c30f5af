"""A SLURM cluster of one machine: real munged, slurmctld and slurmd, in a folder and on ports of its own.

Debian's packages are enough: ``apt-get install slurmctld slurmd slurm-client munge``. Nothing outside the folder is
read or written and no service is touched. Run as a program it prints what the environment of the cluster's users says,
as JSON, and ends the cluster with all its jobs when its standard input is closed.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # where Debian has the daemons
CPUS, GPUS, MEGABYTES = 8, 4, 32_000  # as SLURM is told: more than there are, so that no job waits for another

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
GresTypes=gpu
KillWait=10
MinJobAge=7200
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={megabytes} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """The programs that a cluster needs and this machine lacks."""
    return [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name, path=PATH) is None]


@contextlib.contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Run a cluster; yields what the environment of its users says. Afterwards no job and no daemon is left.

    A process of its own keeps it, and sees its input end when this process ends, even one that is killed.
    """
    keeper = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches the tests only
    )
    try:
        yield json.loads(keeper.stdout.readline())
    finally:
        keeper.stdin.close()
        keeper.wait()


@contextlib.contextmanager
def daemons() -> Iterator[dict[str, str]]:
    """The cluster of this process."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short, for the name of a socket has at most 107 characters
    running: list[subprocess.Popen[bytes]] = []
    environment = configure(folder)
    try:
        for name, words in {
            "munged": ["--foreground", "--force", "--num-threads=2", *munge_files(folder)],
            "slurmctld": ["-D", "-f", f"{folder}/slurm.conf"],
            "slurmd": ["-D", "-f", f"{folder}/slurm.conf"],
        }.items():
            running.append(start(name, words, folder, environment))
            if name == "munged":
                wait_until(lambda: (folder / "munge.socket").exists(), running, folder)
        wait_until(lambda: b"idle" in ask(environment, "sinfo", "--noheader", "--format=%T"), running, folder)
        yield environment
    finally:
        if len(running) == len(DAEMONS):
            ask(environment, "scancel", "--user", getpass.getuser())
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: not ask(environment, "squeue", "--noheader"), running, folder)
        for daemon in reversed(running):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(folder)


def configure(folder: Path) -> dict[str, str]:
    """Write what the daemons read; the environment in which they are found."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    controller, node = free_ports(2)
    text = CONFIGURATION.format(
        host=socket.gethostname().split(".")[0],
        user=getpass.getuser(),
        folder=folder,
        controller=controller,
        node=node,
        cpus=CPUS,
        gpus=GPUS,
        megabytes=MEGABYTES,
    )
    (folder / "slurm.conf").write_text(text)
    devices = [folder / f"gpu{number}" for number in range(GPUS)]  # SLURM counts them and opens none
    for device in devices:
        device.touch()
    (folder / "gres.conf").write_text("".join(f"Name=gpu File={device}\n" for device in devices))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    # Snakemake's job step starts srun with hardly any variable of SLURM, so srun would not find this cluster.
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"\n')
    srun.chmod(0o755)
    return {"PATH": f"{folder}/bin:{PATH}", "SLURM_CONF": f"{folder}/slurm.conf"}


def munge_files(folder: Path) -> list[str]:
    """Where munged keeps its own."""
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    return [f"--{option}={folder}/munge.{name}" for option, name in names.items()]


def start(name: str, words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a daemon."""
    with (folder / f"{name}.out").open("wb") as out:
        return subprocess.Popen(
            [shutil.which(name, path=PATH), *words],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def ask(environment: dict[str, str], *words: str) -> bytes:
    """What a command of SLURM prints; nothing if it fails."""
    done = subprocess.run(words, env=os.environ | environment, capture_output=True)
    return done.stdout if done.returncode == 0 else b""


def wait_until(true, running: list[subprocess.Popen[bytes]], folder: Path, seconds: float = 60.0) -> None:
    """Raise TimeoutError, with the ends of the logs, when it does not come true or a daemon has ended."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end or any(daemon.poll() is not None for daemon in running):
            logs = {file.name: file.read_text(errors="replace")[-800:] for file in folder.glob("*.[lo][ou][gt]")}
            raise TimeoutError(f"SLURM did not start or stop in {seconds:.0f} s: {logs}")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    with daemons() as environment:
        print(json.dumps(environment), flush=True)
        sys.stdin.read()
