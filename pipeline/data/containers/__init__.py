"""One module for each kind of image file: takes out what describes the pixels, and checks that all of it is there.

Pillow is given the pixels' part alone. So no text, profile or EXIF block, however odd, can spoil a good picture, and
what Pillow would fill with grey or black without a word is refused here. Each module has

    load(data: bytes, check: Callable[[int, int], None]) -> tuple[Image.Image, int]

the loaded picture in a mode of 8 bits, as stored, and its orientation (1 to 8, as in EXIF). ``check`` is called with
width and height before anything is decoded, and raises where they are out of bounds. Raises Unhandled for a kind of
picture that is well-formed but not read, and ValueError, or what Pillow raises, for damage.
"""


class Unhandled(Exception):
    """The file is well-formed but of a kind without agreed meaning in 8 bits: which, and perhaps a detail."""
