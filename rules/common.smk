"""What every task's rules share. A file of rules holds no functions: Snakemake's linter wants them apart."""

import os

from engines.code import code, refresh
from engines.graph import science
from pipeline.errors import InputError
from pipeline.params.document import check
from pipeline.params.loading import read_document

try:
    params_document, settings = read_document(), check()
except InputError as error:
    sys.exit(str(error))
refresh()  # what the steps' code is now

# A time limit, scancel and kill send SIGTERM to all processes of a job. The step saves its state and ends; until then
# its shell waits, or it would be taken for dead, and so does tee, or the step could write no line more.
shell.prefix('set -euo pipefail; trap : TERM; tee() {{ trap "" TERM; command tee "$@"; }}; ')

GPU = 0 if os.environ.get("PIPELINE_DEVICE") == "cpu" else 1  # that a job asks for
REPORTS, SECTIONS = "reports", "reports/sections"
SECTIONS_MADE = []  # by the tasks below


def science_of(step):
    """The values in params.yaml that the step reads; a job is out of date when they change."""
    return lambda wildcards: science(step, params_document, **wildcards)


def more(amount):
    """Memory (MB) or time (min) of a job: the amount, twice that if the cluster kills it, up to four times."""
    return lambda wildcards, attempt: amount * min(attempt, 4)
