"""Faces drawn by rule, so that every step runs without a download: people, pictures of them, test pairs."""

from pipeline.data.rendering.faces import RenderedSet, contact_sheet, render_faces

__all__ = ["RenderedSet", "contact_sheet", "render_faces"]
