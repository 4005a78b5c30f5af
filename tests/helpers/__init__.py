"""What two test files or more need."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
