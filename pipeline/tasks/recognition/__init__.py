"""Low-quality face recognition: learn identities at many qualities, judge by verification."""
