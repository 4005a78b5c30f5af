"""``python -m pipeline STEP --option value ...``: one verb a rule, paths in, paths out."""

from __future__ import annotations

import argparse
import contextlib
import gc
import inspect
import os
import signal
import sys

from pipeline import command_line, processes, steps
from pipeline.alone import alone
from pipeline.errors import InputError
from pipeline.files import abandon_writes


def main(words: list[str]) -> int:
    """Run one step; 0 when it is done, 1 with one line on stderr when something given is bad, 2 for bad usage."""
    from pipeline.params.loading import PARAMS_FILE, read_slices  # slow, and Ctrl-C may come at any time

    names = steps.step_names()
    parser = argparse.ArgumentParser("python -m pipeline", description=__doc__)
    parser.add_argument("step", choices=names, metavar="STEP", help=", ".join(names))
    name = parser.parse_args(words[:1]).step
    try:
        step = steps.step_module(name)
    except InputError as error:  # a part that is found by its name cannot be loaded
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    options_parser = argparse.ArgumentParser(f"python -m pipeline {name}", description=step.__doc__)
    options_parser.add_argument("--params", default=PARAMS_FILE, help="the parameter file (default: %(default)s)")
    command_line.add_options(options_parser, step.run)
    options = vars(options_parser.parse_args(words[1:]))
    shared = getattr(step, "SHARED", False)
    keys = {label: (key.format(**options), kind) for label, (key, kind) in step.SLICES.items()}
    try:
        settings = read_slices(keys, options["params"])
        if shared and (status := processes.launch(name, words)) is not None:
            return status
        if not processes.is_first():
            if not shared:
                return 0  # of the processes that torchrun started, the first runs the step
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, until the process ends
        processes.end_with_parent()
        if "params" not in inspect.signature(step.run).parameters:
            options.pop("params")
        with alone(name, words) if processes.is_first() else contextlib.nullcontext():
            step.run(settings, **options)
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if shared and processes.place().count > 1 and _is_lost(error):
            return processes.LOST
        raise
    return 0


def _is_lost(error: Exception) -> bool:
    """Whether this process only lost its companions: the process that failed says why."""
    from pipeline.together import is_lost

    return is_lost(error)


def _stop(number: int, _frame: object) -> None:
    """End at once, outside a training, which saves its state instead. Not an exception: imports swallow some."""
    step = sys.argv[1] if len(sys.argv) > 1 else "pipeline"
    by = signal.Signals(number).name
    line = f"{step}: stopped by {by}, nothing half-written is left; the same command starts it again\n"
    os.write(2, line.encode())  # print may be what was interrupted
    abandon_writes()
    os._exit(128 + number)


if __name__ == "__main__":
    # Importing torch makes hundreds of thousands of objects, none of them garbage: looking for some took 0.3 s of 2.7.
    gc.set_threshold(300_000, 20, 20)
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.exit(main(sys.argv[1:]))
