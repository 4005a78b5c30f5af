"""What every task's rules share. A file of rules holds no functions: Snakemake's linter wants them apart."""

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

REPORTS, SECTIONS = "reports", "reports/sections"
SECTIONS_MADE = []  # by the tasks below


def science_of(step):
    """The values in params.yaml that the step reads; a job is out of date when they change."""
    return lambda wildcards: science(step, params_document, **wildcards)
