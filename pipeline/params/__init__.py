"""params.yaml as typed, validated values. One file a group of settings, so that a step depends on what it reads."""
