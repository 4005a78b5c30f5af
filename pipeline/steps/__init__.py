"""One step of the graph a file. A step reads its own slices of params.yaml and the files named on its command line.

A step's module has
- ``SLICES``: name -> (dotted key in params.yaml, type), where {option} in the key is a command-line option;
- ``arguments(parser)``: its command-line options;
- ``run(options, settings)``: the work; ``settings`` holds the typed slices by name.

Modules import torch and other slow packages inside ``run``: the Snakefile reads every step's SLICES at start.
"""
