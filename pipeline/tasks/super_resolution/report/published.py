"""What FAKD (He et al., ICIP 2020) published: PSNR in dB, given as context, never as a comparison."""

from __future__ import annotations

# (set, factor) -> teacher, student alone, student with FAKD: the authors' table, to the third digit.
PUBLISHED = {
    "rcan": {
        ("Set5", 2): (38.271, 38.074, 38.164),
        ("Set5", 3): (34.758, 34.557, 34.653),
        ("Set5", 4): (32.638, 32.321, 32.462),
        ("Set14", 2): (34.126, 33.623, 33.815),
        ("Set14", 3): (30.627, 30.408, 30.449),
        ("Set14", 4): (28.851, 28.688, 28.750),
        ("B100", 2): (32.390, 32.199, 32.274),
        ("B100", 3): (29.309, 29.162, 29.208),
        ("B100", 4): (27.748, 27.634, 27.678),
        ("Urban100", 2): (33.176, 32.317, 32.533),
        ("Urban100", 3): (29.014, 28.482, 28.523),
        ("Urban100", 4): (26.748, 26.340, 26.422),
    },
    "san": {
        ("Set5", 2): (38.310, 38.059, 38.168),
        ("Set5", 3): (34.750, 34.527, 34.644),
        ("Set5", 4): (32.640, 32.360, 32.472),
        ("Set14", 2): (34.070, 33.612, 33.723),
        ("Set14", 3): (30.590, 30.385, 30.482),
        ("Set14", 4): (28.920, 28.673, 28.762),
        ("B100", 2): (32.420, 32.207, 32.287),
        ("B100", 3): (29.330, 29.140, 29.213),
        ("B100", 4): (27.780, 27.637, 27.685),
        ("Urban100", 2): (33.100, 32.331, 32.463),
        ("Urban100", 3): (28.930, 28.421, 28.540),
        ("Urban100", 4): (26.790, 26.345, 26.414),
    },
}


def context(label: str, factor: int, architectures: set[str]) -> str:
    """One sentence on what was published for this set and factor with a student of the same kind, or ""."""
    found = []
    for architecture, table in PUBLISHED.items():
        if architecture in architectures and (label, factor) in table:
            teacher, alone, taught = table[label, factor]
            found.append(
                f"{architecture.upper()} {teacher:.2f} dB (teacher), {alone:.2f} (student alone) and {taught:.2f}"
                " (student with FAKD)"
            )
    if not found:
        return ""
    return (
        f"Context, not a comparison: on {label} at x{factor} FAKD's authors published, with DIV2K training and"
        f" networks of 5 to 16 M parameters: {'; '.join(found)}."
    )
