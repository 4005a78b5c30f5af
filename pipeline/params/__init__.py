"""params.yaml as typed, validated values. One file per group of settings, so that a step depends on what it reads."""
