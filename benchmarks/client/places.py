"""Where runs happen: the stub portal's process, the peers' environment, one process a run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from client.clients import Place, control

HERE = Path(__file__).resolve().parents[1]
PEERS = HERE.parent / ".cache" / "bench-venv"
SERVER = ("uvicorn", "uvloop", "httptools", "orjson")
_VERSIONS = (
    "import json, sys; from importlib.metadata import version, PackageNotFoundError as E\n"
    "out = {}\n"
    "for name in sys.argv[1:]:\n"
    "    try: out[name] = version(name)\n"
    "    except E: pass\n"
    "print(json.dumps(out))"
)


@dataclass
class Peers:
    """The peers' own virtual environment, and what is in it.

    Attributes:
        python: Its interpreter.
        versions: Distribution -> version, of what is installed.
        problem: Why something is missing, or "".
    """

    python: str
    versions: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def peers(names: tuple[str, ...]) -> Peers:
    """Return the environment with *names* in it, made and filled where needed and possible."""
    python = PEERS / "bin" / "python"
    if os.name == "nt":
        python = PEERS / "Scripts" / "python.exe"
    found = Peers(str(python))
    try:
        if not python.exists():
            _run(sys.executable, "-m", "venv", str(PEERS))
        found.versions = _versions(found.python, (*SERVER, *names))
        for wanted in (SERVER, *((name,) for name in names)):
            if not set(wanted) <= set(found.versions):
                try:
                    _run(found.python, "-m", "pip", "install", "--quiet", *wanted)
                except (OSError, subprocess.SubprocessError) as error:
                    found.problem = f"{', '.join(wanted)} could not be installed ({_why(error)})"
        found.versions = _versions(found.python, (*SERVER, *names))
    except (OSError, subprocess.SubprocessError) as error:
        found.problem = f"no environment for the peers ({_why(error)})"
    return found


def _versions(python: str, names: tuple[str, ...]) -> Mapping[str, str]:
    answer: dict[str, str] = json.loads(_run(python, "-c", _VERSIONS, *names))
    return answer


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return done.stdout


def _why(error: Exception) -> str:
    text = str(getattr(error, "stderr", "") or error).strip().splitlines()
    return text[-1][:160] if text else type(error).__name__


@contextlib.contextmanager
def stub_portal(python: str) -> Iterator[tuple[str, str]]:
    """Run the stub portal in a process of its own; give its address and what it runs on."""
    process = subprocess.Popen(
        [python, "-m", "client.stub"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline().split(maxsplit=1)
        if len(said) != 2:
            raise RuntimeError("the stub portal did not start")
        yield f"http://127.0.0.1:{said[0]}", said[1].strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run: who does what, on a portal set up how.

    Attributes:
        python: Interpreter to run the client with.
        module: The client.
        job: What it does.
        settings: Of the stub portal.
        place: What the client is told, apart from where the portal and the state are.
        ids: How many ids it reads one by one.
        processes: How many do the same at once, sharing the state.
    """

    python: str
    module: str
    job: str
    settings: Mapping[str, Any]
    place: Mapping[str, Any] = field(default_factory=dict)
    ids: int = 0
    processes: int = 1


def run(base: str, task: Task, *, timeout_s: float) -> dict[str, Any]:
    """Do *task*; return what its processes measured and what the portal counted meanwhile."""
    control(base, "/__config", dict(task.settings))
    ids = control(base, "/__truth")[: task.ids]
    before = control(base, "/__stats")["now"]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(base=base, state=f"sqlite:///{folder}/state.db", ids=ids, **task.place)
        arguments = [task.module, task.job, json.dumps(asdict(place))]
        workers = [_start(task.python, arguments) for _ in range(task.processes)]
        try:
            outs = _measured(base, workers, timeout_s)
        finally:
            for worker in workers:
                if worker.poll() is None:
                    worker.kill()
                worker.communicate()
    counted = control(base, "/__stats")
    out = outs[0] if len(outs) == 1 else _together(outs)
    return {**out, **counted, "records": counted["now"] - before}


def _start(python: str, arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-m", "client.worker", *arguments],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _measured(
    base: str, workers: list[subprocess.Popen[str]], timeout_s: float
) -> list[dict[str, Any]]:
    """Let every worker get ready, start them together, and return what they say."""
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline().strip() != "ready":
            said = worker.communicate()[1].strip().splitlines()
            return [{"error": said[-1][:300] if said else "it did not start"}]
    control(base, "/__zero", {})
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outs = []
    for worker in workers:
        try:
            said, problem = worker.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            outs.append({"error": f"not done after {timeout_s:g} s"})
            continue
        line = said.strip().splitlines()[-1:] or [""]
        last = problem.strip().splitlines()[-1:] or ["it said nothing"]
        outs.append(json.loads(line[0]) if line[0] else {"error": last[0][:300]})
    return outs


def _together(outs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what several processes measured as one: the slowest one's time, sums of the rest."""
    errors = [out["error"] for out in outs if "error" in out]
    both: dict[str, Any] = {"error": errors[0]} if errors else {}
    both["s"] = max(out.get("s", 0.0) for out in outs)
    both["result"] = sum(out.get("result", 0) for out in outs)
    return both
