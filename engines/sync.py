"""Keep the modules that dvc.yaml names under deps equal to what the steps import: ``python -m engines.sync``.

The Snakefile derives them at every start; DVC needs them written out.
"""

from __future__ import annotations

from ruamel.yaml import YAML

from engines.graph import ROOT, modules


def sync(text: str) -> str:
    """dvc.yaml's text with each stage's modules up to date; comments and order stay."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 10_000, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stages = yaml.load(text)["stages"]
    lines = text.splitlines()
    for stage in reversed(list(stages)):
        body = stages[stage]
        step = body["cmd"].split()[3]
        start = stages.lc.key(stage)[0]
        end = next((i for i in range(start + 1, len(lines)) if lines[i].strip() and not lines[i].startswith("    ")), len(lines))
        block = [line for line in lines[start:end] if not line.startswith("      - pipeline/")]
        if "    deps:" not in block:
            place = next(i for i, line in enumerate(block) if line.startswith("    params:"))
            block.insert(place, "    deps:")
        place = block.index("    deps:") + 1
        block[place:place] = [f"      - {module}" for module in modules(step)]
        lines[start:end] = block
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    file = ROOT / "dvc.yaml"
    file.write_text(sync(file.read_text(encoding="utf-8")), encoding="utf-8")
