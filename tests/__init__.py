"""Tests: folders mirror those of the project; what two test files need lies in helpers/, parameter files in settings/."""

import pytest

pytest.register_assert_rewrite("tests.helpers")
