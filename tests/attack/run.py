"""``make test-attack``: a limited spoke attacks a hub with everything at once; what do others feel?

A hub, an honest spoke and a limited one, real Keystones on PostgreSQL, and a real agent. First the limited
spoke attacks for ``--seconds``. Then, on a new fleet, it is quiet, and other processes burn as much of the
processor's time as the whole attack took, second by second. Compared are the lag of edits from the hub to the
honest spoke (99th percentile), and the time of log-ins and validations at the hub (the same, the worse of
the two); and memory is to be bounded. The last line has the two ratios, and the most MiB that the agent and
a worker of the hub's took; exit status 1 where a ratio is over 1.5, where memory is over its bound, or where
the hub has accepted something or does not work any more.

With ``--state DIR`` a run that is interrupted keeps what it has finished there, and goes on behind it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.attack.fleet import ROOT, World, open_world
from tests.attack.measure import Lag, Measured, Repeated, Sampler, deeds, percentile
from tests.attack.verdict import accepted, stopped
from tests.support.databases import Databases
from tests.support.servers import Servers, new_run_folder

MOST = 1.5
#: MiB that the agent, and a worker of the hub's, may take; a page of the largest size is opened in them.
MEMORY = {"agent_mib": 384.0, "worker_mib": 320.0}
BURNERS = 2
#: Seconds after which an operator looks at what was refused, or the attack would end by its own budget.
LOOKING = 30.0


@contextmanager
def burning(target: Sequence[float] | None) -> Iterator[tuple[list[int], Callable[[float], None]]]:
    """Processes that burn what is missing to ``target``, seconds used by then, second by second."""
    command = [sys.executable, "-m", "tests.attack.burner"]
    burners = [
        subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(BURNERS if target else 0)
    ]
    second = 0

    def each(used: float) -> None:
        nonlocal second
        if not target:
            return
        second += 1
        quota = max(0.0, target[min(second, len(target) - 1)] - used)
        for burner in burners:
            assert burner.stdin is not None
            burner.stdin.write(f"{quota / BURNERS}\n")
            burner.stdin.flush()

    try:
        yield [burner.pid for burner in burners], each
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def roots(world: World, burners: Iterable[int]) -> list[int]:
    """The processes whose trees make up a run."""
    found = [site.pid for site in world.keystones.sites.values() if site.pid is not None]
    found += [world.company.agent_pid, world.west.pid, *burners, *world.databases_pids]
    return found + ([world.hands.pid] if world.hands is not None else [])


def measure(world: World, seconds: float, target: Sequence[float] | None = None) -> Measured:
    """What is felt for so long. ``target``: burn so much; without it, attack."""
    stopping = threading.Event()
    lag = Lag(world, stopping)
    probes = {name: Repeated(name, pause, deed, stopping) for name, (pause, deed) in deeds(world).items()}
    with burning(target) as (burners, each):
        if target is None:
            world.attack()
        sampler = Sampler(world, lambda: roots(world, burners), stopping, each)
        threads: list[threading.Thread] = [lag, sampler, *probes.values()]
        began = time.monotonic()
        try:
            for thread in threads:
                thread.start()
            while (left := seconds - (time.monotonic() - began)) > 0:
                time.sleep(min(LOOKING, left))
                world.look()
        finally:
            stopping.set()
            for thread in threads:
                thread.join(90)
            lag.close()
            world.relent()
    return Measured(
        time.monotonic() - began,
        lag.lags,
        lag.slowest,
        lag.unseen,
        {name: probe.took for name, probe in probes.items()},
        {name: probe.failed for name, probe in probes.items()} | {"workers": int(sampler.replaced)},
        sampler.memory,
        sampler.first,
        sampler.processor,
        sampler.load,
        dict(world.tried()),
    )


def told(name: str, found: Measured) -> Iterator[str]:
    """For a reader."""
    yield f"{name}: {found.seconds:.0f} s, processor {found.processor[-1]:.0f} s, load {max(found.load):.1f}"
    lags = [f"{percentile(found.lags, p) * 1000:.0f}" for p in (50, 90, 99)]
    yield f"  lag: {len(found.lags)} edits, p50 / p90 / p99 {' / '.join(lags)} ms, {found.unseen} unseen"
    yield "  slowest: " + ", ".join(f"{lag * 1000:.0f} ms at {at[11:]}" for lag, at in found.slowest)
    for what, took in found.requests.items():
        times = [f"{percentile(took, p) * 1000:.0f}" for p in (50, 99)]
        yield f"  {what}: {len(took)}, median / p99 {' / '.join(times)} ms, {found.failed[what]} failed"
    memory = (f"{n} {found.first_memory[n]:.0f} to {most:.0f} MiB" for n, most in found.memory.items())
    yield f"  memory: {', '.join(memory)}"
    if found.tried:
        yield "  " + ", ".join(f"{what}: {number}" for what, number in sorted(found.tried.items()))


def ratios(attack: Measured, control: Measured) -> dict[str, float]:
    """The attack's against the control's."""

    def p99(found: Measured, name: str) -> float:
        return percentile(found.requests[name], 99)

    return {
        "lag_p99": percentile(attack.lags, 99) / percentile(control.lags, 99),
        "latency_p99": max(p99(attack, n) / p99(control, n) for n in ("log-in", "validate")),
    }


def memory(attack: Measured) -> dict[str, float]:
    """MiB of the agent, and of the largest of the hub's workers."""
    workers = [most for name, most in attack.memory.items() if name != "agent"]
    return {"agent_mib": attack.memory["agent"], "worker_mib": max(workers)}


def part(name: str, state: Path, databases: Databases, seconds: float, burn: Measured | None) -> Measured:
    """One of the two runs, unless it is there already."""
    file = state / f"{name}-{seconds:g}.json"
    if file.exists():
        print(f"{name}: as it was measured before ({file})", flush=True)
        return Measured(**json.loads(file.read_text()))
    with (
        tempfile.TemporaryDirectory(prefix="viaduct-attack-") as folder,
        databases.scope() as scope,
        open_world(Path(folder), scope) as world,
    ):
        found = measure(world, seconds, None if burn is None else burn.processor)
        wrong = [*accepted(world), *stopped(world)]
        if found.failed["workers"]:
            wrong.append("a worker of the hub was lost")
        if wrong:
            keep(world, state / f"{name}-logs")
            raise SystemExit("\n".join([*told(name, found), *(f"wrong: {text}" for text in wrong)]))
        if os.environ.get("VIADUCT_KEEP_LOGS"):
            keep(world, state / f"{name}-logs")
    found.save(file)
    return found


def keep(world: World, place: Path) -> None:
    """The logs."""
    place.mkdir(parents=True, exist_ok=True)
    for file in world.folder.rglob("*.log"):
        (place / f"{file.parent.name}-{file.name}").write_bytes(file.read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Both, and what comes of comparing them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--state", type=Path, help="keep what is finished there, and go on behind it")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # all is taken down
    servers = Servers(new_run_folder(), os.getpid())
    try:
        with nullcontext(options.state) if options.state else tempfile.TemporaryDirectory() as place:
            state = Path(place)
            state.mkdir(parents=True, exist_ok=True)
            databases = Databases(servers)
            attack = part("attack", state, databases, options.seconds, None)
            print(*told("attack", attack), sep="\n", flush=True)
            control = part("control", state, databases, options.seconds, attack)
            print(*told("control", control), sep="\n", flush=True)
    finally:
        servers.stop_all()
    found, taken = ratios(attack, control), memory(attack)
    sizes = (f"{name}={value:.0f}" for name, value in taken.items())
    print(" ".join([*(f"{name}={value:.2f}" for name, value in found.items()), *sizes]))
    over = [name for name, value in found.items() if math.isnan(value) or value > MOST]
    over += [name for name, value in taken.items() if value > MEMORY[name]]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
