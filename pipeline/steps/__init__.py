"""One step of the graph a file. A step reads its own slices of params.yaml and the files named on its command line.

A step's module has
- ``SLICES``: name -> (dotted key in params.yaml, type), where {option} in the key is an option of the command line;
- ``run(settings, *, ...)``: the work. ``settings`` holds the typed slices by name; every other parameter is an option
  of the command line, with its type and its line in the docstring; ``params``, if there is one, is the parameter file;
- ``SHARED = True`` where several processes may do the work together, see pipeline.processes.

Modules import torch and other slow packages inside ``run``: the Snakefile reads every step's SLICES at start.
"""
